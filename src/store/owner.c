/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/owner.h"

#include "base/xalloc.h"

#include <assert.h>
#include <grp.h>
#include <libgen.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* The owner of the directory. Returns false if that is root, or if there is no such directory. */
static bool find_owner(const char *path, struct stat *ret)
{
	char *copy = xstrdup(path), *dir = dirname(copy);
	struct stat st;
	bool found = lstat(dir, &st) == 0;

	if (found && S_ISLNK(st.st_mode) && st.st_uid == 0)
		found = stat(dir, &st) == 0; /* root's own link: follow it */
	free(copy);
	if (!found || st.st_uid == 0)
		return false;
	*ret = st;
	return true;
}

static void save(struct owner *saved)
{
	int n = getgroups(0, NULL);

	saved->uid = geteuid();
	saved->gid = getegid();
	saved->groups = n > 0 ? xcalloc((size_t)n, sizeof(*saved->groups)) : NULL;
	n = n > 0 ? getgroups(n, saved->groups) : 0;
	saved->n_groups = n > 0 ? (size_t)n : 0;
}

static bool restore(const struct owner *saved)
{
	/* A user namespace may forbid setgroups; then owner_become failed at it too. */
	bool ok = seteuid(saved->uid) == 0 && setegid(saved->gid) == 0;

	return setgroups(saved->n_groups, saved->groups) == 0 && ok;
}

void owner_become(const char *path, struct owner *ret_saved)
{
	struct stat st;

	*ret_saved = (struct owner) { .became = false };
	if (geteuid() != 0 || !find_owner(path, &st))
		return;
	save(ret_saved);
	if (setgroups(0, NULL) == 0 && setegid(st.st_gid) == 0 && seteuid(st.st_uid) == 0) {
		ret_saved->became = true;
		return;
	}
	restore(ret_saved);
	free(ret_saved->groups);
	ret_saved->groups = NULL;
}

void owner_return(struct owner *saved)
{
	bool back;

	if (!saved->became)
		return;
	back = restore(saved);
	assert(back);
	(void)back;
	free(saved->groups);
	*saved = (struct owner) { .became = false };
}
