/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One SNMPv2c question: octets out, octets in; and a look into snmpd.conf. */
#include "base/xalloc.h"
#include "doctor/snmp_ask.h"
#include "doctor/snmpd_conf.h"
#include "seed.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static const uint32_t sysname[] = { 1, 3, 6, 1, 2, 1, 1, 5, 0 };

/* ---- requests ---- */

START_TEST(snmp_ask_build_octets_are_as_rfc_3416_has_them)
{
	static const uint8_t expected[] = { 0x30, 0x29, 0x02, 0x01, 0x01, 0x04, 0x06, 'p',
					    'u',  'b',  'l',  'i',  'c',  0xa0, 0x1c, 0x02,
					    0x04, 0x01, 0x02, 0x03, 0x04, /* request-id */
					    0x02, 0x01, 0x00, 0x02, 0x01, 0x00, 0x30, 0x0e,
					    0x30, 0x0c, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x02,
					    0x01, 0x01, 0x05, 0x00, 0x05, 0x00 };
	uint8_t buf[SNMP_ASK_MAX];
	int len = snmp_ask_build("public", 0x01020304, sysname, ARRAY_LEN(sysname), buf);

	ck_assert_int_eq(len, sizeof(expected));
	ck_assert(!memcmp(buf, expected, sizeof(expected)));
}
END_TEST

START_TEST(snmp_ask_build_long_parts)
{
	static const uint32_t wide[] = { 2, 999, UINT32_MAX, 128, 127 };
	static const uint8_t encoded[] = { 0x06, 0x0a, 0x88, 0x37, 0x8f, 0xff,
					   0xff, 0xff, 0x7f, 0x81, 0x00, 0x7f };
	uint8_t buf[SNMP_ASK_MAX];
	char community[1500];
	int len;

	memset(community, 'c', sizeof(community) - 1);
	community[sizeof(community) - 1] = '\0';
	ck_assert_int_eq(snmp_ask_build(community, 1, wide, ARRAY_LEN(wide), buf), -EMSGSIZE);
	community[300] = '\0';
	len = snmp_ask_build(community, 128, wide, ARRAY_LEN(wide), buf);
	ck_assert_int_gt(len, 300);
	ck_assert_ptr_nonnull(memmem(buf, (size_t)len, encoded, sizeof(encoded)));
	ck_assert(buf[0] == 0x30 && buf[1] == 0x82 && (buf[2] << 8 | buf[3]) == len - 4);
	ck_assert_ptr_nonnull(
		memmem(buf, (size_t)len, "\x02\x02\x00\x80", 4)); /* 128 is positive */
	len = snmp_ask_build("", 0, wide, 3, buf);
	ck_assert_int_gt(len, 20);
}
END_TEST

/* ---- answers ---- */

#define ANSWER(value)                                                                           \
	"\x02\x01\x01\x04\x01"                                                                  \
	"c\xa2\x1e\x02\x04\x01\x02\x03\x04\x02\x01\x00\x02\x01\x00\x30\x10\x30\x0e\x06\x08\x2b" \
	"\x06"                                                                                  \
	"\x01\x02\x01\x01\x05\x00" value

static int parse(const char *body, size_t len, struct snmp_answer *ret)
{
	uint8_t msg[128] = { 0x30, (uint8_t)len };

	memcpy(msg + 2, body, len);
	return snmp_ask_parse(msg, len + 2, 0x01020304, ret);
}

#define PARSE(value, ret) parse(ANSWER(value), sizeof(ANSWER(value)) - 1, ret)

