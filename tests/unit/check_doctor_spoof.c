/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The doctor's check of spoofed sources where a link's name does not last, on bridges, and where
 * commands are missing. */
#include "doctor_world.h"

static const char *const none = "";

static void set_rp_filter(struct world *w, const char *link, const char *value)
{
	char *path = xasprintf("/proc/sys/net/ipv4/conf/%s/rp_filter", link);

	put(w, path, value);
	free(path);
}

START_TEST(doctor_rp_filter_links_named_anew_get_it_from_default)
{
	struct world *w = world_new(NULL);

	add_link(w, "veth4f3a21b", "veth");
	add_link(w, "veth101.0", "veth");
	add_link(w, "eth0", "");
	add_address(w, "web", "192.0.2.1", 1);
	add_address(w, "101", "192.0.2.2", 2);
	set_rp_filter(w, "all", "0\n");
	set_rp_filter(w, "default", "0\n");
	set_rp_filter(w, "eth0", "2\n");
	set_rp_filter(w, "veth4f3a21b", "1\n");
	set_rp_filter(w, "veth101.0", "0\n");
	assert_finding(
		w, doctor_rp_filter, ADDR_V4, DOCTOR_WARN,
		"victim: veth101.0; veth4f3a21b gets a new name at its container's next start",
		SYSCTLS("net.ipv4.conf.eth0.rp_filter=2 net.ipv4.conf.default.rp_filter=1 "
			"net.ipv4.conf.veth101/0.rp_filter=1"));
	/* Nothing of a name that will not be there again stays behind. */
	set_rp_filter(w, "veth101.0", "1\n");
	set_rp_filter(w, "veth4f3a21b", "0\n");
	assert_finding(
		w, doctor_rp_filter, ADDR_V4, DOCTOR_WARN, "victim: veth4f3a21b; veth4f3a21b gets",
		SYSCTLS("net.ipv4.conf.eth0.rp_filter=2 net.ipv4.conf.default.rp_filter=1") " && "
											    "sysctl"
											    " -w "
											    "net."
											    "ipv4."
											    "conf."
											    "veth4f"
											    "3a21b."
											    "rp_"
											    "filter"
											    "=1");
	set_rp_filter(w, "veth4f3a21b", "1\n");
	assert_finding(w, doctor_rp_filter, ADDR_V4, DOCTOR_WARN,
		       "is strict on all links now, but veth4f3a21b gets a new name",
		       SYSCTLS("net.ipv4.conf.eth0.rp_filter=2 net.ipv4.conf.default.rp_filter=1"));
	set_rp_filter(w, "default", "1\n");
	assert_finding(w, doctor_rp_filter, ADDR_V4, DOCTOR_OK, "drops spoofed", none);
	set_rp_filter(w, "default", "0\n");
	set_rp_filter(w, "all", "1\n");
	assert_finding(w, doctor_rp_filter, ADDR_V4, DOCTOR_OK, "drops spoofed", none);
	world_free(w);
}
END_TEST

START_TEST(doctor_rp_filter_ipv6_rules_name_what_lasts)
{
	struct world *w = world_new(NULL);

	add_link(w, "veth4f3a21b", "veth");
	add_link(w, "veth0000001", "veth");
	add_address(w, "web", "2001:db8::1", 1);
	add_address(w, "db", "2001:db8::2", 2);
	assert_finding(
		w, doctor_rp_filter, ADDR_V6, DOCTOR_WARN,
		"veth4f3a21b, veth0000001; a new rule lasts until the next boot",
		"ip6tables-legacy -t raw -A PREROUTING -i veth+ -m rpfilter --invert -j DROP");
	add_link(w, "vc1", "veth");
	add_address(w, "101", "2001:db8::3", 3);
	assert_finding(w, doctor_rp_filter, ADDR_V6, DOCTOR_WARN, "vc1",
		       "for l in veth+ vc1; do ip6tables-legacy -t raw -A PREROUTING -i \"$l\" -m "
		       "rpfilter --invert -j DROP; done");
	world_free(w);
}
END_TEST

static void remove_tool(struct world *w, const char *name)
{
	char *path = xasprintf("%s/usr/sbin/%s", w->root, name);

	ck_assert_int_eq(unlink(path), 0);
	free(path);
}

