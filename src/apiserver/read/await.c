/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/read/await.h"

#include "apiserver/read/continuation.h"

struct await_list {
	struct list_node waiting;
	struct loop_timer *timer; /* the first one has waited long enough */
};

struct waiter {
	struct list_node link; /* in await_list.waiting */
	struct request *req;
	uint64_t rev;
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

static bool is_served(const struct apiserver *s, uint64_t rev)
{
	bool is_loading_anew = s->was_ready && !s->is_loaded;

	return (!is_loading_anew && rev <= s->rev) || s->is_stopping;
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
	uint64_t rev = wanted_rev(req);
	struct waiter *w;

	if (is_served(s, rev))
		return false;
	w = arena_new(req->arena, struct waiter);
	*w = (struct waiter){.req = req,
			     .rev = rev,
			     .until_ms = clock_mono_ms(s->clock) + AWAIT_MS,
			     .then = then};
	list_append(&s->awaits->waiting, &w->link);
	req->x->handler_ctx = w;
	req->x->on_close = on_close;
	if (!loop_timer_is_armed(s->awaits->timer))
		loop_timer_start(s->awaits->timer, AWAIT_MS, 0);
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
		if (!is_served(s, it->rev) && now < it->until_ms) {
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
		loop_timer_start(s->awaits->timer, next - now, 0);
}
