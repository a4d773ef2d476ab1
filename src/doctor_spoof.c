/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a container sends with somebody else's source address is counted for that somebody, unless
 * the node drops it where it comes in: rp_filter for IPv4, a rule for IPv6, which has no such
 * switch. Loose mode (2) lets an address pass that is anywhere on the node, so it does not help. */
#include "doctor_room.h"

#include "xalloc.h"
#include "xt_look.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* rp_filter (ip-sysctl). */
#define STRICT 1
#define LOOSE 2

#define CURE_LINKS 8 /* one by one up to so many, then in a loop */
#define CURE_MAX 256 /* in one command */

/* OpenVZ's venet drops by itself what is not from one of the container's addresses. */
static bool is_venet(const struct rtnl_link *l)
{
	return !strncmp(l->name, "venet", 5);
}

static bool is_routed(const struct rtnl_link *l)
{
	return strcmp(l->kind, "bridge") != 0 && !is_venet(l);
}

/* ---- the cure: it names the containers' links, for the node's others are not to be touched ---- */

struct cure {
	char *parts; /* a command or an argument for each link */
	char *names; /* of the links, for a loop */
	size_t n;
};

static void join(char **text, const char *between, const char *part)
{
	char *longer = *text ? xasprintf("%s%s%s", *text, between, part) : xstrdup(part);

	free(*text);
	*text = longer;
}

static void add_cure(struct cure *c, const char *between, char *take_part, char *take_name)
{
	if (c->n++ < CURE_MAX) {
		join(&c->parts, between, take_part);
		join(&c->names, " ", take_name);
	}
	free(take_part);
	free(take_name);
}

static void clear_cure(struct cure *c)
{
	free(c->parts);
	free(c->names);
}

