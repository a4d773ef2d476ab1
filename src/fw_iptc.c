/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The iptables backend: legacy tables, IPv4 and IPv6.
 *
 * Reading is one GET_ENTRIES without any lock, straight into the layout found when the structure
 * last changed. Commits run in a child each (commit.c), whose end the loop hears of by a pipe.
 * 1. A reading counts only if every canary carries its seed: otherwise the table is half
 *    committed, by us or by somebody else, or its counters were reset.
 * 2. A canary that stays wrong for ZEROED_AFTER_NS without the structure changing is a reset, no
 *    commit: a commit lasts some milliseconds.
 * 3. While our own commit runs, only the table as it was before is read. */
#include "commit.h"
#include "fw.h"
#include "log.h"
#include "xalloc.h"
#include "xt_table.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ZEROED_AFTER_NS (1000 * NS_PER_MS)

/* What the child says when it is done. */
struct verdict {
	int result;
	char text[256];
};

struct family {
	struct iptc *owner;
	enum addr_family family;
	int fd;
	char problem[256]; /* "" when the family can be counted */
	char *journal;
	struct xt_layout layout;
	bool known; /* layout is of some reading */
	uint32_t generation;
	uint64_t wrong_since_ns; /* the canary is wrong since then, 0: it is right */
	uint64_t wrong_digest;
	bool reset_told; /* this reset was in a reading already */
	pid_t child;
	int pipe;
};

struct iptc {
	char table[XT_TABLE_MAXNAMELEN];
	struct loop *loop;
	fw_done_fn *done;
	void *arg;
	struct family families[ADDR_FAMILIES];
};

/* --- the child ---------------------------------------------------------------------------- */

static void close_inherited(int keep_a, int keep_b)
{
	long max = sysconf(_SC_OPEN_MAX);

	/* Our listening sockets and locks must not outlive us in a child that waits for a lock. */
	for (int fd = STDERR_FILENO + 1; fd < (max > 0 && max < 4096 ? max : 4096); fd++)
		if (fd != keep_a && fd != keep_b)
			close(fd);
}

static void child_main(struct family *f, const struct ruleset *desired, int out, pid_t parent)
{
	struct verdict v = { 0, "" };
	struct err e = { "" };

	close_inherited(f->fd, out);
	v.result = desired ? commit_run(f->fd, f->owner->table, desired, f->journal, parent, &e)
			   : commit_recover(f->fd, f->journal, &e);
	snprintf(v.text, sizeof(v.text), "%.255s", e.text);
	_exit(write(out, &v, sizeof(v)) == sizeof(v) ? 0 : 1);
}

static void child_ended(void *arg, short revents, uint64_t now_ns);

/* desired NULL: only finish what the journal says was begun. */
static int start_child(struct family *f, const struct ruleset *desired)
{
	pid_t parent = getpid();
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	f->child = fork();
	if (f->child < 0) {
		int ret = -errno;

		close(fds[0]);
		close(fds[1]);
		f->child = 0;
		return ret;
	}
	if (!f->child)
		child_main(f, desired, fds[1], parent);
	close(fds[1]);
	f->pipe = fds[0];
	loop_watch(f->owner->loop, f->pipe, POLLIN, child_ended, f);
	return 0;
}

static void report(struct family *f, const struct verdict *v, uint64_t now_ns)
{
	struct journal *journal;
	struct fw_final *finals = NULL;
	uint64_t epoch = 0;
	size_t n = 0;
	int ret = journal_open(f->journal, &journal);

	if (ret < 0)
		log_error("fw", "cannot read the commit's journal %s: %s", f->journal,
			  strerror(-ret));
	if (!ret && journal) {
		finals = journal_finals(journal, &n);
		epoch = journal_epoch(journal);
	}
	f->owner->done(f->owner->arg, f->family, v->result, v->text, epoch, finals, n, now_ns);
	commit_forget(f->journal);
	if (!ret)
		journal_close(journal);
	free(finals);
}

static void child_ended(void *arg, short revents, uint64_t now_ns)
{
	struct family *f = arg;
	struct verdict v = { -EINTR, "the committing process was killed" };
	ssize_t n = read(f->pipe, &v, sizeof(v));
	int status;

	(void)revents;
	if (n != sizeof(v))
		v = (struct verdict) { -EINTR, "the committing process was killed" };
	loop_unwatch(f->owner->loop, f->pipe);
	close(f->pipe);
	f->pipe = -1;
	waitpid(f->child, &status, 0); /* its end of the pipe is closed: it is as good as gone */
	f->child = 0;
	/* A child killed half-way leaves its journal: finish that before anything else. */
	if (n != sizeof(v) && commit_pending(f->journal) && start_child(f, NULL) == 0)
		return;
	report(f, &v, now_ns);
}

/* --- reading ------------------------------------------------------------------------------ */

static int canary_wrong(struct family *f, uint64_t digest, uint64_t now_ns, bool *ret_zeroed)
{
	if (!f->wrong_since_ns || f->wrong_digest != digest) {
		f->wrong_since_ns = now_ns;
		f->wrong_digest = digest;
		f->reset_told = false;
	}
	*ret_zeroed = now_ns - f->wrong_since_ns >= ZEROED_AFTER_NS;
	return *ret_zeroed ? 0 : -EAGAIN;
}

