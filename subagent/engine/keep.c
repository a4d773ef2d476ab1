/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/keep.h"

#include "base/file.h"
#include "base/log_state.h"
#include "base/xalloc.h"
#include "ledger/ledger_store.h"
#include "store/store_writer.h"
#include "store/witness.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LOCKED_TRIES 100 /* 50 ms apart */
#define END_NS (3 * NS_PER_S) /* at the end: the system may be shutting down */
#define PATIENCE_NS (5 * NS_PER_S) /* after that a slow disk counts as failed */

struct keep {
	char *path;
	struct ledger *ledger;
	struct store *store; /* at the start, until the writer has it */
	struct store_writer *writer;
	struct loop *loop;
	keep_settled_fn *told;
	void *arg;
	char boot_id[40];
	bool witnessed;
	int witness; /* its descriptor, or -errno */
	uint64_t number; /* the ledger's own */
	uint64_t checkpoint; /* the last one sent, stored or not */
	char problem[512]; /* "" when all is well */
	struct log_state trouble, witness_trouble;
	uint64_t asked, sent, settled, stored; /* tickets, the highest of each */
	uint64_t sent_ns; /* when the last batch was sent */
	bool synced; /* a requested checkpoint that is not sent yet is to be synced */
	struct wallclock clock; /* when it was last read */
	struct wallclock_step *steps; /* those not stored yet */
	size_t n_steps, cap_steps;
	struct log_budget jumps; /* as logged */
	struct store_key *recall; /* to be sent with the next batch, sorted; NULL: none */
	size_t n_recall;
	struct arena recall_text;
	int ship_error; /* keep_ship_state */
	struct ship_state ship;
	struct loop_timer patience; /* for the batch under way */
	bool late; /* patience has run out */
	uint64_t end_ns; /* the end waits until then; 0: not ending */
};

static void read_boot_id(char id[40])
{
	char *text;

	snprintf(id, 40, "unknown");
	if (file_read("/proc/sys/kernel/random/boot_id", 4096, &text, NULL) < 0)
		return;
	snprintf(id, 40, "%s", text);
	id[strcspn(id, "\n")] = '\0';
	free(text);
}

static void note_problem(struct keep *k, const char *text)
{
	log_bad(&k->trouble, loop_now_ns(), LOG_LEVEL_ERROR, "ledger",
		"%s; counting goes on in memory until it can be written again", text);
	snprintf(k->problem, sizeof(k->problem), "%s", text);
}

static void note_success(struct keep *k)
{
	log_good(&k->trouble, loop_now_ns(), "ledger", "%s is written again", k->path);
	k->problem[0] = '\0';
}

static void note_aside(const struct keep *k, const char *aside)
{
	if (aside)
		log_error("ledger", "%s was damaged: set aside as %s, beginning a new one", k->path,
			  aside);
}

/* Returns as store_open does. The caller handles -EROFS. */
static int open_store(struct keep *k, struct err *e)
{
	char *aside = NULL;
	int ret = store_open(k->path, &k->store, &aside, e);

	note_aside(k, aside);
	free(aside);
	return ret;
}

static int open_patiently(struct keep *k, struct err *e)
{
	int ret = open_store(k, e);

	for (int tries = 0; ret == -EBUSY && tries < LOCKED_TRIES; tries++) {
		nanosleep(&(struct timespec) { .tv_nsec = 50 * (long)NS_PER_MS }, NULL);
		ret = open_store(k, e);
	}
	return ret;
}

/* --- the clock ----------------------------------------------------------------------------- */

/* Apply to a stored row the clock's steps that the store has not applied yet. */
static void step_stored(const struct keep *k, struct store_totals *t, int64_t *gone_wall_s)
{
	for (size_t i = 0; i < k->n_steps; i++)
		ledger_step_stored(t, gone_wall_s, &k->steps[i]);
}

static void step_found(const struct keep *k, struct store_batch *found)
{
	for (size_t i = 0; i < found->n_containers; i++)
		step_stored(k, &found->containers[i].totals, &found->containers[i].gone_wall_s);
	for (size_t i = 0; i < found->n_addresses; i++)
		step_stored(k, &found->addresses[i].totals, &found->addresses[i].gone_wall_s);
}

static void add_steps(struct keep *k, const struct wallclock_step *steps, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		k->steps = xgrow(k->steps, k->n_steps, &k->cap_steps, sizeof(*steps));
		k->steps[k->n_steps++] = steps[i];
	}
}

/* Drop the steps of a batch that is stored. */
static void drop_steps(struct keep *k, const struct store_batch *b)
{
	k->n_steps -= b->n_steps;
	if (b->n_steps)
		memmove(k->steps, k->steps + b->n_steps, k->n_steps * sizeof(*k->steps));
}

