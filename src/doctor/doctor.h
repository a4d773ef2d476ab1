/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_DOCTOR_H
#define CTM_DOCTOR_H

#include "base/addr.h"
#include "base/cfg.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* The doctor has one check for each thing between a packet and the poller. It inspects this node
 * from outside the daemon, with the caller's rights, and changes nothing. It asks the daemon for
 * its status and its list of addresses, and does without where no daemon answers.
 * 1. A check always answers: DOCTOR_SKIP says what could not be seen, and why.
 * 2. A cure is one sh(1) command that mends the finding when root runs it on this node. Names in it
 *    are quoted. No cure undoes what a firewall decides: such a finding has a command that shows
 *    the rules. Where the only remedy is to remove another program's work (an XDP program, say),
 *    the text says that its owner must agree first. */

/* FAIL: something is not counted or not served now. WARN: counts may be wrong, or something is
 * about to break. SKIP: not checked; the text says why. */
enum doctor_level { DOCTOR_OK, DOCTOR_SKIP, DOCTOR_WARN, DOCTOR_FAIL, DOCTOR_LEVELS };

struct doctor_finding {
	enum doctor_level level;
	char *text; /* one line for the operator; not yet made safe for a terminal (display.h) */
	char *cure; /* a command, or NULL */
	char *look; /* a command that shows more, or NULL */
};

struct doctor_options {
	const struct cfg *cfg;
	const char *config_path;
	const char
		*community; /* of the tables; NULL: from root/etc/snmp/snmpd.conf.d/ctmeter.conf */
	const char *ports_community; /* of the switch view; NULL: community with "-ports" */
	const char *agent; /* snmpd's "HOST", "HOST:PORT", "[HOST]:PORT"; NULL: 127.0.0.1 */
	/* The daemon's answer to "status", if the caller has it already; NULL: the doctor asks. */
	const json_t *status;
	const char *root; /* prefix of /proc, /sys, /etc, /run and /lib, for tests; NULL: "" */
};

struct doctor;
struct doctor_check;

/* Everything in options is borrowed for the doctor's life. Asks the daemon for its status unless
 * options->status has it, which may take 5 s. */
struct doctor *doctor_new(const struct doctor_options *options);
void doctor_free(struct doctor *d);

/* The checks, in the order in which a packet meets what they look at. NULL past the end, or for an
 * unknown name. */
const struct doctor_check *doctor_check_at(size_t i);
const struct doctor_check *doctor_check_named(const char *name);
const char *doctor_check_name(const struct doctor_check *check);
/* Is it fit for `ctmeter status`? It takes a few ms at most (it runs no command and asks no other
 * process), and the daemon's own status does not report what it finds. */
bool doctor_check_is_quick(const struct doctor_check *check);

/* Run one check. doctor_finding_clear frees the strings of the finding. */
void doctor_run(struct doctor *d, const struct doctor_check *check,
		struct doctor_finding *ret_finding);
void doctor_finding_clear(struct doctor_finding *f);

/* "ok", "skip", "warn", "fail". */
const char *doctor_level_name(enum doctor_level level);

#endif
