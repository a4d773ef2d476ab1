/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ipAddrTable of the switch view (RFC 1213): the IPv4 addresses that containers have now, so that
 * monitoring systems show them on their ports. INDEX { ipAdEntAddr } allows one row per address, so
 * an address that several containers claim is left out. */
#include "mib/mib_if.h"

#include "base/xalloc.h"

enum ipaddr_column {
	IP_AD_ENT_ADDR = 1,
	IP_AD_ENT_IF_INDEX,
	IP_AD_ENT_NET_MASK,
	IP_AD_ENT_BCAST_ADDR,
	IP_AD_ENT_REASM_MAX_SIZE,
};

#define BCAST_ALL_ONES 1
#define REASM_MAX_OCTETS 65535
#define IPV4_OCTETS 4

static const uint32_t prefix[] = { 1, 3, 6, 1, 2, 1, 4, 20, 1 };
static const uint32_t columns[] = {
	IP_AD_ENT_ADDR,       IP_AD_ENT_IF_INDEX,       IP_AD_ENT_NET_MASK,
	IP_AD_ENT_BCAST_ADDR, IP_AD_ENT_REASM_MAX_SIZE,
};

static size_t rows(const void *data)
{
	return ((const struct mib_data *)data)->snap->n_held_v4;
}

static const struct snap_address *address(const struct mib_data *d, size_t row)
{
	return &d->snap->addresses[d->snap->held[row]];
}

static size_t row_index(const void *data, size_t row, uint32_t *sub)
{
	const struct snap_address *a = address(data, row);

	for (size_t i = 0; i < IPV4_OCTETS; i++)
		sub[i] = a->addr.bytes[i];
	return IPV4_OCTETS;
}

static bool cell(const void *data, size_t row, uint32_t column, struct smi_value *ret)
{
	static const uint8_t host_mask[IPV4_OCTETS] = { 255, 255, 255, 255 };
	const struct mib_data *d = data;
	const struct snap_address *a = address(d, row);

	switch (column) {
	case IP_AD_ENT_ADDR:
		mib_set_ipaddress(ret, a->addr.bytes);
		return true;
	case IP_AD_ENT_IF_INDEX:
		mib_set_integer(ret, (int32_t)d->snap->containers[a->container].ifindex);
		return true;
	case IP_AD_ENT_NET_MASK:
		mib_set_ipaddress(ret, host_mask);
		return true;
	case IP_AD_ENT_BCAST_ADDR:
		mib_set_integer(ret, BCAST_ALL_ONES);
		return true;
	case IP_AD_ENT_REASM_MAX_SIZE:
		mib_set_integer(ret, REASM_MAX_OCTETS);
		return true;
	default:
		return false;
	}
}

const struct oidtab mib_ipaddr_table = {
	.prefix = prefix,
	.prefix_len = ARRAY_LEN(prefix),
	.columns = columns,
	.n_columns = ARRAY_LEN(columns),
	.rows = rows,
	.index = row_index,
	.cell = cell,
};
