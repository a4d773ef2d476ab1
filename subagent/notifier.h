/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_NOTIFIER_H
#define CTM_NOTIFIER_H

#include "agentx/ax.h"
#include "mib/mib.h"

/* Sends the notifications that notice.c finds due, one at a time. It works from a timer of its own,
 * never from within the calls that wake it. */

struct notifier;

/* Fill *ret with the present snapshot and the master's clock. Valid until the loop continues. */
typedef void notifier_present_fn(void *arg, uint64_t now_ns, struct mib_data *ret);

/* Borrows ax and loop. Starts switched off. */
struct notifier *notifier_new(struct ax *ax, struct loop *loop, notifier_present_fn *present,
			      void *arg);
void notifier_free(struct notifier *n);

/* While off, nothing is sent. Switched on again, it continues from what was last sent. */
void notifier_switch(struct notifier *n, bool on);

/* There is a new snapshot, or the session has come up. Cheap. */
void notifier_wake(struct notifier *n);

/* For ax_hooks.notified. */
void notifier_sent(struct notifier *n, uint16_t error, uint64_t now_ns);

#endif
