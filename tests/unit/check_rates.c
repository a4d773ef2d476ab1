/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/rates.h"

#include "base/xalloc.h"
#include "seed.h"

#include <check.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Answers are written with ' for ". */
static json_t *answer(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static json_t *answer(const char *fmt, ...)
{
	json_error_t error;
	char *text = NULL;
	json_t *j;
	va_list ap;

	va_start(ap, fmt);
	ck_assert_int_ge(vasprintf(&text, fmt, ap), 0);
	va_end(ap);
	for (char *c = text; *c; c++)
		if (*c == '\'')
			*c = '"';
	j = json_loads(text, 0, &error);
	ck_assert_msg(j, "%s in %s", error.text, text);
	free(text);
	return j;
}

/* A container of four forwarded and four node counters; status; its addresses. */
#define COUNTERS(in, out, node_in, node_out)                                                 \
	"'in_octets':" #in "000,'in_pkts':" #in ",'out_octets':" #out "000,'out_pkts':" #out \
	",'node_in_octets':" #node_in "000,'node_in_pkts':" #node_in                         \
	",'node_out_octets':" #node_out "000,'node_out_pkts':" #node_out
#define CT(id, status, counters, addresses)                               \
	"{'id':'" id "','name':'n" id "','status':'" status "'," counters \
	",'addresses':[" addresses "]}"
#define ADDRESS(text, status, counters) "{'address':'" text "','status':'" status "'," counters "}"
#define LIST(ms, containers) "{'sampled_ms':" #ms ",'containers':[" containers "]}"

/* Takes both. */
static struct rates *compare(json_t *older, json_t *newer, bool by_address, enum rates_key key)
{
	struct rates *r = rates_new(older, newer, by_address, key);

	json_decref(older);
	json_decref(newer);
	return r;
}

static const struct rates_row *find(const struct rates *r, const char *id, const char *address)
{
	for (size_t i = 0; i < r->n_rows; i++)
		if (!strcmp(r->rows[i].id, id) &&
		    (!address || !strcmp(r->rows[i].address, address)))
			return &r->rows[i];
	ck_abort_msg("no row %s %s", id, address ? address : "");
	return NULL;
}

static void expect_flow(const struct rates_flow *f, uint64_t octets, uint64_t pkts, double bits_s,
			double pkts_s)
{
	ck_assert_uint_eq(f->octets, octets);
	ck_assert_uint_eq(f->pkts, pkts);
	ck_assert_double_eq_tol(f->bits_s, bits_s, 1e-6);
	ck_assert_double_eq_tol(f->pkts_s, pkts_s, 1e-6);
}

START_TEST(rates_new_forwarded_and_node_over_the_daemons_time)
{
	struct rates *r =
		compare(answer(LIST(1000, CT("1", "counting", COUNTERS(10, 20, 30, 40), ""))),
			answer(LIST(3500, CT("1", "counting", COUNTERS(11, 22, 33, 44), ""))),
			false, RATES_BY_TOTAL);
	const struct rates_row *row = find(r, "1", NULL);

	ck_assert_uint_eq(r->elapsed_ms, 2500);
	ck_assert_int_eq(row->state, RATES_KNOWN);
	ck_assert(row->known);
	ck_assert_ptr_null(row->address);
	ck_assert_str_eq(row->name, "n1");
	expect_flow(&row->flow[RATES_IN], 4000, 4, 12800, 1.6);
	expect_flow(&row->flow[RATES_OUT], 6000, 6, 19200, 2.4);
	expect_flow(&r->total[RATES_IN], 4000, 4, 12800, 1.6);
	expect_flow(&r->total[RATES_OUT], 6000, 6, 19200, 2.4);
	rates_free(r);
}
END_TEST

START_TEST(rates_new_row_that_came_has_no_rate)
{
	struct rates *r =
		compare(answer(LIST(1000, CT("1", "counting", COUNTERS(1, 1, 1, 1), ""))),
			answer(LIST(2000, CT("1", "counting", COUNTERS(2, 1, 1, 1),
					     "") "," CT("2", "counting",
							COUNTERS(900, 900, 900, 900), ""))),
			false, RATES_BY_TOTAL);
	const struct rates_row *row = find(r, "2", NULL);

	ck_assert_int_eq(row->state, RATES_CAME);
	ck_assert(!row->known);
	ck_assert_uint_eq(r->n_containers, 2);
	ck_assert_uint_eq(r->n_came, 1);
	ck_assert_ptr_eq(row, &r->rows[1]); /* behind what is known, however little */
	expect_flow(&r->total[RATES_IN], 1000, 1, 8000, 1);
	rates_free(r);
}
END_TEST

START_TEST(rates_new_row_that_went_is_told_once)
{
	json_t *one = answer(LIST(1000, CT("1", "counting", COUNTERS(1, 1, 1, 1),
					   "") "," CT("2", "counting", COUNTERS(5, 5, 5, 5), "")));
	json_t *two = answer(LIST(2000, CT("1", "counting", COUNTERS(1, 1, 1, 1),
					   "") "," CT("2", "retired", COUNTERS(6, 5, 5, 5), "")));
	json_t *three = answer(LIST(3000, CT("1", "counting", COUNTERS(1, 1, 1, 1), "")));
	struct rates *r = rates_new(one, two, false, RATES_BY_TOTAL);
	const struct rates_row *row = find(r, "2", NULL);

	ck_assert_int_eq(row->state, RATES_WENT);
	ck_assert(row->known); /* what it carried until then */
	expect_flow(&row->flow[RATES_IN], 1000, 1, 8000, 1);
	ck_assert_uint_eq(r->n_went, 1);
	ck_assert_uint_eq(r->n_containers, 1);
	rates_free(r);
	r = rates_new(two, three, false, RATES_BY_TOTAL);
	ck_assert_uint_eq(r->n_rows, 1);
	ck_assert_uint_eq(r->n_went, 0);
	rates_free(r);
	r = rates_new(two, two, false, RATES_BY_TOTAL);
	ck_assert_uint_eq(r->n_rows, 1);
	rates_free(r);
	/* Without ever being retired. */
	r = rates_new(one, three, false, RATES_BY_TOTAL);
	row = find(r, "2", NULL);
	ck_assert_int_eq(row->state, RATES_WENT);
	ck_assert(!row->known);
	ck_assert_str_eq(row->status, "gone");
	rates_free(r);
	json_decref(one);
	json_decref(two);
	json_decref(three);
}
END_TEST

START_TEST(rates_new_counter_that_fell_is_no_rate)
{
	/* One of them is enough; the others rose. */
	struct rates *r =
		compare(answer(LIST(1000, CT("1", "counting", COUNTERS(10, 10, 10, 10), ""))),
			answer(LIST(2000, CT("1", "counting", COUNTERS(11, 11, 11, 9), ""))), false,
			RATES_BY_TOTAL);

	ck_assert_int_eq(r->rows[0].state, RATES_FELL);
	ck_assert(!r->rows[0].known);
	ck_assert_uint_eq(r->n_fell, 1);
	expect_flow(&r->total[RATES_IN], 0, 0, 0, 0);
	rates_free(r);
}
END_TEST

START_TEST(rates_new_no_time_between_is_no_rate)
{
	static const char *const times[][2] = {
		{ "5000", "5000" }, { "5000", "20" }, { "null", "3000" }, { "3000", "null" }
	};

	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		json_t *answers[2];
		struct rates *r;

		for (size_t j = 0; j < 2; j++)
			answers[j] =
				answer("{'sampled_ms':%s,'containers':[" CT("1", "counting",
									    COUNTERS(1, 1, 1, 1),
									    "") "]}",
				       times[i][j]);
		r = compare(answers[0], answers[1], false, RATES_BY_TOTAL);
		ck_assert_uint_eq(r->elapsed_ms, 0);
		ck_assert_uint_eq(r->n_rows, 1);
		ck_assert(!r->rows[0].known);
		rates_free(r);
	}
}
END_TEST

