/* SPDX-License-Identifier: Apache-2.0 */
#include "client/reflector.h"

#include "client/backoff.h"
#include "client/cache.h"
#include "client/client-internal.h"
#include "client/codec.h"
#include "client/object.h"
#include "client/stream.h"
#include "loop/loop.h"

#include <malloc.h>

enum {
	REFLECTOR_PAGE = 500,           /* objects asked for at a time */
	REFLECTOR_PAUSE_MS = 100,       /* the first; doubles */
	REFLECTOR_PAUSE_MAX_MS = 10000, /* up to this */
	REFLECTOR_WATCH_S = 300,        /* a watch lasts this to twice this */
	REFLECTOR_SLACK_S = 30,         /* what a server may be late in ending it */
	REFLECTOR_LIVE_MS = 10000,      /* a watch that lasted this was not a failure */
	REFLECTOR_TRIM = 1000,          /* objects in a list after which the heap is trimmed */
};

/* LISTING -> WATCHING -> PAUSED -> LISTING or WATCHING; LISTING -> PAUSED when it fails. */
enum reflector_state {
	REFLECTOR_LISTING,
	REFLECTOR_WATCHING,
	REFLECTOR_PAUSED,
};

struct reflector_change {
	struct client_object *before, *after;
};

struct client_reflector {
	struct loop *loop;
	struct client *client;
	const struct api_kind *kind;
	struct arena arena; /* the copy of the selection */
	struct client_selection sel;

	enum reflector_state state;
	bool must_list; /* what follows the pause */
	struct loop_timer *timer;
	struct client_backoff backoff;
	struct client_request *request; /* LISTING */
	struct client_stream *stream;   /* WATCHING */
	int64_t watch_began_ms;
	struct buf page;              /* the token of the next page */
	struct client_cache incoming; /* of the list under way */
	size_t undecodable_now;

	struct client_cache cache;
	VEC(struct client_cache_index) indexes;
	VEC(struct client_handler) handlers;
	void (*prune)(void *view); /* NULL: keep all */
	struct buf version;        /* resourceVersion to go on from, as the server wrote it */
	uint64_t rev;
	bool is_synced, is_telling;
	size_t undecodable;
	struct arena scratch;
	char error[ERR_MSG_MAX];
};

static void reflector_list(struct client_reflector *r);
static void reflector_watch(struct client_reflector *r);

static void reflector_pause(struct client_reflector *r, int64_t ms, bool must_list)
{
	r->state = REFLECTOR_PAUSED;
	r->must_list = must_list;
	loop_timer_start(r->timer, ms, 0);
}

static void reflector_resume(void *ctx)
{
	struct client_reflector *r = ctx;

	if (r->must_list)
		reflector_list(r);
	else
		reflector_watch(r);
}

static void reflector_note(struct client_reflector *r, const struct err *err)
{
	snprintf(r->error, sizeof(r->error), "%s", err->msg);
}

static uint64_t version_rev(struct str version)
{
	uint64_t rev;

	return str_to_u64(version, 0, UINT64_MAX, &rev, NULL) < 0 ? 0 : rev;
}

static void reflector_set_version(struct client_reflector *r, struct str version)
{
	if (!version.len)
		return;
	buf_clear(&r->version);
	buf_add_str(&r->version, version);
	r->rev = version_rev(version);
}

/* "/api/v1/…?labelSelector=…&": the part that list and watch share. */
static void reflector_target(struct client_reflector *r, struct buf *b)
{
	if (r->sel.label_selector.len) {
		buf_add_c(b, "labelSelector=");
		http_escape(b, r->sel.label_selector);
		buf_add_byte(b, '&');
	}
	if (r->sel.field_selector.len) {
		buf_add_c(b, "fieldSelector=");
		http_escape(b, r->sel.field_selector);
		buf_add_byte(b, '&');
	}
}

static void reflector_tell(struct client_reflector *r, const struct reflector_change *changes,
			   size_t n)
{
	r->is_telling = true;
	for (size_t i = 0; i < n; i++)
		vec_foreach(h, &r->handlers)
			h->on_change(h->ctx, changes[i].before, changes[i].after);
	r->is_telling = false;
}

static void reflector_reindex(struct client_reflector *r, const struct reflector_change *change)
{
	vec_foreach(x, &r->indexes) {
		if (change->before)
			client_cache_index_remove(x, change->before);
		if (change->after)
			client_cache_index_add(x, change->after);
	}
}

/* One object, from the tree of a list's item or an event. */
static int reflector_decode(struct client_reflector *r, const struct json *obj,
			    struct client_object **ret, struct err *err)
{
	void *view;
	int rc;

