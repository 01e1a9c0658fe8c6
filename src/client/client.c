/* SPDX-License-Identifier: Apache-2.0 */
#include "client/client.h"

#include "base/fd.h"
#include "client/client-internal.h"
#include "client/codec.h"
#include "client/stream.h"
#include "loop/loop.h"

enum {
	CLIENT_TIMEOUT_MS = 30000,
	CLIENT_TOKEN_MAX = 64 * 1024, /* bytes of a token file */
	CLIENT_TOKEN_AGE_MS = 60000,  /* service account tokens are renewed in place */
};

struct client_request {
	struct list_node link; /* in client.requests */
	struct client *client;
	struct http_call *call;
	client_fn fn;
	void *ctx;
	char *what; /* "PUT /api/v1/…", for errors */
	int status;
	struct buf content_type, body;
	bool is_too_large;
};

struct client *client_new(struct loop *l, struct http_transport *t, const char *user_agent)
{
	struct client *c = mem_xnew(struct client);

	c->loop = l;
	c->transport = t;
	c->user_agent = mem_xstrdup(user_agent);
	list_init(&c->requests);
	list_init(&c->streams);
	return c;
}

static void request_free(struct client_request *r)
{
	list_remove(&r->link);
	buf_fini(&r->content_type);
	buf_fini(&r->body);
	free(r->what);
	free(r);
}

void client_cancel(struct client_request *r)
{
	if (!r)
		return;
	r->client->transport->ops->cancel(r->call);
	request_free(r);
}

void client_free(struct client *c)
{
	if (!c)
		return;
	list_foreach(struct client_request, r, &c->requests, link)
		client_cancel(r);
	client_stream_cancel_all(c);
	c->transport->ops->close(c->transport);
	free(c->user_agent);
	free(c->token);
	free(c->token_file);
	free(c);
}

/* A file that cannot be read leaves the token that was known: the server says what is wrong. */
static void client_refresh_token(struct client *c)
{
	int64_t now = clock_mono_ms(loop_clock(c->loop));
	struct buf text;
	struct str token;

	if (!c->token_file || (c->token && now - c->token_read_ms < CLIENT_TOKEN_AGE_MS))
		return;
	buf_init(&text);
	if (fd_read_file(c->token_file, CLIENT_TOKEN_MAX, &text, NULL) >= 0) {
		token = str_trim(buf_str(&text));
		free(c->token);
		c->token = mem_xstrndup(token.ptr, token.len);
		c->token_read_ms = now;
	}
	buf_fini(&text);
}

size_t client_headers(struct client *c, struct arena *a,
		      struct http_header headers[CLIENT_HEADERS_MAX])
{
	size_t n = 0;

	client_refresh_token(c);
	headers[n++] = (struct http_header){STR("accept"), str_of(client_codec_accept())};
	headers[n++] = (struct http_header){STR("user-agent"), str_of(c->user_agent)};
	if (c->token)
		headers[n++] = (struct http_header){STR("authorization"),
						    str_printf(a, "Bearer %s", c->token)};
	return n;
}

static void request_head(void *ctx, int status, const struct http_header *headers, size_t n)
{
	struct client_request *r = ctx;

	r->status = status;
	buf_add_str(&r->content_type, http_header(headers, n, "content-type"));
}

static void request_data(void *ctx, struct str data)
{
	struct client_request *r = ctx;

	if (r->body.len + data.len > CLIENT_ANSWER_MAX)
		r->is_too_large = true;
	else if (!r->is_too_large)
		buf_add_str(&r->body, data);
}

/* What the answer means: 0 with its object, or an error (with its Status, if there is one). */
static int request_result(struct client_request *r, struct arena *a, struct json **ret,
			  struct err *err)
{
	int code;

	if (r->is_too_large)
		return err_set(err, ERR_TOO_LARGE, "an answer of more than %d bytes",
			       CLIENT_ANSWER_MAX);
	if (r->status >= 200 && r->status < 300) {
		if (!r->body.len)
			return 0;
		return client_codec_decode(a, buf_str(&r->content_type), buf_str(&r->body), ret,
					   err);
	}
	code = client_status_error(r->status, buf_str(&r->body), err);
	if (client_codec_decode(a, buf_str(&r->content_type), buf_str(&r->body), ret, NULL) < 0)
		*ret = NULL;
	return code;
}

static void request_done(void *ctx, int r, const struct err *err)
{
	struct client_request *req = ctx;
	struct err failure;
	struct json *obj = NULL;
	struct arena a;

	arena_init(&a, 0);
	if (r == 0) {
		r = request_result(req, &a, &obj, &failure);
		err = &failure;
	} else if (err) {
		failure = *err;
		err = &failure;
	} else {
		err_set(&failure, r, "%s", err_reason(r));
		err = &failure;
	}
	if (r < 0)
		err_wrap(&failure, r, "%s", req->what);
	list_remove(&req->link);
	req->fn(req->ctx, r, obj, r < 0 ? err : NULL);
	arena_fini(&a);
	request_free(req);
}

static const struct http_call_events request_events = {
	.on_head = request_head,
	.on_data = request_data,
	.on_done = request_done,
};

static const char *call_target(struct arena *a, const struct client_call *call)
{
	struct str path = api_kind_path(a, call->kind, call->ns, call->name);

	return str_printf(a, "%.*s%s%.*s%s%.*s", STR_ARG(path), call->subresource.len ? "/" : "",
			  STR_ARG(call->subresource), call->query.len ? "?" : "",
			  STR_ARG(call->query))
		.ptr;
}

static struct bytes *call_body(const struct client_call *call)
{
	struct bytes *body;
	struct buf b;

	if (!call->body)
		return NULL;
	buf_init(&b);
	json_write(&b, call->body);
	body = bytes_dup(buf_str(&b));
	buf_fini(&b);
	return body;
}

struct client_request *client_send(struct client *c, const struct client_call *call, client_fn fn,
				   void *ctx)
{
	struct client_request *r = mem_xnew(struct client_request);
	const char *type = call->content_type ? call->content_type : "application/json";
	struct http_header headers[CLIENT_HEADERS_MAX];
	struct bytes *body = call_body(call);
	struct http_call_request req = {
		.method = call->method,
		.headers = headers,
		.body = body,
		.timeout_ms = call->timeout_ms ? call->timeout_ms : CLIENT_TIMEOUT_MS,
	};
	const char *target;
	struct arena a;

	arena_init(&a, 512);
	req.n_headers = client_headers(c, &a, headers);
	if (body)
		headers[req.n_headers++] = (struct http_header){STR("content-type"), str_of(type)};
	target = call_target(&a, call);
	req.target = str_of(target);
	r->client = c;
	r->fn = fn;
	r->ctx = ctx;
	r->what = mem_xprintf("%s %s", http_method_name(call->method), target);
	buf_init(&r->content_type);
	buf_init(&r->body);
	list_append(&c->requests, &r->link);
	r->call = c->transport->ops->send(c->transport, &req, &request_events, r);
	bytes_unref(body);
	arena_fini(&a);
	return r;
}
