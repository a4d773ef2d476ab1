/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A packet's path through the node to a container: is it forwarded, and is there a route? */
#include "doctor/doctor_room.h"

#include "base/xalloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- forwarding ---- */

/* For IPv4 the link that receives a packet must forward; for IPv6 only the switch for all links
 * matters (kernel: ip_route_input, ip6_forward). Adds the container links that do not forward to
 * words, and the settings that mend it to *ret_cure. */
static void find_unforwarded(struct doctor *d, struct doctor_words *words, char **ret_cure)
{
	size_t n;
	const struct rtnl_link **links = doctor_container_links(d, ADDR_V4, &n);

	for (size_t i = 0; i < n; i++) {
		char *name, *longer;

		if (doctor_is_bridge(links[i]) && doctor_has_uplink(d, links[i]))
			continue;
		if (doctor_read_number(d, "/proc/sys/net/ipv4/conf/%s/forwarding",
				       links[i]->name) != 0)
			continue;
		doctor_words_add(words, "%s", links[i]->name);
		name = doctor_quote_sysctl(links[i]->name);
		longer = xasprintf("%s%snet.ipv4.conf.%s.forwarding=1", *ret_cure ? *ret_cure : "",
				   *ret_cure ? " " : "", name);
		free(*ret_cure);
		free(name);
		*ret_cure = longer;
	}
	free(links);
}

/* Are all containers of the family on bridges with an uplink, so that nothing is routed? */
static bool all_bridged(struct doctor *d, enum addr_family family)
{
	size_t n;
	const struct rtnl_link **links = doctor_container_links(d, family, &n);
	/* On links they are counted without any route of the node. */
	bool all = n > 0 || doctor_backend(d) == CFG_BACKEND_LINK;

	for (size_t i = 0; i < n; i++)
		all = all && doctor_is_bridge(links[i]) && doctor_has_uplink(d, links[i]);
	free(links);
	return all;
}

/* The settings that turn IPv6 forwarding on, for free(). A forwarding node ignores router
 * advertisements on links with accept_ra = 1 and may lose its own default route. With accept_ra = 2
 * it keeps it, so that is set on the uplinks first. */
static char *forward_v6(struct doctor *d)
{
	char *settings = xstrdup(""), *all;
	size_t n;
	const struct rtnl_link *links = doctor_links(d, &n);

	for (size_t i = 0; i < n; i++) {
		bool bridge = doctor_is_bridge(&links[i]) && doctor_has_uplink(d, &links[i]);
		char *name, *longer;

		if ((!bridge && !doctor_is_uplink(&links[i])) ||
		    doctor_read_number(d, "/proc/sys/net/ipv6/conf/%s/accept_ra", links[i].name) !=
			    1)
			continue;
		name = doctor_quote_sysctl(links[i].name);
		longer = xasprintf("%snet.ipv6.conf.%s.accept_ra=2 ", settings, name);
		free(settings);
		free(name);
		settings = longer;
	}
	all = xasprintf("%snet.ipv6.conf.all.forwarding=1", settings);
	free(settings);
	return all;
}

void doctor_forwarding(struct doctor *d, enum addr_family family, struct doctor_finding *f)
{
	const char *name = doctor_family_name(family);
	long on = family == ADDR_V4
			  ? doctor_read_number(d, "/proc/sys/net/ipv4/ip_forward")
			  : doctor_read_number(d, "/proc/sys/net/ipv6/conf/all/forwarding");
	struct doctor_words words = { .n = 0 };
	char *cure = NULL, *command;

	if (on > 0 && family == ADDR_V4)
		find_unforwarded(d, &words, &cure);
	if (!doctor_count_addresses(d, family)) {
		doctor_say(f, DOCTOR_OK, "no container has an %s address", name);
	} else if (all_bridged(d, family)) {
		doctor_say(f, DOCTOR_OK, "the containers are bridged; nothing is routed");
	} else if (on < 0) {
		doctor_say(f, DOCTOR_FAIL, "this kernel has no %s", name);
	} else if (!on) {
		doctor_say(f, DOCTOR_FAIL, "the node forwards no %s to or from containers", name);
		cure = family == ADDR_V4 ? xstrdup("net.ipv4.ip_forward=1") : forward_v6(d);
	} else if (words.n) {
		doctor_say(f, DOCTOR_FAIL, "the node forwards no %s received on %s", name,
			   doctor_words_text(&words));
	} else {
		doctor_say(f, DOCTOR_OK, "the node forwards %s", name);
	}
	if (f->level == DOCTOR_FAIL && cure) {
		command = doctor_sysctl_command(d, cure, NULL, NULL);
		doctor_cure(f, "%s", command);
		free(command);
	}
	doctor_words_clear(&words);
	free(cure);
}

/* ---- routes ---- */

struct ways {
	struct doctor_words none, own, off; /* no route; local to the node; off the node */
	char first[ADDR_TEXT_SIZE]; /* of the addresses in these lists */
	size_t n_running, n_unknown;
};

static void note_way(struct doctor *d, const struct doctor_address *a, struct ways *w)
{
	const struct rtnl_link *l = doctor_link(d, a->route.link);
	char text[ADDR_TEXT_SIZE];

	addr_format(&a->addr, text);
	if (a->route.way == RTNL_WAY_UNKNOWN) {
		w->n_unknown++;
		return;
	}
	if (a->route.way == RTNL_WAY_NONE || a->route.way == RTNL_WAY_REFUSED)
		doctor_words_add(&w->none, "%s %s", a->id, text);
	else if (a->route.way == RTNL_WAY_LOCAL || (l && l->loopback))
		doctor_words_add(&w->own, "%s %s", a->id, text);
	else if (!doctor_container_link(d, a))
		doctor_words_add(&w->off, "%s %s (%s)", a->id, text, l ? l->name : "?");
	else
		return;
	if (!*w->first)
		snprintf(w->first, sizeof(w->first), "%s", text);
}

void doctor_routes(struct doctor *d, enum addr_family family, struct doctor_finding *f)
{
	struct ways w = { .first = "" };
	size_t n;
	const struct doctor_address *a = doctor_addresses(d, &n);

	for (size_t i = 0; i < n; i++) {
		if (a[i].addr.family != family || a[i].stopped)
			continue;
		w.n_running++;
		if (a[i].counting && *a[i].link)
			continue; /* it needs no route of the node */
		note_way(d, &a[i], &w);
	}
	if (*w.first) {
		doctor_say(f, DOCTOR_WARN, "%s%s%s%s%s%s%s%s", w.none.n ? "no route leads to " : "",
			   doctor_words_text(&w.none), w.none.n && (w.own.n || w.off.n) ? "; " : "",
			   w.own.n ? "assigned to the node itself: " : "",
			   doctor_words_text(&w.own), w.own.n && w.off.n ? "; " : "",
			   w.off.n ? "routed off the node: " : "", doctor_words_text(&w.off));
		doctor_look(f, "ip route get %s", w.first);
	} else if (w.n_unknown) {
		doctor_say(f, DOCTOR_SKIP, "the kernel did not tell the route to %zu addresses",
			   w.n_unknown);
	} else if (!w.n_running) {
		doctor_say(f, DOCTOR_OK, "no %s address is in use", doctor_family_name(family));
	} else {
		doctor_say(f, DOCTOR_OK, "%zu addresses in use, each %s a container's link",
			   w.n_running, doctor_backend(d) == CFG_BACKEND_LINK ? "on" : "routed to");
	}
	doctor_words_clear(&w.none);
	doctor_words_clear(&w.own);
	doctor_words_clear(&w.off);
}
