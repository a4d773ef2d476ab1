/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Constants that the oldest headers lack are defined here by value (include/uapi/linux/netlink.h,
 * net_namespace.h, if_addr.h). */
#include "netlink/netns.h"

#include "base/xalloc.h"
#include "netlink/nlhear.h"
#include "netlink/rtnl_ask.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { NEW_NSID = 88, DEL_NSID = 89, GET_NSID = 90 }; /* RTM_*NSID, Linux 4.0 */
enum { NS_ID = 1, NS_PID = 2 }; /* NETNSA_* */
enum { TARGET_NETNSID = 10 }; /* IFA_TARGET_NETNSID, Linux 5.0 */
enum { LISTEN_ALL_NSID = 8, GET_STRICT_CHK = 12 }; /* NETLINK_* socket options */
enum { GROUP_NSID = 28 }; /* RTNLGRP_NSID */
#define NO_ID (-1)
#define LOOPBACK 1 /* ifindex, in every namespace */

int netns_open(void)
{
	int fd = rtnl_open(), yes = 1;

	if (fd < 0)
		return fd;
	/* Without it the kernel would ignore which namespace is asked for, and answer for ours. */
	if (setsockopt(fd, SOL_NETLINK, GET_STRICT_CHK, &yes, sizeof(yes)) == 0)
		return fd;
	close(fd);
	return -EOPNOTSUPP;
}

/* ---- ids ---- */

static void take_id(void *arg, const void *msg, size_t len)
{
	const struct nlmsghdr *h = msg;
	const struct nlattr *a;

	if (h->nlmsg_type != NEW_NSID || len < MNL_NLMSG_HDRLEN + sizeof(struct rtgenmsg))
		return;
	mnl_attr_for_each (a, h, sizeof(struct rtgenmsg))
		if (mnl_attr_get_type(a) == NS_ID && mnl_attr_get_payload_len(a) == sizeof(int))
			memcpy(arg, mnl_attr_get_payload(a), sizeof(int));
}

static void take_nothing(void *arg, const void *msg, size_t len)
{
	(void)arg;
	(void)msg;
	(void)len;
}

int netns_peek(int fd, pid_t pid, int *ret_id)
{
	uint64_t buf[RTNL_QUESTION_SIZE / sizeof(uint64_t)];
	void *body;
	struct nlmsghdr *q = rtnl_question(buf, GET_NSID, 0, sizeof(struct rtgenmsg), &body);
	int id = NO_ID, ret;

	mnl_attr_put_u32(q, NS_PID, (uint32_t)pid);
	ret = rtnl_ask(fd, q, take_id, &id);
	if (!ret)
		*ret_id = id;
	return ret;
}

static int give_id(int fd, pid_t pid)
{
	uint64_t buf[RTNL_QUESTION_SIZE / sizeof(uint64_t)];
	void *body;
	struct nlmsghdr *q =
		rtnl_question(buf, NEW_NSID, NLM_F_ACK, sizeof(struct rtgenmsg), &body);
	int ret;

	mnl_attr_put_u32(q, NS_PID, (uint32_t)pid);
	mnl_attr_put_u32(q, NS_ID, (uint32_t)NO_ID); /* whichever is free */
	ret = rtnl_ask(fd, q, take_nothing, NULL);
	return ret == -EEXIST ? 0 : ret;
}

int netns_of(int fd, pid_t pid, int *ret_id, bool *ret_own)
{
	int id = NO_ID, own = NO_ID, ret = netns_peek(fd, pid, &id);

	if (!ret && id == NO_ID) {
		ret = give_id(fd, pid);
		if (!ret)
			ret = netns_peek(fd, pid, &id);
	}
	if (!ret)
		ret = netns_peek(fd, getpid(), &own);
	if (!ret && id == NO_ID)
		ret = -ESRCH;
	if (ret < 0)
		return ret;
	*ret_id = id;
	*ret_own = id == own;
	return 0;
}

/* ---- addresses ---- */

struct addresses {
	struct rtnl_address *at;
	size_t n, cap, max;
	bool over;
};

static void take_address(void *arg, const void *msg, size_t len)
{
	struct addresses *l = arg;
	struct rtnl_address a;

	if (!rtnl_parse_address(msg, len, &a) || !a.global || a.failed || a.link == LOOPBACK)
		return;
	l->over = l->n == l->max;
	if (l->over)
		return;
	l->at = xgrow(l->at, l->n, &l->cap, sizeof(*l->at));
	l->at[l->n++] = a;
}

int netns_addresses(int fd, int id, size_t max, struct rtnl_address **ret_addresses, size_t *ret_n)
{
	uint64_t buf[RTNL_QUESTION_SIZE / sizeof(uint64_t)];
	struct addresses l = { .max = max };
	void *body;
	struct nlmsghdr *q =
		rtnl_question(buf, RTM_GETADDR, NLM_F_DUMP, sizeof(struct ifaddrmsg), &body);
	int ret;

	mnl_attr_put_u32(q, TARGET_NETNSID, (uint32_t)id);
	ret = rtnl_ask_until(fd, q, take_address, &l, &l.over);
	if (ret < 0) {
		free(l.at);
		return ret;
	}
	*ret_addresses = l.at;
	*ret_n = l.n;
	return l.over;
}

/* ---- changes ---- */

int netns_ear(void)
{
	static const unsigned groups[] = { RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, GROUP_NSID,
					   0 };
	int fd = nlhear_open(groups), yes = 1, ret = 0;

	if (fd < 0)
		return fd;
	if (setsockopt(fd, SOL_NETLINK, LISTEN_ALL_NSID, &yes, sizeof(yes)) < 0)
		ret = -errno;
	if (ret < 0)
		close(fd);
	return ret < 0 ? ret : fd;
}

bool netns_parse_gone(const void *msg, size_t len, int *ret_id)
{
	const struct nlmsghdr *h = msg;
	const struct nlattr *a;

	if (h->nlmsg_type != DEL_NSID || len < MNL_NLMSG_HDRLEN + sizeof(struct rtgenmsg))
		return false;
	mnl_attr_for_each (a, h, sizeof(struct rtgenmsg))
		if (mnl_attr_get_type(a) == NS_ID && mnl_attr_get_payload_len(a) == sizeof(int)) {
			memcpy(ret_id, mnl_attr_get_payload(a), sizeof(int));
			return true;
		}
	return false;
}
