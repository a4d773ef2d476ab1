/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The switch view as it is served: a snapshot built by hand, walked whole and compared with the
 * instances it must give, in order. */
#include "base/xalloc.h"
#include "mib/mib.h"
#include "mib_walk.h"
#include "version.h"

#define MS 1000000ull
#define ID64 "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"

static const uint32_t base[] = { 1, 3, 6, 1, 2, 1 };
static const struct walk walk = { &mib_switch_view, base, ARRAY_LEN(base) };

#define V4_3 "1.4.192.0.2.3"
#define V4_9 "1.4.203.0.113.1"
#define V6_2 "2.16.32.1.13.184.0.0.0.0.0.0.0.0.0.0.0.1"
#define PREFIX "1.3.6.1.2.1.4.32.1.5."

/* Ports 2, 3 and 9; by id they stand in the order 9, 3, 2. */
static const struct expected everything[] = {
	{ "1.1.0", SMI_OCTETS,
	  "ctmeter " CTM_VERSION ": the containers of a node as ports; "
	  "In is to the container, Out is from it; octets of IP packets" },
	{ "1.2.0", SMI_OID, CTM_BASE_OID_TEXT ".3.1" },
	{ "1.3.0", SMI_TIMETICKS, "2000" },
	{ "1.4.0", SMI_OCTETS, "ops@example.net" },
	{ "1.5.0", SMI_OCTETS, "containers@node1" },
	{ "1.6.0", SMI_OCTETS, "rack 7" },
	{ "1.7.0", SMI_INTEGER, "4" },
	{ "2.1.0", SMI_INTEGER, "3" },
	{ "2.2.1.1.2", SMI_INTEGER, "2" },
	{ "2.2.1.1.3", SMI_INTEGER, "3" },
	{ "2.2.1.1.9", SMI_INTEGER, "9" },
	{ "2.2.1.2.2", SMI_OCTETS, "ct" ID64 },
	{ "2.2.1.2.3", SMI_OCTETS, "ct200" },
	{ "2.2.1.2.9", SMI_OCTETS, "ct7" },
	{ "2.2.1.3.2", SMI_INTEGER, "53" },
	{ "2.2.1.3.3", SMI_INTEGER, "53" },
	{ "2.2.1.3.9", SMI_INTEGER, "53" },
	{ "2.2.1.4.2", SMI_INTEGER, "1500" },
	{ "2.2.1.4.3", SMI_INTEGER, "1500" },
	{ "2.2.1.4.9", SMI_INTEGER, "1500" },
	{ "2.2.1.5.2", SMI_GAUGE32, "2500000000" },
	{ "2.2.1.5.3", SMI_GAUGE32, "2500000000" },
	{ "2.2.1.5.9", SMI_GAUGE32, "2500000000" },
	{ "2.2.1.6.2", SMI_OCTETS, "" },
	{ "2.2.1.6.3", SMI_OCTETS, "" },
	{ "2.2.1.6.9", SMI_OCTETS, "" },
	{ "2.2.1.7.2", SMI_INTEGER, "1" },
	{ "2.2.1.7.3", SMI_INTEGER, "1" },
	{ "2.2.1.7.9", SMI_INTEGER, "1" },
	{ "2.2.1.8.2", SMI_INTEGER, "6" },
	{ "2.2.1.8.3", SMI_INTEGER, "2" },
	{ "2.2.1.8.9", SMI_INTEGER, "1" },
	{ "2.2.1.9.2", SMI_TIMETICKS, "1500" },
	{ "2.2.1.9.3", SMI_TIMETICKS, "0" },
	{ "2.2.1.9.9", SMI_TIMETICKS, "100" },
	{ "2.2.1.10.3", SMI_COUNTER32, "0" },
	{ "2.2.1.10.9", SMI_COUNTER32, "7" },
	{ "2.2.1.11.3", SMI_COUNTER32, "0" },
	{ "2.2.1.11.9", SMI_COUNTER32, "30" },
	{ "2.2.1.13.2", SMI_COUNTER32, "0" },
	{ "2.2.1.13.3", SMI_COUNTER32, "0" },
	{ "2.2.1.13.9", SMI_COUNTER32, "0" },
	{ "2.2.1.14.2", SMI_COUNTER32, "0" },
	{ "2.2.1.14.3", SMI_COUNTER32, "0" },
	{ "2.2.1.14.9", SMI_COUNTER32, "0" },
	{ "2.2.1.16.3", SMI_COUNTER32, "0" },
	{ "2.2.1.16.9", SMI_COUNTER32, "2200" },
	{ "2.2.1.17.3", SMI_COUNTER32, "0" },
	{ "2.2.1.17.9", SMI_COUNTER32, "4294967294" },
	{ "2.2.1.19.2", SMI_COUNTER32, "0" },
	{ "2.2.1.19.3", SMI_COUNTER32, "0" },
	{ "2.2.1.19.9", SMI_COUNTER32, "0" },
	{ "2.2.1.20.2", SMI_COUNTER32, "0" },
	{ "2.2.1.20.3", SMI_COUNTER32, "0" },
	{ "2.2.1.20.9", SMI_COUNTER32, "0" },
	{ "4.20.1.1.192.0.2.3", SMI_IPADDRESS, "192.0.2.3" },
	{ "4.20.1.1.203.0.113.1", SMI_IPADDRESS, "203.0.113.1" },
	{ "4.20.1.2.192.0.2.3", SMI_INTEGER, "3" },
	{ "4.20.1.2.203.0.113.1", SMI_INTEGER, "9" },
	{ "4.20.1.3.192.0.2.3", SMI_IPADDRESS, "255.255.255.255" },
	{ "4.20.1.3.203.0.113.1", SMI_IPADDRESS, "255.255.255.255" },
	{ "4.20.1.4.192.0.2.3", SMI_INTEGER, "1" },
	{ "4.20.1.4.203.0.113.1", SMI_INTEGER, "1" },
	{ "4.20.1.5.192.0.2.3", SMI_INTEGER, "65535" },
	{ "4.20.1.5.203.0.113.1", SMI_INTEGER, "65535" },
	{ "4.34.1.3." V4_3, SMI_INTEGER, "3" },
	{ "4.34.1.3." V4_9, SMI_INTEGER, "9" },
	{ "4.34.1.3." V6_2, SMI_INTEGER, "2" },
	{ "4.34.1.4." V4_3, SMI_INTEGER, "1" },
	{ "4.34.1.4." V4_9, SMI_INTEGER, "1" },
	{ "4.34.1.4." V6_2, SMI_INTEGER, "1" },
	{ "4.34.1.5." V4_3, SMI_OID, PREFIX "3." V4_3 ".32" },
	{ "4.34.1.5." V4_9, SMI_OID, PREFIX "9." V4_9 ".32" },
	{ "4.34.1.5." V6_2, SMI_OID, PREFIX "2." V6_2 ".128" },
	{ "4.34.1.6." V4_3, SMI_INTEGER, "1" },
	{ "4.34.1.6." V4_9, SMI_INTEGER, "1" },
	{ "4.34.1.6." V6_2, SMI_INTEGER, "1" },
	{ "4.34.1.7." V4_3, SMI_INTEGER, "4" },
	{ "4.34.1.7." V4_9, SMI_INTEGER, "5" },
	{ "4.34.1.7." V6_2, SMI_INTEGER, "4" },
	{ "4.34.1.8." V4_3, SMI_TIMETICKS, "0" },
	{ "4.34.1.8." V4_9, SMI_TIMETICKS, "0" },
	{ "4.34.1.8." V6_2, SMI_TIMETICKS, "0" },
	{ "4.34.1.9." V4_3, SMI_TIMETICKS, "0" },
	{ "4.34.1.9." V4_9, SMI_TIMETICKS, "0" },
	{ "4.34.1.9." V6_2, SMI_TIMETICKS, "0" },
	{ "4.34.1.10." V4_3, SMI_INTEGER, "1" },
	{ "4.34.1.10." V4_9, SMI_INTEGER, "1" },
	{ "4.34.1.10." V6_2, SMI_INTEGER, "1" },
	{ "4.34.1.11." V4_3, SMI_INTEGER, "2" },
	{ "4.34.1.11." V4_9, SMI_INTEGER, "2" },
	{ "4.34.1.11." V6_2, SMI_INTEGER, "2" },
	{ "31.1.1.1.1.2", SMI_OCTETS, "ct" ID64 },
	{ "31.1.1.1.1.3", SMI_OCTETS, "ct200" },
	{ "31.1.1.1.1.9", SMI_OCTETS, "ct7" },
	{ "31.1.1.1.6.3", SMI_COUNTER64, "0" },
	{ "31.1.1.1.6.9", SMI_COUNTER64, "9223372036854775815" },
	{ "31.1.1.1.7.3", SMI_COUNTER64, "0" },
	{ "31.1.1.1.7.9", SMI_COUNTER64, "30" },
	{ "31.1.1.1.10.3", SMI_COUNTER64, "0" },
	{ "31.1.1.1.10.9", SMI_COUNTER64, "2200" },
	{ "31.1.1.1.11.3", SMI_COUNTER64, "0" },
	{ "31.1.1.1.11.9", SMI_COUNTER64, "8589934590" },
	{ "31.1.1.1.14.2", SMI_INTEGER, "2" },
	{ "31.1.1.1.14.3", SMI_INTEGER, "2" },
	{ "31.1.1.1.14.9", SMI_INTEGER, "2" },
	{ "31.1.1.1.15.2", SMI_GAUGE32, "2500" },
	{ "31.1.1.1.15.3", SMI_GAUGE32, "2500" },
	{ "31.1.1.1.15.9", SMI_GAUGE32, "2500" },
	{ "31.1.1.1.17.2", SMI_INTEGER, "2" },
	{ "31.1.1.1.17.3", SMI_INTEGER, "2" },
	{ "31.1.1.1.17.9", SMI_INTEGER, "2" },
	{ "31.1.1.1.18.2", SMI_OCTETS, "" },
	{ "31.1.1.1.18.3", SMI_OCTETS, "db one" },
	{ "31.1.1.1.18.9", SMI_OCTETS, "web" },
	{ "31.1.1.1.19.2", SMI_TIMETICKS, "0" },
	{ "31.1.1.1.19.3", SMI_TIMETICKS, "0" },
	{ "31.1.1.1.19.9", SMI_TIMETICKS, "123" },
	{ "31.1.5.0", SMI_TIMETICKS, "250" },
};

