/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/read/watch.h"

#include "apiserver/render.h"
#include "apiserver/selection.h"
#include "apiserver/stats.h"

#include <inttypes.h>

enum watch_state {
	WATCH_INITIAL,
	WATCH_CATCHUP,
	WATCH_LIVE,
};

enum {
	CHUNK_SIZE = 64 * 1024, /* bytes written at a time while not live */
	AHEAD_MAX = 256 * 1024, /* … and unsent; above HTTP_WRITABLE, or none would tell of room */
};

struct watch {
	struct list_node link; /* in cache.watches */
	struct apiserver *s;
	struct http_exchange *x;
	const struct resource *res;
	enum watch_state state;
	struct selection sel;
	struct render_style style;
	bool has_columns; /* a Table's columns have been sent */
	bool wants_bookmarks, wants_initial_end;
	VEC(struct object *) snapshot; /* INITIAL: what is still to be sent, from `at` on */
	size_t at;
	uint64_t rev;  /* where it began: only later events are wanted */
	uint64_t next; /* number of the next event to look at; one revision may have several */
	int64_t deadline_ms, bookmark_ms;
};

static int64_t now_ms(const struct apiserver *s)
{
	return clock_mono_ms(s->clock);
}

static void drop_snapshot(struct watch *w)
{
	for (size_t i = w->at; i < w->snapshot.len; i++)
		object_unref(w->snapshot.ptr[i]);
	vec_fini(&w->snapshot);
	w->at = 0;
}

static void watch_free(struct watch *w)
{
	drop_snapshot(w);
	list_remove(&w->link);
	w->s->n_watches--;
	free(w);
}

static void on_close(struct http_exchange *x)
{
	struct watch *w = x->handler_ctx;

	watch_free(w);
}

/* Ends the response and the watcher. */
static void finish(struct watch *w)
{
	struct http_exchange *x = w->x;

	x->on_close = NULL;
	x->on_writable = NULL;
	watch_free(w);
	http_end(x);
}

static void write_buf(struct watch *w, struct buf *b)
{
	struct bytes *chunk;

	if (!b->len)
		return;
	chunk = bytes_dup(buf_str(b));
	buf_clear(b);
	http_write(w->x, chunk);
	bytes_unref(chunk);
}

static void expire(struct watch *w, uint64_t rev)
{
	struct status st = {.arena = &w->x->arena};
	struct buf b = BUF_INIT;

	http_discard(w->x);
	if (rev > w->s->rev)
		IGNORE(status_set(&st, ERR_GONE,
				  "resource version %" PRIu64 " is from another history: this one "
				  "has come to %" PRIu64,
				  rev, w->s->rev),
		       "returns its code, which we have");
	else
		IGNORE(status_set(&st, ERR_GONE,
				  "too old resource version: %" PRIu64 " (%" PRIu64 ")", rev,
				  w->res->cache->floor),
		       "returns its code, which we have");
	render_error(&b, w->style, &st);
	write_buf(w, &b);
	buf_fini(&b);
	finish(w);
}

/* What an event is to a watcher with this selection; false: nothing. With selectors, an object that
 * begins to match is ADDED, one that ceases to is DELETED. */
static bool translate(const struct selection *sel, const struct cache_event *e,
		      struct selection_subject *now, struct selection_subject *before,
		      enum cache_event_type *ret)
{
	bool is_now = e->type != CACHE_DELETED && selection_match(sel, now);
	bool was = e->type != CACHE_ADDED &&
		   (selection_has_selectors(sel) ? selection_match(sel, before)
						 : is_now || selection_match(sel, before));

	if (!is_now && !was)
		return false;
	*ret = !was ? CACHE_ADDED : is_now ? CACHE_MODIFIED : CACHE_DELETED;
	return true;
}

static void render(struct buf *b, const struct watch *w, const struct cache_event *e,
		   enum cache_event_type type, bool is_first)
{
	render_event(b, w->res, w->style, w->s->clock->wall_ns(w->s->clock), cache_event_name(type),
		     type == CACHE_DELETED ? e->before : e->object, e->rev, is_first);
}

static bool needs_columns(struct watch *w)
{
	bool needs = w->style.format == REQUEST_TABLE && !w->has_columns;

	w->has_columns = true;
	return needs;
}

/* Sends from the snapshot until it is used up (true) or the peer is slow (false). */
static bool send_initial(struct watch *w)
{
	struct buf b = BUF_INIT;

	while (w->at < w->snapshot.len && http_pending(w->x) < AHEAD_MAX) {
		struct object *o = w->snapshot.ptr[w->at++];

		render_event(&b, w->res, w->style, w->s->clock->wall_ns(w->s->clock), "ADDED", o,
			     o->rev, needs_columns(w));
		object_unref(o);
		if (b.len >= CHUNK_SIZE)
			write_buf(w, &b);
	}
	write_buf(w, &b);
	if (w->at < w->snapshot.len) {
		buf_fini(&b);
		return false;
	}
	drop_snapshot(w);
	if (w->wants_initial_end) {
		render_bookmark(&b, w->res, w->style, w->rev, true);
		write_buf(w, &b);
	}
	buf_fini(&b);
	return true;
}

