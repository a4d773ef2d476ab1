/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_FW_OPS_H
#define CTM_FW_OPS_H

#include "netfilter/fw.h"
#include "netfilter/fw_admin.h"

/* A backend, as fw.c calls it. */

/* Each function is documented with its fw_ function in fw.h or fw_admin.h. `self` is the object
 * that open made; the functions from look on need none. */
struct fw_ops {
	const char *name;
	bool on_links; /* as fw_counts_on_links returns */
	int (*open)(const struct fw_config *config, struct loop *loop, fw_done_fn *done, void *arg,
		    void **ret_self, struct err *e);
	void (*close)(void *self);
	const char *(*family_problem)(const void *self, enum addr_family family);
	const char *(*why)(const void *self, const struct addr *addr); /* NULL: never says */
	bool (*barred)(const void *self, const struct addr *addr); /* NULL: never */
	int (*read)(void *self, enum addr_family family, uint64_t now_ns,
		    struct fw_reading *ret_reading);
	enum fw_fit (*compare)(void *self, const struct fw_want *want);
	int (*apply)(void *self, const struct fw_want *want);
	bool (*busy)(const void *self, enum addr_family family);
	void (*forget)(void *self, enum addr_family family);
	struct fw_figures (*figures)(const void *self, enum addr_family family);

	int (*look)(enum addr_family family, const char *table, struct fw_look *ret_look);
	/* NULL: no links */
	int (*look_links)(const struct fw_config *config, struct fw_look_link **ret_links,
			  size_t *ret_n);
	int (*look_ground)(const struct fw_config *config, uid_t uid,
			   struct fw_look_ground *ret_ground); /* NULL: no links */
	const char *(*lock_path)(void);
	const char *const
		*run_files; /* names of files that it may keep in run_dir; ended by NULL */
	bool (*likely)(const struct fw_config *config); /* can it be had here? NULL: likely */
	bool (*has_rules)(struct fw_config *config); /* NULL: they do not outlive their process */
	bool (*has_left)(const struct fw_config *config); /* more to remove than rules; NULL: no */
	bool (*strays)(const void *self, struct fw_strays *ret_strays); /* NULL: it has none */
	int (*prepare)(const struct fw_config *config, uid_t uid, gid_t gid, struct err *e);
	int (*remove_all)(const struct fw_config *config, struct err *e, unsigned *ret_removed);
};

extern const struct fw_ops fw_link_ops;
extern const struct fw_ops fw_iptc_ops;
extern const struct fw_ops fw_fake_ops;
extern const struct fw_ops fw_fake_link_ops; /* the same, on links */

#endif
