/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fleetgen: the ledgers of a fleet, written by the store itself, and what they add up to.
 *
 *   fleetgen DIR NODES DAYS NOW    DIR/N/ledger.db of each node N, the last checkpoint at NOW
 *   fleetgen more LEDGER NOW       one more checkpoint: each address has used 1,000 octets each way
 *   fleetgen unsure LEDGER NOW     from now on the clock is on trial
 *   fleetgen move LEDGER NOW BY    the clock was set by BY seconds: usage on trial moves
 *
 * The first form prints, with octets of all closed hours:
 *   O CONTAINER CUSTOMER          whose container it is
 *   A ADDRESS IN OUT NODEIN NODEOUT
 *   C CUSTOMER IN OUT NODEIN NODEOUT
 * Every node has three containers with an IPv4 and an IPv6 address each. The last of every other
 * node moves to the next one in mid-time, with its addresses. Ids are UTF-8, and one needs quoting.
 * The same arguments give the same figures. */
#include "base/period.h"
#include "base/xalloc.h"
#include "store/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define CONTAINERS 3 /* of a node */
#define CUSTOMERS_PER_NODE 2 /* about */

static uint64_t state = 88172645463325252ull; /* xorshift64: never 0 */

static uint64_t next_random(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

__attribute__((noreturn)) static void die(const char *what)
{
	fprintf(stderr, "fleetgen: %s\n", what);
	exit(1);
}

struct row { /* an address of a container, at one node */
	struct store_address store;
	unsigned container; /* its number in the fleet */
	int64_t from_s, until_s; /* it is there */
};

struct sums {
	uint64_t octets[PATHS];
};

struct fleet {
	unsigned nodes;
	int64_t begin_s, now_s;
	struct sums (*address)[2]; /* by container, then family */
};

static void name_container(unsigned n, char buf[64])
{
	static const char *const forms[] = { "%u", "wéb-%u", "日本-%u", "o'b\\%u" };

	snprintf(buf, 64, forms[n % 4], 1000 + n);
}

static struct addr address_of(unsigned container, int family)
{
	struct addr a = { .family = (uint8_t)family };
	uint8_t *last = family == ADDR_V4 ? a.bytes + 1 : a.bytes + 13;

	a.bytes[0] = family == ADDR_V4 ? 10 : 0xfd;
	last[0] = (uint8_t)(container >> 16);
	last[1] = (uint8_t)(container >> 8);
	last[2] = (uint8_t)container;
	return a;
}

/* The container that this one's place is taken by; the last of an even node moves to the next. */
static bool moves(const struct fleet *f, unsigned container)
{
	unsigned node = container / CONTAINERS;

	return container % CONTAINERS == CONTAINERS - 1 && node % 2 == 0 && node + 1 < f->nodes;
}

static size_t add_rows(const struct fleet *f, unsigned container, unsigned node, struct row *rows,
		       size_t n)
{
	int64_t mid_s = period_floor((f->begin_s + f->now_s) / 2, PERIOD_5MIN_S);

	for (int family = 0; family < ADDR_FAMILIES; family++, n++) {
		rows[n] =
			(struct row) { .container = container, .from_s = 0, .until_s = INT64_MAX };
		rows[n].store.key = n + 1;
		rows[n].store.container = (uint32_t)(n / 2 + 1);
		rows[n].store.addr = address_of(container, family);
		rows[n].store.totals.since_wall_s = f->begin_s;
		if (moves(f, container) && node == container / CONTAINERS)
			rows[n].until_s = mid_s;
		else if (moves(f, container))
			rows[n].from_s = mid_s;
	}
	return n;
}

static void grow(const struct fleet *f, struct row *r, int64_t t)
{
	struct sums *sum = &f->address[r->container][r->store.addr.family];

	if (t < r->from_s || t >= r->until_s || next_random() % 4 == 0)
		return;
	for (int p = 0; p < PATHS; p++) {
		uint64_t octets = next_random() % (p < PATH_NODE_IN ? 9000000000u : 5000u);

		r->store.totals.path[p].octets += octets;
		r->store.totals.path[p].pkts += octets / 700 + 1;
		if (t < period_floor(f->now_s, PERIOD_HOUR_S))
			sum->octets[p] += octets;
	}
}

static void must(int rc, const struct err *e)
{
	if (rc < 0)
		die(e->text);
}

static void put_all(struct store *s, struct row *rows, size_t n, bool containers)
{
	char name[64];

	for (size_t i = 0; i < n; i++) {
		struct store_container c = { .ifindex = rows[i].store.container,
					     .id = name,
					     .name = "host.example",
					     .run = 2 };

		name_container(rows[i].container, name);
		if (containers && i % 2 == 0 && store_put_container(s, &c) < 0)
			die("cannot put a container");
		if (store_put_address(s, &rows[i].store) < 0)
			die("cannot put an address");
	}
}

static void make_node(const struct fleet *f, const char *dir, unsigned node)
{
	struct store_meta meta = { .next_ifindex = 99, .next_key = 99, .checkpoint = 1 };
	struct row rows[(CONTAINERS + 1) * 2];
	char *path = xasprintf("%s/%u", dir, node), *ledger = xasprintf("%s/ledger.db", path);
	struct store *s = NULL;
	size_t n = 0;
	struct err e = { "" };

	for (unsigned c = 0; c < CONTAINERS; c++)
		n = add_rows(f, node * CONTAINERS + c, node, rows, n);
	if (node && moves(f, node * CONTAINERS - 1))
		n = add_rows(f, node * CONTAINERS - 1, node, rows, n);
	mkdir(path, 0755);
	must(store_open(ledger, &s, NULL, &e), &e);
	for (int64_t t = f->begin_s; t < f->now_s; t += 300 + (int64_t)(next_random() % 12000)) {
		must(store_begin(s, false, t, &e), &e);
		for (size_t i = 0; i < n; i++)
			grow(f, &rows[i], t);
		put_all(s, rows, n, t == f->begin_s);
		must(store_end(s, &e), &e);
		store_tidy(s);
	}
	must(store_begin(s, false, f->now_s, &e), &e);
	meta.clock.wall_s = f->now_s;
	if (store_put_meta(s, &meta) < 0)
		die("cannot put the meta data");
	must(store_end(s, &e), &e);
	store_close(s);
	free(ledger);
	free(path);
}

static unsigned customer_of(unsigned container)
{
	return container / CUSTOMERS_PER_NODE;
}

static void print_sums(const char *kind, const char *name, const struct sums *s)
{
	printf("%s %s", kind, name);
	for (int p = 0; p < PATHS; p++)
		printf(" %" PRIu64, s->octets[p]);
	putchar('\n');
}

static void print_truth(const struct fleet *f)
{
	unsigned containers = f->nodes * CONTAINERS;
	struct sums *customer = xcalloc(containers, sizeof(*customer));
	char name[64], text[ADDR_TEXT_SIZE];

	for (unsigned c = 0; c < containers; c++) {
		name_container(c, name);
		printf("O %s customer-%u\n", name, customer_of(c));
		for (int family = 0; family < ADDR_FAMILIES; family++) {
			struct addr a = address_of(c, family);

			print_sums("A", addr_format(&a, text), &f->address[c][family]);
			for (int p = 0; p < PATHS; p++)
				customer[customer_of(c)].octets[p] +=
					f->address[c][family].octets[p];
		}
	}
	for (unsigned i = 0; i <= customer_of(containers - 1); i++) {
		snprintf(name, sizeof(name), "customer-%u", i);
		print_sums("C", name, &customer[i]);
	}
	free(customer);
}

/* ---- one more checkpoint of a ledger ---- */

struct again {
	struct store_address rows[64];
	size_t n;
};

static void take_container(void *arg, const struct store_container *c)
{
	(void)arg, (void)c;
}

static void take_address(void *arg, const struct store_address *a)
{
	struct again *all = arg;

	if (all->n < ARRAY_LEN(all->rows))
		all->rows[all->n++] = *a;
}

static void add_checkpoint(const char *path, int64_t now_s, bool grows,
			   const struct wallclock_step *steps, size_t n_steps)
{
	struct again all = { .n = 0 };
	struct wallclock_step step = { 0 };
	struct store_meta meta;
	struct store *s = NULL;
	struct err e = { "" };

	must(store_open(path, &s, NULL, &e), &e);
	must(store_load(s, &meta, take_container, take_address, &all, &e), &e);
	for (size_t i = 0; i < n_steps; i++) {
		step = steps[i];
		step.number = ++meta.clock.steps;
	}
	if (n_steps)
		meta.clock.flags = WALLCLOCK_TRIAL;
	meta.clock.wall_s = now_s;
	meta.checkpoint++;
	must(store_begin_stepped(s, true, now_s, &step, n_steps, &e), &e);
	for (size_t i = 0; i < all.n; i++) {
		for (int p = 0; grows && p < PATHS; p++)
			all.rows[i].totals.path[p].octets += 1000;
		if (store_put_address(s, &all.rows[i]) < 0)
			die("cannot put an address");
	}
	if (store_put_meta(s, &meta) < 0)
		die("cannot put the meta data");
	must(store_end(s, &e), &e);
	store_close(s);
}

static int change(int argc, char **argv)
{
	struct wallclock_step step = { .number = 0 };
	int64_t now_s = strtoll(argv[3], NULL, 10);

	if (!strcmp(argv[1], "more") && argc == 4) {
		add_checkpoint(argv[2], now_s, true, NULL, 0);
	} else if (!strcmp(argv[1], "unsure") && argc == 4) {
		step.kind = WALLCLOCK_UNSURE;
		add_checkpoint(argv[2], now_s, false, &step, 1);
	} else if (!strcmp(argv[1], "move") && argc == 5) {
		step.kind = WALLCLOCK_MOVE;
		step.by_s = strtoll(argv[4], NULL, 10);
		add_checkpoint(argv[2], now_s, false, &step, 1);
	} else {
		return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct fleet f = { .nodes = 0 };

	if (argc >= 4 && change(argc, argv) == 0)
		return 0;
	if (argc != 5)
		die("usage: fleetgen DIR NODES DAYS NOW | more|unsure LEDGER NOW | move LEDGER NOW "
		    "BY");
	f.nodes = (unsigned)strtoul(argv[2], NULL, 10);
	f.now_s = strtoll(argv[4], NULL, 10);
	f.begin_s = f.now_s - strtoll(argv[3], NULL, 10) * PERIOD_DAY_S;
	f.address = xcalloc((size_t)f.nodes * CONTAINERS, sizeof(*f.address));
	for (unsigned i = 0; i < f.nodes; i++)
		make_node(&f, argv[1], i);
	print_truth(&f);
	free(f.address);
	return 0;
}