START_TEST(rates_new_what_is_not_counted_is_no_0)
{
	struct rates *r =
		compare(answer(LIST(1000, CT("1", "conflict", COUNTERS(5, 5, 5, 5),
					     "") "," CT("2", "not-countable", COUNTERS(1, 1, 1, 1),
							"") "," CT("3", "pending",
								   COUNTERS(1, 1, 1, 1), ""))),
			answer(LIST(2000, CT("1", "conflict", COUNTERS(5, 5, 5, 5),
					     "") "," CT("2", "not-countable", COUNTERS(1, 1, 1, 1),
							"") "," CT("3", "pending",
								   COUNTERS(2, 1, 1, 1), ""))),
			false, RATES_BY_TOTAL);

	ck_assert(!find(r, "1", NULL)->known);
	ck_assert(!find(r, "2", NULL)->known);
	ck_assert(find(r, "3", NULL)->known);
	rates_free(r);
}
END_TEST

START_TEST(rates_new_counters_beyond_json_integers)
{
	static const char form[] = "{'sampled_ms':%d,'containers':[{'id':'1','name':'','status':"
				   "'counting','in_octets':'%" PRIu64 "'}]}";
	struct rates *r = compare(answer(form, 1000, UINT64_MAX - 500),
				  answer(form, 2000, UINT64_MAX), false, RATES_BY_IN);

	expect_flow(&r->rows[0].flow[RATES_IN], 500, 0, 4000, 0);
	rates_free(r);
}
END_TEST

