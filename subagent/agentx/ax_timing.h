/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_AX_TIMING_H
#define CTM_AX_TIMING_H

#include "agentx/ax.h"

/* The session's waits. ax_new sets the usual ones; tests shorten them. */
struct ax_timing {
	uint64_t retry_min_ns; /* first pause before connecting again; doubles .. */
	uint64_t retry_max_ns; /* .. up to this */
	uint64_t connect_ns; /* a TCP connect may take this long */
	uint64_t quiet_ns; /* an answer this late is logged */
	uint64_t patience_ns; /* and this late the connection is given up */
	uint64_t ping_ns; /* between signs of life */
	uint64_t register_ns; /* refused registrations are tried again */
};

struct ax_timing ax_timing_usual(void);

/* Counts from the next wait on. */
void ax_set_timing(struct ax *ax, const struct ax_timing *timing);

#endif
