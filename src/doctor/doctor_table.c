/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The legacy tables: do they exist, and will they after a reboot? Are our rules in them, ahead of
 * others? Do other programs use both legacy tables and iptables-nft's? */
#include "doctor/doctor_room.h"

#include "base/display.h"
#include "base/xalloc.h"
#include "netfilter/fw_admin.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

static const char *const module_prefixes[ADDR_FAMILIES] = { "iptable", "ip6table" };

/* ---- modules ---- */

enum module_kind { MODULE_UNKNOWN, MODULE_BUILT_IN, MODULE_LOADABLE, MODULE_MISSING };

static bool has_module_file(const struct doctor *d, const char *list, const char *module)
{
	char *name = xasprintf("/%s.ko", module), *text;
	struct utsname u;
	bool found;

	uname(&u);
	text = doctor_read(d, "/lib/modules/%s/%s", u.release, list);
	found = text && strstr(text, name);
	free(text);
	free(name);
	return found;
}

static enum module_kind module_kind(const struct doctor *d, const char *module)
{
	struct utsname u;
	char *dep;
	bool known;

	/* A kernel without loadable modules has no /proc/modules. */
	if (!doctor_exists(d, "/proc/modules") || has_module_file(d, "modules.builtin", module))
		return MODULE_BUILT_IN;
	uname(&u);
	dep = doctor_read(d, "/lib/modules/%s/modules.dep", u.release);
	known = dep;
	free(dep);
	if (!known)
		return MODULE_UNKNOWN;
	return has_module_file(d, "modules.dep", module) ? MODULE_LOADABLE : MODULE_MISSING;
}

/* Is the module in a file that modules-load.d(5) or the older /etc/modules reads at boot? */
static bool file_lists(char *text, const char *module)
{
	bool found = false;

	for (char *line = text, *end; line && !found; line = end) {
		end = strchr(line, '\n');
		if (end)
			*end++ = '\0';
		line += strspn(line, " \t");
		line[strcspn(line, " \t\r#;")] = '\0';
		for (char *c = line; *c; c++)
			*c = *c == '-' ? '_' : *c; /* modprobe accepts both */
		found = !strcmp(line, module);
	}
	return found;
}

static bool lists(const struct doctor *d, const char *path, const char *module)
{
	char *text = doctor_read(d, "%s", path);
	bool found = text && file_lists(text, module);

	free(text);
	return found;
}

static bool loaded_at_boot(const struct doctor *d, const char *module)
{
	static const char *const dirs[] = { "/etc/modules-load.d", "/run/modules-load.d",
					    "/usr/local/lib/modules-load.d",
					    "/usr/lib/modules-load.d", "/lib/modules-load.d" };
	bool found = lists(d, "/etc/modules", module);

	for (size_t i = 0; !found && i < ARRAY_LEN(dirs); i++) {
		char *dir_name = xasprintf("%s%s", d->o.root, dirs[i]);
		DIR *dir = opendir(dir_name);
		struct dirent *entry;

		while (dir && !found && (entry = readdir(dir))) {
			char *path = xasprintf("%s/%s", dirs[i], entry->d_name);
			size_t len = strlen(entry->d_name);

			if (len > 5 && !strcmp(entry->d_name + len - 5, ".conf"))
				found = lists(d, path, module);
			free(path);
		}
		if (dir)
			closedir(dir);
		free(dir_name);
	}
	return found;
}

static bool is_loaded(const struct doctor *d, const char *module)
{
	char *modules = doctor_read(d, "/proc/modules"), *line = xasprintf("\n%s ", module);
	const char *found = modules ? strstr(modules, line + 1) : NULL;
	bool loaded = found && (found == modules || strstr(modules, line));

	free(modules);
	free(line);
	return loaded;
}

/* This node is a container, or its kernel's package was removed while the kernel runs. */
static void say_no_modules(struct doctor_words *names, struct doctor_finding *f)
{
	struct utsname u;

	uname(&u);
	doctor_say(f, DOCTOR_SKIP,
		   "/lib/modules/%s does not exist: cannot tell whether this kernel needs %s, and "
		   "no module can be loaded",
		   u.release, doctor_words_text(names));
}

