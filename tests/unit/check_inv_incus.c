/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inv_helpers.h"

#include "inventory/inv_incus.h"

/* The answer in tests/fixtures/runtimes is a real LXD's. */

static char *text_of(const char *text, size_t len, const struct inv_settle *settle)
{
	struct inv_part *part = inv_part_new("src", NULL);
	struct err e = { "" };
	char *said;

	if (inv_incus(part, "incus", text, len, settle, &e) == 0)
		said = part_text(part);
	else
		said = xasprintf("failed: %s", e.text);
	inv_part_free(part);
	return said;
}

static void expect(const char *text, const char *expected)
{
	char *said = text_of(text, strlen(text), NULL);

	ck_assert_str_eq(said, expected);
	free(said);
}

#define LIST(text) "{\"type\":\"sync\",\"status_code\":200,\"metadata\":[" text "]}\n"

START_TEST(inv_incus_real_answer_read)
{
	size_t len;
	char *text = fixture_read("runtimes/lxd-5.0.json", &len);
	struct inv_part *part = inv_part_new("src", NULL);
	struct inventory *inv;
	struct err e = { "" };

	ck_assert_msg(inv_incus(part, "lxd", text, len, NULL, &e) == 0, "%s", e.text);
	expect_part(part, "web[web,running] 10.7.0.11 fd00:7::11; never[never,stopped]; "
			  "shop/web[shop/web,running] 10.7.0.12; customer-7[Data base,running]");
	inv = inv_merge(&part, 1, 1000, NULL);
	ck_assert_str_eq(inv->containers[0].runtime, "lxd");
	ck_assert_uint_eq(strlen(inv->containers[0].runtime_id), 36);
	ck_assert_int_eq(inv->containers[0].net, INV_NET_OWN);
	inv_free(inv);
	inv_part_free(part);
	free(text);
}
END_TEST

START_TEST(inv_incus_global_addresses_of_links_taken)
{
	expect(LIST("{\"name\":\"a\",\"project\":\"p\",\"status\":\"Frozen\",\"state\":{"
		    "\"network\":{"
		    "\"lo\":{\"addresses\":[{\"address\":\"192.0.2.1\",\"scope\":\"global\"}]},"
		    "\"eth0\":{\"addresses\":[{\"address\":\"192.0.2.2\",\"scope\":\"global\"},"
		    "{\"address\":\"fe80::1\",\"scope\":\"link\"}]},"
		    "\"eth1\":{\"addresses\":null}}}}"),
	       "p/a[p/a,running] 192.0.2.2");
	expect(LIST("{\"name\":\"a\",\"status\":\"Error\",\"state\":null,\"config\":{"
		    "\"user.ctmeter.ignore\":\"false\",\"user.ctmeter.quota\":\"1kB\"}},{\"name\":"
		    "\"b\",\"config\":{"
		    "\"user.ctmeter.ignore\":\"true\"}}"),
	       "a[a,unknown] quota=1000/");
	expect(LIST(""), "");
}
END_TEST

#define NET(name, ip) "\"" name "\":{\"addresses\":[{\"address\":\"" ip "\",\"scope\":\"global\"}]}"
#define NIC(device, more) "\"" device "\":{\"type\":\"nic\"" more "}"

/* Which of 192.0.2.1.. are on links whose rate the runtime limits with an ingress qdisc. */
static void expect_limited(const char *nets, const char *devices, const char *config,
			   const char *limited)
{
	char *text = xasprintf(LIST("{\"name\":\"a\",\"status\":\"Running\",\"config\":{%s},"
				    "\"expanded_devices\":{%s},\"state\":{\"network\":{%s}}}"),
			       config, devices, nets);
	struct inv_part *part = inv_part_new("src", NULL);
	struct inventory *inv;
	struct err e = { "" };

	ck_assert_msg(inv_incus(part, "incus", text, strlen(text), NULL, &e) == 0, "%s", e.text);
	inv = inv_merge(&part, 1, 1000, NULL);
	ck_assert_uint_eq(inv->n_addresses, strlen(limited));
	for (size_t i = 0; i < inv->n_addresses; i++)
		ck_assert_msg(inv->addresses[i].limited == (limited[i] == 'y'), "%s: %zu", devices,
			      i);
	inv_free(inv);
	inv_part_free(part);
	free(text);
}

