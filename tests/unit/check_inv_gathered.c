/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a child gathered of LXC, Proxmox VE and systemd-nspawn, read. */
#include "inv_helpers.h"

#include "inventory/gather.h"
#include "inventory/inv_lxc.h"
#include "inventory/inv_nspawn.h"
#include "inventory/inv_pve.h"

typedef int parse_fn(struct inv_part *part, const char *text, size_t len, struct err *e);

/* Records, one after the other. */
struct gathering {
	char *text;
	size_t len;
};

static void put(struct gathering *g, const char *word, const char *name, const char *text)
{
	char *more = xasprintf("%s%s %zu %s\n%s\n", g->text ? g->text : "", word, strlen(text),
			       name, text);

	free(g->text);
	g->text = more;
	g->len = strlen(more);
}

static struct inv_part *part_of(parse_fn *parse, const struct gathering *g)
{
	struct inv_part *part = inv_part_new("src", NULL);
	struct err e = { "" };

	ck_assert_msg(parse(part, g->text, g->len, &e) == 0, "%s", e.text);
	return part;
}

/* Read them, and forget them. */
static void expect(parse_fn *parse, struct gathering *g, const char *expected)
{
	struct inv_part *part = part_of(parse, g);

	expect_part(part, expected);
	inv_part_free(part);
	free(g->text);
	*g = (struct gathering) { NULL, 0 };
}

static void expect_one(parse_fn *parse, const char *word, const char *name, const char *text,
		       const char *expected)
{
	struct gathering g = { NULL, 0 };

	put(&g, word, name, text);
	expect(parse, &g, expected);
}

/* ---- LXC ---- */

START_TEST(inv_lxc_stopped_one_has_what_its_file_says)
{
	struct gathering g = { NULL, 0 };

	put(&g, "run", "web", "no");
	put(&g, "config", "web",
	    "# made by lxc-create\n"
	    "lxc.include = /usr/share/lxc/config/common.conf\n"
	    "lxc.uts.name = www\n"
	    "lxc.net.0.type=veth\n"
	    "lxc.net.0.link = lxcbr0\n"
	    "lxc.net.0.veth.pair = vethweb\n"
	    "lxc.net.0.ipv4.address = 192.0.2.5/24 192.0.2.255\n"
	    "lxc.net.0.ipv6.address = \"2001:db8::5/64\"\n"
	    "#lxc.net.0.ipv4.address = 192.0.2.6/24\n"
	    "lxc.net.1.type = macvlan\n"
	    "lxc.net.1.ipv4.address = 198.51.100.7/24\n");
	expect(inv_lxc, &g, "web[www,stopped] 192.0.2.5@vethweb 198.51.100.7 2001:db8::5@vethweb");
}
END_TEST

START_TEST(inv_lxc_running_one_has_what_is_in_force)
{
	struct gathering g = { NULL, 0 };
	struct inv_part *part;

	put(&g, "run", "web", "yes");
	put(&g, "pid", "web", "4711");
	put(&g, "item", "web", "lxc.net.0.type = veth");
	put(&g, "item", "web", "lxc.net.0.veth.pair = veth12AB");
	put(&g, "item", "web", "lxc.net.0.ipv4.address = 192.0.2.9/24");
	put(&g, "item", "web", "lxc.net.0.ipv4.address = 192.0.2.10/24");
	put(&g, "config", "web", "lxc.net.0.ipv4.address = 192.0.2.5/24\n");
	part = part_of(inv_lxc, &g);
	ck_assert_int_eq(inv_part_container_at(part, 0)->pid, 4711);
	ck_assert_str_eq(inv_part_container_at(part, 0)->runtime, "lxc");
	ck_assert_int_eq(inv_part_container_at(part, 0)->net, INV_NET_OWN);
	inv_part_free(part);
	expect(inv_lxc, &g, "web[web,running] 192.0.2.9@veth12AB 192.0.2.10@veth12AB");
}
END_TEST

START_TEST(inv_lxc_old_keys_read)
{
	expect_one(inv_lxc, "config", "old",
		   "lxc.utsname = o\n"
		   "lxc.network.ipv4 = 192.0.2.1\n" /* of no network yet */
		   "lxc.network.type = veth\n"
		   "lxc.network.veth.pair = v0\n"
		   "lxc.network.ipv4 = 192.0.2.2/24\n"
		   "lxc.network.type = veth\n"
		   "lxc.network.ipv6 = 2001:db8::2/64\n",
		   "old[o,unknown] 192.0.2.2@v0 2001:db8::2");
}
END_TEST

START_TEST(inv_lxc_empty_value_forgets)
{
	expect_one(inv_lxc, "config", "a",
		   "lxc.net.0.type = veth\nlxc.net.0.ipv4.address = 192.0.2.2/24\n"
		   "lxc.net.0.ipv4.address =\nlxc.net.0.ipv4.address = 192.0.2.3/24\n",
		   "a[a,unknown] 192.0.2.3");
}
END_TEST

