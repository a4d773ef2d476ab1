/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_LOG_H
#define CTM_LOG_H

/* The log: one line for each event on stderr, "level subsystem: text", or "<PRIORITY>subsystem:
 * text" (sd-daemon(3)) when stderr is the journal. The reader adds the time. The only mutable
 * global. Log once, where an event is handled, and log a change of state, not each repetition. */

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Find out whether stderr is the journal; until this call it is taken not to be. */
void log_open(void);

/* Drop lines above this level; LOG_LEVEL_INFO by default. */
void log_set_level(enum log_level level);

/* Send lines to fn (the text alone, cleaned, borrowed) instead of stderr; NULL: to stderr again.
 * For commands that show the messages of lower modules in their own way. */
typedef void log_sink_fn(void *arg, enum log_level level, const char *text);
void log_set_sink(log_sink_fn *fn, void *arg);

/* `subsystem` is a short token: cfg, inv, fw, ledger, ax, ctl, loop. Each character that is not
 * plain (plain_shows) becomes '?', so that hostile input cannot forge lines, move the cursor or
 * reorder text. */
void log_error(const char *subsystem, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void log_warning(const char *subsystem, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void log_info(const char *subsystem, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void log_debug(const char *subsystem, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