	arena_clear(&r->scratch);
	rc = api_object_decode(&r->scratch, r->kind, obj, &view, err);
	if (rc < 0)
		return rc;
	if (!((const struct api_meta *)view)->name.len)
		return err_set(err, ERR_INVALID, "metadata.name: missing");
	if (r->prune)
		r->prune(view);
	*ret = client_object_new(r->kind, view);
	return 0;
}

static void list_item(struct client_reflector *r, const struct json *item)
{
	const struct json *meta = json_get(item, "metadata");
	struct client_object *o = client_cache_get(&r->cache, json_get_string(meta, "namespace"),
						   json_get_string(meta, "name"));
	struct err err;

	if (o && str_eq(o->meta->uid, json_get_string(meta, "uid")) &&
	    str_eq(o->meta->resource_version, json_get_string(meta, "resourceVersion"))) {
		client_object_ref(o);
	} else {
		struct client_object *fresh;

		if (reflector_decode(r, item, &fresh, &err) == 0) {
			o = fresh;
		} else {
			r->undecodable_now++;
			reflector_note(r, &err);
			if (!o)
				return;
			client_object_ref(o);
		}
	}
	client_object_unref(client_cache_put(&r->incoming, o));
}

struct list_diff {
	const struct client_cache *old, *new;
	VEC(struct reflector_change) changes;
};

static void diff_gone(void *ctx, struct client_object *o)
{
	struct list_diff *d = ctx;

	if (!client_cache_get(d->new, o->meta->ns, o->meta->name))
		*vec_push(&d->changes) = (struct reflector_change){.before = o};
}

static void diff_new(void *ctx, struct client_object *o)
{
	struct list_diff *d = ctx;
	struct client_object *before = client_cache_get(d->old, o->meta->ns, o->meta->name);

	if (before != o)
		*vec_push(&d->changes) = (struct reflector_change){before, o};
}

/* The list is complete: swaps the caches, tells the difference, goes over to watching. */
static void list_finish(struct client_reflector *r, struct str version)
{
	struct client_cache old = r->cache;
	struct list_diff d = {.old = &old, .new = &r->cache};
	bool was_synced = r->is_synced;

	r->cache = r->incoming;
	r->incoming = (struct client_cache){0};
	client_cache_each(&old, diff_gone, &d);
	client_cache_each(&r->cache, diff_new, &d);
	vec_foreach(change, &d.changes)
		reflector_reindex(r, change);
	r->undecodable = r->undecodable_now;
	if (!r->undecodable)
		r->error[0] = '\0';
	reflector_tell(r, d.changes.ptr, d.changes.len);
	reflector_set_version(r, version);
	r->is_synced = true;
	vec_fini(&d.changes);
	client_cache_fini(&old);
	if (!was_synced) {
		r->is_telling = true;
		vec_foreach(h, &r->handlers)
			if (h->on_synced)
				h->on_synced(h->ctx);
		r->is_telling = false;
	}
}

static void list_failed(struct client_reflector *r, const struct err *err)
{
	reflector_note(r, err);
	client_cache_fini(&r->incoming);
	buf_clear(&r->page);
	reflector_pause(r, client_backoff_next_ms(&r->backoff), true);
}

static void list_page(struct client_reflector *r);

static void list_answered(void *ctx, int rc, struct json *obj, const struct err *err)
{
	struct client_reflector *r = ctx;
	const struct json *meta = json_get(obj, "metadata"), *items = json_get(obj, "items");
	struct str next;
	struct err bad;

	r->request = NULL;
	if (rc < 0) {
		list_failed(r, err);
		return;
	}
	if (!json_is(obj, JSON_OBJECT) || (!json_is_null(items) && !json_is(items, JSON_ARRAY))) {
		err_set(&bad, ERR_INTERNAL, "the server's list of %s has no items",
			r->kind->plural);
		list_failed(r, &bad);
		return;
	}
	if (json_is(items, JSON_ARRAY))
		json_foreach(item, items)
			list_item(r, item);
	next = json_get_string(meta, "continue");
	buf_clear(&r->page);
	if (next.len) {
		buf_add_str(&r->page, next);
		list_page(r);
		return;
	}
	client_backoff_reset(&r->backoff);
	list_finish(r, json_get_string(meta, "resourceVersion"));
	reflector_watch(r);
}

static void list_page(struct client_reflector *r)
{
	struct client_call call = {.method = HTTP_GET, .kind = r->kind, .ns = r->sel.ns};
	struct buf query;

	buf_init(&query);
	reflector_target(r, &query);
	buf_printf(&query, "limit=%d", REFLECTOR_PAGE);
	if (r->page.len) {
		buf_add_c(&query, "&continue=");
		http_escape(&query, buf_str(&r->page));
	}
	call.query = buf_str(&query);
	r->request = client_send(r->client, &call, list_answered, r);
	buf_fini(&query);
}

