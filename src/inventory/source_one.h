/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_SOURCE_ONE_H
#define CTM_SOURCE_ONE_H

#include "base/log_state.h"
#include "inventory/source.h"

/* One source, for source*.c alone: what all kinds have in common, and the kinds. */

#define SOURCE_DEADLINE_NS (10 * NS_PER_S)

struct source;

struct source_ops {
	/* Begin a look. Ends with one call of source_end, from within or later. */
	void (*start)(struct source *s, uint64_t now_ns);
	/* Stop a look that may be under way and release what the kind holds, s itself too. */
	void (*free)(struct source *s);
};

/* The first member of each kind's struct. The kind sets ops; the rest is source.c's. */
struct source {
	const struct source_ops *ops;
	struct sources *owner;
	struct loop *loop;
	char *name; /* as configured */
	const char *
		helper; /* the inventory helper's socket (helper.h), NULL: commands are ours to run */
	struct inv_log *log;
	struct inv_part *part; /* what it said last, NULL: nothing yet */
	bool failing;
	struct log_state trouble;
	size_t max_rows;
	char state[512];
};

/* The kinds. Return a new source of which only the kind's members and ops are set, or -EINVAL
 * with e filled. */
struct source *source_file_new(const char *path);
int source_command_new(const char *command, struct source **ret_source, struct err *e);
struct source *source_vz_new(const char *root);

/* What the vz source may run, by its name ("vzlist -a -j ..."). False: no such name, or no such tool.
 * argv borrows from a table and *ret_path, which is for free(). */
#define SOURCE_VZ_WORDS 8
#define SOURCE_VZ_VEINFO "/proc/vz/veinfo"
bool source_vz_words(const char *name, char *argv[SOURCE_VZ_WORDS], char **ret_path);

/* Is the helper there to be asked? */
bool source_has_helper(const struct source *s);

/* Has this node (below root) anything that the vz source could ask? */
bool source_vz_present(const char *root);

/* The look is over: take_part is the whole answer, or NULL and e says why there is none. */
void source_end(struct source *s, struct inv_part *take_part, const struct err *e, uint64_t now_ns);

/* Octets of an answer that are read: room for max_rows containers with the longest id and name and
 * some addresses each, in vzlist's JSON. */
size_t source_octets_max(const struct source *s);
size_t source_octets_of(uint32_t max_rows);

/* An empty part to fill. `name` stands for the source in complaints. */
struct inv_part *source_part_new(const struct source *s, const char *name);

/* Read a file of at most max_octets octets that the kernel makes (/proc), here and now.
 * Returns 0 and *ret_text for free(), NUL-terminated, or -errno with e filled. */
int source_read(const char *path, size_t max_octets, char **ret_text, size_t *ret_len,
		struct err *e);

#endif
