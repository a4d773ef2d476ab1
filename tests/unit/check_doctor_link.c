/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The doctor's checks of counting on links, and what the others say where it is used. */
#include "doctor_world.h"

static const char *const none = "";

#define ON_LINKS "{'pid': 7, 'backend': 'link', 'ipv4': 'counting', 'ipv6': 'counting'}"
#define RESTART "kill 7; ctmeterd -c " CFG_DEFAULT_PATH

static struct world *links_new(const char *status)
{
	struct world *w = world_new(status);

	w->d.ground_rc = w->d.seen_rc = 0;
	w->d.ground = (struct fw_look_ground) { .tcx = true, .mount = "/sys/fs/bpf", .slots = 8 };
	return w;
}

/* What is at a link; with our programs at both entrances. */
static struct fw_look_link *see(struct world *w, const char *name, const char *way)
{
	struct fw_look_link *l;

	w->d.seen = xreallocarray(w->d.seen, w->d.n_seen + 1, sizeof(*l));
	l = &w->d.seen[w->d.n_seen++];
	*l = (struct fw_look_link) { .way = way };
	snprintf(l->name, sizeof(l->name), "%s", name);
	l->at[FW_INGRESS].ours = l->at[FW_EGRESS].ours = true;
	return l;
}

static struct doctor_address *counted(struct world *w, const char *id, const char *text,
				      const char *link, const char *why)
{
	struct doctor_address *a = add_address(w, id, text, 0);

	a->counting = !*why;
	snprintf(a->link, sizeof(a->link), "%s", link);
	snprintf(a->why, sizeof(a->why), "%s", why);
	return a;
}

START_TEST(doctor_link_kernel_says_what_is_missing)
{
	struct world *w = links_new(ON_LINKS);

	assert_finding(w, doctor_link_kernel, ADDR_V4, DOCTOR_OK, "room for 4 addresses", none);
	w->d.ground.tcx = false;
	assert_finding(w, doctor_link_kernel, ADDR_V4, DOCTOR_OK, "no tcx, which is of Linux 6.6",
		       none);
	w->d.ground.ground = FW_GROUND_NO_BPFFS;
	assert_finding(w, doctor_link_kernel, ADDR_V4, DOCTOR_WARN, "counting ends with this",
		       "mount -t bpf bpf /sys/fs/bpf && echo bpf /sys/fs/bpf bpf defaults 0 0 "
		       ">>/etc/fstab && " RESTART);
	put(w, "/run/systemd/system/x", "");
	assert_finding(w, doctor_link_kernel, ADDR_V4, DOCTOR_WARN, "no bpffs",
		       "mount -t bpf bpf /sys/fs/bpf && systemctl restart ctmeterd");
	snprintf(w->d.ground.text, sizeof(w->d.ground.text), "what is pinned");
	w->d.ground.ground = FW_GROUND_UNPREPARED;
	assert_finding(w, doctor_link_kernel, ADDR_V4, DOCTOR_WARN, "what is pinned: counting ends",
		       "systemctl restart ctmeterd");
	w->d.ground.ground = FW_GROUND_ANOTHERS;
	assert_finding(w, doctor_link_kernel, ADDR_V4, DOCTOR_WARN,
		       "what is pinned does not belong", "ctmeterd --prepare");
	w->d.ground.ground = FW_GROUND_OTHER_LAYOUT;
	assert_finding(w, doctor_link_kernel, ADDR_V4, DOCTOR_WARN, "what is pinned",
		       "systemctl stop ctmeterd && ctmeter teardown && systemctl start ctmeterd");
	w->d.ground.ground = FW_GROUND_NO_BPF;
	assert_finding(w, doctor_link_kernel, ADDR_V4, DOCTOR_WARN, "what is pinned", none);
	json_object_set_new(w->d.status, "ipv4", json_string("not countable: why"));
	json_object_set_new(w->d.status, "ipv6", json_string("not countable: why"));
	assert_finding(w, doctor_link_kernel, ADDR_V4, DOCTOR_FAIL, "what is pinned", none);
	w->d.ground_rc = -EPERM;
	assert_finding(w, doctor_link_kernel, ADDR_V4, DOCTOR_SKIP, "only root", none);
	world_free(w);
}
END_TEST

START_TEST(doctor_links_each_with_both_entrances)
{
	struct world *w = links_new(ON_LINKS);
	struct fw_look_link *l = see(w, "veth1", "tcx");

	counted(w, "101", "192.0.2.1", "veth1", "");
	counted(w, "101", "2001:db8::1", "veth1", "");
	assert_finding(w, doctor_at_links, ADDR_V4, DOCTOR_OK,
		       "2 addresses are counted on 1 links (tcx 1, clsact 0, ingress qdisc 0)",
		       none);
	l->at[FW_EGRESS].ours = false;
	assert_finding(w, doctor_at_links, ADDR_V4, DOCTOR_FAIL, "counted here: veth1 egress",
		       "ctmeter refresh");
	l->at[FW_EGRESS].stale = true;
	assert_finding(w, doctor_at_links, ADDR_V4, DOCTOR_FAIL, "of another version: veth1 egress",
		       RESTART);
	l->at[FW_EGRESS].stale = false;
	l->ingress_qdisc = true; /* link-limits tells of that */
	l->way = "ingress qdisc";
	assert_finding(w, doctor_at_links, ADDR_V4, DOCTOR_OK, "clsact 0, ingress qdisc 1)", none);
	counted(w, "102", "192.0.2.2", "veth2", "");
	assert_finding(w, doctor_at_links, ADDR_V4, DOCTOR_FAIL, "counted here: veth2",
		       "ctmeter refresh");
	world_free(w);
}
END_TEST

