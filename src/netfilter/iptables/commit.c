/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/iptables/commit.h"

#include "base/log.h"
#include "base/xalloc.h"
#include "netfilter/iptables/compose.h"
#include "netfilter/iptables/compose_tail.h"
#include "netfilter/iptables/journal.h"
#include "netfilter/iptables/xt_judge.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define REPLACE_TRIES 20

/* --- the lock ----------------------------------------------------------------------------- */

/* The lock that iptables takes since 1.4.20 (its source: iptables/xshared.c). We wait in a
 * blocking flock, which is woken in turn; polling would starve beside a busy writer. */
const char *commit_lock_path(void)
{
	const char *path = getenv("XTABLES_LOCKFILE");

	return path && *path ? path : "/run/xtables.lock";
}

int commit_lock_open(struct err *e)
{
	const char *path = commit_lock_path();
	int fd = open(path, O_RDONLY | O_CREAT | O_CLOEXEC, 0600), ret;

	if (fd >= 0)
		return fd;
	ret = -errno;
	err_set(e, "cannot open the lock file %s: %s", path, strerror(-ret));
	if (ret == -EACCES || ret == -EROFS || ret == -EPERM)
		err_set(e,
			"cannot open the lock file %s as ctmeterd's user: run \"ctmeterd "
			"--prepare\" as root, which gives its group access",
			path);
	return ret;
}

