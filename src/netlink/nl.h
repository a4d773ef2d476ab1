/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_NL_H
#define CTM_NL_H

#include "base/err.h"
#include "base/loop.h"

/* Calls back when the kernel announces that links, routes or addresses of this network namespace
 * came or went (rtnetlink(7)): the time to poll the inventory again. It is only a hint.
 * 1. A burst causes one call, NL_SETTLE_MS after its first message, since the start of a container
 *    makes dozens of messages. A burst that lasts longer causes one call per NL_SETTLE_MS.
 * 2. An overrun of the socket (ENOBUFS) counts as a message. */

#define NL_SETTLE_MS 50

struct nl;

typedef void nl_fn(void *arg, uint64_t now_ns);

/* Returns 0 and a new *ret_nl for nl_free, or -errno with e filled. */
int nl_new(struct loop *loop, nl_fn *fn, void *arg, struct nl **ret_nl, struct err *e);
void nl_free(struct nl *nl);

#endif
