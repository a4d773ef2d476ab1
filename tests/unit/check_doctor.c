/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The doctor's checks of the daemon and of a packet's way: what is found in files, links and the
 * daemon's answers, its level and its cure. */
#include "doctor_world.h"
#include "version.h"

static const char *const none = "";

/* ---- words and quotes ---- */

START_TEST(doctor_words_more_than_fit_are_counted)
{
	struct doctor_words w = { .n = 0 };

	ck_assert_str_eq(doctor_words_text(&w), "");
	for (int i = 1; i <= 9; i++) {
		doctor_words_add(&w, "v%d", i);
		doctor_words_add(&w, "v1");
	}
	ck_assert_str_eq(doctor_words_text(&w), "v1, v2, v3, v4, v5, v6 and 3 more");
	doctor_words_clear(&w);
	ck_assert_str_eq(doctor_words_text(&w), "");
	doctor_words_add(&w, "%0300d", 1);
	ck_assert_uint_eq(strlen(doctor_words_text(&w)), 76);
	doctor_words_clear(&w);
}
END_TEST

static void assert_quoted(const char *text, const char *expected)
{
	char *quoted = doctor_quote(text);

	ck_assert_str_eq(quoted, expected);
	free(quoted);
}

START_TEST(doctor_quote_names_cannot_be_commands)
{
	char *key = doctor_quote_sysctl("eth0.5");

	assert_quoted("vc1", "vc1");
	assert_quoted("", "''");
	assert_quoted("a b", "'a b'");
	assert_quoted("$(reboot)", "'$(reboot)'");
	assert_quoted("x;y", "'x;y'");
	assert_quoted("it's", "'it'\\''s'");
	assert_quoted("\xc3\xa9", "'\xc3\xa9'");
	ck_assert_str_eq(key, "eth0/5");
	free(key);
}
END_TEST

START_TEST(doctor_checks_have_names_of_their_own)
{
	const struct doctor_check *check;
	size_t n = 0;

	for (; (check = doctor_check_at(n)); n++)
		ck_assert_ptr_eq(doctor_check_named(doctor_check_name(check)), check);
	ck_assert_uint_gt(n, 25);
	ck_assert_ptr_null(doctor_check_named("nonsense"));
	ck_assert_ptr_null(doctor_check_named(""));
}
END_TEST

/* ---- the daemon ---- */

START_TEST(doctor_daemon_answers_or_why_not)
{
	struct world *w = world_new("{'version':'" CTM_VERSION "','pid':0,'uptime_s':61,"
				    "'sample_age_ms':250,'backend':'iptables'}");

	assert_finding(w, doctor_daemon, ADDR_V4, DOCTOR_OK, "running for 1 min 1 s", none);
	json_object_set_new(w->d.status, "backend", json_string("fake"));
	assert_finding(w, doctor_daemon, ADDR_V4, DOCTOR_WARN, "dry run", none);
	put(w, "/run/systemd/system/x", "");
	json_object_set_new(w->d.status, "config", json_string("F has changed since it was read"));
	assert_finding(w, doctor_daemon, ADDR_V4, DOCTOR_WARN,
		       "differs from the file: F has changed", "systemctl reload ctmeterd");
	json_object_set_new(w->d.status, "config",
			    json_string("restart ctmeterd to apply the changed K"));
	assert_finding(w, doctor_daemon, ADDR_V4, DOCTOR_WARN, "differs from the file: restart",
		       "systemctl restart ctmeterd");
	json_object_set_new(w->d.status, "config", json_string("ok"));
	put(w, "/run/systemd/system/x", "");
	json_object_set_new(w->d.status, "version", json_string("0.0.9"));
	assert_finding(w, doctor_daemon, ADDR_V4, DOCTOR_WARN, "0.0.9 runs, but " CTM_VERSION,
		       "systemctl restart ctmeterd");
	json_object_set_new(w->d.status, "sample_age_ms", json_integer(31000));
	assert_finding(w, doctor_daemon, ADDR_V4, DOCTOR_FAIL, "last read 31 s ago",
		       "systemctl restart ctmeterd");
	world_free(w);
}
END_TEST

