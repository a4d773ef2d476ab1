/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_FW_LOOK_H
#define CTM_FW_LOOK_H

#include <stdbool.h>
#include <stdint.h>

/* What fw_look tells of one table, for `ctmeter check`: our rules in it, and other people's that
 * matter to us. */

/* Netfilter's hooks that we stand in. */
enum hook { HOOK_FORWARD, HOOK_INPUT, HOOK_OUTPUT, HOOKS };

/* "FORWARD", "INPUT", "OUTPUT". */
static inline const char *fw_hook_name(enum hook hook)
{
	static const char *const names[HOOKS] = { "FORWARD", "INPUT", "OUTPUT" };

	return names[hook];
}

#define FW_LOOK_NAME_SIZE 32
#define FW_LOOK_TEXT_SIZE 256
#define FW_LOOK_GUARDS 1024

/* What would stop a bridge's packets, and what has a packet counted twice. */
struct fw_hazards {
	bool policy_drops; /* FORWARD's policy is DROP */
	uint32_t n_drops; /* rules with DROP or REJECT on a way from FORWARD */
	/* Rules with TEE: a copy of the packet leaves the node by OUTPUT. */
	uint32_t n_copies;
	/* Rules with NFQUEUE or QUEUE on a way from FORWARD, INPUT or OUTPUT: a program can have
	 * the packet begin the table anew (NF_REPEAT). */
	uint32_t n_queues;
	/* The chain of the first of each. */
	char copy_chain[FW_LOOK_NAME_SIZE + 2], queue_chain[FW_LOOK_NAME_SIZE + 2];
};

struct fw_look {
	uint32_t n_entries, size; /* of the whole table; size in octets */
	uint32_t n_counting; /* counting rules of ours */
	uint32_t n_foreign; /* rules that are not ours, policies not counted */
	uint32_t n_intruders; /* rules of others that lead to a chain of ours */
	char intruders[FW_LOOK_TEXT_SIZE]; /* which, for people */
	/* Rules with the verdict DROP, but for those that match rpfilter: in all chains, and in
	 * PREROUTING itself. */
	uint32_t n_drops, n_prerouting_drops;
	struct {
		uint32_t jumps; /* rules that lead to a chain of ours */
		uint32_t jump; /* the number of the first, from 1 as iptables counts; 0: none */
		uint32_t shadow; /* of the first rule before it that can end a walk, 0: none */
		char shadow_target[FW_LOOK_NAME_SIZE]; /* where that leads, "": no word for it */
	} hook[HOOKS];
	/* Rules of PREROUTING that match rpfilter (iptables-extensions(8)): the interface each
	 * is for as written, "" for all, "eth+" for all that begin so. */
	uint32_t n_guards;
	char guards[FW_LOOK_GUARDS][FW_LOOK_NAME_SIZE];
	struct fw_hazards hazards;
};

#endif
