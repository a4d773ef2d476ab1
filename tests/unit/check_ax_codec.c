/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agentx/ax_request.h"
#include "agentx/ax_response.h"
#include "ax_master.h"
#include "base/xalloc.h"
#include "seed.h"

#include <check.h>

/* Set a header's payload length to the n octets that follow it, in its byte order. */
static void set_payload(uint8_t *octets, size_t n)
{
	bool network_order = octets[2] & AX_FLAG_NETWORK_ORDER;

	memset(octets + 16, 0, 4);
	octets[network_order ? 19 : 16] = (uint8_t)n;
	octets[network_order ? 18 : 17] = (uint8_t)(n >> 8);
	octets[network_order ? 17 : 18] = (uint8_t)(n >> 16);
}

START_TEST(header_read_in_both_byte_orders_agrees)
{
	static const uint8_t network[AX_HEADER_OCTETS] = { 1, 6, 0x18, 0, 1, 2, 3, 4,    5, 6,
							   7, 8, 0xff, 0, 0, 0, 0, 0x12, 0, 4 };
	static const uint8_t little[AX_HEADER_OCTETS] = { 1, 6, 0x08, 0, 4, 3,    2, 1, 8,    7,
							  6, 5, 0,    0, 0, 0xff, 4, 0, 0x12, 0 };
	struct ax_header a, b;

	ax_header_read(network, &a);
	ax_header_read(little, &b);
	ck_assert_uint_eq(a.flags, 0x18);
	ck_assert_uint_eq(b.flags, 0x08);
	for (const struct ax_header *h = &a; h; h = h == &a ? &b : NULL) {
		ck_assert_uint_eq(h->version, 1);
		ck_assert_uint_eq(h->type, AX_GETNEXT);
		ck_assert_uint_eq(h->session, 0x01020304);
		ck_assert_uint_eq(h->transaction, 0x05060708);
		ck_assert_uint_eq(h->packet, 0xff000000);
		ck_assert_uint_eq(h->payload, 0x120004);
	}
}
END_TEST

/* Cut at any octet a request fails to parse, except behind its context: that is whole. */
START_TEST(parse_of_cut_pdus_fails)
{
	struct ax_codec *codec = ax_codec_new();
	netsnmp_pdu *r = request_new(AX_GETNEXT, 1, 1, "other");
	uint8_t *octets, *cut;
	size_t len;

	request_add(r, "1.3.6.1.4.1.99.1.5", false, "1.3.6.1.4.1.99.2.1");
	octets = pdu_octets(codec, r, &len);
	for (size_t n = 0; n <= len; n++) {
		bool whole = n == len || n == AX_HEADER_OCTETS + 12;

		cut = xmalloc(n); /* of just that size, so that reading past it shows */
		memcpy(cut, octets, n);
		if (n >= AX_HEADER_OCTETS)
			set_payload(cut, n - AX_HEADER_OCTETS);
		r = ax_codec_parse(codec, cut, n);
		ck_assert_msg(!r == !whole, "cut at %zu of %zu", n, len);
		snmp_free_pdu(r);
		free(cut);
	}
	free(octets);
	ax_codec_free(codec);
}
END_TEST

/* 128 sub-identifiers are the most (RFC 2741 s5.1), those that a prefix stands for included. */
START_TEST(parse_of_an_oid_too_long_fails)
{
	struct ax_codec *codec = ax_codec_new();

	for (int n = OID_MAX; n <= OID_MAX + 1; n++) {
		char text[2 * 200 + 32] = "1.3.6.1.4";

		for (int i = 5; i < n; i++)
			strcat(text, ".1");
		for (int type = AX_GET; type <= AX_GETBULK; type++) {
			netsnmp_pdu *r = request_new(type, (uint32_t)type, 1, NULL);
			uint8_t *octets;
			size_t len;

			if (type == AX_GETBULK)
				r->max_repetitions = 2;
			request_add(r, text, false, "");
			octets = pdu_octets(codec, r, &len);
			r = ax_codec_parse(codec, octets, len);
			ck_assert_int_eq(r == NULL, n > OID_MAX);
			snmp_free_pdu(r);
			free(octets);
		}
	}
	ax_codec_free(codec);
}
END_TEST

START_TEST(parse_of_a_pdu_without_its_fixed_part_fails)
{
	static const struct {
		uint8_t type;
		size_t needs;
	} cases[] = { { AX_GETBULK, 4 }, { AX_RESPONSE, 8 } };
	struct ax_codec *codec = ax_codec_new();

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		size_t len = AX_HEADER_OCTETS + cases[i].needs - 4;
		uint8_t *octets = xcalloc(1, len);

		octets[0] = AX_VERSION;
		octets[1] = cases[i].type;
		set_payload(octets, len - AX_HEADER_OCTETS);
		ck_assert_ptr_null(ax_codec_parse(codec, octets, len));
		free(octets);
	}
	ax_codec_free(codec);
}
END_TEST

START_TEST(parse_of_what_only_subagents_send_fails)
{
	struct ax_codec *codec = ax_codec_new();
	uint8_t octets[AX_HEADER_OCTETS + 68] = { AX_VERSION };

	for (int type = 0; type < 256; type++) {
		bool known = (type >= AX_GET && type <= AX_CLEANUPSET) || type == AX_RESPONSE;
		size_t payload =
			type == AX_GETBULK ? 68 : 64; /* ranges of null OIDs, 8 octets each */
		netsnmp_pdu *pdu;

		octets[1] = (uint8_t)type;
		set_payload(octets, payload);
		pdu = ax_codec_parse(codec, octets, AX_HEADER_OCTETS + payload);
		ck_assert_int_eq(pdu != NULL, known);
		snmp_free_pdu(pdu);
	}
	ax_codec_free(codec);
}
END_TEST

