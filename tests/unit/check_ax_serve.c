/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agentx/ax_serve.h"
#include "ax_master.h"
#include "base/xalloc.h"

#include <check.h>
#include <stdio.h>

#define BASE "1.3.6.1.4.1.99"
#define T0 (100 * NS_PER_S)

/* Table BASE.1: columns 1, 2, 5, rows 10, 20, 30 (or n of them), a hole at column 2, row 20.
 * Column 1 INTEGER, 2 OCTET STRING, 5 Counter64. */
struct data {
	size_t rows;
	size_t text_len;
	uint64_t add;
	char text[1024];
};

struct fixture {
	struct ax_serve *serve;
	struct ax_codec *codec;
	struct data plain, other;
	unsigned pins, unpins;
	bool network_order;
};

static const uint32_t prefix[] = { 1, 3, 6, 1, 4, 1, 99, 1 };
static const uint32_t columns[] = { 1, 2, 5 };

static size_t data_rows(const void *data)
{
	return ((const struct data *)data)->rows;
}

static size_t data_index(const void *data, size_t row, uint32_t *sub)
{
	(void)data;
	sub[0] = 10 * (uint32_t)(row + 1);
	return 1;
}

static bool data_cell(const void *data, size_t row, uint32_t column, struct smi_value *ret)
{
	const struct data *d = data;

	if (column == 1) {
		ret->type = SMI_INTEGER;
		ret->u.integer = -1 - (int32_t)row;
	} else if (column == 2) {
		ret->type = SMI_OCTETS;
		ret->u.octets.data = (const uint8_t *)d->text;
		ret->u.octets.len = d->text_len;
	} else {
		ret->type = SMI_COUNTER64;
		ret->u.u64 = (1ull << 63) + row + d->add;
	}
	return column != 2 || row != 1;
}

static const struct oidtab table = { prefix,    ARRAY_LEN(prefix), columns,  ARRAY_LEN(columns),
				     data_rows, data_index,        data_cell };

/* Table BASE.2: a scalar of each type there is. */
static const uint32_t scalar_prefix[] = { 1, 3, 6, 1, 4, 1, 99, 2 };
static const uint32_t scalar_columns[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };
static const uint32_t an_oid[] = { 1, 3, 6, 1, 4, 1, 4294967295u, 0, 7 };

static size_t one_row(const void *data)
{
	(void)data;
	return 1;
}

static size_t zero_index(const void *data, size_t row, uint32_t *sub)
{
	(void)data;
	(void)row;
	sub[0] = 0;
	return 1;
}

static bool scalar_cell(const void *data, size_t row, uint32_t column, struct smi_value *ret)
{
	static const enum smi_type types[] = { SMI_INTEGER,   SMI_OCTETS,    SMI_OID,
					       SMI_IPADDRESS, SMI_COUNTER32, SMI_GAUGE32,
					       SMI_TIMETICKS, SMI_COUNTER64, SMI_OCTETS };

	(void)data;
	(void)row;
	ret->type = types[column - 1];
	switch (ret->type) {
	case SMI_INTEGER:
		ret->u.integer = INT32_MIN;
		break;
	case SMI_OCTETS:
		ret->u.octets.data = (const uint8_t *)"12345";
		ret->u.octets.len = column == 2 ? 5 : 0;
		break;
	case SMI_OID:
		ret->u.oid.sub = an_oid;
		ret->u.oid.len = ARRAY_LEN(an_oid);
		break;
	case SMI_IPADDRESS:
		memcpy(ret->buf, "\300\0\2\1", 4);
		ret->u.octets.data = ret->buf;
		ret->u.octets.len = 4;
		break;
	case SMI_COUNTER64:
		ret->u.u64 = UINT64_MAX - 1;
		break;
	default:
		ret->u.u32 = UINT32_MAX - column;
		break;
	}
	return true;
}

static const struct oidtab scalars = { scalar_prefix,  ARRAY_LEN(scalar_prefix),
				       scalar_columns, ARRAY_LEN(scalar_columns),
				       one_row,        zero_index,
				       scalar_cell };
static const struct oidtab *const tables[] = { &table, &scalars };
static const struct oidtab_view view = { tables, 2 };

static bool pin(void *arg, const char *context, uint64_t now_ns,
		const struct oidtab_view **ret_view, const void **ret_data)
{
	struct fixture *f = arg;

	(void)now_ns;
	if (context && strcmp(context, "other") != 0)
		return false;
	f->pins++;
	*ret_view = &view;
	*ret_data = context ? &f->other : &f->plain;
	return true;
}

