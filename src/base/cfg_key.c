/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keys of the configuration: one const table of names, defaults and checks, and a check
 * function for each kind of value. Only cfg.c calls this. */
#include "base/cfg_key.h"

#include "base/endpoint.h"
#include "base/ifname.h"
#include "base/join.h"
#include "base/xalloc.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#define CONTEXT_MAX 32 /* RFC 3415: vacmAccessContextPrefix */
#define NAME_MAX_OCTETS 255 /* RFC 3418: sysName */

/* Check `value` and store it in `field`. Returns 0, or -EINVAL with e saying what is expected. */
typedef int key_parse_fn(const struct cfg_key *key, const char *value, void *field, struct err *e);

struct cfg_key {
	const char *section, *name;
	const char *def; /* NULL: nothing */
	key_parse_fn *parse;
	size_t offset; /* of the field in struct cfg */
	uint32_t min, max; /* parse_number */
	const char *const *choices; /* for parse_word and its like; ends with NULL */
	bool may_be_empty;
};

/* ---- kinds of values ---- */

static bool is_printable_ascii(const char *s)
{
	for (; *s; s++)
		if (*s < ' ' || *s > '~')
			return false;
	return true;
}

static void set_text(char **field, char *take_text)
{
	free(*field);
	*field = take_text;
}

static int parse_number(const struct cfg_key *key, const char *value, void *field, struct err *e)
{
	unsigned long long n = 0;
	size_t digits = strspn(value, "0123456789");

	if (digits && digits <= 10 && !value[digits])
		n = strtoull(value, NULL, 10);
	else
		digits = 0;
	if (!digits || n < key->min || n > key->max) {
		err_set(e, "must be a whole number from %u to %u", key->min, key->max);
		return -EINVAL;
	}
	*(uint32_t *)field = (uint32_t)n;
	return 0;
}

static int find_choice(const struct cfg_key *key, const char *value, unsigned *ret_i, struct err *e)
{
	char list[128] = "";

	for (unsigned i = 0; key->choices[i]; i++) {
		if (!strcmp(value, key->choices[i])) {
			*ret_i = i;
			return 0;
		}
		join_text(list, sizeof(list), ", ", "%s", key->choices[i]);
	}
	err_set(e, "must be one of: %s", list);
	return -EINVAL;
}

static int parse_yes_no(const struct cfg_key *key, const char *value, void *field, struct err *e)
{
	unsigned i;
	int rc = find_choice(key, value, &i, e);

	if (!rc)
		*(bool *)field = i == 0;
	return rc;
}

static int parse_word(const struct cfg_key *key, const char *value, void *field, struct err *e)
{
	unsigned i;
	int rc = find_choice(key, value, &i, e);

	if (!rc)
		set_text(field, xstrdup(value));
	return rc;
}

static int parse_backend(const struct cfg_key *key, const char *value, void *field, struct err *e)
{
	unsigned i;
	int rc = find_choice(key, value, &i, e);

	if (!rc)
		*(enum cfg_backend *)field = i;
	return rc;
}

static int parse_direction(const struct cfg_key *key, const char *value, void *field, struct err *e)
{
	unsigned i;
	int rc = find_choice(key, value, &i, e);

	if (!rc)
		*(enum cfg_direction *)field = i ? CFG_DIRECTION_PORT : CFG_DIRECTION_CONTAINER;
	return rc;
}

static int parse_framing(const struct cfg_key *key, const char *value, void *field, struct err *e)
{
	unsigned i;
	int rc = find_choice(key, value, &i, e);

	if (!rc) /* each of the choices is a number of octets */
		*(uint32_t *)field = (uint32_t)strtoul(value, NULL, 10);
	return rc;
}

static int parse_path(const struct cfg_key *key, const char *value, void *field, struct err *e)
{
	(void)key;
	if (*value != '/' || value[strlen(value) - 1] == '/') {
		err_set(e, "must be the absolute path of a file");
		return -EINVAL;
	}
	set_text(field, xstrdup(value));
	return 0;
}

static int parse_socket_path(const struct cfg_key *key, const char *value, void *field,
			     struct err *e)
{
	const struct sockaddr_un *sun = NULL;

	if (strlen(value) >= sizeof(sun->sun_path)) {
		err_set(e, "must be shorter than %zu octets (a Unix socket's limit)",
			sizeof(sun->sun_path));
		return -EINVAL;
	}
	return parse_path(key, value, field, e);
}

static int parse_user(const struct cfg_key *key, const char *value, void *field, struct err *e)
{
	(void)key;
	if (!*value || !is_printable_ascii(value) || strpbrk(value, " :/")) {
		err_set(e, "must be a user name");
		return -EINVAL;
	}
	set_text(field, xstrdup(value));
	return 0;
}