static void copy_steps(const struct keep *k, struct store_batch *b)
{
	b->steps = xcalloc(k->n_steps, sizeof(*b->steps));
	b->n_steps = k->n_steps;
	for (size_t i = 0; i < k->n_steps; i++)
		b->steps[i] = k->steps[i];
}

static void note_jump(struct keep *k, uint64_t now_ns)
{
	char text[WALLCLOCK_TEXT_SIZE];

	if (log_may(&k->jumps, now_ns, "clock"))
		log_warning("clock", "%s", wallclock_tell_jump(&k->clock, text));
}

static void look(struct keep *k, uint64_t now_ns, int64_t wall_s)
{
	struct wallclock_step steps[WALLCLOCK_STEPS_MAX] = { { 0 } };
	int64_t jumps = k->clock.jumps;
	size_t n = wallclock_look(&k->clock, now_ns, wall_s, steps);

	for (size_t i = 0; i < n; i++)
		ledger_take_step(k->ledger, &steps[i]);
	add_steps(k, steps, n);
	if (k->clock.jumps != jumps)
		note_jump(k, now_ns);
}

static struct ledger_now now_of(const struct keep *k, uint64_t now_ns)
{
	return (struct ledger_now) { now_ns, k->clock.wall_s, k->clock.lived_s,
				     wallclock_on_trial(&k->clock) };
}

struct ledger_now keep_now(struct keep *k, uint64_t now_ns, uint64_t read_ns, int64_t wall_s)
{
	look(k, read_ns, wall_s);
	return now_of(k, now_ns);
}

const struct wallclock *keep_clock(const struct keep *k)
{
	return &k->clock;
}

/* Continue the clock from the last checkpoint, which was in this boot or an earlier one. */
static void begin_clock(struct keep *k, const struct wallclock *stored, bool same_boot,
			struct ledger_now now)
{
	struct wallclock_step steps[WALLCLOCK_STEPS_MAX] = { { 0 } };
	char text[WALLCLOCK_TEXT_SIZE];

	k->clock = *stored;
	add_steps(k, steps, wallclock_begin(&k->clock, same_boot, now.ns, now.wall_s, steps));
	if (k->clock.jumps != stored->jumps)
		note_jump(k, now.ns);
	else if (wallclock_trouble(&k->clock, text))
		log_warning("clock", "%s", text);
}

/* --- loading ------------------------------------------------------------------------------- */

static void take_container(void *arg, const struct store_container *c)
{
	const struct keep *k = arg;
	struct store_container stepped = *c;

	step_stored(k, &stepped.totals, &stepped.gone_wall_s);
	ledger_restore_container(k->ledger, &stepped);
}

static void take_address(void *arg, const struct store_address *a)
{
	const struct keep *k = arg;
	struct store_address stepped = *a;

	step_stored(k, &stepped.totals, &stepped.gone_wall_s);
	ledger_restore_address(k->ledger, &stepped);
}

/* A random number, to tell this ledger from all others. */
static uint64_t random_number(void)
{
	FILE *f = fopen("/dev/urandom", "re");
	uint64_t n = 0;

	if (!f || fread(&n, sizeof(n), 1, f) != 1 || !n)
		n = loop_now_ns() ^ (uint64_t)getpid() << 40;
	if (f)
		fclose(f);
	return n;
}

/* Whether the store is at least as new as the witness says. A new ledger in place of a known one
 * counts as the oldest possible. */
static bool is_latest(struct keep *k, const struct store_meta *meta, struct ledger_now now)
{
	struct witness w;

	if (!witness_read(k->witness, &w) || !strcmp(k->boot_id, "unknown") ||
	    strcmp(w.boot_id, k->boot_id) != 0 ||
	    (w.ledger == meta->ledger && w.checkpoint <= meta->checkpoint))
		return true;
	ledger_doubt(k->ledger, w.discontinuities, w.next_ifindex, now);
	log_error("ledger",
		  "%s is %s: what the rules have counted since then is booked to no row, and every "
		  "row has a discontinuity",
		  k->path,
		  w.ledger == meta->ledger
			  ? "older than the last checkpoint (an earlier copy was put back)"
			  : "not the ledger that has been in use since the node was booted");
	return false;
}

