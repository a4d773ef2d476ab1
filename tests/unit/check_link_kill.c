/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kill -9 in every step of the link backend's commits, on real links and while packets pass: each
 * packet is in a final, in a slot, or among those whose source was nobody's at that moment, once.
 * Run by root; else skipped by name. */
#include "base/log.h"
#include "link_node.h"
#include "netfilter/fw_ops.h"
#include "netfilter/link/fw_link.h"
#include "seed.h"

#include <errno.h>
#include <net/if.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SENDERS 6 /* addresses .1 to .6 */
#define CONTAINERS 2
#define ADDRESSES (SENDERS + CONTAINERS) /* and one for each link that sends nothing */
#define OCTETS 100

/* Shared with the processes that are killed. */
static struct shared {
	uint64_t sent; /* packets */
	bool stop;
	/* What a ledger would keep. */
	uint64_t commit, total, last[ADDRESSES];
	uint64_t random;
	unsigned steps;
	bool kill;
} * sh;

static uint32_t link_of[CONTAINERS];

static void on_step(void *arg)
{
	(void)arg;
	if (sh->kill && !sh->steps--)
		raise(SIGKILL);
}

static unsigned index_of(const struct addr *a)
{
	return a->bytes[3] - 1u;
}

static void told(void *arg, enum addr_family family, int result, const char *text, uint64_t commit,
		 const struct fw_final *finals, size_t n, uint64_t now_ns)
{
	struct shared next = *sh;

	(void)arg, (void)family, (void)now_ns;
	ck_assert_msg(!result, "%s", text);
	world.done = true;
	if (!commit || commit <= sh->commit)
		return;
	for (size_t i = 0; i < n; i++) {
		uint64_t *last = &next.last[index_of(&finals[i].addr)];

		if (finals[i].path != PATH_NODE_OUT || finals[i].kind == FW_MISSED)
			continue;
		if (finals[i].kind == FW_REMOVED || finals[i].kind == FW_RESTARTED) {
			ck_assert_uint_ge(finals[i].final.pkts, *last);
			next.total += finals[i].final.pkts - *last;
		} else {
			ck_assert_uint_eq(*last, 0);
		}
		*last = 0;
	}
	sh->total = next.total;
	memcpy(sh->last, next.last, sizeof(sh->last));
	sh->commit = commit;
}

static struct fw_link *open_link(void)
{
	struct fw_config config = world_config();
	struct err e = { "" };
	void *self;

	config.commit[ADDR_V4] = sh->commit;
	ck_assert_msg(!fw_link_ops.open(&config, world.loop, told, NULL, &self, &e), "%s", e.text);
	if (fw_link_ops.family_problem(self, ADDR_V4)) {
		printf("SKIP %s\n", fw_link_ops.family_problem(self, ADDR_V4));
		exit(0);
	}
	((struct fw_link *)self)->slots.step = on_step;
	return self;
}

static void settle(struct fw_link *s)
{
	while (fw_link_ops.busy(s, ADDR_V4))
		loop_run_once(world.loop, 5000);
	fw_link_ops.forget(s, ADDR_V4);
}

static void read_all(struct fw_link *s)
{
	struct fw_reading r;

	ck_assert_int_eq(fw_link_ops.read(s, ADDR_V4, loop_now_ns(), &r), 0);
	for (size_t i = 0; i < r.n_rows; i++) {
		uint64_t pkts = r.rows[i].path[PATH_NODE_OUT].pkts;
		uint64_t *last = &sh->last[index_of(&r.rows[i].addr)];

		ck_assert_uint_ge(pkts, *last);
		sh->total += pkts - *last;
		*last = pkts;
	}
}

static void want(unsigned i, uint32_t link)
{
	char text[32];

	snprintf(text, sizeof(text), "198.51.100.%u", i + 1);
	world_want(text, link);
}

/* The silent addresses keep our programs on each link, so that it sees every packet. */
static void want_silent(void)
{
	for (unsigned c = 0; c < CONTAINERS; c++)
		want(SENDERS + c, link_of[c]);
}

