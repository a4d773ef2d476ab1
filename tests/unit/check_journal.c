/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The journal in a directory where somebody else may write as well. */
#include "netfilter/iptables/journal.h"

#include "base/xalloc.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct journal_head head = {
	.family = ADDR_V4, .n_old = 3, .n_new = 2, .n_records = 1, .table = "mangle"
};

static char dir[64], *path, *other;

static void setup(void)
{
	strcpy(dir, "/tmp/check_journal.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	path = journal_path(dir, ADDR_V4);
	other = xasprintf("%s/other", dir);
}

static void teardown(void)
{
	unlink(other);
	unlink(path);
	ck_assert_int_eq(rmdir(dir), 0);
	free(path);
	free(other);
}

static int put(const char *name, const char *text)
{
	int fd = open(name, O_RDWR | O_CREAT | O_EXCL, 0666);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fchmod(fd, 0666), 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	return fd;
}

static off_t size_of(const char *name)
{
	struct stat st;

	ck_assert_int_eq(stat(name, &st), 0);
	return st.st_size;
}

static void create(struct journal *ret_j)
{
	ck_assert_int_eq(journal_create(path, &head, ret_j), 0);
	memset(ret_j->from, 0, head.n_new * sizeof(*ret_j->from));
	*ret_j->records = (struct journal_record) { .family = ADDR_V4, .from = 1, .to = 1 };
}

START_TEST(journal_create_taken_name_makes_a_new_file)
{
	int fd = put(path, "mine");
	struct stat was, is;
	struct journal j;

	create(&j);
	ck_assert_int_eq(fstat(fd, &was), 0);
	ck_assert_int_eq(stat(path, &is), 0);
	ck_assert_msg(was.st_ino != is.st_ino, "whoever made the file has it open");
	ck_assert_int_eq(was.st_size, 4);
	ck_assert_uint_eq(is.st_mode & 07777, 0600);
	journal_unmap(&j);
	close(fd);
}
END_TEST

START_TEST(journal_create_link_is_not_followed)
{
	struct journal j;

	close(put(other, "mine"));
	ck_assert_int_eq(symlink(other, path), 0);
	create(&j);
	journal_unmap(&j);
	ck_assert_int_eq(size_of(other), 4);
}
END_TEST

START_TEST(journal_create_counts_in_the_file_are_not_believed)
{
	struct journal_head big = head;
	struct journal j;
	int fd;

	create(&j);
	fd = open(path, O_RDWR);
	big.n_old = big.n_new = big.n_records = 1000000;
	ck_assert_int_eq(pwrite(fd, &big, sizeof(big), 0), sizeof(big));
	close(fd);
	ck_assert_uint_eq(j.head->n_new, head.n_new);
	ck_assert_uint_eq(j.head->n_old, head.n_old);
	journal_unmap(&j);
}
END_TEST

START_TEST(journal_set_flags_are_in_the_file)
{
	struct journal j;

	create(&j);
	journal_set_replaced(&j);
	ck_assert(journal_replaced(&j) && !journal_settled(&j));
	journal_unmap(&j);
	ck_assert_int_eq(journal_map(path, &j), 0);
	ck_assert(journal_replaced(&j) && !journal_settled(&j));
	journal_set_added(&j);
	journal_unmap(&j);
	ck_assert_int_eq(journal_map(path, &j), 0);
	ck_assert(journal_settled(&j));
	journal_unmap(&j);
}
END_TEST

START_TEST(journal_hand_over_only_a_journal_with_one_name)
{
	struct journal j;

	ck_assert_int_eq(journal_hand_over(path, geteuid(), getegid()), 0);
	create(&j);
	journal_unmap(&j);
	ck_assert_int_eq(journal_hand_over(path, geteuid(), getegid()), 0);
	ck_assert(journal_pending(path));
	ck_assert_int_eq(link(path, other), 0);
	ck_assert_int_eq(journal_hand_over(path, geteuid(), getegid()), -EINVAL);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(symlink(other, path), 0);
	ck_assert_int_eq(journal_hand_over(path, geteuid(), getegid()), -ELOOP);
	ck_assert_int_eq(unlink(path), 0);
	close(put(path, "cut off"));
	ck_assert_int_eq(journal_hand_over(path, geteuid(), getegid()), 0);
	ck_assert(!journal_pending(path));
}
END_TEST

/* What is no plain file is no journal: whoever finds it makes way for one. */
START_TEST(journal_map_what_is_no_file_is_einval)
{
	struct journal j;

	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_eq(journal_map(path, &j), -EINVAL);
	unlink(path);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq(journal_map(path, &j), -EINVAL);
	ck_assert_int_eq(rmdir(path), 0);
	ck_assert_int_eq(symlink(other, path), 0);
	ck_assert_int_eq(journal_map(path, &j), -EINVAL);
	unlink(path);
	ck_assert_int_eq(mknod(path, S_IFSOCK | 0600, 0), 0);
	ck_assert_int_eq(journal_map(path, &j), -EINVAL);
}
END_TEST

START_TEST(journal_remove_whatever_has_the_name)
{
	char *inside = xasprintf("%s/inside", path);
	char *moved = xasprintf("%s.moved-%ld", path, (long)getpid());
	char *moved_inside = xasprintf("%s/inside", moved);

	ck_assert_int_eq(journal_remove(path), 0);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_eq(journal_remove(path), 0);
	ck_assert_int_eq(access(path, F_OK), -1);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq(journal_remove(path), 0);
	ck_assert_int_eq(access(path, F_OK), -1);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	close(put(inside, ""));
	ck_assert_int_eq(journal_remove(path), 0);
	ck_assert_int_eq(access(path, F_OK), -1);
	ck_assert_msg(access(moved_inside, F_OK) == 0, "what is not ours is not removed");
	unlink(moved_inside);
	ck_assert_int_eq(rmdir(moved), 0);
	free(moved_inside);
	free(moved);
	free(inside);
}
END_TEST

START_TEST(journal_create_in_place_of_a_directory)
{
	struct journal j;

	ck_assert_int_eq(mkdir(path, 0700), 0);
	create(&j);
	journal_unmap(&j);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("journal");
	Suite *s = suite_create("journal");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, journal_create_taken_name_makes_a_new_file);
	tcase_add_test(tc, journal_create_link_is_not_followed);
	tcase_add_test(tc, journal_create_counts_in_the_file_are_not_believed);
	tcase_add_test(tc, journal_set_flags_are_in_the_file);
	tcase_add_test(tc, journal_hand_over_only_a_journal_with_one_name);
	tcase_add_test(tc, journal_map_what_is_no_file_is_einval);
	tcase_add_test(tc, journal_remove_whatever_has_the_name);
	tcase_add_test(tc, journal_create_in_place_of_a_directory);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
