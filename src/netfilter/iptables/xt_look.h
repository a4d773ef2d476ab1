/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_XT_LOOK_H
#define CTM_XT_LOOK_H

#include "base/addr.h"
#include "netfilter/fw_look.h"

/* Inspection of a legacy table for people (fw_look). */

/* Needs CAP_NET_ADMIN and CAP_NET_RAW. Returns 0 or -errno: -EPERM, or -ENOENT or -ENOPROTOOPT for
 * no such table. The query may make the kernel load the table's module (see xt_read). */
int xt_look(enum addr_family family, const char *table, struct fw_look *ret_look);

#endif
