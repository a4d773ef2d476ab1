/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/iptables/compose.h"

#include "base/xalloc.h"
#include "netfilter/iptables/xt_make.h"

#include <errno.h>
#include <libiptc/libip6tc.h>
#include <libiptc/libiptc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* --- libiptc, the same for both families ---------------------------------------------------- */

struct tc_ops {
	struct xtc_handle *(*init)(const char *table);
	void (*free)(struct xtc_handle *h);
	const char *(*first_chain)(struct xtc_handle *h);
	const char *(*next_chain)(struct xtc_handle *h);
	const void *(*first_rule)(const char *chain, struct xtc_handle *h);
	const void *(*next_rule)(const void *prev, struct xtc_handle *h);
	const char *(*get_target)(const void *e, struct xtc_handle *h);
	int (*insert_entry)(const char *chain, const void *e, unsigned at, struct xtc_handle *h);
	int (*append_entry)(const char *chain, const void *e, struct xtc_handle *h);
	int (*delete_num_entry)(const char *chain, unsigned at, struct xtc_handle *h);
	int (*flush_entries)(const char *chain, struct xtc_handle *h);
	int (*create_chain)(const char *chain, struct xtc_handle *h);
	int (*delete_chain)(const char *chain, struct xtc_handle *h);
	int (*commit)(struct xtc_handle *h);
	const char *(*strerror)(int err);
};

#define TC_FAMILY(prefix)                                                                  \
	static const void *prefix##_first(const char *chain, struct xtc_handle *h)         \
	{                                                                                  \
		return prefix##_first_rule(chain, h);                                      \
	}                                                                                  \
	static const void *prefix##_next(const void *prev, struct xtc_handle *h)           \
	{                                                                                  \
		return prefix##_next_rule(prev, h);                                        \
	}                                                                                  \
	static const char *prefix##_target(const void *e, struct xtc_handle *h)            \
	{                                                                                  \
		return prefix##_get_target(e, h);                                          \
	}                                                                                  \
	static int prefix##_insert(const char *chain, const void *e, unsigned at,          \
				   struct xtc_handle *h)                                   \
	{                                                                                  \
		return prefix##_insert_entry(chain, e, at, h);                             \
	}                                                                                  \
	static int prefix##_append(const char *chain, const void *e, struct xtc_handle *h) \
	{                                                                                  \
		return prefix##_append_entry(chain, e, h);                                 \
	}                                                                                  \
	static const struct tc_ops prefix##_tc = {                                         \
		.init = prefix##_init,                                                     \
		.free = prefix##_free,                                                     \
		.first_chain = prefix##_first_chain,                                       \
		.next_chain = prefix##_next_chain,                                         \
		.first_rule = prefix##_first,                                              \
		.next_rule = prefix##_next,                                                \
		.get_target = prefix##_target,                                             \
		.insert_entry = prefix##_insert,                                           \
		.append_entry = prefix##_append,                                           \
		.delete_num_entry = prefix##_delete_num_entry,                             \
		.flush_entries = prefix##_flush_entries,                                   \
		.create_chain = prefix##_create_chain,                                     \
		.delete_chain = prefix##_delete_chain,                                     \
		.commit = prefix##_commit,                                                 \
		.strerror = prefix##_strerror,                                             \
	};

TC_FAMILY(iptc)
TC_FAMILY(ip6tc)

static const struct tc_ops *const families[ADDR_FAMILIES] = { &iptc_tc, &ip6tc_tc };

/* --- catching what libiptc would commit --------------------------------------------------- */

/* Set only while compose() runs libiptc's commit. */
static struct composed *catching;

static int catch_replace(const struct ipt_replace *repl)
{
	struct composed *c = catching;
	struct xt_raw *raw = &c->raw;

	xt_raw_alloc(raw, repl->size);
	memcpy(raw->blob, repl->entries, repl->size);
	raw->n_entries = repl->num_entries;
	raw->valid_hooks = repl->valid_hooks;
	memcpy(raw->hook_entry, repl->hook_entry, sizeof(raw->hook_entry));
	memcpy(raw->underflow, repl->underflow, sizeof(raw->underflow));
	c->n_old = repl->num_counters;
	/* As its "final counter" each old entry gets its own number. The second call shows by
	 * these numbers which old entry continues as which new one. */
	for (uint32_t i = 0; i < repl->num_counters; i++)
		repl->counters[i] = (struct xt_counters) { i + 1, i + 1 };
	return 0;
}

