/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/found.h"

#include "base/log.h"
#include "base/xalloc.h"
#include "engine/allow.h"
#include "engine/ear.h"
#include "netlink/netns_watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SHARE 10 /* the inventory is completed anew one SHAREth of the time at most */
#define PAUSE_NS (10 * NS_PER_MS) /* .. and that is between two times at least */
#define SOON_NS NS_PER_MS

struct found {
	struct loop *loop;
	struct loop_timer soon;
	struct netns_watch *watch; /* NULL: not needed yet, or the kernel cannot */
	struct allow *allow; /* NULL: not needed yet */
	struct ear *ear;
	char *helper;
	found_changed_fn *changed;
	void *arg;
	uint64_t not_before_ns;
	bool tried; /* to open watch */
	bool finished; /* found_complete has looked at all */
	unsigned round; /* allow_round then */
	bool dead; /* the watch's error was logged */
	char problem[256];
};

/* ---- when ---- */

static void come_again(struct found *f, uint64_t at_ns)
{
	if (at_ns < f->not_before_ns)
		at_ns = f->not_before_ns;
	if (!f->soon.at_ns || f->soon.at_ns > at_ns)
		loop_timer_set(f->loop, &f->soon, at_ns);
}

static void on_changed(void *arg, uint64_t now_ns)
{
	come_again(arg, now_ns);
}

static void on_soon(void *arg, uint64_t now_ns)
{
	struct found *f = arg;
	uint64_t began_ns = loop_now_ns();

	f->changed(f->arg, now_ns);
	f->not_before_ns = now_ns + PAUSE_NS + (loop_now_ns() - began_ns) * SHARE;
}

static void on_ear(void *arg, int take_fd)
{
	struct found *f = arg;

	netns_watch_take_ear(f->watch, take_fd);
	f->problem[0] = '\0';
	log_info("inv", "address changes inside containers are heard at once");
}

/* ---- opening ---- */

static void open_watch(struct found *f, size_t max)
{
	struct err e = { "" };

	f->tried = true;
	if (netns_watch_new(f->loop, max, on_changed, f, &f->watch, &e) < 0) {
		snprintf(f->problem, sizeof(f->problem),
			 "addresses inside containers cannot be found: %s", e.text);
		log_warning("inv", "%s", f->problem);
		return;
	}
	f->ear = ear_new(f->loop, f->helper, on_ear, f);
}

/* Soon enough for the links to be known when the first address is. */
static void open_allow(struct found *f)
{
	struct err e = { "" };

	if (!f->allow && allow_new(f->loop, &f->allow, &e) < 0)
		log_error("inv", "addresses inside containers cannot be judged: %s", e.text);
}

static void note_error(struct found *f)
{
	int error = netns_watch_error(f->watch);

	if (!error || f->dead)
		return;
	f->dead = true;
	snprintf(f->problem, sizeof(f->problem), "a container's network cannot be asked: %s",
		 strerror(-error));
	log_warning("inv", "%s", f->problem);
}

/* ---- what is wanted ---- */

static bool is_asked(const struct inv_container *c)
{
	return c->pid > 0 && c->net == INV_NET_OWN && c->run != INV_RUN_STOPPED;
}

static void want(struct found *f, const struct cfg *cfg, const struct inventory *inv, bool asked,
		 uint64_t now_ns)
{
	struct netns_want *wants = xcalloc(inv->n_containers, sizeof(*wants));
	size_t n = 0;

	for (size_t i = 0; i < inv->n_containers; i++)
		if (is_asked(&inv->containers[i]))
			wants[n++] = (struct netns_want) { inv->containers[i].id,
							   inv->containers[i].pid };
	if (n && !f->tried) {
		open_watch(f, cfg->inventory.max_addresses + 1);
		open_allow(f);
	}
	if (f->watch)
		netns_watch_set(f->watch, wants, n, asked, now_ns);
	free(wants);
}

/* ---- several containers in one namespace ---- */

struct member {
	int id;
	uint32_t container;
	const struct netns_inside *in;
	bool holds; /* it has some of the addresses already */
};

static int cmp_member(const void *a, const void *b)
{
	const struct member *x = a, *y = b;

	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	if (x->holds != y->holds)
		return x->holds ? -1 : 1;
	return x->in->pid < y->in->pid ? -1 : x->in->pid > y->in->pid;
}

static bool holds(const struct ledger *l, const struct netns_inside *in, const char *id)
{
	for (size_t i = 0; i < in->n; i++) {
		const char *holder = ledger_holder(l, &in->addresses[i].addr);

		if (holder && !strcmp(holder, id))
			return true;
	}
	return false;
}

/* The first of each namespace is the one whose network it is. */
static void mark_shared(struct inventory *inv, struct member *members, size_t n)
{
	if (n)
		qsort(members, n, sizeof(*members), cmp_member);
	for (size_t i = 1; i < n; i++)
		if (members[i].id == members[i - 1].id)
			inv->containers[members[i].container].net = INV_NET_SHARED;
}

