/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/link/tcx.h"

#include <errno.h>
#include <linux/bpf.h>
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

int tcx_query(uint32_t link, enum tc_hook hook, uint32_t ret_ids[TCX_MAX], size_t *ret_n)
{
	struct query_attr attr = {
		.link = link, .type = type_of(hook), .ids = (uintptr_t)ret_ids, .n = TCX_MAX
	};
	int ret = call(BPF_PROG_QUERY, &attr, sizeof(attr));

	*ret_n = 0;
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

	return tcx_query(1, TC_HOOK_INGRESS, ids, &n);
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
