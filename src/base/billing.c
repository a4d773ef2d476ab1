/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/billing.h"

#include "base/xalloc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* --- periods -------------------------------------------------------------------------------- */

/* The beginning in this month; month may be 0 or 13. */
static int64_t begin_in(const struct billing_rule *rule, int64_t year, int month)
{
	struct zone_day d = { year + (month > 12) - (month < 1),
			      month < 1    ? 12
			      : month > 12 ? 1
					   : month,
			      (int)rule->start_day };

	if (d.day > zone_month_days(d.year, d.month))
		d.day = zone_month_days(d.year, d.month);
	return zone_day_begin(rule->zone, d);
}

int64_t billing_begin(const struct billing_rule *rule, int64_t t)
{
	struct zone_day d = zone_day_of(rule->zone, t);
	int64_t begin = begin_in(rule, d.year, d.month);

	return begin <= t ? begin : begin_in(rule, d.year, d.month - 1);
}

int64_t billing_next(const struct billing_rule *rule, int64_t t)
{
	struct zone_day d = zone_day_of(rule->zone, t);
	int64_t begin = begin_in(rule, d.year, d.month);

	return begin > t ? begin : begin_in(rule, d.year, d.month + 1);
}

/* --- quotas --------------------------------------------------------------------------------- */

static const char *const counts_words[BILLING_COUNTS_KINDS] = { "", "in", "out", "both", "larger" };

const char *billing_counts_text(enum billing_counts counts)
{
	return (unsigned)counts < BILLING_COUNTS_KINDS ? counts_words[counts] : "";
}

enum billing_counts billing_counts_parse(const char *text)
{
	enum billing_counts c = BILLING_COUNTS_KINDS - 1;

	while (c && strcmp(text, counts_words[c]) != 0)
		c--;
	return c;
}

/* The factor of a unit, 0: there is no such unit. */
static uint64_t unit_octets(const char *unit)
{
	static const char prefixes[] = "kMGTPE";
	const char *at = *unit ? strchr("kmgtpeKMGTPE", *unit) : NULL;
	uint64_t factor = 1;
	bool binary;

	if (!*unit || !strcasecmp(unit, "B"))
		return 1;
	if (!at)
		return 0;
	binary = !strcasecmp(unit + 1, "iB") || !strcasecmp(unit + 1, "i");
	if (!binary && unit[1] && strcasecmp(unit + 1, "B") != 0)
		return 0;
	for (size_t i = 0; i <= (size_t)(at - "kmgtpeKMGTPE") % strlen(prefixes); i++)
		factor *= binary ? 1024 : 1000;
	return factor;
}

/* Digits, and perhaps a point and up to 6 more: *ret in millionths. */
static size_t take_decimal(const char *text, unsigned __int128 *ret)
{
	unsigned __int128 n = 0;
	size_t digits = strspn(text, "0123456789"), more = 0, i;

	if (!digits || digits > 19)
		return 0;
	for (i = 0; i < digits; i++)
		n = n * 10 + (unsigned)(text[i] - '0');
	if (text[digits] == '.') {
		more = strspn(text + digits + 1, "0123456789");
		if (!more || more > 6)
			return 0;
	}
	for (i = 0; i < 6; i++)
		n = n * 10 + (i < more ? (unsigned)(text[digits + 1 + i] - '0') : 0);
	*ret = n;
	return digits + more + (more > 0);
}

int billing_parse_quota(const char *text, uint64_t *ret_octets, struct err *e)
{
	unsigned __int128 n = 0;
	size_t len = take_decimal(text, &n);
	const char *unit = text + len + strspn(text + len, " ");
	uint64_t factor = unit_octets(unit);

	if (!strcmp(text, "none")) {
		*ret_octets = BILLING_NO_QUOTA;
		return 0;
	}
	if (!len || !factor) {
		err_set(e, "must be a number of octets such as 2TB (10^12), 2TiB (2^40) or 0 "
			   "(no quota)");
		return -EINVAL;
	}
	n = n * factor / 1000000;
	if (n > BILLING_QUOTA_MAX) {
		err_set(e, "must be at most 9.2EB; 0 is no quota");
		return -EINVAL;
	}
	*ret_octets = n ? (uint64_t)n : BILLING_NO_QUOTA;
	return 0;
}

