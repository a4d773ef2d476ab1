/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The page of a statement, from its top to its end: see statement.h. It is HTML that XML parsers
 * accept too, so that tests can tell whether it is well-formed. */
#include "report/chart.h"
#include "report/html.h"
#include "report/statement.h"
#include "store/store.h"
#include "version.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#define MONTH_NAME "%B %Y"
#define TIME_ZONE PERIOD_MINUTE " %Z"

extern const char statement_style[];

/* ---- what is known ---- */

/* "web.example", or the id where there is no name. */
static const char *title_of(const struct statement *s)
{
	return *s->name ? s->name : s->ctid;
}

static bool has_imported(const struct statement *s)
{
	return s->sum->imported_octets > 0;
}

/* Until when the figures go: the end of the month unless it or its counting is not over. */
static int64_t figures_until(const struct statement *s)
{
	const struct statement_month *m = s->month;

	if (m->until_s > m->now_s && m->stored)
		return m->now_s;
	return s->counted_at_s && s->counted_at_s < m->until_s ? s->counted_at_s : m->until_s;
}

/* Whether the zone's name changes in the month, so that it must stand beside each time. */
static bool changes_zone(const struct statement *s)
{
	char begin[PERIOD_TEXT_SIZE], end[PERIOD_TEXT_SIZE];

	return strcmp(period_local(s->month->since_s, "%Z", begin),
		      period_local(s->month->until_s - 1, "%Z", end)) != 0;
}

/* ---- small parts ---- */

/* "1.23 GB (1234567890 octets)" */
static void put_octets_said(uint64_t octets, FILE *out)
{
	html_put_octets(octets, out);
	fprintf(out, " <small>(%" PRIu64 " octets)</small>", octets);
}

/* A cell with "1.23 GB", and every digit. */
static void put_octets_cell(uint64_t octets, FILE *out)
{
	fputs("<td>", out);
	html_put_octets(octets, out);
	fprintf(out, " <small>%" PRIu64 "</small></td>", octets);
}

static void put_figures(const struct report_row *row, FILE *out)
{
	put_octets_cell(chart_in(row), out);
	put_octets_cell(chart_out(row), out);
	put_octets_cell(row->total, out);
	fputs("</tr>\n", out);
}

static void put_table_head(const char *first, const char *caption, FILE *out)
{
	fprintf(out,
		"<div class=\"wide\"><table aria-label=\"%s\">\n"
		"<thead><tr><th scope=\"col\">%s</th><th scope=\"col\">In</th>"
		"<th scope=\"col\">Out</th><th scope=\"col\">Total</th></tr></thead>\n<tbody>\n",
		caption, first);
}

/* ---- the top ---- */

/* The policy makes browsers refuse scripts and everything from elsewhere, if ever one got in. */
static void put_head(const char *title, int64_t month_s, FILE *out)
{
	fputs("<!DOCTYPE html>\n<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n<head>\n"
	      "<meta charset=\"utf-8\"/>\n"
	      "<meta http-equiv=\"Content-Security-Policy\" "
	      "content=\"default-src 'none'; style-src 'unsafe-inline'\"/>\n"
	      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
	      "<meta name=\"robots\" content=\"noindex\"/>\n"
	      "<meta name=\"generator\" content=\"ctmeter " CTM_VERSION "\"/>\n<title>",
	      out);
	html_put_text(title, out);
	fputs(", ", out);
	html_put_time(month_s, MONTH_NAME, out);
	fprintf(out, "</title>\n<style>\n%s</style>\n</head>\n<body>\n", statement_style);
}

static void put_period(const struct statement *s, FILE *out)
{
	fputs("<p class=\"soft\">", out);
	html_put_time(s->month->since_s, TIME_ZONE, out);
	fputs(" to ", out);
	html_put_time(s->month->until_s, TIME_ZONE, out);
	fputs("</p>\n", out);
}

static void put_header(const struct statement *s, FILE *out)
{
	fputs("<header>\n<h1>", out);
	html_put_text(title_of(s), out);
	fputs("</h1>\n<p>Traffic of container ", out);
	html_put_text(s->ctid, out);
	fputs(" in ", out);
	html_put_time(s->month->since_s, MONTH_NAME, out);
	fputs("</p>\n", out);
	put_period(s, out);
	fputs("</header>\n", out);
}

