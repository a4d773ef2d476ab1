/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inventory/lxc_socket.h"

#include "inventory/gather.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { GET_INIT_PID = 4, GET_CONFIG_ITEM = 7 };

#define ONE_MS 250 /* for one monitor */
#define NETS_MAX 16
#define VALUE_MAX 4096

/* struct lxc_cmd_req and struct lxc_cmd_rsp of liblxc. A value that fits into a pointer stands in
 * its place. */
struct request {
	int command, len;
	const void *data;
};
struct response {
	int ret, len;
	void *data;
};

/* FNV-1a, which liblxc takes for names that are too long for a socket's. */
static uint64_t digest(const char *path, const char *name)
{
	uint64_t h = 0xcbf29ce484222325ull;

	for (; *path; path++)
		h = (h ^ (unsigned char)*path) * 0x100000001b3ull;
	h = (h ^ '/') * 0x100000001b3ull;
	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 0x100000001b3ull;
	return h;
}

/* Returns the address's length. As lxc_make_abstract_socket_name() of liblxc: the name is not
 * padded. */
static socklen_t name_socket(const struct lxc_path *at, const char *name, struct sockaddr_un *ret)
{
	size_t room = sizeof(ret->sun_path) - 2;
	int len;

	*ret = (struct sockaddr_un) { .sun_family = AF_UNIX };
	len = snprintf(ret->sun_path + 1, room, "%s/%s/command", at->path, name);
	if ((size_t)len >= room)
		len = snprintf(ret->sun_path + 1, room, "lxc/%016llx/command",
			       (unsigned long long)digest(at->path, name));
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len);
}

/* Returns a socket, or -errno: -ECONNREFUSED if nobody listens. */
static int call(const struct lxc_path *at, const char *name, uid_t owner)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), ret = 0;
	struct sockaddr_un sun;
	socklen_t len = name_socket(at, name, &sun), size = sizeof(struct ucred);
	struct ucred peer;

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&sun, len) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		ret = -errno;
	else if (peer.uid != 0 && peer.uid != owner)
		ret = -EACCES;
	if (!ret)
		return fd;
	close(fd);
	return ret;
}

/* With our credentials, which the monitor checks. */
static bool send_request(int fd, const struct request *request)
{
	union {
		struct cmsghdr align;
		char octets[CMSG_SPACE(sizeof(struct ucred))];
	} control = { .octets = { 0 } };
	struct iovec iov = { (void *)(uintptr_t)request,
			     offsetof(struct request, data) + sizeof(request->data) };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	struct ucred self = { getpid(), getuid(), getgid() };
	struct cmsghdr *head = CMSG_FIRSTHDR(&msg);

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_CREDENTIALS;
	head->cmsg_len = CMSG_LEN(sizeof(self));
	memcpy(CMSG_DATA(head), &self, sizeof(self));
	return sendmsg(fd, &msg, MSG_NOSIGNAL) == (ssize_t)iov.iov_len &&
	       (!request->len ||
		send(fd, request->data, (size_t)request->len, MSG_NOSIGNAL) == request->len);
}

static int64_t clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Receive just so many octets, until this time. */
static bool receive(int fd, void *buf, size_t len, int64_t until_ms)
{
	char *at = buf;

	while (len) {
		struct pollfd pfd = { .fd = fd, .events = POLLIN };
		int64_t left = until_ms - clock_ms();
		ssize_t n = recv(fd, at, len, MSG_DONTWAIT);

		if (n > 0) {
			at += n;
			len -= (size_t)n;
		} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
			return false;
		} else if (left <= 0 || poll(&pfd, 1, (int)left) == 0) {
			errno = ETIMEDOUT;
			return false;
		}
	}
	return true;
}

/* Ask, and take what data the answer has into buf, as text. Returns 0, -errno, or -ENODATA if the
 * monitor refuses. */
static int ask(struct lxc_path *at, const char *name, uid_t owner, const struct request *request,
	       struct response *ret_response, char buf[VALUE_MAX])
{
	int64_t began_ms = clock_ms(), waited_ms;
	int patience_ms = at->patience_ms < ONE_MS ? at->patience_ms : ONE_MS;
	int fd = call(at, name, owner);
	bool good;

	*buf = '\0';
	if (fd < 0)
		return fd;
	good = send_request(fd, request) &&
	       receive(fd, ret_response, sizeof(*ret_response), began_ms + patience_ms);
	if (good && ret_response->len > 0 && ret_response->len < VALUE_MAX) {
		good = receive(fd, buf, (size_t)ret_response->len, began_ms + patience_ms);
		buf[good ? ret_response->len : 0] = '\0';
	}
	close(fd);
	waited_ms = clock_ms() - began_ms;
	at->patience_ms -= waited_ms < at->patience_ms ? (int)waited_ms : at->patience_ms;
	if (!good || ret_response->len >= VALUE_MAX)
		return -ETIMEDOUT;
	return ret_response->ret < 0 ? -ENODATA : 0;
}

/* Print this item of the configuration, a record for each line. Returns 0, -ENODATA if it has no
 * such item, or another -errno. */
static int print_item(struct lxc_path *at, const char *name, uid_t owner, const char *key)
{
	struct request request = { GET_CONFIG_ITEM, (int)strlen(key) + 1, key };
	struct response response;
	char value[VALUE_MAX], text[VALUE_MAX + 64];
	int ret = ask(at, name, owner, &request, &response, value);

	for (char *line = value, *end; !ret && *line; line = end) {
		end = strchrnul(line, '\n');
		if (*end)
			*end++ = '\0';
		snprintf(text, sizeof(text), "%.60s = %s", key, line);
		if (gather_put_text("item", name, text))
			return -EPIPE;
	}
	return ret ? ret : *value ? 0 : -ENODATA;
}

static int print_items(struct lxc_path *at, const char *name, uid_t owner)
{
	static const char *const keys[] = { "veth.pair", "ipv4.address", "ipv6.address" };
	char key[64];
	int ret = print_item(at, name, owner, "lxc.uts.name");

	for (int net = 0; net < NETS_MAX && (!ret || ret == -ENODATA); net++) {
		snprintf(key, sizeof(key), "lxc.net.%d.type", net);
		ret = print_item(at, name, owner, key);
		if (ret)
			break;
		for (size_t i = 0; i < sizeof(keys) / sizeof(*keys) && ret != -EPIPE; i++) {
			snprintf(key, sizeof(key), "lxc.net.%d.%s", net, keys[i]);
			ret = print_item(at, name, owner, key);
		}
	}
	return ret == -ENODATA ? 0 : ret;
}

int lxc_print(struct lxc_path *at, const char *name, uid_t owner, bool items)
{
	struct request request = { .command = GET_INIT_PID };
	struct response response;
	char text[VALUE_MAX];
	int ret = ask(at, name, owner, &request, &response, text);
	intptr_t pid = ret ? 0 : (intptr_t)response.data;

	if (ret == -ECONNREFUSED)
		return gather_put_text("run", name, "no");
	if (pid <= 0 || pid > INT32_MAX)
		return gather_put_text("run", name, "unknown");
	snprintf(text, sizeof(text), "%ld", (long)pid);
	ret = gather_put_text("run", name, "yes");
	if (!ret)
		ret = gather_put_text("pid", name, text);
	if (ret || !items)
		return ret;
	ret = print_items(at, name, owner);
	if (ret == -ECONNREFUSED)
		return 0; /* it has just ended */
	if (ret && ret != -EPIPE) /* half of what it has must not pass for all */
		return gather_put_text("bad", name,
				       "its monitor does not answer all that it is asked");
	return -ret;
}
