/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inventory/inv_pve.h"

#include "base/ifname.h"
#include "base/xalloc.h"
#include "inventory/gather.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NETS_MAX 32 /* of a guest (Proxmox's MAX_NETS) */

struct net {
	bool is_there; /* it has a netN */
	bool limited; /* whose rate= limits both directions */
	char *v4, *v6; /* what ip= and ip6= say, NULL: nothing */
};

struct guest {
	char id[256]; /* of the guest whose records are being read, "": none */
	enum inv_run run;
	pid_t pid; /* 0: unknown */
	bool is_template;
	char name[256];
	struct net nets[NETS_MAX];
};

static void clear(struct guest *g)
{
	for (size_t i = 0; i < NETS_MAX; i++) {
		free(g->nets[i].v4);
		free(g->nets[i].v6);
	}
	*g = (struct guest) { .run = INV_RUN_UNKNOWN };
}

/* The number behind this prefix, as in "net0"; -1: it is another key. */
static int number_of(const char *key, const char *prefix)
{
	size_t len = strlen(prefix),
	       digits = strncmp(key, prefix, len) ? 0 : strspn(key + len, "0123456789");

	if (!digits || digits > 2 || key[len + digits])
		return -1;
	return atoi(key + len) < NETS_MAX ? atoi(key + len) : -1;
}

/* "a=1,b=2": replace *ret_value with that of this key, if there is one. */
static void take_option(const char *list, const char *key, char **ret_value)
{
	size_t len = strlen(key);

	for (const char *at = list; *at; at += *at == ',') {
		size_t n = strcspn(at, ",");

		if (n > len && !strncmp(at, key, len) && at[len] == '=') {
			free(*ret_value);
			*ret_value = xstrndup(at + len + 1, n - len - 1);
		}
		at += n;
	}
}

/* Proxmox limits with an ingress qdisc on veth<ID>i<N> or tap<ID>i<N>; a rate of 0 is no limit. */
static bool has_rate(const char *net)
{
	char *rate = NULL;
	bool limited;

	take_option(net, "rate", &rate);
	limited = rate && strspn(rate, "0.") < strlen(rate);
	free(rate);
	return limited;
}

static void take_pair(struct guest *g, bool is_machine, const char *key, const char *value)
{
	int net = number_of(key, "net"), config = is_machine ? number_of(key, "ipconfig") : net;

	if (!strcmp(key, is_machine ? "name" : "hostname"))
		snprintf(g->name, sizeof(g->name), "%s", value);
	else if (!strcmp(key, "template"))
		g->is_template = !strcmp(value, "1");
	if (net >= 0) {
		g->nets[net].is_there = true;
		g->nets[net].limited = has_rate(value);
	}
	if (config >= 0) {
		take_option(value, "ip", &g->nets[config].v4);
		take_option(value, "ip6", &g->nets[config].v6);
	}
}

static void add_address(struct inv_part *part, const char *value)
{
	static const char *const inside[] = { "dhcp", "auto", "manual" };

	for (size_t i = 0; value && i < ARRAY_LEN(inside); i++)
		if (!strcmp(value, inside[i]))
			return;
	if (value && *value)
		inv_part_address(part, 0, value);
}

static void finish(struct inv_part *part, const struct guest *g, bool is_machine)
{
	char runtime_id[300], link[IFNAME_MAX + 1];
	bool any = false;

	snprintf(runtime_id, sizeof(runtime_id), "%s/%s", is_machine ? "qemu" : "lxc", g->id);
	if (g->is_template || inv_part_container(part, 0, g->id, g->name, g->run) < 0)
		return;
	inv_part_runtime(part, "pve", runtime_id);
	for (unsigned i = 0; i < NETS_MAX; i++) {
		int len = snprintf(link, sizeof(link), "%s%si%u", is_machine ? "tap" : "veth",
				   g->id, i);

		any = any || g->nets[i].is_there;
		if (!g->nets[i].is_there)
			continue;
		inv_part_link(part, len <= IFNAME_MAX && ifname_is_valid(link, (size_t)len) ? link
											    : NULL);
		inv_part_limited(part, g->nets[i].limited);
		add_address(part, g->nets[i].v4);
		add_address(part, g->nets[i].v6);
	}
	inv_part_net(part, any ? INV_NET_OWN : INV_NET_NONE);
	inv_part_pid(part,
		     any && !is_machine ? g->pid : 0); /* a machine's is in the node's network */
}

static void take_file(struct guest *g, struct gather_record *record, bool is_machine)
{
	char line[GATHER_LINE];
	const char *key, *value;

	while (gather_line(record, line) && *line != '[')
		if (*line != '#' && gather_pair(line, ':', &key, &value))
			take_pair(g, is_machine, key, value);
}

static void take_record(struct inv_part *part, struct guest *g, struct gather_record *record)
{
	bool is_machine = !strcmp(record->word, "qemu");

	if (!strcmp(record->word, "bad")) {
		gather_complain(part, record);
		return;
	}
	if (strcmp(g->id, record->name) != 0) {
		clear(g);
		snprintf(g->id, sizeof(g->id), "%s", record->name);
	}
	if (!strcmp(record->word, "run"))
		g->run = gather_run_of(record);
	else if (!strcmp(record->word, "pid"))
		g->pid = gather_pid_of(record);
	if (!is_machine && strcmp(record->word, "lxc") != 0)
		return;
	take_file(g, record, is_machine);
	finish(part, g, is_machine);
	clear(g);
}

int inv_pve(struct inv_part *part, const char *text, size_t len, struct err *e)
{
	struct guest *g = xcalloc(1, sizeof(*g));
	struct gather_record record;
	int ret;

	while ((ret = gather_next(&text, &len, &record)) > 0)
		take_record(part, g, &record);
	clear(g);
	free(g);
	if (ret < 0)
		err_set(e, "what was gathered of Proxmox VE cannot be read");
	return ret;
}