START_TEST(snmp_ask_parse_kinds_of_answers)
{
	struct snmp_answer a;

	ck_assert_int_eq(PARSE("\x04\x02n\xff", &a), 0);
	ck_assert_int_eq(a.kind, SNMP_ASK_TEXT);
	ck_assert_str_eq(a.text, "n?");
	ck_assert_int_eq(PARSE("\x41\x02zz", &a), 0);
	ck_assert_int_eq(a.kind, SNMP_ASK_OTHER);
	ck_assert_int_eq(PARSE("\x80\x00xx", &a), 0);
	ck_assert_int_eq(a.kind, SNMP_ASK_NONE);
	ck_assert_int_eq(PARSE("\x81\x00xx", &a), 0);
	ck_assert_int_eq(a.kind, SNMP_ASK_NONE);
	ck_assert_int_eq(PARSE("\x82\x00xx", &a), 0);
	ck_assert_int_eq(a.kind, SNMP_ASK_NONE);
}
END_TEST

START_TEST(snmp_ask_parse_error_status)
{
	static const char body[] = "\x02\x01\x01\x04\x01"
				   "c\xa2\x0e\x02\x04\x01\x02\x03\x04\x02\x01\x10"
				   "\x02\x01\x00\x30\x00";
	struct snmp_answer a;

	ck_assert_int_eq(parse(body, sizeof(body) - 1, &a), 0);
	ck_assert_int_eq(a.kind, SNMP_ASK_REFUSED);
	ck_assert_int_eq(a.error, 16);
}
END_TEST

START_TEST(snmp_ask_parse_another_request_or_cut_off_is_refused)
{
	static const char body[] = ANSWER("\x04\x02no");
	uint8_t msg[128] = { 0x30, sizeof(body) - 1 };
	struct snmp_answer a = { .error = 77 };

	memcpy(msg + 2, body, sizeof(body) - 1);
	ck_assert_int_eq(snmp_ask_parse(msg, sizeof(body) + 1, 0x01020305, &a), -EBADMSG);
	for (size_t len = 0; len < sizeof(body) + 1; len++) {
		uint8_t *copy = xmalloc(len); /* so that a look behind it is found */

		memcpy(copy, msg, len);
		ck_assert_int_eq(snmp_ask_parse(copy, len, 0x01020304, &a), -EBADMSG);
		free(copy);
	}
	ck_assert_int_eq(a.error, 77); /* untouched */
	ck_assert_int_eq(snmp_ask_parse(msg, sizeof(body) + 1, 0x01020304, &a), 0);
}
END_TEST

START_TEST(snmp_ask_parse_random_octets_are_survived)
{
	static const char body[] = ANSWER("\x04\x02no");
	uint64_t seed = seed_random("snmp_ask_parse_random_octets_are_survived");
	struct snmp_answer a;

	for (int i = 0; i < 200000; i++) {
		uint8_t msg[sizeof(body) + 1] = { 0x30, sizeof(body) - 1 };

		memcpy(msg + 2, body, sizeof(body) - 1);
		for (unsigned k = next_random(&seed) % 4 + 1; k; k--)
			msg[next_random(&seed) % sizeof(msg)] = (uint8_t)next_random(&seed);
		snmp_ask_parse(msg, sizeof(msg), 0x01020304, &a);
	}
}
END_TEST

/* ---- asking: an agent in a child, which answers a stranger's request first ---- */

static void be_agent(int fd)
{
	static const char body[] = ANSWER("\x04\x02no");
	uint8_t in[SNMP_ASK_MAX], out[128] = { 0x30, sizeof(body) - 1 };
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	ssize_t n = recvfrom(fd, in, sizeof(in), 0, (struct sockaddr *)&from, &len);
	const uint8_t *id;

	memcpy(out + 2, body, sizeof(body) - 1);
	sendto(fd, out, sizeof(body) + 1, 0, (struct sockaddr *)&from, len);
	id = memmem(in, n > 0 ? (size_t)n : 0, "\x02\x04", 2);
	if (!id)
		_exit(1);
	memcpy(memmem(out, sizeof(out), "\x01\x02\x03\x04", 4), id + 2, 4);
	sendto(fd, out, sizeof(body) + 1, 0, (struct sockaddr *)&from, len);
	_exit(0);
}