static enum inv_net lxc_net(const char *run, const char *text, pid_t *ret_pid)
{
	struct gathering g = { NULL, 0 };
	struct inv_part *part;
	enum inv_net net;

	put(&g, "run", "a", run);
	put(&g, "pid", "a", "77");
	if (*run == 'y')
		put(&g, "item", "a", text);
	put(&g, "config", "a", text);
	part = part_of(inv_lxc, &g);
	net = inv_part_container_at(part, 0)->net;
	*ret_pid = inv_part_container_at(part, 0)->pid;
	inv_part_free(part);
	free(g.text);
	return net;
}

/* The process of one in the node's network must not lead to the node's addresses. */
START_TEST(inv_lxc_network_of_the_node_has_no_process)
{
	pid_t pid;

	ck_assert_int_eq(lxc_net("yes", "lxc.net.0.type = none", &pid), INV_NET_NODE);
	ck_assert_int_eq(pid, 0);
	ck_assert_int_eq(lxc_net("yes", "lxc.net.0.type = empty", &pid), INV_NET_NONE);
	ck_assert_int_eq(pid, 0);
	ck_assert_int_eq(lxc_net("yes", "lxc.net.0.type = phys", &pid), INV_NET_OWN);
	ck_assert_int_eq(pid, 77);
	ck_assert_int_eq(lxc_net("no", "lxc.include = /etc/lxc/net.conf", &pid), INV_NET_OWN);
}
END_TEST

START_TEST(inv_lxc_odd_lines_do_no_harm)
{
	expect_one(
		inv_lxc, "config", "a b",
		"lxc.net.99999999999.ipv4.address = 192.0.2.1\nlxc.net.x.ipv4.address = 192.0.2.1\n"
		"lxc.net.0ipv4.address = 192.0.2.1\n=\nlxc.net.0.veth.pair = a/b\n"
		"lxc.net.0.ipv4.address = 192.0.2.3\n",
		"a b[a b,unknown] 192.0.2.3");
	log_capture();
	expect_one(inv_lxc, "config", "a", "lxc.net.0.ipv4.address = 192.0.2.0/24\n",
		   "(doubtful); a[a,unknown]");
	expect_one(inv_lxc, "bad", "a", "permission denied", "(doubtful)");
	EXPECT_LOG(2, "it is a network", "src: a: permission denied");
}
END_TEST

/* ---- Proxmox VE ---- */

static const char pve_container[] =
	"#notes%3A ip=192.0.2.99\n"
	"arch: amd64\n"
	"hostname: web.example\n"
	"net0: name=eth0,bridge=vmbr0,firewall=1,gw=192.0.2.1,hwaddr=BC:24:11:00:00:01,"
	"ip=192.0.2.5/24,ip6=2001:db8::5/64,rate=10,type=veth\n"
	"net1: name=eth1,bridge=vmbr1,hwaddr=BC:24:11:00:00:02,ip=dhcp,ip6=auto,type=veth\n"
	"net3: name=eth3,bridge=vmbr1,ip=198.51.100.5/24,ip6=manual\n"
	"unprivileged: 1\n"
	"\n"
	"[before-upgrade]\n"
	"hostname: old\n"
	"net0: name=eth0,bridge=vmbr0,ip=192.0.2.77/24,type=veth\n";

START_TEST(inv_pve_container_read)
{
	struct gathering g = { NULL, 0 };
	struct inv_part *part;

	put(&g, "run", "100", "yes");
	put(&g, "pid", "100", "4711");
	put(&g, "lxc", "100", pve_container);
	part = part_of(inv_pve, &g);
	ck_assert_str_eq(inv_part_container_at(part, 0)->runtime, "pve");
	ck_assert_str_eq(inv_part_container_at(part, 0)->runtime_id, "lxc/100");
	ck_assert_int_eq(inv_part_container_at(part, 0)->pid, 4711);
	inv_part_free(part);
	expect(inv_pve, &g,
	       "100[web.example,running] 192.0.2.5@veth100i0 198.51.100.5@veth100i3 "
	       "2001:db8::5@veth100i0");
}
END_TEST

