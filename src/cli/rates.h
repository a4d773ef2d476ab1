/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_RATES_H
#define CTM_RATES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Rates from two answers to `list`. Pure.
 * 1. In and out are as the container sees them: forwarded traffic plus that with the node.
 * 2. The time between the answers is the daemon's (sampled_ms), not the client's.
 * 3. An unknown rate is never shown as a number: a row that is new, or whose counters fell, has no
 *    rate until the next answer. */

enum rates_state {
	RATES_KNOWN,
	RATES_CAME, /* not in the older answer, or retired there */
	RATES_WENT, /* retired or gone since the older answer; its last traffic is known if the
		     * newer answer still has the row */
	RATES_FELL, /* its counters restarted */
};

enum rates_direction { RATES_IN, RATES_OUT, RATES_DIRECTIONS };

/* Between the two answers. */
struct rates_flow {
	uint64_t octets, pkts;
	double bits_s, pkts_s;
};

struct rates_row {
	const char *id, *name, *status; /* borrowed from the answers */
	const char *address; /* NULL: the container's sum */
	enum rates_state state;
	bool known; /* flow is valid */
	struct rates_flow flow[RATES_DIRECTIONS];
	double weight; /* what it was sorted by */
};

struct rates {
	uint64_t elapsed_ms;
	struct rates_row *rows; /* sorted; rows retired in both answers are left out */
	size_t n_rows;
	size_t n_containers, n_came, n_went, n_fell; /* containers; n_containers excludes n_went */
	struct rates_flow total[RATES_DIRECTIONS]; /* sum over the containers */
	json_t *older, *newer; /* references: they hold the texts of the rows */
};

enum rates_key { RATES_BY_IN, RATES_BY_OUT, RATES_BY_TOTAL, RATES_BY_PKTS };

/* Parse the value of --sort: "in", "out", "total" or "pkts". False: another word. */
bool rates_key_parse(const char *word, enum rates_key *ret_key);
const char *rates_key_word(enum rates_key key);

/* When the counters were read (CLOCK_BOOTTIME); 0: never, or the daemon is too old to say. */
uint64_t rates_sampled_ms(const json_t *answer);

/* Compare the answers row by row (containers, or their addresses). Rows are sorted by `key`,
 * largest first; rows without a rate come last. If both answers have the same sample, or the node
 * was rebooted between them, no rate is known and elapsed_ms is 0. Takes references to both. */
struct rates *rates_new(json_t *older, json_t *newer, bool by_address, enum rates_key key);
void rates_free(struct rates *r);

/* The rates as JSON, a new object with at most max_rows rows:
 * { "elapsed_ms", "containers", "total": FLOWS, "rows": [ { "id", "name", "address" (by_address),
 * "status", "change": "came" | "went" | "restarted" | null, FLOWS } ] }; FLOWS are
 * {in,out}_{octets,pkts,bits_per_s,pkts_per_s}, null where not known. */
json_t *rates_json(const struct rates *r, size_t max_rows);

#endif
