/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_FOUND_H
#define CTM_FOUND_H

#include "base/cfg.h"
#include "base/log_state.h"
#include "base/loop.h"
#include "inventory/inv.h"
#include "ledger/ledger.h"

/* Completes an inventory by what the kernel knows of the containers' network namespaces: addresses
 * that no source has, and containers whose network is the node's or another container's. Sources
 * cannot ask the kernel (they know no netlink), and netlink knows no inventory: so both meet here.
 * 1. What was found in a container stands below what was assigned, and within what is allowed
 *    (allow.h).
 * 2. Of containers in one namespace, one has its addresses: the one that has them already, else the
 *    one whose process has the lowest number. The others share its network.
 * 3. What is not known yet removes nothing. */

struct found;

/* Called from the loop: the last inventory is to be completed anew. */
typedef void found_changed_fn(void *arg, uint64_t now_ns);

/* helper: as in sources_new. Nothing is opened before some container has a process. */
struct found *found_new(struct loop *loop, const char *helper, found_changed_fn *changed,
			void *arg);
void found_free(struct found *f);

/* Links, routes or the configuration have changed. */
void found_renew(struct found *f);

/* Complete the inventory. asked: all sources were asked for it. Returns false if more is being
 * found out: `changed` comes then. */
bool found_complete(struct found *f, const struct cfg *cfg, const struct ledger *l,
		    struct inventory *inv, bool asked, uint64_t now_ns);

/* Would an inventory be completed as the last one was, if the sources' answers are the same? */
bool found_is_valid(const struct found *f);

/* Should all sources be asked again at once? True once for each reason. */
bool found_wants_look(struct found *f);

/* The id of a container's network namespace; -1: unknown. */
int found_netns(const struct found *f, const char *owner);

/* It grows when the namespace of some container becomes another. */
unsigned found_moves(const struct found *f);

/* For `status`: "" if containers' addresses are looked for as they should be or need not be, else
 * why not. */
const char *found_problem(const struct found *f);

#endif
