/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The system group of the switch view (RFC 3418). A context has no system group unless a subagent
 * serves one, and monitoring systems want it from every device. */
#include "mib/mib_if.h"
#include "version.h"

#include "base/xalloc.h"

#include <stdio.h>

enum sys_column {
	SYS_DESCR = 1,
	SYS_OBJECT_ID,
	SYS_UP_TIME,
	SYS_CONTACT,
	SYS_NAME,
	SYS_LOCATION,
	SYS_SERVICES,
};

#define SERVICES_INTERNET 4 /* IP is what we count */

static const uint32_t prefix[] = { 1, 3, 6, 1, 2, 1, 1 };
static const uint32_t columns[] = {
	SYS_DESCR, SYS_OBJECT_ID, SYS_UP_TIME, SYS_CONTACT, SYS_NAME, SYS_LOCATION, SYS_SERVICES,
};
static const uint32_t object_id[] = { CTM_BASE_OID, 3, 1 }; /* ctmSwitchView */

static void set_description(struct smi_value *v, const struct snap *snap)
{
	char framing[64] = "";

	if (snap->port_framing)
		snprintf(framing, sizeof(framing), ", each with %u octets of framing",
			 snap->port_framing);
	mib_set_text_upto(v,
			  snap->port_view == PORT_VIEW_SWITCH
				  ? "ctmeter " CTM_VERSION ": the containers of a node as ports; "
				    "In is from the container, Out is to it; octets of IP packets"
				  : "ctmeter " CTM_VERSION ": the containers of a node as ports; "
				    "In is to the container, Out is from it; octets of IP packets",
			  framing, MIB_TEXT_MAX);
}

static bool cell(const void *data, size_t row, uint32_t column, struct smi_value *ret)
{
	const struct mib_data *d = data;

	(void)row;
	switch (column) {
	case SYS_DESCR:
		set_description(ret, d->snap);
		return true;
	case SYS_OBJECT_ID:
		mib_set_oid(ret, object_id, ARRAY_LEN(object_id));
		return true;
	case SYS_UP_TIME:
		mib_set_uptime(ret, d);
		return true;
	case SYS_NAME:
		mib_set_text(ret, d->switch_name);
		return true;
	case SYS_CONTACT:
		mib_set_text(ret, d->switch_contact);
		return true;
	case SYS_LOCATION:
		mib_set_text(ret, d->switch_location);
		return true;
	case SYS_SERVICES:
		mib_set_integer(ret, SERVICES_INTERNET);
		return true;
	default:
		return false;
	}
}

const struct oidtab mib_sys_scalars = {
	.prefix = prefix,
	.prefix_len = ARRAY_LEN(prefix),
	.columns = columns,
	.n_columns = ARRAY_LEN(columns),
	.rows = mib_scalar_rows,
	.index = mib_scalar_index,
	.cell = cell,
};
