/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_CTL_CLIENT_H
#define CTM_CTL_CLIENT_H

#include "base/err.h"

#include <jansson.h>

/* The control socket, client side: one blocking call with a timeout. */

struct ctl_client_wait {
	int timeout_ms; /* for the whole call */
	int notice_ms; /* when the call takes longer than this, call notice (may be NULL) once */
	void (*notice)(void *arg);
	void *arg;
};

/* Send `request` (an object with "command") to the daemon at `path` and wait for its answer.
 * Returns 0 and a new reference in *ret_answer, or with e filled:
 *   -ENOENT, -ECONNREFUSED   no daemon runs there
 *   -EACCES                  no permission to connect
 *   -ETIMEDOUT               no complete answer in time
 *   -EREMOTEIO               the daemon answered {"error": text}; e is that text alone
 *   -EPROTO                  the answer is not a ctmeterd's
 *   another -errno           the connection failed */
int ctl_client_call(const char *path, const json_t *request, const struct ctl_client_wait *wait,
		    json_t **ret_answer, struct err *e);

/* Wait until the daemon that answered at `path` has removed its socket, at most timeout_ms.
 * Returns 0 or -ETIMEDOUT. */
int ctl_client_wait_end(const char *path, int timeout_ms);

#endif
