/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An SNMP answer, as the doctor reads it; and a question, built from the same octets. */
#include "doctor/snmp_ask.h"
#include "fuzz.h"

#include <errno.h>

#define REQUEST_ID 0x01020304

static void ask(const uint8_t *data, size_t len)
{
	char *community = fuzz_text(data, len % 64 < len ? len % 64 : len);
	uint8_t *question = xmalloc(SNMP_ASK_MAX);
	struct snmp_answer answer;
	uint32_t oid[64];
	size_t n = len / 4 < ARRAY_LEN(oid) ? len / 4 : ARRAY_LEN(oid);
	int size;

	if (n)
		memcpy(oid, data, n * 4);
	if (n < 2)
		n = 2, oid[0] = 1, oid[1] = 3;
	oid[0] %= 3;
	oid[1] %= 40;
	size = snmp_ask_build(community, REQUEST_ID, oid, n, question);
	REQUIRE(size == -EMSGSIZE || (size > 0 && size <= SNMP_ASK_MAX));
	/* A question is no answer. */
	REQUIRE(size < 0 || snmp_ask_parse(question, (size_t)size, REQUEST_ID, &answer) < 0);
	free(question);
	free(community);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint8_t *copy = fuzz_octets(data, len);
	struct snmp_answer answer = { .error = 77 };
	int ret = snmp_ask_parse(copy, len, REQUEST_ID, &answer);

	REQUIRE(ret == 0 || (ret == -EBADMSG && answer.error == 77));
	if (ret == 0) {
		REQUIRE(answer.kind <= SNMP_ASK_REFUSED);
		REQUIRE(answer.kind != SNMP_ASK_TEXT ||
			memchr(answer.text, '\0', sizeof(answer.text)));
	}
	ask(data, len);
	free(copy);
	return 0;
}
