/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The `file:` source: a child reads the file. A file system may hang, and a process that touches it
 * then sleeps where no signal reaches it. One such child at a time.
 * A file that has been read completely is not read again while it is the same (is_same), if it
 * is on a file system where a look at it does not hang (POUR_NEAR). */
#include "base/file.h"
#include "base/xalloc.h"
#include "inventory/child.h"
#include "inventory/inv_file.h"
#include "inventory/pour.h"
#include "inventory/source_one.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define TRIES 2 /* for a file that changes while it is read */
/* Times of files are those of a clock that ticks, on some file systems every two seconds: what
 * follows a change in the same tick does not show. */
#define TICK_S 3
/* Not even all changes show at once: a program that has mapped the file may write to it without a
 * change of its times, until the kernel writes it to the disk. */
#define ANEW_NS (300 * NS_PER_S)

struct source_file {
	struct source base;
	char *path;
	struct pour pour; /* of this poll */
	struct child *child; /* running, or ended and perhaps not yet gone */
	int tries;
	bool is_near; /* looking at it does not hang */
	/* The file before it was read last, and when; is_known: there is nothing newer in it that
	 * could look the same. */
	struct stat seen;
	uint64_t seen_ns;
	bool is_known;
	bool is_read; /* the answer in force is what was read then */
};

int source_read(const char *path, size_t max_octets, char **ret_text, size_t *ret_len,
		struct err *e)
{
	int ret = file_read_regular(path, max_octets, ret_text, ret_len);

	if (ret == -EINVAL)
		err_set(e, "%.300s is not a regular file", path);
	else if (ret < 0)
		err_set(e, "cannot read %.300s: %s", path, strerror(-ret));
	return ret;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* Look at the file, before it is read. Returns whether it need not be: the answer in force is all
 * that it holds. */
static bool look(struct source_file *f, uint64_t now_ns)
{
	struct timespec now;
	struct stat st;
	bool known = f->is_near && stat(f->path, &st) == 0;

	if (known && f->is_known && f->is_read && !f->base.failing &&
	    now_ns - f->seen_ns < ANEW_NS && is_same(&st, &f->seen))
		return true;
	f->is_known = f->is_read = false;
	if (!known)
		return false;
	clock_gettime(CLOCK_REALTIME, &now);
	f->is_known = now.tv_sec - st.st_ctime >= TICK_S;
	f->seen = st;
	f->seen_ns = now_ns;
	return false;
}

static void begin_reading(struct source_file *f, uint64_t now_ns);

static void on_read(void *arg, const struct child_result *r, uint64_t now_ns)
{
	struct source_file *f = arg;
	struct inv_part *part = NULL;
	struct err e = { "" };
	bool again = !r->error && r->status == POUR_CHANGED && f->tries < TRIES;

	if (pour_ended(&f->pour, r, &e) == 0) {
		part = source_part_new(&f->base, f->path);
		if (inv_file_parse(part, r->out, r->len, &e) < 0) {
			inv_part_free(part);
			part = NULL;
		}
	}
	f->is_read = part && f->tries == 1;
	f->is_near = part && r->status == POUR_NEAR;
	if (child_gone(f->child)) {
		child_free(f->child);
		f->child = NULL;
	}
	if (again)
		begin_reading(f, now_ns);
	else
		source_end(&f->base, part, &e, now_ns);
}

static void begin_reading(struct source_file *f, uint64_t now_ns)
{
	struct err e = { "" };

	f->tries++;
	f->pour = (struct pour) { .path = f->path,
				  .max_octets = source_octets_max(&f->base),
				  .steady = true };
	if (pour_new(&f->pour, now_ns + SOURCE_DEADLINE_NS, f->base.loop, on_read, f, &f->child,
		     &e) < 0)
		source_end(&f->base, NULL, &e, now_ns);
}

static void file_start(struct source *s, uint64_t now_ns)
{
	struct source_file *f = (struct source_file *)s;
	struct err e = { "" };

	if (f->child && !child_gone(f->child)) {
		err_set(&e, POUR_HANGS, f->path);
		source_end(s, NULL, &e, now_ns);
		return;
	}
	child_free(f->child);
	f->child = NULL;
	if (look(f, now_ns)) {
		source_end_same(s, now_ns);
		return;
	}
	f->tries = 0;
	begin_reading(f, now_ns);
}

static void file_free(struct source *s)
{
	struct source_file *f = (struct source_file *)s;

	child_free(f->child);
	free(f->path);
	free(f);
}

/* ---- the kind ---- */

/* The path is the rest of the line, taken literally. It must be absolute: the daemon would
 * resolve a relative path in its own directory, not in the author's. */
static int file_check(const char *path, struct err *e)
{
	if (*path == '"' || *path == '\'')
		err_set(e, "the path stands without quotes, blanks and all: "
			   "file:/etc/ctmeter/containers");
	else if (*path != '/' || path[strlen(path) - 1] == '/')
		err_set(e, "must be the absolute path of a file: file:/etc/ctmeter/containers");
	else
		return 0;
	return -EINVAL;
}

static int file_new(const char *path, const char *root, struct source **ret_source, struct err *e)
{
	static const struct source_ops ops = { file_start, file_free };
	struct source_file *f = xcalloc(1, sizeof(*f));

	(void)root;
	(void)e;
	f->base.ops = &ops;
	f->path = xstrdup(path);
	*ret_source = &f->base;
	return 0;
}

static const char *file_of(const char *path)
{
	return path;
}

const struct source_kind source_kind_file = {
	.prefix = "file:",
	.form = "file:PATH",
	.title = "this file",
	.check = file_check,
	.new = file_new,
	.file_of = file_of,
};
