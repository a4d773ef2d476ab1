/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/chart.h"

#include "base/period.h"
#include "base/xalloc.h"
#include "html_check.h"
#include "report/html.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NOV 1793491200 /* 2026-11-01 00:00 UTC */
#define DAYS 30
#define BERLIN "CET-1CEST,M3.5.0,M10.5.0/3"

static void use_zone(const char *zone)
{
	setenv("TZ", zone, 1);
	tzset();
}

/* ---- text ---- */

static void assert_text(const char *text, const char *expected)
{
	char *said = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&said, &len);

	html_put_text(text, out);
	fclose(out);
	ck_assert_str_eq(said, expected);
	free(said);
}

START_TEST(html_put_text_means_nothing_to_a_browser)
{
	assert_text("web.example", "web.example");
	assert_text("<script>alert('1')</script>",
		    "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;");
	assert_text("a&b \"c\" &lt;", "a&amp;b &quot;c&quot; &amp;lt;");
	assert_text("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\xb3",
		    "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\xb3");
}
END_TEST

#define NO "\xef\xbf\xbd"

START_TEST(html_put_text_what_is_no_text_is_replaced)
{
	assert_text("a\xff\xc3", "a" NO NO);
	assert_text("\xc0\xbc\xe0\x80\xbc", NO NO NO NO NO); /* '<', overlong */
	assert_text("\xed\xa0\x80", NO NO NO); /* a surrogate */
	assert_text("1\n2\t3\x1b\x7f\xc2\x9b", "1" NO "2" NO "3" NO NO NO);
	assert_text("\xe2\x80\xae\x65\xe2\x81\xa6", NO "e" NO); /* turns the direction */
	assert_text("\xef\xbf\xbe\xef\xbf\xbf\xef\xb7\x90\xf4\x8f\xbf\xbf", NO NO NO NO);
	assert_text("", "");
}
END_TEST

/* ---- the scale ---- */

START_TEST(chart_step_has_few_lines_for_any_length)
{
	uint64_t n = 1;

	ck_assert_uint_eq(chart_step(0), 0);
	ck_assert_uint_eq(chart_step(7), 1);
	ck_assert_uint_eq(chart_step(8), 2);
	ck_assert_uint_eq(chart_step(100), 20);
	ck_assert_uint_eq(chart_step(400), 100);
	ck_assert_uint_ge(UINT64_MAX / chart_step(UINT64_MAX), 1);
	for (int i = 0; i < 63; i++, n *= 2) {
		uint64_t lines = n / chart_step(n);

		ck_assert_msg(lines <= 7 && (lines >= 2 || n < 2), "%" PRIu64 " lines for %" PRIu64,
			      lines, n);
	}
}
END_TEST

/* ---- the picture ---- */

static struct report_row rows[DAYS];

static struct chart november(void)
{
	memset(rows, 0, sizeof(rows));
	for (int i = 0; i < DAYS; i++) {
		rows[i].since_s = NOV + i * PERIOD_DAY_S;
		rows[i].until_s = rows[i].since_s + PERIOD_DAY_S;
	}
	return (struct chart) { "days", "By day", "day", NOV, NOV + DAYS * PERIOD_DAY_S,
				rows,   DAYS,     true };
}

/* The picture, which is well-formed and has no number that is not one. For free(). */
static char *draw(const struct chart *c)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	chart_put(c, out);
	fclose(out);
	html_check(text);
	ck_assert_ptr_null(strstr(text, "nan"));
	ck_assert_ptr_null(strstr(text, "inf"));
	ck_assert_ptr_null(strstr(text, "e+"));
	return text;
}

static void assert_drawn(const struct chart *c, const char *part)
{
	char *text = draw(c);

	ck_assert_msg(strstr(text, part) != NULL, "no '%s' in %s", part, text);
	free(text);
}

static size_t count(const char *text, const char *part)
{
	size_t n = 0;

	for (; (text = strstr(text, part)); text++)
		n++;
	return n;
}

