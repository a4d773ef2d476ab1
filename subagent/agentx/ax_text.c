/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agentx/ax_text.h"

#include "agentx/ax_codec.h"

#include <errno.h>

const char *ax_text_refusal(uint16_t error)
{
	switch (error) {
	case AX_DUPLICATE_REGISTRATION:
		return "another ctmeterd or subagent already serves it: stop that one";
	case AX_REQUEST_DENIED:
		return "the master denies it: check its access control";
	case AX_UNSUPPORTED_CONTEXT:
		return "the master does not know this context";
	default:
		return "see RFC 2741 s6.2.16 for the error number";
	}
}

const char *ax_text_hint(int error)
{
	switch (error) {
	case ENOENT:
	case ECONNREFUSED:
		return " (is snmpd running, with \"master agentx\"?)";
	case EACCES:
	case EPERM:
		return " (see agentXPerms in snmpd.conf(5))";
	case EAGAIN:
		return " (snmpd accepts no connections: is it stopped?)";
	default:
		return "";
	}
}
