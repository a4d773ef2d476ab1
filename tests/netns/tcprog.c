/* SPDX-License-Identifier: GPL-2.0-or-later */
/* usage: tcprog probe
 *        tcprog LINK ingress|egress first|last next|pass|drop|peer=LINK
 *        tcprog LINK ingress|egress off
 *
 * A program of somebody else at a link's tcx hook, first or last of those that are there. It lets
 * packets go on to the next program (next), accepts them, so that no further program sees them
 * (pass), drops them, or hands them to the inner end of a container's link (peer=LINK). It writes
 * "attached" and stays until its stdin ends or a signal ends it.
 * `off` takes the first program away, whoever attached it.
 * `tcprog probe` attaches one to lo and leaves: exit 0 if this process may do that; otherwise one
 * line on stdout says what is missing. */

#include <errno.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* linux/bpf.h of Linux 6.6, which is newer than some of the systems that build this. */
enum { TCX_INGRESS = 46, TCX_EGRESS = 47, PLACE_BEFORE = 1 << 3, PLACE_AFTER = 1 << 4 };
enum { VERDICT_NEXT = -1, VERDICT_PASS = 0, VERDICT_DROP = 2 };
enum { REDIRECT_PEER = 155 }; /* BPF_FUNC_redirect_peer, of Linux 5.10 */

struct link_create {
	uint32_t prog_fd, ifindex, attach_type, flags;
	uint32_t relative, unused;
	uint64_t revision;
};

/* Returns a descriptor, or -errno. */
static int load_program(const struct bpf_insn *program, uint32_t n)
{
	union bpf_attr attr;
	int fd;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_SCHED_CLS;
	attr.insns = (uintptr_t)program;
	attr.insn_cnt = n;
	attr.license = (uintptr_t) "GPL";
	fd = (int)syscall(__NR_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
	return fd >= 0 ? fd : -errno;
}

static int load(int verdict)
{
	const struct bpf_insn program[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = verdict },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return load_program(program, sizeof(program) / sizeof(program[0]));
}

/* return bpf_redirect_peer(ifindex, 0) */
static int load_peer(unsigned ifindex)
{
	const struct bpf_insn program[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K,
		  .dst_reg = BPF_REG_1,
		  .imm = (int32_t)ifindex },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_2, .imm = 0 },
		{ .code = BPF_JMP | BPF_CALL, .imm = REDIRECT_PEER },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return load_program(program, sizeof(program) / sizeof(program[0]));
}

/* Returns a descriptor that keeps it attached, or -errno. */
static int attach(int program, unsigned ifindex, int type, int flags)
{
	struct link_create create = { .prog_fd = (uint32_t)program,
				      .ifindex = ifindex,
				      .attach_type = (uint32_t)type,
				      .flags = (uint32_t)flags };
	int fd = (int)syscall(__NR_bpf, BPF_LINK_CREATE, &create, sizeof(create));

	return fd >= 0 ? fd : -errno;
}

/* union bpf_attr for BPF_PROG_QUERY and BPF_PROG_DETACH. */
struct query {
	uint32_t ifindex, attach_type, flags, answer_flags;
	uint64_t ids;
	uint32_t n, unused;
	uint64_t more[4];
};
struct detach {
	uint32_t ifindex, prog_fd, attach_type, flags, replaced, relative;
	uint64_t revision;
};

/* Returns 0 or -errno. */
static int take_off(unsigned ifindex, int type)
{
	uint32_t ids[64];
	struct query query = {
		.ifindex = ifindex, .attach_type = (uint32_t)type, .ids = (uintptr_t)ids, .n = 64
	};
	struct detach detach = { .ifindex = ifindex, .attach_type = (uint32_t)type };
	union bpf_attr attr;
	int fd;

	if (syscall(__NR_bpf, BPF_PROG_QUERY, &query, sizeof(query)) != 0)
		return -errno;
	if (query.n == 0)
		return -ENOENT;
	memset(&attr, 0, sizeof(attr));
	attr.prog_id = ids[0];
	fd = (int)syscall(__NR_bpf, BPF_PROG_GET_FD_BY_ID, &attr, sizeof(attr));
	if (fd < 0)
		return -errno;
	detach.prog_fd = (uint32_t)fd;
	return syscall(__NR_bpf, BPF_PROG_DETACH, &detach, sizeof(detach)) == 0 ? 0 : -errno;
}

static int probe(void)
{
	int program, fd;

#ifdef CTM_NO_LINK
	puts("ctmeterd was built without the link backend");
	return 1;
#endif
	program = load(VERDICT_NEXT);
	if (program < 0) {
		printf("BPF programs for tc cannot be loaded here (%s)\n", strerror(-program));
		return 1;
	}
	fd = attach(program, if_nametoindex("lo"), TCX_INGRESS, PLACE_BEFORE);
	if (fd < 0)
		printf("this kernel has no tcx, or not for us (%s)\n", strerror(-fd));
	return fd < 0;
}

/* Returns 0 or -errno. */
static int stay(char **argv, unsigned ifindex, int type)
{
	char octet;
	int fd;

	if (!strncmp(argv[4], "peer=", 5))
		fd = load_peer(if_nametoindex(argv[4] + 5));
	else
		fd = load(!strcmp(argv[4], "next")   ? VERDICT_NEXT
			  : !strcmp(argv[4], "pass") ? VERDICT_PASS
						     : VERDICT_DROP);
	if (fd >= 0)
		fd = attach(fd, ifindex, type,
			    !strcmp(argv[3], "first") ? PLACE_BEFORE : PLACE_AFTER);
	if (fd < 0)
		return fd;
	puts("attached");
	fflush(stdout);
	while (read(STDIN_FILENO, &octet, 1) > 0)
		continue;
	return 0;
}

int main(int argc, char **argv)
{
	unsigned ifindex;
	int type, ret;

	if (argc == 2 && !strcmp(argv[1], "probe"))
		return probe();
	if (argc < 4)
		return 2;
	ifindex = if_nametoindex(argv[1]);
	type = !strcmp(argv[2], "ingress") ? TCX_INGRESS : TCX_EGRESS;
	if (argc == 4 && !strcmp(argv[3], "off"))
		ret = take_off(ifindex, type);
	else if (argc == 5)
		ret = stay(argv, ifindex, type);
	else
		return 2;
	if (ret < 0)
		fprintf(stderr, "tcprog: %s: %s\n", argv[1], strerror(-ret));
	return ret < 0;
}
