/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A packet with a spoofed source address is counted for the address's owner, unless the node drops
 * it on receipt. rp_filter does that for IPv4; IPv6 has no such switch and needs a rule. Loose mode
 * (2) accepts every source that has a route on any link, so it does not help. Neither can tell the
 * ports of a bridge apart: only a filter on the bridge can. */
#include "doctor/doctor_room.h"

#include "base/join.h"
#include "base/xalloc.h"
#include "netfilter/fw_look.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* rp_filter (ip-sysctl). */
#define STRICT 1
#define LOOSE 2

#define CURE_LINKS 8 /* a command names up to so many one by one, more in a loop */
#define CURE_MAX 256 /* links in one command */

/* OpenVZ's venet itself drops packets whose source is not one of the container's addresses. */
static bool is_venet(const struct rtnl_link *l)
{
	return !strncmp(l->name, "venet", 5);
}

/* The prefix of a link that gets a new name at each start of its container (Docker, Podman, LXC,
 * Incus, Calico, Cilium); NULL: the name lasts. A name that contains the container's id is derived
 * from the id and lasts. */
static const char *random_prefix(struct doctor *d, const struct rtnl_link *l)
{
	static const char *const prefixes[] = { "veth", "cali", "lxc" };
	const char *prefix = NULL;
	size_t n;
	const struct doctor_address *a = doctor_addresses(d, &n);

	for (size_t i = 0; i < ARRAY_LEN(prefixes) && !strcmp(l->kind, "veth"); i++)
		if (!strncmp(l->name, prefixes[i], strlen(prefixes[i])))
			prefix = prefixes[i];
	for (size_t i = 0; prefix && i < n; i++)
		if (a[i].route.link == l->index && strstr(l->name, a[i].id))
			return NULL;
	return prefix;
}

static bool is_routed(const struct rtnl_link *l)
{
	return !doctor_is_bridge(l) && !is_venet(l);
}

/* ---- the cure: it names the containers' links, since other links must not change ---- */

struct cure {
	char *parts; /* a setting for each link */
	char *names; /* the links' names, for a loop */
	size_t n;
};

/* Is the name in the list already? */
static bool has_name(const struct cure *c, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = c->names; at && (at = strstr(at, name)); at += len)
		if ((at == c->names || at[-1] == ' ') && (!at[len] || at[len] == ' '))
			return true;
	return false;
}

static void add_cure(struct cure *c, char *take_part, char *take_name)
{
	if (!has_name(c, take_name) && c->n++ < CURE_MAX) {
		join_heap(&c->parts, " ", "%s", take_part);
		join_heap(&c->names, " ", "%s", take_name);
	}
	free(take_part);
	free(take_name);
}

static void clear_cure(struct cure *c)
{
	free(c->parts);
	free(c->names);
}

/* The end of the finding's text, if one command does not cover all links; for free(). */
static char *left_out(const struct cure *c)
{
	if (c->n <= CURE_MAX)
		return xstrdup("");
	return xasprintf("; the command covers the first %d, so check again after it", CURE_MAX);
}

/* ---- IPv4 ---- */

static long own_mode(struct doctor *d, const char *name)
{
	return doctor_read_number(d, "/proc/sys/net/ipv4/conf/%s/rp_filter", name);
}

static bool is_among(const struct rtnl_link *l, const struct rtnl_link **links, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (links[i] == l)
			return true;
	return false;
}

/* The settings that leave all other links as they are, for free(). The cure changes "all" or
 * "default". An uplink that is loose only by "all" would turn strict or off with it, and one that
 * takes "default" at the next boot would turn strict; a strict uplink goes dark if its answers come
 * over another link. So each such link gets its present mode as its own setting. */
static char *keep_others(struct doctor *d, const struct rtnl_link **ours, size_t n_ours, long all)
{
	char *settings = xstrdup("");
	size_t n;
	const struct rtnl_link *links = doctor_links(d, &n);

	for (size_t i = 0; i < n; i++) {
		long own = own_mode(d, links[i].name), kept = own < all ? all : own;
		char *name, *longer;

		if (own < 0 || links[i].loopback || is_among(&links[i], ours, n_ours) ||
		    (all >= LOOSE ? own >= LOOSE : random_prefix(d, &links[i]) != NULL))
			continue;
		name = doctor_quote_sysctl(links[i].name);
		longer = xasprintf("%snet.ipv4.conf.%s.rp_filter=%ld ", settings, name, kept);
		free(settings);
		free(name);
		settings = longer;
	}
	return settings;
}

/* The command for links whose names do not last: it sets them now, and nothing for the next boot.
 * For free(); "": there are none. */
static char *set_passing(const struct cure *passing)
{
	if (!passing->n)
		return xstrdup("");
	if (passing->n <= CURE_LINKS)
		return xasprintf("sysctl -w %s", passing->parts);
	return xasprintf("for l in %s; do sysctl -w \"net.ipv4.conf.$l.rp_filter=1\"; done",
			 passing->names);
}

/* all: conf.all.rp_filter. to_come: conf.default must be set too, for links to come. lasting: the
 * cures of links whose names last [0] and do not [1]. */
