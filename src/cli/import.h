/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_IMPORT_H
#define CTM_IMPORT_H

#include "base/addr.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A parser for traffic counted before ctmeter by the OpenVZ wiki's scripts: their log, or a CSV of
 * their table Traffic. The grammar is in ctmeter(1), "Import". A line gives the octets of an
 * address, in and out together, since that address's previous line.
 * 1. The first line that is not empty or a comment decides between log and CSV, and the columns.
 * 2. Times are local (TZ) or UTC. In an hour that the local clock shows twice, the previous line of
 *    the same address decides which of the two is meant.
 * 3. Memory is bounded by the number of addresses, IMPORT_ADDRESSES_MAX. */

#define IMPORT_LINE_MAX 1024
#define IMPORT_ADDRESSES_MAX 65536

struct import;

struct import_line {
	int64_t measured_s;
	struct addr addr;
	uint64_t octets; /* up to 2^63-1 */
	bool rounded; /* written as 2.14748e+09: the last digits are unknown */
	size_t address; /* the address's number among those seen, from 0 */
};

/* utc: times are UTC, not local. Lines later than now_s are refused. */
struct import *import_new(bool utc, int64_t now_s);
void import_free(struct import *p);

/* Parse one line, with or without its line end, in place. Returns 1 and *ret; 0 for a line without
 * traffic (empty, a comment, the titles of a CSV, no octets, or a repetition of that address's
 * previous line); or -EINVAL with e saying what is wrong with it and what to do. */
int import_take(struct import *p, char *line, struct import_line *ret, struct err *e);

/* The number of addresses seen; their numbers are below it. */
size_t import_addresses(const struct import *p);

#endif
