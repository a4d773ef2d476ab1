/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_NOTIFIER_H
#define CTM_NOTIFIER_H

#include "agentx/ax.h"
#include "mib/mib.h"

/* Carries what notice.c finds due to the AgentX session, one at a time, from a timer of its own:
 * never from within the calls that wake it. */

struct notifier;

/* Fill *ret with what to tell from now: the present snapshot and the master's clock; valid until
 * the loop goes on. */
typedef void notifier_present_fn(void *arg, uint64_t now_ns, struct mib_data *ret);

/* ax and loop are borrowed. Begins switched off. */
struct notifier *notifier_new(struct ax *ax, struct loop *loop, notifier_present_fn *present,
			      void *arg);
void notifier_free(struct notifier *n);

/* While it is off nothing is told; switched on again it goes on from what was told last. */
void notifier_switch(struct notifier *n, bool on);

/* There is another snapshot, or the session has come up. Cheap. */
void notifier_wake(struct notifier *n);

/* ax_hooks.notified */
void notifier_sent(struct notifier *n, uint16_t error, uint64_t now_ns);

#endif