START_TEST(doctor_links_addresses_that_have_none)
{
	struct world *w = links_new(ON_LINKS);

	counted(w, "101", "192.0.2.1", "", "stopped")->stopped = true;
	counted(w, "102", "192.0.2.2", "", "claimed")->conflict = true;
	assert_finding(w, doctor_at_links, ADDR_V4, DOCTOR_OK, "0 addresses", none);
	counted(w, "103", "192.0.2.3", "", "no route leads to it");
	assert_finding(w, doctor_at_links, ADDR_V4, DOCTOR_WARN,
		       "not counted: 103 192.0.2.3: no route leads to it", none);
	ck_assert_str_eq(w->f.look, "ctmeter list --links");
	counted(w, "104", "192.0.2.4", "", "another reason");
	assert_finding(w, doctor_at_links, ADDR_V4, DOCTOR_WARN,
		       "104 192.0.2.4; the first, because: no route", none);
	w->d.ground.ground = FW_GROUND_UNPREPARED;
	assert_finding(w, doctor_at_links, ADDR_V4, DOCTOR_SKIP, "see link-kernel", none);
	world_free(w);
	w = links_new(NULL);
	w->cfg->netfilter.backend = CFG_BACKEND_LINK;
	see(w, "veth1", "tcx");
	assert_finding(w, doctor_at_links, ADDR_V4, DOCTOR_SKIP, "1 links have our programs", none);
	world_free(w);
}
END_TEST

START_TEST(doctor_link_order_names_who_precedes)
{
	struct world *w = links_new(ON_LINKS);
	struct fw_look_link *l = see(w, "veth1", "tcx");

	l->at[FW_EGRESS].n_others = 2;
	assert_finding(w, doctor_link_order, ADDR_V4, DOCTOR_OK, "first at each entrance", none);
	l->at[FW_EGRESS].n_before = 1;
	l->at[FW_EGRESS].before = 42;
	snprintf(l->at[FW_EGRESS].before_name, sizeof(l->at[0].before_name), "cil_to");
	assert_finding(w, doctor_link_order, ADDR_V4, DOCTOR_FAIL,
		       "veth1 egress (program 42 cil_to)", "ctmeter refresh");
	l->at[FW_EGRESS].before = 0;
	*l->at[FW_EGRESS].before_name = '\0';
	assert_finding(w, doctor_link_order, ADDR_V4, DOCTOR_FAIL, "veth1 egress (a filter)",
		       "ctmeter refresh");
	l->at[FW_EGRESS].ours = false; /* it precedes nothing */
	assert_finding(w, doctor_link_order, ADDR_V4, DOCTOR_OK, "first", none);
	world_free(w);
}
END_TEST

START_TEST(doctor_link_limits_takes_away_no_limit)
{
	struct world *w = links_new(ON_LINKS);
	struct fw_look_link *l = see(w, "veth 1", "ingress qdisc");

	l->ingress_qdisc = true;
	assert_finding(w, doctor_link_limits, ADDR_V4, DOCTOR_OK, "no rate limit", none);
	l->at[FW_EGRESS].ours = false;
	assert_finding(w, doctor_link_limits, ADDR_V4, DOCTOR_FAIL, "Linux 6.6",
		       "tc qdisc del dev 'veth 1' ingress && ctmeter refresh");
	l = see(w, "veth2", "ingress qdisc");
	l->ingress_qdisc = true;
	l->at[FW_EGRESS].ours = false;
	l->at[FW_INGRESS].n_others = 1;
	assert_finding(w, doctor_link_limits, ADDR_V4, DOCTOR_FAIL, "for a rate limit,", none);
	ck_assert_str_eq(w->f.look, "tc filter show dev veth2 ingress");
	world_free(w);
}
END_TEST

