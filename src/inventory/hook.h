/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_HOOK_H
#define CTM_HOOK_H

#include "base/billing.h"
#include "base/loop.h"

/* The operator's program that is run when a container reaches a threshold of its quota.
 *
 * It runs as the commands of sources do: through the helper where there is one, without a shell,
 * with a deadline, and with words from the configuration alone. What happened is in its
 * environment, where no text can become an option:
 *
 *   CTMETER_CONTAINER     the container's id
 *   CTMETER_THRESHOLD     per cent
 *   CTMETER_USED          octets that count against the quota
 *   CTMETER_QUOTA         octets
 *   CTMETER_QUOTA_COUNTS  in, out, both, larger
 *   CTMETER_IN_OCTETS, CTMETER_OUT_OCTETS
 *   CTMETER_PERIOD_START, CTMETER_PERIOD_END  Unix seconds
 *
 * 1. One runs at a time, in the order of their events.
 * 2. Each event is tried once: what fails is logged, since the event is noted already. */

struct hook_event {
	char id[65];
	uint32_t percent;
	struct flow used;
	struct billing_quota quota;
	int64_t begin_s, end_s;
};

struct hooks;

/* helper: the helper's socket. */
struct hooks *hooks_new(const char *helper, struct loop *loop);
/* What still runs is killed, and what waits is dropped. NULL is ignored. */
void hooks_free(struct hooks *h);

/* The configured command, copied; NULL: none, and what waits is dropped. */
void hooks_set(struct hooks *h, const char *command);

void hooks_run(struct hooks *h, const struct hook_event *event);

/* The job as it is sent to the helper, for free(); and back. Returns false for what is no such
 * job, or has an id that no container may have. */
#define HOOK_JOB "hook "
char *hook_job(const struct hook_event *event);
bool hook_parse(const char *job, struct hook_event *ret_event);

/* The environment, for hook_free_env: "NAME=VALUE", ending with NULL. */
char **hook_env(const struct hook_event *event);
void hook_free_env(char **env);

#endif
