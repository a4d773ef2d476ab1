/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_CHART_H
#define CTM_CHART_H

#include "report/report.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Traffic over time as SVG within HTML: in above a line, out below it, on one scale. It is as wide
 * as its place, and its texts keep their size. Colours come from the page's style. */

struct chart {
	const char *id; /* unique in the page, letters only */
	const char *title;
	const char *of; /* "day" or "hour": what a bar stands for */
	int64_t since_s, until_s; /* the axis */
	const struct report_row *rows; /* in order of time; parts outside the axis are cut off */
	size_t n_rows;
	bool with_titles; /* each bar tells its figures when pointed at; for some dozens of bars */
};

void chart_put(const struct chart *c, FILE *out);

/* Octets of a row in each direction, forwarded and node traffic together. */
uint64_t chart_in(const struct report_row *row);
uint64_t chart_out(const struct report_row *row);

/* The distance of the lines of a scale of this length: 1, 2 or 5 times a power of ten, so that
 * there are three to seven of them. 0 for 0. */
uint64_t chart_step(uint64_t length);

#endif
