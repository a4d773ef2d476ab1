/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "doctor/doctor.h"

#include "base/join.h"
#include "base/xalloc.h"
#include "control/ctl_client.h"
#include "doctor/doctor_room.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATUS_TIMEOUT_MS 5000

struct doctor_check {
	const char *name;
	doctor_fn *fn;
	enum addr_family family; /* of checks that come once for each */
	bool quick; /* and not reported by the daemon's own status */
};

static const struct doctor_check checks[] = {
	{ "daemon", doctor_daemon, ADDR_V4, false },
	{ "privileges", doctor_privileges, ADDR_V4, true },
	{ "backend", doctor_which_backend, ADDR_V4, false },
	{ "link-kernel", doctor_link_kernel, ADDR_V4, false },
	{ "links", doctor_at_links, ADDR_V4, false },
	{ "link-order", doctor_link_order, ADDR_V4, false },
	{ "link-limits", doctor_link_limits, ADDR_V4, false },
	{ "link-offload", doctor_link_offload, ADDR_V4, false },
	{ "table-ipv4", doctor_table, ADDR_V4, false },
	{ "table-ipv6", doctor_table, ADDR_V6, false },
	{ "modules", doctor_modules, ADDR_V4, true },
	{ "rules-ipv4", doctor_rules, ADDR_V4, false },
	{ "rules-ipv6", doctor_rules, ADDR_V6, false },
	{ "repairs", doctor_repairs, ADDR_V4, true },
	{ "rule-sets", doctor_rule_sets, ADDR_V4, false },
	{ "copies", doctor_copies, ADDR_V4, false },
	{ "early-drops", doctor_early_drops, ADDR_V4, false },
	{ "flowtable", doctor_flowtable, ADDR_V4, false },
	{ "xdp", doctor_xdp, ADDR_V4, true },
	{ "tc", doctor_tc, ADDR_V4, false },
	{ "macvlan", doctor_macvlan, ADDR_V4, false },
	{ "bridge-ipv4", doctor_bridge, ADDR_V4, false },
	{ "bridge-ipv6", doctor_bridge, ADDR_V6, false },
	{ "forwarding-ipv4", doctor_forwarding, ADDR_V4, false },
	{ "forwarding-ipv6", doctor_forwarding, ADDR_V6, false },
	{ "rp-filter-ipv4", doctor_rp_filter, ADDR_V4, false },
	{ "rp-filter-ipv6", doctor_rp_filter, ADDR_V6, false },
	{ "routes-ipv4", doctor_routes, ADDR_V4, false },
	{ "routes-ipv6", doctor_routes, ADDR_V6, false },
	{ "inventory", doctor_inventory, ADDR_V4, false },
	{ "conflicts", doctor_conflicts, ADDR_V4, false },
	{ "ledger", doctor_ledger, ADDR_V4, false },
	{ "ship", doctor_ship, ADDR_V4, true },
	{ "disk", doctor_disk, ADDR_V4, true },
	{ "clock", doctor_clock, ADDR_V4, true },
	{ "memory", doctor_memory, ADDR_V4, false },
	{ "agentx", doctor_agentx, ADDR_V4, false },
	{ "snmp-tables", doctor_snmp_tables, ADDR_V4, false },
	{ "snmp-switch", doctor_snmp_switch, ADDR_V4, false },
};

const struct doctor_check *doctor_check_at(size_t i)
{
	return i < ARRAY_LEN(checks) ? &checks[i] : NULL;
}

const struct doctor_check *doctor_check_named(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(checks); i++)
		if (!strcmp(checks[i].name, name))
			return &checks[i];
	return NULL;
}

const char *doctor_check_name(const struct doctor_check *check)
{
	return check->name;
}

bool doctor_check_is_quick(const struct doctor_check *check)
{
	return check->quick;
}

const char *doctor_level_name(enum doctor_level level)
{
	static const char *const names[DOCTOR_LEVELS] = { "ok", "skip", "warn", "fail" };

	return names[level];
}

/* ---- life ---- */

static void ask_daemon(struct doctor *d)
{
	struct ctl_client_wait wait = { .timeout_ms = STATUS_TIMEOUT_MS };
	json_t *request = json_object();
	struct err e = { "" };

	json_object_set_new(request, "command", json_string("status"));
	d->status_rc = ctl_client_call(d->o.cfg->control.socket, request, &wait, &d->status, &e);
	json_decref(request);
	snprintf(d->status_text, sizeof(d->status_text), "%s", e.text);
}

