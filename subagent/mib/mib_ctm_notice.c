/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The objects of each notification of CTMETER-MIB. */
#include "mib/mib_ctm.h"
#include "version.h"

#include "base/xalloc.h"

#include <assert.h>
#include <string.h>

static const uint32_t notifications[] = { CTM_BASE_OID, 0 };

struct object {
	const struct oidtab *tab; /* NULL: no more */
	uint32_t column;
};

#define ADDRESS_OBJECTS                                                         \
	{                                                                       \
		{ &mib_ctm_addresses, CTM_ADDRESS_COL_TEXT },                   \
			{ &mib_ctm_addresses, CTM_ADDRESS_COL_CONTAINER_TEXT }, \
			{ &mib_ctm_addresses, CTM_COL_STATUS },                 \
	}

/* The OBJECTS clauses of mibs/CTMETER-MIB.txt, in their order. */
static const struct object objects[NOTICE_KINDS][MIB_CTM_NOTICE_VARS] = {
	[NOTICE_CONFLICT] = ADDRESS_OBJECTS,
	[NOTICE_CONFLICT_CLEARED] = ADDRESS_OBJECTS,
	[NOTICE_RULES_REPAIRED] = { { &mib_ctm_scalars, CTM_SCALAR_RULE_COUNT },
				    { &mib_ctm_scalars, CTM_SCALAR_RULE_REPAIRS } },
	[NOTICE_INVENTORY_FAILED] = { { &mib_ctm_scalars, CTM_SCALAR_INVENTORY_FAILURES } },
	[NOTICE_INVENTORY_RECOVERED] = { { &mib_ctm_scalars, CTM_SCALAR_CONTAINER_COUNT },
					 { &mib_ctm_scalars, CTM_SCALAR_ADDRESS_COUNT } },
	[NOTICE_STORE_FAILED] = { { &mib_ctm_scalars, CTM_SCALAR_STORE_STATE } },
	[NOTICE_STORE_RECOVERED] = { { &mib_ctm_scalars, CTM_SCALAR_STORE_STATE } },
	/* No octets: what SNMPv1 cannot carry would keep the trap from its receivers. */
	[NOTICE_QUOTA_THRESHOLD] = { { &mib_ctm_containers, CTM_CONTAINER_COL_ID_TEXT },
				     { &mib_ctm_containers, CTM_CONTAINER_COL_NAME },
				     { &mib_ctm_containers, CTM_CONTAINER_COL_QUOTA_STATE } },
	[NOTICE_PERIOD_BEGAN] = { { &mib_ctm_scalars, CTM_SCALAR_CONTAINER_COUNT } },
	[NOTICE_SHIP_FAILED] = { { &mib_ctm_scalars, CTM_SCALAR_SHIP_STATE } },
	[NOTICE_SHIP_RECOVERED] = { { &mib_ctm_scalars, CTM_SCALAR_SHIP_STATE } },
};

static void set_oid(struct oid *o, const uint32_t *prefix, size_t len, uint32_t last)
{
	memcpy(o->sub, prefix, len * sizeof(*prefix));
	o->sub[len] = last;
	o->len = len + 1;
}

void mib_ctm_notification(const struct mib_data *d, const struct notice *what,
			  struct mib_notification *ret)
{
	set_oid(&ret->oid, notifications, ARRAY_LEN(notifications), what->kind);
	ret->n_vars = 0;
	for (size_t i = 0; i < MIB_CTM_NOTICE_VARS && objects[what->kind][i].tab; i++) {
		const struct object *object = &objects[what->kind][i];
		const struct oidtab *tab = object->tab;
		size_t row = tab == &mib_ctm_scalars ? 0 : what->row;
		struct oid *name = &ret->vars[i].name;
		enum oidtab_result result;

		set_oid(name, tab->prefix, tab->prefix_len, object->column);
		name->len += tab->index(d, row, name->sub + name->len);
		result = oidtab_view_get(&mib_ctm_view, d, name->sub, name->len,
					 &ret->vars[i].value);
		assert(result == OIDTAB_FOUND); /* no object here is ever a hole */
		(void)result;
		ret->n_vars++;
	}
}
