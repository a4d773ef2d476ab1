/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/enforce.h"

#include "base/log_state.h"
#include "base/xalloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMMIT_SHARE 4
#define PAUSE_MAX_NS NS_PER_S
#define RETRY_NS NS_PER_S /* after a commit that failed */
#define FIGHT_OVER_NS (5 * NS_PER_S)
#define FIGHT_PAUSE_MAX_NS (60 * NS_PER_S)

struct enforce {
	struct fw *fw;
	enum addr_family family;
	const char *what;
	bool wanted; /* enforce_want has been called */
	struct fw_key *keys;
	size_t n_keys;
	uint32_t paths;
	bool readable; /* a reading was made since the last commit */
	uint32_t generation, planned; /* of the last reading; the one that needs no commit */
	bool fulfilled; /* what is wanted has been in place */
	bool committing, repairing;
	uint64_t began_ns, not_before_ns;
	uint64_t last_repair_ns, repair_pause_ns;
	struct log_state trouble, fight;
	char flaw[256]; /* what was repaired last */
	int failure; /* of the last commit */
	uint64_t failed_ns;
	char failure_text[256];
	struct enforce_figures figures;
};

struct enforce *enforce_new(struct fw *fw, enum addr_family family, const char *what)
{
	struct enforce *en = xcalloc(1, sizeof(*en));

	en->fw = fw;
	en->family = family;
	en->what = what;
	return en;
}

void enforce_free(struct enforce *en)
{
	if (!en)
		return;
	free(en->keys);
	free(en);
}

static struct fw_want want_of(const struct enforce *en)
{
	return (struct fw_want) {
		.family = en->family, .keys = en->keys, .n = en->n_keys, .paths = en->paths
	};
}

static bool wants(const struct enforce *en, const struct fw_key *keys, size_t n, uint32_t paths)
{
	bool same = en->wanted && en->paths == paths && en->n_keys == n;

	for (size_t i = 0; i < n && same; i++)
		same = !addr_cmp(&en->keys[i].addr, &keys[i].addr) &&
		       en->keys[i].link == keys[i].link && en->keys[i].limited == keys[i].limited;
	return same;
}

const struct fw_key *enforce_keys(const struct enforce *en, uint32_t paths, size_t *ret_n)
{
	*ret_n = en->n_keys;
	return en->wanted && en->paths == paths ? en->keys : NULL;
}

void enforce_want(struct enforce *en, struct fw_key *take_keys, size_t n, uint32_t paths)
{
	if (wants(en, take_keys, n, paths)) {
		free(take_keys);
		return;
	}
	free(en->keys);
	en->keys = take_keys;
	en->n_keys = n;
	en->paths = paths;
	en->wanted = true;
	en->planned = 0;
	en->fulfilled = false;
}

void enforce_seen(struct enforce *en, uint32_t generation)
{
	en->readable = true;
	en->generation = generation;
}

/* Returns when a repair may begin; now_ns or earlier means now. Only a fight over the first
 * place, or over others' rules that lead to ours, is slowed down. It is forgotten after a quiet
 * time. */
static uint64_t repair_at(struct enforce *en, enum fw_fit fit, uint64_t now_ns)
{
	if (!en->last_repair_ns ||
	    now_ns - en->last_repair_ns > en->repair_pause_ns + FIGHT_OVER_NS)
		en->repair_pause_ns = 0;
	return fit == FW_OUTRANKED ? en->last_repair_ns + en->repair_pause_ns : now_ns;
}

/* A new flaw is logged at once; the same one only as often as log_bad permits. */
static void note_repair(struct enforce *en, uint64_t now_ns)
{
	const char *flaw = fw_get_figures(en->fw, en->family).flaw;
	bool same = !strcmp(flaw, en->flaw);
	bool more = log_is_bad(&en->fight) && *flaw && !same;

	if (more && !en->failure)
		log_warning("fw", "our rules in %s were changed again (%s): repairing", en->what,
			    flaw);
	snprintf(en->flaw, sizeof(en->flaw), "%s", flaw);
	if (!en->failure && !more)
		log_bad(&en->fight, now_ns, LOG_LEVEL_WARNING, "fw",
			"our rules in %s were changed by another program%s%s%s: repairing",
			en->what, *flaw ? " (" : "", flaw, *flaw ? ")" : "");
	en->last_repair_ns = now_ns;
	if (!en->repair_pause_ns)
		en->repair_pause_ns = NS_PER_S / 2;
	else if (same)
		en->repair_pause_ns *= 2;
	if (en->repair_pause_ns > FIGHT_PAUSE_MAX_NS)
		en->repair_pause_ns = FIGHT_PAUSE_MAX_NS;
}

/* A single repair is logged when it is made. After several, their end is logged too. */
static void note_peace(struct enforce *en, uint64_t now_ns)
{
	if (!log_is_bad(&en->fight) || now_ns - en->last_repair_ns < LOG_REST_NS)
		return;
	if (en->fight.times > 1)
		log_good(&en->fight, now_ns, "fw", "our rules in %s are no longer being changed",
			 en->what);
	en->fight = (struct log_state) { 0 };
}

