/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The life of snapshots. The sanitizer finds memory errors and leaks. */
#include "base/xalloc.h"
#include "ledger/snap.h"

#include <check.h>
#include <stdlib.h>

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

int main(void)
{
	Suite *s = suite_create("snap");
	TCase *t = tcase_create("snap");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(t, snap_new_fresh_is_empty);
	tcase_add_test(t, snap_unref_other_reference_keeps_it);
	tcase_add_test(t, snap_unref_null_is_nothing);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
