/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_DAEMON_ROOM_H
#define CTM_DAEMON_ROOM_H

#include "daemon.h"

#include "agentx/ax.h"
#include "base/loop.h"
#include "control/ctl.h"
#include "engine/engine.h"
#include "inventory/pour.h"
#include "mib/mib.h"
#include "notifier.h"
#include "service.h"

/* The daemon's own, for daemon*.c alone. */

/* The configuration's file, which is read by a child (pour.h): its file system may hang. */
struct conf {
	struct pour pour;
	struct child *child; /* at work, or ended and perhaps not gone yet */
	bool looking; /* it is at work */
	bool reload, reloading; /* asked for; by the look under way */
	struct ctl_request *
		*waiting; /* requests for `status`, the n_asked first for the look under way */
	size_t n_waiting, n_asked, cap;
	bool differs; /* the file, at the last look, from what is in force */
	struct err unread; /* why it could not be read then, "" if it could */
};

struct daemon {
	const char *config_path;
	struct cfg *cfg; /* in force */
	struct conf conf;
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

/* Read the file and take it over; answer a request for `status` when the file was looked at; look, for the
 * next status line. */
void conf_reload(struct daemon *d);
void conf_status(struct daemon *d, struct ctl_request *req);
void conf_look(struct daemon *d);
void conf_free(struct daemon *d);

/* Returns 0, or -errno with e filled and the old configuration in force. A session with another master
 * or context takes the place of the present one. */
int daemon_take_config(struct daemon *d, struct cfg *cfg, struct err *e);

/* A new object: the answer to `status`. */
json_t *daemon_status(struct daemon *d);

/* A service_describe_fn. */
void daemon_status_line(void *arg, char *buf, size_t size);

#endif
