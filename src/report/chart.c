/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Charts: see chart.h.
 * 1. Bars are drawn in a plane of integers that SVG stretches to the place there is: horizontally 5
 *    minutes are one unit, so days of 23 and 25 hours have their width; vertically PLANE units are
 *    the sum of both directions' highest bars.
 * 2. Texts and lines stand outside that plane and are placed in per cent and pixels, so that
 *    nothing stretches them. */
#include "report/chart.h"

#include "report/html.h"

#include <inttypes.h>
#include <stdbool.h>

#define PLANE 1000 /* units */
#define HEIGHT 220 /* pixels of the plane */
#define LEAST 4 /* units of a bar that is not 0 */
#define DAY_LABELS 5 /* a label for every so many days */

#define TIME_OF_DAY "%Y-%m-%d"
#define TIME_OF_HOUR "%Y-%m-%d %H:%M"

/* The scale: value 0 is at `line` units from the top. */
struct scale {
	uint64_t up, down; /* the highest bars */
	int line;
};

uint64_t chart_in(const struct report_row *row)
{
	uint64_t in = row->octets[PATH_FWD_IN], node = row->octets[PATH_NODE_IN];

	return node > UINT64_MAX - in ? UINT64_MAX : in + node;
}

uint64_t chart_out(const struct report_row *row)
{
	uint64_t out = row->octets[PATH_FWD_OUT], node = row->octets[PATH_NODE_OUT];

	return node > UINT64_MAX - out ? UINT64_MAX : out + node;
}

/* What stands above the line: in, and on top of it what was imported. */
static uint64_t above(const struct report_row *row)
{
	uint64_t in = chart_in(row);

	return row->imported_octets > UINT64_MAX - in ? UINT64_MAX : in + row->imported_octets;
}

/* ---- the scale ---- */

uint64_t chart_step(uint64_t length)
{
	static const unsigned factors[] = { 2, 5, 10 };
	uint64_t power = 1, step = 1;

	for (unsigned i = 0; length / step > 7; i = (i + 1) % 3) {
		if (power > UINT64_MAX / 10)
			return step;
		step = power * factors[i];
		if (i == 2)
			power = step;
	}
	return length ? step : 0;
}

static int units(const struct scale *s, uint64_t value)
{
	double all = (double)s->up + (double)s->down;
	int n = all > 0 ? (int)((double)value / all * PLANE + 0.5) : 0;

	return value && n < LEAST ? LEAST : n;
}

static struct scale scale_of(const struct chart *c)
{
	struct scale s = { .line = 0 };

	for (size_t i = 0; i < c->n_rows; i++) {
		uint64_t up = above(&c->rows[i]), down = chart_out(&c->rows[i]);

		s.up = up > s.up ? up : s.up;
		s.down = down > s.down ? down : s.down;
	}
	s.line = units(&s, s.up);
	return s;
}

static int pixels(int y)
{
	return y * HEIGHT / PLANE;
}

static void put_line(int y, const char *class, uint64_t octets, FILE *out)
{
	fprintf(out,
		"<line class=\"%s\" x1=\"0\" x2=\"100%%\" y1=\"%d.5\" y2=\"%d.5\"/>\n"
		"<text class=\"y\" x=\"-8\" y=\"%d\">",
		class, pixels(y), pixels(y), pixels(y) + 4);
	html_put_octets(octets, out);
	fputs("</text>\n", out);
}

static void put_scale(const struct scale *s, FILE *out)
{
	uint64_t length = s->down > UINT64_MAX - s->up ? UINT64_MAX : s->up + s->down;
	uint64_t step = chart_step(length);

	for (uint64_t n = step; step && n <= s->up; n += step) {
		put_line(s->line - units(s, n), "grid", n, out);
		if (n > UINT64_MAX - step)
			break;
	}
	for (uint64_t n = step; step && n <= s->down; n += step) {
		put_line(s->line + units(s, n), "grid", n, out);
		if (n > UINT64_MAX - step)
			break;
	}
	put_line(s->line, "axis", 0, out);
}

/* ---- bars ---- */

static int64_t along(const struct chart *c, int64_t t)
{
	t = t < c->since_s ? c->since_s : t > c->until_s ? c->until_s : t;
	return (t - c->since_s) / PERIOD_5MIN_S;
}

/* A bar of so many units above the line, or below it if negative. */
static void put_bar(const struct chart *c, const struct scale *s, const struct report_row *row,
		    const char *class, int height, FILE *out)
{
	int64_t x = along(c, row->since_s), width = along(c, row->until_s) - x;
	int64_t gap = width / 12; /* on each side */

	if (!height || !width)
		return;
	fprintf(out,
		"<rect class=\"%s\" x=\"%" PRId64 "\" y=\"%d\" width=\"%" PRId64
		"\" height=\"%d\"/>",
		class, x + gap, height > 0 ? s->line - height : s->line, width - 2 * gap,
		height > 0 ? height : -height);
}

