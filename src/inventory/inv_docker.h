/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_INV_DOCKER_H
#define CTM_INV_DOCKER_H

#include "base/err.h"
#include "inventory/inv.h"
#include "inventory/inv_settle.h"

#include <stddef.h>

/* Parsers for the lists of containers that Docker and Podman answer with, over text in memory.
 *
 * 1. A container's id is what `settle` makes of its name; the label ctmeter.id overrides it. Its
 *    name is the container's, or the label ctmeter.name. The label ctmeter.ignore=true leaves it
 *    out. ctmeter.quota and ctmeter.quota-counts are as in a file's lines.
 * 2. Addresses are those that the runtime gave. A container that is stopped, or on the node's
 *    network, on none or on another container's, has none (inv_net).
 * 3. Programs write this text, so what is not in its form fails as a whole. An id or an address
 *    that cannot be used is refused by itself (inv.h 3).
 *
 * All return 0, or -EBADMSG with e filled. settle NULL: the names as they are. */

/* GET /containers/json?all=1. */
int inv_docker(struct inv_part *part, const char *text, size_t len, const struct inv_settle *settle,
	       struct err *e);

/* What that list says of each container that runs in a network of its own: its id, and a mark that
 * each of its starts changes, since each makes it new endpoints. */
typedef void inv_docker_start_fn(void *arg, const char *id, const char *mark);
int inv_docker_each_start(const char *text, size_t len, inv_docker_start_fn *fn, void *arg,
			  struct err *e);

/* GET /containers/ID/json: the container's process; 0: it has none. */
pid_t inv_docker_pid(const char *text, size_t len);

/* The same answer without all else, such as the container's environment with its passwords: for
 * free(). */
char *inv_docker_only_pid(const char *text, size_t len);

/* Podman: that, and GET /libpod/containers/json?all=true, which has the pods. A pod is one
 * container, with its name and the addresses of its infra container; its members are left out. */
int inv_podman(struct inv_part *part, const char *text, size_t len, const char *pods,
	       size_t pods_len, const struct inv_settle *settle, struct err *e);

#endif