START_TEST(inv_pve_machine_read)
{
	struct gathering g = { NULL, 0 };
	struct inv_part *part;

	put(&g, "run", "101", "no");
	put(&g, "qemu", "101",
	    "boot: order=scsi0\n"
	    "ipconfig0: ip=192.0.2.8/24,gw=192.0.2.1,ip6=dhcp\n"
	    "ipconfig1: ip6=2001:db8::8/64,gw6=2001:db8::1\n"
	    "ipconfig2: ip=192.0.2.9/24\n" /* of a network that it has no longer */
	    "name: db\n"
	    "net0: virtio=BC:24:11:00:00:03,bridge=vmbr0,firewall=1,rate=12.5\n"
	    "net1: e1000=BC:24:11:00:00:04,bridge=vmbr0\n");
	part = part_of(inv_pve, &g);
	ck_assert_str_eq(inv_part_container_at(part, 0)->runtime_id, "qemu/101");
	ck_assert_int_eq(inv_part_container_at(part, 0)->pid, 0);
	inv_part_free(part);
	expect(inv_pve, &g, "101[db,stopped] 192.0.2.8@tap101i0 2001:db8::8@tap101i1");
}
END_TEST

START_TEST(inv_pve_template_is_no_guest)
{
	expect_one(inv_pve, "lxc", "9000",
		   "hostname: t\ntemplate: 1\nnet0: name=eth0,ip=192.0.2.1/24\n", "");
}
END_TEST

/* Each address knows whether its own interface is limited. */
START_TEST(inv_pve_rate_limits_are_told)
{
	static const bool limited[] = { true, false, false, true };
	struct gathering g = { NULL, 0 };
	struct inv_part *part;
	struct inventory *inv;

	put(&g, "lxc", "100",
	    "net0: name=eth0,bridge=vmbr0,ip=192.0.2.1/24,rate=12.5\n"
	    "net1: name=eth1,bridge=vmbr0,ip=192.0.2.2/24\n"
	    "net2: name=eth2,bridge=vmbr0,rate=0,ip=192.0.2.3/24\n");
	put(&g, "qemu", "101",
	    "ipconfig0: ip=192.0.2.4/24\nnet0: virtio=BC:24:11:00:00:03,bridge=vmbr0,rate=5\n");
	part = part_of(inv_pve, &g);
	inv = inv_merge(&part, 1, 1000, NULL);
	ck_assert_uint_eq(inv->n_addresses, ARRAY_LEN(limited));
	for (size_t i = 0; i < ARRAY_LEN(limited); i++)
		ck_assert_int_eq(inv->addresses[i].limited, limited[i]);
	inv_free(inv);
	inv_part_free(part);
	free(g.text);
}
END_TEST

START_TEST(inv_pve_odd_lines_do_no_harm)
{
	expect_one(inv_pve, "lxc", "7",
		   "net32: ip=192.0.2.1/24\nnet: ip=192.0.2.2/24\nnet0x: ip=192.0.2.3/24\n"
		   "net000: ip=192.0.2.4/24\nnet5: ,,xip=192.0.2.5,ip=,ip\nhostname:\n",
		   "7[-,unknown]");
	/* a name of 16 octets is none */
	expect_one(inv_pve, "lxc", "1234567890", "net10: ip=192.0.2.6/24\nnet1: ip=192.0.2.7/24\n",
		   "1234567890[-,unknown] 192.0.2.6 192.0.2.7");
	expect_one(inv_pve, "lxc", "1:2", "net1: ip=192.0.2.7/24\n", "1:2[-,unknown] 192.0.2.7");
	log_capture();
	expect_one(inv_pve, "lxc", "7", "net0: ip=nonsense\n", "(doubtful); 7[-,unknown]");
	EXPECT_LOG(1, "\"nonsense\" of container 7 refused");
}
END_TEST

/* ---- systemd-nspawn ---- */

static const char nspawn_machine[] = "# This is private data. Do not parse.\n"
				     "NAME=deb\n"
				     "SCOPE=machine-deb.scope\n"
				     "SERVICE=systemd-nspawn\n"
				     "ROOT=/var/lib/machines/deb\n"
				     "ID=5b1a2f6f3f0c4d4f8f1f2b3c4d5e6f70\n"
				     "LEADER=812\n"
				     "CLASS=container\n"
				     "NETIF=14\n";

static void expect_machine(const char *leader, const char *text, enum inv_net net, pid_t pid)
{
	struct gathering g = { NULL, 0 };
	struct inv_part *part;

	put(&g, "leader", "deb", leader);
	put(&g, "machine", "deb", text);
	part = part_of(inv_nspawn, &g);
	ck_assert_uint_eq(inv_part_containers(part), 1);
	ck_assert_str_eq(inv_part_container_at(part, 0)->id, "deb");
	ck_assert_str_eq(inv_part_container_at(part, 0)->runtime, "nspawn");
	ck_assert_str_eq(inv_part_container_at(part, 0)->runtime_id,
			 "5b1a2f6f3f0c4d4f8f1f2b3c4d5e6f70");
	ck_assert_int_eq(inv_part_container_at(part, 0)->net, net);
	ck_assert_int_eq(inv_part_container_at(part, 0)->pid, pid);
	inv_part_free(part);
	free(g.text);
}

