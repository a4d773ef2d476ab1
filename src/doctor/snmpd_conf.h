/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_SNMPD_CONF_H
#define CTM_SNMPD_CONF_H

#include <stdbool.h>

/* A look into a part of snmpd.conf(5). Pure. */

/* The community by which this host itself may ask for a context ("": the default one), as com2sec
 * and com2sec6 lines say; one for IPv4 is preferred.
 * Returns it for free(), with *ret_ipv6 telling the family, or NULL: there is none. */
char *snmpd_conf_community(const char *text, const char *context, bool *ret_ipv6);

#endif
