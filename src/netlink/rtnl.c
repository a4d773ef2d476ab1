/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netlink/rtnl_ask.h"

#include "base/xalloc.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/neighbour.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define ANSWER_SIZE (64 * 1024) /* a link with many virtual functions takes several KiB */
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

struct nlmsghdr *rtnl_question(void *buf, uint16_t type, uint16_t flags, size_t body_len,
			       void **ret_body)
{
	struct nlmsghdr *q = mnl_nlmsg_put_header(buf);

	q->nlmsg_type = type;
	q->nlmsg_flags = NLM_F_REQUEST | flags;
	*ret_body = mnl_nlmsg_put_extra_header(q, body_len);
	return q;
}

/* Handle one datagram. Returns 1 when more will come, 0 at the end, or -errno. mnl_cb_run is not
 * used: it stops at a dump that a change interrupted and leaves the rest in the socket. */
static int take_answer(const struct nlmsghdr *h, int len, rtnl_answer_fn *fn, void *arg)
{
	for (; mnl_nlmsg_ok(h, len); h = mnl_nlmsg_next(h, &len)) {
		const struct nlmsgerr *error = mnl_nlmsg_get_payload(h);

		if (h->nlmsg_type == NLMSG_DONE)
			return 0;
		if (h->nlmsg_type == NLMSG_ERROR)
			return mnl_nlmsg_get_payload_len(h) < sizeof(*error) ? -EBADMSG
									     : error->error;
		fn(arg, h, h->nlmsg_len);
		if (!(h->nlmsg_flags & NLM_F_MULTI))
			return 0;
	}
	return len > 0 ? -EBADMSG : 1;
}

int rtnl_ask_until(int fd, const struct nlmsghdr *q, rtnl_answer_fn *fn, void *arg,
		   const bool *enough)
{
	void *answer = xmalloc(ANSWER_SIZE);
	int ret = 1;

	if (send(fd, q, q->nlmsg_len, 0) < 0)
		ret = -errno;
	while (ret > 0 && !*enough) {
		ssize_t n = recv(fd, answer, ANSWER_SIZE, 0);

		if (n < 0 && errno == EINTR)
			continue;
		ret = n < 0 ? -errno : take_answer(answer, (int)n, fn, arg);
	}
	free(answer);
	return ret;
}

