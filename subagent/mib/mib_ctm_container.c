/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ctmContainerTable: one row for each container of the snapshot, INDEX { ctmContainerId }. */
#include "mib/mib_ctm.h"
#include "version.h"

#include "base/xalloc.h"

static const uint32_t prefix[] = { CTM_BASE_OID, 1, 2, 1 };
static const uint32_t columns[] = { 2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14,
				    15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26 };

static size_t rows(const void *data)
{
	return ((const struct mib_data *)data)->snap->n_containers;
}

static size_t row_index(const void *data, size_t row, uint32_t *sub)
{
	const struct mib_data *d = data;

	return mib_ctm_index_id(d->snap->containers[row].id, sub);
}

/* The billing period: a hole while there is none. */
static bool bill_cell(const struct mib_data *d, const struct snap_bill *b, uint32_t column,
		      struct smi_value *ret)
{
	if (!d->snap->period_begin_s)
		return false;
	switch (column) {
	case CTM_CONTAINER_COL_PERIOD_START:
		mib_set_date(ret, d->snap->period_begin_s);
		return true;
	case CTM_CONTAINER_COL_PERIOD_IN_OCTETS:
		mib_set_counter64(ret, b->used.in);
		return true;
	case CTM_CONTAINER_COL_PERIOD_OUT_OCTETS:
		mib_set_counter64(ret, b->used.out);
		return true;
	case CTM_CONTAINER_COL_QUOTA_OCTETS:
		mib_set_counter64(ret, b->quota.octets);
		return true;
	default:
		mib_set_integer(ret, (int32_t)b->state);
		return true;
	}
}

static bool cell(const void *data, size_t row, uint32_t column, struct smi_value *ret)
{
	const struct mib_data *d = data;
	const struct snap_container *c = &d->snap->containers[row];

	switch (column) {
	case CTM_CONTAINER_COL_ID_TEXT:
		mib_set_text(ret, c->id);
		return true;
	case CTM_CONTAINER_COL_NAME:
		mib_set_text(ret, c->name);
		return true;
	case CTM_CONTAINER_COL_IFINDEX:
		mib_set_integer(ret, (int32_t)c->ifindex);
		return true;
	case CTM_CONTAINER_COL_ADDRESS_COUNT:
		mib_set_gauge32(ret, c->n_addresses);
		return true;
	case CTM_CONTAINER_COL_RUN_STATE:
		mib_set_integer(ret, (int32_t)c->run);
		return true;
	case CTM_CONTAINER_COL_RUNTIME:
		mib_set_text(ret, c->runtime ? c->runtime : "");
		return true;
	case CTM_CONTAINER_COL_RUNTIME_ID:
		mib_set_text(ret, c->runtime_id ? c->runtime_id : "");
		return true;
	default:
		if (column >= CTM_CONTAINER_COL_PERIOD_START)
			return bill_cell(d, &c->bill, column, ret);
		return mib_ctm_totals_cell(d, &c->totals, column, ret);
	}
}

const struct oidtab mib_ctm_containers = {
	.prefix = prefix,
	.prefix_len = ARRAY_LEN(prefix),
	.columns = columns,
	.n_columns = ARRAY_LEN(columns),
	.rows = rows,
	.index = row_index,
	.cell = cell,
};
