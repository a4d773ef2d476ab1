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

#define STRICT 1
#define CURE_LINKS 8 /* one by one up to so many, then for all at once */

/* OpenVZ's venet drops by itself what is not from one of the container's addresses. */
static bool is_venet(const struct rtnl_link *l)
{
	return !strncmp(l->name, "venet", 5);
}

static bool is_routed(const struct rtnl_link *l)
{
	return strcmp(l->kind, "bridge") != 0 && !is_venet(l);
}

static void add_part(char **cure, const char *between, char *take_part)
{
	char *longer = *cure ? xasprintf("%s%s%s", *cure, between, take_part) : xstrdup(take_part);

	free(*cure);
	free(take_part);
	*cure = longer;
}

/* ---- IPv4 ---- */

/* The greater of the link's and that for all counts (ip-sysctl). */
static long effective(struct doctor *d, const char *name, long all)
{
	long own = doctor_read_number(d, "/proc/sys/net/ipv4/conf/%s/rp_filter", name);

	return own > all ? own : all;
}

static void judge_v4(struct doctor *d, const struct rtnl_link **links, size_t n,
		     struct doctor_finding *f)
{
	long all = doctor_read_number(d, "/proc/sys/net/ipv4/conf/all/rp_filter");
	struct doctor_words words = { .n = 0 };
	char *cure = NULL;

	for (size_t i = 0; i < n; i++) {
		char *name = doctor_quote_sysctl(links[i]->name);
		long mode = effective(d, links[i]->name, all);

		if (mode != STRICT) {
			doctor_words_add(&words, "%s%s", links[i]->name,
					 mode > STRICT ? " (loose)" : "");
			add_part(&cure, " ", xasprintf("net.ipv4.conf.%s.rp_filter=1", name));
		}
		free(name);
	}
	if (!words.n) {
		doctor_say(f, DOCTOR_OK, "the node drops spoofed sources (rp_filter = 1)");
	} else {
		doctor_say(f, DOCTOR_WARN,
			   "rp_filter is off, so a spoofed source is billed to its victim: %s",
			   doctor_words_text(&words));
		/* One for all that is loose makes each link loose. */
		if (words.n > CURE_LINKS)
			doctor_cure(f,
				    "for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 1 >$f; "
				    "done");
		else
			doctor_cure(f, "sysctl -w %s%s",
				    all > STRICT ? "net.ipv4.conf.all.rp_filter=1 " : "", cure);
	}
	free(cure);
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

static void judge_v6(struct doctor *d, const struct rtnl_link **links, size_t n,
		     struct doctor_finding *f)
{
	struct xt_look raw = { .n_guards = 0 }, mangle = { .n_guards = 0 };
	int rc = doctor_look_at_table(d, ADDR_V6, "raw", &raw);
	struct doctor_words words = { .n = 0 };
	const struct nft_view *nft;
	char *cure = NULL;

	if (rc == -EPERM || rc == -EACCES) {
		doctor_say(f, DOCTOR_SKIP, "only root may read the rules that would do it");
		return;
	}
	doctor_look_at_table(d, ADDR_V6, "mangle", &mangle);
	nft = doctor_nft(d);
	for (size_t i = 0; i < n && !(nft && nft_view_guards(nft, ADDR_V6)); i++) {
		char *name = doctor_quote(links[i]->name);

		if (!is_guarded(&raw, links[i]->name) && !is_guarded(&mangle, links[i]->name)) {
			doctor_words_add(&words, "%s", links[i]->name);
			add_part(&cure, " && ",
				 xasprintf("ip6tables-legacy -t raw -A PREROUTING -i %s -m "
					   "rpfilter --invert -j DROP",
					   name));
		}
		free(name);
	}
	if (!words.n) {
		doctor_say(f, DOCTOR_OK, "a rule drops spoofed sources");
	} else {
		doctor_say(f, DOCTOR_WARN,
			   "no rule drops spoofed sources, so they are billed to their victims: %s",
			   doctor_words_text(&words));
		doctor_cure(f, "%s",
			    words.n > CURE_LINKS ? "ip6tables-legacy -t raw -A PREROUTING -m "
						   "rpfilter --invert -j DROP"
						 : cure);
	}
	free(cure);
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