static void unpin(void *arg, const void *data)
{
	struct fixture *f = arg;

	ck_assert(data == &f->plain || data == &f->other);
	f->unpins++;
}

static struct fixture *setup(void)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	const struct ax_hooks hooks = { .pin = pin, .unpin = unpin, .arg = f };

	f->serve = ax_serve_new(&hooks);
	f->codec = ax_codec_new();
	f->plain.rows = f->other.rows = 3;
	f->other.add = 1000;
	f->network_order = true;
	return f;
}

static void teardown(struct fixture *f)
{
	ax_serve_free(f->serve);
	ck_assert_uint_eq(f->pins, f->unpins);
	ax_codec_free(f->codec);
	free(f);
}

/* Send a request through the codec, have it answered, and bring the answer back through it. */
static netsnmp_pdu *ask_at(struct fixture *f, netsnmp_pdu *request, uint64_t now_ns)
{
	struct ax_header sent, got;
	uint8_t *octets;
	netsnmp_pdu *pdu;
	size_t len;

	if (!f->network_order)
		request->flags &= ~AX_FLAG_NETWORK_ORDER;
	octets = pdu_octets(f->codec, request, &len);
	ax_header_read(octets, &sent);
	pdu = ax_codec_parse(f->codec, octets, len);
	ck_assert_ptr_nonnull(pdu);
	free(octets);
	ck_assert(ax_serve_answer(f->serve, pdu, now_ns));
	octets = pdu_octets(f->codec, pdu, &len);
	ax_header_read(octets, &got);
	ck_assert_uint_eq(got.type, AX_RESPONSE);
	ck_assert_uint_eq(got.flags, sent.flags & AX_FLAG_NETWORK_ORDER);
	ck_assert_uint_eq(got.session, sent.session);
	ck_assert_uint_eq(got.transaction, sent.transaction);
	ck_assert_uint_eq(got.packet, sent.packet);
	pdu = parse_by_snmp(octets, len);
	free(octets);
	return pdu;
}

static netsnmp_pdu *ask(struct fixture *f, netsnmp_pdu *request)
{
	return ask_at(f, request, T0);
}

static void assert_var(const netsnmp_variable_list *var, const char *name, u_char type)
{
	oid want[300];
	size_t n = parse_oid_text(name, want);

	ck_assert_ptr_nonnull(var);
	ck_assert_msg(snmp_oid_compare(var->name, var->name_length, want, n) == 0,
		      "another name than %s", name);
	ck_assert_uint_eq(var->type, type);
}

static uint64_t counter64(const netsnmp_variable_list *var)
{
	ck_assert_uint_eq(var->type, ASN_COUNTER64);
	return (uint64_t)var->val.counter64->high << 32 | var->val.counter64->low;
}

static void assert_error(netsnmp_pdu *answer, enum ax_error error, long index)
{
	ck_assert_int_eq(answer->errstat, error);
	ck_assert_int_eq(answer->errindex, index);
	snmp_free_pdu(answer);
}

