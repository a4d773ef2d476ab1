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

/* Private to daemon*.c. */

/* The configuration file. A child reads it (pour.h), because its file system may hang. */
struct conf {
	struct pour pour;
	struct child *child; /* reading, or done but perhaps not gone yet */
	bool looking; /* a read is in progress */
	bool reload, reloading; /* requested; done by the read in progress */
	struct loop_timer answer; /* for requests that wait for a read that takes long */
	bool slow; /* the read in progress does */
	struct ctl_request *
		*waiting; /* `status` requests; the first n_asked wait for the read in progress */
	size_t n_waiting, n_asked, cap;
	bool differs; /* at the last read, the file differed from what is in force */
	struct err unread; /* why the last read failed, "" if it did not */
};

struct daemon {
	const char *config_path;
	struct cfg *cfg; /* in force */
	struct conf conf;
	struct err refused; /* why the last reload was refused, "" if it was not */
	char fixed[160]; /* changed keys that need a restart */
	char *run_dir; /* of the control socket and the commits' journals */
	int lock, signals;
	struct loop *loop;
	struct engine *engine;
	struct ctl *ctl;
	struct ax *ax;
	bool serving; /* ax was started */
	struct notifier *notifier;
	struct service *service;
	struct mib_data served; /* the data of every request, except for the snapshot */
	uint64_t began_ns;
};

/* Reload the file; answer a `status` request after the file has been read; read it for the next
 * status line. */
void conf_reload(struct daemon *d);
void conf_status(struct daemon *d, struct ctl_request *req);
void conf_look(struct daemon *d);
void conf_free(struct daemon *d);

/* Put cfg in force. Returns 0, or -errno with e filled and the old configuration still in force. If
 * the master or the context has changed, a new session replaces the present one. */
int daemon_take_config(struct daemon *d, struct cfg *cfg, struct err *e);

/* Returns a new object: the reply to `status`. */
json_t *daemon_status(struct daemon *d);

/* A service_describe_fn. */
void daemon_status_line(void *arg, char *buf, size_t size);

#endif
