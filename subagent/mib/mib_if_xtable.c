/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ifXTable of the switch view (RFC 2863). */
#include "mib/mib_if.h"

#include "base/xalloc.h"

enum ifx_column {
	IFX_NAME = 1,
	IFX_HC_IN_OCTETS = 6,
	IFX_HC_IN_UCAST_PKTS,
	IFX_HC_OUT_OCTETS = 10,
	IFX_HC_OUT_UCAST_PKTS,
	IFX_LINK_UP_DOWN_TRAP_ENABLE = 14,
	IFX_HIGH_SPEED,
	IFX_CONNECTOR_PRESENT = 17,
	IFX_ALIAS,
	IFX_COUNTER_DISCONTINUITY_TIME,
};

enum { TRAPS_DISABLED = 2, TRUTH_FALSE = 2 };

#define ALIAS_MAX 64 /* octets of an ifAlias */

static const uint32_t prefix[] = { 1, 3, 6, 1, 2, 1, 31, 1, 1, 1 };
static const uint32_t columns[] = {
	IFX_NAME,
	IFX_HC_IN_OCTETS,
	IFX_HC_IN_UCAST_PKTS,
	IFX_HC_OUT_OCTETS,
	IFX_HC_OUT_UCAST_PKTS,
	IFX_LINK_UP_DOWN_TRAP_ENABLE,
	IFX_HIGH_SPEED,
	IFX_CONNECTOR_PRESENT,
	IFX_ALIAS,
	IFX_COUNTER_DISCONTINUITY_TIME,
};

static bool counter_cell(const struct mib_data *d, const struct snap_container *c, uint32_t column,
			 struct smi_value *ret)
{
	bool in = column == IFX_HC_IN_OCTETS || column == IFX_HC_IN_UCAST_PKTS;
	bool octets = column == IFX_HC_IN_OCTETS || column == IFX_HC_OUT_OCTETS;
	struct counters sum;

	if (!mib_if_carried(d, c, in, &sum))
		return false;
	mib_set_counter64(ret, octets ? sum.octets : sum.pkts);
	return true;
}

/* The container's own discontinuity, or the time when In and Out were swapped or the framing
 * changed. */
static uint64_t discontinuity_ns(const struct mib_data *d, const struct snap_container *c)
{
	uint64_t own = c->totals.discontinuity_ns, turned = d->snap->turned_ns;

	return own > turned ? own : turned;
}

static bool cell(const void *data, size_t row, uint32_t column, struct smi_value *ret)
{
	const struct mib_data *d = data;
	const struct snap_container *c = mib_if_container(d, row);

	switch (column) {
	case IFX_NAME:
		mib_if_set_name(ret, c);
		return true;
	case IFX_LINK_UP_DOWN_TRAP_ENABLE:
		mib_set_integer(ret, TRAPS_DISABLED);
		return true;
	case IFX_HIGH_SPEED:
		mib_set_gauge32(ret, mib_if_mbits(d, c));
		return true;
	case IFX_CONNECTOR_PRESENT:
		mib_set_integer(ret, TRUTH_FALSE);
		return true;
	case IFX_ALIAS:
		mib_set_text_upto(ret, "", c->name, ALIAS_MAX);
		return true;
	case IFX_COUNTER_DISCONTINUITY_TIME:
		mib_set_timestamp(ret, d, discontinuity_ns(d, c));
		return true;
	default:
		return counter_cell(d, c, column, ret);
	}
}

const struct oidtab mib_if_xtable = {
	.prefix = prefix,
	.prefix_len = ARRAY_LEN(prefix),
	.columns = columns,
	.n_columns = ARRAY_LEN(columns),
	.rows = mib_if_rows,
	.index = mib_if_index,
	.cell = cell,
};
