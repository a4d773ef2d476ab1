/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_OWNER_H
#define CTM_OWNER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* For commands of root's that read in a directory of another user's, as ctmeterd's is: who owns it could
 * put links there. Whatever is opened (and made: SQLite makes a log's index, and gives it away) is then
 * opened as its owner, who may no more than he may. Only for a process of one thread. */

struct owner {
	bool became;
	uid_t uid;
	gid_t gid;
	gid_t *groups;
	size_t n_groups;
};

/* When the effective user is root and the directory of `path` (or the link that leads to it) is another
 * user's: be that one, with the directory's group and no other, until owner_return; otherwise nothing
 * changes. A user namespace that has no such user leaves nothing to gain and changes nothing either. */
void owner_become(const char *path, struct owner *ret_saved);
void owner_return(struct owner *saved);

#endif
