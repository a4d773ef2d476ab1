/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows that are counted each for itself, against a model: random events, the discontinuities
 * reckoned from what happened. */
#include "ledger_shelf.h"

#include "seed.h"

/* A kernel of N places, to which things happen at random, and a backend that reports them. Each
 * address has a container of its own, but for the last two, which share one. What each row must
 * show follows from what happened to its place, by the rules of fw.h alone. */
#define N 8

struct place {
	bool ruled; /* it has a rule */
	uint64_t octets; /* that it has counted */
	bool hole; /* packets pass uncounted */
	bool vanished; /* somebody else removed its rule, and it is not made anew yet */
	/* expected */
	uint64_t total;
	uint32_t events;
	bool open; /* the last event is not over */
	bool fresh; /* it never had a rule */
};

struct model {
	struct place at[N];
	uint64_t seed;
	struct fw_final finals[N * 3 * PATHS];
	size_t n_finals;
};

static const char *place_addr(size_t i)
{
	static char text[32];

	snprintf(text, sizeof(text), "198.51.100.%zu", i + 1);
	return text;
}

static const char *place_id(size_t i)
{
	static const char *const ids[] = { "1", "2", "3", "4", "5", "6", "7", "7" };

	return ids[i];
}

static void happens(struct model *m, size_t i)
{
	m->at[i].events += !m->at[i].open;
	m->at[i].open = true;
}

static void report(struct model *m, size_t i, enum fw_final_kind kind, uint64_t octets)
{
	for (enum path p = 0; p < PATHS; p++) {
		struct counters c = { p == PATH_FWD_IN ? octets : 0,
				      p == PATH_FWD_IN ? octets : 0 };

		m->finals[m->n_finals++] = (struct fw_final) { addr_of(place_addr(i)), p, kind, c };
	}
}

static void make_rule(struct model *m, size_t i, enum fw_final_kind kind)
{
	struct place *at = &m->at[i];

	if (kind == FW_CREATED && !at->fresh)
		happens(m, i);
	at->ruled = true;
	at->fresh = at->vanished = false;
	at->octets = 0;
	report(m, i, kind, 0);
}

/* One thing that the backend's commit does to a place. */
static void commit_place(struct model *m, size_t i)
{
	struct place *at = &m->at[i];
	bool was_hole = at->hole;

	if (!at->ruled) {
		make_rule(m, i,
			  at->fresh || at->vanished || next_random(&m->seed) % 2 ? FW_CREATED
										 : FW_RESUMED);
		return;
	}
	at->hole = false;
	if (was_hole) {
		happens(m, i);
		report(m, i, FW_MISSED, 0);
		return;
	}
	switch (next_random(&m->seed) % 4) {
	case 0: /* to another link */
		report(m, i, FW_RESTARTED, at->octets);
		at->octets = 0;
		break;
	case 1: /* the link is gone */
		report(m, i, FW_REMOVED, at->octets);
		at->ruled = false;
		break;
	case 2: /* the link is another one */
		report(m, i, FW_REMOVED, at->octets);
		make_rule(m, i, next_random(&m->seed) % 2 ? FW_RESUMED : FW_CREATED);
		break;
	default:
		break;
	}
}

static void model_commit(struct model *m, bool killed)
{
	later();
	m->n_finals = 0;
	for (size_t i = 0; i < N; i++)
		if (next_random(&m->seed) % 3 == 0)
			commit_place(m, i);
	ledger_finals(ledger, ADDR_V4, ++commits, m->finals, m->n_finals, true, now);
	if (!killed)
		return;
	restart(true); /* stored: the finals that come again are known */
	/* A kill during an event makes two of it, unless the store shows that it lasts. */
	for (size_t i = 0; i < N; i++)
		m->at[i].open = m->at[i].vanished;
	ledger_finals(ledger, ADDR_V4, commits, m->finals, m->n_finals, true, now);
}

