/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the daemon to the poller: the AgentX socket, and snmpd's answers for both views. */
#include "doctor_room.h"

#include "snmp_ask.h"
#include "snmpd_conf.h"
#include "version.h"
#include "xalloc.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SNMPD_PART "/etc/snmp/snmpd.conf.d/ctmeter.conf"
#define ANSWER_MS 1000
#define TRIES 2

static const char *agentx_text(const struct doctor *d, const char *key)
{
	const char *text =
		json_string_value(json_object_get(json_object_get(d->status, "agentx"), key));

	return text ? text : "";
}

static bool session_is_up(const struct doctor *d)
{
	return !strcmp(agentx_text(d, "state"), "up");
}

/* ---- the socket ---- */

static void judge_session(const struct doctor *d, const char *detail, struct doctor_finding *f)
{
	const char *problem = agentx_text(d, "problem"), *state = agentx_text(d, "state");
	char *restart = doctor_service_command(d, "restart", "snmpd");

	if (!d->status) {
		doctor_say(f, DOCTOR_SKIP, "%s is there, but %s", d->o.cfg->agentx.socket,
			   doctor_silence(d));
	} else if (session_is_up(d)) {
		doctor_say(f, DOCTOR_OK, "snmpd answers at %s%s", d->o.cfg->agentx.socket, detail);
	} else {
		if (*problem)
			doctor_say(f, DOCTOR_FAIL, "%s", problem);
		else
			doctor_say(f, DOCTOR_FAIL, "no session with snmpd yet: %s", state);
		doctor_cure(f, "%s", restart);
	}
	free(restart);
}

/* The number behind NAME in /proc/PID/status that stands at `column`, -1: none. */
static long status_number(const char *status, const char *name, int column)
{
	const char *at = status ? strstr(status, name) : NULL;
	char *end;
	long n = -1;

	if (!at)
		return -1;
	at += strlen(name);
	for (int i = 0; i <= column; i++, at = end) {
		at += strspn(at, " \t"); /* the next line is not its */
		n = strtol(at, &end, 10);
		if (*at == '\n' || end == at)
			return -1;
	}
	return n;
}

static bool in_group(const char *status, gid_t gid)
{
	long group;

	if (status_number(status, "\nGid:", 1) == (long)gid)
		return true;
	for (int i = 0; (group = status_number(status, "\nGroups:", i)) >= 0; i++)
		if (group == (long)gid)
			return true;
	return false;
}

/* May the daemon write to it (S_IWOTH) or search it (S_IXOTH)? Root's capabilities are not asked
 * about: a session that is up tells. */
static bool may(const char *status, const struct stat *st, mode_t other)
{
	long uid = status_number(status, "\nUid:", 1);

	if (uid < 0 || uid == 0)
		return true;
	if (uid == (long)st->st_uid)
		return st->st_mode & other << 6;
	return st->st_mode & (in_group(status, st->st_gid) ? other << 3 : other);
}

static void judge_path(struct doctor *d, const char *path, const struct stat *st,
		       struct doctor_finding *f)
{
	char *copy = xstrdup(path), *dir = dirname(copy), *detail;
	char *status = d->pid ? doctor_read(d, "/proc/%u/status", d->pid) : NULL;
	char *quoted = doctor_quote(path), *quoted_dir = doctor_quote(dir);
	struct stat above = { .st_mode = 0 };
	bool searchable = true;

	if (stat(dir, &above) == 0)
		searchable = may(status, &above, S_IXOTH);
	detail = xasprintf(", mode %03o", (unsigned)st->st_mode & 0777);
	judge_session(d, detail, f);
	if (!session_is_up(d) && !(may(status, st, S_IWOTH) && searchable)) {
		doctor_say(f, DOCTOR_FAIL, "%s: ctmeterd may not connect to it (mode %03o)", path,
			   (unsigned)st->st_mode & 0777);
		doctor_cure(f, "chgrp %ld %s && chmod g+rw %s && chmod a+x %s",
			    status_number(status, "\nGid:", 1), quoted, quoted, quoted_dir);
	} else if (f->level != DOCTOR_FAIL && st->st_mode & S_IWOTH && above.st_mode & S_IXOTH) {
		doctor_say(f, DOCTOR_WARN,
			   "%s is everybody's: any user of this node can answer in our place",
			   path);
		doctor_cure(f, "chmod o-rwx %s", quoted);
	}
	free(copy);
	free(status);
	free(quoted);
	free(quoted_dir);
	free(detail);
}

void doctor_agentx(struct doctor *d, enum addr_family family, struct doctor_finding *f)
{
	const char *path = d->o.cfg->agentx.socket;
	char *restart = doctor_service_command(d, "restart", "snmpd");
	struct stat st;

	(void)family;
	if (*path != '/') {
		judge_session(d, "", f);
	} else if (stat(path, &st) == 0) {
		judge_path(d, path, &st, f);
	} else if (errno == EACCES) {
		doctor_say(f, DOCTOR_SKIP, "only root may look at %s", path);
	} else {
		doctor_say(f, DOCTOR_FAIL,
			   "%s: %s: snmpd does not run, or has no \"master agentx\"", path,
			   strerror(errno));
		doctor_cure(f, "%s", restart);
	}
	free(restart);
}

/* ---- communities ---- */