int rtnl_ask(int fd, const struct nlmsghdr *q, rtnl_answer_fn *fn, void *arg)
{
	static const bool never;

	return rtnl_ask_until(fd, q, fn, arg, &never);
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

/* ret_array points to a pointer to the elements. */
static int end_list(struct list *l, int ret, void *ret_array, size_t *ret_n)
{
	if (ret < 0) {
		free(l->at);
		return ret;
	}
	memcpy(ret_array, &l->at, sizeof(l->at));
	*ret_n = l->n;
	return 0;
}

/* Dump all objects of `type`; the request's body is zeros. Returns 0 with an array for free() and
 * its length, or -errno. */
static int dump(int fd, uint16_t type, size_t body_len, struct list *l, void *ret_array,
		size_t *ret_n)
{
	uint64_t buf[RTNL_QUESTION_SIZE / sizeof(uint64_t)];
	void *body;
	int ret = rtnl_ask(fd, rtnl_question(buf, type, NLM_F_DUMP, body_len, &body), take_element,
			   l);

	return end_list(l, ret, ret_array, ret_n);
}

static bool parse_link(const void *msg, size_t len, void *ret)
{
	return rtnl_parse_link(msg, len, ret);
}

int rtnl_links(int fd, struct rtnl_link **ret_links, size_t *ret_n)
{
	struct list l = { .size = sizeof(**ret_links), .parse = parse_link };

	return dump(fd, RTM_GETLINK, sizeof(struct ifinfomsg), &l, ret_links, ret_n);
}

static bool parse_address(const void *msg, size_t len, void *ret)
{
	return rtnl_parse_address(msg, len, ret);
}

int rtnl_addresses(int fd, struct rtnl_address **ret_addresses, size_t *ret_n)
{
	struct list l = { .size = sizeof(**ret_addresses), .parse = parse_address };

	return dump(fd, RTM_GETADDR, sizeof(struct ifaddrmsg), &l, ret_addresses, ret_n);
}

bool rtnl_broadcasts(const struct rtnl_address *own, struct addr *ret_first, struct addr *ret_last)
{
	struct addr first, last;

	if (own->addr.family != ADDR_V4 || own->prefix_len > 30)
		return false;
	first = last = addr_prefix(&own->addr, own->prefix_len);
	for (unsigned i = own->prefix_len; i < 32; i++)
		last.bytes[i / 8] |= (uint8_t)(0x80 >> i % 8);
	*ret_first = first;
	*ret_last = last;
	return true;
}

/* ---- routes ---- */

static void take_route(void *arg, const void *msg, size_t len)
{
	rtnl_parse_route(msg, len, arg);
}

int rtnl_route(int fd, const struct addr *a, struct rtnl_route *ret_route)
{
	uint64_t buf[RTNL_QUESTION_SIZE / sizeof(uint64_t)];
	struct rtnl_route r = { .way = RTNL_WAY_NONE };
	size_t octets = addr_octets(a->family);
	struct rtmsg *route;
	struct nlmsghdr *q = rtnl_question(buf, RTM_GETROUTE, 0, sizeof(*route), (void **)&route);
	int ret;

	route->rtm_family = a->family == ADDR_V4 ? AF_INET : AF_INET6;
	route->rtm_dst_len = (unsigned char)(octets * 8);
	route->rtm_flags = FIB_MATCH;
	mnl_attr_put(q, RTA_DST, octets, a->bytes);
	ret = rtnl_ask(fd, q, take_route, &r);
	if (ret == -ENETUNREACH || ret == -EHOSTUNREACH)
		r.way = RTNL_WAY_NONE;
	else if (ret == -EACCES || ret == -EINVAL)
		r.way = RTNL_WAY_REFUSED; /* prohibit and blackhole routes are reported as errors */
	else if (ret < 0)
		return ret;
	*ret_route = r;
	return 0;
}

/* ---- neighbours ---- */

enum { FDB_VLAN = 5, FDB_MASTER = 9 }; /* NDA_VLAN, NDA_MASTER */

struct neigh_answer {
	struct rtnl_neigh neigh;
	bool any;
};

static void take_neigh(void *arg, const void *msg, size_t len)
{
	struct neigh_answer *to = arg;

	to->any = rtnl_parse_neigh(msg, len, &to->neigh) || to->any;
}

static int ask_neigh(int fd, const struct nlmsghdr *q, struct rtnl_neigh *ret_neigh)
{
	struct neigh_answer answer = { .any = false };
	int ret = rtnl_ask(fd, q, take_neigh, &answer);

	if (!ret && !answer.any)
		ret = -ENOENT;
	if (!ret)
		*ret_neigh = answer.neigh;
	return ret;
}

int rtnl_neigh(int fd, int link, const struct addr *a, struct rtnl_neigh *ret_neigh)
{
	uint64_t buf[RTNL_QUESTION_SIZE / sizeof(uint64_t)];
	struct ndmsg *body;
	struct nlmsghdr *q = rtnl_question(buf, RTM_GETNEIGH, 0, sizeof(*body), (void **)&body);

	body->ndm_family = a->family == ADDR_V4 ? AF_INET : AF_INET6;
	body->ndm_ifindex = link;
	mnl_attr_put(q, NDA_DST, addr_octets(a->family), a->bytes);
	return ask_neigh(fd, q, ret_neigh);
}

int rtnl_forwarding(int fd, int bridge, const uint8_t mac[RTNL_MAC_SIZE], uint16_t vlan,
		    struct rtnl_neigh *ret_neigh)
{
	uint64_t buf[RTNL_QUESTION_SIZE / sizeof(uint64_t)];
	struct ndmsg *body;
	struct nlmsghdr *q = rtnl_question(buf, RTM_GETNEIGH, 0, sizeof(*body), (void **)&body);

	body->ndm_family = AF_BRIDGE;
	mnl_attr_put(q, NDA_LLADDR, RTNL_MAC_SIZE, mac);
	mnl_attr_put_u32(q, FDB_MASTER, (uint32_t)bridge);
	if (vlan)
		mnl_attr_put_u16(q, FDB_VLAN, vlan);
	return ask_neigh(fd, q, ret_neigh);
}

/* ---- filters ---- */

/* Links with a clsact or ingress qdisc. */
struct qdiscs {
	int *links;
	size_t n, cap;
};

static void take_qdisc(void *arg, const void *msg, size_t len)
{
	const struct tcmsg *info = mnl_nlmsg_get_payload(msg);
	struct qdiscs *q = arg;

	/* TC_H_CLSACT is the same value. */
	if (len < MNL_NLMSG_HDRLEN + sizeof(*info) || info->tcm_parent != TC_H_INGRESS)
		return;
	q->links = xgrow(q->links, q->n, &q->cap, sizeof(*q->links));
	q->links[q->n++] = info->tcm_ifindex;
}

static bool parse_filter(const void *msg, size_t len, void *ret)
{
	return rtnl_parse_filter(msg, len, ret);
}

static int ask_filters(int fd, int link, uint32_t minor, struct list *l)
{
	uint64_t buf[RTNL_QUESTION_SIZE / sizeof(uint64_t)];
	struct tcmsg *tc;
	struct nlmsghdr *q =
		rtnl_question(buf, RTM_GETTFILTER, NLM_F_DUMP, sizeof(*tc), (void **)&tc);
	int ret;

	tc->tcm_ifindex = link;
	tc->tcm_parent = TC_H_MAKE(TC_H_INGRESS, minor);
	ret = rtnl_ask(fd, q, take_element, l);
	return ret == -EINVAL || ret == -EOPNOTSUPP ? 0
						    : ret; /* an ingress qdisc has no egress hook */
}

int rtnl_filters(int fd, struct rtnl_filter **ret_filters, size_t *ret_n)
{
	static const uint32_t minors[] = { 0xfff2, 0xfff3 }; /* TC_H_MIN_INGRESS, TC_H_MIN_EGRESS */
	uint64_t buf[RTNL_QUESTION_SIZE / sizeof(uint64_t)];
	struct list l = { .size = sizeof(**ret_filters), .parse = parse_filter };
	struct qdiscs qdiscs = { NULL, 0, 0 };
	void *body;
	int ret =
		rtnl_ask(fd,
			 rtnl_question(buf, RTM_GETQDISC, NLM_F_DUMP, sizeof(struct tcmsg), &body),
			 take_qdisc, &qdiscs);

	for (size_t i = 0; !ret && i < qdiscs.n * ARRAY_LEN(minors); i++)
		ret = ask_filters(fd, qdiscs.links[i / ARRAY_LEN(minors)],
				  minors[i % ARRAY_LEN(minors)], &l);
	free(qdiscs.links);
	return end_list(&l, ret, ret_filters, ret_n);
}
