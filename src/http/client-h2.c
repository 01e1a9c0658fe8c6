/* SPDX-License-Identifier: Apache-2.0 */
/* The client's HTTP/2 session: any number of calls on one connection. A call is the user data of
 * its stream, until one of them ends. */
#include "http/client-internal.h"
#include "http/h2.h"

#include <string.h>

enum {
	HTTP_H2_LINE_WINDOW = 1024 * 1024,      /* of a stream */
	HTTP_H2_LINE_WINDOWS = 8 * 1024 * 1024, /* of the connection */
};

static bool http_h2_line_is_dead(const struct http_line *k)
{
	return k->conn.state != HTTP_CONN_OPEN;
}

static struct http_call *http_h2_call(nghttp2_session *ng, int32_t id)
{
	return nghttp2_session_get_stream_user_data(ng, id);
}

static int http_h2_line_on_begin(nghttp2_session *ng, const nghttp2_frame *f, void *ctx _unused_)
{
	struct http_call *c = http_h2_call(ng, f->hd.stream_id);

	if (!c)
		return 0;
	if (!c->has_head)
		c->status = 0;
	vec_clear(&c->got); /* of the head, or of an earlier one with status 1xx */
	return 0;
}

static int http_h2_line_on_header(nghttp2_session *ng, const nghttp2_frame *f, const uint8_t *name,
				  size_t name_len, const uint8_t *value, size_t value_len,
				  uint8_t flags _unused_, void *ctx _unused_)
{
	struct http_call *c = http_h2_call(ng, f->hd.stream_id);
	struct str n = str_n((const char *)name, name_len),
		   v = str_n((const char *)value, value_len);
	uint64_t status = 0;

	if (!c)
		return 0;
	if (!c->has_head && str_eq_c(n, ":status")) {
		IGNORE(str_to_u64(v, 100, 999, &status, NULL), "nghttp2 has checked it");
		c->status = (int)status;
		return 0;
	}
	c->got_bytes += name_len + value_len;
	if (c->got_bytes > HTTP_HEADER_BYTES_MAX || c->got.len >= HTTP_HEADERS_MAX)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* resets the stream */
	*vec_push(&c->got) =
		(struct http_header){.name = str_dup(&c->arena, n), .value = str_dup(&c->arena, v)};
	return 0;
}

