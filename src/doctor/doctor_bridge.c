/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bridges: does iptables see the packets on them, and only once?
 *
 * With bridge-nf-call-iptables=1 a packet passes FORWARD on each bridge that carries it, so on a
 * second bridge in its path (a firewall bridge before the main one) it is counted again. That
 * switch is for all bridges. Each bridge also has its own (nf_call_iptables); iptables sees the
 * packets if either is on. */
#include "doctor/doctor_room.h"

#include "base/join.h"
#include "base/xalloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const keys[ADDR_FAMILIES] = { "call-iptables", "call-ip6tables" };
static const char *const files[ADDR_FAMILIES] = { "nf_call_iptables", "nf_call_ip6tables" };

/* UNSEEN, SEEN: a bridge of containers, or the main one of a row, whose packets iptables does not
 * see or does. INNER: a bridge behind the main one of a row. */
enum { UNSEEN = 1, SEEN = 2, INNER = 4 };

struct bridges {
	struct doctor *d;
	enum addr_family family;
	long on; /* the switch for all bridges; -1: br_netfilter is not loaded */
	const struct rtnl_link **holders; /* the containers' links, bridges among them */
	size_t n_holders;
	struct doctor_words unseen; /* bridges of containers */
	/* What each link is (UNSEEN, ..), by its index in doctor_links. */
	unsigned *is;
	bool any, uplink; /* a container has a bridge; an unseen bridge has an uplink */
	struct doctor_words twice; /* pairs in a row, with iptables seeing packets on both */
	bool rows; /* any pair is in a row, seen or not */
};

static void mark(struct bridges *b, const struct rtnl_link *l, unsigned what)
{
	size_t n;

	b->is[l - doctor_links(b->d, &n)] |= what;
}

/* The names of the links whose flags within the mask are `what`, quoted, with " " between; for
 * free(). */
static char *names_of(const struct bridges *b, unsigned what, unsigned mask)
{
	size_t n;
	const struct rtnl_link *links = doctor_links(b->d, &n);
	char *list = xstrdup("");

	for (size_t i = 0; i < n; i++) {
		char *quoted;

		if ((b->is[i] & mask) != what)
			continue;
		quoted = doctor_quote(links[i].name);
		join_heap(&list, " ", "%s", quoted);
		free(quoted);
	}
	return list;
}

static bool is_seen(const struct bridges *b, const struct rtnl_link *bridge)
{
	return b->on == 1 || doctor_read_number(b->d, "/sys/class/net/%s/bridge/%s", bridge->name,
						files[b->family]) == 1;
}

/* ---- bridges in a row ---- */

static bool holds(const struct bridges *b, const struct rtnl_link *bridge)
{
	for (size_t i = 0; i < b->n_holders; i++)
		if (b->holders[i] == bridge)
			return true;
	return false;
}

/* The bridge at the other end of a veth port; NULL: none. */
static const struct rtnl_link *next_bridge(struct doctor *d, const struct rtnl_link *port)
{
	const struct rtnl_link *end, *bridge;

	if (!port->master || !port->lower || port->lower_elsewhere || strcmp(port->kind, "veth"))
		return NULL;
	end = doctor_link(d, port->lower);
	bridge = end && end->master ? doctor_link(d, end->master) : NULL;
	return bridge && doctor_is_bridge(bridge) && bridge->index != port->master ? bridge : NULL;
}

/* Of two bridges in a row, is `one` the main one: the one with the route to containers, or with the
 * uplink? */
static bool is_main(const struct bridges *b, const struct rtnl_link *one,
		    const struct rtnl_link *other)
{
	if (holds(b, one) != holds(b, other))
		return holds(b, one);
	return doctor_has_uplink(b->d, one) || !doctor_has_uplink(b->d, other);
}

static void find_rows(struct bridges *b)
{
	size_t n;
	const struct rtnl_link *links = doctor_links(b->d, &n);

	for (size_t i = 0; i < n; i++) {
		const struct rtnl_link *one = doctor_link(b->d, links[i].master), *other;

		other = one && doctor_is_bridge(one) ? next_bridge(b->d, &links[i]) : NULL;
		if (!other)
			continue;
		b->rows = true;
		/* Each pair comes up twice, once from each end. */
		if (!is_seen(b, one) || !is_seen(b, other) || !is_main(b, one, other) ||
		    (is_main(b, other, one) && one->index > other->index))
			continue;
		doctor_words_add(&b->twice, "%s and %s", one->name, other->name);
		mark(b, one, SEEN);
		mark(b, other, INNER);
	}
}

/* ---- bridges of containers ---- */

static void find_unseen(struct bridges *b)
{
	for (size_t i = 0; i < b->n_holders; i++) {
		const struct rtnl_link *l = b->holders[i];

		if (!doctor_is_bridge(l))
			continue;
		b->any = true;
		if (is_seen(b, l)) {
			mark(b, l, SEEN);
			continue;
		}
		b->uplink = b->uplink || doctor_has_uplink(b->d, l);
		doctor_words_add(&b->unseen, "%s", l->name);
		mark(b, l, UNSEEN);
	}
}

/* ---- cures ---- */

/* The command that sets each bridge's own switch, now and whenever the bridge is created anew. For
 * free(). */
