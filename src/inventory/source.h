/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_SOURCE_H
#define CTM_SOURCE_H

#include "base/err.h"
#include "base/loop.h"
#include "inventory/inv.h"

/* The configured sources of the inventory. A poll asks all of them without blocking: files are
 * read, and commands run as children with a deadline (10 s). A source fails if its answer
 * exceeds what max_rows addresses can need: 1 MiB plus 512 octets per address, or 1000 plus 2 *
 * max_rows containers or addresses.
 * 1. One poll runs at a time. A poll requested meanwhile follows it.
 * 2. A source that fails, is cut off or prints what cannot be a complete answer keeps its last
 *    part: a failed poll deletes nothing. Failure and recovery are logged once each.
 * 3. After every poll `done` gets the merged inventory and owns it (inv_free), unless all answers
 *    are those of the poll before. It may request the next poll, but must not free the sources.
 * 4. "vz" asks vzlist, else prlctl, else reads /proc/vz/veinfo. They disagree on ids and on
 *    which addresses a container has. Once one has answered, only that one is asked again
 *    (vzlist's JSON and columns count as one), until new sources are made. Names are queried
 *    separately afterwards; a poll is complete without them.
 * 5. A runtime that does not run is not started, and its last answer stays. That is no failure
 *    (sources_is_failing), and its state says it.
 * 6. A source that hears of its runtime's events has itself polled, and only itself. */

struct sources;

struct sources_result {
	/* Owned by the callback. NULL: that of the poll before, which sources_inventory gives. */
	struct inventory *inventory;
	size_t failed; /* sources that failed in this poll */
	/* When this poll began: the answer includes earlier changes. 0: only some were asked. */
	uint64_t began_ns;
	const char *failure; /* text of the first failure, NULL when none; borrowed */
};

typedef void sources_done_fn(void *arg, const struct sources_result *result, uint64_t now_ns);

/* specs: as in the configuration: "auto", or one of a kind in source_kind.h. "auto" takes every
 * kind that is on the node, running or not; one that is installed later is taken at a later poll.
 * helper: the socket of the inventory helper (helper.h), which runs the commands if the socket
 * exists; NULL: this process runs them.
 * root: "" in production; in tests a directory that stands for /. It is prepended to /proc/vz
 * and to each directory of the fixed search path for vzlist and prlctl.
 * Returns 0, or with e filled -ENOENT ("auto" found nothing; e lists the choices) or -EINVAL. */
int sources_new(char *const *specs, size_t n_specs, size_t max_rows, const char *helper,
		const char *root, struct loop *loop, sources_done_fn *done, void *arg,
		struct sources **ret_sources, struct err *e);
void sources_free(struct sources *s);

/* Before the first poll: the ledger knows a container of this runtime under this id, and a source
 * that follows it through renames has to go on with that. */
void sources_know(struct sources *s, const char *runtime, const char *runtime_id, const char *id);

/* Is there a source to poll? Returns false if "auto" is among the specs and no kind is present
 * on this node; e then lists the choices. Such a node has no source configured yet, which is a
 * state of its own: no daemon runs there. */
bool sources_are_configured(char *const *specs, size_t n_specs, const char *root, struct err *e);

/* Start a poll soon; never calls done from within. Cheap to call often. */
void sources_look(struct sources *s);

/* What the sources have answered last, merged: a new one for inv_free. */
struct inventory *sources_inventory(const struct sources *s);

/* Does a poll of any of them run a program, and so cost more than reading? */
bool sources_run_programs(const struct sources *s);

/* For `status`: the number of sources; the name and state of each ("ok", the text of its failure,
 * or why it has nobody to ask). */
size_t sources_count(const struct sources *s);
const char *sources_name(const struct sources *s, size_t i);
const char *sources_state(const struct sources *s, size_t i);
bool sources_is_failing(const struct sources *s, size_t i);

#endif
