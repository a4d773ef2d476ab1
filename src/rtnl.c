/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rtnl.h"

#include "xalloc.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define ANSWER_SIZE (64 * 1024) /* a link with many virtual functions takes some KiB */
#define FIB_MATCH 0x2000u /* RTM_F_FIB_MATCH: answer with the route, not with the destination */

int rtnl_open(void)
{
	struct timeval patience = { .tv_sec = 5 };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return fd;
}

/* ---- asking ---- */

struct question {
	struct nlmsghdr h;
	union {
		struct ifinfomsg link;
		struct ifaddrmsg address;
		struct {
			struct rtmsg route;
			struct nlattr dst;
			uint8_t octets[16];
		} to;
		struct tcmsg tc;
	} body;
};

typedef void answer_fn(void *arg, const void *msg, size_t len);

/* Take one datagram apart. Returns 1: more is to come; 0: that was all; -errno. */
static int take_answer(const uint8_t *at, size_t len, answer_fn *fn, void *arg)
{
	struct nlmsghdr h;
	int error;

	while (len >= sizeof(h)) {
		memcpy(&h, at, sizeof(h));
		if (h.nlmsg_len < sizeof(h) || h.nlmsg_len > len)
			return -EBADMSG;
		if (h.nlmsg_type == NLMSG_DONE)
			return 0;
		if (h.nlmsg_type == NLMSG_ERROR) {
			if (h.nlmsg_len < NLMSG_LENGTH(sizeof(error)))
				return -EBADMSG;
			memcpy(&error, at + NLMSG_HDRLEN, sizeof(error));
			return error;
		}
		fn(arg, at, h.nlmsg_len);
		if (!(h.nlmsg_flags & NLM_F_MULTI))
			return 0;
		if (NLMSG_ALIGN(h.nlmsg_len) >= len)
			break;
		at += NLMSG_ALIGN(h.nlmsg_len);
		len -= NLMSG_ALIGN(h.nlmsg_len);
	}
	return 1;
}

static int ask(int fd, struct question *q, uint16_t type, uint16_t flags, size_t body_len,
	       answer_fn *fn, void *arg)
{
	uint8_t *answer = xmalloc(ANSWER_SIZE);
	int ret = 1;

	q->h = (struct nlmsghdr) { .nlmsg_len = (uint32_t)NLMSG_LENGTH(body_len),
				   .nlmsg_type = type,
				   .nlmsg_flags = NLM_F_REQUEST | flags };
	if (send(fd, q, q->h.nlmsg_len, 0) < 0)
		ret = -errno;
	while (ret > 0) {
		ssize_t n = recv(fd, answer, ANSWER_SIZE, 0);

		if (n < 0 && errno == EINTR)
			continue;
		ret = n < 0 ? -errno : take_answer(answer, (size_t)n, fn, arg);
	}
	free(answer);
	return ret;
}

/* ---- lists ---- */

/* An array that grows; `parse` makes an element of a message. */
struct list {
	uint8_t *at;
	size_t n, cap, size;
	bool (*parse)(const void *msg, size_t len, void *ret);
};

static void take_element(void *arg, const void *msg, size_t len)
{
	struct list *l = arg;

	l->at = xgrow(l->at, l->n, &l->cap, l->size);
	if (l->parse(msg, len, l->at + l->n * l->size))
		l->n++;
}

static int end_list(struct list *l, int ret, size_t *ret_n)
{
	if (ret < 0) {
		free(l->at);
		l->at = NULL;
	} else {
		*ret_n = l->n;
	}
	return ret;
}

static bool parse_link(const void *msg, size_t len, void *ret)
{
	return rtnl_parse_link(msg, len, ret);
}

int rtnl_links(int fd, struct rtnl_link **ret_links, size_t *ret_n)
{
	struct question q = { .body.link.ifi_family = AF_UNSPEC };
	struct list l = { .size = sizeof(**ret_links), .parse = parse_link };
	int ret = end_list(&l,
			   ask(fd, &q, RTM_GETLINK, NLM_F_DUMP, sizeof(q.body.link), take_element,
			       &l),
			   ret_n);

	if (!ret)
		*ret_links = (void *)l.at;
	return ret;
}

static bool parse_address(const void *msg, size_t len, void *ret)
{
	return rtnl_parse_address(msg, len, ret);
}

