/* SPDX-License-Identifier: GPL-2.0-or-later */
/* usage: xdp_pass LINK: attach an XDP program that lets every packet pass (in the generic mode,
 * which every link has), for the test of what `ctmeter check` says about it. Exit status 77: this
 * kernel has no XDP. */
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static int load(void)
{
	static const struct bpf_insn program[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_XDP;
	attr.insns = (uintptr_t)program;
	attr.insn_cnt = sizeof(program) / sizeof(program[0]);
	attr.license = (uintptr_t) "GPL";
	return (int)syscall(__NR_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
}

/* The link keeps the program when we are gone. Returns 0 or -errno. */
static int attach(int program, unsigned link)
{
	struct {
		struct nlmsghdr h;
		struct ifinfomsg info;
		struct nlattr xdp, fd;
		int32_t fd_value;
		struct nlattr flags;
		uint32_t flags_value;
	} q = { .h = { sizeof(q), RTM_SETLINK, NLM_F_REQUEST | NLM_F_ACK, 0, 0 },
		.info = { .ifi_index = (int)link },
		.xdp = { sizeof(q) - sizeof(q.h) - sizeof(q.info), IFLA_XDP | NLA_F_NESTED },
		.fd = { NLA_HDRLEN + 4, IFLA_XDP_FD },
		.fd_value = program,
		.flags = { NLA_HDRLEN + 4, IFLA_XDP_FLAGS },
		.flags_value = XDP_FLAGS_SKB_MODE };
	struct {
		struct nlmsghdr h;
		struct nlmsgerr error;
		char rest[1024];
	} answer;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0 || send(fd, &q, sizeof(q), 0) < 0 || recv(fd, &answer, sizeof(answer), 0) < 0)
		return -errno;
	close(fd);
	return answer.error.error;
}

int main(int argc, char **argv)
{
	int program, ret;

	if (argc != 2)
		return 2;
	program = load();
	if (program < 0) {
		perror("bpf");
		return 77;
	}
	ret = attach(program, if_nametoindex(argv[1]));
	if (ret < 0) {
		fprintf(stderr, "%s: %s\n", argv[1], strerror(-ret));
		return ret == -EOPNOTSUPP ? 77 : 1;
	}
	return 0;
}
