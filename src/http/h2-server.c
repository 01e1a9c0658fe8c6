/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's HTTP/2 session, over nghttp2. A stream is a job; it lives until nghttp2 closes the
 * stream, which may be long after the handler has ended its answer. Bodies go from the job's queue
 * into the connection's by reference; a stream without data is deferred and costs nothing until the
 * handler writes again. That is what a watch is.
 */
#include "http/h2.h"
#include "http/server-internal.h"

#include <string.h>

enum {
	HTTP_H2_WINDOW = 256 * 1024,           /* of a stream: unread request body */
	HTTP_H2_LINK_WINDOW = 4 * 1024 * 1024, /* of a connection */
	HTTP_H2_THROWN_MAX = 32 * 1024 * 1024, /* of a body that was refused */
};

struct http_h2 {
	struct http_link *link;
	nghttp2_session *ng;
	struct list_node jobs;
	struct list_node drained; /* jobs whose on_writable is due */
	size_t n_jobs;
	size_t body_bytes;
	bool is_in_head;
};

static const struct http_exchange_ops http_h2_exchange_ops; /* jobs name it, it names the rest */

static struct http_h2 *http_h2_of(const struct http_job *j)
{
	return j->link->session;
}

static struct http_job *http_h2_job(struct http_exchange *x)
{
	return CONTAINER_OF(x, struct http_job, x);
}

static bool http_h2_is_dead(const struct http_h2 *h)
{
	return h->link->conn.state != HTTP_CONN_OPEN;
}

static void http_h2_deadline(struct http_h2 *h)
{
	struct http_link *k = h->link;

	if (h->is_in_head)
		return; /* it has its own, which more bytes do not prolong */
	if (k->conn.queued)
		http_deadline_set(k->server, &k->deadline, HTTP_DEADLINE_TAKE);
	else if (!h->n_jobs)
		http_deadline_set(k->server, &k->deadline, HTTP_DEADLINE_IDLE);
	else
		http_deadline_clear(&k->deadline);
}

/* Answers a request that no handler sees. */
static void http_h2_refuse(struct http_job *j, int status, const char *reason)
{
	struct buf b = BUF_INIT;
	const char *type = j->link->server->refusal(&b, status, reason);
	struct bytes *body = bytes_dup(buf_str(&b));

	buf_fini(&b);
	http_link_bad(j->link);
	http_deadline_clear(&j->deadline);
	http_h2_of(j)->body_bytes -= j->body.len;
	buf_fini(&j->body);
	http_reply(&j->x, status, type, body);
	bytes_unref(body);
}

static void http_h2_job_expired(struct http_deadline *d)
{
	struct http_job *j = CONTAINER_OF(d, struct http_job, deadline);
	struct http_h2 *h = http_h2_of(j);

	if (!j->is_begun && !j->is_dispatched) {
		http_h2_refuse(j, 408, "the body did not come in time");
		return;
	}
	nghttp2_submit_rst_stream(h->ng, NGHTTP2_FLAG_NONE, j->id, NGHTTP2_CANCEL);
	http_conn_kick(&h->link->conn);
}

/* Incoming frames */

