/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netlink/nlhear.h"

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

enum { LISTEN_ALL_NSID = 8 }; /* NETLINK_LISTEN_ALL_NSID, Linux 4.2 */

#define READS_A_TURN 128
#define PAUSE_NS (10 * NS_PER_MS) /* after a turn that read so many */
#define BUFFER_SIZE (64 * 1024) /* a link with many virtual functions takes several KiB */
#define QUEUE_OCTETS (4 << 20) /* the events of some thousand links that come at once */

struct nlhear {
	int fd;
	struct loop *loop;
	struct loop_timer pause;
	struct nlhear_fns fns;
	void *arg;
	const char *what;
	uint8_t *buf;
	int netns; /* nlhear_netns */
};

/* Where the datagram comes from, which a socket that hears of other namespaces is told. */
static int netns_of(struct msghdr *m)
{
	int id = -1;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
		if (c->cmsg_level == SOL_NETLINK && c->cmsg_type == LISTEN_ALL_NSID &&
		    c->cmsg_len >= CMSG_LEN(sizeof(id)))
			memcpy(&id, CMSG_DATA(c), sizeof(id));
	return id;
}

static void take(struct nlhear *hear, int len, uint64_t now_ns)
{
	for (const struct nlmsghdr *h = (const void *)hear->buf; mnl_nlmsg_ok(h, len);
	     h = mnl_nlmsg_next(h, &len))
		hear->fns.msg(hear->arg, h, h->nlmsg_len, now_ns);
}

/* Read one datagram. Returns 1 when there may be more, 0 when there is none, or -errno. */
static int read_one(struct nlhear *hear, uint64_t now_ns)
{
	struct sockaddr_nl from = { .nl_family = AF_NETLINK };
	struct iovec iov = { hear->buf, BUFFER_SIZE };
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr m = { .msg_name = &from,
			    .msg_namelen = sizeof(from),
			    .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = &control,
			    .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(hear->fd, &m, MSG_DONTWAIT);

	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n < 0 && errno == EINTR)
		return 1;
	if (n < 0 && errno != ENOBUFS)
		return -errno;
	if (n < 0 || (m.msg_flags & MSG_TRUNC)) {
		if (hear->fns.lost)
			hear->fns.lost(hear->arg, now_ns);
	} else if (from.nl_pid == 0) {
		hear->netns = netns_of(&m);
		take(hear, (int)n, now_ns);
	}
	return 1;
}

static void on_readable(void *arg, short revents, uint64_t now_ns)
{
	struct nlhear *hear = arg;
	int ret = 1;

	(void)revents;
	for (int i = 0; i < READS_A_TURN && ret > 0; i++)
		ret = read_one(hear, now_ns);
	if (ret)
		loop_unwatch(hear->loop, hear->fd);
	if (ret > 0)
		loop_timer_set(hear->loop, &hear->pause, now_ns + PAUSE_NS);
	if (ret < 0)
		log_error("link",
			  "cannot read the kernel's events about %s: %s: restart ctmeterd, or a "
			  "container whose link changes is not counted",
			  hear->what, strerror(-ret));
	if (hear->fns.end)
		hear->fns.end(hear->arg, now_ns);
}

void nlhear_catch_up(struct nlhear *hear, uint64_t now_ns)
{
	int ret = 1;

	for (int i = 0; i < READS_A_TURN && ret > 0; i++)
		ret = read_one(hear, now_ns);
}

static void on_pause_over(void *arg, uint64_t now_ns)
{
	struct nlhear *hear = arg;

	loop_watch(hear->loop, hear->fd, POLLIN, on_readable, hear);
	on_readable(hear, POLLIN, now_ns);
}

int nlhear_open(const unsigned *groups)
{
	struct sockaddr_nl self = { .nl_family = AF_NETLINK };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	int size = QUEUE_OCTETS, ret = 0;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (bind(fd, (struct sockaddr *)&self, sizeof(self)) < 0)
		ret = -errno;
	for (; !ret && *groups; groups++)
		if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, groups, sizeof(*groups)) <
		    0)
			ret = -errno;
	if (ret < 0)
		close(fd);
	return ret < 0 ? ret : fd;
}

int nlhear_new(struct loop *loop, const unsigned *groups, const char *what,
	       const struct nlhear_fns *fns, void *arg, struct nlhear **ret_hear, struct err *e)
{
	int fd = nlhear_open(groups);

	if (fd < 0) {
		err_set(e, "cannot subscribe to the kernel's events about %s: %s", what,
			strerror(-fd));
		return fd;
	}
	*ret_hear = nlhear_adopt(loop, fd, what, fns, arg);
	return 0;
}

struct nlhear *nlhear_adopt(struct loop *loop, int take_fd, const char *what,
			    const struct nlhear_fns *fns, void *arg)
{
	struct nlhear *hear = xcalloc(1, sizeof(*hear));

	hear->fd = take_fd;
	hear->loop = loop;
	hear->fns = *fns;
	hear->arg = arg;
	hear->what = what;
	hear->buf = xmalloc(BUFFER_SIZE);
	loop_timer_init(&hear->pause, on_pause_over, hear);
	loop_watch(loop, take_fd, POLLIN, on_readable, hear);
	return hear;
}

int nlhear_netns(const struct nlhear *hear)
{
	return hear->netns;
}

void nlhear_free(struct nlhear *hear)
{
	if (!hear)
		return;
	loop_unwatch(hear->loop, hear->fd);
	loop_timer_clear(hear->loop, &hear->pause);
	close(hear->fd);
	free(hear->buf);
	free(hear);
}

int nlhear_dump(struct nlhear *hear, uint16_t type)
{
	uint64_t buf[128 / sizeof(uint64_t)];
	struct nlmsghdr *q = mnl_nlmsg_put_header(buf);
	struct ifinfomsg *body;

	q->nlmsg_type = type;
	q->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	body = mnl_nlmsg_put_extra_header(q, sizeof(*body));
	(void)body;
	return send(hear->fd, q, q->nlmsg_len, MSG_DONTWAIT) < 0 ? -errno : 0;
}
