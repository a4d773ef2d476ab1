/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inventory/runtime.h"

#include "base/log.h"
#include "base/xalloc.h"
#include "inventory/inv_known.h"
#include "inventory/runtime_ask.h"
#include "inventory/runtime_pids.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Compose names a new container ID_NAME until the old one is gone. One that is still called so
 * after this time will stay so. */
#define PASSING_NS (60 * NS_PER_S)
#define ID_DIGITS 12
#define HELD_MAX 1000 /* so many at most are held back */

/* A container's start is several events in a row. */
#define EVENTS_NS (5 * NS_PER_MS)
/* Looks that events ask for are prompt until BURST_NS of time is used up; then each waits for what
 * the last one took, SHARE times, and PAUSE_NS at least. */
#define BURST_NS (2 * NS_PER_S)
#define PAUSE_NS (100 * NS_PER_MS)
#define SHARE 10

#define PIDS_NS (NS_PER_S / 2) /* so long a look asks for processes */

#define STARTING_NS (60 * NS_PER_S) /* so long a runtime may take to answer after it began */

#define FOLLOW_MIN_NS (NS_PER_S / 2) /* the pauses before the events are followed anew */
#define FOLLOW_MAX_NS (60 * NS_PER_S)

/* A container with a passing name that was seen in a look. */
struct held {
	char *runtime_id;
	uint64_t since_ns;
	bool seen; /* in this look */
};

struct source_runtime {
	struct source base;
	const struct runtime *rt;
	char *place; /* the socket that is configured; NULL: the runtime's own */
	char *answers[RUNTIME_LISTS]; /* of this look */
	size_t lens[RUNTIME_LISTS];
	size_t at; /* the list that is asked for */
	struct runtime_ask *ask;
	struct runtime_pids pids;
	bool asks_pid; /* .. and not for a list */
	uint64_t began_ns; /* the last look */
	uint64_t late_ns; /* the first look that it did not answer while it started; 0: none */
	struct inv_known known; /* the last answer's containers */
	char **taken; /* ids of containers that are called otherwise now */
	size_t n_taken, cap_taken;
	char own[INV_ID_MAX + 16]; /* an id that id_beside_taken made */
	struct held *held;
	size_t n_held, cap_held;
	uint64_t now_ns; /* of this look */
	struct log_state idle_log;
	/* events */
	struct runtime_follow *follow;
	struct loop_timer soon; /* a look that an event asked for */
	bool by_event; /* an event asked for this look */
	uint64_t full_ns; /* when all of BURST_NS will be there again */
	uint64_t follow_after_ns, follow_pause_ns;
};

/* The first of the runtime's sockets that exists, or the first. */
static const char *usual_socket(const struct runtime *rt)
{
	for (size_t i = 0; rt->sockets[i]; i++)
		if (!access(rt->sockets[i], F_OK))
			return rt->sockets[i];
	return rt->sockets[0];
}

static struct runtime_door door_of(const struct source_runtime *r, const char *word,
				   const char *request)
{
	return (struct runtime_door) { .source = &r->base,
				       .word = word,
				       .socket = r->place ? r->place : usual_socket(r->rt),
				       .request = request,
				       .worker = r->rt->worker };
}

/* ---- which id ---- */

static bool is_passing(const char *name)
{
	return strspn(name, "0123456789abcdef") == ID_DIGITS && name[ID_DIGITS] == '_' &&
	       name[ID_DIGITS + 1];
}

/* Has this passing name passed for too long? */
static bool is_settled(struct source_runtime *r, const char *runtime_id)
{
	size_t i = 0;

	while (i < r->n_held && strcmp(r->held[i].runtime_id, runtime_id) != 0)
		i++;
	if (i == r->n_held) {
		if (i == HELD_MAX)
			return true;
		r->held = xgrow(r->held, i, &r->cap_held, sizeof(*r->held));
		r->held[r->n_held++] =
			(struct held) { .runtime_id = xstrdup(runtime_id), .since_ns = r->now_ns };
	}
	r->held[i].seen = true;
	return r->now_ns - r->held[i].since_ns >= PASSING_NS;
}

/* Forget those that this look has not seen. */
static void sweep_held(struct source_runtime *r)
{
	size_t kept = 0;

	for (size_t i = 0; i < r->n_held; i++) {
		if (r->held[i].seen)
			r->held[kept++] = r->held[i];
		else
			free(r->held[i].runtime_id);
	}
	r->n_held = kept;
	for (size_t i = 0; i < kept; i++)
		r->held[i].seen = false;
}

/* The id under which the last answer, or the ledger, has it; NULL: it is new. */
static const char *known_id(struct source_runtime *r, const char *runtime_id)
{
	const char *id = inv_known_find(&r->known, runtime_id);

	return id ? id : sources_known(r->base.owner, r->rt->name, runtime_id);
}

