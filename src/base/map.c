/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"

#include <stdlib.h>
#include <string.h>

#define HASH_FUNCTION(keyptr, keylen, hashv)                                                       \
	((hashv) = (unsigned)str_hash(str_n((const char *)(keyptr), (keylen))))
#define uthash_fatal(msg) abort()
#include <uthash.h>

struct map_node {
	struct map_entry entry;
	UT_hash_handle hh;
	size_t len;
	char key[];
};

static struct map_node *map_head(const struct map *m)
{
	return (struct map_node *)(void *)m->head;
}

static struct map_node *map_find(const struct map *m, struct str key)
{
	struct map_node *head = map_head(m), *n = NULL;

	HASH_FIND(hh, head, key.ptr ? key.ptr : "", key.len, n);
	return n;
}

void *map_get(const struct map *m, struct str key)
{
	struct map_node *n = map_find(m, key);

	return n ? n->entry.value : NULL;
}

void *map_put(struct map *m, struct str key, void *value)
{
	struct map_node *head, *n = map_find(m, key);
	void *before;

	assert(value);
	if (n) {
		before = n->entry.value;
		n->entry.value = value;
		return before;
	}
	n = mem_xzalloc(sizeof(*n) + key.len + 1);
	n->entry.value = value;
	n->len = key.len;
	if (key.len)
		memcpy(n->key, key.ptr, key.len);
	head = map_head(m);
	HASH_ADD_KEYPTR(hh, head, n->key, n->len, n);
	m->head = &head->entry;
	return NULL;
}

void *map_remove(struct map *m, struct str key)
{
	struct map_node *head = map_head(m), *n = map_find(m, key);
	void *before;

	if (!n)
		return NULL;
	before = n->entry.value;
	HASH_DEL(head, n);
	m->head = head ? &head->entry : NULL;
	free(n);
	return before;
}

size_t map_len(const struct map *m)
{
	struct map_node *head = map_head(m);

	return HASH_COUNT(head);
}

void map_fini_values(struct map *m, void (*free_value)(void *))
{
	struct map_node *head, *n, *next;

	if (!m)
		return;
	head = map_head(m);
	HASH_ITER(hh, head, n, next) {
		HASH_DEL(head, n);
		if (free_value)
			free_value(n->entry.value);
		free(n);
	}
	m->head = NULL;
}

void map_fini(struct map *m)
{
	map_fini_values(m, NULL);
}

struct map_entry *map_first(const struct map *m)
{
	return m->head;
}

struct map_entry *map_next(const struct map_entry *e)
{
	const struct map_node *n = (const struct map_node *)(const void *)e;

	return n->hh.next;
}

struct str map_key(const struct map_entry *e)
{
	const struct map_node *n = (const struct map_node *)(const void *)e;

	return str_n(n->key, n->len);
}