static int catch_counters(const struct xt_counters_info *info)
{
	struct composed *c = catching;

	c->from = xcalloc(info->num_counters, sizeof(*c->from));
	for (uint32_t i = 0; i < info->num_counters; i++)
		if (info->counters[i].pcnt <= c->n_old)
			c->from[i] = (uint32_t)info->counters[i].pcnt;
	return 0;
}

/* libiptc calls this function instead of libc's. Both make the same system call, but while a table
 * is being composed, the two options that would change it go to the catchers above. It must be
 * visible whatever -fvisibility says, so that libiptc finds it before libc's. */
__attribute__((visibility("default"))) int setsockopt(int fd, int level, int optname,
						      const void *optval, socklen_t optlen)
{
	if (catching && optname == IPT_SO_SET_REPLACE)
		return catch_replace(optval);
	if (catching && optname == IPT_SO_SET_ADD_COUNTERS)
		return catch_counters(optval);
	return (int)syscall(SYS_setsockopt, fd, level, optname, optval, optlen);
}

/* --- composing ---------------------------------------------------------------------------- */

struct job {
	const struct tc_ops *tc;
	struct xtc_handle *h;
	const struct ruleset *desired;
	const struct present *present;
	struct err *e;
};

static int name_cmp(const void *a, const void *b)
{
	return strcmp(a, ((const struct present_chain *)b)->name);
}

/* Whether it is a chain of ours: by its name, or because the reading found it to be one. */
static bool is_ours(const struct job *job, const char *chain)
{
	const struct present *p = job->present;
	enum hook hook;
	enum path path;
	uint64_t epoch;

	return rule_name_parse(chain, &hook, &epoch, &path) != RULE_NAME_FOREIGN ||
	       (p->n_chains &&
		bsearch(chain, p->chains, p->n_chains, sizeof(*p->chains), name_cmp));
}

static int failed(const struct job *job, const char *what, const char *chain)
{
	int ret = errno ? -errno : -EINVAL;

	err_set(job->e, "%s chain %s: %s", what, chain, job->tc->strerror(-ret));
	return ret;
}

/* libiptc identifies a target by its chain's name. */
static void make_entry(uint64_t room[XT_MADE_MAX / 8], enum addr_family family,
		       const struct rule *r, const char *target)
{
	memset(room, 0, XT_MADE_MAX);
	strcpy(xt_make_rule(room, family, r)->target.u.user.name, target);
}

static int fill_chain(const struct job *job, const struct rule_chain *c)
{
	uint64_t room[XT_MADE_MAX / 8];

	for (uint32_t i = c->first; i < c->first + c->n; i++) {
		const struct rule *r = &job->desired->rules[i];
		bool aims = r->kind == RULE_GOTO || r->kind == RULE_JUMP;

		make_entry(room, job->desired->family, r,
			   aims ? job->desired->chains[r->chain].name : IPTC_LABEL_RETURN);
		if (!job->tc->append_entry(c->name, room, job->h))
			return failed(job, "cannot fill", c->name);
	}
	return 0;
}

/* Delete from a chain of others every rule that leads to a chain of ours. */
static int clear_jumps(const struct job *job, const char *chain)
{
	const void *rule = job->tc->first_rule(chain, job->h);

	for (unsigned at = 0; rule;) {
		if (!is_ours(job, job->tc->get_target(rule, job->h))) {
			rule = job->tc->next_rule(rule, job->h);
			at++;
			continue;
		}
		if (!job->tc->delete_num_entry(chain, at, job->h))
			return failed(job, "cannot remove a jump to ours from", chain);
		rule = job->tc->first_rule(chain, job->h);
		for (unsigned i = 0; rule && i < at; i++)
			rule = job->tc->next_rule(rule, job->h);
	}
	return 0;
}

