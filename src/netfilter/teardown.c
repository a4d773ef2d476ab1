/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/teardown.h"

#include "base/xalloc.h"
#include "netfilter/fw.h"
#include "netfilter/fw_admin.h"

#include <libgen.h>
#include <stdlib.h>

int teardown_rules(const struct cfg *cfg, struct err *e, unsigned *ret_removed)
{
	char *socket = xstrdup(cfg->control.socket);
	struct fw_config config = fw_config_of(cfg, dirname(socket));
	int ret = fw_remove_all(cfg->netfilter.backend, &config, e, ret_removed);

	free(socket);
	return ret;
}
