/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netlink/netns_watch.h"

#include "base/xalloc.h"
#include "netlink/nlhear.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define WORK_NS (5 * NS_PER_MS) /* in one turn of the loop */
#define SHARE 20 /* a namespace is asked one SHAREth of the time at most */
#define ANSWER_MS 100

/* NAMED: the source has named the process once; SURE: twice; OVER: it is not the container's any
 * more, or cannot be asked. */
enum inside_state { NAMED, SURE, OVER };

struct inside {
	struct netns_inside seen; /* its addresses are owned */
	char *owner;
	enum inside_state state;
	bool resolve; /* ask for the namespace's id */
	bool again; /* and the source has named the process again */
	bool dirty; /* ask for the addresses */
	uint64_t not_before_ns; /* .. then at the earliest */
};

struct netns_watch {
	struct loop *loop;
	struct loop_timer work, poll;
	struct nlhear *hear; /* NULL: no ear */
	int fd; /* -1: none */
	size_t max;
	netns_changed_fn *changed;
	void *arg;
	struct inside *list;
	size_t n;
	unsigned moves; /* netns_watch_moves */
	int error; /* netns_watch_error */
	bool look; /* netns_watch_wants_look */
	bool news; /* not told yet */
};

/* ---- queries ---- */

static int reopen(struct netns_watch *w)
{
	struct timeval patience = { .tv_usec = ANSWER_MS * 1000 };

	if (w->fd >= 0)
		close(w->fd);
	w->fd = netns_open();
	if (w->fd >= 0)
		setsockopt(w->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return w->fd < 0 ? w->fd : 0;
}

/* What is left of an answer would be taken for that of the next query. */
static int after_query(struct netns_watch *w, int ret)
{
	if (ret == 1 || ret == -EAGAIN || ret == -EBADMSG || ret == -EBADF)
		reopen(w);
	return ret;
}

static void end(struct netns_watch *w, struct inside *in)
{
	w->moves += in->seen.id >= 0;
	in->state = OVER;
	in->resolve = in->dirty = false;
	in->seen.id = -1;
	in->seen.awaited = false;
	w->look = w->news = true;
}

static void resolve(struct netns_watch *w, struct inside *in)
{
	bool own = false;
	int id = -1, ret = after_query(w, netns_of(w->fd, in->seen.pid, &id, &own));

	in->resolve = false;
	if (ret == -EAGAIN)
		return;
	if (ret < 0 && ret != -ESRCH)
		w->error = ret;
	if (ret < 0 || (in->seen.id >= 0 && in->seen.id != id)) {
		end(w, in);
		return;
	}
	if (in->state == NAMED && in->again) {
		in->state = SURE;
		in->dirty = w->news = true;
	} else if (in->state == NAMED) {
		w->look = w->news = true;
	}
	w->moves += in->seen.id != id;
	in->seen.id = id;
	in->seen.own = own;
	in->again = false;
}

static int cmp_address(const void *a, const void *b)
{
	const struct rtnl_address *x = a, *y = b;
	int c = addr_cmp(&x->addr, &y->addr);

	return c ? c : x->link - y->link;
}

/* Sort, and keep each address once. Returns how many there are. */
static size_t settle(struct rtnl_address *list, size_t n)
{
	size_t kept = 0;

	if (n)
		qsort(list, n, sizeof(*list), cmp_address);
	for (size_t i = 0; i < n; i++)
		if (!kept || addr_cmp(&list[kept - 1].addr, &list[i].addr) != 0)
			list[kept++] = list[i];
	return kept;
}

static bool is_same(const struct netns_inside *a, const struct rtnl_address *list, size_t n)
{
	bool same = a->known && a->n == n;

	for (size_t i = 0; same && i < n; i++)
		same = !cmp_address(&a->addresses[i], &list[i]);
	return same;
}

static void take(struct netns_watch *w, struct inside *in, struct rtnl_address *take_list, size_t n)
{
	n = settle(take_list, n);
	if (!is_same(&in->seen, take_list, n))
		w->news = true;
	free((void *)(uintptr_t)in->seen.addresses);
	in->seen.addresses = take_list;
	in->seen.n = n;
	w->moves += !in->seen.known;
	in->seen.known = true;
	in->seen.awaited = false;
}

/* The process is asked for once more afterwards: the id may have been given to another namespace,
 * whose addresses these would be. */
static void ask(struct netns_watch *w, struct inside *in, uint64_t now_ns)
{
	struct rtnl_address *list = NULL;
	uint64_t began_ns = loop_now_ns();
	size_t n = 0;
	int id = -1, ret = 0;

	in->dirty = false;
	if (!in->seen.own)
		ret = after_query(w, netns_addresses(w->fd, in->seen.id, w->max, &list, &n));
	if (ret >= 0) {
		int peeked = after_query(w, netns_peek(w->fd, in->seen.pid, &id));

		ret = peeked < 0 ? peeked : id == in->seen.id ? 0 : -ESRCH;
	}
	if (!ret) {
		take(w, in, list, n);
	} else {
		free(list);
		in->dirty = ret == -EAGAIN;
		if (ret != -EAGAIN)
			end(w, in);
	}
	in->not_before_ns = now_ns + (loop_now_ns() - began_ns) * SHARE;
}

/* ---- work ---- */

static void work_soon(struct netns_watch *w, uint64_t at_ns)
{
	if (!w->work.at_ns || w->work.at_ns > at_ns)
		loop_timer_set(w->loop, &w->work, at_ns);
}

/* Do what is due, for WORK_NS; go on in another turn. */
static void work(struct netns_watch *w, uint64_t now_ns)
{
	uint64_t until = loop_now_ns() + WORK_NS;

	for (size_t i = 0; i < w->n; i++) {
		struct inside *in = &w->list[i];

		if (!in->resolve && !in->dirty)
			continue;
		if (loop_now_ns() >= until) {
			work_soon(w, now_ns);
			return;
		}
		if (in->resolve)
			resolve(w, in);
		if (in->dirty && in->state == SURE && in->not_before_ns <= now_ns)
			ask(w, in, now_ns);
		if (in->dirty && in->state == SURE)
			work_soon(w, in->not_before_ns);
	}
}

static void tell(struct netns_watch *w, uint64_t now_ns)
{
	if (!w->news)
		return;
	w->news = false;
	w->changed(w->arg, now_ns);
}

static void on_work(void *arg, uint64_t now_ns)
{
	struct netns_watch *w = arg;

	work(w, now_ns);
	tell(w, now_ns);
}

static void on_poll(void *arg, uint64_t now_ns)
{
	struct netns_watch *w = arg;

	for (size_t i = 0; i < w->n; i++)
		w->list[i].dirty = w->list[i].dirty || w->list[i].state == SURE;
	if (!w->hear && w->n)
		loop_timer_set(w->loop, &w->poll, now_ns + NETNS_POLL_NS);
	on_work(w, now_ns);
}

/* ---- events ---- */

static void on_msg(void *arg, const void *msg, size_t len, uint64_t now_ns)
{
	const struct nlmsghdr *h = msg;
	struct netns_watch *w = arg;
	int id = nlhear_netns(w->hear), gone = -1;

	(void)now_ns;
	/* Other namespaces have ids for each other, too. */
	if (id < 0 && !netns_parse_gone(msg, len, &gone))
		return;
	for (size_t i = 0; i < w->n; i++) {
		struct inside *in = &w->list[i];

		if (in->seen.id < 0)
			continue;
		if (in->seen.id == gone)
			end(w, in);
		else if (in->seen.id == id && in->state == SURE &&
			 (h->nlmsg_type == RTM_NEWADDR || h->nlmsg_type == RTM_DELADDR))
			in->dirty = true;
	}
}

static void on_lost(void *arg, uint64_t now_ns)
{
	struct netns_watch *w = arg;

	(void)now_ns;
	for (size_t i = 0; i < w->n; i++)
		if (w->list[i].state == SURE)
			w->list[i].resolve = w->list[i].dirty = true;
}

void netns_watch_take_ear(struct netns_watch *w, int take_fd)
{
	static const struct nlhear_fns fns = { on_msg, on_lost, on_work };

	nlhear_free(w->hear);
	w->hear = nlhear_adopt(w->loop, take_fd, "containers' addresses", &fns, w);
	on_lost(w, 0); /* whatever came before it listened */
	work_soon(w, loop_now_ns());
}

bool netns_watch_has_ear(const struct netns_watch *w)
{
	return w->hear != NULL;
}

/* ---- what is wanted ---- */

static int cmp_id(const char *a, const char *b)
{
	size_t a_len = strlen(a), b_len = strlen(b);

	return a_len != b_len ? (a_len < b_len ? -1 : 1) : memcmp(a, b, a_len);
}

static int cmp_owner(const void *key, const void *in)
{
	return cmp_id(key, ((const struct inside *)in)->owner);
}

static struct inside *find(const struct netns_watch *w, const char *owner)
{
	return w->n ? bsearch(owner, w->list, w->n, sizeof(*w->list), cmp_owner) : NULL;
}

/* Take over what is known; `to` is new. */
static void go_on(struct inside *to, struct inside *from, bool asked)
{
	bool same = to->seen.pid == from->seen.pid;
	pid_t pid = to->seen.pid;

	to->seen = from->seen;
	from->seen.addresses = NULL;
	to->seen.pid = pid;
	to->not_before_ns = from->not_before_ns;
	if (!same) {
		to->seen.id = -1;
		to->seen.own = false;
		to->seen.awaited = !to->seen.known;
		to->resolve = true;
		return;
	}
	to->state = from->state;
	to->dirty = from->dirty;
	to->resolve = (from->resolve || asked) && from->state != OVER;
	to->again = from->again || asked;
}

static void free_list(struct inside *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free((void *)(uintptr_t)list[i].seen.addresses);
		free(list[i].owner);
	}
	free(list);
}

