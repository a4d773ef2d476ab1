/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_LXC_SOCKET_H
#define CTM_LXC_SOCKET_H

#include <stdbool.h>
#include <sys/types.h>

/* What the monitor of a running container of LXC says of it, on the container's command socket:
 * what lxc-info asks there, without a process for each container. By system calls alone: for a
 * child (gather.h).
 *
 * The requests are those of liblxc's commands.h, whose numbers and meaning stay as they are, since
 * a newer lxc-info has to talk to older monitors. Only two are ever sent: GET_INIT_PID (4) and
 * GET_CONFIG_ITEM (7). Neither changes anything in any version.
 *
 * The socket has an abstract name, which any user of the node can take. So its maker must be root
 * or the owner of the container's directory. */

struct lxc_path {
	const char *path; /* "/var/lib/lxc" */
	int patience_ms; /* left for monitors that do not answer, all together */
};
#define LXC_PATIENCE_MS 2000

/* Print what is known of the container `name`, as records of that name:
 *   run   "yes"; "no": nobody listens; "unknown": it does not answer, or is another user's
 *   pid   of its first process
 *   item  "KEY = VALUE" of its configuration in force, includes and all: those of its network and
 *         its host name. Only if items is set. An address list has a line for each.
 * owner: of the container's directory. Returns 0 or EPIPE. */
int lxc_print(struct lxc_path *at, const char *name, uid_t owner, bool items);

#endif
