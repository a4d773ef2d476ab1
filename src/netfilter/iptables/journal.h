/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_JOURNAL_H
#define CTM_JOURNAL_H

#include "netfilter/fw_reading.h"

#include <linux/netfilter/x_tables.h>
#include <sys/types.h>

/* The journal of one commit: a file, mapped shared, into which the kernel itself writes the
 * finals. commit.c's child writes it and, after a kill, reads it; the backend reads it for the
 * ledger.
 * 1. Every page is touched before the kernel is asked, so that the kernel's copy cannot fail.
 * 2. Nothing read from a file is used before every number in it was checked.
 * 3. The directory may belong to another user (root tears down what ctmeter made). So only a file
 *    that this process created is mapped, and no number is taken from the mapping. */

/* What became of one counting rule. from and to are entry numbers plus 1; 0: no such entry. */
struct journal_record {
	uint8_t family, path;
	uint8_t bytes[16];
	uint32_t from, to;
};

/* The file: this head, then finals[n_old], then records[n_records], then from[n_new]. */
struct journal_head {
	uint32_t magic;
	uint32_t size; /* of the whole file */
	uint32_t family;
	uint32_t n_old, n_new, n_records;
	uint64_t epoch;
	uint64_t digest; /* xt_digest of the new table */
	uint32_t replaced; /* REPLACE has returned (a kill may come before this is written) */
	uint32_t added; /* the kernel has taken the counters back */
	uint32_t refused; /* it never will: the ledger must take what the records hold */
	char table[XT_TABLE_MAXNAMELEN];
	uint32_t found; /* what others had done to the old table: an or of enum journal_found */
};

enum journal_found { JOURNAL_DISTURBED = 1, JOURNAL_DOUBLED = 2 };

struct journal {
	struct journal_head *head; /* our own copy */
	void *room; /* the whole file: mapped, or a copy */
	struct xt_counters *finals; /* this and the next two point into the room */
	uint32_t *from;
	struct journal_record *records;
	int fd; /* of an existing journal, whose room is a copy */
	bool copied;
};

/* "RUN_DIR/commit.ipv4". Returns a new string. */
char *journal_path(const char *run_dir, enum addr_family family);

/* Whether a journal exists. */
bool journal_pending(const char *path);

/* Remove the journal: its finals were taken over. */
void journal_forget(const char *path);

/* Free the name, whatever holds it: the directory may be another user's, and a FIFO or a directory
 * of that name must not block a commit. A directory that is not empty is moved to
 * "PATH.moved-PID". Returns 0, also when nothing has the name, or -errno. */
int journal_remove(const char *path);

/* For root, holding the xtables lock: give the user the journal that a killed process of root left
 * in the user's directory, so that the user's daemon can finish the commit. Only a journal that is
 * a regular file of root with a single link is given. One that is no journal (cut off while it was
 * made) is removed. If it is not a regular file or has other links, it stays: -EINVAL. Returns 0,
 * also when there is no journal, or -errno. */
int journal_hand_over(const char *path, uid_t uid, gid_t gid);

/* Create a journal with this head (magic and size are filled in here) and room for the rest. It is
 * a new file, whatever had the name (journal_remove). Returns 0, or -errno and leaves no file
 * behind; -EEXIST: another process keeps taking the name. */
int journal_create(const char *path, const struct journal_head *head, struct journal *ret_j);

/* Open an existing journal and copy it: a process that may write the file could change it after it
 * was checked. Returns 0, -ENOENT, -EINVAL for an invalid one (cut off while it was made, damaged,
 * or not a regular file), or another -errno. Never blocks, as opening a FIFO would. */
int journal_map(const char *path, struct journal *ret_j);
void journal_unmap(struct journal *j);

/* Note in the file, to survive a kill: REPLACE was done; the counters are back; they never will
 * be. */
void journal_set_replaced(struct journal *j);
void journal_set_added(struct journal *j);
void journal_set_refused(struct journal *j);

/* Note in the file what else the old table's finals revealed. */
void journal_set_disturbed(struct journal *j);

/* Whether REPLACE was done; whether nothing remains to be done in the kernel. */
bool journal_replaced(const struct journal *j);
bool journal_settled(const struct journal *j);

/* The epoch that it committed; 0 when it never reached the kernel. */
uint64_t journal_epoch(const struct journal *j);

/* Its records and what it found, as finals: a new array for free(). Empty when the commit never
 * reached the kernel. */
struct fw_final *journal_finals(const struct journal *j, size_t *ret_n);

#endif