/* The master started 40 s after boot, it is 60 s now. */
static struct mib_data data_of(const struct snap *s)
{
	return (struct mib_data) {
		.snap = s,
		.now_ns = 60000 * MS,
		.uptime = { 1000, 50000 * MS },
		.stamps = { 1000, 50000 * MS },
		.switch_name = "containers@node1",
		.switch_location = "rack 7",
		.switch_contact = "ops@example.net",
		.port_mbits = 2500,
	};
}

static void fill_containers(struct snap *s)
{
	const struct snap_container web = {
		.id = snap_text(s, "7"),
		.name = snap_text(s, "web"),
		.run = INV_RUN_UNKNOWN,
		.run_ns = 41000 * MS,
		.ifindex = 9,
		.n_addresses = 1,
		.totals = {
			.path = { { 1ull << 63, 10 }, { 2000, UINT32_MAX },
				  { 7, 20 }, { 200, UINT32_MAX } },
			.status = ROW_COUNTING,
			.discontinuity_ns = 41239 * MS,
		},
	};
	const struct snap_container db = {
		.id = snap_text(s, "200"),
		.name = snap_text(s, "db one"),
		.run = INV_RUN_STOPPED,
		.ifindex = 3,
		.n_addresses = 1,
		.totals = { .status = ROW_PENDING },
	};
	const struct snap_container gone = {
		.id = snap_text(s, ID64),
		.name = snap_text(s, ""),
		.run = INV_RUN_GONE,
		.run_ns = 55000 * MS,
		.ifindex = 2,
		.totals = { .status = ROW_NOT_COUNTABLE, .discontinuity_ns = 39000 * MS },
	};

	s->containers = xcalloc(3, sizeof(*s->containers));
	s->n_containers = 3;
	s->containers[0] = web;
	s->containers[1] = db;
	s->containers[2] = gone;
	s->ports = xcalloc(3, sizeof(*s->ports));
	for (uint32_t i = 0; i < 3; i++)
		s->ports[i] = (struct snap_port) { s->containers[2 - i].ifindex, 2 - i };
}

