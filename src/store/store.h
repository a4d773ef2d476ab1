/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_STORE_H
#define CTM_STORE_H

#include "base/billing.h"
#include "base/err.h"
#include "base/traffic.h"
#include "base/wallclock.h"
#include "inventory/inv.h"

#include <stdbool.h>
#include <stdint.h>

/* The durable state: one SQLite database in WAL mode. Only store/ includes sqlite3.h; report_db.c
 * reads the same file and never writes it.
 * 1. A checkpoint is one transaction: totals, last kernel readings, commit numbers and usage are
 *    always of one moment.
 * 2. kill -9 at any instant leaves the last checkpoint; a power failure leaves the last synced one
 *    or a later one.
 * 3. A damaged file, or one that is no database, is set aside under another name and never
 *    overwritten. A file of a newer schema is refused and left alone.
 * 4. Counters are unsigned 64-bit, stored as SQLite's signed integers, bit for bit.
 * The schema is documented in docs/ledger.md. */

struct store;

enum store_state { STORE_LIVE, STORE_CONFLICT, STORE_RETIRED, STORE_AGED };

/* Which times were stamped by a clock on trial and move with it: see wallclock.h. */
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

/* The node's billing period, in Unix seconds by the clock of that time. All zeros: none yet. */
struct store_period {
	int64_t begin_s, end_s;
	int64_t counted_s; /* when the present octets began to be counted: later than begin_s where
			    * the node was off, or billing is new */
	int64_t last_begin_s, last_end_s, last_counted_s; /* of the one before; 0: there is none */
	int64_t rule; /* identifies the start day and zone that end_s is by */
	int64_t marked; /* end_s has passed by a clock that is not believed yet: see `next` */
	int64_t guess; /* begun by a clock on trial that had jumped so often, and 1; 0: known */
};

/* A container's part in it. */
struct store_bill {
	int64_t begin_s; /* the period that `at` is for: settle what is of another (store_settle) */
	struct flow at; /* its totals when that began; 0 if it was born later */
	struct flow last; /* octets of the period before */
	struct flow next; /* its totals when end_s passed, if marked */
	struct billing_quota said, set; /* by the inventory, by the operator's command */
	uint32_t told; /* the highest threshold that the hook was run for, in this period */
	uint64_t told_quota; /* for this quota */
};

/* Bring a container's part, stored in an earlier period, to the present one. It was not in memory
 * when that began, so it had no traffic since. */
void store_settle(struct store_bill *b, const struct store_period *p, struct flow totals);

struct store_container {
	uint32_t ifindex; /* the key */
	const char *id, *name;
	int run; /* enum inv_run */
	enum store_state state; /* STORE_CONFLICT does not occur */
	int64_t gone_wall_s; /* when it left the inventory, 0: still in it */
	struct store_totals totals;
	const char *runtime, *runtime_id; /* as in struct inv_container */
	struct store_bill bill;
};

struct store_address {
	uint64_t key;
	uint32_t container; /* its ifindex */
	struct addr addr;
	enum store_state state;
	int64_t gone_wall_s;
	struct store_totals totals;
	bool owner; /* the address's rules count for this row */
	uint8_t seen; /* bits of the paths whose rule has been read */
	struct counters last[PATHS]; /* the last kernel readings of this boot */
	/* Saving only: the totals when the row was last stored. A new database, which does not
	 * have the row yet, then still books what it used since. */
	struct counters before[PATHS];
};

struct store_meta {
	char boot_id[40]; /* of the last checkpoint, "" in a new database */
	uint64_t commit[ADDR_FAMILIES]; /* the last commit whose finals are in the totals */
	bool held[ADDR_FAMILIES]; /* see ledger_hold */
	bool left[ADDR_FAMILIES]; /* see ledger_leave */
	uint32_t next_ifindex; /* from 1 */
	uint64_t next_key;
	enum port_view port_view; /* of the switch view, see ledger_turn_ports */
	uint32_t port_framing; /* octets that its ports count more for each packet */
	int64_t turned_wall_s; /* when either last changed, 0: never */
	uint64_t ledger; /* a random number that identifies it, 0: older than this field */
	uint64_t checkpoint; /* number of the last one */
	struct wallclock clock; /* at the last checkpoint; all zeros: an older version stored it */
	bool turned_unsure; /* turned_wall_s was stamped by a clock on trial */
	struct store_period period;
};

