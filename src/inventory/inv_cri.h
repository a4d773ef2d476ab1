/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_INV_CRI_H
#define CTM_INV_CRI_H

#include "base/err.h"
#include "inventory/inv.h"

#include <stdbool.h>
#include <stddef.h>

/* The answers of Kubernetes' container runtime interface (CRI, runtime.v1, by gRPC): pure, over
 * octets in memory. ListPodSandbox has all but the addresses, for which PodSandboxStatus is asked
 * once for each sandbox: they are the same as long as it lives.
 *
 * 1. A pod is one container: its id is "namespace/name", its runtime_id its uid. Its labels
 *    ctmeter.id, ctmeter.name and ctmeter.ignore are what they are with Docker.
 * 2. A pod may have several sandboxes, of which one is ready. A pod of which none is ready is
 *    stopped.
 * 3. A pod in the node's network has no addresses, though its status has the node's.
 * 4. What is not in its form fails as a whole. */

#define CRI_ID_MAX 64 /* octets of a sandbox's id, which is hexadecimal */

/* What a sandbox's status says. */
struct cri_status {
	char *addresses; /* with blanks between them; "": it has none yet */
	bool in_node; /* it is in the node's network */
	pid_t pid; /* of a process in its network; 0: unknown */
};

bool cri_id_is_good(const char *id);

/* Call fn for each sandbox that is ready. Returns 0, or -EBADMSG with e filled. */
typedef void cri_each_fn(void *arg, const char *id);
int cri_each_ready(const char *list, size_t len, cri_each_fn *fn, void *arg, struct err *e);

/* Returns 0 and a status for cri_status_clear, or -EBADMSG with e filled. */
int cri_status_read(const char *text, size_t len, struct cri_status *ret_status, struct err *e);
void cri_status_clear(struct cri_status *status);

/* status: what is known of a sandbox that is ready; NULL: nothing, it has just ended. */
typedef const struct cri_status *cri_status_fn(void *arg, const char *id);
int inv_cri(struct inv_part *part, const char *list, size_t len, cri_status_fn *status, void *arg,
	    struct err *e);

/* The messages to send, each in a frame of gRPC. Return the number of octets. */
#define CRI_REQUEST_MAX (16 + CRI_ID_MAX)
size_t cri_list_request(unsigned char ret[CRI_REQUEST_MAX]);
size_t cri_status_request(const char *id, unsigned char ret[CRI_REQUEST_MAX]);

#endif
