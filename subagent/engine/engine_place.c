/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which addresses are counted, and on which link if the backend counts on links. */
#include "engine/engine_room.h"

#include "base/xalloc.h"

#include <stdlib.h>

/* ---- the finder ---- */

static void on_placed(void *arg, uint64_t now_ns)
{
	struct engine *en = arg;

	en->shown.plain = false;
	engine_step_soon(en, now_ns);
}

int engine_open_place(struct engine *en, struct err *e)
{
	place_free(en->place);
	en->place = NULL;
	en->shown.plain = false;
	if (!fw_counts_on_links(en->fw))
		return 0;
	en->misplaced = true;
	return place_new(en->loop, en->shared, en->n_shared, on_placed, en, &en->place, e);
}

void engine_note_links(struct engine *en, const struct inventory *inv, uint64_t now_ns)
{
	bool told = links_told_take(&en->links_told, inv),
	     moved = en->moves != found_moves(en->found);

	en->moves = found_moves(en->found);
	if ((!told && !moved) || !en->place)
		return;
	en->misplaced = true;
	engine_step_soon(en, now_ns);
}

static int cmp_row(const void *a, const void *b)
{
	return addr_cmp(a, &((const struct fw_row *)b)->addr);
}

/* The link that the kernel counts this address on; 0: none. */
static uint32_t link_in_kernel(const struct engine *en, const struct addr *a)
{
	const struct fw_reading *r = &en->sampler.reading[a->family];
	const struct fw_row *row;

	if (!en->sampler.readable[a->family] || !r->n_rows)
		return 0;
	row = bsearch(a, r->rows, r->n_rows, sizeof(*r->rows), cmp_row);
	return row ? row->link : 0;
}

/* At the start only the kernel knows which link is whose, so it must have been read. */
static bool is_kernel_known(const struct engine *en)
{
	for (enum addr_family f = 0; f < ADDR_FAMILIES; f++)
		if (!en->sampler.readable[f] && !fw_family_problem(en->fw, f))
			return false;
	return true;
}

void engine_place(struct engine *en, uint64_t now_ns)
{
	struct ledger_claim *claims;
	struct place_want *wants;
	size_t n;

	if (en->place)
		place_retry(en->place, now_ns);
	if (!en->place || !en->misplaced || !is_kernel_known(en))
		return;
	en->misplaced = false;
	claims = ledger_claims(en->ledger, &n);
	wants = xcalloc(n, sizeof(*wants));
	for (size_t i = 0; i < n; i++) {
		const char *link = links_told_of(&en->links_told, &claims[i].addr, claims[i].owner);

		wants[i] = (struct place_want) {
			.addr = claims[i].addr,
			.owner = claims[i].owner,
			.link = link,
			.netns = found_netns(en->found, claims[i].owner),
			.stopped = claims[i].run == INV_RUN_STOPPED,
			.kept = link_in_kernel(en, &claims[i].addr),
			.untold = !link && !en->complete,
		};
	}
	place_set(en->place, wants, n, now_ns);
	free(wants);
	free(claims);
}

bool engine_is_placing(const struct engine *en)
{
	return en->place && (en->misplaced || place_is_looking(en->place));
}

/* ---- keys ---- */

static struct fw_key *keys_by_address(const struct engine *en, enum addr_family f, size_t *ret_n)
{
	struct addr *addrs = ledger_wanted(en->ledger, f, ret_n);
	struct fw_key *keys = xcalloc(*ret_n, sizeof(*keys));

	for (size_t i = 0; i < *ret_n; i++)
		keys[i].addr = addrs[i];
	free(addrs);
	return keys;
}

static struct fw_key *keys_on_links(const struct engine *en, enum addr_family f, size_t *ret_n)
{
	size_t n, n_keys = 0;
	const struct place_spot *spots = place_spots(en->place, &n);
	struct fw_key *keys = xcalloc(n, sizeof(*keys));

	for (size_t i = 0; i < n; i++)
		if (spots[i].addr.family == f && spots[i].link)
			keys[n_keys++] = (struct fw_key) {
				.addr = spots[i].addr,
				.link = spots[i].link,
				.limited = links_told_is_limited(&en->links_told, &spots[i].addr),
			};
	*ret_n = n_keys;
	return keys;
}

