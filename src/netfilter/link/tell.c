/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/link/tell.h"

#include "base/xalloc.h"
#include "netfilter/link/fw_link.h"
#include "netfilter/link/look.h"
#include "netfilter/link/tcx.h"

#include <stdlib.h>
#include <unistd.h>

bool link_has_rules(struct fw_config *config)
{
	struct link_object o;
	bool found;

	if (link_object_peek(look_bpf_dir(config), &o, NULL) < 0)
		return false;
	found = o.has_old;
	for (uint32_t i = 0; i < o.state->reach && !found; i++)
		found = o.owner[i].state != LINK_FREE;
	link_object_close(&o);
	return found;
}

bool link_is_prepared(const struct fw_config *config)
{
	char *set = xasprintf("%s/set", look_bpf_dir(config));
	bool there = access(set, F_OK) == 0;

	free(set);
	return there;
}

bool link_has_left(const struct fw_config *config)
{
	return !tcx_is_forbidden() && access(look_bpf_dir(config), F_OK) == 0;
}

bool link_strays(const void *self, struct fw_strays *ret_strays)
{
	const struct fw_link *s = self;
	const struct link_strays *strays = s->object.strays;

	if (s->problem[0])
		return false;
	*ret_strays = (struct fw_strays) {
		.spoofed = { strays[LINK_STRAYS_SOURCE].octets, strays[LINK_STRAYS_SOURCE].pkts },
		.broken = { strays[LINK_STRAYS_BROKEN].octets, strays[LINK_STRAYS_BROKEN].pkts },
	};
	return true;
}