static void reflector_list(struct client_reflector *r)
{
	r->state = REFLECTOR_LISTING;
	r->undecodable_now = 0;
	client_cache_fini(&r->incoming);
	buf_clear(&r->page);
	list_page(r);
}

/* An object has appeared, changed or gone. */
static int event_object(struct client_reflector *r, const struct json *obj, bool is_gone,
			struct err *err)
{
	const struct json *meta = json_get(obj, "metadata");
	struct reflector_change change = {0};
	int rc;

	if (is_gone) {
		change.before = client_cache_remove(&r->cache, json_get_string(meta, "namespace"),
						    json_get_string(meta, "name"));
		if (!change.before)
			return 0;
	} else {
		rc = reflector_decode(r, obj, &change.after, err);
		if (rc < 0)
			return rc;
		change.before = client_cache_put(&r->cache, change.after);
	}
	reflector_reindex(r, &change);
	reflector_tell(r, &change, 1);
	client_object_unref(change.before);
	return 0;
}

/* 0, or why the watch cannot go on: ERR_GONE and everything that calls for a new list. */
static int event_apply(struct client_reflector *r, const struct json *event, struct err *err)
{
	struct str type = json_get_string(event, "type");
	const struct json *obj = json_get(event, "object");
	struct str version = json_get_string(json_get(obj, "metadata"), "resourceVersion");
	int rc;

	if (str_eq_c(type, "ERROR"))
		return err_set(err,
			       err_from_http((int)json_get_int(obj, "code", 500),
					     str_cstr(&r->scratch, json_get_string(obj, "reason"))),
			       "%.*s", STR_ARG(json_get_string(obj, "message")));
	if (!json_is(obj, JSON_OBJECT))
		return err_set(err, ERR_INTERNAL, "a watch event without an object");
	if (version_rev(version) && version_rev(version) < r->rev)
		return err_set(err, ERR_GONE, "the server went back from revision %llu to %.*s",
			       (unsigned long long)r->rev, STR_ARG(version));
	if (str_eq_c(type, "ADDED") || str_eq_c(type, "MODIFIED") || str_eq_c(type, "DELETED")) {
		rc = event_object(r, obj, str_eq_c(type, "DELETED"), err);
		if (rc < 0)
			return rc;
	} else if (!str_eq_c(type, "BOOKMARK")) {
		return err_set(err, ERR_INTERNAL, "a watch event of the unknown type \"%.*s\"",
			       STR_ARG(type));
	}
	reflector_set_version(r, version);
	return 0;
}

/* Codes after which the same revision may be tried again; others call for a new list. */
static bool can_resume(int code)
{
	return code == ERR_UNAVAILABLE || code == ERR_TIMEOUT || code == ERR_TOO_MANY ||
	       code == ERR_SYSTEM || code > -1000;
}

static void watch_frame(void *ctx, struct str frame, struct str content_type)
{
	struct client_reflector *r = ctx;
	struct json *event;
	struct arena a;
	struct err err;
	int rc;

	arena_init(&a, 2 * frame.len);
	rc = client_codec_decode(&a, content_type, frame, &event, &err);
	if (rc == 0)
		rc = event_apply(r, event, &err);
	arena_fini(&a);
	if (rc == 0) {
		client_backoff_reset(&r->backoff);
		if (!r->undecodable)
			r->error[0] = '\0';
		return;
	}
	reflector_note(r, &err);
	client_stream_cancel(r->stream);
	r->stream = NULL;
	reflector_pause(r, client_backoff_next_ms(&r->backoff), !can_resume(rc));
}

static void watch_done(void *ctx, int rc, const struct err *err)
{
	struct client_reflector *r = ctx;
	bool has_lived = clock_mono_ms(loop_clock(r->loop)) - r->watch_began_ms > REFLECTOR_LIVE_MS;

	r->stream = NULL;
	if (has_lived)
		client_backoff_reset(&r->backoff);
	if (rc < 0)
		reflector_note(r, err);
	reflector_pause(r, rc == 0 && has_lived ? 0 : client_backoff_next_ms(&r->backoff),
			rc < 0 && !can_resume(rc));
}

static const struct client_stream_events watch_events = {
	.on_frame = watch_frame,
	.on_done = watch_done,
};

