/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The switch view: IF-MIB's scalars (RFC 2863), the code shared by its two tables, and the view
 * over everything. */
#include "mib/mib_if.h"

#include "base/xalloc.h"

enum { IF_NUMBER = 1, IF_TABLE_LAST_CHANGE = 5 };

static const uint32_t system_root[] = { 1, 3, 6, 1, 2, 1, 1 };
static const uint32_t interfaces_root[] = { 1, 3, 6, 1, 2, 1, 2 };
static const uint32_t ipaddr_root[] = { 1, 3, 6, 1, 2, 1, 4, 20 };
static const uint32_t ipaddress_root[] = { 1, 3, 6, 1, 2, 1, 4, 34 };
static const uint32_t if_mib_root[] = { 1, 3, 6, 1, 2, 1, 31, 1 };

size_t mib_if_rows(const void *data)
{
	return ((const struct mib_data *)data)->snap->n_containers;
}

size_t mib_if_index(const void *data, size_t row, uint32_t *sub)
{
	sub[0] = ((const struct mib_data *)data)->snap->ports[row].ifindex;
	return 1;
}

const struct snap_container *mib_if_container(const struct mib_data *d, size_t row)
{
	return &d->snap->containers[d->snap->ports[row].container];
}

bool mib_if_carried(const struct mib_data *d, const struct snap_container *c, bool in,
		    struct counters *ret_sum)
{
	const struct counters *path = c->totals.path;
	bool to_container = in == (d->snap->port_view != PORT_VIEW_SWITCH);
	const struct counters *fwd = &path[to_container ? PATH_FWD_IN : PATH_FWD_OUT];
	const struct counters *node = &path[to_container ? PATH_NODE_IN : PATH_NODE_OUT];

	ret_sum->pkts = fwd->pkts + node->pkts;
	ret_sum->octets =
		fwd->octets + node->octets + ret_sum->pkts * (uint64_t)d->snap->port_framing;
	return ret_sum->octets || ret_sum->pkts || c->totals.status != ROW_NOT_COUNTABLE;
}

uint32_t mib_if_mbits(const struct mib_data *d, const struct snap_container *c)
{
	return d->port_mbits ? d->port_mbits : c->mbits;
}

void mib_if_set_name(struct smi_value *v, const struct snap_container *c)
{
	mib_set_text_upto(v, "ct", c->id, MIB_TEXT_MAX);
}

static bool number_cell(const void *data, size_t row, uint32_t column, struct smi_value *ret)
{
	(void)row;
	(void)column;
	mib_set_integer(ret, (int32_t)mib_if_rows(data));
	return true;
}

static bool last_change_cell(const void *data, size_t row, uint32_t column, struct smi_value *ret)
{
	const struct mib_data *d = data;

	(void)row;
	(void)column;
	mib_set_timestamp(ret, d, d->snap->ports_change_ns);
	return true;
}

static const uint32_t number_column[] = { IF_NUMBER };
static const uint32_t last_change_column[] = { IF_TABLE_LAST_CHANGE };

const struct oidtab mib_if_number = {
	.prefix = interfaces_root,
	.prefix_len = ARRAY_LEN(interfaces_root),
	.columns = number_column,
	.n_columns = 1,
	.rows = mib_scalar_rows,
	.index = mib_scalar_index,
	.cell = number_cell,
};

const struct oidtab mib_if_scalars = {
	.prefix = if_mib_root,
	.prefix_len = ARRAY_LEN(if_mib_root),
	.columns = last_change_column,
	.n_columns = 1,
	.rows = mib_scalar_rows,
	.index = mib_scalar_index,
	.cell = last_change_cell,
};

static const struct oidtab *const tabs[] = {
	&mib_sys_scalars,     &mib_if_number, &mib_if_table,   &mib_ipaddr_table,
	&mib_ipaddress_table, &mib_if_xtable, &mib_if_scalars,
};

const struct oidtab_view mib_switch_view = { tabs, ARRAY_LEN(tabs) };

const struct mib_root mib_switch_roots[MIB_SWITCH_ROOTS] = {
	{ system_root, ARRAY_LEN(system_root) }, { interfaces_root, ARRAY_LEN(interfaces_root) },
	{ ipaddr_root, ARRAY_LEN(ipaddr_root) }, { ipaddress_root, ARRAY_LEN(ipaddress_root) },
	{ if_mib_root, ARRAY_LEN(if_mib_root) },
};