int commit_lock_share(gid_t gid, struct err *e)
{
	const char *path = commit_lock_path();
	int fd = open(path, O_RDONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	struct stat st = { .st_mode = 0 };
	int ret = 0;

	if (fd < 0 || fstat(fd, &st) < 0)
		ret = -errno;
	else if (!S_ISREG(st.st_mode))
		ret = -EINVAL;
	if (!ret && (st.st_gid != gid || !(st.st_mode & S_IRGRP)) &&
	    (fchown(fd, (uid_t)-1, gid) < 0 || fchmod(fd, (st.st_mode & 07777) | S_IRGRP) < 0))
		ret = -errno;
	if (ret < 0)
		err_set(e, "cannot give group %u access to the lock file %s: %s", (unsigned)gid,
			path, strerror(-ret));
	if (fd >= 0)
		close(fd);
	return ret;
}

/* Returns whether the lock was free. */
static bool try_lock(int lock)
{
	return flock(lock, LOCK_EX | LOCK_NB) == 0;
}

static int take_lock(int lock, struct err *e)
{
	while (flock(lock, LOCK_EX) < 0)
		if (errno != EINTR) {
			int ret = -errno;

			err_set(e, "cannot take the xtables lock: %s", strerror(-ret));
			return ret;
		}
	return 0;
}

/* --- putting counters back ---------------------------------------------------------------- */

static int add_counters(int fd, const struct journal *j, const struct xt_layout *layout)
{
	const struct journal_head *h = j->head;
	size_t size = sizeof(struct xt_counters_info) + h->n_new * sizeof(struct xt_counters);
	struct xt_counters_info *info = xcalloc(1, size);
	int ret;

	memcpy(info->name, h->table, sizeof(h->table));
	info->num_counters = h->n_new;
	for (uint32_t i = 0; i < h->n_new; i++) {
		const uint32_t from = j->from[i];

		if (from && from <= h->n_old)
			info->counters[i] = j->finals[from - 1];
	}
	for (size_t i = 0; i < layout->n_canaries; i++)
		info->counters[layout->canaries[i].index] =
			(struct xt_counters) { .pcnt = 1, .bcnt = layout->canaries[i].octets };
	ret = setsockopt(fd, xt_families[h->family].level, IPT_SO_SET_ADD_COUNTERS, info,
			 (socklen_t)size);
	ret = ret < 0 ? -errno : 0;
	free(info);
	return ret;
}

/* Whether every entry that takes over a counter has reached at least its old value. */
static bool counters_are_back(const struct journal *j, const struct xt_raw *raw)
{
	const struct xt_family *f = &xt_families[raw->family];
	uint32_t offset = 0;

	for (uint32_t i = 0; i < j->head->n_new; i++) {
		const uint8_t *e = raw->blob + offset;
		const uint32_t from = j->from[i];
		struct xt_counters c;
		uint16_t next;

		memcpy(&c, e + f->counters_at, sizeof(c));
		memcpy(&next, e + f->head_size - 2, sizeof(next));
		if (from && from <= j->head->n_old &&
		    (c.pcnt < j->finals[from - 1].pcnt || c.bcnt < j->finals[from - 1].bcnt))
			return false;
		offset += next;
	}
	return true;
}

/* Finish a commit whose REPLACE was done: check whether the finals are back, and put them back if
 * the table is still the one that they belong to. */
static int finish(int fd, struct journal *j, struct err *e)
{
	const struct journal_head *h = j->head;
	struct xt_layout layout;
	struct xt_raw raw;
	bool ours, seeded;
	int ret = xt_read(fd, h->family, h->table, &raw);

	if (ret < 0) {
		err_set(e, "cannot read table %s: %s", h->table, strerror(-ret));
		return ret;
	}
	xt_layout_parse(&raw, &layout);
	ours = layout.digest == h->digest && raw.n_entries == h->n_new;
	/* All canaries are seeded in one call. So a single seeded one proves that the counters are
	 * back, even if somebody has zeroed other chains since. */
	seeded = layout.present.epoch == h->epoch && xt_canaries_any(&layout, &raw);
	/* A table without rules of ours has no canary. Then the only evidence is whether every
	 * counter has reached at least its old value. */
	if (!layout.n_canaries && ours)
		seeded = counters_are_back(j, &raw);
	if (!seeded && ours)
		ret = add_counters(fd, j, &layout);
	if (ret == -ENOMEM) {
		err_set(e, "cannot put the counters of table %s back: %s", h->table,
			strerror(-ret));
	} else if (ret < 0 || (!seeded && !ours)) {
		/* Somebody changed the table before the counters were back. Our counts go to the
		 * ledger; the table has no place left for those of others. */
		log_error("fw",
			  "another program changed table %s in the middle of our commit: the "
			  "counters of other programs' rules restart from 0",
			  h->table);
		journal_set_refused(j);
		ret = 0;
	} else {
		journal_set_added(j);
	}
	xt_layout_clear(&layout);
	xt_raw_clear(&raw);
	return ret;
}

/* Call with the lock held. Returns 1 when a finished journal waits to be taken over, 0 when none
 * does. */
static int recover_locked(int fd, const char *path, struct err *e)
{
	struct journal j = { .head = NULL };
	int ret = journal_map(path, &j);

	if (ret == -EINVAL || ret == -ENOENT) {
		journal_remove(path); /* incomplete: the kernel was not asked yet */
		return 0;
	}
	if (ret < 0) {
		err_set(e, "cannot read the commit's journal %s: %s", path, strerror(-ret));
		return ret;
	}
	if (!journal_settled(&j))
		ret = finish(fd, &j, e);
	journal_unmap(&j);
	return ret < 0 ? ret : 1;
}

int commit_recover(int fd, int lock, const char *path, struct err *e)
{
	int ret = take_lock(lock, e); /* its writer may still be running */

	ret = ret < 0 ? ret : recover_locked(fd, path, e);
	flock(lock, LOCK_UN);
	return ret < 0 ? ret : 0;
}

static bool is_anothers(const char *path, uid_t uid)
{
	struct stat st;

	return lstat(path, &st) == 0 && st.st_uid != uid;
}

static int hand_over(const char *path, uid_t uid, gid_t gid, struct err *e)
{
	int lock = commit_lock_open(e), ret;

	if (lock < 0)
		return lock;
	ret = take_lock(lock, e);
	if (!ret && (ret = journal_hand_over(path, uid, gid)) < 0)
		err_set(e,
			"cannot give the journal %s of root's commit to ctmeterd's user: %s: "
			"remove the file",
			path,
			ret == -EINVAL ? "it is not a regular file with one link" : strerror(-ret));
	close(lock);
	return ret;
}

int commit_hand_over(const char *run_dir, uid_t uid, gid_t gid, struct err *e)
{
	int ret = 0;

	for (enum addr_family f = 0; f < ADDR_FAMILIES && !ret; f++) {
		char *path = journal_path(run_dir, f);

		if (is_anothers(path, uid)) /* otherwise there is no need to wait */
			ret = hand_over(path, uid, gid, e);
		free(path);
	}
	return ret;
}

/* --- committing --------------------------------------------------------------------------- */

/* One commit under way. */
struct job {
	int fd;
	enum addr_family family;
	const char *table, *path;
	int parent;
	struct ruleset *desired; /* under its new epoch */
	const struct xt_layout *last; /* of the last reading; NULL: none */
	const struct xt_layout *recent; /* of a reading just before the lock; NULL: none to use */
	const struct xt_layout *old; /* recent or read */
	struct xt_layout read, new;
	uint32_t found; /* an or of enum journal_found */
	struct composed composed;
	struct journal journal;
	struct err *e;
};

static void note(struct journal_record *r, const struct addr *addr, enum path path, uint32_t from,
		 uint32_t to)
{
	*r = (struct journal_record) {
		.family = addr->family, .path = (uint8_t)path, .from = from, .to = to
	};
	memcpy(r->bytes, addr->bytes, sizeof(r->bytes));
}

/* Entry number plus 1 of a path's counting rule; 0: none. */
static uint32_t entry_of(const struct xt_layout *l, size_t row, enum path path)
{
	return l->places[row][path].at ? l->places[row][path].index + 1 : 0;
}

/* Find the old entry that each counting rule comes from, by address and path, since the tree may
 * have moved the rule to another chain. Both layouts' rows are sorted and swept once. If records
 * is NULL, only counts them. */
static uint32_t match_rules(const struct job *job, struct journal_record *records, uint32_t *from)
{
	const struct xt_layout *old = job->old, *new = &job->new;
	size_t i = 0, k = 0;
	uint32_t n = 0;

	while (i < old->n_rows || k < new->n_rows) {
		int order = i == old->n_rows   ? 1
			    : k == new->n_rows ? -1
					       : addr_cmp(&old->rows[i].addr, &new->rows[k].addr);
		const struct addr *addr = order <= 0 ? &old->rows[i].addr : &new->rows[k].addr;

		for (enum path p = 0; p < PATHS; p++) {
			uint32_t was = order <= 0 ? entry_of(old, i, p) : 0;
			uint32_t is = order >= 0 ? entry_of(new, k, p) : 0;

			if (!was && !is)
				continue;
			if (records)
				note(&records[n], addr, p, was, is);
			if (from && is)
				from[is - 1] = was;
			n++;
		}
		i += order <= 0;
		k += order >= 0;
	}
	return n;
}

static int write_journal(struct job *job)
{
	const struct composed *c = &job->composed;
	struct journal_head head = { .family = job->family,
				     .n_old = c->n_old,
				     .n_new = c->raw.n_entries,
				     .n_records = match_rules(job, NULL, NULL),
				     .epoch = job->desired->epoch,
				     .digest = job->new.digest,
				     .found = job->found };
	int ret;

	snprintf(head.table, sizeof(head.table), "%s", job->table);
	ret = journal_create(job->path, &head, &job->journal);
	if (ret < 0) {
		err_set(job->e, "cannot write the commit's journal %s: %s", job->path,
			ret == -EEXIST ? "another program keeps creating a file of that name"
				       : strerror(-ret));
		return ret;
	}
	memcpy(job->journal.from, c->from, c->raw.n_entries * sizeof(*c->from));
	/* libiptc starts the policies' counters from 0; all other counters of others stay. */
	for (unsigned i = 0; i < XT_HOOKS; i++)
		if (job->new.policy[i])
			job->journal.from[job->new.policy[i] - 1] = job->old->policy[i];
	match_rules(job, job->journal.records, job->journal.from);
	return 0;
}

/* Note what others had done to the table. The last reading has reported most of it. */
static void judge_old(struct job *job)
{
	const struct present *present = &job->old->present;
	const struct xt_layout *last = job->last;
	bool known_foul = last && last->present.foul;

	if (job->old == &job->read && last && last->ours == job->read.ours)
		xt_judge_as(&job->read, last);
	else if (job->old == &job->read)
		xt_judge(&job->read, job->family);
	job->found = 0;
	if (present->disturbed || (present->foul && !known_foul))
		job->found |= JOURNAL_DISTURBED;
	if (present->doubled)
		job->found |= JOURNAL_DOUBLED;
}

/* Whether counters were set to 0 since the last reading: the finals of the old table's canaries
 * show it. */
static bool canaries_died(const struct job *job)
{
	const struct xt_layout *old = job->old;

	if (old->present.foul)
		return false; /* already reported, or found under the lock */
	for (size_t i = 0; i < old->n_canaries; i++) {
		const struct xt_counters *c = &job->journal.finals[old->canaries[i].index];

		if (c->bcnt != old->canaries[i].octets || c->pcnt != 1)
			return true;
	}
	return false;
}

static int replace(const struct job *job)
{
	const struct xt_raw *raw = &job->composed.raw;
	struct ipt_replace *repl = (void *)(raw->blob - sizeof(*repl));

	memset(repl, 0, sizeof(*repl));
	snprintf(repl->name, sizeof(repl->name), "%s", job->table);
	repl->valid_hooks = raw->valid_hooks;
	repl->num_entries = raw->n_entries;
	repl->size = raw->size;
	memcpy(repl->hook_entry, raw->hook_entry, sizeof(repl->hook_entry));
	memcpy(repl->underflow, raw->underflow, sizeof(repl->underflow));
	repl->num_counters = job->composed.n_old;
	repl->counters = job->journal.finals;
	return setsockopt(job->fd, xt_families[job->family].level, IPT_SO_SET_REPLACE, repl,
			  (socklen_t)(sizeof(*repl) + raw->size)) < 0
		       ? -errno
		       : 0;
}

/* If only our own chains change and a reading from just before the lock says where they are, it is
 * enough to check that everything else is in its place, and that our epoch and canaries are. At
 * ten thousand addresses that saves reading 47,000 entries. One change goes unnoticed: somebody
 * has since edited a tree chain of ours without changing the number of entries. Returns -ENOTSUP
 * if the table cannot be composed in this way. */
static int prepare_tail(struct job *job)
{
	const struct xt_layout *old = job->recent;
	int ret = -ENOTSUP;
	struct xt_raw head;
	uint32_t size;
	bool same, zero;

	if (!old || !compose_tail_possible(old, job->desired) ||
	    xt_read_head(job->fd, job->family, job->table, old->tail.checked, &head, &size) < 0)
		return -ENOTSUP;
	same = size == old->size && head.n_entries == old->n_entries &&
	       xt_digest(&head) == old->tail.digest && xt_canaries_read(old, &head, &zero);
	if (same && !plan_diff(job->desired, &old->present, NULL)) {
		ret = -EALREADY;
	} else if (same) {
		ret = 0;
		ruleset_set_epoch(job->desired, old->present.epoch + 1);
		compose_tail(&head, old, job->desired, &job->composed);
		job->old = old;
	}
	xt_raw_clear(&head);
	return ret;
}

/* Read the table, plan, and let libiptc compose. Returns -EALREADY when nothing is to be done,
 * -EAGAIN when a program without the lock changed the table meanwhile. */
static int prepare_whole(struct job *job)
{
	struct present *present = &job->read.present;
	struct xt_raw raw;
	struct plan plan;
	bool zero;
	int ret = xt_read(job->fd, job->family, job->table, &raw);

	if (ret < 0) {
		err_set(job->e, "cannot read table %s: %s", job->table, strerror(-ret));
		return ret;
	}
	xt_layout_parse(&raw, &job->read);
	job->old = &job->read;
	present->foul = !xt_counters_read(&job->read, &raw, &zero) ||
			(present->epoch && present->epoch + 1 < job->desired->epoch);
	xt_raw_clear(&raw);
	if (!plan_diff(job->desired, present, NULL))
		return -EALREADY;
	ruleset_set_epoch(job->desired, present->epoch + 1 > job->desired->epoch
						? present->epoch + 1
						: job->desired->epoch);
	plan_commit(job->desired, present, &plan);
	ret = compose(job->table, job->desired, present, &plan, &job->composed, job->e);
	plan_clear(&plan);
	if (ret < 0)
		return ret;
	/* libiptc read the table again: was it still the one that the plan is for? */
	ret = xt_read(job->fd, job->family, job->table, &raw);
	if (!ret) {
		ret = xt_digest(&raw) != job->read.digest ? -EAGAIN : 0;
		xt_raw_clear(&raw);
	}
	return ret;
}

static int prepare(struct job *job)
{
	int ret = prepare_tail(job);

	job->recent = NULL; /* if the kernel refuses the new table, the old one has changed */
	if (ret == -ENOTSUP)
		ret = prepare_whole(job);
	if (ret < 0)
		return ret;
	xt_layout_parse(&job->composed.raw, &job->new);
	judge_old(job);
	if (plan_diff(job->desired, &job->new.present, NULL)) {
		err_set(job->e, "the composed table differs from the plan");
		ret = -EPROTO;
	}
	return ret;
}

static void unprepare(struct job *job)
{
	xt_layout_clear(&job->read);
	xt_layout_clear(&job->new);
	composed_clear(&job->composed);
	journal_unmap(&job->journal);
}

static int commit_once(struct job *job)
{
	int ret = prepare(job);

	if (!ret)
		ret = write_journal(job);
	if (!ret && getppid() != job->parent) {
		unlink(job->path);
		ret = -ECANCELED;
	}
	if (ret < 0)
		return ret;
	ret = replace(job);
	if (ret < 0) {
		unlink(job->path);
		if (ret != -EAGAIN)
			err_set(job->e, "the kernel refused table %s: %s", job->table,
				strerror(-ret));
		return ret;
	}
	journal_set_replaced(&job->journal);
	if (canaries_died(job))
		journal_set_disturbed(&job->journal);
	if (add_counters(job->fd, &job->journal, &job->new) == 0)
		journal_set_added(&job->journal);
	else
		ret = finish(job->fd, &job->journal, job->e);
	return ret;
}

/* From here to the end of the process only SIGKILL interrupts. */
static void hold_signals(void)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
}

