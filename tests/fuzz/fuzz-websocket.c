/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes of a peer to a WebSocket; the first byte picks the role and how they are cut. */
#include "http/websocket.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	struct http_ws *ws;
	bool is_open; /* within a message */
	size_t n;
};

static void on_send(void *ctx, struct str bytes)
{
	((struct seen *)ctx)->n += bytes.len;
}

static void on_data(void *ctx, struct str piece, bool is_first, bool is_last, bool is_text)
{
	struct seen *s = ctx;

	assert(is_first == !s->is_open);
	s->is_open = !is_last;
	if (is_last && s->n < 100000)
		http_ws_message(s->ws, false, STR("x"), piece);
}

static void on_close(void *ctx, int code)
{
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct http_ws_ops ops = {on_send, on_data, on_close};
	struct str rest = str_n((const char *)data + 1, size ? size - 1 : 0);
	struct seen s = {0};
	size_t step;

	if (size < 2)
		return 0;
	step = data[0] >> 1 ? data[0] >> 1 : size;
	s.ws = http_ws_new(data[0] & 1, &ops, &s);
	while (rest.len && http_ws_feed(s.ws, str_sub(rest, 0, step), NULL) == 0)
		rest = str_skip(rest, step);
	http_ws_close(s.ws, 1000, STR("end"));
	http_ws_free(s.ws);
	return 0;
}
