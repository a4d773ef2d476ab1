/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The iptables backend: legacy tables, IPv4 and IPv6.
 *
 * A reading is one GET_ENTRIES without any lock, decoded by the layout found when the structure
 * last changed. Each commit runs in a child (commit.c), and a pipe tells the loop when the child
 * ends.
 * 1. A reading counts only if every canary carries its seed. Otherwise the table is half
 *    committed, by us or by somebody else, or its counters were reset.
 * 2. A canary that stays wrong for ZEROED_AFTER_NS means a reset, not a commit: commits last some
 *    milliseconds.
 * 3. While our own commit runs, only the table from before it is read. */
#include "base/log_state.h"
#include "base/xalloc.h"
#include "netfilter/fw_ops.h"
#include "netfilter/iptables/commit.h"
#include "netfilter/iptables/journal.h"
#include "netfilter/iptables/remove.h"
#include "netfilter/iptables/wish.h"
#include "netfilter/iptables/xt_judge.h"
#include "netfilter/iptables/xt_look.h"

#include <dirent.h>
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
#define LOOK_FOR_NS (5 * NS_PER_S) /* between tries for a table: each may load a module */

/* What the child reports when it is done. */
struct verdict {
	int result;
	char text[256];
};

struct family {
	struct iptc *owner;
	enum addr_family family;
	int fd;
	char problem[256]; /* "" when the family can be counted */
	uint64_t tried_ns; /* if not: when the table was last looked for */
	struct log_state trouble; /* with the files that a commit needs */
	char *journal;
	bool told; /* `done` has reported what is in the journal */
	struct wish wish;
	struct xt_layout layout;
	bool known; /* layout is of some reading */
	uint64_t made; /* digest of the table that our last commit made */
	uint64_t read_ns; /* the last good one */
	uint32_t generation;
	uint64_t wrong_since_ns; /* since when the canary is wrong; 0: it is right */
	uint64_t epoch; /* the highest known: a table with a lower one is an old one put back */
	bool stale; /* such a table came; no reading has reported it yet */
	bool reset_told; /* a reading has already reported this reset */
	pid_t child;
	int pipe;
	struct verdict verdict; /* of the child, once `said` is set */
	bool said;
	/* Shared with the child: a lock that the child holds stays held after its end, until the
	 * journal is finished. */
	int lock;
};

struct iptc {
	char table[XT_TABLE_MAXNAMELEN];
	struct loop *loop;
	fw_done_fn *done;
	void *arg;
	struct family families[ADDR_FAMILIES];
};

/* --- the child ---------------------------------------------------------------------------- */

/* A child that waits for a lock must not keep our listening sockets and locks open after us. */
static void close_inherited(int keep_a, int keep_b, int keep_c)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		int fd = atoi(entry->d_name);

		if (fd > STDERR_FILENO && fd != keep_a && fd != keep_b && fd != keep_c &&
		    fd != dirfd(dir))
			close(fd);
	}
	if (dir)
		closedir(dir);
}

static void child_main(struct family *f, const struct ruleset *desired, int out, pid_t parent)
{
	bool recent = f->known && loop_now_ns() - f->read_ns < COMMIT_RECENT_NS;
	struct verdict v = { 0, "" };
	struct err e = { "" };

	close_inherited(f->fd, out, f->lock);
	v.result = desired ? commit_run(f->fd, f->lock, f->owner->table, desired,
					f->known ? &f->layout : NULL, recent ? &f->layout : NULL,
					f->journal, parent, &e)
			   : commit_recover(f->fd, f->lock, f->journal, &e);
	snprintf(v.text, sizeof(v.text), "%.255s", e.text);
	_exit(write(out, &v, sizeof(v)) == sizeof(v) ? 0 : 1);
}

static void child_ended(void *arg, short revents, uint64_t now_ns);

