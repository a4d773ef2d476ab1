/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/iptables/xt_look.h"

#include "netfilter/iptables/xt_hazard.h"
#include "netfilter/iptables/xt_layout.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PREROUTING 0 /* NF_INET_PRE_ROUTING */

/* An entry's interface as iptables writes it: a mask that ends before the final NUL means "+". */
static void interface_of(const struct xt_raw *raw, const struct xt_entry *e,
			 char ret[FW_LOOK_NAME_SIZE])
{
	const char *name;
	const unsigned char *mask;
	size_t n = 0;

	if (raw->family == ADDR_V4) {
		name = ((const struct ipt_ip *)(const void *)e->at)->iniface;
		mask = ((const struct ipt_ip *)(const void *)e->at)->iniface_mask;
	} else {
		name = ((const struct ip6t_ip6 *)(const void *)e->at)->iniface;
		mask = ((const struct ip6t_ip6 *)(const void *)e->at)->iniface_mask;
	}
	while (n < IFNAMSIZ && mask[n] && name[n])
		n++;
	snprintf(ret, FW_LOOK_NAME_SIZE, "%.*s%s", (int)n, name,
		 n && n < IFNAMSIZ && !mask[n] ? "+" : "");
}

static bool matches_rpfilter(const struct xt_raw *raw, const struct xt_entry *e)
{
	const struct xt_entry_match *m;
	size_t at = xt_families[raw->family].entry_size;

	for (; at + sizeof(*m) <= e->target_offset; at += m->u.match_size) {
		m = (const void *)(e->at + at);
		if (!strncmp(m->u.user.name, "rpfilter", sizeof(m->u.user.name)))
			return true;
		if (m->u.match_size < sizeof(*m))
			break;
	}
	return false;
}

static bool is_drop(const struct xt_entry *e)
{
	return xt_is_standard(e) && xt_verdict(e) == -NF_DROP - 1;
}

static bool is_policy(const struct xt_raw *raw, const struct xt_entry *e)
{
	for (unsigned i = 0; i < XT_HOOKS; i++)
		if (raw->valid_hooks & 1u << i && e->offset == raw->underflow[i])
			return true;
	return false;
}

static void note_rule(const struct xt_raw *raw, const struct xt_entry *e, struct fw_look *look)
{
	bool guard = matches_rpfilter(raw, e);
	bool prerouting = raw->valid_hooks & 1u << PREROUTING &&
			  e->offset >= raw->hook_entry[PREROUTING] &&
			  e->offset < raw->underflow[PREROUTING];

	look->n_foreign++;
	if (guard && prerouting && look->n_guards < FW_LOOK_GUARDS)
		interface_of(raw, e, look->guards[look->n_guards++]);
	if (guard || !is_drop(e))
		return;
	look->n_drops++;
	look->n_prerouting_drops += prerouting;
}

/* Count the rules of others: not in our chains, no policy, no end of a chain. */
static void walk(const struct xt_raw *raw, struct fw_look *look)
{
	bool user_chain = false, ours = false;
	uint64_t epoch;
	enum hook hook;
	enum path path;

	for (struct xt_entry e = xt_entry_first(raw), next; e.at; e = next) {
		next = xt_entry_next(raw, &e);
		if (xt_is_error(&e)) {
			user_chain = true;
			ours = rule_name_parse(xt_error_name(&e), &hook, &epoch, &path) !=
			       RULE_NAME_FOREIGN;
		} else if (!ours && !is_policy(raw, &e) &&
			   !(user_chain && (!next.at || xt_is_error(&next)))) {
			note_rule(raw, &e, look);
		}
	}
}

static void take_layout(const struct xt_layout *l, struct fw_look *look)
{
	look->n_counting = l->present.n_counting;
	look->n_intruders = l->present.intruders;
	memcpy(look->intruders, l->present.flaw, sizeof(look->intruders));
	for (enum hook h = 0; h < HOOKS; h++) {
		look->hook[h].jumps = l->present.hook[h].jumps;
		look->hook[h].jump = l->place[h].jump;
		look->hook[h].shadow = l->place[h].shadow;
		snprintf(look->hook[h].shadow_target, sizeof(look->hook[h].shadow_target), "%s",
			 l->place[h].shadow_target);
		look->n_foreign -= look->hook[h].jumps; /* walk has counted our jumps as foreign */
	}
}

int xt_look(enum addr_family family, const char *table, struct fw_look *ret_look)
{
	struct fw_look look = { .n_entries = 0 };
	struct xt_layout layout;
	struct xt_raw raw;
	int fd = xt_socket(family);
	int ret = fd < 0 ? fd : xt_read(fd, family, table, &raw);

	if (!ret) {
		look.n_entries = raw.n_entries;
		look.size = raw.size;
		walk(&raw, &look);
		xt_hazards_find(&raw, &look.hazards);
		xt_layout_parse(&raw, &layout);
		take_layout(&layout, &look);
		xt_layout_clear(&layout);
		xt_raw_clear(&raw);
		*ret_look = look;
	}
	if (fd >= 0)
		close(fd);
	return ret;
}
