/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_LOG_H
#define CTM_LOG_H

/* The log: one line an event on stderr, "level subsystem: text", or, when stderr is the journal,
 * "<PRIORITY>subsystem: text" (sd-daemon(3)); the time is the reader's. The only mutable global.
 * Log once, where an event is handled, and log a change of state, not each repetition. */

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Find out whether stderr is the journal. Until then it is not. */
void log_open(void);

/* Lines above this level are dropped; LOG_LEVEL_INFO until told otherwise. */
void log_set_level(enum log_level level);

/* Lines go to fn instead of stderr (the text alone, cleaned, borrowed); NULL: to stderr again. For
 * who shows in its own way what the modules below complain about. */
typedef void log_sink_fn(void *arg, enum log_level level, const char *text);
void log_set_sink(log_sink_fn *fn, void *arg);

/* `subsystem` is a short token: cfg, inv, fw, ledger, ax, ctl, loop. What of the
 * text does not only show itself (plain.h) becomes '?': hostile input forges no lines, moves no cursor,
 * and reorders nothing. */
void log_error(const char *subsystem, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void log_warning(const char *subsystem, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void log_info(const char *subsystem, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void log_debug(const char *subsystem, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