/* desired NULL: only finish what the journal says was begun. */
static int start_child(struct family *f, const struct ruleset *desired)
{
	pid_t parent = getpid();
	struct err e = { "" };
	int fds[2];

	if (f->lock < 0)
		f->lock = commit_lock_open(&e);
	if (f->lock < 0) {
		log_bad(&f->trouble, loop_now_ns(), LOG_LEVEL_ERROR, "fw", "%s", e.text);
		return f->lock;
	}
	log_good(&f->trouble, loop_now_ns(), "fw", "the xtables lock can be opened again");
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
	f->said = false;
	loop_watch(f->owner->loop, f->pipe, POLLIN, child_ended, f);
	return 0;
}

static void report(struct family *f, const struct verdict *v, uint64_t now_ns)
{
	struct journal j = { .head = NULL };
	struct fw_final *finals = NULL;
	uint64_t epoch = 0;
	size_t n = 0;
	int ret = journal_map(f->journal, &j);
	bool settled = !ret && journal_settled(&j);

	if (ret < 0 && ret != -ENOENT)
		log_bad(&f->trouble, now_ns, LOG_LEVEL_ERROR, "fw",
			"cannot read the commit's journal %s: %s", f->journal, strerror(-ret));
	if (settled) {
		finals = journal_finals(&j, &n);
		epoch = journal_epoch(&j);
		f->made = journal_replaced(&j) ? j.head->digest : 0;
	}
	/* A journal that is not settled holds the only copy of others' counters: the next child
	 * finishes it first. */
	f->told = settled;
	f->owner->done(f->owner->arg, f->family, v->result, v->text, epoch, finals, n, now_ns);
	journal_unmap(&j);
	free(finals);
}

/* The child sends its verdict, and its end of the pipe closes when it exits. Only then do we wait
 * for it, so the wait is short. */
static void child_ended(void *arg, short revents, uint64_t now_ns)
{
	struct family *f = arg;
	struct verdict v;
	ssize_t n = read(f->pipe, &v, sizeof(v));
	int status;

	(void)revents;
	if (n == sizeof(v)) {
		f->verdict = v;
		f->said = true;
		return;
	}
	loop_unwatch(f->owner->loop, f->pipe);
	close(f->pipe);
	f->pipe = -1;
	waitpid(f->child, &status, 0);
	f->child = 0;
	/* A child killed half-way leaves behind its journal, and its lock to us: finish the commit
	 * before any other program can change the table. */
	if (!f->said && journal_pending(f->journal) && start_child(f, NULL) == 0)
		return;
	close(f->lock);
	f->lock = -1;
	if (!f->said)
		f->verdict = (struct verdict) { -EINTR, "the committing process was killed" };
	report(f, &f->verdict, now_ns);
}

/* --- reading ------------------------------------------------------------------------------ */

/* Whether the canary has been wrong for too long for a commit: somebody reset it. */
static bool wrong_for_good(struct family *f, uint64_t now_ns)
{
	if (!f->wrong_since_ns) {
		f->wrong_since_ns = now_ns;
		f->reset_told = false;
	}
	return now_ns - f->wrong_since_ns >= ZEROED_AFTER_NS;
}

/* Judge whether each packet is counted exactly once. The table of our own commit needs no
 * judging. */
static void judge(struct family *f, struct xt_layout *layout)
{
	if (layout->digest == f->made)
		return;
	if (f->known && f->layout.ours == layout->ours)
		xt_judge_as(layout, &f->layout);
	else
		xt_judge(layout, f->family);
}

/* The structure differs from the known one. While our commit runs, a table with a higher epoch is
 * its result: wait for the finals. Any other change was made by somebody else. */
static int take_layout(struct family *f, const struct xt_raw *raw)
{
	struct xt_layout layout;

	xt_layout_parse(raw, &layout);
	if (f->child && layout.present.epoch > f->epoch) {
		xt_layout_clear(&layout);
		return -EAGAIN;
	}
	if (f->child && !layout.present.epoch && f->layout.present.epoch) {
		xt_layout_clear(&layout); /* our commit that removes everything leaves no epoch */
		return -EAGAIN;
	}
	judge(f, &layout);
	xt_layout_clear(&f->layout);
	f->layout = layout;
	f->known = true;
	f->generation++;
	f->stale = layout.present.epoch && layout.present.epoch < f->epoch;
	return 0;
}

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

