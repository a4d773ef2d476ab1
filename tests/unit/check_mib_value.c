/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The makers of SMI values: text, dates, TimeStamps and the master's clock. */
#include "base/xalloc.h"
#include "mib/mib.h"
#include "smi_text.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define S 1000000000ull

static void expect_text(const char *in, const char *out)
{
	struct smi_value v;

	mib_set_text(&v, in);
	ck_assert_int_eq(v.type, SMI_OCTETS);
	ck_assert_uint_eq(v.u.octets.len, strlen(out));
	ck_assert_int_eq(memcmp(v.u.octets.data, out, strlen(out)), 0);
}

START_TEST(mib_set_text_clean_is_kept)
{
	expect_text("", "");
	expect_text("web-1.example.org", "web-1.example.org");
	expect_text("\303\251\342\202\254\360\237\220\247", "\303\251\342\202\254\360\237\220\247");
	expect_text(NULL, "");
}
END_TEST

START_TEST(mib_set_text_control_characters_become_marks)
{
	expect_text("a\nb\tc\033[1m\177", "a?b?c?[1m?");
	expect_text("a\302\205b\302\240", "a?b\302\240"); /* U+0085 is one, U+00A0 is not */
}
END_TEST

START_TEST(mib_set_text_broken_utf8_becomes_marks)
{
	expect_text("\200x\377", "?x?");
	expect_text("\303", "?");
	expect_text("\303x", "?x");
	expect_text("\342\202", "??");
	expect_text("\300\257", "??"); /* overlong */
	expect_text("\340\200\257", "???"); /* overlong */
	expect_text("\355\240\200", "???"); /* a surrogate */
	expect_text("\364\220\200\200", "????"); /* past U+10FFFF */
}
END_TEST

START_TEST(mib_set_text_long_is_cut_at_a_character)
{
	char in[400], out[400];

	memset(in, 'x', sizeof(in));
	in[255] = '\0';
	expect_text(in, in);
	in[255] = 'x';
	in[399] = '\0';
	memset(out, 'x', 255);
	out[255] = '\0';
	expect_text(in, out);
	in[254] = '\303'; /* the octets 255 and 256 are one character */
	in[255] = '\251';
	out[254] = '\0';
	expect_text(in, out);
	in[0] = '\n';
	out[0] = '?';
	expect_text(in, out);
}
END_TEST

START_TEST(mib_set_gauge32_too_large_stays_at_maximum)
{
	struct smi_value v;

	mib_set_gauge32(&v, 1ull << 32);
	ck_assert_int_eq(v.type, SMI_GAUGE32);
	ck_assert_uint_eq(v.u.u32, UINT32_MAX);
	mib_set_gauge32(&v, UINT32_MAX - 1ull);
	ck_assert_uint_eq(v.u.u32, UINT32_MAX - 1);
}
END_TEST

static void expect_date(int64_t wall_s, const char *hex)
{
	struct smi_value v;
	char text[SMI_TEXT_SIZE];

	mib_set_date(&v, wall_s);
	ck_assert_int_eq(v.type, SMI_OCTETS);
	ck_assert_str_eq(smi_text(&v, text), hex);
}

START_TEST(mib_set_date_time_is_utc)
{
	expect_date(951868799, "0x07d0021d173b3b002b0000"); /* 2000-02-29 23:59:59 */
	expect_date(951868800, "0x07d00301000000002b0000");
	expect_date(1795428672, "0x07ea0b170a0b0c002b0000");
	expect_date(1, "0x07b20101000001002b0000");
}
END_TEST

START_TEST(mib_set_date_never_is_the_year_0)
{
	expect_date(0, "0x0000010100000000");
	expect_date(-1, "0x0000010100000000");
	expect_date(INT64_MAX, "0x0000010100000000");
}
END_TEST

static uint32_t timestamp(const struct mib_data *d, uint64_t event_ns)
{
	struct smi_value v;

	mib_set_timestamp(&v, d, event_ns);
	ck_assert_int_eq(v.type, SMI_TIMETICKS);
	return v.u.u32;
}

