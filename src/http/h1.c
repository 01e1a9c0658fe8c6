/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's HTTP/1 session: one request after the other. While one is being answered, input
 * waits (and beyond HTTP_LINK_INPUT_MAX is not read). An answer without a length is chunked, or
 * ends with the connection for HTTP/1.0. After the last answer the sending side is shut down and
 * what the peer still sends is thrown away for a while: a plain close would make the kernel send a
 * reset, and the peer might lose the answer. A peer that closes its sending side behind its request
 * still gets the answer; one that reads a stream (a watch) counts as gone, for nothing would tell
 * for hours that it is.
 *
 * The chunks of a stream wait in the job, by reference, and only as many as the kernel takes at a
 * time are framed and put into the connection's queue: what a thousand slow readers wait for is
 * there once, and can be taken back (http_discard).
 */
#include "http/server-internal.h"

#include <stdio.h>
#include <string.h>

enum {
	HTTP_H1_QUEUE = 64 * 1024, /* of a stream in the connection's queue; the rest waits */
};

struct http_h1 {
	struct http_link *link;
	struct http_parser parser;
	struct http_job *job; /* being read or answered */
	struct buf waiting;   /* input behind it */
	bool is_feeding;
	bool is_tunnel;      /* upgraded: bytes for the handler of `job`, no requests any more */
	bool is_paused;      /* … who wants none for now */
	bool is_closing;     /* the last answer is in the queue; input is thrown away */
	bool is_lingering;   /* … and sent */
	bool is_half_closed; /* the peer sends no more, but waits for its answer */
};

static const struct http_exchange_ops
	http_h1_exchange_ops; /* the heads name it, it names the rest */

static struct http_h1 *http_h1_of(const struct http_exchange *x)
{
	return ((const struct http_job *)x)->link->session;
}

static struct http_job *http_h1_job(struct http_exchange *x)
{
	return CONTAINER_OF(x, struct http_job, x);
}

static void http_h1_deadline(struct http_h1 *h, enum http_deadline_kind kind)
{
	http_deadline_set(h->link->server, &h->link->deadline, kind);
}

static bool http_h1_is_dead(const struct http_h1 *h)
{
	return h->link->conn.state != HTTP_CONN_OPEN;
}

/* No more requests on this connection; close once the queue is empty. */
static void http_h1_close(struct http_h1 *h)
{
	h->is_closing = true;
	buf_fini(&h->waiting);
	h->link->conn.closes_when_sent |= h->is_half_closed;
	http_conn_pause(&h->link->conn, false);
	http_conn_kick(&h->link->conn);
}

/* Answers a request that no handler sees, and closes. */
static void http_h1_refuse(struct http_h1 *h, int status, const char *reason)
{
	struct str date = http_date(h->link->server->loop);
	struct buf body = BUF_INIT;
	const char *type = h->link->server->refusal(&body, status, reason);
	char head[256];
	int n;

	http_link_bad(h->link);
	if (h->job)
		http_job_free(TAKE_PTR(h->job));
	n = snprintf(head, sizeof(head),
		     "HTTP/1.1 %d %s\r\ndate: %.*s\r\ncontent-type: %s\r\ncontent-length: %zu\r\n"
		     "connection: close\r\n\r\n",
		     status, http_status_text(status), STR_ARG(date), type, body.len);
	assert(n > 0 && (size_t)n < sizeof(head));
	http_conn_add(&h->link->conn, head, (size_t)n);
	http_conn_add(&h->link->conn, body.ptr, body.len);
	buf_fini(&body);
	http_h1_deadline(h, HTTP_DEADLINE_TAKE);
	http_h1_close(h);
}

static bool http_h1_reject(struct http_parser *p, int status, const char *reason)
{
	p->status = status;
	snprintf(p->reason, sizeof(p->reason), "%s", reason);
	return false;
}

static bool http_h1_on_head(struct http_parser *p)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
	struct http_h1 *h = p->owner;
	struct http_job *j = http_job_new(h->link, &http_h1_exchange_ops);
	struct http_request *req = &j->x.req;

	h->job = j;
	j->minor = p->minor;
	req->method = http_method_of(str_of(p->method));
	req->headers = http_parser_headers(p, &j->x.arena);
	req->n_headers = p->fields.len;
	if (!http_job_target(j, http_parser_target(p, &j->x.arena)))
		return http_h1_reject(p, 400, "the request target is not a path");
	if (p->minor >= 1 && !str_is_set(http_header(req->headers, req->n_headers, "host")))
		return http_h1_reject(p, 400, "the host header is missing");
	if (p->content_length > HTTP_BODY_MAX)
		return http_h1_reject(p, 413, "the body is longer than 3 MiB");
	if (p->is_chunked || p->content_length > 0) {
		http_h1_deadline(h, HTTP_DEADLINE_BODY);
		if (str_eq_nocase(http_header(req->headers, req->n_headers, "expect"),
				  STR("100-continue")))
			http_conn_add(&h->link->conn, go_on, sizeof(go_on) - 1);
		if (p->content_length > 0)
			buf_reserve(&j->body,
				    MIN((size_t)p->content_length, (size_t)HTTP_CONN_READ));
	}
	return true;
}

