/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/fw_choice.h"

#include "base/log.h"
#include "base/xalloc.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

struct fw_order fw_choice_order(const struct fw_order *usual, bool tables_first)
{
	struct fw_order order = *usual;

	for (size_t i = 1; tables_first && i < FW_BACKENDS; i++) {
		struct fw_backend found = order.at[i];

		if (found.backend != CFG_BACKEND_IPTABLES)
			continue;
		memmove(&order.at[1], &order.at[0], i * sizeof(found));
		order.at[0] = found;
	}
	return order;
}

/* Add "NAME: TEXT" to a list of reasons. */
static void add_reason(char *why, size_t size, const struct fw_backend *b, const char *text)
{
	size_t len = strlen(why);

	snprintf(why + len, size - len, "%s%s: %s", len ? "; " : "", fw_backend_name(b->backend),
		 text);
}

/* Why the open backend counts in neither family; NULL: it counts in one at least. */
static const char *problem(const struct fw_ops *ops, const void *self)
{
	const char *text = NULL;

	for (enum addr_family f = ADDR_FAMILIES; f-- > 0;) {
		text = ops->family_problem(self, f);
		if (!text)
			return NULL;
	}
	return text;
}

#define NOT_BUILT "ctmeterd was built without it"

int fw_choice_open(const struct fw_order *order, const struct fw_config *config, struct loop *loop,
		   fw_done_fn *done, void *arg, struct fw_choice *ret_choice, struct err *e)
{
	struct fw_choice idle = { .ops = NULL }; /* the first that opened but cannot count */
	char why[FW_WHY_SIZE] = "";
	int ret = -ENOTSUP;

	for (size_t i = 0; i < FW_BACKENDS; i++) {
		const struct fw_backend *b = &order->at[i];
		struct fw_choice c = { b->backend, b->ops, NULL, "" };
		struct err no = { NOT_BUILT };
		int rc = b->ops ? b->ops->open(config, loop, done, arg, &c.self, &no) : -ENOTSUP;
		const char *text = rc < 0 ? no.text : problem(b->ops, c.self);

		snprintf(c.why, sizeof(c.why), "%s", why);
		if (!text) {
			if (idle.ops)
				idle.ops->close(idle.self);
			*ret_choice = c;
			return 0;
		}
		add_reason(why, sizeof(why), b, text);
		if (b->ops && rc < 0)
			ret = rc;
		if (!rc && idle.ops)
			b->ops->close(c.self);
		else if (!rc)
			idle = c;
	}
	if (!idle.ops) {
		err_set(e, "%s", why);
		return ret;
	}
	*ret_choice = idle;
	return 0;
}

/* What is prepared with BPF, another user than root may open since Linux 5.19. Older kernels make
 * the daemon take the next backend. */
static bool may_open(uid_t uid)
{
	struct utsname name;
	unsigned a = 0, b = 0;

	if (!uid)
		return true;
	return uname(&name) == 0 && sscanf(name.release, "%u.%u", &a, &b) == 2 &&
	       (a > 5 || (a == 5 && b >= 19));
}

int fw_choice_prepare(const struct fw_order *order, const struct fw_config *config, uid_t uid,
		      gid_t gid, struct err *e)
{
	char why[FW_WHY_SIZE] = "";
	int ret = -ENOTSUP;
	bool any = false;

	for (size_t i = 0; i < FW_BACKENDS; i++) {
		const struct fw_backend *b = &order->at[i];
		struct fw_config its = *config;
		struct err no = { NOT_BUILT };
		int rc;

		its.spare = any && may_open(uid);
		rc = b->ops ? b->ops->prepare(&its, uid, gid, &no) : -ENOTSUP;
		any = any || !rc;
		if (rc < 0)
			add_reason(why, sizeof(why), b, no.text);
		if (rc < 0 && b->ops)
			ret = rc;
	}
	if (any && *why)
		log_info("start", "not every backend can count here: %s", why);
	if (!any)
		err_set(e, "%s", why);
	return any ? 0 : ret;
}

static bool is_there(const struct fw_ops *ops, struct fw_config *config)
{
	return (ops->has_left && ops->has_left(config)) ||
	       (ops->has_rules && ops->has_rules(config));
}

int fw_choice_remove_all(const struct fw_order *order, enum cfg_backend backend,
			 const struct fw_config *config, struct err *e, unsigned *ret_removed)
{
	unsigned removed = 0;
	int ret = 0;

	for (size_t i = 0; i < FW_BACKENDS; i++) {
		const struct fw_backend *b = &order->at[i];
		struct fw_config its = *config;
		struct err no = { "" };
		unsigned n = 0;
		int rc;

		if (!b->ops || (backend != b->backend && !is_there(b->ops, &its)))
			continue;
		rc = b->ops->remove_all(&its, &no, &n);
		removed += rc < 0 ? 0 : n;
		if (rc < 0 && !ret) {
			ret = rc;
			err_set(e, "%s: %s", b->ops->name, no.text);
		}
	}
	if (!ret)
		*ret_removed = removed;
	return ret;
}
