/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_SOURCE_ONE_H
#define CTM_SOURCE_ONE_H

#include "base/log_state.h"
#include "inventory/source.h"
#include "inventory/source_kind.h"

/* One source: what all kinds have in common. For source*.c only. */

#define SOURCE_DEADLINE_NS (10 * NS_PER_S)

struct source;

struct source_ops {
	/* Start a poll. It ends with one call of source_end, from within or later. */
	void (*start)(struct source *s, uint64_t now_ns);
	/* Stop any poll in progress and free what the kind holds, s itself included. */
	void (*free)(struct source *s);
};

/* The first member of each kind's struct. The kind sets ops; source.c sets the rest. */
struct source {
	const struct source_ops *ops;
	const struct source_kind *kind;
	struct sources *owner;
	struct loop *loop;
	char *name; /* as configured */
	const char *helper; /* socket (helper.h); NULL: this process runs the commands */
	struct inv_log *log;
	struct inv_part *part; /* its last answer, NULL: none yet */
	bool failing;
	struct log_state trouble;
	size_t max_rows;
	bool idle; /* what it asks does not run, which is no failure */
	bool due; /* the next poll asks it */
	char state[512];
};

/* Does the helper's socket exist? */
bool source_has_helper(const struct source *s);

/* The poll is over. take_part is the complete answer, or NULL with the reason in e. */
void source_end(struct source *s, struct inv_part *take_part, const struct err *e, uint64_t now_ns);

/* The same, and the answer is that of the poll before, which was complete. */
void source_end_same(struct source *s, uint64_t now_ns);

/* The same for a runtime that does not run: its last answer stays, and if it has not answered yet,
 * the containers that it had are not taken for gone. */
void source_end_idle(struct source *s, const char *why, uint64_t now_ns);

/* Something happened that this source alone can tell: a poll of it soon. */
void source_look_again(struct source *s);

/* The id under which the ledger knows a container of this runtime (sources_know); NULL: it does
 * not. Borrowed. */
const char *sources_known(struct sources *s, const char *runtime, const char *runtime_id);

/* Octets of an answer to read at most: room for max_rows containers with the longest id and name
 * and some addresses each, in vzlist's JSON. */
size_t source_octets_max(const struct source *s);
size_t source_octets_of(uint32_t max_rows);

/* The same of a runtime's JSON, which has much that is not asked for. */
size_t source_octets_http(uint32_t max_rows);

/* A new empty part to fill. `name` stands for the source in complaints. */
struct inv_part *source_part_new(const struct source *s, const char *name);

/* Read a file of at most max_octets octets that the kernel makes (/proc), synchronously.
 * Returns 0 and *ret_text, NUL-terminated, for free(), or -errno with e filled. */
int source_read(const char *path, size_t max_octets, char **ret_text, size_t *ret_len,
		struct err *e);

#endif
