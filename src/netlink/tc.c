/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netlink/tc.h"

#include "base/loop.h"
#include "base/xalloc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define QUESTION_SIZE 512
#define ANSWER_SIZE (64 * 1024)

/* The words of linux/pkt_cls.h that old headers lack. */
#define MINOR_INGRESS 0xfff2u
#define MINOR_EGRESS 0xfff3u
#define BPF_FD 6 /* TCA_BPF_FD */
#define BPF_NAME 7 /* TCA_BPF_NAME */
#define BPF_FLAGS 8 /* TCA_BPF_FLAGS */
#define BPF_ID 11 /* TCA_BPF_ID */
#define BPF_DIRECT 1u /* TCA_BPF_FLAG_ACT_DIRECT */

struct question {
	uint64_t buf[QUESTION_SIZE / sizeof(uint64_t)];
	struct nlmsghdr *head;
};

static void *start(struct question *q, uint16_t type, uint16_t flags, size_t body_len)
{
	memset(q->buf, 0, sizeof(q->buf));
	q->head = mnl_nlmsg_put_header(q->buf);
	q->head->nlmsg_type = type;
	q->head->nlmsg_flags = NLM_F_REQUEST | flags;
	return mnl_nlmsg_put_extra_header(q->head, body_len);
}

typedef void answer_fn(void *arg, const struct nlmsghdr *h);

/* Each request asks for an acknowledgement, or is a dump: the kernel leaves some questions after an
 * empty qdisc without an answer. Returns 1 when more will come, 0 at the end, or -errno. */
static int take_answer(const struct nlmsghdr *h, int len, uint32_t seq, answer_fn *fn, void *arg)
{
	for (; mnl_nlmsg_ok(h, len); h = mnl_nlmsg_next(h, &len)) {
		const struct nlmsgerr *error = mnl_nlmsg_get_payload(h);

		if (h->nlmsg_seq != seq)
			continue; /* of a request that ran out of patience */
		if (h->nlmsg_type == NLMSG_DONE)
			return 0;
		if (h->nlmsg_type == NLMSG_ERROR)
			return mnl_nlmsg_get_payload_len(h) < sizeof(*error) ? -EBADMSG
									     : error->error;
		if (fn)
			fn(arg, h);
	}
	return 1;
}

static int ask(int fd, struct question *q, answer_fn *fn, void *arg)
{
	void *answer = xmalloc(ANSWER_SIZE);
	int ret = 1;

	q->head->nlmsg_seq = (uint32_t)loop_now_ns(); /* differs from the one before */
	if (send(fd, q->head, q->head->nlmsg_len, 0) < 0)
		ret = -errno;
	while (ret > 0) {
		ssize_t n = recv(fd, answer, ANSWER_SIZE, 0);

		if (n < 0 && errno == EINTR)
			continue;
		ret = n < 0 ? -errno : take_answer(answer, (int)n, q->head->nlmsg_seq, fn, arg);
	}
	free(answer);
	return ret;
}

static void name_of(const struct nlattr *a, char *ret, size_t size)
{
	if (mnl_attr_validate(a, MNL_TYPE_NUL_STRING) < 0)
		return;
	memset(ret, 0, size);
	strncpy(ret, mnl_attr_get_str(a), size - 1);
}

/* --- the link ------------------------------------------------------------------------------- */

static void take_link(void *arg, const struct nlmsghdr *h)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(h);
	struct tc_link *link = arg;
	const struct nlattr *a;

	if (h->nlmsg_type != RTM_NEWLINK || mnl_nlmsg_get_payload_len(h) < sizeof(*info))
		return;
	link->type = info->ifi_type;
	mnl_attr_for_each (a, h, sizeof(*info)) {
		struct rtnl_link_stats64 stats;

		if (mnl_attr_get_type(a) == IFLA_IFNAME)
			name_of(a, link->name, sizeof(link->name));
		if (mnl_attr_get_type(a) != IFLA_STATS64 ||
		    mnl_attr_get_payload_len(a) < sizeof(stats))
			continue;
		memcpy(&stats, mnl_attr_get_payload(a), sizeof(stats));
		link->rx_pkts = stats.rx_packets;
		link->tx_pkts = stats.tx_packets;
	}
}

