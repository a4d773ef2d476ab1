/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_ENFORCE_H
#define CTM_ENFORCE_H

#include "netfilter/fw.h"

/* Puts one family's rules into the kernel, and repairs them when somebody changes them.
 * 1. Everything wanted at that moment goes into one commit, and only one commit runs at a time.
 * 2. Rules that were in place and now differ were changed by somebody else: a repair.
 * 3. Two programs that both insist on the first place would commit endlessly. So if only our
 *    place, or a rule of others that leads to our chains, is wrong again soon after a repair,
 *    the pause before the next repair doubles. enforce_state reports the fault meanwhile.
 * 4. Commits take at most a fourth of the time, unless the backend counts on links. */

struct enforce;

/* fw and `what` are borrowed. `what` names family and table in messages: "IPv4 table mangle". */
struct enforce *enforce_new(struct fw *fw, enum addr_family family, const char *what);
void enforce_free(struct enforce *en);

/* Set what is wanted from now on: rules for these paths of these keys (sorted by addr, each address
 * once; taken over). */
void enforce_want(struct enforce *en, struct fw_key *take_keys, size_t n, uint32_t paths);

/* A good reading was made; generation is that of the table's structure. */
void enforce_seen(struct enforce *en, uint32_t generation);

/* The keys that are wanted, borrowed until the next enforce_want; NULL: none, or other paths. */
const struct fw_key *enforce_keys(const struct enforce *en, uint32_t paths, size_t *ret_n);

/* Compare what is wanted with what the last reading found, and begin a commit where they differ.
 * Returns when to call again (CLOCK_BOOTTIME ns); 0: after the next reading. */
uint64_t enforce_turn(struct enforce *en, uint64_t now_ns);

/* The family's commit has ended (fw_done_fn). Nothing is planned before the next enforce_seen. */
void enforce_ended(struct enforce *en, int result, const char *text, uint64_t now_ns);

/* Whether enforce_want has been called yet. */
bool enforce_is_wanted(const struct enforce *en);

/* Whether a commit of ours is under way. */
bool enforce_committing(const struct enforce *en);

/* Whether nothing is left to do. *ret_result is 0 when the rules are in place, or the -errno of
 * a commit that failed after since_ns, with its text in *ret_text. */
bool enforce_settled(const struct enforce *en, uint64_t since_ns, int *ret_result,
		     const char **ret_text);

/* Why the last commit failed; NULL: it did not. */
const char *enforce_failure(const struct enforce *en);

/* "counting", "putting rules in place", ... for `status`. Returns buf. */
const char *enforce_state(const struct enforce *en, char *buf, size_t size);

struct enforce_figures {
	uint64_t commits, last_commit_ns;
	uint32_t repairs;
};
const struct enforce_figures *enforce_get_figures(const struct enforce *en);

#endif
