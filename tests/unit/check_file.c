/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/file.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/ctm-file.XXXXXX", path[64];
static char untouched;

static void setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/it", dir);
}

static void teardown(void)
{
	unlink(path);
	rmdir(dir);
}

/* len octets, the last of them a NUL if there are any */
static void make_file(size_t len)
{
	FILE *f = fopen(path, "we");

	ck_assert_ptr_nonnull(f);
	for (size_t i = 1; i < len; i++)
		fputc('x', f);
	if (len)
		fputc('\0', f);
	ck_assert_int_eq(fclose(f), 0);
}

START_TEST(file_read_any_length_is_whole_and_terminated)
{
	static const size_t lengths[] = { 0, 1, 4094, 4095, 4096, 8191, 8192, 100000 };

	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		size_t len = 7;
		char *text;

		make_file(lengths[i]);
		ck_assert_int_eq(file_read(path, 100000, &text, &len), 0);
		ck_assert_uint_eq(len, lengths[i]);
		ck_assert_int_eq(text[len], '\0');
		ck_assert(!len || (!text[len - 1] && strspn(text, "x") == len - 1));
		free(text);
		ck_assert_int_eq(file_read_regular(path, 100000, &text, NULL), 0);
		free(text);
	}
}
END_TEST

static void assert_refused(int rc, int expected, const char *text, size_t len)
{
	ck_assert_int_eq(rc, expected);
	ck_assert_ptr_eq(text, &untouched);
	ck_assert_uint_eq(len, 7);
}

START_TEST(file_read_one_octet_too_many_is_refused)
{
	char *text = &untouched;
	size_t len = 7;

	make_file(5000);
	assert_refused(file_read(path, 4999, &text, &len), -EFBIG, text, len);
	ck_assert_int_eq(file_read(path, 5000, &text, &len), 0);
	free(text);
}
END_TEST

START_TEST(file_read_unreadable_says_why)
{
	char *text = &untouched;
	size_t len = 7;

	assert_refused(file_read(path, 10, &text, &len), -ENOENT, text, len);
	assert_refused(file_read(dir, 10, &text, &len), -EISDIR, text, len);
	assert_refused(file_read_regular(dir, 10, &text, &len), -EINVAL, text, len);
}
END_TEST

START_TEST(file_read_pipe_without_writer_does_not_wait)
{
	char *text = &untouched;
	size_t len = 7;

	ck_assert_int_eq(mkfifo(path, 0600), 0);
	assert_refused(file_read_regular(path, 10, &text, &len), -EINVAL, text, len);
	ck_assert_int_eq(file_read(path, 10, &text, &len), 0);
	ck_assert_uint_eq(len, 0);
	free(text);
}
END_TEST

START_TEST(file_read_in_proc_is_read_although_its_size_is_0)
{
	struct stat st;
	char *text;
	size_t len;

	ck_assert_int_eq(stat("/proc/self/status", &st), 0);
	ck_assert_int_eq(st.st_size, 0);
	ck_assert_int_eq(file_read("/proc/self/status", 65536, &text, &len), 0);
	ck_assert_ptr_nonnull(strstr(text, "\nUid:"));
	free(text);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("file");
	TCase *tc = tcase_create("file");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, file_read_any_length_is_whole_and_terminated);
	tcase_add_test(tc, file_read_one_octet_too_many_is_refused);
	tcase_add_test(tc, file_read_unreadable_says_why);
	tcase_add_test(tc, file_read_pipe_without_writer_does_not_wait);
	tcase_add_test(tc, file_read_in_proc_is_read_although_its_size_is_0);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
