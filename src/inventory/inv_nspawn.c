/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inventory/inv_nspawn.h"

#include "inventory/gather.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct machine {
	bool is_nspawn, has_link;
	pid_t pid; /* 0: unknown */
	char id[INV_RUNTIME_ID_MAX + 1];
};

static void take_pair(struct machine *m, const char *key, const char *value)
{
	if (!strcmp(key, "SERVICE"))
		m->is_nspawn = !strcmp(value, "systemd-nspawn");
	else if (!strcmp(key, "ID"))
		snprintf(m->id, sizeof(m->id), "%s", value);
	else if (!strcmp(key, "LEADER"))
		m->pid = gather_pid(value);
	else if (!strcmp(key, "NETIF"))
		m->has_link = *value;
}

static bool says(const struct gather_record *r, const char *what)
{
	return r->len == strlen(what) && !memcmp(r->text, what, r->len);
}

static void take_machine(struct inv_part *part, struct gather_record *record,
			 const struct gather_record *leader)
{
	struct machine m = { .id = "" };
	char line[GATHER_LINE];
	const char *key, *value;
	bool own;

	while (gather_line(record, line))
		if (*line != '#' && gather_pair(line, '=', &key, &value))
			take_pair(&m, key, value);
	if (!m.is_nspawn || says(leader, "gone") ||
	    inv_part_container(part, 0, record->name, record->name, INV_RUN_RUNNING) < 0)
		return;
	own = says(leader, "own") || (m.has_link && !says(leader, "node"));
	inv_part_runtime(part, "nspawn", m.id);
	inv_part_net(part, says(leader, "node") ? INV_NET_NODE : INV_NET_OWN);
	inv_part_pid(part, own ? m.pid : 0);
}

int inv_nspawn(struct inv_part *part, const char *text, size_t len, struct err *e)
{
	static const struct gather_record none = { .text = "" };
	struct gather_record record, leader = none;
	int ret;

	while ((ret = gather_next(&text, &len, &record)) > 0) {
		if (!strcmp(record.word, "bad"))
			gather_complain(part, &record);
		else if (!strcmp(record.word, "leader"))
			leader = record;
		else if (!strcmp(record.word, "machine"))
			take_machine(part, &record,
				     strcmp(leader.name, record.name) ? &none : &leader);
	}
	if (ret < 0)
		err_set(e, "what was gathered of systemd-machined cannot be read");
	return ret;
}