START_TEST(inv_nspawn_machine_read)
{
	char *quoted = xasprintf("%s", nspawn_machine);

	expect_machine("own", nspawn_machine, INV_NET_OWN, 812);
	expect_machine("node", nspawn_machine, INV_NET_NODE, 0);
	expect_machine("unknown", nspawn_machine, INV_NET_OWN, 812);
	strstr(quoted, "NETIF=")[0] = '#';
	expect_machine("unknown", quoted, INV_NET_OWN, 0);
	expect_machine("own", quoted, INV_NET_OWN, 812);
	free(quoted);
	expect_one(inv_nspawn, "machine", "deb",
		   "SERVICE=\"systemd-nspawn\"\nID=\"5b\"\nLEADER=\"812\"\n", "deb[deb,running]");
}
END_TEST

START_TEST(inv_nspawn_others_left_out)
{
	struct gathering g = { NULL, 0 };

	put(&g, "leader", "deb", "gone");
	put(&g, "machine", "deb", nspawn_machine);
	put(&g, "machine", "qemu-1-vm", "SERVICE=libvirt-qemu\nCLASS=vm\nLEADER=5\n");
	put(&g, "machine", "lxc-2-c", "SERVICE=libvirt-lxc\nCLASS=container\nLEADER=6\n");
	expect(inv_nspawn, &g, "");
}
END_TEST

/* ---- all ---- */

START_TEST(gather_next_broken_texts_fail_whole)
{
	static const char *const t[] = { "x",
					 "config",
					 "config 5 a\nabc\n",
					 "config 3 a\nabcd",
					 "config 3 a\nabc",
					 "config x a\nabc\n",
					 "config -1 a\nabc\n",
					 "config 99999999999999999999 a\nabc\n",
					 "averyverylongword 3 a\nabc\n",
					 " 3" };
	static parse_fn *const parsers[] = { inv_lxc, inv_pve, inv_nspawn };

	for (size_t i = 0; i < 3 * ARRAY_LEN(t); i++) {
		struct inv_part *part = inv_part_new("src", NULL);
		struct err e = { "" };

		ck_assert_int_eq(parsers[i % 3](part, t[i / 3], strlen(t[i / 3]), &e), -EBADMSG);
		ck_assert(strstr(e.text, "cannot be read"));
		inv_part_free(part);
	}
}
END_TEST

/* What is damaged is read, or fails, and nothing else. */
START_TEST(gather_next_damaged_texts_do_no_harm)
{
	static parse_fn *const parsers[] = { inv_lxc, inv_pve, inv_nspawn };
	struct gathering g = { NULL, 0 };

	seed_random();
	log_capture();
	put(&g, "run", "100", "yes");
	put(&g, "lxc", "100", pve_container);
	put(&g, "item", "a", "lxc.net.0.ipv4.address = 192.0.2.9/24");
	put(&g, "config", "a", "lxc.net.0.type = veth\nlxc.net.0.ipv4.address = 192.0.2.9/24\n");
	put(&g, "leader", "deb", "own");
	put(&g, "machine", "deb", nspawn_machine);
	for (int i = 0; i < 3000; i++) {
		struct inv_part *part = inv_part_new("src", NULL);
		struct err e = { "" };
		size_t len;
		char *text = mutate(g.text, g.len, &len);

		if (parsers[i % 3](part, text, len, &e) == 0)
			free(part_text(part));
		else
			ck_assert(*e.text);
		inv_part_free(part);
		free(text);
	}
	free(g.text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("inv_gathered");
	TCase *tc = tcase_create("read");

	suite_add_tcase(suite, tc);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, inv_lxc_stopped_one_has_what_its_file_says);
	tcase_add_test(tc, inv_lxc_running_one_has_what_is_in_force);
	tcase_add_test(tc, inv_lxc_old_keys_read);
	tcase_add_test(tc, inv_lxc_empty_value_forgets);
	tcase_add_test(tc, inv_lxc_network_of_the_node_has_no_process);
	tcase_add_test(tc, inv_lxc_odd_lines_do_no_harm);
	tcase_add_test(tc, inv_pve_container_read);
	tcase_add_test(tc, inv_pve_machine_read);
	tcase_add_test(tc, inv_pve_template_is_no_guest);
	tcase_add_test(tc, inv_pve_rate_limits_are_told);
	tcase_add_test(tc, inv_pve_odd_lines_do_no_harm);
	tcase_add_test(tc, inv_nspawn_machine_read);
	tcase_add_test(tc, inv_nspawn_others_left_out);
	tcase_add_test(tc, gather_next_broken_texts_fail_whole);
	tcase_add_test(tc, gather_next_damaged_texts_do_no_harm);
	return run_suite(suite);
}