START_TEST(snmp_ask_takes_the_answer_to_its_question)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), status;
	socklen_t len = sizeof(sin);
	struct snmp_answer a;
	struct err e = { "" };
	char agent[32];
	pid_t pid;

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	getsockname(fd, (struct sockaddr *)&sin, &len);
	snprintf(agent, sizeof(agent), "127.0.0.1:%u", ntohs(sin.sin_port));
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (!pid)
		be_agent(fd);
	ck_assert_msg(!snmp_ask(agent, "c", sysname, ARRAY_LEN(sysname), 10000, 1, &a, &e), "%s",
		      e.text);
	ck_assert_str_eq(a.text, "no");
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	/* Bound, and nobody answers any more. */
	ck_assert_int_eq(snmp_ask(agent, "c", sysname, ARRAY_LEN(sysname), 20, 2, &a, &e),
			 -ETIMEDOUT);
	close(fd);
	ck_assert_int_eq(snmp_ask(agent, "c", sysname, ARRAY_LEN(sysname), 10000, 1, &a, &e),
			 -ECONNREFUSED);
	ck_assert_int_eq(snmp_ask("[::1", "c", sysname, ARRAY_LEN(sysname), 20, 1, &a, &e),
			 -EINVAL);
	ck_assert_int_eq(snmp_ask("127.0.0.1:x", "c", sysname, ARRAY_LEN(sysname), 20, 1, &a, &e),
			 -EINVAL);
}
END_TEST

/* ---- snmpd.conf ---- */

static void assert_community(const char *text, const char *context, const char *expected,
			     bool by_ipv6)
{
	bool ipv6 = false;
	char *found = snmpd_conf_community(text, context, &ipv6);

	ck_assert_msg(expected ? found && !strcmp(found, expected) : !found, "'%s' in '%s': '%s'",
		      context, text, found ? found : "(none)");
	ck_assert_int_eq(ipv6, by_ipv6);
	free(found);
}

START_TEST(snmpd_conf_community_of_this_host)
{
	static const char part[] = "# com2sec t 127.0.0.1 no\n"
				   "#com2sec t 127.0.0.1 no\n"
				   "view x included .1.3\n"
				   "com2sec6 t ::1 six\n"
				   "com2sec t 198.51.100.2 elsewhere\n"
				   "\tcom2sec  t   127.0.0.1 \"a b\"\n"
				   "com2sec -Cn containers p 127.0.0.1 s3cret-ports\n"
				   "com2sec t default later\n";

	assert_community(part, "", "a b", false);
	assert_community(part, "containers", "s3cret-ports", false);
	assert_community(part, "other", NULL, false);
	assert_community("com2sec6 t ::1 six", "", "six", true);
	assert_community("com2sec6 t ::1 six\ncom2sec t localhost four\r\n", "", "four", false);
	assert_community("com2sec t localhost", "", NULL, false);
	assert_community("com2sec -Cn", "", NULL, false);
	assert_community("com2sec -Cn c t localhost", "c", NULL, false);
	assert_community("com2sec t localhost \"never closed", "", "never closed", false);
	assert_community("", "", NULL, false);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("snmp_ask");
	TCase *tc = tcase_create("snmp_ask");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, snmp_ask_build_octets_are_as_rfc_3416_has_them);
	tcase_add_test(tc, snmp_ask_build_long_parts);
	tcase_add_test(tc, snmp_ask_parse_kinds_of_answers);
	tcase_add_test(tc, snmp_ask_parse_error_status);
	tcase_add_test(tc, snmp_ask_parse_another_request_or_cut_off_is_refused);
	tcase_add_test(tc, snmp_ask_parse_random_octets_are_survived);
	tcase_add_test(tc, snmp_ask_takes_the_answer_to_its_question);
	tcase_add_test(tc, snmpd_conf_community_of_this_host);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
