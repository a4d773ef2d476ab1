/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The slots' way through kills, on memory that the test shares with the processes that it kills. A
 * kernel made of a table stands for the index: packets arrive at every step. */
#include "addrs.h"
#include "netfilter/link/slots.h"
#include "seed.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define SLOTS 24
#define ADDRESSES 6
#define LINKS 2

/* What a reader of all this keeps, as the ledger does. */
struct book {
	uint64_t commit;
	struct counters last[ADDRESSES], total[ADDRESSES];
};

static struct world {
	struct link_slot slot[SLOTS];
	struct link_owner owner[SLOTS];
	struct link_state state;
	uint32_t index[LINKS][ADDRESSES]; /* slot plus 1; 0: none */
	struct counters passed[ADDRESSES]; /* that found a slot */
	struct book book;
	uint64_t random;
	unsigned steps; /* until the kill */
	bool kill;
} * w;

static unsigned draw(unsigned n)
{
	return (unsigned)(next_random(&w->random) % n);
}

static struct fw_key key_of(unsigned link, unsigned last)
{
	struct fw_key key = { .addr = addr_of("192.0.2.0"), .link = link + 1 };

	key.addr.bytes[3] = (uint8_t)last;
	return key;
}

static uint32_t *entry_of(const struct fw_key *key)
{
	return &w->index[key->link - 1][key->addr.bytes[3]];
}

static int put(void *arg, const struct fw_key *key, uint32_t slot)
{
	(void)arg;
	*entry_of(key) = slot + 1;
	return 0;
}

static int take(void *arg, const struct fw_key *key)
{
	(void)arg;
	if (!*entry_of(key))
		return -ENOENT;
	*entry_of(key) = 0;
	return 0;
}

static int get(void *arg, const struct fw_key *key, uint32_t *ret_slot)
{
	(void)arg;
	if (!*entry_of(key))
		return -ENOENT;
	*ret_slot = *entry_of(key) - 1;
	return 0;
}

static int grace(void *arg)
{
	(void)arg;
	return 0;
}

/* Some packets, and then perhaps the end. */
static void on_step(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < 3; i++) {
		unsigned last = draw(ADDRESSES), octets = 40 + draw(1400);
		uint32_t slot = w->index[draw(LINKS)][last];

		if (!slot)
			continue;
		w->slot[slot - 1].path[PATH_FWD_IN].octets += octets;
		w->slot[slot - 1].path[PATH_FWD_IN].pkts++;
		w->passed[last].octets += octets;
		w->passed[last].pkts++;
	}
	if (w->kill && !w->steps--)
		raise(SIGKILL);
}

static struct slots slots_here(void)
{
	return (struct slots) { w->slot, w->owner, &w->state, { put, take, get, grace, NULL },
				on_step, NULL };
}