static void put_note(const char *before, int64_t t, const char *after, FILE *out)
{
	fprintf(out, "<p class=\"note\">%s", before);
	html_put_time(t, TIME_ZONE, out);
	fprintf(out, "%s</p>\n", after);
}

/* What part of the month the figures are of, if it is not all of it. */
static void put_notes(const struct statement *s, FILE *out)
{
	const struct report_life *life = &s->sum->life;
	const struct statement_month *m = s->month;
	int64_t until_s = figures_until(s);

	if (m->until_s > m->now_s)
		put_note("The month is not over. These figures go until ", until_s, ".", out);
	else if (until_s < m->until_s)
		put_note("These figures go until ", until_s, "; what came later is missing.", out);
	if (life->since_s >= m->until_s)
		put_note("This container was not counted in this month: counting began at ",
			 life->since_s, ".", out);
	else if (life->since_s > m->since_s)
		put_note("Counting of this container began at ", life->since_s, ".", out);
	else if (s->sum->since_s > m->since_s)
		put_note("The history begins at ", s->sum->since_s,
			 ": earlier traffic is not in these figures.", out);
	else if (s->sum->since_s < period_floor(m->since_s, PERIOD_5MIN_S))
		put_note("Older figures are kept by the hour: these begin at ", s->sum->since_s,
			 ".", out);
	if (life->gone_s >= m->since_s && life->gone_s < m->until_s)
		put_note("The container has been gone since ", life->gone_s, ".", out);
	if (!s->sum->total)
		fputs("<p class=\"note\">No traffic was counted in this month.</p>\n", out);
}

/* ---- totals ---- */

static void put_card(const char *key, const char *title, uint64_t octets, FILE *out)
{
	fprintf(out, "<div><dt>%s%s</dt><dd>", key, title);
	html_put_octets(octets, out);
	fprintf(out, " <small>%" PRIu64 " octets</small></dd></div>\n", octets);
}

static void put_totals(const struct statement *s, FILE *out)
{
	fputs("<section aria-label=\"Totals\">\n<dl class=\"cards\">\n", out);
	put_card("<span class=\"key in\"></span> ", "In", chart_in(s->sum), out);
	put_card("<span class=\"key out\"></span> ", "Out", chart_out(s->sum), out);
	if (has_imported(s))
		put_card("<span class=\"key other\"></span> ", "Earlier figures",
			 s->sum->imported_octets, out);
	put_card("", "Total", s->sum->total, out);
	fputs("</dl>\n", out);
	if (has_imported(s))
		fputs("<p>Earlier figures are from before this counting began, with in and out "
		      "together. They are part of every total.</p>\n",
		      out);
	if (s->sum->octets[PATH_NODE_IN] || s->sum->octets[PATH_NODE_OUT]) {
		fputs("<p>This includes traffic with the node that the container runs on: in ",
		      out);
		put_octets_said(s->sum->octets[PATH_NODE_IN], out);
		fputs(", out ", out);
		put_octets_said(s->sum->octets[PATH_NODE_OUT], out);
		fputs(".</p>\n", out);
	}
	fputs("</section>\n", out);
}

/* ---- quota ---- */

static unsigned percent_of(const struct statement_quota *q)
{
	double percent = (double)q->used_octets / (double)q->limit_octets * 100;

	return percent < 1e6 ? (unsigned)percent : 1000000;
}

static void put_quota(const struct statement *s, FILE *out)
{
	const struct statement_quota *q = s->quota;
	unsigned percent;

	if (!q || !q->limit_octets)
		return;
	percent = percent_of(q);
	fprintf(out,
		"<section>\n<h2>Quota</h2>\n<div class=\"meter\"><div style=\"width: %u%%\">"
		"</div></div>\n<p>%u\xc2\xa0%%%s: ",
		percent < 100 ? percent : 100, percent, percent < 100 ? "" : ", used up");
	put_octets_said(q->used_octets, out);
	fputs(" of ", out);
	put_octets_said(q->limit_octets, out);
	fputs(", ", out);
	html_put_text(q->counts, out);
	fputs(", from ", out);
	html_put_time(q->since_s, TIME_ZONE, out);
	fputs(" to ", out);
	html_put_time(q->until_s, TIME_ZONE, out);
	fputs(".</p>\n</section>\n", out);
}