START_TEST(doctor_link_offload_what_passes_by)
{
	struct world *w = links_new(ON_LINKS);
	struct rtnl_link *l = add_link(w, "veth1", "veth");

	see(w, "veth1", "tcx");
	assert_finding(w, doctor_link_offload, ADDR_V4, DOCTOR_OK, "nothing is seen", none);
	l->xdp = RTNL_XDP_DRV;
	l->xdp_program = 5;
	assert_finding(w, doctor_link_offload, ADDR_V4, DOCTOR_WARN, "veth1 (program 5)",
		       "ip link set dev veth1 xdpdrv off");
	l->xdp = RTNL_XDP_NONE;
	put(w, "/proc/net/nf_conntrack", "ipv4 tcp [OFFLOAD]\nipv4 tcp [HW_OFFLOAD] mark=0\n");
	assert_finding(w, doctor_link_offload, ADDR_V4, DOCTOR_WARN,
		       "in hardware: 1 connections in flowtables", none);
	put(w, "/proc/net/nf_conntrack", "ipv4 tcp [OFFLOAD]\n");
	see(w, "eth0", "not attached")->at[FW_INGRESS].peering = 9;
	snprintf(w->d.seen[1].at[FW_INGRESS].peering_name, 8, "cil_in");
	assert_finding(w, doctor_link_offload, ADDR_V4, DOCTOR_WARN,
		       "(bpf_redirect_peer): eth0 (program 9 cil_in)", none);
	w->d.seen[1].at[FW_INGRESS].peering_tail = true;
	assert_finding(w, doctor_link_offload, ADDR_V4, DOCTOR_WARN,
		       "by tail calls, which may do so (bpf_redirect_peer, as Cilium does): eth0",
		       none);
	world_free(w);
}
END_TEST

START_TEST(doctor_rules_are_no_matter_on_links)
{
	static doctor_fn *const skipped[] = { doctor_table,  doctor_rules,  doctor_modules,
					      doctor_copies, doctor_memory, doctor_early_drops };
	static doctor_fn *const fine[] = { doctor_flowtable, doctor_tc,         doctor_bridge,
					   doctor_rp_filter, doctor_forwarding, doctor_routes };
	static doctor_fn *const links[] = { doctor_link_kernel, doctor_at_links, doctor_link_order,
					    doctor_link_limits, doctor_link_offload };
	struct world *w = links_new(ON_LINKS);

	put(w, "/proc/sys/net/ipv4/ip_forward", "0\n");
	counted(w, "101", "192.0.2.1", "veth1", ""); /* bridged: the node has no route to it */
	for (size_t i = 0; i < ARRAY_LEN(skipped); i++)
		assert_finding(w, skipped[i], ADDR_V4, DOCTOR_SKIP, "counted on their links", none);
	for (size_t i = 0; i < ARRAY_LEN(fine); i++)
		assert_finding(w, fine[i], ADDR_V4, DOCTOR_OK, " ", none);
	json_object_set_new(w->d.status, "backend", json_string("iptables"));
	for (size_t i = 0; i < ARRAY_LEN(links); i++)
		assert_finding(w, links[i], ADDR_V4, DOCTOR_SKIP, "counted by rules", none);
	world_free(w);
}
END_TEST

#define SECTION "^[[:blank:]]*\\[netfilter]"

START_TEST(doctor_bridge_offers_links)
{
	struct world *w = links_new("{'pid': 7, 'backend': 'iptables'}");
	const char *const restart = " " CFG_DEFAULT_PATH " && " RESTART;
	char *cure;

	add_link(w, "br0", "bridge");
	add_address(w, "101", "192.0.2.1", 1);
	assert_finding(w, doctor_bridge, ADDR_V4, DOCTOR_WARN, "with [netfilter] backend = link",
		       "printf '\\n[netfilter]\\nbackend = link\\n' >>" CFG_DEFAULT_PATH
		       " && " RESTART);
	put(w, CFG_DEFAULT_PATH, "[ledger]\nbackend = x\n[netfilter]\n# backend = iptables\n");
	cure = xasprintf("sed -i '/" SECTION "/a backend = link'%s", restart);
	assert_finding(w, doctor_bridge, ADDR_V4, DOCTOR_WARN, "no firewall changes", cure);
	free(cure);
	put(w, CFG_DEFAULT_PATH, "[netfilter]\ntable = mangle\nbackend\t= iptables\n[ports]\n");
	cure = xasprintf("sed -i '/" SECTION "/,/^[[:blank:]]*\\[/"
			 "s/^[[:blank:]]*backend[[:blank:]]*=.*/backend = link/'%s",
			 restart);
	assert_finding(w, doctor_bridge, ADDR_V4, DOCTOR_WARN, "no firewall changes", cure);
	free(cure);
	w->d.ground.ground = FW_GROUND_NO_BPFFS;
	ck_assert_ptr_null(doctor_choose_links(&w->d));
	world_free(w);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("doctor_link");
	TCase *tc = tcase_create("all");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_test(tc, doctor_link_kernel_says_what_is_missing);
	tcase_add_test(tc, doctor_links_each_with_both_entrances);
	tcase_add_test(tc, doctor_links_addresses_that_have_none);
	tcase_add_test(tc, doctor_link_order_names_who_precedes);
	tcase_add_test(tc, doctor_link_limits_takes_away_no_limit);
	tcase_add_test(tc, doctor_link_offload_what_passes_by);
	tcase_add_test(tc, doctor_rules_are_no_matter_on_links);
	tcase_add_test(tc, doctor_bridge_offers_links);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