START_TEST(answer_get_of_each_type_keeps_the_value)
{
	struct fixture *f = setup();
	netsnmp_pdu *r = request_new(AX_GET, 1, 1, NULL);
	const netsnmp_variable_list *var;
	char name[64];

	f->network_order = _i;
	for (int column = 1; column <= 9; column++) {
		snprintf(name, sizeof(name), BASE ".2.%d.0", column);
		request_add(r, name, false, "");
	}
	r = ask(f, r);
	ck_assert_int_eq(r->errstat, 0);
	var = r->variables;
	assert_var(var, BASE ".2.1.0", ASN_INTEGER);
	ck_assert_int_eq((int32_t)*var->val.integer, INT32_MIN);
	var = var->next_variable;
	assert_var(var, BASE ".2.2.0", ASN_OCTET_STR);
	ck_assert_uint_eq(var->val_len, 5);
	ck_assert_int_eq(memcmp(var->val.string, "12345", 5), 0);
	var = var->next_variable;
	assert_var(var, BASE ".2.3.0", ASN_OBJECT_ID);
	ck_assert_uint_eq(var->val_len, sizeof(oid) * ARRAY_LEN(an_oid));
	ck_assert_uint_eq((uint32_t)var->val.objid[6], 4294967295u);
	ck_assert_uint_eq(var->val.objid[8], 7);
	var = var->next_variable;
	assert_var(var, BASE ".2.4.0", ASN_IPADDRESS);
	ck_assert_int_eq(memcmp(var->val.string, "\300\0\2\1", 4), 0);
	var = var->next_variable;
	assert_var(var, BASE ".2.5.0", ASN_COUNTER);
	ck_assert_uint_eq((uint32_t)*var->val.integer, UINT32_MAX - 5);
	var = var->next_variable;
	assert_var(var, BASE ".2.6.0", ASN_GAUGE);
	ck_assert_uint_eq((uint32_t)*var->val.integer, UINT32_MAX - 6);
	var = var->next_variable;
	assert_var(var, BASE ".2.7.0", ASN_TIMETICKS);
	ck_assert_uint_eq((uint32_t)*var->val.integer, UINT32_MAX - 7);
	var = var->next_variable;
	assert_var(var, BASE ".2.8.0", ASN_COUNTER64);
	ck_assert(counter64(var) == UINT64_MAX - 1);
	var = var->next_variable;
	assert_var(var, BASE ".2.9.0", ASN_OCTET_STR);
	ck_assert_uint_eq(var->val_len, 0);
	ck_assert_ptr_null(var->next_variable);
	snmp_free_pdu(r);
	teardown(f);
}
END_TEST

START_TEST(answer_get_of_what_is_not_there_says_which)
{
	struct fixture *f = setup();
	netsnmp_pdu *r = request_new(AX_GET, 1, 1, NULL);

	request_add(r, BASE ".1.2.20", false, "");
	request_add(r, BASE ".1.1.11", false, "");
	request_add(r, BASE ".1.3.10", false, "");
	request_add(r, "1.3.6.1.9", false, "");
	r = ask(f, r);
	ck_assert_int_eq(r->errstat, 0);
	assert_var(r->variables, BASE ".1.2.20", SNMP_NOSUCHINSTANCE);
	assert_var(r->variables->next_variable, BASE ".1.1.11", SNMP_NOSUCHINSTANCE);
	assert_var(r->variables->next_variable->next_variable, BASE ".1.3.10", SNMP_NOSUCHOBJECT);
	assert_var(r->variables->next_variable->next_variable->next_variable, "1.3.6.1.9",
		   SNMP_NOSUCHOBJECT);
	snmp_free_pdu(r);
	teardown(f);
}
END_TEST

struct range_case {
	const char *start;
	bool include;
	const char *end;
	const char *want; /* NULL: endOfMibView */
};

static const struct range_case range_cases[] = {
	{ BASE, false, "", BASE ".1.1.10" },
	{ "0.0", false, "", BASE ".1.1.10" },
	{ BASE ".1.1.10", false, "", BASE ".1.1.20" },
	{ BASE ".1.1.10", true, "", BASE ".1.1.10" },
	{ BASE ".1.1.11", true, "", BASE ".1.1.20" },
	{ BASE ".1.2.10", false, "", BASE ".1.2.30" },
	{ BASE ".1.2.20", true, "", BASE ".1.2.30" },
	{ BASE ".1.1.30", false, BASE ".1.2.10", NULL },
	{ BASE ".1.1.30", false, BASE ".1.2.10.0", BASE ".1.2.10" },
	{ BASE ".1.1.10", true, BASE ".1.1.10", NULL },
	{ BASE ".1.5.30", false, BASE ".2", NULL },
	{ BASE ".1.5.30", false, "", BASE ".2.1.0" },
	{ BASE ".2.9.0", false, "", NULL },
	{ BASE ".1.1.10", false, BASE ".1.1.5", NULL },
};

START_TEST(answer_getnext_stays_in_its_range)
{
	struct fixture *f = setup();
	const struct range_case *c = &range_cases[_i];
	netsnmp_pdu *r = request_new(AX_GETNEXT, 1, 1, NULL);

	request_add(r, c->start, c->include, c->end);
	r = ask(f, r);
	ck_assert_int_eq(r->errstat, 0);
	if (c->want) {
		ck_assert_uint_ne(r->variables->type, SNMP_ENDOFMIBVIEW);
		assert_var(r->variables, c->want, r->variables->type);
	} else {
		assert_var(r->variables, c->start, SNMP_ENDOFMIBVIEW);
	}
	ck_assert_ptr_null(r->variables->next_variable);
	snmp_free_pdu(r);
	teardown(f);
}
END_TEST

