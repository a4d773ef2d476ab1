/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the daemon and the poller: the AgentX socket, and snmpd's answers for both views. */
#include "doctor/doctor_room.h"

#include "base/xalloc.h"
#include "doctor/doctor_access.h"
#include "doctor/snmp_ask.h"
#include "doctor/snmpd_conf.h"
#include "version.h"

#include <errno.h>
#include <grp.h>
#include <libgen.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SNMPD_CONF "/etc/snmp/snmpd.conf"
#define SNMPD_PARTS "/etc/snmp/snmpd.conf.d"
#define SNMPD_PART SNMPD_PARTS "/ctmeter.conf"
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
		doctor_say(f, DOCTOR_SKIP, "%s exists, but %s", d->o.cfg->agentx.socket,
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

/* The file of snmpd's configuration with a line that begins with `word`, and in *ret_line that
 * line, for free(). NULL: none. */
static const char *conf_with(const struct doctor *d, const char *word, char **ret_line)
{
	static const char *const files[] = { SNMPD_PART, SNMPD_CONF };
	size_t len = strlen(word);

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		char *text = doctor_read(d, "%s", files[i]);

		for (const char *line = text; line; line = strchr(line, '\n')) {
			line += strspn(line, "\n \t");
			if (strncmp(line, word, len) != 0)
				continue;
			*ret_line = xstrndup(line, strcspn(line, "\n"));
			free(text);
			return files[i];
		}
		free(text);
	}
	return NULL;
}

/* The command that sets agentXPerms to `perms`, for free(); NULL: it is so already. snmpd creates
 * its socket anew at each start, with the mode and owner that agentXPerms gives. */
static char *set_perms(const struct doctor *d, const char *perms)
{
	char *text = NULL, *command = NULL;
	const char *file = conf_with(d, "agentXPerms", &text);

	if (!file)
		command = xasprintf("echo 'agentXPerms %s' >>%s", perms,
				    doctor_exists(d, SNMPD_PARTS) ? SNMPD_PART : SNMPD_CONF);
	else if (strcmp(text + strlen("agentXPerms "), perms) != 0)
		command = xasprintf("sed -i 's/^[[:space:]]*agentXPerms.*/agentXPerms %s/' %s",
				    perms, file);
	free(text);
	return command;
}

static char *name_of_owner(const struct stat *st)
{
	const struct passwd *pw = getpwuid(st->st_uid);

	return pw ? xstrdup(pw->pw_name) : xasprintf("%u", (unsigned)st->st_uid);
}

static char *name_of_group(const struct stat *st)
{
	const struct group *gr = getgrgid(st->st_gid);

	return gr ? xstrdup(gr->gr_name) : xasprintf("%u", (unsigned)st->st_gid);
}

/* now: the command that helps until snmpd's next start. */
static void cure_socket(const struct doctor *d, const char *now, const struct stat *st,
			const char *group, struct doctor_finding *f)
{
	char *owner = name_of_owner(st), *perms = xasprintf("0660 0755 %s %s", owner, group);
	char *set = set_perms(d, perms);

	doctor_cure(f, "%s%s%s", now, set ? " && " : "", set ? set : "");
	free(owner);
	free(perms);
	free(set);
}

static void judge_path(struct doctor *d, const char *path, const struct stat *st,
		       struct doctor_finding *f)
{
	char *copy = xstrdup(path), *dir = dirname(copy), *detail, *now;
	char *quoted = doctor_quote(path), *quoted_dir = doctor_quote(dir);
	struct doctor_user user = doctor_daemon_user(d);
	char *group = user.uid ? xstrdup(user.group) : name_of_group(st);
	struct stat above = { .st_mode = 0 };
	bool searchable = true;

	if (stat(dir, &above) == 0)
		searchable = doctor_may(&user, &above, S_IXOTH);
	detail = xasprintf(", mode %03o", (unsigned)st->st_mode & 0777);
	judge_session(d, detail, f);
	if (d->status && !session_is_up(d) && !(doctor_may(&user, st, S_IWOTH) && searchable)) {
		doctor_say(f, DOCTOR_FAIL,
			   "%s: ctmeterd runs as %s and may not connect, so nothing is served "
			   "(mode %03o)",
			   path, user.name, (unsigned)st->st_mode & 0777);
		now = xasprintf("chgrp %s %s && chmod g+rw %s && chmod a+x %s", group, quoted,
				quoted, quoted_dir);
		cure_socket(d, now, st, group, f);
		free(now);
	} else if (f->level != DOCTOR_FAIL && st->st_mode & S_IWOTH && above.st_mode & S_IXOTH) {
		doctor_say(f, DOCTOR_WARN,
			   "%s is open to every user of this node: any of them can serve false "
			   "counters in ctmeterd's place",
			   path);
		now = xasprintf("chmod o-rwx %s", quoted);
		cure_socket(d, now, st, group, f);
		free(now);
	}
	free(copy);
	free(group);
	free(quoted);
	free(quoted_dir);
	free(detail);
}

/* The command that starts snmpd, after installing it if it is missing; for free(). */
static char *start_snmpd(const struct doctor *d)
{
	char *install = doctor_install(d, "snmpd", "snmpd", "net-snmp");
	char *restart = doctor_service_command(d, "restart", "snmpd");
	char *command = xasprintf("%s%s", install, restart);

	free(install);
	free(restart);
	return command;
}

