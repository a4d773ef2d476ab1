/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The fake backend: counters in memory, for tests, dry runs and machines that cannot count.
 *
 * If the environment variable CTMETER_FAKE_COUNTERS names a file, the packets come from it: lines
 * of "ADDRESS PATH OCTETS PKTS", where PATH is one of fwd-in, fwd-out, node-in, node-out, and the
 * numbers are totals of all that ever crossed the node. As in a kernel, a rule counts from when it
 * was made, and traffic without a rule is not counted. The rules do not survive the process.
 *
 * If CTMETER_FAKE_LINKS is set, it is a backend that counts on links: each key must name one, and a
 * rule whose link changes counts from 0 again. */
#include "base/xalloc.h"
#include "netfilter/fw_ops.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fake_rule {
	struct addr addr;
	uint32_t link;
	enum path path;
	struct counters crossed, before; /* the rule has counted crossed - before */
};

struct fake_family {
	struct fake *owner;
	enum addr_family family;
	uint64_t commit; /* number of the last commit */
	bool changed; /* the apply under way made a commit */
	uint32_t generation;
	struct fake_rule *rules; /* sorted by addr, path */
	size_t n_rules;
	struct fw_row *rows;
	size_t n_rows;
	struct fw_final *finals; /* of the apply under way, for its timer */
	size_t n_finals;
	struct loop_timer timer;
};

struct fake {
	struct loop *loop;
	fw_done_fn *done;
	void *arg;
	struct fake_family families[ADDR_FAMILIES];
};

static const char *const path_names[PATHS] = { [PATH_FWD_IN] = "fwd-in",
					       [PATH_FWD_OUT] = "fwd-out",
					       [PATH_NODE_IN] = "node-in",
					       [PATH_NODE_OUT] = "node-out" };

static int rule_cmp(const void *a, const void *b)
{
	const struct fake_rule *x = a, *y = b;
	int order = addr_cmp(&x->addr, &y->addr);

	return order ? order : (int)x->path - (int)y->path;
}

static struct fake_rule *find_rule(const struct fake_family *f, const struct addr *addr,
				   enum path path)
{
	struct fake_rule key = { .addr = *addr, .path = path };

	return f->n_rules ? bsearch(&key, f->rules, f->n_rules, sizeof(key), rule_cmp) : NULL;
}

/* Bring every rule's `crossed` up to what the file says. An unreadable line is skipped: the file
 * may be half written. */
static void let_packets_cross(struct fake_family *f)
{
	const char *path = getenv("CTMETER_FAKE_COUNTERS");
	FILE *in = path ? fopen(path, "re") : NULL;
	char line[256], host[64], name[16];
	struct counters c;

	while (in && fgets(line, sizeof(line), in)) {
		struct addr addr;

		if (sscanf(line, "%63s %15s %" SCNu64 " %" SCNu64, host, name, &c.octets,
			   &c.pkts) != 4 ||
		    addr_parse(host, &addr) < 0)
			continue;
		for (enum path p = 0; p < PATHS; p++) {
			struct fake_rule *r =
				strcmp(name, path_names[p]) ? NULL : find_rule(f, &addr, p);

			if (r)
				r->crossed = c;
		}
	}
	if (in)
		fclose(in);
}

static struct counters counted(const struct fake_rule *r)
{
	return (struct counters) { r->crossed.octets - r->before.octets,
				   r->crossed.pkts - r->before.pkts };
}

static int fake_read(void *self, enum addr_family family, uint64_t now_ns,
		     struct fw_reading *ret_reading)
{
	struct fake_family *f = &((struct fake *)self)->families[family];

	if (f->timer.at_ns)
		return -EAGAIN;
	let_packets_cross(f);
	f->rows = xreallocarray(f->rows, f->n_rules, sizeof(*f->rows));
	f->n_rows = 0;
	for (size_t i = 0; i < f->n_rules; i++) {
		const struct fake_rule *r = &f->rules[i];
		struct fw_row *row;

		if (!i || addr_cmp(&r->addr, &f->rules[i - 1].addr))
			f->rows[f->n_rows++] = (struct fw_row) { .addr = r->addr, .link = r->link };
		row = &f->rows[f->n_rows - 1];
		row->present |= (uint8_t)(1u << r->path);
		row->path[r->path] = counted(r);
	}
	*ret_reading = (struct fw_reading) { .rows = f->rows,
					     .n_rows = f->n_rows,
					     .at_ns = now_ns,
					     .generation = f->generation,
					     .commit = f->n_rules ? f->commit : 0 };
	return 0;
}

static struct fw_figures fake_figures(const void *self, enum addr_family family)
{
	const struct fake_family *f = &((const struct fake *)self)->families[family];

	return (struct fw_figures) { .rules = (uint32_t)f->n_rules,
				     .entries = (uint32_t)f->n_rules,
				     .flaw = "" };
}

static void applied(void *arg, uint64_t now_ns)
{
	struct fake_family *f = arg;
	struct fw_final *finals = f->finals;

	f->finals = NULL;
	f->owner->done(f->owner->arg, f->family, 0, "", f->changed ? f->commit : 0, finals,
		       f->n_finals, now_ns);
	free(finals);
}

