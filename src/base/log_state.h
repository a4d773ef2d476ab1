/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_LOG_STATE_H
#define CTM_LOG_STATE_H

#include "base/log.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Logging of a state that may last or come back: log each change, not each occurrence.
 * 1. A fault is logged when it begins, and again for up to LOG_REASONS_MAX other reasons. Its end
 *    is logged with how long it lasted and how often it was seen.
 * 2. A state that keeps changing, each time less than LOG_REST_NS after the last change, is logged
 *    LOG_CHANGES_MAX times; then once more, when it has not changed for LOG_REST_NS and is seen
 *    again.
 * The caller gives the time. All zeros is a good state of which nothing has been logged. */

#define LOG_REST_NS (60ull * 1000000000)
#define LOG_CHANGES_MAX 4
#define LOG_REASONS_MAX 2

struct log_state {
	uint64_t digest; /* of the reason; 0: good */
	uint64_t since_ns; /* when the fault began */
	unsigned times, reasons; /* how often it was seen; how many other reasons were logged */
	uint64_t changed_ns; /* the last change, logged or not; 0: none */
	unsigned changes; /* in a row */
	uint64_t first_ns; /* the first of them */
	bool untold; /* the present state has not been logged */
};

/* The state is bad; the text is the reason. Call this each time the fault is seen. */
void log_bad(struct log_state *s, uint64_t now_ns, enum log_level level, const char *subsystem,
	     const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* The state is good; log the text if it was bad before. */
void log_good(struct log_state *s, uint64_t now_ns, const char *subsystem, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static inline bool log_is_bad(const struct log_state *s)
{
	return s->digest != 0;
}

/* A limit for lines of one kind about many objects: LOG_LINES_MAX at once, then one each
 * LOG_REST_NS. */
#define LOG_LINES_MAX 20

struct log_budget {
	unsigned spent;
	uint64_t refilled_ns;
	size_t dropped;
};

/* May one more line be logged? If so, first logs how many were suppressed since the last one. */
bool log_may(struct log_budget *b, uint64_t now_ns, const char *subsystem);

#endif
