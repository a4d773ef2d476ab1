/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Does the daemon's memory cgroup have room for the next commit?
 *
 * The kernel charges a table to the process that commits it, and during the commit it holds the old
 * table and the new one. The committing child holds some copies too. The cgroup's usage includes
 * the page cache, which the kernel reclaims under pressure, so it is subtracted here. */
#include "doctor/doctor_room.h"

#include "base/display.h"
#include "base/xalloc.h"
#include "netfilter/fw_admin.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TABLES_AT_ONCE 2 /* in the kernel */
#define COPIES_AT_ONCE 6 /* in a committing child, as measured */
#define COUNTER_OCTETS 16 /* struct xt_counters, for each CPU and entry */
#define NO_LIMIT (1ull << 60)

static uint64_t need_of(const struct fw_look *look, long cpus)
{
	return (uint64_t)look->size * (TABLES_AT_ONCE + COPIES_AT_ONCE) +
	       (uint64_t)look->n_entries * COUNTER_OCTETS * (uint64_t)cpus * TABLES_AT_ONCE;
}

/* ---- cgroups ---- */

struct hierarchy {
	const char *at; /* its mount point */
	const char *limit, *usage, *file_a, *file_b;
};

static const struct hierarchy v1 = { "/sys/fs/cgroup/memory", "memory.limit_in_bytes",
				     "memory.usage_in_bytes", "total_inactive_file ",
				     "total_active_file " };
static const struct hierarchy v2 = { "/sys/fs/cgroup", "memory.max", "memory.current",
				     "inactive_file ", "active_file " };

/* The memory cgroup's PATH from the lines "N:CONTROLLERS:PATH" of /proc/PID/cgroup, for free();
 * NULL: none. */
static char *cgroup_path(const char *lines, bool is_v1)
{
	for (const char *line = lines; line && *line; line = strchr(line, '\n')) {
		const char *controllers, *path;
		size_t len;

		line += *line == '\n';
		controllers = strchr(line, ':');
		path = controllers ? strchr(controllers + 1, ':') : NULL;
		if (!path)
			continue;
		len = (size_t)(path - controllers) - 1;
		/* In v1 a hierarchy has one controller or several ("cpu,memory"); in v2 none is
		 * named. */
		if (is_v1 ? memmem(controllers + 1, len, "memory", 6) != NULL : !len)
			return xstrndup(path + 1, strcspn(path + 1, "\n"));
	}
	return NULL;
}

/* The number in the line "NAME number" of memory.stat; 0: no such line. */
static uint64_t stat_of(const char *stat, const char *name)
{
	for (const char *at = stat; at && (at = strstr(at, name)); at++)
		if (at == stat || at[-1] == '\n')
			return strtoull(at + strlen(name), NULL, 10);
	return 0;
}

static uint64_t octets_in(const struct doctor *d, const struct hierarchy *h, const char *path,
			  const char *name, uint64_t missing)
{
	char *text = doctor_read(d, "%s%s/%s", h->at, path, name), *end;
	uint64_t n = missing;

	if (text && strcmp(text, "max") != 0) {
		n = strtoull(text, &end, 10);
		if (end == text)
			n = missing;
	}
	free(text);
	return n < NO_LIMIT ? n : missing;
}

/* The tightest limit of a group and those above it. */
struct room {
	uint64_t limit, free; /* limit NO_LIMIT: none */
	char *path; /* of the group that has the limit */
};

static void look_at_group(const struct doctor *d, const struct hierarchy *h, const char *path,
			  struct room *room)
{
	uint64_t limit = octets_in(d, h, path, h->limit, NO_LIMIT);
	uint64_t used = octets_in(d, h, path, h->usage, 0), cache, left;
	char *stat;

	if (limit == NO_LIMIT)
		return;
	stat = doctor_read(d, "%s%s/memory.stat", h->at, path);
	cache = stat_of(stat, h->file_a) + stat_of(stat, h->file_b);
	free(stat);
	used -= cache < used ? cache : used;
	left = used < limit ? limit - used : 0;
	if (room->limit != NO_LIMIT && room->free <= left)
		return;
	free(room->path);
	*room = (struct room) { limit, left, xstrdup(path) };
}

static struct room find_room(const struct doctor *d, const struct hierarchy *h, char *path)
{
	struct room room = { NO_LIMIT, NO_LIMIT, NULL };
	char *slash;

	/* In a container the mount itself may be the process's group, whatever the path says. */
	look_at_group(d, h, "", &room);
	for (; strlen(path) > 1 && (slash = strrchr(path, '/')); *slash = '\0')
		look_at_group(d, h, path, &room);
	return room;
}

