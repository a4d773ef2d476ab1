/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_PRIVILEGE_H
#define CTM_PRIVILEGE_H

#include "base/cfg.h"
#include "base/err.h"

#include <stdbool.h>

/* The privileges of ctmeterd (docs/privileges.md): CAP_NET_ADMIN and CAP_NET_RAW, for the tables,
 * and the permissions of its user. A service manager can start it that way. Started as root, it
 * drops everything else itself.
 *
 * 1. Nothing from the network and no inventory is read before privilege_drop.
 * 2. After privilege_drop no other capability is in any set, and no exec(2) can bring one back.
 * 3. After privilege_confine only the system calls that a running ctmeterd makes are left. */

/* Called as root, before ctmeterd starts as another user: give its group access to the xtables lock
 * and to snmpd's directory /var/agentx, and have the kernel load the legacy tables, which it only
 * does for root. Returns 0, or -errno with e filled. */
int privilege_prepare(const struct cfg *cfg, struct err *e);

/* If started as root, become [daemon] user. That user is given the directories of the ledger and of
 * the control socket, if they are named ctmeter or new, and the files in them. An inventory helper
 * stays behind as root, and cfg then names its socket. If the user does not exist or is "root",
 * ctmeterd stays root with the two capabilities. Then give up all other capabilities. Returns 0, or
 * -errno with e filled. */
int privilege_drop(struct cfg *cfg, const char *config_path, struct err *e);

/* Allow no other system calls from here on, in any thread or child. Does nothing if ctmeterd itself
 * must run a source's command, or if the kernel or the build has no filter. Logs a refusal by the
 * kernel. */
void privilege_confine(const struct cfg *cfg);

/* Whether this build can confine itself. */
bool privilege_confines(void);

#endif
