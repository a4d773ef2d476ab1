/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_JOURNAL_H
#define CTM_JOURNAL_H

#include "netfilter/fw.h"

#include <linux/netfilter/x_tables.h>
#include <sys/types.h>

/* The journal of one commit: a file, mapped shared, into which the kernel itself writes the finals.
 * Written by commit.c's child; read by it after a kill, and by the backend for the ledger.
 * 1. Every page is touched before the kernel is asked, so that its copy cannot fail.
 * 2. Nothing read from a file is believed before every number in it was checked.
 * 3. The directory may be another user's than the process's (root tears down what ctmeter made): what is
 *    mapped is a file of the process's own, and no number is taken from the mapping. */

/* What became of one counting rule. from and to are entry numbers plus 1, 0: not there. */
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
	uint32_t replaced; /* REPLACE returned (a kill may come before this is written) */
	uint32_t added; /* the kernel has taken the counters back */
	uint32_t refused; /* it never will: records hold what the ledger must take */
	char table[XT_TABLE_MAXNAMELEN];
	uint32_t found; /* what somebody had done to the old table: an or of enum journal_found */
};

enum journal_found { JOURNAL_DISTURBED = 1, JOURNAL_DOUBLED = 2 };

struct journal {
	struct journal_head *head; /* our own copy */
	void *room; /* the whole file: mapped, or a copy */
	struct xt_counters *finals; /* this and the following are in the room */
	uint32_t *from;
	struct journal_record *records;
	int fd; /* of one that was there: then the room is a copy */
	bool copied;
};

/* "RUN_DIR/commit.ipv4". Returns a new string. */
char *journal_path(const char *run_dir, enum addr_family family);

/* Whether there is one. */
bool journal_pending(const char *path);

/* The finals were taken over: remove it. */
void journal_forget(const char *path);

/* Free the name, whatever has it: the directory may be another user's, and a FIFO or a directory there must
 * not stand in a commit's way. A directory that holds something is moved to "PATH.moved-PID". Returns 0,
 * also when there is none, or -errno. */
int journal_remove(const char *path);

/* For root, with the xtables lock: make a journal that a killed process of root's left in a directory of
 * the user's his, so that he can finish the commit. Only a plain file of root's with one name that is a
 * journal: one that is none is removed (cut off while it was made), and what is no plain file or has other
 * names stays, -EINVAL. Returns 0, also when there is none, or -errno. */
int journal_hand_over(const char *path, uid_t uid, gid_t gid);

/* Make one with this head (magic and size are filled in here) and room for the rest: a new file, whatever
 * was there (journal_remove). Returns 0 or -errno, leaving no file behind; -EEXIST: somebody else keeps
 * taking the name. */
int journal_create(const char *path, const struct journal_head *head, struct journal *ret_j);

/* Take up one that is there: a copy of it, since who may write the file could change it after it was
 * checked. Returns 0, -ENOENT, -EINVAL for what is none (cut off while it was made, damaged, or no plain
 * file), or another -errno. Never waits, as opening a FIFO would. */
int journal_map(const char *path, struct journal *ret_j);
void journal_unmap(struct journal *j);

/* Note in the file, against a kill: REPLACE was done; the counters are back; they never will be. */
void journal_set_replaced(struct journal *j);
void journal_set_added(struct journal *j);
void journal_set_refused(struct journal *j);

/* Note what else was found in the old table's finals. */
void journal_set_disturbed(struct journal *j);

/* Whether REPLACE was done; whether nothing is left to be done in the kernel. */
bool journal_replaced(const struct journal *j);
bool journal_settled(const struct journal *j);

/* The epoch it committed, 0 when it never reached the kernel. */
uint64_t journal_epoch(const struct journal *j);

/* Its records as finals, and what it found, a new array for free(); none when it never reached the kernel. */
struct fw_final *journal_finals(const struct journal *j, size_t *ret_n);

#endif