static void fill_addresses(struct snap *s)
{
	const char *const texts[] = { "203.0.113.1", "192.0.2.3", "2001:db8::1" };

	s->addresses = xcalloc(3, sizeof(*s->addresses));
	s->n_addresses = 3;
	for (uint32_t i = 0; i < 3; i++) {
		s->addresses[i].container = i;
		ck_assert_int_eq(addr_parse(texts[i], &s->addresses[i].addr), 0);
	}
	s->held = xcalloc(3, sizeof(*s->held));
	s->held[0] = 1;
	s->held[1] = 0;
	s->held[2] = 2;
	s->n_held = 3;
	s->n_held_v4 = 2;
}

static struct snap *full_snap(void)
{
	struct snap *s = snap_new();

	fill_containers(s);
	fill_addresses(s);
	s->ports_change_ns = 42500 * MS;
	s->port_view = PORT_VIEW_CONTAINER;
	return s;
}

START_TEST(mib_switch_full_snapshot_walks)
{
	struct snap *s = full_snap();
	struct mib_data d = data_of(s);

	walk_expect(&walk, &d, everything, ARRAY_LEN(everything));
	snap_unref(s);
}
END_TEST

START_TEST(mib_switch_no_rows_walks_scalars)
{
	static const struct expected empty[] = {
		{ "1.1.0", SMI_OCTETS,
		  "ctmeter " CTM_VERSION ": the containers of a node as ports; "
		  "In is to the container, Out is from it; octets of IP packets" },
		{ "1.2.0", SMI_OID, CTM_BASE_OID_TEXT ".3.1" },
		{ "1.3.0", SMI_TIMETICKS, "0" },
		{ "1.4.0", SMI_OCTETS, "" },
		{ "1.5.0", SMI_OCTETS, "" },
		{ "1.6.0", SMI_OCTETS, "" },
		{ "1.7.0", SMI_INTEGER, "4" },
		{ "2.1.0", SMI_INTEGER, "0" },
		{ "31.1.5.0", SMI_TIMETICKS, "0" },
	};
	struct snap *s = snap_new();
	struct mib_data d = { .snap = s };

	walk_expect(&walk, &d, empty, ARRAY_LEN(empty));
	snap_unref(s);
}
END_TEST

