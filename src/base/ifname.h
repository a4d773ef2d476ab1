/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_IFNAME_H
#define CTM_IFNAME_H

#include <stdbool.h>
#include <stddef.h>

#define IFNAME_MAX 15 /* octets of a network interface's name: IFNAMSIZ without the NUL */

/* Whether the first `len` octets of name can be the name of a network interface. As the kernel
 * (dev_valid_name), but printable ASCII only: names are shown to people. */
bool ifname_is_valid(const char *name, size_t len);

#endif
