/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_ENFORCE_H
#define CTM_ENFORCE_H

#include "netfilter/fw.h"

/* One family's rules on their way into the kernel, and back when somebody changes them.
 * 1. All that is wanted at that moment goes into one commit, and only one runs at a time.
 * 2. Rules that were in place once and differ now were changed by somebody: a repair.
 * 3. Two programs that both insist on the first place would commit for ever: when only our place, or
 *    a rule of others that leads to our chains, is wrong again soon after it was put right, the pause
 *    before the next repair doubles. enforce_state says what is wrong meanwhile.
 * 4. Commits take at most a fourth of the time. */

struct enforce;

/* fw is borrowed. `what` names family and table in messages: "IPv4 table mangle". */
struct enforce *enforce_new(struct fw *fw, enum addr_family family, const char *what);
void enforce_free(struct enforce *en);

/* From now on rules for these paths of these addresses are wanted (sorted, distinct; taken over). */
void enforce_want(struct enforce *en, struct addr *take_addrs, size_t n, uint32_t paths);

/* A good reading was had, of this generation of the table's structure. */
void enforce_seen(struct enforce *en, uint32_t generation);

/* Compare what is wanted with what the last reading found and begin a commit where they differ.
 * Returns when to call again (CLOCK_BOOTTIME ns), 0 for: after the next reading. */
uint64_t enforce_turn(struct enforce *en, uint64_t now_ns);

/* The family's commit ended (fw_done_fn). Plans nothing before the next enforce_seen. */
void enforce_ended(struct enforce *en, int result, const char *text, uint64_t now_ns);

/* Whether anybody has said yet what is wanted. */
bool enforce_is_wanted(const struct enforce *en);

/* Whether a commit of ours is under way. */
bool enforce_committing(const struct enforce *en);

/* Whether nothing is left to do: *ret_result is 0 when the rules are in place, or the -errno of a
 * commit that failed after since_ns, with its text. */
bool enforce_settled(const struct enforce *en, uint64_t since_ns, int *ret_result,
		     const char **ret_text);

/* "counting", "putting rules in place", ... for `status`. Returns buf. */
const char *enforce_state(const struct enforce *en, char *buf, size_t size);

struct enforce_figures {
	uint64_t commits, last_commit_ns;
	uint32_t repairs;
};
const struct enforce_figures *enforce_get_figures(const struct enforce *en);

#endif
