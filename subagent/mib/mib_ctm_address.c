/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ctmAddressTable: one row for each (container, address) pair of the snapshot,
 * INDEX { ctmContainerId, ctmAddressType, ctmAddress }. */
#include "mib/mib_ctm.h"
#include "version.h"

#include "base/xalloc.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static const uint32_t prefix[] = { CTM_BASE_OID, 1, 3, 1 };
static const uint32_t columns[] = {
	3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20
};

static size_t rows(const void *data)
{
	return ((const struct mib_data *)data)->snap->n_addresses;
}

static const char *container_id(const struct mib_data *d, const struct snap_address *a)
{
	return d->snap->containers[a->container].id;
}

static size_t row_index(const void *data, size_t row, uint32_t *sub)
{
	const struct mib_data *d = data;
	const struct snap_address *a = &d->snap->addresses[row];
	size_t n = mib_ctm_index_id(container_id(d, a), sub);
	size_t octets = addr_octets(a->addr.family);

	sub[n++] = a->addr.family + 1u; /* InetAddressType: ipv4(1), ipv6(2) */
	sub[n++] = (uint32_t)octets;
	for (size_t i = 0; i < octets; i++)
		sub[n++] = a->addr.bytes[i];
	return n;
}

static void set_label(struct smi_value *v, const char *id, const struct addr *a)
{
	char text[ADDR_TEXT_SIZE];
	int n = snprintf((char *)v->buf, sizeof(v->buf), "%s %s", id, addr_format(a, text));

	assert((size_t)n < sizeof(v->buf));
	mib_set_octets(v, v->buf, (size_t)n);
}

static void set_address(struct smi_value *v, const struct addr *a)
{
	char text[ADDR_TEXT_SIZE];
	size_t n = strlen(addr_format(a, text));

	memcpy(v->buf, text, n);
	mib_set_octets(v, v->buf, n);
}

static bool cell(const void *data, size_t row, uint32_t column, struct smi_value *ret)
{
	const struct mib_data *d = data;
	const struct snap_address *a = &d->snap->addresses[row];

	switch (column) {
	case CTM_ADDRESS_COL_LABEL:
		set_label(ret, container_id(d, a), &a->addr);
		return true;
	case CTM_ADDRESS_COL_TEXT:
		set_address(ret, &a->addr);
		return true;
	case CTM_ADDRESS_COL_CONTAINER_TEXT:
		mib_set_text(ret, container_id(d, a));
		return true;
	case CTM_ADDRESS_COL_LINK_NAME:
		mib_set_text(ret, a->link);
		return true;
	case CTM_ADDRESS_COL_STATUS_REASON:
		mib_set_text(ret, a->reason);
		return true;
	default:
		return mib_ctm_totals_cell(d, &a->totals, column, ret);
	}
}

const struct oidtab mib_ctm_addresses = {
	.prefix = prefix,
	.prefix_len = ARRAY_LEN(prefix),
	.columns = columns,
	.n_columns = ARRAY_LEN(columns),
	.rows = rows,
	.index = row_index,
	.cell = cell,
};
