/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_MIB_CTM_H
#define CTM_MIB_CTM_H

#include "mib/mib.h"

/* Shared by the tables of CTMETER-MIB only. */

/* Sub-identifiers of the scalars. */
enum ctm_scalar {
	CTM_SCALAR_VERSION = 1,
	CTM_SCALAR_BACKEND,
	CTM_SCALAR_CONTAINER_COUNT,
	CTM_SCALAR_ADDRESS_COUNT,
	CTM_SCALAR_TABLE_LAST_CHANGE,
	CTM_SCALAR_RULE_COUNT,
	CTM_SCALAR_SAMPLE_AGE,
	CTM_SCALAR_RULE_REPAIRS,
	CTM_SCALAR_INVENTORY_FAILURES,
	CTM_SCALAR_STALE_ANSWERS,
	CTM_SCALAR_STORE_STATE,
	CTM_SCALAR_ACCOUNTING_PROBLEM,
	CTM_SCALAR_SHIP_STATE,
};

/* The address table's own columns. */
enum ctm_address_column {
	CTM_ADDRESS_COL_LABEL = 3,
	CTM_ADDRESS_COL_TEXT,
	CTM_ADDRESS_COL_CONTAINER_TEXT,
	CTM_ADDRESS_COL_LINK_NAME = 19,
	CTM_ADDRESS_COL_STATUS_REASON,
};

/* The container table's own columns. */
enum ctm_container_column {
	CTM_CONTAINER_COL_ID_TEXT = 2,
	CTM_CONTAINER_COL_NAME,
	CTM_CONTAINER_COL_IFINDEX,
	CTM_CONTAINER_COL_ADDRESS_COUNT,
	CTM_CONTAINER_COL_RUN_STATE = 19,
	CTM_CONTAINER_COL_RUNTIME,
	CTM_CONTAINER_COL_RUNTIME_ID,
	CTM_CONTAINER_COL_PERIOD_START,
	CTM_CONTAINER_COL_PERIOD_IN_OCTETS,
	CTM_CONTAINER_COL_PERIOD_OUT_OCTETS,
	CTM_CONTAINER_COL_QUOTA_OCTETS,
	CTM_CONTAINER_COL_QUOTA_STATE,
};

/* Columns that mean the same in both tables. */
enum ctm_column {
	CTM_COL_IN_OCTETS = 6,
	CTM_COL_OUT_OCTETS,
	CTM_COL_IN_PKTS,
	CTM_COL_OUT_PKTS,
	CTM_COL_NODE_IN_OCTETS,
	CTM_COL_NODE_OUT_OCTETS,
	CTM_COL_NODE_IN_PKTS,
	CTM_COL_NODE_OUT_PKTS,
	CTM_COL_STATUS,
	CTM_COL_COUNTING_SINCE,
	CTM_COL_DISCONTINUITY_TIME,
	CTM_COL_DISCONTINUITIES,
	CTM_COL_LAST_DISCONTINUITY,
};

/* A cell of columns 6 to 18. A counter of something that is not counted and never was is a hole:
 * absent, never 0. Returns false for a hole and for any other column. */
bool mib_ctm_totals_cell(const struct mib_data *d, const struct snap_totals *t, uint32_t column,
			 struct smi_value *ret);

/* Append the id as a variable-length index element (RFC 2578 s7.7): its length, then its octets.
 * Returns the number of sub-identifiers written. */
size_t mib_ctm_index_id(const char *id, uint32_t *sub);

#endif