static int http_h2_line_on_frame(nghttp2_session *ng, const nghttp2_frame *f, void *ctx)
{
	struct http_line *k = ctx;
	struct http_call *c;

	if (f->hd.type == NGHTTP2_SETTINGS) {
		k->has_settings = true;
		http_client_kick(k->client);
		return 0;
	}
	if (f->hd.type == NGHTTP2_GOAWAY) {
		k->is_draining = true;
		http_client_kick(k->client);
		return 0;
	}
	if (f->hd.type != NGHTTP2_HEADERS && f->hd.type != NGHTTP2_DATA)
		return 0;
	c = http_h2_call(ng, f->hd.stream_id);
	if (!c)
		return 0;
	if (f->hd.flags & NGHTTP2_FLAG_END_STREAM) {
		c->is_ended = true;
		/* An early answer: no need to go on. */
		if (c->is_open || (c->body && c->body_sent < c->body->len))
			nghttp2_submit_rst_stream(ng, NGHTTP2_FLAG_NONE, c->id, NGHTTP2_NO_ERROR);
	}
	if (f->hd.type == NGHTTP2_HEADERS && c->has_head)
		http_call_trailers(c);
	else if (f->hd.type == NGHTTP2_HEADERS && c->status / 100 != 1)
		http_call_head(c, c->status, c->got.ptr, c->got.len);
	return http_h2_line_is_dead(k) ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

static int http_h2_line_on_data(nghttp2_session *ng, uint8_t flags _unused_, int32_t id,
				const uint8_t *data, size_t len, void *ctx)
{
	struct http_line *k = ctx;
	struct http_call *c = http_h2_call(ng, id);

	if (c)
		http_call_data(c, str_n((const char *)data, len));
	if (http_h2_line_is_dead(k))
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	nghttp2_session_consume_connection(ng, len);
	c = http_h2_call(ng, id); /* it may have been cancelled */
	if (c && c->is_paused)
		c->withheld += len;
	else
		nghttp2_session_consume_stream(ng, id, len);
	return 0;
}

static int http_h2_line_on_close(nghttp2_session *ng, int32_t id, uint32_t code, void *ctx)
{
	struct http_line *k = ctx;
	struct http_call *c = http_h2_call(ng, id);

	if (!c || http_h2_line_is_dead(k))
		return 0;
	nghttp2_session_set_stream_user_data(ng, id, NULL);
	if (c->is_ended && c->has_head) {
		http_call_done(c, 0, NULL);
	} else if (code == NGHTTP2_REFUSED_STREAM) {
		http_call_again(c);
	} else {
		char why[96];

		snprintf(why, sizeof(why), "the server broke off the answer (%s)",
			 nghttp2_http2_strerror(code));
		http_call_fail(c, why);
	}
	return http_h2_line_is_dead(k) ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

static ssize_t http_h2_line_read(nghttp2_session *ng, int32_t id, uint8_t *buf, size_t max,
				 uint32_t *flags, nghttp2_data_source *source _unused_,
				 void *ctx _unused_)
{
	struct http_call *c = http_h2_call(ng, id);
	struct str all;
	size_t n;

	if (!c)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* cancelled */
	all = c->is_open ? buf_str(&c->more) : bytes_str(c->body);
	n = MIN(max, all.len - c->body_sent);
	if (c->is_open && !n)
		return NGHTTP2_ERR_DEFERRED;
	memcpy(buf, all.ptr + c->body_sent, n);
	c->body_sent += n;
	if (!c->is_open && c->body_sent == all.len)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	http_call_heard(c); /* a long body is not silence */
	return (ssize_t)n;
}

void http_h2_line_start(struct http_line *k)
{
	nghttp2_settings_entry settings[] = {
		{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
		{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, HTTP_H2_LINE_WINDOW},
		{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HTTP_HEADER_BYTES_MAX},
	};
	nghttp2_session_callbacks *cb;
	nghttp2_option *option;
	int r = nghttp2_session_callbacks_new(&cb);

	assert(r == 0);
	r = nghttp2_option_new(&option);
	assert(r == 0);
	/* A call that is paused does not get its window back. */
	nghttp2_option_set_no_auto_window_update(option, 1);
	nghttp2_session_callbacks_set_on_begin_headers_callback(cb, http_h2_line_on_begin);
	nghttp2_session_callbacks_set_on_header_callback(cb, http_h2_line_on_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(cb, http_h2_line_on_frame);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, http_h2_line_on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb, http_h2_line_on_close);
	r = nghttp2_session_client_new2(&k->ng, cb, k, option);
	assert(r == 0);
	IGNORE(r, "only the assertions read it");
	nghttp2_option_del(option);
	nghttp2_session_callbacks_del(cb);
	nghttp2_submit_settings(k->ng, NGHTTP2_FLAG_NONE, settings, ARRAY_LEN(settings));
	nghttp2_session_set_local_window_size(k->ng, NGHTTP2_FLAG_NONE, 0, HTTP_H2_LINE_WINDOWS);
	http_conn_kick(&k->conn);
}

void http_h2_line_free(struct http_line *k)
{
	nghttp2_session_del(k->ng);
}

bool http_h2_line_has_room(const struct http_line *k)
{
	uint32_t max =
		nghttp2_session_get_remote_settings(k->ng, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);

	/* Until the server has told its limit nghttp2 keeps the surplus: no second connection for
	 * what is a matter of milliseconds. */
	if (!k->has_settings)
		max = HTTP_STREAMS_MAX;
	return k->n_calls < MIN(max, (uint32_t)HTTP_STREAMS_MAX);
}

void http_h2_line_send(struct http_line *k, struct http_call *c)
{
	nghttp2_data_provider provider = {.read_callback = http_h2_line_read};
	struct http_client *t = k->client;
	struct http_h2_fields f;

	f.n = f.text_len = 0;
	http_h2_field(&f, ":method", str_of(http_method_name(c->method)));
	http_h2_field(&f, ":scheme", t->tls ? STR("https") : STR("http"));
	http_h2_field(&f, ":authority", t->authority);
	http_h2_field(&f, ":path", c->target);
	if (str_is_set(t->token))
		http_h2_field(&f, "authorization", t->token);
	if (c->body && !c->is_open)
		http_h2_number(&f, "content-length", c->body->len);
	http_h2_fields(&f, c->headers, c->n_headers);
	c->id = nghttp2_submit_request(k->ng, NULL, f.nv, f.n,
				       c->is_open || (c->body && c->body->len) ? &provider : NULL,
				       c);
	if (c->id < 0) {
		k->is_draining = true; /* no stream number is left */
		http_call_again(c);
		return;
	}
	http_conn_kick(&k->conn);
}

void http_h2_line_cancel(struct http_line *k, struct http_call *c)
{
	nghttp2_session_set_stream_user_data(k->ng, c->id, NULL);
	nghttp2_submit_rst_stream(k->ng, NGHTTP2_FLAG_NONE, c->id, NGHTTP2_CANCEL);
	http_conn_kick(&k->conn);
}

void http_h2_line_resume(struct http_line *k, struct http_call *c)
{
	nghttp2_session_consume_stream(k->ng, c->id, c->withheld);
	c->withheld = 0;
	http_conn_kick(&k->conn);
}

void http_h2_line_write(struct http_line *k, struct http_call *c)
{
	IGNORE(nghttp2_session_resume_data(k->ng, c->id), "fails when it was not waiting for data");
	http_conn_kick(&k->conn);
}

void http_h2_line_ping(struct http_line *k)
{
	nghttp2_submit_ping(k->ng, NGHTTP2_FLAG_NONE, NULL);
	http_conn_kick(&k->conn);
}

void http_h2_line_input(struct http_line *k, struct str data)
{
	ssize_t n = nghttp2_session_mem_recv(k->ng, (const uint8_t *)data.ptr, data.len);

	if (http_h2_line_is_dead(k))
		return;
	if (n < 0) {
		http_line_fail(k, nghttp2_strerror((int)n));
		return;
	}
	if (!nghttp2_session_want_read(k->ng) && !nghttp2_session_want_write(k->ng)) {
		http_line_fail(k, "the server has ended the connection");
		return;
	}
	http_conn_kick(&k->conn);
}

void http_h2_line_produce(struct http_line *k)
{
	int r = http_h2_pump(&k->conn, k->ng);

	if (r < 0 && !http_h2_line_is_dead(k))
		http_line_fail(k, nghttp2_strerror(r));
}
