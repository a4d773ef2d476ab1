/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_IMPORT_H
#define CTM_IMPORT_H

#include "base/addr.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Lines of what was counted before there was a ctmeter, as the OpenVZ wiki's scripts write them: its log,
 * and a CSV of its table Traffic. The grammar is in ctmeter(1), "Import". A line tells how many octets an
 * address had, in and out together, since the line before it of that address.
 * 1. The first line that says something tells whether it is a log or a CSV, with which columns.
 * 2. Times are local (TZ) or UTC. An hour that the local clock shows twice is told apart by the line of the
 *    same address before it.
 * 3. Memory is bounded: by the number of addresses, IMPORT_ADDRESSES_MAX. */

#define IMPORT_LINE_MAX 1024
#define IMPORT_ADDRESSES_MAX 65536

struct import;

struct import_line {
	int64_t measured_s;
	struct addr addr;
	uint64_t octets; /* up to 2^63-1 */
	bool rounded; /* written as 2.14748e+09: the last digits are not known */
	size_t address; /* the address's number among those seen, from 0 */
};

/* utc: times are UTC, not local. now_s: later lines are refused. */
struct import *import_new(bool utc, int64_t now_s);
void import_free(struct import *p);

/* One line, with or without its end; it is changed. Returns 1 and *ret; 0 for a line without traffic: empty,
 * a comment, the titles of a CSV, no octets, or the line before it of that address once more; or -EINVAL
 * with e: what in it is wrong and what helps. */
int import_take(struct import *p, char *line, struct import_line *ret, struct err *e);

/* The addresses seen, which have the numbers below it. */
size_t import_addresses(const struct import *p);

#endif
