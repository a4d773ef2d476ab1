/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON for operators' programs: see view.h for its shape and invariants. */
#include "control/view.h"

#include "base/loop.h"
#include "base/xalloc.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* jansson reports out of memory only here; in this program that is always fatal. */
static void die(void)
{
	fputs("error view: out of memory\n", stderr);
	abort();
}

static void put(json_t *object, const char *key, json_t *take)
{
	if (json_object_set_new(object, key, take) < 0)
		die();
}

static json_t *text_json(const char *text)
{
	json_t *j = json_string(text ? text : "");
	char *ascii;

	if (j)
		return j;
	ascii = xstrdup(text);
	for (char *c = ascii; *c; c++)
		if ((unsigned char)*c > 127)
			*c = '?';
	j = json_string(ascii);
	free(ascii);
	return j;
}

static json_t *count_json(uint64_t n)
{
	char digits[24];

	if (n <= INT64_MAX)
		return json_integer((json_int_t)n);
	snprintf(digits, sizeof(digits), "%" PRIu64, n);
	return json_string(digits);
}

static json_t *time_json(int64_t wall_s)
{
	time_t t = (time_t)wall_s;
	char text[64];
	struct tm tm;

	if (!wall_s || !gmtime_r(&t, &tm) ||
	    !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		return json_null();
	return json_string(text);
}

const char *view_row_status(enum row_status status)
{
	static const char *const words[] = {
		[ROW_OTHER] = "other",       [ROW_COUNTING] = "counting",
		[ROW_PENDING] = "pending",   [ROW_NOT_COUNTABLE] = "not-countable",
		[ROW_CONFLICT] = "conflict", [ROW_RETIRED] = "retired",
	};

	if ((size_t)status >= ARRAY_LEN(words) || !words[status])
		return "other";
	return words[status];
}

const char *view_run_state(enum inv_run run)
{
	static const char *const words[] = {
		[INV_RUN_UNKNOWN] = "unknown",
		[INV_RUN_RUNNING] = "running",
		[INV_RUN_STOPPED] = "stopped",
		[INV_RUN_GONE] = "gone",
	};

	if ((size_t)run >= ARRAY_LEN(words) || !words[run])
		return "unknown";
	return words[run];
}

/* The common part of address and container rows. Counters start at the mark of `ctmeter zero`; null
 * stands for a counter that cannot be counted. */
static void put_totals(json_t *row, const struct snap *s, const struct snap_totals *t)
{
	static const struct {
		const char *octets, *pkts;
	} names[PATHS] = {
		[PATH_FWD_IN] = { "in_octets", "in_pkts" },
		[PATH_FWD_OUT] = { "out_octets", "out_pkts" },
		[PATH_NODE_IN] = { "node_in_octets", "node_in_pkts" },
		[PATH_NODE_OUT] = { "node_out_octets", "node_out_pkts" },
	};

	static const struct snap_mark none;
	const struct snap_mark *zero = t->zero ? t->zero : &none;

	put(row, "status", json_string(view_row_status(t->status)));
	for (enum path p = 0; p < PATHS; p++) {
		const struct counters *c = &t->path[p], *from = &zero->at[p];
		bool tells = snap_tells(s, t, p);

		put(row, names[p].octets,
		    tells ? count_json(c->octets - from->octets) : json_null());
		put(row, names[p].pkts, tells ? count_json(c->pkts - from->pkts) : json_null());
	}
	put(row, "zeroed", time_json(zero->wall_s));
	put(row, "counting_since", time_json(t->since_wall_s));
	put(row, "discontinuities", json_integer(t->discontinuities));
	put(row, "last_discontinuity", time_json(t->discontinuity_wall_s));
}

static json_t *address_json(const struct snap *s, const struct snap_address *a)
{
	char text[ADDR_TEXT_SIZE];
	json_t *row = json_object();

	put(row, "address", json_string(addr_format(&a->addr, text)));
	put_totals(row, s, &a->totals);
	put(row, "link", text_json(a->link));
	put(row, "reason", text_json(a->reason));
	return row;
}

/* Why a container has no addresses, if it has none. */
static json_t *status_reason(const struct snap_container *c)
{
	static const char *const nets[] = {
		[INV_NET_NODE] = "node's network",
		[INV_NET_NONE] = "no network of its own",
		[INV_NET_SHARED] = "shared network",
	};

	if (c->totals.status == ROW_NOT_COUNTABLE && !c->n_addresses && c->net != INV_NET_OWN)
		return json_string(nets[c->net]);
	if (c->totals.status == ROW_OTHER && !c->n_addresses)
		return json_string("no addresses");
	return json_null();
}

static json_t *container_json(const struct snap *s, const struct snap_container *c)
{
	json_t *row = json_object();

	put(row, "id", text_json(c->id));
	put(row, "name", text_json(c->name));
	put(row, "state", json_string(view_run_state(c->run)));
	put(row, "ifindex", json_integer(c->ifindex));
	put_totals(row, s, &c->totals);
	put(row, "reason", status_reason(c));
	put(row, "runtime", text_json(c->runtime));
	put(row, "runtime_id", text_json(c->runtime_id));
	put(row, "image", text_json(c->image));
	return row;
}

static uint64_t age_ms(uint64_t then_ns, uint64_t now_ns)
{
	return now_ns > then_ns ? (now_ns - then_ns) / NS_PER_MS : 0;
}

/* ---- the list, piece by piece ---- */

struct view_list {
	struct snap *snap;
	uint64_t now_ns;
	/* The next rows. Both arrays are in the same order, so one pass does. */
	size_t container, address;
	size_t n_in_container; /* addresses of this container printed so far */
	enum { LIST_HEAD, LIST_CONTAINER, LIST_ADDRESS, LIST_DONE } next;
};

struct view_list *view_list_new(struct snap *snap, uint64_t now_ns)
{
	struct view_list *l = xcalloc(1, sizeof(*l));

	l->snap = snap_ref(snap);
	l->now_ns = now_ns;
	return l;
}

void view_list_free(struct view_list *l)
{
	if (!l)
		return;
	snap_unref(l->snap);
	free(l);
}

static char *row_text(json_t *take)
{
	char *text = json_dumps(take, JSON_COMPACT);

	if (!text)
		die();
	json_decref(take);
	return text;
}

static char *list_head(struct view_list *l)
{
	char sampled[24] = "null";

	if (l->snap->taken_ns)
		snprintf(sampled, sizeof(sampled), "%" PRIu64,
			 (uint64_t)(l->snap->taken_ns / NS_PER_MS));
	l->next = LIST_CONTAINER;
	return xasprintf("{\"sample_age_ms\":%" PRIu64 ",\"sampled_ms\":%s,\"containers\":[",
			 age_ms(l->snap->taken_ns, l->now_ns), sampled);
}

/* A container's object, left open for its addresses; or the end of the list. */
static char *list_container(struct view_list *l)
{
	char *row, *text;

	if (l->container == l->snap->n_containers) {
		l->next = LIST_DONE;
		return xstrdup("]}");
	}
	row = row_text(container_json(l->snap, &l->snap->containers[l->container]));
	row[strlen(row) - 1] = '\0';
	text = xasprintf("%s%s,\"addresses\":[", l->container ? "," : "", row);
	free(row);
	l->n_in_container = 0;
	l->next = LIST_ADDRESS;
	return text;
}

static char *list_address(struct view_list *l)
{
	const struct snap *snap = l->snap;
	char *row, *text;

	if (l->address == snap->n_addresses ||
	    snap->addresses[l->address].container != l->container) {
		l->container++;
		l->next = LIST_CONTAINER;
		return xstrdup("]}");
	}
	row = row_text(address_json(snap, &snap->addresses[l->address++]));
	text = xasprintf("%s%s", l->n_in_container++ ? "," : "", row);
	free(row);
	return text;
}

char *view_list_next(struct view_list *l)
{
	switch (l->next) {
	case LIST_HEAD:
		return list_head(l);
	case LIST_CONTAINER:
		return list_container(l);
	case LIST_ADDRESS:
		return list_address(l);
	default:
		return NULL;
	}
}

/* ---- the status ---- */

static void put_families(json_t *status, const struct view_status *s)
{
	put(status, "ipv4", text_json(s->family_state[ADDR_V4]));
	put(status, "ipv6", text_json(s->family_state[ADDR_V6]));
}

static json_t *sources_json(const struct view_status *s)
{
	json_t *sources = json_array();

	for (size_t i = 0; i < s->n_sources; i++) {
		json_t *source = json_object();

		put(source, "name", text_json(s->sources[i].name));
		put(source, "state", text_json(s->sources[i].state));
		put(source, "failing", json_boolean(s->sources[i].failing));
		json_array_append_new(sources, source);
	}
	return sources;
}

static json_t *agentx_json(const struct view_status *s)
{
	json_t *agentx = json_object();

	put(agentx, "state", text_json(s->agentx.state));
	put(agentx, "socket", text_json(s->agentx.socket));
	put(agentx, "problem", text_json(s->agentx.problem));
	put(agentx, "requests", count_json(s->agentx.requests));
	put(agentx, "varbinds", count_json(s->agentx.varbinds));
	return agentx;
}

/* The last three are null when the clock was never set. */
static json_t *clock_json(const struct view_status *s)
{
	json_t *clock = json_object();
	bool set = s->clock.jumps;

	put(clock, "state", text_json(s->clock.state));
	put(clock, "jumps", count_json(s->clock.jumps));
	put(clock, "last_jump", time_json(set ? s->clock.jump_at_s : 0));
	put(clock, "last_jump_s", set ? json_integer(s->clock.jump_by_s) : json_null());
	put(clock, "last_jump_ago_s", set ? json_integer(s->clock.jump_ago_s) : json_null());
	return clock;
}

/* Null if the backend cannot tell. */
static json_t *strays_json(const struct view_status *s)
{
	json_t *strays = s->has_strays ? json_object() : json_null();

	if (s->has_strays) {
		put(strays, "spoofed_pkts", count_json(s->spoofed.pkts));
		put(strays, "spoofed_octets", count_json(s->spoofed.octets));
		put(strays, "broken_pkts", count_json(s->broken.pkts));
		put(strays, "broken_octets", count_json(s->broken.octets));
	}
	return strays;
}

static json_t *problems_json(const struct view_status *s)
{
	json_t *problems = json_array();

	for (size_t i = 0; i < s->n_problems; i++)
		json_array_append_new(problems, text_json(s->problems[i]));
	return problems;
}

json_t *view_status_json(const struct view_status *s)
{
	json_t *status = json_object();

	put(status, "version", text_json(s->version));
	put(status, "pid", json_integer(s->pid));
	put(status, "uptime_s", count_json(s->uptime_s));
	put(status, "config", text_json(s->config));
	put(status, "backend", text_json(s->backend));
	put(status, "table", text_json(s->table));
	put(status, "node_traffic", json_boolean(s->node_traffic));
	put(status, "backend_reason", text_json(s->backend_reason));
	put(status, "on_links", json_boolean(s->on_links));
	put(status, "strays", strays_json(s));
	put_families(status, s);
	put(status, "rules", json_integer(s->rules));
	put(status, "rule_repairs", json_integer(s->rule_repairs));
	put(status, "commits", count_json(s->commits));
	put(status, "last_commit_ms", count_json(s->last_commit_ms));
	put(status, "containers", count_json(s->containers));
	put(status, "addresses", count_json(s->addresses));
	put(status, "conflicts", count_json(s->conflicts));
	put(status, "unfit", count_json(s->unfit));
	put(status, "not_allowed", count_json(s->not_allowed));
	put(status, "refused_containers", count_json(s->refused_containers));
	put(status, "refused_addresses", count_json(s->refused_addresses));
	put(status, "sample_age_ms", count_json(s->sample_age_ms));
	put(status, "stale_answers", json_integer(s->stale_answers));
	put(status, "sources", sources_json(s));
	put(status, "inventory_failures", json_integer(s->inventory_failures));
	put(status, "store", text_json(s->store));
	put(status, "ship", text_json(s->ship));
	put(status, "ledger_doubted", json_integer(s->ledger_doubted_s));
	put(status, "clock", clock_json(s));
	put(status, "agentx", agentx_json(s));
	put(status, "problems", problems_json(s));
	return status;
}
