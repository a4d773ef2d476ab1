/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_FW_LOOK_H
#define CTM_FW_LOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What fw_look reports of one table, and fw_look_links of each link, for `ctmeter check`: ours
 * there, and what others have there that affects ours. */

/* The netfilter hooks that hold our rules. */
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

/* What would drop a bridge's packets, and what can make a packet be counted twice. */
struct fw_hazards {
	bool policy_drops; /* FORWARD's policy is DROP */
	uint32_t n_drops; /* rules with DROP or REJECT that can be reached from FORWARD */
	/* Rules with TEE: a copy of the packet leaves the node through OUTPUT. */
	uint32_t n_copies;
	/* Rules with NFQUEUE or QUEUE that can be reached from FORWARD, INPUT or OUTPUT: the
	 * program behind the queue can send the packet through the table again (NF_REPEAT). */
	uint32_t n_queues;
	/* The chain of the first TEE and of the first queue rule. */
	char copy_chain[FW_LOOK_NAME_SIZE + 2], queue_chain[FW_LOOK_NAME_SIZE + 2];
};

struct fw_look {
	uint32_t n_entries, size; /* of the whole table; size in octets */
	uint32_t n_counting; /* our counting rules */
	uint32_t n_foreign; /* rules that are not ours, not including policies */
	uint32_t n_intruders; /* rules of others that lead to a chain of ours */
	char intruders[FW_LOOK_TEXT_SIZE]; /* which rules these are, for people */
	/* Rules with the verdict DROP, except those that match rpfilter: in all chains, and in
	 * PREROUTING itself. */
	uint32_t n_drops, n_prerouting_drops;
	struct {
		uint32_t jumps; /* rules that lead to a chain of ours */
		uint32_t jump; /* the number of the first, from 1 as iptables counts; 0: none */
		uint32_t shadow; /* the first rule before it that can end a walk; 0: none */
		char shadow_target[FW_LOOK_NAME_SIZE]; /* that rule's target; "": it has no name */
	} hook[HOOKS];
	/* Rules of PREROUTING that match rpfilter (iptables-extensions(8)), each with its
	 * interface as written: "" for all, "eth+" for all that begin with "eth". */
	uint32_t n_guards;
	char guards[FW_LOOK_GUARDS][FW_LOOK_NAME_SIZE];
	struct fw_hazards hazards;
};

/* The two entrances of a link, as the kernel sees the direction. */
enum fw_entrance { FW_INGRESS, FW_EGRESS, FW_ENTRANCES };

struct fw_look_link {
	uint32_t link; /* ifindex */
	char name[FW_LOOK_NAME_SIZE];
	const char *way; /* "tcx", "clsact", "ingress qdisc"; "not attached" */
	struct {
		bool ours; /* a program of ours counts there */
		bool stale; /* one counts there in maps that are not those that are pinned */
		uint32_t n_before; /* programs and filters of others that come before it */
		uint32_t before; /* the first one's program id; 0: none, or it is no program */
		char before_name[FW_LOOK_NAME_SIZE]; /* "": unknown */
		uint32_t n_others; /* all of others, wherever */
		/* One of others that may hand packets to the inner end of a container's link
		 * (bpf_redirect_peer), or runs others that may (by tail call). 0: none. */
		uint32_t peering;
		bool peering_tail; /* the latter */
		char peering_name[FW_LOOK_NAME_SIZE];
	} at[FW_ENTRANCES];
	bool ingress_qdisc; /* it has one, as rate limits need */
	bool polices; /* with a filter that limits a rate */
};

/* What counting on links needs of the kernel and of root, and whether it is there. */
enum fw_ground {
	FW_GROUND_GOOD,
	FW_GROUND_NO_BPF, /* or it is forbidden */
	FW_GROUND_NO_BPFFS, /* not mounted */
	FW_GROUND_UNPREPARED, /* root has pinned nothing, or somebody has removed a part of it */
	FW_GROUND_ANOTHERS, /* what is pinned belongs to another user than the daemon's */
	FW_GROUND_OTHER_LAYOUT, /* another version's maps are pinned */
	FW_GROUND_BROKEN /* anything else */
};

struct fw_look_ground {
	enum fw_ground ground;
	bool tcx; /* the kernel has it */
	uint32_t
		slots; /* GOOD: addresses that there is room for, those that are leaving included */
	char mount[FW_LOOK_TEXT_SIZE]; /* where a bpffs is, or is missing */
	char text[FW_LOOK_TEXT_SIZE * 2]; /* why it is not good, for people */
};

#endif
