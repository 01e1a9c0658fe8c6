/* SPDX-License-Identifier: Apache-2.0 */
#include "http/spdy.h"

#include <string.h>
#include <zlib.h>

/* The dictionary of header blocks (section 2.6.10.1): these words, each behind its length in four
 * bytes, then the text. */
static const char *const words[] = {
	"options",
	"head",
	"post",
	"put",
	"delete",
	"trace",
	"accept",
	"accept-charset",
	"accept-encoding",
	"accept-language",
	"accept-ranges",
	"age",
	"allow",
	"authorization",
	"cache-control",
	"connection",
	"content-base",
	"content-encoding",
	"content-language",
	"content-length",
	"content-location",
	"content-md5",
	"content-range",
	"content-type",
	"date",
	"etag",
	"expect",
	"expires",
	"from",
	"host",
	"if-match",
	"if-modified-since",
	"if-none-match",
	"if-range",
	"if-unmodified-since",
	"last-modified",
	"location",
	"max-forwards",
	"pragma",
	"proxy-authenticate",
	"proxy-authorization",
	"range",
	"referer",
	"retry-after",
	"server",
	"te",
	"trailer",
	"transfer-encoding",
	"upgrade",
	"user-agent",
	"vary",
	"via",
	"warning",
	"www-authenticate",
	"method",
	"get",
	"status",
	"200 OK",
	"version",
	"HTTP/1.1",
	"url",
	"public",
	"set-cookie",
	"keep-alive",
	"origin",
};
static const char tail[] =
	"10010120120220520630030230330430530630740240540640740840941041141241341441541641"
	"7502504505203 Non-Authoritative Information204 No Content301 Moved Permanently40"
	"0 Bad Request401 Unauthorized403 Forbidden404 Not Found500 Internal Server Error"
	"501 Not Implemented503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept O"
	"ct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,imag"
	"e/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/"
	"javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1"
	",utf-,*,enq=0.";

enum {
	DICTIONARY_LEN = 1423,
	HEAD_LEN = 8,
	CONTROL_BIT = 0x80,
	VERSION = 3,
	FLAG_FIN = 1,
	STREAM_MASK = 0x7fffffff,
};

enum type {
	SYN_STREAM = 1,
	SYN_REPLY = 2,
	RST_STREAM = 3,
	SETTINGS = 4,
	PING = 6,
	GOAWAY = 7,
	HEADERS = 8,
	WINDOW_UPDATE = 9,
};

struct http_spdy {
	const struct http_spdy_ops *ops;
	void *ctx;
	bool is_client, is_broken;
	uint32_t next_id, newest_id; /* ours, theirs */
	z_stream inflate, deflate;
	struct buf frame;  /* a frame's head, and all of it when it is a control frame */
	uint32_t left;     /* of the data frame at hand */
	uint32_t data_id;  /* … and its stream */
	bool data_is_last; /* … and whether it ends it */
	unsigned char dictionary[DICTIONARY_LEN];
};

/* ---- numbers ------------------------------------------------------------------------------- */

static uint32_t get_u32(const char *p)
{
	const unsigned char *u = (const unsigned char *)p;

	return (uint32_t)u[0] << 24 | (uint32_t)u[1] << 16 | (uint32_t)u[2] << 8 | u[3];
}

static void put_u32(struct buf *b, uint32_t v)
{
	char text[] = {(char)(v >> 24), (char)(v >> 16), (char)(v >> 8), (char)v};

	buf_add(b, text, sizeof(text));
}

/* The next number of *s; 0 when there is none left (*is_short is set then). */
static uint32_t take_u32(struct str *s, bool *is_short)
{
	uint32_t v;

	if (s->len < 4) {
		*is_short = true;
		return 0;
	}
	v = get_u32(s->ptr);
	*s = str_skip(*s, 4);
	return v;
}

/* ---- header blocks -------------------------------------------------------------------------- */

static void fill_dictionary(struct http_spdy *s)
{
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		put_u32(&b, (uint32_t)strlen(words[i]));
		buf_add_c(&b, words[i]);
	}
	buf_add_c(&b, tail);
	assert(b.len == DICTIONARY_LEN);
	memcpy(s->dictionary, b.ptr, b.len);
	buf_fini(&b);
}

