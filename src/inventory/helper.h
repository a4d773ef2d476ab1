/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_HELPER_H
#define CTM_HELPER_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* The inventory helper: what runs the commands of `vz` and `command:` sources as root for a ctmeterd
 * that is not. It holds no state and takes no orders: a connection names one job, and a job is run
 * only if it is what the configuration file, which must be root's, has as a source.
 *
 *   request   "command:PATH ARG...\n" as in the file, or "vz:NAME\n" with a NAME of source_vz.c
 *   answer    what the job printed, at most what [inventory] max-rows allows, then HELPER_END_OCTETS that say how it ended
 *
 * 1. Words that reach exec(2) come from the configuration file or from a table, never from the peer.
 * 2. What the job prints is handed on unread: whoever parses it has no privileges.
 * 3. A job ends with its deadline (10 s), its cap, or its connection. The connection stays open, though
 *    nothing more comes, until the job's process is gone: one that hangs in the kernel outlives its kill.
 * Who may connect is the socket's mode: root and the group of the daemon. */

#define HELPER_END_OCTETS 512

struct helper_end {
	int error; /* as in struct child_result */
	int status; /* exit status */
	int signal; /* that killed it, for -EINTR */
	bool left; /* a process left behind held the output */
	char complaint[256];
};

void helper_end_write(const struct helper_end *end, char ret_octets[HELPER_END_OCTETS]);
bool helper_end_read(const char octets[HELPER_END_OCTETS], struct helper_end *ret_end);

/* The helper as systemd starts it, its listening socket passed (sd_listen_fds(3)): until a signal ends
 * it. Returns the exit status. */
int helper_main(const char *config_path);

/* Listen at `path`, which is new (mode 0660, group gid), in a process of its own that keeps the caller's
 * privileges and ends with the caller. Returns 0, or -errno with e filled. */
int helper_start(const char *path, gid_t gid, const char *config_path, struct err *e);

#endif
