/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/teardown.h"

#include "base/xalloc.h"
#include "netfilter/fw.h"
#include "netfilter/fw_admin.h"

#include <libgen.h>
#include <stdlib.h>

static int remove_all(const struct cfg *cfg, enum cfg_backend backend, struct err *e,
		      unsigned *ret_removed)
{
	char *socket = xstrdup(cfg->control.socket);
	struct fw_config config = fw_config_of(cfg, dirname(socket));
	int ret = fw_remove_all(backend, &config, e, ret_removed);

	free(socket);
	return ret;
}

int teardown_rules(const struct cfg *cfg, struct err *e, unsigned *ret_removed)
{
	return remove_all(cfg, cfg->netfilter.backend, e, ret_removed);
}

int teardown_leftovers(const struct cfg *cfg, struct err *e)
{
	unsigned removed;

	if (cfg->netfilter.backend == CFG_BACKEND_FAKE)
		return 0; /* a dry run changes nothing */
	return remove_all(cfg, CFG_BACKEND_AUTO, e, &removed);
}
