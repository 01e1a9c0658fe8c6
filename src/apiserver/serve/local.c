/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/apiserver.h"

/*
 * Calls from inside the process: an exchange whose chunks are handed to the caller's events in a
 * later turn of the loop, so that neither side is ever called from inside its own call.
 */

#include "apiserver/server.h"

struct local {
	struct http_transport transport;
	struct apiserver *s;
	struct list_node calls;
};

struct http_call {
	struct http_exchange x;
	struct list_node link; /* in local.calls */
	struct local *local;
	struct http_call_events events;
	void *ctx;
	struct bytes *body;
	unsigned refs; /* posts on the loop, and one while the call is under way */
	bool is_posted;
	bool is_begun, is_ended, is_aborted; /* by the handler */
	bool is_head_told, is_cancelled, is_paused;
	int status;
	struct http_header *headers; /* in x.arena */
	size_t n_headers;
	VEC(struct bytes *) chunks;
	size_t pending;
	bool was_full;            /* the handler waits to go on */
	struct loop_timer *timer; /* of a call with limits */
	int64_t until_ms, idle_ms, heard_ms;
};

static struct http_call *call_of(struct http_exchange *x)
{
	return CONTAINER_OF(x, struct http_call, x);
}

static void call_unref(struct http_call *call)
{
	if (--call->refs > 0)
		return;
	vec_foreach(c, &call->chunks)
		bytes_unref(*c);
	vec_fini(&call->chunks);
	bytes_unref(call->body);
	arena_fini(&call->x.arena);
	free(call);
}

/* The call is over for the client: nothing more is told. */
static void call_detach(struct http_call *call)
{
	list_remove(&call->link);
	call->is_cancelled = true;
	if (call->timer)
		loop_timer_close(TAKE_PTR(call->timer));
}

static void tell_done(struct http_call *call)
{
	struct err err;

	call_detach(call);
	if (call->is_aborted) {
		IGNORE(err_set(&err, ERR_UNAVAILABLE, "the answer was cut off"), "told next");
		call->events.on_done(call->ctx, ERR_UNAVAILABLE, &err);
	} else {
		call->events.on_done(call->ctx, 0, NULL);
	}
	call_unref(call);
}

/* As far as the client wants: it may pause, or cancel, at each. */
static void deliver_chunks(struct http_call *call)
{
	size_t n = 0;

	for (; n < call->chunks.len && !call->is_paused && !call->is_cancelled; n++) {
		struct bytes *chunk = call->chunks.ptr[n];

		call->pending -= chunk->len;
		if (call->events.on_data)
			call->events.on_data(call->ctx, bytes_str(chunk));
		bytes_unref(chunk);
	}
	call->chunks.len -= n;
	if (n)
		memmove(call->chunks.ptr, call->chunks.ptr + n,
			call->chunks.len * sizeof(*call->chunks.ptr));
}

/* One turn's worth of callbacks. */
static void deliver(struct http_call *call)
{
	call->was_full |= call->pending >= HTTP_PENDING_MAX;
	if (call->is_begun && !call->is_head_told) {
		call->is_head_told = true;
		if (call->events.on_head)
			call->events.on_head(call->ctx, call->status, call->headers,
					     call->n_headers);
	}
	deliver_chunks(call);
	if (call->is_cancelled || call->is_paused)
		return;
	if (call->is_aborted || call->is_ended) {
		tell_done(call);
	} else if (call->was_full) {
		call->was_full = false;
		if (call->x.on_writable)
			call->x.on_writable(&call->x);
	}
}

static void on_flush(void *ctx)
{
	struct http_call *call = ctx;

	call->is_posted = false;
	if (!call->is_cancelled && !call->is_paused)
		deliver(call);
	call_unref(call);
}

static void post(struct http_call *call)
{
	if (call->is_posted)
		return;
	call->is_posted = true;
	call->refs++;
	loop_post(call->local->s->loop, on_flush, call);
}

static int64_t now_ms(const struct http_call *call)
{
	return clock_mono_ms(call->local->s->clock);
}

/* The handler has said something. */
static void heard(struct http_call *call)
{
	if (call->idle_ms)
		call->heard_ms = now_ms(call);
}

static void local_begin(struct http_exchange *x, int status, const struct http_header *headers,
			size_t n_headers, int64_t length)
{
	struct http_call *call = call_of(x);

	heard(call);
	call->is_begun = true;
	call->status = status;
	call->headers = arena_array(&x->arena, n_headers, sizeof(struct http_header));
	call->n_headers = n_headers;
	for (size_t i = 0; i < n_headers; i++)
		call->headers[i] = (struct http_header){str_dup(&x->arena, headers[i].name),
							str_dup(&x->arena, headers[i].value)};
	post(call);
}

static void local_write(struct http_exchange *x, struct bytes *chunk)
{
	struct http_call *call = call_of(x);

	if (call->is_cancelled)
		return;
	heard(call);
	*vec_push(&call->chunks) = bytes_ref(chunk);
	call->pending += chunk->len;
	post(call);
}

