/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_TESTS_ENGINE_LAB_H
#define CTM_TESTS_ENGINE_LAB_H

/* An engine over a list of containers, and real links in network namespaces. */
#include "base/xalloc.h"
#include "engine/engine.h"
#include "inventory/source_kind.h"
#include "net_lab.h"

#include <string.h>

static char dir[] = "/tmp/check_engine_links.XXXXXX";
static struct cfg *cfg;
static struct loop *loop;
static struct engine *engine;

static inline void on_published(void *arg)
{
	(void)arg;
}

static inline void write_list(const char *text)
{
	char *path = xasprintf("%s/list", dir), *new = xasprintf("%s/new", dir);
	FILE *f = fopen(new, "w");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
	ck_assert_int_eq(rename(new, path), 0);
	free(path);
	free(new);
}

static inline void open_engine(void)
{
	struct err e = { "" };

	loop = loop_new();
	ck_assert_msg(engine_new(cfg, dir, loop, on_published, NULL, &engine, &e) == 0, "%s",
		      e.text);
}

static inline void close_engine(void)
{
	engine_free(engine);
	loop_free(loop);
}

/* A bpffs of our own. Returns whether the real backend can be tested. */
static inline bool mount_bpffs(void)
{
	return unshare(CLONE_NEWNS) == 0 &&
	       run("mount --make-rprivate / && mount -t bpf bpf /sys/fs/bpf && "
		   "{ [ ! -x build/tests/netns/tcprog ] || build/tests/netns/tcprog probe; } "
		   ">/dev/null 2>&1");
}

static inline bool begin(const char *list, const char *backend)
{
	struct err e = { "" };
	char *text;

	setenv("CTMETER_FAKE_LINKS", "1", 1);
	if (!strcmp(backend, "link") && !mount_bpffs()) {
		printf("SKIP over the link backend: no BPF for us here\n");
		return false;
	}
	ck_assert(mkdtemp(dir) != NULL);
	write_list(list);
	text = xasprintf("[netfilter]\nbackend = %s\n[inventory]\nsource = file:%s/list\n"
			 "interval = 1\n[ledger]\npath = %s/ledger.db\n",
			 backend, dir, dir);
	ck_assert_msg(cfg_parse(text, "test", source_check, &cfg, &e) == 0, "%s", e.text);
	free(text);
	open_engine();
	return true;
}

static inline void end(void)
{
	close_engine();
	cfg_free(cfg);
	net_lab_end();
	RUN("rm -rf '%s'", dir);
}

static inline const struct snap_address *row(const char *id, const char *address)
{
	const struct snap *s = engine_snap(engine);
	struct addr a;

	ck_assert_int_eq(addr_parse(address, &a), 0);
	for (size_t i = 0; i < s->n_addresses; i++)
		if (!addr_cmp(&s->addresses[i].addr, &a) &&
		    !strcmp(s->containers[s->addresses[i].container].id, id))
			return &s->addresses[i];
	return NULL;
}

static inline void await(const char *id, const char *address, enum row_status status,
			 const char *link, const char *reason)
{
	uint64_t until = loop_now_ns() + 30 * NS_PER_S;

	for (;;) {
		const struct snap_address *r = row(id, address);
		const char *on = r && r->link ? r->link : "",
			   *why = r && r->reason ? r->reason : "";

		if (r && r->totals.status == status && !strcmp(on, link) && strstr(why, reason) &&
		    !*why == !*reason)
			return;
		ck_assert_msg(loop_now_ns() < until, "%s: status %d on \"%s\": %s", address,
			      r ? (int)r->totals.status : 0, on, why);
		loop_run_once(loop, 20);
	}
}

#endif
