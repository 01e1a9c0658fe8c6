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

static void deliver_chunks(struct http_call *call)
{
	VEC(struct bytes *) chunks = {0};

	memcpy(&chunks, &call->chunks, sizeof(chunks));
	memset(&call->chunks, 0, sizeof(call->chunks));
	call->pending = 0;
	vec_foreach(c, &chunks) {
		if (!call->is_cancelled && call->events.on_data)
			call->events.on_data(call->ctx, bytes_str(*c));
		bytes_unref(*c);
	}
	vec_fini(&chunks);
}

static void on_flush(void *ctx)
{
	struct http_call *call = ctx;
	bool was_full = call->pending >= HTTP_PENDING_MAX;

	call->is_posted = false;
	if (call->is_paused && !call->is_cancelled) {
		call_unref(call);
		return;
	}
	if (!call->is_cancelled && call->is_begun && !call->is_head_told) {
		call->is_head_told = true;
		if (call->events.on_head)
			call->events.on_head(call->ctx, call->status, call->headers,
					     call->n_headers);
	}
	deliver_chunks(call);
	if (!call->is_cancelled && (call->is_aborted || call->is_ended))
		tell_done(call);
	else if (!call->is_cancelled && was_full && call->x.on_writable)
		call->x.on_writable(&call->x);
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

static void local_begin(struct http_exchange *x, int status, const struct http_header *headers,
			size_t n_headers, int64_t length)
{
	struct http_call *call = call_of(x);

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