START_TEST(doctor_daemon_no_answer_says_how_to_start_it)
{
	struct world *w = world_new(NULL);

	assert_finding(w, doctor_daemon, ADDR_V4, DOCTOR_FAIL,
		       "of /etc/ctmeter/ctmeter.conf, then: ctmeterd -c", none);
	ck_assert_ptr_nonnull(strstr(w->f.text, "not configured yet"));
	put(w, "/proc/vz/veinfo", "");
	assert_finding(w, doctor_daemon, ADDR_V4, DOCTOR_FAIL, "no ctmeterd answers",
		       "ctmeterd -c /etc/ctmeter/ctmeter.conf");
	put(w, "/run/systemd/system/x", "");
	assert_finding(w, doctor_daemon, ADDR_V4, DOCTOR_FAIL, "no ctmeterd answers",
		       "systemctl start ctmeterd");
	w->d.status_rc = -EACCES;
	assert_finding(w, doctor_daemon, ADDR_V4, DOCTOR_SKIP, "as root", none);
	w->d.status_rc = -ETIMEDOUT;
	snprintf(w->d.status_text, sizeof(w->d.status_text), "no answer in time");
	assert_finding(w, doctor_daemon, ADDR_V4, DOCTOR_FAIL, "in time",
		       "systemctl restart ctmeterd");
	world_free(w);
}
END_TEST

START_TEST(doctor_backend_that_is_too_slow_for_so_many)
{
	struct world *w = world_new("{'backend':'iptables','addresses':20000,"
				    "'backend_reason':'auto: link: no bpffs'}");

	assert_finding(w, doctor_which_backend, ADDR_V4, DOCTOR_OK,
		       "with iptables (auto: link: no bpffs)", none);
	world_free(w);
	w = world_new("{'backend':'iptables','addresses':20001,'backend_reason':''}");
	assert_finding(w, doctor_which_backend, ADDR_V4, DOCTOR_WARN,
		       "with iptables: with more than 20000 addresses", none);
	world_free(w);
	w = world_new("{'backend':'link','addresses':100000,'backend_reason':'auto'}");
	assert_finding(w, doctor_which_backend, ADDR_V4, DOCTOR_OK, "with link (auto)", none);
	world_free(w);
}
END_TEST

START_TEST(doctor_privileges_of_the_daemon)
{
	struct world *w = world_new("{'pid':77}");

	assert_finding(w, doctor_privileges, ADDR_V4, DOCTOR_SKIP, "process 77", none);
	put(w, "/proc/77/status",
	    "Name:\tctmeterd\nUid:\t0\t0\t0\t0\nCapPrm:\t0\nCapEff:\t0000000000003000\n");
	assert_finding(w, doctor_privileges, ADDR_V4, DOCTOR_OK, "ctmeterd has", none);
	put(w, "/proc/77/status", "Name:\tx\nCapEff:\t0000000000001000\n");
	assert_finding(w, doctor_privileges, ADDR_V4, DOCTOR_FAIL, "lacks CAP_NET_RAW",
		       "kill 77; ctmeterd -c /etc/ctmeter/ctmeter.conf");
	put(w, "/proc/77/status", "Name:\tx\nCapEff:\t0000000000002000\n");
	assert_finding(w, doctor_privileges, ADDR_V4, DOCTOR_FAIL, "lacks CAP_NET_ADMIN",
		       "kill 77; ctmeterd -c /etc/ctmeter/ctmeter.conf");
	world_free(w);
	w = world_new(NULL);
	put(w, "/proc/self/status", "Name:\tx\nCapBnd:\t0000000000000000\n");
	assert_finding(w, doctor_privileges, ADDR_V4, DOCTOR_FAIL,
		       "root lacks CAP_NET_ADMIN, CAP_NET_RAW here", none);
	w->d.status_rc = -EACCES;
	assert_finding(w, doctor_privileges, ADDR_V4, DOCTOR_SKIP, "only root", none);
	world_free(w);
}
END_TEST

START_TEST(doctor_repairs_few_are_accidents)
{
	struct world *w = world_new("{'rule_repairs':0,'uptime_s':100}");

	assert_finding(w, doctor_repairs, ADDR_V4, DOCTOR_OK, "needed no repair", none);
	json_object_set_new(w->d.status, "rule_repairs", json_integer(2));
	assert_finding(w, doctor_repairs, ADDR_V4, DOCTOR_OK, "2 times", none);
	json_object_set_new(w->d.status, "rule_repairs", json_integer(3));
	assert_finding(w, doctor_repairs, ADDR_V4, DOCTOR_WARN, "keeps inserting", none);
	ck_assert_ptr_null(w->f.look);
	install_tool(w, "journalctl");
	assert_finding(w, doctor_repairs, ADDR_V4, DOCTOR_WARN, "keeps inserting", none);
	ck_assert_str_eq(w->f.look, "journalctl -u ctmeterd | grep repairing");
	json_object_set_new(w->d.status, "uptime_s", json_integer(3 * 3600 + 1));
	assert_finding(w, doctor_repairs, ADDR_V4, DOCTOR_OK, "3 times", none);
	world_free(w);
}
END_TEST

