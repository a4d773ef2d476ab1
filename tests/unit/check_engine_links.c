/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The engine over a backend that counts on links (the fake one, and the real one where the machine
 * lets us), on real links: what is counted where, what the rows say meanwhile, and how soon an
 * event of the kernel has its effect. */
#include "engine_lab.h"

static const char *const backends[] = { "fake", "link" };

START_TEST(engine_link_comes_goes_and_is_renamed)
{
	pid_t ct;

	if (!enter("engine_link_comes_goes_and_is_renamed"))
		return;
	ct = container();
	if (!begin("101 192.0.2.1\n102 192.0.2.2 link=vc2\n", backends[_i])) {
		net_lab_end();
		return;
	}
	await("101", "192.0.2.1", ROW_PENDING, "", "no route leads to it");
	await("102", "192.0.2.2", ROW_PENDING, "", "vc2, which the inventory names");
	veth("vc1", ct, "192.0.2.1/32");
	RUN("ip route add 192.0.2.1 dev vc1");
	await("101", "192.0.2.1", ROW_COUNTING, "vc1", "");
	veth("vc2", container(), "192.0.2.2/32");
	await("102", "192.0.2.2", ROW_COUNTING, "vc2", "");
	ck_assert_uint_eq(engine_snap(engine)->rules, 2 * PATHS);
	RUN("ip link set vc2 down && ip link set vc2 name other");
	await("102", "192.0.2.2", ROW_COUNTING, "other", "");
	RUN("ip link del vc1");
	await("101", "192.0.2.1", ROW_PENDING, "", "no route leads to it");
	await("102", "192.0.2.2", ROW_COUNTING, "other", "");
	/* Only the link that the source names changes. */
	veth("vc3", container(), "192.0.2.2/32");
	write_list("101 192.0.2.1\n102 192.0.2.2 link=vc3\n");
	await("102", "192.0.2.2", ROW_COUNTING, "vc3", "");
	end();
}
END_TEST

START_TEST(engine_reasons_of_every_status)
{
	if (!enter("engine_reasons_of_every_status"))
		return;
	RUN("ip link add up0 type veth peer name far netns %d && ip link set up0 up && "
	    "ip addr add 198.51.100.2/24 dev up0 && ip link add link up0 name mv0 type macvlan && "
	    "ip link set mv0 up && ip route add 192.0.2.9 dev mv0",
	    container());
	ck_assert(begin(
		"101 192.0.2.1 192.0.2.9 198.51.100.2\n102 192.0.2.1 192.0.2.2\n103 192.0.2.1\n"
		"104 192.0.2.4\n105 192.0.2.5\n",
		"fake"));
	await("101", "192.0.2.1", ROW_CONFLICT, "",
	      "also claimed by 102 and 103: counted for none");
	await("103", "192.0.2.1", ROW_CONFLICT, "",
	      "also claimed by 101 and 102: counted for none");
	await("101", "192.0.2.9", ROW_NOT_COUNTABLE, "", "behind mv0 (macvlan)");
	await("101", "198.51.100.2", ROW_NOT_COUNTABLE, "", "it is this node's own address");
	ck_assert_int_eq(engine_snap(engine)->containers[0].totals.status, ROW_CONFLICT);
	write_list("101 192.0.2.9\n102 192.0.2.1 192.0.2.2\n103 192.0.2.4\n104\n");
	await("104", "192.0.2.4", ROW_RETIRED, "", "container 103 has it now");
	await("105", "192.0.2.5", ROW_RETIRED, "", "its container is gone");
	await("101", "192.0.2.9", ROW_NOT_COUNTABLE, "", "behind mv0 (macvlan)");
	ck_assert_int_eq(engine_snap(engine)->containers[0].totals.status, ROW_NOT_COUNTABLE);
	await("102", "192.0.2.1", ROW_PENDING, "", "no route");
	write_list("101 192.0.2.9\n102 192.0.2.1\n103 192.0.2.4\n104\n");
	await("102", "192.0.2.2", ROW_RETIRED, "", "its container no longer has it");
	end();
}
END_TEST

/* A reload frees the configuration that named them. */
START_TEST(engine_reload_keeps_shared_links)
{
	struct cfg *old, *now = NULL;
	struct err e = { "" };
	char what[256], *text;

	if (!enter("engine_reload_keeps_shared_links"))
		return;
	ck_assert(begin("101 192.0.2.1\n", "fake"));
	close_engine();
	text = xasprintf("[netfilter]\nbackend = fake\nlink = up0\n[inventory]\n"
			 "source = file:%s/list\ninterval = 1\n[ledger]\npath = %s/ledger.db\n",
			 dir, dir);
	cfg_free(cfg);
	cfg = NULL;
	ck_assert_int_eq(cfg_parse(text, "test", source_check, &cfg, &e), 0);
	open_engine();
	await("101", "192.0.2.1", ROW_PENDING, "", "no route leads to it");
	ck_assert_int_eq(cfg_parse(text, "test", source_check, &now, &e), 0);
	old = cfg;
	cfg = now;
	cfg_hold_fixed(cfg, old, what, sizeof(what));
	ck_assert_int_eq(engine_reload(engine, cfg, &e), 0);
	cfg_free(old);
	veth("up0", container(), "203.0.113.2/24");
	await("101", "192.0.2.1", ROW_COUNTING, "up0", "");
	free(text);
	end();
}
END_TEST

static int cmp_ns(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* From the return of `ip link add` to a row that counts, beside others that stay. Printed; how fast
 * a machine is proves nothing about the program. */
START_TEST(engine_link_event_has_its_effect_soon)
{
	enum { ROUNDS = 21 };
	uint64_t took[ROUNDS];
	pid_t ct;

	if (!enter("engine_link_event_has_its_effect_soon"))
		return;
	ct = container();
	if (!begin("102 192.0.2.2 link=vc2\n", backends[_i])) {
		net_lab_end();
		return;
	}
	for (int i = 0; i < ROUNDS; i++) {
		await("102", "192.0.2.2", ROW_PENDING, "", "vc2");
		veth("vc2", ct, "192.0.2.2/32");
		took[i] = loop_now_ns();
		while (row("102", "192.0.2.2")->totals.status != ROW_COUNTING)
			loop_run_once(loop, 1000);
		took[i] = loop_now_ns() - took[i];
		RUN("ip link del vc2");
	}
	qsort(took, ROUNDS, sizeof(*took), cmp_ns);
	printf("%s: a link appears to counted: median %.1f ms, worst %.1f ms\n", backends[_i],
	       (double)took[ROUNDS / 2] / 1e6, (double)took[ROUNDS - 1] / 1e6);
	end();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("engine_links");
	TCase *t = tcase_create("engine_links");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, engine_link_comes_goes_and_is_renamed, 0, ARRAY_LEN(backends));
	tcase_add_test(t, engine_reasons_of_every_status);
	tcase_add_test(t, engine_reload_keeps_shared_links);
	tcase_add_loop_test(t, engine_link_event_has_its_effect_soon, 0, ARRAY_LEN(backends));
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
