/* SPDX-License-Identifier: Apache-2.0 */
/* Proves that SPDY streams pass in both roles however the bytes are cut, that what other
 * packers make is understood, and that what is over a limit is refused. */
#include "http/spdy.h"
#include "tests/harness/test.h"

struct side {
	struct http_spdy *s;
	struct buf out, told;
	size_t n_data;
	bool is_quiet; /* data is counted only */
};

static void on_send(void *ctx, struct str bytes)
{
	buf_add_str(&((struct side *)ctx)->out, bytes);
}

static void on_stream(void *ctx, uint32_t id, const struct http_header *headers, size_t n,
		      bool is_last)
{
	struct side *s = ctx;

	buf_printf(&s->told, "open %u%s", id, is_last ? " last" : "");
	for (size_t i = 0; i < n; i++)
		buf_printf(&s->told, " %.*s=%.*s", STR_ARG(headers[i].name),
			   STR_ARG(headers[i].value));
	buf_add_byte(&s->told, '\n');
	http_spdy_reply(s->s, id);
}

static void on_reply(void *ctx, uint32_t id, bool is_last)
{
	buf_printf(&((struct side *)ctx)->told, "reply %u\n", id);
}

static void on_data(void *ctx, uint32_t id, struct str piece, bool is_last)
{
	struct side *s = ctx;

	s->n_data += piece.len;
	if (!s->is_quiet)
		buf_printf(&s->told, "data %u %.*s%s\n", id, STR_ARG(piece),
			   is_last ? " last" : "");
}

static void on_reset(void *ctx, uint32_t id, uint32_t status)
{
	buf_printf(&((struct side *)ctx)->told, "reset %u %u\n", id, status);
}

static void on_goaway(void *ctx)
{
	buf_add_c(&((struct side *)ctx)->told, "goaway\n");
}

static const struct http_spdy_ops ops = {on_send, on_stream, on_reply,
					 on_data, on_reset,  on_goaway};

static void side_init(struct side *s, bool is_client)
{
	*s = (struct side){.out = BUF_INIT, .told = BUF_INIT};
	s->s = http_spdy_new(is_client, &ops, s);
}

static void side_fini(struct side *s)
{
	http_spdy_free(s->s);
	buf_fini(&s->out);
	buf_fini(&s->told);
}

static int pass(struct side *from, struct side *to, size_t step)
{
	struct str rest = buf_str(&from->out);
	int r = 0;

	while (r == 0 && rest.len) {
		r = http_spdy_feed(to->s, str_sub(rest, 0, step), NULL);
		rest = str_skip(rest, step);
	}
	buf_clear(&from->out);
	return r;
}

TEST(streams_pass_however_they_are_cut)
{
	static const size_t steps[] = {1, 5, 100000};
	const struct http_header h[] = {{STR("streamtype"), STR("data")}, {STR("port"), STR("80")}};

	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		struct side client, server;

		side_init(&client, true);
		side_init(&server, false);
		ASSERT_EQ(http_spdy_open(client.s, h, 2), 1);
		ASSERT_EQ(http_spdy_open(client.s, h, 1), 3);
		ASSERT_EQ(pass(&client, &server, steps[i]), 0);
		ASSERT_STREQ(server.told.ptr,
			     "open 1 streamtype=data port=80\nopen 3 streamtype=data\n");
		ASSERT_EQ(pass(&server, &client, steps[i]), 0);
		ASSERT_STREQ(client.told.ptr, "reply 1\nreply 3\n");
		buf_clear(&client.told);
		http_spdy_data(server.s, 1, STR("x"), false);
		http_spdy_data(server.s, 3, STR(""), true);
		http_spdy_reset(server.s, 1, HTTP_SPDY_CANCEL);
		http_spdy_goaway(server.s);
		ASSERT_EQ(pass(&server, &client, steps[i]), 0);
		ASSERT_STREQ(client.told.ptr, "data 1 x\ndata 3  last\nreset 1 5\ngoaway\n");
		side_fini(&client);
		side_fini(&server);
	}
}

TEST(long_data_goes_in_frames)
{
	struct side client, server;
	struct buf big = BUF_INIT;

	side_init(&client, true);
	side_init(&server, false);
	server.is_quiet = true;
	buf_reserve(&big, 1000000);
	memset(big.ptr, 'x', 1000000);
	buf_set_len(&big, 1000000);
	http_spdy_data(client.s, 1, buf_str(&big), true);
	ASSERT_EQ(pass(&client, &server, 777), 0);
	ASSERT_EQ(server.n_data, 1000000);
	buf_fini(&big);
	side_fini(&client);
	side_fini(&server);
}

