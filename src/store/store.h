/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_STORE_H
#define CTM_STORE_H

#include "base/err.h"
#include "base/traffic.h"
#include "base/wallclock.h"
#include "inventory/inv.h"

#include <stdbool.h>
#include <stdint.h>

/* The durable state: one SQLite database (WAL). The only user of sqlite3.h beside report.c, which
 * only reads.
 * 1. A checkpoint is one transaction: totals, last kernel readings, epochs and usage are always of
 *    one moment.
 * 2. kill -9 at any instant leaves the last checkpoint; power loss the last synced one or a later
 *    one.
 * 3. A file that is no database, or a damaged one, is set aside under another name, never
 *    overwritten; one of a newer schema is left alone and refused.
 * 4. Counters are unsigned 64-bit, stored as SQLite's signed integers, bit for bit.
 * The schema is documented in docs/ledger.md. */

struct store;

enum store_state { STORE_LIVE, STORE_CONFLICT, STORE_RETIRED, STORE_AGED };

/* What was stamped by a clock on trial, and moves with it: see wallclock.h. */
enum store_unsure {
	STORE_UNSURE_SINCE = 1,
	STORE_UNSURE_DISCONTINUITY = 2,
	STORE_UNSURE_ZERO = 4,
	STORE_UNSURE_GONE = 8,
};

struct store_totals {
	struct counters path[PATHS];
	int64_t since_wall_s;
	uint32_t discontinuities;
	int64_t discontinuity_wall_s; /* 0: never */
	struct counters zero[PATHS]; /* the mark of `ctmeter zero`: totals at that moment */
	int64_t zero_wall_s; /* 0: no mark */
	int64_t gone_lived_s; /* when it left the inventory, see wallclock.h */
	uint8_t unsure; /* bits of enum store_unsure */
};

struct store_container {
	uint32_t ifindex; /* the key */
	const char *id, *name;
	int run; /* enum inv_run */
	enum store_state state; /* STORE_CONFLICT does not occur */
	int64_t gone_wall_s; /* when it left the inventory, 0: it is there */
	struct store_totals totals;
};

struct store_address {
	uint64_t key;
	uint32_t container; /* its ifindex */
	struct addr addr;
	enum store_state state;
	int64_t gone_wall_s;
	struct store_totals totals;
	bool owner; /* what the address's rules count is booked here */
	uint8_t seen; /* bits of paths whose rule was read */
	struct counters last[PATHS]; /* the last kernel readings, of this boot */
	/* Saving only: the totals when it was last stored. A database that does not have it yet has
	 * not lost what it used since. */
	struct counters before[PATHS];
};

struct store_meta {
	char boot_id[40]; /* of the last checkpoint, "" in a new database */
	uint64_t epoch[ADDR_FAMILIES]; /* the last commit whose finals are in the totals */
	bool held[ADDR_FAMILIES]; /* see ledger_hold */
	uint32_t next_ifindex; /* from 1 */
	uint64_t next_key;
	enum port_view port_view; /* of the switch view, see ledger_turn_ports */
	int64_t turned_wall_s; /* when it last changed, 0: never */
	uint64_t ledger; /* a random number of its own, 0: from before there was one */
	uint64_t checkpoint; /* how many there were */
	struct wallclock clock; /* at the last checkpoint; all zeros: an older version's */
	bool turned_unsure; /* turned_wall_s is */
};

/* Open or create the database at `path` (its directory is made when missing). Returns 0;
 * -EROFS with e filled: it cannot be written, but the store is valid: it can be loaded from (when
 * nothing is there yet, nothing comes), and every store_begin tries to make it writable; or
 * another -errno with e filled: -EBUSY somebody holds it locked, -ENOTSUP a newer schema or another
 * program's database. *ret_aside (may be NULL) becomes, whatever is returned, the name under which
 * a damaged file was set aside, for free(), or NULL. */
int store_open(const char *path, struct store **ret_store, char **ret_aside, struct err *e);
void store_close(struct store *s);

/* Everything that has not aged out (or still owns an address's rules), containers before their
 * addresses; borrowed during the calls, which
 * must not use the store. container and address NULL: only the meta data.
 * Returns 0 or -errno with e filled. */
typedef void store_container_fn(void *arg, const struct store_container *c);
typedef void store_address_fn(void *arg, const struct store_address *a);
int store_load(struct store *s, struct store_meta *ret_meta, store_container_fn *container,
	       store_address_fn *address, void *arg, struct err *e);

/* Of these keys (store_batch.h) what is there, aged out or not; like store_load otherwise. */
struct store_key;
int store_find(struct store *s, const struct store_key *keys, size_t n,
	       store_container_fn *container, store_address_fn *address, void *arg, struct err *e);

/* One checkpoint: begin, put what changed, end. When begin fails, there is no end; nothing waits
 * longer than 500 ms for another's lock. A failing put makes the end fail; a failed end has changed
 * nothing, or all if only syncing it failed. After -EUCLEAN (damaged) and -ESTALE (the file was removed or replaced) close the store,
 * open it again (the first sets the file aside) and put everything; any other failure passes with
 * its cause, and the next begin tries anew.
 * synced: survive power loss, not just kill -9. (At the begin, since SQLite cannot change it
 * within a transaction.)
 * wall_s: now. What a total is higher than at the checkpoint before is what was used in the 5
 * minutes and the hour of this one. */
int store_begin(struct store *s, bool synced, int64_t wall_s, struct err *e);

/* The same after these steps of the clock, of which those that the store has taken already are nothing:
 * usage and stamps that are unsure move, or are sure. */
int store_begin_stepped(struct store *s, bool synced, int64_t wall_s,
			const struct wallclock_step *steps, size_t n, struct err *e);
int store_put_meta(struct store *s, const struct store_meta *m);
int store_put_container(struct store *s, const struct store_container *row);
int store_put_address(struct store *s, const struct store_address *a);
int store_end(struct store *s, struct err *e);

/* After a checkpoint: copy the WAL into the database file if it has become long, which may take a
 * while and which nothing else does; give memory back that the next checkpoint needs again. What
 * fails here fails at a checkpoint too. */
void store_tidy(struct store *s);

/* Remove some (at most `limit`) of the usage older than its time (5 minutes: 35 days, hours: 400
 * days) at age_s (wallclock_age_s), and of what aged out and has been gone for longer than any usage is kept, in a transaction
 * of its own. Returns the number removed, 0 when there is none left, or -errno. */
int store_prune(struct store *s, int64_t age_s, unsigned limit);

#endif
