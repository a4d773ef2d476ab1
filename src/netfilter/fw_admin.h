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

/* Whether links could be counted on here, by a daemon of this user (fw_look.h). Needs root's rights
 * to see all. Returns 0, or -errno: -EPERM; -ENOTSUP where the backend does not count on links. */
int fw_look_ground(enum cfg_backend backend, const struct fw_config *config, uid_t uid,
		   struct fw_look_ground *ret_ground);

/* The file that each commit locks; NULL: none. */
const char *fw_lock_path(enum cfg_backend backend);

/* The name of the i-th file that some backend may keep in run_dir; NULL: there are no more. */
const char *fw_run_file(size_t i);

/* The name of a backend, or of CFG_BACKEND_AUTO, and back: false for an unknown one and "auto". */
const char *fw_backend_name(enum cfg_backend backend);
bool fw_backend_of(const char *name, enum cfg_backend *ret_backend);

/* The i-th backend that counts real packets and is built in. False: there are no more. */
bool fw_real_backend(size_t i, enum cfg_backend *ret_backend);

/* The backend that CFG_BACKEND_AUTO would probably take, as far as can be seen from outside. */
enum cfg_backend fw_likely_backend(const struct fw_config *config);

/* Whether there are rules of ours that this backend made, or finals that it keeps. Changes nothing
 * in the kernel. If there are, config is what it must be opened with. */
bool fw_has_rules(enum cfg_backend backend, struct fw_config *config);

/* For root, before an unprivileged daemon starts: make sure that the user can commit, and finish
 * the commits that killed processes of root left. CFG_BACKEND_AUTO: with each backend that can be
 * had, of which the second makes nothing that packets pass; one is enough. Returns 0, or -errno
 * with e filled. */
int fw_prepare(enum cfg_backend backend, const struct fw_config *config, uid_t uid, gid_t gid,
	       struct err *e);

/* Remove every rule of ours in both families, while no daemon runs; not only this backend's, for
 * it may have been another one when they were made. Rules of others stay as they are. May wait for
 * others' commits. *ret_removed: the number of counting rules found. Returns 0, or -errno with e
 * filled. */
int fw_remove_all(enum cfg_backend backend, const struct fw_config *config, struct err *e,
		  unsigned *ret_removed);

#endif
