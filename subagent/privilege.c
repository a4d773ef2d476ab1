/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "privilege.h"

#include "base/log.h"
#include "base/xalloc.h"
#include "inventory/helper.h"
#include "netfilter/fw.h"
#include "netfilter/fw_admin.h"
#include "netlink/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define KEPT (1u << CAP_NET_ADMIN | 1u << CAP_NET_RAW)
#define CAPS_MAX 64
#define RUN_FILES_MAX 16
#ifndef PR_CAP_AMBIENT /* headers before Linux 4.3 */
#define PR_CAP_AMBIENT 47
#define PR_CAP_AMBIENT_CLEAR_ALL 4
#endif

/* --- directories and files ---------------------------------------------------------------- */

/* Give a file to the user, if it is a regular file with one name and not reached through a link. */
static void give_file(int dir, const char *name, const struct passwd *to)
{
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1 &&
	    fchown(fd, to->pw_uid, to->pw_gid) < 0)
		log_warning("start", "cannot give %s to %s: %s", name, to->pw_name,
			    strerror(errno));
	close(fd);
}

/* The directory of `path`; free() it. */
static char *dir_of(const char *path)
{
	char *copy = xstrdup(path), *dir = xstrdup(dirname(copy));

	free(copy);
	return dir;
}

/* May the directory be given away? Root's own to a user, and anybody's to root, who has to write
 * there again. */
static bool is_ours(const struct stat *st, const struct passwd *to)
{
	return st->st_uid != to->pw_uid && (st->st_uid == 0 || to->pw_uid == 0);
}

static bool is_named(const char *dir)
{
	const char *name = strrchr(dir, '/');

	return name && !strcmp(name, "/ctmeter");
}

/* Give away a directory that is named ctmeter or is created here, and the files in it. Before the
 * user owned it, nobody else can have put anything into it. */
static void give(const char *path, mode_t mode, const char *const names[], size_t n,
		 const struct passwd *to)
{
	char *dir = dir_of(path);
	bool made = mkdir(dir, mode) == 0;
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0 && is_ours(&st, to) && (made || is_named(dir))) {
		for (size_t i = 0; i < n; i++)
			give_file(fd, names[i], to);
		if (made)
			fchmod(fd, mode); /* whatever the umask is */
		if (fchown(fd, to->pw_uid, to->pw_gid) < 0)
			log_warning("start", "cannot give %s to %s: %s", dir, to->pw_name,
				    strerror(errno));
	}
	if (fd >= 0)
		close(fd);
	free(dir);
}

/* Is it the directory of the file (or of a link's target), or one above it? */
static bool holds(const struct stat *st, const char *file)
{
	char *paths[] = { xstrdup(file), realpath(file, NULL) };
	bool found = false;

	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		char *dir = paths[i];

		do {
			struct stat above;

			dir = dirname(dir);
			found = found || (stat(dir, &above) == 0 && above.st_dev == st->st_dev &&
					  above.st_ino == st->st_ino);
		} while (strcmp(dir, "/") != 0 && strcmp(dir, ".") != 0);
		free(paths[i]);
	}
	return found;
}

/* A user who owns the directory of the configuration file can replace the file, and the file says
 * what root runs. */
static int check_gift(const char *key, const char *path, const char *better,
		      const char *config_path, const struct passwd *to, struct err *e)
{
	char *dir = dir_of(path);
	struct stat st;
	int ret = 0;

	if (stat(dir, &st) == 0 && is_ours(&st, to) && is_named(dir) && holds(&st, config_path)) {
		err_set(e,
			"%s: %s would be given to the user %s, but it holds the configuration "
			"file, which decides what root runs: choose a path in another directory, "
			"such as %s",
			key, dir, to->pw_name, better);
		ret = -EINVAL;
	}
	free(dir);
	return ret;
}

static int check_gifts(const struct cfg *cfg, const char *config_path, const struct passwd *to,
		       struct err *e)
{
	int ret = check_gift("[control] socket", cfg->control.socket, "/run/ctmeter/control.sock",
			     config_path, to, e);

