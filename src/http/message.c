/* SPDX-License-Identifier: Apache-2.0 */
#include "http/http.h"

#include "base/metrics.h"
#include "http/parser.h"

#include <string.h>

static const char *const http_method_names[] = {
	[HTTP_GET] = "GET",         [HTTP_HEAD] = "HEAD",       [HTTP_POST] = "POST",
	[HTTP_PUT] = "PUT",         [HTTP_PATCH] = "PATCH",     [HTTP_DELETE] = "DELETE",
	[HTTP_OPTIONS] = "OPTIONS", [HTTP_CONNECT] = "CONNECT", [HTTP_OTHER] = "OTHER",
};

const char *http_method_name(enum http_method m)
{
	return http_method_names[m];
}

enum http_method http_method_of(struct str name)
{
	for (enum http_method m = HTTP_GET; m < HTTP_OTHER; m++)
		if (str_eq_c(name, http_method_names[m]))
			return m;
	return HTTP_OTHER;
}

struct str http_header(const struct http_header *headers, size_t n, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < n; i++)
		if (headers[i].name.len == len && memcmp(headers[i].name.ptr, name, len) == 0)
			return headers[i].value;
	return (struct str){0};
}

static int http_hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int http_unescape(struct arena *a, struct str s, bool plus_is_blank, struct str *ret,
		  struct err *err)
{
	char *p = arena_alloc(a, s.len + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if (c == '+' && plus_is_blank) {
			c = ' ';
		} else if (c == '%') {
			int hi = s.len - i > 2 ? http_hex(s.ptr[i + 1]) : -1;
			int lo = s.len - i > 2 ? http_hex(s.ptr[i + 2]) : -1;

			if (hi < 0 || lo < 0)
				return err_set(
					err, ERR_BAD_REQUEST,
					"'%%' at byte %zu is not followed by two hexadecimal "
					"digits",
					i);
			c = (char)(hi << 4 | lo);
			i += 2;
		}
		if (c == '\0')
			return err_set(err, ERR_BAD_REQUEST, "a NUL byte is not allowed");
		p[n++] = c;
	}
	p[n] = '\0';
	*ret = str_n(p, n);
	return 0;
}

void http_escape(struct buf *b, struct str s)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];

		if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    c == '-' || c == '.' || c == '_' || c == '~') { /* unreserved, RFC 3986 */
			buf_add_byte(b, (char)c);
		} else {
			buf_add_byte(b, '%');
			buf_add_byte(b, hex[c >> 4]);
			buf_add_byte(b, hex[c & 15]);
		}
	}
}

struct str http_query(struct arena *a, struct str query, const char *name, size_t nth)
{
	struct str part, key, value;

	while (str_next(&query, '&', &part)) {
		ptrdiff_t eq = str_find(part, '=');

		key = eq < 0 ? part : str_sub(part, 0, (size_t)eq);
		value = eq < 0 ? STR("") : str_skip(part, (size_t)eq + 1);
		/* Names of ours need no escapes, so nearly every key is compared as it is. */
		if (str_find(key, '%') >= 0 && http_unescape(a, key, true, &key, NULL) < 0)
			continue;
		if (!str_eq_c(key, name) || nth-- > 0)
			continue;
		/* An escape that is none stays as it is written. */
		IGNORE(http_unescape(a, value, true, &value, NULL), "see above");
		return value.ptr ? value : STR("");
	}
	return (struct str){0};
}

const struct http_header *http_parser_headers(const struct http_parser *p, struct arena *a)
{
	struct http_header *h = arena_array(a, p->fields.len + 1, sizeof(*h));
	char *text = arena_strndup(a, p->text.ptr, p->text.len);

	for (size_t i = 0; i < p->fields.len; i++) {
		const struct http_parser_field *f = &p->fields.ptr[i];

		h[i].name = str_n(text + f->name, f->name_len);
		h[i].value = str_trim(str_n(text + f->value, f->value_len));
	}
	return h;
}

