/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/link/attach.h"

#include "base/traffic.h"
#include "netfilter/link/tcx.h"
#include "netlink/rtnl.h"

#include <errno.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Ours among the filters of an entrance: the first pref, and a handle that nobody else uses. */
#define OUR_PREF 1
#define OUR_HANDLE 0x63746du

#define PATHS_IN (1u << PATH_FWD_IN | 1u << PATH_NODE_IN)
#define PATHS_OUT (1u << PATH_FWD_OUT | 1u << PATH_NODE_OUT)

/* What attach_put needs to know of a link. */
struct port {
	struct tc_link link;
	enum { PORT_OWN, PORT_SHARED, PORT_UPLINK } side; /* where the containers are */
	bool bare; /* its packets have no Ethernet header */
};

const char *attach_way_name(enum attach_way way)
{
	static const char *const names[] = { [ATTACH_NONE] = "not attached",
					     [ATTACH_TCX] = "tcx",
					     [ATTACH_CLSACT] = "clsact",
					     [ATTACH_INGRESS] = "ingress qdisc" };

	return names[way];
}

static bool wants_clsact(void)
{
	const char *way = getenv("CTMETER_LINK_ATTACH");

	return way && !strcmp(way, "clsact");
}

int attach_open(const struct link_object *object, const struct cfg_link *links, size_t n_links,
		struct attach *ret_a, struct err *e)
{
	struct attach a = { .object = object, .links = links, .n_links = n_links };

	a.fd = rtnl_open();
	if (a.fd < 0) {
		err_set(e, "cannot ask the kernel about links: %s", strerror(-a.fd));
		return a.fd;
	}
	a.tcx = !wants_clsact() && tcx_supported();
	*ret_a = a;
	return 0;
}

void attach_close(struct attach *a)
{
	if (a->fd >= 0)
		close(a->fd);
	a->fd = -1;
}

/* --- what belongs where --------------------------------------------------------------------- */

static int read_port(const struct attach *a, uint32_t link, struct port *ret_port, struct err *e)
{
	struct port port = { .side = PORT_OWN };
	int ret = tc_link(a->fd, link, &port.link);

	if (ret < 0) {
		err_set(e, "link %u: %s", link, ret == -ENODEV ? "it is gone" : strerror(-ret));
		return ret;
	}
	for (size_t i = 0; i < a->n_links; i++)
		if (!strcmp(a->links[i].name, port.link.name))
			port.side = a->links[i].side == CFG_SIDE_UPLINK ? PORT_UPLINK : PORT_SHARED;
	switch (port.link.type) {
	case ARPHRD_ETHER:
	case ARPHRD_LOOPBACK:
		break;
	case ARPHRD_NONE:
	case ARPHRD_VOID:
	case ARPHRD_PPP:
	case ARPHRD_RAWIP:
	case ARPHRD_TUNNEL:
	case ARPHRD_TUNNEL6:
	case ARPHRD_SIT:
		port.bare = true;
		break;
	default:
		err_set(e, "link %s: packets on links of type %u (linux/if_arp.h) cannot be read",
			port.link.name, port.link.type);
		return -EOPNOTSUPP;
	}
	*ret_port = port;
	return 0;
}

static enum link_program program_of(const struct port *port, enum tc_hook hook)
{
	static const enum link_program programs[][2][2] = {
		[PORT_OWN] = { { LINK_COUNT_IN, LINK_COUNT_OUT },
			       { LINK_COUNT_IN_L3, LINK_COUNT_OUT_L3 } },
		[PORT_SHARED] = { { LINK_COUNT_SHARED_IN, LINK_COUNT_OUT },
				  { LINK_COUNT_SHARED_IN_L3, LINK_COUNT_OUT_L3 } },
		[PORT_UPLINK] = { { LINK_COUNT_UP_IN, LINK_COUNT_UP_OUT },
				  { LINK_COUNT_UP_IN_L3, LINK_COUNT_UP_OUT_L3 } },
	};