int tc_link(int fd, uint32_t link, struct tc_link *ret_link)
{
	struct tc_link found = { .name = "" };
	struct question q;
	struct ifinfomsg *info = start(&q, RTM_GETLINK, NLM_F_ACK, sizeof(*info));
	int ret;

	info->ifi_index = (int)link;
	ret = ask(fd, &q, take_link, &found);
	if (!ret && !found.name[0])
		ret = -ENODEV;
	if (!ret)
		*ret_link = found;
	return ret;
}

/* --- the qdisc ------------------------------------------------------------------------------ */

struct qdisc_search {
	uint32_t link;
	enum tc_qdisc found;
};

static void take_qdisc(void *arg, const struct nlmsghdr *h)
{
	const struct tcmsg *tc = mnl_nlmsg_get_payload(h);
	struct qdisc_search *s = arg;
	const struct nlattr *a;
	char kind[TC_NAME_SIZE] = "";

	/* Old kernels answer with the qdiscs of every link. */
	if (h->nlmsg_type != RTM_NEWQDISC || mnl_nlmsg_get_payload_len(h) < sizeof(*tc) ||
	    tc->tcm_ifindex != (int)s->link || tc->tcm_parent != TC_H_INGRESS)
		return;
	mnl_attr_for_each (a, h, sizeof(*tc))
		if (mnl_attr_get_type(a) == TCA_KIND)
			name_of(a, kind, sizeof(kind));
	if (!strcmp(kind, "clsact"))
		s->found = TC_QDISC_CLSACT;
	else if (!strcmp(kind, "ingress"))
		s->found = TC_QDISC_INGRESS;
}

/* Asks for the one qdisc by its parent, not for a dump, which lists the whole node's. */
int tc_qdisc(int fd, uint32_t link, enum tc_qdisc *ret_qdisc)
{
	struct qdisc_search s = { .link = link, .found = TC_QDISC_NONE };
	struct question q;
	struct tcmsg *tc = start(&q, RTM_GETQDISC, NLM_F_ACK | NLM_F_ECHO, sizeof(*tc));
	int ret;

	tc->tcm_ifindex = (int)link;
	tc->tcm_parent = TC_H_INGRESS;
	ret = ask(fd, &q, take_qdisc, &s);
	if (ret == -ENOENT)
		ret = 0;
	if (!ret)
		*ret_qdisc = s.found;
	return ret;
}

static int change_clsact(int fd, uint32_t link, uint16_t type, uint16_t flags)
{
	struct question q;
	struct tcmsg *tc = start(&q, type, (uint16_t)(NLM_F_ACK | flags), sizeof(*tc));

	tc->tcm_family = AF_UNSPEC;
	tc->tcm_ifindex = (int)link;
	tc->tcm_handle = TC_H_MAKE(TC_H_INGRESS, 0);
	tc->tcm_parent = TC_H_INGRESS;
	mnl_attr_put_strz(q.head, TCA_KIND, "clsact");
	return ask(fd, &q, NULL, NULL);
}

int tc_add_clsact(int fd, uint32_t link)
{
	return change_clsact(fd, link, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL);
}

int tc_remove_clsact(int fd, uint32_t link)
{
	return change_clsact(fd, link, RTM_DELQDISC, 0);
}

/* --- filters -------------------------------------------------------------------------------- */

static uint32_t parent_of(enum tc_qdisc qdisc, enum tc_hook hook)
{
	if (qdisc == TC_QDISC_INGRESS)
		return TC_H_MAKE(TC_H_INGRESS, 0);
	return TC_H_MAKE(TC_H_INGRESS, hook == TC_HOOK_INGRESS ? MINOR_INGRESS : MINOR_EGRESS);
}

static struct tcmsg *start_filter(struct question *q, uint16_t type, uint16_t flags, uint32_t link,
				  uint32_t parent, uint16_t pref, uint32_t handle)
{
	struct tcmsg *tc = start(q, type, flags, sizeof(*tc));

	tc->tcm_family = AF_UNSPEC;
	tc->tcm_ifindex = (int)link;
	tc->tcm_parent = parent;
	tc->tcm_handle = handle;
	tc->tcm_info = TC_H_MAKE((uint32_t)pref << 16, pref ? htons(ETH_P_ALL) : 0);
	return tc;
}

struct filters {
	struct tc_filter *at;
	size_t n, cap;
};

