/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/wire.h"

#include "http/spdy.h"
#include "http/websocket.h"
#include "loop/loop.h"

enum {
	END_CHANNEL = 255, /* of v5: its message names the stream that ends */
};

struct agent_wire {
	struct loop *loop;
	struct http_exchange *x; /* NULL: ended */
	const struct agent_wire_ops *ops;
	void *ctx;
	struct http_ws *ws;
	struct http_spdy *spdy;
	bool has_channel, is_v5;
	uint8_t channel; /* of the message at hand */
};

/* Nothing is told after this. */
static void wire_freed(void *ctx)
{
	struct agent_wire *w = ctx;

	http_ws_free(w->ws);
	http_spdy_free(w->spdy);
	free(w);
}

static void forget(struct agent_wire *w)
{
	w->x = NULL;
	loop_post(w->loop, wire_freed, w);
}

void agent_wire_close(struct agent_wire *w)
{
	struct http_exchange *x = w ? w->x : NULL;

	if (!x)
		return;
	if (w->ws)
		http_ws_close(w->ws, 1000, STR(""));
	forget(w);
	x->on_close = NULL;
	http_end(x);
}

/* The client has ended it, or does not speak what it said it would. */
static void lose(struct agent_wire *w)
{
	const struct agent_wire_ops *ops = w->ops;
	void *ctx = w->ctx;

	if (!w->x)
		return;
	agent_wire_close(w);
	ops->on_gone(ctx);
}

static void on_close(struct http_exchange *x)
{
	struct agent_wire *w = x->handler_ctx;
	const struct agent_wire_ops *ops = w->ops;
	void *ctx = w->ctx;

	forget(w);
	ops->on_gone(ctx);
}

static void on_writable(struct http_exchange *x)
{
	struct agent_wire *w = x->handler_ctx;

	w->ops->on_writable(w->ctx);
}

static void send_raw(void *ctx, struct str bytes)
{
	struct agent_wire *w = ctx;
	struct bytes *b;

	if (!w->x)
		return;
	b = bytes_dup(bytes);
	http_write(w->x, b);
	bytes_unref(b);
}

/* ---- SPDY ----------------------------------------------------------------------------------- */

static void spdy_send(void *ctx, struct str bytes)
{
	struct agent_wire *w = ctx;

	if (w->ws && w->x)
		http_ws_message(w->ws, false, bytes, STR(""));
	else
		send_raw(ctx, bytes);
}

static void spdy_stream(void *ctx, uint32_t id, const struct http_header *headers, size_t n,
			bool is_last)
{
	struct agent_wire *w = ctx;

	if (!w->x)
		return;
	if (!w->ops->on_open(w->ctx, id, headers, n)) {
		http_spdy_reset(w->spdy, id, HTTP_SPDY_REFUSED_STREAM);
		return;
	}
	if (!w->x)
		return;
	http_spdy_reply(w->spdy, id);
	if (is_last)
		w->ops->on_data(w->ctx, id, STR(""), true);
}

static void spdy_data(void *ctx, uint32_t id, struct str piece, bool is_last)
{
	struct agent_wire *w = ctx;

	if (w->x)
		w->ops->on_data(w->ctx, id, piece, is_last);
}

static void spdy_reset(void *ctx, uint32_t id, uint32_t status)
{
	struct agent_wire *w = ctx;

	if (w->x)
		w->ops->on_reset(w->ctx, id);
}

static void spdy_goaway(void *ctx)
{
}

static const struct http_spdy_ops spdy_ops = {
	.send = spdy_send,
	.on_stream = spdy_stream,
	.on_data = spdy_data,
	.on_reset = spdy_reset,
	.on_goaway = spdy_goaway,
};

/* ---- WebSocket ------------------------------------------------------------------------------ */

static void take_channel(struct agent_wire *w, struct str piece, bool is_first)
{
	if (is_first)
		w->has_channel = false;
	if (!w->has_channel && piece.len) {
		w->channel = (uint8_t)piece.ptr[0];
		w->has_channel = true;
		piece = str_skip(piece, 1);
	}
	if (!piece.len)
		return;
	if (w->channel == END_CHANNEL && w->is_v5)
		w->ops->on_data(w->ctx, (uint8_t)piece.ptr[0], STR(""), true);
	else
		w->ops->on_data(w->ctx, w->channel, piece, false);
}

static void ws_data(void *ctx, struct str piece, bool is_first, bool is_last, bool is_text)
{
	struct agent_wire *w = ctx;

	if (!w->x)
		return;
	if (!w->spdy)
		take_channel(w, piece, is_first);
	else if (http_spdy_feed(w->spdy, piece, NULL) < 0)
		lose(w);
}

static void ws_close(void *ctx, int code)
{
	lose(ctx);
}

static const struct http_ws_ops ws_ops = {
	.send = send_raw, .on_data = ws_data, .on_close = ws_close};

static void on_data(struct http_exchange *x, struct str data)
{
	struct agent_wire *w = x->handler_ctx;
	int r = w->ws ? http_ws_feed(w->ws, data, NULL) : http_spdy_feed(w->spdy, data, NULL);

	if (r < 0)
		lose(w);
}

/* ---- agreeing ------------------------------------------------------------------------------- */