static void setup(void)
{
	w = mmap(NULL, sizeof(*w), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(w, MAP_FAILED);
	w->state.reach = SLOTS;
}

static void teardown(void)
{
	munmap(w, sizeof(*w));
}

/* --- a reader ------------------------------------------------------------------------------- */

static void add(struct counters *total, struct counters c, struct counters last)
{
	ck_assert_uint_ge(c.octets, last.octets);
	total->octets += c.octets - last.octets;
	total->pkts += c.pkts - last.pkts;
}

/* As ledger_finals. Stored at once: a kill finds all of it or nothing. */
static void store(uint64_t commit, const struct fw_final *finals, size_t n)
{
	struct book b = w->book;

	if (commit <= b.commit)
		return;
	for (size_t i = 0; i < n; i++) {
		unsigned last = finals[i].addr.bytes[3];

		if (finals[i].kind == FW_MISSED)
			continue;
		if (finals[i].kind == FW_REMOVED || finals[i].kind == FW_RESTARTED)
			add(&b.total[last], finals[i].final, b.last[last]);
		else /* a new rule: the one before it must have been told away */
			ck_assert_uint_eq(b.last[last].octets, 0);
		b.last[last] = (struct counters) { 0, 0 };
	}
	b.commit = commit;
	w->book = b;
}

static void read_all(void)
{
	for (uint32_t i = 0; i < SLOTS; i++)
		if (w->owner[i].state == LINK_LIVE) {
			unsigned last = w->owner[i].addr[3];
			struct counters c = slots_counters(&w->slot[i], PATH_FWD_IN);

			add(&w->book.total[last], c, w->book.last[last]);
			w->book.last[last] = c;
		}
}

/* Whatever a commit or its repair left: told, stored, forgotten. */
static void finish(const struct slots *s)
{
	size_t n;
	struct fw_final *finals = slots_finals(s, ADDR_V4, &n);

	store(w->state.unsettled[ADDR_V4], finals, n);
	free(finals);
	slots_settle(s, ADDR_V4);
}

/* --- a writer ------------------------------------------------------------------------------- */

static uint32_t live_of(unsigned last)
{
	for (uint32_t i = 0; i < SLOTS; i++)
		if (w->owner[i].state == LINK_LIVE && w->owner[i].addr[3] == last)
			return i;
	return SLOTS;
}

static uint32_t a_free(uint32_t from)
{
	while (from < SLOTS && w->owner[from].state != LINK_FREE)
		from++;
	ck_assert_uint_lt(from, SLOTS);
	return from;
}

/* Each address at random: it stays, comes, goes, moves to another link, or was missed. In the order
 * of turn.c. */
static void commit_at_random(const struct slots *s)
{
	uint64_t commit = w->state.commit[ADDR_V4] + 1;
	uint32_t was[ADDRESSES];
	unsigned fate[ADDRESSES];

	slots_begin(s, ADDR_V4, commit);
	for (unsigned a = 0; a < ADDRESSES; a++) {
		was[a] = live_of(a);
		fate[a] = draw(5);
		if (was[a] < SLOTS && fate[a] >= 3)
			slots_lower(s, was[a], commit);
	}
	for (unsigned a = 0; a < ADDRESSES; a++) {
		uint32_t slot;
		struct fw_key key;

		if (was[a] < SLOTS ? fate[a] != 4 : fate[a] > 1)
			continue;
		key = key_of(was[a] < SLOTS ? 2 - w->owner[was[a]].link : draw(LINKS), a);
		slot = a_free(0);
		ck_assert_int_eq(slots_raise(s, slot, &key, 1u << PATH_FWD_IN, commit), 0);
		slots_describe(s, slot, 1u << PATH_FWD_IN, fate[a] == 1);
	}
	for (unsigned a = 0; a < ADDRESSES; a++)
		if (was[a] < SLOTS && fate[a] == 2) {
			slots_miss(s, was[a]);
			ck_assert_int_eq(slots_tell_missed(s, was[a], commit), 0);
		}
	for (unsigned a = 0; a < ADDRESSES; a++)
		if (was[a] < SLOTS && fate[a] >= 3)
			ck_assert_int_eq(slots_cut(s, was[a]), 0);
	ck_assert_int_eq(slots_wait_grace(s), 0);
}

/* What a daemon does from its start on, until it is killed. */
static void live(bool kill)
{
	struct slots s = slots_here();

	w->kill = kill;
	w->steps = draw(60);
	ck_assert_int_eq(slots_repair(&s, ADDR_V4), 0);
	finish(&s);
	do {
		read_all();
		commit_at_random(&s);
		finish(&s);
	} while (kill);
}

static void check_all(void)
{
	unsigned free_slots = 0;

	read_all();
	for (unsigned a = 0; a < ADDRESSES; a++) {
		ck_assert_uint_eq(w->book.total[a].octets, w->passed[a].octets);
		ck_assert_uint_eq(w->book.total[a].pkts, w->passed[a].pkts);
	}
	for (uint32_t i = 0; i < SLOTS; i++) {
		const struct link_owner *o = &w->owner[i];
		struct fw_key key = slots_key(o);

		ck_assert_int_ne(o->state, LINK_LEAVING);
		free_slots += o->state == LINK_FREE;
		if (o->state == LINK_LIVE)
			ck_assert_uint_eq(*entry_of(&key), i + 1);
		else
			ck_assert_uint_eq(slots_counters(&w->slot[i], PATH_FWD_IN).pkts, 0);
	}
	for (unsigned i = 0; i < LINKS * ADDRESSES; i++)
		if (w->index[i / ADDRESSES][i % ADDRESSES])
			free_slots++;
	ck_assert_uint_eq(free_slots, SLOTS); /* no entry is left over, and no slot without one */
}

START_TEST(slots_killed_anywhere_nothing_lost_nor_doubled)
{
	unsigned kills = 0;

	w->random = seed_random("slots_killed_anywhere_nothing_lost_nor_doubled");
	for (int round = 0; round < 600; round++) {
		pid_t child = fork();
		int status;

		ck_assert_int_ge(child, 0);
		if (!child) {
			live(true);
			_exit(1);
		}
		ck_assert_int_eq(waitpid(child, &status, 0), child);
		ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
			      "the killed process ended by itself: %d", status);
		kills++;
		if (round % 10 == 9) {
			live(false);
			check_all();
		}
	}
	ck_assert_uint_eq(kills, 600);
	ck_assert_uint_gt(w->passed[0].pkts, 1000);
}
END_TEST

