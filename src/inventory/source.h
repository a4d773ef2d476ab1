/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_SOURCE_H
#define CTM_SOURCE_H

#include "base/err.h"
#include "base/loop.h"
#include "inventory/inv.h"

/* The configured sources, looked at together and without blocking: files are read, commands run
 * as children with a deadline (10 s). What max_rows addresses cannot need is not read: an answer of
 * more than 1 MiB and 512 octets for each, or of more than twice as many, is a failed look.
 * 1. One look at a time; a look asked for meanwhile follows it.
 * 2. A source that fails, is cut off or prints what cannot be a whole answer keeps the part it
 *    gave last: a failed look deletes nothing. Failure and recovery are logged once each.
 * 3. After every look `done` gets the merged inventory, which it then owns (inv_free). It may ask
 *    for the next look, but not free the sources.
 * 4. "vz" asks vzlist, else prlctl, else reads /proc/vz/veinfo. They do not agree on ids, nor on
 *    what a container's addresses are, so once one of them has answered, only that one is asked
 *    again (JSON and columns of vzlist alike), until new sources are made. Names are asked for by
 *    themselves afterwards: without them a look is whole all the same. */

struct sources;

struct sources_result {
	struct inventory *inventory; /* the callback's */
	size_t failed; /* sources that failed in this look */
	uint64_t began_ns; /* when this look began: what changed before it is in the answer */
	const char *failure; /* text of the first failure, NULL when none; borrowed */
};

typedef void sources_done_fn(void *arg, const struct sources_result *result, uint64_t now_ns);

/* specs: as in the configuration, "auto" or of a kind in source_kind.h. "auto" takes
 * what the node has. Returns 0, or -ENOENT / -EINVAL with e filled ("auto" and nothing found: the list
 * of choices). helper: the socket of the inventory helper (helper.h), which runs commands if it is
 * there; NULL: they are run by this process. root is "" in production, a directory that stands for / in
 * tests: it is put before /proc/vz and before each directory of the fixed search path for vzlist and
 * prlctl. */
int sources_new(char *const *specs, size_t n_specs, size_t max_rows, const char *helper,
		const char *root, struct loop *loop, sources_done_fn *done, void *arg,
		struct sources **ret_sources, struct err *e);
void sources_free(struct sources *s);

/* Whether there is something to ask. False: "auto" stands among the specs, as it does in a file in which
 * nobody has named a source yet, and this node has nothing that it could mean: a state of its own, in which
 * no daemon runs. e then says what to choose from. */
bool sources_are_configured(char *const *specs, size_t n_specs, const char *root, struct err *e);

/* Begin a look soon (never calls done from within). Cheap to call often. */
void sources_look(struct sources *s);

/* Does a look at any of them run a program, so that it costs more than reading? */
bool sources_run_programs(const struct sources *s);

/* For `status`: number of sources; name and state of one ("ok", or the failure's text). */
size_t sources_count(const struct sources *s);
const char *sources_name(const struct sources *s, size_t i);
const char *sources_state(const struct sources *s, size_t i);

#endif