	return programs[port->side][port->bare][hook];
}

/* From a container is Out. */
static uint8_t paths_by_program(enum link_program program)
{
	switch (program) {
	case LINK_COUNT_IN:
	case LINK_COUNT_IN_L3:
	case LINK_COUNT_SHARED_IN:
	case LINK_COUNT_SHARED_IN_L3:
	case LINK_COUNT_UP_OUT:
	case LINK_COUNT_UP_OUT_L3:
		return PATHS_OUT;
	case LINK_COUNT_OUT:
	case LINK_COUNT_OUT_L3:
	case LINK_COUNT_UP_IN:
	case LINK_COUNT_UP_IN_L3:
		return PATHS_IN;
	case LINK_PROGRAMS:
		break;
	}
	return 0;
}

/* Which program of the open object has this id; LINK_PROGRAMS: none. */
static enum link_program program_by_id(const struct attach *a, uint32_t id)
{
	enum link_program p = 0;

	while (p < LINK_PROGRAMS && (!id || a->object->program_id[p] != id))
		p++;
	return p;
}

bool attach_is_our_name(const char *name)
{
	for (enum link_program p = 0; p < LINK_PROGRAMS; p++)
		if (!strcmp(name, link_program_name[p]))
			return true;
	return false;
}

/* --- tcx ------------------------------------------------------------------------------------ */

/* Where ours is among the programs of a hook; TCX_MAX: nowhere. */
static int find_tcx(const struct attach *a, uint32_t link, enum tc_hook hook, size_t *ret_at,
		    enum link_program *ret_program, struct attach_stack *ret_stack)
{
	uint32_t ids[TCX_MAX];
	struct attach_stack stack;
	int ret = tcx_query(link, hook, ids, &stack.n, &stack.revision);

	if (ret_stack)
		*ret_stack = stack;
	*ret_at = TCX_MAX;
	for (size_t i = 0; !ret && i < stack.n; i++) {
		*ret_program = program_by_id(a, ids[i]);
		if (*ret_program < LINK_PROGRAMS) {
			*ret_at = i;
			break;
		}
	}
	return ret;
}

static int look_tcx(const struct attach *a, uint32_t link, struct attach_found *found)
{
	for (enum tc_hook hook = 0; hook <= TC_HOOK_EGRESS; hook++) {
		enum link_program program;
		size_t at;
		int ret = find_tcx(a, link, hook, &at, &program, &found->stack[hook]);

		if (ret < 0)
			return ret;
		if (at == TCX_MAX)
			continue;
		found->way = ATTACH_TCX;
		found->ours |= (uint8_t)(1u << hook);
		found->paths |= paths_by_program(program);
		if (at)
			found->behind |= (uint8_t)(1u << hook);
	}
	return 0;
}

/* Returns 1 if something was attached, 0 if it was there, or -errno. */
static int put_tcx(const struct attach *a, uint32_t link, enum tc_hook hook,
		   enum link_program program)
{
	enum link_program there;
	size_t at;
	int ret = find_tcx(a, link, hook, &at, &there, NULL);

	if (ret < 0 || (at == 0 && there == program))
		return ret;
	if (at == 0) /* the link has become a shared one, or is none any more */
		ret = tcx_replace(link, hook, a->object->program[program],
				  a->object->program[there]);
	else if (at < TCX_MAX)
		ret = tcx_detach(link, hook, a->object->program[there]);
	if (!ret && at != 0)
		ret = tcx_attach(link, hook, a->object->program[program]);
	return ret < 0 ? ret : 1;
}

static int take_tcx(const struct attach *a, uint32_t link)
{
	int taken = 0;

	for (enum tc_hook hook = 0; hook <= TC_HOOK_EGRESS; hook++) {
		enum link_program program;
		size_t at;
		int ret = find_tcx(a, link, hook, &at, &program, NULL);

		if (!ret && at < TCX_MAX)
			ret = tcx_detach(link, hook, a->object->program[program]);
		else if (!ret)
			continue;
		if (ret < 0 && ret != -ENOENT)
			return ret;
		taken += !ret;
	}
	return taken;
}