/* A walk by GETNEXT meets every cell once, in order, with the value that GET has. */
START_TEST(answer_getnext_walk_meets_every_cell)
{
	struct fixture *f = setup();
	oid at[MAX_OID_LEN];
	size_t len = parse_oid_text(BASE, at), cells = 0;
	netsnmp_pdu *r;

	for (uint32_t packet = 1;; packet++, cells++) {
		r = request_new(AX_GETNEXT, packet, packet, NULL);
		snmp_varlist_add_variable(&r->variables, at, len, ASN_PRIV_EXCL_RANGE, at, 0);
		r = ask(f, r);
		if (r->variables->type == SNMP_ENDOFMIBVIEW)
			break;
		ck_assert_int_gt(snmp_oid_compare(r->variables->name, r->variables->name_length, at,
						  len),
				 0);
		len = r->variables->name_length;
		memcpy(at, r->variables->name, len * sizeof(oid));
		snmp_free_pdu(r);
	}
	snmp_free_pdu(r);
	ck_assert_uint_eq(cells, 3 * 3 - 1 + 9);
	teardown(f);
}
END_TEST

static netsnmp_pdu *bulk(int non_repeaters, int max_repetitions)
{
	netsnmp_pdu *r = request_new(AX_GETBULK, 1, 1, NULL);

	r->non_repeaters = non_repeaters;
	r->max_repetitions = max_repetitions;
	return r;
}

static size_t count_vars(const netsnmp_pdu *pdu)
{
	return (size_t)count_varbinds(pdu->variables);
}

START_TEST(answer_getbulk_repeats_in_order)
{
	struct fixture *f = setup();
	netsnmp_pdu *r = bulk(1, 3);
	const netsnmp_variable_list *var;

	f->network_order = _i;
	request_add(r, BASE ".2.1", false, "");
	request_add(r, BASE ".1.1", false, "");
	request_add(r, BASE ".1.5.20", true, BASE ".2");
	r = ask(f, r);
	ck_assert_int_eq(r->errstat, 0);
	var = r->variables;
	assert_var(var, BASE ".2.1.0", ASN_INTEGER);
	assert_var(var = var->next_variable, BASE ".1.1.10", ASN_INTEGER);
	assert_var(var = var->next_variable, BASE ".1.5.20", ASN_COUNTER64);
	ck_assert(counter64(var) == (1ull << 63) + 1);
	assert_var(var = var->next_variable, BASE ".1.1.20", ASN_INTEGER);
	assert_var(var = var->next_variable, BASE ".1.5.30", ASN_COUNTER64);
	assert_var(var = var->next_variable, BASE ".1.1.30", ASN_INTEGER);
	assert_var(var = var->next_variable, BASE ".1.5.30", SNMP_ENDOFMIBVIEW);
	ck_assert_ptr_null(var->next_variable);
	snmp_free_pdu(r);
	teardown(f);
}
END_TEST

START_TEST(answer_getbulk_at_the_edges_counts_right)
{
	static const struct {
		int non_repeaters, max_repetitions, ranges;
		size_t want;
	} cases[] = {
		{ 0, 0, 2, 0 }, { 1, 0, 2, 1 }, { 5, 4, 2, 2 }, { 2, 4, 2, 2 },
		{ 0, 1, 2, 2 }, { 0, 4, 0, 0 }, { 0, 3, 1, 3 },
	};
	struct fixture *f = setup();
	netsnmp_pdu *r;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		r = bulk(cases[i].non_repeaters, cases[i].max_repetitions);
		for (int n = 0; n < cases[i].ranges; n++)
			request_add(r, BASE, false, "");
		r = ask(f, r);
		ck_assert_int_eq(r->errstat, 0);
		ck_assert_uint_eq(count_vars(r), cases[i].want);
		snmp_free_pdu(r);
	}
	teardown(f);
}
END_TEST

START_TEST(answer_getbulk_past_the_end_stops)
{
	struct fixture *f = setup();
	netsnmp_pdu *r = bulk(0, 65535);
	const netsnmp_variable_list *var;

	request_add(r, BASE ".1.5.10", false, "");
	r = ask(f, r);
	ck_assert_uint_eq(count_vars(r), 2 + 9 + 1);
	for (var = r->variables; var->next_variable; var = var->next_variable)
		ck_assert_uint_ne(var->type, SNMP_ENDOFMIBVIEW);
	assert_var(var, BASE ".2.9.0", SNMP_ENDOFMIBVIEW);
	snmp_free_pdu(r);
	teardown(f);
}
END_TEST