void doctor_modules(struct doctor *d, enum addr_family family, struct doctor_finding *f)
{
	struct doctor_words absent = { .n = 0 }, present = { .n = 0 }, unknown = { .n = 0 };
	char *cure = xstrdup("printf '%s\\n'");

	(void)family;
	if (doctor_dry_run(d, f) || doctor_on_links(d, f)) {
		free(cure);
		return;
	}
	for (enum addr_family i = 0; i < ADDR_FAMILIES; i++) {
		char *module = xasprintf("%s_%s", module_prefixes[i], d->o.cfg->netfilter.table);
		enum module_kind kind = module_kind(d, module);

		if (kind == MODULE_UNKNOWN && !is_loaded(d, module))
			doctor_words_add(&unknown, "%s", module);
		else if (kind == MODULE_UNKNOWN)
			kind = MODULE_LOADABLE; /* it is loaded, even if its file is gone */
		if (kind == MODULE_LOADABLE && !loaded_at_boot(d, module)) {
			char *longer = xasprintf("%s %s", cure, module);

			free(cure);
			cure = longer;
			doctor_words_add(&absent, "%s", module);
		} else if (kind == MODULE_LOADABLE) {
			doctor_words_add(&present, "%s", module);
		}
		free(module);
	}
	if (absent.n) {
		doctor_say(f, DOCTOR_WARN,
			   "%s will not be loaded at the next boot: nothing loads table modules on "
			   "demand, and without the tables nothing is counted",
			   doctor_words_text(&absent));
		doctor_cure(f, "%s >>/etc/modules-load.d/ctmeter.conf", cure);
	} else if (unknown.n) {
		say_no_modules(&unknown, f);
	} else if (present.n) {
		doctor_say(f, DOCTOR_OK, "%s: loaded at each boot", doctor_words_text(&present));
	} else {
		doctor_say(f, DOCTOR_OK, "this kernel needs no module for the tables");
	}
	doctor_words_clear(&absent);
	doctor_words_clear(&present);
	doctor_words_clear(&unknown);
	free(cure);
}

/* ---- tables ---- */

/* Report that xt_look failed with rc, if it did; returns whether it did. */
static bool refused(struct doctor *d, enum addr_family family, int rc, struct doctor_finding *f)
{
	const char *table = d->o.cfg->netfilter.table;
	char *module;

	if (!rc)
		return false;
	if (rc == -EPERM || rc == -EACCES) {
		doctor_say(f, DOCTOR_SKIP, "only root may read the legacy tables");
		return true;
	}
	if (rc == -ENOTSUP) {
		doctor_say(f, DOCTOR_FAIL, "ctmeter was built without libiptc, so it cannot count");
		return true;
	}
	module = xasprintf("%s_%s", module_prefixes[family], table);
	doctor_say(f, doctor_count_addresses(d, family) ? DOCTOR_FAIL : DOCTOR_WARN,
		   "no legacy %s table \"%s\" (%s)%s", doctor_family_name(family), table,
		   strerror(-rc),
		   module_kind(d, module) == MODULE_MISSING
			   ? ": this kernel was built without it, so it cannot count this family"
		   : module_kind(d, module) == MODULE_UNKNOWN
			   ? ": its module cannot be loaded, because /lib/modules has nothing for "
			     "this kernel"
			   : "");
	if (module_kind(d, module) == MODULE_LOADABLE)
		doctor_cure(f, "modprobe %s", module);
	free(module);
	return true;
}

void doctor_table(struct doctor *d, enum addr_family family, struct doctor_finding *f)
{
	char size[DISPLAY_NUMBER_SIZE];
	struct fw_look look;

	if (doctor_dry_run(d, f) || doctor_on_links(d, f) ||
	    refused(d, family, fw_look(doctor_tables(d), family, d->o.cfg->netfilter.table, &look),
		    f))
		return;
	doctor_say(f, DOCTOR_OK, "the legacy table %s exists: %u entries, %s",
		   d->o.cfg->netfilter.table, look.n_entries, display_octets(look.size, size));
}

/* ---- rules ---- */

static void add_cure(struct doctor *d, struct doctor_finding *f)
{
	char *cure = doctor_renew_command(d);

	doctor_cure(f, "%s", cure);
	free(cure);
}

/* Report what is wrong in one hook; false: nothing is. */
static bool judge_hook(const struct fw_look *look, enum hook hook, bool wanted,
		       struct doctor_finding *f)
{
	unsigned jump = look->hook[hook].jump, shadow = look->hook[hook].shadow;
	const char *name = fw_hook_name(hook);

	if (!jump && wanted) {
		doctor_say(f, DOCTOR_FAIL,
			   "no rule in %s jumps to our chain: nothing is counted there", name);
	} else if (jump && shadow) {
		doctor_say(f, DOCTOR_FAIL,
			   "%s: rule %u (%s) precedes ours (rule %u): packets that it accepts or "
			   "drops are not counted",
			   name, shadow, look->hook[hook].shadow_target, jump);
	} else if (look->hook[hook].jumps > 1) {
		doctor_say(f, DOCTOR_FAIL,
			   "%s: %u rules jump to our chain: each packet is counted more than once",
			   name, look->hook[hook].jumps);
	} else {
		return false;
	}
	return true;
}

static void judge_rules(struct doctor *d, enum addr_family family, const struct fw_look *look,
			struct doctor_finding *f)
{
	bool any = doctor_count_addresses(d, family);
	const char *iptables = doctor_iptables(d, family, false);
	struct doctor_words behind = { .n = 0 };