struct doctor *doctor_new(const struct doctor_options *options)
{
	struct doctor *d = xcalloc(1, sizeof(*d));

	d->o = *options;
	if (!d->o.root)
		d->o.root = "";
	d->loop = loop_new();
	if (options->status)
		d->status = json_deep_copy(options->status);
	else
		ask_daemon(d);
	if (d->status)
		d->pid = (unsigned)json_integer_value(json_object_get(d->status, "pid"));
	return d;
}

void doctor_free(struct doctor *d)
{
	if (!d)
		return;
	json_decref(d->status);
	free(d->links);
	free(d->addresses);
	free(d->seen);
	inv_free(d->inventory);
	nft_view_free(d->nft);
	free(d->community);
	free(d->ports_community);
	free(d->community_source);
	loop_free(d->loop);
	free(d);
}

void doctor_run(struct doctor *d, const struct doctor_check *check,
		struct doctor_finding *ret_finding)
{
	struct doctor_finding f = { .level = DOCTOR_SKIP };

	check->fn(d, check->family, &f);
	*ret_finding = f;
}

/* ---- findings ---- */

void doctor_finding_clear(struct doctor_finding *f)
{
	free(f->text);
	free(f->cure);
	free(f->look);
	memset(f, 0, sizeof(*f));
}

static void set_text(char **text, const char *fmt, va_list ap)
{
	char *old = *text;

	if (vasprintf(text, fmt, ap) < 0)
		xalloc_die();
	free(old); /* only now: it may be among the arguments */
}

#define SET_TEXT(text)                      \
	do {                                \
		va_list ap;                 \
                                            \
		va_start(ap, fmt);          \
		set_text(&(text), fmt, ap); \
		va_end(ap);                 \
	} while (0)

void doctor_say(struct doctor_finding *f, enum doctor_level level, const char *fmt, ...)
{
	f->level = level;
	SET_TEXT(f->text);
}

void doctor_cure(struct doctor_finding *f, const char *fmt, ...)
{
	SET_TEXT(f->cure);
}

void doctor_look(struct doctor_finding *f, const char *fmt, ...)
{
	SET_TEXT(f->look);
}

/* isalnum(3) depends on the locale. */
static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       strchr("_-./:=@%+,", c);
}

char *doctor_quote(const char *text)
{
	char *quoted = xmalloc(strlen(text) * 4 + 3), *to = quoted;
	bool plain = *text != '\0';

	for (const char *c = text; *c; c++)
		plain = plain && is_plain(*c);
	if (plain)
		return strcpy(quoted, text);
	*to++ = '\'';
	for (; *text; text++) {
		if (*text == '\'')
			to += sprintf(to, "'\\''");
		else
			*to++ = *text;
	}
	strcpy(to, "'");
	return quoted;
}

char *doctor_quote_sysctl(const char *interface)
{
	char *swapped = xstrdup(interface), *quoted;

	for (char *c = swapped; *c; c++)
		*c = *c == '.' ? '/' : *c;
	quoted = doctor_quote(swapped);
	free(swapped);
	return quoted;
}

/* ---- words ---- */

void doctor_words_add(struct doctor_words *w, const char *fmt, ...)
{
	char *word = NULL;

	SET_TEXT(word);
	for (size_t i = 0; i < w->n && i < DOCTOR_WORDS; i++) {
		if (!strcmp(w->word[i], word)) {
			free(word);
			return;
		}
	}
	if (w->n < DOCTOR_WORDS)
		w->word[w->n] = word;
	else
		free(word);
	w->n++;
}

const char *doctor_words_text(struct doctor_words *w)
{
	w->text[0] = '\0';
	for (size_t i = 0; i < w->n && i < DOCTOR_WORDS; i++)
		join_text(w->text, sizeof(w->text), ", ", "%.76s", w->word[i]);
	if (w->n > DOCTOR_WORDS)
		join_text(w->text, sizeof(w->text), " and ", "%zu more", w->n - DOCTOR_WORDS);
	return w->text;
}

void doctor_words_clear(struct doctor_words *w)
{
	for (size_t i = 0; i < w->n && i < DOCTOR_WORDS; i++)
		free(w->word[i]);
	memset(w, 0, sizeof(*w));
}
