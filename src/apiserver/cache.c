/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/cache.h"

const char *cache_event_name(enum cache_event_type t)
{
	static const char *const names[] = {"ADDED", "MODIFIED", "DELETED"};

	return names[t];
}

void cache_event_unref(struct cache_event *e)
{
	if (!e || --e->refs > 0)
		return;
	object_unref(e->object);
	object_unref(e->before);
	free(e);
}

struct cache *cache_new(const struct resource *res)
{
	struct cache *c = mem_xnew(struct cache);

	c->res = res;
	list_init(&c->watches);
	return c;
}

void cache_free(struct cache *c)
{
	if (!c)
		return;
	vec_foreach(o, &c->objects)
		object_unref(*o);
	vec_fini(&c->objects);
	for (size_t i = 0; c->ring && i < CACHE_EVENTS_MAX; i++)
		cache_event_unref(c->ring[i]);
	free(c->ring);
	free(c);
}

size_t cache_lower_bound(const struct cache *c, struct str key)
{
	size_t low = 0, high = c->objects.len;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (str_cmp(object_key(c->objects.ptr[mid]), key) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct object *cache_get(const struct cache *c, struct str key)
{
	size_t at = cache_lower_bound(c, key);

	if (at < c->objects.len && str_eq(object_key(c->objects.ptr[at]), key))
		return c->objects.ptr[at];
	return NULL;
}

void cache_span(const struct cache *c, struct str ns, size_t *ret_first, size_t *ret_end)
{
	char bound[256];
	size_t len = ns.len < sizeof(bound) ? ns.len : sizeof(bound) - 1;

	*ret_first = 0;
	*ret_end = c->objects.len;
	if (!str_is_set(ns))
		return;
	/* Keys of the namespace are "ns/…"; '0' is the byte after '/'. */
	memcpy(bound, ns.ptr, len);
	bound[len] = '/';
	*ret_first = cache_lower_bound(c, str_n(bound, len + 1));
	bound[len] = '/' + 1;
	*ret_end = cache_lower_bound(c, str_n(bound, len + 1));
}

/* The new object of a change, or NULL and an error. */
static int make_object(struct cache *c, struct str key, struct bytes *value, uint64_t rev,
		       uint64_t create_rev, struct object **ret, struct err *err)
{
	struct bytes *form = NULL;
	int r = object_to_stored_form(c->res, value, &form, err);

	if (r < 0)
		return err_wrap(err, r, "stored %s '%.*s'", c->res->kind->kind, STR_ARG(key));
	*ret = object_new(key, form, c->res->head.len, rev, create_rev);
	bytes_unref(form);
	return 0;
}

int cache_load(struct cache *c, struct str key, const struct store_kv *kv, struct err *err)
{
	struct object *o;
	int r = make_object(c, key, kv->value, kv->mod_rev, kv->create_rev, &o, err);

	if (r < 0)
		return r;
	assert(!c->objects.len || str_cmp(object_key(*vec_last(&c->objects)), key) < 0);
	*vec_push(&c->objects) = o;
	return 0;
}

static size_t event_size(const struct cache_event *e)
{
	return e->object->value->len;
}

static void ring_drop_oldest(struct cache *c)
{
	struct cache_event **slot = &c->ring[c->first_event++ % CACHE_EVENTS_MAX];

	c->floor = (*slot)->rev;
	c->event_bytes -= event_size(*slot);
	cache_event_unref(TAKE_PTR(*slot));
}

void cache_clear(struct cache *c)
{
	assert(list_is_empty(&c->watches));
	vec_foreach(o, &c->objects)
		object_unref(*o);
	vec_clear(&c->objects);
	while (c->first_event < c->n_events)
		ring_drop_oldest(c);
}

void cache_load_done(struct cache *c, uint64_t rev)
{
	c->floor = c->rev = rev;
}

static void ring_push(struct cache *c, struct cache_event *e)
{
	if (!c->ring)
		c->ring = mem_xarray(CACHE_EVENTS_MAX, sizeof(struct cache_event *));
	c->event_bytes += event_size(e);
	while (c->first_event < c->n_events && (c->n_events - c->first_event == CACHE_EVENTS_MAX ||
						c->event_bytes > CACHE_EVENT_BYTES_MAX))
		ring_drop_oldest(c);
	c->ring[c->n_events++ % CACHE_EVENTS_MAX] = e;
}

static void insert_at(struct cache *c, size_t at, struct object *o)
{
	*vec_push(&c->objects) = NULL;
	memmove(c->objects.ptr + at + 1, c->objects.ptr + at,
		(c->objects.len - 1 - at) * sizeof(struct object *));
	c->objects.ptr[at] = o;
}

static void publish(struct cache *c, enum cache_event_type type, uint64_t rev,
		    struct object *object, struct object *before)
{
	struct cache_event *e = mem_xnew(struct cache_event);

	*e = (struct cache_event){
		.refs = 2, .type = type, .rev = rev, .object = object, .before = before};
	c->rev = rev;
	ring_push(c, e);
	if (c->on_event)
		c->on_event(c->ctx, c, e);
	cache_event_unref(e);
}

int cache_apply(struct cache *c, struct str key, const struct store_event *e, struct err *err)
{
	size_t at = cache_lower_bound(c, key);
	bool is_there = at < c->objects.len && str_eq(object_key(c->objects.ptr[at]), key);
	struct object *o, *before;
	int r;

	if (e->type == STORE_DELETE) {
		if (!is_there)
			return 0;
		before = c->objects.ptr[at];
		vec_remove_at(&c->objects, at);
		publish(c, CACHE_DELETED, e->rev, before, object_ref(before));
		return 0;
	}
	r = make_object(c, key, e->value, e->rev, e->create_rev, &o, err);
	if (r < 0)
		return r;
	if (!is_there) {
		insert_at(c, at, o);
		publish(c, CACHE_ADDED, e->rev, object_ref(o), NULL);
		return 0;
	}
	before = c->objects.ptr[at];
	c->objects.ptr[at] = o;
	publish(c, CACHE_MODIFIED, e->rev, object_ref(o), before);
	return 0;
}

int cache_events_after(const struct cache *c, uint64_t rev, uint64_t *ret)
{
	uint64_t low = c->first_event, high = c->n_events;

	if (rev < c->floor)
		return ERR_GONE;
	while (low < high) {
		uint64_t mid = low + (high - low) / 2;

		if (cache_event_at(c, mid)->rev <= rev)
			low = mid + 1;
		else
			high = mid;
	}
	*ret = low;
	return 0;
}

struct cache_event *cache_event_at(const struct cache *c, uint64_t i)
{
	return c->ring[i % CACHE_EVENTS_MAX];
}