static void expect_cell(const struct mib_data *d, const char *name, enum smi_type type,
			const char *value)
{
	const struct expected e = { name, type, value };
	struct oid o = walk_oid(&walk, name);
	struct smi_value v;

	ck_assert_int_eq(oidtab_view_get(&mib_switch_view, d, o.sub, o.len, &v), OIDTAB_FOUND);
	walk_expect_value(&e, &v);
}

/* 64-bit arithmetic: 18 octets for each of 2^33 - 2 packets, and past 2^64. */
START_TEST(mib_switch_framing_adds_octets_for_each_packet)
{
	struct snap *s = full_snap();
	struct mib_data d = data_of(s);

	s->port_framing = 18;
	expect_cell(&d, "1.1.0", SMI_OCTETS,
		    "ctmeter " CTM_VERSION ": the containers of a node as ports; "
		    "In is to the container, Out is from it; octets of IP packets, "
		    "each with 18 octets of framing");
	expect_cell(&d, "31.1.1.1.6.9", SMI_COUNTER64, "9223372036854776355"); /* 540 more */
	expect_cell(&d, "31.1.1.1.7.9", SMI_COUNTER64, "30");
	expect_cell(&d, "31.1.1.1.10.9", SMI_COUNTER64, "154618824820");
	expect_cell(&d, "31.1.1.1.11.9", SMI_COUNTER64, "8589934590");
	expect_cell(&d, "2.2.1.10.9", SMI_COUNTER32, "547");
	expect_cell(&d, "2.2.1.11.9", SMI_COUNTER32, "30");
	expect_cell(&d, "2.2.1.16.9", SMI_COUNTER32, "2164");
	s->containers[0].totals.path[PATH_FWD_IN].octets = UINT64_MAX;
	s->containers[0].totals.path[PATH_NODE_IN].octets = 0;
	expect_cell(&d, "31.1.1.1.6.9", SMI_COUNTER64, "539");
	snap_unref(s);
}
END_TEST

