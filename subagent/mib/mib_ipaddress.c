/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ipAddressTable of the switch view (RFC 4293): the addresses of both families that containers have
 * now. It is where monitoring systems look for IPv6. As in ipAddrTable, an address that several
 * containers claim is left out. */
#include "mib/mib_if.h"

#include "base/xalloc.h"

#include <string.h>

enum ipaddress_column {
	IP_ADDRESS_IF_INDEX = 3,
	IP_ADDRESS_TYPE,
	IP_ADDRESS_PREFIX,
	IP_ADDRESS_ORIGIN,
	IP_ADDRESS_STATUS,
	IP_ADDRESS_CREATED,
	IP_ADDRESS_LAST_CHANGED,
	IP_ADDRESS_ROW_STATUS,
	IP_ADDRESS_STORAGE_TYPE,
};

enum { TYPE_UNICAST = 1 };
enum { ORIGIN_OTHER = 1 };
enum { STATUS_PREFERRED = 1, STATUS_INACCESSIBLE = 4, STATUS_UNKNOWN };
enum { ROW_STATUS_ACTIVE = 1 };
enum { STORAGE_VOLATILE = 2 };

static const uint32_t prefix[] = { 1, 3, 6, 1, 2, 1, 4, 34, 1 };
static const uint32_t columns[] = {
	IP_ADDRESS_IF_INDEX,     IP_ADDRESS_TYPE,       IP_ADDRESS_PREFIX,
	IP_ADDRESS_ORIGIN,       IP_ADDRESS_STATUS,     IP_ADDRESS_CREATED,
	IP_ADDRESS_LAST_CHANGED, IP_ADDRESS_ROW_STATUS, IP_ADDRESS_STORAGE_TYPE,
};

static size_t rows(const void *data)
{
	return ((const struct mib_data *)data)->snap->n_held;
}

static const struct snap_address *address(const struct mib_data *d, size_t row)
{
	return &d->snap->addresses[d->snap->held[row]];
}

/* InetAddressType and InetAddress (RFC 4001). */
static size_t put_address(const struct addr *a, uint32_t *sub)
{
	size_t n = addr_octets(a->family);

	sub[0] = a->family == ADDR_V4 ? 1 : 2;
	sub[1] = (uint32_t)n;
	for (size_t i = 0; i < n; i++)
		sub[2 + i] = a->bytes[i];
	return n + 2;
}

static size_t row_index(const void *data, size_t row, uint32_t *sub)
{
	return put_address(&address(data, row)->addr, sub);
}

/* The name of ipAddressPrefixOrigin in the row of the address alone. Pollers take the length from
 * its end; the table itself would say nothing more. */
static void set_prefix(struct smi_value *v, const struct addr *a, uint32_t ifindex)
{
	static const uint32_t origin[] = { 1, 3, 6, 1, 2, 1, 4, 32, 1, 5 };
	size_t n = ARRAY_LEN(origin);

	memcpy(v->sub, origin, sizeof(origin));
	v->sub[n++] = ifindex;
	n += put_address(a, v->sub + n);
	v->sub[n++] = (uint32_t)addr_octets(a->family) * 8;
	mib_set_oid(v, v->sub, n);
}

static int32_t status_of(const struct snap_container *c)
{
	switch (c->run) {
	case INV_RUN_RUNNING:
		return STATUS_PREFERRED;
	case INV_RUN_UNKNOWN:
		return STATUS_UNKNOWN;
	default:
		return STATUS_INACCESSIBLE;
	}
}

static bool cell(const void *data, size_t row, uint32_t column, struct smi_value *ret)
{
	const struct mib_data *d = data;
	const struct snap_address *a = address(d, row);
	const struct snap_container *c = &d->snap->containers[a->container];

	switch (column) {
	case IP_ADDRESS_IF_INDEX:
		mib_set_integer(ret, (int32_t)c->ifindex);
		return true;
	case IP_ADDRESS_TYPE:
		mib_set_integer(ret, TYPE_UNICAST);
		return true;
	case IP_ADDRESS_PREFIX:
		set_prefix(ret, &a->addr, c->ifindex);
		return true;
	case IP_ADDRESS_ORIGIN:
		mib_set_integer(ret, ORIGIN_OTHER);
		return true;
	case IP_ADDRESS_STATUS:
		mib_set_integer(ret, status_of(c));
		return true;
	case IP_ADDRESS_CREATED:
	case IP_ADDRESS_LAST_CHANGED:
		mib_set_timestamp(ret, d, 0); /* before the master started, or unknown */
		return true;
	case IP_ADDRESS_ROW_STATUS:
		mib_set_integer(ret, ROW_STATUS_ACTIVE);
		return true;
	case IP_ADDRESS_STORAGE_TYPE:
		mib_set_integer(ret, STORAGE_VOLATILE);
		return true;
	default:
		return false;
	}
}

const struct oidtab mib_ipaddress_table = {
	.prefix = prefix,
	.prefix_len = ARRAY_LEN(prefix),
	.columns = columns,
	.n_columns = ARRAY_LEN(columns),
	.rows = rows,
	.index = row_index,
	.cell = cell,
};