void netns_watch_set(struct netns_watch *w, const struct netns_want *wants, size_t n, bool asked,
		     uint64_t now_ns)
{
	struct inside *list = xcalloc(n, sizeof(*list));

	if (w->hear) /* ids that have gone may be others' already */
		nlhear_catch_up(w->hear, now_ns);
	for (size_t i = 0; i < n; i++) {
		struct inside *before = find(w, wants[i].owner);

		list[i] = (struct inside) {
			.owner = xstrdup(wants[i].owner),
			.seen = { .id = -1, .pid = wants[i].pid, .awaited = true },
			.resolve = true
		};
		if (before)
			go_on(&list[i], before, asked);
	}
	free_list(w->list, w->n);
	w->list = list;
	w->n = n;
	work(w, now_ns);
	w->news = false; /* the caller looks now */
	if (!w->hear && n && !w->poll.at_ns)
		loop_timer_set(w->loop, &w->poll, now_ns + NETNS_POLL_NS);
}

const struct netns_inside *netns_watch_find(const struct netns_watch *w, const char *owner)
{
	const struct inside *in = find(w, owner);

	return in ? &in->seen : NULL;
}

bool netns_watch_is_asking(const struct netns_watch *w)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->list[i].resolve || (w->list[i].dirty && w->list[i].state == SURE))
			return true;
	return false;
}

