/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inventory/awake.h"

#include "base/xalloc.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The daemons of the runtimes that may be started through their sockets. */
static const char *const daemons[] = { "dockerd", "podman", "incusd", "lxd" };

enum holds { HOLDS_NOT, HOLDS, HOLDS_UNKNOWN };

/* The path with the links in its directory resolved: /var/run/x is /run/x. Returns buf, or the path
 * itself if there is no such directory. */
static const char *plain_path(const char *path, char buf[PATH_MAX])
{
	char *dir = xstrdup(path), *slash = strrchr(dir, '/');
	size_t len;

	if (slash)
		*slash = '\0';
	if (!slash || !realpath(*dir ? dir : "/", buf)) {
		free(dir);
		return path;
	}
	len = strlen(buf);
	if (len + strlen(slash + 1) + 2 > PATH_MAX) {
		free(dir);
		return path;
	}
	sprintf(buf + len, "%s%s", buf[len - 1] == '/' ? "" : "/", slash + 1);
	free(dir);
	return buf;
}

static bool is_same_socket(const char *bound, const char *plain)
{
	const char *a = strrchr(bound, '/'), *b = strrchr(plain, '/');
	char buf[PATH_MAX];

	return a && b && !strcmp(a, b) && !strcmp(plain_path(bound, buf), plain);
}

/* The inode of the socket that listens at this path, 0: none. The columns of /proc/net/unix are
 * those of unix_seq_show() in the kernel's net/unix/af_unix.c; 0x10000 is __SO_ACCEPTCON. */
static unsigned long listener_of(const char *socket)
{
	FILE *f = fopen("/proc/net/unix", "re");
	char *line = NULL, buf[PATH_MAX];
	const char *plain = plain_path(socket, buf);
	unsigned long found = 0, inode;
	size_t size = 0;
	unsigned flags;

	while (f && !found && getline(&line, &size, f) > 0) {
		int at = 0;

		line[strcspn(line, "\n")] = '\0';
		if (sscanf(line, "%*s %*x %*x %x %*x %*x %lu %n", &flags, &inode, &at) == 2 && at &&
		    flags & 0x10000 && is_same_socket(line + at, plain))
			found = inode;
	}
	free(line);
	if (f)
		fclose(f);
	return found;
}

/* Does the process hold this socket? */
static enum holds holds(const char *pid, unsigned long inode)
{
	char path[64], want[48], link[48];
	enum holds held = HOLDS_NOT;
	struct dirent *entry;
	DIR *dir;

	snprintf(want, sizeof(want), "socket:[%lu]", inode);
	snprintf(path, sizeof(path), "/proc/%.16s/fd", pid);
	dir = opendir(path);
	if (!dir) /* process 1 is there, even if we may not see it */
		return errno == ENOENT && strcmp(pid, "1") ? HOLDS_NOT : HOLDS_UNKNOWN;
	while (held == HOLDS_NOT && (entry = readdir(dir))) {
		ssize_t n = readlinkat(dirfd(dir), entry->d_name, link, sizeof(link) - 1);

		link[n < 0 ? 0 : n] = '\0';
		if (!strcmp(link, want))
			held = HOLDS;
	}
	closedir(dir);
	return held;
}

static void name_of(const char *pid, char name[32])
{
	char path[64];
	FILE *f;

	*name = '\0';
	snprintf(path, sizeof(path), "/proc/%.16s/comm", pid);
	f = fopen(path, "re");
	if (f && fgets(name, 32, f))
		name[strcspn(name, "\n")] = '\0';
	if (f)
		fclose(f);
}

static bool is_roots(const char *pid)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%.16s", pid);
	return stat(path, &st) == 0 && st.st_uid == 0;
}

static bool is_behind(const char *pid, unsigned long inode, const char *worker, bool any_name)
{
	char name[32];

	if (any_name && holds(pid, inode) == HOLDS)
		return true;

	name_of(pid, name);
	if (worker && !strcmp(name, worker))
		return is_roots(pid);
	for (size_t i = 0; i < ARRAY_LEN(daemons); i++)
		if (!strcmp(name, daemons[i]))
			return holds(pid, inode) != HOLDS_NOT;
	return false;
}

static bool any_is_behind(unsigned long inode, const char *worker, bool any_name)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	bool behind = false;

	while (dir && !behind && (entry = readdir(dir)))
		behind = isdigit((unsigned char)*entry->d_name) && strcmp(entry->d_name, "1") &&
			 is_behind(entry->d_name, inode, worker, any_name);
	if (dir)
		closedir(dir);
	return behind;
}

bool awake_is(const char *socket, const char *worker, char why[AWAKE_WHY])
{
	bool gone = access(socket, F_OK) < 0 && errno == ENOENT;
	unsigned long inode = gone ? 0 : listener_of(socket);
	enum holds manager = inode ? holds("1", inode) : HOLDS_NOT;

	if (!inode) {
		snprintf(why, AWAKE_WHY, "nothing listens at %.120s", socket);
		return false;
	}
	/* Without systemd there is nobody who listens for others. */
	if (manager == HOLDS_NOT ||
	    (manager == HOLDS_UNKNOWN && access("/run/systemd/system", F_OK) < 0) ||
	    any_is_behind(inode, worker, manager == HOLDS_UNKNOWN))
		return true;
	snprintf(why, AWAKE_WHY, "it sleeps behind %.120s, and is not woken", socket);
	return false;
}