/* ---- forwarding ---- */

START_TEST(doctor_bridge_of_the_default_route_holds_containers)
{
	struct world *w = world_new(NULL);

	add_link(w, "vmbr0", "bridge");
	add_link(w, "eth0", "")->master = 1;
	add_address(w, "101", "2001:db8::1", 1)->route.by_default = true;
	assert_finding(w, doctor_routes, ADDR_V6, DOCTOR_OK, "1 addresses", none);
	assert_finding(w, doctor_forwarding, ADDR_V6, DOCTOR_OK, "bridged", none);
	assert_finding(w, doctor_rp_filter, ADDR_V6, DOCTOR_WARN,
		       "on vmbr0 a container with a raw socket can send from another's", none);
	world_free(w);
}
END_TEST

START_TEST(doctor_forwarding_for_all_and_by_link)
{
	struct world *w = world_new(NULL);

	assert_finding(w, doctor_forwarding, ADDR_V4, DOCTOR_OK, "no container has an IPv4", none);
	add_link(w, "vc.1", "veth");
	add_address(w, "101", "192.0.2.1", 1);
	add_address(w, "101", "2001:db8::1", 1);
	assert_finding(w, doctor_forwarding, ADDR_V6, DOCTOR_FAIL, "no IPv6", none);
	put(w, "/proc/sys/net/ipv4/ip_forward", "0\n");
	assert_finding(w, doctor_forwarding, ADDR_V4, DOCTOR_FAIL, "forwards no IPv4",
		       SYSCTL("net.ipv4.ip_forward=1"));
	put(w, "/proc/sys/net/ipv4/ip_forward", "1\n");
	assert_finding(w, doctor_forwarding, ADDR_V4, DOCTOR_OK, "forwards IPv4", none);
	put(w, "/proc/sys/net/ipv4/conf/vc.1/forwarding", "0\n");
	assert_finding(w, doctor_forwarding, ADDR_V4, DOCTOR_FAIL, "received on vc.1",
		       SYSCTL("net.ipv4.conf.vc/1.forwarding=1"));
	put(w, "/proc/sys/net/ipv6/conf/all/forwarding", "0\n");
	add_link(w, "eth0", "");
	put(w, "/proc/sys/net/ipv6/conf/eth0/accept_ra", "1\n");
	put(w, "/proc/sys/net/ipv6/conf/vc.1/accept_ra", "1\n");
	assert_finding(w, doctor_forwarding, ADDR_V6, DOCTOR_FAIL, "forwards no IPv6",
		       SYSCTLS("net.ipv6.conf.eth0.accept_ra=2 net.ipv6.conf.all.forwarding=1"));
	put(w, "/proc/sys/net/ipv6/conf/eth0/accept_ra", "2\n");
	assert_finding(w, doctor_forwarding, ADDR_V6, DOCTOR_FAIL, "forwards no IPv6",
		       SYSCTL("net.ipv6.conf.all.forwarding=1"));
	put(w, "/proc/sys/net/ipv6/conf/all/forwarding", "1\n");
	assert_finding(w, doctor_forwarding, ADDR_V6, DOCTOR_OK, "forwards IPv6", none);
	world_free(w);
}
END_TEST

/* ---- spoofed sources ---- */

static void set_rp_filter(struct world *w, const char *link, const char *value)
{
	char *path = xasprintf("/proc/sys/net/ipv4/conf/%s/rp_filter", link);

	put(w, path, value);
	free(path);
}

START_TEST(doctor_rp_filter_the_greater_counts_and_loose_is_not_enough)
{
	struct world *w = world_new(NULL);

	assert_finding(w, doctor_rp_filter, ADDR_V4, DOCTOR_OK, "no IPv4 container", none);
	add_link(w, "vc1", "veth");
	add_link(w, "vc2", "veth");
	add_address(w, "101", "192.0.2.1", 1);
	add_address(w, "102", "192.0.2.2", 2);
	set_rp_filter(w, "all", "0\n");
	set_rp_filter(w, "vc1", "1\n");
	set_rp_filter(w, "vc2", "0\n");
	assert_finding(w, doctor_rp_filter, ADDR_V4, DOCTOR_WARN, "victim: vc2",
		       SYSCTL("net.ipv4.conf.vc2.rp_filter=1"));
	set_rp_filter(w, "all", "1\n");
	assert_finding(w, doctor_rp_filter, ADDR_V4, DOCTOR_OK, "drops spoofed", none);
	set_rp_filter(w, "vc1", "2\n");
	assert_finding(w, doctor_rp_filter, ADDR_V4, DOCTOR_WARN, "vc1 (loose)",
		       SYSCTL("net.ipv4.conf.vc1.rp_filter=1"));
	set_rp_filter(w, "all", "2\n");
	assert_finding(w, doctor_rp_filter, ADDR_V4, DOCTOR_WARN, "vc1 (loose), vc2 (loose)",
		       SYSCTLS("net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.vc1.rp_filter=1 "
			       "net.ipv4.conf.vc2.rp_filter=1"));
	world_free(w);
}
END_TEST

