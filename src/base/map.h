/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * struct map: a hash map from bytes to a pointer, over uthash with a keyed hash, so that a peer who
 * chooses the keys cannot make it slow. Keys are copied. Values are the caller's: map_fini frees
 * the map, not what it points at. Iteration is in order of insertion and may remove the entry that
 * it stands on.
 *
 *	map_put(&m, STR("default/web"), svc);
 *	svc = map_get(&m, key);
 *	map_foreach (e, &m)
 *		use(map_key(e), e->value);
 */

#include "base/str.h"

struct map_entry;

struct map {
	struct map_entry *head;
};

struct map_entry {
	void *value;
};

void *map_get(const struct map *m, struct str key);
/* Returns the value that was there before, or NULL. `value` must not be NULL. */
void *map_put(struct map *m, struct str key, void *value);
/* Returns the value that was removed, or NULL. */
void *map_remove(struct map *m, struct str key);
size_t map_len(const struct map *m);
void map_fini(struct map *m);
void map_fini_values(struct map *m, void (*free_value)(void *));

struct map_entry *map_first(const struct map *m);
struct map_entry *map_next(const struct map_entry *e);
struct str map_key(const struct map_entry *e);

#define map_foreach(e, m)                                                                          \
	for (struct map_entry *e = map_first(m), *e##_next_ = e ? map_next(e) : NULL; e;           \
	     e = e##_next_, e##_next_ = e ? map_next(e) : NULL)
