/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_DOCTOR_CURE_H
#define CTM_DOCTOR_CURE_H

#include "doctor/doctor.h"

/* Building blocks of cures. A printed command uses programs that this node has, and its effect
 * outlasts a reboot where it can. */

/* Is a command of that name installed? */
bool doctor_has_tool(const struct doctor *d, const char *name);

/* The prefix for a command that needs `tool`: "apt-get install -y DEB && ", or yum's with RPM, if
 * the tool is missing; "" if it is installed or there is neither package manager. For free(). */
char *doctor_install(const struct doctor *d, const char *tool, const char *deb, const char *rpm);

/* The name of the command that changes a family's legacy tables ("iptables-legacy"; on EL7 plain
 * "iptables"), or with `save` of the one that dumps them. Static text; NULL: none is installed. */
const char *doctor_iptables(const struct doctor *d, enum addr_family family, bool save);
/* The installed commands that list all rules of both families, legacy and iptables-nft's:
 * "A; B". For free(); NULL: none is installed. */
char *doctor_list_rules(const struct doctor *d);

/* The command that sets kernel parameters now and at each boot.
 * settings  "KEY=VALUE" words of sh(1), keys as in sysctl(8), " " between; may be ""
 * names     interface names, quoted for sh(1), with " " between; NULL: none
 * per_name  one more setting for each of the names, with the name as $l
 * For free(). */
char *doctor_sysctl_command(const struct doctor *d, const char *settings, const char *names,
			    const char *per_name);
/* The command that loads a module now and at each boot; for free(). */
char *doctor_load_module(const char *module);

/* `ctmeterd --prepare` with this node's configuration; for free(). */
char *doctor_prepare_command(const struct doctor *d);
/* The command that lets a running daemon compare what is there with what is wanted, or starts it;
 * for free(). */
char *doctor_renew_command(const struct doctor *d);

/* The command that starts, restarts or reloads (verb) a service of this node; for free(). */
char *doctor_service_command(const struct doctor *d, const char *verb, const char *service);
/* `ctmeter COMMAND` with this node's configuration; for free(). */
char *doctor_ctmeter_command(const struct doctor *d, const char *command);

#endif