static void expect_order(enum rates_key key, const char *expected)
{
	static const char form[] = "{'sampled_ms':%d,'containers':["
				   "{'id':'10','in_octets':%d},"
				   "{'id':'2','out_octets':%d},"
				   "{'id':'30','in_octets':%d,'out_octets':%d},"
				   "{'id':'4','in_pkts':%d},"
				   "{'id':'5'}]}";
	struct rates *r = compare(answer(form, 1, 0, 0, 0, 0, 0),
				  answer(form, 2, 500, 600, 400, 400, 7), false, key);
	char order[64] = "";

	for (size_t i = 0; i < r->n_rows; i++)
		snprintf(order + strlen(order), sizeof(order) - strlen(order), "%s ",
			 r->rows[i].id);
	ck_assert_str_eq(order, expected);
	rates_free(r);
}

/* Equals stand as the MIB has them: shorter ids first. */
START_TEST(rates_new_sorts_by_key_then_id)
{
	expect_order(RATES_BY_IN, "10 30 2 4 5 ");
	expect_order(RATES_BY_OUT, "2 30 4 5 10 ");
	expect_order(RATES_BY_TOTAL, "30 2 10 4 5 ");
	expect_order(RATES_BY_PKTS, "4 2 5 10 30 ");
}
END_TEST

START_TEST(rates_new_by_address_has_their_rows)
{
	struct rates *r = compare(
		answer(LIST(1000,
			    CT("1", "counting", COUNTERS(9, 1, 1, 1),
			       ADDRESS("192.0.2.1", "counting", COUNTERS(5, 1, 1, 1)) "," ADDRESS(
				       "192.0.2.2", "counting",
				       COUNTERS(4, 1, 1,
						1))) "," CT("2", "counting", COUNTERS(1, 1, 1, 1),
							    ADDRESS("192.0.2.3", "counting",
								    COUNTERS(1, 1, 1, 1))))),
		answer(LIST(2000,
			    CT("1", "counting", COUNTERS(12, 1, 1, 1),
			       ADDRESS("192.0.2.1", "counting", COUNTERS(8, 1, 1, 1)) "," ADDRESS(
				       "192.0.2.3", "counting", COUNTERS(2, 1, 1, 1))))),
		true, RATES_BY_TOTAL);

	ck_assert_uint_eq(r->n_rows, 4);
	ck_assert_ptr_eq(find(r, "1", "192.0.2.1"), &r->rows[0]);
	expect_flow(&r->rows[0].flow[RATES_IN], 3000, 3, 24000, 3);
	ck_assert_int_eq(find(r, "1", "192.0.2.3")->state, RATES_CAME);
	ck_assert_int_eq(find(r, "1", "192.0.2.2")->state, RATES_WENT);
	ck_assert_int_eq(find(r, "2", "192.0.2.3")->state, RATES_WENT);
	/* Totals are the containers'. */
	ck_assert_uint_eq(r->n_containers, 1);
	ck_assert_uint_eq(r->n_went, 1);
	ck_assert_uint_eq(r->n_came, 0);
	expect_flow(&r->total[RATES_IN], 3000, 3, 24000, 3);
	rates_free(r);
}
END_TEST

START_TEST(rates_new_garbage_is_survived)
{
	static const char entries[] = "{'sampled_ms':9,'containers':[{'id':7,'addresses':{}},"
				      "{'id':'1','addresses':[3]}]}";
	static const char *const garbage[] = {
		"{}",
		"{'containers':7}",
		"{'sampled_ms':'x','containers':[1,null,'a',[],{}]}",
		entries,
	};

	for (size_t i = 0; i < ARRAY_LEN(garbage); i++)
		for (size_t j = 0; j < ARRAY_LEN(garbage); j++)
			for (int by_address = 0; by_address < 2; by_address++) {
				struct rates *r =
					compare(answer("%s", garbage[i]), answer("%s", garbage[j]),
						by_address, RATES_BY_TOTAL);
				json_decref(rates_json(r, 3));
				rates_free(r);
			}
	rates_free(NULL);
}
END_TEST