static void reflector_watch(struct client_reflector *r)
{
	int64_t seconds =
		REFLECTOR_WATCH_S + (int64_t)rand_below(&r->backoff.rand, REFLECTOR_WATCH_S);
	struct arena a;
	struct buf target;

	arena_init(&a, 256);
	buf_init(&target);
	buf_add_str(&target, api_kind_path(&a, r->kind, r->sel.ns, (struct str){0}));
	buf_add_byte(&target, '?');
	reflector_target(r, &target);
	buf_printf(&target, "watch=true&allowWatchBookmarks=true&timeoutSeconds=%lld",
		   (long long)seconds);
	if (r->version.len) {
		buf_add_c(&target, "&resourceVersion=");
		http_escape(&target, buf_str(&r->version));
	}
	if (r->state == REFLECTOR_LISTING && r->cache.len >= REFLECTOR_TRIM)
		malloc_trim(0); /* a list's trees are many times what is kept of them */
	r->state = REFLECTOR_WATCHING;
	r->watch_began_ms = clock_mono_ms(loop_clock(r->loop));
	r->stream = client_stream_new(r->client, target.ptr, (seconds + REFLECTOR_SLACK_S) * 1000,
				      &watch_events, r);
	buf_fini(&target);
	arena_fini(&a);
}

struct client_reflector *client_reflector_new(struct loop *l, struct client *c,
					      const struct api_kind *kind,
					      const struct client_selection *sel)
{
	struct client_reflector *r = mem_xnew(struct client_reflector);
	uint64_t seed;

	r->loop = l;
	r->client = c;
	r->kind = kind;
	arena_init(&r->arena, 256);
	arena_init(&r->scratch, 0);
	if (sel)
		r->sel = (struct client_selection){
			.ns = str_dup(&r->arena, sel->ns),
			.label_selector = str_dup(&r->arena, sel->label_selector),
			.field_selector = str_dup(&r->arena, sel->field_selector),
		};
	if (!sel || !sel->ns.len)
		r->sel.ns = (struct str){0};
	rand_bytes(&seed, sizeof(seed));
	client_backoff_init(&r->backoff, REFLECTOR_PAUSE_MS, REFLECTOR_PAUSE_MAX_MS, seed);
	buf_init(&r->page);
	buf_init(&r->version);
	r->timer = loop_timer_new(l, reflector_resume, r);
	reflector_list(r);
	return r;
}

void client_reflector_add(struct client_reflector *r, const struct client_handler *h)
{
	assert(!r->is_synced);
	*vec_push(&r->handlers) = *h;
}

void client_reflector_index(struct client_reflector *r, const char *name,
			    void (*keys)(const struct client_object *o, client_emit_fn emit,
					 void *emit_ctx))
{
	assert(!r->is_synced);
	*vec_push(&r->indexes) = (struct client_cache_index){.name = name, .keys = keys};
}

void client_reflector_prune(struct client_reflector *r, void (*prune)(void *view))
{
	assert(!r->is_synced);
	r->prune = prune;
}

void client_reflector_prune_meta(struct api_meta *m)
{
	*m = (struct api_meta){
		.name = m->name,
		.ns = m->ns,
		.uid = m->uid,
		.resource_version = m->resource_version,
		.generation = m->generation,
		.created_ns = m->created_ns,
		.deleted_ns = m->deleted_ns,
	};
}

void client_reflector_free(struct client_reflector *r)
{
	if (!r)
		return;
	assert(!r->is_telling);
	client_cancel(r->request);
	client_stream_cancel(r->stream);
	loop_timer_close(r->timer);
	vec_foreach(x, &r->indexes)
		client_cache_index_fini(x);
	vec_fini(&r->indexes);
	vec_fini(&r->handlers);
	client_cache_fini(&r->incoming);
	client_cache_fini(&r->cache);
	buf_fini(&r->page);
	buf_fini(&r->version);
	arena_fini(&r->scratch);
	arena_fini(&r->arena);
	free(r);
}

bool client_reflector_is_synced(const struct client_reflector *r)
{
	return r->is_synced;
}

uint64_t client_reflector_rev(const struct client_reflector *r)
{
	return r->rev;
}

size_t client_reflector_len(const struct client_reflector *r)
{
	return r->cache.len;
}

size_t client_reflector_undecodable(const struct client_reflector *r)
{
	return r->undecodable;
}

const char *client_reflector_error(const struct client_reflector *r)
{
	return r->error;
}

struct client_object *client_reflector_get(struct client_reflector *r, struct str ns,
					   struct str name)
{
	return client_cache_get(&r->cache, ns, name);
}

void client_reflector_each(struct client_reflector *r,
			   void (*fn)(void *ctx, struct client_object *o), void *ctx)
{
	client_cache_each(&r->cache, fn, ctx);
}

void client_reflector_each_in(struct client_reflector *r, const char *index, struct str value,
			      void (*fn)(void *ctx, struct client_object *o), void *ctx)
{
	vec_foreach(x, &r->indexes) {
		const struct client_cache_bucket *b;

		if (!str_eq(str_of(x->name), str_of(index)))
			continue;
		b = map_get(&x->buckets, value);
		for (size_t i = 0; b && i < b->objects.len; i++)
			fn(ctx, b->objects.ptr[i]);
		return;
	}
	assert(!"no such index");
}
