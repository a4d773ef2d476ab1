/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_SNMPD_CONF_H
#define CTM_SNMPD_CONF_H

#include <stdbool.h>

/* Finds communities in the text of snmpd.conf(5). Pure. */

/* The community with which this host itself may query a context ("": the default one), by the
 * com2sec and com2sec6 lines; one for IPv4 is preferred.
 * Returns it, for free(), with *ret_ipv6 set; or NULL: there is none. */
char *snmpd_conf_community(const char *text, const char *context, bool *ret_ipv6);

#endif