	return ret ? ret
		   : check_gift("[ledger] path", cfg->ledger.path, "/var/lib/ctmeter/ledger.db",
				config_path, to, e);
}

static void give_all(const struct cfg *cfg, const struct passwd *to)
{
	static const char *const ends[] = { "", "-journal", "-wal", "-shm", "-damaged", "-lock" };
	const char *base = strrchr(cfg->ledger.path, '/') + 1;
	char *names[ARRAY_LEN(ends)];
	const char *files[RUN_FILES_MAX];
	size_t n = 0;

	while (n < RUN_FILES_MAX && (files[n] = fw_run_file(n)))
		n++;
	give(cfg->control.socket, 0755, files, n, to);
	for (size_t i = 0; i < ARRAY_LEN(ends); i++)
		names[i] = xasprintf("%s%s", base, ends[i]);
	give(cfg->ledger.path, 0750, (const char *const *)names, ARRAY_LEN(names), to);
	for (size_t i = 0; i < ARRAY_LEN(ends); i++)
		free(names[i]);
}

/* --- before ------------------------------------------------------------------------------- */

/* snmpd creates its directory as agentXPerms says, but does not change an existing one. */
static void open_agentx_dir(const char *socket)
{
	char *dir = dir_of(socket);
	const char *name = strrchr(dir, '/');
	int fd = -1;
	struct stat st;

	if (name && !strcmp(name, "/agentx"))
		fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_uid == 0 && (st.st_mode & 0011) != 0011 &&
	    fchmod(fd, (st.st_mode & 07777) | 0011) < 0)
		log_warning("start", "%s: %s", dir, strerror(errno));
	if (fd >= 0)
		close(fd);
	free(dir);
}

static int prepare(const struct cfg *cfg, uid_t uid, gid_t gid, struct err *e)
{
	struct fw_config config;
	char *run_dir;
	int ret;

	if (cfg->netfilter.backend == CFG_BACKEND_FAKE)
		return 0;
	if (*cfg->agentx.socket == '/')
		open_agentx_dir(cfg->agentx.socket);
	run_dir = dir_of(cfg->control.socket);
	config = fw_config_of(cfg, run_dir);
	ret = fw_prepare(cfg->netfilter.backend, &config, uid, gid, e);
	free(run_dir);
	return ret;
}

int privilege_prepare(const struct cfg *cfg, struct err *e)
{
	const struct passwd *to = getpwnam(cfg->daemon.user);

	if (geteuid() != 0) {
		err_set(e, "only root can prepare the node for ctmeterd");
		return -EPERM;
	}
	if (!to) {
		err_set(e,
			"there is no user \"%s\" ([daemon] user): create it: useradd --system "
			"--user-group --home-dir /var/lib/ctmeter --shell /usr/sbin/nologin %s",
			cfg->daemon.user, cfg->daemon.user);
		return -ENOENT;
	}
	return prepare(cfg, to->pw_uid, to->pw_gid, e);
}

/* --- dropping ----------------------------------------------------------------------------- */

/* As root, drop what exec could bring back. Without root this is refused, but then exec gives
 * nothing. */
static void limit_bounding_set(void)
{
	for (int cap = 0; cap < CAPS_MAX; cap++)
		if ((cap > 31 || !(KEPT >> cap & 1)) && prctl(PR_CAPBSET_READ, cap) == 1)
			prctl(PR_CAPBSET_DROP, cap);
}

/* Keep exactly KEPT, as far as we have it. A service manager that gave no more may refuse
 * capset(2). Inheritable capabilities then do no harm, because nothing is executed. */
