/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A subagent as net-snmp's library makes it, serving constants: what ctmeterd's AgentX side is
 * measured against.
 *
 *   stock_subagent SOCKET ENTRY... < DUMP
 *
 * DUMP is bulkwalk -d's; each ENTRY (a table's entry, or a group of scalars) is one registration.
 * This is the library at its best: agent_check_and_process(), one handler over rows in a sorted
 * array, a binary search a varbind, values ready to be copied. The library's own tables
 * (table_dataset, table_iterator) copy or scan all rows for each varbind and are much slower. */
#include <net-snmp/net-snmp-config.h>

#include <net-snmp/net-snmp-includes.h>

#include <net-snmp/agent/net-snmp-agent-includes.h>

#include "base/xalloc.h"
#include "oid_text.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS_MAX 32
#define VALUE_MAX 256

struct cell {
	u_char type;
	size_t len;
	void *value;
};

struct row {
	oid *index;
	size_t len;
};

/* Columns are in ascending order, and all have the same rows, as in the dump. */
struct table {
	oid prefix[MAX_OID_LEN];
	size_t prefix_len;
	struct column {
		oid number;
		struct cell *cells;
		size_t n_cells, cap_cells;
	} columns[COLUMNS_MAX];
	size_t n_columns;
	struct row *rows; /* those of the first column */
	size_t n_rows, cap_rows;
};

static volatile sig_atomic_t ended;

static void on_signal(int number)
{
	(void)number;
	ended = 1;
}

__attribute__((noreturn)) static void die(const char *what)
{
	fprintf(stderr, "stock_subagent: %s\n", what);
	exit(1);
}

/* --- answering ----------------------------------------------------------------------------- */

/* The first row past index, or at it if `include`. */
static size_t first_row(const struct table *t, const oid *index, size_t len, int include)
{
	size_t low = 0, high = t->n_rows;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order =
			snmp_oid_compare(t->rows[middle].index, t->rows[middle].len, index, len);

		if (order < 0 || (order == 0 && !include))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static size_t first_column(const struct table *t, oid number)
{
	size_t c = 0;

	while (c < t->n_columns && t->columns[c].number < number)
		c++;
	return c;
}

static void set_value(netsnmp_variable_list *v, const struct cell *cell)
{
	snmp_set_var_typed_value(v, cell->type, cell->value, cell->len);
}

static void answer_get(const struct table *t, netsnmp_agent_request_info *info,
		       netsnmp_request_info *request)
{
	netsnmp_variable_list *v = request->requestvb;
	const oid *index = v->name + t->prefix_len + 1;
	size_t c, r, len;

	if (v->name_length <= t->prefix_len) {
		netsnmp_set_request_error(info, request, SNMP_NOSUCHOBJECT);
		return;
	}
	len = v->name_length - t->prefix_len - 1;
	c = first_column(t, v->name[t->prefix_len]);
	r = first_row(t, index, len, 1);
	if (c == t->n_columns || t->columns[c].number != v->name[t->prefix_len] || r == t->n_rows ||
	    snmp_oid_compare(t->rows[r].index, t->rows[r].len, index, len) != 0)
		netsnmp_set_request_error(info, request, SNMP_NOSUCHINSTANCE);
	else
		set_value(v, &t->columns[c].cells[r]);
}

static void answer_next(const struct table *t, netsnmp_request_info *request)
{
	netsnmp_variable_list *v = request->requestvb;
	oid name[MAX_OID_LEN];
	size_t c = 0, r = 0, at = t->prefix_len;

	if (v->name_length > at && snmp_oid_compare(v->name, at, t->prefix, at) >= 0) {
		c = first_column(t, v->name[at]);
		if (c < t->n_columns && t->columns[c].number == v->name[at])
			r = first_row(t, v->name + at + 1, v->name_length - at - 1, 0);
	}
	if (r == t->n_rows) {
		c++;
		r = 0;
	}
	if (c >= t->n_columns)
		return; /* the library goes on behind this registration */
	memcpy(name, t->prefix, at * sizeof(oid));
	name[at] = t->columns[c].number;
	memcpy(name + at + 1, t->rows[r].index, t->rows[r].len * sizeof(oid));
	snmp_set_var_objid(v, name, at + 1 + t->rows[r].len);
	set_value(v, &t->columns[c].cells[r]);
}

static int handle(netsnmp_mib_handler *handler, netsnmp_handler_registration *registration,
		  netsnmp_agent_request_info *info, netsnmp_request_info *requests)
{
	const struct table *t = handler->myvoid;

	(void)registration;
	for (netsnmp_request_info *r = requests; r; r = r->next) {
		if (r->processed)
			continue;
		if (info->mode == MODE_GET)
			answer_get(t, info, r);
		else if (info->mode == MODE_GETNEXT)
			answer_next(t, r);
	}
	return SNMP_ERR_NOERROR;
}

/* --- the dump ------------------------------------------------------------------------------ */

static void *copy(const void *data, size_t len)
{
	return memcpy(xmalloc(len + 1), data, len);
}

static struct cell integer_cell(u_char type, const char *text)
{
	long value = (long)strtoul(text, NULL, 10);

	if (type == ASN_INTEGER)
		value = strtol(text, NULL, 10);
	return (struct cell) { type, sizeof(value), copy(&value, sizeof(value)) };
}

static struct cell counter64_cell(const char *text)
{
	uint64_t value = strtoull(text, NULL, 10);
	struct counter64 c = { .high = value >> 32, .low = value & 0xffffffff };

	return (struct cell) { ASN_COUNTER64, sizeof(c), copy(&c, sizeof(c)) };
}

static struct cell octets_cell(const char *text)
{
	u_char octets[VALUE_MAX];
	size_t n = 0;
	char *next;

	while (*text && n < sizeof(octets)) {
		octets[n++] = (u_char)strtoul(text, &next, 16);
		text = next + (*next == ' ');
	}
	return (struct cell) { ASN_OCTET_STR, n, copy(octets, n) };
}

static struct cell parse_cell(const char *type, const char *text)
{
	static const struct {
		const char *name;
		u_char type;
	} integers[] = { { "integer", ASN_INTEGER },
			 { "counter", ASN_COUNTER },
			 { "gauge", ASN_GAUGE },
			 { "timeticks", ASN_TIMETICKS } };

	for (size_t i = 0; i < ARRAY_LEN(integers); i++)
		if (!strcmp(type, integers[i].name))
			return integer_cell(integers[i].type, text);
	if (!strcmp(type, "counter64"))
		return counter64_cell(text);
	if (!strcmp(type, "octet"))
		return octets_cell(text);
	if (strcmp(type, "string") != 0)
		die("the dump has a type that is none");
	return (struct cell) { ASN_OCTET_STR, strlen(text), copy(text, strlen(text)) };
}

static void add_cell(struct table *t, const oid *name, size_t len, struct cell cell)
{
	struct column *c = t->n_columns ? &t->columns[t->n_columns - 1] : NULL;

	if (!c || c->number != name[t->prefix_len]) {
		if (t->n_columns == COLUMNS_MAX)
			die("a table with too many columns");
		c = &t->columns[t->n_columns++];
		c->number = name[t->prefix_len];
	}
	c->cells = xgrow(c->cells, c->n_cells, &c->cap_cells, sizeof(*c->cells));
	c->cells[c->n_cells++] = cell;
	if (t->n_columns > 1)
		return;
	len -= t->prefix_len + 1;
	t->rows = xgrow(t->rows, t->n_rows, &t->cap_rows, sizeof(*t->rows));
	t->rows[t->n_rows].index = copy(name + t->prefix_len + 1, len * sizeof(oid));
	t->rows[t->n_rows++].len = len;
}

static void read_dump(struct table *tables, size_t n)
{
	char line[2048], *type, *value;
	oid name[MAX_OID_LEN];
	size_t len;

	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		type = strchr(line, ' ');
		value = type ? strchr(type + 1, ' ') : NULL;
		if (!value)
			die("a line of the dump is not OID TYPE VALUE");
		*type++ = *value++ = '\0';
		len = oid_parse(line, name);
		if (!len)
			die("a line of the dump has no OID");
		for (size_t i = 0; i < n; i++)
			if (len > tables[i].prefix_len + 1 &&
			    netsnmp_oid_equals(name, tables[i].prefix_len, tables[i].prefix,
					       tables[i].prefix_len) == 0)
				add_cell(&tables[i], name, len, parse_cell(type, value));
	}
	for (size_t i = 0; i < n; i++)
		for (size_t c = 0; c < tables[i].n_columns; c++)
			if (tables[i].columns[c].n_cells != tables[i].n_rows)
				die("a table of the dump has holes");
}

