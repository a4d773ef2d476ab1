/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/link/watch.h"

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

struct watch {
	int fd;
	struct loop *loop;
	watch_fn *fn;
	void *arg;
};

/* Returns whether the node's addresses changed. That is told once for many messages. */
static bool take(struct watch *w, const struct nlmsghdr *h, uint64_t now_ns)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(h);
	const struct tcmsg *tc = mnl_nlmsg_get_payload(h);
	size_t len = mnl_nlmsg_get_payload_len(h);

	switch (h->nlmsg_type) {
	case RTM_DELLINK:
		/* A bridge announces the end of a port in the same words. */
		if (len >= sizeof(*info) && info->ifi_family == AF_UNSPEC)
			w->fn(w->arg, WATCH_LINK_GONE, (uint32_t)info->ifi_index, now_ns);
		break;
	case RTM_NEWQDISC:
	case RTM_DELQDISC:
	case RTM_NEWTFILTER:
	case RTM_DELTFILTER:
		if (len >= sizeof(*tc))
			w->fn(w->arg, WATCH_LINK_TOUCHED, (uint32_t)tc->tcm_ifindex, now_ns);
		break;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		return true;
	default:
		break;
	}
	return false;
}

static void on_readable(void *arg, short revents, uint64_t now_ns)
{
	struct watch *w = arg;
	uint64_t buf[16384 / sizeof(uint64_t)];
	bool addresses = false;

	(void)revents;
	for (int i = 0; i < READS_A_TURN; i++) {
		struct sockaddr_nl from = { .nl_family = AF_NETLINK };
		socklen_t from_len = sizeof(from);
		ssize_t n = recvfrom(w->fd, buf, sizeof(buf), MSG_DONTWAIT,
				     (struct sockaddr *)&from, &from_len);
		int left = (int)n;

		if (n < 0 && errno == ENOBUFS) {
			w->fn(w->arg, WATCH_LOST, 0, now_ns);
		} else if (n < 0 && errno == EAGAIN) {
			break;
		} else if (n < 0 && errno != EINTR) {
			log_error("fw",
				  "cannot read the kernel's announcements about links: %s: what "
				  "takes our programs away is noticed later",
				  strerror(errno));
			loop_unwatch(w->loop, w->fd);
			break;
		} else if (n > 0 && from.nl_pid == 0) {
			for (const struct nlmsghdr *h = (const void *)buf; mnl_nlmsg_ok(h, left);
			     h = mnl_nlmsg_next(h, &left))
				addresses = take(w, h, now_ns) || addresses;
		}
	}
	if (addresses)
		w->fn(w->arg, WATCH_ADDRESSES, 0, now_ns);
}

int watch_new(struct loop *loop, watch_fn *fn, void *arg, struct watch **ret_watch, struct err *e)
{
	struct sockaddr_nl self = { .nl_family = AF_NETLINK,
				    .nl_groups = RTMGRP_LINK | RTMGRP_TC | RTMGRP_IPV4_IFADDR |
						 RTMGRP_IPV6_IFADDR };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	struct watch *w;

	if (fd < 0 || bind(fd, (struct sockaddr *)&self, sizeof(self)) < 0) {
		int ret = -errno;

		err_set(e, "cannot subscribe to the kernel's announcements about links: %s",
			strerror(-ret));
		if (fd >= 0)
			close(fd);
		return ret;
	}
	w = xcalloc(1, sizeof(*w));
	*w = (struct watch) { fd, loop, fn, arg };
	loop_watch(loop, fd, POLLIN, on_readable, w);
	*ret_watch = w;
	return 0;
}

void watch_free(struct watch *w)
{
	if (!w)
		return;
	loop_unwatch(w->loop, w->fd);
	close(w->fd);
	free(w);
}
