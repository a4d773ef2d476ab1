/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/fw.h"

#include "base/xalloc.h"
#include "netfilter/fw_choice.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fw {
	enum cfg_backend backend;
	const struct fw_ops *ops;
	void *self;
	char reason[FW_WHY_SIZE + 80];
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

/* What counts real packets, in the order in which CFG_BACKEND_AUTO tries it; fw_choice_order has
 * the exception. It never takes the fake. */
static const struct fw_order usual = { {
	{ CFG_BACKEND_LINK, LINK_OPS },
	{ CFG_BACKEND_IPTABLES, IPTC_OPS },
} };

static struct fw_order order_for(const struct fw_config *config)
{
	return fw_choice_order(&usual, config->tables_for != NULL);
}

/* NULL: the backend was not built in. */
static const struct fw_ops *ops_of(enum cfg_backend backend)
{
	if (backend == CFG_BACKEND_FAKE)
		return getenv("CTMETER_FAKE_LINKS") ? &fw_fake_link_ops : &fw_fake_ops;
	for (size_t i = 0; i < FW_BACKENDS; i++)
		if (backend == usual.at[i].backend)
			return usual.at[i].ops;
	return NULL;
}

static int not_built(enum cfg_backend backend, struct err *e)
{
	if (backend == CFG_BACKEND_LINK)
		err_set(e, "[netfilter] backend = link: ctmeterd was built without it: install "
			   "clang and libbpf with its headers and build it again with LINK=yes");
	else
		err_set(e, "[netfilter] backend: ctmeterd was built without libiptc: install "
			   "libip4tc and libip6tc with their headers and build it again with "
			   "IPTC=yes, or take \"backend = fake\" for a dry run");
	return -ENOTSUP;
}

const char *fw_backend_name(enum cfg_backend backend)
{
	static const char *const names[] = { [CFG_BACKEND_AUTO] = "auto",
					     [CFG_BACKEND_LINK] = "link",
					     [CFG_BACKEND_IPTABLES] = "iptables",
					     [CFG_BACKEND_FAKE] = "fake" };

	return names[backend];
}

bool fw_backend_of(const char *name, enum cfg_backend *ret_backend)
{
	static const enum cfg_backend all[] = { CFG_BACKEND_LINK, CFG_BACKEND_IPTABLES,
						CFG_BACKEND_FAKE };

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (!strcmp(name, fw_backend_name(all[i]))) {
			*ret_backend = all[i];
			return true;
		}
	return false;
}

bool fw_real_backend(size_t i, enum cfg_backend *ret_backend)
{
	for (size_t k = 0; k < FW_BACKENDS; k++)
		if (usual.at[k].ops && i-- == 0) {
			*ret_backend = usual.at[k].backend;
			return true;
		}
	return false;
}

struct fw_config fw_config_of(const struct cfg *cfg, const char *run_dir)
{
	return (struct fw_config) { .table = cfg->netfilter.table,
				    .run_dir = run_dir,
				    .bpf_dir = FW_BPF_DIR,
				    .max_addresses = cfg->inventory.max_rows,
				    .node_traffic = cfg->netfilter.node_traffic,
				    .links = cfg->netfilter.links,
				    .n_links = cfg->netfilter.n_links };
}

static struct fw *fw_new(const struct fw_choice *c)
{
	struct fw *fw = xmalloc(sizeof(*fw));

	*fw = (struct fw) { .backend = c->backend, .ops = c->ops, .self = c->self };
	return fw;
}

static int open_auto(const struct fw_config *config, struct loop *loop, fw_done_fn *done, void *arg,
		     struct fw **ret_fw, struct err *e)
{
	struct fw_order order = order_for(config);
	struct fw_choice c;
	int ret = fw_choice_open(&order, config, loop, done, arg, &c, e);
	char node[64] = "";

	if (ret < 0)
		return ret;
	*ret_fw = fw_new(&c);
	if (config->tables_for)
		snprintf(node, sizeof(node), "this is an %s node", config->tables_for);
	snprintf((*ret_fw)->reason, sizeof((*ret_fw)->reason), "auto%s%s%s%s",
		 *node || *c.why ? ": " : "", node, *node && *c.why ? "; " : "", c.why);
	return 0;
}

int fw_open(enum cfg_backend backend, const struct fw_config *config, struct loop *loop,
	    fw_done_fn *done, void *arg, struct fw **ret_fw, struct err *e)
{
	struct fw_choice c = { .backend = backend };
	int ret;

	if (backend == CFG_BACKEND_AUTO)
		return open_auto(config, loop, done, arg, ret_fw, e);
	c.ops = ops_of(backend);
	if (!c.ops)
		return not_built(backend, e);
	ret = c.ops->open(config, loop, done, arg, &c.self, e);
	if (!ret)
		*ret_fw = fw_new(&c);
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

enum cfg_backend fw_get_backend(const struct fw *fw)
{
	return fw->backend;
}

const char *fw_get_reason(const struct fw *fw)
{
	return fw->reason;
}

bool fw_get_strays(const struct fw *fw, struct fw_strays *ret_strays)
{
	return fw->ops->strays && fw->ops->strays(fw->self, ret_strays);
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

bool fw_is_barred(const struct fw *fw, const struct addr *addr)
{
	return fw->ops->barred && fw->ops->barred(fw->self, addr);
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

int fw_look_ground(enum cfg_backend backend, const struct fw_config *config, uid_t uid,
		   struct fw_look_ground *ret_ground)
{
	const struct fw_ops *ops = ops_of(backend);

	return ops && ops->look_ground ? ops->look_ground(config, uid, ret_ground) : -ENOTSUP;
}

const char *fw_lock_path(enum cfg_backend backend)
{
	const struct fw_ops *ops = ops_of(backend);

	return ops ? ops->lock_path() : NULL;
}

const char *fw_run_file(size_t i)
{
	for (size_t k = 0; k < FW_BACKENDS; k++) {
		const struct fw_ops *ops = usual.at[k].ops;

		for (size_t n = 0; ops && ops->run_files && ops->run_files[n]; n++)
			if (i-- == 0)
				return ops->run_files[n];
	}
	return NULL;
}

enum cfg_backend fw_likely_backend(const struct fw_config *config)
{
	struct fw_order order = order_for(config);

	for (size_t i = 0; i < FW_BACKENDS; i++) {
		const struct fw_backend *b = &order.at[i];

		if (b->ops && (!b->ops->likely || b->ops->likely(config)))
			return b->backend;
	}
	return CFG_BACKEND_IPTABLES;
}

bool fw_has_rules(enum cfg_backend backend, struct fw_config *config)
{
	const struct fw_ops *ops = ops_of(backend);

	return ops && ops->has_rules && ops->has_rules(config);
}

int fw_prepare(enum cfg_backend backend, const struct fw_config *config, uid_t uid, gid_t gid,
	       struct err *e)
{
	struct fw_order order = order_for(config);
	const struct fw_ops *ops = ops_of(backend);

	if (backend == CFG_BACKEND_AUTO)
		return fw_choice_prepare(&order, config, uid, gid, e);
	return ops ? ops->prepare(config, uid, gid, e) : not_built(backend, e);
}

int fw_remove_all(enum cfg_backend backend, const struct fw_config *config, struct err *e,
		  unsigned *ret_removed)
{
	const struct fw_ops *ops = ops_of(backend);

	if (backend == CFG_BACKEND_FAKE)
		return ops->remove_all(config, e, ret_removed);
	if (backend != CFG_BACKEND_AUTO && !ops)
		return not_built(backend, e);
	return fw_choice_remove_all(&usual, backend, config, e, ret_removed);
}
