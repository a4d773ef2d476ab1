/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xtentries: how many entries a legacy table has, without reading it.
 *
 *   xtentries 4|6 TABLE [OLD]  print the number; with OLD, once it is another than that
 *
 * Asks with GET_INFO (linux/netfilter_ipv4/ip_tables.h), which costs a microsecond: fit to wait for
 * the moment at which somebody's new rules are in place. Exit 1 when nothing changes for some
 * 30 s. */

#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include <linux/netfilter_ipv4/ip_tables.h>

#define PAUSE_NS 100000
#define TRIES 200000

int main(int argc, char **argv)
{
	struct timespec pause = { .tv_nsec = PAUSE_NS };
	struct ipt_getinfo info = { .valid_hooks = 0 };
	socklen_t len = sizeof(info);
	int v6, fd;

	if (argc < 3) {
		fprintf(stderr, "usage: xtentries 4|6 TABLE [OLD]\n");
		return 2;
	}
	v6 = *argv[1] == '6';
	fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	snprintf(info.name, sizeof(info.name), "%s", argv[2]);
	for (unsigned i = 0; i < TRIES; i++) {
		/* IPv6 uses the same number and layout. */
		if (getsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, IPT_SO_GET_INFO, &info, &len) !=
		    0) {
			perror("xtentries");
			return 1;
		}
		if (argc < 4 || info.num_entries != strtoul(argv[3], NULL, 10)) {
			printf("%u\n", info.num_entries);
			return 0;
		}
		nanosleep(&pause, NULL);
	}
	return 1;
}
