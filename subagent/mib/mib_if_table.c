/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ifTable of the switch view (RFC 2863): one port for each container. Its counters are the low 32
 * bits of ifXTable's. Errors and discards are always 0: monitoring systems expect them of every
 * port, and a container's port has none of its own. */
#include "mib/mib_if.h"

#include "base/xalloc.h"

enum if_column {
	IF_INDEX = 1,
	IF_DESCR,
	IF_TYPE,
	IF_MTU,
	IF_SPEED,
	IF_PHYS_ADDRESS,
	IF_ADMIN_STATUS,
	IF_OPER_STATUS,
	IF_LAST_CHANGE,
	IF_IN_OCTETS,
	IF_IN_UCAST_PKTS,
	IF_IN_DISCARDS = 13,
	IF_IN_ERRORS,
	IF_OUT_OCTETS = 16,
	IF_OUT_UCAST_PKTS,
	IF_OUT_DISCARDS = 19,
	IF_OUT_ERRORS,
};

enum { STATUS_UP = 1, STATUS_DOWN = 2, STATUS_NOT_PRESENT = 6 };

#define TYPE_PROP_VIRTUAL 53
#define MTU_OCTETS 1500 /* of venet and veth; the MTU inside a container is unknown */
#define BITS_PER_MBIT 1000000ull

static const uint32_t prefix[] = { 1, 3, 6, 1, 2, 1, 2, 2, 1 };
static const uint32_t columns[] = {
	IF_INDEX,         IF_DESCR,        IF_TYPE,        IF_MTU,         IF_SPEED,
	IF_PHYS_ADDRESS,  IF_ADMIN_STATUS, IF_OPER_STATUS, IF_LAST_CHANGE, IF_IN_OCTETS,
	IF_IN_UCAST_PKTS, IF_IN_DISCARDS,  IF_IN_ERRORS,   IF_OUT_OCTETS,  IF_OUT_UCAST_PKTS,
	IF_OUT_DISCARDS,  IF_OUT_ERRORS,
};

/* A container whose source reports no states exists, so its port is up: pollers that select ports
 * that are up would skip unknown(4). */
static int32_t oper_status(enum inv_run run)
{
	switch (run) {
	case INV_RUN_STOPPED:
		return STATUS_DOWN;
	case INV_RUN_GONE:
		return STATUS_NOT_PRESENT;
	default:
		return STATUS_UP;
	}
}

static bool counter_cell(const struct mib_data *d, const struct snap_container *c, uint32_t column,
			 struct smi_value *ret)
{
	bool in = column == IF_IN_OCTETS || column == IF_IN_UCAST_PKTS;
	bool octets = column == IF_IN_OCTETS || column == IF_OUT_OCTETS;
	struct counters sum;

	if (!mib_if_carried(d, c, in, &sum))
		return false;
	mib_set_counter32(ret, (uint32_t)(octets ? sum.octets : sum.pkts));
	return true;
}

static bool cell(const void *data, size_t row, uint32_t column, struct smi_value *ret)
{
	const struct mib_data *d = data;
	const struct snap_container *c = mib_if_container(d, row);

	switch (column) {
	case IF_INDEX:
		mib_set_integer(ret, (int32_t)c->ifindex);
		return true;
	case IF_DESCR:
		mib_if_set_name(ret, c);
		return true;
	case IF_TYPE:
		mib_set_integer(ret, TYPE_PROP_VIRTUAL);
		return true;
	case IF_MTU:
		mib_set_integer(ret, MTU_OCTETS);
		return true;
	case IF_SPEED:
		mib_set_gauge32(ret, mib_if_mbits(d, c) * BITS_PER_MBIT);
		return true;
	case IF_PHYS_ADDRESS:
		mib_set_octets(ret, ret->buf, 0);
		return true;
	case IF_ADMIN_STATUS:
		mib_set_integer(ret, STATUS_UP);
		return true;
	case IF_OPER_STATUS:
		mib_set_integer(ret, oper_status(c->run));
		return true;
	case IF_LAST_CHANGE:
		mib_set_timestamp(ret, d, c->run_ns);
		return true;
	case IF_IN_DISCARDS:
	case IF_IN_ERRORS:
	case IF_OUT_DISCARDS:
	case IF_OUT_ERRORS:
		mib_set_counter32(ret, 0);
		return true;
	default:
		return counter_cell(d, c, column, ret);
	}
}

const struct oidtab mib_if_table = {
	.prefix = prefix,
	.prefix_len = ARRAY_LEN(prefix),
	.columns = columns,
	.n_columns = ARRAY_LEN(columns),
	.rows = mib_if_rows,
	.index = mib_if_index,
	.cell = cell,
};
