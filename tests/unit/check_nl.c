/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/loop.h"
#include "netlink/nl.h"

#include <check.h>
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static void on_news(void *arg, uint64_t now_ns)
{
	(void)now_ns;
	++*(int *)arg;
}

/* Set or clear lo's IFF_UP: announces links, addresses and routes in a burst. */
static void set_lo(bool up)
{
	struct ifreq r = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	ck_assert(fd >= 0 && ioctl(fd, SIOCGIFFLAGS, &r) == 0);
	r.ifr_flags = (short)(up ? r.ifr_flags | IFF_UP : r.ifr_flags & ~IFF_UP);
	ck_assert(ioctl(fd, SIOCSIFFLAGS, &r) == 0);
	close(fd);
}

START_TEST(nl_link_change_told_once_a_burst)
{
	struct loop *loop = loop_new();
	struct nl *nl;
	int news = 0;

	if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0) {
		printf("SKIP nl_link_change_told_once_a_burst: no network namespace: %s\n",
		       strerror(errno));
		loop_free(loop);
		return;
	}
	ck_assert_int_eq(nl_new(loop, on_news, &news, &nl, NULL), 0);
	loop_run_once(loop, 0);
	ck_assert_int_eq(news, 0);
	for (int round = 1; round <= 3; round++) {
		/* Far more than one message, more than the socket holds in the last round. */
		for (int i = 0; i < (round == 3 ? 2000 : 5); i++) {
			set_lo(true);
			set_lo(false);
		}
		while (news < round)
			loop_run_once(loop, -1);
		loop_run_once(loop, 2 * NL_SETTLE_MS);
		ck_assert_int_eq(news, round);
	}
	nl_free(nl);
	loop_run_once(loop, 0);
	loop_free(loop);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("nl");
	TCase *t = tcase_create("nl");
	SRunner *runner;
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_test(t, nl_link_change_told_once_a_burst);
	suite_add_tcase(s, t);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