static int parse_agentx_socket(const struct cfg_key *key, const char *value, void *field,
			       struct err *e)
{
	struct endpoint ignored;

	if (*value == '/')
		return parse_socket_path(key, value, field, e);
	if (strncmp(value, "tcp:", 4) || endpoint_parse(value, &ignored) < 0) {
		err_set(e, "must be an absolute path, or tcp:HOST:PORT with an address or "
			   "localhost as HOST");
		return -EINVAL;
	}
	set_text(field, xstrdup(value));
	return 0;
}

static int parse_context(const struct cfg_key *key, const char *value, void *field, struct err *e)
{
	(void)key;
	if (!is_printable_ascii(value) || strlen(value) > CONTEXT_MAX) {
		err_set(e, "must be at most %d printable ASCII characters", CONTEXT_MAX);
		return -EINVAL;
	}
	set_text(field, xstrdup(value));
	return 0;
}

/* A copy of `template` with each HOSTNAME replaced. */
static char *put_hostname_in(const char *template)
{
	static const char mark[] = "HOSTNAME";
	char host[HOST_NAME_MAX + 1];
	char *text = xstrdup("");
	const char *at;

	if (gethostname(host, sizeof(host)) < 0)
		snprintf(host, sizeof(host), "localhost");
	host[sizeof(host) - 1] = '\0';
	while ((at = strstr(template, mark))) {
		set_text(&text, xasprintf("%s%.*s%s", text, (int)(at - template), template, host));
		template = at + strlen(mark);
	}
	set_text(&text, xasprintf("%s%s", text, template));
	return text;
}

static int parse_name(const struct cfg_key *key, const char *value, void *field, struct err *e)
{
	char *name = put_hostname_in(value);

	(void)key;
	if (!is_printable_ascii(name) || strlen(name) > NAME_MAX_OCTETS) {
		err_set(e, "must be at most %d printable ASCII characters", NAME_MAX_OCTETS);
		free(name);
		return -EINVAL;
	}
	set_text(field, name);
	return 0;
}

static int parse_speed(const struct cfg_key *key, const char *value, void *field, struct err *e)
{
	if (!strcmp(value, "auto")) {
		*(uint32_t *)field = 0;
		return 0;
	}
	if (parse_number(key, value, field, e) == 0)
		return 0;
	err_set(e, "must be auto or a number of Mbit/s from %u to %u", key->min, key->max);
	return -EINVAL;
}

/* libpq knows what is in it; who runs without libpq may have it, too. */
static int parse_conninfo(const struct cfg_key *key, const char *value, void *field, struct err *e)
{
	(void)key;
	if (!*value) { /* nothing is shipped */
		set_text(field, NULL);
		return 0;
	}
	if (!strpbrk(value, "=:")) {
		err_set(e, "must be a connection string of libpq, such as host=db.example "
			   "dbname=fleet user=node1 sslmode=verify-full");
		return -EINVAL;
	}
	set_text(field, xstrdup(value));
	return 0;
}

/* `field` is the whole struct cfg: append to its list of links. */
static int parse_link(const struct cfg_key *key, const char *value, void *field, struct err *e)
{
	struct cfg *cfg = field;
	size_t n = cfg->netfilter.n_links, len = strcspn(value, " \t");
	const char *side = value + len + strspn(value + len, " \t");
	struct cfg_link link = { .side = strncmp(value, "venet", 5) ? CFG_SIDE_UPLINK
								    : CFG_SIDE_CONTAINERS };

	(void)key;
	if (!ifname_is_valid(value, len) ||
	    (*side && strcmp(side, "uplink") && strcmp(side, "containers"))) {
		err_set(e,
			"must be the name of a network interface (at most %d characters), then "
			"nothing, uplink or containers",
			IFNAME_MAX);
		return -EINVAL;
	}
	for (size_t i = 0; i < n; i++)
		if (!strncmp(cfg->netfilter.links[i].name, value, len) &&
		    !cfg->netfilter.links[i].name[len]) {
			err_set(e, "this link is already named: remove one of the two");
			return -EINVAL;
		}
	if (*side)
		link.side = *side == 'u' ? CFG_SIDE_UPLINK : CFG_SIDE_CONTAINERS;
	link.name = xstrndup(value, len);
	cfg->netfilter.links =
		xreallocarray(cfg->netfilter.links, n + 1, sizeof(*cfg->netfilter.links));
	cfg->netfilter.links[n] = link;
	cfg->netfilter.n_links = n + 1;
	return 0;
}

