/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_INV_INCUS_H
#define CTM_INV_INCUS_H

#include "base/err.h"
#include "inventory/inv.h"
#include "inventory/inv_settle.h"

#include <stddef.h>

/* The answer of Incus or LXD to GET /1.0/instances?recursion=2: pure, over text in memory.
 *
 * 1. An instance's id is what `settle` makes of its name, "project/name", or "name" in the project
 *    "default". Its runtime_id is its volatile.uuid. The keys user.ctmeter.id, user.ctmeter.name,
 *    user.ctmeter.ignore, user.ctmeter.quota and user.ctmeter.quota-counts of its configuration are
 *    what labels are with Docker.
 * 2. Addresses are those of scope global in it, on any link but its loopback.
 * 3. What is not in its form fails as a whole.
 *
 * runtime: "incus" or "lxd", static. Returns 0, or -EBADMSG with e filled. settle NULL: the names
 * as they are. */
int inv_incus(struct inv_part *part, const char *runtime, const char *text, size_t len,
	      const struct inv_settle *settle, struct err *e);

#endif