static void cure_v4(struct doctor *d, const struct rtnl_link **links, size_t n, long all,
		    bool to_come, const struct cure lasting[2], struct doctor_finding *f)
{
	const struct cure *c = &lasting[0];
	bool loose = all >= LOOSE, loop = c->n > CURE_LINKS;
	char *others = loose || to_come ? keep_others(d, links, n, loose ? all : 0) : xstrdup("");
	char *settings =
		xasprintf("%s%s%s%s", others, loose ? "net.ipv4.conf.all.rp_filter=0 " : "",
			  to_come ? "net.ipv4.conf.default.rp_filter=1 " : "",
			  c->parts && !loop ? c->parts : "");
	char *passing = set_passing(&lasting[1]), *command;
	size_t len = strlen(settings);

	if (len && settings[len - 1] == ' ')
		settings[len - 1] = '\0';
	command = doctor_sysctl_command(d, settings, loop ? c->names : NULL,
					"net.ipv4.conf.$l.rp_filter=1");
	doctor_cure(f, "%s%s%s", command, *command && *passing ? " && " : "", passing);
	free(others);
	free(settings);
	free(passing);
	free(command);
}

/* The first link that gets a new name at its next start, if conf.default would not make it strict
 * then; NULL: none. */
static const struct rtnl_link *find_to_come(struct doctor *d, const struct rtnl_link **links,
					    size_t n, long all)
{
	long mode = own_mode(d, "default");

	if (all < LOOSE && all > mode)
		mode = all;
	if (mode == STRICT)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (random_prefix(d, links[i]))
			return links[i];
	return NULL;
}

static void say_v4(struct doctor_words *words, const struct rtnl_link *to_come, const char *rest,
		   struct doctor_finding *f)
{
	if (words->n)
		doctor_say(f, DOCTOR_WARN,
			   "rp_filter is not strict on these links, so packets with a spoofed "
			   "source are billed to the victim: %s%s",
			   doctor_words_text(words), rest);
	if (words->n && to_come)
		doctor_say(f, DOCTOR_WARN,
			   "%s; %s gets a new name at its container's next start, so set it in "
			   "conf.default too, or in a hook of the container's runtime",
			   f->text, to_come->name);
	else if (to_come)
		doctor_say(f, DOCTOR_WARN,
			   "rp_filter is strict on all links now, but %s gets a new name at its "
			   "container's next start and then takes conf.default, which is not 1",
			   to_come->name);
	else if (!words->n)
		doctor_say(f, DOCTOR_OK, "the node drops spoofed sources (rp_filter = 1)");
}

/* The greater of the link's own value and that of conf.all counts. */
static void judge_v4(struct doctor *d, const struct rtnl_link **links, size_t n,
		     struct doctor_finding *f)
{
	long all = own_mode(d, "all");
	struct doctor_words words = { .n = 0 };
	struct cure cure[2] = { { .n = 0 }, { .n = 0 } }; /* as cure_v4's lasting */
	const struct rtnl_link *to_come;
	char *rest;

	for (size_t i = 0; i < n; i++) {
		long own = own_mode(d, links[i]->name), mode = own > all ? own : all;
		char *name;

		if (mode == STRICT)
			continue;
		doctor_words_add(&words, "%s%s", links[i]->name, mode > STRICT ? " (loose)" : "");
		name = doctor_quote_sysctl(links[i]->name);
		add_cure(&cure[random_prefix(d, links[i]) != NULL],
			 xasprintf("net.ipv4.conf.%s.rp_filter=1", name), name);
	}
	rest = left_out(cure[0].n > cure[1].n ? &cure[0] : &cure[1]);
	to_come = find_to_come(d, links, n, all);
	say_v4(&words, to_come, rest, f);
	if (f->level != DOCTOR_OK)
		cure_v4(d, links, n, all, to_come, cure, f);
	free(rest);
	clear_cure(&cure[0]);
	clear_cure(&cure[1]);
	doctor_words_clear(&words);
}

/* ---- IPv6 ---- */

static bool covers(const char *pattern, const char *name)
{
	size_t len = strlen(pattern);

	if (!len)
		return true;
	return pattern[len - 1] == '+' ? !strncmp(pattern, name, len - 1) : !strcmp(pattern, name);
}

static bool is_guarded(const struct fw_look *look, const char *name)
{
	for (size_t i = 0; i < look->n_guards; i++)
		if (covers(look->guards[i], name))
			return true;
	return false;
}

/* The interface as a rule names it, for free(). If the link's name does not last: all with its
 * prefix. */
static char *pattern_of(struct doctor *d, const struct rtnl_link *l)
{
	const char *prefix = random_prefix(d, l);

	return prefix ? xasprintf("%s+", prefix) : xstrdup(l->name);
}

#define RULE_V6 "%s -t raw -A PREROUTING -i %s -m rpfilter --invert -j DROP"

