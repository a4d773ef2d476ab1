/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of the inventory: what the sources' parsers fill in is checked here (inv_part.h). */
#include "inventory/inv.h"

#include "base/ifname.h"
#include "base/log_state.h"
#include "base/plain.h"
#include "base/xalloc.h"
#include "inventory/inv_id.h"
#include "inventory/inv_part.h"

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
	part->limited = false;
	part->rank = INV_ASSIGNED;
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
		.runtime_id = arena_strdup(&part->text, ""),
		.image = arena_strdup(&part->text, "")
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

void inv_part_image(struct inv_part *part, const char *image)
{
	char clean[INV_NAME_MAX + 1];

	if (part->refusing)
		return;
	assert(part->n_containers);
	part->containers[part->n_containers - 1].image =
		arena_strdup(&part->text, inv_clean(image, clean, sizeof(clean)));
}

void inv_part_net(struct inv_part *part, enum inv_net net)
{
	if (part->refusing)
		return;
	assert(part->n_containers);
	part->containers[part->n_containers - 1].net = net;
}

void inv_part_pid(struct inv_part *part, pid_t pid)
{
	if (part->refusing)
		return;
	assert(part->n_containers);
	part->containers[part->n_containers - 1].pid = pid > 0 ? pid : 0;
}

void inv_part_rank(struct inv_part *part, enum inv_rank rank)
{
	part->rank = rank;
}

void inv_part_quota(struct inv_part *part, struct billing_quota quota)
{
	if (part->refusing)
		return;
	assert(part->n_containers);
	part->containers[part->n_containers - 1].quota = quota;
}

void inv_part_quota_texts(struct inv_part *part, const char *octets, const char *counts)
{
	struct billing_quota q = { .counts = billing_counts_parse(counts) };
	struct err e = { "" };

	if (part->refusing)
		return;
	if (*octets && billing_parse_quota(octets, &q.octets, &e) < 0)
		inv_part_complain(part, 0, "ctmeter.quota \"%.80s\" of %.80s ignored: %s", octets,
				  part->containers[part->n_containers - 1].id, e.text);
	if (*counts && !q.counts)
		inv_part_complain(part, 0,
				  "ctmeter.quota-counts \"%.80s\" of %.80s ignored: must be one "
				  "of " BILLING_COUNTS_WORDS,
				  counts, part->containers[part->n_containers - 1].id);
	inv_part_quota(part, q);
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
		(struct part_address) { a, (uint32_t)part->n_containers - 1, part->link,
					part->limited, part->rank };
	return 0;
}

void inv_part_link(struct inv_part *part, const char *name)
{
	assert(!name || ifname_is_valid(name, strlen(name)));
	part->link = name ? arena_strdup(&part->text, name) : NULL;
}

void inv_part_limited(struct inv_part *part, bool limited)
{
	part->limited = limited;
}
