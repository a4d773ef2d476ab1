/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Opening and closing the link backend, and what it finds when it begins. */
#include "base/log.h"
#include "base/xalloc.h"
#include "netfilter/link/fw_link.h"
#include "netfilter/link/look.h"
#include "netfilter/link/tcx.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- the kernel's index --------------------------------------------------------------------- */

static const struct link_object *object_of(void *arg)
{
	return &((struct fw_link *)arg)->object;
}

static int dropped(const struct link_object *o, int ret)
{
	link_object_drop_index(o);
	return ret;
}

static int put(void *arg, const struct fw_key *key, uint32_t slot)
{
	const struct link_object *o = object_of(arg);
	int ret = link_object_hold_index(o);

	return ret < 0 ? ret : dropped(o, index_put(&o->index, key, slot));
}

static int take(void *arg, const struct fw_key *key)
{
	const struct link_object *o = object_of(arg);
	int ret = link_object_hold_index(o);

	return ret < 0 ? ret : dropped(o, index_remove(&o->index, key));
}

static int get(void *arg, const struct fw_key *key, uint32_t *ret_slot)
{
	const struct link_object *o = object_of(arg);
	int ret = link_object_hold_index(o);

	return ret < 0 ? ret : dropped(o, index_get(&o->index, key, ret_slot));
}

static int wait_grace(void *arg)
{
	return link_object_wait_grace(object_of(arg));
}

/* --- starting ------------------------------------------------------------------------------- */

void fw_link_load(struct fw_link *s, enum addr_family family)
{
	struct lives *l = &s->families[family].lives;
	struct site *site;
	size_t at = 0;

	while ((site = sites_next(&s->sites, &at)))
		site->n_keys[family] = 0;
	lives_load(l, &s->slots, family);
	for (size_t i = 0; i < l->n; i++)
		sites_need(&s->sites, l->at[i].link)->n_keys[family]++;
	for (at = 0; (site = sites_next(&s->sites, &at));) {
		struct attach_found found;

		if (!site->busy && !site->way)
			site_seen(site, attach_look(&s->attach, site->link, &found), &found);
	}
	fw_link_changed(s);
}

/* Links of slots that a killed process had lowered may still have our programs. */
static void find_left_over(struct fw_link *s)
{
	for (uint32_t i = 0; i < s->slots.state->reach; i++)
		if (s->slots.owner[i].state == LINK_LEAVING)
			sites_need(&s->sites, s->slots.owner[i].link);
}

/* Root has prepared it for another user. */
static bool is_anothers(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && st.st_uid != 0;
}

static int open_set(struct fw_link *s, struct err *e)
{
	struct fw_config config = { .bpf_dir = s->bpf_dir,
				    .max_addresses = s->max_addresses,
				    .links = s->links,
				    .n_links = s->n_links };
	bool is_root = geteuid() == 0 && !is_anothers(s->bpf_dir);
	int prepared = is_root ? look_prepare(&config, 0, getegid(), e) : 0;
	/* Root may have given up what preparing needs, after it has prepared. */
	int ret = link_object_open(s->bpf_dir, &s->object, prepared < 0 ? NULL : e);

	return ret < 0 && prepared < 0 ? prepared : ret;
}

static int open_helpers(struct fw_link *s, struct err *e)
{
	int ret = attach_open(&s->object, s->links, s->n_links, &s->attach, e);

	if (!ret)
		ret = attach_open(&s->object, s->links, s->n_links, &s->attach_turns, e);
	if (!ret)
		ret = watch_new(s->loop, patrol_told, s, &s->watch, e);
	if (!ret)
		ret = work_new(s->loop, fw_link_run_turn, fw_link_turned, s, &s->work, e);
	return ret;
}

static void end(struct fw_link *s)
{
	work_free(s->work, turn_free);
	watch_free(s->watch);
	s->work = NULL;
	s->watch = NULL;
	attach_close(&s->attach);
	attach_close(&s->attach_turns);
	node_clear(&s->node);
	sites_clear(&s->sites);
	for (enum addr_family f = 0; f < ADDR_FAMILIES; f++) {
		lives_clear(&s->families[f].lives);
		unmet_clear(&s->families[f].unmet);
	}
	free(s->reserved);
	s->reserved = NULL;
	link_object_close(&s->object);
}

void fw_link_free(struct fw_link *s)
{
	end(s);
	free(s->bpf_dir);
	free(s);
}

static void begin(struct fw_link *s, uint64_t now_ns)
{
	int ret;

	s->slots = (struct slots) { .slot = s->object.slot,
				    .owner = s->object.owner,
				    .state = s->object.state,
				    .index = { put, take, get, wait_grace, s } };
	s->reserved = xcalloc(s->object.slots, sizeof(*s->reserved));
	s->node.object = &s->object;
	s->walked_ns = now_ns;
	ret = node_refresh(&s->node);
	if (ret < 0)
		log_error("fw", "cannot tell the counting programs the node's own addresses: %s",
			  strerror(-ret));
	for (enum addr_family f = 0; f < ADDR_FAMILIES; f++)
		if (s->families[f].commit < s->slots.state->commit[f])
			s->families[f].commit = s->slots.state->commit[f];
	find_left_over(s);
	for (enum addr_family f = 0; f < ADDR_FAMILIES; f++)
		fw_link_load(s, f);
}

static int forbidden(struct err *e)
{
	if (geteuid() == 0)
		err_set(e, "bpf(2) is forbidden here, even to root: this is a user namespace, or a "
			   "container whose system call filter refuses it: take \"backend = "
			   "iptables\"");
	else
		err_set(e, "no permission to attach programs to links: ctmeterd needs the "
			   "capability CAP_NET_ADMIN; run it as root or give it that");
	return -EPERM;
}

int fw_link_start(struct fw_link *s, uint64_t now_ns, struct err *e)
{
	struct err why = { "" };
	int ret;

	s->attach.fd = s->attach_turns.fd = -1;
	s->tried_ns = now_ns;
	s->problem[0] = '\0';
	if (tcx_is_forbidden())
		return forbidden(e);
	ret = open_set(s, &why);
	if (!ret)
		ret = open_helpers(s, &why);
	if (!ret) {
		begin(s, now_ns);
		fw_link_repair_all(s);
	} else {
		end(s);
		snprintf(s->problem, sizeof(s->problem), "%s", why.text);
	}
	return 0;
}

void fw_link_look_again(struct fw_link *s, uint64_t now_ns)
{
	if (!fw_link_start(s, now_ns, NULL) && !s->problem[0])
		log_info("fw", "counting on links is possible now");
}
