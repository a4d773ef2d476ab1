/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_TEST_SOURCE_BENCH_H
#define CTM_TEST_SOURCE_BENCH_H

#include "base/loop.h"
#include "inv_helpers.h"
#include "inventory/source.h"
#include "inventory/source_one.h"

/* Sources under test with what the last look gave. */
struct bench {
	struct loop *loop;
	struct sources *sources;
	int looks;
	bool same; /* it is that of the look before */
	char *text; /* the inventory */
	char *failure;
	size_t failed;
	int look_again; /* ask for another look from within done, so many times */
};

static inline void on_done(void *arg, const struct sources_result *result, uint64_t now_ns)
{
	struct bench *b = arg;
	struct inventory *inv =
		result->inventory ? result->inventory : sources_inventory(b->sources);

	(void)now_ns;
	free(b->text);
	free(b->failure);
	b->looks++;
	b->same = !result->inventory;
	b->text = inv_text(inv);
	b->failure = result->failure ? xstrdup(result->failure) : NULL;
	b->failed = result->failed;
	inv_free(inv);
	if (b->look_again) {
		b->look_again--;
		sources_look(b->sources);
	}
}

static inline int try_open(struct bench *b, const char *root, const char *spec, const char *spec2,
			   struct err *e)
{
	char *specs[] = { xstrdup(spec), spec2 ? xstrdup(spec2) : NULL };
	int ret;

	memset(b, 0, sizeof(*b));
	b->loop = loop_new();
	ret = sources_new(specs, spec2 ? 2 : 1, 1000, NULL, root, b->loop, on_done, b, &b->sources,
			  e);
	free(specs[0]);
	free(specs[1]);
	return ret;
}

static inline void open_bench(struct bench *b, const char *root, const char *spec,
			      const char *spec2)
{
	struct err e = { "" };

	ck_assert_msg(try_open(b, root, spec, spec2, &e) == 0, "%s", e.text);
}

static inline void close_bench(struct bench *b)
{
	sources_free(b->sources);
	loop_run_once(b->loop, 0);
	loop_free(b->loop);
	free(b->text);
	free(b->failure);
}

static inline void look(struct bench *b)
{
	int before = b->looks;

	sources_look(b->sources);
	while (b->looks == before)
		loop_run_once(b->loop, -1);
}

/* A look that succeeds and gives this inventory. */
static inline void expect_look(struct bench *b, const char *text)
{
	look(b);
	ck_assert_msg(!b->failed, "%s", b->failure);
	ck_assert_ptr_null(b->failure);
	ck_assert_str_eq(b->text, text);
	ck_assert_str_eq(sources_state(b->sources, 0), "ok");
}

/* A look that fails with this said, and still gives this inventory. */
static inline void expect_failure(struct bench *b, const char *failure, const char *text)
{
	do /* a run that was killed just now takes its time to be gone */
		look(b);
	while (b->failure && strstr(b->failure, "has not ended yet"));
	ck_assert_uint_eq(b->failed, 1);
	ck_assert_msg(b->failure && strstr(b->failure, failure), "\"%s\" says not \"%s\"",
		      b->failure, failure);
	ck_assert_str_eq(b->text, text);
}

static inline char *spec_of(const char *kind, const char *path, const char *rest)
{
	return xasprintf("%s:%s%s", kind, path, rest);
}

/* What messages that list every kind say of those that are asked by HTTP. */
#ifdef CTM_NO_CURL
#define HTTP_TITLES ""
#define HTTP_FORMS ""
#else
#define HTTP_TITLES "no Docker, no Podman, no Incus, no LXD, no Kubernetes, "
#define HTTP_FORMS \
	"docker[:SOCKET], podman[:SOCKET], incus[:SOCKET], lxd[:SOCKET], kubernetes[:SOCKET], "
#endif

#endif
