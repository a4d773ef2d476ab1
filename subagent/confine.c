/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The system calls of a running ctmeterd, its store's thread and the children of its commits
 * (seccomp(2), libseccomp). A call that is not listed fails with ENOSYS, as on a kernel that lacks
 * it: a C library that starts to use a new call falls back to the old one, and nothing is killed in
 * the middle of a commit. exec is not listed. */
#include "base/log.h"
#include "inventory/source_kind.h"
#include "privilege.h"

#include <errno.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#undef CTM_SECCOMP /* their runtimes make other calls */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
	__has_feature(memory_sanitizer)
#undef CTM_SECCOMP
#endif
#endif

#ifdef CTM_SECCOMP

#include "base/xalloc.h"

#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef CLONE_NEWCGROUP
#define CLONE_NEWCGROUP 0x02000000
#endif
#define NAMESPACES                                                                     \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | \
	 CLONE_NEWPID | CLONE_NEWNET)

static const int families[] = { AF_UNIX, AF_INET, AF_INET6, AF_NETLINK };
static const unsigned long ioctls[] = { TCGETS, TIOCGWINSZ, FIONREAD };

static const char *const allowed[] = {
	/* descriptors */
	"read", "readv", "pread64", "preadv", "write", "writev", "pwrite64", "pwritev", "close",
	"close_range", "dup", "dup2", "dup3", "fcntl", "fcntl64", "lseek", "_llseek", "pipe",
	"pipe2", "eventfd2",
	/* waiting */
	"poll", "ppoll", "ppoll_time64", "select", "_newselect", "pselect6", "epoll_create1",
	"epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2", "timerfd_create",
	"timerfd_settime", "timerfd_settime64", "timerfd_gettime", "signalfd4", "nanosleep",
	"clock_nanosleep", "clock_nanosleep_time64",
	/* sockets: AgentX, control, netlink, the tables' socket options */
	"socketcall", "socketpair", "connect", "bind", "listen", "accept", "accept4", "getsockname",
	"getpeername", "getsockopt", "setsockopt", "shutdown", "send", "sendto", "sendmsg",
	"sendmmsg", "recv", "recvfrom", "recvmsg", "recvmmsg",
	/* files: configuration, inventory, ledger, journals */
	"open", "openat", "openat2", "creat", "stat", "stat64", "lstat", "lstat64", "fstat",
	"fstat64", "newfstatat", "fstatat64", "statx", "statfs", "statfs64", "fstatfs", "fstatfs64",
	"access", "faccessat", "faccessat2", "readlink", "readlinkat", "getcwd", "getdents",
	"getdents64", "mkdir", "mkdirat", "rmdir", "unlink", "unlinkat", "rename", "renameat",
	"renameat2", "ftruncate", "ftruncate64", "fallocate", "fsync", "fdatasync",
	"sync_file_range", "fadvise64", "chmod", "fchmod", "fchmodat", "chown", "fchown",
	"fchown32", "fchownat", "umask", "utimensat", "utime", "flock",
	/* memory */
	"brk", "mmap", "mmap2", "munmap", "mremap", "mprotect", "madvise", "msync",
	/* the link backend's maps and programs; what it may do with them is the kernel's to say, as
	 * its argument lies in memory, where a filter cannot look */
	"bpf",
	/* processes and threads: commits fork */
	"fork", "vfork", "wait4", "waitid", "waitpid", "exit", "exit_group", "kill", "tgkill",
	"getpid", "getppid", "gettid", "getpgrp", "getpgid", "setpgid", "set_robust_list",
	"set_tid_address", "rseq", "futex", "futex_time64", "sched_yield", "sched_getaffinity",
	"sched_getparam", "sched_getscheduler", "getpriority", "membarrier", "prctl", "arch_prctl",
	/* signals */
	"rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigreturn", "rt_sigtimedwait",
	"rt_sigpending", "sigaltstack", "restart_syscall",
	/* identity, time, limits */
	"getuid", "getuid32", "geteuid", "geteuid32", "getgid", "getgid32", "getegid", "getegid32",
	"getresuid", "getresuid32", "getresgid", "getresgid32", "clock_gettime", "clock_gettime64",
	"clock_getres", "gettimeofday", "time", "times", "getrandom", "uname", "sysinfo",
	"getrlimit", "ugetrlimit", "prlimit64", "getrusage"
};

bool privilege_confines(void)
{
	return true;
}

/* Calls that are allowed with some arguments only: no new namespaces (clone3 hides its flags, so
 * the C library falls back to clone), no other socket families, and only ioctls that ask what a
 * terminal is. */
static int add_partly(scmp_filter_ctx filter)
{
	struct scmp_arg_cmp is = { .arg = 0, .op = SCMP_CMP_MASKED_EQ, .datum_a = NAMESPACES };
	int ret = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, &is);

	is = (struct scmp_arg_cmp) { .arg = 1, .op = SCMP_CMP_EQ };
	for (size_t i = 0; i < ARRAY_LEN(ioctls) && !ret; i++) {
		is.datum_a = ioctls[i];
		ret = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, &is);
	}
	is = (struct scmp_arg_cmp) { .arg = 0, .op = SCMP_CMP_EQ };
	for (size_t i = 0; i < ARRAY_LEN(families) && !ret; i++) {
		is.datum_a = (scmp_datum_t)families[i];
		ret = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1, &is);
	}
	return ret;
}

static int confine(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	int ret = filter ? add_partly(filter) : -ENOMEM;

#if SCMP_VER_MAJOR > 2 || (SCMP_VER_MAJOR == 2 && SCMP_VER_MINOR >= 5)
	/* A binary tree instead of a list: kernels before 5.11 run the filter for every call. */
	if (!ret)
		ret = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
#endif

	for (size_t i = 0; i < ARRAY_LEN(allowed) && !ret; i++) {
		int number = seccomp_syscall_resolve_name(allowed[i]);

		/* Not every architecture has every call: those have negative numbers. */
		if (number >= 0)
			ret = seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
	}
	if (!ret)
		ret = seccomp_load(filter);
	if (filter)
		seccomp_release(filter);
	return ret;
}

/* The first source that is a program and that no helper can run for us, or NULL. */
static const char *own_command(const struct cfg *cfg)
{
	if (access(cfg->inventory.helper, F_OK) == 0)
		return NULL;
	for (size_t i = 0; i < cfg->inventory.n_sources; i++)
		if (source_runs_programs(cfg->inventory.sources[i]))
			return cfg->inventory.sources[i];
	return NULL;
}

void privilege_confine(const struct cfg *cfg)
{
	const char *command = own_command(cfg);
	int ret = command ? 0 : confine();

	if (command)
		log_warning(
			"start",
			"not filtering system calls: ctmeterd runs %s itself, because there is no "
			"inventory helper at %s",
			command, cfg->inventory.helper);
	else if (ret < 0)
		log_warning("start", "not filtering system calls: %s", strerror(-ret));
}

#else

bool privilege_confines(void)
{
	return false;
}

void privilege_confine(const struct cfg *cfg)
{
	(void)cfg;
}

#endif
