/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bulkwalk: walk several columns side by side, as a poller does; snmpbulkwalk knows only one.
 *
 *   bulkwalk [-n CELLS] PORT COMMUNITY REPETITIONS OID...   prints "CELLS REQUESTS MICROSECONDS"
 *   bulkwalk -d PORT COMMUNITY REPETITIONS OID...           prints "OID TYPE VALUE" lines
 *
 * Each GETBULK asks 127.0.0.1 for REPETITIONS of all OIDs, until the first of them is walked to its
 * end, or at least CELLS have come. Types and values of -d are those of net-snmp's pass_persist, so
 * that a script can serve them as they are. A request is not repeated: an answer that is lost, late
 * or short of a whole row fails, or the time would be no measure. */
#include "oid_text.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define COLUMNS_MAX 16
#define ANSWER_US 10000000l

struct column {
	oid root[MAX_OID_LEN], at[MAX_OID_LEN];
	size_t root_len, at_len;
};

struct walk {
	struct column columns[COLUMNS_MAX];
	size_t n_columns;
	long repetitions;
	bool dump;
	uint64_t cells, requests, cells_max;
};

__attribute__((noreturn)) static void die(const char *what)
{
	fprintf(stderr, "bulkwalk: %s\n", what);
	exit(1);
}

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void print_octets(const netsnmp_variable_list *v)
{
	bool text = true;

	for (size_t i = 0; i < v->val_len; i++)
		text = text && v->val.string[i] >= 0x20 && v->val.string[i] < 0x7f;
	if (text) {
		printf("string %.*s\n", (int)v->val_len, (const char *)v->val.string);
		return;
	}
	printf("octet");
	for (size_t i = 0; i < v->val_len; i++)
		printf(" %02x", v->val.string[i]);
	putchar('\n');
}

static void print_cell(const netsnmp_variable_list *v)
{
	for (size_t i = 0; i < v->name_length; i++)
		printf(".%lu", (unsigned long)v->name[i]);
	putchar(' ');
	switch (v->type) {
	case ASN_INTEGER:
		printf("integer %ld\n", *v->val.integer);
		break;
	case ASN_COUNTER:
		printf("counter %lu\n", (unsigned long)*v->val.integer & 0xffffffff);
		break;
	case ASN_GAUGE:
		printf("gauge %lu\n", (unsigned long)*v->val.integer & 0xffffffff);
		break;
	case ASN_TIMETICKS:
		printf("timeticks %lu\n", (unsigned long)*v->val.integer & 0xffffffff);
		break;
	case ASN_COUNTER64:
		printf("counter64 %" PRIu64 "\n",
		       (uint64_t)v->val.counter64->high << 32 | v->val.counter64->low);
		break;
	case ASN_OCTET_STR:
		print_octets(v);
		break;
	default:
		die("a cell of a type that no table of ours has");
	}
}

/* Take one cell of a column. False: the column has ended. */
static bool take_cell(struct walk *w, struct column *c, const netsnmp_variable_list *v)
{
	if (v->type == SNMP_ENDOFMIBVIEW || v->name_length < c->root_len ||
	    snmp_oid_compare(v->name, c->root_len, c->root, c->root_len) != 0)
		return false;
	memcpy(c->at, v->name, v->name_length * sizeof(oid));
	c->at_len = v->name_length;
	w->cells++;
	if (w->dump)
		print_cell(v);
	return true;
}

/* Row by row; the end of the first column is the end of all. False: that was it. */
static bool take_answer(struct walk *w, const netsnmp_pdu *answer)
{
	const netsnmp_variable_list *v = answer->variables;
	size_t i;

	if (answer->errstat != SNMP_ERR_NOERROR)
		die(snmp_errstring((int)answer->errstat));
	if (!v)
		die("an empty answer");
	while (v) {
		for (i = 0; i < w->n_columns; i++, v = v->next_variable) {
			if (!v)
				die("an answer with half a row: ask for fewer repetitions");
			if (!take_cell(w, &w->columns[i], v))
				return false;
		}
	}
	return true;
}

static bool ask(struct walk *w, void *session)
{
	netsnmp_pdu *pdu = snmp_pdu_create(SNMP_MSG_GETBULK), *answer = NULL;
	bool more;

	pdu->non_repeaters = 0;
	pdu->max_repetitions = w->repetitions;
	for (size_t i = 0; i < w->n_columns; i++)
		snmp_add_null_var(pdu, w->columns[i].at, w->columns[i].at_len);
	if (snmp_sess_synch_response(session, pdu, &answer) != STAT_SUCCESS)
		die("no answer within 10 s");
	more = take_answer(w, answer);
	snmp_free_pdu(answer);
	w->requests++;
	return more && w->cells < w->cells_max;
}

static void *open_session(const char *port, const char *community)
{
	netsnmp_session session;
	static char peer[64];
	void *opened;

	snmp_sess_init(&session);
	snprintf(peer, sizeof(peer), "udp:127.0.0.1:%s", port);
	session.peername = peer;
	session.version = SNMP_VERSION_2c;
	session.community = (u_char *)community;
	session.community_len = strlen(community);
	session.timeout = ANSWER_US;
	session.retries = 0;
	opened = snmp_sess_open(&session);
	if (!opened)
		die("cannot open a session");
	return opened;
}

static void read_columns(struct walk *w, int n, char **oids)
{
	if (n < 1 || n > COLUMNS_MAX)
		die("usage: bulkwalk [-d | -n CELLS] PORT COMMUNITY REPETITIONS OID...");
	w->n_columns = (size_t)n;
	for (int i = 0; i < n; i++) {
		struct column *c = &w->columns[i];

		c->root_len = oid_parse(oids[i], c->root);
		if (!c->root_len)
			die("not a numeric OID");
		memcpy(c->at, c->root, sizeof(c->at));
		c->at_len = c->root_len;
	}
}

int main(int argc, char **argv)
{
	static struct walk w = { .cells_max = UINT64_MAX };
	uint64_t began;
	void *session;
	int option;

	while ((option = getopt(argc, argv, "dn:")) != -1) {
		if (option == 'd')
			w.dump = true;
		else if (option == 'n')
			w.cells_max = strtoull(optarg, NULL, 10);
	}
	read_columns(&w, argc - optind - 3, argv + optind + 3);
	argv += optind;
	w.repetitions = strtol(argv[2], NULL, 10);
	session = open_session(argv[0], argv[1]);
	began = now_us();
	while (ask(&w, session))
		;
	if (!w.dump)
		printf("%" PRIu64 " %" PRIu64 " %" PRIu64 "\n", w.cells, w.requests,
		       now_us() - began);
	snmp_sess_close(session);
	return 0;
}
