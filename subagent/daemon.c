/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon_room.h"

#include "base/log.h"
#include "base/xalloc.h"
#include "control/view.h"
#include "version.h"

#include <errno.h>
#include <libgen.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* --- AgentX ------------------------------------------------------------------------------- */

static void ax_before_read(void *arg, uint64_t now_ns)
{
	engine_freshen(((struct daemon *)arg)->engine, now_ns);
}

static void present(void *arg, uint64_t now_ns, struct mib_data *ret)
{
	struct daemon *d = arg;

	*ret = d->served;
	ret->snap = engine_snap(d->engine);
	ret->now_ns = now_ns;
}

static bool ax_pin(void *arg, const char *context, uint64_t now_ns,
		   const struct oidtab_view **ret_view, const void **ret_data)
{
	struct daemon *d = arg;
	struct mib_data *data;

	if (!context || !*context)
		*ret_view = &mib_ctm_view;
	else if (strcmp(context, d->cfg->agentx.context) == 0)
		*ret_view = &mib_switch_view;
	else
		return false;
	data = xmalloc(sizeof(*data));
	present(d, now_ns, data);
	snap_ref((struct snap *)data->snap);
	*ret_data = data;
	return true;
}

static void ax_unpin(void *arg, const void *data)
{
	const struct mib_data *pinned = data;

	(void)arg;
	snap_unref((struct snap *)pinned->snap);
	free((void *)pinned);
}

static void ax_uptime(void *arg, uint32_t sysuptime_cs, uint64_t now_ns)
{
	mib_uptime_observe(&((struct daemon *)arg)->served, sysuptime_cs, now_ns);
}

static void take_ports(struct daemon *d)
{
	snprintf(d->served.switch_name, sizeof(d->served.switch_name), "%s", d->cfg->ports.name);
	snprintf(d->served.switch_location, sizeof(d->served.switch_location), "%s",
		 d->cfg->ports.location ? d->cfg->ports.location : "");
	snprintf(d->served.switch_contact, sizeof(d->served.switch_contact), "%s",
		 d->cfg->ports.contact ? d->cfg->ports.contact : "");
	d->served.port_mbits = d->cfg->ports.speed_mbits;
}

static size_t add_regs(struct ax_registration *regs, size_t n, const struct mib_root *roots,
		       size_t n_roots, const char *context)
{
	for (size_t i = 0; i < n_roots; i++)
		regs[n++] = (struct ax_registration) { roots[i].oid, roots[i].len, context };
	return n;
}

static void ax_up(void *arg, uint64_t now_ns)
{
	(void)now_ns;
	notifier_wake(((struct daemon *)arg)->notifier);
}

static void ax_notified(void *arg, uint16_t error, uint64_t now_ns)
{
	notifier_sent(((struct daemon *)arg)->notifier, error, now_ns);
}

static int open_ax(struct daemon *d, struct err *e)
{
	struct ax_registration regs[MIB_CTM_ROOTS + MIB_SWITCH_ROOTS];
	size_t n = add_regs(regs, 0, mib_ctm_roots, MIB_CTM_ROOTS, NULL);
	struct ax_hooks hooks = { .before_read = ax_before_read,
				  .pin = ax_pin,
				  .unpin = ax_unpin,
				  .uptime = ax_uptime,
				  .up = ax_up,
				  .notified = ax_notified,
				  .arg = d };
	int ret;

	if (*d->cfg->agentx.context)
		n = add_regs(regs, n, mib_switch_roots, MIB_SWITCH_ROOTS, d->cfg->agentx.context);
	take_ports(d);
	ret = ax_new(d->cfg->agentx.socket, "ctmeter " CTM_VERSION, regs, n, &hooks, d->loop,
		     &d->ax, e);
	if (ret < 0)
		return ret;
	d->notifier = notifier_new(d->ax, d->loop, present, d);
	notifier_switch(d->notifier, d->cfg->agentx.notifications);
	return 0;
}

static void published(void *arg)
{
	struct daemon *d = arg;

	notifier_wake(d->notifier);
	if (d->serving || !engine_snap(d->engine)->ready)
		return;
	log_info("engine", "the first snapshot is ready: registering with snmpd at %s",
		 d->cfg->agentx.socket);
	d->serving = true;
	ax_start(d->ax);
}

/* --- the control socket ------------------------------------------------------------------- */

static char *list_next(void *arg)
{
	return view_list_next(arg);
}

static void list_done(void *arg)
{
	view_list_free(arg);
}