START_TEST(doctor_rp_filter_cure_leaves_uplinks_as_they_are)
{
	struct world *w = world_new(NULL);

	add_link(w, "vc1", "veth");
	add_link(w, "eth0", "");
	add_link(w, "eth0.5", "vlan");
	add_link(w, "eth1", "");
	add_link(w, "lo", "")->loopback = true;
	add_address(w, "101", "192.0.2.1", 1);
	set_rp_filter(w, "vc1", "0\n");
	set_rp_filter(w, "eth0", "1\n");
	set_rp_filter(w, "eth0.5", "0\n");
	set_rp_filter(w, "eth1", "2\n");
	set_rp_filter(w, "lo", "0\n");
	set_rp_filter(w, "all", "0\n");
	assert_finding(w, doctor_rp_filter, ADDR_V4, DOCTOR_WARN, "victim: vc1",
		       SYSCTL("net.ipv4.conf.vc1.rp_filter=1"));
	/* What is loose by "all" alone becomes so by its own. */
	set_rp_filter(w, "all", "2\n");
	assert_finding(w, doctor_rp_filter, ADDR_V4, DOCTOR_WARN, "vc1 (loose)",
		       SYSCTLS("net.ipv4.conf.eth0.rp_filter=2 net.ipv4.conf.eth0/5.rp_filter=2 "
			       "net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.vc1.rp_filter=1"));
	world_free(w);
}
END_TEST

START_TEST(doctor_rp_filter_venet_needs_none)
{
	struct world *w = world_new(NULL);

	add_link(w, "venet0", "");
	add_link(w, "vc1", "veth");
	add_address(w, "101", "192.0.2.1", 1);
	add_address(w, "101", "2001:db8::1", 1);
	assert_finding(w, doctor_rp_filter, ADDR_V4, DOCTOR_OK, "venet", none);
	assert_finding(w, doctor_rp_filter, ADDR_V6, DOCTOR_OK, "venet", none);
	add_address(w, "102", "192.0.2.2", 2);
	assert_finding(w, doctor_rp_filter, ADDR_V4, DOCTOR_WARN, "victim: vc1",
		       SYSCTL("net.ipv4.conf.vc1.rp_filter=1"));
	world_free(w);
}
END_TEST

static void add_containers(struct world *w, int from, int to)
{
	char name[16], address[32];

	for (int i = from; i <= to; i++) {
		snprintf(name, sizeof(name), "v%d", i);
		snprintf(address, sizeof(address), "192.0.%d.%d", i / 256, i % 256);
		add_link(w, name, "veth");
		add_address(w, "101", address, i);
	}
}

#define LOOP                                             \
	"for l in v1 v2 v3 v4 v5 v6 v7 v8 v9; do "       \
	"s=\"net.ipv4.conf.$l.rp_filter=1\"; sysctl -w " \
	"\"$s\" && echo \"$s\" >>/etc/sysctl.d/ctmeter.conf; done"

START_TEST(doctor_rp_filter_many_links_are_cured_in_a_loop_over_them)
{
	struct world *w = world_new(NULL);

	add_containers(w, 1, 9);
	assert_finding(w, doctor_rp_filter, ADDR_V4, DOCTOR_WARN, "v6 and 3 more", LOOP);
	add_link(w, "eth0", "");
	set_rp_filter(w, "eth0", "1\n");
	set_rp_filter(w, "all", "2\n");
	assert_finding(
		w, doctor_rp_filter, ADDR_V4, DOCTOR_WARN, "v6 (loose) and 3 more",
		SYSCTLS("net.ipv4.conf.eth0.rp_filter=2 net.ipv4.conf.all.rp_filter=0") " &&"
											" " LOOP);
	world_free(w);
}
END_TEST

