/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/ear.h"

#include "base/xalloc.h"
#include "inventory/child.h"
#include "inventory/helper.h"
#include "netlink/netns.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct ear {
	struct loop *loop;
	struct loop_timer again;
	char *helper;
	int fd; /* the connection to the helper, -1: none */
	ear_fn *fn;
	void *arg;
};

static void hang_up(struct ear *ear)
{
	if (ear->fd < 0)
		return;
	loop_unwatch(ear->loop, ear->fd);
	close(ear->fd);
	ear->fd = -1;
}

/* What the helper hands over; -1: nothing, as a helper of an older version. */
static int receive(int fd)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	char octets[HELPER_END_OCTETS];
	struct iovec iov = { octets, sizeof(octets) };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = &control,
			    .msg_controllen = sizeof(control) };
	struct cmsghdr *c;
	int got = -1;

	if (recvmsg(fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) <= 0)
		return -1;
	c = CMSG_FIRSTHDR(&m);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
	    c->cmsg_len == CMSG_LEN(sizeof(got)))
		memcpy(&got, CMSG_DATA(c), sizeof(got));
	return got;
}

static void end(struct ear *ear, int take_fd, uint64_t now_ns)
{
	hang_up(ear);
	loop_timer_clear(ear->loop, &ear->again);
	if (take_fd >= 0)
		ear->fn(ear->arg, take_fd);
	else
		loop_timer_set(ear->loop, &ear->again, now_ns + EAR_RETRY_NS);
}

static void on_answer(void *arg, short revents, uint64_t now_ns)
{
	struct ear *ear = arg;

	(void)revents;
	end(ear, receive(ear->fd), now_ns);
}

/* Root that has kept its capabilities needs no helper. */
static void ask(void *arg, uint64_t now_ns)
{
	struct ear *ear = arg;
	int own = netns_ear();

	hang_up(ear);
	if (own < 0)
		ear->fd = child_call_helper(ear->helper, HELPER_EAR);
	if (ear->fd >= 0)
		loop_watch(ear->loop, ear->fd, POLLIN, on_answer, ear);
	/* A helper that never answers is asked anew. */
	if (ear->fd >= 0)
		loop_timer_set(ear->loop, &ear->again, now_ns + EAR_RETRY_NS);
	else
		end(ear, own, now_ns);
}

struct ear *ear_new(struct loop *loop, const char *helper, ear_fn *fn, void *arg)
{
	struct ear *ear = xcalloc(1, sizeof(*ear));

	*ear = (struct ear) {
		.loop = loop, .helper = xstrdup(helper), .fd = -1, .fn = fn, .arg = arg
	};
	loop_timer_init(&ear->again, ask, ear);
	loop_timer_set(loop, &ear->again, loop_now_ns());
	return ear;
}

void ear_free(struct ear *ear)
{
	if (!ear)
		return;
	loop_timer_clear(ear->loop, &ear->again);
	hang_up(ear);
	free(ear->helper);
	free(ear);
}
