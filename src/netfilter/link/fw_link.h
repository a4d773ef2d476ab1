/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_LINK_FW_LINK_H
#define CTM_LINK_FW_LINK_H

#include "netfilter/fw.h"
#include "netfilter/link/node.h"
#include "netfilter/link/plan.h"
#include "netfilter/link/watch.h"
#include "netfilter/link/work.h"

/* The open backend, as fw_link.c, start.c and patrol.c share it. */

struct link_family {
	struct lives lives;
	struct unmet unmet; /* of the last comparison */
	uint64_t commit; /* the highest number that is known */
	bool running; /* a turn is under way */
	bool repairing; /* it is the one that finishes an earlier process's; nothing is known yet */
	bool broken; /* the last turn has failed half-way: the next one finishes it */
	bool told; /* `done` has reported the unsettled commit */
	size_t checked; /* patrol.c: how far its index entries were compared in this round */
};

struct fw_link {
	struct loop *loop;
	fw_done_fn *done;
	void *arg;
	char *bpf_dir;
	const struct cfg_link *links;
	size_t n_links, max_addresses;
	char problem[512]; /* "": it is open; else why not, and only what is above is valid */
	uint64_t tried_ns;

	struct link_object object;
	struct slots slots;
	struct attach attach, attach_turns; /* the loop's; the thread's */
	struct work *work;
	struct watch *watch;
	struct node node;
	struct sites sites;
	bool *reserved; /* by slot: a turn that is under way will raise it */
	uint32_t lowest; /* no slot below it is free */
	uint64_t full_until_ns;
	uint32_t generation;
	char flaw[256];
	struct link_family families[ADDR_FAMILIES];

	/* patrol.c */
	size_t round_at; /* in the sites */
	unsigned walks;
	uint64_t walked_ns, retry_ns;
};

/* fw_link.c: a turn in the thread, and its end in the loop; and the turns that finish what an
 * earlier process left. */
work_run_fn fw_link_run_turn;
work_done_fn fw_link_turned;
void fw_link_repair_all(struct fw_link *s);

/* start.c: open what root has prepared, or say in s->problem why that is not possible. Returns 0,
 * or -errno with e filled: -EPERM names the missing capability. */
int fw_link_start(struct fw_link *s, uint64_t now_ns, struct err *e);
/* The same later. */
void fw_link_look_again(struct fw_link *s, uint64_t now_ns);
/* Read a family's slots and look at their links. */
void fw_link_load(struct fw_link *s, enum addr_family family);
void fw_link_free(struct fw_link *s);

/* patrol.c: look at some links, at most once a second and for some milliseconds. */
void patrol_walk(struct fw_link *s, uint64_t now_ns);
/* The kernel has announced something (watch.h). */
watch_fn patrol_told;
/* The state of links has changed, or what is counted on them: slots on links that miss packets are
 * missed, the flaw is described again, and the next reading has another generation. */
void fw_link_changed(struct fw_link *s);

#endif
