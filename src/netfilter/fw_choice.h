/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_FW_CHOICE_H
#define CTM_FW_CHOICE_H

#include "netfilter/fw_ops.h"

/* How `backend = auto` chooses, for fw.c. It knows no backend, so tests give their own. */

struct fw_backend {
	enum cfg_backend backend;
	const struct fw_ops *ops; /* NULL: not built in */
};

#define FW_BACKENDS 2 /* that count real packets */

/* A list of backends, in the order in which they are tried. */
struct fw_order {
	struct fw_backend at[FW_BACKENDS];
};

/* That of `usual`, or the same with iptables first. */
struct fw_order fw_choice_order(const struct fw_order *usual, bool tables_first);

/* What was opened. */
struct fw_choice {
	enum cfg_backend backend;
	const struct fw_ops *ops;
	void *self;
	char why[FW_WHY_SIZE]; /* why none before it: "link: no bpffs is mounted"; "" */
};

/* Open the first backend that can count here; if there is none, the first that opens, for its
 * problem may pass. Returns 0, or -errno with e filled, which says of each why not. */
int fw_choice_open(const struct fw_order *order, const struct fw_config *config, struct loop *loop,
		   fw_done_fn *done, void *arg, struct fw_choice *ret_choice, struct err *e);

/* Prepare every backend that can be. One that cannot is logged. Returns 0, or -errno with e filled
 * if none can, which says of each why not. */
int fw_choice_prepare(const struct fw_order *order, const struct fw_config *config, uid_t uid,
		      gid_t gid, struct err *e);

/* Remove the rules of `backend`, and those of each other backend that has something here.
 * *ret_removed: of all together. Returns 0, or -errno with e filled, after the others' are removed,
 * too. */
int fw_choice_remove_all(const struct fw_order *order, enum cfg_backend backend,
			 const struct fw_config *config, struct err *e, unsigned *ret_removed);

#endif
