/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/link/index.h"

#include <errno.h>
#include <string.h>

#define LOAD(place) __atomic_load_n(&(place), __ATOMIC_RELAXED)
#define STORE(place, value) __atomic_store_n(&(place), value, __ATOMIC_RELEASE)

uint32_t index_size(uint32_t n_keys)
{
	uint32_t n = 1;

	while (n * LINK_BUCKET < n_keys)
		n *= 2;
	return n;
}

static struct link_key key_of(const struct fw_key *key)
{
	struct link_key k = { .word = { 0 } };

	k.link = key->link;
	k.family = key->addr.family;
	memcpy(k.addr, key->addr.bytes, key->addr.family == ADDR_V4 ? 4 : 16);
	return k;
}

static struct link_bucket *bucket_at(const struct index *x, uint64_t hash, uint32_t i)
{
	return &x->bucket[((uint32_t)hash + i) & (x->n - 1)];
}

static bool has_free(const struct link_bucket *b)
{
	bool has = false;

	for (int k = 0; k < LINK_BUCKET; k++)
		has = has || !LOAD(b->entry[k]);
	return has;
}

static bool is_of(const struct index *x, uint64_t entry, const struct link_key *key)
{
	uint32_t slot = (uint32_t)entry - 1;

	return slot < x->state->reach && !memcmp(&x->slot[slot].key, key, sizeof(*key));
}

/* Where the key's entry is; NULL: nowhere. */
static __u64 *find(const struct index *x, const struct link_key *key, uint64_t hash,
		   struct link_bucket **ret_bucket)
{
	for (uint32_t i = 0; i < LINK_CHAIN; i++) {
		struct link_bucket *b = bucket_at(x, hash, i);

		for (int k = 0; k < LINK_BUCKET; k++) {
			uint64_t entry = LOAD(b->entry[k]);

			if (entry >> 32 != hash >> 32 || !is_of(x, entry, key))
				continue;
			*ret_bucket = b;
			return &b->entry[k];
		}
		if (has_free(b))
			break;
	}
	return NULL;
}

/* The first place of its chain that no key has. */
static __u64 *find_room(const struct index *x, uint64_t hash)
{
	for (uint32_t i = 0; i < LINK_CHAIN; i++) {
		struct link_bucket *b = bucket_at(x, hash, i);

		for (int k = 0; k < LINK_BUCKET; k++)
			if (!LOAD(b->entry[k]) || LOAD(b->entry[k]) == LINK_GONE)
				return &b->entry[k];
	}
	return NULL;
}

int index_put(const struct index *x, const struct fw_key *key, uint32_t slot)
{
	struct link_key k = key_of(key);
	uint64_t hash = link_hash(&k, x->state->seed);
	struct link_bucket *b;
	__u64 *entry = find(x, &k, hash, &b);

	if (!entry)
		entry = find_room(x, hash);
	if (!entry)
		return -ENOSPC;
	x->slot[slot].key = k;
	STORE(*entry, hash >> 32 << 32 | (slot + 1));
	return 0;
}

/* A bucket that has an entry which was never used always had one: no key went on to the next. */
int index_remove(const struct index *x, const struct fw_key *key)
{
	struct link_key k = key_of(key);
	struct link_bucket *b;
	__u64 *entry = find(x, &k, link_hash(&k, x->state->seed), &b);

	if (!entry)
		return -ENOENT;
	STORE(*entry, has_free(b) ? 0 : LINK_GONE);
	return 0;
}

int index_get(const struct index *x, const struct fw_key *key, uint32_t *ret_slot)
{
	struct link_key k = key_of(key);
	struct link_bucket *b;
	const __u64 *entry = find(x, &k, link_hash(&k, x->state->seed), &b);

	if (!entry)
		return -ENOENT;
	*ret_slot = (uint32_t)LOAD(*entry) - 1;
	return 0;
}
