/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What ax_request reads is what net-snmp's own parser reads. */
#include "agentx/ax_request.h"
#include "base/xalloc.h"
#include "seed.h"

#include <check.h>

int agentx_realloc_build(netsnmp_session *session, netsnmp_pdu *pdu, u_char **buf, size_t *buf_len,
			 size_t *out_len);
int agentx_parse(netsnmp_session *session, netsnmp_pdu *pdu, u_char *data, size_t len);

#define CODEC_VERSION 0xc1
#define ROUNDS 20000

static netsnmp_session session = { .version = CODEC_VERSION };

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

static netsnmp_pdu *random_request(uint64_t *random)
{
	netsnmp_pdu *pdu = snmp_pdu_create((int)(AX_GET + next_random(random) % 3));
	oid start[OID_MAX], end[OID_MAX];

	pdu->version = CODEC_VERSION;
	pdu->flags = next_random(random) % 2 ? AX_FLAG_NETWORK_ORDER : 0;
	pdu->sessid = (uint32_t)next_random(random);
	pdu->transid = (uint32_t)next_random(random);
	pdu->reqid = (uint32_t)next_random(random);
	pdu->non_repeaters = next_random(random) % 65536;
	pdu->max_repetitions = next_random(random) % 65536;
	if (next_random(random) % 2) {
		pdu->flags |= AX_FLAG_CONTEXT;
		pdu->community_len = next_random(random) % 20;
		pdu->community = xcalloc(1, pdu->community_len + 1);
		for (size_t i = 0; i < pdu->community_len; i++)
			pdu->community[i] = (u_char)next_random(random);
	}
	for (uint64_t n = next_random(random) % 6; n; n--) {
		size_t start_len = random_oid(random, start), end_len = random_oid(random, end);

		snmp_pdu_add_variable(pdu, start, start_len,
				      next_random(random) % 2 ? ASN_PRIV_INCL_RANGE
							      : ASN_PRIV_EXCL_RANGE,
				      (u_char *)end, end_len * sizeof(oid));
	}
	return pdu;
}

/* net-snmp extends the sign of a sub-identifier; 32 bits are all there is to it. */
static void expect_same_oid(const oid *a, const oid *b, size_t len)
{
	for (size_t i = 0; i < len; i++)
		ck_assert_uint_eq((uint32_t)a[i], (uint32_t)b[i]);
}

static void expect_same(const netsnmp_pdu *ours, const netsnmp_pdu *theirs)
{
	const netsnmp_variable_list *a = ours->variables, *b = theirs->variables;

	ck_assert_int_eq(ours->command, theirs->command);
	ck_assert_uint_eq((uint32_t)ours->sessid, (uint32_t)theirs->sessid);
	ck_assert_uint_eq((uint32_t)ours->transid, (uint32_t)theirs->transid);
	ck_assert_uint_eq((uint32_t)ours->reqid, (uint32_t)theirs->reqid);
	ck_assert_int_eq(ours->flags & (AX_FLAG_CONTEXT | AX_FLAG_NETWORK_ORDER),
			 theirs->flags & (AX_FLAG_CONTEXT | AX_FLAG_NETWORK_ORDER));
	if (ours->command == AX_GETBULK) {
		ck_assert_int_eq(ours->non_repeaters, theirs->non_repeaters);
		ck_assert_int_eq(ours->max_repetitions, theirs->max_repetitions);
	}
	ck_assert_uint_eq(ours->community_len, theirs->community_len);
	if (ours->community_len)
		ck_assert_mem_eq(ours->community, theirs->community, ours->community_len);
	for (; a && b; a = a->next_variable, b = b->next_variable) {
		ck_assert_int_eq(a->type, b->type);
		ck_assert_uint_eq(a->name_length, b->name_length);
		expect_same_oid(a->name, b->name, a->name_length);
		ck_assert_uint_eq(a->val_len, b->val_len);
		expect_same_oid(a->val.objid, b->val.objid, a->val_len / sizeof(oid));
	}
	ck_assert(!a && !b);
}

static struct ax_spare spare;
static unsigned used_again;

/* Varbinds that were used for something else before are as good as new ones. */
static void release(netsnmp_pdu *pdu, uint64_t *random)
{
	if (next_random(random) % 2)
		ax_spare_keep(&spare, pdu);
	snmp_free_pdu(pdu);
}