static bool http_h1_on_body(struct http_parser *p, struct str data)
{
	struct http_h1 *h = p->owner;

	if (h->job->body.len + data.len > HTTP_BODY_MAX)
		return http_h1_reject(p, 413, "the body is longer than 3 MiB");
	buf_add_str(&h->job->body, data);
	return true;
}

static void http_h1_dispatch(struct http_h1 *h)
{
	h->job->is_keepalive = h->parser.is_keepalive && !h->link->server->is_stopping;
	http_deadline_clear(&h->link->deadline);
	http_job_dispatch(h->job);
}

static bool http_h1_can_read(const struct http_h1 *h)
{
	return !http_h1_is_dead(h) && !h->is_closing && !(h->job && h->job->is_dispatched);
}

static void http_h1_feed(struct http_h1 *h, struct str data)
{
	h->is_feeding = true;
	while (data.len > 0 && http_h1_can_read(h)) {
		bool was_idle = http_parser_is_idle(&h->parser);
		size_t used;
		int r = http_parser_feed(&h->parser, data, &used);

		if (r < 0) {
			http_h1_refuse(h, h->parser.status, h->parser.reason);
			break;
		}
		/* From its first byte a head has its time; more bytes do not prolong it. */
		if (r == 0 && was_idle && !h->job)
			http_h1_deadline(h, HTTP_DEADLINE_HEAD);
		data = str_skip(data, used);
		if (r == 1)
			http_h1_dispatch(h);
	}
	h->is_feeding = false;
	if (data.len > 0 && !http_h1_is_dead(h) && !h->is_closing) {
		buf_add_str(&h->waiting, data);
		http_conn_pause(&h->link->conn, h->waiting.len > HTTP_LINK_INPUT_MAX);
	}
}

static void *http_h1_start(struct http_link *k)
{
	static const struct http_parser_limits limits = {
		.target = HTTP_TARGET_MAX,
		.header_bytes = HTTP_HEADER_BYTES_MAX,
		.headers = HTTP_HEADERS_MAX,
	};
	struct http_h1 *h = mem_xnew(struct http_h1);

	h->link = k;
	buf_init(&h->waiting);
	http_parser_init(&h->parser, false, &limits, h);
	h->parser.on_head = http_h1_on_head;
	h->parser.on_body = http_h1_on_body;
	return h;
}

static void http_h1_input(struct http_link *k, struct str data)
{
	struct http_h1 *h = k->session;

	if (h->is_closing)
		return;
	if (h->is_tunnel && !h->waiting.len) {
		h->job->x.on_data(&h->job->x, data);
		return;
	}
	if (http_h1_can_read(h) && !h->waiting.len) {
		http_h1_feed(h, data);
		return;
	}
	buf_add_str(&h->waiting, data);
	http_conn_pause(&k->conn, h->waiting.len > HTTP_LINK_INPUT_MAX);
}

static void http_h1_eof(struct http_link *k)
{
	struct http_h1 *h = k->session;
	bool is_at_work = h->job && h->job->is_dispatched;

	if (is_at_work && !h->job->is_begun) {
		h->is_half_closed = true;
		h->job->is_keepalive = h->waiting.len > 0;
		/* It may as well have gone altogether. */
		http_h1_deadline(h, HTTP_DEADLINE_BODY);
	} else if (k->conn.queued && !is_at_work)
		k->conn.closes_when_sent = true;
	else
		http_link_fail(k);
}

/* A part of the answer, with its framing, into the connection's queue. */
static void http_h1_frame(struct http_job *j, struct bytes *chunk)
{
	struct http_h1 *h = j->link->session;
	struct http_conn *c = &j->link->conn;
	char size[24];

	if (!c->queued)
		http_h1_deadline(h, HTTP_DEADLINE_TAKE);
	if (j->is_chunked)
		http_conn_add(c, size, (size_t)snprintf(size, sizeof(size), "%zx\r\n", chunk->len));
	http_conn_add_bytes(c, chunk, 0, chunk->len);
	if (j->is_chunked)
		http_conn_add(c, "\r\n", 2);
}