/* ---- percentile ---- */

static void put_rate_card(const char *title, uint64_t bits, FILE *out)
{
	fprintf(out, "<div><dt>%s</dt><dd>", title);
	html_put_rate(bits, out);
	fprintf(out, " <small>%" PRIu64 " bit/s</small></dd></div>\n", bits);
}

static void put_percentile(const struct statement *s, FILE *out)
{
	fputs("<section>\n<h2>95th percentile</h2>\n", out);
	if (s->sum->has_p95) {
		fputs("<dl class=\"cards\">\n", out);
		put_rate_card("<span class=\"key in\"></span> In", s->sum->p95_in_bits, out);
		put_rate_card("<span class=\"key out\"></span> Out", s->sum->p95_out_bits, out);
		fputs("</dl>\n<p>In 95 of 100 periods of 5 minutes the average rate was no higher "
		      "than this. Periods without traffic count as 0.</p>\n",
		      out);
	} else {
		fprintf(out,
			"<p>Not available: it needs the figures of each 5 minutes, which are kept "
			"for %d days.</p>\n",
			STORE_KEEP_5MIN_DAYS);
	}
	fputs("</section>\n", out);
}

/* ---- days and hours ---- */

static void put_key(const struct statement *s, FILE *out)
{
	fputs("<p class=\"soft\"><span class=\"key in\"></span> In, above the line "
	      "&#160; <span class=\"key out\"></span> Out, below the line",
	      out);
	if (has_imported(s))
		fputs(" &#160; <span class=\"key other\"></span> Earlier figures, in and out "
		      "together",
		      out);
	fputs("</p>\n", out);
}

/* Nothing is shown as 0 of a time at which the container was not there. */
static bool was_counted(const struct statement *s, const struct report_row *row)
{
	const struct report_life *life = &s->sum->life;

	return row->total ||
	       (row->until_s > life->since_s && (!life->gone_s || row->since_s < life->gone_s));
}

/* A day that is not of 24 hours says so. */
static void put_day(const struct report_row *row, FILE *out)
{
	int64_t middle_s = row->since_s + (row->until_s - row->since_s) / 2;
	int64_t length_s = row->until_s - row->since_s;
	char day[PERIOD_TEXT_SIZE];
	int64_t begin_s;

	fputs("<tr><th scope=\"row\">", out);
	html_put_time(middle_s, "%Y-%m-%d", out);
	fputs(" <small>", out);
	html_put_time(middle_s, "%A", out);
	if (length_s != PERIOD_DAY_S && length_s % PERIOD_HOUR_S == 0 &&
	    period_parse(period_local(middle_s, "%Y-%m-%d", day), middle_s, &begin_s) == 0 &&
	    period_next_day(begin_s) - begin_s == length_s)
		fprintf(out, ", %d hours", (int)(length_s / PERIOD_HOUR_S));
	fputs("</small></th>", out);
	put_figures(row, out);
}

static void put_days(const struct statement *s, FILE *out)
{
	struct chart c = {
		.id = "days",
		.title = "Traffic by day",
		.of = "day",
		.since_s = s->month->since_s,
		.until_s = s->month->until_s,
		.rows = s->days,
		.n_rows = s->n_days,
		.with_titles = true,
	};

	fputs("<section>\n<h2>By day</h2>\n", out);
	put_key(s, out);
	chart_put(&c, out);
	put_table_head("Day", "Traffic by day", out);
	for (size_t i = 0; i < s->n_days; i++)
		if (was_counted(s, &s->days[i]))
			put_day(&s->days[i], out);
	fputs("</tbody>\n<tfoot><tr><th scope=\"row\">All</th>", out);
	put_figures(s->sum, out);
	fputs("</tfoot></table></div>\n</section>\n", out);
}

static void put_hour_table(const struct statement *s, FILE *out)
{
	const char *format = changes_zone(s) ? TIME_ZONE : PERIOD_MINUTE;

	fputs("<details>\n<summary>The figures of each hour with traffic</summary>\n", out);
	put_table_head("Hour from", "Traffic by hour", out);
	for (size_t i = 0; i < s->n_hours; i++) {
		if (!s->hours[i].total)
			continue;
		fputs("<tr><th scope=\"row\">", out);
		html_put_time(s->hours[i].since_s, format, out);
		fputs("</th>", out);
		put_figures(&s->hours[i], out);
	}
	fputs("</tbody></table></div>\n</details>\n", out);
}