/* The block's text. The stream of all blocks is one zlib stream: it must be read even when nobody
 * wants it. */
static bool unpack(struct http_spdy *s, struct str packed, struct buf *ret)
{
	z_stream *z = &s->inflate;
	int r = Z_OK;

	z->next_in = (Bytef *)(uintptr_t)packed.ptr;
	z->avail_in = (uInt)packed.len;
	while (r == Z_OK && ret->len < HTTP_HEADER_BYTES_MAX) {
		buf_reserve(ret, 1024);
		z->next_out = (Bytef *)ret->ptr + ret->len;
		z->avail_out = 1024;
		r = inflate(z, Z_SYNC_FLUSH);
		if (r == Z_NEED_DICT)
			r = inflateSetDictionary(z, s->dictionary, DICTIONARY_LEN);
		else
			buf_set_len(ret, ret->len + 1024 - z->avail_out);
		if (r == Z_OK && z->avail_in == 0 && z->avail_out > 0)
			return true;
	}
	return r == Z_BUF_ERROR && z->avail_in == 0; /* nothing was left to do */
}

/* ret has room for HTTP_SPDY_HEADERS_MAX. */
static bool parse_headers(struct str text, struct http_header *ret, size_t *ret_n)
{
	bool is_short = false;
	uint32_t n = take_u32(&text, &is_short);

	if (is_short || n > HTTP_SPDY_HEADERS_MAX)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		struct str part[2];

		for (int k = 0; k < 2; k++) {
			uint32_t len = take_u32(&text, &is_short);

			if (is_short || len > text.len)
				return false;
			part[k] = str_sub(text, 0, len);
			text = str_skip(text, len);
		}
		ret[i] = (struct http_header){part[0], part[1]};
	}
	*ret_n = n;
	return true;
}

static void pack(struct http_spdy *s, const struct http_header *headers, size_t n, struct buf *ret)
{
	struct buf text = BUF_INIT;
	z_stream *z = &s->deflate;

	put_u32(&text, (uint32_t)n);
	for (size_t i = 0; i < n; i++) {
		put_u32(&text, (uint32_t)headers[i].name.len);
		buf_add_str(&text, headers[i].name);
		put_u32(&text, (uint32_t)headers[i].value.len);
		buf_add_str(&text, headers[i].value);
	}
	z->next_in = (Bytef *)text.ptr;
	z->avail_in = (uInt)text.len;
	do {
		buf_reserve(ret, 512);
		z->next_out = (Bytef *)ret->ptr + ret->len;
		z->avail_out = 512;
		IGNORE(deflate(z, Z_SYNC_FLUSH), "there is room, so it cannot fail");
		buf_set_len(ret, ret->len + 512 - z->avail_out);
	} while (z->avail_out == 0);
	buf_fini(&text);
}

/* ---- sending -------------------------------------------------------------------------------- */

static void send_control(struct http_spdy *s, enum type type, unsigned flags,
			 const struct buf *body)
{
	struct buf b = BUF_INIT;

	put_u32(&b, (uint32_t)CONTROL_BIT << 24 | (uint32_t)VERSION << 16 | (uint32_t)type);
	put_u32(&b, (uint32_t)flags << 24 | (uint32_t)body->len);
	buf_add_str(&b, buf_str(body));
	s->ops->send(s->ctx, buf_str(&b));
	buf_fini(&b);
}

static void send_numbers(struct http_spdy *s, enum type type, uint32_t one, uint32_t two, size_t n)
{
	struct buf b = BUF_INIT;

	put_u32(&b, one);
	if (n > 1)
		put_u32(&b, two);
	send_control(s, type, 0, &b);
	buf_fini(&b);
}

