/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_NL_H
#define CTM_NL_H

#include "base/err.h"
#include "base/loop.h"

/* Tells when the kernel announces that links, routes or addresses of this network namespace came
 * or went (rtnetlink(7)): the moment to look at the inventory again. A hint, never the truth.
 * 1. A burst gives one call, NL_SETTLE_MS after its first message, since a container's start makes
 *    dozens; a burst that goes on gives one call each such time.
 * 2. An overrun of the socket (ENOBUFS) counts as a message: something was announced. */

#define NL_SETTLE_MS 50

struct nl;

typedef void nl_fn(void *arg, uint64_t now_ns);

/* Returns 0 and a new *ret_nl for nl_free, or -errno with e filled. */
int nl_new(struct loop *loop, nl_fn *fn, void *arg, struct nl **ret_nl, struct err *e);
void nl_free(struct nl *nl);

#endif