/* The first of the client's protocols that is spoken here; absent: none. */
static struct str pick(const struct http_request *req, const char *header, const char *const *ours)
{
	for (size_t i = 0; i < req->n_headers; i++) {
		struct str rest = req->headers[i].value, one;

		if (!str_eq_c(req->headers[i].name, header))
			continue;
		while (str_next(&rest, ',', &one))
			for (size_t k = 0; ours[k]; k++)
				if (str_eq_c(str_trim(one), ours[k]))
					return str_of(ours[k]);
	}
	return (struct str){0};
}

static const char spdy_tunnel[] = "SPDY/3.1+portforward.k8s.io";

static int agree_ws(struct http_exchange *x, enum agent_wire_use use, struct str *ret,
		    struct err *err)
{
	static const char *const remote[] = {"v5.channel.k8s.io", "v4.channel.k8s.io", NULL};
	static const char *const forward[] = {spdy_tunnel, "v4.channel.k8s.io",
					      "portforward.k8s.io", NULL};
	static const char header[] = "sec-websocket-protocol";

	*ret = pick(&x->req, header, use == AGENT_WIRE_REMOTE ? remote : forward);
	if (str_is_set(*ret) || !str_is_set(http_header(x->req.headers, x->req.n_headers, header)))
		return 0;
	return err_set(err, ERR_BAD_REQUEST,
		       "none of the WebSocket protocols that were offered is served here: %s",
		       use == AGENT_WIRE_REMOTE
			       ? "v5.channel.k8s.io and v4.channel.k8s.io are"
			       : "SPDY/3.1+portforward.k8s.io and v4.channel.k8s.io are");
}

static int agree_spdy(struct http_exchange *x, enum agent_wire_use use, struct str *ret,
		      struct err *err)
{
	const char *const ours[] = {
		use == AGENT_WIRE_REMOTE ? "v4.channel.k8s.io" : "portforward.k8s.io", NULL};

	*ret = pick(&x->req, "x-stream-protocol-version", ours);
	if (!str_is_set(*ret))
		return err_set(err, ERR_FORBIDDEN,
			       "unable to upgrade: unable to negotiate protocol: server accepts "
			       "[%s]",
			       ours[0]);
	return 0;
}

static void answer_ws(struct http_exchange *x, struct str protocol)
{
	struct http_header h[3] = {{STR("upgrade"), STR("websocket")},
				   {STR("sec-websocket-accept"), {0}},
				   {STR("sec-websocket-protocol"), protocol}};

	h[1].value = http_ws_accept(
		&x->arena, http_header(x->req.headers, x->req.n_headers, "sec-websocket-key"));
	http_upgrade(x, h, str_is_set(protocol) ? 3 : 2);
}

static void answer_spdy(struct http_exchange *x, struct str protocol)
{
	struct http_header h[] = {{STR("upgrade"), STR("SPDY/3.1")},
				  {STR("x-stream-protocol-version"), protocol}};

	http_upgrade(x, h, ARRAY_LEN(h));
}

int agent_wire_open(struct loop *l, struct http_exchange *x, enum agent_wire_use use,
		    const struct agent_wire_ops *ops, void *ctx, struct agent_wire **ret,
		    struct err *err)
{
	bool is_ws = http_ws_is_wanted(x);
	struct str protocol = {0};
	struct agent_wire *w;
	int r;

	if (!is_ws && !str_eq_nocase(http_upgrade_offer(x), STR("spdy/3.1")))
		return err_set(err, ERR_BAD_REQUEST,
			       "an upgrade to WebSocket (version 13) or SPDY/3.1 is required");
	r = is_ws ? agree_ws(x, use, &protocol, err) : agree_spdy(x, use, &protocol, err);
	if (r < 0)
		return r;
	w = mem_xnew(struct agent_wire);
	w->loop = l;
	w->x = x;
	w->ops = ops;
	w->ctx = ctx;
	w->is_v5 = str_eq_c(protocol, "v5.channel.k8s.io");
	if (is_ws)
		w->ws = http_ws_new(false, &ws_ops, w);
	if (!is_ws || str_eq_c(protocol, spdy_tunnel))
		w->spdy = http_spdy_new(false, &spdy_ops, w);
	x->handler_ctx = w;
	x->on_data = on_data;
	x->on_close = on_close;
	x->on_writable = on_writable;
	if (is_ws)
		answer_ws(x, protocol);
	else
		answer_spdy(x, protocol);
	*ret = w;
	return 0;
}

/* ---- using ---------------------------------------------------------------------------------- */

bool agent_wire_has_channels(const struct agent_wire *w)
{
	return !w->spdy;
}

void agent_wire_write(struct agent_wire *w, uint32_t id, struct str data)
{
	const char channel = (char)id;

	if (!w->x)
		return;
	if (w->spdy)
		http_spdy_data(w->spdy, id, data, false);
	else
		http_ws_message(w->ws, false, str_n(&channel, 1), data);
}

void agent_wire_end(struct agent_wire *w, uint32_t id)
{
	if (w->x && w->spdy)
		http_spdy_data(w->spdy, id, STR(""), true);
}

bool agent_wire_is_full(const struct agent_wire *w)
{
	return w->x && http_pending(w->x) >= AGENT_WIRE_FULL;
}

void agent_wire_pause(struct agent_wire *w, bool is_paused)
{
	if (w->x)
		http_pause(w->x, is_paused);
}