int commit_run(int fd, int lock, const char *table, const struct ruleset *desired,
	       const struct xt_layout *last, const struct xt_layout *recent, const char *path,
	       int parent, struct err *e)
{
	struct job job = { .fd = fd,
			   .family = desired->family,
			   .table = table,
			   .last = last,
			   .path = path,
			   .parent = parent,
			   .e = e };
	int ret = 0;

	if (try_lock(lock))
		job.recent = recent;
	else
		ret = take_lock(lock, e); /* its holder may have changed the table */
	if (ret < 0)
		return ret;
	if (getppid() != parent) {
		flock(lock, LOCK_UN);
		return -ECANCELED;
	}
	hold_signals();
	/* An earlier commit's finals must be taken over before the journal is written anew. */
	ret = recover_locked(fd, path, e);
	if (ret) {
		flock(lock, LOCK_UN);
		return ret < 0 ? ret : 0;
	}
	ret = -EAGAIN;
	job.desired = ruleset_copy(desired);
	for (int tries = 0; ret == -EAGAIN && tries < REPLACE_TRIES; tries++) {
		ret = commit_once(&job);
		unprepare(&job);
	}
	if (ret == -EAGAIN)
		err_set(e,
			"table %s changes faster than it can be committed: another program writes "
			"to it without taking the xtables lock",
			table);
	ruleset_free(job.desired);
	flock(lock, LOCK_UN);
	return ret == -EALREADY ? 0 : ret;
}
