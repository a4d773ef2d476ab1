/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/link/tcx.h"

#include "base/xalloc.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The kernel's words for this, which the headers of older distributions lack. */
enum { TCX_INGRESS = 46, TCX_EGRESS = 47 }; /* enum bpf_attach_type */
enum { FLAG_REPLACE = 4, FLAG_BEFORE = 8 }; /* BPF_F_REPLACE, BPF_F_BEFORE */

/* union bpf_attr, as BPF_PROG_ATTACH and BPF_PROG_DETACH take it. */
struct attach_attr {
	uint32_t link, program, type, flags, replaced, relative;
	uint64_t revision;
};

struct query_attr {
	uint32_t link, type, query_flags, attach_flags;
	uint64_t ids;
	uint32_t n, pad;
	uint64_t program_flags, link_ids, link_flags, revision;
};

static int call(int command, void *attr, unsigned size)
{
	long ret = syscall(SYS_bpf, command, attr, size);

	return ret < 0 ? -errno : (int)ret;
}

static uint32_t type_of(enum tc_hook hook)
{
	return hook == TC_HOOK_INGRESS ? TCX_INGRESS : TCX_EGRESS;
}

static int change(int command, uint32_t link, enum tc_hook hook, int program, uint32_t flags,
		  int replaced)
{
	struct attach_attr attr = { .link = link,
				    .program = (uint32_t)program,
				    .type = type_of(hook),
				    .flags = flags,
				    .replaced = (uint32_t)replaced };

	return call(command, &attr, sizeof(attr));
}

int tcx_attach(uint32_t link, enum tc_hook hook, int program)
{
	return change(BPF_PROG_ATTACH, link, hook, program, FLAG_BEFORE, 0);
}

int tcx_replace(uint32_t link, enum tc_hook hook, int program, int old)
{
	return change(BPF_PROG_ATTACH, link, hook, program, FLAG_REPLACE, old);
}

int tcx_detach(uint32_t link, enum tc_hook hook, int program)
{
	return change(BPF_PROG_DETACH, link, hook, program, 0, 0);
}

int tcx_query(uint32_t link, enum tc_hook hook, uint32_t ret_ids[TCX_MAX], size_t *ret_n,
	      uint64_t *ret_revision)
{
	struct query_attr attr = {
		.link = link, .type = type_of(hook), .ids = (uintptr_t)ret_ids, .n = TCX_MAX
	};
	int ret = call(BPF_PROG_QUERY, &attr, sizeof(attr));

	*ret_n = 0;
	if (ret_revision)
		*ret_revision = ret ? 0 : attr.revision;
	if (ret == -ENOENT)
		return 0; /* nothing has ever been attached there */
	if (!ret)
		*ret_n = attr.n;
	return ret;
}

/* Loopback is in each network namespace, and always the first link. */
static int try_query(void)
{
	uint32_t ids[TCX_MAX];
	size_t n;

	return tcx_query(1, TC_HOOK_INGRESS, ids, &n, NULL);
}

bool tcx_supported(void)
{
	return try_query() == 0;
}

bool tcx_is_forbidden(void)
{
	return try_query() == -EPERM;
}

int tcx_program(uint32_t id)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_id = id;
	return call(BPF_PROG_GET_FD_BY_ID, &attr, sizeof(attr));
}

static int info_of(int program, struct bpf_prog_info *ret_info)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	memset(ret_info, 0, sizeof(*ret_info));
	attr.info.bpf_fd = (uint32_t)program;
	attr.info.info = (uintptr_t)ret_info;
	attr.info.info_len = sizeof(*ret_info);
	return call(BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr));
}

int tcx_program_name(int program, char ret_name[TC_NAME_SIZE])
{
	struct bpf_prog_info info;
	int ret = info_of(program, &info);

	if (!ret)
		memcpy(ret_name, info.name, TC_NAME_SIZE);
	return ret;
}

uint32_t tcx_program_id(int program)
{
	struct bpf_prog_info info;

	return info_of(program, &info) ? 0 : info.id;
}

/* --- what a program calls ------------------------------------------------------------------- */

/* How far bpf_redirect_peer lies behind __bpf_call_base, which is how the kernel writes a call of
 * it; 0: its addresses are not shown. */
static int32_t find_redirect_peer(void)
{
	FILE *f = fopen("/proc/kallsyms", "re");
	unsigned long long at, base = 0, peer = 0;
	char line[256], name[128];

	while (f && !(base && peer) && fgets(line, sizeof(line), f)) {
		if (!strstr(line, "bpf_") || sscanf(line, "%llx %*c %127s", &at, name) != 2)
			continue;
		if (!strcmp(name, "__bpf_call_base"))
			base = at;
		else if (!strcmp(name, "bpf_redirect_peer"))
			peer = at;
	}
	if (f)
		fclose(f);
	return base && peer ? (int32_t)(peer - base) : 0;
}

/* A program's instructions as the kernel runs them, for free(); NULL: it does not show them. */
static struct bpf_insn *read_program(int program, size_t *ret_n)
{
	struct bpf_prog_info info;
	union bpf_attr attr;
	struct bpf_insn *insns;
	uint32_t len;

	if (info_of(program, &info) < 0 || !info.xlated_prog_len)
		return NULL;
	len = info.xlated_prog_len;
	insns = xcalloc(1, len);
	memset(&info, 0, sizeof(info));
	info.xlated_prog_insns = (uintptr_t)insns;
	info.xlated_prog_len = len;
	memset(&attr, 0, sizeof(attr));
	attr.info.bpf_fd = (uint32_t)program;
	attr.info.info = (uintptr_t)&info;
	attr.info.info_len = sizeof(info);
	if (call(BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr)) < 0 || !info.xlated_prog_insns) {
		free(insns);
		return NULL;
	}
	*ret_n = len / sizeof(*insns);
	return insns;
}

enum tcx_peering tcx_peering(int program)
{
	enum tcx_peering peering = TCX_PEERING_NOT;
	int32_t redirect_peer = 0;
	size_t n = 0;
	struct bpf_insn *insns = read_program(program, &n);

	for (size_t i = 0; insns && i < n && peering != TCX_PEERING; i++) {
		/* A source register says that it is no helper of the kernel's. */
		if (insns[i].code != (BPF_JMP | BPF_CALL) || insns[i].src_reg)
			continue;
		if (insns[i].imm == BPF_FUNC_tail_call) {
			peering = TCX_PEERING_TAIL;
			continue;
		}
		redirect_peer = redirect_peer ? redirect_peer : find_redirect_peer();
		if (!redirect_peer)
			break;
		if (insns[i].imm == redirect_peer)
			peering = TCX_PEERING;
	}
	free(insns);
	return peering;
}
