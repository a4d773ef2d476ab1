/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The doctor's facts: see doctor_room.h. Each is gathered once, when first asked for. */
#include "doctor/doctor_room.h"

#include "base/file.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "control/ctl_client.h"
#include "inventory/source.h"
#include "inventory/source_kind.h"
#include "netfilter/fw.h"
#include "netfilter/fw_admin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIST_TIMEOUT_MS 10000
#define READ_MAX (16 << 20) /* modules.dep has 1 MiB with some kernels */

/* ---- files ---- */

static char *path_of(const struct doctor *d, const char *fmt, va_list ap)
{
	char *below, *path;

	if (vasprintf(&below, fmt, ap) < 0)
		xalloc_die();
	path = xasprintf("%s%s", d->o.root, below);
	free(below);
	return path;
}

/* As doctor_read. */
static char *read_file(const char *path)
{
	char *text;
	size_t len;
	int ret = file_read(path, READ_MAX, &text, &len);

	if (ret < 0) {
		errno = -ret;
		return NULL;
	}
	if (len && text[len - 1] == '\n')
		text[len - 1] = '\0';
	return text;
}

char *doctor_read(const struct doctor *d, const char *fmt, ...)
{
	char *path, *text;
	va_list ap;
	int error;

	va_start(ap, fmt);
	path = path_of(d, fmt, ap);
	va_end(ap);
	text = read_file(path);
	error = errno;
	free(path);
	errno = error;
	return text;
}

long doctor_read_number(const struct doctor *d, const char *fmt, ...)
{
	char *path, *text, *end;
	long n = -1;
	va_list ap;

	va_start(ap, fmt);
	path = path_of(d, fmt, ap);
	va_end(ap);
	text = read_file(path);
	if (text) {
		n = strtol(text, &end, 10);
		if (end == text)
			n = -1;
	}
	free(text);
	free(path);
	return n;
}

bool doctor_exists(const struct doctor *d, const char *path)
{
	char *whole = xasprintf("%s%s", d->o.root, path);
	bool exists = access(whole, F_OK) == 0;

	free(whole);
	return exists;
}

/* ---- links ---- */

static int link_cmp(const void *a, const void *b)
{
	int x = ((const struct rtnl_link *)a)->index, y = ((const struct rtnl_link *)b)->index;

	return (x > y) - (x < y);
}

const struct rtnl_link *doctor_links(struct doctor *d, size_t *ret_n)
{
	int fd;

	if (!d->links_known) {
		d->links_known = true;
		fd = rtnl_open();
		d->links_rc = fd < 0 ? fd : rtnl_links(fd, &d->links, &d->n_links);
		if (fd >= 0)
			close(fd);
		if (d->n_links)
			qsort(d->links, d->n_links, sizeof(*d->links), link_cmp);
	}
	*ret_n = d->n_links;
	return d->links;
}

const struct rtnl_link *doctor_link(struct doctor *d, int index)
{
	struct rtnl_link key = { .index = index };
	size_t n;
	const struct rtnl_link *links = doctor_links(d, &n);

	return n ? bsearch(&key, links, n, sizeof(*links), link_cmp) : NULL;
}

/* Older drivers of venet report no kind, so it is recognised by its name. */
bool doctor_is_uplink(const struct rtnl_link *l)
{
	static const char *const kinds[] = { "", "bond", "vlan", "team" };

	if (l->loopback || !strncmp(l->name, "venet", 5))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (!strcmp(l->kind, kinds[i]))
			return true;
	return false;
}

bool doctor_is_bridge(const struct rtnl_link *l)
{
	return !strcmp(l->kind, "bridge");
}

bool doctor_has_uplink(struct doctor *d, const struct rtnl_link *bridge)
{
	size_t n;
	const struct rtnl_link *links = doctor_links(d, &n);

	for (size_t i = 0; i < n; i++)
		if (links[i].master == bridge->index && doctor_is_uplink(&links[i]))
			return true;
	return false;
}

