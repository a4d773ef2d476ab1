/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_PGCOPY_H
#define CTM_PGCOPY_H

#include "base/addr.h"

#include <stddef.h>
#include <stdint.h>

/* The octets of PostgreSQL's COPY .. WITH (FORMAT binary), in memory (its manual, "COPY", "Binary
 * Format"). Begin, then for each row pgcopy_row and its columns in order, then end. */

struct pgcopy {
	char *data; /* free() it */
	size_t len, cap;
	size_t rows;
};

void pgcopy_begin(struct pgcopy *c); /* keeps the memory of an earlier one */
void pgcopy_row(struct pgcopy *c, unsigned columns);
void pgcopy_null(struct pgcopy *c);
void pgcopy_bigint(struct pgcopy *c, int64_t value);
void pgcopy_text(struct pgcopy *c, const char *text);
void pgcopy_time(struct pgcopy *c, int64_t unix_s); /* timestamptz */
void pgcopy_inet(struct pgcopy *c, const struct addr *a);
void pgcopy_end(struct pgcopy *c);

#endif
