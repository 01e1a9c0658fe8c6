/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/reply.h"

#include "api/proto.h"
#include "apiserver/render.h"
#include "apiserver/render_proto.h"
#include "apiserver/stats.h"

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

void reply_bytes(struct request *req, int status, struct bytes *body)
{
	struct http_header headers[REQUEST_WARNINGS_MAX + 2];
	size_t n = 0;

	headers[n++] = (struct http_header){STR("content-type"), str_of(req->content_type)};
	if (req->st.retry_after_s)
		headers[n++] = (struct http_header){
			STR("retry-after"), str_printf(req->arena, "%d", req->st.retry_after_s)};
	for (size_t i = 0; i < req->n_warnings; i++)
		headers[n++] =
			(struct http_header){STR("warning"), warning_value(req, req->warnings[i])};
	stats_request(req, status);
	http_reply_with(req->x, status, headers, n, body);
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

void reply_status(struct request *req, int status, struct buf *json)
{
	struct buf b = BUF_INIT;

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

void reply_refusal(struct http_exchange *x, int code, const char *message)
{
	struct status st = {.arena = &x->arena};
	struct buf b = BUF_INIT;
	struct bytes *body;

	IGNORE(status_set(&st, code, "%s", message), "returns its code, which we have");
	status_write(&b, &st);
	body = bytes_dup(buf_str(&b));
	buf_fini(&b);
	http_reply(x, st.code, "application/json", body);
	bytes_unref(body);
}
