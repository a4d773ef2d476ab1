/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libsystemd is not used: the protocol is one datagram, has not changed since 2010 and is
 * documented for use without the library, which would bring its own dependencies (several
 * compressors, libgcrypt) into a privileged process. */
#include "base/sd_notify.h"

#include "base/xalloc.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

struct sd_notify {
	int fd; /* -1: no service manager */
	struct sockaddr_un to;
	socklen_t to_len;
	uint64_t watchdog_ns;
};

/* An absolute path, or '@' and a name in the abstract namespace. */
static bool set_address(struct sd_notify *n, const char *name)
{
	size_t len = name ? strlen(name) : 0;

	if (len < 2 || len >= sizeof(n->to.sun_path) || (*name != '/' && *name != '@'))
		return false;
	n->to.sun_family = AF_UNIX;
	memcpy(n->to.sun_path, name, len);
	n->to_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	if (*name == '@')
		n->to.sun_path[0] = '\0';
	else
		n->to_len++; /* and its NUL */
	return true;
}

static uint64_t number(const char *text)
{
	char *end;
	unsigned long long value = text ? strtoull(text, &end, 10) : 0;

	return text && *text >= '0' && *text <= '9' && !*end ? value : 0;
}

struct sd_notify *sd_notify_new(void)
{
	struct sd_notify *n = xcalloc(1, sizeof(*n));
	const char *pid = getenv("WATCHDOG_PID");

	n->fd = -1;
	if (set_address(n, getenv("NOTIFY_SOCKET")))
		n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (n->fd >= 0 && (!pid || number(pid) == (uint64_t)getpid()))
		n->watchdog_ns = number(getenv("WATCHDOG_USEC")) * 1000;
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	return n;
}

void sd_notify_free(struct sd_notify *n)
{
	if (!n)
		return;
	if (n->fd >= 0)
		close(n->fd);
	free(n);
}

bool sd_notify_is_on(const struct sd_notify *n)
{
	return n->fd >= 0;
}

uint64_t sd_notify_watchdog_ns(const struct sd_notify *n)
{
	return n->watchdog_ns;
}

void sd_notify_send(struct sd_notify *n, const char *fmt, ...)
{
	char text[1024];
	ssize_t sent;
	va_list ap;
	int len;

	if (n->fd < 0)
		return;
	va_start(ap, fmt);
	len = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (len >= (int)sizeof(text))
		len = sizeof(text) - 1;
	sent = sendto(n->fd, text, (size_t)len, MSG_NOSIGNAL, (const void *)&n->to, n->to_len);
	(void)sent; /* the manager may be gone */
}

void sd_notify_reloading(struct sd_notify *n)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	sd_notify_send(n, "RELOADING=1\nMONOTONIC_USEC=%llu",
		       (unsigned long long)ts.tv_sec * 1000000 +
			       (unsigned long long)ts.tv_nsec / 1000);
}
