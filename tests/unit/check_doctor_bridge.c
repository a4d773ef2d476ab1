/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The doctor's check of bridges: what iptables sees of them, once or twice, and when a cure is
 * offered. */
#include "doctor_world.h"

static const char *const none = "";

#define LOAD "modprobe br_netfilter && echo br_netfilter >>/etc/modules-load.d/ctmeter.conf && "

static void set_rules(struct world *w, const char *items)
{
	char *json = xasprintf("{\"nftables\":[%s]}", items);

	for (char *c = json; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	nft_view_free(w->d.nft);
	w->d.nft = nft_view_new(json);
	ck_assert_ptr_nonnull(w->d.nft);
	free(json);
}

static void assert_look(struct world *w, const char *look)
{
	ck_assert_str_eq(w->f.look ? w->f.look : "", look);
}

START_TEST(doctor_bridge_seen_by_iptables_or_not)
{
	struct world *w = world_new(NULL);

	add_link(w, "br0", "bridge");
	add_link(w, "veth1", "veth")->master = 1;
	assert_finding(w, doctor_bridge, ADDR_V4, DOCTOR_OK, "no route to a container", none);
	add_address(w, "101", "192.0.2.1", 1);
	assert_finding(w, doctor_bridge, ADDR_V6, DOCTOR_OK, "no route to a container", none);
	assert_finding(w, doctor_bridge, ADDR_V4, DOCTOR_WARN, "packets on br0 from container",
		       LOAD SYSCTL("net.bridge.bridge-nf-call-iptables=1"));
	put(w, "/proc/sys/net/bridge/bridge-nf-call-iptables", "0\n");
	assert_finding(w, doctor_bridge, ADDR_V4, DOCTOR_WARN,
		       "is off); once it does, the node's FORWARD policy and rules, and its NAT, "
		       "apply",
		       SYSCTL("net.bridge.bridge-nf-call-iptables=1"));
	add_link(w, "eth0", "")->master = 1;
	assert_finding(w, doctor_bridge, ADDR_V4, DOCTOR_FAIL,
		       "packets on br0, so they are not counted (",
		       SYSCTL("net.bridge.bridge-nf-call-iptables=1"));
	put(w, "/sys/class/net/br0/bridge/nf_call_iptables", "1\n");
	assert_finding(w, doctor_bridge, ADDR_V4, DOCTOR_OK, "iptables sees", none);
	put(w, "/sys/class/net/br0/bridge/nf_call_iptables", "0\n");
	put(w, "/proc/sys/net/bridge/bridge-nf-call-iptables", "1\n");
	assert_finding(w, doctor_bridge, ADDR_V4, DOCTOR_OK, "iptables sees", none);
	world_free(w);
}
END_TEST

START_TEST(doctor_bridge_no_cure_where_forward_drops)
{
	struct world *w = world_new(NULL);

	add_link(w, "br0", "bridge");
	add_address(w, "101", "192.0.2.1", 1);
	add_address(w, "101", "2001:db8::1", 1);
	put(w, "/proc/sys/net/bridge/bridge-nf-call-iptables", "0\n");
	put(w, "/proc/sys/net/bridge/bridge-nf-call-ip6tables", "0\n");
	/* As Docker sets it. */
	set_rules(w, "{'chain':{'family':'ip','table':'filter','name':'FORWARD','hook':'forward',"
		     "'prio':0,'policy':'drop'}}");
	assert_finding(w, doctor_bridge, ADDR_V4, DOCTOR_WARN,
		       "; the nft chain ip filter FORWARD drops packets: accept bridged packets",
		       none);
	assert_look(w, "nft list table ip filter");
	assert_finding(w, doctor_bridge, ADDR_V6, DOCTOR_WARN, "packets on br0",
		       SYSCTL("net.bridge.bridge-nf-call-ip6tables=1"));
	set_rules(w, "{'chain':{'family':'inet','table':'fw','name':'f','hook':'forward','prio':0,"
		     "'policy':'accept'}},{'rule':{'family':'inet','table':'fw','chain':'f',"
		     "'expr':[{'xt':{'type':'target','name':'REJECT'}}]}}");
	assert_finding(w, doctor_bridge, ADDR_V6, DOCTOR_WARN, "inet fw f drops", none);
	nft_view_free(w->d.nft);
	w->d.nft = NULL;
	snprintf(w->d.nft_text, sizeof(w->d.nft_text), "not checked, nft is not installed");
	assert_finding(w, doctor_bridge, ADDR_V4, DOCTOR_WARN,
		       "cannot tell whether FORWARD drops packets, nftables: not checked", none);
	/* A kernel that has it not loaded has no rules of it. */
	put(w, "/proc/modules", "bridge 1 2 - Live 0x0\n");
	assert_finding(w, doctor_bridge, ADDR_V4, DOCTOR_WARN, "packets on br0",
		       SYSCTL("net.bridge.bridge-nf-call-iptables=1"));
	world_free(w);
}
END_TEST

/* As Proxmox sets it up: eth0 - vmbr0 - fwpr101p0 - fwln101i0 - fwbr101i0 - veth101i0. */
static struct world *world_of_rows(void)
{
	struct world *w = world_new(NULL);
	int pair = 3;

	add_link(w, "vmbr0", "bridge");
	add_link(w, "eth0", "")->master = 1;
	add_link(w, "fwpr101p0", "veth")->master = 1;
	w->d.links[pair - 1].lower = pair + 1;
	add_link(w, "fwln101i0", "veth")->master = 5;
	w->d.links[pair].lower = pair;
	add_link(w, "fwbr101i0", "bridge");
	add_link(w, "veth101i0", "veth")->master = 5;
	w->d.links[5].lower = 2; /* in the container */
	w->d.links[5].lower_elsewhere = true;
	put(w, "/sys/class/net/vmbr0/bridge/nf_call_iptables", "0\n");
	put(w, "/sys/class/net/fwbr101i0/bridge/nf_call_iptables", "0\n");
	put(w, "/proc/sys/net/bridge/bridge-nf-call-iptables", "1\n");
	return w;
}

#define OWN(bridge, value)                                                                       \
	"for b in " bridge "; do echo " value ">\"/sys/class/net/$b/bridge/nf_call_iptables\"; " \
	"done"

START_TEST(doctor_bridge_in_a_row_counts_twice)
{
	struct world *w = world_of_rows();

	/* Whether or not a route of the node leads there. */
	for (int i = 0; i < 2; i++) {
		assert_finding(w, doctor_bridge, ADDR_V4, DOCTOR_FAIL,
			       "counts at each: vmbr0 and fwbr101i0",
			       SYSCTL("net.bridge.bridge-nf-call-iptables=0") " && " OWN(
				       "fwbr101i0", "0 ") " && " OWN("vmbr0", "1 "));
		add_address(w, "101", "192.0.2.1", 1);
	}
	put(w, "/etc/udev/rules.d/x", "");
	doctor_finding_clear(&w->f);
	doctor_bridge(&w->d, ADDR_V4, &w->f);
	ck_assert_ptr_nonnull(strstr(w->f.cure, ">>/etc/udev/rules.d/90-ctmeter.rules"));
	/* A firewall may see what it filters there alone. */
	set_rules(w, "{'chain':{'family':'ip','table':'filter','name':'FORWARD','hook':'forward',"
		     "'prio':0,'policy':'drop'}}");
	assert_finding(w, doctor_bridge, ADDR_V4, DOCTOR_FAIL, "a firewall may need", none);
	world_free(w);
}
END_TEST

START_TEST(doctor_bridge_in_a_row_is_not_made_to_count_twice)
{
	struct world *w = world_of_rows();

	put(w, "/proc/sys/net/bridge/bridge-nf-call-iptables", "0\n");
	assert_finding(w, doctor_bridge, ADDR_V4, DOCTOR_OK, "no route", none);
	add_address(w, "101", "192.0.2.1", 1)->route.by_default = true;
	assert_finding(w, doctor_bridge, ADDR_V4, DOCTOR_FAIL,
		       "packets on vmbr0, so they are not counted (", OWN("vmbr0", "1 "));
	put(w, "/sys/class/net/vmbr0/bridge/nf_call_iptables", "1\n");
	assert_finding(w, doctor_bridge, ADDR_V4, DOCTOR_OK, "iptables sees", none);
	put(w, "/sys/class/net/fwbr101i0/bridge/nf_call_iptables", "1\n");
	assert_finding(w, doctor_bridge, ADDR_V4, DOCTOR_FAIL, "vmbr0 and fwbr101i0",
		       SYSCTL("net.bridge.bridge-nf-call-iptables=0") " && " OWN(
			       "fwbr101i0", "0 ") " && " OWN("vmbr0", "1 "));
	world_free(w);
}
END_TEST

START_TEST(doctor_bridge_of_the_default_route_is_a_containers)
{
	struct world *w = world_new(NULL);

	add_link(w, "vmbr0", "bridge");
	add_link(w, "eth0", "")->master = 1;
	add_address(w, "101", "2001:db8::1", 1)->route.by_default = true;
	assert_finding(w, doctor_bridge, ADDR_V6, DOCTOR_FAIL, "vmbr0",
		       LOAD SYSCTL("net.bridge.bridge-nf-call-ip6tables=1"));
	world_free(w);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("doctor_bridge");
	TCase *tc = tcase_create("doctor_bridge");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, doctor_bridge_seen_by_iptables_or_not);
	tcase_add_test(tc, doctor_bridge_no_cure_where_forward_drops);
	tcase_add_test(tc, doctor_bridge_in_a_row_counts_twice);
	tcase_add_test(tc, doctor_bridge_in_a_row_is_not_made_to_count_twice);
	tcase_add_test(tc, doctor_bridge_of_the_default_route_is_a_containers);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
