/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The daemon's state: for `status`, and as one line for a service manager. */
#include "daemon_room.h"

#include "base/wallclock.h"
#include "base/xalloc.h"
#include "control/view.h"
#include "version.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_PROBLEMS 8

/* Problems as sentences, stored in `text`. */
struct problems {
	const char *list[MAX_PROBLEMS];
	size_t n;
	char text[MAX_PROBLEMS][SHIP_STATE_TEXT_SIZE + 64];
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
	if (strcmp(s->config, "ok") != 0)
		add_problem(p, "configuration", s->config);
	for (enum addr_family f = 0; f < ADDR_FAMILIES; f++)
		if (strchr(s->family_state[f], ':'))
			add_problem(p, f == ADDR_V4 ? "IPv4" : "IPv6", s->family_state[f]);
	for (size_t i = 0; i < s->n_sources; i++)
		if (s->sources[i].failing)
			add_problem(p, s->sources[i].name, s->sources[i].state);
	if (strcmp(s->store, "ok") != 0)
		add_problem(p, "ledger", s->store);
	if (strcmp(s->clock.state, "ok") != 0)
		add_problem(p, "clock", s->clock.state);
	if (s->refused_containers || s->refused_addresses)
		add_problem(p, "limits",
			    "more containers or addresses than max-rows and max-addresses allow: "
			    "new ones are not counted");
	if (s->conflicts)
		add_problem(p, "addresses",
			    "some are claimed by several containers; each is counted for one of "
			    "them at most: the one it is assigned to, the only one running, else "
			    "the one that had it first (see ctmeter list --links)");
	if (s->unfit)
		add_problem(p, "addresses",
			    "some belong to the node or its gateway and are not counted for the "
			    "containers that claim them (see ctmeter list)");
	if (ax_get_state(d->ax) != AX_UP || *s->agentx.problem)
		add_problem(p, "snmpd",
			    *s->agentx.problem ? s->agentx.problem : "not connected yet");
}

/* The file may differ from what is in force: it was refused, needs a restart, or was not reloaded
 * yet. The doctor looks for the word "restart". */
static void config_state(const struct daemon *d, char *buf, size_t size)
{
	const struct conf *c = &d->conf;

	if (c->differs && *d->refused.text)
		snprintf(buf, size, "refused, still running the previous one: %s", d->refused.text);
	else if (*c->unread.text)
		snprintf(buf, size, "%s", c->unread.text);
	else if (c->differs)
		snprintf(buf, size,
			 "%s has changed since it was read: run systemctl reload ctmeterd",
			 d->config_path);
	else if (*d->fixed)
		snprintf(buf, size, "restart ctmeterd to apply the changed %s", d->fixed);
	else
		snprintf(buf, size, "ok");
}

static void fill_clock(const struct wallclock *w, char text[WALLCLOCK_TEXT_SIZE],
		       struct view_status *s)
{
	s->clock.state = wallclock_trouble(w, text) ? text : "ok";
	s->clock.jumps = (uint64_t)w->jumps;
	s->clock.jump_by_s = w->jump_by_s;
	s->clock.jump_at_s = w->jump_at_s;
	s->clock.jump_ago_s = w->lived_s - w->jump_lived_s;
}

/* f is borrowed. */
static void fill_backend(const struct engine_figures *f, struct view_status *s)
{
	s->backend = f->backend;
	s->backend_reason = f->backend_reason;
	s->on_links = f->on_links;
	s->has_strays = f->has_strays;
	s->spoofed = f->strays.spoofed;
	s->broken = f->strays.broken;
	for (enum addr_family fam = 0; fam < ADDR_FAMILIES; fam++) {
		s->family_state[fam] = f->family_state[fam];
		s->commits += f->commits[fam];
	}
}

/* The array is for free(); its texts are the engine's. */
static void fill_sources(const struct engine *engine, struct view_status *s)
{
	const struct sources *sources = engine_sources(engine);
	size_t n = sources_count(sources);
	struct view_source *to = xcalloc(n, sizeof(*to));

	for (size_t i = 0; i < n; i++) {
		to[i].name = sources_name(sources, i);
		to[i].state = sources_state(sources, i);
		to[i].failing = sources_is_failing(sources, i);
	}
	s->sources = to;
	s->n_sources = n;
}

json_t *daemon_status(struct daemon *d)
{
	static const char *const ax_states[] = { [AX_DOWN] = "down",
						 [AX_CONNECTING] = "connecting",
						 [AX_OPENING] = "opening",
						 [AX_REGISTERING] = "registering",
						 [AX_UP] = "up" };
	const struct snap *snap = engine_snap(d->engine);
	struct engine_figures f;
	struct problems *problems = xcalloc(1, sizeof(*problems));
	uint64_t now = loop_now_ns();
	char config[768], clock[WALLCLOCK_TEXT_SIZE];
	json_t *json;
	struct view_status s = { .version = CTM_VERSION };

	engine_get_figures(d->engine, &f);
	fill_sources(d->engine, &s);
	s.store = f.store_problem ? f.store_problem : "ok";
	s.ship = f.ship;
	s.ledger_doubted_s = f.ledger_doubted_s;
	fill_clock(f.clock, clock, &s);
	s.pid = (uint32_t)getpid();
	s.uptime_s = (now - d->began_ns) / NS_PER_S;
	fill_backend(&f, &s);
	config_state(d, config, sizeof(config));
	s.config = config;
	s.table = d->cfg->netfilter.table;
	s.node_traffic = d->cfg->netfilter.node_traffic;
	s.last_commit_ms = f.last_commit_ms;
	s.rules = snap->rules;
	s.rule_repairs = snap->rule_repairs;
	s.inventory_failures = snap->inventory_failures;
	s.stale_answers = snap->stale_answers;
	s.sample_age_ms = snap->taken_ns ? (now - snap->taken_ns) / NS_PER_MS : 0;
	s.containers = f.containers;
	s.addresses = f.addresses;
	s.conflicts = f.conflicts;
	s.unfit = f.unfit;
	s.not_allowed = f.not_allowed;
	s.refused_containers = f.refused_containers;
	s.refused_addresses = f.refused_addresses;
	s.agentx.state = ax_states[ax_get_state(d->ax)];
	s.agentx.socket = d->cfg->agentx.socket;
	s.agentx.problem = ax_get_problem(d->ax);
	ax_get_counts(d->ax, &s.agentx.requests, &s.agentx.varbinds);
	find_problems(d, &s, problems);
	if (f.ship_failing)
		add_problem(problems, "ship", f.ship);
	if (*f.found_problem)
		add_problem(problems, "inventory", f.found_problem);
	s.problems = problems->list;
	s.n_problems = problems->n;
	json = view_status_json(&s);
	free((void *)(uintptr_t)s.sources);
	free(problems);
	return json;
}

void daemon_status_line(void *arg, char *buf, size_t size)
{
	struct daemon *d = arg;
	json_t *status = daemon_status(d), *problems = json_object_get(status, "problems");
	const char *first = json_string_value(json_array_get(problems, 0));

	conf_look(d);
	snprintf(buf, size, "%lld containers, %lld addresses%s%s",
		 (long long)json_integer_value(json_object_get(status, "containers")),
		 (long long)json_integer_value(json_object_get(status, "addresses")),
		 first ? "; " : "", first ? first : "");
	json_decref(status);
}
