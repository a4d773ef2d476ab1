/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The daemon: does it answer, has it the privileges it needs, and does another program undo its
 * rules? */
#include "doctor/doctor_room.h"

#include "base/display.h"
#include "base/xalloc.h"
#include "inventory/source.h"
#include "netfilter/fw_admin.h"
#include "version.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STALE_MS 30000
#define FIGHT_REPAIRS 3 /* fewer are taken for accidents */

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static uint64_t number_of(const json_t *object, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(object, key));

	return n > 0 ? (uint64_t)n : 0;
}

/* ---- daemon ---- */

static bool is_away(const struct doctor *d)
{
	return d->status_rc == -ENOENT || d->status_rc == -ECONNREFUSED;
}

static void no_daemon(struct doctor *d, struct doctor_finding *f)
{
	struct err e = { "" };
	char *start = doctor_service_command(d, "start", "ctmeterd");
	char *restart = doctor_service_command(d, "restart", "ctmeterd");

	if (d->status_rc == -EACCES || d->status_rc == -EPERM) {
		doctor_say(f, DOCTOR_SKIP, "%s: run ctmeter check as root", d->status_text);
	} else if (is_away(d) &&
		   !sources_are_configured(d->o.cfg->inventory.sources,
					   d->o.cfg->inventory.n_sources, d->o.root, &e)) {
		doctor_say(f, DOCTOR_FAIL, "%s of %s, then: %s", e.text, d->o.config_path, start);
		doctor_look(f, "man ctmeter.conf");
	} else if (is_away(d)) {
		doctor_say(f, DOCTOR_FAIL,
			   "no ctmeterd answers at %s: nothing is booked or served (existing rules "
			   "go on counting)",
			   d->o.cfg->control.socket);
		doctor_cure(f, "%s", start);
	} else {
		doctor_say(f, DOCTOR_FAIL, "%s", d->status_text);
		doctor_cure(f, "%s", restart);
	}
	free(start);
	free(restart);
}

/* Is the daemon in another network namespace than this process? No, if that cannot be read. */
static bool is_elsewhere(const struct doctor *d)
{
	char path[64], own[64], its[64];
	ssize_t n, m;

	snprintf(path, sizeof(path), "/proc/%u/ns/net", d->pid);
	n = readlink("/proc/self/ns/net", own, sizeof(own));
	m = readlink(path, its, sizeof(its));
	return n > 0 && m > 0 && (n != m || memcmp(own, its, (size_t)n) != 0);
}

void doctor_daemon(struct doctor *d, enum addr_family family, struct doctor_finding *f)
{
	const char *version = text_of(d->status, "version"), *config = text_of(d->status, "config");
	uint64_t age = number_of(d->status, "sample_age_ms");
	char *restart, *reload, *again, since[DISPLAY_NUMBER_SIZE * 2];

	(void)family;
	if (!d->status) {
		no_daemon(d, f);
		return;
	}
	restart = doctor_service_command(d, "restart", "ctmeterd");
	reload = doctor_service_command(d, "reload", "ctmeterd");
	again = doctor_ctmeter_command(d, "check");
	doctor_say(f, DOCTOR_OK,
		   "ctmeterd %s, pid %u, running for %s, read the counters %.1f s ago", version,
		   d->pid, display_duration(number_of(d->status, "uptime_s"), since),
		   (double)age / 1000);
	if (is_elsewhere(d)) {
		doctor_say(f, DOCTOR_WARN,
			   "ctmeterd (pid %u) counts in another network namespace; the checks "
			   "below look at this one",
			   d->pid);
		doctor_look(f, "nsenter -t %u -n %s", d->pid, again);
	} else if (age > STALE_MS) {
		doctor_say(f, DOCTOR_FAIL,
			   "the counters were last read %.0f s ago: nothing has been booked since",
			   (double)age / 1000);
		doctor_cure(f, "%s", restart);
	} else if (strcmp(version, CTM_VERSION) != 0) {
		doctor_say(f, DOCTOR_WARN, "ctmeterd %s runs, but " CTM_VERSION " is installed",
			   version);
		doctor_cure(f, "%s", restart);
	} else if (*config && strcmp(config, "ok") != 0) {
		doctor_say(f, DOCTOR_WARN, "the running configuration differs from the file: %s",
			   config);
		doctor_cure(f, "%s", strstr(config, "restart") ? restart : reload);
	} else if (!strcmp(text_of(d->status, "backend"), "fake")) {
		doctor_say(f, DOCTOR_WARN, "a dry run (backend = fake): nothing is counted");
	}
	free(restart);
	free(reload);
	free(again);
}

