/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_SERVICE_H
#define CTM_SERVICE_H

#include "engine/engine.h"

/* Notifications to a service manager (sd_notify.h):
 * 1. READY=1 is sent once the rules of every address that the ledger knows from last time are in
 *    place, or after 5 s if another program holds the tables' lock. It does not wait for any
 *    source: a container runtime may wait for us to be ready before it starts, and be one of our
 *    sources. Nor does it wait for snmpd.
 * 2. WATCHDOG=1 is sent from a timer of the loop, and only while engine_is_turning. Waiting for a
 *    disk, snmpd, a source or a lock does not stop it; a fault of our own does.
 * 3. STATUS= is sent when the line has changed, every 10 s at most. */

struct service;

/* Writes one line about the state of the daemon. */
typedef void service_describe_fn(void *arg, char *buf, size_t size);

/* Borrows the engine and the loop, the engine until the loop ends. Asks the engine to report when
 * its first rules are in place. */
struct service *service_new(struct engine *engine, struct loop *loop, service_describe_fn *describe,
			    void *arg);
void service_free(struct service *s);

/* Call them before and after a reload. */
void service_reloading(struct service *s);
void service_reloaded(struct service *s);

void service_stopping(struct service *s);

#endif
