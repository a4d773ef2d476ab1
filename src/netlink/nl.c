/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netlink/nl.h"

#include "base/log.h"
#include "base/xalloc.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define READS_A_TURN 64 /* a storm of messages must not hold the loop */

struct nl {
	int fd;
	struct loop *loop;
	struct loop_timer timer;
	nl_fn *fn;
	void *arg;
};

static bool announces(uint16_t type)
{
	return type == RTM_NEWLINK || type == RTM_DELLINK || type == RTM_NEWROUTE ||
	       type == RTM_DELROUTE || type == RTM_NEWADDR || type == RTM_DELADDR;
}

/* Does the datagram hold a message that announces a change? */
static bool has_news(const void *buf, int len)
{
	for (const struct nlmsghdr *h = buf; mnl_nlmsg_ok(h, len); h = mnl_nlmsg_next(h, &len))
		if (announces(h->nlmsg_type))
			return true;
	return false;
}

static void on_readable(void *arg, short revents, uint64_t now_ns)
{
	struct nl *nl = arg;
	uint64_t buf[8192 / sizeof(uint64_t)];
	bool news = false;

	(void)revents;
	for (int i = 0; i < READS_A_TURN; i++) {
		struct sockaddr_nl from = { .nl_family = AF_NETLINK };
		socklen_t from_len = sizeof(from);
		ssize_t n = recvfrom(nl->fd, buf, sizeof(buf), MSG_DONTWAIT,
				     (struct sockaddr *)&from, &from_len);

		if (n < 0 && errno == ENOBUFS) {
			news = true;
		} else if (n < 0 && errno != EINTR && errno != EAGAIN) {
			log_error("inv",
				  "cannot read network events: %s: changes are now noticed only "
				  "every [inventory] interval",
				  strerror(errno));
			loop_unwatch(nl->loop, nl->fd);
			break;
		} else if (n < 0 && errno == EAGAIN) {
			break;
		} else if (n > 0 && from.nl_pid == 0) {
			news = news || has_news(buf, (int)n);
		}
	}
	if (news && !nl->timer.at_ns)
		loop_timer_set(nl->loop, &nl->timer, now_ns + NL_SETTLE_MS * NS_PER_MS);
}

static void on_settled(void *arg, uint64_t now_ns)
{
	struct nl *nl = arg;

	nl->fn(nl->arg, now_ns);
}

int nl_new(struct loop *loop, nl_fn *fn, void *arg, struct nl **ret_nl, struct err *e)
{
	struct sockaddr_nl self = { .nl_family = AF_NETLINK,
				    .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_ROUTE |
						 RTMGRP_IPV6_ROUTE | RTMGRP_IPV4_IFADDR |
						 RTMGRP_IPV6_IFADDR };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	struct nl *nl;

	if (fd < 0 || bind(fd, (struct sockaddr *)&self, sizeof(self)) < 0) {
		int ret = -errno;

		err_set(e, "cannot subscribe to the kernel's network events: %s", strerror(-ret));
		if (fd >= 0)
			close(fd);
		return ret;
	}
	nl = xcalloc(1, sizeof(*nl));
	nl->fd = fd;
	nl->loop = loop;
	nl->fn = fn;
	nl->arg = arg;
	loop_timer_init(&nl->timer, on_settled, nl);
	loop_watch(loop, fd, POLLIN, on_readable, nl);
	*ret_nl = nl;
	return 0;
}

void nl_free(struct nl *nl)
{
	if (!nl)
		return;
	loop_unwatch(nl->loop, nl->fd);
	loop_timer_clear(nl->loop, &nl->timer);
	close(nl->fd);
	free(nl);
}
