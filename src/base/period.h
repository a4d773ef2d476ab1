/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_PERIOD_H
#define CTM_PERIOD_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Periods of time as an operator writes them. Times are Unix seconds; the text is local time (TZ),
 * so a day may have 23 or 25 hours. */

#define PERIOD_5MIN_S 300
#define PERIOD_HOUR_S 3600
#define PERIOD_DAY_S 86400

struct period {
	int64_t since_s; /* a multiple of 300 */
	int64_t until_s; /* exclusive; a multiple of 300, or the present when `to_now` */
	bool to_now;
};

/* A moment: "2026-11-01", "2026-11-01T12:00" (also with a blank, and with seconds), "30d" or "12h"
 * ago, "month" (the beginning of this month), "last-month" (the beginning of last month).
 * Returns 0, or -EINVAL for any other text. */
int period_parse(const char *text, int64_t now_s, int64_t *ret_s);

/* The period of --since and --until (NULL: not given). The default is the last 30 days; without an
 * end it lasts until now, but "last-month" alone means that whole month. Both ends are rounded down
 * to 5 minutes, so that consecutive periods meet. Returns 0, or -EINVAL with e filled for a bad
 * moment or an empty period. */
int period_resolve(const char *since, const char *until, int64_t now_s, struct period *ret,
		   struct err *e);

/* A calendar month in local time: "2026-11", or (NULL) the last one that is over. Both ends are
 * exact: a zone's midnight may be no multiple of 5 minutes. Returns 0, or with e
 * filled -EINVAL for another text, -ERANGE for a month that has not begun. */
int period_month(const char *text, int64_t now_s, int64_t *ret_since_s, int64_t *ret_until_s,
		 struct err *e);

/* The beginning of the local day after t's. */
int64_t period_next_day(int64_t t);

/* t rounded down, or up, to a multiple of `step`. */
int64_t period_floor(int64_t t, int64_t step);
int64_t period_ceil(int64_t t, int64_t step);

#define PERIOD_TEXT_SIZE 40

/* strftime(3) in local time, or in UTC. Returns buf; "-" when t cannot be formatted. */
const char *period_local(int64_t t, const char *format, char buf[PERIOD_TEXT_SIZE]);
const char *period_utc(int64_t t, const char *format, char buf[PERIOD_TEXT_SIZE]);

#define PERIOD_MINUTE "%Y-%m-%d %H:%M"
#define PERIOD_SECOND "%Y-%m-%d %H:%M:%S"
#define PERIOD_ISO_UTC "%Y-%m-%dT%H:%M:%SZ"

#endif