START_TEST(chart_put_bars_stand_on_one_scale)
{
	struct chart c = november();

	use_zone("UTC0");
	rows[2].octets[PATH_FWD_IN] = 700;
	rows[2].octets[PATH_NODE_IN] = 50;
	rows[4].octets[PATH_FWD_OUT] = 200;
	rows[4].octets[PATH_NODE_OUT] = 50;
	/* 1000 units are 1000 octets; 288 units are a day, 24 of them at each side stay free. */
	assert_drawn(&c, "<rect class=\"in\" x=\"600\" y=\"0\" width=\"240\" height=\"750\"/>");
	assert_drawn(&c, "<rect class=\"out\" x=\"1176\" y=\"750\" width=\"240\" height=\"250\"/>");
	assert_drawn(&c, "viewBox=\"0 0 8640 1000\"");
	assert_drawn(&c, "<title>2026-11-03: in 750\xc2\xa0"
			 "B, out 0\xc2\xa0"
			 "B</title>");
	assert_drawn(&c, "The day with the most traffic out: 2026-11-05, 250\xc2\xa0"
			 "B.</desc>");
	rows[2].octets[PATH_FWD_IN] = 1;
	rows[4].octets[PATH_FWD_OUT] = 1000000;
	assert_drawn(&c, "height=\"4\"/>"); /* little is not nothing */
}
END_TEST

START_TEST(chart_put_imported_stands_out_above_in)
{
	struct chart c = november();

	use_zone("UTC0");
	rows[0].octets[PATH_FWD_IN] = 100;
	rows[0].imported_octets = 300;
	rows[1].octets[PATH_FWD_OUT] = 100;
	assert_drawn(&c, "<rect class=\"other\" x=\"24\" y=\"0\" width=\"240\" height=\"800\"/>"
			 "<rect class=\"in\" x=\"24\" y=\"600\" width=\"240\" height=\"200\"/>");
	c.with_titles = false;
	assert_drawn(&c, "<path class=\"other\" d=\"M0 800V0H288V800H576H864");
}
END_TEST

START_TEST(chart_put_outline_follows_the_rows)
{
	struct chart c = november();

	use_zone("UTC0");
	c.of = "hour";
	c.with_titles = false;
	c.n_rows = 3;
	rows[0].octets[PATH_FWD_IN] = 500;
	rows[1].octets[PATH_FWD_IN] = 250;
	rows[1].octets[PATH_FWD_OUT] = 500;
	assert_drawn(&c, "<path class=\"in\" d=\"M0 500V0H288V250H576V500H864V500z\"/>\n"
			 "<path class=\"out\" d=\"M0 500H288V1000H576V500H864V500z\"/>");
}
END_TEST

START_TEST(chart_put_extremes_are_drawn)
{
	struct chart c = november();
	char *text;

	use_zone("UTC0");
	text = draw(&c); /* nothing */
	ck_assert_uint_eq(count(text, "<rect"), 0);
	free(text);
	for (int p = 0; p < PATHS; p++)
		rows[7].octets[p] = UINT64_MAX;
	rows[7].imported_octets = UINT64_MAX;
	rows[8].octets[PATH_FWD_IN] = 1;
	rows[0].since_s = NOV - 1000000; /* begins and ends outside */
	rows[29].until_s = NOV + 100 * PERIOD_DAY_S;
	rows[29].octets[PATH_FWD_OUT] = 1;
	text = draw(&c);
	ck_assert_uint_eq(count(text, "<rect"), 5);
	ck_assert_ptr_nonnull(strstr(text, "y=\"500\" width=\"240\" height=\"500\"/>"));
	free(text);
	c.n_rows = 0;
	free(draw(&c));
	c.with_titles = false;
	free(draw(&c));
}
END_TEST

START_TEST(chart_put_days_of_other_lengths_keep_their_place)
{
	struct chart c = { .id = "days", .title = "<&>", .of = "day" };

	use_zone(BERLIN);
	ck_assert_int_eq(period_month("2026-10", NOV + PERIOD_DAY_S, &c.since_s, &c.until_s, NULL),
			 0);
	assert_drawn(&c, "viewBox=\"0 0 8940 1000\""); /* 31 days and an hour */
	assert_drawn(&c, "&lt;&amp;&gt;");
	assert_drawn(&c, ">30</text>");
	/* The 25th, of 25 hours, is in the middle of its own day, the 30th an hour later. */
	assert_drawn(&c, "x=\"78.99%\" y=\"238\">25</text>");
	assert_drawn(&c, "x=\"95.16%\" y=\"238\">30</text>");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("chart");
	TCase *tc = tcase_create("chart");
	SRunner *sr;
	int failed;

	tcase_add_test(tc, html_put_text_means_nothing_to_a_browser);
	tcase_add_test(tc, html_put_text_what_is_no_text_is_replaced);
	tcase_add_test(tc, chart_step_has_few_lines_for_any_length);
	tcase_add_test(tc, chart_put_bars_stand_on_one_scale);
	tcase_add_test(tc, chart_put_imported_stands_out_above_in);
	tcase_add_test(tc, chart_put_outline_follows_the_rows);
	tcase_add_test(tc, chart_put_extremes_are_drawn);
	tcase_add_test(tc, chart_put_days_of_other_lengths_keep_their_place);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