uint32_t http_spdy_open(struct http_spdy *s, const struct http_header *headers, size_t n)
{
	struct buf b = BUF_INIT;
	uint32_t id = s->next_id;

	s->next_id += 2;
	put_u32(&b, id);
	put_u32(&b, 0);       /* associated with no stream */
	buf_add(&b, "\0", 2); /* priority, credential slot */
	pack(s, headers, n, &b);
	send_control(s, SYN_STREAM, 0, &b);
	buf_fini(&b);
	return id;
}

void http_spdy_reply(struct http_spdy *s, uint32_t id)
{
	struct buf b = BUF_INIT;

	put_u32(&b, id);
	pack(s, NULL, 0, &b);
	send_control(s, SYN_REPLY, 0, &b);
	buf_fini(&b);
}

void http_spdy_data(struct http_spdy *s, uint32_t id, struct str data, bool is_last)
{
	do {
		struct str part = str_sub(data, 0, HTTP_SPDY_DATA);
		struct buf b = BUF_INIT;

		data = str_skip(data, part.len);
		put_u32(&b, id & STREAM_MASK);
		put_u32(&b,
			(is_last && !data.len ? (uint32_t)FLAG_FIN << 24 : 0) | (uint32_t)part.len);
		buf_add_str(&b, part);
		s->ops->send(s->ctx, buf_str(&b));
		buf_fini(&b);
	} while (data.len);
}

void http_spdy_reset(struct http_spdy *s, uint32_t id, enum http_spdy_status status)
{
	send_numbers(s, RST_STREAM, id, status, 2);
}

void http_spdy_goaway(struct http_spdy *s)
{
	send_numbers(s, GOAWAY, s->newest_id, 0, 2);
}

/* ---- what comes ----------------------------------------------------------------------------- */

static bool take_stream(struct http_spdy *s, struct str body, bool is_last)
{
	struct http_header headers[HTTP_SPDY_HEADERS_MAX];
	struct buf text = BUF_INIT;
	bool is_short = false, is_good;
	uint32_t id = take_u32(&body, &is_short) & STREAM_MASK;
	size_t n = 0;

	/* Behind it: the stream that it belongs to, priority and credential slot. */
	is_good = !is_short && body.len >= 6 && unpack(s, str_skip(body, 6), &text) &&
		  parse_headers(buf_str(&text), headers, &n) && id > s->newest_id &&
		  (id & 1) == (s->is_client ? 0 : 1);
	if (is_good) {
		s->newest_id = id;
		s->ops->on_stream(s->ctx, id, headers, n, is_last);
	}
	buf_fini(&text);
	return is_good;
}

/* SYN_REPLY and HEADERS: nothing in them is of use, but that a stream was accepted. */
static bool take_headers(struct http_spdy *s, enum type type, struct str body, bool is_last)
{
	struct buf text = BUF_INIT;
	bool is_short = false, is_good;
	uint32_t id = take_u32(&body, &is_short) & STREAM_MASK;

	is_good = !is_short && unpack(s, body, &text);
	buf_fini(&text);
	if (is_good && type == SYN_REPLY && s->ops->on_reply)
		s->ops->on_reply(s->ctx, id, is_last);
	else if (is_good && is_last)
		s->ops->on_data(s->ctx, id, STR(""), true);
	return is_good;
}

static bool take_numbers(struct http_spdy *s, enum type type, struct str body)
{
	bool is_short = false;
	uint32_t one = take_u32(&body, &is_short), two = 0;

	if (type == RST_STREAM)
		two = take_u32(&body, &is_short);
	if (is_short)
		return false;
	if (type == RST_STREAM)
		s->ops->on_reset(s->ctx, one & STREAM_MASK, two);
	else if (type == GOAWAY)
		s->ops->on_goaway(s->ctx);
	else if (type == PING && (one & 1) == (s->is_client ? 0 : 1)) /* theirs: send it back */
		send_numbers(s, PING, one, 0, 1);
	return true;
}

