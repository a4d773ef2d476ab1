/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The inventory. The sources' parsers fill the parts, which are checked here and merged by
 * sorting.
 *
 * 1. Everything in a part has passed the checks, so the merge cannot fail.
 * 2. A part keeps repetitions as they came; the merge folds them once. */
#include "inventory/inv.h"

#include "base/ifname.h"
#include "base/log_state.h"
#include "base/plain.h"
#include "base/xalloc.h"
#include "inventory/inv_id.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Complaints remembered for one poll. A source with more is garbage, and is reported anyway. */
#define SEEN_MAX 10000

struct inv_log {
	uint64_t *seen, *next; /* digests: of the polls before (sorted), of this one */
	size_t n_seen, n_next, cap_next;
	size_t logged; /* in this poll */
	size_t unlogged; /* complaints withheld since their number was last logged */
	size_t allowed; /* how many may be logged in this poll */
	uint64_t refilled_ns;
};

struct part_address {
	struct addr addr;
	uint32_t container; /* index into the part's containers */
	const char *link; /* NULL: unknown */
};

struct inv_part {
	struct arena text; /* of all ids, names and links */
	char *source;
	struct inv_log *log;
	struct inv_container *containers;
	size_t n_containers, cap_containers;
	struct part_address *addresses;
	size_t n_addresses, cap_addresses;
	const char *link; /* of the addresses that follow */
	bool refusing; /* the container begun last was refused */
	size_t max; /* most containers, and most addresses */
	bool over; /* there were more than max */
	size_t doubts; /* number of lines in doubt */
	unsigned last_doubt;
	char *first_doubt; /* text, NULL if there is none */
	char complaint[512]; /* the last */
};

int inv_id_cmp(const char *a, const char *b)
{
	size_t a_len = strlen(a), b_len = strlen(b);

	if (a_len != b_len)
		return a_len < b_len ? -1 : 1;
	return memcmp(a, b, a_len);
}

/* ---- the memory of complaints ---- */

struct inv_log *inv_log_new(void)
{
	struct inv_log *log = xcalloc(1, sizeof(*log));

	log->allowed = INV_COMPLAINTS_MAX;
	return log;
}

void inv_log_free(struct inv_log *log)
{
	if (!log)
		return;
	free(log->seen);
	free(log->next);
	free(log);
}

static int cmp_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Allow one more for each LOG_REST_NS that has passed, as log_may does. */
static void allow_more(struct inv_log *log, uint64_t now_ns)
{
	uint64_t back = log->refilled_ns ? (now_ns - log->refilled_ns) / LOG_REST_NS : 0;

	if (!log->refilled_ns)
		log->refilled_ns = now_ns;
	log->refilled_ns += back * LOG_REST_NS;
	log->allowed -= log->logged;
	log->allowed = back < INV_COMPLAINTS_MAX - log->allowed ? log->allowed + (size_t)back
								: INV_COMPLAINTS_MAX;
}

void inv_log_end(struct inv_log *log, bool whole, uint64_t now_ns)
{
	if (log->logged && log->unlogged) {
		log_warning("inv", "%zu further complaints not shown", log->unlogged);
		log->unlogged = 0;
	}
	allow_more(log, now_ns);
	log->logged = 0;
	for (size_t i = 0; !whole && i < log->n_seen && log->n_next < SEEN_MAX; i++) {
		log->next = xgrow(log->next, log->n_next, &log->cap_next, sizeof(*log->next));
		log->next[log->n_next++] = log->seen[i];
	}
	if (log->n_next)
		qsort(log->next, log->n_next, sizeof(*log->next), cmp_u64);
	free(log->seen);
	log->seen = log->next;
	log->n_seen = 0;
	for (size_t i = 0; i < log->n_next; i++)
		if (!i || log->seen[i] != log->seen[log->n_seen - 1])
			log->seen[log->n_seen++] = log->seen[i];
	log->next = NULL;
	log->n_next = log->cap_next = 0;
}