static void model_read(struct model *m)
{
	struct fw_reading reading = { .apart = true };
	struct fw_row read[N];

	later();
	reading.rows = read;
	for (size_t i = 0; i < N; i++) {
		struct place *at = &m->at[i];

		if (at->ruled) {
			read[reading.n_rows] = row_of(place_addr(i), at->octets, at->octets);
			read[reading.n_rows++].missing = at->hole;
		}
		if (at->hole)
			happens(m, i);
		else if (!at->vanished)
			at->open = false;
	}
	ledger_apply(ledger, ADDR_V4, &reading, false, now);
}

/* Somebody else removes a rule, with what it counted; a reading notices. */
static void model_vanish(struct model *m, size_t i)
{
	model_read(m);
	if (!m->at[i].ruled || !m->at[i].octets)
		return;
	m->at[i].ruled = m->at[i].hole = false;
	m->at[i].vanished = true;
	model_read(m);
	happens(m, i);
}

static void model_traffic(struct model *m)
{
	for (size_t i = 0; i < N; i++) {
		uint64_t octets = 1 + next_random(&m->seed) % 1000;

		if (!m->at[i].ruled)
			continue;
		m->at[i].octets += octets;
		m->at[i].total += octets;
	}
}

/* A container's rows may be disturbed at the same time: that is one event of it, or one each. */
static void check_shared(const struct snap *s)
{
	const struct snap_totals *c = &s->containers[find_container(s, "7")].totals;
	uint32_t most = 0, sum = 0;

	for (size_t i = N - 2; i < N; i++) {
		const struct snap_totals *t = &find(s, place_id(i), place_addr(i))->totals;

		ck_assert_uint_ge(c->discontinuity_ns, t->discontinuity_ns);
		sum += t->discontinuities;
		most = most < t->discontinuities ? t->discontinuities : most;
	}
	ck_assert_uint_ge(c->discontinuities, most);
	ck_assert_uint_le(c->discontinuities, sum);
}

static void model_check(const struct model *m)
{
	struct snap *s = look();

	for (size_t i = 0; i < N; i++) {
		const struct snap_totals *t = &find(s, place_id(i), place_addr(i))->totals;

		ck_assert_uint_eq(t->path[PATH_FWD_IN].octets, m->at[i].total);
		ck_assert_uint_eq(t->discontinuities, m->at[i].events);
		if (i < N - 2)
			ck_assert_uint_eq(s->containers[find_container(s, place_id(i))]
						  .totals.discontinuities,
					  m->at[i].events);
	}
	check_shared(s);
	snap_unref(s);
}

static void model_begin(struct model *m)
{
	struct claim claims[N];
	char addrs[N][32];

	for (size_t i = 0; i < N; i++) {
		m->at[i].fresh = true;
		strcpy(addrs[i], place_addr(i));
		claims[i] = (struct claim) { place_id(i), addrs[i], false };
	}
	set(claims, N, true);
	later();
	for (size_t i = 0; i < N; i++)
		make_rule(m, i, FW_CREATED);
	ledger_finals(ledger, ADDR_V4, ++commits, m->finals, m->n_finals, true, now);
	for (size_t i = 0; i < N; i++) {
		m->at[i].octets = m->at[i].total = 1 + i;
		m->at[i].open = false;
	}
	model_read(m);
}

START_TEST(ledger_apart_random_events_are_stamped_once_each)
{
	struct model m = { .seed = seed_random(
				   "ledger_apart_random_events_are_stamped_once_each") };

	model_begin(&m);
	model_check(&m);
	for (int round = 0; round < 800; round++) {
		size_t i = next_random(&m.seed) % N;

		model_traffic(&m);
		switch (next_random(&m.seed) % 6) {
		case 0:
			m.at[i].hole = m.at[i].ruled;
			break;
		case 1:
			model_vanish(&m, i);
			break;
		case 2:
			model_read(&m);
			model_commit(&m, next_random(&m.seed) % 4 == 0);
			break;
		case 3:
			model_commit(&m, false);
			break;
		default:
			model_read(&m);
			break;
		}
		model_read(&m);
		model_check(&m);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ledger_apart_random");
	TCase *tc = tcase_create("ledger_apart_random");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, ledger_apart_random_events_are_stamped_once_each);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
