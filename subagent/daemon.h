/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_DAEMON_H
#define CTM_DAEMON_H

#include "base/cfg.h"
#include "base/err.h"

/* The whole daemon: the engine, the AgentX session, the control socket, and signals. */

struct daemon;

/* Opens everything. Takes over the configuration and the lock of instance.h. config_path is read
 * again at SIGHUP (borrowed). Returns 0, or -errno with e filled, everything closed and cfg
 * freed. */
int daemon_new(const char *config_path, struct cfg *take_cfg, int take_lock,
	       struct daemon **ret_daemon, struct err *e);

/* Runs until SIGTERM, SIGINT or a teardown. */
void daemon_run(struct daemon *d);
void daemon_free(struct daemon *d);

#endif
