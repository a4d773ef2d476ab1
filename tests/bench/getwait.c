/* SPDX-License-Identifier: GPL-2.0-or-later */
/* getwait: how long SNMP answers take, one GET after another.
 *
 *   getwait PORT COMMUNITY SECONDS PAUSE-MS OID [OID...]
 *
 * Gets the OIDs in turn, one a request, waits PAUSE-MS between an answer and the next request, and
 * prints "REQUESTS MEDIAN P99.9 MAXIMUM LOST" (milliseconds). A request without an answer within
 * 5 s is lost and has taken 5 s; none is sent twice. An answer that is no value is lost, too. */

#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define TIMEOUT_US 5000000
#define NS_PER_S 1000000000ull

struct tally {
	double *ms;
	size_t n, room;
	unsigned lost;
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static struct snmp_session *open_session(const char *port, char *community)
{
	struct snmp_session wanted;
	char peer[64];

	snmp_sess_init(&wanted);
	snprintf(peer, sizeof(peer), "udp:127.0.0.1:%s", port);
	wanted.version = SNMP_VERSION_2c;
	wanted.peername = peer;
	wanted.community = (unsigned char *)community;
	wanted.community_len = strlen(community);
	wanted.timeout = TIMEOUT_US;
	wanted.retries = 0;
	return snmp_open(&wanted);
}

/* Did a value come? */
static bool get(struct snmp_session *session, const char *text)
{
	struct snmp_pdu *answer = NULL, *request = snmp_pdu_create(SNMP_MSG_GET);
	size_t length = MAX_OID_LEN;
	oid name[MAX_OID_LEN];
	bool ok = false;

	if (!read_objid(text, name, &length)) {
		fprintf(stderr, "getwait: %s is no OID\n", text);
		exit(2);
	}
	snmp_add_null_var(request, name, length);
	if (snmp_synch_response(session, request, &answer) == STAT_SUCCESS)
		ok = answer->errstat == SNMP_ERR_NOERROR && answer->variables &&
		     answer->variables->type < SNMP_NOSUCHOBJECT;
	snmp_free_pdu(answer);
	return ok;
}

static void add(struct tally *t, double ms)
{
	if (t->n == t->room) {
		t->room = t->room ? t->room * 2 : 4096;
		t->ms = realloc(t->ms, t->room * sizeof(*t->ms));
		if (!t->ms)
			abort();
	}
	t->ms[t->n++] = ms;
}

static void print(struct tally *t)
{
	qsort(t->ms, t->n, sizeof(*t->ms), by_size);
	printf("%zu %.3f %.3f %.3f %u\n", t->n, t->ms[t->n / 2],
	       t->ms[(size_t)((double)t->n * 0.999)], t->ms[t->n - 1], t->lost);
}

int main(int argc, char **argv)
{
	struct snmp_session *session;
	struct tally tally = { 0 };
	struct timespec pause;
	uint64_t end, began;
	long pause_ms;

	if (argc < 6) {
		fprintf(stderr, "usage: getwait PORT COMMUNITY SECONDS PAUSE-MS OID...\n");
		return 2;
	}
	netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DONT_PERSIST_STATE, 1);
	setenv("MIBS", "", 1);
	init_snmp("getwait");
	session = open_session(argv[1], argv[2]);
	if (!session) {
		snmp_perror("getwait");
		return 1;
	}
	pause_ms = strtol(argv[4], NULL, 10);
	pause = (struct timespec) { pause_ms / 1000, pause_ms % 1000 * 1000000 };
	end = now_ns() + (uint64_t)(strtod(argv[3], NULL) * (double)NS_PER_S);
	for (int i = 5; (began = now_ns()) < end; i = i + 1 < argc ? i + 1 : 5) {
		if (!get(session, argv[i]))
			tally.lost++;
		add(&tally, (double)(now_ns() - began) / 1e6);
		nanosleep(&pause, NULL);
	}
	print(&tally);
	free(tally.ms);
	snmp_close(session);
	return 0;
}
