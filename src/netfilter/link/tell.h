/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_LINK_TELL_H
#define CTM_LINK_TELL_H

#include "netfilter/fw.h"

/* What the link backend says of itself without being open (fw_has_rules, fw_likely_backend), and of
 * packets that it counts for nobody (fw_get_strays). */

/* Is a slot in use? */
bool link_has_rules(struct fw_config *config);

/* Has root prepared it here? */
bool link_is_prepared(const struct fw_config *config);

/* Is anything pinned that we may remove? */
bool link_has_left(const struct fw_config *config);

bool link_strays(const void *self, struct fw_strays *ret_strays);

#endif