static void put_hours(const struct statement *s, FILE *out)
{
	struct chart c = {
		.id = "hours",
		.title = "Traffic by hour",
		.of = "hour",
		.since_s = s->month->since_s,
		.until_s = s->month->until_s,
		.rows = s->hours,
		.n_rows = s->n_hours,
	};

	fputs("<section>\n<h2>By hour</h2>\n", out);
	put_key(s, out);
	chart_put(&c, out);
	put_hour_table(s, out);
	fputs("</section>\n", out);
}

/* ---- addresses ---- */

static void put_address(const struct statement *s, const struct report_row *row, FILE *out)
{
	const struct report_life *life = &row->life;

	fputs("<tr><th scope=\"row\">", out);
	html_put_text(row->address, out);
	if (life->since_s > s->month->since_s) {
		fputs(" <small>from ", out);
		html_put_time(life->since_s, TIME_ZONE, out);
		fputs("</small>", out);
	}
	if (life->gone_s && life->gone_s < s->month->until_s) {
		fputs(" <small>until ", out);
		html_put_time(life->gone_s, TIME_ZONE, out);
		fputs("</small>", out);
	}
	fputs("</th>", out);
	put_figures(row, out);
}

static void put_addresses(const struct statement *s, FILE *out)
{
	fputs("<section>\n<h2>Addresses</h2>\n", out);
	if (s->n_addresses)
		put_table_head("Address", "Traffic by address", out);
	else
		fputs("<p>The container had no address in this month.</p>\n", out);
	for (size_t i = 0; i < s->n_addresses; i++)
		put_address(s, &s->addresses[i], out);
	if (s->n_addresses)
		fputs("</tbody></table></div>\n", out);
	fputs("</section>\n", out);
}

/* ---- the whole ---- */

static void put_footer(const struct statement *s, FILE *out)
{
	fputs("<footer>\n<p>In is what the container received, out what it sent. Octets (bytes) "
	      "are "
	      "those of IP packets; 1 kB is 1,000 octets. Times are local; a day begins at "
	      "00:00.</p>\n<p>Made by ctmeter " CTM_VERSION " at ",
	      out);
	html_put_time(s->month->now_s, TIME_ZONE, out);
	fputs(".</p>\n</footer>\n</body>\n</html>\n", out);
}

void statement_put(const struct statement *s, FILE *out)
{
	put_head(title_of(s), s->month->since_s, out);
	put_header(s, out);
	fputs("<main>\n", out);
	put_notes(s, out);
	put_totals(s, out);
	put_quota(s, out);
	if (s->sum->total) {
		put_percentile(s, out);
		put_days(s, out);
		put_hours(s, out);
	}
	put_addresses(s, out);
	fputs("<section>\n<h2>Interruptions</h2>\n", out);
	statement_put_gaps(s, out);
	fputs("</section>\n</main>\n", out);
	put_footer(s, out);
}

void statement_put_index(const struct statement_month *month, const struct statement_link *links,
			 size_t n_links, FILE *out)
{
	put_head("Traffic statements", month->since_s, out);
	fputs("<header>\n<h1>Traffic statements</h1>\n<p>", out);
	html_put_time(month->since_s, MONTH_NAME, out);
	fputs("</p>\n</header>\n<main>\n<div class=\"wide\"><table aria-label=\"Statements\">\n"
	      "<thead><tr><th scope=\"col\">Container</th><th "
	      "scope=\"col\">Total</th></tr></thead>\n"
	      "<tbody>\n",
	      out);
	for (size_t i = 0; i < n_links; i++) {
		fputs("<tr><th scope=\"row\"><a href=\"", out);
		html_put_text(links[i].href, out);
		fputs("\">", out);
		html_put_text(links[i].ctid, out);
		fputs("</a> <small>", out);
		html_put_text(links[i].name, out);
		fputs("</small></th>", out);
		put_octets_cell(links[i].total_octets, out);
		fputs("</tr>\n", out);
	}
	fputs("</tbody></table></div>\n</main>\n</body>\n</html>\n", out);
}
