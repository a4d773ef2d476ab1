/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/link/sites.h"

#include "base/loop.h"
#include "base/traffic.h"
#include "base/xalloc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PAUSE_MIN_NS NS_PER_S
#define PAUSE_MAX_NS (60 * NS_PER_S)

static size_t place_of(const struct sites *s, uint32_t link)
{
	return (size_t)(link * 2654435761u) & (s->size - 1);
}

static void free_site(struct site *site)
{
	if (site)
		free(site->why);
	free(site);
}

void sites_clear(struct sites *s)
{
	for (size_t i = 0; i < s->size; i++)
		free_site(s->table[i]);
	free(s->table);
	*s = (struct sites) { .n = 0 };
}

/* Where the link's site is, or where it would be put. The table is never full. */
static size_t find(const struct sites *s, uint32_t link)
{
	size_t i = place_of(s, link);

	while (s->table[i] && s->table[i]->link != link)
		i = (i + 1) & (s->size - 1);
	return i;
}

struct site *sites_find(const struct sites *s, uint32_t link)
{
	return s->size ? s->table[find(s, link)] : NULL;
}

static void grow(struct sites *s)
{
	struct sites wider = { .n = s->n, .size = s->size ? s->size * 2 : 16 };

	wider.table = xcalloc(wider.size, sizeof(struct site *));
	for (size_t i = 0; i < s->size; i++)
		if (s->table[i])
			wider.table[find(&wider, s->table[i]->link)] = s->table[i];
	free(s->table);
	*s = wider;
}

struct site *sites_need(struct sites *s, uint32_t link)
{
	struct site *site = sites_find(s, link);

	if (site)
		return site;
	if (2 * (s->n + 1) > s->size)
		grow(s);
	site = xcalloc(1, sizeof(*site));
	site->link = link;
	site->paths = PATHS_ALL;
	s->table[find(s, link)] = site;
	s->n++;
	return site;
}

/* Those behind it move up, until one is where it belongs or there is none. */
void sites_drop(struct sites *s, struct site *site)
{
	size_t hole = find(s, site->link), i = hole;

	s->table[hole] = NULL;
	s->n--;
	free_site(site);
	while (s->table[i = (i + 1) & (s->size - 1)]) {
		size_t home = place_of(s, s->table[i]->link);

		if (((i - home) & (s->size - 1)) < ((i - hole) & (s->size - 1)))
			continue;
		s->table[hole] = s->table[i];
		s->table[i] = NULL;
		hole = i;
	}
}

struct site *sites_next(const struct sites *s, size_t *at)
{
	while (*at < s->size) {
		struct site *site = s->table[(*at)++];

		if (site)
			return site;
	}
	return NULL;
}

void site_set_why(struct site *site, const char *why)
{
	free(site->why);
	site->why = why && *why ? xstrdup(why) : NULL;
}

void site_take(struct site *site, int ret, const struct attach_found *found, const char *why,
	       uint64_t now_ns)
{
	site_set_why(site, why);
	site->gone = ret == -ENODEV;
	if (!ret) {
		site->way = found->way;
		site->paths = found->paths;
		site->attached = true;
		site->behind = site->crossed = false;
		memcpy(site->stack, found->stack, sizeof(site->stack));
		site->retry_ns = site->pause_ns = 0;
		return;
	}
	site->attached = false;
	site->pause_ns = !site->pause_ns                     ? PAUSE_MIN_NS
			 : site->pause_ns * 2 < PAUSE_MAX_NS ? site->pause_ns * 2
							     : PAUSE_MAX_NS;
	site->retry_ns = now_ns + site->pause_ns;
}

/* All that can be there is there; what a refusal has left out is known from site_take. */
static bool is_whole(const struct site *site, const struct attach_found *found)
{
	uint8_t both = 1u << TC_HOOK_INGRESS | 1u << TC_HOOK_EGRESS;

	return found->ours == both || (found->way == ATTACH_INGRESS && found->ours) ||
	       (found->ours && !(site->paths & ~found->paths));
}

/* What came or went behind ours changes the number of programs with each step of the revision. */
static bool is_explained(const struct attach_stack *was, const struct attach_stack *is)
{
	size_t n = is->n > was->n ? is->n - was->n : was->n - is->n;

	return is->revision - was->revision == n;
}

static bool were_crossed(const struct site *site, const struct attach_found *found)
{
	return !is_explained(&site->stack[TC_HOOK_INGRESS], &found->stack[TC_HOOK_INGRESS]) ||
	       !is_explained(&site->stack[TC_HOOK_EGRESS], &found->stack[TC_HOOK_EGRESS]);
}

bool site_seen(struct site *site, int ret, const struct attach_found *found)
{
	struct site was = *site;

	if (ret < 0 && ret != -ENODEV)
		return false; /* it says nothing about the link */
	site->gone = ret == -ENODEV;
	site->attached = !ret && found && is_whole(site, found);
	site->behind = site->attached && found->behind;
	site->crossed =
		site->attached && (site->crossed || (was.attached && were_crossed(&was, found)));
	if (site->attached) {
		site->way = found->way;
		site->paths = found->paths;
		memcpy(site->stack, found->stack, sizeof(site->stack));
	}
	return was.gone != site->gone || was.attached != site->attached ||
	       was.behind != site->behind || was.crossed != site->crossed;
}

bool site_is_missing(const struct site *site)
{
	return !site->gone && (!site->attached || site->behind || site->crossed);
}

bool site_is_used(const struct site *site)
{
	return site->n_keys[ADDR_V4] || site->n_keys[ADDR_V6];
}