int rtnl_addresses(int fd, struct rtnl_address **ret_addresses, size_t *ret_n)
{
	struct question q = { .body.address.ifa_family = AF_UNSPEC };
	struct list l = { .size = sizeof(**ret_addresses), .parse = parse_address };
	int ret = end_list(&l,
			   ask(fd, &q, RTM_GETADDR, NLM_F_DUMP, sizeof(q.body.address),
			       take_element, &l),
			   ret_n);

	if (!ret)
		*ret_addresses = (void *)l.at;
	return ret;
}

/* ---- routes ---- */

static void take_route(void *arg, const void *msg, size_t len)
{
	rtnl_parse_route(msg, len, arg);
}

int rtnl_route(int fd, const struct addr *a, struct rtnl_route *ret_route)
{
	size_t octets = addr_octets(a->family);
	struct question q = { .body.to = { .route = { .rtm_family = a->family == ADDR_V4 ? AF_INET
											 : AF_INET6,
						      .rtm_dst_len = (unsigned char)(octets * 8),
						      .rtm_flags = FIB_MATCH },
					   .dst = { .nla_len = (uint16_t)(NLA_HDRLEN + octets),
						    .nla_type = RTA_DST } } };
	struct rtnl_route r = { .way = RTNL_WAY_NONE };
	int ret;

	memcpy(q.body.to.octets, a->bytes, octets);
	ret = ask(fd, &q, RTM_GETROUTE, 0, sizeof(struct rtmsg) + NLA_HDRLEN + octets, take_route,
		  &r);
	if (ret == -ENETUNREACH || ret == -EHOSTUNREACH)
		r.way = RTNL_WAY_NONE;
	else if (ret == -EACCES || ret == -EINVAL)
		r.way = RTNL_WAY_REFUSED; /* prohibit, blackhole: told as errors */
	else if (ret < 0)
		return ret;
	*ret_route = r;
	return 0;
}

/* ---- filters ---- */

/* Links whose packets pass a clsact or ingress qdisc. */
struct qdiscs {
	int *links;
	size_t n, cap;
};

static void take_qdisc(void *arg, const void *msg, size_t len)
{
	struct qdiscs *q = arg;
	struct tcmsg info;

	if (len < NLMSG_LENGTH(sizeof(info)))
		return;
	memcpy(&info, (const uint8_t *)msg + NLMSG_HDRLEN, sizeof(info));
	if (info.tcm_parent != TC_H_INGRESS) /* clsact's is the same */
		return;
	q->links = xgrow(q->links, q->n, &q->cap, sizeof(*q->links));
	q->links[q->n++] = info.tcm_ifindex;
}

static bool parse_filter(const void *msg, size_t len, void *ret)
{
	return rtnl_parse_filter(msg, len, ret);
}

int rtnl_filters(int fd, struct rtnl_filter **ret_filters, size_t *ret_n)
{
	static const uint32_t minors[] = { 0xfff2, 0xfff3 }; /* TC_H_MIN_INGRESS, TC_H_MIN_EGRESS */
	struct question q = { .body.tc.tcm_family = AF_UNSPEC };
	struct list l = { .size = sizeof(**ret_filters), .parse = parse_filter };
	struct qdiscs qdiscs = { NULL, 0, 0 };
	int ret = ask(fd, &q, RTM_GETQDISC, NLM_F_DUMP, sizeof(q.body.tc), take_qdisc, &qdiscs);

	for (size_t i = 0; !ret && i < qdiscs.n * ARRAY_LEN(minors); i++) {
		uint32_t minor = minors[i % ARRAY_LEN(minors)];

		q.body.tc = (struct tcmsg) { .tcm_ifindex = qdiscs.links[i / ARRAY_LEN(minors)],
					     .tcm_parent = TC_H_MAKE(TC_H_INGRESS, minor) };
		ret = ask(fd, &q, RTM_GETTFILTER, NLM_F_DUMP, sizeof(q.body.tc), take_element, &l);
		if (ret == -EINVAL || ret == -EOPNOTSUPP)
			ret = 0; /* an ingress qdisc has no egress side */
	}
	free(qdiscs.links);
	ret = end_list(&l, ret, ret_n);
	if (!ret)
		*ret_filters = (void *)l.at;
	return ret;
}