static int limit_capabilities(struct err *e)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];
	bool exact;
	int ret = 0;

	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); /* Linux 4.3 */
	if (syscall(SYS_capget, &head, sets) < 0)
		ret = -errno;
	exact = !ret && !(sets[0].permitted & ~KEPT) && !sets[1].permitted;
	sets[0].permitted &= KEPT;
	sets[0].effective = sets[0].permitted;
	sets[0].inheritable = 0;
	memset(&sets[1], 0, sizeof(sets[1]));
	if (!ret && syscall(SYS_capset, &head, sets) < 0 && !exact)
		ret = -errno;
	if (!ret && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		ret = -errno;
	if (ret < 0)
		err_set(e, "cannot give up privileges: %s", strerror(-ret));
	return ret;
}

/* Become that user and keep the present capabilities. A user namespace may not know the user. */
static int become(const struct passwd *to, struct err *e)
{
	int ret = 0;

	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || initgroups(to->pw_name, to->pw_gid) < 0 ||
	    setresgid(to->pw_gid, to->pw_gid, to->pw_gid) < 0 ||
	    setresuid(to->pw_uid, to->pw_uid, to->pw_uid) < 0)
		ret = -errno;
	prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0);
	if (ret < 0)
		err_set(e, "cannot become the user %s ([daemon] user): %s", to->pw_name,
			strerror(-ret));
	return ret;
}

/* Without CAP_DAC_OVERRIDE, root needs the group that agentXPerms names to reach snmpd's socket. */
static int join_group(struct err *e)
{
	const struct group *group = getgrnam("ctmeter");
	gid_t gid = group ? group->gr_gid : 0;
	int ret = setgroups(group ? 1 : 0, &gid) < 0 ? -errno : 0;

	if (ret == -EPERM)
		ret = 0; /* a user namespace may forbid it */
	if (ret < 0)
		err_set(e, "cannot change to the group ctmeter: %s", strerror(-ret));
	return ret;
}

/* Without a helper, commands still work as far as ctmeterd itself can run them. */
static void start_helper(struct cfg *cfg, gid_t gid, const char *config_path)
{
	char *path = xasprintf("%s.%ld", cfg->inventory.helper, (long)getpid());
	struct err e = { "" };

	if (helper_start(path, gid, config_path, netns_ear, &e) < 0) {
		log_warning("start", "%s", e.text);
		free(path);
		return;
	}
	free(cfg->inventory.helper);
	cfg->inventory.helper = path;
}

/* Root without its other capabilities could not load the counting programs either. What is in the
 * way is also found, and reported, by opening the backend. */
static void prepare_for_root(const struct cfg *cfg)
{
	struct err e = { "" };

	if (cfg->netfilter.backend != CFG_BACKEND_IPTABLES && prepare(cfg, 0, 0, &e) < 0)
		log_warning("start", "%s", e.text);
}

static int drop_root(struct cfg *cfg, const char *config_path, struct err *e)
{
	const struct passwd *to = getpwnam(cfg->daemon.user);
	const struct passwd *other = to && to->pw_uid != 0 ? to : NULL;
	int ret = 0;

	if (!to && strcmp(cfg->daemon.user, "root") != 0)
		log_warning(
			"start",
			"there is no user \"%s\" ([daemon] user): running as root, with only "
			"CAP_NET_ADMIN and CAP_NET_RAW. Create it: useradd --system --user-group "
			"--home-dir /var/lib/ctmeter --shell /usr/sbin/nologin %s",
			cfg->daemon.user, cfg->daemon.user);
	if (other)
		ret = check_gifts(cfg, config_path, other, e);
	if (other && !ret)
		ret = prepare(cfg, other->pw_uid, other->pw_gid, e);
	if (ret < 0)
		return ret;
	if (!other)
		prepare_for_root(cfg);
	start_helper(cfg, other ? other->pw_gid : 0, config_path);
	limit_bounding_set();
	if (to)
		give_all(cfg, to);
	return other ? become(other, e) : join_group(e);
}

int privilege_drop(struct cfg *cfg, const char *config_path, struct err *e)
{
	int ret = geteuid() == 0 ? drop_root(cfg, config_path, e) : 0;

	return ret < 0 ? ret : limit_capabilities(e);
}
