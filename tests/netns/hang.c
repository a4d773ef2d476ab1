/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hang one thread of a process, for real: hang TID stops it (and no other of its threads) for as
 * long as this runs. Prints "hung" once it has. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	pid_t tid = argc == 2 ? (pid_t)atol(argv[1]) : 0;
	int status;

	if (tid <= 0) {
		fputs("usage: hang TID\n", stderr);
		return 2;
	}
	if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) < 0 ||
	    ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) < 0 || waitpid(tid, &status, __WALL) != tid ||
	    !WIFSTOPPED(status)) {
		perror("ptrace");
		return 1;
	}
	puts("hung");
	fflush(stdout);
	pause(); /* the kernel lets it go on when we are gone */
	return 0;
}
