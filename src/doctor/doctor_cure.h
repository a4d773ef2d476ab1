/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_DOCTOR_CURE_H
#define CTM_DOCTOR_CURE_H

#include "doctor/doctor.h"

/* What this node has for cures, so that a printed command can be run and outlasts what it mends. */

/* Is a command of that name installed? */
bool doctor_has_tool(const struct doctor *d, const char *name);

/* "apt-get install -y DEB && ", or yum's with RPM, when `tool` is missing; "" when it is there or no
 * package manager is known. To stand before a command that needs the tool; for free(). */
char *doctor_install(const struct doctor *d, const char *tool, const char *deb, const char *rpm);

/* The command that changes a family's legacy tables ("iptables-legacy"; on EL7 plain "iptables"), or
 * that saves them as text (save). NULL: none is installed. Static text. */
const char *doctor_iptables(const struct doctor *d, enum addr_family family, bool save);
/* Commands that list the rules of all tables of both families, legacy and iptables-nft's, of those
 * that are installed: "A; B"; NULL: none is. For free(). */
char *doctor_list_rules(const struct doctor *d);

/* The command that sets kernel parameters now and at each boot: settings are words of sh(1), "KEY=VALUE"
 * with keys as sysctl(8) takes them, " " between. For each of `names` (NULL: there are none), quoted
 * likewise, as $l in "per_name" too. For free(). */
char *doctor_sysctl_command(const struct doctor *d, const char *settings, const char *names,
			    const char *per_name);
/* A command that has a module loaded now and at each boot; for free(). */
char *doctor_load_module(const char *module);

/* The command that starts a service of this node, restarts it, ..; for free(). */
char *doctor_service_command(const struct doctor *d, const char *verb, const char *service);
/* `ctmeter COMMAND` with this node's configuration; for free(). */
char *doctor_ctmeter_command(const struct doctor *d, const char *command);

#endif