/* The name bills. */
static const char *id_by_name(void *arg, const char *runtime_id, const char *name)
{
	struct source_runtime *r = arg;
	const char *former;

	if (!is_passing(name))
		return name;
	former = known_id(r, runtime_id);
	if (former)
		return former;
	return is_settled(r, runtime_id) ? name : NULL;
}

static bool is_taken(const struct source_runtime *r, const char *id)
{
	for (size_t i = 0; i < r->n_taken; i++)
		if (!strcmp(r->taken[i], id))
			return true;
	return false;
}

/* The name under which it was first seen bills, whatever it is called now. */
static const char *id_by_runtime_id(void *arg, const char *runtime_id, const char *name)
{
	struct source_runtime *r = arg;
	const char *known = known_id(r, runtime_id);

	if (known && strcmp(known, name) != 0 && !is_taken(r, known)) {
		r->taken = xgrow(r->taken, r->n_taken, &r->cap_taken, sizeof(*r->taken));
		r->taken[r->n_taken++] = xstrdup(known);
	}
	return known ? known : name;
}

/* The same in a look in which some are called otherwise: another one with such a name gets an id of
 * its own. */
static const char *id_beside_taken(void *arg, const char *runtime_id, const char *name)
{
	struct source_runtime *r = arg;
	const char *id = id_by_runtime_id(arg, runtime_id, name);

	if (!is_taken(r, name) || known_id(r, runtime_id))
		return id;
	snprintf(r->own, sizeof(r->own), "%.*s~%.8s", INV_ID_MAX, name, runtime_id);
	return r->own;
}

static void clear_taken(struct source_runtime *r)
{
	for (size_t i = 0; i < r->n_taken; i++)
		free(r->taken[i]);
	r->n_taken = 0;
}

static void remember(struct source_runtime *r, const struct inv_part *part)
{
	inv_known_clear(&r->known);
	for (size_t i = 0; i < inv_part_containers(part); i++) {
		const struct inv_container *c = inv_part_container_at(part, i);

		if (*c->runtime_id)
			inv_known_add(&r->known, c->runtime_id, c->id);
	}
	sweep_held(r);
}

/* ---- a look ---- */

static struct inv_part *parse(struct source_runtime *r, struct inv_settle *settle, struct err *e)
{
	struct inv_part *part = source_part_new(&r->base, r->rt->name);

	settle->arg = r;
	if (r->rt->parse(part, (const char *const *)r->answers, r->lens, settle, e) == 0)
		return part;
	inv_part_free(part);
	return NULL;
}

static pid_t known_pid(void *arg, const char *runtime_id)
{
	return runtime_pids_of(&((struct source_runtime *)arg)->pids, runtime_id);
}

static struct inv_part *read_answers(struct source_runtime *r, struct err *e)
{
	struct inv_settle by_name = { .id = id_by_name, .pid = known_pid };
	struct inv_settle by_id = { .id = id_by_runtime_id, .pid = known_pid };
	struct inv_settle beside = { .id = id_beside_taken, .pid = known_pid };
	struct inv_part *part = parse(r, r->rt->renames ? &by_id : &by_name, e);

	if (part && r->n_taken) {
		inv_part_free(part);
		part = parse(r, &beside, e);
	}
	clear_taken(r);
	if (part)
		remember(r, part);
	return part;
}

static void clear_answers(struct source_runtime *r)
{
	for (size_t i = 0; i < RUNTIME_LISTS; i++) {
		free(r->answers[i]);
		r->answers[i] = NULL;
	}
}

static void end_idle(struct source_runtime *r, const char *why, uint64_t now_ns)
{
	log_bad(&r->idle_log, now_ns, LOG_LEVEL_INFO, "inv",
		"%s does not run: %s; its containers are asked for when it does", r->base.name,
		why);
	source_end_idle(&r->base, why, now_ns);
}

/* A look that an event asked for has ended. */
static void spend(struct source_runtime *r, uint64_t now_ns)
{
	uint64_t ns = (now_ns - r->began_ns) * SHARE;

	if (r->by_event)
		r->full_ns = (r->full_ns > now_ns ? r->full_ns : now_ns) +
			     (ns > PAUSE_NS ? ns : PAUSE_NS);
	r->by_event = false;
}

/* Has it begun to run, and not answered yet? */
static bool is_starting(struct source_runtime *r, const struct runtime_end *end, uint64_t now_ns)
{
	if (!end->late || (r->base.part && !r->base.idle))
		return false;
	if (!r->late_ns)
		r->late_ns = now_ns;
	return now_ns - r->late_ns < STARTING_NS;
}

