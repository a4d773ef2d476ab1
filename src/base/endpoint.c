/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/endpoint.h"

#include "base/xalloc.h"

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

int endpoint_unix(const char *path, struct sockaddr_un *ret_sun)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(sun.sun_path))
		return -ENAMETOOLONG;
	strcpy(sun.sun_path, path);
	*ret_sun = sun;
	return 0;
}

static int add_path(struct endpoint *ep, const char *path)
{
	struct sockaddr_un *sun = (struct sockaddr_un *)&ep->places[0].sa;

	if (!*path || endpoint_unix(path, sun) < 0)
		return -EINVAL;
	ep->places[0].len = sizeof(*sun);
	ep->n = 1;
	return 0;
}

static int add_tcp(struct endpoint *ep, const char *host, const char *port)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
				  .ai_socktype = SOCK_STREAM };
	struct addrinfo *ai;

	if (getaddrinfo(host, port, &hints, &ai))
		return -EINVAL;
	memcpy(&ep->places[ep->n].sa, ai->ai_addr, ai->ai_addrlen);
	ep->places[ep->n].len = ai->ai_addrlen;
	ep->n++;
	freeaddrinfo(ai);
	return 0;
}

/* 1 to 65535: getaddrinfo(3) takes larger numbers modulo 65536. */
static int is_port(const char *text)
{
	size_t digits = strspn(text, "0123456789");
	long n = digits && digits <= 5 && !text[digits] ? strtol(text, NULL, 10) : 0;

	return n >= 1 && n <= 65535;
}

static int add_host_port(struct endpoint *ep, const char *text)
{
	const char *colon = strrchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : 0;
	char *host;
	int ret;

	if (!len || !is_port(colon + 1))
		return -EINVAL;
	host = *text == '[' && colon[-1] == ']' ? xstrndup(text + 1, len - 2) : xstrndup(text, len);
	if (strcmp(host, "localhost")) {
		ret = *host ? add_tcp(ep, host, colon + 1) : -EINVAL;
	} else {
		ret = add_tcp(ep, "127.0.0.1", colon + 1);
		ret = ret ? ret : add_tcp(ep, "::1", colon + 1);
	}
	free(host);
	return ret;
}

int endpoint_parse(const char *text, struct endpoint *ret_endpoint)
{
	struct endpoint ep = { .n = 0 };
	int ret = strncmp(text, "tcp:", 4) ? add_path(&ep, text) : add_host_port(&ep, text + 4);

	if (!ret)
		*ret_endpoint = ep;
	return ret;
}