/* Delete all rules that lead to our chains, except our own jumps: set_hook handles those. */
static int clear_intruders(const struct job *job)
{
	int ret = 0;

	for (const char *chain = job->tc->first_chain(job->h); chain && !ret;
	     chain = job->tc->next_chain(job->h))
		if (!is_ours(job, chain))
			ret = clear_jumps(job, chain);
	return ret;
}

/* Delete every jump to our chains from a hook, then insert the wanted one as the first rule. */
static int set_hook(const struct job *job, enum hook hook)
{
	const char *name = fw_hook_name(hook);
	struct rule all = { .kind = RULE_JUMP, .match = RULE_MATCH_ALL };
	uint64_t room[XT_MADE_MAX / 8];
	int ret = clear_jumps(job, name);

	if (ret < 0)
		return ret;
	if (job->desired->root[hook] < 0)
		return 0;
	make_entry(room, job->desired->family, &all,
		   job->desired->chains[job->desired->root[hook]].name);
	if (!job->tc->insert_entry(name, room, 0, job->h))
		return failed(job, "cannot insert our jump into", name);
	return 0;
}

/* In this order every jump's chain exists, and no chain is deleted while a jump leads to it: empty
 * the chains that go or change, create, fill, delete what leads to ours, set the hooks, delete. */
static int run_plan(const struct job *job, const struct present *present, const struct plan *plan)
{
	const struct rule_chain *want = job->desired->chains;
	int ret = 0;

	for (size_t i = 0; i < plan->n_ops; i++) {
		const struct plan_op *op = &plan->ops[i];
		const char *name = op->kind == PLAN_DELETE ? present->chains[op->chain].name
							   : want[op->chain].name;

		if (op->kind == PLAN_CREATE ? !job->tc->create_chain(name, job->h)
					    : !job->tc->flush_entries(name, job->h))
			return failed(job, "cannot prepare", name);
	}
	for (size_t i = 0; !ret && i < plan->n_ops; i++)
		if (plan->ops[i].kind != PLAN_DELETE)
			ret = fill_chain(job, &want[plan->ops[i].chain]);
	if (!ret && present->intruders)
		ret = clear_intruders(job);
	for (enum hook hook = 0; !ret && hook < HOOKS; hook++)
		if (plan->hooks[hook])
			ret = set_hook(job, hook);
	for (size_t i = 0; !ret && i < plan->n_ops; i++) {
		const char *name;

		if (plan->ops[i].kind != PLAN_DELETE)
			continue;
		name = present->chains[plan->ops[i].chain].name;
		if (!job->tc->delete_chain(name, job->h))
			ret = failed(job, "a rule of another program still jumps to our", name);
	}
	return ret;
}

int compose(const char *table, const struct ruleset *desired, const struct present *present,
	    const struct plan *plan, struct composed *ret_composed, struct err *e)
{
	struct job job = {
		.tc = families[desired->family], .desired = desired, .present = present, .e = e
	};
	struct composed c;
	int ret;

	memset(&c, 0, sizeof(c));
	c.raw.family = desired->family;
	errno = 0;
	job.h = job.tc->init(table);
	if (!job.h) {
		ret = errno ? -errno : -EINVAL;
		err_set(e, "libiptc cannot read table %s: %s", table, job.tc->strerror(-ret));
		return ret;
	}
	ret = run_plan(&job, present, plan);
	if (ret < 0)
		goto cleanup;
	catching = &c;
	errno = 0;
	ret = job.tc->commit(job.h) && c.from ? 0 : -(errno ? errno : ENOMEM);
	catching = NULL;
	if (ret < 0) {
		err_set(e, "libiptc cannot compose table %s: %s", table, job.tc->strerror(-ret));
		goto cleanup;
	}
	*ret_composed = c;
	memset(&c, 0, sizeof(c));
cleanup:
	composed_clear(&c);
	job.tc->free(job.h);
	return ret;
}

void composed_clear(struct composed *c)
{
	xt_raw_clear(&c->raw);
	free(c->from);
	memset(c, 0, sizeof(*c));
}
