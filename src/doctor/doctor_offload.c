/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What passes the entrances of the containers' links by: hardware, XDP on the link itself, programs
 * that hand packets to a link's inner end. */
#include "doctor/doctor_room.h"

#include "base/xalloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct offload {
	struct doctor *d;
	struct doctor_words hardware, xdp, peers, maybe;
	char *cure, *look; /* of the first that is found */
};

/* Is a container counted on this link? */
static bool is_counted(struct doctor *d, const char *name)
{
	size_t n;
	const struct fw_look_link *seen = doctor_seen(d, &n);

	for (size_t i = 0; i < n; i++)
		if (!strcmp(seen[i].name, name))
			return seen[i].at[FW_INGRESS].ours || seen[i].at[FW_EGRESS].ours;
	return false;
}

/* tc(8)'s filters that a network card executes. */
static void find_filters(struct offload *o)
{
	struct rtnl_filter *filters = NULL;
	int fd = rtnl_open();
	size_t n = 0;

	if (fd >= 0)
		rtnl_filters(fd, &filters, &n);
	for (size_t i = 0; i < n; i++) {
		const struct rtnl_link *l = doctor_link(o->d, filters[i].link);
		const char *side = filters[i].egress ? "egress" : "ingress";
		char *name;

		if (!l || !filters[i].in_hardware)
			continue;
		name = doctor_quote(l->name);
		if (!o->cure)
			o->cure = xasprintf("tc filter del dev %s %s pref %u", name, side,
					    filters[i].pref);
		doctor_words_add(&o->hardware, "tc %s %s", l->name, side);
		free(name);
	}
	free(filters);
	if (fd >= 0)
		close(fd);
}

/* Connections of a flowtable that a network card forwards. */
static void find_flows(struct offload *o)
{
	char *flows = doctor_read(o->d, "/proc/net/nf_conntrack");
	size_t n = 0;

	for (const char *at = flows; at && (at = strstr(at, "[HW_OFFLOAD]")); at++)
		n++;
	if (n)
		doctor_words_add(&o->hardware, "%zu connections in flowtables", n);
	if (n && !o->look && doctor_has_tool(o->d, "nft"))
		o->look = xstrdup("nft list flowtables");
	free(flows);
}

static void find_xdp(struct offload *o)
{
	static const char *const words[] = { [RTNL_XDP_DRV] = "xdpdrv",
					     [RTNL_XDP_SKB] = "xdpgeneric",
					     [RTNL_XDP_HW] = "xdpoffload",
					     [RTNL_XDP_MULTI] = "xdp" };
	size_t n;
	const struct rtnl_link *links = doctor_links(o->d, &n);

	for (size_t i = 0; i < n; i++) {
		char *name;

		if (!links[i].xdp || !is_counted(o->d, links[i].name))
			continue;
		name = doctor_quote(links[i].name);
		if (!o->cure)
			o->cure = xasprintf("ip link set dev %s %s off", name, words[links[i].xdp]);
		doctor_words_add(&o->xdp, "%s (program %u)", links[i].name, links[i].xdp_program);
		free(name);
	}
}

static void find_peers(struct offload *o)
{
	size_t n;
	const struct fw_look_link *seen = doctor_seen(o->d, &n);

	for (size_t i = 0; i < n; i++) {
		unsigned id = seen[i].at[FW_INGRESS].peering;
		const char *name = seen[i].at[FW_INGRESS].peering_name;

		if (!id)
			continue;
		doctor_words_add(seen[i].at[FW_INGRESS].peering_tail ? &o->maybe : &o->peers,
				 "%s (program %u%s%s)", seen[i].name, id, *name ? " " : "", name);
		if (!o->look && doctor_has_tool(o->d, "bpftool"))
			o->look = xasprintf("bpftool prog show id %u", id);
	}
}

static void add_part(char **text, const char *what, struct doctor_words *words)
{
	char *longer;

	if (!words->n)
		return;
	longer = xasprintf("%s%s%s: %s", *text ? *text : "", *text ? "; " : "", what,
			   doctor_words_text(words));
	free(*text);
	*text = longer;
}

static void say_offload(struct offload *o, struct doctor_finding *f)
{
	char *text = NULL;

	add_part(&text, "in hardware", &o->hardware);
	add_part(&text, "an XDP program gets packets before ours does", &o->xdp);
	add_part(&text,
		 "a program hands packets to the inner end of a container's link "
		 "(bpf_redirect_peer)",
		 &o->peers);
	add_part(&text,
		 "a program runs others by tail calls, which may do so (bpf_redirect_peer, as "
		 "Cilium does)",
		 &o->maybe);
	if (!text)
		doctor_say(f, DOCTOR_OK, "nothing is seen that takes packets past the links");
	else
		doctor_say(
			f, DOCTOR_WARN,
			"packets that pass a container's link by are not counted; the owner must "
			"agree before you remove what takes them: %s",
			text);
	if (text && o->cure)
		doctor_cure(f, "%s", o->cure);
	if (text && o->look)
		doctor_look(f, "%s", o->look);
	free(text);
}

void doctor_link_offload(struct doctor *d, enum addr_family family, struct doctor_finding *f)
{
	struct offload o = { .d = d };
	size_t n;

	(void)family;
	if (doctor_dry_run(d, f) || doctor_not_on_links(d, f))
		return;
	doctor_seen(d, &n);
	if (d->seen_rc < 0) {
		doctor_say(f, DOCTOR_SKIP, "cannot look at the links: %s", strerror(-d->seen_rc));
		return;
	}
	find_filters(&o);
	find_flows(&o);
	find_xdp(&o);
	find_peers(&o);
	say_offload(&o, f);
	free(o.cure);
	free(o.look);
	doctor_words_clear(&o.hardware);
	doctor_words_clear(&o.xdp);
	doctor_words_clear(&o.peers);
	doctor_words_clear(&o.maybe);
}
