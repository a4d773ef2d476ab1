/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tables composed by writing only our own chains anew, beside what libiptc composes of the same, on
 * the real tables of a private network namespace. */
#include "addrs.h"
#include "lo_net.h"
#include "netfilter/iptables/commit.h"
#include "netfilter/iptables/compose.h"
#include "netfilter/iptables/compose_tail.h"
#include "netfilter/iptables/journal.h"
#include "netfilter/iptables/xt_layout.h"

#include <check.h>
#include <errno.h>
#include <libiptc/libiptc.h>
#include <unistd.h>

#define ROUNDS 12
#define MANY 400 /* addresses: a table that is worth not to be read whole */

static char dir[64], *journal;
static int fds[ADDR_FAMILIES], lock;

static void setup(void)
{
	const char *why = lo_net_enter();

	if (why) {
		printf("SKIP %s\n", why);
		exit(0);
	}
	strcpy(dir, "/tmp/ctmeter-test.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	journal = journal_path(dir, ADDR_V4);
	for (enum addr_family f = 0; f < ADDR_FAMILIES; f++)
		fds[f] = xt_socket(f);
	lock = commit_lock_open(NULL);
	ck_assert_int_ge(lock, 0);
}

static void teardown(void)
{
	journal_forget(journal);
	ck_assert_int_eq(rmdir(dir), 0);
	unlink(getenv("XTABLES_LOCKFILE"));
	free(journal);
}

static bool have(enum addr_family f)
{
	struct xt_raw raw;

	if (fds[f] < 0 || xt_read(fds[f], f, "mangle", &raw) < 0) {
		printf("SKIP no mangle table for %s\n", xt_families[f].name);
		return false;
	}
	xt_raw_clear(&raw);
	return true;
}

static struct ruleset *random_rules(enum addr_family f, size_t n, bool node, uint64_t *seed)
{
	struct addr *addrs = random_addrs(f, n, f == ADDR_V4 ? 20 : 70, seed, &n);
	struct ruleset *rs = ruleset_build(f, addrs, n, node, 1);

	free(addrs);
	return rs;
}

static void commit(enum addr_family f, const struct ruleset *rs, const struct xt_layout *recent)
{
	struct err e = { "" };

	ck_assert_msg(commit_run(fds[f], lock, "mangle", rs, NULL, recent, journal, getppid(),
				 &e) == 0,
		      "%s", e.text);
	journal_forget(journal);
}

static void look(enum addr_family f, struct xt_raw *raw, struct xt_layout *layout)
{
	ck_assert_int_eq(xt_read(fds[f], f, "mangle", raw), 0);
	xt_layout_parse(raw, layout);
}

/* Somebody else's chain in IPv4's table. */
static void add_foreign_chain(const char *name)
{
	struct xtc_handle *h = iptc_init("mangle");

	ck_assert(h && iptc_create_chain(name, h) && iptc_commit(h));
	iptc_free(h);
}

/* Compose `rs` both ways and compare everything. */
static void compare(enum addr_family f, struct ruleset *rs)
{
	struct composed whole, tail;
	struct err e = { "" };
	struct xt_layout old;
	struct plan plan;
	struct xt_raw raw;

	look(f, &raw, &old);
	ruleset_set_epoch(rs, old.present.epoch + 1);
	ck_assert(compose_tail_possible(&old, rs));
	compose_tail(&raw, &old, rs, &tail);
	plan_commit(rs, &old.present, &plan);
	ck_assert_msg(compose("mangle", rs, &old.present, &plan, &whole, &e) == 0, "%s", e.text);
	ck_assert_uint_eq(tail.n_old, whole.n_old);
	ck_assert_uint_eq(tail.raw.n_entries, whole.raw.n_entries);
	ck_assert_uint_eq(tail.raw.size, whole.raw.size);
	ck_assert_uint_eq(tail.raw.valid_hooks, whole.raw.valid_hooks);
	ck_assert_mem_eq(tail.raw.hook_entry, whole.raw.hook_entry, sizeof(raw.hook_entry));
	ck_assert_mem_eq(tail.raw.underflow, whole.raw.underflow, sizeof(raw.underflow));
	ck_assert_uint_eq(xt_digest(&tail.raw), xt_digest(&whole.raw));
	/* libiptc lets policies begin anew, and counts a hook's new jump as another rule. */
	for (uint32_t i = 0; i < old.tail.index; i++)
		ck_assert(tail.from[i] == i + 1 && (whole.from[i] == i + 1 || whole.from[i] == 0));
	plan_clear(&plan);
	composed_clear(&whole);
	composed_clear(&tail);
	xt_layout_clear(&old);
	xt_raw_clear(&raw);
}

START_TEST(compose_tail_random_rules_are_what_libiptc_makes)
{
	uint64_t seed = seed_random("compose_tail_random_rules_are_what_libiptc_makes");

	lo_net_add_foreign_rule("mangle");
	add_foreign_chain("AN-EARLIER-CHAIN");
	for (unsigned i = 0; i < ROUNDS; i++)
		for (enum addr_family f = 0; f < ADDR_FAMILIES; f++) {
			bool node = next_random(&seed) & 1;
			struct ruleset *a =
				random_rules(f, 1 + next_random(&seed) % MANY, node, &seed);
			struct ruleset *b =
				random_rules(f, 1 + next_random(&seed) % MANY, node, &seed);

			if (have(f)) {
				commit(f, a, NULL);
				compare(f, b);
			}
			ruleset_free(a);
			ruleset_free(b);
		}
}
END_TEST

static bool usable(void)
{
	struct xt_layout layout;
	struct xt_raw raw;
	bool ret;

	look(ADDR_V4, &raw, &layout);
	ret = layout.tail.at != 0;
	xt_layout_clear(&layout);
	xt_raw_clear(&raw);
	return ret;
}

START_TEST(layout_tail_foreign_chain_behind_is_unusable)
{
	uint64_t seed = 1;
	struct ruleset *rs = random_rules(ADDR_V4, 20, true, &seed);

	ck_assert(!usable()); /* nothing of ours */
	commit(ADDR_V4, rs, NULL);
	ck_assert(usable());
	add_foreign_chain("z-later-chain");
	ck_assert(!usable());
	ruleset_free(rs);
}
END_TEST

START_TEST(layout_tail_foreign_jump_into_ours_is_unusable)
{
	uint64_t seed = 1;
	struct ruleset *rs = random_rules(ADDR_V4, 20, true, &seed);
	union {
		struct ipt_entry e;
		uint8_t octets[sizeof(struct ipt_entry) + sizeof(struct xt_standard_target)];
	} rule;
	struct xt_standard_target *target = (void *)(rule.octets + sizeof(rule.e));
	xt_chainlabel chain;
	struct xtc_handle *h;

	commit(ADDR_V4, rs, NULL);
	memset(&rule, 0, sizeof(rule));
	rule.e.target_offset = sizeof(rule.e);
	rule.e.next_offset = sizeof(rule);
	target->target.u.user.target_size = sizeof(*target);
	strcpy(target->target.u.user.name, "ctm-d");
	add_foreign_chain("AN-EARLIER-CHAIN");
	h = iptc_init("mangle");
	snprintf(chain, sizeof(chain), "AN-EARLIER-CHAIN");
	ck_assert(h && iptc_append_entry(chain, &rule.e, h) && iptc_commit(h));
	iptc_free(h);
	ck_assert(!usable());
	ruleset_free(rs);
}
END_TEST

START_TEST(read_head_tells_the_first_octets)
{
	uint64_t seed = 1;
	struct ruleset *rs = random_rules(ADDR_V4, MANY, true, &seed);
	struct xt_layout layout;
	struct xt_raw raw, head;
	uint32_t size;

	commit(ADDR_V4, rs, NULL);
	look(ADDR_V4, &raw, &layout);
	ck_assert_uint_gt(layout.tail.checked, layout.tail.at);
	for (uint32_t n = layout.tail.checked; n < raw.size + 3989; n += 3989) {
		ck_assert_int_eq(xt_read_head(fds[ADDR_V4], ADDR_V4, "mangle", n, &head, &size), 0);
		ck_assert_uint_eq(size, raw.size);
		ck_assert_uint_eq(head.n_entries, raw.n_entries);
		ck_assert_uint_eq(head.size, n < raw.size ? n : raw.size);
		ck_assert_mem_eq(head.blob, raw.blob, head.size);
		xt_raw_clear(&head);
	}
	xt_layout_clear(&layout);
	xt_raw_clear(&raw);
	ruleset_free(rs);
}
END_TEST

START_TEST(commit_run_recent_outdated_keeps_what_came_since)
{
	uint64_t seed = 1, octets, pkts;
	struct ruleset *a = random_rules(ADDR_V4, MANY, true, &seed);
	struct ruleset *b = random_rules(ADDR_V4, MANY, true, &seed);
	struct xt_layout recent, after;
	struct xt_raw raw;

	commit(ADDR_V4, a, NULL);
	look(ADDR_V4, &raw, &recent);
	xt_raw_clear(&raw);
	lo_net_add_foreign_rule("mangle"); /* moves ours, and shifts every number */
	lo_net_send("198.51.100.1", "198.51.100.2", 500, 3);
	commit(ADDR_V4, b, &recent);
	lo_net_foreign_counters("mangle", &octets, &pkts);
	ck_assert_uint_eq(octets, 1500);
	ck_assert_uint_eq(pkts, 3);
	look(ADDR_V4, &raw, &after);
	ck_assert(!plan_diff(b, &after.present, NULL));
	xt_raw_clear(&raw);
	xt_layout_clear(&recent);
	xt_layout_clear(&after);
	ruleset_free(a);
	ruleset_free(b);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("compose_tail");
	TCase *tc = tcase_create("compose_tail");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, compose_tail_random_rules_are_what_libiptc_makes);
	tcase_add_test(tc, layout_tail_foreign_chain_behind_is_unusable);
	tcase_add_test(tc, layout_tail_foreign_jump_into_ours_is_unusable);
	tcase_add_test(tc, read_head_tells_the_first_octets);
	tcase_add_test(tc, commit_run_recent_outdated_keeps_what_came_since);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
