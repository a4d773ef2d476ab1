/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_SMI_TEXT_H
#define CTM_SMI_TEXT_H

/* A value as text, for expectations: octets as they are when printable, else as 0x and hex. */

#include "mib/oidtab.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SMI_TEXT_SIZE 600

static inline const char *smi_text(const struct smi_value *v, char buf[SMI_TEXT_SIZE])
{
	const uint8_t *octets = v->u.octets.data;
	bool printable = true;

	switch (v->type) {
	case SMI_INTEGER:
		snprintf(buf, SMI_TEXT_SIZE, "%" PRId32, v->u.integer);
		return buf;
	case SMI_COUNTER32:
	case SMI_GAUGE32:
	case SMI_TIMETICKS:
		snprintf(buf, SMI_TEXT_SIZE, "%" PRIu32, v->u.u32);
		return buf;
	case SMI_COUNTER64:
		snprintf(buf, SMI_TEXT_SIZE, "%" PRIu64, v->u.u64);
		return buf;
	case SMI_IPADDRESS:
		snprintf(buf, SMI_TEXT_SIZE, "%u.%u.%u.%u", octets[0], octets[1], octets[2],
			 octets[3]);
		return buf;
	case SMI_OID:
		buf[0] = '\0';
		for (size_t i = 0; i < v->u.oid.len; i++)
			sprintf(buf + strlen(buf), i ? ".%" PRIu32 : "%" PRIu32, v->u.oid.sub[i]);
		return buf;
	case SMI_OCTETS:
		break;
	default:
		return "unexpected type";
	}
	for (size_t i = 0; i < v->u.octets.len; i++)
		printable = printable && octets[i] >= 0x20 && octets[i] < 0x7f;
	if (printable) {
		memcpy(buf, octets, v->u.octets.len);
		buf[v->u.octets.len] = '\0';
		return buf;
	}
	strcpy(buf, "0x");
	for (size_t i = 0; i < v->u.octets.len; i++)
		sprintf(buf + 2 + 2 * i, "%02x", octets[i]);
	return buf;
}

#endif
