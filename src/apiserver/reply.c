/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/reply.h"

#include "api/proto.h"
#include "apiserver/compress.h"
#include "apiserver/render.h"
#include "apiserver/render_proto.h"
#include "apiserver/stats.h"
#include "loop/loop.h"

enum {
	REPLY_NOW_MAX = 1024 * 1024, /* bytes that are compressed on the loop: some milliseconds */
	REPLY_LATER_MAX = 256 * 1024 * 1024, /* bytes of answers at the helper threads */
	REPLY_SMALL = 64 * 1024,             /* bytes: such an answer is always given */
	REPLY_WARNINGS_CHARS = 4096,         /* of all warnings of an answer; more: */
	REPLY_WARNING_CHARS = 256,           /* … so many of each */
};

/* Of all servers in this process: those that wait for a helper thread, or are there. What would
 * pass REPLY_LATER_MAX is sent as it is, so that a crowd of clients costs no more memory. */
static atomic_size_t reply_bytes_later;

/* An answer that is being compressed. It outlives its client, until the helper thread is done. */
struct reply_later {
	struct request *req; /* NULL: the client has gone */
	int status;
	struct bytes *body, *packed;
	atomic_bool is_stopped;
};

static bool is_inside(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80; /* not the first byte of a character */
}

static size_t n_chars(struct str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++)
		n += !is_inside(s.ptr[i]);
	return n;
}

static struct str first_chars(struct str s, size_t n)
{
	for (size_t i = 0; i < s.len; i++)
		if (!is_inside(s.ptr[i]) && n-- == 0)
			return str_sub(s, 0, i);
	return s;
}

/* RFC 9110 appendix (Warning of RFC 7234): 299 - "text", with control characters made blanks. */
static struct str warning_value(struct request *req, struct str text)
{
	struct buf b = BUF_INIT;
	struct str ret;

	buf_add_c(&b, "299 - \"");
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		if (c == '"' || c == '\\')
			buf_add_byte(&b, '\\');
		buf_add_byte(&b, c < 0x20 || c == 0x7f ? ' ' : (char)c);
	}
	buf_add_byte(&b, '"');
	ret = str_dup(req->arena, buf_str(&b));
	buf_fini(&b);
	return ret;
}

/* All of them in full when they are short together; otherwise the beginning of each, and no more
 * when that is too much too. As a stock server does: clients refuse a head that is too long. */
static size_t warning_headers(struct request *req, struct http_header *ret)
{
	size_t n = 0, sum = 0, most = SIZE_MAX;

	for (size_t i = 0; i < req->n_warnings; i++)
		sum += n_chars(req->warnings[i]);
	if (sum > REPLY_WARNINGS_CHARS)
		most = REPLY_WARNING_CHARS;
	sum = 0;
	for (size_t i = 0; i < req->n_warnings && sum < REPLY_WARNINGS_CHARS; i++) {
		struct str text = first_chars(req->warnings[i], most);

		sum += n_chars(text);
		ret[n++] = (struct http_header){STR("warning"), warning_value(req, text)};
	}
	return n;
}

/* `body` in that encoding (NULL: as it is). */
static void send(struct request *req, int status, const char *encoding, struct bytes *body)
{
	struct http_header headers[REQUEST_WARNINGS_MAX + 4];
	size_t n = 0;

	headers[n++] = (struct http_header){STR("content-type"), str_of(req->content_type)};
	if (encoding) {
		headers[n++] = (struct http_header){STR("content-encoding"), str_of(encoding)};
		headers[n++] = (struct http_header){STR("vary"), STR("Accept-Encoding")};
	}
	if (req->st.retry_after_s)
		headers[n++] = (struct http_header){
			STR("retry-after"), str_printf(req->arena, "%d", req->st.retry_after_s)};
	n += warning_headers(req, headers + n);
	bytes_count(body);
	stats_request(req, status);
	http_reply_with(req->x, status, headers, n, body);
}

static void send_either(struct request *req, int status, struct bytes *body, struct bytes *packed)
{
	send(req, status, packed ? "gzip" : NULL, packed ? packed : body);
}

static void later_work(void *ctx)
{
	struct reply_later *l = ctx;

	l->packed = compress_gzip(bytes_str(l->body), &l->is_stopped);
}

