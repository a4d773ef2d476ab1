/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CTMETER-MIB as it is served: snapshots built by hand, walked whole and compared with the
 * instances they must give, in order. */
#include "base/xalloc.h"
#include "mib/mib.h"
#include "mib_walk.h"
#include "version.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define MS 1000000ull

#define ID16 "abcdefghijklmnop"
#define ID64 ID16 ID16 ID16 ID16
#define INDEX16 "97.98.99.100.101.102.103.104.105.106.107.108.109.110.111.112"
#define A64 "64." INDEX16 "." INDEX16 "." INDEX16 "." INDEX16
#define FF "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
#define ONE "1.49"
#define V4 ONE ".1.4.192.0.2.1"
#define V6 ONE ".2.16.32.1.13.184.0.0.0.0.0.0.0.0.0.0.0.1"
#define FAR A64 ".2.16.255.255.255.255.255.255.255.255.255.255.255.255.255.255.255.255"
#define NEVER "0x0000010100000000"
#define SINCE_S 1795428672 /* 2026-11-23 10:11:12 */
#define SINCE "0x07ea0b170a0b0c002b0000"
#define DISC_S 951868799 /* 2000-02-29 23:59:59 */
#define DISC "0x07d0021d173b3b002b0000"

static const uint32_t base[] = { CTM_BASE_OID };

static const struct expected scalars[] = {
	{ "1.1.1.0", SMI_OCTETS, CTM_VERSION }, { "1.1.2.0", SMI_OCTETS, "iptables" },
	{ "1.1.3.0", SMI_GAUGE32, "2" },        { "1.1.4.0", SMI_GAUGE32, "3" },
	{ "1.1.5.0", SMI_TIMETICKS, "250" },    { "1.1.6.0", SMI_GAUGE32, "12" },
	{ "1.1.7.0", SMI_GAUGE32, "750" },      { "1.1.8.0", SMI_COUNTER32, "31" },
	{ "1.1.9.0", SMI_COUNTER32, "32" },     { "1.1.10.0", SMI_COUNTER32, "4294967295" },
	{ "1.1.11.0", SMI_INTEGER, "2" },       { "1.1.12.0", SMI_OCTETS, "clock: not believed" },
	{ "1.1.13.0", SMI_INTEGER, "1" },
};