/* A missing table may appear later: its module is loaded late, or by the table's first user. */
static void look_again(struct family *f, uint64_t now_ns)
{
	if (now_ns - f->tried_ns < LOOK_FOR_NS)
		return;
	f->tried_ns = now_ns;
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
	f->problem[0] = '\0';
	if (try_table(f, f->owner->table) == 0)
		log_info("fw", "the %s table \"%s\" exists now", xt_families[f->family].name,
			 f->owner->table);
	else if (!f->problem[0])
		snprintf(f->problem, sizeof(f->problem), "no permission to read the %s table",
			 xt_families[f->family].name);
}

static int iptc_read(void *self, enum addr_family family, uint64_t now_ns,
		     struct fw_reading *ret_reading)
{
	struct iptc *s = self;
	struct family *f = &s->families[family];
	bool reset = false, zero, old, zeroed;
	const struct present *present;
	struct xt_raw raw;
	uint64_t read_ns;
	int ret;

	if (f->problem[0])
		look_again(f, now_ns);
	ret = f->problem[0] ? -ENODEV : xt_read(f->fd, family, s->table, &raw);
	read_ns = loop_now_ns(); /* after the copy: the kernel copies under the table's lock */
	if (ret < 0)
		return ret;
	if (!f->known || xt_digest(&raw) != f->layout.digest)
		ret = take_layout(f, &raw);
	if (ret < 0)
		goto cleanup;
	if (xt_counters_read(&f->layout, &raw, &zero))
		f->wrong_since_ns = 0;
	else
		reset = wrong_for_good(f, now_ns);
	if (f->wrong_since_ns && !reset) {
		ret = -EAGAIN;
		goto cleanup;
	}
	old = f->layout.present.epoch && f->layout.present.epoch < f->epoch;
	if (!old && f->layout.present.epoch)
		f->epoch = f->layout.present.epoch;
	f->layout.present.foul = reset || old;
	zeroed = reset && zero && !f->reset_told;
	if (zeroed)
		xt_intact_read(&f->layout, &raw);
	f->read_ns = read_ns;
	present = &f->layout.present;
	*ret_reading =
		(struct fw_reading) { .rows = f->layout.rows,
				      .n_rows = f->layout.n_rows,
				      .at_ns = now_ns,
				      .zeroed = zeroed,
				      .stale = f->stale || (reset && !zero && !f->reset_told),
				      .unsure = reset && f->reset_told,
				      .disturbed = present->disturbed || old,
				      .doubled = present->doubled,
				      .generation = f->generation + reset,
				      .commit = present->epoch };
	f->reset_told = reset;
	f->stale = false;
cleanup:
	xt_raw_clear(&raw);
	return ret;
}

static enum fw_fit iptc_compare(void *self, const struct fw_want *want)
{
	struct family *f = &((struct iptc *)self)->families[want->family];

	return wish_compare(&f->wish, want, &f->layout.present);
}

static struct fw_figures iptc_figures(const void *self, enum addr_family family)
{
	const struct xt_layout *layout = &((const struct iptc *)self)->families[family].layout;

	return (struct fw_figures) { .rules = layout->present.n_counting,
				     .entries = layout->n_entries,
				     .flaw = layout->present.flaw };
}

static const char *iptc_family_problem(const void *self, enum addr_family family)
{
	const struct family *f = &((const struct iptc *)self)->families[family];

	return f->problem[0] ? f->problem : NULL;
}

static void iptc_forget(void *self, enum addr_family family)
{
	struct family *f = &((struct iptc *)self)->families[family];

	if (f->told)
		journal_forget(f->journal);
	f->told = false;
}

/* The epoch grows by one, which distinguishes our new table from an older one put back. */
static int iptc_apply(void *self, const struct fw_want *want)
{
	struct family *f = &((struct iptc *)self)->families[want->family];

	iptc_forget(self, want->family);
	return f->problem[0] ? -ENODEV : start_child(f, wish_rules(&f->wish, want, f->epoch + 1));
}

