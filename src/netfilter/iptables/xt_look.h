/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_XT_LOOK_H
#define CTM_XT_LOOK_H

#include "base/addr.h"
#include "netfilter/iptables/plan.h"

#include <stdbool.h>
#include <stdint.h>

/* A look at a legacy table for people: what `ctmeter check` wants to know of it. */

#define XT_LOOK_NAME_SIZE 32
#define XT_LOOK_GUARDS 1024

struct xt_look {
	uint32_t n_entries, size; /* of the whole table; size in octets */
	uint32_t n_counting; /* counting rules of ours */
	uint32_t n_foreign; /* rules that are not ours, policies not counted */
	uint32_t n_intruders; /* rules of others that lead to a chain of ours */
	char intruders[PRESENT_FLAW_SIZE]; /* which, for people */
	/* Rules with the verdict DROP, but for those that match rpfilter: in all chains, and in
	 * PREROUTING itself. */
	uint32_t n_drops, n_prerouting_drops;
	struct {
		uint32_t jumps; /* rules that lead to a chain of ours */
		uint32_t jump; /* the number of the first, from 1 as iptables counts; 0: none */
		uint32_t shadow; /* of the first rule before it that can end a walk, 0: none */
		char shadow_target[XT_LOOK_NAME_SIZE]; /* where that leads, "": no word for it */
	} hook[HOOKS];
	/* Rules of PREROUTING that match rpfilter (iptables-extensions(8)): the interface each is for
	 * as written, "" for all, "eth+" for all that begin so. */
	uint32_t n_guards;
	char guards[XT_LOOK_GUARDS][XT_LOOK_NAME_SIZE];
};

/* Needs CAP_NET_ADMIN and CAP_NET_RAW. Returns 0 or -errno: -EPERM, or -ENOENT / -ENOPROTOOPT for
 * no such table. Asking may make the kernel load the table's module (see xt_read). */
int xt_look(enum addr_family family, const char *table, struct xt_look *ret_look);

#endif
