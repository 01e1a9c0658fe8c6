/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cache.h"

enum {
	CACHE_SLOTS_FIRST = 16,
};

static size_t cache_home(const struct client_cache *c, struct str ns, struct str name)
{
	return (str_hash(name) * 31 + str_hash(ns)) & (c->n_slots - 1);
}

static bool cache_is(const struct client_object *o, struct str ns, struct str name)
{
	return str_eq(o->meta->name, name) && str_eq(o->meta->ns, ns);
}

/* The slot of that object, or the empty one where it would be. */
static size_t cache_slot(const struct client_cache *c, struct str ns, struct str name)
{
	size_t i = cache_home(c, ns, name);

	while (c->slots[i] && !cache_is(c->slots[i], ns, name))
		i = (i + 1) & (c->n_slots - 1);
	return i;
}

static void cache_grow(struct client_cache *c)
{
	struct client_object **old = c->slots;
	size_t n = c->n_slots;

	c->n_slots = n ? 2 * n : CACHE_SLOTS_FIRST;
	c->slots = mem_xarray(c->n_slots, sizeof(*c->slots));
	for (size_t i = 0; i < n; i++)
		if (old[i])
			c->slots[cache_slot(c, old[i]->meta->ns, old[i]->meta->name)] = old[i];
	free(old);
}

void client_cache_fini(struct client_cache *c)
{
	for (size_t i = 0; i < c->n_slots; i++)
		client_object_unref(c->slots[i]);
	free(c->slots);
	*c = (struct client_cache){0};
}

struct client_object *client_cache_get(const struct client_cache *c, struct str ns, struct str name)
{
	return c->n_slots ? c->slots[cache_slot(c, ns, name)] : NULL;
}

struct client_object *client_cache_put(struct client_cache *c, struct client_object *o)
{
	struct client_object *before;
	size_t i;

	if (3 * (c->len + 1) > 2 * c->n_slots)
		cache_grow(c);
	i = cache_slot(c, o->meta->ns, o->meta->name);
	before = c->slots[i];
	c->slots[i] = o;
	c->len += !before;
	return before;
}

struct client_object *client_cache_remove(struct client_cache *c, struct str ns, struct str name)
{
	size_t mask = c->n_slots - 1, hole, i;
	struct client_object *o;

	if (!c->n_slots)
		return NULL;
	hole = cache_slot(c, ns, name);
	o = c->slots[hole];
	if (!o)
		return NULL;
	c->slots[hole] = NULL;
	c->len--;
	/* Moves back what had to pass the slot that is now empty. */
	for (i = (hole + 1) & mask; c->slots[i]; i = (i + 1) & mask) {
		size_t home = cache_home(c, c->slots[i]->meta->ns, c->slots[i]->meta->name);

		if (((i - home) & mask) < ((i - hole) & mask))
			continue;
		c->slots[hole] = c->slots[i];
		c->slots[i] = NULL;
		hole = i;
	}
	return o;
}

void client_cache_each(const struct client_cache *c, void (*fn)(void *ctx, struct client_object *o),
		       void *ctx)
{
	for (size_t i = 0; i < c->n_slots; i++)
		if (c->slots[i])
			fn(ctx, c->slots[i]);
}

struct index_edit {
	struct client_cache_index *index;
	struct client_object *object;
};

static void index_put(void *ctx, struct str value)
{
	struct index_edit *e = ctx;
	struct client_cache_bucket *b = map_get(&e->index->buckets, value);

	if (!b) {
		b = mem_xnew(struct client_cache_bucket);
		map_put(&e->index->buckets, value, b);
	}
	/* The same value emitted twice counts once. */
	if (b->objects.len && *vec_last(&b->objects) == e->object)
		return;
	*vec_push(&b->objects) = e->object;
}

static void index_take(void *ctx, struct str value)
{
	struct index_edit *e = ctx;
	struct client_cache_bucket *b = map_get(&e->index->buckets, value);

	if (!b)
		return;
	for (size_t i = 0; i < b->objects.len; i++) {
		if (b->objects.ptr[i] != e->object)
			continue;
		b->objects.ptr[i] = *vec_last(&b->objects);
		b->objects.len--;
		break;
	}
	if (b->objects.len)
		return;
	map_remove(&e->index->buckets, value);
	vec_fini(&b->objects);
	free(b);
}

void client_cache_index_add(struct client_cache_index *x, struct client_object *o)
{
	struct index_edit e = {x, o};

	x->keys(o, index_put, &e);
}

void client_cache_index_remove(struct client_cache_index *x, struct client_object *o)
{
	struct index_edit e = {x, o};

	x->keys(o, index_take, &e);
}

static void bucket_free(void *p)
{
	struct client_cache_bucket *b = p;

	vec_fini(&b->objects);
	free(b);
}

void client_cache_index_fini(struct client_cache_index *x)
{
	map_fini_values(&x->buckets, bucket_free);
}
