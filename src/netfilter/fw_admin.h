/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_FW_ADMIN_H
#define CTM_FW_ADMIN_H

#include "base/addr.h"
#include "base/cfg.h"
#include "base/err.h"
#include "netfilter/fw_look.h"

#include <sys/types.h>

/* What the doctor, the start as root and `ctmeter teardown` ask of a backend (fw.h): it is not
 * opened, and nothing is counted. CFG_BACKEND_AUTO takes the first backend that was built in; if
 * there is none, those that can fail return -ENOTSUP. */

struct fw_config; /* fw.h */

/* Inspect a table for people (fw_look.h). Needs CAP_NET_ADMIN and CAP_NET_RAW. Returns 0 or
 * -errno: -EPERM, -ENOENT or -ENOPROTOOPT for no such table, -ENOTSUP where the backend has no
 * tables. The query may make the kernel load the table's module. */
int fw_look(enum cfg_backend backend, enum addr_family family, const char *table,
	    struct fw_look *ret_look);

/* Inspect every link of this network namespace that a program of ours or of others is attached to,
 * or that may have a rate limit (fw_look.h). Needs CAP_NET_ADMIN, and config's bpf_dir and links.
 * Returns 0 and an array for free(), or -errno: -ENOTSUP where the backend does not count on
 * links. */
int fw_look_links(enum cfg_backend backend, const struct fw_config *config,
		  struct fw_look_link **ret_links, size_t *ret_n);

/* The file that each commit locks; NULL: none. */
const char *fw_lock_path(enum cfg_backend backend);

/* The names of the files that the backend may keep in run_dir, ended by NULL. */
const char *const *fw_run_files(enum cfg_backend backend);

/* For root, before an unprivileged daemon starts: make sure that the user can commit, and finish
 * the commits that killed processes of root left. Returns 0, or -errno with e filled. */
int fw_prepare(enum cfg_backend backend, const struct fw_config *config, uid_t uid, gid_t gid,
	       struct err *e);

/* Remove every rule of ours in both families, while no daemon runs. Rules of others stay as they
 * are. May wait for others' commits. *ret_removed: the number of counting rules found. Returns 0,
 * or -errno with e filled. */
int fw_remove_all(enum cfg_backend backend, const struct fw_config *config, struct err *e,
		  unsigned *ret_removed);

#endif
