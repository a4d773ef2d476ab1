/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looking after the links: tcx announces nothing when programs come and go, so all links are looked
 * at in turn, some at each reading; filters and qdiscs are announced (watch.h). */
#include "base/log.h"
#include "netfilter/link/fw_link.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define WALK_EVERY_NS NS_PER_S
#define WALK_FOR_NS (2 * NS_PER_MS) /* readings must not hold the loop */
#define CHECK_EVERY 4 /* walks: the index must be mapped for it */
#define ENTRIES_A_CHECK 512

/* Names one link of those that are missing. */
static void describe(struct fw_link *s, const struct site *site, size_t n)
{
	struct tc_link link = { .name = "" };

	tc_link(s->attach.fd, site->link, &link);
	snprintf(s->flaw, sizeof(s->flaw), "%s %zu link%s, %s (%u) among them",
		 !site->attached ? "our programs were taken off"
		 : site->behind  ? "programs of others precede ours on"
				 : "programs of others came and went on",
		 n, n == 1 ? "" : "s", link.name, site->link);
}

static void miss_all(struct fw_link *s, struct link_family *f)
{
	for (size_t i = 0; i < f->lives.n; i++) {
		const struct site *site = sites_find(&s->sites, f->lives.at[i].link);

		if (!f->lives.at[i].missed && site && !site->busy && site_is_missing(site))
			lives_miss(&f->lives, i, &s->slots);
	}
}

void fw_link_changed(struct fw_link *s)
{
	const struct site *site, *first = NULL;
	size_t at = 0, n = 0;
	bool any = false;

	s->retry_ns = s->full_until_ns;
	s->flaw[0] = '\0';
	while ((site = sites_next(&s->sites, &at))) {
		if (site->retry_ns && (!s->retry_ns || site->retry_ns < s->retry_ns))
			s->retry_ns = site->retry_ns;
		if (!site_is_used(site) || site->busy || !site_is_missing(site))
			continue;
		any = true;
		/* Taken off is worse than preceded. */
		if (!first || (first->attached && !site->attached)) {
			first = site;
			n = 0;
		}
		n += site->attached == first->attached;
	}
	if (first)
		describe(s, first, n);
	for (enum addr_family f = 0; f < ADDR_FAMILIES && any; f++)
		miss_all(s, &s->families[f]);
	s->generation++;
}

/* Returns whether that is news. */
static bool look_at(struct fw_link *s, struct site *site)
{
	struct attach_found found;

	if (site->busy || !site_is_used(site))
		return false;
	return site_seen(site, attach_look(&s->attach, site->link, &found), &found);
}

static bool check_family(struct fw_link *s, struct link_family *f)
{
	const struct slots_index *index = &s->slots.index;
	bool news = false;

	for (size_t n = 0; n < ENTRIES_A_CHECK && f->checked < f->lives.n; n++, f->checked++) {
		const struct live *live = &f->lives.at[f->checked];
		struct fw_key key = { .addr = live->addr, .link = live->link };
		uint32_t slot = live->slot;
		int ret = live->missed || f->running ? 0 : index->get(index->arg, &key, &slot);

		if (ret != -ENOENT && slot == live->slot)
			continue;
		lives_miss(&f->lives, f->checked, &s->slots);
		news = true;
	}
	if (f->checked >= f->lives.n)
		f->checked = 0;
	return news;
}

/* Somebody may have changed the index. Returns whether that is news. */
static bool check_entries(struct fw_link *s)
{
	bool news = false;

	if (++s->walks % CHECK_EVERY || link_object_hold_index(&s->object) < 0)
		return false;
	for (enum addr_family f = 0; f < ADDR_FAMILIES; f++)
		news = check_family(s, &s->families[f]) || news;
	link_object_drop_index(&s->object);
	return news;
}

/* Links that have refused us may be tried again. Returns whether there is one. */
static bool let_retry(struct fw_link *s, uint64_t now_ns)
{
	struct site *site;
	size_t at = 0;

	if (!s->retry_ns || s->retry_ns > now_ns)
		return false;
	while ((site = sites_next(&s->sites, &at)))
		if (site->retry_ns <= now_ns)
			site->retry_ns = 0;
	if (s->full_until_ns <= now_ns)
		s->full_until_ns = 0;
	return true;
}

void patrol_walk(struct fw_link *s, uint64_t now_ns)
{
	uint64_t until = loop_now_ns() + WALK_FOR_NS;
	bool news = let_retry(s, now_ns);
	struct site *site;

	if (!news && now_ns - s->walked_ns < WALK_EVERY_NS)
		return;
	s->walked_ns = now_ns;
	while ((site = sites_next(&s->sites, &s->round_at))) {
		news = look_at(s, site) || news;
		if (loop_now_ns() >= until)
			break;
	}
	if (!site)
		s->round_at = 0; /* the next round begins with the next walk */
	if (check_entries(s) || news)
		fw_link_changed(s);
}

void patrol_told(void *arg, enum watch_what what, uint32_t link, uint64_t now_ns)
{
	struct fw_link *s = arg;
	struct site *site = sites_find(&s->sites, link);
	int ret;

	(void)now_ns;
	switch (what) {
	case WATCH_LINK_GONE:
		if (site && site_seen(site, -ENODEV, NULL))
			fw_link_changed(s);
		break;
	case WATCH_LINK_TOUCHED:
		if (site && look_at(s, site))
			fw_link_changed(s);
		break;
	case WATCH_LOST:
		s->round_at = 0;
		s->walked_ns = 0;
		/* fallthrough */
	case WATCH_ADDRESSES:
		ret = node_refresh(&s->node);
		if (ret < 0)
			log_error("fw",
				  "cannot tell the counting programs the node's own addresses: %s",
				  strerror(-ret));
		break;
	}
}