bool netns_watch_is_unsure(const struct netns_watch *w)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->list[i].state == NAMED || w->list[i].resolve || w->list[i].dirty)
			return true;
	return w->news;
}

unsigned netns_watch_moves(const struct netns_watch *w)
{
	return w->moves;
}

int netns_watch_error(const struct netns_watch *w)
{
	return w->error;
}

bool netns_watch_wants_look(struct netns_watch *w)
{
	bool look = w->look;

	w->look = false;
	return look;
}

/* ---- life ---- */

int netns_watch_new(struct loop *loop, size_t max, netns_changed_fn *changed, void *arg,
		    struct netns_watch **ret_watch, struct err *e)
{
	struct netns_watch *w = xcalloc(1, sizeof(*w));
	int ret;

	*w = (struct netns_watch) {
		.loop = loop, .fd = -1, .max = max, .changed = changed, .arg = arg
	};
	loop_timer_init(&w->work, on_work, w);
	loop_timer_init(&w->poll, on_poll, w);
	ret = reopen(w);
	if (ret < 0) {
		err_set(e, "%s",
			ret == -EOPNOTSUPP ? "this kernel cannot (it needs Linux 5.0)"
					   : strerror(-ret));
		netns_watch_free(w);
		return ret;
	}
	*ret_watch = w;
	return 0;
}

void netns_watch_free(struct netns_watch *w)
{
	if (!w)
		return;
	loop_timer_clear(w->loop, &w->work);
	loop_timer_clear(w->loop, &w->poll);
	nlhear_free(w->hear);
	if (w->fd >= 0)
		close(w->fd);
	free_list(w->list, w->n);
	free(w);
}
