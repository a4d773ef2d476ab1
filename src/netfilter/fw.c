/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/fw.h"

#include "base/xalloc.h"

#include <errno.h>
#include <stdlib.h>

struct fw {
	const struct fw_ops *ops;
	void *self;
};

int fw_open(enum cfg_backend backend, const struct fw_config *config, struct loop *loop,
	    fw_done_fn *done, void *arg, struct fw **ret_fw, struct err *e)
{
	const struct fw_ops *ops = backend == CFG_BACKEND_FAKE ? &fw_fake_ops : &fw_iptc_ops;
	void *self;
	int ret = ops->open(config, loop, done, arg, &self, e);

	if (ret < 0)
		return ret;
	*ret_fw = xmalloc(sizeof(**ret_fw));
	**ret_fw = (struct fw) { ops, self };
	return 0;
}

void fw_close(struct fw *fw)
{
	if (!fw)
		return;
	fw->ops->close(fw->self);
	free(fw);
}

const char *fw_name(const struct fw *fw)
{
	return fw->ops->name;
}

const char *fw_family_problem(const struct fw *fw, enum addr_family family)
{
	return fw->ops->family_problem(fw->self, family);
}

int fw_read(struct fw *fw, enum addr_family family, uint64_t now_ns, struct fw_reading *ret_reading)
{
	return fw->ops->read(fw->self, family, now_ns, ret_reading);
}

const struct present *fw_present(const struct fw *fw, enum addr_family family)
{
	return fw->ops->present(fw->self, family);
}

int fw_apply(struct fw *fw, const struct ruleset *desired)
{
	if (fw->ops->busy(fw->self, desired->family))
		return -EBUSY;
	return fw->ops->apply(fw->self, desired);
}

bool fw_busy(const struct fw *fw, enum addr_family family)
{
	return fw->ops->busy(fw->self, family);
}

struct addr *fw_reading_join(const struct fw_reading *reading, const struct addr *addrs, size_t *n)
{
	struct addr *all = xcalloc(*n + reading->n_rows, sizeof(*all));
	size_t i = 0, k = 0, kept = 0;

	while (i < *n || k < reading->n_rows) {
		int order = i == *n                ? 1
			    : k == reading->n_rows ? -1
						   : addr_cmp(&addrs[i], &reading->rows[k].addr);

		all[kept++] = order <= 0 ? addrs[i] : reading->rows[k].addr;
		i += order <= 0;
		k += order >= 0;
	}
	*n = kept;
	return all;
}

void fw_forget(struct fw *fw, enum addr_family family)
{
	fw->ops->forget(fw->self, family);
}
