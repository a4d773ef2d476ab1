/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/ifname.h"

#include <string.h>

bool ifname_is_valid(const char *name, size_t len)
{
	if ((len == 1 && *name == '.') || (len == 2 && !strncmp(name, "..", 2)))
		return false;
	for (size_t i = 0; i < len; i++)
		if (name[i] <= ' ' || name[i] > '~' || name[i] == '/' || name[i] == ':')
			return false;
	return len && len <= IFNAME_MAX;
}
