/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_RUNTIME_H
#define CTM_RUNTIME_H

#include "inventory/inv_settle.h"
#include "inventory/source_one.h"

/* What the sources of runtimes that answer by HTTP on a unix socket have in common. One look is one
 * request, or two. A source of a runtime is a struct runtime and a source_kind made of these
 * functions.
 *
 * 1. A runtime that does not run is not started (awake.h). Its source is idle, which is no failure:
 *    its last answer stays. One that begins to run and does not answer yet is idle, too, for a
 *    minute: Docker has its socket long before it serves it.
 *    Where the lists name no processes, the containers that have started are asked about one by
 *    one (runtime_pids.h), for some time; the rest at the next look, which follows soon.
 * 2. If the runtime tells its events, they are followed, and what happens asks for a look of this
 *    source alone, some ms later. The stream is opened anew when it ends, with growing pauses.
 * 3. With an inventory helper, the daemon connects to no runtime: it tells the helper to ask, and
 *    of the events hears that something happened, not what. */

#define RUNTIME_LISTS 2
#define RUNTIME_EVENTS "events" /* the helper's word for them */
#define RUNTIME_PID "pid=" /* .. and for a container's process; its id follows */

struct runtime {
	const char *name; /* "docker": its kind's prefix, and inv_container.runtime */
	const char *const
		*sockets; /* where it listens unless a place is configured; ends with NULL */
	/* What to GET at a look, in this order, and the helper's word for it. */
	struct {
		const char *word, *request;
	} lists[RUNTIME_LISTS];
	/* What to GET for a container's process, before and after its id; NULL: the lists name it.
	 * Then the next three, of which only_pid is for the helper. */
	const char *pid_request[2];
	int (*each_start)(const char *text, size_t len,
			  void (*fn)(void *arg, const char *id, const char *mark), void *arg,
			  struct err *e);
	pid_t (*read_pid)(const char *text, size_t len);
	char *(*only_pid)(const char *text, size_t len);
	const char *events; /* what to GET to follow them; NULL: they cannot be followed */
	const char *worker; /* awake_is */
	/* Fill the part from the answers. Returns 0 or -EBADMSG with e filled. */
	int (*parse)(struct inv_part *part, const char *const text[RUNTIME_LISTS],
		     const size_t len[RUNTIME_LISTS], const struct inv_settle *settle,
		     struct err *e);
	bool renames; /* a container's runtime_id outlives its name: its row follows it */
};

/* source_kind's functions; rest is a socket's path, or "" for the runtime's own. */
int runtime_check(const char *rest, struct err *e);
int runtime_new(const struct runtime *rt, const char *rest, struct source **ret_source,
		struct err *e);
int runtime_job(const struct runtime *rt, const char *job, struct source_job *ret_job,
		struct err *e);

/* The exit statuses with which the helper says that the runtime does not run, and that it does not
 * answer in time. */
enum { RUNTIME_IDLE = 200, RUNTIME_LATE };

#endif