static const struct expected tables[] = {
	{ "1.2.1.2." ONE, SMI_OCTETS, "1" },
	{ "1.2.1.2." A64, SMI_OCTETS, ID64 },
	{ "1.2.1.3." ONE, SMI_OCTETS, "web one" },
	{ "1.2.1.3." A64, SMI_OCTETS, "" },
	{ "1.2.1.4." ONE, SMI_INTEGER, "7" },
	{ "1.2.1.4." A64, SMI_INTEGER, "2147483647" },
	{ "1.2.1.5." ONE, SMI_GAUGE32, "2" },
	{ "1.2.1.5." A64, SMI_GAUGE32, "0" },
	{ "1.2.1.6." ONE, SMI_COUNTER64, "18446744073709551615" },
	{ "1.2.1.7." ONE, SMI_COUNTER64, "9223372036854775808" },
	{ "1.2.1.8." ONE, SMI_COUNTER64, "3" },
	{ "1.2.1.9." ONE, SMI_COUNTER64, "4" },
	{ "1.2.1.10." ONE, SMI_COUNTER64, "5" },
	{ "1.2.1.11." ONE, SMI_COUNTER64, "6" },
	{ "1.2.1.12." ONE, SMI_COUNTER64, "7" },
	{ "1.2.1.13." ONE, SMI_COUNTER64, "8" },
	{ "1.2.1.14." ONE, SMI_INTEGER, "2" },
	{ "1.2.1.14." A64, SMI_INTEGER, "4" },
	{ "1.2.1.15." ONE, SMI_OCTETS, SINCE },
	{ "1.2.1.15." A64, SMI_OCTETS, NEVER },
	{ "1.2.1.16." ONE, SMI_TIMETICKS, "123" },
	{ "1.2.1.16." A64, SMI_TIMETICKS, "0" },
	{ "1.2.1.17." ONE, SMI_COUNTER32, "4294967295" },
	{ "1.2.1.17." A64, SMI_COUNTER32, "0" },
	{ "1.2.1.18." ONE, SMI_OCTETS, DISC },
	{ "1.2.1.18." A64, SMI_OCTETS, NEVER },
	{ "1.2.1.19." ONE, SMI_INTEGER, "2" },
	{ "1.2.1.19." A64, SMI_INTEGER, "4" },
	{ "1.2.1.20." ONE, SMI_OCTETS, "docker" },
	{ "1.2.1.20." A64, SMI_OCTETS, "" },
	{ "1.2.1.21." ONE, SMI_OCTETS, "0f1e2d" },
	{ "1.2.1.21." A64, SMI_OCTETS, "" },
	{ "1.3.1.3." V4, SMI_OCTETS, "1 192.0.2.1" },
	{ "1.3.1.3." V6, SMI_OCTETS, "1 2001:db8::1" },
	{ "1.3.1.3." FAR, SMI_OCTETS, ID64 " " FF },
	{ "1.3.1.4." V4, SMI_OCTETS, "192.0.2.1" },
	{ "1.3.1.4." V6, SMI_OCTETS, "2001:db8::1" },
	{ "1.3.1.4." FAR, SMI_OCTETS, FF },
	{ "1.3.1.5." V4, SMI_OCTETS, "1" },
	{ "1.3.1.5." V6, SMI_OCTETS, "1" },
	{ "1.3.1.5." FAR, SMI_OCTETS, ID64 },
	{ "1.3.1.6." V4, SMI_COUNTER64, "18446744073709551615" },
	{ "1.3.1.6." V6, SMI_COUNTER64, "0" },
	{ "1.3.1.7." V4, SMI_COUNTER64, "11" },
	{ "1.3.1.7." V6, SMI_COUNTER64, "0" },
	{ "1.3.1.8." V4, SMI_COUNTER64, "12" },
	{ "1.3.1.8." V6, SMI_COUNTER64, "0" },
	{ "1.3.1.9." V4, SMI_COUNTER64, "13" },
	{ "1.3.1.9." V6, SMI_COUNTER64, "0" },
	{ "1.3.1.10." V4, SMI_COUNTER64, "14" },
	{ "1.3.1.10." V6, SMI_COUNTER64, "0" },
	{ "1.3.1.11." V4, SMI_COUNTER64, "15" },
	{ "1.3.1.11." V6, SMI_COUNTER64, "0" },
	{ "1.3.1.12." V4, SMI_COUNTER64, "16" },
	{ "1.3.1.12." V6, SMI_COUNTER64, "0" },
	{ "1.3.1.13." V4, SMI_COUNTER64, "17" },
	{ "1.3.1.13." V6, SMI_COUNTER64, "0" },
	{ "1.3.1.14." V4, SMI_INTEGER, "2" },
	{ "1.3.1.14." V6, SMI_INTEGER, "3" },
	{ "1.3.1.14." FAR, SMI_INTEGER, "4" },
	{ "1.3.1.15." V4, SMI_OCTETS, SINCE },
	{ "1.3.1.15." V6, SMI_OCTETS, NEVER },
	{ "1.3.1.15." FAR, SMI_OCTETS, NEVER },
	{ "1.3.1.16." V4, SMI_TIMETICKS, "500" },
	{ "1.3.1.16." V6, SMI_TIMETICKS, "0" },
	{ "1.3.1.16." FAR, SMI_TIMETICKS, "0" },
	{ "1.3.1.17." V4, SMI_COUNTER32, "1" },
	{ "1.3.1.17." V6, SMI_COUNTER32, "0" },
	{ "1.3.1.17." FAR, SMI_COUNTER32, "0" },
	{ "1.3.1.18." V4, SMI_OCTETS, DISC },
	{ "1.3.1.18." V6, SMI_OCTETS, NEVER },
	{ "1.3.1.18." FAR, SMI_OCTETS, NEVER },
	{ "1.3.1.19." V4, SMI_OCTETS, "veth101i0" },
	{ "1.3.1.19." V6, SMI_OCTETS, "" },
	{ "1.3.1.19." FAR, SMI_OCTETS, "" },
	{ "1.3.1.20." V4, SMI_OCTETS, "" },
	{ "1.3.1.20." V6, SMI_OCTETS, "no route leads to it" },
	{ "1.3.1.20." FAR, SMI_OCTETS, "" },
};

static struct addr parse(const char *text)
{
	struct addr a;

	ck_assert_int_eq(addr_parse(text, &a), 0);
	return a;
}

/* What mib_data needs beside a snapshot: the master started 40 s after boot, it is 60 s now. */
static struct mib_data data_of(const struct snap *s)
{
	struct mib_data d = {
		.snap = s,
		.now_ns = 60000 * MS,
		.uptime = { 1000, 50000 * MS },
		.stamps = { 1000, 50000 * MS },
	};

	return d;
}

