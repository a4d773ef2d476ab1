/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_DOCTOR_ACCESS_H
#define CTM_DOCTOR_ACCESS_H

#include "doctor/doctor.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

/* As whom the daemon reads files and connects to sockets, for the doctor. */

struct doctor_user {
	bool known; /* false: what follows is 0, and everything is taken to be allowed */
	uid_t uid;
	gid_t gid, groups[64];
	size_t n_groups;
	char name[64], group[64]; /* of uid and gid; numbers, where they have no name */
};

/* The running daemon's, or the one that the configuration names. */
struct doctor_user doctor_daemon_user(const struct doctor *d);

/* Do the mode bits let the user do it? other: S_IROTH, S_IWOTH or S_IXOTH. */
bool doctor_may(const struct doctor_user *u, const struct stat *st, mode_t other);

/* The command that lets the user read a file: for each directory above that may not be searched, and the
 * file itself. NULL: nothing is in the way, or it cannot be seen. For free(). */
char *doctor_open_way(const struct doctor_user *u, const char *path);

#endif
