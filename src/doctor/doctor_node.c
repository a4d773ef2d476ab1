/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the ledger depends on: its file, the disk and the clock. */
#include "doctor/doctor_room.h"

#include "base/display.h"
#include "base/xalloc.h"
#include "store/owner.h"
#include "store/report_db.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#define CHECK_TIMEOUT_MS 10000
#define ROOM_FAIL (4ull << 20) /* a checkpoint of 20,000 rows, and the WAL */
#define ROOM_WARN (64ull << 20)

/* ---- ledger ---- */

static uint64_t ledger_octets(const char *path)
{
	char *wal = xasprintf("%s-wal", path);
	uint64_t octets = 0;
	struct stat st;

	if (stat(path, &st) == 0)
		octets += (uint64_t)st.st_size;
	if (stat(wal, &st) == 0)
		octets += (uint64_t)st.st_size;
	free(wal);
	return octets;
}

/* An unused name for the directory that takes a damaged ledger; quoted, for free(). */
static char *free_name(const char *path)
{
	char *name = xasprintf("%s.damaged", path), *quoted;

	for (int i = 2; access(name, F_OK) == 0; i++) {
		free(name);
		name = xasprintf("%s.damaged-%d", path, i);
	}
	quoted = doctor_quote(name);
	free(name);
	return quoted;
}

/* A running daemon holds all totals and writes them to a new file once this one is gone. The WAL is
 * moved first, or SQLite would take it for the new file's. */
static void say_damaged(struct doctor *d, const struct err *e, struct doctor_finding *f)
{
	char *path = doctor_quote(d->o.cfg->ledger.path), *aside = free_name(d->o.cfg->ledger.path);

	doctor_say(f, DOCTOR_FAIL, "%s", e->text);
	if (d->status)
		doctor_cure(f, "mkdir %s && mv %s-* %s %s/", aside, path, path, aside);
	else if (doctor_has_tool(d, "sqlite3"))
		doctor_look(f, "sqlite3 %s 'PRAGMA integrity_check'", path);
	free(path);
	free(aside);
}

static void check_ledger(struct doctor *d, struct report_db *db, struct doctor_finding *f)
{
	const char *path = d->o.cfg->ledger.path;
	char size[DISPLAY_NUMBER_SIZE];
	struct err e = { "" };
	int rc = report_db_check(db, CHECK_TIMEOUT_MS, &e);

	display_octets(ledger_octets(path), size);
	if (rc == -ETIMEDOUT)
		doctor_say(f, DOCTOR_OK, "%s is sound as far as it could be checked in 10 s, %s",
			   path, size);
	else if (rc == -EUCLEAN || rc == -EINVAL)
		say_damaged(d, &e, f);
	else if (rc < 0)
		doctor_say(f, DOCTOR_WARN, "%s", e.text);
	else
		doctor_say(f, DOCTOR_OK, "%s is sound, %s", path, size);
}

/* A ledger may be sound and yet too old: its totals are those of an earlier moment. */
static void check_doubt(struct doctor *d, struct doctor_finding *f)
{
	time_t at = (time_t)json_integer_value(json_object_get(d->status, "ledger_doubted"));
	char when[32];
	struct tm tm;

	if (!at || f->level != DOCTOR_OK)
		return;
	strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S UTC", gmtime_r(&at, &tm));
	doctor_say(f, DOCTOR_WARN,
		   "%s was older than the kernel's rules at %s (it was removed, or an earlier copy "
		   "restored): what the rules counted in between is not booked, and the rows show "
		   "a discontinuity",
		   d->o.cfg->ledger.path, when);
	doctor_look(f, "journalctl -u ctmeterd -g ledger");
}

void doctor_ledger(struct doctor *d, enum addr_family family, struct doctor_finding *f)
{
	const char *store = json_string_value(json_object_get(d->status, "store"));
	struct report_db *db = NULL;
	struct err e = { "" };
	struct owner saved;
	char *start;
	int rc;

	(void)family;
	if (store && strcmp(store, "ok") != 0) {
		doctor_say(f, DOCTOR_FAIL, "%s", store);
		return;
	}
	owner_become(d->o.cfg->ledger.path, &saved);
	rc = report_db_open(d->o.cfg->ledger.path, &db, &e);
	if (!rc)
		check_ledger(d, db, f);
	else if (rc == -EACCES)
		doctor_say(f, DOCTOR_SKIP, "%s", e.text);
	else if (rc == -ENOENT)
		doctor_say(f, d->status ? DOCTOR_FAIL : DOCTOR_WARN, "%s", e.text);
	else if (rc == -EINVAL)
		say_damaged(d, &e, f);
	else
		doctor_say(f, DOCTOR_FAIL, "%s", e.text);
	if (rc == -ENOENT) {
		start = doctor_service_command(d, d->status ? "restart" : "start", "ctmeterd");
		doctor_cure(f, "%s", start);
		free(start);
	}
	check_doubt(d, f);
	report_db_close(db);
	owner_return(&saved);
}

/* ---- disk ---- */

/* The mount point of a directory's file system: the nearest directory, from here upwards, whose
 * parent is on another file system. For free(). */
static char *mount_point(const char *dir)
{
	char *path = realpath(dir, NULL), *slash;
	struct stat own, above;

	if (!path)
		return xstrdup(dir);
	while (strcmp(path, "/") != 0 && stat(path, &own) == 0) {
		char *parent = xstrdup(path);

		slash = strrchr(parent, '/');
		slash[slash == parent ? 1 : 0] = '\0';
		if (stat(parent, &above) < 0 || above.st_dev != own.st_dev) {
			free(parent);
			break;
		}
		free(path);
		path = parent;
	}
	return path;
}

