/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What ax_response writes is what net-snmp's own builder writes. */
#include "agentx/ax_response.h"
#include "base/xalloc.h"
#include "seed.h"

#include <check.h>
#include <errno.h>

int agentx_realloc_build(netsnmp_session *session, netsnmp_pdu *pdu, u_char **buf, size_t *buf_len,
			 size_t *out_len);

#define CODEC_VERSION 0xc1
#define ROUNDS 20000

static const u_char types[] = { ASN_INTEGER,       ASN_OCTET_STR,       ASN_NULL,
				ASN_OBJECT_ID,     ASN_IPADDRESS,       ASN_COUNTER,
				ASN_GAUGE,         ASN_TIMETICKS,       ASN_COUNTER64,
				SNMP_NOSUCHOBJECT, SNMP_NOSUCHINSTANCE, SNMP_ENDOFMIBVIEW };

/* Often below 1.3.6.1.n, n any number, and often shorter. */
static size_t random_oid(uint64_t *random, oid *ret)
{
	static const oid internet[] = { 1, 3, 6, 1 };
	size_t len = next_random(random) % (next_random(random) % 8 ? 12 : OID_MAX + 1);

	for (size_t i = 0; i < len; i++) {
		ret[i] = next_random(random) % 3 ? next_random(random) % 300
						 : (uint32_t)next_random(random);
		if (i < ARRAY_LEN(internet) && len % 5)
			ret[i] = internet[i];
	}
	return len;
}

static void add_random_var(uint64_t *random, netsnmp_pdu *pdu)
{
	u_char type = types[next_random(random) % ARRAY_LEN(types)];
	oid name[OID_MAX], value[OID_MAX];
	size_t name_len = random_oid(random, name), len = 0;
	uint8_t octets[300];
	struct counter64 c64 = { .high = (uint32_t)next_random(random),
				 .low = (uint32_t)next_random(random) };
	long integer = (int32_t)next_random(random);
	const void *data = octets;

	for (size_t i = 0; i < sizeof(octets); i++)
		octets[i] = (uint8_t)next_random(random);
	if (type == ASN_OCTET_STR) {
		len = next_random(random) % sizeof(octets);
	} else if (type == ASN_IPADDRESS) {
		len = 4;
	} else if (type == ASN_COUNTER64) {
		data = &c64;
		len = sizeof(c64);
	} else if (type == ASN_OBJECT_ID) {
		data = value;
		len = random_oid(random, value) * sizeof(oid);
	} else if (type == ASN_INTEGER || (type >= ASN_COUNTER && type <= ASN_TIMETICKS)) {
		data = &integer;
		len = sizeof(integer);
	}
	ck_assert_ptr_nonnull(snmp_pdu_add_variable(pdu, name, name_len, type, data, len));
}

static netsnmp_pdu *random_response(uint64_t *random)
{
	netsnmp_pdu *pdu = snmp_pdu_create(AX_RESPONSE);

	pdu->version = CODEC_VERSION;
	pdu->flags = next_random(random) % 2 ? AX_FLAG_NETWORK_ORDER : 0;
	pdu->sessid = (uint32_t)next_random(random);
	pdu->transid = (uint32_t)next_random(random);
	pdu->reqid = (uint32_t)next_random(random);
	pdu->time = (uint32_t)next_random(random);
	pdu->errstat = (uint16_t)next_random(random);
	pdu->errindex = (uint16_t)next_random(random);
	for (uint64_t n = next_random(random) % 6; n; n--)
		add_random_var(random, pdu);
	return pdu;
}

/* net-snmp sets `include` of an OID that is a value; it means something in search ranges only. */
static void clear_includes(const netsnmp_pdu *pdu, uint8_t *octets)
{
	for (const netsnmp_variable_list *v = pdu->variables; v; v = v->next_variable) {
		netsnmp_variable_list name = *v;

		name.type = ASN_NULL;
		if (v->type == ASN_OBJECT_ID)
			octets[ax_var_octets(&name) + 2] = 0;
		octets += ax_var_octets(v);
	}
}

START_TEST(response_write_random_is_what_net_snmp_builds)
{
	uint64_t random = seed_random("response_write_random");
	netsnmp_session session = { .version = CODEC_VERSION };
	uint8_t *ours = NULL;
	size_t cap = 0;

	for (int i = 0; i < ROUNDS; i++) {
		netsnmp_pdu *pdu = random_response(&random);
		size_t n = 0, theirs_cap = 0, theirs_n = 0;
		u_char *theirs = NULL;

		ck_assert_int_eq(agentx_realloc_build(&session, pdu, &theirs, &theirs_cap,
						      &theirs_n),
				 0);
		ck_assert_int_eq(ax_response_write(pdu, &ours, &cap, &n), 0);
		ck_assert_uint_eq(n, theirs_n);
		clear_includes(pdu, theirs + AX_RESPONSE_FIXED_OCTETS);
		ck_assert_mem_eq(ours, theirs, n);
		free(theirs);
		snmp_free_pdu(pdu);
	}
	free(ours);
}
END_TEST

START_TEST(response_write_too_long_is_refused_whole)
{
	static const uint8_t text[AX_PDU_MAX];
	const oid name[] = { 1, 3, 6, 1, 4, 1, 99 };
	size_t fits = AX_PDU_MAX - AX_RESPONSE_FIXED_OCTETS - (4 + 4 + 2 * 4 + 4), cap = 0, n = 77;
	uint8_t *buf = NULL;

	for (size_t over = 0; over <= 1; over++) {
		netsnmp_pdu *pdu = snmp_pdu_create(AX_RESPONSE);

		snmp_pdu_add_variable(pdu, name, ARRAY_LEN(name), ASN_OCTET_STR, text, fits + over);
		ck_assert_int_eq(ax_response_write(pdu, &buf, &cap, &n), over ? -EMSGSIZE : 0);
		ck_assert_uint_eq(n, AX_PDU_MAX);
		snmp_free_pdu(pdu);
	}
	free(buf);
}
END_TEST

START_TEST(response_write_unknown_type_is_refused)
{
	const oid name[] = { 1, 3 };
	netsnmp_pdu *pdu = snmp_pdu_create(AX_RESPONSE);
	size_t cap = 0, n = 77;
	uint8_t *buf = NULL;

	snmp_pdu_add_variable(pdu, name, ARRAY_LEN(name), ASN_NULL, NULL, 0);
	pdu->variables->type = ASN_BIT_STR;
	ck_assert_int_eq(ax_response_write(pdu, &buf, &cap, &n), -EINVAL);
	ck_assert_uint_eq(n, 77);
	snmp_free_pdu(pdu);
	free(buf);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ax_response");
	TCase *tc = tcase_create("ax_response");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, response_write_random_is_what_net_snmp_builds);
	tcase_add_test(tc, response_write_too_long_is_refused_whole);
	tcase_add_test(tc, response_write_unknown_type_is_refused);
	suite_add_tcase(s, tc);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
