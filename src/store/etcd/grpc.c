/* SPDX-License-Identifier: Apache-2.0 */
#include "store/etcd/grpc.h"

#include <stdlib.h>
#include <string.h>

struct etcd_grpc {
	struct http_transport *transport;
	struct http_call *call;
	struct etcd_grpc_events ev;
	void *ctx;
	struct buf in; /* what has come and is not a whole message yet */
	int http_status;
	int64_t status; /* grpc-status, -1 until it came */
	char text[ETCD_GRPC_TEXT_MAX];
	bool is_busy, is_cancelled, is_paused;
};

static void grpc_free(struct etcd_grpc *g)
{
	buf_fini(&g->in);
	free(g);
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* grpc-message is percent-encoded; what is badly encoded stays as it is. */
static void set_text(struct etcd_grpc *g, struct str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len && n + 1 < sizeof(g->text); i++) {
		int high = s.ptr[i] == '%' && i + 2 < s.len ? hex(s.ptr[i + 1]) : -1;
		int low = high >= 0 ? hex(s.ptr[i + 2]) : -1;

		if (low >= 0)
			i += 2;
		g->text[n++] = low >= 0 ? (char)((unsigned)high << 4 | (unsigned)low) : s.ptr[i];
	}
	g->text[n] = 0;
}

static void read_status(struct etcd_grpc *g, const struct http_header *headers, size_t n)
{
	struct str status = http_header(headers, n, "grpc-status");

	if (!str_is_set(status))
		return;
	if (str_to_i64(status, 0, 64, &g->status, NULL) < 0)
		g->status = ETCD_GRPC_UNKNOWN;
	set_text(g, http_header(headers, n, "grpc-message"));
}

static void on_sent(void *ctx)
{
	struct etcd_grpc *g = ctx;

	if (g->ev.on_sent)
		g->ev.on_sent(g->ctx);
}

static void on_head(void *ctx, int status, const struct http_header *headers, size_t n)
{
	struct etcd_grpc *g = ctx;

	g->http_status = status;
	read_status(g, headers, n);
}

static void on_trailers(void *ctx, const struct http_header *headers, size_t n)
{
	read_status(ctx, headers, n);
}

static void finish(struct etcd_grpc *g, enum etcd_grpc_status status, const char *text)
{
	struct etcd_grpc_events ev = g->ev;
	void *ctx = g->ctx;
	char copy[ETCD_GRPC_TEXT_MAX];

	snprintf(copy, sizeof(copy), "%s", text);
	grpc_free(g);
	ev.on_done(ctx, status, copy);
}

static void fail(struct etcd_grpc *g, const char *text)
{
	g->transport->ops->cancel(g->call);
	finish(g, ETCD_GRPC_INTERNAL, text);
}

/* The length of the message at the head of `in`; false: not enough is there. */
static bool peek(const struct etcd_grpc *g, size_t at, size_t *ret)
{
	const uint8_t *p = (const uint8_t *)g->in.ptr + at;

	if (g->in.len - at < ETCD_GRPC_HEAD)
		return false;
	*ret = (size_t)p[1] << 24 | (size_t)p[2] << 16 | (size_t)p[3] << 8 | p[4];
	return true;
}

static void on_data(void *ctx, struct str data)
{
	struct etcd_grpc *g = ctx;
	size_t at = 0, len;

	buf_add_str(&g->in, data);
	g->is_busy = true;
	while (!g->is_cancelled && peek(g, at, &len)) {
		if (g->in.ptr[at] || len > ETCD_GRPC_MESSAGE_MAX) {
			g->is_busy = false;
			fail(g, "a message that is compressed or longer than 1 GiB");
			return;
		}
		if (g->in.len - at - ETCD_GRPC_HEAD < len) {
			buf_reserve(&g->in, len + ETCD_GRPC_HEAD + at - g->in.len);
			break;
		}
		at += ETCD_GRPC_HEAD;
		g->ev.on_message(g->ctx, str_n(g->in.ptr + at, len));
		at += len;
	}
	g->is_busy = false;
	if (g->is_cancelled)
		grpc_free(g);
	else
		buf_consume(&g->in, at);
}

static void on_done(void *ctx, int r, const struct err *err)
{
	struct etcd_grpc *g = ctx;
	char text[64];

	if (g->status >= 0) {
		finish(g, (enum etcd_grpc_status)g->status, g->text);
	} else if (r == ERR_TIMEOUT) {
		finish(g, ETCD_GRPC_DEADLINE, err->msg);
	} else if (r < 0) {
		finish(g, ETCD_GRPC_UNAVAILABLE, err->msg);
	} else {
		snprintf(text, sizeof(text), "HTTP status %d and no grpc-status", g->http_status);
		finish(g, ETCD_GRPC_UNAVAILABLE, text);
	}
}

static void add_message(struct buf *b, struct str message)
{
	size_t n = message.len;
	char head[ETCD_GRPC_HEAD] = {0, (char)(n >> 24), (char)(n >> 16), (char)(n >> 8), (char)n};

	assert(n <= ETCD_GRPC_MESSAGE_MAX);
	buf_add(b, head, sizeof(head));
	buf_add_str(b, message);
}

struct etcd_grpc *etcd_grpc_start(struct http_transport *t, const struct etcd_grpc_request *req,
				  const struct etcd_grpc_events *events, void *ctx)
{
	/* hasleader: a member that has lost its leader says so instead of waiting, and ends
	 * watches (etcd's clientv3, WithRequireLeader). */
	static const struct http_header headers[] = {
		{STR("content-type"), STR("application/grpc")},
		{STR("te"), STR("trailers")},
		{STR("hasleader"), STR("true")},
	};
	static const struct http_call_events http_events = {
		.on_head = on_head,
		.on_data = on_data,
		.on_done = on_done,
		.on_sent = on_sent,
		.on_trailers = on_trailers,
	};
	struct etcd_grpc *g = mem_xnew(struct etcd_grpc);
	_cleanup_(buf_fini) struct buf body = BUF_INIT;
	struct http_call_request http = {
		.method = HTTP_POST,
		.target = str_of(req->path),
		.headers = headers,
		.n_headers = ARRAY_LEN(headers),
		.timeout_ms = req->timeout_ms,
		.is_open = req->is_stream,
	};

	g->transport = t;
	g->ev = *events;
	g->ctx = ctx;
	g->status = -1;
	buf_init(&g->in);
	add_message(&body, req->message);
	http.body = bytes_dup(buf_str(&body));
	g->call = t->ops->send(t, &http, &http_events, g);
	bytes_unref(http.body);
	return g;
}

void etcd_grpc_send(struct etcd_grpc *g, struct str message)
{
	_cleanup_(buf_fini) struct buf b = BUF_INIT;

	add_message(&b, message);
	g->transport->ops->write(g->call, buf_str(&b));
}

void etcd_grpc_pause(struct etcd_grpc *g, bool is_paused)
{
	if (g->is_paused == is_paused)
		return;
	g->is_paused = is_paused;
	g->transport->ops->pause(g->call, is_paused);
}

void etcd_grpc_cancel(struct etcd_grpc *g)
{
	if (!g)
		return;
	g->transport->ops->cancel(g->call);
	g->is_cancelled = true;
	if (!g->is_busy)
		grpc_free(g);
}