/* `field` is the whole struct cfg: append to its list of sources. cfg_key_store has checked it. */
static int parse_source(const struct cfg_key *key, const char *value, void *field, struct err *e)
{
	struct cfg *cfg = field;
	size_t n = cfg->inventory.n_sources;

	(void)key;
	(void)e;
	cfg->inventory.sources =
		xreallocarray(cfg->inventory.sources, n + 1, sizeof(*cfg->inventory.sources));
	cfg->inventory.sources[n] = xstrdup(value);
	cfg->inventory.n_sources = n + 1;
	return 0;
}

static int parse_zone(const struct cfg_key *key, const char *value, void *field, struct err *e)
{
	struct zone *z, **zone = field;
	int rc = zone_load(value, &z, e);

	(void)key;
	if (rc < 0)
		return -EINVAL;
	zone_free(*zone);
	*zone = z;
	return 0;
}

static int parse_quota(const struct cfg_key *key, const char *value, void *field, struct err *e)
{
	(void)key;
	return billing_parse_quota(value, field, e);
}

static int parse_counts(const struct cfg_key *key, const char *value, void *field, struct err *e)
{
	unsigned i;
	int rc = find_choice(key, value, &i, e);

	if (!rc)
		*(enum billing_counts *)field = billing_counts_parse(value);
	return rc;
}

static int parse_thresholds(const struct cfg_key *key, const char *value, void *field,
			    struct err *e)
{
	(void)key;
	return billing_parse_thresholds(value, field, e);
}

/* The same words as a command's in [inventory] source. cfg_key_store has checked it. */
static int parse_hook(const struct cfg_key *key, const char *value, void *field, struct err *e)
{
	(void)key;
	(void)e;
	set_text(field, xstrdup(value));
	return 0;
}

/* `field` is the whole struct cfg: append to its list of prefixes. */
static int parse_allow(const struct cfg_key *key, const char *value, void *field, struct err *e)
{
	struct cfg *cfg = field;
	size_t n = cfg->inventory.n_allow, len = strcspn(value, "/"), digits;
	char *text = xstrndup(value, len);
	const char *bits = value[len] ? value + len + 1 : "";
	struct cfg_prefix p;
	int ret = addr_parse(text, &p.first);

	(void)key;
	free(text);
	digits = strspn(bits, "0123456789");
	p.len = digits && digits <= 3 ? (unsigned)strtoul(bits, NULL, 10) : UINT_MAX;
	if (!ret && !value[len])
		p.len = (unsigned)addr_octets(p.first.family) * 8;
	if (ret || bits[digits] || p.len > addr_octets(p.first.family) * 8) {
		err_set(e, "must be a prefix such as 192.0.2.0/24 or 2001:db8::/64");
		return -EINVAL;
	}
	p.first = addr_prefix(&p.first, p.len);
	cfg->inventory.allow =
		xreallocarray(cfg->inventory.allow, n + 1, sizeof(*cfg->inventory.allow));
	cfg->inventory.allow[n] = p;
	cfg->inventory.n_allow = n + 1;
	return 0;
}

/* ---- the keys ---- */

static const char *const backend_choices[] = {
	[CFG_BACKEND_AUTO] = "auto",
	[CFG_BACKEND_LINK] = "link",
	[CFG_BACKEND_IPTABLES] = "iptables",
	[CFG_BACKEND_FAKE] = "fake",
	NULL,
};
static const char *const table_choices[] = { "mangle", "filter", NULL };
static const char *const yes_no_choices[] = { "yes", "no", NULL };
static const char *const direction_choices[] = { "container", "port", NULL };
static const char *const counts_choices[] = { "in", "out", "both", "larger", NULL };
static const char *const framing_choices[] = { "0", "14", "18", NULL };

#define FIELD(name) .offset = offsetof(struct cfg, name)

