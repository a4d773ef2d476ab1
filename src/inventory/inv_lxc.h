/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_INV_LXC_H
#define CTM_INV_LXC_H

#include "base/err.h"
#include "inventory/inv.h"

#include <stddef.h>

/* What a child gathered of the containers of LXC (gather.h): pure, over text in memory.
 *
 * 1. The records of one container follow each other: run, pid and item (lxc_socket.h), then config,
 *    its file. A container without a file is none.
 * 2. The id is the name. The addresses are those that its configuration sets: of one that runs and
 *    answers, the one in force, else those of its file (lxc.container.conf(5)), in which files that
 *    it includes are not looked for.
 * 3. An address's link is the host's end of its network's pair.
 *
 * Returns 0, or -EBADMSG with e filled. */
int inv_lxc(struct inv_part *part, const char *text, size_t len, struct err *e);

#endif