/* FNV-1a. */
static uint64_t digest(const char *text)
{
	uint64_t h = 14695981039346656037ull;

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 1099511628211ull;
	return h;
}

/* Remember a complaint. Returns whether it is new and should be logged. */
static bool log_wants(struct inv_log *log, const char *text)
{
	uint64_t h = digest(text);

	if (log->n_next < SEEN_MAX) {
		log->next = xgrow(log->next, log->n_next, &log->cap_next, sizeof(*log->next));
		log->next[log->n_next++] = h;
	}
	if (log->n_seen && bsearch(&h, log->seen, log->n_seen, sizeof(h), cmp_u64))
		return false;
	if (log->logged < log->allowed)
		return ++log->logged;
	log->unlogged++;
	return false;
}

void inv_part_complain(struct inv_part *part, unsigned line, const char *fmt, ...)
{
	char *text = part->complaint;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(part->complaint), fmt, ap);
	va_end(ap);
	if (part->log && !log_wants(part->log, text))
		return;
	if (line)
		log_warning("inv", "%s:%u: %s", part->source, line, text);
	else
		log_warning("inv", "%s: %s", part->source, text);
}

/* ---- parts ---- */

struct inv_part *inv_part_new(const char *source_name, struct inv_log *log)
{
	struct inv_part *part = xcalloc(1, sizeof(*part));

	part->source = xstrdup(source_name);
	part->log = log;
	part->max = SIZE_MAX;
	return part;
}

void inv_part_free(struct inv_part *part)
{
	if (!part)
		return;
	arena_free(&part->text);
	free(part->containers);
	free(part->addresses);
	free(part->first_doubt);
	free(part->source);
	free(part);
}

void inv_part_limit(struct inv_part *part, size_t max)
{
	part->max = max;
}

size_t inv_part_room(const struct inv_part *part)
{
	return part->max;
}

bool inv_part_is_over(const struct inv_part *part)
{
	return part->over;
}

void inv_part_doubt(struct inv_part *part, unsigned line)
{
	if (part->doubts && line && part->last_doubt == line)
		return;
	if (!part->doubts++)
		part->first_doubt = !line ? xstrdup(part->complaint)
				    : strncmp(part->complaint, "line ", 5)
					    ? xasprintf("line %u: %s", line, part->complaint)
					    : xasprintf("line %u %s", line, part->complaint + 5);
	part->last_doubt = line;
}

size_t inv_part_doubts(const struct inv_part *part, const char **ret_first)
{
	*ret_first = part->first_doubt;
	return part->doubts;
}

size_t inv_part_containers(const struct inv_part *part)
{
	return part->n_containers;
}

size_t inv_part_addresses(const struct inv_part *part)
{
	return part->n_addresses;
}

static bool is_control(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0);
}

#define HIDDEN_SIZE 64

/* "it has U+00A0, which .." for the first character of text that inv_is_hidden knows; NULL if
 * there is none. Returns buf. */
static const char *hidden_in(const char *text, char buf[HIDDEN_SIZE])
{
	uint32_t code;

	for (size_t len; *text; text += len ? len : 1) {
		len = plain_next(text, &code);
		if (!len || !inv_is_hidden(code))
			continue;
		snprintf(buf, HIDDEN_SIZE, "it has U+%04X, %s", (unsigned)code,
			 inv_is_odd_space(code) ? "which looks like a space or is invisible"
						: "which is invisible by itself");
		return buf;
	}
	return NULL;
}

/* Why `id` cannot be a container's id, NULL if it can. buf: room for the text. */
static const char *id_refusal(const char *id, char buf[HIDDEN_SIZE])
{
	const char *s = id;
	uint32_t code;
	size_t len;

	if (!*s)
		return "it is empty";
	for (; *s; s += len) {
		len = plain_next(s, &code);
		if (!len)
			return "it is not valid UTF-8";
		if (is_control(code))
			return "it has control characters";
	}
	if (hidden_in(id, buf))
		return buf;
	if (*id == ' ' || s[-1] == ' ')
		return "it begins or ends with a blank";
	return NULL;
}