/* For the end of the finding's text: what one command leaves out. */
static char *left_out(const struct cure *c)
{
	if (c->n <= CURE_MAX)
		return xstrdup("");
	return xasprintf("; the command is for the first %d, check again after it", CURE_MAX);
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

/* Loose for all makes each link loose: it has to end. Who is no container's link and was loose by it
 * stays so by his own, or an uplink whose answers come by another way goes dark. For free(). */
static char *end_loose(struct doctor *d, const struct rtnl_link **ours, size_t n_ours)
{
	char *command = NULL;
	size_t n;
	const struct rtnl_link *links = doctor_links(d, &n);

	for (size_t i = 0; i < n; i++) {
		long own = own_mode(d, links[i].name);
		char *name, *part;

		if (own < 0 || own >= LOOSE || links[i].loopback ||
		    is_among(&links[i], ours, n_ours))
			continue;
		name = doctor_quote_sysctl(links[i].name);
		part = xasprintf("net.ipv4.conf.%s.rp_filter=%d", name, LOOSE);
		join(&command, " ", part);
		free(part);
		free(name);
	}
	join(&command, " ", "net.ipv4.conf.all.rp_filter=0");
	return command;
}

static void cure_v4(struct doctor *d, const struct rtnl_link **links, size_t n, long all,
		    const struct cure *c, struct doctor_finding *f)
{
	char *first = all >= LOOSE ? end_loose(d, links, n) : NULL;

	if (c->n > CURE_LINKS)
		doctor_cure(f,
			    "%s%s%sfor l in %s; do sysctl -w \"net.ipv4.conf.$l.rp_filter=1\"; "
			    "done",
			    first ? "sysctl -w " : "", first ? first : "", first ? " && " : "",
			    c->names);
	else
		doctor_cure(f, "sysctl -w %s%s%s", first ? first : "", first ? " " : "", c->parts);
	free(first);
}

/* The greater of the link's and that for all counts. */
static void judge_v4(struct doctor *d, const struct rtnl_link **links, size_t n,
		     struct doctor_finding *f)
{
	long all = own_mode(d, "all");
	struct doctor_words words = { .n = 0 };
	struct cure cure = { .n = 0 };
	char *rest;

	for (size_t i = 0; i < n; i++) {
		long own = own_mode(d, links[i]->name), mode = own > all ? own : all;
		char *name;

		if (mode == STRICT)
			continue;
		doctor_words_add(&words, "%s%s", links[i]->name, mode > STRICT ? " (loose)" : "");
		name = doctor_quote_sysctl(links[i]->name);
		add_cure(&cure, " ", xasprintf("net.ipv4.conf.%s.rp_filter=1", name), name);
	}
	rest = left_out(&cure);
	if (!words.n) {
		doctor_say(f, DOCTOR_OK, "the node drops spoofed sources (rp_filter = 1)");
	} else {
		doctor_say(f, DOCTOR_WARN,
			   "rp_filter is off, so a spoofed source is billed to its victim: %s%s",
			   doctor_words_text(&words), rest);
		cure_v4(d, links, n, all, &cure, f);
	}
	free(rest);
	clear_cure(&cure);
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

static bool is_guarded(const struct xt_look *look, const char *name)
{
	for (size_t i = 0; i < look->n_guards; i++)
		if (covers(look->guards[i], name))
			return true;
	return false;
}

#define RULE_V6 "ip6tables-legacy -t raw -A PREROUTING -i %s -m rpfilter --invert -j DROP"

static void cure_v6(const struct cure *c, struct doctor_finding *f)
{
	if (c->n > CURE_LINKS)
		doctor_cure(f, "for l in %s; do " RULE_V6 "; done", c->names, "\"$l\"");
	else
		doctor_cure(f, "%s", c->parts);
}

static void judge_v6(struct doctor *d, const struct rtnl_link **links, size_t n,
		     struct doctor_finding *f)
{
	struct xt_look raw = { .n_guards = 0 }, mangle = { .n_guards = 0 };
	int rc = doctor_look_at_table(d, ADDR_V6, "raw", &raw);
	struct doctor_words words = { .n = 0 };
	struct cure cure = { .n = 0 };
	const struct nft_view *nft;
	char *rest;

	if (rc == -EPERM || rc == -EACCES) {
		doctor_say(f, DOCTOR_SKIP, "only root may read the rules that would do it");
		return;
	}
	doctor_look_at_table(d, ADDR_V6, "mangle", &mangle);
	nft = doctor_nft(d);
	for (size_t i = 0; i < n && !(nft && nft_view_guards(nft, ADDR_V6)); i++) {
		char *name;

		if (is_guarded(&raw, links[i]->name) || is_guarded(&mangle, links[i]->name))
			continue;
		doctor_words_add(&words, "%s", links[i]->name);
		name = doctor_quote(links[i]->name);
		add_cure(&cure, " && ", xasprintf(RULE_V6, name), name);
	}
	rest = left_out(&cure);
	if (!words.n) {
		doctor_say(f, DOCTOR_OK, "a rule drops spoofed sources");
	} else {
		doctor_say(f, DOCTOR_WARN,
			   "no rule drops spoofed sources, so they are billed to their victims: "
			   "%s%s",
			   doctor_words_text(&words), rest);
		cure_v6(&cure, f);
	}
	free(rest);
	clear_cure(&cure);
	doctor_words_clear(&words);
}

/* ---- the check ---- */

void doctor_rp_filter(struct doctor *d, enum addr_family family, struct doctor_finding *f)
{
	size_t n, n_routed = 0, n_venet = 0;
	const struct rtnl_link **links = doctor_container_links(d, family, &n);

	for (size_t i = 0; i < n; i++) {
		n_venet += is_venet(links[i]);
		if (is_routed(links[i]))
			links[n_routed++] = links[i];
	}
	if (!n)
		doctor_say(f, DOCTOR_OK, "no %s container is behind a link",
			   doctor_family_name(family));
	else if (n == n_venet)
		doctor_say(f, DOCTOR_OK, "venet itself drops spoofed sources");
	else if (!n_routed)
		doctor_say(f, DOCTOR_SKIP,
			   "the containers are bridged: what they may send as is the bridge's "
			   "affair, which is not looked at");
	else if (family == ADDR_V4)
		judge_v4(d, links, n_routed, f);
	else
		judge_v6(d, links, n_routed, f);
	free(links);
}
