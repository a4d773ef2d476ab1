/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_NOTICE_QUOTA_H
#define CTM_NOTICE_QUOTA_H

#include "ledger/snap.h"

/* Which container's threshold is to be reported: for notice.c alone, whose rules hold here too. The
 * state that is compared is the highest threshold that a container has reached. What an earlier
 * process noted (snap_bill.heard) counts as reported: a restart repeats nothing. */

struct quota_notices;

struct quota_notices *quota_notices_new(void);
void quota_notices_free(struct quota_notices *n);

/* Find a container to report. Returns true and its index, to be followed by quota_notices_told when
 * it was sent. Otherwise false; *at_ns becomes earlier if another may be due earlier. */
bool quota_notices_next(struct quota_notices *n, const struct snap *snap, uint64_t now_ns,
			size_t *ret_container, uint64_t *at_ns);
void quota_notices_told(struct quota_notices *n, uint64_t now_ns);

#endif
