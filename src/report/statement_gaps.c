/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is known of interruptions in a month, in plain words: see statement.h. The ledger keeps the
 * time of each row's last discontinuity and how many there were. A container has each of those of
 * its addresses. */
#include "report/html.h"
#include "report/statement.h"

#include <inttypes.h>

static bool is_in(const struct statement *s, int64_t t)
{
	return t >= s->sum->since_s && t < s->sum->until_s;
}

static bool has_in_month(const struct statement *s, const struct report_life *life)
{
	return life->discontinuities > 0 && is_in(s, life->discontinuity_s);
}

/* Was an address before this one interrupted at the same time? */
static bool is_told(const struct statement *s, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (has_in_month(s, &s->addresses[i].life) &&
		    s->addresses[i].life.discontinuity_s ==
			    s->addresses[index].life.discontinuity_s)
			return true;
	return false;
}

static void begin_item(int64_t at_s, FILE *out)
{
	fputs("<li>", out);
	html_put_time(at_s, PERIOD_MINUTE " %Z", out);
	fputs(": ", out);
}

/* One item for each time, with all addresses of that time. Returns whether the container's own last
 * one was among them. */
static bool put_addresses(const struct statement *s, FILE *out)
{
	bool has_last = false;

	for (size_t i = 0; i < s->n_addresses; i++) {
		int64_t at_s = s->addresses[i].life.discontinuity_s;
		const char *between = "";

		if (!has_in_month(s, &s->addresses[i].life) || is_told(s, i))
			continue;
		has_last = has_last || at_s == s->sum->life.discontinuity_s;
		begin_item(at_s, out);
		for (size_t k = i; k < s->n_addresses; k++) {
			if (s->addresses[k].life.discontinuity_s != at_s)
				continue;
			fputs(between, out);
			html_put_text(s->addresses[k].address, out);
			between = ", ";
		}
		fputs("</li>\n", out);
	}
	return has_last;
}

/* Is it unknown whether there were more in the month than those whose time is known? The times of a
 * container's earlier ones are overwritten by the last. */
static bool may_be_more(const struct statement *s)
{
	const struct report_life *life = &s->sum->life;

	return life->discontinuities > 1 && life->discontinuity_s >= s->sum->since_s;
}

void statement_put_gaps(const struct statement *s, FILE *out)
{
	const struct report_life *life = &s->sum->life;
	bool any = has_in_month(s, life);

	for (size_t i = 0; i < s->n_addresses; i++)
		any = any || has_in_month(s, &s->addresses[i].life);
	if (any) {
		fputs("<p>Counting was disturbed at these times. Traffic around them may be "
		      "missing "
		      "from the figures.</p>\n<ul>\n",
		      out);
		if (!put_addresses(s, out) && has_in_month(s, life)) {
			begin_item(life->discontinuity_s, out);
			fputs("the container</li>\n", out);
		}
		fputs("</ul>\n", out);
	} else if (!may_be_more(s)) {
		fputs("<p>No interruption of the counting is known in this month.</p>\n", out);
	}
	if (may_be_more(s)) {
		fprintf(out,
			"<p>Since counting began there were %" PRIu64
			" interruptions. Only the last is kept with its time",
			life->discontinuities);
		if (!any) {
			fputs(" (", out);
			html_put_time(life->discontinuity_s, PERIOD_MINUTE " %Z", out);
			fputs(", after this month)", out);
		}
		fputs(", so earlier ones may also belong to this month.</p>\n", out);
	}
}
