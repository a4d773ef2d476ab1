/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "keep.h"

#include "log.h"
#include "loop.h"
#include "xalloc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LOCKED_TRIES 100 /* 50 ms apart */
#define PRUNE_ROWS 500 /* a checkpoint */

struct keep {
	char *path;
	struct ledger *ledger;
	struct store *store; /* NULL while it cannot be opened */
	char boot_id[40];
	char problem[512]; /* "" when all is well */
};

static void read_boot_id(char id[40])
{
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");

	if (!f || !fgets(id, 40, f))
		snprintf(id, 40, "unknown");
	id[strcspn(id, "\n")] = '\0';
	if (f)
		fclose(f);
}

static void note_problem(struct keep *k, const char *text)
{
	if (!k->problem[0])
		log_error("ledger", "%s; counting goes on in memory until it can be written again",
			  text);
	snprintf(k->problem, sizeof(k->problem), "%s", text);
}

static void note_success(struct keep *k)
{
	if (k->problem[0])
		log_info("ledger", "%s is written again", k->path);
	k->problem[0] = '\0';
}

/* Returns as store_open does, -EROFS told apart by the caller. */
static int open_store(struct keep *k, struct err *e)
{
	char *aside = NULL;
	int ret = store_open(k->path, &k->store, &aside, e);

	if (aside)
		log_error("ledger", "%s was damaged: set aside as %s, beginning a new one", k->path,
			  aside);
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

static void take_container(void *arg, const struct store_container *c)
{
	ledger_restore_container(((struct keep *)arg)->ledger, c);
}

static void take_address(void *arg, const struct store_address *a)
{
	ledger_restore_address(((struct keep *)arg)->ledger, a);
}

/* The meta data comes with the rows, and the ledger wants it first: ask twice. */
static int load(struct keep *k, struct ledger_now now, struct err *e)
{
	struct store_meta meta;
	int ret = store_load(k->store, &meta, NULL, NULL, NULL, e);

	if (ret < 0)
		return ret;
	ledger_restore_begin(k->ledger, &meta, !strcmp(meta.boot_id, k->boot_id), now);
	ret = store_load(k->store, &meta, take_container, take_address, k, e);
	ledger_restore_end(k->ledger);
	return ret;
}

int keep_new(const char *path, struct ledger *ledger, struct ledger_now now, struct keep **ret_keep,
	     struct err *e)
{
	struct keep *k = xcalloc(1, sizeof(*k));
	bool there = access(path, F_OK) == 0;
	int ret;

	k->path = xstrdup(path);
	k->ledger = ledger;
	read_boot_id(k->boot_id);
	ret = open_patiently(k, e);
	if (ret == -EROFS || (ret < 0 && !there)) {
		note_problem(k, e->text);
		ret = 0;
	}
	if (!ret && k->store)
		ret = load(k, now, e);
	if (ret < 0)
		keep_free(k);
	else
		*ret_keep = k;
	return ret;
}

void keep_free(struct keep *k)
{
	if (!k)
		return;
	store_close(k->store);
	free(k->path);
	free(k);
}

/* A checkpoint under way. */
struct writing {
	struct store *store;
	int64_t wall_s;
};

static void put_container(void *arg, const struct store_container *c)
{
	store_put_container(((struct writing *)arg)->store, c);
}

static void put_address(void *arg, const struct store_address *a)
{
	struct writing *w = arg;

	store_put_address(w->store, a, w->wall_s);
}

/* A database that could not be opened at the start, and is not ours to overwrite if by now it has
 * something in it. */
static int open_late(struct keep *k, struct err *e)
{
	struct store_meta meta;
	int ret = open_store(k, e);

	if (!ret)
		ret = store_load(k->store, &meta, NULL, NULL, NULL, e);
	if (!ret && meta.boot_id[0]) {
		err_set(e, "%s appeared after ctmeterd began: restart ctmeterd to take it up",
			k->path);
		ret = -EEXIST;
	}
	if (ret < 0) {
		store_close(k->store);
		k->store = NULL;
	}
	return ret;
}

/* The file is damaged or not there any more: the next checkpoint opens (and if need be makes) it
 * anew, and puts all there is. */
static void start_over(struct keep *k)
{
	store_close(k->store);
	k->store = NULL;
	ledger_unsaved(k->ledger);
}

int keep_checkpoint(struct keep *k, struct ledger_now now, bool synced)
{
	struct writing w = { .wall_s = now.wall_s };
	struct store_meta meta;
	struct err e = { "" };
	int ret = k->store ? 0 : open_late(k, &e);

	w.store = k->store;
	if (!ret)
		ret = store_begin(k->store, synced, &e);
	if (!ret) {
		ledger_get_meta(k->ledger, &meta);
		memcpy(meta.boot_id, k->boot_id, sizeof(meta.boot_id));
		store_put_meta(k->store, &meta);
		ledger_each_changed(k->ledger, put_container, put_address, &w);
		ret = store_end(k->store, &e);
	}
	if (ret < 0) {
		note_problem(k, e.text);
		if (ret == -EUCLEAN || ret == -ESTALE)
			start_over(k);
		return ret;
	}
	ledger_saved(k->ledger);
	note_success(k);
	if (synced)
		store_prune(k->store, now.wall_s, PRUNE_ROWS);
	return 0;
}

const char *keep_problem(const struct keep *k)
{
	return k->problem[0] ? k->problem : NULL;
}
