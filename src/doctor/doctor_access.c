/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the daemon's user may access, and the command that grants it. Capabilities do not matter
 * here: a running daemon keeps none that opens files. */
#include "doctor/doctor_access.h"

#include "base/join.h"
#include "base/xalloc.h"
#include "doctor/doctor_room.h"

#include <grp.h>
#include <libgen.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The number in column `column` (from 0) after NAME in /proc/PID/status; -1: none. */
static long status_number(const char *status, const char *name, int column)
{
	const char *at = status ? strstr(status, name) : NULL;
	char *end;
	long n = -1;

	if (!at)
		return -1;
	at += strlen(name);
	for (int i = 0; i <= column; i++, at = end) {
		at += strspn(at, " \t"); /* but not on to the next line */
		n = strtol(at, &end, 10);
		if (*at == '\n' || end == at)
			return -1;
	}
	return n;
}

/* A process's ids, from /proc/PID/status. */
static void take_process(const char *status, struct doctor_user *u)
{
	long uid = status_number(status, "\nUid:", 1), group;

	u->known = uid >= 0;
	u->uid = (uid_t)uid;
	u->gid = (gid_t)status_number(status, "\nGid:", 1);
	while (u->n_groups < ARRAY_LEN(u->groups) &&
	       (group = status_number(status, "\nGroups:", (int)u->n_groups)) >= 0)
		u->groups[u->n_groups++] = (gid_t)group;
}

/* The account that the configuration names. */
static void take_account(const char *name, struct doctor_user *u)
{
	const struct passwd *pw = getpwnam(name);
	int n = ARRAY_LEN(u->groups);

	if (!pw)
		return;
	u->known = true;
	u->uid = pw->pw_uid;
	u->gid = pw->pw_gid;
	if (getgrouplist(name, u->gid, u->groups, &n) >= 0)
		u->n_groups = (size_t)n;
}

static void name_it(struct doctor_user *u)
{
	const struct passwd *pw = getpwuid(u->uid);
	const struct group *gr = getgrgid(u->gid);

	snprintf(u->name, sizeof(u->name), "%u", (unsigned)u->uid);
	snprintf(u->group, sizeof(u->group), "%u", (unsigned)u->gid);
	if (pw)
		snprintf(u->name, sizeof(u->name), "%.60s", pw->pw_name);
	if (gr)
		snprintf(u->group, sizeof(u->group), "%.60s", gr->gr_name);
}

struct doctor_user doctor_daemon_user(const struct doctor *d)
{
	struct doctor_user u = { .known = false };
	char *status = d->pid ? doctor_read(d, "/proc/%u/status", d->pid) : NULL;

	if (status)
		take_process(status, &u);
	else if (!d->pid)
		take_account(d->o.cfg->daemon.user, &u);
	free(status);
	if (u.known)
		name_it(&u);
	return u;
}

static bool in_group(const struct doctor_user *u, gid_t gid)
{
	for (size_t i = 0; i < u->n_groups; i++)
		if (u->groups[i] == gid)
			return true;
	return u->gid == gid;
}

bool doctor_may(const struct doctor_user *u, const struct stat *st, mode_t other)
{
	if (!u->known || !u->uid)
		return true;
	if (u->uid == st->st_uid)
		return st->st_mode & other << 6;
	return st->st_mode & (in_group(u, st->st_gid) ? other << 3 : other);
}

/* ---- the way to a file ---- */

/* The directory goes to the daemon's group only if its present group has no access to lose. */
static void open_directory(const struct doctor_user *u, const char *path, const struct stat *st,
			   char **commands)
{
	char *quoted = doctor_quote(path), *command;

	if (u->uid == st->st_uid)
		command = xasprintf("chmod u+x %s", quoted);
	else if (in_group(u, st->st_gid))
		command = xasprintf("chmod g+x %s", quoted);
	else if (!(st->st_mode & S_IRWXG))
		command = xasprintf("chgrp %s %s && chmod g+x %s", u->group, quoted, quoted);
	else
		command = xasprintf("chmod o+x %s", quoted);
	join_heap(commands, " && ", "%s", command);
	free(command);
	free(quoted);
}

static void open_file(const struct doctor_user *u, const char *path, const struct stat *st,
		      char **commands)
{
	char *quoted = doctor_quote(path), *command;

	if (u->uid == st->st_uid)
		command = xasprintf("chmod u+r %s", quoted);
	else if (in_group(u, st->st_gid))
		command = xasprintf("chmod g+r %s", quoted);
	else
		command = xasprintf("chgrp %s %s && chmod g+r %s", u->group, quoted, quoted);
	join_heap(commands, " && ", "%s", command);
	free(command);
	free(quoted);
}

char *doctor_open_way(const struct doctor_user *u, const char *path)
{
	char *real = realpath(path, NULL), *commands = NULL;
	struct stat st;

	for (char *slash = real; slash; slash = strchr(slash + 1, '/')) {
		char *dir = xstrndup(real, slash == real ? 1 : (size_t)(slash - real));

		if (stat(dir, &st) == 0 && !doctor_may(u, &st, S_IXOTH))
			open_directory(u, dir, &st, &commands);
		free(dir);
	}
	if (real && stat(real, &st) == 0 && !doctor_may(u, &st, S_IROTH))
		open_file(u, real, &st, &commands);
	free(real);
	return commands;
}
