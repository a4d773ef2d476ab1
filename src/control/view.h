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
 * 1. A counter is exact: a JSON integer up to 2^63-1, and beyond that, where most JSON readers
 *    fail, a string of decimal digits.
 * 2. Times are ISO 8601 in UTC ("2024-05-01T12:00:00Z"), null for never.
 * 3. In text that is not UTF-8, '?' replaces each octet beyond ASCII. */

struct view_source {
	const char *name; /* as configured */
	const char *state; /* "ok", what failed, or why there is nobody to ask */
	bool failing;
};

/* Everything that `ctmeter status` shows. All text is borrowed; NULL stands for "". */
struct view_status {
	const char *version;
	uint32_t pid;
	uint64_t uptime_s;
	const char *config; /* "ok", or how the file differs from the running configuration */

	const char *backend; /* "link", "iptables", "fake" */
	const char *backend_reason; /* how `backend = auto` came to it; "": it is configured */
	bool on_links; /* it counts on links, not in the table */
	const char *table; /* "mangle", "filter" */
	bool node_traffic;
	const char *family_state[ADDR_FAMILIES]; /* "counting", "not countable: REASON" */
	uint32_t rules; /* counting rules in the kernel, both families */
	uint32_t rule_repairs;
	uint64_t commits;
	uint64_t last_commit_ms; /* its duration */

	bool has_strays;
	struct counters spoofed,
		broken; /* if has_strays: counted for nobody, as struct fw_strays */

	uint64_t sample_age_ms;
	uint32_t stale_answers;
	size_t containers;
	size_t addresses;
	size_t conflicts; /* address rows that several containers claim */
	size_t unfit; /* address rows that cannot be a container's, such as the node's own */
	size_t not_allowed; /* address rows found in containers, outside [inventory] allow */
	size_t refused_containers, refused_addresses; /* over the limits */

	const struct view_source *sources;
	size_t n_sources;
	uint32_t inventory_failures;

	const char *store; /* "ok", or what fails */
	const char *ship; /* "off", or how shipping to the fleet's database goes */
	int64_t ledger_doubted_s; /* when a ledger older than the rules was loaded, 0: never */

	struct {
		const char *state; /* "ok", or what is wrong with the time of day */
		uint64_t jumps; /* how many ever; the fields below are of the last one */
		int64_t jump_by_s, jump_at_s; /* Unix time after it */
		int64_t jump_ago_s; /* running time since then */
	} clock;

	struct {
		const char *state; /* "up", "connecting", .. */
		const char *socket;
		const char *problem; /* "" when up */
		uint64_t requests;
		uint64_t varbinds;
	} agentx;

	const char *const *problems; /* sentences for the operator; none: healthy */
	size_t n_problems;
};

/* A new object. */
json_t *view_status_json(const struct view_status *s);

/* All rows of a snapshot, in its order, as JSON text that is built row by row, since a node may
 * have 20,000 rows:
 * { "sample_age_ms", "sampled_ms", "containers": [ { "id", "name", "state", "ifindex", ..,
 * "addresses": [ { "address", .. } ] } ] }; both kinds of row have "status",
 * {in,out,node_in,node_out}_octets and _pkts, "counting_since", "discontinuities",
 * "last_discontinuity". A container's "reason" says why its status is "other", else it is null. An
 * address has "link", where it is counted, and "reason", why it is not; both may be "".
 * sampled_ms is when the counters were read, in ms of CLOCK_BOOTTIME, null for never. Rates divide
 * by its difference between two answers. */
struct view_list;

/* The list holds a reference to snap. sample_age_ms is relative to now_ns (CLOCK_BOOTTIME). */
struct view_list *view_list_new(struct snap *snap, uint64_t now_ns);
void view_list_free(struct view_list *list);

/* The next piece of the text, at most a row, for free(); NULL at the end. */
char *view_list_next(struct view_list *list);

/* The MIB's words of ctmStatus and ctmContainerRunState; "other" or "unknown" for a bad value. */
const char *view_row_status(enum row_status status);
const char *view_run_state(enum inv_run run);

#endif