static void ask_next(struct source_runtime *r, uint64_t now_ns);
static void ask_pid(struct source_runtime *r, const char *id, uint64_t now_ns);
static void look_soon(struct source_runtime *r, uint64_t now_ns);
static void follow(struct source_runtime *r, uint64_t now_ns);

/* A list. Returns whether another one is asked for. */
static bool take_list(struct source_runtime *r, const struct runtime_end *end, uint64_t now_ns)
{
	struct err e = { "" };

	r->answers[r->at] = xmalloc(end->len + 1);
	memcpy(r->answers[r->at], end->out, end->len + 1);
	r->lens[r->at++] = end->len;
	if (r->at < RUNTIME_LISTS && r->rt->lists[r->at].request) {
		ask_next(r, now_ns);
		return true;
	}
	if (!r->rt->each_start)
		return false;
	runtime_pids_renew(&r->pids);
	if (r->rt->each_start(r->answers[0], r->lens[0], runtime_pids_add, &r->pids, &e) < 0)
		runtime_pids_stop(&r->pids); /* parse says what is wrong with it */
	return false;
}

/* A container that has ended meanwhile has no process. Neither has one, in this look, about which
 * the runtime does not answer. */
static void take_pid(struct source_runtime *r, const struct runtime_end *end)
{
	bool good = !*end->text && !end->idle;

	r->asks_pid = false;
	runtime_pids_take(&r->pids, good ? r->rt->read_pid(end->out, end->len) : 0);
	if (end->late || end->idle)
		runtime_pids_stop(&r->pids);
}

/* Returns whether a process is asked for. */
static bool ask_for_pids(struct source_runtime *r, uint64_t now_ns)
{
	const char *id = r->rt->each_start ? runtime_pids_next(&r->pids) : NULL;

	if (id && now_ns - r->began_ns < PIDS_NS) {
		ask_pid(r, id, now_ns);
		return true;
	}
	if (id) {
		runtime_pids_stop(&r->pids);
		look_soon(r, now_ns);
	}
	return false;
}

static void on_answer(void *arg, const struct runtime_end *end, uint64_t now_ns)
{
	struct source_runtime *r = arg;
	struct inv_part *part = NULL;
	struct err e = { "" };
	bool of_pid = r->asks_pid;

	if (of_pid || (!*end->text && !end->idle)) {
		if (of_pid)
			take_pid(r, end);
		else if (take_list(r, end, now_ns))
			return;
		if (ask_for_pids(r, now_ns))
			return;
		part = read_answers(r, &e);
	} else {
		err_set(&e, "%s", end->text);
	}
	clear_answers(r);
	spend(r, now_ns);
	if (!of_pid && (end->idle || is_starting(r, end, now_ns))) {
		end_idle(r, e.text, now_ns);
		return;
	}
	r->late_ns = part ? 0 : r->late_ns;
	if (part && r->base.idle) { /* it has begun to run: its events, without a pause */
		r->follow_pause_ns = r->follow_after_ns = 0;
		follow(r, now_ns);
	}
	if (part)
		log_good(&r->idle_log, now_ns, "inv", "%s runs", r->base.name);
	source_end(&r->base, part, &e, now_ns);
}

static void ask_next(struct source_runtime *r, uint64_t now_ns)
{
	struct runtime_door door =
		door_of(r, r->rt->lists[r->at].word, r->rt->lists[r->at].request);

	runtime_ask_free(r->ask);
	runtime_ask_new(&door, on_answer, r, now_ns, &r->ask);
}

static void ask_pid(struct source_runtime *r, const char *id, uint64_t now_ns)
{
	char *word = xasprintf(RUNTIME_PID "%s", id);
	char *path = xasprintf("%s%s%s", r->rt->pid_request[0], id, r->rt->pid_request[1]);
	struct runtime_door door = door_of(r, word, path);

	r->asks_pid = true;
	runtime_ask_free(r->ask);
	runtime_ask_new(&door, on_answer, r, now_ns, &r->ask);
	free(word);
	free(path);
}

/* ---- events ---- */

static void on_soon(void *arg, uint64_t now_ns)
{
	struct source_runtime *r = arg;

	(void)now_ns;
	r->by_event = true;
	source_look_again(&r->base);
}

static void look_soon(struct source_runtime *r, uint64_t now_ns)
{
	uint64_t at_ns = now_ns + EVENTS_NS;

	if (r->full_ns > BURST_NS + at_ns)
		at_ns = r->full_ns - BURST_NS;
	if (!r->soon.at_ns || r->soon.at_ns > at_ns)
		loop_timer_set(r->base.loop, &r->soon, at_ns);
}