START_TEST(mib_set_timestamp_event_is_sysuptime_then)
{
	/* the master said 60.00 s when it was 100 s: it started at 40 s */
	struct mib_data d = { .now_ns = 200 * S, .stamps = { 6000, 100 * S } };

	ck_assert_uint_eq(timestamp(&d, 50 * S), 1000);
	ck_assert_uint_eq(timestamp(&d, 100 * S), 6000);
	ck_assert_uint_eq(timestamp(&d, 150 * S), 11000);
	ck_assert_uint_eq(timestamp(&d, 40 * S + 9999999), 0);
	ck_assert_uint_eq(timestamp(&d, 40 * S + 10000000), 1);
}
END_TEST

START_TEST(mib_set_timestamp_before_master_or_never_is_0)
{
	struct mib_data d = { .stamps = { 6000, 100 * S } };
	struct mib_data older = { .stamps = { 20000, 100 * S } };
	struct mib_data unknown = { .now_ns = 0 };

	ck_assert_uint_eq(timestamp(&d, 39 * S), 0);
	ck_assert_uint_eq(timestamp(&d, 40 * S), 0);
	ck_assert_uint_eq(timestamp(&d, 0), 0);
	ck_assert_uint_eq(timestamp(&unknown, 50 * S), 0);
	/* a master that started before the node's clock (another host's): never stays 0 */
	ck_assert_uint_eq(timestamp(&older, 0), 0);
	ck_assert_uint_eq(timestamp(&older, 50 * S), 15000);
}
END_TEST

START_TEST(mib_uptime_observe_late_answer_moves_nothing)
{
	struct mib_data d = { .now_ns = 0 };
	struct smi_value uptime;

	mib_uptime_observe(&d, 6000, 100 * S);
	ck_assert_uint_eq(timestamp(&d, 90 * S), 5000);
	/* rounded down by the master, and 1.5 s under way */
	mib_uptime_observe(&d, 7000, 110 * S + S / 200);
	mib_uptime_observe(&d, 8000, 121 * S + S / 2);
	ck_assert_uint_eq(timestamp(&d, 90 * S), 5000);
	/* a quicker one than the first shows that the first was late */
	mib_uptime_observe(&d, 9050, 130 * S);
	ck_assert_uint_eq(timestamp(&d, 90 * S), 5050);
	/* by a little: its sysUpTime follows, but no event has moved */
	mib_uptime_observe(&d, 10051, 140 * S);
	ck_assert_uint_eq(timestamp(&d, 90 * S), 5050);
	d.now_ns = 141 * S;
	mib_set_uptime(&uptime, &d);
	ck_assert_uint_eq(uptime.u.u32, 10151);
}
END_TEST

START_TEST(mib_uptime_observe_new_master_is_believed)
{
	struct mib_data d = { .now_ns = 0 };

	mib_uptime_observe(&d, 6000, 100 * S);
	mib_uptime_observe(&d, 300, 120 * S);
	ck_assert_uint_eq(timestamp(&d, 90 * S), 0);
	ck_assert_uint_eq(timestamp(&d, 118 * S), 100);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("mib_value");
	TCase *t = tcase_create("mib_value");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(t, mib_set_text_clean_is_kept);
	tcase_add_test(t, mib_set_text_control_characters_become_marks);
	tcase_add_test(t, mib_set_text_broken_utf8_becomes_marks);
	tcase_add_test(t, mib_set_text_long_is_cut_at_a_character);
	tcase_add_test(t, mib_set_gauge32_too_large_stays_at_maximum);
	tcase_add_test(t, mib_set_date_time_is_utc);
	tcase_add_test(t, mib_set_date_never_is_the_year_0);
	tcase_add_test(t, mib_set_timestamp_event_is_sysuptime_then);
	tcase_add_test(t, mib_set_timestamp_before_master_or_never_is_0);
	tcase_add_test(t, mib_uptime_observe_late_answer_moves_nothing);
	tcase_add_test(t, mib_uptime_observe_new_master_is_believed);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
