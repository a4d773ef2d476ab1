/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_LINK_SITES_H
#define CTM_LINK_SITES_H

#include "netfilter/link/attach.h"

#include <stddef.h>

/* What is known of each link that an address is, or is to be, counted on. Only the loop uses it. */

struct site {
	uint32_t link; /* ifindex */
	uint32_t n_keys[ADDR_FAMILIES]; /* slots for it, as the commits under way will leave them */
	enum attach_way way;
	uint8_t paths; /* that are counted there; PATHS_ALL before the first attempt */
	bool limited; /* when we attached, we knew that it is, or is to be, limited */
	bool attached; /* our programs were there when we looked or attached last */
	bool behind; /* they were not the first */
	/* Programs of others came and went between two looks: before ours, for all we know. */
	bool crossed;
	struct attach_stack stack[2]; /* as last seen, while attached */
	bool gone; /* the kernel has no such link */
	unsigned busy; /* commits under way change it: looking at it says nothing */
	size_t in_turn; /* while one is planned: its index there plus 1; else 0 */
	uint64_t retry_ns; /* attaching was refused: not before this time again; 0: it was not */
	uint64_t pause_ns; /* doubles with each refusal */
	char *why; /* it is not counted, or not on all paths; NULL: it is */
};

struct sites {
	struct site **table; /* by link; open addressing */
	size_t n, size; /* size is 0 or a power of two */
};

void sites_clear(struct sites *s);

/* NULL: none. */
struct site *sites_find(const struct sites *s, uint32_t link);
/* Found or made. */
struct site *sites_need(struct sites *s, uint32_t link);
/* Forget one. */
void sites_drop(struct sites *s, struct site *site);

/* The next one in a round that begins at *at = 0; NULL at its end. Sites may be added and dropped
 * meanwhile; then some may come twice or not at all. */
struct site *sites_next(const struct sites *s, size_t *at);

/* Attaching ended with ret and e (as attach_put's). The time of the next attempt follows from
 * now_ns. */
void site_take(struct site *site, int ret, const struct attach_found *found, const char *why,
	       uint64_t now_ns);

/* A look has ended with ret and found (as attach_look's). Returns whether that is news. */
bool site_seen(struct site *site, int ret, const struct attach_found *found);

/* Set or clear (NULL or "") the reason. */
void site_set_why(struct site *site, const char *why);

/* Whether packets that pass it are not counted, or may not be. */
bool site_is_missing(const struct site *site);

/* Whether slots are there, or will be. */
bool site_is_used(const struct site *site);

#endif
