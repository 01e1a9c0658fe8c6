/* SPDX-License-Identifier: Apache-2.0 */
/* The client's HTTP/1 session: one call at a time on a connection, which is used again after it. */
#include "http/client-internal.h"

#include <string.h>

static struct http_call *http_h1_call(struct http_line *k)
{
	return list_first(struct http_call, &k->calls, node);
}

static bool http_h1_line_on_head(struct http_parser *p)
{
	struct http_line *k = p->owner;
	struct http_call *c = http_h1_call(k);
	const struct http_header *headers;

	if (!c)
		return false; /* an answer to nothing */
	if (p->status / 100 == 1 && !(p->status == 101 && c->is_upgrade))
		return true;
	c->is_tunnel = p->status == 101;
	p->has_no_body = c->method == HTTP_HEAD;
	headers = http_parser_headers(p, &c->arena);
	http_call_head(c, p->status, headers, p->fields.len);
	return k->conn.state == HTTP_CONN_OPEN;
}

static bool http_h1_line_on_body(struct http_parser *p, struct str data)
{
	struct http_line *k = p->owner;
	struct http_call *c = http_h1_call(k);

	http_call_data(c, data);
	return k->conn.state == HTTP_CONN_OPEN;
}

void http_h1_line_start(struct http_line *k)
{
	static const struct http_parser_limits limits = {
		.header_bytes = HTTP_HEADER_BYTES_MAX,
		.headers = HTTP_HEADERS_MAX,
	};

	http_parser_init(&k->parser, true, &limits, k);
	k->parser.on_head = http_h1_line_on_head;
	k->parser.on_body = http_h1_line_on_body;
}

void http_h1_line_free(struct http_line *k)
{
	http_parser_fini(&k->parser);
}

void http_h1_line_send(struct http_line *k, struct http_call *c)
{
	struct http_client *t = k->client;
	struct buf b = BUF_INIT;

	buf_printf(&b, "%s %.*s HTTP/1.1\r\n", http_method_name(c->method), STR_ARG(c->target));
	if (!str_is_set(http_header(c->headers, c->n_headers, "host")))
		buf_printf(&b, "host: %.*s\r\n", STR_ARG(t->authority));
	for (size_t i = 0; i < c->n_headers; i++)
		buf_printf(&b, "%.*s: %.*s\r\n", STR_ARG(c->headers[i].name),
			   STR_ARG(c->headers[i].value));
	if (str_is_set(t->token))
		buf_printf(&b, "authorization: %.*s\r\n", STR_ARG(t->token));
	if (c->body || c->method == HTTP_POST || c->method == HTTP_PUT || c->method == HTTP_PATCH)
		buf_printf(&b, "content-length: %zu\r\n", c->body ? c->body->len : 0);
	buf_add_c(&b, "\r\n");
	http_conn_add(&k->conn, b.ptr, b.len);
	buf_fini(&b);
	if (c->body && c->body->len)
		http_conn_add_bytes(&k->conn, c->body, 0, c->body->len);
}

/* The answer at hand is whole. */
static void http_h1_line_end(struct http_line *k)
{
	struct http_call *c = http_h1_call(k);

	if (c && c->is_tunnel)
		return;
	if (k->parser.status / 100 == 1) { /* 100 Continue: the answer itself follows */
		http_parser_next(&k->parser);
		return;
	}
	/* An early answer (413) to a body that is still being sent: nobody will read the rest. */
	if (!k->parser.is_keepalive || k->conn.queued) {
		list_remove(&k->node);
		http_conn_close(&k->conn);
	} else {
		http_parser_next(&k->parser);
	}
	if (c)
		http_call_done(c, 0, NULL);
}

void http_h1_line_input(struct http_line *k, struct str data)
{
	while (data.len > 0 && k->conn.state == HTTP_CONN_OPEN) {
		size_t used = 0;
		int r;

		if (!k->n_calls) {
			http_line_fail(k, "an answer to nothing");
			return;
		}
		if (http_h1_call(k)->is_tunnel) {
			http_call_data(http_h1_call(k), data);
			return;
		}
		r = http_parser_feed(&k->parser, data, &used);
		if (k->conn.state != HTTP_CONN_OPEN)
			return; /* cancelled from a callback */
		if (r < 0) {
			http_line_fail(k, k->parser.reason);
			return;
		}
		data = str_skip(data, used);
		if (r == 1)
			http_h1_line_end(k);
	}
}

void http_h1_line_sent(struct http_line *k)
{
	struct http_call *c = http_h1_call(k);

	if (c && c->is_finishing && !k->conn.queued)
		http_conn_shutdown(&k->conn);
	if (!c || !c->was_high || c->is_finishing || k->conn.queued >= HTTP_WRITABLE)
		return;
	c->was_high = false;
	if (c->ev.on_writable)
		c->ev.on_writable(c->ctx);
}

void http_h1_line_eof(struct http_line *k)
{
	struct http_call *c = http_h1_call(k);
	int r;

	if (c && c->is_tunnel) {
		list_remove(&k->node);
		http_conn_close(&k->conn);
		http_call_done(c, 0, NULL);
		return;
	}
	r = http_parser_finish(&k->parser);
	if (k->conn.state != HTTP_CONN_OPEN)
		return;
	if (r == 1 && k->n_calls) {
		k->parser.is_keepalive = false;
		http_h1_line_end(k);
	} else {
		http_line_fail(k, "the server has closed the connection");
	}
}
