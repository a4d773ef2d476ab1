/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_SD_NOTIFY_H
#define CTM_SD_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

/* Reports the daemon's state to a service manager: datagrams of "NAME=VALUE" lines to the socket in
 * $NOTIFY_SOCKET (sd_notify(3), which promises that the protocol is stable). */

struct sd_notify;

/* Read the manager's variables and remove them from the environment, so that no child inherits
 * them. Never NULL; without a manager the functions below do nothing. */
struct sd_notify *sd_notify_new(void);
void sd_notify_free(struct sd_notify *n);

/* Does a manager listen? */
bool sd_notify_is_on(const struct sd_notify *n);

/* The interval, in ns, within which the manager expects WATCHDOG=1; 0: none
 * (sd_watchdog_enabled(3)). */
uint64_t sd_notify_watchdog_ns(const struct sd_notify *n);

/* Send lines, separated by '\n'. Never blocks: a manager that does not read loses them. */
void sd_notify_send(struct sd_notify *n, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Send "RELOADING=1" with its MONOTONIC_USEC. */
void sd_notify_reloading(struct sd_notify *n);

#endif