/* What waits, into the connection's queue until that has `most` bytes. */
static void http_h1_move(struct http_job *j, size_t most)
{
	while (j->queue_head < j->queue.len && j->link->conn.queued < most) {
		struct http_piece *p = &j->queue.ptr[j->queue_head++];

		j->queued -= p->len;
		http_h1_frame(j, p->bytes);
		bytes_unref(p->bytes);
	}
	if (j->queue_head == j->queue.len)
		j->queue_head = j->queue.len = 0;
}

/* The last answer is out: say so, and give the peer a while to close. */
static void http_h1_linger(struct http_h1 *h)
{
	if (!h->is_closing || h->is_lingering || h->link->conn.queued)
		return;
	h->is_lingering = true;
	http_conn_shutdown(&h->link->conn);
	http_h1_deadline(h, HTTP_DEADLINE_LINGER);
}

static void http_h1_produce(struct http_link *k)
{
	struct http_h1 *h = k->session;
	struct buf waiting;

	if (h->job)
		http_h1_move(h->job, HTTP_H1_QUEUE);
	http_h1_linger(h);
	if (!h->waiting.len || h->is_feeding || h->is_closing || h->is_paused ||
	    (!h->is_tunnel && !http_h1_can_read(h)))
		return;
	waiting = h->waiting;
	buf_init(&h->waiting);
	http_conn_pause(&k->conn, false);
	if (h->is_tunnel)
		h->job->x.on_data(&h->job->x, buf_str(&waiting));
	else
		http_h1_feed(h, buf_str(&waiting));
	buf_fini(&waiting);
}

static void http_h1_sent(struct http_link *k)
{
	struct http_h1 *h = k->session;
	struct http_job *j = h->job;

	if (k->conn.queued) {
		http_h1_deadline(h, HTTP_DEADLINE_TAKE); /* it moves: as long again */
	} else if (h->is_closing) {
		http_h1_linger(h);
	} else if (j && j->is_dispatched) {
		http_deadline_clear(&k->deadline); /* a watch may be silent for ever */
	} else if (!j && http_parser_is_idle(&h->parser)) {
		http_h1_deadline(h, HTTP_DEADLINE_IDLE);
	}
	if (j && j->was_high && k->conn.queued + j->queued < HTTP_WRITABLE) {
		j->was_high = false;
		if (j->x.on_writable)
			j->x.on_writable(&j->x);
	}
}

static void http_h1_lost(struct http_link *k)
{
	struct http_h1 *h = k->session;

	if (h->job)
		http_job_lost(TAKE_PTR(h->job));
}

static void http_h1_free(struct http_link *k)
{
	struct http_h1 *h = k->session;

	http_parser_fini(&h->parser);
	buf_fini(&h->waiting);
	free(h);
}

static void http_h1_drain(struct http_link *k, bool is_final _unused_)
{
	struct http_h1 *h = k->session;

	if (h->job)
		h->job->is_keepalive = false;
	else if (k->conn.queued)
		k->conn.closes_when_sent = true;
	else
		http_link_fail(k);
}

const struct http_session_ops http_h1_ops = {
	.start = http_h1_start,
	.input = http_h1_input,
	.eof = http_h1_eof,
	.produce = http_h1_produce,
	.sent = http_h1_sent,
	.lost = http_h1_lost,
	.free = http_h1_free,
	.drain = http_h1_drain,
};

/* The answer */

/* A name or value of a handler must not end its line: what would is written as a blank. */
static void http_h1_add_text(struct buf *b, struct str s)
{
	size_t at = b->len;

	buf_add_str(b, s);
	for (char *c = b->ptr + at; c < b->ptr + b->len; c++)
		if (*c == '\r' || *c == '\n' || *c == '\0')
			*c = ' ';
}

