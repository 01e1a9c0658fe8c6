/* SPDX-License-Identifier: Apache-2.0 */
#include "http/parser.h"

#include <llhttp.h>
#include <string.h>

static struct http_parser *http_parser_of(llhttp_t *ll)
{
	return ll->data;
}

/* The answer to a request that breaks a limit; what llhttp itself refuses gets 400. */
static int http_parser_refuse(struct http_parser *p, int status, const char *why)
{
	p->status = status;
	snprintf(p->reason, sizeof(p->reason), "%s", why);
	return HPE_USER;
}

static int http_parser_on_begin(llhttp_t *ll)
{
	struct http_parser *p = http_parser_of(ll);

	buf_clear(&p->text);
	vec_clear(&p->fields);
	p->target_len = 0;
	p->fields_len = 0;
	p->is_name_open = p->is_ended = p->has_no_body = false;
	p->is_begun = true;
	p->status = 0;
	return 0;
}

static int http_parser_on_url(llhttp_t *ll, const char *at, size_t n)
{
	struct http_parser *p = http_parser_of(ll);

	if (p->text.len + n > p->limits.target)
		return http_parser_refuse(p, 414, "the request target is too long");
	buf_add(&p->text, at, n);
	p->target_len = (uint32_t)p->text.len;
	return 0;
}

static int http_parser_add(struct http_parser *p, const char *at, size_t n)
{
	p->fields_len += n;
	if (p->fields_len > p->limits.header_bytes)
		return http_parser_refuse(p, 431, "the header fields are too long");
	buf_add(&p->text, at, n);
	return 0;
}

static int http_parser_on_field(llhttp_t *ll, const char *at, size_t n)
{
	struct http_parser *p = http_parser_of(ll);
	struct http_parser_field *f;
	int r;

	if (!p->is_name_open) {
		if (p->fields.len >= p->limits.headers)
			return http_parser_refuse(p, 431, "too many header fields");
		p->is_name_open = true;
		vec_push(&p->fields)->name = (uint32_t)p->text.len;
	}
	f = vec_last(&p->fields);
	r = http_parser_add(p, at, n);
	if (r)
		return r;
	for (char *c = p->text.ptr + p->text.len - n; c < p->text.ptr + p->text.len; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c | 0x20);
	f->name_len += (uint32_t)n;
	f->value = (uint32_t)p->text.len;
	return 0;
}

static int http_parser_on_value(llhttp_t *ll, const char *at, size_t n)
{
	struct http_parser *p = http_parser_of(ll);
	int r;

	p->is_name_open = false;
	r = http_parser_add(p, at, n);
	if (!r && p->fields.len)
		vec_last(&p->fields)->value_len += (uint32_t)n;
	return r;
}

static int http_parser_on_value_end(llhttp_t *ll)
{
	struct http_parser *p = http_parser_of(ll);

	/* A field without a value gives no on_value: the next name is another field all the same.
	 */
	p->is_name_open = false;
	return 0;
}

static int http_parser_on_head(llhttp_t *ll)
{
	struct http_parser *p = http_parser_of(ll);

	p->method = p->is_response ? NULL : llhttp_method_name((llhttp_method_t)ll->method);
	if (p->is_response)
		p->status = ll->status_code;
	p->minor = ll->http_major == 1 ? ll->http_minor : 0;
	p->is_keepalive = llhttp_should_keep_alive(ll);
	p->is_chunked = ll->flags & F_CHUNKED;
	p->content_length = ll->flags & F_CONTENT_LENGTH ? (int64_t)ll->content_length : -1;
	/* Read on to the end of the message as HTTP: whether an upgrade that is asked for is taken
	 * up (RFC 9110 section 7.8 leaves that to the server) is seen after it. */
	ll->upgrade = 0;
	if (!p->on_head(p))
		return HPE_USER;
	return p->has_no_body ? 1 : 0;
}

static int http_parser_on_body(llhttp_t *ll, const char *at, size_t n)
{
	struct http_parser *p = http_parser_of(ll);

	return p->on_body(p, str_n(at, n)) ? 0 : HPE_USER;
}

static int http_parser_on_end(llhttp_t *ll)
{
	struct http_parser *p = http_parser_of(ll);

	p->is_ended = true;
	return HPE_PAUSED;
}

static const llhttp_settings_t http_parser_settings = {
	.on_message_begin = http_parser_on_begin,
	.on_url = http_parser_on_url,
	.on_header_field = http_parser_on_field,
	.on_header_value = http_parser_on_value,
	.on_header_value_complete = http_parser_on_value_end,
	.on_headers_complete = http_parser_on_head,
	.on_body = http_parser_on_body,
	.on_message_complete = http_parser_on_end,
};

void http_parser_init(struct http_parser *p, bool is_response,
		      const struct http_parser_limits *limits, void *owner)
{
	llhttp_t *ll = mem_xzalloc(sizeof(*ll));

	memset(p, 0, sizeof(*p));
	p->ll = ll;
	p->owner = owner;
	p->limits = *limits;
	p->is_response = is_response;
	buf_init(&p->text);
	llhttp_init(ll, is_response ? HTTP_RESPONSE : HTTP_REQUEST, &http_parser_settings);
	ll->data = p;
}

void http_parser_fini(struct http_parser *p)
{
	free(p->ll);
	p->ll = NULL;
	buf_fini(&p->text);
	vec_fini(&p->fields);
}

static int http_parser_failed(struct http_parser *p, llhttp_errno_t e)
{
	llhttp_t *ll = p->ll;

	if (!p->status || p->is_response)
		p->status = 400;
	if (!p->reason[0])
		snprintf(p->reason, sizeof(p->reason), "%s",
			 ll->reason && ll->reason[0] ? ll->reason : llhttp_errno_name(e));
	return ERR_BAD_REQUEST;
}

int http_parser_feed(struct http_parser *p, struct str data, size_t *ret_used)
{
	llhttp_t *ll = p->ll;
	llhttp_errno_t e = llhttp_execute(ll, data.ptr, data.len);

	if (e == HPE_OK) {
		*ret_used = data.len;
		return 0;
	}
	if (e == HPE_PAUSED && p->is_ended) {
		*ret_used = (size_t)(llhttp_get_error_pos(ll) - data.ptr);
		assert(*ret_used <= data.len);
		return 1;
	}
	return http_parser_failed(p, e);
}

int http_parser_finish(struct http_parser *p)
{
	llhttp_errno_t e;

	if (!p->is_begun)
		return 0;
	e = llhttp_finish(p->ll);
	if (p->is_ended)
		return 1;
	return e == HPE_OK ? 0 : http_parser_failed(p, e);
}

void http_parser_next(struct http_parser *p)
{
	p->is_ended = p->is_begun = false;
	p->reason[0] = '\0';
	llhttp_resume(p->ll);
}

bool http_parser_is_idle(const struct http_parser *p)
{
	return !p->is_begun;
}

struct str http_parser_target(const struct http_parser *p, struct arena *a)
{
	return str_dup(a, str_n(p->text.ptr, p->target_len));
}
