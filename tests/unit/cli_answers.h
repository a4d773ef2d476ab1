/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_TESTS_CLI_ANSWERS_H
#define CTM_TESTS_CLI_ANSWERS_H

#include "base/xalloc.h"

/* A daemon's answer, for the tests of what the command makes of it. */

#define ROW(in, out, node_in, node_out, status)                                       \
	"'in_octets':" #in ",'out_octets':" #out ",'node_in_octets':" #node_in        \
	",'node_out_octets':" #node_out ",'in_pkts':1,'out_pkts':2,'node_in_pkts':3," \
	"'node_out_pkts':4000,'status':'" status "'"

/* JSON with ' for ", for free(). */
static char *json_text(const char *text)
{
	char *copy = xstrdup(text);

	for (char *c = copy; *c; c++)
		if (*c == '\'')
			*c = '"';
	return copy;
}

/* clang-format off */
static const char containers[] =
	"{'sample_age_ms':0,'containers':["
	"{'id':'101','name':'web','state':'running'," ROW(1000, 2345678, 0, 0, "counting")
	",'addresses':[{'address':'192.0.2.1'," ROW(1000, 2345678, 0, 0, "counting") "}]},"
	"{'id':'102','name':'db','state':'stopped'," ROW(300, 400, 1, 2, "counting")
	",'addresses':[{'address':'192.0.2.2'," ROW(100, 200, 1, 2, "counting")
	"},{'address':'2001:db8::2'," ROW(0, 0, 0, 0, "not-countable") "}]},"
	"{'id':'103','name':'','state':'gone'," ROW(0, 0, 0, 0, "retired") ",'addresses':[]},"
	"{'id':'104','name':'was','state':'running'," ROW(900, 0, 0, 0, "counting")
	",'addresses':[{'address':'192.0.2.4'," ROW(100, 0, 0, 0, "counting") "}]}]}";
/* clang-format on */

#endif
