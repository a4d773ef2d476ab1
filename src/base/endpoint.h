/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_ENDPOINT_H
#define CTM_ENDPOINT_H

#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

/* Where a master agent listens: the path of a Unix socket, or tcp:HOST:PORT, where HOST is an IPv4
 * address, an IPv6 address (in brackets or not) or localhost. Other names are refused, since
 * resolving them would block. */

#define ENDPOINT_PLACES 2 /* localhost is 127.0.0.1 and ::1 */

struct endpoint {
	struct {
		struct sockaddr_storage sa;
		socklen_t len;
	} places[ENDPOINT_PLACES];
	size_t n; /* at least 1 */
};

/* Returns 0, or -EINVAL for any other text, or a path too long for a socket. */
int endpoint_parse(const char *text, struct endpoint *ret_endpoint);

/* The address of the Unix socket at `path`. Returns 0, or -ENAMETOOLONG. */
int endpoint_unix(const char *path, struct sockaddr_un *ret_sun);

#endif
