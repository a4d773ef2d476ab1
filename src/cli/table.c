/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An aligned table for people: see table.h. */
#include "cli/table.h"

#include "base/display.h"
#include "base/xalloc.h"

#include <stdlib.h>

struct cell {
	char *text; /* clean */
	size_t width;
	enum table_style style;
};

struct table {
	const struct table_column *columns;
	size_t n_columns;
	size_t *widths; /* of the columns */
	struct cell *cells; /* row by row */
	size_t n_cells, cap;
};

struct table *table_new(const struct table_column *columns, size_t n_columns)
{
	struct table *t = xcalloc(1, sizeof(*t));

	t->columns = columns;
	t->n_columns = n_columns;
	t->widths = xcalloc(n_columns, sizeof(*t->widths));
	for (size_t i = 0; i < n_columns; i++)
		t->widths[i] = display_width(columns[i].title);
	return t;
}

void table_free(struct table *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n_cells; i++)
		free(t->cells[i].text);
	free(t->cells);
	free(t->widths);
	free(t);
}

void table_cell(struct table *t, const char *text, enum table_style style)
{
	size_t *width = &t->widths[t->n_cells % t->n_columns];
	struct cell *cell;

	t->cells = xgrow(t->cells, t->n_cells, &t->cap, sizeof(*t->cells));
	cell = &t->cells[t->n_cells++];
	cell->text = display_clean(text);
	cell->width = display_width(cell->text);
	cell->style = style;
	if (*width < cell->width)
		*width = cell->width;
}

const char *table_style_begin(enum table_style style, bool colour)
{
	static const char *const codes[] = {
		[TABLE_PLAIN] = "",        [TABLE_BOLD] = "\033[1m",  [TABLE_DIM] = "\033[2m",
		[TABLE_GOOD] = "\033[32m", [TABLE_WARN] = "\033[33m", [TABLE_BAD] = "\033[31m",
	};

	return colour ? codes[style] : "";
}

const char *table_style_end(enum table_style style, bool colour)
{
	return colour && style != TABLE_PLAIN ? "\033[0m" : "";
}

/* Blanks are printed only before the next text, so that no line ends with them. */
static void print_row(const struct table *t, const struct cell *cells, bool colour, FILE *out)
{
	size_t owed = 0;

	for (size_t i = 0; i < t->n_columns; i++) {
		const struct cell *c = &cells[i];
		size_t pad = t->widths[i] - c->width;

		if (t->columns[i].align == TABLE_RIGHT)
			owed += pad;
		if (c->width) {
			fprintf(out, "%*s%s%s%s", (int)owed, "",
				table_style_begin(c->style, colour), c->text,
				table_style_end(c->style, colour));
			owed = 0;
		}
		if (t->columns[i].align == TABLE_LEFT)
			owed += pad;
		owed += 2;
	}
	fputc('\n', out);
}

void table_print(const struct table *t, bool colour, FILE *out)
{
	struct cell *titles = xcalloc(t->n_columns, sizeof(*titles));

	for (size_t i = 0; i < t->n_columns; i++) {
		titles[i].text = display_clean(t->columns[i].title);
		titles[i].width = display_width(titles[i].text);
		titles[i].style = TABLE_BOLD;
	}
	print_row(t, titles, colour, out);
	for (size_t i = 0; i + t->n_columns <= t->n_cells; i += t->n_columns)
		print_row(t, &t->cells[i], colour, out);
	for (size_t i = 0; i < t->n_columns; i++)
		free(titles[i].text);
	free(titles);
}
