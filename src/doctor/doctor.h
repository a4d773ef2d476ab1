/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_DOCTOR_H
#define CTM_DOCTOR_H

#include "base/addr.h"
#include "base/cfg.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* The doctor: everything between a packet and the poller, one check each. It looks at this node from
 * outside, with the rights of who runs it, and changes nothing; what the daemon knows it asks the
 * daemon, and does without where none answers.
 * 1. A check never fails to answer: what it may not or cannot see it says (DOCTOR_SKIP).
 * 2. A cure is one command for sh(1) that mends what was found, when this node runs it as root;
 *    names in it are quoted. What a firewall decided is not undone by one: there is a command to
 *    look at it. Where only the end of what somebody else put there mends it (an XDP program, say),
 *    the text says that the decision is his. */

/* FAIL: something is not counted or not served now. WARN: counts may be wrong, or it will break. */
enum doctor_level { DOCTOR_OK, DOCTOR_SKIP, DOCTOR_WARN, DOCTOR_FAIL, DOCTOR_LEVELS };

struct doctor_finding {
	enum doctor_level level;
	char *text; /* one line for people; not cleaned for a terminal (display.h) */
	char *cure; /* a command, or NULL */
	char *look; /* a command that shows more, or NULL */
};

struct doctor_options {
	const struct cfg *cfg;
	const char *config_path;
	const char *
		community; /* of the tables; NULL: found in root/etc/snmp/snmpd.conf.d/ctmeter.conf */
	const char *ports_community; /* of the switch view; NULL: community with "-ports" */
	const char *agent; /* snmpd's "HOST", "HOST:PORT", "[HOST]:PORT"; NULL: 127.0.0.1 */
	/* The daemon's answer to "status", when it was asked already; NULL: the doctor asks. */
	const json_t *status;
	const char
		*root; /* stands for / in tests: before /proc, /sys, /etc, /run, /lib; NULL: "" */
};

struct doctor;
struct doctor_check;

/* Everything in options is borrowed for the doctor's life. */
struct doctor *doctor_new(const struct doctor_options *options);
void doctor_free(struct doctor *d);

/* The checks, in the order of a packet's way; NULL at the end, or for an unknown name. */
const struct doctor_check *doctor_check_at(size_t i);
const struct doctor_check *doctor_check_named(const char *name);
const char *doctor_check_name(const struct doctor_check *check);
/* It takes some ms at most (no command is run, nobody is asked), and the daemon's own status does not
 * tell it: for `ctmeter status`. */
bool doctor_check_is_quick(const struct doctor_check *check);

/* Run one; doctor_finding_clear releases what it found. */
void doctor_run(struct doctor *d, const struct doctor_check *check,
		struct doctor_finding *ret_finding);
void doctor_finding_clear(struct doctor_finding *f);

/* "ok", "skip", "warn", "fail". */
const char *doctor_level_name(enum doctor_level level);

#endif
