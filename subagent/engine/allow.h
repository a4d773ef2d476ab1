/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_ALLOW_H
#define CTM_ALLOW_H

#include "base/cfg.h"
#include "base/loop.h"
#include "inventory/inv.h"
#include "ledger/ledger.h"
#include "netlink/links.h"

/* Which of the addresses that are found in a container it may have.
 * 1. With [inventory] allow: those in its prefixes, and no others.
 * 2. Without: those to which a packet of the node leaves through the container's own link, or
 *    through the bridge that this link is a port of (or a VLAN link on it), by a route that is
 *    not the default one and has no gateway. Where the container's links are not known, through
 *    any such link.
 * 3. If no route says anything, as when the link is down, the holder of an address keeps it.
 * The kernel is asked again when links or routes have changed (allow_renew), for some ms at a
 * time. */

struct allow;

/* Returns 0 and a new *ret_allow for allow_free, or -errno with e filled. */
int allow_new(struct loop *loop, struct allow **ret_allow, struct err *e);
void allow_free(struct allow *al);

/* Links, routes or the configuration have changed. */
void allow_renew(struct allow *al);

/* It grows with each allow_renew, and when a link changes. */
unsigned allow_round(const struct allow *al);

/* The id of a container's network namespace, -1: unknown. */
typedef int allow_netns_fn(void *arg, const char *owner);

/* Mark the found claims that are not allowed as INV_NOT_ALLOWED. Returns false if time was up
 * before all were looked at: then those that were never looked at are taken out, the inventory is
 * doubtful, and the caller is to come again. */
bool allow_mark(struct allow *al, const struct cfg *cfg, const struct ledger *l,
		allow_netns_fn *netns, void *arg, struct inventory *inv);

#endif