static void judge_room(const char *dir, const struct statvfs *s, struct doctor_finding *f)
{
	uint64_t room = (uint64_t)s->f_bavail * s->f_frsize;
	enum doctor_level level = room < ROOM_FAIL   ? DOCTOR_FAIL
				  : room < ROOM_WARN ? DOCTOR_WARN
						     : DOCTOR_OK;
	char text[DISPLAY_NUMBER_SIZE], *quoted = doctor_quote(dir);
	bool no_inodes = s->f_files && !s->f_favail;

	if (no_inodes)
		doctor_say(f, DOCTOR_FAIL, "no inode is free at %s", dir);
	else
		doctor_say(f, level, "%s are free at %s", display_octets(room, text), dir);
	if (f->level != DOCTOR_OK)
		doctor_look(f, "df -%sh %s", no_inodes ? "i" : "", quoted);
	free(quoted);
}

void doctor_disk(struct doctor *d, enum addr_family family, struct doctor_finding *f)
{
	char *path = xstrdup(d->o.cfg->ledger.path), *dir = dirname(path), *mount, *quoted;
	struct statvfs s;

	(void)family;
	if (statvfs(dir, &s) < 0) {
		doctor_say(f, errno == ENOENT ? DOCTOR_WARN : DOCTOR_SKIP, "%s: %s", dir,
			   strerror(errno));
	} else if (s.f_flag & ST_RDONLY) {
		mount = mount_point(dir);
		quoted = doctor_quote(mount);
		doctor_say(f, DOCTOR_FAIL,
			   "%s is mounted read-only: totals cannot be saved (if the kernel did "
			   "this after an error, check the disk first)",
			   mount);
		doctor_cure(f, "mount -o remount,rw %s", quoted);
		doctor_look(f, "dmesg | tail -n 40");
		free(mount);
		free(quoted);
	} else {
		judge_room(dir, &s, f);
	}
	free(path);
}

/* ---- clock ---- */

/* timedatectl starts only a time service that is installed. */
static void cure_clock(const struct doctor *d, struct doctor_finding *f)
{
	static const char *const services[] = {
		"systemd-timesyncd", "chrony", "chronyd", "ntpsec", "ntp", "ntpd", "openntpd"
	};
	static const char *const dirs[] = { "/usr/lib/systemd/system", "/lib/systemd/system",
					    "/etc/systemd/system" };
	bool systemd = doctor_exists(d, "/run/systemd/system"), found = false;

	for (size_t i = 0; i < ARRAY_LEN(services) * ARRAY_LEN(dirs) && !found; i++) {
		char *unit = xasprintf("%s/%s.service", dirs[i % ARRAY_LEN(dirs)],
				       services[i / ARRAY_LEN(dirs)]);

		found = doctor_exists(d, unit);
		free(unit);
	}
	if (found && systemd && doctor_has_tool(d, "timedatectl"))
		doctor_cure(f, "timedatectl set-ntp true");
	else if (!found && doctor_has_tool(d, "apt-get"))
		doctor_cure(f, "apt-get install -y chrony");
	else if (!found && doctor_has_tool(d, "yum"))
		doctor_cure(f, "yum install -y chrony && systemctl enable --now chronyd");
}

void doctor_clock_judge(const struct doctor *d, int state, int status, struct doctor_finding *f)
{
	if (state == TIME_ERROR || status & STA_UNSYNC) {
		doctor_say(
			f, DOCTOR_WARN,
			"the clock is not synchronised: reports may put usage in the wrong hours");
		cure_clock(d, f);
	} else {
		doctor_say(f, DOCTOR_OK, "the clock is synchronised");
	}
}

#define JUMP_TOLD_S 86400 /* a jump is reported for so long, of running time */

void doctor_clock_jumps(const json_t *status, bool quick, struct doctor_finding *f)
{
	const json_t *clock = json_object_get(status, "clock");
	const char *state = json_string_value(json_object_get(clock, "state"));
	const char *at = json_string_value(json_object_get(clock, "last_jump"));
	json_int_t by = json_integer_value(json_object_get(clock, "last_jump_s"));

	if (!state)
		return;
	if (strcmp(state, "ok") != 0 && quick)
		return; /* the daemon's status lists it as a problem */
	if (strcmp(state, "ok") != 0)
		doctor_say(f, DOCTOR_WARN, "%s", state);
	else if (at && json_integer_value(json_object_get(clock, "last_jump_ago_s")) < JUMP_TOLD_S)
		doctor_say(f, DOCTOR_WARN,
			   "the time of day was set by %+" JSON_INTEGER_FORMAT
			   " s to %s: recorded usage was moved with it; find out what set it",
			   by, at);
	else
		return;
	doctor_look(f, "journalctl -u ctmeterd -g \"time of day\"");
}

void doctor_clock(struct doctor *d, enum addr_family family, struct doctor_finding *f)
{
	struct timex t = { .modes = 0 };
	int state = adjtimex(&t);

	(void)family;
	if (state < 0)
		doctor_say(f, DOCTOR_SKIP, "cannot read the state of the clock: %s",
			   strerror(errno));
	else
		doctor_clock_judge(d, state, t.status, f);
	doctor_clock_jumps(d->status, d->o.status, f);
}
