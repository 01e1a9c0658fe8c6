/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Keys in order: a skip list whose nodes are the head of a larger struct. Seek, walk, insert and
 * remove; O(log n) each. Not safe among threads.
 */

#include "base/rand.h"
#include "base/str.h"

enum {
	STORE_KEYS_HEIGHT = 20,
};

struct store_key {
	struct str name; /* owned by the node */
	unsigned height;
	struct store_key *next[]; /* `height` of them */
};

struct store_keys {
	struct store_key *head[STORE_KEYS_HEIGHT];
	struct rand rand;
	size_t n;
};

void store_keys_init(struct store_keys *k);
/* The first node with name >= `name`; NULL when there is none. */
struct store_key *store_keys_seek(const struct store_keys *k, struct str name);
struct store_key *store_keys_find(const struct store_keys *k, struct str name);
static inline struct store_key *store_keys_next(const struct store_key *n)
{
	return n->next[0];
}

/* A new zeroed node of `extra` bytes in front of the struct store_key: `extra` is the offset of the
 * struct store_key in the caller's struct, where it must come last. The name is copied and must
 * not be there yet. */
struct store_key *store_keys_add(struct store_keys *k, struct str name, size_t extra);
/* Takes it out and frees it; the caller has freed what its own struct holds. */
void store_keys_remove(struct store_keys *k, struct store_key *n, size_t extra);
