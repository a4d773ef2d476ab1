/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_TESTS_LEDGER_WORLD_H
#define CTM_TESTS_LEDGER_WORLD_H

/* A ledger under test and short words to drive it: one octet counter (PATH_FWD_IN) tells all. */
#include "addrs.h"
#include "ledger/ledger.h"

#include <check.h>

#define ALL_PATHS ((1u << PATHS) - 1)

static const bool no_problem[ADDR_FAMILIES];
static struct ledger *ledger;
static struct ledger_now now;
static uint64_t commits; /* the number of the last one */

static inline void setup(void)
{
	commits = 0;
	ledger = ledger_new();
	now = (struct ledger_now) { .ns = 1000, .wall_s = 1700000000 };
}

static inline void teardown(void)
{
	ledger_free(ledger);
}

static inline void later(void)
{
	now.ns += 1000;
	now.wall_s++;
}

/* An inventory of "ID ADDRESS" claims, sorted by id as given. */
struct claim {
	const char *id, *addr;
	bool conflict;
};

static inline struct inventory inventory_of(const struct claim *claims, size_t n, bool complete)
{
	static struct inv_container containers[16];
	static struct inv_address addresses[16];
	struct inventory inv = { .containers = containers,
				 .addresses = addresses,
				 .n_addresses = n,
				 .complete = complete };

	for (size_t i = 0; i < n; i++) {
		if (!inv.n_containers ||
		    strcmp(containers[inv.n_containers - 1].id, claims[i].id) != 0)
			containers[inv.n_containers++] =
				(struct inv_container) { .id = (char *)claims[i].id,
							 .name = (char *)"",
							 .run = INV_RUN_RUNNING };
		addresses[i] = (struct inv_address) { .addr = addr_of(claims[i].addr),
						      .container = (uint32_t)inv.n_containers - 1,
						      .conflict = claims[i].conflict };
	}
	return inv;
}

static inline bool set(const struct claim *claims, size_t n, bool complete)
{
	struct inventory inv = inventory_of(claims, n, complete);
	bool differs = ledger_differs(ledger, &inv), changed;

	later();
	changed = ledger_set_inventory(ledger, &inv, now);
	ck_assert(differs || !changed);
	return changed;
}

static inline struct fw_row row_of(const char *addr, uint64_t octets, uint64_t pkts)
{
	struct fw_row row = { .addr = addr_of(addr), .present = ALL_PATHS };

	row.path[PATH_FWD_IN] = (struct counters) { octets, pkts };
	return row;
}

static inline enum ledger_result apply(const struct fw_row *rows, size_t n, bool zeroed,
				       bool committing)
{
	struct fw_reading reading = { .rows = rows, .n_rows = n, .zeroed = zeroed };

	later();
	return ledger_apply(ledger, ADDR_V4, &reading, committing, now);
}

/* The next commit. */
static inline void finals(const struct fw_final *f, size_t n)
{
	ledger_finals(ledger, ADDR_V4, ++commits, f, n, false, now);
}

static inline struct snap *look(void)
{
	struct snap_pool *pool = snap_pool_new();
	struct snap *snap = snap_new_from(pool);

	snap_pool_free(pool); /* the snapshot lives on */
	ledger_snapshot(ledger, ALL_PATHS, no_problem, snap);
	return snap;
}

/* Index of a container in the snapshot, or n_containers. Asserts the order of ids on the way. */
static inline size_t find_container(const struct snap *s, const char *id)
{
	size_t found = s->n_containers;

	for (size_t i = 0; i < s->n_containers; i++) {
		if (!strcmp(s->containers[i].id, id))
			found = i;
		if (i)
			ck_assert_int_lt(inv_id_cmp(s->containers[i - 1].id, s->containers[i].id),
					 0);
	}
	return found;
}

static const struct snap_address *find(const struct snap *s, const char *id, const char *addr)
{
	struct addr a = addr_of(addr);

	for (size_t i = 0; i < s->n_addresses; i++)
		if (!strcmp(s->containers[s->addresses[i].container].id, id) &&
		    !addr_cmp(&s->addresses[i].addr, &a))
			return &s->addresses[i];
	return NULL;
}

/* Assert octets in, status and number of discontinuities of a row. */
static inline void expect(const char *id, const char *addr, uint64_t octets, enum row_status status,
			  uint32_t discontinuities)
{
	struct snap *s = look();
	const struct snap_address *a = find(s, id, addr);

	ck_assert_msg(a != NULL, "%s %s has a row", id, addr);
	ck_assert_uint_eq(a->totals.path[PATH_FWD_IN].octets, octets);
	ck_assert_int_eq(a->totals.status, status);
	ck_assert_uint_eq(a->totals.discontinuities, discontinuities);
	snap_unref(s);
}

static inline void expect_container(const char *id, uint64_t octets, enum row_status status)
{
	struct snap *s = look();
	size_t i = find_container(s, id);

	ck_assert_uint_lt(i, s->n_containers);
	ck_assert_uint_eq(s->containers[i].totals.path[PATH_FWD_IN].octets, octets);
	ck_assert_int_eq(s->containers[i].totals.status, status);
	snap_unref(s);
}

#define A "192.0.2.1"
#define B "192.0.2.2"
static const struct claim a_is_7[] __attribute__((unused)) = { { "7", A, false } };

#endif