START_TEST(mib_switch_view_of_the_switch_turns_in_and_out_round)
{
	struct snap *s = full_snap();
	struct mib_data d = data_of(s);

	s->port_view = PORT_VIEW_SWITCH;
	s->turned_ns = 45000 * MS;
	expect_cell(&d, "1.1.0", SMI_OCTETS,
		    "ctmeter " CTM_VERSION ": the containers of a node as ports; "
		    "In is from the container, Out is to it; octets of IP packets");
	expect_cell(&d, "2.2.1.10.9", SMI_COUNTER32, "2200");
	expect_cell(&d, "2.2.1.11.9", SMI_COUNTER32, "4294967294");
	expect_cell(&d, "2.2.1.16.9", SMI_COUNTER32, "7");
	expect_cell(&d, "2.2.1.17.9", SMI_COUNTER32, "30");
	expect_cell(&d, "31.1.1.1.6.9", SMI_COUNTER64, "2200");
	expect_cell(&d, "31.1.1.1.7.9", SMI_COUNTER64, "8589934590");
	expect_cell(&d, "31.1.1.1.10.9", SMI_COUNTER64, "9223372036854775815");
	expect_cell(&d, "31.1.1.1.11.9", SMI_COUNTER64, "30");
	expect_cell(&d, "31.1.1.1.19.9", SMI_TIMETICKS, "500");
	expect_cell(&d, "31.1.1.1.19.3", SMI_TIMETICKS, "500");
	s->containers[0].totals.discontinuity_ns = 46000 * MS; /* the later one counts */
	expect_cell(&d, "31.1.1.1.19.9", SMI_TIMETICKS, "600");
	snap_unref(s);
}
END_TEST

START_TEST(mib_switch_texts_are_clean_and_bounded)
{
	struct snap *s = full_snap();
	struct mib_data d = data_of(s);
	char name[80] = "a\033b\377\n";

	memset(name + 5, 'x', 58);
	strcpy(name + 63, "\303\251yy"); /* its second octet would be the 65th */
	s->containers[0].name = snap_text(s, name);
	name[1] = name[3] = name[4] = '?';
	name[63] = '\0';
	expect_cell(&d, "31.1.1.1.18.9", SMI_OCTETS, name);
	name[62] = '\0';
	s->containers[0].name = snap_text(s, name);
	expect_cell(&d, "31.1.1.1.18.9", SMI_OCTETS, name);
	s->containers[0].id = snap_text(s, "a\tb");
	expect_cell(&d, "2.2.1.2.9", SMI_OCTETS, "cta?b");
	expect_cell(&d, "31.1.1.1.1.9", SMI_OCTETS, "cta?b");
	snap_unref(s);
}
END_TEST

START_TEST(mib_switch_speed_beyond_32_bits_stays_at_maximum)
{
	struct snap *s = full_snap();
	struct mib_data d = data_of(s);

	d.port_mbits = 400000;
	expect_cell(&d, "2.2.1.5.9", SMI_GAUGE32, "4294967295");
	expect_cell(&d, "31.1.1.1.15.9", SMI_GAUGE32, "400000");
	d.port_mbits = 0;
	s->containers[0].mbits = 10000;
	expect_cell(&d, "31.1.1.1.15.9", SMI_GAUGE32, "10000");
	snap_unref(s);
}
END_TEST

