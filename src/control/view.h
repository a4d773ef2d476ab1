/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_VIEW_H
#define CTM_VIEW_H

#include "base/addr.h"
#include "ledger/snap.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The JSON that `ctmeter --json` shows, from plain structs. Pure.
 * 1. A counter is exact: a JSON integer up to 2^63-1, beyond that (which JSON integers of most
 *    readers do not hold) a string of decimal digits.
 * 2. Times are ISO 8601 in UTC ("2024-05-01T12:00:00Z"), null for never.
 * 3. Text that is not UTF-8 has its octets beyond ASCII replaced by '?'. */

struct view_source {
	const char *name; /* as configured */
	const char *state; /* "ok", or what failed */
};

/* Everything `ctmeter status` shows. All text is borrowed; NULL stands for "". */
struct view_status {
	const char *version;
	uint32_t pid;
	uint64_t uptime_s;
	const char *config; /* "ok", or how the file differs from what runs */

	const char *backend; /* "iptables", "fake" */
	const char *table; /* "mangle", "filter" */
	bool node_traffic;
	const char *family_state[ADDR_FAMILIES]; /* "counting", "not countable: REASON" */
	uint32_t rules; /* counting rules in the kernel, both families */
	uint32_t rule_repairs;
	uint64_t commits;
	uint64_t last_commit_ms; /* how long it took */

	uint64_t sample_age_ms;
	uint32_t stale_answers;
	size_t containers;
	size_t addresses;
	size_t conflicts; /* rows of addresses that several containers claim */
	size_t unfit; /* rows of addresses that are the node's own and the like */
	size_t refused_containers, refused_addresses; /* over the limits */

	const struct view_source *sources;
	size_t n_sources;
	uint32_t inventory_failures;

	const char *store; /* "ok", or what fails */
	int64_t ledger_doubted_s; /* when an older one than the kernel's rules was taken up, 0: not */

	struct {
		const char *state; /* "ok", or what is wrong with the time of day */
		uint64_t jumps; /* ever; and the last one: */
		int64_t jump_by_s, jump_at_s; /* Unix time after it */
		int64_t jump_ago_s; /* as long it was lived since */
	} clock;

	struct {
		const char *state; /* "up", "connecting", .. */
		const char *socket;
		const char *problem; /* "" when up */
		uint64_t requests;
		uint64_t varbinds;
	} agentx;

	const char *const *problems; /* sentences for people; none: healthy */
	size_t n_problems;
};

/* A new object. */
json_t *view_status_json(const struct view_status *s);

/* All rows of a snapshot, in its order, as JSON text that is written row by row, since a node may
 * have 20,000:
 * { "sample_age_ms", "sampled_ms", "containers": [ { "id", "name", "state", "ifindex", ..,
 * "addresses": [ { "address", .. } ] } ] }; both kinds of row have "status",
 * {in,out,node_in,node_out}_octets and _pkts, "counting_since", "discontinuities",
 * "last_discontinuity"; a container's "reason" says why its status is "other", else it is null.
 * sampled_ms is when the counters were read, in ms of the daemon's monotonic
 * clock (CLOCK_BOOTTIME), null for never: the difference between two answers is what rates are
 * divided by. */
struct view_list;

/* Holds a reference to snap. now_ns (CLOCK_BOOTTIME) gives sample_age_ms. */
struct view_list *view_list_new(struct snap *snap, uint64_t now_ns);
void view_list_free(struct view_list *list);

/* The next piece of the text, a row at the most, for free(); NULL at its end. */
char *view_list_next(struct view_list *list);

/* Words for the MIB's ctmStatus and ctmContainerRunState, "other" / "unknown" for what is none. */
const char *view_row_status(enum row_status status);
const char *view_run_state(enum inv_run run);

#endif