static const char *member(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* ---- the sources, queried by the doctor ---- */

static void on_complaint(void *arg, enum log_level level, const char *text)
{
	struct doctor *d = arg;

	if (level == LOG_LEVEL_WARNING && !d->n_complaints++)
		snprintf(d->complaint, sizeof(d->complaint), "%s", text);
}

static void on_looked(void *arg, const struct sources_result *result, uint64_t now_ns)
{
	struct doctor *d = arg;

	(void)now_ns;
	d->inventory = result->inventory; /* of the first poll, which has no other before it */
	if (d->inventory->n_addresses > d->o.cfg->inventory.max_rows)
		d->refused = d->inventory->n_addresses - d->o.cfg->inventory.max_rows;
	if (result->failure)
		snprintf(d->look_text, sizeof(d->look_text), "%s", result->failure);
	loop_stop(d->loop);
}

/* The daemon's list. Returns 0 or -errno. */
static int call_list(const struct doctor *d, json_t **ret_answer)
{
	struct ctl_client_wait wait = { .timeout_ms = LIST_TIMEOUT_MS };
	json_t *request = json_object();
	struct err e = { "" };
	int rc;

	json_object_set_new(request, "command", json_string("list"));
	rc = ctl_client_call(d->o.cfg->control.socket, request, &wait, ret_answer, &e);
	json_decref(request);
	return rc;
}

/* The sources go on with the ids under which the daemon knows the runtimes' containers. */
static void tell_known(const struct doctor *d, struct sources *sources)
{
	json_t *answer = NULL;
	const json_t *containers, *c;

	if (!d->status || call_list(d, &answer) < 0)
		return;
	containers = json_object_get(answer, "containers");
	for (size_t i = 0; i < json_array_size(containers); i++) {
		c = json_array_get(containers, i);
		if (*member(c, "runtime_id") && strcmp(member(c, "status"), "retired") != 0)
			sources_know(sources, member(c, "runtime"), member(c, "runtime_id"),
				     member(c, "id"));
	}
	json_decref(answer);
}

/* The socket of the inventory helper that the daemon asks: its own (HELPER.PID) if root started the
 * daemon, else the configured one. For free(). NULL: none exists, or the caller may not connect to
 * it. */
static char *find_helper(const struct doctor *d)
{
	const char *configured = d->o.cfg->inventory.helper;
	char *own = xasprintf("%s.%u", configured, d->pid);

	if (d->pid && access(own, W_OK) == 0)
		return own;
	free(own);
	return access(configured, W_OK) == 0 ? xstrdup(configured) : NULL;
}

void doctor_look_at_sources(struct doctor *d)
{
	const struct cfg *cfg = d->o.cfg;
	struct sources *sources = NULL;
	struct err e = { "" };
	char *helper;

	if (d->looked)
		return;
	d->looked = true;
	helper = find_helper(d);
	log_set_sink(on_complaint, d);
	if (sources_new(cfg->inventory.sources, cfg->inventory.n_sources, cfg->inventory.max_rows,
			helper, "", d->loop, on_looked, d, &sources, &e) == 0) {
		tell_known(d, sources);
		sources_look(sources);
		loop_run(d->loop); /* this ends, as each source has a deadline */
	} else {
		snprintf(d->look_text, sizeof(d->look_text), "%s", e.text);
	}
	sources_free(sources);
	free(helper);
	log_set_sink(NULL, NULL);
}

/* ---- addresses ---- */

static struct doctor_address *add_address(struct doctor *d, size_t *cap, const struct addr *addr,
					  const char *id)
{
	struct doctor_address *a;

	d->addresses = xgrow(d->addresses, d->n_addresses, cap, sizeof(*d->addresses));
	a = &d->addresses[d->n_addresses++];
	memset(a, 0, sizeof(*a));
	a->addr = *addr;
	snprintf(a->id, sizeof(a->id), "%s", id);
	return a;
}

static void take_container(struct doctor *d, size_t *cap, const json_t *container)
{
	const json_t *addresses = json_object_get(container, "addresses");
	bool stopped = !strcmp(member(container, "state"), "stopped");
	struct doctor_address *new;
	struct addr addr;

	for (size_t i = 0; i < json_array_size(addresses); i++) {
		const json_t *a = json_array_get(addresses, i);

		if (!strcmp(member(a, "status"), "retired") ||
		    addr_parse(member(a, "address"), &addr) < 0)
			continue;
		new = add_address(d, cap, &addr, member(container, "id"));
		new->stopped = stopped;
		new->conflict = !strcmp(member(a, "status"), "conflict");
		new->counting = !strcmp(member(a, "status"), "counting");
		snprintf(new->link, sizeof(new->link), "%s", member(a, "link"));
		snprintf(new->why, sizeof(new->why), "%s", member(a, "reason"));
	}
}

/* Take the addresses from the daemon's list. Returns 0 or -errno. */
static int ask_list(struct doctor *d)
{
	json_t *answer = NULL;
	const json_t *containers;
	size_t cap = 0;
	int rc = call_list(d, &answer);

	if (rc < 0)
		return rc;
	containers = json_object_get(answer, "containers");
	for (size_t i = 0; i < json_array_size(containers); i++)
		take_container(d, &cap, json_array_get(containers, i));
	json_decref(answer);
	return 0;
}

static void take_inventory(struct doctor *d)
{
	const struct inventory *inv;
	size_t cap = 0;

	doctor_look_at_sources(d);
	inv = d->inventory;
	for (size_t i = 0; inv && i < inv->n_addresses; i++) {
		const struct inv_address *a = &inv->addresses[i];
		const struct inv_container *c = &inv->containers[a->container];

		struct doctor_address *new = add_address(d, &cap, &a->addr, c->id);

		new->stopped = c->run == INV_RUN_STOPPED;
		new->conflict = a->conflict;
	}
}

static void find_ways(struct doctor *d)
{
	int fd = rtnl_open();

	for (size_t i = 0; fd >= 0 && i < d->n_addresses; i++)
		rtnl_route(fd, &d->addresses[i].addr, &d->addresses[i].route);
	if (fd >= 0)
		close(fd);
}

const struct doctor_address *doctor_addresses(struct doctor *d, size_t *ret_n)
{
	if (!d->addresses_known) {
		d->addresses_known = true;
		if (!d->status || ask_list(d) < 0)
			take_inventory(d);
		find_ways(d);
	}
	*ret_n = d->n_addresses;
	return d->addresses;
}

size_t doctor_count_addresses(struct doctor *d, enum addr_family family)
{
	size_t n, count = 0;
	const struct doctor_address *a = doctor_addresses(d, &n);

	for (size_t i = 0; i < n; i++)
		count += a[i].addr.family == family;
	return count;
}

/* A default route leads to a container only over a bridge; by any other link it leads off the
 * node. */
const struct rtnl_link *doctor_container_link(struct doctor *d, const struct doctor_address *a)
{
	const struct rtnl_link *l =
		a->route.way == RTNL_WAY_LINK ? doctor_link(d, a->route.link) : NULL;

	if (!l || l->loopback || doctor_is_uplink(l))
		return NULL;
	return a->route.by_default && !doctor_is_bridge(l) ? NULL : l;
}

const struct rtnl_link **doctor_container_links(struct doctor *d, enum addr_family family,
						size_t *ret_n)
{
	size_t n_addresses, n = 0, n_links;
	const struct doctor_address *a = doctor_addresses(d, &n_addresses);
	const struct rtnl_link *links = doctor_links(d, &n_links), **list;
	bool *used = xcalloc(n_links, sizeof(*used));

	for (size_t i = 0; i < n_addresses; i++) {
		const struct rtnl_link *l =
			a[i].addr.family == family ? doctor_container_link(d, &a[i]) : NULL;

		if (l)
			used[l - links] = true;
	}
	list = xcalloc(n_links, sizeof(*list));
	for (size_t i = 0; i < n_links; i++)
		if (used[i])
			list[n++] = &links[i];
	free(used);
	*ret_n = n;
	return list;
}

/* ---- texts that several checks use ---- */

const char *doctor_silence(const struct doctor *d)
{
	if (d->status_rc == -EACCES || d->status_rc == -EPERM)
		return "only root may ask ctmeterd";
	return "no ctmeterd answers";
}

bool doctor_dry_run(const struct doctor *d, struct doctor_finding *f)
{
	if (d->o.cfg->netfilter.backend != CFG_BACKEND_FAKE)
		return false;
	doctor_say(f, DOCTOR_SKIP, "a dry run (backend = fake) has no rules");
	return true;
}

enum cfg_backend doctor_backend(const struct doctor *d)
{
	const char *name = json_string_value(json_object_get(d->status, "backend"));
	struct fw_config config = fw_config_of(d->o.cfg, "");
	enum cfg_backend backend = d->o.cfg->netfilter.backend;

	config.tables_for = source_tables_first(d->o.root);
	if (backend == CFG_BACKEND_AUTO && (!name || !fw_backend_of(name, &backend)))
		backend = fw_likely_backend(&config);
	return backend;
}

enum cfg_backend doctor_tables(const struct doctor *d)
{
	return d->o.cfg->netfilter.backend == CFG_BACKEND_FAKE ? CFG_BACKEND_FAKE
							       : CFG_BACKEND_IPTABLES;
}

bool doctor_on_links(const struct doctor *d, struct doctor_finding *f)
{
	if (doctor_backend(d) != CFG_BACKEND_LINK)
		return false;
	doctor_say(f, DOCTOR_SKIP,
		   "the containers are counted on their links: there are no rules "
		   "of ours in tables");
	return true;
}

bool doctor_not_on_links(const struct doctor *d, struct doctor_finding *f)
{
	if (doctor_backend(d) == CFG_BACKEND_LINK)
		return false;
	doctor_say(f, DOCTOR_SKIP, "the containers are counted by rules, not on their links");
	return true;
}

const char *doctor_family_name(enum addr_family family)
{
	return family == ADDR_V4 ? "IPv4" : "IPv6";
}
