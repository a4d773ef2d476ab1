/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_SOURCE_KIND_H
#define CTM_SOURCE_KIND_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

/* The kinds of sources. All that the configuration, `auto`, the helper, the filter of system calls, the
 * doctor and the pace of looks know of a kind stands in its struct source_kind; they ask it by the
 * functions below and know none by name. */

struct source;

/* What the helper does as root for a source: exactly one of argv and file is set. */
struct source_job {
	char **argv; /* a program to run; for free(). What the words point to stays, or is in text */
	char *text; /* for free() */
	const char *file; /* a file of the kernel's to read */
};

struct source_kind {
	/* What a source of this kind begins with, "file:"; or, without a colon, what it is, "vz". */
	const char *prefix;
	const char *form; /* how it is written, for messages: "file:PATH" */
	const char *title; /* what such a source is, for messages: "OpenVZ" */

	/* `rest` is what follows the prefix: not empty after a colon, and empty without one. */

	/* Is the rest as it must be? Opens nothing: whether a path is there is for the source to see.
	 * Returns 0, or -EINVAL with e saying what is wanted. NULL: whatever it is. */
	int (*check)(const char *rest, struct err *e);
	/* Returns 0 and a new source of which only the kind's members and ops are set (source_one.h), or
	 * -errno with e filled. root: see sources_new. */
	int (*new)(const char *rest, const char *root, struct source **ret_source, struct err *e);

	/* Is there anything on this node that such a source could ask? source = auto means the first
	 * kind that says so. NULL: never this kind. */
	bool (*present)(const char *root);
	const char *signs; /* what `present` looks for: "/proc/vz/veinfo, vzlist or prlctl" */

	/* A look runs a program: the helper, or, where there is none, ctmeterd itself, which then cannot
	 * give up exec(2) and so has no filter of system calls. False: a look reads files or sockets. */
	bool runs_programs;

	/* The job that a request of the daemon's to the helper names. A kind whose prefix ends in a colon
	 * has one job, the source itself: job is its rest, and the helper has made sure that this very
	 * source is configured. Any other kind has jobs by names of its own, "vz:NAME", and the helper has
	 * made sure that the kind is. No word of the request itself may get into argv unless it was the
	 * configuration's. Returns 0, or -errno with e filled. NULL: nothing is asked of the helper. */
	int (*helper_job)(const char *job, struct source_job *ret_job, struct err *e);

	/* The file that a look reads and somebody else writes, NULL: none. Borrows from rest. The doctor
	 * looks at its age and whether the daemon may read it. The function may be NULL, too. */
	const char *(*file_of)(const char *rest);
};

/* Every kind, in the order in which messages list them and `auto` tries them. source_NAME.c defines
 * `const struct source_kind source_kind_NAME`. */
#define SOURCE_KINDS(KIND) \
	KIND(vz)           \
	KIND(file)         \
	KIND(command)

/* Is this what a source may be ("auto", "file:PATH", ..)? A cfg_source_check_fn. */
int source_check(const char *spec, struct err *e);

/* The kind of a source and the rest behind its prefix. For "auto" the first kind that is present.
 * NULL: there is none. ret_rest may be NULL. */
const struct source_kind *source_kind_of(const char *spec, const char *root, const char **ret_rest);

/* The kind to which a request to the helper belongs, and which job of it. NULL: none has such jobs. */
const struct source_kind *source_kind_of_request(const char *request, const char **ret_job);

/* Does this configured source need that job? */
bool source_wants_job(const char *spec, const struct source_kind *kind, const char *request);

void source_job_clear(struct source_job *job);

/* May ctmeterd have to run a program itself for this source, where there is no helper? */
bool source_runs_programs(const char *spec);

/* The file that this source reads (source_kind.file_of), NULL: none. */
const char *source_file_of(const char *spec);

/* Into e why `auto` means nothing on this node. */
void source_kind_say_absent(struct err *e);

/* "choose source = file:PATH, .. or vz in [inventory]" */
#define SOURCE_CHOICES_SIZE 256
const char *source_kind_choices(char buf[SOURCE_CHOICES_SIZE]);

#endif
