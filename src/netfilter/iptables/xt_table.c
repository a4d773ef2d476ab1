/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading legacy tables.
 *
 * The kernel's blob is a sequence of entries: header (what to match), counters, matches, target.
 * Built-in chains start at the hook offsets. A user chain begins with an ERROR entry that holds
 * its name and ends with an unconditional RETURN. One more ERROR entry ends the table. A jump's
 * verdict is the offset of the first entry after the ERROR entry. */
#include "netfilter/iptables/xt_table.h"

#include "base/xalloc.h"

#include <errno.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

const struct xt_family xt_families[ADDR_FAMILIES] = {
	[ADDR_V4] = { AF_INET, IPPROTO_IP, sizeof(struct ipt_entry),
		      offsetof(struct ipt_entry, comefrom), offsetof(struct ipt_entry, counters),
		      "IPv4" },
	[ADDR_V6] = { AF_INET6, IPPROTO_IPV6, sizeof(struct ip6t_entry),
		      offsetof(struct ip6t_entry, comefrom), offsetof(struct ip6t_entry, counters),
		      "IPv6" },
};

/* The IPv4 and IPv6 structures have the same layout, and the options the same numbers. */
_Static_assert(sizeof(struct ipt_getinfo) == sizeof(struct ip6t_getinfo), "getinfo");
_Static_assert(sizeof(struct ipt_get_entries) == sizeof(struct ip6t_get_entries), "get_entries");
_Static_assert(XT_RAW_HEAD >= sizeof(struct ipt_replace) && XT_RAW_HEAD % 8 == 0, "room");
_Static_assert(sizeof(struct ipt_replace) == sizeof(struct ip6t_replace), "replace");
_Static_assert(IPT_SO_GET_INFO == IP6T_SO_GET_INFO, "option");
_Static_assert(IPT_SO_GET_ENTRIES == IP6T_SO_GET_ENTRIES, "option");

int xt_socket(enum addr_family family)
{
	int fd = socket(xt_families[family].af, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);

	return fd < 0 ? -errno : fd;
}

/* Map room for a reading: megabytes, allocated and freed each time. Huge pages cost a fraction
 * of the page faults, and a mapping leaves nothing in the heap between readings. After it come
 * `guard` octets that cannot be accessed. */
static uint8_t *map_room(size_t size, size_t guard)
{
	uint8_t *at = mmap(NULL, size + guard, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0);

	if (at == MAP_FAILED || (guard && mprotect(at + size, guard, PROT_NONE) < 0))
		xalloc_die();
	madvise(at, size, MADV_HUGEPAGE);
	return at;
}

static size_t page_round(size_t n)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (n + page - 1) / page * page;
}

void xt_raw_alloc(struct xt_raw *raw, uint32_t size)
{
	raw->room = page_round(XT_RAW_HEAD + size);
	raw->size = size;
	raw->blob = map_room(raw->room, 0) + XT_RAW_HEAD;
}

void xt_raw_clear(struct xt_raw *raw)
{
	if (raw->blob)
		munmap(raw->blob - XT_RAW_HEAD, raw->room);
	memset(raw, 0, sizeof(*raw));
}

static int get_info(int fd, enum addr_family family, const char *table, struct ipt_getinfo *info)
{
	socklen_t len = sizeof(*info);

	memset(info, 0, sizeof(*info));
	snprintf(info->name, sizeof(info->name), "%s", table);
	return getsockopt(fd, xt_families[family].level, IPT_SO_GET_INFO, info, &len) < 0 ? -errno
											  : 0;
}

/* Ask for all `size` octets of entries, which the kernel writes after `get`. */
static int get_entries(int fd, enum addr_family family, const char *table, uint32_t size,
		       struct ipt_get_entries *get)
{
	socklen_t len = (socklen_t)(sizeof(*get) + size);

	memset(get, 0, sizeof(*get));
	snprintf(get->name, sizeof(get->name), "%s", table);
	get->size = size;
	return getsockopt(fd, xt_families[family].level, IPT_SO_GET_ENTRIES, get, &len) < 0 ? -errno
											    : 0;
}

static void take_info(struct xt_raw *raw, enum addr_family family, const struct ipt_getinfo *info)
{
	raw->family = family;
	raw->valid_hooks = info->valid_hooks;
	memcpy(raw->hook_entry, info->hook_entry, sizeof(raw->hook_entry));
	memcpy(raw->underflow, info->underflow, sizeof(raw->underflow));
	raw->n_entries = info->num_entries;
}

static int read_once(int fd, enum addr_family family, const char *table, struct xt_raw *ret_raw)
{
	struct xt_raw raw = { .blob = NULL };
	struct ipt_getinfo info;
	int ret = get_info(fd, family, table, &info);

	if (ret < 0)
		return ret;
	take_info(&raw, family, &info);
	xt_raw_alloc(&raw, info.size);
	ret = get_entries(fd, family, table, info.size,
			  (void *)(raw.blob - sizeof(struct ipt_get_entries)));
	if (ret < 0)
		xt_raw_clear(&raw);
	else
		*ret_raw = raw;
	return ret;
}