static bool iptc_busy(const void *self, enum addr_family family)
{
	return ((const struct iptc *)self)->families[family].child != 0;
}

/* --- opening ------------------------------------------------------------------------------ */

static void iptc_close(void *self)
{
	struct iptc *s = self;

	for (size_t i = 0; i < ADDR_FAMILIES; i++) {
		struct family *f = &s->families[i];

		if (f->child) { /* it continues alone; the next start finds its journal */
			loop_unwatch(s->loop, f->pipe);
			close(f->pipe);
		}
		if (f->lock >= 0)
			close(f->lock);
		if (f->fd >= 0)
			close(f->fd);
		wish_clear(&f->wish);
		xt_layout_clear(&f->layout);
		free(f->journal);
	}
	free(s);
}

static int open_families(struct iptc *s, struct err *e)
{
	for (enum addr_family i = 0; i < ADDR_FAMILIES; i++) {
		int ret = try_table(&s->families[i], s->table);

		s->families[i].tried_ns = loop_now_ns();
		if (ret == -EPERM || ret == -EACCES) {
			err_set(e, "no permission to read netfilter's tables: ctmeterd needs the "
				   "capabilities CAP_NET_ADMIN and CAP_NET_RAW; run it as root or "
				   "give it both");
			return -EPERM;
		}
	}
	return 0;
}

static int make_directory(const char *path)
{
	mode_t old = umask(0022); /* 0755, whatever the umask was */
	int ret = mkdir(path, 0755) < 0 && errno != EEXIST ? -errno : 0;

	umask(old);
	return ret;
}

static int iptc_open(const struct fw_config *config, struct loop *loop, fw_done_fn *done, void *arg,
		     void **ret_self, struct err *e)
{
	struct iptc *s = xcalloc(1, sizeof(*s));
	int ret;

	snprintf(s->table, sizeof(s->table), "%s", config->table);
	s->loop = loop;
	s->done = done;
	s->arg = arg;
	for (enum addr_family i = 0; i < ADDR_FAMILIES; i++) {
		s->families[i] = (struct family) {
			.owner = s, .family = i, .fd = -1, .pipe = -1, .lock = -1
		};
		s->families[i].journal = journal_path(config->run_dir, i);
		s->families[i].epoch = config->commit[i];
	}
	ret = open_families(s, e);
	if (!ret) {
		ret = make_directory(config->run_dir);
		if (ret < 0)
			err_set(e, "cannot make the directory %s: %s", config->run_dir,
				strerror(-ret));
	}
	for (enum addr_family i = 0; !ret && i < ADDR_FAMILIES; i++)
		if (!s->families[i].problem[0] && journal_pending(s->families[i].journal)) {
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

/* The query makes the kernel load the tables' modules, which it does for root, and make the tables
 * themselves, which every packet then passes. */
static int iptc_prepare(const struct fw_config *config, uid_t uid, gid_t gid, struct err *e)
{
	struct err left = { "" };
	struct fw_look look;
	int ret;

	for (enum addr_family f = 0; f < ADDR_FAMILIES && !config->spare; f++)
		xt_look(f, config->table, &look);
	ret = commit_lock_share(gid, e);
	if (!ret && commit_hand_over(config->run_dir, uid, gid, &left) < 0)
		log_warning("start", "%s", left.text);
	return ret;
}

static const char *const run_files[] = { "commit.ipv4", "commit.ipv6", NULL }; /* journal_path */

const struct fw_ops fw_iptc_ops = {
	.name = "iptables",
	.open = iptc_open,
	.close = iptc_close,
	.family_problem = iptc_family_problem,
	.read = iptc_read,
	.compare = iptc_compare,
	.apply = iptc_apply,
	.busy = iptc_busy,
	.forget = iptc_forget,
	.figures = iptc_figures,
	.look = xt_look,
	.lock_path = commit_lock_path,
	.run_files = run_files,
	.has_rules = iptc_has_rules,
	.prepare = iptc_prepare,
	.remove_all = iptc_remove_all,
};
