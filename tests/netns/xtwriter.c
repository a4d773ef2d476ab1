/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xtwriter: a writer of iptables' tables that takes no lock, as iptables before 1.4.20 and many a
 * firewall manager are.
 *
 *   xtwriter loop 4|6 TABLE [PAUSE]  append and delete a rule of its own until SIGTERM, with
 *                                    PAUSE microseconds between commits
 *   xtwriter stale 4|6 TABLE         read the table, print "ready", commit what was read at SIGUSR1
 *
 * Prints "COMMITS REFUSALS" when it ends. libiptc commits in two steps: it replaces the table, then
 * adds the counters that the kernel handed out back by their position. A stale commit is taken as
 * long as the table has as many entries as it had when it was read; its counters are those that
 * stand at the same positions now. */

#include <errno.h>
#include <libiptc/libip6tc.h>
#include <libiptc/libiptc.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define OWN_MARK 0x5a /* a protocol number nobody uses: no packet matches */

static const xt_chainlabel chain = "FORWARD";
static volatile sig_atomic_t stopped, told;

static void on_signal(int sig)
{
	if (sig == SIGUSR1)
		told = 1;
	else
		stopped = 1;
}

__attribute__((noreturn)) static void die(const char *what)
{
	fprintf(stderr, "xtwriter: %s\n", what);
	exit(1);
}

/* A rule of ours: it only counts, and never matches. */
union rule {
	struct ipt_entry v4;
	struct ip6t_entry v6;
	char room[sizeof(struct ip6t_entry) + XT_ALIGN(sizeof(struct xt_standard_target))];
};

static void make_rule(union rule *r, bool v6)
{
	size_t head = v6 ? sizeof(r->v6) : sizeof(r->v4);
	struct xt_standard_target t = {
		.target = { .u.user = { .target_size = XT_ALIGN(sizeof(t)),
					.name = IPTC_LABEL_RETURN } },
	};

	memset(r, 0, sizeof(*r));
	if (v6) {
		r->v6.ipv6.proto = OWN_MARK;
		r->v6.ipv6.flags = IP6T_F_PROTO;
		r->v6.target_offset = (uint16_t)head;
		r->v6.next_offset = (uint16_t)(head + XT_ALIGN(sizeof(t)));
	} else {
		r->v4.ip.proto = OWN_MARK;
		r->v4.target_offset = (uint16_t)head;
		r->v4.next_offset = (uint16_t)(head + XT_ALIGN(sizeof(t)));
	}
	memcpy(r->room + head, &t, sizeof(t));
}

static struct xtc_handle *open_table(bool v6, const char *table)
{
	struct xtc_handle *h = v6 ? ip6tc_init(table) : iptc_init(table);

	if (!h && errno != EAGAIN)
		die(v6 ? ip6tc_strerror(errno) : iptc_strerror(errno));
	return h;
}

static void insert_first(struct xtc_handle *h, bool v6, const union rule *r)
{
	if (!(v6 ? ip6tc_insert_entry(chain, &r->v6, 0, h)
		 : iptc_insert_entry(chain, &r->v4, 0, h)))
		die("cannot insert a rule");
}

static void append(struct xtc_handle *h, bool v6, const union rule *r)
{
	if (!(v6 ? ip6tc_append_entry(chain, &r->v6, h) : iptc_append_entry(chain, &r->v4, h)))
		die("cannot append a rule");
}

static void delete_first(struct xtc_handle *h, bool v6)
{
	if (!(v6 ? ip6tc_delete_num_entry(chain, 0, h) : iptc_delete_num_entry(chain, 0, h)))
		die("cannot delete a rule");
}

/* The rule may have been undone by somebody else's commit: then there is nothing to delete. */
static bool delete_own(struct xtc_handle *h, bool v6, const union rule *r)
{
	unsigned char mask[sizeof(r->room)];

	memset(mask, 0xff, sizeof(mask));
	return v6 ? ip6tc_delete_entry(chain, &r->v6, mask, h)
		  : iptc_delete_entry(chain, &r->v4, mask, h);
}

static bool commit(struct xtc_handle *h, bool v6)
{
	return v6 ? ip6tc_commit(h) : iptc_commit(h);
}

static void release(struct xtc_handle *h, bool v6)
{
	if (v6)
		ip6tc_free(h);
	else
		iptc_free(h);
}

struct tally {
	unsigned long commits, refusals;
};

static struct tally run_loop(bool v6, const char *table, long pause_us)
{
	struct tally t = { 0, 0 };
	union rule r;

	make_rule(&r, v6);
	for (bool there = false; !stopped || there;) {
		struct xtc_handle *h = open_table(v6, table);
		bool changed = true;

		if (!h)
			continue;
		if (there)
			changed = delete_own(h, v6, &r);
		else
			append(h, v6, &r);
		if (!changed) {
			there = false;
		} else if (commit(h, v6)) {
			t.commits++;
			there = !there;
		} else {
			t.refusals++;
		}
		release(h, v6);
		if (pause_us)
			nanosleep(&(struct timespec) { .tv_nsec = pause_us * 1000 }, NULL);
	}
	return t;
}

static struct tally run_stale(bool v6, const char *table)
{
	struct xtc_handle *h = open_table(v6, table);
	struct tally t = { 0, 0 };
	union rule r;

	if (!h)
		die("cannot read the table");
	puts("ready");
	fflush(stdout);
	while (!told && !stopped)
		nanosleep(&(struct timespec) { .tv_nsec = 1000000 }, NULL);
	/* libiptc commits only what it believes changed. */
	make_rule(&r, v6);
	insert_first(h, v6, &r);
	delete_first(h, v6);
	if (commit(h, v6))
		t.commits++;
	else
		t.refusals++;
	release(h, v6);
	return t;
}

int main(int argc, char **argv)
{
	struct sigaction act = { .sa_handler = on_signal };
	struct tally t;
	bool v6, stale;

	if (argc < 4)
		die("usage: xtwriter loop|stale 4|6 TABLE [PAUSE]");
	stale = !strcmp(argv[1], "stale");
	if (!stale && strcmp(argv[1], "loop") != 0)
		die("loop or stale?");
	v6 = !strcmp(argv[2], "6");
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGUSR1, &act, NULL);
	t = stale ? run_stale(v6, argv[3]) : run_loop(v6, argv[3], argc > 4 ? atol(argv[4]) : 0);
	printf("%lu %lu\n", t.commits, t.refusals);
	return 0;
}
