/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_LINK_TCX_H
#define CTM_LINK_TCX_H

#include "netlink/tc.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Programs at a link's entrances without any qdisc (tcx, Linux 6.6): bpf(2)'s BPF_PROG_ATTACH,
 * whose attachments last as long as the link does, whoever made them. Each needs CAP_NET_ADMIN, and
 * returns 0 or -errno: -ENODEV, when the link is gone. */

bool tcx_supported(void);
/* CAP_NET_ADMIN is missing. */
bool tcx_is_forbidden(void);

/* Put the program before all others. -EEXIST: it is there already, wherever. */
int tcx_attach(uint32_t link, enum tc_hook hook, int program);
/* Put it in the place of another, without a gap. */
int tcx_replace(uint32_t link, enum tc_hook hook, int program, int old);
/* -ENOENT: it is not there. */
int tcx_detach(uint32_t link, enum tc_hook hook, int program);

/* The ids of all programs there, in the order in which packets meet them; at most TCX_MAX, which is
 * the kernel's own limit. *ret_revision, which may be NULL, grows by 1 with each program that is
 * attached, replaced or detached there. */
#define TCX_MAX 64
int tcx_query(uint32_t link, enum tc_hook hook, uint32_t ret_ids[TCX_MAX], size_t *ret_n,
	      uint64_t *ret_revision);

/* A descriptor of the program with this id, or -errno: -EPERM without CAP_SYS_ADMIN; -ENOENT. */
int tcx_program(uint32_t id);
/* The program's name. Returns 0 or -errno. */
int tcx_program_name(int program, char ret_name[TC_NAME_SIZE]);
/* What it calls, for `ctmeter check`; needs root. */
enum tcx_peering {
	TCX_PEERING_NOT, /* or it cannot be told */
	TCX_PEERING, /* bpf_redirect_peer, which passes a link's outer end by */
	TCX_PEERING_TAIL /* other programs by tail calls, which may call that */
};
enum tcx_peering tcx_peering(int program);
/* Its id; 0: unknown. */
uint32_t tcx_program_id(int program);

#endif