const char *http_status_text(int status)
{
	static const struct {
		int status;
		const char *text;
	} rows[] = {
		{100, "Continue"},
		{101, "Switching Protocols"},
		{200, "OK"},
		{201, "Created"},
		{202, "Accepted"},
		{204, "No Content"},
		{206, "Partial Content"},
		{301, "Moved Permanently"},
		{302, "Found"},
		{304, "Not Modified"},
		{307, "Temporary Redirect"},
		{308, "Permanent Redirect"},
		{400, "Bad Request"},
		{401, "Unauthorized"},
		{403, "Forbidden"},
		{404, "Not Found"},
		{405, "Method Not Allowed"},
		{406, "Not Acceptable"},
		{408, "Request Timeout"},
		{409, "Conflict"},
		{410, "Gone"},
		{411, "Length Required"},
		{412, "Precondition Failed"},
		{413, "Content Too Large"},
		{414, "URI Too Long"},
		{415, "Unsupported Media Type"},
		{421, "Misdirected Request"},
		{422, "Unprocessable Content"},
		{429, "Too Many Requests"},
		{431, "Request Header Fields Too Large"},
		{500, "Internal Server Error"},
		{501, "Not Implemented"},
		{502, "Bad Gateway"},
		{503, "Service Unavailable"},
		{504, "Gateway Timeout"},
		{505, "HTTP Version Not Supported"},
		{507, "Insufficient Storage"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].status == status)
			return rows[i].text;
	return "Unknown";
}

/* The same headers, and the one that always goes with them. */
static const struct http_header *add_always(struct http_exchange *x,
					    const struct http_header *headers, size_t *n)
{
	struct http_header *all;

	if (!x->always.name.len)
		return headers;
	all = arena_array(&x->arena, *n + 1, sizeof(*all));
	all[0] = x->always;
	if (*n)
		memcpy(all + 1, headers, *n * sizeof(*all));
	++*n;
	return all;
}

void http_reply_with(struct http_exchange *x, int status, const struct http_header *headers,
		     size_t n_headers, struct bytes *body)
{
	if (x->on_answer)
		x->on_answer(x, status);
	headers = add_always(x, headers, &n_headers);
	x->ops->begin(x, status, headers, n_headers, body ? (int64_t)body->len : 0);
	if (body && body->len)
		x->ops->write(x, body);
	x->ops->end(x);
}

void http_reply(struct http_exchange *x, int status, const char *content_type, struct bytes *body)
{
	struct http_header h = {.name = STR("content-type"), .value = str_of(content_type)};

	http_reply_with(x, status, &h, content_type ? 1 : 0, body);
}

void http_reply_text(struct http_exchange *x, int status, const char *text)
{
	struct bytes *body = bytes_dup(str_of(text));

	http_reply(x, status, "text/plain; charset=utf-8", body);
	bytes_unref(body);
}

void http_reply_buf(struct http_exchange *x, int status, const char *content_type, struct buf *b)
{
	struct bytes *body = bytes_dup(buf_str(b));

	buf_fini(b);
	http_reply(x, status, content_type, body);
	bytes_unref(body);
}

void http_reply_metrics(struct http_exchange *x)
{
	struct buf b = BUF_INIT;

	metrics_print(&b);
	http_reply_buf(x, 200, "text/plain; version=0.0.4; charset=utf-8", &b);
}

void http_begin(struct http_exchange *x, int status, const struct http_header *headers,
		size_t n_headers)
{
	if (x->on_answer)
		x->on_answer(x, status);
	headers = add_always(x, headers, &n_headers);
	x->ops->begin(x, status, headers, n_headers, -1);
}

void http_write(struct http_exchange *x, struct bytes *chunk)
{
	if (chunk->len)
		x->ops->write(x, chunk);
}

void http_end(struct http_exchange *x)
{
	x->ops->end(x);
}

void http_abort(struct http_exchange *x)
{
	x->ops->abort(x);
}

void http_discard(struct http_exchange *x)
{
	if (x->ops->discard)
		x->ops->discard(x);
}

size_t http_pending(const struct http_exchange *x)
{
	return x->ops->pending(x);
}

bool http_has_token(const struct http_header *headers, size_t n, const char *name, struct str token)
{
	for (size_t i = 0; i < n; i++) {
		struct str rest = headers[i].value, one;

		if (!str_eq_c(headers[i].name, name))
			continue;
		while (str_next(&rest, ',', &one))
			if (str_eq_nocase(str_trim(one), token))
				return true;
	}
	return false;
}

struct str http_upgrade_offer(const struct http_exchange *x)
{
	const struct http_request *req = &x->req;

	if (!x->ops->upgrade ||
	    !http_has_token(req->headers, req->n_headers, "connection", STR("upgrade")))
		return (struct str){0};
	return http_header(req->headers, req->n_headers, "upgrade");
}

void http_upgrade(struct http_exchange *x, const struct http_header *headers, size_t n_headers)
{
	assert(x->on_data);
	if (x->on_answer)
		x->on_answer(x, 101);
	headers = add_always(x, headers, &n_headers);
	x->ops->upgrade(x, headers, n_headers);
}

void http_pause(struct http_exchange *x, bool is_paused)
{
	x->ops->pause(x, is_paused);
}
