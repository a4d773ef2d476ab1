/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_BILLING_H
#define CTM_BILLING_H

#include "base/err.h"
#include "base/traffic.h"
#include "base/zone.h"

#include <stdbool.h>
#include <stdint.h>

/* Billing periods, quotas and thresholds. Pure. */

/* A period begins on this day of the month, at the day's beginning in the zone. In a month that is
 * shorter it begins on the month's last day. */
struct billing_rule {
	uint32_t start_day; /* 1 to 31 */
	const struct zone *zone;
};

/* The latest beginning of a period that is not later than t, and the earliest that is later. */
int64_t billing_begin(const struct billing_rule *rule, int64_t t);
int64_t billing_next(const struct billing_rule *rule, int64_t t);

/* What of a container's traffic counts against its quota. The store keeps these numbers. */
enum billing_counts {
	BILLING_COUNTS_UNSET, /* as is said elsewhere */
	BILLING_COUNTS_IN,
	BILLING_COUNTS_OUT,
	BILLING_COUNTS_BOTH,
	BILLING_COUNTS_LARGER,
	BILLING_COUNTS_KINDS
};

/* "in", "out", "both", "larger"; "" for another value. */
const char *billing_counts_text(enum billing_counts counts);
/* BILLING_COUNTS_UNSET: none of these words. */
enum billing_counts billing_counts_parse(const char *text);

/* The words for a message. */
#define BILLING_COUNTS_WORDS "in, out, both, larger"

/* A limit of octets in a period, as somebody set it. All zeros: nobody did. */
struct billing_quota {
	uint64_t octets; /* 0: as is said elsewhere; BILLING_NO_QUOTA: none */
	enum billing_counts counts;
};

#define BILLING_NO_QUOTA UINT64_MAX
#define BILLING_QUOTA_MAX ((uint64_t)INT64_MAX) /* 9.2 EB: what the store and JSON readers hold */

/* Read "2TB" (10^12 octets), "2TiB" (2^40), "1.5 GB", "500000" (octets), "0" or "none"
 * (BILLING_NO_QUOTA). Units are B, kB, MB, GB, TB, PB, EB and KiB to EiB; their case does not
 * matter, and "T" is TB. Returns 0, or -EINVAL with e saying what is expected. */
int billing_parse_quota(const char *text, uint64_t *ret_octets, struct err *e);

/* What is in force: each field from the first that sets it. In the result 0 octets are no quota,
 * and what counts is both if nobody said. */
void billing_quota_of(const struct billing_quota *first, const struct billing_quota *second,
		      const struct billing_quota *last, struct billing_quota *ret);

/* How many of the octets used count. */
uint64_t billing_counted(enum billing_counts counts, uint64_t in_octets, uint64_t out_octets);

/* Whole per cent of the quota that are used, rounded down, so that 100 means used up. 0 without a
 * quota. */
uint64_t billing_percent(uint64_t used, uint64_t quota);

#define BILLING_THRESHOLDS_MAX 16
#define BILLING_PERCENT_MAX 1000

/* Per cent, ascending. */
struct billing_thresholds {
	uint32_t percent[BILLING_THRESHOLDS_MAX];
	uint32_t n;
};

/* Read "80 90 100", each once, in any order. Returns 0, or -EINVAL with e filled. */
int billing_parse_thresholds(const char *text, struct billing_thresholds *ret, struct err *e);

/* The highest threshold that has been reached, 0: none. */
uint32_t billing_reached(const struct billing_thresholds *t, uint64_t used, uint64_t quota);

/* The MIB's ctmContainerQuotaState. */
enum billing_state {
	BILLING_NONE = 1, /* no quota */
	BILLING_UNDER,
	BILLING_NEAR, /* the lowest threshold is reached */
	BILLING_OVER, /* all of it is used */
};

enum billing_state billing_state_of(const struct billing_thresholds *t, uint64_t used,
				    uint64_t quota);
/* "none", "under", "near", "over" */
const char *billing_state_text(enum billing_state state);

#endif