/* ---- privileges ---- */

enum { CAP_NET_ADMIN_BIT = 12, CAP_NET_RAW_BIT = 13 }; /* linux/capability.h */
#define KEPT_SETS (1ull << CAP_NET_ADMIN_BIT | 1ull << CAP_NET_RAW_BIT)

/* A capability set ("CapEff") in /proc/PID/status. False: not found. */
static bool capabilities(const char *status, const char *set, unsigned long long *ret)
{
	char line[32];
	const char *at;

	snprintf(line, sizeof(line), "\n%s:", set);
	at = status ? strstr(status, line) : NULL;
	if (!at)
		return false;
	*ret = strtoull(at + strlen(line), NULL, 16);
	return true;
}

/* The needed capabilities that the set lacks; "": none. */
static const char *lacks(unsigned long long set)
{
	bool admin = set >> CAP_NET_ADMIN_BIT & 1, raw = set >> CAP_NET_RAW_BIT & 1;

	return admin ? raw ? "" : "CAP_NET_RAW"
	       : raw ? "CAP_NET_ADMIN"
		     : "CAP_NET_ADMIN, CAP_NET_RAW";
}

/* Is the number in this line of /proc/PID/status? */
static bool line_holds(const char *status, const char *name, unsigned number)
{
	char line[32];
	const char *at;
	char *end;

	snprintf(line, sizeof(line), "\n%s:", name);
	at = strstr(status, line);
	if (!at)
		return false;
	at += strlen(line);
	for (;;) {
		unsigned long n;

		at += strspn(at, " \t");
		n = strtoul(at, &end, 10);
		if (end == at)
			return false;
		if (n == number)
			return true;
		at = end;
	}
}

/* Can the process open the lock that each commit takes? A process of root is assumed to. */
static bool reaches_lock(const char *path, const char *status, struct stat *ret_lock)
{
	if (!path || stat(path, ret_lock) < 0 || line_holds(status, "Uid", 0))
		return true;
	return ret_lock->st_mode & S_IROTH ||
	       (ret_lock->st_mode & S_IRGRP && (line_holds(status, "Gid", ret_lock->st_gid) ||
						line_holds(status, "Groups", ret_lock->st_gid)));
}

/* The configuration says which group gets access, so ctmeterd itself sets the mode. */
static void cure_by_prepare(const struct doctor *d, struct doctor_finding *f)
{
	char *command = doctor_prepare_command(d);

	doctor_cure(f, "%s", command);
	free(command);
}

void doctor_privileges(struct doctor *d, enum addr_family family, struct doctor_finding *f)
{
	const char *lock_path = fw_lock_path(doctor_backend(d));
	const char *who = d->status ? "ctmeterd" : "root";
	unsigned long long set = 0;
	char *status, *restart;
	struct stat lock;

	(void)family;
	status = d->pid ? doctor_read(d, "/proc/%u/status", d->pid)
			: doctor_read(d, "/proc/self/status");
	restart = doctor_service_command(d, "restart", "ctmeterd");
	if (d->status ? !d->pid : d->status_rc != -ENOENT && d->status_rc != -ECONNREFUSED) {
		doctor_say(f, DOCTOR_SKIP, "%s", doctor_silence(d));
	} else if (!capabilities(status, d->status ? "CapEff" : "CapBnd", &set)) {
		doctor_say(f, DOCTOR_SKIP, "/proc does not show the capabilities of process %u",
			   d->pid);
	} else if (*lacks(set)) {
		doctor_say(f, DOCTOR_FAIL, "%s lacks %s%s", who, lacks(set),
			   d->status ? ", so it cannot read or change what counts"
				     : " here, so no ctmeterd started here can read or change what "
				       "counts");
		if (d->status)
			doctor_cure(f, "%s", restart);
	} else if (d->status && !reaches_lock(lock_path, status, &lock)) {
		doctor_say(f, DOCTOR_FAIL,
			   "ctmeterd may not open the lock %s (mode %03o), so it cannot change any "
			   "rule",
			   lock_path, lock.st_mode & 0777);
		cure_by_prepare(d, f);
	} else if (d->status && set & ~KEPT_SETS) {
		doctor_say(f, DOCTOR_WARN,
			   "ctmeterd has capabilities beyond the two that it needs (mask %llx)",
			   set & ~KEPT_SETS);
		doctor_cure(f, "%s", restart);
	} else {
		doctor_say(f, DOCTOR_OK, "%s has CAP_NET_ADMIN and CAP_NET_RAW%s", who,
			   d->status ? ", and no other" : "");
	}
	free(status);
	free(restart);
}