/* The hierarchy of the memory controller, with the daemon's group in *ret_path for free(); NULL:
 * none. */
static const struct hierarchy *find_group(const struct doctor *d, char **ret_path)
{
	char *lines = doctor_read(d, "/proc/%u/cgroup", d->pid);
	const struct hierarchy *h = &v1;

	*ret_path = cgroup_path(lines, true);
	if (!*ret_path) {
		h = &v2;
		*ret_path = cgroup_path(lines, false);
	}
	free(lines);
	return *ret_path ? h : NULL;
}

/* ---- the check ---- */

/* The octets that a commit of all tables takes. Returns 0, or -EPERM or -EACCES if the caller may
 * not read them. */
static int table_need(const struct doctor *d, uint64_t *ret_need)
{
	long cpus = sysconf(_SC_NPROCESSORS_CONF);
	struct fw_look look;
	int rc;

	*ret_need = 0;
	for (enum addr_family i = 0; i < ADDR_FAMILIES; i++) {
		rc = fw_look(doctor_tables(d), i, d->o.cfg->netfilter.table, &look);
		if (rc == -EPERM || rc == -EACCES)
			return rc;
		if (!rc)
			*ret_need += need_of(&look, cpus);
	}
	return 0;
}

/* The systemd unit of a group, quoted, for free(); NULL: none. The limit must be raised on this
 * unit: a slice's limit is not lifted by setting one on a service in it. */
static char *unit_of(const struct doctor *d, const char *path)
{
	static const char *const kinds[] = { ".service", ".slice", ".scope" };
	const char *name = strrchr(path, '/'), *kind = strrchr(path, '.');

	if (!name || !kind || kind < name || !doctor_exists(d, "/run/systemd/system"))
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (!strcmp(kind, kinds[i]))
			return doctor_quote(name + 1);
	return NULL;
}

static void cure_limit(const struct doctor *d, const struct hierarchy *h, const struct room *room,
		       uint64_t need, struct doctor_finding *f)
{
	const uint64_t step = 16ull << 20;
	uint64_t limit = (room->limit - room->free + 3 * need + step) / step * step;
	char *file = xasprintf("%s%s/%s", h->at, room->path, h->limit),
	     *quoted = doctor_quote(file), *unit = unit_of(d, room->path);

	if (unit)
		doctor_cure(f, "systemctl set-property %s %s=%lluM", unit,
			    h == &v1 ? "MemoryLimit" : "MemoryMax",
			    (unsigned long long)(limit >> 20));
	else
		doctor_cure(f, "echo %llu >%s", (unsigned long long)limit, quoted);
	free(file);
	free(quoted);
	free(unit);
}

static void judge(const struct doctor *d, const struct hierarchy *h, const struct room *room,
		  uint64_t need, struct doctor_finding *f)
{
	char limit[DISPLAY_NUMBER_SIZE], left[DISPLAY_NUMBER_SIZE], wanted[DISPLAY_NUMBER_SIZE];
	enum doctor_level level = DOCTOR_OK;

	display_octets(need, wanted);
	if (room->limit == NO_LIMIT) {
		doctor_say(f, DOCTOR_OK, "no memory limit; a commit of the tables takes about %s",
			   wanted);
		return;
	}
	if (room->free < need)
		level = DOCTOR_FAIL;
	else if (room->free < 2 * need)
		level = DOCTOR_WARN;
	doctor_say(f, level,
		   "%s of the memory limit of %s are free; a commit of the tables takes about %s",
		   display_octets(room->free, left), display_octets(room->limit, limit), wanted);
	if (level != DOCTOR_OK)
		cure_limit(d, h, room, need, f);
}

void doctor_memory_judge(struct doctor *d, uint64_t need, struct doctor_finding *f)
{
	char *path;
	const struct hierarchy *h = find_group(d, &path);
	struct room room;

	if (!h) {
		doctor_say(f, DOCTOR_OK, "no memory cgroup limits ctmeterd");
		return;
	}
	room = find_room(d, h, path);
	judge(d, h, &room, need, f);
	free(room.path);
	free(path);
}

void doctor_memory(struct doctor *d, enum addr_family family, struct doctor_finding *f)
{
	uint64_t need;

	(void)family;
	if (doctor_dry_run(d, f) || doctor_on_links(d, f))
		return;
	if (!d->pid)
		doctor_say(f, DOCTOR_SKIP, "%s", doctor_silence(d));
	else if (table_need(d, &need) < 0)
		doctor_say(f, DOCTOR_SKIP, "only root may read the tables' size");
	else
		doctor_memory_judge(d, need, f);
}