/* --- filters -------------------------------------------------------------------------------- */

/* Where ours is among the filters of a hook; *ret_n: nowhere. The array is for free(). */
static int find_filter(const struct attach *a, uint32_t link, enum tc_qdisc qdisc,
		       enum tc_hook hook, struct tc_filter **ret_filters, size_t *ret_n,
		       size_t *ret_at)
{
	int ret = tc_filters(a->fd, link, qdisc, hook, ret_filters, ret_n);

	for (*ret_at = 0; !ret && *ret_at < *ret_n; ++*ret_at)
		if (attach_is_our_name((*ret_filters)[*ret_at].name))
			break;
	return ret;
}

static int look_filters(const struct attach *a, uint32_t link, struct attach_found *found)
{
	enum tc_qdisc qdisc;
	int ret = tc_qdisc(a->fd, link, &qdisc);

	for (enum tc_hook hook = 0; !ret && qdisc && hook <= TC_HOOK_EGRESS; hook++) {
		struct tc_filter *filters = NULL;
		size_t n = 0, at;

		ret = find_filter(a, link, qdisc, hook, &filters, &n, &at);
		if (!ret && at < n) {
			enum link_program program = program_by_id(a, filters[at].program);

			found->way = qdisc == TC_QDISC_CLSACT ? ATTACH_CLSACT : ATTACH_INGRESS;
			/* One of another version may count in other maps. */
			if (program < LINK_PROGRAMS)
				found->ours |= (uint8_t)(1u << hook);
			found->paths |= paths_by_program(program);
			if (at)
				found->behind |= (uint8_t)(1u << hook);
		}
		free(filters);
	}
	return ret;
}

/* Returns 1 if something was attached, 0 if it was there, or -errno. */
static int put_filter(const struct attach *a, uint32_t link, enum tc_qdisc qdisc, enum tc_hook hook,
		      enum link_program program)
{
	struct tc_filter *filters = NULL;
	size_t n = 0, at;
	int ret = find_filter(a, link, qdisc, hook, &filters, &n, &at);
	bool there = !ret && at < n;

	if (ret < 0)
		return ret;
	if (there && !at && filters[0].program == a->object->program_id[program])
		goto cleanup;
	/* The place of a filter that is replaced stays the same. */
	if (there && at)
		ret = tc_remove_filter(a->fd, link, qdisc, hook, filters[at].pref,
				       filters[at].handle);
	if (!ret)
		ret = tc_put_filter(a->fd, link, qdisc, hook,
				    there && !at ? filters[0].pref : OUR_PREF,
				    there && !at ? filters[0].handle : OUR_HANDLE,
				    a->object->program[program], link_program_name[program]);
	ret = ret < 0 ? ret : 1;
cleanup:
	free(filters);
	return ret;
}

/* Remove the clsact qdisc, if it holds no filter of others. */
static void tidy_clsact(const struct attach *a, uint32_t link)
{
	for (enum tc_hook hook = 0; hook <= TC_HOOK_EGRESS; hook++) {
		struct tc_filter *filters = NULL;
		size_t n = 0;
		int ret = tc_filters(a->fd, link, TC_QDISC_CLSACT, hook, &filters, &n);

		free(filters);
		if (ret < 0 || n)
			return;
	}
	tc_remove_clsact(a->fd, link);
}

static int take_filters(const struct attach *a, uint32_t link)
{
	enum tc_qdisc qdisc;
	int ret = tc_qdisc(a->fd, link, &qdisc), taken = 0;

	for (enum tc_hook hook = 0; !ret && qdisc && hook <= TC_HOOK_EGRESS; hook++) {
		struct tc_filter *filters = NULL;
		size_t n = 0, at;

		ret = find_filter(a, link, qdisc, hook, &filters, &n, &at);
		if (!ret && at < n) {
			ret = tc_remove_filter(a->fd, link, qdisc, hook, filters[at].pref,
					       filters[at].handle);
			taken += !ret;
		}
		free(filters);
	}
	if (!ret && taken && qdisc == TC_QDISC_CLSACT)
		tidy_clsact(a, link);
	return ret < 0 ? ret : taken;
}

