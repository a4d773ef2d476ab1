/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_SERVICE_H
#define CTM_SERVICE_H

#include "engine/engine.h"

/* What a service manager is told (sd_notify.h):
 * 1. READY=1 when the rules are in place of all that the ledger knows from last time, or after 5 s, if
 *    somebody holds the tables' lock. No source is waited for: a runtime may wait for us to be ready before
 *    it starts, and be a source of ours. Nor does it matter whether snmpd is there.
 * 2. WATCHDOG=1 from a timer of the loop, and only while engine_is_turning. A disk, a snmpd, a source or
 *    a lock that lets us wait does not stop either; a fault of ours does.
 * 3. STATUS= when the line has changed, and no more often than every 10 s. */

struct service;

/* One line on how we are. */
typedef void service_describe_fn(void *arg, char *buf, size_t size);

/* The engine and the loop are borrowed, the engine until the loop ends. Asks it for its first rules. */
struct service *service_new(struct engine *engine, struct loop *loop, service_describe_fn *describe,
			    void *arg);
void service_free(struct service *s);

/* Around a reload. */
void service_reloading(struct service *s);
void service_reloaded(struct service *s);

void service_stopping(struct service *s);

#endif