/* Uses the legacy ip6tables if it is installed, else nft. */
static void cure_v6(const struct doctor *d, const struct cure *c, struct doctor_finding *f)
{
	const char *iptables = doctor_iptables(d, ADDR_V6, false);
	char *install, *loop;

	if (iptables && c->n == 1) {
		doctor_cure(f, RULE_V6, iptables, c->names);
	} else if (iptables) {
		loop = xasprintf(RULE_V6, iptables, "\"$l\"");
		doctor_cure(f, "for l in %s; do %s; done", c->names, loop);
		free(loop);
	} else {
		install = doctor_install(d, "nft", "nftables", "nftables");
		doctor_cure(
			f,
			"%snft add table ip6 ctmeter && nft add chain ip6 ctmeter sources '{ type "
			"filter hook prerouting priority -300; }' && for l in %s; do nft add rule "
			"ip6 ctmeter sources iifname \"$(echo \"$l\" | tr + '*')\" fib saddr . iif "
			"oif missing drop; done",
			install, c->names);
		free(install);
	}
}

static void judge_v6(struct doctor *d, const struct rtnl_link **links, size_t n,
		     struct doctor_finding *f)
{
	struct fw_look raw = { .n_guards = 0 }, mangle = { .n_guards = 0 };
	int rc = doctor_look_at_table(d, ADDR_V6, "raw", &raw);
	struct doctor_words words = { .n = 0 };
	struct cure cure = { .n = 0 };
	const struct nft_view *nft;
	char *rest;

	if (rc == -EPERM || rc == -EACCES) {
		doctor_say(f, DOCTOR_SKIP,
			   "only root may read the rules that would drop spoofed sources");
		return;
	}
	doctor_look_at_table(d, ADDR_V6, "mangle", &mangle);
	nft = doctor_nft(d);
	for (size_t i = 0; i < n && !(nft && nft_view_guards(nft, ADDR_V6)); i++) {
		char *pattern, *name;

		if (is_guarded(&raw, links[i]->name) || is_guarded(&mangle, links[i]->name))
			continue;
		doctor_words_add(&words, "%s", links[i]->name);
		pattern = pattern_of(d, links[i]);
		name = doctor_quote(pattern);
		free(pattern);
		add_cure(&cure, xstrdup(""), name);
	}
	rest = left_out(&cure);
	if (!words.n) {
		doctor_say(f, DOCTOR_OK, "a rule drops spoofed sources");
	} else {
		doctor_say(f, DOCTOR_WARN,
			   "no rule drops spoofed sources on these links, so packets with one are "
			   "billed to the victim: %s%s; a new rule lasts until the next boot "
			   "unless your firewall's set-up keeps it",
			   doctor_words_text(&words), rest);
		cure_v6(d, &cure, f);
	}
	free(rest);
	clear_cure(&cure);
	doctor_words_clear(&words);
}

/* ---- bridges ---- */

static void add_bridges(struct doctor *d, enum addr_family family, struct doctor_words *bridges,
			struct doctor_finding *f)
{
	const struct nft_view *nft = doctor_nft(d);
	bool guarded = nft && nft_view_guards_bridges(nft, family);
	char *text;

	if (guarded)
		text = xasprintf("an nft bridge table checks source addresses on %s",
				 doctor_words_text(bridges));
	else
		text = xasprintf("on %s a container with a raw socket can send from another's "
				 "address, and the other is billed; rp_filter does not help there, "
				 "a filter on the bridge's ports does%s",
				 doctor_words_text(bridges),
				 nft ? "" : " (cannot tell whether one exists)");
	doctor_say(f,
		   f->level == DOCTOR_WARN || (!guarded && nft) ? DOCTOR_WARN
		   : guarded                                    ? DOCTOR_OK
								: DOCTOR_SKIP,
		   "%s%s%s", f->text ? f->text : "", f->text ? "; " : "", text);
	if (!guarded && nft && doctor_has_tool(d, "nft"))
		doctor_look(f, "nft list ruleset bridge");
	free(text);
}

/* ---- the check ---- */

void doctor_rp_filter(struct doctor *d, enum addr_family family, struct doctor_finding *f)
{
	size_t n, n_routed = 0, n_venet = 0;
	const struct rtnl_link **links = doctor_container_links(d, family, &n);
	struct doctor_words bridges = { .n = 0 };

	if (doctor_backend(d) == CFG_BACKEND_LINK && !d->o.cfg->netfilter.n_links) {
		doctor_say(f, DOCTOR_OK,
			   "a spoofed source is billed to nobody: each link counts only its own "
			   "addresses");
		free(links);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		n_venet += is_venet(links[i]);
		if (doctor_is_bridge(links[i]))
			doctor_words_add(&bridges, "%s", links[i]->name);
		if (is_routed(links[i]))
			links[n_routed++] = links[i];
	}
	if (!n)
		doctor_say(f, DOCTOR_OK, "no %s container is reached over a link",
			   doctor_family_name(family));
	else if (n == n_venet)
		doctor_say(f, DOCTOR_OK, "venet itself drops spoofed sources");
	else if (n_routed && family == ADDR_V4)
		judge_v4(d, links, n_routed, f);
	else if (n_routed)
		judge_v6(d, links, n_routed, f);
	if (bridges.n)
		add_bridges(d, family, &bridges, f);
	doctor_words_clear(&bridges);
	free(links);
}
