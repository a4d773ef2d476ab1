/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netlink/place_room.h"

#include "base/log.h"
#include "base/xalloc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define WORK_NS (2 * NS_PER_MS) /* in one turn of the loop */
#define NEWS_NS (25 * NS_PER_MS) /* what was found waits no longer for the rest */
#define RETRY_NS (10 * NS_PER_S) /* what has no link is looked for again, whatever was missed */
#define ANSWER_MS 50

/* ---- queries ---- */

/* Answers to a query that timed out would be taken for those of the next one. */
static void reopen(struct place *p)
{
	struct timeval patience = { .tv_usec = ANSWER_MS * 1000 };

	if (p->fd >= 0)
		close(p->fd);
	p->fd = rtnl_open();
	if (p->fd >= 0)
		setsockopt(p->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
}

static int after_query(struct place *p, int ret)
{
	if (ret == -EAGAIN || ret == -EBADMSG || ret == -EBADF)
		reopen(p);
	return ret;
}

static int ask_route(void *arg, const struct addr *a, struct rtnl_route *ret_route)
{
	struct place *p = arg;

	return after_query(p, rtnl_route(p->fd, a, ret_route));
}

static int ask_neigh(void *arg, int link, const struct addr *a, struct rtnl_neigh *ret_neigh)
{
	struct place *p = arg;

	return after_query(p, rtnl_neigh(p->fd, link, a, ret_neigh));
}

static int ask_forwarding(void *arg, int bridge, const uint8_t *mac, uint16_t vlan,
			  struct rtnl_neigh *ret_neigh)
{
	struct place *p = arg;

	return after_query(p, rtnl_forwarding(p->fd, bridge, mac, vlan, ret_neigh));
}

/* Which links the default routes lead out through. These two addresses are those of 6to4 relays,
 * which are deprecated (RFC 7526): only a default route leads to them. */
static void find_away(struct place *p)
{
	static const char *const far[ADDR_FAMILIES] = { "192.88.99.1", "2002:c058:6301::" };

	for (enum addr_family f = 0; f < ADDR_FAMILIES; f++) {
		struct rtnl_route route;
		struct addr a;
		bool known = !addr_parse(far[f], &a) && !ask_route(p, &a, &route) &&
			     route.way == RTNL_WAY_LINK;

		p->world.away[f] = known ? route.link : 0;
	}
	p->away_stale = false;
}

/* ---- settling ---- */

void place_mark(struct place *p, size_t i)
{
	p->n_dirty += !p->trails[i].dirty;
	p->trails[i].dirty = true;
}

static const char *name_of(const struct place *p, int link)
{
	const struct rtnl_link *l = linktab_at(p->world.links, link);

	return l ? l->name : "";
}

/* Another container that has an address on this link; NULL: none. */
static const char *other_owner(const struct place *p, size_t i, int link)
{
	for (size_t k = 0; k < p->n; k++)
		if (p->spots[k].link == (uint32_t)link &&
		    strcmp(p->trails[k].owner, p->trails[i].owner) != 0)
			return p->trails[k].owner;
	return NULL;
}

/* Does it have a link that is its own and still exists? */
static bool has_own(const struct place *p, size_t i)
{
	const struct place_spot *s = &p->spots[i];
	const struct rtnl_link *l = s->link ? linktab_at(p->world.links, (int)s->link) : NULL;

	return l && s->how != PLACE_SHARED && !place_shared_as(&p->world, l);
}

static void contest(struct place *p, size_t i, const struct place_result *r, uint64_t now_ns)
{
	char text[ADDR_TEXT_SIZE];

	if (!p->trails[i].contested && log_may(&p->log, now_ns, "link"))
		log_warning("link",
			    "%s of container %s is counted on %s, but its MAC now appears at %s: "
			    "either somebody forges it, or the container has moved (then name its "
			    "link in the inventory, or stop it); it stays on %s",
			    addr_format(&p->spots[i].addr, text), p->trails[i].owner,
			    name_of(p, (int)p->spots[i].link), name_of(p, r->link),
			    name_of(p, (int)p->spots[i].link));
	p->trails[i].contested = true;
}

/* What tenants can forge moves nothing: see place.h, 2. Returns whether the address stays as it
 * is. */
static bool distrust(struct place *p, size_t i, struct place_result *r, uint64_t now_ns)
{
	const char *owner;

	if (has_own(p, i) && p->spots[i].link != (uint32_t)r->link) {
		contest(p, i, r, now_ns);
		return true;
	}
	if (p->spots[i].link == (uint32_t)r->link)
		return false;
	owner = other_owner(p, i, r->link);
	if (!owner && !p->trails[i].stopped)
		return false;
	if (owner)
		snprintf(r->reason, sizeof(r->reason),
			 "its MAC appears at %s, which is the link of container %.64s",
			 name_of(p, r->link), owner);
	else
		snprintf(r->reason, sizeof(r->reason),
			 "its container is stopped, but its MAC appears at %s",
			 name_of(p, r->link));
	r->how = PLACE_NOT;
	r->link = 0;
	return false;
}

static void set_reason(struct place *p, struct place_spot *s, const char *reason)
{
	if (!strcmp(s->reason, reason))
		return;
	if (*s->reason)
		free((char *)(uintptr_t)s->reason);
	s->reason = *reason ? xstrdup(reason) : "";
	p->news = true;
}

static void settle(struct place *p, size_t i, struct place_result *r, uint64_t now_ns)
{
	struct place_spot *s = &p->spots[i];
	struct place_trail *t = &p->trails[i];
	bool fallback = !r->link || r->how == PLACE_SHARED;

	t->out = r->out;
	t->port = r->port;
	t->has_mac = r->has_mac;
	memcpy(t->mac, r->mac, sizeof(t->mac));
	t->awaits_link = r->awaits_link;
	if (r->how == PLACE_BRIDGE && distrust(p, i, r, now_ns))
		return;
	t->contested = false;
	if (t->untold && s->how == PLACE_KEPT && has_own(p, i))
		return;
	if (fallback && !t->name && has_own(p, i))
		return;
	if (fallback && !r->link && has_own(p, i))
		return; /* the named link was renamed */
	if (s->link != (uint32_t)r->link)
		p->news = true;
	s->link = (uint32_t)r->link;
	s->how = r->how;
	set_reason(p, s, r->reason);
}

static void look(struct place *p, size_t i, uint64_t now_ns)
{
	struct place_result r;

	place_look(&p->world, &p->spots[i].addr, p->trails[i].name, p->trails[i].netns, &r);
	settle(p, i, &r, now_ns);
	p->trails[i].dirty = false;
	p->n_dirty--;
	p->news = p->news || !p->spots[i].looked;
	p->spots[i].looked = true;
}

static void tell(struct place *p, uint64_t now_ns)
{
	if (p->news && !p->news_ns)
		p->news_ns = now_ns;
	if (!p->news || (p->n_dirty && now_ns - p->news_ns < NEWS_NS))
		return;
	p->news = false;
	p->news_ns = 0;
	p->changed(p->arg, now_ns);
}

void place_work(struct place *p, uint64_t now_ns)
{
	uint64_t until = loop_now_ns() + WORK_NS;

	if (!links_known(p->links))
		return;
	if (p->away_stale)
		find_away(p);
	while (p->n_dirty && loop_now_ns() < until) {
		while (!p->trails[p->next % p->n].dirty)
			p->next++;
		look(p, p->next++ % p->n, now_ns);
	}
	if (p->n_dirty)
		loop_timer_set(p->loop, &p->work, now_ns);
	else
		p->news = p->news || p->deferred;
	p->deferred = p->n_dirty;
	tell(p, now_ns);
}

/* ---- what is wanted ---- */

static bool is_same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

/* Take over what is known of an address. */
static void keep_spot(struct place *p, size_t i, struct place_spot *old, struct place_trail *trail)
{
	struct place_spot *s = &p->spots[i];
	struct place_trail *t = &p->trails[i];
	bool moved = strcmp(t->owner, trail->owner) != 0;
	bool renamed = t->name && !trail->untold && !is_same_text(t->name, trail->name);
	bool same = !moved && is_same_text(t->name, trail->name) && t->netns == trail->netns &&
		    t->stopped == trail->stopped && t->untold == trail->untold && !trail->dirty;
	const char *owner = t->owner, *name = t->name;
	int netns = t->netns;
	bool stopped = t->stopped, untold = t->untold;

	if (moved || renamed) {
		p->news = p->news || old->link;
		return;
	}
	*s = *old;
	*t = *trail;
	old->reason = "";
	t->owner = owner;
	t->name = name;
	t->netns = netns;
	t->stopped = stopped;
	t->untold = untold;
	t->dirty = false;
	if (!same)
		place_mark(p, i);
}

static void begin_spot(struct place *p, size_t i, const struct place_want *w)
{
	p->spots[i] = (struct place_spot) { .addr = w->addr,
					    .link = w->kept,
					    .how = w->kept ? PLACE_KEPT : PLACE_NOT,
					    .reason = "" };
	p->trails[i] =
		(struct place_trail) { .owner = arena_strdup(&p->text, w->owner),
				       .name = w->link ? arena_strdup(&p->text, w->link) : NULL,
				       .netns = w->netns,
				       .stopped = w->stopped,
				       .untold = w->untold };
}

static bool is_as_wanted(const struct place *p, const struct place_want *wants, size_t n)
{
	bool same = n == p->n;

	for (size_t i = 0; same && i < n; i++)
		same = !addr_cmp(&p->spots[i].addr, &wants[i].addr) &&
		       !strcmp(p->trails[i].owner, wants[i].owner) &&
		       is_same_text(p->trails[i].name, wants[i].link) &&
		       p->trails[i].netns == wants[i].netns &&
		       p->trails[i].stopped == wants[i].stopped &&
		       p->trails[i].untold == wants[i].untold;
	return same;
}

static void free_spots(struct place_spot *spots, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (*spots[i].reason)
			free((char *)(uintptr_t)spots[i].reason);
	free(spots);
}

static void replace(struct place *p, const struct place_want *wants, size_t n)
{
	struct place old = *p;
	size_t k = 0;

	p->spots = xcalloc(n, sizeof(*p->spots));
	p->trails = xcalloc(n, sizeof(*p->trails));
	p->text = (struct arena) { 0 };
	p->n = n;
	p->n_dirty = p->next = 0;
	for (size_t i = 0; i < n; i++) {
		while (k < old.n && addr_cmp(&old.spots[k].addr, &wants[i].addr) < 0)
			k++;
		begin_spot(p, i, &wants[i]);
		if (k < old.n && !addr_cmp(&old.spots[k].addr, &wants[i].addr)) {
			p->spots[i].link = 0;
			p->spots[i].how = PLACE_NOT;
			keep_spot(p, i, &old.spots[k], &old.trails[k]);
		}
		if (!p->spots[i].looked)
			place_mark(p, i);
	}
	free_spots(old.spots, old.n);
	free(old.trails);
	arena_free(&old.text);
}

void place_set(struct place *p, const struct place_want *wants, size_t n, uint64_t now_ns)
{
	if (!is_as_wanted(p, wants, n))
		replace(p, wants, n);
	place_work(p, now_ns);
}

void place_retry(struct place *p, uint64_t now_ns)
{
	if (now_ns - p->retried_ns < RETRY_NS)
		return;
	p->retried_ns = now_ns;
	for (size_t i = 0; i < p->n; i++)
		if (!p->spots[i].link || p->spots[i].how == PLACE_KEPT)
			place_mark(p, i);
	place_work(p, now_ns);
}

bool place_is_looking(const struct place *p)
{
	return p->n_dirty > 0;
}

const struct place_spot *place_spots(const struct place *p, size_t *ret_n)
{
	*ret_n = p->n;
	return p->spots;
}

static int cmp_spot(const void *a, const void *b)
{
	return addr_cmp(a, &((const struct place_spot *)b)->addr);
}

const struct place_spot *place_find(const struct place *p, const struct addr *a)
{
	return p->n ? bsearch(a, p->spots, p->n, sizeof(*p->spots), cmp_spot) : NULL;
}

const char *place_link_name(const struct place *p, uint32_t link)
{
	return name_of(p, (int)link);
}

/* ---- life ---- */

static void on_work(void *arg, uint64_t now_ns)
{
	place_work(arg, now_ns);
}

int place_new(struct loop *loop, const struct cfg_link *shared, size_t n_shared,
	      place_changed_fn *changed, void *arg, struct place **ret_place, struct err *e)
{
	struct place *p = xcalloc(1, sizeof(*p));
	int ret;

	*p = (struct place) {
		.loop = loop, .changed = changed, .arg = arg, .fd = -1, .away_stale = true
	};
	p->kernel = (struct place_kernel) { ask_route, ask_neigh, ask_forwarding, p };
	p->world = (struct place_world) { .kernel = &p->kernel,
					  .shared = shared,
					  .n_shared = n_shared };
	loop_timer_init(&p->work, on_work, p);
	reopen(p);
	ret = place_listen(p, e);
	if (ret < 0) {
		place_free(p);
		return ret;
	}
	p->world.links = links_table(p->links);
	*ret_place = p;
	return 0;
}

void place_free(struct place *p)
{
	if (!p)
		return;
	place_deafen(p);
	loop_timer_clear(p->loop, &p->work);
	if (p->fd >= 0)
		close(p->fd);
	free_spots(p->spots, p->n);
	free(p->trails);
	arena_free(&p->text);
	free(p);
}
