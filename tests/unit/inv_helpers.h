/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef INV_HELPERS_H
#define INV_HELPERS_H

#include "base/xalloc.h"
#include "inventory/inv.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* For the tests of the inventory: fixtures, what was logged, inventories as text. Tests run in
 * processes of their own (CK_FORK), so what they change here does not outlive them. */

/* Absolute path, for free(). Tests are run from the top of the tree. */
static inline char *fixture_path(const char *name)
{
	const char *dir = getenv("CTM_FIXTURES");
	char *rel = xasprintf("%s/%s", dir ? dir : "tests/fixtures", name);
	char *path = realpath(rel, NULL);

	ck_assert_msg(path != NULL, "no fixture %s: run from the top of the tree", rel);
	free(rel);
	return path;
}

/* The octets of a fixture, NUL-terminated, for free(). */
static inline char *fixture_read(const char *name, size_t *ret_len)
{
	char *path = fixture_path(name), *text;
	FILE *f = fopen(path, "r");
	struct stat st;

	ck_assert(f && fstat(fileno(f), &st) == 0);
	text = xcalloc((size_t)st.st_size + 1, 1);
	*ret_len = fread(text, 1, (size_t)st.st_size, f);
	fclose(f);
	free(path);
	return text;
}

/* From here on stderr goes to a file that log_text reads. */
static inline void log_capture(void)
{
	FILE *f = tmpfile();

	ck_assert(f && dup2(fileno(f), STDERR_FILENO) >= 0);
	fclose(f);
}

/* Everything logged since log_capture or the last log_text, for free(). */
static inline char *log_text(void)
{
	off_t len;
	char *text;

	fflush(stderr);
	len = lseek(STDERR_FILENO, 0, SEEK_END);
	ck_assert(len >= 0);
	text = xcalloc((size_t)len + 1, 1);
	ck_assert(pread(STDERR_FILENO, text, (size_t)len, 0) == len);
	ck_assert(ftruncate(STDERR_FILENO, 0) == 0 && lseek(STDERR_FILENO, 0, SEEK_SET) == 0);
	return text;
}

static inline size_t count_lines(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

/* Did the log say each of the NULL-terminated needles, in `lines` lines? (gcc 12, where it
 * unrolls this for constant needles, takes the one that ends the list for one to print.) */
static __attribute__((noinline, unused)) void expect_log(size_t lines, const char *const needles[])
{
	char *text = log_text();
	const char *needle;

	while ((needle = *needles++))
		ck_assert_msg(strstr(text, needle) != NULL, "not logged: \"%s\"; but:\n%s", needle,
			      text);
	ck_assert_msg(count_lines(text) == lines, "%zu lines expected:\n%s", lines, text);
	free(text);
}

#define EXPECT_LOG(lines, ...) expect_log(lines, (const char *const[]) { __VA_ARGS__, NULL })

/* "101[web,running] 192.0.2.1 192.0.2.2@veth1!; 102[-,stopped]" with ! for a conflict, for
 * free(). */
static inline char *inv_text(const struct inventory *inv)
{
	static const char *const run[] = { "", "unknown", "running", "stopped", "gone" };
	char *text = xstrdup(!inv->complete ? "(incomplete)" : inv->doubtful ? "(doubtful)" : "");

	for (uint32_t i = 0; i < inv->n_containers; i++) {
		const struct inv_container *c = &inv->containers[i];
		char *more = xasprintf("%s%s%s[%s,%s]", text, *text ? "; " : "", c->id,
				       *c->name ? c->name : "-", run[c->run]);

		free(text);
		text = more;
		if (c->quota.octets || c->quota.counts) {
			more = xasprintf("%s quota=%lld/%s", text, (long long)c->quota.octets,
					 billing_counts_text(c->quota.counts));
			free(text);
			text = more;
		}
		for (size_t j = 0; j < inv->n_addresses; j++) {
			char buf[ADDR_TEXT_SIZE];

			if (inv->addresses[j].container != i)
				continue;
			more = xasprintf("%s %s%s%s%s", text,
					 addr_format(&inv->addresses[j].addr, buf),
					 inv->addresses[j].link ? "@" : "",
					 inv->addresses[j].link ? inv->addresses[j].link : "",
					 inv->addresses[j].conflict ? "!" : "");
			free(text);
			text = more;
		}
	}
	return text;
}

/* One part merged, as text. */
static inline char *part_text(struct inv_part *part)
{
	struct inventory *inv = inv_merge(&part, 1, 1000000, NULL);
	char *text = inv_text(inv);

	inv_free(inv);
	return text;
}

static inline void expect_part(struct inv_part *part, const char *expected)
{
	char *text = part_text(part);

	ck_assert_str_eq(text, expected);
	free(text);
}

/* Seed the random numbers from SEED, or anew, and say so. */
static inline void seed_random(void)
{
	const char *given = getenv("SEED");
	unsigned seed = given ? (unsigned)strtoul(given, NULL, 10)
			      : (unsigned)time(NULL) ^ (unsigned)getpid();

	printf("SEED=%u\n", seed);
	fflush(stdout);
	srandom(seed);
}

static inline size_t random_below(size_t n)
{
	return (size_t)random() % n;
}

/* A damaged copy of text for free(): octets changed, removed, doubled, blocks moved, an end cut. */
static inline char *mutate(const char *text, size_t len, size_t *ret_len)
{
	static const char spice[] = "\"\\{}[]:,#= \t\n\r-/.09afx";
	char *m = xmalloc(len * 2 + 64);
	size_t n = len;

	memcpy(m, text, len);
	for (size_t i = 1 + random_below(8); i && n; i--) {
		size_t at = random_below(n), span = 1 + random_below(n - at < 40 ? n - at : 40);

		switch (random_below(6)) {
		case 0:
			m[at] = (char)random_below(256);
			break;
		case 1:
			m[at] = spice[random_below(sizeof(spice))];
			break;
		case 2:
			memmove(m + at, m + at + span, n - at - span);
			n -= span;
			break;
		case 3:
			if (n + span > len * 2)
				break;
			memmove(m + at + span, m + at, n - at);
			n += span;
			break;
		case 4:
			n = at;
			break;
		default:
			memmove(m + random_below(n - span + 1), m + at, span);
			break;
		}
	}
	m[n] = '\0';
	*ret_len = n;
	return m;
}

/* A new empty directory below /tmp, for free(); removed by the test's end (remove_dir). */
static inline char *make_dir(void)
{
	char *dir = xstrdup("/tmp/ctmeter-check-XXXXXX");

	ck_assert(mkdtemp(dir) != NULL);
	return dir;
}

static inline void remove_dir(char *dir)
{
	char *command = xasprintf("rm -rf '%s'", dir);

	ck_assert(strncmp(dir, "/tmp/ctmeter-check-", 19) == 0 && system(command) == 0);
	free(command);
	free(dir);
}

/* Write dir/name (directories in it are made), return its path for free(). */
static inline char *write_file(const char *dir, const char *name, mode_t mode, const char *text)
{
	char *path = xasprintf("%s/%s", dir, name);
	FILE *f;

	for (char *p = path + strlen(dir) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		mkdir(path, 0755);
		*p = '/';
	}
	f = fopen(path, "w");
	/* By the descriptor, for who reads it may remove it. */
	ck_assert(f && fchmod(fileno(f), mode) == 0 && fputs(text, f) >= 0 && fclose(f) == 0);
	return path;
}

/* main() of a test: run the suite, in processes of its own unless told otherwise. */
static inline int run_suite(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