int xt_read(int fd, enum addr_family family, const char *table, struct xt_raw *ret_raw)
{
	int ret = -EAGAIN;

	/* The table can be replaced between the two calls. EAGAIN means that its size has
	 * changed. */
	for (int tries = 0; ret == -EAGAIN && tries < 8; tries++)
		ret = read_once(fd, family, table, ret_raw);
	return ret;
}

/* The kernel copies entry by entry, in order, and stops at the first address that it cannot write:
 * everything before that was copied. An entry has less than 64 KiB, so none spans a guard of that
 * size. */
int xt_read_head(int fd, enum addr_family family, const char *table, uint32_t size,
		 struct xt_raw *ret_raw, uint32_t *ret_table_size)
{
	struct xt_raw raw = { .blob = NULL };
	struct ipt_getinfo info;
	size_t room = page_round(XT_RAW_HEAD + size), guard = page_round(UINT16_MAX);
	int ret = get_info(fd, family, table, &info);

	if (ret < 0)
		return ret;
	take_info(&raw, family, &info);
	raw.room = room + guard;
	raw.size = size < info.size ? size : info.size;
	raw.blob = map_room(room, guard) + XT_RAW_HEAD;
	ret = get_entries(fd, family, table, info.size,
			  (void *)(raw.blob - sizeof(struct ipt_get_entries)));
	if (ret < 0 && ret != -EFAULT) {
		xt_raw_clear(&raw);
		return ret;
	}
	*ret_raw = raw;
	*ret_table_size = info.size;
	return 0;
}

/* --- walking ----------------------------------------------------------------------------- */

struct xt_entry xt_entry_at(const struct xt_raw *raw, uint32_t offset, uint32_t index)
{
	const struct xt_family *f = &xt_families[raw->family];
	struct xt_entry e = { .offset = offset, .index = index };

	if (offset + f->entry_size + sizeof(struct xt_entry_target) > raw->size)
		return e;
	e.at = raw->blob + offset;
	memcpy(&e.target_offset, e.at + f->head_size - 4, 2);
	memcpy(&e.next_offset, e.at + f->head_size - 2, 2);
	if (e.target_offset < f->entry_size ||
	    e.next_offset < e.target_offset + sizeof(*e.target) ||
	    e.next_offset > raw->size - offset ||
	    (offset | e.target_offset | e.next_offset) % __alignof__(struct xt_entry_target))
		e.at = NULL; /* impossible: the kernel has checked it */
	else
		e.target = (const void *)(e.at + e.target_offset);
	return e;
}

struct xt_entry xt_entry_first(const struct xt_raw *raw)
{
	return xt_entry_at(raw, 0, 0);
}

struct xt_entry xt_entry_next(const struct xt_raw *raw, const struct xt_entry *e)
{
	return xt_entry_at(raw, e->offset + e->next_offset, e->index + 1);
}

bool xt_is_standard(const struct xt_entry *e)
{
	return !e->target->u.user.name[0] &&
	       (size_t)(e->next_offset - e->target_offset) >= sizeof(struct xt_standard_target);
}

int xt_verdict(const struct xt_entry *e)
{
	return ((const struct xt_standard_target *)(const void *)e->target)->verdict;
}

bool xt_is_error(const struct xt_entry *e)
{
	/* Compare the size first: it decides nearly all cases. */
	return (size_t)(e->next_offset - e->target_offset) >= sizeof(struct xt_error_target) &&
	       !strcmp(e->target->u.user.name, XT_ERROR_TARGET);
}

const char *xt_error_name(const struct xt_entry *e)
{
	return ((const struct xt_error_target *)(const void *)e->target)->errorname;
}

uint64_t xt_digest_octets(uint64_t h, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t v;

	for (; len >= 8; len -= 8, p += 8) {
		memcpy(&v, p, 8);
		h = (h ^ v) * 0x9e3779b97f4a7c15ull;
		h ^= h >> 29;
	}
	v = 0;
	memcpy(&v, p, len);
	h = (h ^ v ^ len << 56) * 0x9e3779b97f4a7c15ull;
	return h ^ h >> 32;
}

uint64_t xt_digest(const struct xt_raw *raw)
{
	const struct xt_family *f = &xt_families[raw->family];
	uint64_t h = xt_digest_octets(raw->size, raw->hook_entry, sizeof(raw->hook_entry));

	for (struct xt_entry e = xt_entry_first(raw); e.at; e = xt_entry_next(raw, &e)) {
		h = xt_digest_octets(h, e.at, f->head_size);
		/* After the name's end comes whatever was in the buffer (or an old kernel's
		 * memory). */
		h = xt_digest_octets(h, e.target->u.user.name,
				     strnlen(e.target->u.user.name, sizeof(e.target->u.user.name)));
		if (xt_is_standard(&e)) {
			int v = xt_verdict(&e);

			h = xt_digest_octets(h, &v, sizeof(v));
		} else if (xt_is_error(&e)) {
			h = xt_digest_octets(h, xt_error_name(&e),
					     strnlen(xt_error_name(&e), XT_FUNCTION_MAXNAMELEN));
		}
	}
	return h;
}