const char *inv_clean(const char *text, char *clean, size_t size)
{
	size_t n = 0;

	while (text && *text) {
		uint32_t code = 0;
		size_t len = plain_next(text, &code);
		bool bad = !len || is_control(code);
		size_t put = bad ? 1 : len;

		if (n + put >= size)
			break;
		memcpy(clean + n, bad ? "?" : text, put);
		n += put;
		text += len ? len : 1;
	}
	clean[n] = '\0';
	return clean;
}

int inv_part_container(struct inv_part *part, unsigned line, const char *id, const char *name,
		       enum inv_run run)
{
	char clean[INV_NAME_MAX + 1], hidden[HIDDEN_SIZE];
	const char *why = id_refusal(id, hidden);
	bool too_long = !why && strlen(id) > INV_ID_MAX;

	part->link = NULL;
	part->refusing = why || too_long;
	if (part->refusing) {
		inv_part_complain(part, line, "container id \"%.80s\" refused: %s", id,
				  why ? why : "it is longer than 64 octets");
		if (why)
			inv_part_doubt(part, line);
		return -EINVAL;
	}
	if (part->n_containers >= part->max) {
		part->over = part->refusing = true;
		return -EINVAL;
	}
	part->containers = xgrow(part->containers, part->n_containers, &part->cap_containers,
				 sizeof(*part->containers));
	part->containers[part->n_containers++] = (struct inv_container) {
		.id = arena_strdup(&part->text, id),
		.name = arena_strdup(&part->text, inv_clean(name, clean, sizeof(clean))),
		.run = run,
		.runtime = "",
		.runtime_id = arena_strdup(&part->text, "")
	};
	return 0;
}

void inv_part_runtime(struct inv_part *part, const char *runtime, const char *runtime_id)
{
	char clean[INV_RUNTIME_ID_MAX + 1];
	struct inv_container *c;

	if (part->refusing)
		return;
	assert(part->n_containers);
	c = &part->containers[part->n_containers - 1];
	c->runtime = runtime;
	if (strlen(runtime_id) <= INV_RUNTIME_ID_MAX)
		c->runtime_id =
			arena_strdup(&part->text, inv_clean(runtime_id, clean, sizeof(clean)));
}

void inv_part_net(struct inv_part *part, enum inv_net net)
{
	if (part->refusing)
		return;
	assert(part->n_containers);
	part->containers[part->n_containers - 1].net = net;
}

const struct inv_container *inv_part_container_at(const struct inv_part *part, size_t i)
{
	assert(i < part->n_containers);
	return &part->containers[i];
}

/* Why the text is not an address that a container can have, NULL if it is. */
static const char *address_refusal(const char *text, struct addr *ret_addr, bool *ret_read,
				   char hidden[HIDDEN_SIZE])
{
	bool network;
	const char *why;

	*ret_read = addr_parse_masked(text, ret_addr, &network) == 0;
	if (!*ret_read && hidden_in(text, hidden))
		return hidden;
	if (!*ret_read && strchr(text, '%'))
		return "a zone (%) is for link-local addresses, which are not counted";
	if (!*ret_read)
		return "it is not an IPv4 or IPv6 address";
	why = addr_refusal(ret_addr);
	if (!why && network) {
		*ret_read = false;
		why = "it is a network: each address is counted by itself, so list those in use";
	}
	return why;
}

