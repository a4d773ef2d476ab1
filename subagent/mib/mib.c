/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Constructors of SMI values, shared by all tables, and the tracking of the master's sysUpTime. */
#include "mib/mib.h"

#include "base/plain.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#define NS_PER_CS 10000000ull
#define LATER_START_NS 2000000000ll /* a later start than this is no late response */
#define EARLIER_START_NS 200000000ll /* what TimeStamps do not move for */

size_t mib_scalar_rows(const void *data)
{
	(void)data;
	return 1;
}

size_t mib_scalar_index(const void *data, size_t row, uint32_t *sub)
{
	(void)data;
	(void)row;
	sub[0] = 0;
	return 1;
}

void mib_set_integer(struct smi_value *v, int32_t value)
{
	v->type = SMI_INTEGER;
	v->u.integer = value;
}

void mib_set_gauge32(struct smi_value *v, uint64_t value)
{
	v->type = SMI_GAUGE32;
	v->u.u32 = value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

void mib_set_counter32(struct smi_value *v, uint32_t value)
{
	v->type = SMI_COUNTER32;
	v->u.u32 = value;
}

void mib_set_counter64(struct smi_value *v, uint64_t value)
{
	v->type = SMI_COUNTER64;
	v->u.u64 = value;
}

void mib_set_octets(struct smi_value *v, const void *octets, size_t len)
{
	v->type = SMI_OCTETS;
	v->u.octets.data = octets;
	v->u.octets.len = len;
}

void mib_set_oid(struct smi_value *v, const uint32_t *sub, size_t len)
{
	v->type = SMI_OID;
	v->u.oid.sub = sub;
	v->u.oid.len = len;
}

void mib_set_ipaddress(struct smi_value *v, const uint8_t *octets)
{
	mib_set_octets(v, octets, 4);
	v->type = SMI_IPADDRESS;
}

/* Append as much of text as max allows. An octet that is not UTF-8 and a character that is not
 * printable become '?'. */
static void append_text(struct smi_value *v, size_t *len, const char *text, size_t max)
{
	for (size_t n; *text; text += n ? n : 1) {
		uint32_t code = 0;
		bool printable;

		n = plain_next(text, &code);
		printable = n && plain_shows(code);
		if (*len + (printable ? n : 1) > max)
			return;
		memcpy(v->buf + *len, printable ? text : "?", printable ? n : 1);
		*len += printable ? n : 1;
	}
}

void mib_set_text_upto(struct smi_value *v, const char *before, const char *text, size_t max)
{
	size_t len = 0;

	assert(max <= MIB_TEXT_MAX && max <= sizeof(v->buf));
	append_text(v, &len, before, max);
	append_text(v, &len, text, max);
	mib_set_octets(v, v->buf, len);
}

void mib_set_text(struct smi_value *v, const char *text)
{
	mib_set_text_upto(v, "", text ? text : "", MIB_TEXT_MAX);
}

/* When the master started, as one response says; may be negative. */
static int64_t started_ns(const struct mib_uptime *u)
{
	return (int64_t)(u->at_ns - u->cs * NS_PER_CS);
}

/* Believe the new one if it says a start that is earlier by more than this, or another master's. */
static void observe(struct mib_uptime *u, const struct mib_uptime *new, int64_t earlier_ns)
{
	int64_t later = started_ns(new) - started_ns(u);

	if (!u->at_ns || later < -earlier_ns || later > LATER_START_NS)
		*u = *new;
}

void mib_uptime_observe(struct mib_data *d, uint32_t sysuptime_cs, uint64_t now_ns)
{
	const struct mib_uptime new = { sysuptime_cs, now_ns };

	observe(&d->uptime, &new, 0);
	observe(&d->stamps, &new, EARLIER_START_NS);
}

/* The master's sysUpTime at a moment. */
static void set_uptime_at(struct smi_value *v, const struct mib_uptime *u, uint64_t at_ns)
{
	int64_t after_start = (int64_t)at_ns - started_ns(u);

	v->type = SMI_TIMETICKS;
	v->u.u32 = 0;
	if (at_ns && u->at_ns && after_start > 0)
		v->u.u32 = (uint32_t)(after_start / (int64_t)NS_PER_CS);
}

void mib_set_timestamp(struct smi_value *v, const struct mib_data *d, uint64_t event_ns)
{
	set_uptime_at(v, &d->stamps, event_ns);
}

void mib_set_uptime(struct smi_value *v, const struct mib_data *d)
{
	set_uptime_at(v, &d->uptime, d->now_ns);
}

void mib_set_date(struct smi_value *v, int64_t wall_s)
{
	static const uint8_t never[8] = { 0, 0, 1, 1, 0, 0, 0, 0 };
	time_t t = (time_t)wall_s;
	unsigned year;
	struct tm tm;

	if (wall_s <= 0 || (int64_t)t != wall_s || !gmtime_r(&t, &tm) ||
	    tm.tm_year > 65535 - 1900) {
		mib_set_octets(v, never, sizeof(never));
		return;
	}
	year = (unsigned)tm.tm_year + 1900;
	v->buf[0] = (uint8_t)(year >> 8);
	v->buf[1] = (uint8_t)year;
	v->buf[2] = (uint8_t)(tm.tm_mon + 1);
	v->buf[3] = (uint8_t)tm.tm_mday;
	v->buf[4] = (uint8_t)tm.tm_hour;
	v->buf[5] = (uint8_t)tm.tm_min;
	v->buf[6] = (uint8_t)tm.tm_sec;
	v->buf[7] = 0;
	v->buf[8] = '+';
	v->buf[9] = 0;
	v->buf[10] = 0;
	mib_set_octets(v, v->buf, 11);
}
