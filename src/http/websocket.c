/* SPDX-License-Identifier: Apache-2.0 */
#include "http/websocket.h"

#include "base/rand.h"

#include <openssl/sha.h>
#include <string.h>
#include <wslay/wslay.h>

struct http_ws {
	wslay_event_context_ptr ctx;
	const struct http_ws_ops *ops;
	void *owner;
	struct str in;                   /* what is left of the bytes at hand */
	bool is_data, is_text, is_final; /* of the frame at hand */
	bool is_begun;                   /* a piece of the message has been told */
};

static struct http_ws *ws_of(void *user)
{
	return user;
}

static ssize_t on_recv(wslay_event_context_ptr ctx, uint8_t *buf, size_t len, int flags _unused_,
		       void *user)
{
	struct http_ws *w = ws_of(user);
	size_t n = MIN(len, w->in.len);

	if (n == 0) {
		wslay_event_set_error(ctx, WSLAY_ERR_WOULDBLOCK);
		return -1;
	}
	memcpy(buf, w->in.ptr, n);
	w->in = str_skip(w->in, n);
	return (ssize_t)n;
}

static ssize_t on_send(wslay_event_context_ptr ctx _unused_, const uint8_t *data, size_t len,
		       int flags _unused_, void *user)
{
	struct http_ws *w = ws_of(user);

	w->ops->send(w->owner, str_n((const char *)data, len));
	return (ssize_t)len;
}

static int on_mask(wslay_event_context_ptr ctx _unused_, uint8_t *buf, size_t len,
		   void *user _unused_)
{
	rand_bytes(buf, len);
	return 0;
}

static void tell(struct http_ws *w, struct str piece, bool is_last)
{
	w->ops->on_data(w->owner, piece, !w->is_begun, is_last, w->is_text);
	w->is_begun = !is_last;
}

static void on_frame(wslay_event_context_ptr ctx _unused_,
		     const struct wslay_event_on_frame_recv_start_arg *arg, void *user)
{
	struct http_ws *w = ws_of(user);

	w->is_data = !wslay_is_ctrl_frame(arg->opcode);
	w->is_final = arg->fin;
	if (w->is_data && arg->opcode != WSLAY_CONTINUATION_FRAME)
		w->is_text = arg->opcode == WSLAY_TEXT_FRAME;
}

static void on_chunk(wslay_event_context_ptr ctx _unused_,
		     const struct wslay_event_on_frame_recv_chunk_arg *arg, void *user)
{
	struct http_ws *w = ws_of(user);

	if (w->is_data && arg->data_length)
		tell(w, str_n((const char *)arg->data, arg->data_length), false);
}

static void on_frame_end(wslay_event_context_ptr ctx _unused_, void *user)
{
	struct http_ws *w = ws_of(user);

	if (w->is_data && w->is_final)
		tell(w, STR(""), true);
}

/* Data messages have been told in pieces; a Close is told here. */
static void on_message(wslay_event_context_ptr ctx _unused_,
		       const struct wslay_event_on_msg_recv_arg *arg, void *user)
{
	struct http_ws *w = ws_of(user);

	if (arg->opcode == WSLAY_CONNECTION_CLOSE)
		w->ops->on_close(w->owner, arg->status_code);
}

static void flush(struct http_ws *w)
{
	if (wslay_event_want_write(w->ctx))
		IGNORE(wslay_event_send(w->ctx), "our callbacks do not fail");
}

struct http_ws *http_ws_new(bool is_client, const struct http_ws_ops *ops, void *ctx)
{
	static const struct wslay_event_callbacks callbacks = {
		.recv_callback = on_recv,
		.send_callback = on_send,
		.genmask_callback = on_mask,
		.on_frame_recv_start_callback = on_frame,
		.on_frame_recv_chunk_callback = on_chunk,
		.on_frame_recv_end_callback = on_frame_end,
		.on_msg_recv_callback = on_message,
	};
	struct http_ws *w = mem_xnew(struct http_ws);
	int r = is_client ? wslay_event_context_client_init(&w->ctx, &callbacks, w)
			  : wslay_event_context_server_init(&w->ctx, &callbacks, w);

	assert(r == 0);
	IGNORE(r, "only the assertion reads it");
	wslay_event_config_set_no_buffering(w->ctx, 1);
	w->ops = ops;
	w->owner = ctx;
	return w;
}

void http_ws_free(struct http_ws *w)
{
	if (!w)
		return;
	wslay_event_context_free(w->ctx);
	free(w);
}

int http_ws_feed(struct http_ws *w, struct str bytes, struct err *err)
{
	int r = 0;

	w->in = bytes;
	while (r == 0 && w->in.len && wslay_event_want_read(w->ctx))
		r = wslay_event_recv(w->ctx);
	flush(w); /* the answer to a ping, a Close */
	if (r == 0 && wslay_event_get_close_sent(w->ctx) &&
	    !wslay_event_get_close_received(w->ctx) && !wslay_event_get_read_enabled(w->ctx))
		r = WSLAY_ERR_PROTO;
	return r == 0 ? 0 : err_set(err, ERR_BAD_REQUEST, "a frame that is not WebSocket's");
}

static void queue(struct http_ws *w, uint8_t opcode, struct str text)
{
	struct wslay_event_msg msg = {
		.opcode = opcode, .msg = (const uint8_t *)text.ptr, .msg_length = text.len};

	IGNORE(wslay_event_queue_msg(w->ctx, &msg), "refused only after a Close");
	flush(w);
}

void http_ws_message(struct http_ws *w, bool is_text, struct str head, struct str rest)
{
	struct buf b = BUF_INIT;

	buf_reserve(&b, head.len + rest.len);
	buf_add_str(&b, head);
	buf_add_str(&b, rest);
	queue(w, is_text ? WSLAY_TEXT_FRAME : WSLAY_BINARY_FRAME, buf_str(&b));
	buf_fini(&b);
}

void http_ws_ping(struct http_ws *w)
{
	queue(w, WSLAY_PING, STR(""));
}

void http_ws_close(struct http_ws *w, int code, struct str reason)
{
	reason = str_sub(reason, 0, 123);
	IGNORE(wslay_event_queue_close(w->ctx, (uint16_t)code, (const uint8_t *)reason.ptr,
				       reason.len),
	       "refused only after a Close");
	flush(w);
}

struct str http_ws_accept(struct arena *a, struct str key)
{
	static const char guid[] =
		"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; /* RFC 6455 section 1.3 */
	unsigned char sum[SHA_DIGEST_LENGTH];
	struct buf b = BUF_INIT;
	struct str ret;

	buf_add_str(&b, key);
	buf_add_c(&b, guid);
	SHA1((const unsigned char *)b.ptr, b.len, sum);
	buf_clear(&b);
	buf_add_base64(&b, str_n((const char *)sum, sizeof(sum)));
	ret = str_dup(a, buf_str(&b));
	buf_fini(&b);
	return ret;
}

bool http_ws_is_wanted(const struct http_exchange *x)
{
	const struct http_request *req = &x->req;

	return req->method == HTTP_GET && str_eq_nocase(http_upgrade_offer(x), STR("websocket")) &&
	       str_eq_c(http_header(req->headers, req->n_headers, "sec-websocket-version"), "13") &&
	       http_header(req->headers, req->n_headers, "sec-websocket-key").len > 0;
}
