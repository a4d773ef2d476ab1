/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CTMETER-MIB in the default context: the scalars, and the view over all three tables. The
 * sub-identifiers are those of mibs/CTMETER-MIB.txt; check_mib compares the two. */
#include "mib/mib_ctm.h"
#include "version.h"

#include "base/xalloc.h"

enum store_state { STORE_OK = 1, STORE_FAILING };
static const int ship_states[] = {
	[SNAP_SHIP_OK] = 1,
	[SNAP_SHIP_FAILING] = 2,
	[SNAP_SHIP_OFF] = 3,
};

static const uint32_t scalars_root[] = { CTM_BASE_OID, 1, 1 };
static const uint32_t containers_root[] = { CTM_BASE_OID, 1, 2 };
static const uint32_t addresses_root[] = { CTM_BASE_OID, 1, 3 };

static const uint32_t scalars_columns[] = {
	CTM_SCALAR_VERSION,       CTM_SCALAR_BACKEND,           CTM_SCALAR_CONTAINER_COUNT,
	CTM_SCALAR_ADDRESS_COUNT, CTM_SCALAR_TABLE_LAST_CHANGE, CTM_SCALAR_RULE_COUNT,
	CTM_SCALAR_SAMPLE_AGE,    CTM_SCALAR_RULE_REPAIRS,      CTM_SCALAR_INVENTORY_FAILURES,
	CTM_SCALAR_STALE_ANSWERS, CTM_SCALAR_STORE_STATE,       CTM_SCALAR_ACCOUNTING_PROBLEM,
	CTM_SCALAR_SHIP_STATE,
};

static uint64_t sample_age_ms(const struct mib_data *d)
{
	return d->now_ns > d->snap->taken_ns ? (d->now_ns - d->snap->taken_ns) / 1000000 : 0;
}

static bool scalars_cell(const void *data, size_t row, uint32_t column, struct smi_value *ret)
{
	const struct mib_data *d = data;
	const struct snap *s = d->snap;

	(void)row;
	switch (column) {
	case CTM_SCALAR_VERSION:
		mib_set_text(ret, CTM_VERSION);
		return true;
	case CTM_SCALAR_BACKEND:
		mib_set_text(ret, s->backend);
		return true;
	case CTM_SCALAR_CONTAINER_COUNT:
		mib_set_gauge32(ret, s->n_containers);
		return true;
	case CTM_SCALAR_ADDRESS_COUNT:
		mib_set_gauge32(ret, s->n_addresses);
		return true;
	case CTM_SCALAR_TABLE_LAST_CHANGE:
		mib_set_timestamp(ret, d, s->last_change_ns);
		return true;
	case CTM_SCALAR_RULE_COUNT:
		mib_set_gauge32(ret, s->rules);
		return true;
	case CTM_SCALAR_SAMPLE_AGE:
		mib_set_gauge32(ret, sample_age_ms(d));
		return true;
	case CTM_SCALAR_RULE_REPAIRS:
		mib_set_counter32(ret, s->rule_repairs);
		return true;
	case CTM_SCALAR_INVENTORY_FAILURES:
		mib_set_counter32(ret, s->inventory_failures);
		return true;
	case CTM_SCALAR_STALE_ANSWERS:
		mib_set_counter32(ret, s->stale_answers);
		return true;
	case CTM_SCALAR_STORE_STATE:
		mib_set_integer(ret, s->store_failing ? STORE_FAILING : STORE_OK);
		return true;
	case CTM_SCALAR_ACCOUNTING_PROBLEM:
		mib_set_text(ret, s->problem);
		return true;
	case CTM_SCALAR_SHIP_STATE:
		mib_set_integer(ret, ship_states[s->ship]);
		return true;
	default:
		return false;
	}
}

const struct oidtab mib_ctm_scalars = {
	.prefix = scalars_root,
	.prefix_len = ARRAY_LEN(scalars_root),
	.columns = scalars_columns,
	.n_columns = ARRAY_LEN(scalars_columns),
	.rows = mib_scalar_rows,
	.index = mib_scalar_index,
	.cell = scalars_cell,
};

static const struct oidtab *const tabs[] = {
	&mib_ctm_scalars,
	&mib_ctm_containers,
	&mib_ctm_addresses,
};

const struct oidtab_view mib_ctm_view = { tabs, ARRAY_LEN(tabs) };

const struct mib_root mib_ctm_roots[MIB_CTM_ROOTS] = {
	{ scalars_root, ARRAY_LEN(scalars_root) },
	{ containers_root, ARRAY_LEN(containers_root) },
	{ addresses_root, ARRAY_LEN(addresses_root) },
};
