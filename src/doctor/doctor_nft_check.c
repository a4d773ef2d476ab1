/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nftables rules that take packets away before our rules see them. They are read with nft(8), if it
 * is installed. */
#include "doctor/doctor_room.h"

#include "base/xalloc.h"
#include "inventory/child.h"
#include "netfilter/fw_look.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NFT_DEADLINE_NS (10 * NS_PER_S)
#define NFT_OCTETS_MAX ((size_t)64 << 20)

/* Priorities of iptables' chains (NF_IP_PRI_MANGLE, NF_IP_PRI_FILTER). */
#define PRIORITY_MANGLE (-150)
#define PRIORITY_FILTER 0

static void nft_ended(void *arg, const struct child_result *result, uint64_t now_ns)
{
	struct doctor *d = arg;

	(void)now_ns;
	if (*result->text || !(d->nft = nft_view_new(result->out)))
		snprintf(d->nft_text, sizeof(d->nft_text), "nft cannot list the rules: %s",
			 *result->text ? result->text : "it did not print a rule set in JSON");
	loop_stop(d->loop);
}

static const char *find_nft(void)
{
	static const char *const paths[] = { "/usr/sbin/nft", "/sbin/nft", "/usr/local/sbin/nft",
					     "/usr/bin/nft" };

	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		if (access(paths[i], X_OK) == 0)
			return paths[i];
	return NULL;
}

/* -t leaves out the elements of sets, which can be a million. */
static void ask_nft(struct doctor *d)
{
	const char *path = find_nft();
	char *const argv[] = { (char *)path,   (char *)"-j",      (char *)"-t",
			       (char *)"list", (char *)"ruleset", NULL };
	struct child *child;
	struct err e = { "" };

	if (!path) {
		snprintf(d->nft_text, sizeof(d->nft_text), "not checked, nft is not installed");
	} else if (geteuid() != 0) {
		snprintf(d->nft_text, sizeof(d->nft_text), "only root may list the rules");
	} else if (child_new(argv, loop_now_ns() + NFT_DEADLINE_NS, NFT_OCTETS_MAX, d->loop,
			     nft_ended, d, &child, &e) < 0) {
		snprintf(d->nft_text, sizeof(d->nft_text), "%s", e.text);
	} else {
		loop_run(d->loop);
		child_free(child);
	}
}

const struct nft_view *doctor_nft(struct doctor *d)
{
	if (!d->nft_known) {
		d->nft_known = true;
		ask_nft(d);
	}
	return d->nft;
}

/* Report why nothing is known of nftables; if nft is not installed, the cure installs it. */
static void say_unknown(const struct doctor *d, struct doctor_finding *f)
{
	doctor_say(f, DOCTOR_SKIP, "nftables: %s", d->nft_text);
	if (!find_nft() && doctor_has_tool(d, "apt-get"))
		doctor_cure(f, "apt-get install -y nftables");
	else if (!find_nft() && doctor_has_tool(d, "yum"))
		doctor_cure(f, "yum install -y nftables");
}

/* ---- drops before our rules ---- */

/* The number of legacy rules that drop packets before mangle's FORWARD. */
static unsigned legacy_drops(const struct doctor *d)
{
	struct fw_look look;
	unsigned n = 0;

	for (enum addr_family i = 0; i < ADDR_FAMILIES; i++) {
		if (doctor_look_at_table(d, i, "raw", &look) == 0)
			n += look.n_drops;
		if (doctor_look_at_table(d, i, "mangle", &look) == 0)
			n += look.n_prerouting_drops;
	}
	return n;
}

void doctor_early_drops(struct doctor *d, enum addr_family family, struct doctor_finding *f)
{
	bool mangle = !strcmp(d->o.cfg->netfilter.table, "mangle");
	int priority = mangle ? PRIORITY_MANGLE : PRIORITY_FILTER;
	struct doctor_words words = { .n = 0 };
	const struct nft_view *nft;
	const struct nft_drop *drops;
	unsigned legacy;
	char *look;
	size_t n;

	(void)family;
	if (doctor_dry_run(d, f) || doctor_on_links(d, f))
		return;
	nft = doctor_nft(d);
	if (!nft) {
		say_unknown(d, f);
		return;
	}
	legacy = legacy_drops(d);
	n = nft_view_drops(nft, priority, &drops);
	for (size_t i = 0; i < n; i++)
		doctor_words_add(&words, "%s %s %s (%s, priority %d)", drops[i].family,
				 drops[i].table, drops[i].chain, drops[i].hook, drops[i].priority);
	if (legacy)
		doctor_words_add(&words, "%u of the legacy rules before FORWARD", legacy);
	if (!words.n) {
		doctor_say(f, DOCTOR_OK, "no rule drops packets before ours have seen them");
		return;
	}
	doctor_say(f, DOCTOR_WARN,
		   "packets dropped here never reach our rules and are not counted, not even for "
		   "the container that sent them: %s",
		   doctor_words_text(&words));
	if (n) {
		char *table = doctor_quote(drops[0].table), *chain = doctor_quote(drops[0].chain);

		doctor_look(f, "nft -a list chain %s %s %s", drops[0].family, table, chain);
		free(table);
		free(chain);
	} else {
		look = doctor_list_rules(d);
		if (look)
			doctor_look(f, "%s", look);
		free(look);
	}
	doctor_words_clear(&words);
}

/* ---- flowtables ---- */

void doctor_flowtable(struct doctor *d, enum addr_family family, struct doctor_finding *f)
{
	const struct nft_view *nft;
	char *cure = NULL;
	const struct nft_flow *flows;
	size_t n;

	(void)family;
	if (doctor_backend(d) == CFG_BACKEND_LINK) {
		doctor_say(f, DOCTOR_OK,
			   "what a flowtable forwards passes the containers' links and is counted, "
			   "unless hardware forwards it: see link-offload");
		return;
	}
	nft = doctor_nft(d);
	if (!nft) {
		say_unknown(d, f);
		return;
	}
	n = nft_view_flows(nft, &flows);
	if (!n) {
		doctor_say(f, DOCTOR_OK, "%s",
			   nft_view_flowtables(nft) ? "there are flowtables, but no rule uses them"
						    : "no flowtable bypasses FORWARD");
		return;
	}
	doctor_say(f, DOCTOR_FAIL,
		   "connections in the flowtable %s (%s %s) bypass FORWARD and are not counted; "
		   "the owner of its rules must agree before you delete them",
		   flows[0].flowtable, flows[0].family, flows[0].table);
	for (size_t i = 0; i < n; i++) {
		char *table = doctor_quote(flows[i].table), *chain = doctor_quote(flows[i].chain);
		char *longer = xasprintf("%s%snft delete rule %s %s %s handle %ld",
					 cure ? cure : "", cure ? " && " : "", flows[i].family,
					 table, chain, flows[i].handle);

		free(cure);
		free(table);
		free(chain);
		cure = longer;
	}
	doctor_cure(f, "%s", cure);
	free(cure);
}
