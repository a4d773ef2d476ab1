/* SPDX-License-Identifier: GPL-2.0-or-later */
/* legacy: does this kernel give us iptables' legacy tables? `legacy TABLE` exits 0 when it does;
 * otherwise one line on stdout says what is missing. Asks as libiptc does, over a raw socket
 * (IPT_SO_GET_INFO, linux/netfilter_ipv4/ip_tables.h), and changes nothing. */

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netfilter_ipv4/ip_tables.h>

/* IPv6 uses the same number and layout (IP6T_SO_GET_INFO, struct ip6t_getinfo). */
static int probe(int family, int level, const char *table)
{
	struct ipt_getinfo info = { .valid_hooks = 0 };
	socklen_t len = sizeof(info);
	int fd = socket(family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	int ret = 0;

	if (fd < 0)
		return -errno;
	snprintf(info.name, sizeof(info.name), "%s", table);
	if (getsockopt(fd, level, IPT_SO_GET_INFO, &info, &len) != 0)
		ret = -errno;
	close(fd);
	return ret;
}

int main(int argc, char **argv)
{
	const char *table = argc > 1 ? argv[1] : "mangle";
	int v4 = probe(AF_INET, IPPROTO_IP, table);
	int v6 = probe(AF_INET6, IPPROTO_IPV6, table);

	if (v4 != 0)
		printf("no legacy iptables table \"%s\" for IPv4 (%s)\n", table, strerror(-v4));
	else if (v6 != 0)
		printf("no legacy ip6tables table \"%s\" for IPv6 (%s)\n", table, strerror(-v6));
	return v4 != 0 || v6 != 0;
}