static char *set_own(const struct bridges *b, char *take_names, int value)
{
	const char *file = files[b->family];
	char *command;

	if (!doctor_exists(b->d, "/etc/udev/rules.d"))
		command =
			xasprintf("for b in %s; do echo %d >\"/sys/class/net/$b/bridge/%s\"; done",
				  take_names, value, file);
	else
		command = xasprintf("for b in %s; do echo %d >\"/sys/class/net/$b/bridge/%s\" && "
				    "printf 'ACTION==\"add\", SUBSYSTEM==\"net\", KERNEL==\"%%s\", "
				    "ATTR{bridge/%s}=\"%d\"\\n' \"$b\" "
				    ">>/etc/udev/rules.d/90-ctmeter.rules; done",
				    take_names, value, file, file, value);
	free(take_names);
	return command;
}

static void cure_unseen(const struct bridges *b, struct doctor_finding *f)
{
	char *load = doctor_load_module("br_netfilter");
	char *setting = xasprintf("net.bridge.bridge-nf-%s=1", keys[b->family]);
	/* With bridges in a row, the switch for all would make the inner ones count too. */
	char *command = b->rows ? set_own(b, names_of(b, UNSEEN, UNSEEN), 1)
				: doctor_sysctl_command(b->d, setting, NULL, NULL);

	doctor_cure(f, "%s%s%s", b->on < 0 ? load : "", b->on < 0 ? " && " : "", command);
	free(load);
	free(setting);
	free(command);
}

/* iptables goes on seeing the main bridge of each row, and other bridges of containers; no inner
 * ones. */
static void cure_twice(const struct bridges *b, struct doctor_finding *f)
{
	char *setting = xasprintf("net.bridge.bridge-nf-%s=0", keys[b->family]);
	char *all = doctor_sysctl_command(b->d, setting, NULL, NULL);
	char *on = set_own(b, names_of(b, SEEN, SEEN | INNER), 1);
	char *off = set_own(b, names_of(b, INNER, INNER), 0);

	doctor_cure(f, "%s && %s && %s", all, off, on);
	free(setting);
	free(all);
	free(on);
	free(off);
}

/* Offer the cure only if nothing drops in FORWARD: else it could cut off bridged traffic, or
 * disable a firewall on the inner bridge. */
static void cure_if_harmless(struct bridges *b,
			     void (*cure)(const struct bridges *, struct doctor_finding *),
			     const char *else_text, struct doctor_finding *f)
{
	char text[160] = "", *look;
	int drops = doctor_forward_drops(b->d, b->family, text, sizeof(text), &look);
	char *choose = doctor_choose_links(b->d);

	if (choose) {
		doctor_say(f, f->level,
			   "%s; with [netfilter] backend = link each container is counted at its "
			   "own link, whatever bridges are behind it, and no firewall changes",
			   f->text);
		doctor_cure(f, "%s", choose);
	} else if (!drops)
		cure(b, f);
	else
		doctor_say(f, f->level, "%s; %s%s: %s", f->text,
			   drops < 0 ? "cannot tell whether FORWARD drops packets, " : "", text,
			   else_text);
	if (look && !choose)
		doctor_look(f, "%s", look);
	free(look);
	free(choose);
}

/* ---- the check ---- */

static void judge(struct bridges *b, struct doctor_finding *f)
{
	if (b->twice.n) {
		doctor_say(f, DOCTOR_FAIL,
			   "bridges in a row: iptables sees packets on both, so a packet "
			   "counts at each: %s",
			   doctor_words_text(&b->twice));
		cure_if_harmless(
			b, cure_twice,
			"a firewall may need to see the inner bridge's packets, so no command is "
			"offered; packets count twice until its rules move to the main bridge",
			f);
	} else if (b->unseen.n) {
		doctor_say(f, b->uplink ? DOCTOR_FAIL : DOCTOR_WARN,
			   "iptables does not see packets on %s%s, so they are not counted "
			   "(bridge-nf-%s is %s); once it does, the node's FORWARD policy and "
			   "rules, and its NAT, apply to them too",
			   doctor_words_text(&b->unseen),
			   b->uplink ? "" : " from container to container", keys[b->family],
			   b->on < 0 ? "missing" : "off");
		cure_if_harmless(b, cure_unseen,
				 "accept bridged packets there before you switch it on (-I FORWARD "
				 "-m physdev --physdev-is-bridged -j ACCEPT)",
				 f);
	} else {
		doctor_say(f, DOCTOR_OK, "%s",
			   b->any ? "iptables sees the packets on the containers' bridges"
				  : "no route to a container leads to a bridge");
	}
}

void doctor_bridge(struct doctor *d, enum addr_family family, struct doctor_finding *f)
{
	struct bridges b = {
		.d = d,
		.family = family,
		.on = doctor_read_number(d, "/proc/sys/net/bridge/bridge-nf-%s", keys[family]),
	};

	size_t n;

	if (doctor_backend(d) == CFG_BACKEND_LINK) {
		doctor_say(f, DOCTOR_OK,
			   "each container is counted at its own link, whatever bridges are behind "
			   "it");
		return;
	}
	doctor_links(d, &n);
	b.is = xcalloc(n, sizeof(*b.is));
	b.holders = doctor_container_links(d, family, &b.n_holders);
	find_rows(&b);
	find_unseen(&b);
	judge(&b, f);
	doctor_words_clear(&b.unseen);
	doctor_words_clear(&b.twice);
	free(b.is);
	free(b.holders);
}
