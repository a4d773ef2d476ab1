/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inventory/inv_lxc.h"

#include "base/ifname.h"
#include "base/xalloc.h"
#include "inventory/gather.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NETS_MAX 100 /* liblxc's networks have numbers, of which few are in use */
#define ADDRESSES_MAX 1024 /* of one container; what exceeds that is refused anyway */

enum what { WHAT_ADDRESS, WHAT_TYPE, WHAT_LINK };

/* A line of a network of the container. */
struct setting {
	unsigned net;
	enum what what;
	char *value;
};

struct reader {
	struct inv_part *part;
	char name[256]; /* of the container whose records are being read, "": none */
	char host[256]; /* its host name */
	enum inv_run run;
	pid_t pid; /* 0: unknown */
	bool in_force; /* the settings are those of the running container: its file adds none */
	unsigned net; /* the network of lines without a number, of LXC before 2.1; 0: none yet */
	struct setting *settings;
	size_t n, cap;
};

static void clear(struct reader *r)
{
	for (size_t i = 0; i < r->n; i++)
		free(r->settings[i].value);
	r->n = 0;
	r->net = 0;
	*r->name = *r->host = '\0';
	r->run = INV_RUN_UNKNOWN;
	r->pid = 0;
	r->in_force = false;
}

/* The last of its kind counts. */
static const char *value_of(const struct reader *r, unsigned net, enum what what)
{
	const char *value = "";

	for (size_t i = 0; i < r->n; i++)
		if (r->settings[i].net == net && r->settings[i].what == what)
			value = r->settings[i].value;
	return value;
}

/* "none" is the node's own network, "empty" one with nothing in it. */
static enum inv_net net_of(const struct reader *r)
{
	bool any = false, node = false;

	for (unsigned net = 0; net < NETS_MAX; net++) {
		const char *type = value_of(r, net, WHAT_TYPE);

		node = node || !strcmp(type, "none");
		any = any || (*type && strcmp(type, "none") && strcmp(type, "empty"));
	}
	return any ? INV_NET_OWN : node ? INV_NET_NODE : INV_NET_NONE;
}

static void add_addresses(const struct reader *r, unsigned net)
{
	const char *link = value_of(r, net, WHAT_LINK);

	inv_part_link(r->part, ifname_is_valid(link, strlen(link)) ? link : NULL);
	for (size_t i = 0; i < r->n; i++)
		if (r->settings[i].net == net && r->settings[i].what == WHAT_ADDRESS)
			inv_part_address(r->part, 0, r->settings[i].value);
}

/* All of the container is known. */
static void finish(struct reader *r)
{
	enum inv_net net = net_of(r);

	if (inv_part_container(r->part, 0, r->name, *r->host ? r->host : r->name, r->run) == 0) {
		inv_part_runtime(r->part, "lxc", "");
		/* What a file includes may have its network. */
		net = r->in_force || net != INV_NET_NONE ? net : INV_NET_OWN;
		inv_part_net(r->part, net);
		inv_part_pid(r->part, net == INV_NET_OWN ? r->pid : 0);
		for (unsigned i = 0; i < NETS_MAX; i++)
			add_addresses(r, i);
	}
	clear(r);
}

/* ---- lines ---- */

static void set(struct reader *r, unsigned net, enum what what, const char *value)
{
	size_t kept = 0;

	if (what == WHAT_ADDRESS && !*value) { /* an empty line forgets those before */
		for (size_t i = 0; i < r->n; i++) {
			if (r->settings[i].net == net && r->settings[i].what == what)
				free(r->settings[i].value);
			else
				r->settings[kept++] = r->settings[i];
		}
		r->n = kept;
		return;
	}
	if (r->n >= ADDRESSES_MAX)
		return;
	r->settings = xgrow(r->settings, r->n, &r->cap, sizeof(*r->settings));
	/* an address may be followed by its broadcast address */
	r->settings[r->n++] =
		(struct setting) { net, what,
				   what == WHAT_ADDRESS ? xstrndup(value, strcspn(value, " \t"))
							: xstrdup(value) };
}

static void set_of_net(struct reader *r, unsigned net, const char *key, const char *value)
{
	if (!strcmp(key, "type"))
		set(r, net, WHAT_TYPE, value);
	else if (!strcmp(key, "veth.pair"))
		set(r, net, WHAT_LINK, value);
	else if (!strcmp(key, "ipv4.address") || !strcmp(key, "ipv6.address") ||
		 !strcmp(key, "ipv4") || !strcmp(key, "ipv6"))
		set(r, net, WHAT_ADDRESS, value);
}

static const char *behind(const char *text, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(text, prefix, len) ? NULL : text + len;
}

static void take_pair(struct reader *r, const char *key, const char *value)
{
	const char *rest = behind(key, "lxc.net."), *old = behind(key, "lxc.network.");

	if (!strcmp(key, "lxc.uts.name") || !strcmp(key, "lxc.utsname")) {
		snprintf(r->host, sizeof(r->host), "%s", value);
	} else if (rest && isdigit((unsigned char)*rest)) {
		char *end;
		unsigned long net = strtoul(rest, &end, 10);

		if (net < NETS_MAX && *end == '.')
			set_of_net(r, (unsigned)net, end + 1, value);
	} else if (old) { /* each type begins a network */
		r->net += !strcmp(old, "type") && r->net < NETS_MAX;
		if (r->net)
			set_of_net(r, r->net - 1, old, value);
	}
}

static void take_lines(struct reader *r, struct gather_record *record)
{
	char line[GATHER_LINE];
	const char *key, *value;

	while (gather_line(record, line))
		if (*line != '#' && gather_pair(line, '=', &key, &value))
			take_pair(r, key, value);
}

/* ---- records ---- */

static void take_record(struct reader *r, struct gather_record *record)
{
	if (!strcmp(record->word, "bad")) {
		gather_complain(r->part, record);
		return;
	}
	if (strcmp(r->name, record->name) != 0) {
		clear(r);
		snprintf(r->name, sizeof(r->name), "%s", record->name);
	}
	if (!strcmp(record->word, "run")) {
		r->run = gather_run_of(record);
	} else if (!strcmp(record->word, "pid")) {
		r->pid = gather_pid_of(record);
	} else if (!strcmp(record->word, "item")) {
		r->in_force = true;
		take_lines(r, record);
	} else if (!strcmp(record->word, "config")) {
		if (!r->in_force)
			take_lines(r, record);
		finish(r);
	}
}

int inv_lxc(struct inv_part *part, const char *text, size_t len, struct err *e)
{
	struct reader r = { .part = part, .run = INV_RUN_UNKNOWN };
	struct gather_record record;
	int ret;

	while ((ret = gather_next(&text, &len, &record)) > 0)
		take_record(&r, &record);
	clear(&r);
	free(r.settings);
	if (ret < 0)
		err_set(e, "what was gathered of LXC cannot be read");
	return ret;
}