START_TEST(doctor_rp_filter_what_one_command_leaves_out_is_said)
{
	struct world *w = world_new(NULL);

	add_containers(w, 1, 300);
	doctor_rp_filter(&w->d, ADDR_V4, &w->f);
	ck_assert_ptr_nonnull(strstr(w->f.text, "v6 and 294 more; the command covers the first "
						"256, so check again after it"));
	ck_assert_ptr_nonnull(strstr(w->f.cure, " v256; do "));
	world_free(w);
}
END_TEST

/* ---- routes, XDP ---- */

START_TEST(doctor_routes_that_lead_to_no_container)
{
	struct world *w = world_new(NULL);

	add_link(w, "lo", "")->loopback = true;
	add_link(w, "eth0", "");
	add_link(w, "vc1", "veth");
	add_link(w, "venet0", "");
	add_address(w, "101", "192.0.2.1", 3);
	add_address(w, "102", "192.0.2.2", 4);
	add_address(w, "103", "192.0.2.3", 0)->stopped = true;
	assert_finding(w, doctor_routes, ADDR_V4, DOCTOR_OK, "2 addresses in use", none);
	add_address(w, "104", "192.0.2.4", 0);
	add_address(w, "105", "192.0.2.5", 2);
	add_address(w, "106", "192.0.2.6", 3)->route.by_default = true;
	add_address(w, "107", "192.0.2.7", 1)->route.way = RTNL_WAY_LOCAL;
	assert_finding(
		w, doctor_routes, ADDR_V4, DOCTOR_WARN,
		"no route leads to 104 192.0.2.4; assigned to the node itself: 107 192.0.2.7; "
		"routed off the node: 105 192.0.2.5 (eth0), 106 192.0.2.6 (vc1)",
		none);
	ck_assert_str_eq(w->f.look, "ip route get 192.0.2.4");
	assert_finding(w, doctor_routes, ADDR_V6, DOCTOR_OK, "no IPv6 address is in use", none);
	add_address(w, "108", "2001:db8::8", 0)->route.way = RTNL_WAY_UNKNOWN;
	assert_finding(w, doctor_routes, ADDR_V6, DOCTOR_SKIP, "1 addresses", none);
	world_free(w);
}
END_TEST

START_TEST(doctor_xdp_programs_are_named)
{
	struct world *w = world_new(NULL);

	assert_finding(w, doctor_xdp, ADDR_V4, DOCTOR_SKIP, "cannot list", none);
	add_link(w, "vc1", "veth");
	assert_finding(w, doctor_xdp, ADDR_V4, DOCTOR_OK, "no link", none);
	add_link(w, "a b", "veth")->xdp = RTNL_XDP_DRV;
	w->d.links[1].xdp_program = 12;
	assert_finding(w, doctor_xdp, ADDR_V4, DOCTOR_WARN, "a b (program 12)",
		       "ip link set dev 'a b' xdp off");
	w->d.links[1].xdp = RTNL_XDP_SKB;
	assert_finding(w, doctor_xdp, ADDR_V4, DOCTOR_WARN, "a b",
		       "ip link set dev 'a b' xdpgeneric off");
	world_free(w);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("doctor");
	TCase *tc = tcase_create("doctor");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, doctor_words_more_than_fit_are_counted);
	tcase_add_test(tc, doctor_quote_names_cannot_be_commands);
	tcase_add_test(tc, doctor_checks_have_names_of_their_own);
	tcase_add_test(tc, doctor_daemon_answers_or_why_not);
	tcase_add_test(tc, doctor_daemon_no_answer_says_how_to_start_it);
	tcase_add_test(tc, doctor_backend_that_is_too_slow_for_so_many);
	tcase_add_test(tc, doctor_privileges_of_the_daemon);
	tcase_add_test(tc, doctor_repairs_few_are_accidents);
	tcase_add_test(tc, doctor_bridge_of_the_default_route_holds_containers);
	tcase_add_test(tc, doctor_forwarding_for_all_and_by_link);
	tcase_add_test(tc, doctor_rp_filter_the_greater_counts_and_loose_is_not_enough);
	tcase_add_test(tc, doctor_rp_filter_venet_needs_none);
	tcase_add_test(tc, doctor_rp_filter_cure_leaves_uplinks_as_they_are);
	tcase_add_test(tc, doctor_rp_filter_many_links_are_cured_in_a_loop_over_them);
	tcase_add_test(tc, doctor_rp_filter_what_one_command_leaves_out_is_said);
	tcase_add_test(tc, doctor_routes_that_lead_to_no_container);
	tcase_add_test(tc, doctor_xdp_programs_are_named);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
