/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon.h"

#include "ax.h"
#include "ctl.h"
#include "engine.h"
#include "log.h"
#include "loop.h"
#include "mib.h"
#include "notifier.h"
#include "version.h"
#include "view.h"
#include "xalloc.h"

#include <errno.h>
#include <libgen.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MAX_PROBLEMS 8

struct daemon {
	const char *config_path;
	struct cfg *cfg;
	char *run_dir; /* of the control socket and the commits' journals */
	char *table, *agentx_socket, *context; /* in force: a reload does not change them */
	int lock, signals;
	struct loop *loop;
	struct engine *engine;
	struct ctl *ctl;
	struct ax *ax;
	bool serving; /* ax was started */
	struct notifier *notifier;
	struct mib_data served; /* what every request's data have in common: all but the snapshot */
	uint64_t began_ns;
};

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
	else if (strcmp(context, d->context) == 0)
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

	if (*d->context)
		n = add_regs(regs, n, mib_switch_roots, MIB_SWITCH_ROOTS, d->context);
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
	log_info("engine", "the first snapshot is there: registering with snmpd at %s",
		 d->cfg->agentx.socket);
	d->serving = true;
	ax_start(d->ax);
}

/* --- the control socket ------------------------------------------------------------------- */

/* Problems as sentences; their text lives in `text`. */
struct problems {
	const char *list[MAX_PROBLEMS];
	size_t n;
	char text[MAX_PROBLEMS][512];
};

static void add_problem(struct problems *p, const char *what, const char *why)
{
	if (p->n == MAX_PROBLEMS)
		return;
	snprintf(p->text[p->n], sizeof(p->text[p->n]), "%s: %s", what, why);
	p->list[p->n] = p->text[p->n];
	p->n++;
}

static void find_problems(const struct daemon *d, const struct view_status *s, struct problems *p)
{
	for (enum addr_family f = 0; f < ADDR_FAMILIES; f++)
		if (strchr(s->family_state[f], ':'))
			add_problem(p, f == ADDR_V4 ? "IPv4" : "IPv6", s->family_state[f]);
	for (size_t i = 0; i < s->n_sources; i++)
		if (strcmp(s->sources[i].state, "ok") != 0)
			add_problem(p, s->sources[i].name, s->sources[i].state);
	if (strcmp(s->store, "ok") != 0)
		add_problem(p, "ledger", s->store);
	if (s->conflicts)
		add_problem(p, "addresses",
			    "some are claimed by several containers and counted for "
			    "none of them (ctmeter list shows which)");
	if (ax_get_state(d->ax) != AX_UP || *s->agentx.problem)
		add_problem(p, "snmpd",
			    *s->agentx.problem ? s->agentx.problem : "not connected yet");
}

static void reply_status(struct daemon *d, struct ctl_request *req)
{
	static const char *const ax_states[] = { [AX_DOWN] = "down",
						 [AX_CONNECTING] = "connecting",
						 [AX_OPENING] = "opening",
						 [AX_REGISTERING] = "registering",
						 [AX_UP] = "up" };
	const struct snap *snap = engine_snap(d->engine);
	struct engine_figures f;
	struct problems *problems = xcalloc(1, sizeof(*problems));
	struct view_source *sources;
	uint64_t now = loop_now_ns();
	struct view_status s = { .version = CTM_VERSION };

	engine_get_figures(d->engine, &f);
	s.n_sources = sources_count(engine_sources(d->engine));
	sources = xcalloc(s.n_sources, sizeof(*sources));
	for (size_t i = 0; i < s.n_sources; i++) {
		sources[i].name = sources_name(engine_sources(d->engine), i);
		sources[i].state = sources_state(engine_sources(d->engine), i);
	}
	s.store = f.store_problem ? f.store_problem : "ok";
	s.pid = (uint32_t)getpid();
	s.uptime_s = (now - d->began_ns) / NS_PER_S;
	s.backend = f.backend;
	s.table = d->table;
	s.node_traffic = d->cfg->netfilter.node_traffic;
	for (enum addr_family fam = 0; fam < ADDR_FAMILIES; fam++) {
		s.family_state[fam] = f.family_state[fam];
		s.commits += f.commits[fam];
	}
	s.last_commit_ms = f.last_commit_ms;
	s.rules = snap->rules;
	s.rule_repairs = snap->rule_repairs;
	s.inventory_failures = snap->inventory_failures;
	s.stale_answers = snap->stale_answers;
	s.sample_age_ms = snap->taken_ns ? (now - snap->taken_ns) / NS_PER_MS : 0;
	s.containers = f.containers;
	s.addresses = f.addresses;
	s.conflicts = f.conflicts;
	s.sources = sources;
	s.agentx.state = ax_states[ax_get_state(d->ax)];
	s.agentx.socket = d->agentx_socket;
	s.agentx.problem = ax_get_problem(d->ax);
	ax_get_counts(d->ax, &s.agentx.requests, &s.agentx.varbinds);
	find_problems(d, &s, problems);
	s.problems = problems->list;
	s.n_problems = problems->n;
	ctl_reply(req, view_status_json(&s));
	free(sources);
	free(problems);
}

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
		ctl_reply_error(req, "which container or address?");
}

