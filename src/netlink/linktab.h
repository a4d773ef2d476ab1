/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_LINKTAB_H
#define CTM_LINKTAB_H

#include "netlink/rtnl.h"

/* A table of links by index and by name. Pure.
 * 1. Two links may have the same name for a moment, while they swap names: then the one that was
 *    put last is found.
 * 2. A pointer to a link is valid until that link is put again or removed. */

struct linktab;

struct linktab *linktab_new(void);
void linktab_free(struct linktab *t);

/* Add the link, or replace what is known of its index. Returns whether anything changed that
 * matters to where an address is: not its XDP program. *ret_was: the link before, all 0 if it is
 * new. */
bool linktab_put(struct linktab *t, const struct rtnl_link *link, struct rtnl_link *ret_was);

/* Returns whether it was there. */
bool linktab_remove(struct linktab *t, int index);

/* NULL: there is none. */
const struct rtnl_link *linktab_at(const struct linktab *t, int index);
const struct rtnl_link *linktab_named(const struct linktab *t, const char *name);

/* The i-th by index, i < linktab_count. */
size_t linktab_count(const struct linktab *t);
const struct rtnl_link *linktab_nth(const struct linktab *t, size_t i);

/* Remove every link that was not put since the last linktab_mark. Calls gone for each first. */
void linktab_mark(struct linktab *t);
void linktab_sweep(struct linktab *t, void (*gone)(void *arg, int index), void *arg);

#endif