/* The meta data comes with the rows, but the ledger needs it first: load twice. */
static int load(struct keep *k, struct ledger_now now, struct err *e)
{
	struct store_meta meta;
	bool same_boot;
	int ret = store_load(k->store, &meta, NULL, NULL, NULL, e);

	if (ret < 0)
		return ret;
	same_boot = strcmp(k->boot_id, "unknown") != 0 && !strcmp(meta.boot_id, k->boot_id);
	begin_clock(k, &meta.clock, same_boot, now);
	for (size_t i = 0; i < k->n_steps && meta.turned_unsure; i++) {
		meta.turned_wall_s += k->steps[i].by_s;
		meta.turned_unsure = k->steps[i].kind != WALLCLOCK_SURE;
	}
	ledger_restore_begin(k->ledger, &meta, same_boot, now_of(k, now.ns));
	ret = store_load(k->store, &meta, take_container, take_address, k, e);
	ledger_restore_end(k->ledger);
	if (ret < 0)
		return ret;
	k->checkpoint = meta.checkpoint;
	if (is_latest(k, &meta, now) && meta.ledger)
		k->number = meta.ledger; /* otherwise it continues as another ledger */
	return 0;
}

/* Note in the witness that what is stored now is the newest state. */
static void write_witness(struct keep *k, const struct store_batch *b)
{
	struct witness w = { .ledger = b->meta.ledger,
			     .checkpoint = b->meta.checkpoint,
			     .discontinuities = ledger_most_discontinuities(k->ledger),
			     .next_ifindex = b->meta.next_ifindex };
	int ret;

	memcpy(w.boot_id, k->boot_id, sizeof(w.boot_id));
	ret = k->witnessed ? witness_write(k->witness, &w) : 0;
	if (ret < 0)
		log_bad(&k->witness_trouble, loop_now_ns(), LOG_LEVEL_WARNING, "ledger",
			"cannot write ledger.witness: %s; if an earlier copy of %s is put back, "
			"that will not be noticed",
			strerror(-ret), k->path);
	else
		log_good(&k->witness_trouble, loop_now_ns(), "ledger",
			 "ledger.witness is written again");
}

/* --- calling back ------------------------------------------------------------------------- */

static int key_cmp(const void *a, const void *b)
{
	const struct store_key *x = a, *y = b;
	int order = inv_id_cmp(x->id, y->id);

	if (!order)
		order = (int)x->is_address - (int)y->is_address;
	return order || !x->is_address ? order : addr_cmp(&x->addr, &y->addr);
}

/* Add each key once: keys not answered yet are asked again, and the next inventory may ask for
 * them too. */
static void add_recall(struct keep *k, const struct store_key *keys, size_t n)
{
	size_t kept = 0, all = k->n_recall + n;

	if (!n)
		return;
	k->recall = xreallocarray(k->recall, all, sizeof(*keys));
	for (size_t i = 0; i < n; i++) {
		k->recall[k->n_recall + i] = keys[i];
		k->recall[k->n_recall + i].id = arena_strdup(&k->recall_text, keys[i].id);
	}
	qsort(k->recall, all, sizeof(*keys), key_cmp);
	for (size_t i = 0; i < all; i++)
		if (!kept || key_cmp(&k->recall[kept - 1], &k->recall[i]) != 0)
			k->recall[kept++] = k->recall[i];
	k->n_recall = kept;
}

static void drop_recall(struct keep *k)
{
	free(k->recall);
	arena_free(&k->recall_text);
	k->recall = NULL;
	k->n_recall = 0;
}

static void move_recall(struct keep *k, struct store_batch *b)
{
	if (!k->n_recall)
		return;
	b->recall = xcalloc(k->n_recall, sizeof(*b->recall));
	for (; b->n_recall < k->n_recall; b->n_recall++) {
		b->recall[b->n_recall] = k->recall[b->n_recall];
		b->recall[b->n_recall].id = arena_strdup(&b->text, k->recall[b->n_recall].id);
	}
	drop_recall(k);
}

/* --- writing ------------------------------------------------------------------------------- */

static void send_batch(struct keep *k)
{
	struct store_batch *b = ledger_take_changed(k->ledger);

	memcpy(b->meta.boot_id, k->boot_id, sizeof(b->meta.boot_id));
	b->meta.clock = k->clock;
	b->meta.ledger = k->number;
	b->meta.checkpoint = ++k->checkpoint;
	b->wall_s = k->clock.wall_s;
	copy_steps(k, b);
	b->synced = k->synced;
	k->synced = false;
	move_recall(k, b);
	k->sent = k->asked;
	k->sent_ns = loop_now_ns();
	loop_timer_set(k->loop, &k->patience, k->sent_ns + PATIENCE_NS);
	store_writer_put(k->writer, b);
}

/* The batch under way takes too long: stop waiting for it and for those queued after it. */
static void on_late(void *arg, uint64_t now_ns)
{
	struct keep *k = arg;
	char text[512];

	snprintf(text, sizeof(text), "%.400s: its disk takes longer than %llu s for a checkpoint",
		 k->path, PATIENCE_NS / NS_PER_S);
	note_problem(k, text);
	k->late = true;
	k->settled = k->asked;
	k->told(k->arg, now_ns);
}