static uint64_t begin(struct enforce *en, uint64_t now_ns)
{
	struct fw_want want = want_of(en);
	int ret = fw_apply(en->fw, &want);

	if (ret < 0) {
		log_bad(&en->trouble, now_ns, LOG_LEVEL_ERROR, "fw",
			"cannot begin a commit of %s: %s; trying again", en->what, strerror(-ret));
		return en->not_before_ns = now_ns + RETRY_NS;
	}
	if (en->repairing)
		note_repair(en, now_ns);
	en->committing = true;
	en->began_ns = loop_now_ns(); /* the turn may have begun with long readings */
	return 0;
}

uint64_t enforce_turn(struct enforce *en, uint64_t now_ns)
{
	struct fw_want want = want_of(en);
	uint64_t at = now_ns;
	enum fw_fit fit;

	note_peace(en, now_ns);
	if (fw_family_problem(en->fw, en->family) || !en->wanted || !en->readable ||
	    fw_busy(en->fw, en->family) || (en->planned && en->planned == en->generation))
		return 0;
	fit = fw_compare(en->fw, &want);
	en->repairing = fit == FW_CHANGED || fit == FW_OUTRANKED;
	if (en->repairing)
		at = repair_at(en, fit, now_ns);
	if (at < en->not_before_ns)
		at = en->not_before_ns;
	if (fit == FW_FITS) {
		/* What could not be committed is no longer wanted, or somebody else put it in
		 * place. */
		log_good(&en->trouble, now_ns, "fw", "the rules are in %s again", en->what);
		en->failure = 0;
		en->planned = en->generation;
		en->fulfilled = true;
		return 0;
	}
	return at > now_ns ? at : begin(en, now_ns);
}

/* `took` may include a wait for another program's lock, hence the limit. A commit on links keeps
 * nobody from anything. */
static uint64_t pause_after(const struct enforce *en, uint64_t took)
{
	uint64_t pause = fw_counts_on_links(en->fw) ? 0 : took * (COMMIT_SHARE - 1);

	return pause < PAUSE_MAX_NS ? pause : PAUSE_MAX_NS;
}

void enforce_ended(struct enforce *en, int result, const char *text, uint64_t now_ns)
{
	uint64_t took = now_ns - en->began_ns;

	en->readable = false;
	if (!en->committing)
		return; /* it was an earlier process's commit */
	en->committing = false;
	if (result < 0)
		log_bad(&en->trouble, now_ns, LOG_LEVEL_ERROR, "fw",
			"the rules are not in %s: %s; trying again", en->what,
			*text ? text : strerror(-result));
	else
		log_good(&en->trouble, now_ns, "fw", "the rules are in %s again", en->what);
	en->failure = result;
	en->failed_ns = now_ns;
	snprintf(en->failure_text, sizeof(en->failure_text), "%s", text);
	en->not_before_ns = now_ns + (result < 0 ? RETRY_NS : pause_after(en, took));
	if (result < 0)
		return;
	en->figures.commits++;
	en->figures.repairs += en->repairing;
	en->figures.last_commit_ns = took;
}

const char *enforce_failure(const struct enforce *en)
{
	return en->failure ? en->failure_text : NULL;
}

bool enforce_is_wanted(const struct enforce *en)
{
	return en->wanted;
}

bool enforce_committing(const struct enforce *en)
{
	return en->committing;
}

bool enforce_settled(const struct enforce *en, uint64_t since_ns, int *ret_result,
		     const char **ret_text)
{
	*ret_result = 0;
	*ret_text = "";
	if (fw_family_problem(en->fw, en->family))
		return true;
	if (en->failure && en->failed_ns > since_ns && !en->committing) {
		*ret_result = en->failure;
		*ret_text = en->failure_text;
		return true;
	}
	return en->wanted && en->readable && !en->committing && en->planned &&
	       en->planned == en->generation;
}

/* What is wrong with the rules in the last reading; NULL: nothing. */
static const char *flaw(const struct enforce *en)
{
	const char *text = fw_get_figures(en->fw, en->family).flaw;

	return en->readable && *text ? text : NULL;
}

const char *enforce_state(const struct enforce *en, char *buf, size_t size)
{
	const char *problem = fw_family_problem(en->fw, en->family);

	if (problem)
		snprintf(buf, size, "not countable: %s", problem);
	else if (en->failure)
		snprintf(buf, size, "rules not in place: %s", en->failure_text);
	else if (flaw(en))
		snprintf(buf, size, "rules disturbed: %s", flaw(en));
	else if (!en->wanted)
		snprintf(buf, size, "waiting for the inventory");
	else if (!en->fulfilled || en->committing)
		snprintf(buf, size, "putting rules in place");
	else
		snprintf(buf, size, "%s", en->n_keys ? "counting" : "no addresses");
	return buf;
}

const struct enforce_figures *enforce_get_figures(const struct enforce *en)
{
	return &en->figures;
}
