/* SPDX-License-Identifier: Apache-2.0 */
/* Proves that WebSocket messages of any length and cut pass in both roles, and that what is no
 * WebSocket is refused. */
#include "http/websocket.h"
#include "tests/harness/test.h"

struct side {
	struct http_ws *ws;
	struct buf out, got; /* got: "t:text|" or "b:bytes|" for each message */
	int code, n_messages;
};

static void on_send(void *ctx, struct str bytes)
{
	buf_add_str(&((struct side *)ctx)->out, bytes);
}

static void on_data(void *ctx, struct str piece, bool is_first, bool is_last, bool is_text)
{
	struct side *s = ctx;

	if (is_first)
		buf_add_c(&s->got, is_text ? "t:" : "b:");
	buf_add_str(&s->got, piece);
	if (is_last) {
		buf_add_byte(&s->got, '|');
		s->n_messages++;
	}
}

static void on_close(void *ctx, int code)
{
	((struct side *)ctx)->code = code;
}

static const struct http_ws_ops ops = {on_send, on_data, on_close};

static void side_init(struct side *s, bool is_client)
{
	*s = (struct side){.out = BUF_INIT, .got = BUF_INIT};
	s->ws = http_ws_new(is_client, &ops, s);
}

static void side_fini(struct side *s)
{
	http_ws_free(s->ws);
	buf_fini(&s->out);
	buf_fini(&s->got);
}

/* What `from` has written goes to `to`, `step` bytes at a time. */
static int pass(struct side *from, struct side *to, size_t step)
{
	struct str rest = buf_str(&from->out);
	int r = 0;

	while (r == 0 && rest.len) {
		r = http_ws_feed(to->ws, str_sub(rest, 0, step), NULL);
		rest = str_skip(rest, step);
	}
	buf_clear(&from->out);
	return r;
}

TEST(messages_pass_however_they_are_cut)
{
	static const size_t steps[] = {1, 2, 7, 100000};

	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		struct side client, server;

		side_init(&client, true);
		side_init(&server, false);
		http_ws_message(client.ws, true, STR("good "), STR("day"));
		http_ws_message(client.ws, false, STR(""), STR(""));
		http_ws_message(client.ws, false, STR("\1"), STR("bytes"));
		ASSERT_EQ(pass(&client, &server, steps[i]), 0);
		ASSERT_STREQ(server.got.ptr, "t:good day|b:|b:\1bytes|");
		http_ws_message(server.ws, false, STR("a"), STR("nswer"));
		ASSERT_EQ(pass(&server, &client, steps[i]), 0);
		ASSERT_STREQ(client.got.ptr, "b:answer|");
		side_fini(&client);
		side_fini(&server);
	}
}

TEST(a_message_has_no_longest)
{
	struct side client, server;
	struct buf big = BUF_INIT;

	side_init(&client, true);
	side_init(&server, false);
	buf_reserve(&big, 3000000);
	memset(big.ptr, 'x', 3000000);
	buf_set_len(&big, 3000000);
	http_ws_message(client.ws, false, STR(""), buf_str(&big));
	ASSERT_EQ(pass(&client, &server, 32768), 0);
	ASSERT_EQ(server.got.len, big.len + 3);
	ASSERT_EQ(server.n_messages, 1);
	buf_fini(&big);
	side_fini(&client);
	side_fini(&server);
}

TEST(a_ping_is_answered_and_tells_nothing)
{
	struct side client, server;

	side_init(&client, true);
	side_init(&server, false);
	http_ws_ping(client.ws);
	ASSERT_EQ(pass(&client, &server, 1), 0);
	ASSERT_EQ(server.out.len, 2);
	ASSERT_EQ((unsigned char)server.out.ptr[0], 0x8a);
	ASSERT_EQ(pass(&server, &client, 1), 0);
	ASSERT_EQ(server.got.len + client.got.len, 0);
	side_fini(&client);
	side_fini(&server);
}

TEST(a_close_is_answered_once)
{
	struct side client, server;

	side_init(&client, true);
	side_init(&server, false);
	http_ws_close(client.ws, 1000, STR("done"));
	ASSERT_EQ(pass(&client, &server, 3), 0);
	ASSERT_EQ(server.code, 1000);
	ASSERT_EQ(pass(&server, &client, 3), 0);
	ASSERT_EQ(client.code, 1000);
	http_ws_message(server.ws, false, STR("late"), STR(""));
	ASSERT_EQ(server.out.len, 0);
	side_fini(&client);
	side_fini(&server);
}

TEST(what_breaks_the_protocol_is_refused)
{
	static const struct {
		const char *bytes;
		size_t n;
	} bad[] = {
		{"\x82\x01x", 3},              /* a client must mask */
		{"\xc2\x80\0\0\0\0", 6},       /* a reserved bit */
		{"\x83\x80\0\0\0\0", 6},       /* an opcode that is none */
		{"\x89\xfe\0\x7e\0\0\0\0", 8}, /* a ping over 125 bytes */
		{"\x80\x80\0\0\0\0", 6},       /* a continuation of nothing */
		{"\x81\x81\0\0\0\0\xff", 7},   /* text that is no UTF-8 */
		{"\x09\x80\0\0\0\0", 6},       /* a ping in parts */
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct side server;
		struct err err;

		side_init(&server, false);
		ASSERT_EQ(http_ws_feed(server.ws, str_n(bad[i].bytes, bad[i].n), &err),
			  ERR_BAD_REQUEST);
		ASSERT_EQ((unsigned char)server.out.ptr[0], 0x88); /* told by a Close */
		side_fini(&server);
	}
}

TEST(the_key_is_answered_as_rfc_6455_says)
{
	struct arena a;

	arena_init(&a, 0);
	ASSERT_STR(http_ws_accept(&a, STR("dGhlIHNhbXBsZSBub25jZQ==")),
		   STR("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
	arena_fini(&a);
}
