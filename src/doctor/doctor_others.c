/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules of other programs that make a packet count twice (TEE and dup; NFQUEUE in our table) or
 * that stop it (drops in FORWARD). */
#include "doctor/doctor_room.h"

#include "base/xalloc.h"
#include "netfilter/fw_admin.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- legacy tables ---- */

typedef void table_fn(void *arg, enum addr_family family, const char *table,
		      const struct fw_hazards *h);

/* Call fn for each legacy table of a family that is in use. Returns 0, or -errno if the caller may
 * not read them. */
static int each_table(const struct doctor *d, enum addr_family family, table_fn *fn, void *arg)
{
	char *names = doctor_read(d, "/proc/net/%s_tables_names", family == ADDR_V4 ? "ip" : "ip6");
	char *rest = names;
	int rc = names || errno == ENOENT ? 0 : -errno;
	struct fw_look look;

	for (const char *name; rest && !rc && (name = strsep(&rest, "\n"));) {
		rc = *name ? fw_look(doctor_tables(d), family, name, &look) : -ENOENT;
		if (!rc)
			fn(arg, family, name, &look.hazards);
		if (rc != -EPERM && rc != -EACCES)
			rc = 0;
	}
	free(names);
	return rc;
}

/* ---- drops in FORWARD ---- */

struct drops {
	char *text;
	size_t size;
	const char *command; /* iptables of the family, NULL: none is installed */
	char *look; /* NULL: nothing found, or no command to show it */
	bool found;
};

static void note_drops(void *arg, enum addr_family family, const char *table,
		       const struct fw_hazards *h)
{
	struct drops *drops = arg;

	(void)family;
	if (drops->found || (!h->policy_drops && !h->n_drops))
		return;
	drops->found = true;
	if (h->policy_drops)
		snprintf(drops->text, drops->size, "the policy of FORWARD in %s is DROP", table);
	else
		snprintf(drops->text, drops->size, "%u rules drop in FORWARD of %s", h->n_drops,
			 table);
	if (drops->command)
		drops->look = xasprintf("%s -t %s -S", drops->command, table);
}

/* Without nft(8), it is certain that nftables has no rules only if the kernel has not loaded
 * nf_tables. */
static bool nft_is_unused(const struct doctor *d)
{
	char *modules = doctor_read(d, "/proc/modules");
	bool unused = modules && !strstr(modules, "nf_tables ");

	free(modules);
	return unused;
}

int doctor_forward_drops(struct doctor *d, enum addr_family family, char *text, size_t size,
			 char **ret_look)
{
	struct drops drops = { .text = text,
			       .size = size,
			       .command = doctor_iptables(d, family, false) };
	const struct nft_view *nft;
	struct nft_place place;
	int rc = each_table(d, family, note_drops, &drops);

	*ret_look = NULL;
	if (rc < 0) {
		snprintf(text, size, "only root may read the rules");
		return -1;
	}
	nft = doctor_nft(d);
	if (!drops.found && nft && nft_view_forward_drop(nft, family, &place)) {
		drops.found = true;
		snprintf(text, size, "the nft chain %s %s %s drops packets", place.family,
			 place.table, place.chain);
		drops.look = xasprintf("nft list table %s %s", place.family, place.table);
	}
	if (drops.found) {
		*ret_look = drops.look;
		return 1;
	}
	if (nft || nft_is_unused(d))
		return 0;
	snprintf(text, size, "nftables: %s", d->nft_text);
	return -1;
}

/* ---- copies and repetitions ---- */

struct copies {
	const struct doctor *d;
	struct doctor_words copies, queues;
	const char *command; /* shows the first of the legacy ones */
	char table[32];
};

static void note_copies(void *arg, enum addr_family family, const char *table,
			const struct fw_hazards *h)
{
	struct copies *c = arg;
	bool queues = h->n_queues && !strcmp(table, c->d->o.cfg->netfilter.table);

	if (h->n_copies)
		doctor_words_add(&c->copies, "%s in %s (%s, TEE)", h->copy_chain, table,
				 doctor_family_name(family));
	if (queues)
		doctor_words_add(&c->queues, "%s in %s (%s)", h->queue_chain, table,
				 doctor_family_name(family));
	if ((h->n_copies || queues) && !*c->table) {
		c->command = doctor_iptables(c->d, family, false);
		snprintf(c->table, sizeof(c->table), "%s", table);
	}
}

static void say_copies(struct copies *c, struct doctor_finding *f)
{
	bool both = c->copies.n && c->queues.n;

	doctor_say(f, DOCTOR_WARN, "%s%s%s%s%s",
		   c->copies.n ? "these rules copy packets, and a copy for a container's address "
				 "is counted again, as its Node In: "
			       : "",
		   doctor_words_text(&c->copies), both ? "; " : "",
		   c->queues.n ? "packets that a program at NFQUEUE sends through the table again "
				 "(NF_REPEAT) are counted twice: "
			       : "",
		   doctor_words_text(&c->queues));
}

void doctor_copies(struct doctor *d, enum addr_family family, struct doctor_finding *f)
{
	struct copies c = { .d = d };
	const struct nft_view *nft;
	struct nft_place place = { .family = NULL };
	int rc = 0;

	(void)family;
	if (doctor_dry_run(d, f) || doctor_on_links(d, f))
		return;
	for (enum addr_family i = 0; i < ADDR_FAMILIES && !rc; i++)
		rc = each_table(d, i, note_copies, &c);
	nft = doctor_nft(d);
	if (nft && nft_view_copies(nft, &place))
		doctor_words_add(&c.copies, "%s %s %s (nft)", place.family, place.table,
				 place.chain);
	if (c.copies.n || c.queues.n)
		say_copies(&c, f);
	else if (rc < 0)
		doctor_say(f, DOCTOR_SKIP, "only root may read the rules");
	else if (!nft && !nft_is_unused(d))
		doctor_say(f, DOCTOR_SKIP, "no legacy rule copies or repeats packets; nftables: %s",
			   d->nft_text);
	else
		doctor_say(f, DOCTOR_OK, "no rule copies or repeats packets");
	if (c.command)
		doctor_look(f, "%s -t %s -S", c.command, c.table);
	else if (place.family)
		doctor_look(f, "nft list table %s %s", place.family, place.table);
	doctor_words_clear(&c.copies);
	doctor_words_clear(&c.queues);
}