static const struct cfg_key keys[] = {
	{ "daemon", "user", "ctmeter", parse_user, FIELD(daemon.user) },
	{ "agentx", "socket", "/var/agentx/master", parse_agentx_socket, FIELD(agentx.socket) },
	{ "agentx", "context", "containers", parse_context, FIELD(agentx.context),
	  .may_be_empty = true },
	{ "agentx", "notifications", "yes", parse_yes_no, FIELD(agentx.notifications),
	  .choices = yes_no_choices },
	{ "netfilter", "backend", "auto", parse_backend, FIELD(netfilter.backend),
	  .choices = backend_choices },
	{ "netfilter", "link", NULL, parse_link, .offset = 0 },
	{ "netfilter", "table", "mangle", parse_word, FIELD(netfilter.table),
	  .choices = table_choices },
	{ "netfilter", "node-traffic", "yes", parse_yes_no, FIELD(netfilter.node_traffic),
	  .choices = yes_no_choices },
	{ "inventory", "source", "auto", parse_source, .offset = 0 },
	{ "inventory", "allow", NULL, parse_allow, .offset = 0 },
	{ "inventory", "interval", "10", parse_number, FIELD(inventory.interval_s), 1, 3600 },
	{ "inventory", "retire-after", "86400", parse_number, FIELD(inventory.retire_after_s), 0,
	  31536000 },
	{ "inventory", "max-rows", "100000", parse_number, FIELD(inventory.max_rows), 1, 1000000 },
	{ "inventory", "max-addresses", "1024", parse_number, FIELD(inventory.max_addresses), 1,
	  1000000 },
	{ "inventory", "helper", "/run/ctmeter-inventory.sock", parse_socket_path,
	  FIELD(inventory.helper) },
	{ "ledger", "path", "/var/lib/ctmeter/ledger.db", parse_path, FIELD(ledger.path) },
	{ "ledger", "checkpoint", "10", parse_number, FIELD(ledger.checkpoint_s), 1, 3600 },
	{ "ports", "name", "containers@HOSTNAME", parse_name, FIELD(ports.name) },
	{ "ports", "direction", "container", parse_direction, FIELD(ports.direction),
	  .choices = direction_choices },
	{ "ports", "location", NULL, parse_name, FIELD(ports.location), .may_be_empty = true },
	{ "ports", "contact", NULL, parse_name, FIELD(ports.contact), .may_be_empty = true },
	{ "ports", "speed", "auto", parse_speed, FIELD(ports.speed_mbits), 1, 400000 },
	{ "ports", "framing", "0", parse_framing, FIELD(ports.framing_octets),
	  .choices = framing_choices },
	{ "ship", "database", NULL, parse_conninfo, FIELD(ship.database), .may_be_empty = true },
	{ "ship", "node", "HOSTNAME", parse_name, FIELD(ship.node) },
	{ "ship", "rate", "5000", parse_number, FIELD(ship.rate), 1, 1000000 },
	{ "billing", "start-day", "1", parse_number, FIELD(billing.start_day), 1, 31 },
	{ "billing", "time-zone", "UTC", parse_zone, FIELD(billing.zone) },
	{ "billing", "quota", "0", parse_quota, FIELD(billing.quota.octets) },
	{ "billing", "quota-counts", "both", parse_counts, FIELD(billing.quota.counts),
	  .choices = counts_choices },
	{ "billing", "thresholds", "80 90 100", parse_thresholds, FIELD(billing.thresholds) },
	{ "billing", "hook", NULL, parse_hook, FIELD(billing.hook) },
	{ "control", "socket", "/run/ctmeter/control.sock", parse_socket_path,
	  FIELD(control.socket) },
};

size_t cfg_key_count(void)
{
	return ARRAY_LEN(keys);
}

const struct cfg_key *cfg_key_at(size_t i)
{
	return &keys[i];
}

size_t cfg_key_find(const char *section, const char *name)
{
	size_t i = 0;

	while (i < ARRAY_LEN(keys) &&
	       (strcmp(keys[i].section, section) || strcmp(keys[i].name, name)))
		i++;
	return i;
}

bool cfg_key_is_section(const char *section)
{
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (!strcmp(keys[i].section, section))
			return true;
	return false;
}

bool cfg_key_is_repeatable(const struct cfg_key *key)
{
	return key->parse == parse_source || key->parse == parse_link || key->parse == parse_allow;
}

/* It is a command as those of the inventory are. */
static int check_hook(const char *value, cfg_source_check_fn *check, struct err *e)
{
	char *source = xasprintf("command:%s", value);
	int rc = check(source, e);

	free(source);
	return rc;
}

int cfg_key_store(const struct cfg_key *key, const char *value, cfg_source_check_fn *check,
		  struct cfg *cfg, struct err *e)
{
	if (!*value && !key->may_be_empty) {
		err_set(e, "must not be empty (the default is %s)", key->def ? key->def : "none");
		return -EINVAL;
	}
	if (key->parse == parse_source && check(value, e) < 0)
		return -EINVAL;
	if (key->parse == parse_hook && check_hook(value, check, e) < 0)
		return -EINVAL;
	return key->parse(key, value, (char *)cfg + key->offset, e);
}

int cfg_key_store_default(const struct cfg_key *key, cfg_source_check_fn *check, struct cfg *cfg,
			  struct err *e)
{
	int rc = key->def ? cfg_key_store(key, key->def, check, cfg, e) : 0;

	if (rc < 0)
		err_prefix(e, "default of [%s] %s = %s", key->section, key->name, key->def);
	return rc;
}

void cfg_key_list(const char *section, char *buf, size_t size)
{
	*buf = '\0';
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		if (section && !strcmp(keys[i].section, section))
			join_text(buf, size, ", ", "%s", keys[i].name);
		else if (!section && (!i || strcmp(keys[i].section, keys[i - 1].section)))
			join_text(buf, size, " ", "[%s]", keys[i].section);
	}
}
