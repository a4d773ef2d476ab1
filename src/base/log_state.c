/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/log_state.h"

#include <stdarg.h>
#include <stdio.h>

#define SECOND_NS (1000ull * 1000000)

/* FNV-1a, never 0. */
static uint64_t digest(const char *text)
{
	uint64_t h = 14695981039346656037ull;

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 1099511628211ull;
	return h ? h : 1;
}

static const char *duration(uint64_t ns, char *buf, size_t size)
{
	unsigned long long s = ns / SECOND_NS;

	if (s < 120)
		snprintf(buf, size, "%llu s", s);
	else if (s < 7200)
		snprintf(buf, size, "%llu minutes", s / 60);
	else
		snprintf(buf, size, "%llu hours", s / 3600);
	return buf;
}

static void say(enum log_level level, const char *subsystem, const char *text, const char *more)
{
	switch (level) {
	case LOG_LEVEL_ERROR:
		log_error(subsystem, "%s%s", text, more);
		break;
	case LOG_LEVEL_WARNING:
		log_warning(subsystem, "%s%s", text, more);
		break;
	case LOG_LEVEL_INFO:
		log_info(subsystem, "%s%s", text, more);
		break;
	case LOG_LEVEL_DEBUG:
		log_debug(subsystem, "%s%s", text, more);
		break;
	}
}

/* The state has changed; the text describes it now. */
static void change(struct log_state *s, uint64_t now_ns, enum log_level level,
		   const char *subsystem, const char *text, const char *more)
{
	char last[320];

	if (!s->changed_ns || now_ns - s->changed_ns >= LOG_REST_NS) {
		s->changes = 0;
		s->first_ns = now_ns;
	}
	s->changed_ns = now_ns;
	s->untold = ++s->changes > LOG_CHANGES_MAX;
	if (s->untold)
		return;
	snprintf(last, sizeof(last), "%s%s", more,
		 s->changes == LOG_CHANGES_MAX
			 ? "; it keeps changing: the next line comes when it settles"
			 : "");
	say(level, subsystem, text, last);
}

/* The state is unchanged; the text describes it. */
static void stay(struct log_state *s, uint64_t now_ns, enum log_level level, const char *subsystem,
		 const char *text)
{
	char took[32], more[96];

	if (!s->untold || now_ns - s->changed_ns < LOG_REST_NS)
		return;
	s->untold = false;
	snprintf(more, sizeof(more), " (it changed %u times in %s)", s->changes,
		 duration(s->changed_ns - s->first_ns, took, sizeof(took)));
	say(level, subsystem, text, more);
}

void log_bad(struct log_state *s, uint64_t now_ns, enum log_level level, const char *subsystem,
	     const char *fmt, ...)
{
	char text[1024];
	uint64_t d;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	d = digest(text);
	if (!s->digest) {
		s->digest = d;
		s->since_ns = now_ns;
		s->times = 1;
		s->reasons = 0;
		change(s, now_ns, level, subsystem, text, "");
		return;
	}
	s->times++;
	if (s->digest != d && !s->untold && s->reasons < LOG_REASONS_MAX) {
		s->reasons++;
		say(level, subsystem, text, "");
	}
	s->digest = d;
	stay(s, now_ns, level, subsystem, text);
}

void log_good(struct log_state *s, uint64_t now_ns, const char *subsystem, const char *fmt, ...)
{
	char text[1024], took[32], times[32] = "", more[96];
	va_list ap;

	if (!s->digest && !s->untold)
		return; /* the usual case */
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (!s->digest) {
		stay(s, now_ns, LOG_LEVEL_INFO, subsystem, text);
		return;
	}
	s->digest = 0;
	if (s->times > 1)
		snprintf(times, sizeof(times), ", %u times", s->times);
	snprintf(more, sizeof(more), " (after %s%s)",
		 duration(now_ns - s->since_ns, took, sizeof(took)), times);
	change(s, now_ns, LOG_LEVEL_INFO, subsystem, text, more);
}

bool log_may(struct log_budget *b, uint64_t now_ns, const char *subsystem)
{
	uint64_t back = (now_ns - b->refilled_ns) / LOG_REST_NS;

	b->spent = b->spent > back ? b->spent - (unsigned)back : 0;
	b->refilled_ns += back * LOG_REST_NS;
	if (b->spent >= LOG_LINES_MAX) {
		b->dropped++;
		return false;
	}
	if (b->dropped)
		log_warning(subsystem, "%zu lines like the next one were suppressed", b->dropped);
	b->dropped = 0;
	b->spent++;
	return true;
}