/* ---- finds ---- */

/* How many of each container's are taken, so that there are no more than max in all: who has few
 * has them all. */
static size_t share_of(const struct member *members, size_t n, size_t max)
{
	size_t share = max, sum;

	do {
		sum = 0;
		for (size_t i = 0; i < n; i++)
			sum += members[i].in->n < share ? members[i].in->n : share;
		share = sum > max ? share / 4 * 3 : share;
	} while (sum > max && share > 1);
	return share;
}

static void add_finds(struct inventory *inv, const struct member *members, size_t n, size_t max,
		      bool *known)
{
	size_t n_finds = 0, cap = 0, share = share_of(members, n, max);
	struct inv_find *finds = NULL;

	for (size_t i = 0; i < n; i++) {
		const struct netns_inside *in = members[i].in;
		uint32_t c = members[i].container;

		known[c] = in->known || inv->containers[c].net != INV_NET_OWN;
		inv->doubtful = inv->doubtful || in->awaited || in->n > share;
		for (size_t k = 0; k < in->n && k < share; k++) {
			if (inv->containers[c].net != INV_NET_OWN)
				break;
			finds = xgrow(finds, n_finds, &cap, sizeof(*finds));
			finds[n_finds++] = (struct inv_find) { c, in->addresses[k].addr };
		}
	}
	inv_take_found(inv, finds, n_finds, known);
	free(finds);
}

static void find_inside(struct found *f, const struct ledger *l, size_t max, struct inventory *inv)
{
	struct member *members = xcalloc(inv->n_containers, sizeof(*members));
	bool *known = xcalloc(inv->n_containers, sizeof(*known));
	size_t n = 0, alone = inv->n_containers;

	for (size_t i = 0; i < inv->n_containers; i++) {
		struct inv_container *c = &inv->containers[i];
		const struct netns_inside *in =
			is_asked(c) ? netns_watch_find(f->watch, c->id) : NULL;

		if (!in)
			continue;
		if (in->own)
			c->net = INV_NET_NODE;
		/* Those without an id are each in a namespace of its own. */
		members[n++] = (struct member) { in->id >= 0 ? in->id : -1 - (int)alone--,
						 (uint32_t)i, in, holds(l, in, c->id) };
	}
	mark_shared(inv, members, n);
	add_finds(inv, members, n, max, known);
	free(members);
	free(known);
}

static bool has_found(const struct inventory *inv)
{
	for (size_t i = 0; i < inv->n_addresses; i++)
		if (inv->addresses[i].rank == INV_FOUND)
			return true;
	return false;
}

static int netns_fn(void *arg, const char *owner)
{
	return found_netns(arg, owner);
}

bool found_complete(struct found *f, const struct cfg *cfg, const struct ledger *l,
		    struct inventory *inv, bool asked, uint64_t now_ns)
{
	bool finished = true;

	want(f, cfg, inv, asked, now_ns);
	if (f->watch) {
		find_inside(f, l, 2 * (size_t)cfg->inventory.max_rows + 1000, inv);
		note_error(f);
	}
	if (has_found(inv)) {
		open_allow(f);
		finished = f->allow && allow_mark(f->allow, cfg, l, netns_fn, f, inv);
	}
	f->finished = finished;
	f->round = f->allow ? allow_round(f->allow) : 0;
	if (!finished)
		come_again(f, now_ns + SOON_NS);
	return finished && !(f->watch && netns_watch_is_asking(f->watch));
}

bool found_is_valid(const struct found *f)
{
	return f->finished && (!f->allow || allow_round(f->allow) == f->round) &&
	       !(f->watch && netns_watch_is_unsure(f->watch));
}

void found_renew(struct found *f)
{
	if (f->allow)
		allow_renew(f->allow);
}

bool found_wants_look(struct found *f)
{
	return f->watch && netns_watch_wants_look(f->watch);
}

int found_netns(const struct found *f, const char *owner)
{
	const struct netns_inside *in = f->watch ? netns_watch_find(f->watch, owner) : NULL;

	return in && in->known && !in->own ? in->id : -1;
}

unsigned found_moves(const struct found *f)
{
	return f->watch ? netns_watch_moves(f->watch) : 0;
}

const char *found_problem(const struct found *f)
{
	return f->problem;
}

/* ---- life ---- */

struct found *found_new(struct loop *loop, const char *helper, found_changed_fn *changed, void *arg)
{
	struct found *f = xcalloc(1, sizeof(*f));

	f->loop = loop;
	f->helper = xstrdup(helper);
	f->changed = changed;
	f->arg = arg;
	loop_timer_init(&f->soon, on_soon, f);
	return f;
}

void found_free(struct found *f)
{
	if (!f)
		return;
	loop_timer_clear(f->loop, &f->soon);
	ear_free(f->ear);
	netns_watch_free(f->watch);
	allow_free(f->allow);
	free(f->helper);
	free(f);
}