static int iptc_read(void *self, enum addr_family family, uint64_t now_ns,
		     struct fw_reading *ret_reading)
{
	struct iptc *s = self;
	struct family *f = &s->families[family];
	struct xt_raw raw;
	uint64_t digest;
	bool zeroed = false;
	int ret = f->problem[0] ? -ENODEV : xt_read(f->fd, family, s->table, &raw);

	if (ret < 0)
		return ret;
	digest = xt_digest(&raw);
	if (!f->known || digest != f->layout.digest) {
		ret = f->child ? -EAGAIN : 0;
		if (ret < 0)
			goto cleanup;
		xt_layout_clear(&f->layout);
		xt_layout_parse(&raw, &f->layout);
		f->known = true;
		f->generation++;
	}
	if (xt_counters_read(&f->layout, &raw))
		f->wrong_since_ns = 0;
	else
		ret = canary_wrong(f, digest, now_ns, &zeroed);
	f->layout.present.zeroed = zeroed;
	*ret_reading = (struct fw_reading) { .rows = f->layout.rows,
					     .n_rows = f->layout.n_rows,
					     .at_ns = now_ns,
					     .zeroed = zeroed && !f->reset_told,
					     .generation = f->generation + zeroed };
	f->reset_told = zeroed;
cleanup:
	xt_raw_clear(&raw);
	return ret;
}

static const struct present *iptc_present(const void *self, enum addr_family family)
{
	return &((const struct iptc *)self)->families[family].layout.present;
}

static const char *iptc_family_problem(const void *self, enum addr_family family)
{
	const struct family *f = &((const struct iptc *)self)->families[family];

	return f->problem[0] ? f->problem : NULL;
}

static int iptc_apply(void *self, const struct ruleset *desired)
{
	struct family *f = &((struct iptc *)self)->families[desired->family];

	return f->problem[0] ? -ENODEV : start_child(f, desired);
}

static bool iptc_busy(const void *self, enum addr_family family)
{
	return ((const struct iptc *)self)->families[family].child != 0;
}

/* --- opening ------------------------------------------------------------------------------ */

static int try_table(struct family *f, const char *table)
{
	struct xt_raw raw;
	int ret = f->fd = xt_socket(f->family);

	if (f->fd >= 0)
		ret = xt_read(f->fd, f->family, table, &raw);
	if (!ret)
		xt_raw_clear(&raw);
	else if (ret != -EPERM && ret != -EACCES)
		snprintf(f->problem, sizeof(f->problem),
			 "no legacy %s table \"%s\": %s (load it: modprobe %s_%s)",
			 xt_families[f->family].name, table, strerror(-ret),
			 f->family == ADDR_V4 ? "iptable" : "ip6table", table);
	return ret;
}

static void iptc_close(void *self)
{
	struct iptc *s = self;

	for (size_t i = 0; i < ADDR_FAMILIES; i++) {
		struct family *f = &s->families[i];

		if (f->child) { /* it goes on alone, and the next start finds its journal */
			loop_unwatch(s->loop, f->pipe);
			close(f->pipe);
		}
		if (f->fd >= 0)
			close(f->fd);
		xt_layout_clear(&f->layout);
		free(f->journal);
	}
	free(s);
}

static int open_families(struct iptc *s, struct err *e)
{
	int ret[ADDR_FAMILIES];

	for (enum addr_family i = 0; i < ADDR_FAMILIES; i++) {
		ret[i] = try_table(&s->families[i], s->table);
		if (ret[i] == -EPERM || ret[i] == -EACCES) {
			err_set(e, "no permission to read netfilter's tables: ctmeterd needs the "
				   "capabilities CAP_NET_ADMIN and CAP_NET_RAW; run it as root or "
				   "give it both");
			return -EPERM;
		}
	}
	if (ret[ADDR_V4] < 0 && ret[ADDR_V6] < 0) {
		err_set(e, "%s; %s: is this kernel without ip_tables?",
			s->families[ADDR_V4].problem, s->families[ADDR_V6].problem);
		return -ENOENT;
	}
	return 0;
}

static int iptc_open(const char *table, const char *run_dir, struct loop *loop, fw_done_fn *done,
		     void *arg, void **ret_self, struct err *e)
{
	struct iptc *s = xcalloc(1, sizeof(*s));
	int ret;

	snprintf(s->table, sizeof(s->table), "%s", table);
	s->loop = loop;
	s->done = done;
	s->arg = arg;
	for (enum addr_family i = 0; i < ADDR_FAMILIES; i++) {
		s->families[i] = (struct family) { .owner = s, .family = i, .fd = -1, .pipe = -1 };
		s->families[i].journal = commit_path(run_dir, i);
	}
	ret = open_families(s, e);
	if (!ret && mkdir(run_dir, 0755) < 0 && errno != EEXIST) {
		ret = -errno;
		err_set(e, "cannot make the directory %s: %s", run_dir, strerror(errno));
	}
	for (enum addr_family i = 0; !ret && i < ADDR_FAMILIES; i++)
		if (!s->families[i].problem[0] && commit_pending(s->families[i].journal)) {
			log_info("fw", "finishing the %s commit that an earlier ctmeterd began",
				 xt_families[i].name);
			ret = start_child(&s->families[i], NULL);
		}
	if (ret < 0)
		iptc_close(s);
	else
		*ret_self = s;
	return ret;
}

const struct fw_ops fw_iptc_ops = {
	.name = "iptables",
	.open = iptc_open,
	.close = iptc_close,
	.family_problem = iptc_family_problem,
	.read = iptc_read,
	.present = iptc_present,
	.apply = iptc_apply,
	.busy = iptc_busy,
};
