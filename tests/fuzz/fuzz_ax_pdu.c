/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One AgentX PDU from a master: parsed, answered, and the answer parsed again. */
#include "agentx/ax_codec.h"
#include "fuzz.h"

/* Every other varbind gets a value, the others an exception. */
static void fill(netsnmp_pdu *pdu)
{
	static const struct smi_value number = { .type = SMI_COUNTER64, .u.u64 = UINT64_MAX };
	struct oid name, end;
	unsigned n = 0;

	for (netsnmp_variable_list *v = pdu->variables; v; v = v->next_variable) {
		if (!ax_var_name(v, &name) || !ax_var_end(v, &end))
			continue;
		REQUIRE(name.len <= OID_MAX && end.len <= OID_MAX);
		if (n++ % 2)
			ax_var_set_exception(v, OIDTAB_END);
		else
			ax_var_set_value(v, &number);
	}
}

static void answer(struct ax_codec *codec, netsnmp_pdu *pdu)
{
	const uint8_t *octets;
	uint8_t *copy;
	netsnmp_pdu *again;
	size_t len;

	fill(pdu);
	ax_pdu_respond(pdu, AX_NO_ERROR, 0);
	if (ax_codec_build(codec, pdu, &octets, &len) < 0)
		return;
	REQUIRE(len >= AX_HEADER_OCTETS && len <= AX_PDU_MAX);
	copy = fuzz_octets(octets, len);
	again = ax_codec_parse(codec, copy, len);
	REQUIRE(again && again->command == AX_RESPONSE);
	/* net-snmp's parser extends the sign of what is an unsigned number. */
	REQUIRE((uint32_t)again->transid == (uint32_t)pdu->transid);
	snmp_free_pdu(again);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct ax_codec *codec = ax_codec_new();
	uint8_t *octets = fuzz_octets(data, len);
	netsnmp_pdu *pdu = ax_codec_parse(codec, octets, len);
	const char *context;

	if (pdu) {
		ax_pdu_context(pdu, &context);
		if (octets[1] >= AX_GET && octets[1] <= AX_GETBULK)
			answer(codec, pdu);
		ax_codec_release(codec, pdu);
	}
	ax_codec_free(codec);
	free(octets);
	return 0;
}
