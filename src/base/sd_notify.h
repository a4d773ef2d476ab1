/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_SD_NOTIFY_H
#define CTM_SD_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

/* Telling a service manager how we are: datagrams of "NAME=VALUE" lines to the socket that
 * $NOTIFY_SOCKET names (sd_notify(3), which promises that this protocol stays). */

struct sd_notify;

/* Take what the environment says, and take it out of the environment, so that no child inherits it.
 * Never NULL; without a manager everything below does nothing. */
struct sd_notify *sd_notify_new(void);
void sd_notify_free(struct sd_notify *n);

/* Whether there is a manager that wants to hear anything. */
bool sd_notify_is_on(const struct sd_notify *n);

/* How often the manager wants to hear WATCHDOG=1, in ns; 0: not at all (sd_watchdog_enabled(3)). */
uint64_t sd_notify_watchdog_ns(const struct sd_notify *n);

/* Lines with '\n' between them. Never blocks: a manager that does not read misses them. */
void sd_notify_send(struct sd_notify *n, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* "RELOADING=1", with the time that goes with it. */
void sd_notify_reloading(struct sd_notify *n);

#endif