static void fill_containers(struct snap *s)
{
	const struct snap_container one = {
		.id = snap_text(s, "1"),
		.name = snap_text(s, "web one"),
		.run = INV_RUN_RUNNING,
		.runtime = "docker",
		.runtime_id = "0f1e2d",
		.ifindex = 7,
		.n_addresses = 2,
		.totals = {
			.path = { { UINT64_MAX, 3 }, { 1ull << 63, 4 }, { 5, 7 }, { 6, 8 } },
			.status = ROW_COUNTING,
			.since_wall_s = SINCE_S,
			.discontinuity_ns = 41239 * MS,
			.discontinuities = UINT32_MAX,
			.discontinuity_wall_s = DISC_S,
		},
	};
	const struct snap_container far = {
		.id = snap_text(s, ID64),
		.name = snap_text(s, ""),
		.run = INV_RUN_GONE,
		.ifindex = INT32_MAX,
		.totals = { .status = ROW_NOT_COUNTABLE, .discontinuity_ns = 39000 * MS },
	};

	s->containers = xcalloc(2, sizeof(*s->containers));
	s->n_containers = 2;
	s->containers[0] = one;
	s->containers[1] = far;
}

static void fill_addresses(struct snap *s)
{
	const struct snap_address v4 = {
		.container = 0,
		.addr = parse("192.0.2.1"),
		.link = "veth101i0",
		.reason = "",
		.totals = {
			.path = { { UINT64_MAX, 12 }, { 11, 13 }, { 14, 16 }, { 15, 17 } },
			.status = ROW_COUNTING,
			.since_wall_s = SINCE_S,
			.discontinuity_ns = 45000 * MS,
			.discontinuities = 1,
			.discontinuity_wall_s = DISC_S,
		},
	};
	const struct snap_address v6 = {
		.container = 0,
		.addr = parse("2001:db8::1"),
		.reason = "no route leads to it",
		.totals = { .status = ROW_PENDING },
	};
	const struct snap_address far = {
		.container = 1,
		.addr = parse(FF),
		.totals = { .status = ROW_NOT_COUNTABLE },
	};

	s->addresses = xcalloc(3, sizeof(*s->addresses));
	s->n_addresses = 3;
	s->addresses[0] = v4;
	s->addresses[1] = v6;
	s->addresses[2] = far;
}

static struct snap *full_snap(void)
{
	struct snap *s = snap_new();

	fill_containers(s);
	fill_addresses(s);
	s->taken_ns = 59250 * MS;
	s->last_change_ns = 42500 * MS;
	s->rules = 12;
	s->rule_repairs = 31;
	s->inventory_failures = 32;
	s->stale_answers = UINT32_MAX;
	s->store_failing = true;
	s->ship = SNAP_SHIP_OK;
	strcpy(s->problem, "clock: not believed");
	s->backend = "iptables";
	return s;
}

static const struct walk walk = { &mib_ctm_view, base, ARRAY_LEN(base) };

START_TEST(mib_view_full_snapshot_walks)
{
	struct expected all[ARRAY_LEN(scalars) + ARRAY_LEN(tables)];
	struct snap *s = full_snap();
	struct mib_data d = data_of(s);

	memcpy(all, scalars, sizeof(scalars));
	memcpy(all + ARRAY_LEN(scalars), tables, sizeof(tables));
	walk_expect(&walk, &d, all, ARRAY_LEN(all));
	snap_unref(s);
}
END_TEST

START_TEST(mib_view_no_rows_walks_scalars)
{
	static const struct expected empty[] = {
		{ "1.1.1.0", SMI_OCTETS, CTM_VERSION }, { "1.1.2.0", SMI_OCTETS, "" },
		{ "1.1.3.0", SMI_GAUGE32, "0" },        { "1.1.4.0", SMI_GAUGE32, "0" },
		{ "1.1.5.0", SMI_TIMETICKS, "0" },      { "1.1.6.0", SMI_GAUGE32, "0" },
		{ "1.1.7.0", SMI_GAUGE32, "0" },        { "1.1.8.0", SMI_COUNTER32, "0" },
		{ "1.1.9.0", SMI_COUNTER32, "0" },      { "1.1.10.0", SMI_COUNTER32, "0" },
		{ "1.1.11.0", SMI_INTEGER, "1" },       { "1.1.12.0", SMI_OCTETS, "" },
		{ "1.1.13.0", SMI_INTEGER, "3" },
	};
	struct snap *s = snap_new();
	struct mib_data d = { .snap = s };

	walk_expect(&walk, &d, empty, ARRAY_LEN(empty));
	snap_unref(s);
}
END_TEST

static enum oidtab_result get(const struct mib_data *d, const char *name)
{
	return walk_get(&walk, d, name);
}

