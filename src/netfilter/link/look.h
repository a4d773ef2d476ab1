/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_LINK_LOOK_H
#define CTM_LINK_LOOK_H

#include "netfilter/fw.h"
#include "netfilter/fw_admin.h"

/* What concerns every link of this network namespace, without opening the backend: fw.h documents
 * these by the names fw_look_links, fw_look_ground, fw_prepare and fw_remove_all. */

int look_links(const struct fw_config *config, struct fw_look_link **ret_links, size_t *ret_n);
int look_ground(const struct fw_config *config, uid_t uid, struct fw_look_ground *ret_ground);
int look_prepare(const struct fw_config *config, uid_t uid, gid_t gid, struct err *e);
int look_remove_all(const struct fw_config *config, struct err *e, unsigned *ret_removed);

/* config's bpf_dir, or the usual one. */
const char *look_bpf_dir(const struct fw_config *config);

#endif
