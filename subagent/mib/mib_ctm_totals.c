/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared by address rows and container rows: the id in the index, and columns 6 to 18. */
#include "mib/mib_ctm.h"

#include <assert.h>
#include <string.h>

/* In the order of the columns from CTM_COL_IN_OCTETS on. */
static const struct {
	enum path path;
	bool pkts;
} counter_columns[] = {
	{ PATH_FWD_IN, false }, { PATH_FWD_OUT, false }, { PATH_FWD_IN, true },
	{ PATH_FWD_OUT, true }, { PATH_NODE_IN, false }, { PATH_NODE_OUT, false },
	{ PATH_NODE_IN, true }, { PATH_NODE_OUT, true },
};

size_t mib_ctm_index_id(const char *id, uint32_t *sub)
{
	size_t n = strlen(id);

	assert(n >= 1 && n <= INV_ID_MAX);
	sub[0] = (uint32_t)n;
	for (size_t i = 0; i < n; i++)
		sub[1 + i] = (uint8_t)id[i];
	return 1 + n;
}

static bool counter_cell(const struct mib_data *d, const struct snap_totals *t, uint32_t column,
			 struct smi_value *ret)
{
	enum path path = counter_columns[column - CTM_COL_IN_OCTETS].path;
	const struct counters *c = &t->path[path];

	if (!snap_tells(d->snap, t, path))
		return false;
	mib_set_counter64(ret,
			  counter_columns[column - CTM_COL_IN_OCTETS].pkts ? c->pkts : c->octets);
	return true;
}

bool mib_ctm_totals_cell(const struct mib_data *d, const struct snap_totals *t, uint32_t column,
			 struct smi_value *ret)
{
	if (column >= CTM_COL_IN_OCTETS && column <= CTM_COL_NODE_OUT_PKTS)
		return counter_cell(d, t, column, ret);
	switch (column) {
	case CTM_COL_STATUS:
		mib_set_integer(ret, (int32_t)t->status);
		return true;
	case CTM_COL_COUNTING_SINCE:
		mib_set_date(ret, t->since_wall_s);
		return true;
	case CTM_COL_DISCONTINUITY_TIME:
		mib_set_timestamp(ret, d, t->discontinuity_ns);
		return true;
	case CTM_COL_DISCONTINUITIES:
		mib_set_counter32(ret, t->discontinuities);
		return true;
	case CTM_COL_LAST_DISCONTINUITY:
		mib_set_date(ret, t->discontinuity_wall_s);
		return true;
	default:
		return false;
	}
}