int inv_part_address(struct inv_part *part, unsigned line, const char *text)
{
	char hidden[HIDDEN_SIZE];
	const char *why;
	struct addr a;
	bool read;

	if (part->refusing)
		return -EADDRNOTAVAIL;
	assert(part->n_containers);
	why = address_refusal(text, &a, &read, hidden);
	if (why) {
		inv_part_complain(part, line, "address \"%.80s\" of container %s refused: %s", text,
				  part->containers[part->n_containers - 1].id, why);
		if (!read)
			inv_part_doubt(part, line);
		return read ? -EADDRNOTAVAIL : -EINVAL;
	}
	if (part->n_addresses >= part->max) {
		part->over = true;
		return -EADDRNOTAVAIL;
	}
	part->addresses = xgrow(part->addresses, part->n_addresses, &part->cap_addresses,
				sizeof(*part->addresses));
	part->addresses[part->n_addresses++] =
		(struct part_address) { a, (uint32_t)part->n_containers - 1, part->link };
	return 0;
}

void inv_part_link(struct inv_part *part, const char *name)
{
	assert(!name || ifname_is_valid(name, strlen(name)));
	part->link = name ? arena_strdup(&part->text, name) : NULL;
}

/* ---- merging ---- */

/* A container of any part. `order` counts through all parts and breaks ties. */
struct ref {
	const struct inv_container *container;
	size_t order;
};

static int cmp_ref(const void *a, const void *b)
{
	const struct ref *x = a, *y = b;
	int c = inv_id_cmp(x->container->id, y->container->id);

	return c ? c : x->order < y->order ? -1 : 1;
}

static int cmp_address(const void *a, const void *b)
{
	const struct inv_address *x = a, *y = b;
	int c = addr_cmp(&x->addr, &y->addr);

	return c ? c : x->container < y->container ? -1 : x->container > y->container;
}

static struct ref *collect_refs(struct inv_part *const *parts, size_t n, size_t *ret_n)
{
	struct ref *refs = NULL;
	size_t n_refs = 0, cap = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; parts[i] && j < parts[i]->n_containers; j++) {
			refs = xgrow(refs, n_refs, &cap, sizeof(*refs));
			refs[n_refs] = (struct ref) { &parts[i]->containers[j], n_refs };
			n_refs++;
		}
	*ret_n = n_refs;
	return refs;
}

void inv_part_take_names(struct inv_part *part, const struct inv_part *names)
{
	struct inv_part *const parts[] = { part, (struct inv_part *)(uintptr_t)names };
	size_t n, of_part = part->n_containers;
	struct ref *refs = collect_refs(parts, names ? 2 : 1, &n);

	if (n)
		qsort(refs, n, sizeof(*refs), cmp_ref);
	/* The containers of `part` come first among those with the same id. */
	for (size_t i = 0, own = 0; i < n; i++) {
		struct inv_container *to;

		if (strcmp(refs[i].container->id, refs[own].container->id) != 0)
			own = i;
		if (refs[i].order < of_part || refs[own].order >= of_part)
			continue;
		to = &part->containers[refs[own].order];
		if (!*to->name && *refs[i].container->name)
			to->name = arena_strdup(&part->text, refs[i].container->name);
	}
	free(refs);
}

/* The first runtime that knows the container. Its network is its own if any part says so. */
static void fold_runtime(struct inventory *inv, struct inv_container *to,
			 const struct inv_container *from)
{
	if (!*to->runtime && *from->runtime) {
		to->runtime = from->runtime;
		to->runtime_id = arena_strdup(&inv->text, from->runtime_id);
	}
	if (from->net == INV_NET_OWN)
		to->net = INV_NET_OWN;
}

/* Fill inv->containers from the sorted refs; map[order] becomes the index there. */
static void fold_containers(struct inventory *inv, const struct ref *refs, size_t n, uint32_t *map)
{
	char *no_name = arena_strdup(&inv->text, "");

	inv->containers = xcalloc(n, sizeof(*inv->containers));
	for (size_t i = 0; i < n; i++) {
		const struct inv_container *from = refs[i].container;
		struct inv_container *to = &inv->containers[inv->n_containers];

		if (inv->n_containers && !strcmp(to[-1].id, from->id)) {
			to--;
		} else {
			*to = (struct inv_container) { .id = arena_strdup(&inv->text, from->id),
						       .name = no_name,
						       .run = INV_RUN_UNKNOWN,
						       .runtime = "",
						       .runtime_id = no_name,
						       .net = from->net };
			inv->n_containers++;
		}
		fold_runtime(inv, to, from);
		if (!*to->name && *from->name)
			to->name = arena_strdup(&inv->text, from->name);
		if (to->run == INV_RUN_UNKNOWN)
			to->run = from->run;
		map[refs[i].order] = (uint32_t)(to - inv->containers);
	}
}

