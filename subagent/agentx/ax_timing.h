/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_AX_TIMING_H
#define CTM_AX_TIMING_H

#include "agentx/ax.h"

/* The session's timeouts. ax_new sets the usual ones; tests shorten them. */
struct ax_timing {
	uint64_t retry_min_ns; /* first pause before connecting again; doubles .. */
	uint64_t retry_max_ns; /* .. up to this */
	uint64_t connect_ns; /* a TCP connect may take this long */
	uint64_t quiet_ns; /* log a response that is this late */
	uint64_t patience_ns; /* give up the connection after this */
	uint64_t ping_ns; /* ping after this long without a response */
	uint64_t register_ns; /* between retries of refused registrations */
};

struct ax_timing ax_timing_usual(void);

/* Takes effect from the next wait on. */
void ax_set_timing(struct ax *ax, const struct ax_timing *timing);

#endif