START_TEST(mib_switch_not_countable_with_totals_is_served)
{
	struct snap *s = full_snap();
	struct mib_data d = data_of(s);

	ck_assert_int_eq(walk_get(&walk, &d, "31.1.1.1.6.2"), OIDTAB_NO_SUCH_INSTANCE);
	s->containers[2].totals.path[PATH_NODE_IN].pkts = 1;
	expect_cell(&d, "31.1.1.1.6.2", SMI_COUNTER64, "0");
	expect_cell(&d, "2.2.1.11.2", SMI_COUNTER32, "1");
	ck_assert_int_eq(walk_get(&walk, &d, "31.1.1.1.10.2"), OIDTAB_NO_SUCH_INSTANCE);
	snap_unref(s);
}
END_TEST

START_TEST(mib_switch_get_absent_is_told_apart)
{
	struct snap *s = full_snap();
	struct mib_data d = data_of(s);

	ck_assert_int_eq(walk_get(&walk, &d, "2.1"), OIDTAB_NO_SUCH_INSTANCE);
	ck_assert_int_eq(walk_get(&walk, &d, "2.1.1"), OIDTAB_NO_SUCH_INSTANCE);
	ck_assert_int_eq(walk_get(&walk, &d, "2.2.1.1.4"), OIDTAB_NO_SUCH_INSTANCE);
	ck_assert_int_eq(walk_get(&walk, &d, "2.2.1.12.9"), OIDTAB_NO_SUCH_OBJECT);
	ck_assert_int_eq(walk_get(&walk, &d, "2.2.1.22.9"), OIDTAB_NO_SUCH_OBJECT);
	ck_assert_int_eq(walk_get(&walk, &d, "2.2"), OIDTAB_NO_SUCH_OBJECT);
	ck_assert_int_eq(walk_get(&walk, &d, "4.20.1.1.192.0.2.4"), OIDTAB_NO_SUCH_INSTANCE);
	ck_assert_int_eq(walk_get(&walk, &d, "4.21.1"), OIDTAB_NO_SUCH_OBJECT);
	ck_assert_int_eq(walk_get(&walk, &d, "31.1.1.1.2.9"), OIDTAB_NO_SUCH_OBJECT);
	ck_assert_int_eq(walk_get(&walk, &d, "31.1.5.1"), OIDTAB_NO_SUCH_INSTANCE);
	ck_assert_int_eq(walk_get(&walk, &d, "31.1.6.0"), OIDTAB_NO_SUCH_OBJECT);
	snap_unref(s);
}
END_TEST

/* snmpd asks only for what is registered, and each root only for what is below it. */
START_TEST(mib_switch_roots_registered_cover_the_tables)
{
	for (size_t t = 0; t < mib_switch_view.n_tabs; t++) {
		const struct oidtab *tab = mib_switch_view.tabs[t];
		unsigned covered = 0;

		for (size_t i = 0; i < MIB_SWITCH_ROOTS; i++) {
			const struct mib_root *root = &mib_switch_roots[i];

			covered += root->len <= tab->prefix_len &&
				   !oid_cmp(tab->prefix, root->len, root->oid, root->len);
		}
		ck_assert_uint_eq(covered, 1);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("mib_if");
	TCase *t = tcase_create("mib_if");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(t, mib_switch_full_snapshot_walks);
	tcase_add_test(t, mib_switch_no_rows_walks_scalars);
	tcase_add_test(t, mib_switch_framing_adds_octets_for_each_packet);
	tcase_add_test(t, mib_switch_view_of_the_switch_turns_in_and_out_round);
	tcase_add_test(t, mib_switch_texts_are_clean_and_bounded);
	tcase_add_test(t, mib_switch_speed_beyond_32_bits_stays_at_maximum);
	tcase_add_test(t, mib_switch_not_countable_with_totals_is_served);
	tcase_add_test(t, mib_switch_get_absent_is_told_apart);
	tcase_add_test(t, mib_switch_roots_registered_cover_the_tables);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
