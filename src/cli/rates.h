/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_RATES_H
#define CTM_RATES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Rates from two answers to `list`. Pure.
 * 1. In and out are a container's own view, forwarded traffic and that with the node together.
 * 2. The time between the answers is the daemon's (sampled_ms), not the asker's.
 * 3. A rate that is not known is never shown as one: a row that has just come, or whose counters
 *    fell, has none until the next answer. */

enum rates_state {
	RATES_KNOWN,
	RATES_CAME, /* the older answer has not got it */
	RATES_WENT, /* retired or gone since the older answer; what it still carried is known if the
		     * newer answer tells */
	RATES_FELL, /* its counters began anew */
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
	size_t n_containers, n_came, n_went, n_fell; /* of containers, went not among the first */
	struct rates_flow total[RATES_DIRECTIONS]; /* sum of the containers' */
	json_t *older, *newer; /* references: the rows' texts live there */
};

enum rates_key { RATES_BY_IN, RATES_BY_OUT, RATES_BY_TOTAL, RATES_BY_PKTS };

/* What `--sort` takes: "in", "out", "total", "pkts". False for another word. */
bool rates_key_parse(const char *word, enum rates_key *ret_key);
const char *rates_key_word(enum rates_key key);

/* The monotonic time of an answer's counters; 0: they were never read, or the daemon is too old to
 * tell. */
uint64_t rates_sampled_ms(const json_t *answer);

/* Compare the answers, row by row (containers, or their addresses), sorted by `key`, largest first;
 * rows without a rate come last. Where no time passed between them (the same sample, or the node
 * was started anew), nothing is known and elapsed_ms is 0. Takes references to both. */
struct rates *rates_new(json_t *older, json_t *newer, bool by_address, enum rates_key key);
void rates_free(struct rates *r);

/* The same as JSON, a new object with at most max_rows rows:
 * { "elapsed_ms", "containers", "total": FLOWS, "rows": [ { "id", "name", "address" (by_address),
 * "status", "change": "came" | "went" | "restarted" | null, FLOWS } ] }; FLOWS are
 * {in,out}_{octets,pkts,bits_per_s,pkts_per_s}, null where not known. */
json_t *rates_json(const struct rates *r, size_t max_rows);

#endif