static void on_event(void *arg, uint64_t now_ns)
{
	struct source_runtime *r = arg;

	r->follow_pause_ns = 0;
	look_soon(r, now_ns);
}

static void pause_following(struct source_runtime *r, uint64_t now_ns)
{
	uint64_t ns = r->follow_pause_ns ? r->follow_pause_ns * 2 : FOLLOW_MIN_NS;

	r->follow_pause_ns = ns > FOLLOW_MAX_NS ? FOLLOW_MAX_NS : ns;
	r->follow_after_ns = now_ns + r->follow_pause_ns;
}

/* The runtime ends, perhaps. It is followed again at a look, when it runs. */
static void on_follow_end(void *arg, uint64_t now_ns)
{
	struct source_runtime *r = arg;

	runtime_follow_free(r->follow);
	r->follow = NULL;
	pause_following(r, now_ns);
	if (!r->soon.at_ns)
		loop_timer_set(r->base.loop, &r->soon, r->follow_after_ns);
}

static void follow(struct source_runtime *r, uint64_t now_ns)
{
	struct runtime_door door = door_of(r, RUNTIME_EVENTS, r->rt->events);

	if (!r->rt->events || r->follow || now_ns < r->follow_after_ns)
		return;
	r->follow = runtime_follow_new(&door, on_event, on_follow_end, r, now_ns);
	if (!r->follow)
		pause_following(r, now_ns);
}

/* ---- the source ---- */

static void runtime_start(struct source *s, uint64_t now_ns)
{
	struct source_runtime *r = (struct source_runtime *)s;

	loop_timer_clear(s->loop, &r->soon);
	r->now_ns = r->began_ns = now_ns;
	r->at = 0;
	r->asks_pid = false;
	follow(r, now_ns);
	ask_next(r, now_ns);
}

static void runtime_free(struct source *s)
{
	struct source_runtime *r = (struct source_runtime *)s;

	loop_timer_clear(s->loop, &r->soon);
	runtime_follow_free(r->follow);
	runtime_ask_free(r->ask);
	clear_answers(r);
	inv_known_clear(&r->known);
	runtime_pids_clear(&r->pids);
	clear_taken(r);
	free(r->taken);
	for (size_t i = 0; i < r->n_held; i++)
		free(r->held[i].runtime_id);
	free(r->held);
	free(r->place);
	free(r);
}

/* ---- the kind ---- */

int runtime_check(const char *rest, struct err *e)
{
	if (!*rest || *rest == '/')
		return 0;
	err_set(e, "the place of a runtime is the absolute path of its socket: "
		   "docker:/run/docker.sock");
	return -EINVAL;
}

int runtime_new(const struct runtime *rt, const char *rest, struct source **ret_source,
		struct err *e)
{
	static const struct source_ops ops = { runtime_start, runtime_free };
	struct source_runtime *r = xcalloc(1, sizeof(*r));

	(void)e;
	r->base.ops = &ops;
	r->rt = rt;
	r->place = *rest ? xstrdup(rest) : NULL;
	loop_timer_init(&r->soon, on_soon, r);
	*ret_source = &r->base;
	return 0;
}

/* What the word names; NULL: nothing. */
static const char *request_of(const struct runtime *rt, const char *word, bool *ret_follow)
{
	*ret_follow = rt->events && !strcmp(word, RUNTIME_EVENTS);
	if (*ret_follow)
		return rt->events;
	for (size_t i = 0; i < RUNTIME_LISTS && rt->lists[i].request; i++)
		if (!strcmp(word, rt->lists[i].word))
			return rt->lists[i].request;
	return NULL;
}

/* job: "WORD", or "SOCKET WORD". Of the word only a container's id is sent on, as that alone. */
int runtime_job(const struct runtime *rt, const char *job, struct source_job *ret_job,
		struct err *e)
{
	const char *blank = strrchr(job, ' '), *word = blank ? blank + 1 : job;
	const char *id = word + strlen(RUNTIME_PID);

	ret_job->request = request_of(rt, word, &ret_job->follow);
	if (rt->each_start && !strncmp(word, RUNTIME_PID, strlen(RUNTIME_PID)) &&
	    runtime_pids_id_is_good(id)) {
		ret_job->path = xasprintf("%s%s%s", rt->pid_request[0], id, rt->pid_request[1]);
		ret_job->request = ret_job->path;
		ret_job->excerpt = rt->only_pid;
	}
	if (!ret_job->request) {
		err_set(e, "it asks %s for no such thing", rt->name);
		return -EPERM;
	}
	ret_job->text = blank ? xstrndup(job, (size_t)(blank - job)) : xstrdup(usual_socket(rt));
	ret_job->socket = ret_job->text;
	ret_job->worker = rt->worker;
	return 0;
}
