/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_LOG_STATE_H
#define CTM_LOG_STATE_H

#include "base/log.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Logging what may last or come again and again: a change is logged, not each occurrence.
 * 1. What is bad is told when it begins, and up to LOG_REASONS_MAX further reasons of it; that it is
 *    good again, with how long it was not and how often that was seen.
 * 2. A state that changes over and over, each time less than LOG_REST_NS after the last, is told
 *    LOG_CHANGES_MAX times; then once, as it is, when it has rested for so long and is seen again.
 * Times are the caller's. All zeros is a good state of which nothing was told. */

#define LOG_REST_NS (60ull * 1000000000)
#define LOG_CHANGES_MAX 4
#define LOG_REASONS_MAX 2

struct log_state {
	uint64_t digest; /* of the reason; 0: good */
	uint64_t since_ns; /* it is bad since then */
	unsigned times, reasons; /* seen bad since then; for how many further reasons */
	uint64_t changed_ns; /* the last change, told or not, 0: none */
	unsigned changes; /* in a row */
	uint64_t first_ns; /* the first of them */
	bool untold; /* the present state is */
};

/* It is bad, because of the text. Call it each time that is seen. */
void log_bad(struct log_state *s, uint64_t now_ns, enum log_level level, const char *subsystem,
	     const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* It is good; if it was not, the text is logged. */
void log_good(struct log_state *s, uint64_t now_ns, const char *subsystem, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static inline bool log_is_bad(const struct log_state *s)
{
	return s->digest != 0;
}

/* Lines of one kind, each about something else: LOG_LINES_MAX at once, and one more each LOG_REST_NS. */
#define LOG_LINES_MAX 20

struct log_budget {
	unsigned spent;
	uint64_t refilled_ns;
	size_t dropped;
};

/* May one more be logged? If lines were not since the last that was, says first how many. */
bool log_may(struct log_budget *b, uint64_t now_ns, const char *subsystem);

#endif