static void later_done(void *ctx)
{
	struct reply_later *l = ctx;

	if (l->req) {
		l->req->x->on_close = NULL;
		send_either(l->req, l->status, l->body, l->packed);
	}
	atomic_fetch_sub(&reply_bytes_later, l->body->len);
	bytes_unref(l->body);
	bytes_unref(l->packed);
	free(l);
}

static void later_closed(struct http_exchange *x)
{
	struct reply_later *l = x->handler_ctx;

	l->req = NULL;
	atomic_store(&l->is_stopped, true);
}

static void send_later(struct request *req, int status, struct bytes *body)
{
	struct reply_later *l = mem_xnew(struct reply_later);

	atomic_fetch_add(&reply_bytes_later, body->len);
	l->req = req;
	l->status = status;
	l->body = bytes_ref(body);
	req->x->handler_ctx = l;
	req->x->on_close = later_closed;
	loop_work(req->s->loop, later_work, later_done, l);
}

int reply_admit(struct request *req, size_t len)
{
	const struct apiserver_config *c = &req->s->config;
	size_t most = c->unsent_bytes_max ? c->unsent_bytes_max : (size_t)APISERVER_UNSENT_MAX;

	if (len <= REPLY_SMALL || bytes_counted() <= most)
		return 0;
	req->st.retry_after_s = 1;
	return status_set(&req->st, ERR_TOO_MANY, "too many requests, please try again later");
}

void reply_bytes(struct request *req, int status, struct bytes *body)
{
	struct bytes *packed = NULL;

	bytes_count(body);
	if (!compress_is_wanted(&req->x->req, body->len)) {
		send(req, status, NULL, body);
	} else if (body->len <= REPLY_NOW_MAX) {
		packed = compress_gzip(bytes_str(body), NULL);
		send_either(req, status, body, packed);
		bytes_unref(packed);
	} else if (atomic_load(&reply_bytes_later) + body->len > REPLY_LATER_MAX) {
		send(req, status, NULL, body);
	} else {
		send_later(req, status, body);
	}
	bytes_unref(body);
}

void reply_buf(struct request *req, int status, struct buf *b)
{
	struct bytes *body = bytes_dup(buf_str(b));

	buf_fini(b);
	reply_bytes(req, status, body);
}

void reply_object(struct request *req, int status, struct object *o, uint64_t rev)
{
	struct buf b = BUF_INIT;

	render_object(&b, req, o, rev);
	reply_buf(req, status, &b);
}

/* For the audit log. */
static void note(struct http_exchange *x, struct str json)
{
	if (x->on_answer)
		x->answer_note = str_dup(&x->arena, json);
}

void reply_status(struct request *req, int status, struct buf *json)
{
	struct buf b = BUF_INIT;

	note(req->x, buf_str(json));
	if (req->format != REQUEST_PROTO) {
		req->content_type = "application/json";
		reply_buf(req, status, json);
		return;
	}
	req->content_type = API_PROTO;
	render_proto_status(&b, buf_str(json));
	buf_fini(json);
	reply_buf(req, status, &b);
}

void reply_tree(struct request *req, int status, const char *api_version, const char *kind,
		const char *type, struct buf *json)
{
	struct buf b = BUF_INIT;

	if (req->format != REQUEST_PROTO) {
		req->content_type = "application/json";
		reply_buf(req, status, json);
		return;
	}
	render_proto_tree(&b, api_version, kind, type, buf_str(json));
	buf_fini(json);
	reply_buf(req, status, &b);
}

void reply_failure(struct request *req)
{
	struct buf b = BUF_INIT;

	assert(req->st.code);
	status_write(&b, &req->st);
	reply_status(req, req->st.code, &b);
}

void reply_refused(struct http_exchange *x, const struct status *st)
{
	struct buf b = BUF_INIT;

	status_write(&b, st);
	note(x, buf_str(&b));
	http_reply_buf(x, st->code, "application/json", &b);
}

void reply_refusal(struct http_exchange *x, int code, const char *message)
{
	struct status st = {.arena = &x->arena};

	IGNORE(status_set(&st, code, "%s", message), "told at once");
	reply_refused(x, &st);
}
