/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes of a peer to a SPDY session; the first byte picks the role and how they are cut. */
#include "http/spdy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	struct http_spdy *s;
	size_t n;
};

static void on_send(void *ctx, struct str bytes)
{
	((struct seen *)ctx)->n += bytes.len;
}

static void on_stream(void *ctx, uint32_t id, const struct http_header *headers, size_t n,
		      bool is_last)
{
	struct seen *s = ctx;

	assert(n <= HTTP_SPDY_HEADERS_MAX);
	for (size_t i = 0; i < n; i++)
		s->n += str_hash(headers[i].name) + str_hash(headers[i].value);
	http_spdy_reply(s->s, id);
}

static void on_reply(void *ctx, uint32_t id, bool is_last)
{
}

static void on_data(void *ctx, uint32_t id, struct str piece, bool is_last)
{
	struct seen *s = ctx;

	http_spdy_data(s->s, id, piece, is_last);
}

static void on_reset(void *ctx, uint32_t id, uint32_t status)
{
}

static void on_goaway(void *ctx)
{
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct http_spdy_ops ops = {on_send, on_stream, on_reply,
						 on_data, on_reset,  on_goaway};
	struct str rest = str_n((const char *)data + 1, size ? size - 1 : 0);
	struct seen s = {0};
	size_t step;

	if (size < 2)
		return 0;
	step = data[0] >> 1 ? data[0] >> 1 : size;
	s.s = http_spdy_new(data[0] & 1, &ops, &s);
	while (rest.len && http_spdy_feed(s.s, str_sub(rest, 0, step), NULL) == 0)
		rest = str_skip(rest, step);
	http_spdy_goaway(s.s);
	http_spdy_free(s.s);
	return 0;
}
