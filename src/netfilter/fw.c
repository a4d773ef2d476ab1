/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/fw.h"

#include "base/xalloc.h"
#include "netfilter/fw_ops.h"

#include <errno.h>
#include <stdlib.h>

struct fw {
	const struct fw_ops *ops;
	void *self;
};

#ifndef CTM_NO_IPTC
#define IPTC_OPS (&fw_iptc_ops)
#else
#define IPTC_OPS NULL
#endif

#ifndef CTM_NO_LINK
#define LINK_OPS (&fw_link_ops)
#else
#define LINK_OPS NULL
#endif

/* In the order in which CFG_BACKEND_AUTO tries them. It never takes the fake, which counts no real
 * packets. */
static const struct {
	enum cfg_backend backend;
	const struct fw_ops *ops; /* NULL: not built in */
} real[] = {
	{ CFG_BACKEND_IPTABLES, IPTC_OPS },
	{ CFG_BACKEND_LINK, LINK_OPS },
};

/* For CFG_BACKEND_AUTO, the first. NULL: the backend was not built in. */
static const struct fw_ops *ops_of(enum cfg_backend backend)
{
	if (backend == CFG_BACKEND_FAKE)
		return getenv("CTMETER_FAKE_LINKS") ? &fw_fake_link_ops : &fw_fake_ops;
	for (size_t i = 0; i < ARRAY_LEN(real); i++)
		if (real[i].ops && (backend == CFG_BACKEND_AUTO || backend == real[i].backend))
			return real[i].ops;
	return NULL;
}

static int not_built(struct err *e)
{
	err_set(e, "[netfilter] backend: ctmeterd was built without libiptc: install libip4tc and "
		   "libip6tc with their headers and build it again with IPTC=yes, or take "
		   "\"backend = fake\" for a dry run");
	return -ENOTSUP;
}

static bool counts(const struct fw_ops *ops, const void *self)
{
	for (enum addr_family f = 0; f < ADDR_FAMILIES; f++)
		if (!ops->family_problem(self, f))
			return true;
	return false;
}

static struct fw *fw_new(const struct fw_ops *ops, void *self)
{
	struct fw *fw = xmalloc(sizeof(*fw));

	*fw = (struct fw) { ops, self };
	return fw;
}

/* The first backend that can count here, or else the first that opens: its problem may pass. */
static int open_first(const struct fw_config *config, struct loop *loop, fw_done_fn *done,
		      void *arg, struct fw **ret_fw, struct err *e)
{
	struct fw *first = NULL;
	int ret = -ENOTSUP;

	for (size_t i = 0; i < ARRAY_LEN(real); i++) {
		const struct fw_ops *ops = real[i].ops;
		void *self;

		if (!ops)
			continue;
		ret = ops->open(config, loop, done, arg, &self, e);
		if (ret < 0)
			continue;
		if (counts(ops, self)) {
			fw_close(first);
			first = fw_new(ops, self);
			break;
		}
		if (first)
			ops->close(self);
		else
			first = fw_new(ops, self);
	}
	if (!first)
		return ret;
	*ret_fw = first;
	return 0;
}

int fw_open(enum cfg_backend backend, const struct fw_config *config, struct loop *loop,
	    fw_done_fn *done, void *arg, struct fw **ret_fw, struct err *e)
{
	const struct fw_ops *ops = ops_of(backend);
	void *self;
	int ret;

	if (!ops)
		return not_built(e);
	if (backend == CFG_BACKEND_AUTO)
		return open_first(config, loop, done, arg, ret_fw, e);
	ret = ops->open(config, loop, done, arg, &self, e);
	if (!ret)
		*ret_fw = fw_new(ops, self);
	return ret;
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

bool fw_counts_on_links(const struct fw *fw)
{
	return fw->ops->on_links;
}

const char *fw_family_problem(const struct fw *fw, enum addr_family family)
{
	return fw->ops->family_problem(fw->self, family);
}

const char *fw_why(const struct fw *fw, const struct addr *addr)
{
	return fw->ops->why ? fw->ops->why(fw->self, addr) : NULL;
}

int fw_read(struct fw *fw, enum addr_family family, uint64_t now_ns, struct fw_reading *ret_reading)
{
	return fw->ops->read(fw->self, family, now_ns, ret_reading);
}

enum fw_fit fw_compare(struct fw *fw, const struct fw_want *want)
{
	return fw->ops->compare(fw->self, want);
}

int fw_apply(struct fw *fw, const struct fw_want *want)
{
	if (fw->ops->busy(fw->self, want->family))
		return -EBUSY;
	return fw->ops->apply(fw->self, want);
}

bool fw_busy(const struct fw *fw, enum addr_family family)
{
	return fw->ops->busy(fw->self, family);
}

struct fw_figures fw_get_figures(const struct fw *fw, enum addr_family family)
{
	return fw->ops->figures(fw->self, family);
}

void fw_forget(struct fw *fw, enum addr_family family)
{
	fw->ops->forget(fw->self, family);
}

int fw_look(enum cfg_backend backend, enum addr_family family, const char *table,
	    struct fw_look *ret_look)
{
	const struct fw_ops *ops = ops_of(backend);

	return ops ? ops->look(family, table, ret_look) : -ENOTSUP;
}

int fw_look_links(enum cfg_backend backend, const struct fw_config *config,
		  struct fw_look_link **ret_links, size_t *ret_n)
{
	const struct fw_ops *ops = ops_of(backend);

	return ops && ops->look_links ? ops->look_links(config, ret_links, ret_n) : -ENOTSUP;
}

const char *fw_lock_path(enum cfg_backend backend)
{
	const struct fw_ops *ops = ops_of(backend);

	return ops ? ops->lock_path() : NULL;
}

const char *const *fw_run_files(enum cfg_backend backend)
{
	static const char *const none[] = { NULL };
	const struct fw_ops *ops = ops_of(backend);

	return ops && ops->run_files ? ops->run_files : none;
}

int fw_prepare(enum cfg_backend backend, const struct fw_config *config, uid_t uid, gid_t gid,
	       struct err *e)
{
	const struct fw_ops *ops = ops_of(backend);

	return ops ? ops->prepare(config, uid, gid, e) : not_built(e);
}

int fw_remove_all(enum cfg_backend backend, const struct fw_config *config, struct err *e,
		  unsigned *ret_removed)
{
	const struct fw_ops *ops = ops_of(backend);

	return ops ? ops->remove_all(config, e, ret_removed) : not_built(e);
}