static void http_h1_begin(struct http_exchange *x, int status, const struct http_header *headers,
			  size_t n_headers, int64_t length)
{
	struct buf head = BUF_INIT;
	struct http_h1 *h = http_h1_of(x);
	struct http_job *j = http_h1_job(x);
	bool has_no_length = status / 100 == 1 || status == 204;

	assert(!j->is_begun);
	j->is_begun = true;
	j->is_bodyless = x->req.method == HTTP_HEAD || has_no_length || status == 304;
	j->is_chunked = length < 0 && !has_no_length && j->minor >= 1;
	if (length < 0 && !j->is_bodyless && j->minor < 1)
		j->is_keepalive = false;
	if (length < 0 && h->is_half_closed)
		h->link->conn.closes_when_sent = true; /* a stream; see above */
	buf_reserve(&head, 512);
	buf_printf(&head, "HTTP/1.1 %d %s\r\ndate: ", status, http_status_text(status));
	buf_add_str(&head, http_date(h->link->server->loop));
	for (size_t i = 0; i < n_headers; i++) {
		buf_add_c(&head, "\r\n");
		http_h1_add_text(&head, headers[i].name);
		buf_add_c(&head, ": ");
		http_h1_add_text(&head, headers[i].value);
	}
	if (length >= 0 && !has_no_length) {
		buf_add_c(&head, "\r\ncontent-length: ");
		buf_add_i64(&head, length);
	} else if (j->is_chunked) {
		buf_add_c(&head, "\r\ntransfer-encoding: chunked");
	}
	if (!j->is_keepalive)
		buf_add_c(&head, "\r\nconnection: close");
	else if (j->minor < 1)
		buf_add_c(&head, "\r\nconnection: keep-alive");
	buf_add_c(&head, "\r\n\r\n");
	if (!h->link->conn.queued)
		http_h1_deadline(h, HTTP_DEADLINE_TAKE);
	http_conn_add(&h->link->conn, head.ptr, head.len);
	buf_fini(&head);
}

static size_t http_h1_pending(const struct http_exchange *x)
{
	return http_h1_of(x)->link->conn.queued + ((const struct http_job *)x)->queued;
}

static void http_h1_write(struct http_exchange *x, struct bytes *chunk)
{
	struct http_h1 *h = http_h1_of(x);
	struct http_job *j = http_h1_job(x);

	assert(j->is_begun && !j->is_ended);
	if (j->is_bodyless)
		return;
	if (!j->queue.len && h->link->conn.queued < HTTP_H1_QUEUE) {
		http_h1_frame(j, chunk);
	} else {
		*vec_push(&j->queue) =
			(struct http_piece){.bytes = bytes_ref(chunk), .len = chunk->len};
		j->queued += chunk->len;
	}
	if (http_h1_pending(x) >= HTTP_WRITABLE)
		j->was_high = true;
}

static void http_h1_end(struct http_exchange *x)
{
	struct http_h1 *h = http_h1_of(x);
	struct http_job *j = http_h1_job(x);
	bool is_last = !j->is_keepalive;

	assert(j->is_begun && !j->is_ended);
	http_h1_move(j, SIZE_MAX);
	if (j->is_chunked && !j->is_bodyless)
		http_conn_add(&h->link->conn, "0\r\n\r\n", 5);
	j->is_ended = true;
	h->job = NULL;
	h->is_tunnel = false;
	http_job_free(j);
	if (is_last || (h->is_half_closed && !h->waiting.len)) {
		http_h1_close(h);
		return;
	}
	http_parser_next(&h->parser);
	http_h1_deadline(h, h->link->conn.queued ? HTTP_DEADLINE_TAKE : HTTP_DEADLINE_IDLE);
	http_conn_kick(&h->link->conn); /* `produce` reads on */
}

static void http_h1_abort(struct http_exchange *x)
{
	struct http_h1 *h = http_h1_of(x);

	http_h1_job(x)->is_ended = true; /* so that on_close does not run */
	http_link_fail(h->link);
}

static void http_h1_discard(struct http_exchange *x)
{
	http_job_discard(http_h1_job(x));
}

static void http_h1_upgrade(struct http_exchange *x, const struct http_header *headers,
			    size_t n_headers)
{
	struct http_header all[HTTP_HEADERS_MAX + 1];
	struct http_h1 *h = http_h1_of(x);
	struct http_job *j = http_h1_job(x);

	n_headers = MIN(n_headers, (size_t)HTTP_HEADERS_MAX);
	for (size_t i = 0; i < n_headers; i++)
		all[i] = headers[i];
	all[n_headers++] = (struct http_header){STR("connection"), STR("Upgrade")};
	j->is_keepalive = true; /* so that the head does not say otherwise */
	http_h1_begin(x, 101, all, n_headers, -1);
	j->is_keepalive = j->is_bodyless = false;
	h->is_tunnel = true;
	http_conn_kick(&h->link->conn); /* `produce` hands over what came behind the request */
}

static void http_h1_pause(struct http_exchange *x, bool is_paused)
{
	struct http_h1 *h = http_h1_of(x);

	h->is_paused = is_paused;
	http_conn_pause(&h->link->conn, is_paused);
	http_conn_kick(&h->link->conn);
}

static const struct http_exchange_ops http_h1_exchange_ops = {
	.begin = http_h1_begin,
	.write = http_h1_write,
	.end = http_h1_end,
	.abort = http_h1_abort,
	.pending = http_h1_pending,
	.discard = http_h1_discard,
	.upgrade = http_h1_upgrade,
	.pause = http_h1_pause,
};