static void reply_list(struct daemon *d, struct ctl_request *req)
{
	uint64_t now = loop_now_ns();

	engine_freshen(d->engine, now);
	ctl_reply_stream(req, list_next, list_done, view_list_new(engine_snap(d->engine), now));
}

static void zeroed(void *arg, int result, const char *text)
{
	if (result < 0)
		ctl_reply_error(arg, "%s%s", result == -EIO ? "the mark cannot be stored: " : "",
				text);
	else
		ctl_reply(arg, json_object());
}

static void reply_zero(struct daemon *d, struct ctl_request *req)
{
	const char *what = json_string_value(json_object_get(ctl_request_json(req), "what"));

	if (what)
		engine_zero(d->engine, what, zeroed, req);
	else
		ctl_reply_error(req, "name a container or an address");
}

static void quota_set(void *arg, int result, const char *text)
{
	if (result < 0)
		ctl_reply_error(arg, "%s%s", result == -EIO ? "the quota cannot be stored: " : "",
				text);
	else
		ctl_reply(arg, json_object());
}

/* "quota" and "counts" are words as in the configuration; "default" takes a setting back. */
static void reply_quota(struct daemon *d, struct ctl_request *req)
{
	const json_t *json = ctl_request_json(req);
	const char *what = json_string_value(json_object_get(json, "what"));
	const char *octets = json_string_value(json_object_get(json, "quota"));
	const char *counts = json_string_value(json_object_get(json, "counts"));
	struct billing_quota q = { 0, BILLING_COUNTS_UNSET };
	struct err e = { "" };

	if (!what || !octets || !counts)
		ctl_reply_error(req, "name a container, a quota and what counts against it");
	else if (strcmp(octets, "default") && billing_parse_quota(octets, &q.octets, &e) < 0)
		ctl_reply_error(req, "the quota %s", e.text);
	else if (strcmp(counts, "default") && !(q.counts = billing_counts_parse(counts)))
		ctl_reply_error(req, "what counts must be one of " BILLING_COUNTS_WORDS);
	else
		engine_set_quota(d->engine, what, q, quota_set, req);
}

static void stored(void *arg, int result, const char *text)
{
	if (result < 0)
		ctl_reply_error(arg, "%s%s", result == -EIO ? "the totals cannot be stored: " : "",
				text);
	else
		ctl_reply(arg, json_object());
}

/* A request that is answered once the rules are as it asks. */
struct pending {
	struct daemon *daemon;
	struct ctl_request *req;
	unsigned rules; /* their number when it came */
};

/* The state of the first inventory source that fails, or NULL. */
static const char *source_problem(const struct daemon *d)
{
	const struct sources *sources = engine_sources(d->engine);

	for (size_t i = 0; i < sources_count(sources); i++)
		if (sources_is_failing(sources, i))
			return sources_state(sources, i);
	return NULL;
}

static void refreshed(void *arg, int result, const char *text)
{
	struct pending *p = arg;
	struct engine_figures f;

	if (result < 0) {
		ctl_reply_error(p->req, "the rules are not in place: %s",
				*text ? text : strerror(-result));
	} else {
		engine_get_figures(p->daemon->engine, &f);
		ctl_reply(p->req,
			  json_pack("{s:I, s:I, s:I, s:s?}", "containers", (json_int_t)f.containers,
				    "addresses", (json_int_t)f.addresses, "rules",
				    (json_int_t)engine_snap(p->daemon->engine)->rules, "problem",
				    source_problem(p->daemon)));
	}
	free(p);
}

static void torn_down(void *arg, int result, const char *text)
{
	struct pending *p = arg;

	if (result < 0) {
		ctl_reply_error(p->req, "the rules are still in place: %s",
				*text ? text : strerror(-result));
	} else {
		log_info("engine", "all rules removed on request: exiting");
		ctl_reply(p->req, json_pack("{s:i}", "removed", (int)p->rules));
		loop_stop(p->daemon->loop);
	}
	free(p);
}

static struct pending *pending_new(struct daemon *d, struct ctl_request *req)
{
	struct pending *p = xmalloc(sizeof(*p));

	*p = (struct pending) { d, req, engine_snap(d->engine)->rules };
	return p;
}

static void on_request(void *arg, struct ctl_request *req)
{
	struct daemon *d = arg;
	const char *command = ctl_request_command(req);

	if (!strcmp(command, "status")) {
		conf_status(d, req);
	} else if (!strcmp(command, "list")) {
		reply_list(d, req);
	} else if (!strcmp(command, "zero")) {
		reply_zero(d, req);
	} else if (!strcmp(command, "quota")) {
		reply_quota(d, req);
	} else if (!strcmp(command, "store")) {
		engine_store(d->engine, stored, req);
	} else if (!strcmp(command, "refresh")) {
		engine_refresh(d->engine, refreshed, pending_new(d, req));
	} else if (!strcmp(command, "teardown")) {
		engine_teardown(d->engine, torn_down, pending_new(d, req));
	} else {
		ctl_reply_error(req, "unknown command \"%s\": is ctmeterd older than ctmeter?",
				command);
	}
}