static netsnmp_pdu *parse_ours(const uint8_t *octets, size_t len)
{
	size_t kept = spare.n;
	struct ax_header h;
	netsnmp_pdu *pdu;

	ax_header_read(octets, &h);
	pdu = snmp_pdu_create(h.type);
	if (ax_request_parse(pdu, &h, octets + AX_HEADER_OCTETS, len - AX_HEADER_OCTETS, &spare)) {
		used_again += spare.n < kept;
		return pdu;
	}
	snmp_free_pdu(pdu);
	return NULL;
}

static netsnmp_pdu *parse_theirs(uint8_t *octets, size_t len)
{
	netsnmp_pdu *pdu = snmp_pdu_create(octets[1]);

	if (agentx_parse(&session, pdu, octets, len) == SNMP_ERR_NOERROR)
		return pdu;
	snmp_free_pdu(pdu);
	return NULL;
}

START_TEST(request_parse_random_is_what_net_snmp_parses)
{
	uint64_t random = seed_random("request_parse_random");

	for (int i = 0; i < ROUNDS; i++) {
		netsnmp_pdu *pdu = random_request(&random), *ours, *theirs;
		size_t cap = 0, len = 0;
		uint8_t *octets = NULL;

		ck_assert_int_eq(agentx_realloc_build(&session, pdu, &octets, &cap, &len), 0);
		ours = parse_ours(octets, len);
		theirs = parse_theirs(octets, len);
		ck_assert_ptr_nonnull(theirs);
		ck_assert_ptr_nonnull(ours);
		expect_same(ours, theirs);
		release(ours, &random);
		snmp_free_pdu(theirs);
		snmp_free_pdu(pdu);
		free(octets);
	}
	ck_assert_uint_gt(used_again, ROUNDS / 10);
	snmp_free_varbind(spare.list);
	spare = (struct ax_spare) { NULL, 0 };
}
END_TEST

/* Cut off and altered anywhere, and no octet behind the end is read: each copy has just its
 * size. */
START_TEST(request_parse_damaged_is_never_read_differently)
{
	uint64_t random = seed_random("request_parse_damaged");
	unsigned read = 0, refused = 0;

	for (int i = 0; i < ROUNDS; i++) {
		netsnmp_pdu *pdu = random_request(&random), *ours, *theirs;
		size_t cap = 0, len = 0, n;
		uint8_t *octets = NULL, *damaged;

		ck_assert_int_eq(agentx_realloc_build(&session, pdu, &octets, &cap, &len), 0);
		n = AX_HEADER_OCTETS + next_random(&random) % (len - AX_HEADER_OCTETS + 1);
		damaged = xmalloc(n);
		memcpy(damaged, octets, n);
		for (uint64_t k = next_random(&random) % 4; k && n > AX_HEADER_OCTETS; k--)
			damaged[AX_HEADER_OCTETS + next_random(&random) % (n - AX_HEADER_OCTETS)] =
				(uint8_t)(next_random(&random) % 2 ? next_random(&random) % 8
								   : next_random(&random));
		ours = parse_ours(damaged, n);
		if (ours) {
			read++;
			memcpy(damaged + 16, (uint8_t[4]) { 0 }, 4);
			damaged[damaged[2] & AX_FLAG_NETWORK_ORDER ? 19 : 16] =
				(uint8_t)(n - AX_HEADER_OCTETS);
			damaged[damaged[2] & AX_FLAG_NETWORK_ORDER ? 18 : 17] =
				(uint8_t)((n - AX_HEADER_OCTETS) >> 8);
			theirs = parse_theirs(damaged, n);
			ck_assert_ptr_nonnull(theirs);
			expect_same(ours, theirs);
			snmp_free_pdu(theirs);
			release(ours, &random);
		} else {
			refused++;
		}
		snmp_free_pdu(pdu);
		free(damaged);
		free(octets);
	}
	snmp_free_varbind(spare.list);
	ck_assert_uint_gt(read, ROUNDS / 50);
	ck_assert_uint_gt(refused, ROUNDS / 50);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ax_request_parse");
	TCase *tc = tcase_create("ax_request_parse");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, request_parse_random_is_what_net_snmp_parses);
	tcase_add_test(tc, request_parse_damaged_is_never_read_differently);
	suite_add_tcase(s, tc);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
