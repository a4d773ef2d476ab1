/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The entrances of the containers' links, where they are counted: are our programs there, and
 * first? */
#include "doctor/doctor_room.h"

#include "base/xalloc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const entrance[FW_ENTRANCES] = { "ingress", "egress" };

/* Report why nothing is known of the links, if so; returns whether it is. */
static bool is_moot(struct doctor *d, struct doctor_finding *f)
{
	const struct fw_look_ground *g;
	size_t n;

	if (doctor_dry_run(d, f) || doctor_not_on_links(d, f))
		return true;
	g = doctor_ground(d);
	doctor_seen(d, &n);
	if (!g || d->seen_rc < 0)
		doctor_say(f, DOCTOR_SKIP, "cannot look at the links: %s",
			   strerror(g ? -d->seen_rc : -d->ground_rc));
	else if (g->ground != FW_GROUND_GOOD && g->ground != FW_GROUND_ANOTHERS)
		doctor_say(f, DOCTOR_SKIP,
			   "our programs are not pinned, so they cannot be told from others: see "
			   "link-kernel");
	else
		return false;
	return true;
}

static const struct fw_look_link *find_seen(struct doctor *d, const char *name)
{
	size_t n;
	const struct fw_look_link *seen = doctor_seen(d, &n);

	for (size_t i = 0; i < n; i++)
		if (!strcmp(seen[i].name, name))
			return &seen[i];
	return NULL;
}

static bool is_ours(const struct fw_look_link *l)
{
	return l->at[FW_INGRESS].ours || l->at[FW_EGRESS].ours;
}

/* Only a rate limit's qdisc is there to be attached to, which has one entrance. */
static bool is_half(const struct fw_look_link *l)
{
	return l->ingress_qdisc && l->at[FW_INGRESS].ours && !l->at[FW_EGRESS].ours;
}

static void look_at(struct doctor_finding *f, const char *command, const char *name,
		    const char *rest)
{
	char *quoted = doctor_quote(name);

	doctor_look(f, "%s %s%s", command, quoted, rest);
	free(quoted);
}

/* ---- links ---- */

struct judged {
	struct doctor *d;
	struct doctor_words uncounted, missing, stale;
	const char *why; /* the first of those is not counted */
	size_t n_addresses, n_links, n_tcx, n_clsact;
};

static void judge_link(struct judged *j, const struct fw_look_link *l)
{
	j->n_links++;
	j->n_tcx += !strcmp(l->way, "tcx");
	j->n_clsact += !strcmp(l->way, "clsact");
	for (enum fw_entrance at = 0; at < FW_ENTRANCES; at++) {
		if (l->at[at].stale)
			doctor_words_add(&j->stale, "%s %s", l->name, entrance[at]);
		else if (!l->at[at].ours && !is_half(l))
			doctor_words_add(&j->missing, "%s %s", l->name, entrance[at]);
	}
}

/* The links that have programs of ours; which others should, only the daemon knows. */
static void judge_seen(struct judged *j)
{
	size_t n;
	const struct fw_look_link *seen = doctor_seen(j->d, &n);

	for (size_t i = 0; i < n; i++)
		if (is_ours(&seen[i]) || seen[i].at[FW_INGRESS].stale ||
		    seen[i].at[FW_EGRESS].stale)
			judge_link(j, &seen[i]);
}