static void send_event(struct watch *w, const struct cache_event *e, struct buf *b)
{
	struct selection_subject now = {.object = e->object}, before = {.object = e->before};
	enum cache_event_type type;
	struct arena a;

	arena_init(&a, 0);
	now.arena = before.arena = &a;
	if (e->rev > w->rev && translate(&w->sel, e, &now, &before, &type))
		render(b, w, e, type, needs_columns(w));
	arena_fini(&a);
}

/* Sends from the ring until the newest event (1), the peer is slow (0), or the ring has moved past
 * the watcher (ERR_GONE). */
static int send_ring(struct watch *w)
{
	struct cache *c = w->res->cache;
	struct buf b = BUF_INIT;

	if (w->next < c->first_event)
		return ERR_GONE;
	while (w->next < c->n_events && http_pending(w->x) < AHEAD_MAX) {
		send_event(w, cache_event_at(c, w->next++), &b);
		if (b.len >= CHUNK_SIZE)
			write_buf(w, &b);
	}
	write_buf(w, &b);
	buf_fini(&b);
	return w->next == c->n_events;
}

/* Moves the watcher on as far as its peer reads. It may be gone afterwards. */
static void advance(struct watch *w)
{
	int r;

	if (w->state == WATCH_INITIAL) {
		if (!send_initial(w))
			return;
		w->state = WATCH_CATCHUP;
	}
	if (w->state != WATCH_CATCHUP)
		return;
	r = send_ring(w);
	if (r < 0)
		expire(w, w->rev);
	else if (r > 0)
		w->state = WATCH_LIVE;
}

static void on_writable(struct http_exchange *x)
{
	advance(x->handler_ctx);
}

static void take_snapshot(struct watch *w)
{
	const struct cache *c = w->res->cache;
	size_t i, end;

	for (cache_span(c, w->sel.ns, &i, &end); i < end; i++) {
		struct object *o = c->objects.ptr[i];
		struct arena a;
		struct selection_subject subject = {.object = o, .arena = &a};

		arena_init(&a, 0);
		if (selection_match(&w->sel, &subject))
			*vec_push(&w->snapshot) = object_ref(o);
		arena_fini(&a);
	}
}

static int64_t lifetime_ms(struct request *req)
{
	int64_t span = APISERVER_WATCH_S_MAX - APISERVER_WATCH_S_MIN;

	if (req->timeout_s)
		return req->timeout_s * 1000;
	return APISERVER_WATCH_S_MIN * 1000 +
	       (int64_t)rand_below(&req->s->rand, (uint64_t)span * 1000);
}

static struct watch *watch_new(struct request *req, const struct selection *sel)
{
	struct apiserver *s = req->s;
	struct watch *w = mem_xnew(struct watch);
	bool is_from_now = !req->rev_text.len || req->rev == 0 || req->wants_initial;

	*w = (struct watch){
		.s = s,
		.x = req->x,
		.res = req->res,
		.state = is_from_now ? WATCH_INITIAL : WATCH_CATCHUP,
		.sel = *sel,
		.style = {req->format, req->include, req->is_beta},
		.wants_bookmarks = req->wants_bookmarks,
		.wants_initial_end = req->wants_initial && req->wants_bookmarks,
		.rev = is_from_now ? s->rev : req->rev,
		.deadline_ms = now_ms(s) + lifetime_ms(req),
		.bookmark_ms = now_ms(s) + APISERVER_BOOKMARK_MS,
	};
	/* sendInitialEvents=false: from now, without what is there. */
	if (is_from_now && req->has_initial && !req->wants_initial)
		w->state = WATCH_CATCHUP;
	list_append(&req->res->cache->watches, &w->link);
	s->n_watches++;
	return w;
}