/* Whether the options of a filter have an action that limits a rate. The numbers of the attribute
 * that holds the actions differ from kind to kind, and each action names its own kind. */
static bool has_police(const struct nlattr *options)
{
	static const char police[] = "police";

	return memmem(mnl_attr_get_payload(options), mnl_attr_get_payload_len(options), police,
		      sizeof(police)) != NULL;
}

static void take_options(struct tc_filter *f, const struct nlattr *options)
{
	const struct nlattr *a;

	mnl_attr_for_each_nested (a, options) {
		if (mnl_attr_get_type(a) == BPF_NAME)
			name_of(a, f->name, sizeof(f->name));
		else if (mnl_attr_get_type(a) == BPF_ID && mnl_attr_validate(a, MNL_TYPE_U32) >= 0)
			f->program = mnl_attr_get_u32(a);
	}
}

static void take_filter(void *arg, const struct nlmsghdr *h)
{
	const struct tcmsg *tc = mnl_nlmsg_get_payload(h);
	const struct nlattr *a, *options = NULL;
	struct tc_filter f = { .name = "" };
	char kind[TC_NAME_SIZE] = "";
	struct filters *l = arg;

	if (h->nlmsg_type != RTM_NEWTFILTER || mnl_nlmsg_get_payload_len(h) < sizeof(*tc))
		return;
	mnl_attr_for_each (a, h, sizeof(*tc)) {
		if (mnl_attr_get_type(a) == TCA_KIND)
			name_of(a, kind, sizeof(kind));
		else if (mnl_attr_get_type(a) == TCA_OPTIONS)
			options = a;
	}
	if (!options)
		return; /* a dump begins with one message for each pref, which is no filter */
	f.pref = (uint16_t)(tc->tcm_info >> 16);
	f.handle = tc->tcm_handle;
	f.polices = has_police(options) || !strcmp(kind, "police");
	if (!strcmp(kind, "bpf"))
		take_options(&f, options);
	l->at = xgrow(l->at, l->n, &l->cap, sizeof(*l->at));
	l->at[l->n++] = f;
}

int tc_filters(int fd, uint32_t link, enum tc_qdisc qdisc, enum tc_hook hook,
	       struct tc_filter **ret_filters, size_t *ret_n)
{
	bool hooked =
		qdisc == TC_QDISC_CLSACT || (qdisc == TC_QDISC_INGRESS && hook == TC_HOOK_INGRESS);
	struct filters l = { NULL, 0, 0 };
	struct question q;
	int ret = 0;

	if (hooked) {
		start_filter(&q, RTM_GETTFILTER, NLM_F_DUMP, link, parent_of(qdisc, hook), 0, 0);
		ret = ask(fd, &q, take_filter, &l);
	}
	if (ret == -EINVAL || ret == -EOPNOTSUPP)
		ret = 0; /* the qdisc is gone */
	if (ret < 0) {
		free(l.at);
		return ret;
	}
	*ret_filters = l.at;
	*ret_n = l.n;
	return 0;
}

int tc_put_filter(int fd, uint32_t link, enum tc_qdisc qdisc, enum tc_hook hook, uint16_t pref,
		  uint32_t handle, int program, const char *name)
{
	struct question q;
	struct nlattr *options;

	start_filter(&q, RTM_NEWTFILTER, NLM_F_ACK | NLM_F_CREATE, link, parent_of(qdisc, hook),
		     pref, handle);
	mnl_attr_put_strz(q.head, TCA_KIND, "bpf");
	options = mnl_attr_nest_start(q.head, TCA_OPTIONS);
	mnl_attr_put_u32(q.head, BPF_FD, (uint32_t)program);
	mnl_attr_put_strz(q.head, BPF_NAME, name);
	mnl_attr_put_u32(q.head, BPF_FLAGS, BPF_DIRECT);
	mnl_attr_nest_end(q.head, options);
	return ask(fd, &q, NULL, NULL);
}

int tc_remove_filter(int fd, uint32_t link, enum tc_qdisc qdisc, enum tc_hook hook, uint16_t pref,
		     uint32_t handle)
{
	struct question q;

	start_filter(&q, RTM_DELTFILTER, NLM_F_ACK, link, parent_of(qdisc, hook), pref, handle);
	mnl_attr_put_strz(q.head, TCA_KIND, "bpf");
	return ask(fd, &q, NULL, NULL);
}