static int name_cmp(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void note_uncounted(struct judged *j, const struct doctor_address *a)
{
	char text[ADDR_TEXT_SIZE];

	if (!j->uncounted.n)
		j->why = *a->why ? a->why : "no reason is given";
	doctor_words_add(&j->uncounted, "%s %s", a->id, addr_format(&a->addr, text));
}

/* Each link of a counted address that has no program at all. */
static void judge_addresses(struct judged *j)
{
	size_t n, n_names = 0;
	const struct doctor_address *a = doctor_addresses(j->d, &n);
	const char **names = xcalloc(n, sizeof(*names));

	for (size_t i = 0; i < n; i++) {
		j->n_addresses += a[i].counting;
		if (*a[i].link)
			names[n_names++] = a[i].link;
		if (!a[i].counting && !a[i].stopped && !a[i].conflict)
			note_uncounted(j, &a[i]);
	}
	if (n_names)
		qsort(names, n_names, sizeof(*names), name_cmp);
	for (size_t i = 0; i < n_names; i++) {
		const struct fw_look_link *l;

		if (i && !strcmp(names[i], names[i - 1]))
			continue;
		l = find_seen(j->d, names[i]);
		if (!l || !(is_ours(l) || l->at[FW_INGRESS].stale || l->at[FW_EGRESS].stale))
			doctor_words_add(&j->missing, "%s", names[i]);
	}
	free(names);
}

static void say_links(struct judged *j, struct doctor_finding *f)
{
	struct doctor *d = j->d;
	char *restart = doctor_service_command(d, d->status ? "restart" : "start", "ctmeterd");
	char *renew = doctor_renew_command(d), *list = doctor_ctmeter_command(d, "list --links");

	if (j->stale.n) {
		doctor_say(f, DOCTOR_FAIL,
			   "what passes here is counted in maps that are pinned no more, or of "
			   "another version: %s",
			   doctor_words_text(&j->stale));
		doctor_cure(f, "%s", restart);
	} else if (j->missing.n) {
		doctor_say(f, DOCTOR_FAIL, "no program of ours, so nothing is counted here: %s",
			   doctor_words_text(&j->missing));
		doctor_cure(f, "%s", renew);
	} else if (j->uncounted.n) {
		doctor_say(f, DOCTOR_WARN, "not counted: %s%s: %s",
			   doctor_words_text(&j->uncounted),
			   j->uncounted.n > 1 ? "; the first, because" : "", j->why);
		doctor_look(f, "%s", list);
	} else if (!d->status) {
		doctor_say(f, DOCTOR_SKIP,
			   "%zu links have our programs; which should have them is not known, "
			   "since %s",
			   j->n_links, doctor_silence(d));
	} else {
		doctor_say(f, DOCTOR_OK,
			   "%zu addresses are counted on %zu links (tcx %zu, clsact %zu, ingress "
			   "qdisc %zu)",
			   j->n_addresses, j->n_links, j->n_tcx, j->n_clsact,
			   j->n_links - j->n_tcx - j->n_clsact);
	}
	free(restart);
	free(renew);
	free(list);
}

void doctor_at_links(struct doctor *d, enum addr_family family, struct doctor_finding *f)
{
	struct judged j = { .d = d };

	(void)family;
	if (is_moot(d, f))
		return;
	judge_seen(&j);
	if (d->status)
		judge_addresses(&j);
	say_links(&j, f);
	doctor_words_clear(&j.uncounted);
	doctor_words_clear(&j.missing);
	doctor_words_clear(&j.stale);
}

/* ---- order ---- */

static void note_before(struct doctor_words *words, const struct fw_look_link *l,
			enum fw_entrance at)
{
	const char *name = l->at[at].before_name;

	if (l->at[at].before)
		doctor_words_add(words, "%s %s (program %u%s%s)", l->name, entrance[at],
				 l->at[at].before, *name ? " " : "", name);
	else
		doctor_words_add(words, "%s %s (a filter)", l->name, entrance[at]);
}

void doctor_link_order(struct doctor *d, enum addr_family family, struct doctor_finding *f)
{
	struct doctor_words words = { .n = 0 };
	const struct fw_look_link *seen, *first = NULL;
	char *cure;
	size_t n;

	(void)family;
	if (is_moot(d, f))
		return;
	seen = doctor_seen(d, &n);
	for (size_t i = 0; i < n; i++) {
		for (enum fw_entrance at = 0; at < FW_ENTRANCES; at++) {
			if (!seen[i].at[at].ours || !seen[i].at[at].n_before)
				continue;
			first = first ? first : &seen[i];
			note_before(&words, &seen[i], at);
		}
	}
	if (!words.n) {
		doctor_say(f, DOCTOR_OK, "our programs come first at each entrance");
		return;
	}
	doctor_say(f, DOCTOR_FAIL,
		   "programs of others precede ours, and what they accept, drop or redirect is not "
		   "counted: %s",
		   doctor_words_text(&words));
	cure = doctor_renew_command(d);
	doctor_cure(f, "%s", cure);
	if (doctor_has_tool(d, "bpftool"))
		look_at(f, "bpftool net show dev", first->name, "");
	free(cure);
	doctor_words_clear(&words);
}

/* ---- limits ---- */

void doctor_link_limits(struct doctor *d, enum addr_family family, struct doctor_finding *f)
{
	struct doctor_words words = { .n = 0 };
	const struct fw_look_link *seen, *limited = NULL;
	char *cure = NULL, *renew;
	size_t n;

	(void)family;
	if (is_moot(d, f))
		return;
	seen = doctor_seen(d, &n);
	renew = doctor_renew_command(d);
	for (size_t i = 0; i < n; i++) {
		char *name, *longer;

		if (!is_half(&seen[i]))
			continue;
		doctor_words_add(&words, "%s", seen[i].name);
		if (seen[i].at[FW_INGRESS].n_others) {
			limited = limited ? limited : &seen[i];
			continue;
		}
		name = doctor_quote(seen[i].name);
		longer = xasprintf("%s%stc qdisc del dev %s ingress", cure ? cure : "",
				   cure ? " && " : "", name);
		free(name);
		free(cure);
		cure = longer;
	}
	if (!words.n) {
		doctor_say(f, DOCTOR_OK, "no rate limit's qdisc is in the way of counting");
	} else {
		doctor_say(
			f, DOCTOR_FAIL,
			"what leaves the node by these links is not counted, because their ingress "
			"qdisc%s has the only place for it on this kernel; Linux 6.6 or later "
			"(tcx) counts both ways: %s",
			limited ? ", for a rate limit," : "", doctor_words_text(&words));
		if (cure && !limited)
			doctor_cure(f, "%s && %s", cure, renew);
		else
			look_at(f, "tc filter show dev", limited->name, " ingress");
	}
	free(cure);
	free(renew);
	doctor_words_clear(&words);
}