/* The socket does not exist. */
static void say_no_socket(const struct doctor *d, const char *path, const char *why,
			  struct doctor_finding *f)
{
	char *start = start_snmpd(d), *text = NULL;
	bool installed = doctor_has_tool(d, "snmpd"), conf = doctor_exists(d, SNMPD_CONF);

	doctor_say(f, DOCTOR_FAIL, "%s: %s: %s", path, why,
		   installed ? "snmpd does not run, or its configuration lacks \"master agentx\""
			     : "snmpd is not installed");
	/* An ordinary user may be unable to read the file, so only root can tell that the line is
	 * missing. */
	if (installed && conf && !geteuid() && !conf_with(d, "master", &text))
		doctor_cure(f, "echo 'master agentx' >>%s && %s", SNMPD_CONF, start);
	else
		doctor_cure(f, "%s", start);
	free(text);
	free(start);
}

void doctor_agentx(struct doctor *d, enum addr_family family, struct doctor_finding *f)
{
	const char *path = d->o.cfg->agentx.socket;
	struct stat st;

	(void)family;
	if (*path != '/')
		judge_session(d, "", f);
	else if (stat(path, &st) == 0)
		judge_path(d, path, &st, f);
	else if (errno == EACCES)
		doctor_say(f, DOCTOR_SKIP, "only root may see %s", path);
	else
		say_no_socket(d, path, strerror(errno), f);
}

/* ---- communities ---- */

/* The communities come from the options, or else from snmpd's configuration as ctmeter's set-up
 * wrote it. */
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
	bool in_context; /* one that snmpd knows only while ctmeterd registers it */
};

/* Does no daemon run? A daemon that the caller may not ask might run. */
static bool is_down(const struct doctor *d)
{
	return !d->status && (d->status_rc == -ENOENT || d->status_rc == -ECONNREFUSED);
}

static void cure_start(const struct doctor *d, struct doctor_finding *f)
{
	char *start = doctor_service_command(d, "start", "ctmeterd");

	doctor_cure(f, "%s", start);
	free(start);
}

/* snmpd drops requests for a context that is not registered (RFC 3413, 3.2). So the community is to
 * blame only if the daemon runs and has a session. */
static void say_silence(struct doctor *d, const struct question *q, struct doctor_finding *f)
{
	if (q->in_context && is_down(d)) {
		doctor_say(f, DOCTOR_FAIL,
			   "snmpd does not answer for %s: no ctmeterd runs to register it",
			   q->what);
		cure_start(d, f);
	} else if (q->in_context && d->status && !session_is_up(d)) {
		doctor_say(f, DOCTOR_FAIL,
			   "snmpd does not answer for %s: ctmeterd has no session to register it "
			   "(see agentx)",
			   q->what);
	} else {
		doctor_say(f, DOCTOR_FAIL,
			   "snmpd does not answer for %s with %s: the community is wrong or not "
			   "for this host, or snmpd hangs%s",
			   q->what, d->community_source,
			   q->in_context && !d->status
				   ? ", or ctmeterd does not run (only root can tell)"
				   : "");
		if (doctor_exists(d, SNMPD_PART))
			doctor_look(f, "grep com2sec " SNMPD_PART);
	}
}

static void judge_failure(struct doctor *d, const struct question *q, int rc, const struct err *e,
			  struct doctor_finding *f)
{
	char *start = start_snmpd(d);

	if (rc == -ECONNREFUSED) {
		doctor_say(f, DOCTOR_FAIL, "no snmpd listens: %s", e->text);
		doctor_cure(f, "%s", start);
	} else if (rc == -ETIMEDOUT) {
		say_silence(d, q, f);
	} else {
		doctor_say(f, DOCTOR_FAIL, "%s", e->text);
	}
	free(start);
}

static void judge_answer(struct doctor *d, const struct question *q, const struct snmp_answer *a,
			 const char *wanted, struct doctor_finding *f)
{
	if (a->kind == SNMP_ASK_TEXT && (!wanted || !strcmp(a->text, wanted))) {
		doctor_say(f, DOCTOR_OK, "snmpd serves %s with %s", q->what, d->community_source);
	} else if (a->kind == SNMP_ASK_TEXT) {
		doctor_say(f, DOCTOR_FAIL, "snmpd answers \"%s\" for %s, not \"%s\"", a->text,
			   q->what, wanted);
	} else if (d->status && !session_is_up(d)) {
		doctor_say(f, DOCTOR_FAIL,
			   "snmpd answers, but has no session with ctmeterd (see agentx)");
	} else if (is_down(d)) {
		doctor_say(f, DOCTOR_FAIL, "snmpd answers, but without ctmeterd it cannot serve %s",
			   q->what);
		cure_start(d, f);
	} else {
		doctor_say(f, DOCTOR_FAIL,
			   "snmpd answers, but %s may not read %s: its view excludes them%s",
			   d->community_source, q->what,
			   d->status ? "" : ", or ctmeterd does not run (only root can tell)");
		if (doctor_exists(d, SNMPD_PART))
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
		doctor_say(
			f, DOCTOR_SKIP,
			"not asked, because no community is known (%s): give one with --community",
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
	struct question q = { .oid = name,
			      .oid_len = ARRAY_LEN(name),
			      .what = "the switch view",
			      .in_context = true };

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