START_TEST(mib_view_get_absent_is_told_apart)
{
	struct snap *s = full_snap();
	struct mib_data d = data_of(s);

	ck_assert_int_eq(get(&d, "1.1.1"), OIDTAB_NO_SUCH_INSTANCE);
	ck_assert_int_eq(get(&d, "1.1.1.1"), OIDTAB_NO_SUCH_INSTANCE);
	ck_assert_int_eq(get(&d, "1.1.99.0"), OIDTAB_NO_SUCH_OBJECT);
	ck_assert_int_eq(get(&d, "1.2.1.1." ONE), OIDTAB_NO_SUCH_OBJECT); /* not accessible */
	ck_assert_int_eq(get(&d, "1.2.1.40." ONE), OIDTAB_NO_SUCH_OBJECT);
	ck_assert_int_eq(get(&d, "1.2.1.6.49"), OIDTAB_NO_SUCH_INSTANCE);
	ck_assert_int_eq(get(&d, "1.3.1.2." V4), OIDTAB_NO_SUCH_OBJECT);
	ck_assert_int_eq(get(&d, "1.3.1.21." V4), OIDTAB_NO_SUCH_OBJECT);
	ck_assert_int_eq(get(&d, "1.3.1.6." ONE ".1.4.192.0.2"), OIDTAB_NO_SUCH_INSTANCE);
	ck_assert_int_eq(get(&d, "1.3.1.6." V4 ".0"), OIDTAB_NO_SUCH_INSTANCE);
	ck_assert_int_eq(get(&d, "1.3.1.6." FAR), OIDTAB_NO_SUCH_INSTANCE); /* hole */
	ck_assert_int_eq(get(&d, "1.3.1.14." FAR), OIDTAB_FOUND);
	ck_assert_int_eq(get(&d, "1.4"), OIDTAB_NO_SUCH_OBJECT);
	snap_unref(s);
}
END_TEST

START_TEST(mib_counters_not_countable_with_totals_are_served)
{
	struct snap *s = full_snap();
	struct mib_data d = data_of(s);

	s->addresses[2].totals.path[PATH_FWD_OUT].pkts = 1;
	ck_assert_int_eq(get(&d, "1.3.1.6." FAR), OIDTAB_NO_SUCH_INSTANCE);
	ck_assert_int_eq(get(&d, "1.3.1.7." FAR), OIDTAB_FOUND);
	ck_assert_int_eq(get(&d, "1.3.1.9." FAR), OIDTAB_FOUND);
	ck_assert_int_eq(get(&d, "1.3.1.8." FAR), OIDTAB_NO_SUCH_INSTANCE);
	snap_unref(s);
}
END_TEST

START_TEST(mib_counters_no_node_traffic_are_holes)
{
	struct snap *s = full_snap();
	struct mib_data d = data_of(s);

	s->no_node_traffic = true;
	for (unsigned column = 6; column <= 13; column++) {
		char name[200];

		snprintf(name, sizeof(name), "1.3.1.%u.%s", column, V6);
		ck_assert_int_eq(get(&d, name),
				 column < 10 ? OIDTAB_FOUND : OIDTAB_NO_SUCH_INSTANCE);
	}
	ck_assert_int_eq(get(&d, "1.3.1.10." V4), OIDTAB_FOUND); /* once counted */
	snap_unref(s);
}
END_TEST

START_TEST(mib_roots_registered_cover_the_tables)
{
	static const char *const names[MIB_CTM_ROOTS] = { "1.1", "1.2", "1.3" };

	ck_assert_uint_eq(mib_ctm_view.n_tabs, MIB_CTM_ROOTS);
	for (size_t i = 0; i < MIB_CTM_ROOTS; i++) {
		const struct mib_root *root = &mib_ctm_roots[i];
		const struct oidtab *tab = mib_ctm_view.tabs[i];
		struct oid o = walk_oid(&walk, names[i]);

		ck_assert_int_eq(oid_cmp(root->oid, root->len, o.sub, o.len), 0);
		ck_assert_uint_ge(tab->prefix_len, root->len);
		ck_assert_int_eq(oid_cmp(tab->prefix, root->len, root->oid, root->len), 0);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("mib");
	TCase *t = tcase_create("mib");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(t, mib_view_full_snapshot_walks);
	tcase_add_test(t, mib_view_no_rows_walks_scalars);
	tcase_add_test(t, mib_view_get_absent_is_told_apart);
	tcase_add_test(t, mib_counters_not_countable_with_totals_are_served);
	tcase_add_test(t, mib_counters_no_node_traffic_are_holes);
	tcase_add_test(t, mib_roots_registered_cover_the_tables);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
