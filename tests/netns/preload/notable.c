/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For LD_PRELOAD: while the file $NOTABLE_FILE exists, the kernel answers for legacy tables as it
 * does when their modules are not loaded. */
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netfilter_ipv4/ip_tables.h>

int getsockopt(int fd, int level, int option, void *value, socklen_t *len)
{
	static int (*real)(int, int, int, void *, socklen_t *);
	const char *file = getenv("NOTABLE_FILE");

	if (!real)
		real = (int (*)(int, int, int, void *, socklen_t *))dlsym(RTLD_NEXT, "getsockopt");
	if ((level == IPPROTO_IP || level == IPPROTO_IPV6) && option >= IPT_SO_GET_INFO &&
	    option <= IPT_SO_GET_ENTRIES && file && access(file, F_OK) == 0) {
		errno = ENOENT;
		return -1;
	}
	return real(fd, level, option, value, len);
}