static void put_figures(const struct chart *c, const struct report_row *row, FILE *out)
{
	int64_t middle_s = row->since_s + (row->until_s - row->since_s) / 2;

	fputs("<title>", out);
	html_put_time(*c->of == 'd' ? middle_s : row->since_s,
		      *c->of == 'd' ? TIME_OF_DAY : TIME_OF_HOUR, out);
	fputs(": in ", out);
	html_put_octets(chart_in(row), out);
	fputs(", out ", out);
	html_put_octets(chart_out(row), out);
	if (row->imported_octets) {
		fputs(", earlier figures ", out);
		html_put_octets(row->imported_octets, out);
	}
	fputs("</title>", out);
}

/* Imported traffic is the part of its bar that stands out above that of in, drawn over it. */
static void put_bars(const struct chart *c, const struct scale *s, FILE *out)
{
	for (size_t i = 0; i < c->n_rows; i++) {
		const struct report_row *row = &c->rows[i];

		if (!above(row) && !chart_out(row))
			continue;
		fputs("<g>", out);
		put_figures(c, row, out);
		if (row->imported_octets)
			put_bar(c, s, row, "other", units(s, above(row)), out);
		put_bar(c, s, row, "in", units(s, chart_in(row)), out);
		put_bar(c, s, row, "out", -units(s, chart_out(row)), out);
		fputs("</g>\n", out);
	}
}

/* All bars of a direction as one outline, which takes a tenth of the room. */
static void put_outline(const struct chart *c, const struct scale *s, const char *class, int sign,
			uint64_t (*of)(const struct report_row *), FILE *out)
{
	int64_t x = c->n_rows ? along(c, c->rows[0].since_s) : 0;
	int y = s->line;

	fprintf(out, "<path class=\"%s\" d=\"M%" PRId64 " %d", class, x, y);
	for (size_t i = 0; i < c->n_rows; i++) {
		int top = s->line - sign * units(s, of(&c->rows[i]));

		if (top != y)
			fprintf(out, "V%d", top);
		y = top;
		x = along(c, c->rows[i].until_s);
		fprintf(out, "H%" PRId64, x);
	}
	fprintf(out, "V%dz\"/>\n", s->line);
}

static void put_outlines(const struct chart *c, const struct scale *s, FILE *out)
{
	bool imported = false;

	for (size_t i = 0; i < c->n_rows; i++)
		imported = imported || c->rows[i].imported_octets;
	if (imported)
		put_outline(c, s, "other", 1, above, out);
	put_outline(c, s, "in", 1, chart_in, out);
	put_outline(c, s, "out", -1, chart_out, out);
}

/* ---- around them ---- */

/* Days of the month below the chart. The percentages have two digits after the point. */
static void put_days(const struct chart *c, FILE *out)
{
	int64_t length_s = c->until_s - c->since_s;
	int n = 1;

	for (int64_t s = c->since_s; s < c->until_s; n++) {
		int64_t next_s = period_next_day(s);
		int64_t middle = (s + (next_s - s) / 2 - c->since_s) * 10000 / length_s;

		if (n == 1 || n % DAY_LABELS == 0)
			fprintf(out,
				"<text class=\"x\" x=\"%" PRId64 ".%02d%%\" y=\"%d\">%d</text>\n",
				middle / 100, (int)(middle % 100), HEIGHT + 18, n);
		s = next_s;
	}
}

static const struct report_row *greatest(const struct chart *c,
					 uint64_t (*of)(const struct report_row *))
{
	const struct report_row *found = NULL;

	for (size_t i = 0; i < c->n_rows; i++)
		if (of(&c->rows[i]) && (!found || of(&c->rows[i]) > of(found)))
			found = &c->rows[i];
	return found;
}

static void put_greatest(const struct chart *c, const char *what,
			 uint64_t (*of)(const struct report_row *), FILE *out)
{
	const struct report_row *row = greatest(c, of);

	if (!row)
		return;
	fprintf(out, " The %s with the most traffic %s: ", c->of, what);
	html_put_time(row->since_s, *c->of == 'd' ? TIME_OF_DAY : TIME_OF_HOUR, out);
	fputs(", ", out);
	html_put_octets(of(row), out);
	fputs(".", out);
}

void chart_put(const struct chart *c, FILE *out)
{
	struct scale s = scale_of(c);

	fprintf(out,
		"<svg class=\"chart\" role=\"img\" aria-labelledby=\"%s-title %s-desc\" "
		"height=\"%d\" xmlns=\"http://www.w3.org/2000/svg\">\n"
		"<title id=\"%s-title\">",
		c->id, c->id, HEIGHT + 26, c->id);
	html_put_text(c->title, out);
	fprintf(out,
		"</title>\n<desc id=\"%s-desc\">A bar for each %s: in above the line, out below "
		"it.",
		c->id, c->of);
	put_greatest(c, "in", chart_in, out);
	put_greatest(c, "out", chart_out, out);
	fputs("</desc>\n", out);
	put_scale(&s, out);
	fprintf(out,
		"<svg width=\"100%%\" height=\"%d\" viewBox=\"0 0 %" PRId64
		" %d\" preserveAspectRatio=\"none\">\n",
		HEIGHT, along(c, c->until_s), PLANE);
	if (c->with_titles)
		put_bars(c, &s, out);
	else
		put_outlines(c, &s, out);
	fputs("</svg>\n", out);
	put_days(c, out);
	fputs("</svg>\n", out);
}
