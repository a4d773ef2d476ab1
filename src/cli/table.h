/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_TABLE_H
#define CTM_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* An aligned table for people: a title line, rows of text, columns as wide as they must be, two
 * blanks between them, none at the end of a line. Cells may hold anything: what must not be
 * printed is replaced (display.h). */

enum table_align { TABLE_LEFT, TABLE_RIGHT };
enum table_style { TABLE_PLAIN, TABLE_BOLD, TABLE_DIM, TABLE_GOOD, TABLE_WARN, TABLE_BAD };

struct table_column {
	const char *title;
	enum table_align align;
};

struct table;

/* `columns` is borrowed for the table's life. */
struct table *table_new(const struct table_column *columns, size_t n_columns);
void table_free(struct table *t);

/* The next cell, row by row; `text` is copied. */
void table_cell(struct table *t, const char *text, enum table_style style);

/* Print the titles and all whole rows. Styles show only with colour. */
void table_print(const struct table *t, bool colour, FILE *out);

/* Escape sequences that begin a style and end any; "" without colour. */
const char *table_style_begin(enum table_style style, bool colour);
const char *table_style_end(enum table_style style, bool colour);

#endif
