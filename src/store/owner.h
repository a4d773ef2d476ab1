/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_OWNER_H
#define CTM_OWNER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* For commands that root runs and that read in another user's directory, such as ctmeterd's: that
 * user could plant links there. Every file is therefore opened (and made: SQLite makes the WAL's
 * index and gives it to the database's owner) with that user's rights and no more. For
 * single-threaded processes only. */

struct owner {
	bool became;
	uid_t uid;
	gid_t gid;
	gid_t *groups;
	size_t n_groups;
};

/* If the effective user is root and the directory of `path` (or the link that leads to it) belongs
 * to another user: become that user, with the directory's group and no other, until owner_return.
 * Otherwise change nothing. Change nothing either in a user namespace that has no such user: there
 * is nothing to gain there. */
void owner_become(const char *path, struct owner *ret_saved);
void owner_return(struct owner *saved);

#endif