/* --- life ---------------------------------------------------------------------------------- */

static void serve(struct table *t, size_t number)
{
	char name[32];
	netsnmp_handler_registration *r;

	snprintf(name, sizeof(name), "stock-%zu", number);
	r = netsnmp_create_handler_registration(name, handle, t->prefix, t->prefix_len,
						HANDLER_CAN_RONLY);
	if (!r)
		die("out of memory");
	r->handler->myvoid = t;
	if (netsnmp_register_handler(r) != MIB_REGISTERED_OK)
		die("a registration was refused");
}

int main(int argc, char **argv)
{
	size_t n = argc > 2 ? (size_t)argc - 2 : 0;
	struct table *tables = xcalloc(n, sizeof(*tables));

	if (!n)
		die("usage: stock_subagent SOCKET ENTRY... < DUMP");
	for (size_t i = 0; i < n; i++) {
		tables[i].prefix_len = oid_parse(argv[2 + i], tables[i].prefix);
		if (!tables[i].prefix_len)
			die("an ENTRY is no OID");
	}
	read_dump(tables, n);
	signal(SIGTERM, on_signal);
	snmp_enable_stderrlog();
	netsnmp_enable_subagent();
	netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DONT_PERSIST_STATE, 1);
	netsnmp_ds_set_string(NETSNMP_DS_APPLICATION_ID, NETSNMP_DS_AGENT_X_SOCKET, argv[1]);
	init_agent("stock_subagent");
	init_snmp("stock_subagent");
	for (size_t i = 0; i < n; i++)
		serve(&tables[i], i);
	while (!ended)
		agent_check_and_process(1);
	snmp_shutdown("stock_subagent");
	return 0;
}
