/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_INV_NSPAWN_H
#define CTM_INV_NSPAWN_H

#include "base/err.h"
#include "inventory/inv.h"

#include <stddef.h>

/* What a child gathered of the machines that systemd-machined has registered (gather.h): pure, over
 * text in memory.
 *
 *   leader   before its file: "gone", its leader has ended; "node", it is in the node's network;
 *            "own", in another; "unknown"
 *   machine  the file that machined keeps of it, in lines KEY=VALUE; NAME is the machine's
 *
 * 1. Only what systemd-nspawn has registered is a container: libvirt's are not.
 * 2. The id is the machine's name, the runtime_id its ID.
 * 3. No addresses are in it, only the process whose network has them.
 *
 * Returns 0, or -EBADMSG with e filled. */
int inv_nspawn(struct inv_part *part, const char *text, size_t len, struct err *e);

#endif
