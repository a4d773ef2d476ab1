/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_SOURCE_KIND_H
#define CTM_SOURCE_KIND_H

#include "base/err.h"
#include "inventory/child.h"

#include <stdbool.h>
#include <stddef.h>

/* The kinds of sources. Each kind's struct source_kind holds all that the configuration, `auto`,
 * the helper, the system-call filter, the doctor and the poll interval need to know of it. They
 * ask through the functions below and name no kind. */

struct source;

/* What the helper does as root for a source: exactly one of argv, file, socket and work is set. */
struct source_job {
	char **argv; /* a program to run; for free(). Its words are static or point into text */
	char *text; /* for free() */
	const char *file; /* a kernel file to read, such as /proc/vz/veinfo */
	/* A runtime's socket: GET `request` there (http_unix.h) if the runtime runs (awake.h). */
	const char *socket, *request, *worker;
	void *call; /* a frame to send there by gRPC instead; for free() */
	size_t call_len;
	char *path; /* of the request, if it is not static; for free() */
	/* What the daemon gets of the answer: for free(); NULL: all of it. */
	char *(*excerpt)(const char *text, size_t len);
	child_work_fn *work; /* a function of ours to run on `text`, in a child */
	bool follow; /* the answer has no end: say each time that more of it has come, not what */
};

struct source_kind {
	/* How a source of this kind begins, "file:"; without a colon, the whole source, "vz". */
	const char *prefix;
	bool has_place; /* "PREFIX:PLACE" is a source of this kind, too; its prefix has no colon */
	const char *form; /* the syntax, for messages: "file:PATH" */
	const char *title; /* what the source is, for messages: "OpenVZ" */

	/* `rest` is what follows the prefix and its colon: not empty after a colon, empty without
	 * one. */

	/* Is the rest well-formed? Opens nothing: whether a path exists is for the source to
	 * find out. Returns 0, or -EINVAL with e saying what is wanted. NULL: any rest is good. */
	int (*check)(const char *rest, struct err *e);
	/* Returns 0 and a new source with only the kind's members and ops set (source_one.h), or
	 * -errno with e filled. root: see sources_new. */
	int (*new)(const char *rest, const char *root, struct source **ret_source, struct err *e);

	/* Can such a source ask anything on this node? source = auto takes every kind that is
	 * there, running or not: one of sign_paths exists, or `present` says so. Those with
	 * sign_paths may also appear later. Neither: auto never takes this kind. */
	bool (*present)(const char *root);
	const char *const *sign_paths; /* ends with NULL */
	/* Its containers share one link of the node, and its kernel is old: where it is there,
	 * `backend = auto` takes tables if it can. */
	bool tables_first;

	/* Does a poll run a program? The helper runs it; without a helper, ctmeterd does, and so
	 * cannot give up exec(2) and has no system-call filter. False: a poll reads files or
	 * sockets. */
	bool runs_programs;

	/* The job that a request from the daemon to the helper names. A kind whose prefix ends
	 * in a colon has one job, the source itself: job is its rest, and the helper has checked
	 * that this very source is configured. Any other kind names its own jobs, "vz:NAME", and
	 * the helper has checked that the kind is configured. One with has_place has jobs with a
	 * name, too, as the last word: "docker WORD" and "docker:PLACE WORD", and the helper has
	 * checked that what precedes it is configured; job is "WORD" or "PLACE WORD". No word of
	 * the request may get into argv or be opened unless it came from the configuration or a
	 * table. Returns 0, or -errno with e filled.
	 * NULL: the helper has no job for this kind. */
	int (*helper_job)(const char *job, struct source_job *ret_job, struct err *e);

	/* The file that a poll reads and another program writes; NULL: none. Borrows from rest.
	 * The doctor checks its age and whether the daemon may read it. The pointer itself may
	 * be NULL, too. */
	const char *(*file_of)(const char *rest);
};

/* Every kind, in the order in which messages list them and `auto` tries them. Of two that know a
 * container, the first says which runtime it is of: Proxmox VE has LXC below it. source_NAME.c
 * defines `const struct source_kind source_kind_NAME`. */
#define SOURCE_KINDS(KIND)      \
	KIND(vz)                \
	KIND(pve)               \
	SOURCE_KINDS_HTTP(KIND) \
	KIND(lxc)               \
	KIND(nspawn)            \
	KIND(file)              \
	KIND(command)

/* Those that are asked by HTTP. */
#ifdef CTM_NO_CURL
#define SOURCE_KINDS_HTTP(KIND)
#else
#define SOURCE_KINDS_HTTP(KIND) KIND(docker) KIND(podman) KIND(incus) KIND(lxd) KIND(kubernetes)
#endif

/* Is this a valid source ("auto", "file:PATH", ..)? A cfg_source_check_fn. */
int source_check(const char *spec, struct err *e);

/* The kind of a source, and the rest behind its prefix. For "auto", the first kind that is
 * there. NULL: no such kind. ret_rest may be NULL. */
const struct source_kind *source_kind_of(const char *spec, const char *root, const char **ret_rest);

bool source_is_auto(const char *spec);

/* Every kind, in that order; NULL after the last. */
const struct source_kind *source_kind_at(size_t i);

/* Does `auto` take this kind on this node? */
bool source_kind_is_there(const struct source_kind *kind, const char *root);

/* The same for a kind with sign_paths, by system calls alone. */
bool source_kind_has_sign(const struct source_kind *kind, const char *root);

/* The title of a kind with tables_first that this node has, "OpenVZ"; NULL: it has none. */
const char *source_tables_first(const char *root);

/* The kind to which a request to the helper belongs, and the job that it names. NULL: no kind
 * has such a job. */
const struct source_kind *source_kind_of_request(const char *request, const char **ret_job);

/* Does this configured source need that job? */
bool source_wants_job(const char *spec, const struct source_kind *kind, const char *request);

void source_job_clear(struct source_job *job);

/* Does this source make ctmeterd run a program itself if there is no helper? */
bool source_runs_programs(const char *spec);

/* The file that this source reads (source_kind.file_of), NULL: none. */
const char *source_file_of(const char *spec);

/* Say in e why `auto` finds nothing on this node. */
void source_kind_say_absent(struct err *e);

/* "choose source = file:PATH, .. or vz in [inventory]" */
#define SOURCE_CHOICES_SIZE 384
const char *source_kind_choices(char buf[SOURCE_CHOICES_SIZE]);

#endif
