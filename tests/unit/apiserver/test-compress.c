/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/compress.h"

#include "tests/unit/apiserver/server-fixture.h"

#include <zlib.h>

static bool accepts(const char *value)
{
	const struct http_header h = {STR("accept-encoding"), str_of(value)};
	const struct http_request req = {.headers = &h, .n_headers = value ? 1 : 0};

	return compress_is_accepted(&req);
}

TEST(gzip_must_be_named_with_a_weight)
{
	static const char *const good[] = {"gzip",
					   " gzip ",
					   "GZip",
					   "identity, gzip",
					   "deflate,gzip;q=0.5",
					   "br;q=1.0, gzip ; q=0.001 , *;q=0.1",
					   "gzip;q=1.000",
					   "gzip;Q=1"};
	static const char *const bad[] = {
		"",         "identity", "*",          "gzip;q=0",        "gzip; q=0.000",
		"gzip;Q=0", "x-gzip",   "gzip2, zip", "deflate, br;q=1", ",;,"};

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		if (!accepts(good[i]))
			test_fail(__FILE__, __LINE__, "'%s' was not accepted", good[i]);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (accepts(bad[i]))
			test_fail(__FILE__, __LINE__, "'%s' was accepted", bad[i]);
	ASSERT_FALSE(accepts(NULL));
}

TEST(a_header_may_be_given_twice)
{
	const struct http_header h[] = {{STR("accept-encoding"), STR("br")},
					{STR("accept"), STR("gzip")},
					{STR("accept-encoding"), STR("gzip")}};
	struct http_request req = {.headers = h, .n_headers = 3};

	ASSERT_TRUE(compress_is_accepted(&req));
	ASSERT_FALSE(compress_is_wanted(&req, COMPRESS_FROM));
	ASSERT_TRUE(compress_is_wanted(&req, COMPRESS_FROM + 1));
	req.n_headers = 2;
	ASSERT_FALSE(compress_is_accepted(&req));
}

static void unpack(struct str in, struct buf *b, size_t len)
{
	z_stream z = {.next_in = (unsigned char *)(uintptr_t)in.ptr, .avail_in = (unsigned)in.len};

	buf_clear(b);
	buf_reserve(b, len);
	z.next_out = (unsigned char *)b->ptr;
	z.avail_out = (unsigned)len;
	ASSERT_EQ(inflateInit2(&z, 15 + 16), Z_OK);
	ASSERT_EQ(inflate(&z, Z_FINISH), Z_STREAM_END);
	buf_set_len(b, z.total_out);
	inflateEnd(&z);
}

/* Bytes that nothing shortens. */
static void add_noise(struct buf *b, size_t n)
{
	uint32_t x = 12345;

	for (size_t i = 0; i < n; i++) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		buf_add_byte(b, (char)(x >> 11));
	}
}

TEST(what_is_packed_comes_out_again)
{
	static const size_t sizes[] = {1000, 65535, 65536, 65537, 131072, 700001};
	struct buf b = BUF_INIT, out = BUF_INIT;

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct bytes *packed;

		buf_clear(&b);
		add_noise(&b, sizes[i] / 2);
		while (b.len < sizes[i])
			buf_add_byte(&b, "{\"a\":1}"[b.len % 7]);
		packed = compress_gzip(buf_str(&b), NULL);
		ASSERT_TRUE(packed != NULL);
		ASSERT_TRUE(packed->len < sizes[i]);
		unpack(bytes_str(packed), &out, sizes[i]);
		ASSERT_TRUE(str_eq(buf_str(&out), buf_str(&b)));
		bytes_unref(packed);
	}
	buf_fini(&b);
	buf_fini(&out);
}

TEST(what_does_not_shrink_is_left)
{
	struct buf b = BUF_INIT;
	atomic_bool is_stopped = true;

	ASSERT_TRUE(compress_gzip(STR(""), NULL) == NULL);
	add_noise(&b, 300000);
	ASSERT_TRUE(compress_gzip(buf_str(&b), NULL) == NULL);
	buf_clear(&b);
	for (int i = 0; i < 300000; i++)
		buf_add_byte(&b, 'x');
	ASSERT_TRUE(compress_gzip(buf_str(&b), &is_stopped) == NULL);
	buf_fini(&b);
}

/* The server */

struct zip_call {
	bool is_done, is_packed;
	struct buf body;
};

static void zip_head(void *ctx, int status, const struct http_header *headers, size_t n)
{
	struct zip_call *c = ctx;

	ASSERT_EQ(status, 200);
	c->is_packed = str_eq_c(http_header(headers, n, "content-encoding"), "gzip");
	ASSERT_EQ(c->is_packed, str_eq_c(http_header(headers, n, "vary"), "Accept-Encoding"));
}

static void zip_data(void *ctx, struct str data)
{
	buf_add_str(&((struct zip_call *)ctx)->body, data);
}

static void zip_done(void *ctx, int r, const struct err *err)
{
	ASSERT_EQ(r, 0);
	((struct zip_call *)ctx)->is_done = true;
}

static struct http_call *list(struct server_fixture *f, const char *encoding, struct zip_call *c)
{
	static const struct http_call_events events = {zip_head, zip_data, zip_done};
	const struct http_header h = {STR("accept-encoding"), str_of(encoding)};
	const struct http_call_request req = {.method = HTTP_GET,
					      .target =
						      STR("/api/v1/namespaces/default/configmaps"),
					      .headers = &h,
					      .n_headers = 1};

	*c = (struct zip_call){.body = BUF_INIT};
	return f->calls->ops->send(f->calls, &req, &events, c);
}

static void finish(struct server_fixture *f, struct zip_call *c)
{
	int64_t end = clock_mono_ms(&clock_system) + SERVER_WAIT_MS;

	while (!c->is_done && clock_mono_ms(&clock_system) < end)
		loop_turn(f->loop, 10);
	ASSERT_TRUE(c->is_done);
}

static void add_config_map(struct server_fixture *f, int i, int len)
{
	struct str body = str_printf(
		&f->a, "{\"metadata\":{\"name\":\"c%d\"},\"data\":{\"x\":\"%0*d\"}}", i, len, i);

	ASSERT_EQ(server_ask(f, HTTP_POST, "/api/v1/namespaces/default/configmaps", body.ptr), 201);
}

static void same_list(struct server_fixture *f)
{
	struct buf out = BUF_INIT;
	struct zip_call plain, zip;

	list(f, "gzip;q=0", &plain);
	list(f, "gzip", &zip);
	finish(f, &plain);
	finish(f, &zip);
	ASSERT_FALSE(plain.is_packed);
	ASSERT_TRUE(zip.is_packed);
	unpack(buf_str(&zip.body), &out, plain.body.len);
	ASSERT_TRUE(str_eq(buf_str(&out), buf_str(&plain.body)));
	buf_fini(&out);
	buf_fini(&plain.body);
	buf_fini(&zip.body);
}

TEST(lists_are_packed_at_once_and_later)
{
	struct server_fixture f;
	struct zip_call gone;

	server_init(&f);
	server_begin(&f);
	add_config_map(&f, 0, 200 * 1024);
	same_list(&f);
	for (int i = 1; i < 8; i++)
		add_config_map(&f, i, 200 * 1024);
	same_list(&f);
	/* A client that goes while the helper thread is at it; and one more as the server ends. */
	f.calls->ops->cancel(list(&f, "gzip", &gone));
	same_list(&f);
	ASSERT_FALSE(gone.is_done);
	f.calls->ops->cancel(list(&f, "gzip", &gone));
	server_fini(&f);
}
