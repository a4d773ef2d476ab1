/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_PRIVILEGE_H
#define CTM_PRIVILEGE_H

#include "base/cfg.h"
#include "base/err.h"

#include <stdbool.h>

/* What ctmeterd may do (docs/privileges.md): CAP_NET_ADMIN and CAP_NET_RAW, for the tables, and what its
 * user may. A service manager can start it so; started by root it makes itself so.
 *
 * 1. Nothing of the network and no inventory is read before privilege_drop.
 * 2. After it no capability but the two is in any set, and no exec(2) can bring one back.
 * 3. After privilege_confine only the system calls remain that a running ctmeterd makes. */

/* For root, before a ctmeterd that is not root starts: let its group into the xtables lock and into
 * snmpd's directory /var/agentx, and have the kernel load the legacy tables, which it does for root.
 * Returns 0, or -errno with e filled. */
int privilege_prepare(const struct cfg *cfg, struct err *e);

/* Become [daemon] user, when started as root; what is the user's (the directories of the ledger and of
 * the control socket, named ctmeter or new, and the files in them) is given to him, and an inventory
 * helper stays behind as root, whose socket cfg then names. Where there is no such user, or it is "root",
 * ctmeterd stays root with the two capabilities. Then give up all other capabilities. Returns 0, or
 * -errno with e filled. */
int privilege_drop(struct cfg *cfg, const char *config_path, struct err *e);

/* No other system calls from here on, in no thread and no child. Not where a source's command must be
 * run by ctmeterd itself, nor where the kernel or the build has no filter; a kernel's refusal is logged. */
void privilege_confine(const struct cfg *cfg);

/* Can this build confine itself? */
bool privilege_confines(void);

#endif