static void local_end(struct http_exchange *x)
{
	call_of(x)->is_ended = true;
	post(call_of(x));
}

static void local_abort(struct http_exchange *x)
{
	call_of(x)->is_aborted = true;
	post(call_of(x));
}

static size_t local_pending(const struct http_exchange *x)
{
	return ((const struct http_call *)(const void *)x)->pending; /* its first member */
}

static const struct http_exchange_ops exchange_ops = {
	.begin = local_begin,
	.write = local_write,
	.end = local_end,
	.abort = local_abort,
	.pending = local_pending,
};

static void local_cancel(struct http_call *call);

static void start_timer(struct http_call *call)
{
	int64_t at = call->until_ms ? call->until_ms : INT64_MAX;

	if (call->idle_ms)
		at = MIN(at, call->heard_ms + call->idle_ms);
	loop_timer_start(call->timer, at - now_ms(call), 0);
}

static void on_timer(void *ctx)
{
	struct http_call *call = ctx;
	struct http_call_events events = call->events;
	int64_t now = now_ms(call);
	bool is_late = call->until_ms && now >= call->until_ms;
	struct err err;

	if (!is_late && !(call->idle_ms && now >= call->heard_ms + call->idle_ms)) {
		start_timer(call);
		return;
	}
	ctx = call->ctx;
	local_cancel(call);
	IGNORE(err_set(&err, ERR_TIMEOUT, "%s",
		       is_late ? "no whole answer in time" : "the answer has fallen silent"),
	       "told next");
	events.on_done(ctx, ERR_TIMEOUT, &err);
}

static void set_limits(struct http_call *call, const struct http_call_request *req)
{
	if (!req->timeout_ms && !req->idle_ms)
		return;
	call->heard_ms = now_ms(call);
	call->until_ms = req->timeout_ms ? call->heard_ms + req->timeout_ms : 0;
	call->idle_ms = req->idle_ms;
	call->timer = loop_timer_new(call->local->s->loop, on_timer, call);
	start_timer(call);
}

static void on_start(void *ctx)
{
	struct http_call *call = ctx;

	if (!call->is_cancelled)
		apiserver_handle_insecure(call->local->s, &call->x);
	call_unref(call);
}

static void fill_request(struct http_call *call, const struct http_call_request *req)
{
	static const struct http_peer nobody;
	struct arena *a = &call->x.arena;
	struct str target = str_dup(a, req->target);
	struct http_header *headers = arena_array(a, req->n_headers, sizeof(struct http_header));
	ptrdiff_t mark = str_find(target, '?');

	for (size_t i = 0; i < req->n_headers; i++)
		headers[i] = (struct http_header){str_dup(a, req->headers[i].name),
						  str_dup(a, req->headers[i].value)};
	call->body = req->body ? bytes_ref(req->body) : NULL;
	call->x.req = (struct http_request){
		.method = req->method,
		.path = mark < 0 ? target : str_sub(target, 0, (size_t)mark),
		.query = mark < 0 ? (struct str){0} : str_skip(target, (size_t)mark + 1),
		.headers = headers,
		.n_headers = req->n_headers,
		.body = bytes_str(call->body),
		.peer = &nobody,
	};
}

static struct http_call *local_send(struct http_transport *t, const struct http_call_request *req,
				    const struct http_call_events *events, void *ctx)
{
	struct local *local = CONTAINER_OF(t, struct local, transport);
	struct http_call *call = mem_xnew(struct http_call);

	*call = (struct http_call){.local = local, .events = *events, .ctx = ctx, .refs = 2};
	call->x.ops = &exchange_ops;
	arena_init(&call->x.arena, 0);
	fill_request(call, req);
	set_limits(call, req);
	list_append(&local->calls, &call->link);
	loop_post(local->s->loop, on_start, call);
	return call;
}

static void local_cancel(struct http_call *call)
{
	bool is_open = !call->is_ended && !call->is_aborted;

	call_detach(call);
	if (is_open && call->x.on_close)
		call->x.on_close(&call->x);
	call_unref(call);
}

static void local_pause(struct http_call *call, bool is_paused)
{
	call->is_paused = is_paused;
	if (!is_paused)
		post(call);
}

static void local_close(struct http_transport *t)
{
	struct local *local = CONTAINER_OF(t, struct local, transport);

	while (!list_is_empty(&local->calls))
		local_cancel(list_first(struct http_call, &local->calls, link));
	free(local);
}

static const struct http_transport_ops transport_ops = {
	.send = local_send,
	.cancel = local_cancel,
	.pause = local_pause,
	.close = local_close,
};

struct http_transport *apiserver_transport(struct apiserver *s)
{
	struct local *local = mem_xnew(struct local);

	local->transport.ops = &transport_ops;
	local->s = s;
	list_init(&local->calls);
	return &local->transport;
}