/* A rule for each wanted path of each address, sorted. */
static struct fake_rule *rules_of(const struct fw_want *want, size_t *ret_n)
{
	struct fake_rule *rules = xcalloc(want->n * PATHS, sizeof(*rules));
	size_t n = 0;

	for (size_t i = 0; i < want->n; i++)
		for (enum path p = 0; p < PATHS; p++)
			if (want->paths >> p & 1)
				rules[n++] = (struct fake_rule) { .addr = want->keys[i].addr,
								  .link = want->keys[i].link,
								  .path = p };
	*ret_n = n;
	return rules;
}

/* Nothing else changes these rules. */
static enum fw_fit fake_compare(void *self, const struct fw_want *want)
{
	const struct fake_family *f = &((struct fake *)self)->families[want->family];
	size_t n;
	struct fake_rule *rules = rules_of(want, &n);
	bool same = n == f->n_rules;

	for (size_t i = 0; i < n && same; i++)
		same = !rule_cmp(&rules[i], &f->rules[i]) && rules[i].link == f->rules[i].link;
	free(rules);
	return same ? FW_FITS : FW_DIFFERS;
}

static int fake_apply(void *self, const struct fw_want *want)
{
	struct fake *s = self;
	struct fake_family *f = &s->families[want->family], old = *f;
	size_t n = 0;

	f->changed = fake_compare(self, want) != FW_FITS;
	let_packets_cross(f);
	f->rules = rules_of(want, &f->n_rules);
	f->finals = xcalloc(old.n_rules + f->n_rules, sizeof(*f->finals));
	let_packets_cross(f);
	for (size_t i = 0; i < f->n_rules; i++) {
		struct fake_rule *r = &f->rules[i], *was = find_rule(&old, &r->addr, r->path);

		r->before = was && was->link == r->link ? was->before : r->crossed;
		if (!was)
			f->finals[n++] =
				(struct fw_final) { r->addr, r->path, FW_CREATED, { 0, 0 } };
		else if (was->link != r->link)
			f->finals[n++] =
				(struct fw_final) { r->addr, r->path, FW_RESTARTED, counted(was) };
	}
	for (size_t i = 0; i < old.n_rules; i++)
		if (!find_rule(f, &old.rules[i].addr, old.rules[i].path))
			f->finals[n++] = (struct fw_final) { old.rules[i].addr, old.rules[i].path,
							     FW_REMOVED, counted(&old.rules[i]) };
	f->n_finals = n;
	free(old.rules);
	f->commit += f->changed;
	f->generation++;
	loop_timer_set(s->loop, &f->timer, 1); /* done is never called from within apply */
	return 0;
}

static bool fake_busy(const void *self, enum addr_family family)
{
	return ((const struct fake *)self)->families[family].timer.at_ns != 0;
}

static void fake_forget(void *self, enum addr_family family)
{
	(void)self;
	(void)family;
}

static const char *fake_family_problem(const void *self, enum addr_family family)
{
	(void)self;
	(void)family;
	return NULL;
}

static int fake_open(const struct fw_config *config, struct loop *loop, fw_done_fn *done, void *arg,
		     void **ret_self, struct err *e)
{
	struct fake *s = xcalloc(1, sizeof(*s));

	(void)e;
	s->loop = loop;
	s->done = done;
	s->arg = arg;
	for (enum addr_family i = 0; i < ADDR_FAMILIES; i++) {
		s->families[i].owner = s;
		s->families[i].generation = 1; /* an empty table is a structure too */
		s->families[i].family = i;
		s->families[i].commit = config->commit[i];
		loop_timer_init(&s->families[i].timer, applied, &s->families[i]);
	}
	*ret_self = s;
	return 0;
}

static void fake_close(void *self)
{
	struct fake *s = self;

	for (size_t i = 0; i < ADDR_FAMILIES; i++) {
		struct fake_family *f = &s->families[i];

		loop_timer_clear(s->loop, &f->timer);
		free(f->rules);
		free(f->rows);
		free(f->finals);
	}
	free(s);
}

static int fake_look(enum addr_family family, const char *table, struct fw_look *ret_look)
{
	(void)family;
	(void)table;
	(void)ret_look;
	return -ENOTSUP;
}

static const char *fake_lock_path(void)
{
	return NULL;
}

static int fake_prepare(const struct fw_config *config, uid_t uid, gid_t gid, struct err *e)
{
	(void)config;
	(void)uid;
	(void)gid;
	(void)e;
	return 0;
}

static int fake_remove_all(const struct fw_config *config, struct err *e, unsigned *ret_removed)
{
	(void)config;
	(void)e;
	*ret_removed = 0;
	return 0;
}

#define FAKE_OPS                                                                                \
	.name = "fake", .open = fake_open, .close = fake_close,                                 \
	.family_problem = fake_family_problem, .read = fake_read, .compare = fake_compare,      \
	.apply = fake_apply, .busy = fake_busy, .forget = fake_forget, .figures = fake_figures, \
	.look = fake_look, .lock_path = fake_lock_path, .prepare = fake_prepare,                \
	.remove_all = fake_remove_all

const struct fw_ops fw_fake_ops = { FAKE_OPS };
const struct fw_ops fw_fake_link_ops = { FAKE_OPS, .on_links = true };
