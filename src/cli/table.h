/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_TABLE_H
#define CTM_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* An aligned table: a line of titles and rows of text, with columns as wide as needed, two blanks
 * between them and none at the end of a line. Cells may hold any text; display_clean makes it safe
 * to print. */

enum table_align { TABLE_LEFT, TABLE_RIGHT };
enum table_style { TABLE_PLAIN, TABLE_BOLD, TABLE_DIM, TABLE_GOOD, TABLE_WARN, TABLE_BAD };

struct table_column {
	const char *title;
	enum table_align align;
};

struct table;

/* `columns` is borrowed for the life of the table. */
struct table *table_new(const struct table_column *columns, size_t n_columns);
void table_free(struct table *t);

/* Add the next cell, row by row; `text` is copied. */
void table_cell(struct table *t, const char *text, enum table_style style);

/* Print the titles and all complete rows. Styles show only with colour. */
void table_print(const struct table *t, bool colour, FILE *out);

/* The escape sequences that begin and end a style; "" without colour. */
const char *table_style_begin(enum table_style style, bool colour);
const char *table_style_end(enum table_style style, bool colour);

#endif
