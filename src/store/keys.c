/* SPDX-License-Identifier: Apache-2.0 */
#include "store/keys.h"

#include <string.h>

void store_keys_init(struct store_keys *k)
{
	memset(k, 0, sizeof(*k));
	rand_seed_system(&k->rand);
}

/* Where the links to the first node >= name are, at each height. */
static struct store_key *descend(const struct store_keys *k, struct str name,
				 struct store_key ***links)
{
	struct store_key *const *at = k->head;
	struct store_key *n = NULL;

	for (int h = STORE_KEYS_HEIGHT - 1; h >= 0; h--) {
		while ((n = at[h]) != NULL && str_cmp(n->name, name) < 0)
			at = n->next;
		if (links)
			links[h] = (struct store_key **)(uintptr_t)&at[h];
	}
	return n;
}

struct store_key *store_keys_seek(const struct store_keys *k, struct str name)
{
	return descend(k, name, NULL);
}

struct store_key *store_keys_find(const struct store_keys *k, struct str name)
{
	struct store_key *n = descend(k, name, NULL);

	return n && str_eq(n->name, name) ? n : NULL;
}

struct store_key *store_keys_add(struct store_keys *k, struct str name, size_t extra)
{
	struct store_key **links[STORE_KEYS_HEIGHT];
	unsigned height = 1;
	uint64_t bits = rand_u64(&k->rand);
	struct store_key *n;
	char *mem;

	while (height < STORE_KEYS_HEIGHT && (bits & 3) == 0) {
		height++;
		bits >>= 2;
	}
	mem = mem_xzalloc(extra + offsetof(struct store_key, next) + height * sizeof(n->next[0]));
	n = (struct store_key *)(void *)(mem + extra);
	n->name = str_n(mem_xstrndup(name.ptr, name.len), name.len);
	n->height = height;
	descend(k, name, links);
	for (unsigned h = 0; h < height; h++) {
		n->next[h] = *links[h];
		*links[h] = n;
	}
	k->n++;
	return n;
}

void store_keys_remove(struct store_keys *k, struct store_key *n, size_t extra)
{
	struct store_key **links[STORE_KEYS_HEIGHT];

	descend(k, n->name, links);
	for (unsigned h = 0; h < n->height; h++) {
		assert(*links[h] == n);
		*links[h] = n->next[h];
	}
	k->n--;
	free((char *)(uintptr_t)n->name.ptr);
	free((char *)n - extra);
}
