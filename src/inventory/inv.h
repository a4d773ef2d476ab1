/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_INV_H
#define CTM_INV_H

#include "base/addr.h"
#include "base/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The inventory: who has which address now. Pure, in memory.
 *
 * A source (inv_file, inv_vz, a command) fills an inv_part through the inv_part_* verbs, one
 * container at a time; the parts of all sources are merged into one immutable inventory.
 * 1. containers are sorted by inv_id_cmp, each id once; addresses by addr_cmp, then container.
 * 2. An address that two containers claim is in the list once for each, both marked conflict.
 * 3. An address or id that cannot be used is refused with one log line that names source and
 *    line; the rest of the inventory stands. The same refusal is not logged at each look.
 * 4. If what was refused may stand for somebody who is in no other line (an id with a blank that cannot
 *    be seen, an address with a typing error, a whole network), the part is in doubt: inv_part_doubt. */

#define INV_ID_MAX 64 /* octets of a container id, at least 1 */
#define INV_NAME_MAX 255 /* octets of a name kept; longer ones are cut */
#define INV_COMPLAINTS_MAX 20

/* The MIB's ctmContainerRunState. */
enum inv_run { INV_RUN_UNKNOWN = 1, INV_RUN_RUNNING, INV_RUN_STOPPED, INV_RUN_GONE };

struct inv_container {
	char *id; /* 1..64 octets, valid UTF-8, no characters that are not seen (inv_id.h) */
	char *name; /* host name, "" when none is known */
	enum inv_run run;
};

/* Why an address is no container's, whoever claims it. */
enum inv_unfit { INV_FIT, INV_NODE, INV_BROADCAST, INV_GATEWAY };

struct inv_address {
	struct addr addr;
	uint32_t container; /* index into containers */
	bool conflict;
	enum inv_unfit unfit; /* for the engine to find out; a source cannot know */
};

struct inventory {
	struct inv_container *containers;
	size_t n_containers;
	struct inv_address *addresses;
	size_t n_addresses;
	bool complete; /* false: some source has never given an answer; delete nothing */
	bool doubtful; /* some line could not be read: what it told is missing; delete nothing */
	struct arena text; /* of all ids and names */
};

/* Order of ids as the MIB index sorts them: shorter first, then by octets. */
int inv_id_cmp(const char *a, const char *b);

/* Text as it can be shown, and sent as JSON or by SNMP: what is no UTF-8 and no printable character becomes
 * '?'; cut between two characters to fit into size octets. text may be NULL. Returns clean. */
const char *inv_clean(const char *text, char *clean, size_t size);

/* Octets of the character at text, which is not at its end, and its code; 0 when it is no UTF-8. */
size_t inv_char(const char *text, uint32_t *ret_code);

/* "it has U+00A0, which .." of the first character of text that inv_is_hidden knows, NULL when there
 * is none. Returns buf. */
#define INV_HIDDEN_SIZE 64
const char *inv_hidden(const char *text, char buf[INV_HIDDEN_SIZE]);

/* What one source's last looks were complained about, so that the same complaint is logged when
 * it comes and not at each look. It outlives the parts, which are made anew by every look. */
struct inv_log;

struct inv_log *inv_log_new(void);
void inv_log_free(struct inv_log *log);

/* A look is over. whole: it read everything, so a complaint that it did not make has passed (and
 * will be logged should it come back); otherwise nothing is forgotten. Should each look bring others,
 * they are logged as sparingly as log_may lets them. */
void inv_log_end(struct inv_log *log, bool whole, uint64_t now_ns);

/* One source's answer while it is read and after. */
struct inv_part;

/* log: borrowed while the part is filled; NULL: every complaint is logged. */
struct inv_part *inv_part_new(const char *source_name, struct inv_log *log);
void inv_part_free(struct inv_part *part);

/* Take at most so many containers and so many addresses, repetitions included; none by default.
 * What comes after that is left out, and the part is no whole answer any more (inv_part_is_over). */
void inv_part_limit(struct inv_part *part, size_t max);
size_t inv_part_room(const struct inv_part *part);
bool inv_part_is_over(const struct inv_part *part);

/* Containers and addresses taken so far, repetitions included. */
size_t inv_part_containers(const struct inv_part *part);
size_t inv_part_addresses(const struct inv_part *part);

/* Begin the container `id`, told at `line` (0: no line) of the source; the addresses that follow
 * are its. name may be NULL; what cannot be shown of it becomes '?'. The same id again adds to
 * it. A refused id is logged and swallows its addresses; it puts the part in doubt, unless it is only
 * too long. Returns 0 or -EINVAL. */
int inv_part_container(struct inv_part *part, unsigned line, const char *id, const char *name,
		       enum inv_run run);
/* An address of the container begun last, "/mask" allowed. Returns 0, -EINVAL when it cannot be read or
 * is a network (the part is in doubt then), -EADDRNOTAVAIL when it is refused for what it is. */
int inv_part_address(struct inv_part *part, unsigned line, const char *text);

/* Complaint about a line that cannot be read: logged as "SOURCE:LINE: text", once for the same
 * text (so it should quote what it is about), and at most INV_COMPLAINTS_MAX a look. */
void inv_part_complain(struct inv_part *part, unsigned line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* What was complained about last, of this line (0: no line), is that it or a part of it could not be
 * read: something that should be in the part may be missing. (What is read and then refused is not.) */
void inv_part_doubt(struct inv_part *part, unsigned line);
/* How many lines are in doubt (without lines: how often it was); *ret_first: "line N: what is wrong", of
 * the first, borrowed; or NULL. */
size_t inv_part_doubts(const struct inv_part *part, const char **ret_first);

/* Give the containers of `part` that have no name the one that `names` has for their id, the first of
 * several. Ids that only `names` has do not count. names may be NULL. */
void inv_part_take_names(struct inv_part *part, const struct inv_part *names);

/* Merge n parts (NULL: a source that never gave an answer, which makes the result incomplete). Containers and addresses are folded; of two names or states of one id the first
 * known one counts. More than max_rows addresses: the highest are left out, and *ret_refused
 * says how many (may be NULL). Returns a new inventory for inv_free. */
struct inventory *inv_merge(struct inv_part *const *parts, size_t n, size_t max_rows,
			    size_t *ret_refused);
void inv_free(struct inventory *inv);

/* How many claims there are on the address of claim i, which is the first of them, and how many of those
 * are of containers that run. Whoever is not known to be stopped runs. */
size_t inv_claims(const struct inventory *inv, size_t i, size_t *ret_running);
bool inv_runs(const struct inventory *inv, size_t i);

#endif