/* The qdisc for our filters, which is made if that stands in nobody's way. */
static int need_qdisc(const struct attach *a, const struct port *port, uint32_t link, bool limited,
		      enum tc_qdisc *ret_qdisc, struct err *e)
{
	int ret = tc_qdisc(a->fd, link, ret_qdisc);

	if (!ret && *ret_qdisc == TC_QDISC_NONE && limited) {
		err_set(e,
			"link %s: it has a rate limit, which needs the place that this kernel has "
			"for counting, and is not there yet",
			port->link.name);
		return -EBUSY;
	}
	if (!ret && *ret_qdisc == TC_QDISC_NONE) {
		ret = tc_add_clsact(a->fd, link);
		*ret_qdisc = TC_QDISC_CLSACT;
		if (ret == -EEXIST) /* somebody was faster */
			ret = tc_qdisc(a->fd, link, ret_qdisc);
	}
	if (ret < 0)
		err_set(e, "link %s: cannot attach to it: %s", port->link.name, strerror(-ret));
	return ret;
}

/* --- both ----------------------------------------------------------------------------------- */

int attach_look(const struct attach *a, uint32_t link, struct attach_found *ret_found)
{
	struct attach_found found = { .way = ATTACH_NONE };
	int ret = a->tcx ? look_tcx(a, link, &found) : look_filters(a, link, &found);

	if (!ret)
		*ret_found = found;
	return ret;
}

static const char *why_not(int ret, enum tc_qdisc qdisc)
{
	if (ret == -EINVAL || ret == -EEXIST)
		return "a filter of another kind has preference 1 there";
	if (ret == -EOPNOTSUPP && qdisc == TC_QDISC_INGRESS)
		return "its rate limit's ingress qdisc leaves no place for it on this kernel (tcx "
		       "of Linux 6.6 needs none)";
	return strerror(-ret);
}

/* Put the program of one hook there. Adds to *found; an entrance that has none is described in
 * e. Returns as put_tcx. */
static int put_hook(const struct attach *a, const struct port *port, uint32_t link,
		    enum tc_qdisc qdisc, enum tc_hook hook, struct attach_found *found,
		    struct err *e)
{
	enum link_program program = program_of(port, hook);
	int ret;

	if (a->tcx)
		ret = put_tcx(a, link, hook, program);
	else if (qdisc == TC_QDISC_INGRESS && hook == TC_HOOK_EGRESS)
		ret = -EOPNOTSUPP;
	else
		ret = put_filter(a, link, qdisc, hook, program);
	if (ret < 0) {
		err_set(e, "link %s: what %s by it is not counted: %s", port->link.name,
			hook == TC_HOOK_INGRESS ? "comes in" : "leaves", why_not(ret, qdisc));
		return ret;
	}
	found->ours |= (uint8_t)(1u << hook);
	found->paths |= paths_by_program(program);
	return ret;
}

int attach_put(const struct attach *a, uint32_t link, bool limited, struct attach_found *ret_found,
	       struct err *e)
{
	struct attach_found found = { .way = ATTACH_TCX };
	enum tc_qdisc qdisc = TC_QDISC_NONE;
	struct port port;
	bool changed = false;
	int ret = read_port(a, link, &port, e), failure = 0;

