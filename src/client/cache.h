/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The reflector's table of objects by namespace and name, with its indexes.
 *
 * A set of pointers with open addressing whose keys are the names inside the objects: 16 bytes an
 * object where base/map.h (own copy of the key, list links) takes 120, which at 100,000 objects is
 * the difference between 2 and 12 MiB. Hashes are keyed (str_hash), so names cannot be chosen to
 * collide. It holds a reference to each object.
 */

#include "base/map.h"
#include "base/vec.h"
#include "client/reflector.h"

struct client_cache {
	struct client_object **slots; /* a power of two of them, at most two thirds used */
	size_t n_slots, len;
};

void client_cache_fini(struct client_cache *c); /* drops the references */
struct client_object *client_cache_get(const struct client_cache *c, struct str ns,
				       struct str name);
/* Takes over the caller's reference; the object that was there is returned with its reference. */
struct client_object *client_cache_put(struct client_cache *c, struct client_object *o);
struct client_object *client_cache_remove(struct client_cache *c, struct str ns, struct str name);
void client_cache_each(const struct client_cache *c, void (*fn)(void *ctx, struct client_object *o),
		       void *ctx);

/* One index: value -> the objects under it (borrowed from the cache). */
struct client_cache_index {
	const char *name;
	void (*keys)(const struct client_object *o, client_emit_fn emit, void *emit_ctx);
	struct map buckets; /* value -> struct client_cache_bucket */
};

struct client_cache_bucket {
	VEC(struct client_object *) objects;
};

void client_cache_index_add(struct client_cache_index *x, struct client_object *o);
void client_cache_index_remove(struct client_cache_index *x, struct client_object *o);
void client_cache_index_fini(struct client_cache_index *x);