static struct fw_final told[64];

static size_t tell(const struct slots *s)
{
	size_t n;
	struct fw_final *finals = slots_finals(s, ADDR_V4, &n);

	ck_assert_uint_le(n, ARRAY_LEN(told));
	if (n)
		memcpy(told, finals, n * sizeof(*told));
	free(finals);
	return n;
}

START_TEST(slots_finals_moved_address_restarts)
{
	struct slots s = slots_here();
	struct fw_key from = key_of(0, 1), to = key_of(1, 1);

	slots_begin(&s, ADDR_V4, 7);
	ck_assert_int_eq(slots_raise(&s, 0, &from, PATHS_ALL, 7), 0);
	slots_describe(&s, 0, PATHS_ALL, true);
	ck_assert_uint_eq(tell(&s), PATHS);
	ck_assert_int_eq(told[0].kind, FW_RESUMED);
	slots_settle(&s, ADDR_V4);
	ck_assert_uint_eq(tell(&s), 0);
	w->slot[0].path[PATH_FWD_IN].octets = 500;
	slots_begin(&s, ADDR_V4, 8);
	slots_lower(&s, 0, 8);
	ck_assert_int_eq(slots_raise(&s, 1, &to, PATHS_ALL, 8), 0);
	ck_assert_int_eq(slots_cut(&s, 0), 0);
	/* Packets may have passed the new link before. */
	ck_assert_uint_eq(tell(&s), 2 * PATHS);
	ck_assert_int_eq(told[0].kind, FW_RESTARTED);
	ck_assert_uint_ge(told[0].final.octets, 500);
	ck_assert_int_eq(told[1].kind, FW_MISSED);
	slots_describe(&s, 1, PATHS_ALL, true);
	ck_assert_uint_eq(tell(&s), PATHS);
	ck_assert_int_eq(told[0].kind, FW_RESTARTED);
	ck_assert_uint_eq(slots_settle(&s, ADDR_V4), 0);
	ck_assert_uint_eq(w->owner[0].state, LINK_FREE);
	ck_assert_uint_eq(w->slot[0].path[PATH_FWD_IN].octets, 0);
}
END_TEST

START_TEST(slots_finals_fewer_paths_others_removed)
{
	struct slots s = slots_here();
	struct fw_key key = key_of(0, 1);

	slots_begin(&s, ADDR_V4, 1);
	ck_assert_int_eq(slots_raise(&s, 0, &key, PATHS_ALL, 1), 0);
	slots_settle(&s, ADDR_V4);
	slots_begin(&s, ADDR_V4, 2);
	slots_lower(&s, 0, 2);
	ck_assert_int_eq(slots_cut(&s, 0), 0);
	ck_assert_int_eq(slots_raise(&s, 1, &key, PATHS_FORWARDED, 2), 0);
	ck_assert_uint_eq(tell(&s), 6);
	for (size_t i = 0; i < 6; i++)
		ck_assert_int_eq(told[i].kind, !(PATHS_FORWARDED >> told[i].path & 1) ? FW_REMOVED
					       : i % 2                                ? FW_MISSED
						       : FW_RESTARTED);
}
END_TEST

/* Whoever is killed after noticing tells it; and a slot that is told as missed keeps its counts. */
START_TEST(slots_missed_told_once)
{
	struct slots s = slots_here();
	struct fw_key key = key_of(0, 1);

	slots_begin(&s, ADDR_V4, 1);
	ck_assert_int_eq(slots_raise(&s, 0, &key, PATHS_ALL, 1), 0);
	slots_settle(&s, ADDR_V4);
	slots_miss(&s, 0);
	ck_assert_uint_eq(tell(&s), 0);
	*entry_of(&key) = 0; /* somebody has removed it */
	slots_begin(&s, ADDR_V4, 2);
	ck_assert_int_eq(slots_tell_missed(&s, 0, 2), 0);
	ck_assert_uint_eq(*entry_of(&key), 1);
	ck_assert_uint_eq(tell(&s), PATHS);
	ck_assert_int_eq(told[0].kind, FW_MISSED);
	slots_settle(&s, ADDR_V4);
	ck_assert_uint_eq(w->owner[0].missed, LINK_MISSED_NOT);
	ck_assert_uint_eq(tell(&s), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("link slots");
	TCase *tc = tcase_create("link slots");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_set_timeout(tc, 60 * seed_slow());
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, slots_killed_anywhere_nothing_lost_nor_doubled);
	tcase_add_test(tc, slots_finals_moved_address_restarts);
	tcase_add_test(tc, slots_finals_fewer_paths_others_removed);
	tcase_add_test(tc, slots_missed_told_once);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