/* A Response says the same in both byte orders, whatever its varbinds are. */
START_TEST(parse_of_a_response_tells_its_fixed_part)
{
	static const uint8_t network[] = {
		1, 18, 0x10, 0,  0, 0, 0, 7, 0, 0, 0, 8, 0, 0, 0,    9,
		0, 0,  0,    12, 1, 2, 3, 4, 1, 7, 2, 3, 0, 4, 0xff, 0xff
	};
	static const uint8_t little[] = { 1,  18, 0, 0, 7, 0, 0, 0, 8, 0, 0, 0, 9, 0, 0,    0,
					  12, 0,  0, 0, 4, 3, 2, 1, 7, 1, 3, 2, 4, 0, 0xff, 0xff };
	struct ax_codec *codec = ax_codec_new();

	for (const uint8_t *octets = network; octets; octets = octets == network ? little : NULL) {
		netsnmp_pdu *pdu = ax_codec_parse(codec, octets, sizeof(network));

		ck_assert_ptr_nonnull(pdu);
		ck_assert_int_eq(pdu->command, AX_RESPONSE);
		ck_assert_int_eq(pdu->sessid, 7);
		ck_assert_int_eq(pdu->transid, 8);
		ck_assert_int_eq(pdu->reqid, 9);
		ck_assert_uint_eq(pdu->time, 0x01020304);
		ck_assert_int_eq(pdu->errstat, 0x0107);
		ck_assert_int_eq(pdu->errindex, 0x0203);
		ck_assert_ptr_null(pdu->variables);
		snmp_free_pdu(pdu);
	}
	ax_codec_free(codec);
}
END_TEST

START_TEST(parse_of_random_octets_does_no_harm)
{
	uint64_t random = seed_random("parse_of_random_octets");
	struct ax_codec *codec = ax_codec_new();
	const uint8_t *built;
	unsigned parsed = 0;
	size_t n;

	for (int round = 0; round < 20000; round++) {
		size_t len = AX_HEADER_OCTETS + next_random(&random) % 16 * 4;
		uint8_t *octets = xmalloc(len);
		netsnmp_pdu *pdu;

		for (size_t i = 0; i < len; i++)
			octets[i] = (uint8_t)(next_random(&random) % 3 ? next_random(&random) % 6
								       : next_random(&random));
		octets[0] = AX_VERSION;
		octets[1] = (uint8_t)(next_random(&random) % 20);
		octets[2] = next_random(&random) % 2 ? AX_FLAG_NETWORK_ORDER : 0;
		octets[2] |= next_random(&random) % 4 ? 0 : AX_FLAG_CONTEXT;
		set_payload(octets, len - AX_HEADER_OCTETS);
		pdu = ax_codec_parse(codec, octets, len);
		parsed += pdu != NULL;
		if (pdu && ax_request_is_read((uint8_t)pdu->command)) {
			ax_pdu_respond(pdu, AX_NO_ERROR, 0);
			(void)ax_codec_build(codec, pdu, &built, &n);
		}
		snmp_free_pdu(pdu);
		free(octets);
	}
	ck_assert_uint_gt(parsed, 1000); /* or it tested nothing */
	ax_codec_free(codec);
}
END_TEST

/* `n` octets of value make a Response of 20 + 8 + 4 + 12 + 4 + n octets. */
static int build_octets(struct ax_codec *codec, size_t n, size_t *ret_len)
{
	netsnmp_pdu *pdu = request_new(AX_RESPONSE, 1, 1, NULL);
	const struct oid name = { { 1, 3, 6, 1, 4, 1, 99 }, 7 };
	struct smi_value value = { .type = SMI_OCTETS };
	const uint8_t *octets;
	uint8_t *data = xcalloc(1, n);
	int rc;

	value.u.octets.data = data;
	value.u.octets.len = n;
	snmp_varlist_add_variable(&pdu->variables, NULL, 0, ASN_NULL, NULL, 0);
	ax_var_set_name(pdu->variables, &name);
	ax_var_set_value(pdu->variables, &value);
	ck_assert_uint_eq(ax_var_octets(pdu->variables), 4 + 12 + 4 + n);
	rc = ax_codec_build(codec, pdu, &octets, ret_len);
	snmp_free_pdu(pdu);
	free(data);
	return rc;
}

START_TEST(build_of_more_than_the_limit_fails)
{
	struct ax_codec *codec = ax_codec_new();
	size_t len = 0;

	ck_assert_int_eq(build_octets(codec, AX_PDU_MAX - 48, &len), 0);
	ck_assert_uint_eq(len, AX_PDU_MAX);
	ck_assert_int_eq(build_octets(codec, AX_PDU_MAX - 44, &len), -EMSGSIZE);
	ck_assert_uint_eq(len, AX_PDU_MAX);
	ck_assert_int_eq(build_octets(codec, 8, &len), 0);
	ck_assert_uint_eq(len, 56);
	ax_codec_free(codec);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ax_codec");
	TCase *t = tcase_create("codec");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_test(t, header_read_in_both_byte_orders_agrees);
	tcase_add_test(t, parse_of_cut_pdus_fails);
	tcase_add_test(t, parse_of_an_oid_too_long_fails);
	tcase_add_test(t, parse_of_a_pdu_without_its_fixed_part_fails);
	tcase_add_test(t, parse_of_what_only_subagents_send_fails);
	tcase_add_test(t, parse_of_a_response_tells_its_fixed_part);
	tcase_add_test(t, parse_of_random_octets_does_no_harm);
	tcase_add_test(t, build_of_more_than_the_limit_fails);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