#define NFT_CURE                                                                              \
	"nft add table ip6 ctmeter && nft add chain ip6 ctmeter sources '{ type filter hook " \
	"prerouting priority -300; }' && for l in vc1; do nft add rule ip6 ctmeter sources "  \
	"iifname \"$(echo \"$l\" | tr + '*')\" fib saddr . iif oif missing drop; done"

START_TEST(doctor_rp_filter_ipv6_without_legacy_iptables)
{
	struct world *w = world_new(NULL);
	char *link;

	add_link(w, "vc1", "veth");
	add_address(w, "101", "2001:db8::3", 1);
	/* EL7: iptables itself is the legacy one. */
	remove_tool(w, "ip6tables-legacy");
	install_tool(w, "xtables-multi");
	link = xasprintf("%s/usr/sbin/ip6tables", w->root);
	ck_assert_int_eq(symlink("xtables-multi", link), 0);
	assert_finding(w, doctor_rp_filter, ADDR_V6, DOCTOR_WARN, "vc1",
		       "ip6tables -t raw -A PREROUTING -i vc1 -m rpfilter --invert -j DROP");
	/* EL8: it is nft's. */
	unlink(link);
	install_tool(w, "xtables-nft-multi");
	ck_assert_int_eq(symlink("xtables-nft-multi", link), 0);
	install_tool(w, "nft");
	assert_finding(w, doctor_rp_filter, ADDR_V6, DOCTOR_WARN, "vc1", NFT_CURE);
	remove_tool(w, "nft");
	install_tool(w, "apt-get");
	assert_finding(w, doctor_rp_filter, ADDR_V6, DOCTOR_WARN, "vc1",
		       "apt-get install -y nftables && " NFT_CURE);
	free(link);
	world_free(w);
}
END_TEST

START_TEST(doctor_rp_filter_does_not_help_on_a_bridge)
{
	static const char guarded[] =
		"{\"nftables\":[{\"chain\":{\"family\":\"bridge\",\"table\":\"t\",\"name\":\"c\","
		"\"hook\":\"prerouting\",\"prio\":-300,\"policy\":\"accept\"}},{\"rule\":"
		"{\"family\":\"bridge\",\"table\":\"t\",\"chain\":\"c\",\"expr\":[{\"match\":{"
		"\"op\":\"!=\",\"left\":{\"payload\":{\"protocol\":\"ip\",\"field\":\"saddr\"}},"
		"\"right\":\"192.0.2.1\"}},{\"drop\":null}]}}]}";
	struct world *w = world_new(NULL);

	add_link(w, "br0", "bridge");
	add_link(w, "vc1", "veth");
	add_address(w, "101", "192.0.2.1", 1);
	add_address(w, "101", "2001:db8::1", 1);
	assert_finding(w, doctor_rp_filter, ADDR_V4, DOCTOR_WARN,
		       "on br0 a container with a raw socket can send from another's address, and "
		       "the other is billed",
		       none);
	add_address(w, "102", "192.0.2.2", 2);
	set_rp_filter(w, "vc1", "1\n");
	assert_finding(w, doctor_rp_filter, ADDR_V4, DOCTOR_WARN,
		       "drops spoofed sources (rp_filter = 1); on br0", none);
	nft_view_free(w->d.nft);
	w->d.nft = nft_view_new(guarded);
	assert_finding(w, doctor_rp_filter, ADDR_V4, DOCTOR_OK, "checks source addresses on br0",
		       none);
	assert_finding(w, doctor_rp_filter, ADDR_V6, DOCTOR_WARN, "on br0", none);
	nft_view_free(w->d.nft);
	w->d.nft = NULL;
	assert_finding(w, doctor_rp_filter, ADDR_V6, DOCTOR_SKIP, "cannot tell whether one exists",
		       none);
	world_free(w);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("doctor_spoof");
	TCase *tc = tcase_create("doctor_spoof");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, doctor_rp_filter_links_named_anew_get_it_from_default);
	tcase_add_test(tc, doctor_rp_filter_ipv6_rules_name_what_lasts);
	tcase_add_test(tc, doctor_rp_filter_ipv6_without_legacy_iptables);
	tcase_add_test(tc, doctor_rp_filter_does_not_help_on_a_bridge);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
