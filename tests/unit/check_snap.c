/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The life of snapshots. The sanitizer finds memory errors and leaks. */
#include "base/xalloc.h"
#include "ledger/snap.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static struct snap *snap_of(const char *const *ids, size_t n)
{
	struct snap *s = snap_new();

	s->containers = xcalloc(n, sizeof(*s->containers));
	s->n_containers = n;
	for (size_t i = 0; i < n; i++) {
		s->containers[i].id = snap_text(s, ids[i]);
		s->containers[i].name = snap_text(s, "");
	}
	s->addresses = xcalloc(1, sizeof(*s->addresses));
	s->n_addresses = 1;
	return s;
}

START_TEST(snap_new_fresh_is_empty)
{
	struct snap *s = snap_new();

	ck_assert_uint_eq(s->n_containers, 0);
	ck_assert_uint_eq(s->n_addresses, 0);
	snap_unref(s);
}
END_TEST

START_TEST(snap_unref_other_reference_keeps_it)
{
	static const char *const ids[] = { "200" };
	struct snap *s = snap_of(ids, 1);

	ck_assert_ptr_eq(snap_ref(s), s);
	snap_unref(s);
	ck_assert_str_eq(s->containers[0].id, "200");
	snap_unref(s);
}
END_TEST

START_TEST(snap_unref_null_is_nothing)
{
	snap_unref(NULL);
}
END_TEST

/* The arrays of the last snapshot that was freed are the next one's, as long as they fit. */
START_TEST(snap_pool_reuses_the_memory_of_the_last)
{
	struct snap_pool *pool = snap_pool_new();
	struct snap *a = snap_new_from(pool), *b, *c;
	const void *addresses;

	snap_reserve(a, 10, 20, 5);
	addresses = a->addresses;
	a->containers[9] = (struct snap_container) { .ifindex = 7 };
	a->n_containers = 0;
	b = snap_new_from(pool); /* while the first is still served */
	snap_reserve(b, 10, 20, 5);
	ck_assert_ptr_ne(b->addresses, addresses);
	snap_unref(a);
	c = snap_new_from(pool);
	ck_assert_uint_eq(c->n_addresses + c->n_containers + c->n_held, 0);
	snap_reserve(c, 9, 18, 5);
	ck_assert_ptr_eq(c->addresses, addresses);
	snap_reserve(c, 1000, 2000, 500); /* the node grew */
	memset(c->addresses, 0, 2000 * sizeof(*c->addresses));
	memset(c->ports, 0, 1000 * sizeof(*c->ports));
	memset(c->held, 0, 500 * sizeof(*c->held));
	snap_unref(b);
	snap_pool_drop(pool);
	snap_pool_free(pool); /* the snapshot that is still served lives on */
	c->addresses[0].totals.zero = snap_mark_new((struct counters[PATHS]) { { 0 } }, 1);
	c->n_addresses = 1;
	snap_unref(c);
	snap_pool_free(NULL);
}
END_TEST

START_TEST(snap_names_live_as_long_as_a_snapshot_has_them)
{
	struct snap *a = snap_new(), *b = snap_new();
	struct snap_names *names;
	char *text;

	names = snap_names_new(4, &text);
	memcpy(text, "101", 4);
	a->names = names;
	b->names = snap_names_ref(names);
	snap_unref(a);
	ck_assert_str_eq(text, "101");
	snap_unref(b);
	snap_names_unref(NULL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("snap");
	TCase *t = tcase_create("snap");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(t, snap_pool_reuses_the_memory_of_the_last);
	tcase_add_test(t, snap_names_live_as_long_as_a_snapshot_has_them);
	tcase_add_test(t, snap_new_fresh_is_empty);
	tcase_add_test(t, snap_unref_other_reference_keeps_it);
	tcase_add_test(t, snap_unref_null_is_nothing);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