START_TEST(answer_getbulk_that_does_not_fit_is_cut_at_a_repetition)
{
	struct fixture *f = setup();
	netsnmp_pdu *r = bulk(0, 1000);
	size_t n;

	f->plain.rows = 100;
	f->plain.text_len = 1000;
	request_add(r, BASE ".1.2", false, "");
	request_add(r, BASE ".1.2.300", false, "");
	r = ask(f, r); /* builds: so it is not over AX_PDU_MAX */
	ck_assert_int_eq(r->errstat, 0);
	n = count_vars(r);
	ck_assert_uint_eq(n % 2, 0);
	/* 4 type, 4 + 4 * 5 name, 4 + 1000 value */
	ck_assert_uint_eq(n, (AX_PDU_MAX - 28) / (4 + 24 + 1004) / 2 * 2);
	snmp_free_pdu(r);
	teardown(f);
}
END_TEST

START_TEST(answer_set_refuses)
{
	struct fixture *f = setup();
	netsnmp_pdu *r = request_new(AX_TESTSET, 1, 1, NULL);
	oid name[20];
	size_t n = parse_oid_text(BASE ".1.1.10", name);
	int value = 5;

	snmp_pdu_add_variable(r, name, n, ASN_INTEGER, &value, sizeof(value));
	assert_error(ask(f, r), AX_NOT_WRITABLE, 1);
	assert_error(ask(f, request_new(AX_COMMITSET, 2, 1, NULL)), AX_COMMIT_FAILED, 1);
	assert_error(ask(f, request_new(AX_UNDOSET, 3, 1, NULL)), AX_NO_ERROR, 0);
	r = request_new(AX_CLEANUPSET, 4, 1, NULL);
	ck_assert(!ax_serve_answer(f->serve, r, T0));
	snmp_free_pdu(r);
	teardown(f);
}
END_TEST

START_TEST(answer_in_a_context_uses_its_data)
{
	struct fixture *f = setup();
	netsnmp_pdu *r = request_new(AX_GET, 1, 1, "other");

	f->network_order = _i;
	request_add(r, BASE ".1.5.10", false, "");
	r = ask(f, r);
	ck_assert(counter64(r->variables) == (1ull << 63) + 1000);
	snmp_free_pdu(r);
	r = request_new(AX_GET, 2, 1, NULL);
	request_add(r, BASE ".1.5.10", false, "");
	r = ask(f, r);
	ck_assert(counter64(r->variables) == 1ull << 63);
	snmp_free_pdu(r);
	teardown(f);
}
END_TEST

START_TEST(answer_in_an_unknown_context_is_an_error)
{
	struct fixture *f = setup();
	netsnmp_pdu *r = request_new(AX_GET, 1, 1, "nobody");

	request_add(r, BASE ".1.5.10", false, "");
	assert_error(ask(f, r), AX_UNSUPPORTED_CONTEXT, 0);
	r = request_new(AX_GETNEXT, 2, 1, "other");
	r->community_len = 6; /* the NUL too */
	request_add(r, BASE, false, "");
	assert_error(ask(f, r), AX_UNSUPPORTED_CONTEXT, 0);
	ck_assert_uint_eq(f->pins, 0);
	teardown(f);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ax_serve");
	TCase *t = tcase_create("answers");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_loop_test(t, answer_get_of_each_type_keeps_the_value, 0, 2);
	tcase_add_test(t, answer_get_of_what_is_not_there_says_which);
	tcase_add_loop_test(t, answer_getnext_stays_in_its_range, 0, ARRAY_LEN(range_cases));
	tcase_add_test(t, answer_getnext_walk_meets_every_cell);
	tcase_add_loop_test(t, answer_getbulk_repeats_in_order, 0, 2);
	tcase_add_test(t, answer_getbulk_at_the_edges_counts_right);
	tcase_add_test(t, answer_getbulk_past_the_end_stops);
	tcase_add_test(t, answer_getbulk_that_does_not_fit_is_cut_at_a_repetition);
	tcase_add_test(t, answer_set_refuses);
	tcase_add_loop_test(t, answer_in_a_context_uses_its_data, 0, 2);
	tcase_add_test(t, answer_in_an_unknown_context_is_an_error);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