static void collect_addresses(struct inventory *inv, struct inv_part *const *parts, size_t n,
			      const uint32_t *map)
{
	size_t total = 0, base = 0;

	for (size_t i = 0; i < n; i++)
		total += parts[i] ? parts[i]->n_addresses : 0;
	inv->addresses = xcalloc(total, sizeof(*inv->addresses));
	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; parts[i] && j < parts[i]->n_addresses; j++) {
			const struct part_address *from = &parts[i]->addresses[j];

			inv->addresses[inv->n_addresses++] =
				(struct inv_address) { .addr = from->addr,
						       .container = map[base + from->container],
						       .link = from->link };
		}
		base += parts[i] ? parts[i]->n_containers : 0;
	}
}

/* Of repetitions, one that names a link comes first. */
static int cmp_repetition(const void *a, const void *b)
{
	const struct inv_address *x = a, *y = b;
	int c = cmp_address(a, b);

	if (c || !x->link || !y->link)
		return c ? c : !x->link - !y->link;
	return strcmp(x->link, y->link);
}

/* Sort, drop repetitions, and mark addresses that several containers claim. The links' names are
 * still the parts'. */
static void fold_addresses(struct inventory *inv)
{
	struct inv_address *a = inv->addresses;
	size_t kept = 0;

	if (inv->n_addresses)
		qsort(a, inv->n_addresses, sizeof(*a), cmp_repetition);
	for (size_t i = 0; i < inv->n_addresses; i++) {
		if (kept && !cmp_address(&a[kept - 1], &a[i]))
			continue;
		a[kept] = a[i];
		if (a[kept].link)
			a[kept].link = arena_strdup(&inv->text, a[kept].link);
		if (kept && !addr_cmp(&a[kept - 1].addr, &a[kept].addr))
			a[kept - 1].conflict = a[kept].conflict = true;
		kept++;
	}
	inv->n_addresses = kept;
}

struct inventory *inv_merge(struct inv_part *const *parts, size_t n, size_t max_rows,
			    size_t *ret_refused)
{
	struct inventory *inv = xcalloc(1, sizeof(*inv));
	size_t n_refs, refused = 0;
	struct ref *refs = collect_refs(parts, n, &n_refs);
	uint32_t *map = xcalloc(n_refs, sizeof(*map));

	inv->complete = true;
	for (size_t i = 0; i < n; i++) {
		inv->complete = inv->complete && parts[i];
		inv->doubtful = inv->doubtful || (parts[i] && parts[i]->doubts);
	}
	if (n_refs)
		qsort(refs, n_refs, sizeof(*refs), cmp_ref);
	fold_containers(inv, refs, n_refs, map);
	collect_addresses(inv, parts, n, map);
	fold_addresses(inv);
	if (inv->n_addresses > max_rows) {
		refused = inv->n_addresses - max_rows;
		inv->n_addresses = max_rows;
	}
	if (ret_refused)
		*ret_refused = refused;
	free(map);
	free(refs);
	return inv;
}

bool inv_is_unheard(const struct inventory *inv, const char *runtime)
{
	for (size_t i = 0; i < inv->n_unheard; i++)
		if (!strcmp(inv->unheard[i], runtime))
			return true;
	return false;
}

void inv_free(struct inventory *inv)
{
	if (!inv)
		return;
	arena_free(&inv->text);
	free(inv->containers);
	free(inv->addresses);
	free(inv);
}