/* Open or create the database at `path`; a missing directory is made. Returns 0 or -errno with e
 * filled. -EROFS: the database cannot be written, but the store is valid: it can be loaded from
 * (nothing comes if there is no ledger yet), and every store_begin tries to make it writable.
 * -EBUSY: another process has it locked. -ENOTSUP: a newer schema or another program's database.
 * *ret_aside (may be NULL) becomes, whatever is returned, the name under which a damaged file was
 * set aside, for free(), or NULL. */
int store_open(const char *path, struct store **ret_store, char **ret_aside, struct err *e);
void store_close(struct store *s);

/* Load every row that has not aged out or that still owns an address's rules, containers before
 * their addresses. Rows are borrowed during the calls, which must not use the store. container and
 * address NULL: only the meta data. Returns 0 or -errno with e filled. */
typedef void store_container_fn(void *arg, const struct store_container *c);
typedef void store_address_fn(void *arg, const struct store_address *a);
int store_load(struct store *s, struct store_meta *ret_meta, store_container_fn *container,
	       store_address_fn *address, void *arg, struct err *e);

/* Load the rows of these keys (store_batch.h) that exist, aged out or not; otherwise as
 * store_load. */
struct store_key;
int store_find(struct store *s, const struct store_key *keys, size_t n,
	       store_container_fn *container, store_address_fn *address, void *arg, struct err *e);

/* One checkpoint: begin, put what changed, end. After a failed begin there is no end. No call
 * waits more than 500 ms for another process's lock. A failed put makes the end fail. A failed end
 * has changed nothing, or everything if only syncing failed.
 * After -EUCLEAN (damaged) and -ESTALE (the file was removed or replaced) close the store, open it
 * again (opening sets a damaged file aside) and put everything. Any other failure passes with its
 * cause, and the next begin tries again.
 * synced: survive a power failure, not just kill -9.
 * wall_s: now. The growth of a total since the previous checkpoint is booked as usage of the 5
 * minutes and the hour of this one. */
int store_begin(struct store *s, bool synced, int64_t wall_s, struct err *e);

/* The same, after these steps of the clock: unsure usage and stamps move, or become sure. Steps
 * that the store has already taken are skipped. */
int store_begin_stepped(struct store *s, bool synced, int64_t wall_s,
			const struct wallclock_step *steps, size_t n, struct err *e);
int store_put_meta(struct store *s, const struct store_meta *m);
int store_put_container(struct store *s, const struct store_container *row);
int store_put_address(struct store *s, const struct store_address *a);
int store_end(struct store *s, struct err *e);

/* Call after a checkpoint. Copies the WAL into the database file if it has grown long, which may
 * take a while and happens nowhere else. Releases memory that the next checkpoint will allocate
 * again. A failure here also shows at a checkpoint. */
void store_tidy(struct store *s);

/* How long usage is kept. */
#define STORE_KEEP_5MIN_DAYS 35
#define STORE_KEEP_HOUR_DAYS 400
#define STORE_KEEP_5MIN_S (STORE_KEEP_5MIN_DAYS * 86400)
#define STORE_KEEP_HOUR_S (STORE_KEEP_HOUR_DAYS * 86400)

/* Remove at most `limit` rows, in a transaction of its own: usage kept for that long at age_s
 * (wallclock_age_s), and containers and addresses that aged out and have been gone for longer than
 * any usage is kept. Returns the number removed, 0 when none is left, or -errno. */
int store_prune(struct store *s, int64_t age_s, unsigned limit);

#endif
