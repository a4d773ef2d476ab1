/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/owner.h"

#include "base/xalloc.h"

#include <check.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NOBODY 65534
#define GROUP 64208

static char dir[64], *path;

static void setup(void)
{
	strcpy(dir, "/tmp/check_owner.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	path = xasprintf("%s/ledger.db", dir);
}

static void teardown(void)
{
	ck_assert_int_eq(rmdir(dir), 0);
	free(path);
}

START_TEST(owner_become_own_directory_changes_nothing)
{
	uid_t uid = geteuid();
	struct owner saved;

	owner_become(path, &saved);
	ck_assert(!saved.became);
	ck_assert_uint_eq(geteuid(), uid);
	owner_return(&saved);
	ck_assert_uint_eq(geteuid(), uid);
	owner_become("/no/such/directory/ledger.db", &saved);
	ck_assert(!saved.became);
	owner_return(&saved);
}
END_TEST

static void expect_become(const char *file)
{
	gid_t groups[] = { 3, 4 }, now[8];
	struct owner saved;

	ck_assert_int_eq(setgroups(2, groups), 0);
	owner_become(file, &saved);
	ck_assert(saved.became);
	ck_assert_uint_eq(geteuid(), NOBODY);
	ck_assert_int_eq(getgroups(8, now), 0);
	owner_return(&saved);
	ck_assert_uint_eq(geteuid(), 0);
	ck_assert_uint_eq(getegid(), 0);
	ck_assert_int_eq(getgroups(8, now), 2);
	ck_assert_int_eq(memcmp(now, groups, sizeof(groups)), 0);
	owner_return(&saved);
}

START_TEST(owner_become_anothers_directory_is_he_and_returns)
{
	struct owner saved;

	if (geteuid() != 0 || chown(dir, NOBODY, GROUP) < 0) {
		printf("SKIP needs root\n");
		return;
	}
	expect_become(path);
	owner_become(path, &saved);
	ck_assert_uint_eq(getegid(), GROUP);
	owner_return(&saved);
}
END_TEST

/* He who can put a link in the directory's place says where it leads. */
START_TEST(owner_become_link_of_anothers_is_he)
{
	char *link = xasprintf("%s/link", dir), *file = xasprintf("%s/link/ledger.db", dir);
	struct owner saved;

	ck_assert_int_eq(symlink("/etc", link), 0);
	owner_become(file, &saved);
	ck_assert(!saved.became);
	owner_return(&saved);
	if (geteuid() != 0 || lchown(link, NOBODY, GROUP) < 0)
		printf("SKIP needs root\n");
	else
		expect_become(file);
	unlink(link);
	free(link);
	free(file);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("owner");
	Suite *s = suite_create("owner");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, owner_become_own_directory_changes_nothing);
	tcase_add_test(tc, owner_become_anothers_directory_is_he_and_returns);
	tcase_add_test(tc, owner_become_link_of_anothers_is_he);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