int watch_start(struct request *req)
{
	struct http_header type = {STR("content-type"), str_of(req->content_type)};
	struct selection sel;
	struct watch *w;
	int r = selection_parse(req, &sel);

	if (r < 0)
		return r;
	if (req->wants_initial && req->rev > req->s->rev)
		return status_too_new(&req->st, req->rev, req->s->rev);
	if (req->s->n_watches >= APISERVER_WATCHERS_MAX)
		return status_set(&req->st, ERR_TOO_MANY,
				  "too many watches: %d are the limit, please try again later",
				  APISERVER_WATCHERS_MAX);
	w = watch_new(req, &sel);
	req->x->handler_ctx = w;
	req->x->on_close = on_close;
	req->x->on_writable = on_writable;
	stats_request(req, 200);
	http_begin(req->x, 200, &type, 1);
	w->next = w->res->cache->n_events;
	if (w->state == WATCH_INITIAL)
		take_snapshot(w);
	/* What a client has seen is in the cache; a newer revision comes from before the store was
	 * put back from a backup, and the watch would stay silent until that number came again. */
	else if (w->rev > w->s->rev || cache_events_after(w->res->cache, w->rev, &w->next) < 0) {
		expire(w, w->rev);
		return 0;
	}
	advance(w);
	return 0;
}

/* The renderings of one event, by what it is to the watcher and its style. */
struct renderings {
	struct bytes *chunk[CACHE_DELETED + 1][RENDER_STYLES];
};

static struct bytes *rendering(struct renderings *all, struct watch *w, const struct cache_event *e,
			       enum cache_event_type type)
{
	struct bytes **slot = &all->chunk[type][render_style_index(w->style)];
	struct buf b = BUF_INIT;

	if (!*slot) {
		render(&b, w, e, type, false);
		*slot = bytes_dup(buf_str(&b));
		buf_fini(&b);
	}
	return *slot;
}

static void publish_to(struct watch *w, struct cache_event *e, struct renderings *all,
		       struct selection_subject *now, struct selection_subject *before)
{
	enum cache_event_type type;

	if (http_pending(w->x) >= HTTP_PENDING_MAX) {
		w->state = WATCH_CATCHUP;
		return;
	}
	w->next++;
	if (e->rev <= w->rev)
		return;
	if (translate(&w->sel, e, now, before, &type)) {
		if (needs_columns(w)) {
			struct buf b = BUF_INIT;

			render(&b, w, e, type, true);
			write_buf(w, &b);
			buf_fini(&b);
		} else {
			http_write(w->x, rendering(all, w, e, type));
		}
	}
}

void watch_publish(void *ctx, struct cache *c, struct cache_event *e)
{
	struct selection_subject now = {.object = e->object}, before = {.object = e->before};
	struct renderings all = {0};
	struct arena a;

	arena_init(&a, 0);
	now.arena = before.arena = &a;
	list_foreach(struct watch, w, &c->watches, link) {
		if (w->state == WATCH_LIVE)
			publish_to(w, e, &all, &now, &before);
	}
	for (size_t i = 0; i < ARRAY_LEN(all.chunk); i++)
		for (size_t j = 0; j < RENDER_STYLES; j++)
			bytes_unref(all.chunk[i][j]);
	arena_fini(&a);
}

static void send_bookmark(struct watch *w)
{
	struct buf b = BUF_INIT;

	if (w->state != WATCH_LIVE || http_pending(w->x) >= HTTP_PENDING_MAX)
		return;
	render_bookmark(&b, w->res, w->style, w->s->rev, false);
	write_buf(w, &b);
	buf_fini(&b);
}

static void tick_cache(struct apiserver *s, struct cache *c)
{
	int64_t now = now_ms(s);

	list_foreach(struct watch, w, &c->watches, link) {
		bool is_over = now >= w->deadline_ms;

		if (w->wants_bookmarks && (is_over || now >= w->bookmark_ms)) {
			w->bookmark_ms = now + APISERVER_BOOKMARK_MS;
			send_bookmark(w);
		}
		if (is_over)
			finish(w);
	}
}

/* What a watch keeps in memory for a peer that has not read it yet. */
static size_t held(const struct watch *w)
{
	return http_pending(w->x) + (w->snapshot.len - w->at) * sizeof(struct object *);
}

/* Ends those that can never go on, and when all that wait hold too much, those that hold more than
 * the mean. */
static void end_slow(struct apiserver *s)
{
	size_t sum = 0, n = 0;

	vec_foreach(c, &s->caches)
		list_foreach(struct watch, w, &(*c)->watches, link) {
			size_t mine = held(w);

			if (w->state == WATCH_CATCHUP && w->next < (*c)->first_event) {
				expire(w, w->rev);
			} else if (mine) {
				sum += mine;
				n++;
			}
		}
	if (sum <= APISERVER_UNREAD_MAX)
		return;
	vec_foreach(c, &s->caches)
		list_foreach(struct watch, w, &(*c)->watches, link)
			if (held(w) >= sum / n)
				expire(w, w->rev);
}

void watch_tick(struct apiserver *s)
{
	vec_foreach(c, &s->caches)
		tick_cache(s, *c);
	end_slow(s);
}

void watch_end_all(struct apiserver *s)
{
	vec_foreach(c, &s->caches) {
		list_foreach(struct watch, w, &(*c)->watches, link)
			finish(w);
	}
}