static void want_at_random(void)
{
	world.n = 0;
	want_silent();
	for (unsigned i = 0; i < SENDERS; i++) {
		unsigned where = (unsigned)(next_random(&sh->random) % (CONTAINERS + 1));

		if (where < CONTAINERS)
			want(i, link_of[where]);
	}
}

static void apply(struct fw_link *s)
{
	struct fw_want wanted = world_wanted(ADDR_V4);

	fw_link_ops.compare(s, &wanted);
	ck_assert_int_eq(fw_link_ops.apply(s, &wanted), 0);
	settle(s);
}

static void hold_programs(void)
{
	struct fw_link *s = open_link();

	want_silent();
	apply(s);
	fw_link_ops.close(s);
}

/* What a daemon does until it is killed. */
static void live_and_die(void)
{
	struct fw_link *s;

	world.loop = loop_new();
	sh->steps = (unsigned)(next_random(&sh->random) % 70);
	sh->kill = true;
	s = open_link();
	settle(s);
	for (;;) {
		want_at_random();
		read_all(s);
		apply(s);
	}
}

/* Every address sends by every link, without end. */
static void send_for_ever(void)
{
	int fd[CONTAINERS][SENDERS];

	for (unsigned c = 0; c < CONTAINERS; c++)
		for (unsigned i = 0; i < SENDERS; i++) {
			char text[32];

			snprintf(text, sizeof(text), "198.51.100.%u", i + 1);
			fd[c][i] = veth_net_socket(c, text);
		}
	while (!__atomic_load_n(&sh->stop, __ATOMIC_RELAXED)) {
		for (unsigned k = 0; k < CONTAINERS * SENDERS; k++)
			sh->sent += veth_net_throw(fd[k / SENDERS][k % SENDERS], OCTETS);
		usleep(200);
	}
	_exit(0);
}

static pid_t start(void (*fn)(void))
{
	pid_t child = fork();

	ck_assert_int_ge(child, 0);
	if (!child) {
		fn();
		_exit(1);
	}
	return child;
}

static uint64_t strays(const struct fw_link *s)
{
	return __atomic_load_n(&s->object.strays[LINK_STRAYS_SOURCE].pkts, __ATOMIC_RELAXED);
}

START_TEST(link_killed_anywhere_each_packet_is_somewhere_once)
{
	struct fw_link *s;
	uint64_t until;
	pid_t sender;
	int status;

	for (unsigned c = 0; c < CONTAINERS; c++)
		link_of[c] = veth_net_start(c);
	sh->random = seed_random("link_killed_anywhere_each_packet_is_somewhere_once");
	hold_programs();
	sender = start(send_for_ever);
	for (int round = 0; round < 80; round++) {
		pid_t child = start(live_and_die);

		ck_assert_int_eq(waitpid(child, &status, 0), child);
		ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "round %d: %d",
			      round, status);
	}
	sh->stop = true;
	ck_assert_int_eq(waitpid(sender, &status, 0), sender);
	ck_assert_int_eq(status, 0);
	sh->kill = false;
	s = open_link();
	settle(s);
	until = loop_now_ns() + 10 * NS_PER_S;
	do /* the last ones may still be on their way */
		read_all(s);
	while (sh->total + strays(s) < sh->sent && loop_now_ns() < until);
	printf("%llu packets sent, %llu counted, %llu of nobody\n", (unsigned long long)sh->sent,
	       (unsigned long long)sh->total, (unsigned long long)strays(s));
	ck_assert_uint_gt(sh->total, 1000);
	ck_assert_uint_gt(strays(s), 1000);
	ck_assert_uint_eq(sh->total + strays(s), sh->sent);
	fw_link_ops.close(s);
}
END_TEST

static void setup(void)
{
	sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(sh, MAP_FAILED);
	log_set_level(LOG_LEVEL_WARNING); /* each process would tell what it finishes */
	world_setup();
}

int main(void)
{
	Suite *suite = suite_create("link kill");
	TCase *tc = tcase_create("link kill");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_set_timeout(tc, 200 * seed_slow());
	tcase_add_checked_fixture(tc, setup, world_teardown);
	tcase_add_test(tc, link_killed_anywhere_each_packet_is_somewhere_once);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
