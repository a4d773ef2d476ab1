/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_EAR_H
#define CTM_EAR_H

#include "base/loop.h"

/* The socket that hears of address changes in all network namespaces (netns_ear). To open it takes
 * CAP_NET_BROADCAST, which the daemon does not have: so the inventory helper opens it and hands it
 * over. The helper may start later than the daemon, or be there never: it is asked every
 * EAR_RETRY_NS. */

#define EAR_RETRY_NS (10 * NS_PER_S)

struct ear;

/* Called once, from the loop: the callback owns take_fd. */
typedef void ear_fn(void *arg, int take_fd);

/* helper: the socket of the helper. */
struct ear *ear_new(struct loop *loop, const char *helper, ear_fn *fn, void *arg);
void ear_free(struct ear *ear);

#endif
