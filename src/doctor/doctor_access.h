/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_DOCTOR_ACCESS_H
#define CTM_DOCTOR_ACCESS_H

#include "doctor/doctor.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

/* The user that the daemon runs as, and which files and sockets that user may access. */

struct doctor_user {
	bool known; /* false: all below is 0, and everything counts as allowed */
	uid_t uid;
	gid_t gid, groups[64];
	size_t n_groups;
	char name[64], group[64]; /* of uid and gid; their numbers where they have no name */
};

/* The user of the running daemon, else the one that the configuration names. */
struct doctor_user doctor_daemon_user(const struct doctor *d);

/* Do the mode bits grant the user this access? other: S_IROTH, S_IWOTH or S_IXOTH. */
bool doctor_may(const struct doctor_user *u, const struct stat *st, mode_t other);

/* The command that lets the user read a file: it opens the file and each directory above it that
 * the user may not search. For free(). NULL: nothing is in the way, or the path cannot be
 * examined. */
char *doctor_open_way(const struct doctor_user *u, const char *path);

#endif
