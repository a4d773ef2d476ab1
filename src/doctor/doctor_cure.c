/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands that fit this node: see doctor_cure.h. */
#include "doctor/doctor_cure.h"

#include "base/join.h"
#include "base/xalloc.h"
#include "doctor/doctor_room.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const dirs[] = { "/usr/sbin", "/sbin",           "/usr/bin",
				    "/bin",      "/usr/local/sbin", "/usr/local/bin" };

/* The tool's path, for free(); NULL: not installed. */
static char *find_tool(const struct doctor *d, const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
		char *path = xasprintf("%s%s/%s", d->o.root, dirs[i], name);

		if (access(path, X_OK) == 0)
			return path;
		free(path);
	}
	return NULL;
}

bool doctor_has_tool(const struct doctor *d, const char *name)
{
	char *path = find_tool(d, name);

	free(path);
	return path != NULL;
}

char *doctor_install(const struct doctor *d, const char *tool, const char *deb, const char *rpm)
{
	if (doctor_has_tool(d, tool))
		return xstrdup("");
	if (doctor_has_tool(d, "apt-get"))
		return xasprintf("apt-get install -y %s && ", deb);
	if (doctor_has_tool(d, "yum"))
		return xasprintf("yum install -y %s && ", rpm);
	return xstrdup("");
}

/* ---- iptables ---- */

/* Plain "iptables" is legacy if it is a link to xtables-multi (before 1.8) or
 * xtables-legacy-multi. */
static bool is_legacy(const struct doctor *d, const char *name)
{
	char *path = find_tool(d, name), *real = path ? realpath(path, NULL) : NULL;
	bool legacy = real && (strstr(real, "xtables-multi") || strstr(real, "xtables-legacy"));

	free(path);
	free(real);
	return legacy;
}

const char *doctor_iptables(const struct doctor *d, enum addr_family family, bool save)
{
	static const char *const names[ADDR_FAMILIES][2] = {
		[ADDR_V4] = { "iptables-legacy", "iptables-legacy-save" },
		[ADDR_V6] = { "ip6tables-legacy", "ip6tables-legacy-save" },
	};
	static const char *const old[ADDR_FAMILIES][2] = {
		[ADDR_V4] = { "iptables", "iptables-save" },
		[ADDR_V6] = { "ip6tables", "ip6tables-save" },
	};

	if (doctor_has_tool(d, names[family][save]))
		return names[family][save];
	return is_legacy(d, old[family][save]) ? old[family][save] : NULL;
}

char *doctor_list_rules(const struct doctor *d)
{
	const char *const commands[] = {
		doctor_iptables(d, ADDR_V4, true),
		doctor_iptables(d, ADDR_V6, true),
		doctor_has_tool(d, "iptables-nft-save") ? "iptables-nft-save" : NULL,
		doctor_has_tool(d, "ip6tables-nft-save") ? "ip6tables-nft-save" : NULL,
		doctor_has_tool(d, "nft") ? "nft list ruleset" : NULL,
	};
	char *all = NULL;

	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (commands[i] && !(i == 4 && all))
			join_heap(&all, "; ", "%s", commands[i]);
	return all;
}

/* ---- parameters, modules, services ---- */

char *doctor_sysctl_command(const struct doctor *d, const char *settings, const char *names,
			    const char *per_name)
{
	const char *file = doctor_exists(d, "/etc/sysctl.d") ? "/etc/sysctl.d/ctmeter.conf"
							     : "/etc/sysctl.conf";
	char *install = doctor_install(d, "sysctl", "procps", "procps-ng");
	char *fixed = xstrdup(""), *each = xstrdup(""), *command;

	if (*settings) {
		free(fixed);
		if (strchr(settings, ' '))
			fixed = xasprintf(
				"for s in %s; do sysctl -w \"$s\" && echo \"$s\" >>%s; done",
				settings, file);
		else
			fixed = xasprintf("sysctl -w %s && echo %s >>%s", settings, settings, file);
	}
	if (names) {
		free(each);
		each = xasprintf("for l in %s; do s=\"%s\"; sysctl -w \"$s\" && echo \"$s\" >>%s; "
				 "done",
				 names, per_name, file);
	}
	command = xasprintf("%s%s%s%s", install, fixed, *fixed && *each ? " && " : "", each);
	free(install);
	free(fixed);
	free(each);
	return command;
}

char *doctor_load_module(const char *module)
{
	return xasprintf("modprobe %s && echo %s >>/etc/modules-load.d/ctmeter.conf", module,
			 module);
}

char *doctor_service_command(const struct doctor *d, const char *verb, const char *service)
{
	char *conf, *command;

	if (doctor_exists(d, "/run/systemd/system"))
		return xasprintf("systemctl %s %s", verb, service);
	if (strcmp(service, "ctmeterd") != 0)
		return xasprintf("service %s %s", service, verb);
	if (d->pid && !strcmp(verb, "reload"))
		return xasprintf("kill -HUP %u", d->pid);
	conf = doctor_quote(d->o.config_path);
	if (d->pid)
		command = xasprintf("kill %u; ctmeterd -c %s", d->pid, conf);
	else
		command = xasprintf("ctmeterd -c %s", conf);
	free(conf);
	return command;
}

char *doctor_ctmeter_command(const struct doctor *d, const char *command)
{
	char *conf, *text;

	if (!strcmp(d->o.config_path, CFG_DEFAULT_PATH))
		return xasprintf("ctmeter %s", command);
	conf = doctor_quote(d->o.config_path);
	text = xasprintf("ctmeter -c %s %s", conf, command);
	free(conf);
	return text;
}

char *doctor_prepare_command(const struct doctor *d)
{
	char *conf = doctor_quote(d->o.config_path);
	bool usual = !strcmp(d->o.config_path, CFG_DEFAULT_PATH);
	char *text = xasprintf("ctmeterd --prepare%s%s", usual ? "" : " -c ", usual ? "" : conf);

	free(conf);
	return text;
}

char *doctor_renew_command(const struct doctor *d)
{
	return d->status ? doctor_ctmeter_command(d, "refresh")
			 : doctor_service_command(d, "start", "ctmeterd");
}