START_TEST(inv_incus_rate_limits_of_what_is_sent_are_told)
{
	static const char one[] = NET("eth0", "192.0.2.1");
	static const char two[] = NET("eth0", "192.0.2.1") "," NET("eth1", "192.0.2.2");

	expect_limited(one, NIC("eth0", ""), "", "n");
	expect_limited(one, NIC("eth0", ",\"limits.egress\":\"10Mbit\""), "", "y");
	expect_limited(one, NIC("eth0", ",\"limits.max\":\"10Mbit\""), "", "y");
	/* What the container receives is limited elsewhere. */
	expect_limited(one, NIC("eth0", ",\"limits.ingress\":\"10Mbit\""), "", "n");
	expect_limited(one, NIC("eth0", ",\"limits.egress\":\"\""), "", "n");
	/* Each link by itself, under the name that it has inside. */
	expect_limited(two, NIC("eth0", "") "," NIC("eth1", ",\"limits.max\":\"1Gbit\""), "", "ny");
	expect_limited(two,
		       NIC("lan", ",\"name\":\"eth1\"") "," NIC(
			       "wan", ",\"name\":\"eth0\",\"limits.egress\":\"1Gbit\""),
		       "", "yn");
	expect_limited(two, NIC("lan", ",\"limits.egress\":\"1Gbit\"") "," NIC("wan", ""),
		       "\"volatile.lan.name\":\"eth1\",\"volatile.wan.name\":\"eth0\"", "ny");
	/* A bridge inside has the address: by any of them. */
	expect_limited(NET("br0", "192.0.2.1"),
		       NIC("eth0", "") "," NIC("eth1", ",\"limits.egress\":\"1Gbit\""), "", "y");
	expect_limited(NET("br0", "192.0.2.1"), NIC("eth0", ""), "", "n");
	expect_limited(one, "\"root\":{\"type\":\"disk\",\"limits.max\":\"10MB\"}", "", "n");
}
END_TEST

/* What a device's configuration names is assigned, what is seen in the instance is found there. */
START_TEST(inv_incus_ranks_and_pid)
{
	static const char text[] =
		LIST("{\"name\":\"a\",\"status\":\"Running\",\"type\":\"container\",\"expanded_"
		     "devices\":{"
		     "\"eth0\":{\"type\":\"nic\",\"ipv4.address\":\"192.0.2.1\","
		     "\"ipv6.address\":\"2001:db8::1, 2001:db8::2\"},"
		     "\"eth1\":{\"type\":\"nic\",\"ipv4.address\":\"none\"}},"
		     "\"state\":{\"pid\":4711,\"network\":{\"eth0\":{\"addresses\":["
		     "{\"address\":\"192.0.2.1\",\"scope\":\"global\"},"
		     "{\"address\":\"192.0.2.9\",\"scope\":\"global\"}]}}}},"
		     "{\"name\":\"v\",\"type\":\"virtual-machine\",\"state\":{\"pid\":12}},"
		     "{\"name\":\"s\",\"status\":\"Stopped\",\"expanded_devices\":{"
		     "\"eth0\":{\"type\":\"nic\",\"ipv4.address\":\"192.0.2.3\"}}}");
	static const enum inv_rank ranks[] = { INV_ASSIGNED, INV_FOUND, INV_ASSIGNED,
					       INV_ASSIGNED };
	struct inv_part *part = inv_part_new("src", NULL);
	struct inventory *inv;
	struct err e = { "" };

	ck_assert_msg(inv_incus(part, "incus", text, strlen(text), NULL, &e) == 0, "%s", e.text);
	expect_part(part, "a[a,running] 192.0.2.1 192.0.2.9 2001:db8::1 2001:db8::2; "
			  "s[s,stopped]; v[v,unknown]");
	inv = inv_merge(&part, 1, 1000, NULL);
	ck_assert_int_eq(inv->containers[0].pid, 4711);
	ck_assert_int_eq(inv->containers[2].pid, 0);
	for (size_t i = 0; i < ARRAY_LEN(ranks); i++)
		ck_assert_int_eq(inv->addresses[i].rank, ranks[i]);
	inv_free(inv);
	inv_part_free(part);
}
END_TEST

START_TEST(inv_incus_broken_answers_fail_whole)
{
	static const char *const t[][2] = {
		{ "", "an empty answer" },
		{ "{\"type\":\"error\",\"error\":\"not authorized\"}", "no list of instances" },
		{ "{\"metadata\":{}}", "not a JSON list" },
		{ "{\"metadata\":[\"/1.0/instances/a\"]}", "it is no object" },
		{ "{\"metadata\":[{}]}", "without a name" },
		{ "{\"metadata\":[{\"name\":\"a\"}", "cut off after 1 objects" },
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		char *said = text_of(t[i][0], strlen(t[i][0]), NULL);

		ck_assert_msg(!strncmp(said, "failed: ", 8) && strstr(said, t[i][1]), "%s: %s",
			      t[i][0], said);
		free(said);
	}
}
END_TEST

START_TEST(inv_incus_random_damage_never_crashes)
{
	size_t len, cut_len;
	char *text = fixture_read("runtimes/lxd-5.0.json", &len), *cut;

	log_capture();
	for (int i = 0; i < 500; i++) {
		cut = mutate(text, len, &cut_len);
		free(text_of(cut, cut_len, NULL));
		free(cut);
	}
	free(text);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("inv_incus");
	TCase *t = tcase_create("inv_incus");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, inv_incus_real_answer_read);
	tcase_add_test(t, inv_incus_global_addresses_of_links_taken);
	tcase_add_test(t, inv_incus_rate_limits_of_what_is_sent_are_told);
	tcase_add_test(t, inv_incus_ranks_and_pid);
	tcase_add_test(t, inv_incus_broken_answers_fail_whole);
	tcase_add_test(t, inv_incus_random_damage_never_crashes);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	seed_random();
	return run_suite(suite());
}
