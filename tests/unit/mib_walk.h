/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_MIB_WALK_H
#define CTM_MIB_WALK_H

/* For tests: a view of oidtab against one ordered array of the instances it must have. */

#include "mib/oidtab.h"
#include "smi_text.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

struct walk {
	const struct oidtab_view *view;
	const uint32_t *base; /* names of instances are told from here */
	size_t base_len;
};

struct expected {
	const char *name; /* under the base */
	enum smi_type type;
	const char *value; /* as smi_text tells it */
};

static inline struct oid walk_oid(const struct walk *w, const char *under_base)
{
	struct oid o = { .len = w->base_len };
	char *end;

	memcpy(o.sub, w->base, w->base_len * sizeof(o.sub[0]));
	for (; *under_base; under_base = *end ? end + 1 : end)
		o.sub[o.len++] = (uint32_t)strtoul(under_base, &end, 10);
	return o;
}

static inline enum oidtab_result walk_get(const struct walk *w, const void *data, const char *name)
{
	struct oid o = walk_oid(w, name);
	struct smi_value v;

	return oidtab_view_get(w->view, data, o.sub, o.len, &v);
}

static inline void walk_expect_value(const struct expected *e, const struct smi_value *v)
{
	char text[SMI_TEXT_SIZE];

	ck_assert_msg(v->type == e->type, "%s: type %d, not %d", e->name, v->type, e->type);
	ck_assert_msg(!strcmp(smi_text(v, text), e->value), "%s is %s, not %s", e->name, text,
		      e->value);
}

/* From `from`, GETNEXT gives e (NULL: the end). */
static inline void walk_expect_next(const struct walk *w, const void *data, const struct oid *from,
				    bool include, const struct expected *e)
{
	struct smi_value v;
	struct oid next, want;
	enum oidtab_result r =
		oidtab_view_next(w->view, data, from->sub, from->len, include, &next, &v, NULL);

	if (!e) {
		ck_assert_int_eq(r, OIDTAB_END);
		return;
	}
	ck_assert_msg(r == OIDTAB_FOUND, "the end instead of %s", e->name);
	want = walk_oid(w, e->name);
	ck_assert_msg(!oid_cmp(next.sub, next.len, want.sub, want.len), "not at %s", e->name);
	walk_expect_value(e, &v);
}

/* The view holds exactly these n instances: GET each, GETNEXT from each. */
static inline void walk_expect(const struct walk *w, const void *data, const struct expected *e,
			       size_t n)
{
	struct oid at = { .len = 0 };
	struct smi_value v;

	for (size_t i = 0; i < n; i++) {
		walk_expect_next(w, data, &at, false, &e[i]);
		at = walk_oid(w, e[i].name);
		ck_assert_int_eq(oidtab_view_get(w->view, data, at.sub, at.len, &v), OIDTAB_FOUND);
		walk_expect_value(&e[i], &v);
		walk_expect_next(w, data, &at, true, &e[i]);
	}
	walk_expect_next(w, data, &at, false, NULL);
}

#endif
