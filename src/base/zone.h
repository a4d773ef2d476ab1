/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_ZONE_H
#define CTM_ZONE_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

/* A time zone by name, read once from the system's database (RFC 8536).
 *
 * The C library knows one zone at a time: that of TZ, an environment variable that the whole
 * process shares. A daemon with a second thread cannot set it, nor does its own log change zone
 * because of a bill. So the file is read here, into memory, and nothing is opened afterwards. */

struct zone;

#define ZONE_DIR "/usr/share/zoneinfo"
#define ZONE_NAME_MAX 64

/* Read the zone "Europe/Berlin". "UTC" needs no file. Returns 0, or -errno with e saying what is
 * wrong with the name and what to do. */
int zone_load(const char *name, struct zone **ret_zone, struct err *e);

/* The same from the file's octets. Returns 0, or -EINVAL for what is no such file. */
int zone_parse(const char *name, const void *data, size_t len, struct zone **ret_zone);

/* NULL is ignored. */
void zone_free(struct zone *z);

const char *zone_name_of(const struct zone *z);

/* Seconds east of UTC at the moment t. */
int64_t zone_offset_s(const struct zone *z, int64_t t);

/* A day of the Gregorian calendar. */
struct zone_day {
	int64_t year;
	int month, day; /* from 1 */
};

/* The local day of the moment t. */
struct zone_day zone_day_of(const struct zone *z, int64_t t);

/* The first moment of a day: 00:00, or when the clocks go over midnight the first moment after.
 * Where a day begins twice (the clocks go back over midnight to the day before), the second. */
int64_t zone_day_begin(const struct zone *z, struct zone_day day);

/* Days of a month, 1 to 12. */
int zone_month_days(int64_t year, int month);

#endif