/* By an option, or as snmpd's part of the set-up has them. */
static void find_communities(struct doctor *d)
{
	const char *context = d->o.cfg->agentx.context;
	bool ipv6 = false;
	char *text;

	if (d->communities_known)
		return;
	d->communities_known = true;
	if (d->o.community) {
		d->community = xstrdup(d->o.community);
		d->ports_community = d->o.ports_community ? xstrdup(d->o.ports_community)
							  : xasprintf("%s-ports", d->o.community);
		d->community_source = xstrdup("the given community");
		return;
	}
	text = doctor_read(d, SNMPD_PART);
	if (!text) {
		d->community_source = xasprintf(SNMPD_PART ": %s", strerror(errno));
		return;
	}
	d->community = snmpd_conf_community(text, "", &ipv6);
	d->tables_by_ipv6 = d->community && ipv6;
	if (*context)
		d->ports_community = snmpd_conf_community(text, context, &ipv6);
	d->ports_by_ipv6 = d->ports_community && ipv6;
	if (d->community || d->ports_community)
		d->community_source = xstrdup("the community in " SNMPD_PART);
	else
		d->community_source = xstrdup(SNMPD_PART " has no com2sec for this host");
	free(text);
}

/* ---- asking ---- */

struct question {
	const char *community;
	bool by_ipv6;
	const uint32_t *oid;
	size_t oid_len;
	const char *what; /* "the tables" */
};

static void judge_failure(struct doctor *d, const struct question *q, int rc, const struct err *e,
			  struct doctor_finding *f)
{
	char *start = doctor_service_command(d, "restart", "snmpd");

	if (rc == -ECONNREFUSED) {
		doctor_say(f, DOCTOR_FAIL, "no snmpd listens: %s", e->text);
		doctor_cure(f, "%s", start);
	} else if (rc == -ETIMEDOUT) {
		doctor_say(f, DOCTOR_FAIL,
			   "snmpd does not answer for %s by %s: a wrong community, one not for "
			   "this host, or snmpd hangs",
			   q->what, d->community_source);
		doctor_look(f, "grep com2sec " SNMPD_PART);
	} else {
		doctor_say(f, DOCTOR_FAIL, "%s", e->text);
	}
	free(start);
}

static void judge_answer(struct doctor *d, const struct question *q, const struct snmp_answer *a,
			 const char *wanted, struct doctor_finding *f)
{
	if (a->kind == SNMP_ASK_TEXT && (!wanted || !strcmp(a->text, wanted))) {
		doctor_say(f, DOCTOR_OK, "snmpd serves %s by %s", q->what, d->community_source);
	} else if (a->kind == SNMP_ASK_TEXT) {
		doctor_say(f, DOCTOR_FAIL, "snmpd answers \"%s\" for %s, not \"%s\"", a->text,
			   q->what, wanted);
	} else if (d->status && !session_is_up(d)) {
		doctor_say(f, DOCTOR_FAIL,
			   "snmpd answers, but has no session with ctmeterd (see agentx)");
	} else if (!d->status) {
		doctor_say(f, DOCTOR_FAIL, "snmpd answers, but without ctmeterd it has not got %s",
			   q->what);
	} else {
		doctor_say(f, DOCTOR_FAIL,
			   "snmpd answers, but %s may not see %s: its view leaves them out",
			   d->community_source, q->what);
		doctor_look(f, "grep -E '^(view|access|group|com2sec)' " SNMPD_PART);
	}
}

static void ask(struct doctor *d, const struct question *q, const char *wanted,
		struct doctor_finding *f)
{
	const char *agent = d->o.agent ? d->o.agent : q->by_ipv6 ? "::1" : "127.0.0.1";
	struct snmp_answer answer;
	struct err e = { "" };
	int rc;

	if (!q->community) {
		doctor_say(f, DOCTOR_SKIP, "not asked, no community is known (%s): say --community",
			   d->community_source);
		return;
	}
	rc = snmp_ask(agent, q->community, q->oid, q->oid_len, ANSWER_MS, TRIES, &answer, &e);
	if (rc < 0)
		judge_failure(d, q, rc, &e, f);
	else
		judge_answer(d, q, &answer, wanted, f);
}

void doctor_snmp_tables(struct doctor *d, enum addr_family family, struct doctor_finding *f)
{
	static const uint32_t version[] = { CTM_BASE_OID, 1, 1, 1, 0 };
	struct question q = { .oid = version, .oid_len = ARRAY_LEN(version), .what = "the tables" };

	(void)family;
	find_communities(d);
	q.community = d->community;
	q.by_ipv6 = d->tables_by_ipv6;
	ask(d, &q, json_string_value(json_object_get(d->status, "version")), f);
}

void doctor_snmp_switch(struct doctor *d, enum addr_family family, struct doctor_finding *f)
{
	static const uint32_t name[] = { 1, 3, 6, 1, 2, 1, 1, 5, 0 };
	struct question q = { .oid = name, .oid_len = ARRAY_LEN(name), .what = "the switch view" };

	(void)family;
	if (!*d->o.cfg->agentx.context) {
		doctor_say(f, DOCTOR_OK, "the switch view is switched off ([agentx] context)");
		return;
	}
	find_communities(d);
	q.community = d->ports_community;
	q.by_ipv6 = d->ports_by_ipv6;
	ask(d, &q, d->o.cfg->ports.name, f);
}
