/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_INV_PVE_H
#define CTM_INV_PVE_H

#include "base/err.h"
#include "inventory/inv.h"

#include <stddef.h>

/* What a child gathered of the containers and virtual machines of Proxmox VE (gather.h): pure, over
 * text in memory.
 *
 *   run, pid   of a guest, before its file; pid is of a container only (lxc_socket.h)
 *   lxc, qemu  its file below /etc/pve, as pct.conf(5) and qm.conf(5) describe it; NAME is the VMID
 *
 * 1. The id is the VMID, the runtime_id what Proxmox calls a resource: "lxc/100", "qemu/101".
 * 2. Only the first section of a file is in force; those behind are snapshots.
 * 3. Addresses are those of ip= and ip6=: in netN of a container, in ipconfigN (cloud-init) of a
 *    machine. One that is set inside the guest by itself, "dhcp", "auto" or "manual", is not known.
 * 4. An address's link is veth<VMID>i<N> of a container, tap<VMID>i<N> of a machine.
 * 5. A template is no guest.
 *
 * Returns 0, or -EBADMSG with e filled. */
int inv_pve(struct inv_part *part, const char *text, size_t len, struct err *e);

#endif
