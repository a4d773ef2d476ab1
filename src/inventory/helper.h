/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_HELPER_H
#define CTM_HELPER_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* The inventory helper runs the commands of `vz` and `command:` sources, asks the runtimes (docker
 * and the like), and reads the files of others (lxc, pve), as root for a ctmeterd that is not root.
 * It keeps no state. A connection names one job, and the helper runs it only if the configuration
 * file, which must be root's, has it as a source.
 *
 *   request   "command:PATH ARG...\n" as in the file, "vz:NAME\n" with a NAME of source_vz.c, or
 *             "docker WORD\n" and "docker:SOCKET WORD\n" with a WORD of runtime.h, for each
 *             runtime; "lxc files\n" and "lxc:PATH files\n", for each that gathered.h is for;
 *             "hook EVENT\n" of hook.h, which runs [billing] hook; or HELPER_EAR "\n"
 *   answer    what the job printed, at most what [inventory] max-rows allows, then
 *             HELPER_END_OCTETS that say how it ended
 *
 * A runtime is asked what a table says for that word, and nothing else can be sent to it. Where
 * the word stands for its events, the answer is a newline for each time that more of them came:
 * what they say is not passed on.
 *
 * HELPER_EAR names no source: with the answer comes the descriptor of a socket that hears of
 * address changes in all network namespaces. It can hear, and nothing else: what is sent on it is
 * judged by the capabilities of the sender, too (netlink(7)).
 *
 * 1. Words that reach exec(2) come from the configuration file or from a table, never from the
 *    peer. What the peer says of an event is checked, and is the hook's environment.
 * 2. The helper passes the job's output on unread: the process that parses it has no privileges.
 * 3. A job ends at its deadline (10 s; none while events are followed), its cap, or with its
 *    connection. The connection stays open, with nothing more sent, until the job's process is
 *    gone: one that hangs in the kernel outlives its kill.
 * 4. The socket's mode decides who may connect: root and the daemon's group. */

#define HELPER_END_OCTETS 512
#define HELPER_EAR "netns"

/* Opens that socket. Returns it, or -errno. */
typedef int helper_ear_fn(void);

struct helper_end {
	int error; /* as in struct child_result */
	int status; /* exit status */
	int signal; /* the signal that killed it, for -EINTR */
	bool left; /* a process left behind held the output open */
	char complaint[256];
};

void helper_end_write(const struct helper_end *end, char ret_octets[HELPER_END_OCTETS]);
bool helper_end_read(const char octets[HELPER_END_OCTETS], struct helper_end *ret_end);

/* Run as the helper that systemd starts with its listening socket (sd_listen_fds(3)), until a
 * signal ends it. Returns the exit status. */
int helper_main(const char *config_path, helper_ear_fn *ear);

/* Start the helper as a separate process, which keeps the caller's privileges and ends with the
 * caller. It listens at `path`, which must not exist (mode 0660, group gid). Returns 0, or
 * -errno with e filled. */
int helper_start(const char *path, gid_t gid, const char *config_path, helper_ear_fn *ear,
		 struct err *e);

#endif