void billing_quota_of(const struct billing_quota *first, const struct billing_quota *second,
		      const struct billing_quota *last, struct billing_quota *ret)
{
	struct billing_quota q = *first;

	if (!q.octets)
		q.octets = second->octets;
	if (!q.octets)
		q.octets = last->octets;
	if (q.octets == BILLING_NO_QUOTA)
		q.octets = 0;
	if (!q.counts)
		q.counts = second->counts;
	if (!q.counts)
		q.counts = last->counts;
	if (!q.counts)
		q.counts = BILLING_COUNTS_BOTH;
	*ret = q;
}

uint64_t billing_counted(enum billing_counts counts, uint64_t in_octets, uint64_t out_octets)
{
	switch (counts) {
	case BILLING_COUNTS_IN:
		return in_octets;
	case BILLING_COUNTS_OUT:
		return out_octets;
	case BILLING_COUNTS_LARGER:
		return in_octets > out_octets ? in_octets : out_octets;
	default:
		return in_octets > UINT64_MAX - out_octets ? UINT64_MAX : in_octets + out_octets;
	}
}

uint64_t billing_percent(uint64_t used, uint64_t quota)
{
	unsigned __int128 percent = (unsigned __int128)used * 100;

	if (!quota)
		return 0;
	if (used <= UINT64_MAX / 100)
		return used * 100 / quota; /* a tenth of the time */
	percent /= quota;
	return percent > UINT64_MAX ? UINT64_MAX : (uint64_t)percent;
}

/* --- thresholds ----------------------------------------------------------------------------- */

static int bad_thresholds(struct err *e)
{
	err_set(e, "must be up to %d different numbers of per cent, 1 to %d, such as 80 90 100",
		BILLING_THRESHOLDS_MAX, BILLING_PERCENT_MAX);
	return -EINVAL;
}

/* Insert in order. Returns false if it is there. */
static bool insert(struct billing_thresholds *t, uint32_t percent)
{
	uint32_t i = t->n;

	for (; i && t->percent[i - 1] > percent; i--)
		t->percent[i] = t->percent[i - 1];
	t->percent[i] = percent;
	t->n++;
	return !i || t->percent[i - 1] != percent;
}

int billing_parse_thresholds(const char *text, struct billing_thresholds *ret, struct err *e)
{
	struct billing_thresholds t = { .n = 0 };

	for (const char *s = text + strspn(text, " \t"); *s; s += strspn(s, " \t")) {
		size_t digits = strspn(s, "0123456789");
		unsigned long percent = digits && digits <= 4 ? strtoul(s, NULL, 10) : 0;

		s += digits;
		s += *s == '%';
		if ((*s && *s != ' ' && *s != '\t') || percent < 1 ||
		    percent > BILLING_PERCENT_MAX || t.n == BILLING_THRESHOLDS_MAX ||
		    !insert(&t, (uint32_t)percent))
			return bad_thresholds(e);
	}
	if (!t.n)
		return bad_thresholds(e);
	*ret = t;
	return 0;
}

uint32_t billing_reached(const struct billing_thresholds *t, uint64_t used, uint64_t quota)
{
	uint64_t percent = billing_percent(used, quota);
	uint32_t i = t->n;

	while (i && t->percent[i - 1] > percent)
		i--;
	return i ? t->percent[i - 1] : 0;
}

enum billing_state billing_state_of(const struct billing_thresholds *t, uint64_t used,
				    uint64_t quota)
{
	if (!quota)
		return BILLING_NONE;
	if (used >= quota)
		return BILLING_OVER;
	return billing_reached(t, used, quota) ? BILLING_NEAR : BILLING_UNDER;
}

const char *billing_state_text(enum billing_state state)
{
	static const char *const words[] = { [BILLING_NONE] = "none",
					     [BILLING_UNDER] = "under",
					     [BILLING_NEAR] = "near",
					     [BILLING_OVER] = "over" };

	return state >= BILLING_NONE && state <= BILLING_OVER ? words[state] : "none";
}