static void on_written(void *arg, struct store_batch *take_b, const struct store_written *written,
		       uint64_t now_ns)
{
	struct keep *k = arg;

	loop_timer_clear(k->loop, &k->patience);
	k->late = false;
	note_aside(k, written->aside);
	k->ship_error = written->ship_error;
	k->ship = written->ship;
	if (written->found) { /* first what was found, then the batch again, including it */
		ledger_not_saved(k->ledger);
		step_found(k, written->found);
		ledger_recall(k->ledger, written->found, now_of(k, now_ns));
		k->synced |= take_b->synced;
		store_batch_free(take_b);
		send_batch(k);
		return;
	}
	if (written->error) {
		note_problem(k, written->why.text);
		ledger_not_saved(k->ledger);
		add_recall(k, take_b->recall, take_b->n_recall);
	} else {
		note_success(k);
		write_witness(k, take_b);
		ledger_saved(k->ledger, take_b);
		drop_steps(k, take_b);
		k->stored = k->sent;
	}
	if (written->lost)
		ledger_unsaved(k->ledger);
	store_batch_free(take_b);
	if (k->settled < k->sent)
		k->settled = k->sent;
	if (k->asked > k->sent)
		send_batch(k);
	k->told(k->arg, now_ns);
}

uint64_t keep_checkpoint(struct keep *k, struct ledger_now now, bool synced)
{
	k->asked++;
	k->synced |= synced;
	look(k, now.ns, now.wall_s);
	if (!store_writer_busy(k->writer))
		send_batch(k);
	else if (k->late)
		k->settled = k->asked;
	return k->asked;
}

uint64_t keep_recall(struct keep *k, const struct store_key *keys, size_t n, struct ledger_now now)
{
	add_recall(k, keys, n);
	return keep_checkpoint(k, now, false);
}

void keep_wait(struct keep *k)
{
	if (!k->end_ns)
		k->end_ns = loop_now_ns() + END_NS;
	while (k->writer && !k->late && store_writer_busy(k->writer) && loop_now_ns() < k->end_ns)
		store_writer_wait(k->writer, k->end_ns);
}

/* --- life ---------------------------------------------------------------------------------- */

int keep_new(const char *path, const char *run_dir, struct ledger *ledger, struct ledger_now now,
	     struct loop *loop, keep_settled_fn *settled, void *arg, struct keep **ret_keep,
	     struct err *e)
{
	struct keep *k = xcalloc(1, sizeof(*k));
	bool there = access(path, F_OK) == 0;
	int ret;

	*k = (struct keep) { .path = xstrdup(path),
			     .ledger = ledger,
			     .loop = loop,
			     .told = settled,
			     .arg = arg,
			     .ship_error = -ENOENT };
	loop_timer_init(&k->patience, on_late, k);
	read_boot_id(k->boot_id);
	k->witnessed = run_dir != NULL;
	k->witness = run_dir ? witness_open(run_dir) : -1;
	k->number = random_number();
	ret = open_patiently(k, e);
	if (ret == -EROFS || (ret < 0 && ret != -EBUSY && !there)) {
		note_problem(k, e->text);
		ret = 0;
	}
	if (!ret && k->store)
		ret = load(k, now, e);
	if (!ret && !k->clock.wall_s)
		begin_clock(k, &(struct wallclock) { .wall_s = 0 }, false, now);
	if (!ret) {
		ret = store_writer_new(path, k->store, loop, on_written, k, &k->writer, e);
		k->store = NULL;
	}
	if (ret < 0)
		keep_free(k);
	else
		*ret_keep = k;
	return ret;
}

static void tell_nobody(void *arg, uint64_t now_ns)
{
	(void)arg;
	(void)now_ns;
}

void keep_free(struct keep *k)
{
	if (!k)
		return;
	k->told = tell_nobody;
	keep_wait(k);
	if (k->writer && store_writer_busy(k->writer))
		log_error("ledger",
			  "%s: its disk does not answer: exiting without a last checkpoint",
			  k->path);
	store_writer_free(k->writer);
	loop_timer_clear(k->loop, &k->patience);
	store_close(k->store);
	if (k->witness >= 0)
		close(k->witness);
	drop_recall(k);
	free(k->steps);
	free(k->path);
	free(k);
}

uint64_t keep_busy_since(const struct keep *k)
{
	return store_writer_busy(k->writer) ? k->sent_ns : 0;
}

bool keep_is_settled(const struct keep *k, uint64_t ticket)
{
	return ticket <= k->settled;
}

bool keep_is_stored(const struct keep *k, uint64_t ticket)
{
	return ticket <= k->stored;
}

int keep_ship_state(const struct keep *k, struct ship_state *ret)
{
	*ret = k->ship;
	return k->ship_error;
}

const char *keep_problem(const struct keep *k)
{
	return k->problem[0] ? k->problem : NULL;
}
