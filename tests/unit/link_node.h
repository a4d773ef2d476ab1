/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_TESTS_LINK_NODE_H
#define CTM_TESTS_LINK_NODE_H

/* An open link backend on the private node of veth_net.h, and what is wanted of it. */
#include "addrs.h"
#include "netfilter/fw.h"
#include "netfilter/fw_admin.h"
#include "netfilter/link/tcx.h"
#include "veth_net.h"

#include <bpf/bpf.h>
#include <check.h>
#include <string.h>
#include <unistd.h>

static struct {
	struct loop *loop;
	struct fw *fw;
	struct cfg_link links[2];
	size_t n_links;
	struct fw_key keys[64]; /* sorted */
	size_t n;
	uint32_t paths;
	/* What `done` was told last. */
	bool done;
	int result;
	uint64_t commit;
	struct fw_final finals[512];
	size_t n_finals;
} world;

static inline void world_done(void *arg, enum addr_family family, int result, const char *text,
			      uint64_t commit, const struct fw_final *finals, size_t n,
			      uint64_t now_ns)
{
	(void)arg, (void)family, (void)now_ns;
	ck_assert_uint_le(n, ARRAY_LEN(world.finals));
	ck_assert_msg(result == 0, "the commit failed: %s", text);
	world.done = true;
	world.result = result;
	world.commit = commit;
	world.n_finals = n;
	if (n)
		memcpy(world.finals, finals, n * sizeof(*finals));
}

static inline struct fw_config world_config(void)
{
	return (struct fw_config) { .table = "mangle",
				    .run_dir = "/nonexistent",
				    .bpf_dir = veth_net_bpf_dir(),
				    .links = world.links,
				    .n_links = world.n_links };
}

static inline void world_open(void)
{
	struct fw_config config = world_config();
	struct err e = { "" };

	ck_assert_msg(!fw_open(CFG_BACKEND_LINK, &config, world.loop, world_done, NULL, &world.fw,
			       &e),
		      "%s", e.text);
	if (fw_family_problem(world.fw, ADDR_V4)) {
		printf("SKIP %s\n", fw_family_problem(world.fw, ADDR_V4));
		exit(0);
	}
}

static inline void world_setup(void)
{
	const char *why = veth_net_enter();

	if (why) {
		printf("SKIP %s\n", why);
		exit(0);
	}
	memset(&world, 0, sizeof(world));
	world.paths = PATHS_ALL;
	world.loop = loop_new();
}

static inline void world_close(void)
{
	fw_close(world.fw);
	world.fw = NULL;
}

static inline void world_teardown(void)
{
	world_close();
	loop_free(world.loop);
}

/* Want an address on a link; 0: not at all. */
static inline void world_want(const char *text, uint32_t link)
{
	struct addr a = addr_of(text);
	size_t i = 0;

	while (i < world.n && addr_cmp(&world.keys[i].addr, &a) < 0)
		i++;
	if (i < world.n && !addr_cmp(&world.keys[i].addr, &a)) {
		memmove(&world.keys[i], &world.keys[i + 1], (--world.n - i) * sizeof(*world.keys));
	}
	if (!link)
		return;
	memmove(&world.keys[i + 1], &world.keys[i], (world.n++ - i) * sizeof(*world.keys));
	world.keys[i] = (struct fw_key) { .addr = a, .link = link };
}

static inline struct fw_want world_wanted(enum addr_family family)
{
	size_t four = 0;

	while (four < world.n && world.keys[four].addr.family == ADDR_V4)
		four++;
	return (struct fw_want) { .family = family,
				  .keys = family == ADDR_V4 ? world.keys : world.keys + four,
				  .n = family == ADDR_V4 ? four : world.n - four,
				  .paths = world.paths };
}

static inline enum fw_fit world_fit(enum addr_family family)
{
	struct fw_want want = world_wanted(family);

	return fw_compare(world.fw, &want);
}

static inline void world_await(void)
{
	while (!world.done)
		loop_run_once(world.loop, 5000);
}

static inline void world_apply(enum addr_family family)
{
	struct fw_want want = world_wanted(family);

	world.done = false;
	ck_assert_int_eq(fw_apply(world.fw, &want), 0);
	world_await();
}

/* NULL: it has no row. The pointer is valid until the next reading. */
static inline const struct fw_row *world_row(const char *text)
{
	struct addr a = addr_of(text);
	struct fw_reading r;

	ck_assert_int_eq(fw_read(world.fw, a.family, loop_now_ns(), &r), 0);
	ck_assert(r.apart);
	for (size_t i = 0; i < r.n_rows; i++)
		if (!addr_cmp(&r.rows[i].addr, &a))
			return &r.rows[i];
	return NULL;
}

static inline uint64_t world_pkts(const char *text, enum path path)
{
	const struct fw_row *row = world_row(text);

	ck_assert_msg(row != NULL, "%s has no row", text);
	return row->path[path].pkts;
}

static inline const struct fw_final *world_final(const char *text, enum path path,
						 enum fw_final_kind kind)
{
	struct addr a = addr_of(text);

	for (size_t i = 0; i < world.n_finals; i++)
		if (!addr_cmp(&world.finals[i].addr, &a) && world.finals[i].path == path &&
		    world.finals[i].kind == kind)
			return &world.finals[i];
	return NULL;
}

/* Read until the address' packets are said to be missed, or not; it takes as long as a look at all
 * links. */
static inline void world_await_missing(const char *text, bool missing)
{
	uint64_t until = loop_now_ns() + 20 * NS_PER_S;

	while (world_row(text)->missing != missing) {
		ck_assert_msg(loop_now_ns() < until, "missing stays %d", !missing);
		loop_run_once(world.loop, 20);
	}
}

static inline const char *world_why(const char *text)
{
	struct addr a = addr_of(text);
	const char *why = fw_why(world.fw, &a);

	return why ? why : "";
}

static inline bool world_is_barred(const char *text)
{
	struct addr a = addr_of(text);

	return fw_is_barred(world.fw, &a);
}

/* What is at a link; ours: NULL if nothing of ours or of others is. */
static inline const struct fw_look_link *world_look(uint32_t link)
{
	static struct fw_look_link found;
	struct fw_config config = world_config();
	struct fw_look_link *links;
	bool any = false;
	size_t n;

	ck_assert_int_eq(fw_look_links(CFG_BACKEND_LINK, &config, &links, &n), 0);
	for (size_t i = 0; i < n; i++)
		if (links[i].link == link) {
			found = links[i];
			any = true;
		}
	free(links);
	return any ? &found : NULL;
}

static bool world_clsact; /* the tests of this case run as on a kernel without tcx */

static inline void world_setup_way(void)
{
	if (world_clsact)
		setenv("CTMETER_LINK_ATTACH", "clsact", 1);
	world_setup();
}

static inline const char *world_way(void)
{
	return world_clsact ? "clsact" : "tcx";
}

/* Take our program off a hook, as an operator might. */
static inline void world_take_off(uint32_t link, const char *program, enum tc_hook hook)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/set/%s", veth_net_bpf_dir(), program);
	fd = bpf_obj_get(path);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(tcx_detach(link, hook, fd), 0);
	close(fd);
}

#endif