	/* Each packet passes one program of ours, whatever another version preferred. */
	if (!ret && (a->tcx ? take_filters(a, link) : take_tcx(a, link)) > 0)
		changed = true;
	if (!ret && !a->tcx)
		ret = need_qdisc(a, &port, link, limited, &qdisc, e);
	if (ret < 0)
		return ret;
	if (!a->tcx)
		found.way = qdisc == TC_QDISC_CLSACT ? ATTACH_CLSACT : ATTACH_INGRESS;
	for (enum tc_hook hook = 0; hook <= TC_HOOK_EGRESS; hook++) {
		ret = put_hook(a, &port, link, qdisc, hook, &found, e);
		changed = changed || ret > 0;
		failure = ret < 0 ? ret : failure;
	}
	if (!found.ours)
		return failure;
	for (enum tc_hook hook = 0; a->tcx && hook <= TC_HOOK_EGRESS; hook++) {
		size_t at;
		enum link_program there;

		/* A failure leaves zeros, and the next look will differ. */
		find_tcx(a, link, hook, &at, &there, &found.stack[hook]);
	}
	if (changed && tc_link(a->fd, link, &port.link) == 0)
		found.fresh = !port.link.rx_pkts && !port.link.tx_pkts;
	*ret_found = found;
	return 0;
}

int attach_take(const struct attach *a, uint32_t link)
{
	int programs = take_tcx(a, link), filters;

	if (programs == -EINVAL)
		programs = 0; /* a kernel without tcx */
	if (programs < 0)
		return programs;
	filters = take_filters(a, link);
	return filters < 0 ? filters : programs + filters;
}

/* --- other versions ------------------------------------------------------------------------- */

/* A descriptor of a program at a tcx hook that is none of the open object's, but named like one; or
 * -errno: -ENOENT, it is nothing of ours. */
static int open_other(const struct attach *a, uint32_t id)
{
	int fd = program_by_id(a, id) < LINK_PROGRAMS ? -ENOENT : tcx_program(id);
	char name[TC_NAME_SIZE] = "";

	if (fd < 0)
		return fd;
	if (tcx_program_name(fd, name) == 0 && attach_is_our_name(name))
		return fd;
	close(fd);
	return -ENOENT;
}

static int renew_tcx(const struct attach *a, const struct port *port, uint32_t link,
		     enum tc_hook hook, uint32_t id)
{
	int old = open_other(a, id), ret;

	if (old < 0)
		return old == -ENOENT ? 0 : old;
	ret = tcx_replace(link, hook, a->object->program[program_of(port, hook)], old);
	if (ret == -EEXIST) /* ours is there besides */
		ret = tcx_detach(link, hook, old);
	close(old);
	return ret;
}

int attach_renew(const struct attach *a, uint32_t link)
{
	struct attach_found found = { .way = ATTACH_NONE };
	struct port port;
	int ret = read_port(a, link, &port, NULL);

	if (ret == -EOPNOTSUPP || ret == -ENODEV)
		return 0;
	for (enum tc_hook hook = 0; !ret && a->tcx && hook <= TC_HOOK_EGRESS; hook++) {
		uint32_t ids[TCX_MAX];
		size_t n;

		ret = tcx_query(link, hook, ids, &n, NULL);
		for (size_t i = 0; !ret && i < n; i++)
			ret = renew_tcx(a, &port, link, hook, ids[i]);
	}
	if (!ret && !a->tcx) {
		ret = look_filters(a, link, &found);
		if (!ret && found.way != ATTACH_NONE)
			ret = attach_put(a, link, false, &found, NULL);
	}
	return ret == -ENODEV ? 0 : ret;
}

int attach_purge(const struct attach *a, uint32_t link)
{
	int ret = attach_take(a, link), taken = ret;

	for (enum tc_hook hook = 0; ret >= 0 && tcx_supported() && hook <= TC_HOOK_EGRESS; hook++) {
		uint32_t ids[TCX_MAX];
		size_t n;

		ret = tcx_query(link, hook, ids, &n, NULL);
		for (size_t i = 0; ret >= 0 && i < n; i++) {
			int old = open_other(a, ids[i]);

			if (old < 0)
				continue;
			ret = tcx_detach(link, hook, old);
			taken += !ret;
			close(old);
		}
	}
	return ret == -ENODEV ? 0 : ret < 0 ? ret : taken;
}