/* A request that is answered when the rules are as it wants them. */
struct pending {
	struct daemon *daemon;
	struct ctl_request *req;
	unsigned rules; /* when it came */
};

/* Why not all that is in the inventory's sources is known, or NULL. */
static const char *source_problem(const struct daemon *d)
{
	const struct sources *sources = engine_sources(d->engine);

	for (size_t i = 0; i < sources_count(sources); i++)
		if (strcmp(sources_state(sources, i), "ok") != 0)
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
		log_info("engine", "all rules are removed, as asked for: ending");
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
		reply_status(d, req);
	} else if (!strcmp(command, "list")) {
		reply_list(d, req);
	} else if (!strcmp(command, "zero")) {
		reply_zero(d, req);
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

static void reload(struct daemon *d)
{
	struct err e = { "" };
	struct cfg *cfg;

	if (cfg_load(d->config_path, &cfg, &e) < 0) {
		log_error("cfg", "%s: the configuration in force stays", e.text);
		return;
	}
	if (engine_reload(d->engine, cfg, &e) < 0) {
		log_error("cfg", "%s: the configuration in force stays", e.text);
		cfg_free(cfg);
		return;
	}
	cfg_free(d->cfg);
	d->cfg = cfg;
	take_ports(d);
	notifier_switch(d->notifier, cfg->agentx.notifications);
	log_info("cfg", "%s was read again", d->config_path);
}

static void on_signal(void *arg, short revents, uint64_t now_ns)
{
	struct daemon *d = arg;
	struct signalfd_siginfo info;

	(void)revents;
	(void)now_ns;
	while (read(d->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGHUP) {
			reload(d);
			continue;
		}
		log_info("engine", "%s: ending; the rules stay in place and count on",
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

/* One daemon for a node's rules, whatever its configuration: a name in the abstract socket namespace,
 * which is one a network namespace as the rules are (unix(7)), and goes with the process. */
static int lock_instance(struct daemon *d, struct err *e)
{
	static const char name[] = "\0ctmeterd";
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	socklen_t len = offsetof(struct sockaddr_un, sun_path) + sizeof(name) - 1;
	int ret = 0;

	if (d->cfg->netfilter.backend == CFG_BACKEND_FAKE)
		return 0; /* a dry run has no rules to quarrel about */
	memcpy(sun.sun_path, name, sizeof(name) - 1);
	d->lock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (d->lock < 0 || bind(d->lock, (const void *)&sun, len) < 0)
		ret = -errno;
	if (ret == -EADDRINUSE)
		err_set(e, "another ctmeterd counts on this node already: one counts for all");
	else if (ret < 0)
		err_set(e, "cannot make sure that no other ctmeterd runs: %s", strerror(-ret));
	return ret;
}

static int open_all(struct daemon *d, struct err *e)
{
	int ret = lock_instance(d, e);

	if (!ret)
		ret = open_signals(d, e);
	if (!ret)
		ret = ctl_new(d->cfg->control.socket, d->loop, on_request, d, &d->ctl, e);
	if (!ret)
		ret = engine_new(d->cfg, d->run_dir, d->loop, published, d, &d->engine, e);
	if (!ret)
		ret = open_ax(d, e);
	return ret;
}

int daemon_new(const char *config_path, struct cfg *take_cfg, struct daemon **ret_daemon,
	       struct err *e)
{
	struct daemon *d = xcalloc(1, sizeof(*d));
	char *socket = xstrdup(take_cfg->control.socket);
	int ret;

	d->config_path = config_path;
	d->cfg = take_cfg;
	d->run_dir = xstrdup(dirname(socket));
	d->table = xstrdup(take_cfg->netfilter.table);
	d->agentx_socket = xstrdup(take_cfg->agentx.socket);
	d->context = xstrdup(take_cfg->agentx.context);
	d->lock = d->signals = -1;
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
	log_info("engine", "ctmeterd " CTM_VERSION " began, control socket %s",
		 d->cfg->control.socket);
	loop_run(d->loop);
}

void daemon_free(struct daemon *d)
{
	notifier_free(d->notifier);
	ax_free(d->ax);
	engine_free(d->engine);
	if (d->signals >= 0)
		close(d->signals);
	/* Who waits for our socket to go may start the next daemon right then. */
	if (d->lock >= 0)
		close(d->lock);
	ctl_free(d->ctl);
	loop_free(d->loop);
	free(d->run_dir);
	free(d->table);
	free(d->agentx_socket);
	free(d->context);
	cfg_free(d->cfg);
	free(d);
}