	if (look->n_intruders) {
		doctor_say(f, DOCTOR_FAIL, "%s: packets that match it are counted twice",
			   look->intruders);
		add_cure(d, f);
		return;
	}
	for (enum hook h = 0; h < HOOKS; h++) {
		bool wanted = any && (h == HOOK_FORWARD || d->o.cfg->netfilter.node_traffic);

		if (judge_hook(look, h, wanted, f)) {
			add_cure(d, f);
			if (iptables)
				doctor_look(f, "%s -t %s -nvL %s --line-numbers", iptables,
					    d->o.cfg->netfilter.table, fw_hook_name(h));
			goto cleanup;
		}
		if (look->hook[h].jump > 1)
			doctor_words_add(&behind, "%s", fw_hook_name(h));
	}
	if (!any && !look->hook[HOOK_FORWARD].jump)
		doctor_say(f, DOCTOR_OK, "no container has an %s address, so no rules are needed",
			   doctor_family_name(family));
	else if (behind.n)
		doctor_say(f, DOCTOR_OK,
			   "%u counting rules; in %s they follow rules of other programs, which "
			   "let every packet pass",
			   look->n_counting, doctor_words_text(&behind));
	else
		doctor_say(f, DOCTOR_OK, "%u counting rules; ours come first", look->n_counting);
cleanup:
	doctor_words_clear(&behind);
}

void doctor_rules(struct doctor *d, enum addr_family family, struct doctor_finding *f)
{
	const char *state =
		json_string_value(json_object_get(d->status, family == ADDR_V4 ? "ipv4" : "ipv6"));
	struct fw_look look;
	bool disturbed;
	int rc;

	if (doctor_dry_run(d, f) || doctor_on_links(d, f))
		return;
	disturbed = state && !strncmp(state, "rules disturbed:", strlen("rules disturbed:"));
	if (state && !disturbed && strchr(state, ':') && doctor_count_addresses(d, family)) {
		doctor_say(f, DOCTOR_FAIL, "%s", state);
		return;
	}
	rc = fw_look(doctor_tables(d), family, d->o.cfg->netfilter.table, &look);
	if (rc == -EPERM || rc == -EACCES)
		doctor_say(f, DOCTOR_SKIP, "only root may read the legacy tables");
	else if (rc < 0)
		doctor_say(f, DOCTOR_SKIP, "there is no legacy table that could hold rules");
	else
		judge_rules(d, family, &look, f);
	if (disturbed && f->level == DOCTOR_OK) { /* the daemon checks more than this does */
		doctor_say(f, DOCTOR_FAIL, "%s", state);
		add_cure(d, f);
	}
}

/* ---- rule sets ---- */

/* The names of a family's legacy tables that are in use, one a line, for free(); NULL with errno
 * set. */
static char *table_names(const struct doctor *d, enum addr_family family)
{
	char *names = doctor_read(d, "/proc/net/%s_tables_names", family == ADDR_V4 ? "ip" : "ip6");

	return names || errno != ENOENT ? names : xstrdup("");
}

int doctor_look_at_table(const struct doctor *d, enum addr_family family, const char *table,
			 struct fw_look *ret_look)
{
	char *names = table_names(d, family), *rest = names;
	int rc = names ? -ENOENT : -errno;

	for (const char *name; rest && rc == -ENOENT && (name = strsep(&rest, "\n"));)
		if (!strcmp(name, table))
			rc = fw_look(doctor_tables(d), family, table, ret_look);
	free(names);
	return rc;
}

/* Add the rules of other programs in all of a family's tables that are in use to *ret_n. Returns 0,
 * or -errno if the caller may not read them. */
static int count_foreign(const struct doctor *d, enum addr_family family, size_t *ret_n)
{
	char *names = table_names(d, family), *rest = names;
	int rc = names ? 0 : -errno;
	struct fw_look look;

	for (const char *name; rest && !rc && (name = strsep(&rest, "\n"));) {
		rc = *name ? fw_look(doctor_tables(d), family, name, &look) : -ENOENT;
		if (!rc)
			*ret_n += look.n_foreign;
		if (rc != -EPERM && rc != -EACCES)
			rc = 0;
	}
	free(names);
	return rc;
}

void doctor_rule_sets(struct doctor *d, enum addr_family family, struct doctor_finding *f)
{
	size_t legacy = 0, compat;
	const struct nft_view *nft;
	char *look;
	int rc = 0;

	(void)family;
	for (enum addr_family i = 0; i < ADDR_FAMILIES && !rc; i++)
		rc = count_foreign(d, i, &legacy);
	if (rc < 0) {
		doctor_say(f, DOCTOR_SKIP, "only root may read the rules");
		return;
	}
	nft = doctor_nft(d);
	if (!nft) {
		doctor_say(f, DOCTOR_SKIP, "%zu legacy rules of other programs; nftables: %s",
			   legacy, d->nft_text);
		return;
	}
	compat = nft_view_compat_rules(nft);
	if (legacy && compat) {
		doctor_say(f, DOCTOR_WARN,
			   "%zu rules of other programs are legacy and %zu are iptables-nft's: "
			   "each packet passes both sets, but each tool shows only its own",
			   legacy, compat);
		look = doctor_list_rules(d);
		if (look)
			doctor_look(f, "%s", look);
		free(look);
	} else if (compat) {
		doctor_say(f, DOCTOR_OK, "rules of other programs are iptables-nft's%s",
			   doctor_backend(d) == CFG_BACKEND_LINK
				   ? ""
				   : ", which does not show ours; iptables-legacy does");
	} else {
		doctor_say(f, DOCTOR_OK, "%zu legacy rules of other programs, none of iptables-nft",
			   legacy);
	}
}
