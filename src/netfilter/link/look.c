/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/link/look.h"

#include "base/xalloc.h"
#include "netfilter/link/attach.h"
#include "netfilter/link/tcx.h"
#include "netlink/rtnl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define BPF_DIR "/sys/fs/bpf/ctmeter"
#define FEWEST_ADDRESSES 1024

const char *look_bpf_dir(const struct fw_config *config)
{
	return config->bpf_dir ? config->bpf_dir : BPF_DIR;
}

/* Call fn for each link until it fails. */
static int each_link(const struct attach *a, int (*fn)(const struct attach *a, uint32_t link))
{
	struct rtnl_link *links = NULL;
	size_t n = 0;
	int ret = rtnl_links(a->fd, &links, &n);
	int sum = 0;

	for (size_t i = 0; ret >= 0 && i < n; i++) {
		ret = fn(a, (uint32_t)links[i].index);
		sum += ret < 0 ? 0 : ret;
	}
	free(links);
	return ret < 0 ? ret : sum;
}

/* --- root's part ---------------------------------------------------------------------------- */

/* A daemon has the set open (link_object_open locks it). It knows the programs that it has
 * attached, and would take others for programs of somebody else, and attach its own besides. */
static bool is_in_use(const char *bpf_dir)
{
	int fd = open(bpf_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool in_use = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0;

	if (fd >= 0)
		close(fd);
	return in_use;
}

/* Links that run programs of another version, or of another set of maps, get these. */
static int renew(const struct fw_config *config, struct err *e)
{
	struct link_object object;
	struct attach a;
	int ret;

	if (is_in_use(look_bpf_dir(config)))
		return 0;
	ret = link_object_open(look_bpf_dir(config), &object, e);
	if (ret < 0)
		return ret;
	ret = attach_open(&object, config->links, config->n_links, &a, e);
	if (!ret) {
		ret = each_link(&a, attach_renew);
		if (ret < 0)
			err_set(e, "cannot replace the counting programs on some links: %s",
				strerror(-ret));
		else
			ret = link_object_take_over(&object, e);
		attach_close(&a);
	}
	link_object_close(&object);
	return ret;
}

int look_prepare(const struct fw_config *config, uid_t uid, gid_t gid, struct err *e)
{
	size_t n = config->max_addresses;
	int ret = link_object_prepare(look_bpf_dir(config),
				      n < FEWEST_ADDRESSES ? FEWEST_ADDRESSES : n, uid, gid, e);

	return ret < 0 ? ret : renew(config, e);
}

/* How many paths are counted, as the slots say. */
static unsigned count_rules(const struct link_object *o)
{
	unsigned n = 0;

	for (uint32_t i = 0; o->room && i < o->state->reach; i++)
		if (o->owner[i].state == LINK_LIVE)
			n += (unsigned)__builtin_popcount(o->owner[i].paths);
	return n;
}

int look_remove_all(const struct fw_config *config, struct err *e, unsigned *ret_removed)
{
	struct link_object object = { .room = NULL };
	struct attach a;
	unsigned n;
	int ret;

	if (tcx_is_forbidden()) {
		err_set(e, "no permission to take programs off links: run it as root");
		return -EPERM;
	}
	link_object_peek(look_bpf_dir(config), &object, NULL); /* or else by their names */
	n = count_rules(&object);
	ret = attach_open(&object, config->links, config->n_links, &a, e);
	if (!ret) {
		ret = each_link(&a, attach_purge);
		if (ret < 0)
			err_set(e, "cannot take the counting programs off some links: %s",
				strerror(-ret));
		attach_close(&a);
	}
	link_object_close(&object);
	if (ret >= 0)
		ret = link_object_remove(look_bpf_dir(config), e);
	if (ret < 0)
		return ret;
	*ret_removed = n;
	return 0;
}

/* --- the doctor's part ---------------------------------------------------------------------- */

/* A program or filter of somebody else. */
static void note_other(struct fw_look_link *l, enum fw_entrance at, uint32_t id, const char *name,
		       int program)
{
	enum tcx_peering peering = at == FW_INGRESS && program >= 0 && !l->at[at].peering
					   ? tcx_peering(program)
					   : TCX_PEERING_NOT;

	if (peering != TCX_PEERING_NOT) {
		l->at[at].peering = id;
		l->at[at].peering_tail = peering == TCX_PEERING_TAIL;
		snprintf(l->at[at].peering_name, sizeof(l->at[at].peering_name), "%s", name);
	}
	l->at[at].n_others++;
	if (l->at[at].ours)
		return;
	if (!l->at[at].n_before++) {
		l->at[at].before = id;
		snprintf(l->at[at].before_name, sizeof(l->at[at].before_name), "%s", name);
	}
}

/* What comes at one entrance, in order. Returns whether it is ours. */
static bool note_program(struct fw_look_link *l, enum fw_entrance at, bool current, uint32_t id,
			 const char *name)
{
	int program = id && !current ? tcx_program(id) : -1;
	char known[TC_NAME_SIZE] = "";
	bool ours = current;

	snprintf(known, sizeof(known), "%s", name);
	if (program >= 0 && !*known)
		tcx_program_name(program, known);
	if (current) {
		l->at[at].ours = true;
	} else if (id && attach_is_our_name(known)) {
		l->at[at].stale = ours = true;
	} else {
		note_other(l, at, id, known, program);
	}
	if (program >= 0)
		close(program);
	return ours;
}

static bool is_ours(const struct link_object *o, uint32_t id)
{
	for (enum link_program p = 0; o->room && p < LINK_PROGRAMS; p++)
		if (id && o->program_id[p] == id)
			return true;
	return false;
}

static void look_tcx(const struct attach *a, struct fw_look_link *l, enum tc_hook hook)
{
	uint32_t ids[TCX_MAX];
	size_t n;

	if (tcx_query(l->link, hook, ids, &n, NULL) < 0)
		return;
	for (size_t i = 0; i < n; i++) {
		if (note_program(l, (enum fw_entrance)hook, is_ours(a->object, ids[i]), ids[i], ""))
			l->way = attach_way_name(ATTACH_TCX);
	}
}

static void look_filters(const struct attach *a, struct fw_look_link *l, enum tc_qdisc qdisc,
			 enum tc_hook hook)
{
	struct tc_filter *filters = NULL;
	size_t n = 0;

	if (tc_filters(a->fd, l->link, qdisc, hook, &filters, &n) < 0)
		return;
	for (size_t i = 0; i < n; i++) {
		l->polices = l->polices || filters[i].polices;
		if (note_program(l, (enum fw_entrance)hook, is_ours(a->object, filters[i].program),
				 filters[i].program, filters[i].name))
			l->way = attach_way_name(qdisc == TC_QDISC_CLSACT ? ATTACH_CLSACT
									  : ATTACH_INGRESS);
	}
	free(filters);
}

/* Returns whether there is anything to tell. */
static bool look_link(const struct attach *a, const struct rtnl_link *link,
		      struct fw_look_link *ret_l)
{
	struct fw_look_link l = { .link = (uint32_t)link->index,
				  .way = attach_way_name(ATTACH_NONE) };
	enum tc_qdisc qdisc = TC_QDISC_NONE;
	bool any = false;

	snprintf(l.name, sizeof(l.name), "%s", link->name);
	tc_qdisc(a->fd, l.link, &qdisc);
	l.ingress_qdisc = qdisc == TC_QDISC_INGRESS;
	for (enum tc_hook hook = 0; hook <= TC_HOOK_EGRESS; hook++) {
		look_tcx(a, &l, hook); /* packets meet these first */
		if (qdisc)
			look_filters(a, &l, qdisc, hook);
		any = any || l.at[hook].ours || l.at[hook].stale || l.at[hook].n_others;
	}
	*ret_l = l;
	return any || l.ingress_qdisc;
}

int look_links(const struct fw_config *config, struct fw_look_link **ret_links, size_t *ret_n)
{
	struct link_object object = { .room = NULL };
	struct fw_look_link *found = NULL;
	struct rtnl_link *links = NULL;
	size_t n = 0, kept = 0;
	struct attach a;
	int ret;

	if (tcx_is_forbidden())
		return -EPERM;
	link_object_peek(look_bpf_dir(config), &object, NULL);
	ret = attach_open(&object, config->links, config->n_links, &a, NULL);
	if (!ret) {
		ret = rtnl_links(a.fd, &links, &n);
		found = xcalloc(n, sizeof(*found));
		for (size_t i = 0; !ret && i < n; i++)
			kept += look_link(&a, &links[i], &found[kept]);
		attach_close(&a);
	}
	free(links);
	link_object_close(&object);
	if (ret < 0) {
		free(found);
		return ret;
	}
	*ret_links = found;
	*ret_n = kept;
	return 0;
}