/* --- signals ------------------------------------------------------------------------------ */

static bool same_session(const struct cfg *a, const struct cfg *b)
{
	return !strcmp(a->agentx.socket, b->agentx.socket) &&
	       !strcmp(a->agentx.context, b->agentx.context);
}

static void close_session(struct notifier *notifier, struct ax *ax)
{
	notifier_free(notifier);
	ax_free(ax);
}

int daemon_take_config(struct daemon *d, struct cfg *cfg, struct err *e)
{
	struct notifier *notifier = d->notifier;
	struct cfg *old = d->cfg;
	struct ax *ax = d->ax;
	int ret = 0;

	cfg_hold_fixed(cfg, old, d->fixed, sizeof(d->fixed));
	d->cfg = cfg;
	if (!same_session(old, cfg))
		ret = open_ax(d, e);
	if (!ret)
		ret = engine_reload(d->engine, cfg, e);
	if (ret < 0) {
		if (d->ax != ax)
			close_session(d->notifier, d->ax);
		d->ax = ax;
		d->notifier = notifier;
		d->cfg = old;
		return ret;
	}
	if (d->ax != ax) {
		close_session(notifier, ax);
		if (d->serving)
			ax_start(d->ax);
	}
	take_ports(d);
	notifier_switch(d->notifier, cfg->agentx.notifications);
	cfg_free(old);
	return 0;
}

static void on_signal(void *arg, short revents, uint64_t now_ns)
{
	struct daemon *d = arg;
	struct signalfd_siginfo info;

	(void)revents;
	(void)now_ns;
	while (read(d->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGHUP) {
			conf_reload(d);
			continue;
		}
		log_info("engine", "%s: exiting; the rules stay in place and keep counting",
			 strsignal((int)info.ssi_signo));
		loop_stop(d->loop);
	}
}

static int open_signals(struct daemon *d, struct err *e)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	d->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (d->signals < 0) {
		err_set(e, "signalfd: %s", strerror(errno));
		return -errno;
	}
	loop_watch(d->loop, d->signals, POLLIN, on_signal, d);
	return 0;
}

/* --- life --------------------------------------------------------------------------------- */

static int open_all(struct daemon *d, struct err *e)
{
	int ret = open_signals(d, e);

	if (!ret)
		ret = ctl_new(d->cfg->control.socket, d->loop, on_request, d, &d->ctl, e);
	if (!ret)
		ret = engine_new(d->cfg, d->run_dir, d->loop, published, d, &d->engine, e);
	if (!ret)
		ret = open_ax(d, e);
	if (!ret)
		d->service = service_new(d->engine, d->loop, daemon_status_line, d);
	return ret;
}

int daemon_new(const char *config_path, struct cfg *take_cfg, int take_lock,
	       struct daemon **ret_daemon, struct err *e)
{
	struct daemon *d = xcalloc(1, sizeof(*d));
	char *socket = xstrdup(take_cfg->control.socket);
	int ret;

	d->config_path = config_path;
	d->cfg = take_cfg;
	d->run_dir = xstrdup(dirname(socket));
	d->lock = take_lock;
	d->signals = -1;
	d->loop = loop_new();
	d->began_ns = loop_now_ns();
	free(socket);
	ret = open_all(d, e);
	if (ret < 0)
		daemon_free(d);
	else
		*ret_daemon = d;
	return ret;
}

void daemon_run(struct daemon *d)
{
	log_info("engine", "ctmeterd " CTM_VERSION " started, control socket %s",
		 d->cfg->control.socket);
	loop_run(d->loop);
	service_stopping(d->service);
}

void daemon_free(struct daemon *d)
{
	conf_free(d);
	notifier_free(d->notifier);
	ax_free(d->ax);
	engine_free(d->engine);
	service_free(d->service);
	if (d->signals >= 0)
		close(d->signals);
	/* Release the lock before the socket disappears: a script that waits for that may start the
	 * next daemon at once. */
	if (d->lock >= 0)
		close(d->lock);
	ctl_free(d->ctl);
	loop_free(d->loop);
	free(d->run_dir);
	cfg_free(d->cfg);
	free(d);
}