START_TEST(rates_json_rows_and_unknowns)
{
	struct rates *r = compare(answer(LIST(1000, CT("1", "counting", COUNTERS(1, 1, 1, 1), ""))),
				  answer(LIST(3000, CT("1", "counting", COUNTERS(2, 4, 1, 1),
						       "") "," CT("2", "counting",
								  COUNTERS(9, 9, 9, 9), ""))),
				  false, RATES_BY_TOTAL);
	json_t *j = rates_json(r, SIZE_MAX);
	char *text = json_dumps(j, JSON_COMPACT);

	ck_assert_str_eq(
		text,
		"{\"elapsed_ms\":2000,\"containers\":2,\"total\":{\"in_octets\":1000,\"in_pkts\":1,"
		"\"in_bits_per_s\":4000,\"in_pkts_per_s\":1,\"out_octets\":3000,\"out_pkts\":3,"
		"\"out_bits_per_s\":12000,\"out_pkts_per_s\":2},\"rows\":["
		"{\"id\":\"1\",\"name\":\"n1\",\"status\":\"counting\",\"change\":null,"
		"\"in_octets\":1000,\"in_pkts\":1,\"in_bits_per_s\":4000,\"in_pkts_per_s\":1,"
		"\"out_octets\":3000,\"out_pkts\":3,\"out_bits_per_s\":12000,\"out_pkts_per_s\":2},"
		"{\"id\":\"2\",\"name\":\"n2\",\"status\":\"counting\",\"change\":\"came\","
		"\"in_octets\":null,\"in_pkts\":null,\"in_bits_per_s\":null,\"in_pkts_per_s\":null,"
		"\"out_octets\":null,\"out_pkts\":null,\"out_bits_per_s\":null,"
		"\"out_pkts_per_s\":null}]}");
	free(text);
	json_decref(j);
	j = rates_json(r, 1);
	ck_assert_uint_eq(json_array_size(json_object_get(j, "rows")), 1);
	json_decref(j);
	rates_free(r);
}
END_TEST

/* Whatever comes, goes and counts: the known rows' octets are the total's, and in order. */
START_TEST(rates_new_random_rows_add_up)
{
	uint64_t random = seed_random("rates");

	for (int round = 0; round < 50; round++) {
		json_t *lists[2];
		uint64_t sum = 0, total[64] = { 0 };
		struct rates *r;

		for (int l = 0; l < 2; l++) {
			json_t *containers = json_array();

			for (int i = 0; i < 64; i++) {
				total[i] += next_random(&random) % 1000;
				if (next_random(&random) % 4 == 0)
					continue;
				json_array_append_new(containers,
						      answer("{'id':'%d','in_octets':%" PRIu64 "}",
							     i, total[i]));
			}
			lists[l] = answer("{'sampled_ms':%d}", 1000 * (l + 1));
			json_object_set_new(lists[l], "containers", containers);
		}
		r = compare(lists[0], lists[1], false, RATES_BY_TOTAL);
		for (size_t i = 0; i < r->n_rows; i++) {
			sum += r->rows[i].flow[RATES_IN].octets;
			ck_assert(!i || r->rows[i].weight <= r->rows[i - 1].weight);
		}
		ck_assert_uint_eq(r->total[RATES_IN].octets, sum);
		ck_assert_uint_eq(r->n_containers + r->n_went, r->n_rows);
		rates_free(r);
	}
}
END_TEST

START_TEST(rates_key_parse_words)
{
	enum rates_key key = RATES_BY_PKTS;

	ck_assert(rates_key_parse("in", &key));
	ck_assert_int_eq(key, RATES_BY_IN);
	ck_assert(rates_key_parse("pkts", &key));
	ck_assert_int_eq(key, RATES_BY_PKTS);
	ck_assert_str_eq(rates_key_word(RATES_BY_TOTAL), "total");
	ck_assert(!rates_key_parse("", &key));
	ck_assert(!rates_key_parse("inn", &key));
	ck_assert_int_eq(key, RATES_BY_PKTS);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("rates");
	TCase *tc = tcase_create("rates");
	SRunner *sr;
	int failed;

	tcase_add_test(tc, rates_new_forwarded_and_node_over_the_daemons_time);
	tcase_add_test(tc, rates_new_row_that_came_has_no_rate);
	tcase_add_test(tc, rates_new_row_that_went_is_told_once);
	tcase_add_test(tc, rates_new_counter_that_fell_is_no_rate);
	tcase_add_test(tc, rates_new_no_time_between_is_no_rate);
	tcase_add_test(tc, rates_new_what_is_not_counted_is_no_0);
	tcase_add_test(tc, rates_new_counters_beyond_json_integers);
	tcase_add_test(tc, rates_new_sorts_by_key_then_id);
	tcase_add_test(tc, rates_new_by_address_has_their_rows);
	tcase_add_test(tc, rates_new_garbage_is_survived);
	tcase_add_test(tc, rates_json_rows_and_unknowns);
	tcase_add_test(tc, rates_new_random_rows_add_up);
	tcase_add_test(tc, rates_key_parse_words);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