static int http_h2_on_begin(nghttp2_session *ng, const nghttp2_frame *f, void *ctx)
{
	struct http_h2 *h = ctx;
	struct http_job *j;

	if (http_h2_is_dead(h))
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	h->is_in_head = true;
	http_deadline_set(h->link->server, &h->link->deadline, HTTP_DEADLINE_HEAD);
	if (f->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	j = http_job_new(h->link, &http_h2_exchange_ops);
	j->id = f->hd.stream_id;
	j->deadline.fn = http_h2_job_expired;
	list_append(&h->jobs, &j->node);
	h->n_jobs++;
	nghttp2_session_set_stream_user_data(ng, j->id, j);
	return 0;
}

static void http_h2_pseudo(struct http_job *j, struct str name, struct str value)
{
	if (str_eq_c(name, ":method")) {
		j->x.req.method = http_method_of(value);
	} else if (str_eq_c(name, ":path")) {
		if (value.len > HTTP_TARGET_MAX)
			j->refused = 414;
		else
			j->target = str_dup(&j->x.arena, value);
	} else if (str_eq_c(name, ":authority")) {
		j->authority = str_dup(&j->x.arena, str_sub(value, 0, 1024));
	}
}

static int http_h2_on_header(nghttp2_session *ng, const nghttp2_frame *f, const uint8_t *name,
			     size_t name_len, const uint8_t *value, size_t value_len,
			     uint8_t flags _unused_, void *ctx)
{
	struct http_job *j = nghttp2_session_get_stream_user_data(ng, f->hd.stream_id);
	struct str n = str_n((const char *)name, name_len),
		   v = str_n((const char *)value, value_len);

	if (http_h2_is_dead(ctx))
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	if (!j || f->headers.cat != NGHTTP2_HCAT_REQUEST || j->refused)
		return 0; /* trailers are not used; what is refused is not kept */
	j->header_bytes += name_len + value_len;
	if (n.len && n.ptr[0] == ':') {
		http_h2_pseudo(j, n, v);
		return 0;
	}
	if (j->header_bytes > HTTP_HEADER_BYTES_MAX || j->headers.len >= HTTP_HEADERS_MAX) {
		j->refused = 431;
		return 0;
	}
	*vec_push(&j->headers) = (struct http_header){.name = str_dup(&j->x.arena, n),
						      .value = str_dup(&j->x.arena, v)};
	return 0;
}

static void http_h2_head_done(struct http_h2 *h, struct http_job *j, bool is_whole)
{
	struct http_request *req = &j->x.req;
	struct str value;
	uint64_t length = 0;

	if (!j->refused && !http_job_target(j, j->target))
		j->refused = 400;
	if (!str_is_set(http_header(j->headers.ptr, j->headers.len, "host")) &&
	    str_is_set(j->authority))
		*vec_push(&j->headers) =
			(struct http_header){.name = STR("host"), .value = j->authority};
	req->headers = j->headers.ptr;
	req->n_headers = j->headers.len;
	value = http_header(req->headers, req->n_headers, "content-length");
	if (str_is_set(value) && str_to_u64(value, 0, UINT64_MAX, &length, NULL) == 0 &&
	    length > HTTP_BODY_MAX && !j->refused)
		j->refused = 413;
	if (j->refused) {
		http_h2_refuse(j, j->refused,
			       j->refused == 400   ? "the request target is not a path"
			       : j->refused == 413 ? "the body is longer than 3 MiB"
			       : j->refused == 414 ? "the request target is too long"
						   : "the header is too long");
		return;
	}
	if (is_whole)
		return;
	http_deadline_set(h->link->server, &j->deadline, HTTP_DEADLINE_BODY);
	if (str_eq_nocase(http_header(req->headers, req->n_headers, "expect"),
			  STR("100-continue"))) {
		nghttp2_nv nv = {.name = (uint8_t *)(uintptr_t) ":status",
				 .namelen = 7,
				 .value = (uint8_t *)(uintptr_t) "100",
				 .valuelen = 3};

		nghttp2_submit_headers(h->ng, NGHTTP2_FLAG_NONE, j->id, NULL, &nv, 1, NULL);
	}
}

static int http_h2_on_frame(nghttp2_session *ng, const nghttp2_frame *f, void *ctx)
{
	struct http_h2 *h = ctx;
	bool is_end = f->hd.flags & NGHTTP2_FLAG_END_STREAM;
	struct http_job *j;

	if (http_h2_is_dead(h))
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	if (f->hd.type != NGHTTP2_HEADERS && f->hd.type != NGHTTP2_DATA)
		return 0;
	j = nghttp2_session_get_stream_user_data(ng, f->hd.stream_id);
	if (f->hd.type == NGHTTP2_HEADERS) {
		h->is_in_head = false;
		http_h2_deadline(h);
		if (j && f->headers.cat == NGHTTP2_HCAT_REQUEST)
			http_h2_head_done(h, j, is_end);
	}
	if (!j || !is_end)
		return 0;
	j->is_whole = true;
	if (!j->is_dispatched && !j->is_begun) {
		h->body_bytes -= j->body.len;
		http_job_dispatch(j);
	}
	return http_h2_is_dead(h) ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

static int http_h2_on_data(nghttp2_session *ng, uint8_t flags _unused_, int32_t id,
			   const uint8_t *data, size_t len, void *ctx)
{
	struct http_h2 *h = ctx;
	struct http_job *j = nghttp2_session_get_stream_user_data(ng, id);

	if (http_h2_is_dead(h))
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	if (!j)
		return 0;
	if (j->is_begun || j->is_dispatched) {
		/* Refused already. A client that learns of it stops by itself; a reset at once
		 * would take the answer from some (curl 7.88). So what comes is thrown away. */
		j->thrown_away += len;
		if (j->thrown_away > HTTP_H2_THROWN_MAX)
			nghttp2_submit_rst_stream(ng, NGHTTP2_FLAG_NONE, id, NGHTTP2_NO_ERROR);
		return 0;
	}
	if (j->body.len + len > HTTP_BODY_MAX) {
		http_h2_refuse(j, 413, "the body is longer than 3 MiB");
		return 0;
	}
	if (h->body_bytes + len > HTTP_LINK_BODIES_MAX) {
		http_h2_refuse(j, 503, "too many bodies are under way on this connection");
		return 0;
	}
	buf_add(&j->body, data, len);
	h->body_bytes += len;
	return 0;
}

static int http_h2_on_close(nghttp2_session *ng, int32_t id, uint32_t code _unused_, void *ctx)
{
	struct http_h2 *h = ctx;
	struct http_job *j = nghttp2_session_get_stream_user_data(ng, id);

	if (http_h2_is_dead(h))
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	if (!j)
		return 0;
	nghttp2_session_set_stream_user_data(ng, id, NULL);
	if (!j->is_dispatched)
		h->body_bytes -= j->body.len;
	list_remove(&j->node);
	h->n_jobs--;
	http_job_lost(j);
	if (http_h2_is_dead(h))
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	http_h2_deadline(h);
	return 0;
}

/* Outgoing frames */

static ssize_t http_h2_read_data(nghttp2_session *ng _unused_, int32_t id _unused_,
				 uint8_t *buf _unused_, size_t max, uint32_t *flags,
				 nghttp2_data_source *source, void *ctx _unused_)
{
	struct http_job *j = source->ptr;
	size_t n = MIN(max, j->queued);

	if (!n && !j->is_ended) {
		j->is_deferred = true;
		return NGHTTP2_ERR_DEFERRED;
	}
	*flags |= NGHTTP2_DATA_FLAG_NO_COPY;
	if (n == j->queued && j->is_ended)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)n;
}

static int http_h2_send_data(nghttp2_session *ng _unused_, nghttp2_frame *f, const uint8_t *head,
			     size_t len, nghttp2_data_source *source, void *ctx)
{
	struct http_h2 *h = ctx;
	struct http_job *j = source->ptr;
	struct http_conn *c = &h->link->conn;

	IGNORE(f->data.padlen, "never padded: no padding callback is set");
	if (http_h2_is_dead(h))
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	if (c->queued >= HTTP_CONN_QUEUE)
		return NGHTTP2_ERR_WOULDBLOCK; /* the pump comes back once it has sent some */
	http_conn_add(c, head, 9);
	j->queued -= len;
	while (len > 0) {
		struct http_piece *p = &j->queue.ptr[j->queue_head];
		size_t take = MIN(len, p->len);

		http_conn_add_bytes(c, p->bytes, p->at, take);
		p->at += take;
		p->len -= take;
		len -= take;
		if (p->len)
			break;
		bytes_unref(p->bytes);
		if (++j->queue_head == j->queue.len)
			j->queue_head = j->queue.len = 0;
	}
	if (j->was_high && j->queued < HTTP_WRITABLE) {
		j->was_high = false;
		list_append(&h->drained, &j->drained);
	}
	if (j->is_ended && j->queued)
		http_deadline_set(h->link->server, &j->deadline, HTTP_DEADLINE_TAKE);
	return 0;
}

/* The session */

static nghttp2_session_callbacks *http_h2_callbacks(void)
{
	nghttp2_session_callbacks *cb;
	int r = nghttp2_session_callbacks_new(&cb);

	assert(r == 0);
	IGNORE(r, "only the assertion reads it");
	nghttp2_session_callbacks_set_on_begin_headers_callback(cb, http_h2_on_begin);
	nghttp2_session_callbacks_set_on_header_callback(cb, http_h2_on_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(cb, http_h2_on_frame);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, http_h2_on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb, http_h2_on_close);
	nghttp2_session_callbacks_set_send_data_callback(cb, http_h2_send_data);
	return cb;
}

static void *http_h2_start(struct http_link *k)
{
	nghttp2_settings_entry settings[] = {
		{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, HTTP_STREAMS_MAX},
		{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, HTTP_H2_WINDOW},
		{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HTTP_HEADER_BYTES_MAX},
	};
	nghttp2_session_callbacks *cb = http_h2_callbacks();
	struct http_h2 *h = mem_xnew(struct http_h2);
	nghttp2_option *option;
	int r = nghttp2_option_new(&option);

	assert(r == 0);
	h->link = k;
	list_init(&h->jobs);
	list_init(&h->drained);
	/* Priorities are not used, so closed streams need not be remembered for them. */
	nghttp2_option_set_no_closed_streams(option, 1);
	r = nghttp2_session_server_new2(&h->ng, cb, h, option);
	assert(r == 0);
	nghttp2_option_del(option);
	nghttp2_session_callbacks_del(cb);
	nghttp2_submit_settings(h->ng, NGHTTP2_FLAG_NONE, settings, ARRAY_LEN(settings));
	nghttp2_session_set_local_window_size(h->ng, NGHTTP2_FLAG_NONE, 0, HTTP_H2_LINK_WINDOW);
	IGNORE(r, "only the assertions read it");
	return h;
}

static void http_h2_input(struct http_link *k, struct str data)
{
	struct http_h2 *h = k->session;
	ssize_t n;

	n = nghttp2_session_mem_recv(h->ng, (const uint8_t *)data.ptr, data.len);
	if (http_h2_is_dead(h))
		return;
	if (n < 0) {
		http_link_bad(k);
		http_link_fail(k);
		return;
	}
	if (nghttp2_session_want_write(h->ng) || !nghttp2_session_want_read(h->ng))
		http_conn_kick(&k->conn);
}

static void http_h2_eof(struct http_link *k)
{
	http_link_fail(k);
}

static void http_h2_produce(struct http_link *k)
{
	struct http_h2 *h = k->session;
	bool was_empty = !k->conn.queued;

	if (http_h2_pump(&k->conn, h->ng) < 0) {
		http_link_fail(k);
		return;
	}
	if (was_empty && k->conn.queued)
		http_h2_deadline(h);
	if (!nghttp2_session_want_read(h->ng) && !nghttp2_session_want_write(h->ng))
		k->conn.closes_when_sent = true;
}

static void http_h2_sent(struct http_link *k)
{
	struct http_h2 *h = k->session;
	struct http_job *j;

	http_h2_deadline(h);
	while (!http_h2_is_dead(h) && !list_is_empty(&h->drained)) {
		j = CONTAINER_OF(h->drained.next, struct http_job, drained);
		list_remove(&j->drained);
		if (j->x.on_writable && !j->is_ended)
			j->x.on_writable(&j->x);
	}
}

static void http_h2_lost(struct http_link *k)
{
	struct http_h2 *h = k->session;
	struct http_job *j;

	while ((j = list_first(struct http_job, &h->jobs, node))) {
		list_remove(&j->node);
		h->n_jobs--;
		http_job_lost(j);
	}
}

static void http_h2_free(struct http_link *k)
{
	struct http_h2 *h = k->session;

	nghttp2_session_del(h->ng);
	free(h);
}

static void http_h2_drain(struct http_link *k, bool is_final)
{
	struct http_h2 *h = k->session;

	/* First a notice, and only when requests that crossed it have come in, the last stream's
	 * number (RFC 9113 section 6.8). nghttp2 closes the session after the last stream. */
	if (!is_final)
		nghttp2_submit_shutdown_notice(h->ng);
	else
		nghttp2_submit_goaway(h->ng, NGHTTP2_FLAG_NONE,
				      nghttp2_session_get_last_proc_stream_id(h->ng),
				      NGHTTP2_NO_ERROR, NULL, 0);
	http_conn_kick(&k->conn);
}

const struct http_session_ops http_h2_ops = {
	.start = http_h2_start,
	.input = http_h2_input,
	.eof = http_h2_eof,
	.produce = http_h2_produce,
	.sent = http_h2_sent,
	.lost = http_h2_lost,
	.free = http_h2_free,
	.drain = http_h2_drain,
};

/* The answer */

static void http_h2_begin(struct http_exchange *x, int status, const struct http_header *headers,
			  size_t n_headers, int64_t length)
{
	struct http_job *j = http_h2_job(x);
	struct http_h2 *h = http_h2_of(j);
	nghttp2_data_provider provider = {.source.ptr = j, .read_callback = http_h2_read_data};
	struct http_h2_fields f;

	assert(!j->is_begun);
	j->is_begun = true;
	j->is_bodyless =
		x->req.method == HTTP_HEAD || length == 0 || status == 204 || status == 304;
	f.n = f.text_len = 0;
	http_h2_number(&f, ":status", (uint64_t)status);
	http_h2_field(&f, "date", http_date(h->link->server->loop));
	if (length >= 0 && status != 204)
		http_h2_number(&f, "content-length", (uint64_t)length);
	http_h2_fields(&f, headers, n_headers);
	if (nghttp2_submit_response(h->ng, j->id, f.nv, f.n, j->is_bodyless ? NULL : &provider) < 0)
		nghttp2_submit_rst_stream(h->ng, NGHTTP2_FLAG_NONE, j->id, NGHTTP2_INTERNAL_ERROR);
	http_conn_kick(&h->link->conn);
}

static void http_h2_resume(struct http_job *j)
{
	struct http_h2 *h = http_h2_of(j);

	if (j->is_deferred) {
		j->is_deferred = false;
		nghttp2_session_resume_data(h->ng, j->id);
	}
	http_conn_kick(&h->link->conn);
}

static void http_h2_write(struct http_exchange *x, struct bytes *chunk)
{
	struct http_job *j = http_h2_job(x);

	assert(j->is_begun && !j->is_ended);
	if (j->is_bodyless)
		return;
	*vec_push(&j->queue) = (struct http_piece){.bytes = bytes_ref(chunk), .len = chunk->len};
	j->queued += chunk->len;
	if (j->queued >= HTTP_WRITABLE)
		j->was_high = true;
	http_h2_resume(j);
}

static void http_h2_end(struct http_exchange *x)
{
	struct http_job *j = http_h2_job(x);

	assert(j->is_begun && !j->is_ended);
	j->is_ended = true;
	/* The peer must go on taking it: a window of 0 does not keep it here for ever. */
	http_deadline_set(j->link->server, &j->deadline, HTTP_DEADLINE_TAKE);
	http_h2_resume(j);
}

static void http_h2_abort(struct http_exchange *x)
{
	struct http_job *j = http_h2_job(x);
	struct http_h2 *h = http_h2_of(j);

	j->is_ended = true; /* so that on_close does not run */
	nghttp2_submit_rst_stream(h->ng, NGHTTP2_FLAG_NONE, j->id, NGHTTP2_INTERNAL_ERROR);
	http_conn_kick(&h->link->conn);
}

static size_t http_h2_pending(const struct http_exchange *x)
{
	return ((const struct http_job *)x)->queued;
}

static void http_h2_discard(struct http_exchange *x)
{
	http_job_discard(http_h2_job(x));
}

static const struct http_exchange_ops http_h2_exchange_ops = {
	.begin = http_h2_begin,
	.write = http_h2_write,
	.end = http_h2_end,
	.abort = http_h2_abort,
	.pending = http_h2_pending,
	.discard = http_h2_discard,
};
