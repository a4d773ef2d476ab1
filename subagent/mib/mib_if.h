/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_MIB_IF_H
#define CTM_MIB_IF_H

#include "mib/mib.h"

/* Shared by the tables of the switch view only. */

extern const struct oidtab mib_sys_scalars, mib_if_number, mib_if_table, mib_ipaddr_table,
	mib_ipaddress_table, mib_if_xtable, mib_if_scalars;

/* The rows and index functions of ifTable and ifXTable: INDEX { ifIndex }. */
size_t mib_if_rows(const void *data);
size_t mib_if_index(const void *data, size_t row, uint32_t *sub);
const struct snap_container *mib_if_container(const struct mib_data *d, size_t row);

/* What a port has carried, in the direction of the switch view: forwarded traffic plus traffic with
 * the node. Returns false if it is not counted and never was: the counter is then absent, not 0. */
bool mib_if_carried(const struct mib_data *d, const struct snap_container *c, bool in,
		    struct counters *ret_sum);

/* The speed of its port, in Mbit/s. */
uint32_t mib_if_mbits(const struct mib_data *d, const struct snap_container *c);

/* ifDescr and ifName: "ct" and the container's id. */
void mib_if_set_name(struct smi_value *v, const struct snap_container *c);

#endif
