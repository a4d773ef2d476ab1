/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_TESTS_DOCTOR_WORLD_H
#define CTM_TESTS_DOCTOR_WORLD_H

#include "base/xalloc.h"
#include "doctor/doctor_room.h"
#include "inventory/source_kind.h"

#include <check.h>
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A doctor by hand: a directory that stands for /, links, addresses and what the daemon says. */

struct world {
	char root[40];
	struct cfg *cfg;
	struct doctor d;
	struct doctor_finding f;
};

static inline json_t *quoted_json(const char *text)
{
	char *copy = xstrdup(text);
	json_error_t error;
	json_t *j;

	for (char *c = copy; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	j = json_loads(copy, 0, &error);
	ck_assert_msg(j, "%s: %s", copy, error.text);
	free(copy);
	return j;
}

/* A file below root, its directories too. */
static inline void put(struct world *w, const char *path, const char *text)
{
	char *whole = xasprintf("%s%s", w->root, path), *copy = xstrdup(whole);
	char *command = xasprintf("mkdir -p '%s'", dirname(copy));
	FILE *f;

	ck_assert_int_eq(system(command), 0);
	f = fopen(whole, "w");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
	free(command);
	free(copy);
	free(whole);
}

/* A command that is installed. */
static inline void install_tool(struct world *w, const char *name)
{
	char *path = xasprintf("/usr/sbin/%s", name), *whole = xasprintf("%s%s", w->root, path);

	put(w, path, "");
	ck_assert_int_eq(chmod(whole, 0755), 0);
	free(whole);
	free(path);
}

/* status: as JSON with ' for "; NULL: no daemon answers. Commands that cures need are there, and
 * nft lists no rules. */
static inline struct world *world_new(const char *status)
{
	static const char *const tools[] = { "sysctl", "iptables-legacy", "ip6tables-legacy" };
	struct world *w = xcalloc(1, sizeof(*w));
	struct err e = { "" };

	snprintf(w->root, sizeof(w->root), "/tmp/check_doctor.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(w->root));
	ck_assert_msg(!cfg_parse("[ledger]\npath = /nonexistent/l.db\n", "conf", source_check,
				 &w->cfg, &e),
		      "%s", e.text);
	w->d.o.cfg = w->cfg;
	w->d.o.config_path = CFG_DEFAULT_PATH;
	w->d.o.root = w->root;
	w->d.ground_known = w->d.seen_known = true;
	w->d.ground_rc = w->d.seen_rc = -ENOTSUP;
	w->d.links_known = w->d.addresses_known = w->d.looked = w->d.nft_known = true;
	w->d.status_rc = status ? 0 : -ENOENT;
	if (status)
		w->d.status = quoted_json(status);
	w->d.pid = (unsigned)json_integer_value(json_object_get(w->d.status, "pid"));
	w->d.nft = nft_view_new("{\"nftables\":[]}");
	for (size_t i = 0; i < ARRAY_LEN(tools); i++)
		install_tool(w, tools[i]);
	put(w, "/etc/sysctl.d/README", "");
	return w;
}

static inline void world_free(struct world *w)
{
	char *command = xasprintf("rm -r '%s'", w->root);

	ck_assert_int_eq(system(command), 0);
	free(command);
	doctor_finding_clear(&w->f);
	json_decref(w->d.status);
	free(w->d.links);
	free(w->d.addresses);
	free(w->d.seen);
	inv_free(w->d.inventory);
	nft_view_free(w->d.nft);
	free(w->d.community);
	free(w->d.ports_community);
	free(w->d.community_source);
	cfg_free(w->cfg);
	free(w);
}

/* Links have the numbers 1, 2, .. in order. */
static inline struct rtnl_link *add_link(struct world *w, const char *name, const char *kind)
{
	struct rtnl_link *l;

	w->d.links = xreallocarray(w->d.links, w->d.n_links + 1, sizeof(*l));
	l = &w->d.links[w->d.n_links++];
	memset(l, 0, sizeof(*l));
	l->index = (int)w->d.n_links;
	snprintf(l->name, sizeof(l->name), "%s", name);
	snprintf(l->kind, sizeof(l->kind), "%s", kind);
	return l;
}

/* link 0: no route. */
static inline struct doctor_address *add_address(struct world *w, const char *id, const char *text,
						 int link)
{
	struct doctor_address *a;

	w->d.addresses = xreallocarray(w->d.addresses, w->d.n_addresses + 1, sizeof(*a));
	a = &w->d.addresses[w->d.n_addresses++];
	memset(a, 0, sizeof(*a));
	ck_assert_int_eq(addr_parse(text, &a->addr), 0);
	snprintf(a->id, sizeof(a->id), "%s", id);
	a->route.way = link ? RTNL_WAY_LINK : RTNL_WAY_NONE;
	a->route.link = link;
	return a;
}

/* Run a check: its level, a part of its text, and its cure as a whole ("": there is none). */
static inline void assert_finding(struct world *w, doctor_fn *check, enum addr_family family,
				  enum doctor_level level, const char *part, const char *cure)
{
	doctor_finding_clear(&w->f);
	check(&w->d, family, &w->f);
	ck_assert_msg(w->f.level == level, "level %s, wanted %s: %s", doctor_level_name(w->f.level),
		      doctor_level_name(level), w->f.text);
	ck_assert_msg(strstr(w->f.text, part) != NULL, "'%s' lacks '%s'", w->f.text, part);
	ck_assert_str_eq(w->f.cure ? w->f.cure : "", cure);
}

/* What mends it by one kernel parameter, and by several, as doctor_sysctl_command writes it. */
#define SYSCTL(setting) "sysctl -w " setting " && echo " setting " >>/etc/sysctl.d/ctmeter.conf"
#define SYSCTLS(settings)                                     \
	"for s in " settings "; do sysctl -w \"$s\" && echo " \
	"\"$s\" >>/etc/sysctl.d/ctmeter.conf; done"

#endif