static struct fw_key *keys_of(const struct engine *en, enum addr_family f, size_t *ret_n)
{
	return en->place ? keys_on_links(en, f, ret_n) : keys_by_address(en, f, ret_n);
}

/* The same with what the last reading found and nobody claims yet. Both are sorted. A row of the
 * ledger whose link is gone is not wanted, even if the kernel has a key for it. */
static struct fw_key *join_keys(const struct engine *en, enum addr_family f,
				struct fw_key *take_keys, size_t *n)
{
	const struct fw_reading *r = &en->sampler.reading[f];
	struct fw_key *all = xcalloc(*n + r->n_rows, sizeof(*all));
	size_t i = 0, k = 0, kept = 0;

	while (i < *n || k < r->n_rows) {
		int order = i == *n          ? 1
			    : k == r->n_rows ? -1
					     : addr_cmp(&take_keys[i].addr, &r->rows[k].addr);
		bool unclaimed =
			order > 0 && !(en->place && place_find(en->place, &r->rows[k].addr));

		if (order <= 0)
			all[kept++] = take_keys[i];
		else if (unclaimed)
			all[kept++] = (struct fw_key) { .addr = r->rows[k].addr,
							.link = r->rows[k].link };
		i += order <= 0;
		k += order >= 0;
	}
	free(take_keys);
	*n = kept;
	return all;
}

uint8_t engine_paths(const struct engine *en)
{
	return en->cfg->netfilter.node_traffic ? PATHS_ALL : PATHS_FORWARDED;
}

bool engine_wants_none(const struct engine *en)
{
	return en->tearing_down || handover_is_leaving(&en->handover);
}

/* Whether what is wanted is what the finder has found: then nothing need be said again. */
static bool is_wanted(const struct engine *en, enum addr_family f)
{
	size_t n, n_keys, k = 0;
	const struct place_spot *spots = place_spots(en->place, &n);
	const struct fw_key *keys = enforce_keys(en->enforce[f], engine_paths(en), &n_keys);

	for (size_t i = 0; i < n && keys; i++) {
		if (spots[i].addr.family != f || !spots[i].link)
			continue;
		if (k == n_keys || keys[k].link != spots[i].link ||
		    addr_cmp(&keys[k].addr, &spots[i].addr) != 0 ||
		    keys[k].limited != links_told_is_limited(&en->links_told, &spots[i].addr))
			return false;
		k++;
	}
	return keys && k == n_keys;
}

/* Before the first complete inventory, keep the rules of addresses that no container claims yet:
 * their counters may be part of a bill. */
static void want_rules(struct engine *en, enum addr_family f)
{
	bool all_known = en->complete || engine_wants_none(en) || fw_family_problem(en->fw, f);
	struct fw_key *keys = NULL;
	size_t n = 0;

	if (!all_known && !en->sampler.readable[f])
		return; /* the rules to keep are not known yet */
	if (all_known && en->place && !engine_wants_none(en) && is_wanted(en, f))
		return;
	if (!engine_wants_none(en))
		keys = keys_of(en, f, &n);
	if (!all_known)
		keys = join_keys(en, f, keys, &n);
	enforce_want(en->enforce[f], keys, n, engine_paths(en));
}

/* When a node starts, none of our rules exists and no source has answered yet. That may take
 * long, and a runtime may wait for us before it starts. So the addresses that the ledger
 * remembers get their rules now. Their counts are held until the first inventory says who owns
 * them. Existing rules stay as they are. */
static void want_known(struct engine *en, enum addr_family f)
{
	struct fw_key *keys;
	size_t n;

	if (fw_family_problem(en->fw, f) || !en->sampler.readable[f] ||
	    fw_get_figures(en->fw, f).rules)
		return;
	keys = keys_of(en, f, &n);
	if (!n) {
		free(keys);
		return;
	}
	if (ledger_is_of_new_boot(en->ledger))
		ledger_hold(en->ledger, f, true);
	enforce_want(en->enforce[f], keys, n, engine_paths(en));
}

void engine_want(struct engine *en)
{
	for (enum addr_family f = 0; f < ADDR_FAMILIES; f++)
		if (en->informed || engine_wants_none(en))
			want_rules(en, f);
		else
			want_known(en, f);
}
