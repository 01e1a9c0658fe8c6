/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/read/await.h"

#include "apiserver/read/continuation.h"

enum {
	AWAIT_LOOK_MS = 50, /* the store may come to a revision without an event */
};

struct await_list {
	struct list_node waiting;
	struct loop_timer *timer; /* the first one has waited long enough, or it is time to look */
	bool is_asking;           /* how far the store is */
};

struct waiter {
	struct list_node link; /* in await_list.waiting */
	struct request *req;
	uint64_t rev;
	enum {
		WAITER_KNOWS, /* rev */
		WAITER_NEW,   /* wants the newest */
		WAITER_ASKED, /* … which has been asked for since it came */
	} state;
	int64_t until_ms;
	void (*then)(struct request *req);
};

/* The revision that it needs; 0: none. Of writes only preconditions name one, and these are
 * compared in the store. */
static uint64_t wanted_rev(const struct request *req)
{
	struct continuation from;

	if (req->verb != REQUEST_GET && req->verb != REQUEST_LIST && req->verb != REQUEST_WATCH)
		return 0;
	if (req->continue_token.len &&
	    continuation_decode(req->arena, req->continue_token, &from, NULL) == 0)
		return from.rev;
	return req->rev;
}

static bool is_in_cache(const struct request *req, const char *kind, struct str ns, struct str name)
{
	const struct resource *res = kind ? server_resource_of(req->s, kind) : req->res;

	return cache_get(res->cache, server_cache_key(req->arena, res, ns, name));
}

static bool wants_newest(const struct request *req)
{
	if (!req->s->store->ops->is_shared || !req->res)
		return false;
	switch (req->verb) {
	case REQUEST_GET:
	case REQUEST_LIST:
	case REQUEST_WATCH:
	case REQUEST_DELETE_COLLECTION:
		return !req->rev_text.len && !req->continue_token.len;
	case REQUEST_CREATE:
	case REQUEST_UPDATE:
	case REQUEST_PATCH:
	case REQUEST_DELETE:
		return (req->ns.len && !is_in_cache(req, "Namespace", (struct str){0}, req->ns)) ||
		       (req->name.len && !is_in_cache(req, NULL, req->ns, req->name));
	}
	return false;
}

static bool is_served(const struct apiserver *s, const struct waiter *w)
{
	bool is_loading_anew = s->was_ready && !s->is_loaded;
	uint64_t seen = s->is_loaded ? MAX(s->rev, store_current_rev(s->store)) : s->rev;

	return (!is_loading_anew && w->state == WAITER_KNOWS && w->rev <= seen) || s->is_stopping;
}

static void ask_newest(struct apiserver *s);

static void on_newest(void *ctx, int r, const struct store_range *range, const struct err *err)
{
	struct apiserver *s = ctx;

	s->awaits->is_asking = false;
	list_foreach(struct waiter, w, &s->awaits->waiting, link) {
		if (w->state != WAITER_ASKED)
			continue;
		w->state = WAITER_KNOWS;
		w->rev = r < 0 ? 0 : range->rev; /* or what is there */
	}
	ask_newest(s);
	await_advance(s);
}

static void ask_newest(struct apiserver *s)
{
	bool is_wanted = false;

	if (s->awaits->is_asking || s->is_stopping)
		return;
	list_foreach(struct waiter, w, &s->awaits->waiting, link) {
		if (w->state != WAITER_NEW)
			continue;
		w->state = WAITER_ASKED;
		is_wanted = true;
	}
	s->awaits->is_asking = is_wanted;
	if (is_wanted) /* no such key: only the revision is wanted */
		store_range(s->store, STR(SERVER_REGISTRY "fairlead/newest"), (struct str){0}, 1, 0,
			    on_newest, s);
}

static void on_close(struct http_exchange *x)
{
	struct waiter *w = x->handler_ctx;

	list_remove(&w->link); /* in the exchange's arena */
}

static void on_timer(void *ctx)
{
	await_advance(ctx);
}

struct await_list *await_list_new(struct apiserver *s)
{
	struct await_list *w = mem_xnew(struct await_list);

	list_init(&w->waiting);
	w->timer = loop_timer_new(s->loop, on_timer, s);
	return w;
}

void await_list_stop(struct await_list *w)
{
	assert(list_is_empty(&w->waiting));
	loop_timer_close(TAKE_PTR(w->timer));
}

void await_list_free(struct await_list *w)
{
	free(w);
}

bool await_rev(struct request *req, void (*then)(struct request *req))
{
	struct apiserver *s = req->s;
	struct waiter *w = arena_new(req->arena, struct waiter);

	*w = (struct waiter){.req = req,
			     .rev = wanted_rev(req),
			     .state = wants_newest(req) ? WAITER_NEW : WAITER_KNOWS,
			     .until_ms = clock_mono_ms(s->clock) + AWAIT_MS,
			     .then = then};
	if (is_served(s, w))
		return false;
	list_append(&s->awaits->waiting, &w->link);
	req->x->handler_ctx = w;
	req->x->on_close = on_close;
	ask_newest(s);
	if (!loop_timer_is_armed(s->awaits->timer))
		loop_timer_start(s->awaits->timer, AWAIT_LOOK_MS, 0);
	return true;
}

void await_advance(struct apiserver *s)
{
	int64_t now = clock_mono_ms(s->clock), next = INT64_MAX;
	struct list_node due;
	struct waiter *w;

	if (list_is_empty(&s->awaits->waiting))
		return;
	list_init(&due);
	list_foreach(struct waiter, it, &s->awaits->waiting, link) {
		if (!is_served(s, it) && now < it->until_ms) {
			next = MIN(next, it->until_ms);
			continue;
		}
		list_remove(&it->link);
		list_append(&due, &it->link);
	}
	while ((w = list_first(struct waiter, &due, link))) {
		list_remove(&w->link);
		w->req->x->on_close = NULL;
		w->then(w->req);
	}
	if (next != INT64_MAX)
		loop_timer_start(s->awaits->timer, MIN(next - now, (int64_t)AWAIT_LOOK_MS), 0);
}