/* Two SYN_STREAMs as zlib packs them at its best level. */
static const unsigned char packed_elsewhere[] = {
	0x80, 0x03, 0x00, 0x01, 0x00, 0x00, 0x00, 0x3d, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x78, 0xf9, 0xe3, 0xc6, 0xa7, 0xc2, 0x02, 0x25, 0x3a, 0x70, 0x3a, 0x2b,
	0x29, 0x4a, 0x4d, 0xcc, 0x85, 0x16, 0x25, 0xac, 0xa9, 0xa0, 0x80, 0x86, 0x14, 0xcb, 0x45,
	0xe0, 0x1c, 0x60, 0x61, 0x60, 0x61, 0x00, 0xa4, 0x39, 0x8b, 0x20, 0xd1, 0x98, 0x09, 0x4a,
	0xde, 0x8c, 0x06, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0x80, 0x03, 0x00, 0x01, 0x00, 0x00,
	0x00, 0x1a, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x82, 0x6a, 0x26,
	0xac, 0x0a, 0xd5, 0x78, 0x50, 0x49, 0x95, 0x08, 0x00, 0x00, 0x00, 0xff, 0xff,
};

TEST(blocks_of_another_packer_are_understood)
{
	struct side server;

	side_init(&server, false);
	ASSERT_EQ(http_spdy_feed(server.s,
				 str_n((const char *)packed_elsewhere, sizeof(packed_elsewhere)),
				 NULL),
		  0);
	ASSERT_STREQ(server.told.ptr, "open 1 streamtype=error port=8080 requestid=0\n"
				      "open 3 port=8080 requestid=0 streamtype=data\n");
	side_fini(&server);
}

TEST(a_ping_of_the_peer_is_sent_back)
{
	static const char ping[] = "\x80\x03\0\6\0\0\0\4\0\0\0\1";
	struct side server;

	side_init(&server, false);
	ASSERT_EQ(http_spdy_feed(server.s, str_n(ping, sizeof(ping) - 1), NULL), 0);
	ASSERT_STR(buf_str(&server.out), str_n(ping, sizeof(ping) - 1));
	side_fini(&server);
}

TEST(what_breaks_the_protocol_is_refused)
{
	static const struct {
		const char *bytes;
		size_t n;
	} bad[] = {
		{"\x80\x02\0\1\0\0\0\0", 8},                         /* version 2 */
		{"\x80\x03\0\1\0\1\0\0", 8},                         /* over 64 KiB */
		{"\x80\x03\0\1\0\0\0\4\0\0\0\1", 12},                /* cut short */
		{"\x80\x03\0\1\0\0\0\xc\0\0\0\1\0\0\0\0\0\0ab", 20}, /* no zlib */
		{"\x80\x03\0\3\0\0\0\4\0\0\0\1", 12},                /* RST without status */
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct side server;
		struct err err;

		side_init(&server, false);
		ASSERT_EQ(http_spdy_feed(server.s, str_n(bad[i].bytes, bad[i].n), &err),
			  ERR_BAD_REQUEST);
		ASSERT_EQ(http_spdy_feed(server.s, STR("x"), &err), ERR_BAD_REQUEST);
		side_fini(&server);
	}
}

TEST(headers_have_limits)
{
	struct http_header many[HTTP_SPDY_HEADERS_MAX + 1];
	struct side client, server;
	struct buf big = BUF_INIT;

	for (size_t i = 0; i < ARRAY_LEN(many); i++)
		many[i] = (struct http_header){STR("a"), STR("b")};
	side_init(&client, true);
	side_init(&server, false);
	http_spdy_open(client.s, many, ARRAY_LEN(many));
	ASSERT_EQ(pass(&client, &server, 100000), ERR_BAD_REQUEST);
	side_fini(&client);
	side_fini(&server);
	/* A small frame that unpacks to a big text. */
	buf_reserve(&big, 200000);
	memset(big.ptr, 'x', 200000);
	buf_set_len(&big, 200000);
	many[0].value = buf_str(&big);
	side_init(&client, true);
	side_init(&server, false);
	http_spdy_open(client.s, many, 1);
	ASSERT_TRUE(client.out.len < 4096);
	ASSERT_EQ(pass(&client, &server, 100000), ERR_BAD_REQUEST);
	buf_fini(&big);
	side_fini(&client);
	side_fini(&server);
}

TEST(stream_numbers_only_rise)
{
	struct http_header h = {STR("a"), STR("b")};
	struct side client, server;
	struct buf first = BUF_INIT;

	side_init(&client, true);
	side_init(&server, false);
	http_spdy_open(client.s, &h, 1);
	buf_add_str(&first, buf_str(&client.out));
	ASSERT_EQ(pass(&client, &server, 1000), 0);
	http_spdy_open(client.s, &h, 1);
	client.out.ptr[11] = 1; /* again number 1 */
	ASSERT_EQ(pass(&client, &server, 1000), ERR_BAD_REQUEST);
	buf_fini(&first);
	side_fini(&client);
	side_fini(&server);
}