/* ---- backend ---- */

#define TABLES_ADDRESSES 20000u /* docs/performance.md */

void doctor_which_backend(struct doctor *d, enum addr_family family, struct doctor_finding *f)
{
	const char *name = json_string_value(json_object_get(d->status, "backend"));
	const char *reason = json_string_value(json_object_get(d->status, "backend_reason"));
	enum cfg_backend configured = d->o.cfg->netfilter.backend;

	(void)family;
	if (name && doctor_backend(d) == CFG_BACKEND_IPTABLES &&
	    number_of(d->status, "addresses") > TABLES_ADDRESSES)
		doctor_say(f, DOCTOR_WARN,
			   "ctmeterd counts with iptables%s%s%s: with more than %u addresses each "
			   "change of its rules takes a second or more, in which other programs "
			   "cannot change the table; count on links (backend = link) if the kernel "
			   "can",
			   reason && *reason ? " (" : "", reason ? reason : "",
			   reason && *reason ? ")" : "", TABLES_ADDRESSES);
	else if (name)
		doctor_say(f, DOCTOR_OK, "ctmeterd counts with %s%s%s%s", name,
			   reason && *reason ? " (" : "", reason ? reason : "",
			   reason && *reason ? ")" : "");
	else if (configured == CFG_BACKEND_AUTO)
		doctor_say(f, DOCTOR_OK, "backend = auto would probably take %s here",
			   fw_backend_name(doctor_backend(d)));
	else
		doctor_say(f, DOCTOR_OK, "backend = %s", fw_backend_name(configured));
}

/* ---- repairs ---- */

void doctor_repairs(struct doctor *d, enum addr_family family, struct doctor_finding *f)
{
	uint64_t repairs = number_of(d->status, "rule_repairs");
	uint64_t uptime_s = number_of(d->status, "uptime_s");
	bool links = doctor_backend(d) == CFG_BACKEND_LINK;
	char since[DISPLAY_NUMBER_SIZE * 2];

	(void)family;
	display_duration(uptime_s, since);
	if (!d->status) {
		doctor_say(f, DOCTOR_SKIP, "%s", doctor_silence(d));
	} else if (!repairs) {
		doctor_say(f, DOCTOR_OK, "%s no repair in %s",
			   links ? "our programs on links have needed" : "our rules have needed",
			   since);
	} else if (repairs < FIGHT_REPAIRS || repairs * 3600 < uptime_s) {
		doctor_say(f, DOCTOR_OK, "%s %llu times in %s",
			   links ? "our programs on links were put back"
				 : "our rules were repaired",
			   (unsigned long long)repairs, since);
	} else {
		doctor_say(f, DOCTOR_WARN,
			   "%s %llu times in %s: another program keeps %s, so packets go uncounted "
			   "until each repair",
			   links ? "our programs on links were put back"
				 : "our rules were repaired",
			   (unsigned long long)repairs, since,
			   links ? "taking them off, or putting its own before them"
				 : "inserting rules before ours or flushing the table");
		/* EL7's journalctl has no -g. */
		if (doctor_has_tool(d, "journalctl"))
			doctor_look(f, "journalctl -u ctmeterd | grep repairing");
	}
}