static bool take_control(struct http_spdy *s)
{
	struct str body = str_skip(buf_str(&s->frame), HEAD_LEN);
	uint32_t word = get_u32(s->frame.ptr), type = word & 0xffff;
	bool is_last = s->frame.ptr[4] & FLAG_FIN;

	if ((word >> 16 & 0x7fff) != VERSION)
		return false;
	switch (type) {
	case SYN_STREAM:
		return take_stream(s, body, is_last);
	case SYN_REPLY:
	case HEADERS:
		return take_headers(s, type, body, is_last);
	case RST_STREAM:
	case PING:
	case GOAWAY:
		return take_numbers(s, type, body);
	default: /* SETTINGS, WINDOW_UPDATE, and what is to be ignored (section 2.2.1) */
		return true;
	}
}

static struct str take_data(struct http_spdy *s, struct str bytes)
{
	struct str piece = str_sub(bytes, 0, s->left);

	s->left -= (uint32_t)piece.len;
	if (!s->left)
		buf_clear(&s->frame);
	if (piece.len || s->data_is_last)
		s->ops->on_data(s->ctx, s->data_id, piece, s->data_is_last && !s->left);
	return str_skip(bytes, piece.len);
}

/* Puts the frame's head together, and a control frame; false when it is too long. */
static bool gather(struct http_spdy *s, struct str *bytes, bool *ret_is_whole)
{
	size_t want = HEAD_LEN, take;

	*ret_is_whole = false;
	if (s->frame.len >= HEAD_LEN)
		want += get_u32(s->frame.ptr + 4) & 0xffffff;
	if (want > HTTP_SPDY_CONTROL_MAX)
		return false;
	take = MIN(want - s->frame.len, bytes->len);
	buf_add(&s->frame, bytes->ptr, take);
	*bytes = str_skip(*bytes, take);
	if (s->frame.len < HEAD_LEN)
		return true;
	if (!(s->frame.ptr[0] & (char)CONTROL_BIT)) {
		s->data_id = get_u32(s->frame.ptr) & STREAM_MASK;
		s->data_is_last = s->frame.ptr[4] & FLAG_FIN;
		s->left = get_u32(s->frame.ptr + 4) & 0xffffff;
		return true;
	}
	want = HEAD_LEN + (get_u32(s->frame.ptr + 4) & 0xffffff);
	*ret_is_whole = s->frame.len == want;
	return want <= HTTP_SPDY_CONTROL_MAX;
}

int http_spdy_feed(struct http_spdy *s, struct str bytes, struct err *err)
{
	bool is_whole, is_data;

	while (!s->is_broken && bytes.len) {
		if (s->left) {
			bytes = take_data(s, bytes);
			continue;
		}
		s->is_broken = !gather(s, &bytes, &is_whole);
		is_data = s->frame.len >= HEAD_LEN && !(s->frame.ptr[0] & (char)CONTROL_BIT);
		if (!s->is_broken && is_data && !s->left) {
			take_data(s, STR(""));
		} else if (!s->is_broken && is_whole) {
			s->is_broken = !take_control(s);
			buf_clear(&s->frame);
		}
	}
	return s->is_broken ? err_set(err, ERR_BAD_REQUEST, "a frame that is not SPDY/3.1's") : 0;
}

/* ---- life ----------------------------------------------------------------------------------- */

struct http_spdy *http_spdy_new(bool is_client, const struct http_spdy_ops *ops, void *ctx)
{
	struct http_spdy *s = mem_xnew(struct http_spdy);
	int r;

	s->ops = ops;
	s->ctx = ctx;
	s->is_client = is_client;
	s->next_id = is_client ? 1 : 2;
	buf_init(&s->frame);
	fill_dictionary(s);
	r = inflateInit(&s->inflate);
	assert(r == Z_OK);
	/* Small windows: a session's headers are a few hundred bytes. */
	r = deflateInit2(&s->deflate, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 11, 1, Z_DEFAULT_STRATEGY);
	assert(r == Z_OK);
	r = deflateSetDictionary(&s->deflate, s->dictionary, DICTIONARY_LEN);
	assert(r == Z_OK);
	IGNORE(r, "only the assertions read it");
	return s;
}

void http_spdy_free(struct http_spdy *s)
{
	if (!s)
		return;
	inflateEnd(&s->inflate);
	deflateEnd(&s->deflate);
	buf_fini(&s->frame);
	free(s);
}
