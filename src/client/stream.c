/* SPDX-License-Identifier: Apache-2.0 */
#include "client/stream.h"

#include "base/list.h"
#include "client/client-internal.h"
#include "client/codec.h"

#include <string.h>

struct client_stream {
	struct list_node link; /* in client.streams */
	struct client *client;
	struct http_call *call;
	const struct client_stream_events *events;
	void *ctx;
	int status;
	struct buf content_type;
	struct buf rest; /* an unfinished frame, or an error's body */
	bool is_dead;    /* cancelled under on_frame: freed when that returns */
	bool is_busy;    /* in on_frame */
};

static void stream_free(struct client_stream *s)
{
	list_remove(&s->link);
	buf_fini(&s->content_type);
	buf_fini(&s->rest);
	free(s);
}

int client_status_error(int status, struct str body, struct err *err)
{
	struct arena a;
	struct json *obj = NULL;
	struct str reason = {0}, message = {0};
	int code;

	arena_init(&a, 0);
	if (client_codec_decode(&a, (struct str){0}, body, &obj, NULL) == 0) {
		reason = json_get_string(obj, "reason");
		message = json_get_string(obj, "message");
	}
	code = err_from_http(status, str_cstr(&a, reason));
	if (message.len)
		err_set(err, code, "%.*s", STR_ARG(message));
	else
		err_set(err, code, "the server answered HTTP %d", status);
	arena_fini(&a);
	return code;
}

static void stream_head(void *ctx, int status, const struct http_header *headers, size_t n)
{
	struct client_stream *s = ctx;

	s->status = status;
	buf_add_str(&s->content_type, http_header(headers, n, "content-type"));
}

/* Ends the stream with an error of our own. */
static void stream_fail(struct client_stream *s, const struct err *err)
{
	const struct client_stream_events *events = s->events;
	void *ctx = s->ctx;

	s->client->transport->ops->cancel(s->call);
	stream_free(s);
	events->on_done(ctx, err->code, err);
}

/* False when the stream was cancelled by its consumer. */
static bool stream_frame(struct client_stream *s, struct str frame)
{
	frame = str_trim(frame);
	if (!frame.len)
		return true;
	s->is_busy = true;
	s->events->on_frame(s->ctx, frame, buf_str(&s->content_type));
	s->is_busy = false;
	if (!s->is_dead)
		return true;
	stream_free(s);
	return false;
}

static void stream_data(void *ctx, struct str data)
{
	struct client_stream *s = ctx;
	struct err err;
	ptrdiff_t end;

	if (s->status != 200) {
		buf_add_str(&s->rest, str_sub(data, 0, CLIENT_STATUS_MAX - s->rest.len));
		return;
	}
	while ((end = str_find(data, '\n')) >= 0) {
		struct str line = str_sub(data, 0, (size_t)end);

		data = str_skip(data, (size_t)end + 1);
		if (s->rest.len) {
			buf_add_str(&s->rest, line);
			line = buf_str(&s->rest);
		}
		if (!stream_frame(s, line))
			return;
		if (s->rest.len)
			buf_fini(&s->rest);
	}
	if (s->rest.len + data.len > CLIENT_FRAME_MAX) {
		err_set(&err, ERR_TOO_LARGE, "a watch event of more than %d bytes",
			CLIENT_FRAME_MAX);
		stream_fail(s, &err);
		return;
	}
	buf_add_str(&s->rest, data);
}

static void stream_done(void *ctx, int r, const struct err *err)
{
	struct client_stream *s = ctx;
	const struct client_stream_events *events = s->events;
	void *user = s->ctx;
	struct err failure;

	if (r == 0 && s->status != 200) {
		r = client_status_error(s->status, buf_str(&s->rest), &failure);
		err = &failure;
	}
	stream_free(s);
	events->on_done(user, r, err);
}

static const struct http_call_events stream_events = {
	.on_head = stream_head,
	.on_data = stream_data,
	.on_done = stream_done,
};

struct client_stream *client_stream_new(struct client *c, const char *target, int64_t timeout_ms,
					const struct client_stream_events *events, void *ctx)
{
	struct client_stream *s = mem_xnew(struct client_stream);
	struct http_header headers[CLIENT_HEADERS_MAX];
	struct http_call_request req = {
		.method = HTTP_GET,
		.target = str_of(target),
		.headers = headers,
		.timeout_ms = timeout_ms,
	};
	struct arena a;

	arena_init(&a, 512);
	req.n_headers = client_headers(c, &a, headers);
	s->client = c;
	s->events = events;
	s->ctx = ctx;
	buf_init(&s->content_type);
	buf_init(&s->rest);
	list_append(&c->streams, &s->link);
	s->call = c->transport->ops->send(c->transport, &req, &stream_events, s);
	arena_fini(&a);
	return s;
}

void client_stream_cancel(struct client_stream *s)
{
	if (!s || s->is_dead)
		return;
	s->client->transport->ops->cancel(s->call);
	s->is_dead = true;
	if (!s->is_busy)
		stream_free(s);
}

void client_stream_cancel_all(struct client *c)
{
	list_foreach(struct client_stream, s, &c->streams, link)
		client_stream_cancel(s);
}
