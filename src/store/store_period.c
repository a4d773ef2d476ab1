/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/store_period.h"

#include "base/xalloc.h"
#include "store/store_sql.h"

#include <stddef.h>
#include <string.h>

/* Keys in meta. */
static const struct {
	const char *key;
	size_t at;
} keys[] = {
	{ "period_begin", offsetof(struct store_period, begin_s) },
	{ "period_end", offsetof(struct store_period, end_s) },
	{ "period_counted", offsetof(struct store_period, counted_s) },
	{ "period_last_begin", offsetof(struct store_period, last_begin_s) },
	{ "period_last_end", offsetof(struct store_period, last_end_s) },
	{ "period_last_counted", offsetof(struct store_period, last_counted_s) },
	{ "period_rule", offsetof(struct store_period, rule) },
	{ "period_marked", offsetof(struct store_period, marked) },
	{ "period_guess", offsetof(struct store_period, guess) },
};

void store_put_period(struct store *s, const struct store_period *p)
{
	if (!p->begin_s)
		return;
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		store_put_number(s, keys[i].key, *(const int64_t *)((const char *)p + keys[i].at));
}

bool store_load_period(struct store_period *p, const char *key, int64_t value)
{
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (!strcmp(keys[i].key, key)) {
			*(int64_t *)((char *)p + keys[i].at) = value;
			return true;
		}
	return false;
}

void store_settle(struct store_bill *b, const struct store_period *p, struct flow totals)
{
	if (!p->begin_s || b->begin_s == p->begin_s)
		return;
	if (b->begin_s && b->begin_s == p->last_begin_s)
		b->last = flow_less(totals, b->at);
	else
		b->last = (struct flow) { 0, 0 };
	b->at = b->next = totals;
	b->begin_s = p->begin_s;
	b->told = 0;
}
