/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_DAEMON_ROOM_H
#define CTM_DAEMON_ROOM_H

#include "daemon.h"

#include "ax.h"
#include "ctl.h"
#include "engine.h"
#include "loop.h"
#include "mib.h"
#include "notifier.h"
#include "service.h"

/* The daemon's own, for daemon*.c alone. */

struct daemon {
	const char *config_path;
	struct cfg *cfg; /* in force */
	struct err refused; /* why the file's last reading was, "" when it was not */
	char fixed[160]; /* keys whose values in the file need a restart */
	char *run_dir; /* of the control socket and the commits' journals */
	int lock, signals;
	struct loop *loop;
	struct engine *engine;
	struct ctl *ctl;
	struct ax *ax;
	bool serving; /* ax was started */
	struct notifier *notifier;
	struct service *service;
	struct mib_data served; /* what every request's data have in common: all but the snapshot */
	uint64_t began_ns;
};

/* A new object: the answer to `status`. */
json_t *daemon_status(struct daemon *d);

/* A service_describe_fn. */
void daemon_status_line(void *arg, char *buf, size_t size);

#endif
