/* SPDX-License-Identifier: Apache-2.0 */
/* Proves that the server answers or closes what is malformed, too big or too slow, and goes on. */
#include "http/server-internal.h"
#include "tests/harness/test.h"
#include "tests/unit/http/pair.h"

#include <sys/socket.h>
#include <unistd.h>

/* Sends text (n bytes) on a connection of its own; what comes until the close must begin so. */
static void expect(struct pair *p, const char *text, size_t n, const char *begins)
{
	struct buf b = BUF_INIT;
	int fd = pair_connect(p);
	struct str s;

	pair_put(p, fd, str_n(text, n));
	s = pair_take(p, fd, &b, NULL);
	if (!str_has_prefix(s, str_of(begins)))
		test_fail(__FILE__, __LINE__, "'%.60s' is answered '%.*s'", text, STR_ARG(s));
	close(fd);
	buf_fini(&b);
}

static void expect_text(struct pair *p, const char *text, const char *begins)
{
	expect(p, text, strlen(text), begins);
}

TEST(malformed_requests_are_answered_400_and_closed)
{
	static const char *const bad[] = {
		"rubbish\r\n\r\n",
		"GET / HTTP/1.1\r\n\r\n", /* no host */
		"GET / HTTP/1.1\r\nhost: x\r\nbad header\r\n\r\n",
		"GET / HTTP/1.1\r\nhost: x\r\na\x01: b\r\n\r\n",
		"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ntransfer-encoding: "
		"chunked\r\n\r\n0\r\n\r\n",
		"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabc",
		"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
		"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip\r\n\r\n",
		"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
		"GET / HTTP/9.9\r\nhost: x\r\n\r\n",
		"GET x HTTP/1.1\r\nhost: x\r\n\r\n",
		"OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n",
	};
	struct http_server_stats stats;
	struct pair_answer a;
	struct pair p;

	pair_init(&p, PAIR_H1);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		expect_text(&p, bad[i], "HTTP/1.1 400 Bad Request\r\n");
	http_server_stats(p.server, &stats);
	ASSERT_EQ(stats.bad_requests, ARRAY_LEN(bad));
	ASSERT_EQ(stats.requests, 0);
	pair_get(&p, &a, "/who");
	ASSERT_EQ(a.r, 0);
	pair_answer_fini(&a);
	pair_fini(&p);
}

TEST(pipelined_requests_are_answered_in_order)
{
	struct buf in = BUF_INIT, out = BUF_INIT;
	struct pair p;
	size_t n = 0;
	int fd;

	pair_init(&p, PAIR_H1);
	for (int i = 0; i < 2000; i++)
		buf_printf(&in, "GET /header?n=%d HTTP/1.1\r\nhost: x\r\n\r\n", i);
	buf_add_c(&in, "GET /who HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
	fd = pair_connect(&p);
	pair_put(&p, fd, buf_str(&in));
	pair_take(&p, fd, &out, NULL);
	for (const char *at = out.ptr; (at = strstr(at, "|n=")); at++) {
		char want[32];

		snprintf(want, sizeof(want), "|n=%zu", n++);
		ASSERT_TRUE(str_has_prefix(str_of(at), str_of(want)));
	}
	ASSERT_EQ(n, 2000);
	ASSERT_TRUE(strstr(out.ptr, "connection: close"));
	close(fd);
	buf_fini(&in);
	buf_fini(&out);
	pair_fini(&p);
}

TEST(what_follows_a_watch_waits_and_is_not_read_without_end)
{
	struct buf out = BUF_INIT;
	char junk[8192];
	struct pair p;
	size_t sent = 0;
	int fd;

	pair_init(&p, PAIR_H1);
	fd = pair_connect(&p);
	pair_put(&p, fd, STR("GET /watch HTTP/1.1\r\nhost: x\r\n\r\n"));
	pair_take(&p, fd, &out, "\r\n\r\n");
	memset(junk, 'x', sizeof(junk));
	for (int idle = 0; idle < 20;) {
		ssize_t r = send(fd, junk, sizeof(junk), MSG_DONTWAIT | MSG_NOSIGNAL);

		if (r > 0)
			sent += (size_t)r;
		else
			idle++;
		loop_turn(p.loop, 0);
		ASSERT_TRUE(sent < 64u * 1024 * 1024);
	}
	ASSERT_EQ(p.closed, 0);
	close(fd);
	loop_turn(p.loop, 0);
	http_abort(p.held);
	buf_fini(&out);
	pair_fini(&p);
}

TEST(http_1_0_gets_a_plain_answer_and_a_close)
{
	struct buf b = BUF_INIT;
	struct pair p;
	int fd;

	pair_init(&p, PAIR_H1);
	fd = pair_connect(&p);
	pair_put(&p, fd, STR("GET /watch HTTP/1.0\r\n\r\n"));
	pair_take(&p, fd, &b, "\r\n\r\n");
	ASSERT_FALSE(strstr(b.ptr, "chunked"));
	http_end(p.held);
	pair_take(&p, fd, &b, NULL);
	close(fd);
	buf_fini(&b);
	pair_fini(&p);
}

TEST(limits_of_the_head_are_answered)
{
	struct buf b = BUF_INIT;
	struct pair p;

	pair_init(&p, PAIR_H1);
	buf_add_c(&b, "GET /");
	for (int i = 0; i < HTTP_TARGET_MAX; i++)
		buf_add_byte(&b, 'a');
	buf_add_c(&b, " HTTP/1.1\r\nhost: x\r\n\r\n");
	expect(&p, b.ptr, b.len, "HTTP/1.1 414 ");
	buf_clear(&b);
	buf_add_c(&b, "GET / HTTP/1.1\r\nhost: x\r\n");
	for (int i = 0; i < HTTP_HEADERS_MAX; i++)
		buf_printf(&b, "h%d: v\r\n", i);
	buf_add_c(&b, "\r\n");
	expect(&p, b.ptr, b.len, "HTTP/1.1 431 ");
	buf_clear(&b);
	buf_add_c(&b, "GET / HTTP/1.1\r\nhost: x\r\nlong: ");
	for (int i = 0; i < HTTP_HEADER_BYTES_MAX; i++)
		buf_add_byte(&b, 'a');
	expect(&p, b.ptr, b.len, "HTTP/1.1 431 ");
	buf_fini(&b);
	pair_fini(&p);
}

TEST(too_long_a_body_is_413_before_it_has_come)
{
	struct buf b = BUF_INIT;
	struct pair p;
	int fd;

	pair_init(&p, PAIR_H1);
	expect_text(&p,
		    "POST /echo HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\n"
		    "content-length: 3145729\r\n\r\n",
		    "HTTP/1.1 413 ");
	fd = pair_connect(&p);
	pair_put(&p, fd,
		 STR("POST /echo HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\n"
		     "content-length: 2\r\n\r\n"));
	pair_take(&p, fd, &b, "\r\n\r\n");
	ASSERT_STREQ(b.ptr, "HTTP/1.1 100 Continue\r\n\r\n");
	pair_put(&p, fd, STR("ok"));
	pair_take(&p, fd, &b, "\r\n\r\nok");
	close(fd);
	buf_fini(&b);
	pair_fini(&p);
}

TEST(slow_heads_bodies_and_silence_are_closed)
{
	static const char *const slow[] = {
		"",
		"GE",
		"GET / HTTP/1.1\r\nhost:",
		"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nab",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"PRI * HTTP",
	};
	struct http_server_stats stats;
	int fds[ARRAY_LEN(slow)];
	struct buf b = BUF_INIT;
	struct pair_answer a;
	struct pair p;

	pair_init(&p, PAIR_H1);
	http_server_set_timeouts(p.server, 60, 80, 100);
	for (size_t i = 0; i < ARRAY_LEN(slow); i++) {
		fds[i] = pair_connect(&p);
		pair_put(&p, fds[i], str_of(slow[i]));
	}
	pair_send(&p, &a, HTTP_GET, "/watch", NULL); /* silent, and rightly so */
	for (size_t i = 0; i < ARRAY_LEN(slow); i++) {
		pair_take(&p, fds[i], &b, NULL);
		close(fds[i]);
	}
	/* A byte now and then does not help. */
	fds[0] = pair_connect(&p);
	for (const char *c = "GET / HTTP/1.1\r\nhost: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
	     *c; c++) {
		pair_put(&p, fds[0], str_n(c, 1));
		loop_turn(p.loop, 10);
	}
	pair_take(&p, fds[0], &b, NULL);
	close(fds[0]);
	http_server_stats(p.server, &stats);
	ASSERT_EQ(stats.open_connections, 1);
	ASSERT_EQ(a.done, 0);
	http_end(p.held);
	pair_wait(&p, &a);
	ASSERT_EQ(a.r, 0);
	pair_answer_fini(&a);
	buf_fini(&b);
	pair_fini(&p);
}

TEST(one_who_does_not_take_the_answer_is_closed)
{
	struct bytes *big;
	struct pair p;
	int fd;

	pair_init(&p, PAIR_H1);
	http_server_set_timeouts(p.server, 1000, 1000, 100);
	fd = pair_connect(&p);
	pair_put(&p, fd, STR("GET /watch HTTP/1.1\r\nhost: x\r\n\r\n"));
	while (!p.held)
		pair_turn(&p);
	big = bytes_new(HTTP_PENDING_MAX * 4);
	memset(big->data, 'x', big->len);
	http_write(p.held, big);
	bytes_unref(big);
	pair_until(&p, &p.closed, 1);
	close(fd);
	pair_fini(&p);
}

TEST(tls_garbage_is_closed)
{
	struct http_server_stats stats;
	struct buf b = BUF_INIT;
	struct pair p;
	int fd;

	pair_init(&p, PAIR_TLS);
	fd = pair_connect(&p);
	pair_put(&p, fd, STR("GET / HTTP/1.1\r\nhost: x\r\n\r\n"));
	pair_take(&p, fd, &b, NULL);
	close(fd);
	http_server_stats(p.server, &stats);
	ASSERT_EQ(stats.tls_failures, 1);
	ASSERT_EQ(stats.open_connections, 0);
	buf_fini(&b);
	pair_fini(&p);
}

TEST(the_peer_goes_in_the_middle)
{
	static const char *const parts[] = {
		"GET /watch HTTP/1.1\r\nhost: x\r\n\r\n",
		"GET /hold HTTP/1.1\r\nhost: x\r\n\r\n",
	};
	static const struct linger reset = {.l_onoff = 1};
	struct pair p;

	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		int fd;

		pair_init(&p, PAIR_H1);
		fd = pair_connect(&p);
		pair_put(&p, fd, str_of(parts[i]));
		while (!p.held)
			pair_turn(&p);
		/* A plain close might be one of the sending side alone. */
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		close(fd);
		pair_until(&p, &p.closed, 1);
		pair_fini(&p);
	}
}

TEST(one_who_closes_the_sending_side_gets_the_answer)
{
	struct http_server_stats stats;
	struct buf b = BUF_INIT;
	struct pair p;
	int fd;

	pair_init(&p, PAIR_H1);
	fd = pair_connect(&p);
	pair_put(&p, fd,
		 STR("GET /hold HTTP/1.1\r\nhost: x\r\n\r\n"
		     "GET /who HTTP/1.1\r\nhost: x\r\n\r\n"));
	shutdown(fd, SHUT_WR);
	while (!p.held)
		pair_turn(&p);
	for (int i = 0; i < 5; i++)
		pair_turn(&p);
	ASSERT_EQ(p.closed, 0);
	http_reply_text(p.held, 200, "late");
	pair_take(&p, fd, &b, NULL);
	ASSERT_TRUE(strstr(b.ptr, "late") && strstr(strstr(b.ptr, "late"), "HTTP/1.1 200"));
	http_server_stats(p.server, &stats);
	ASSERT_EQ(stats.open_connections, 0);
	close(fd);
	buf_fini(&b);
	pair_fini(&p);
}

TEST(one_who_closes_the_sending_side_and_goes_is_given_up)
{
	struct pair p;
	int fd;

	pair_init(&p, PAIR_H1);
	http_server_set_timeouts(p.server, 1000, 100, 1000);
	fd = pair_connect(&p);
	pair_put(&p, fd, STR("GET /hold HTTP/1.1\r\nhost: x\r\n\r\n"));
	while (!p.held)
		pair_turn(&p);
	close(fd);
	pair_until(&p, &p.closed, 1);
	pair_fini(&p);
}

/* Each chunk is a line of the same letter, so that a torn one would show. */
TEST(what_is_not_on_its_way_can_be_taken_back)
{
	struct bytes *line = bytes_new(1000), *end = bytes_dup(STR("the end"));
	struct buf b = BUF_INIT;
	size_t written = 0;
	struct pair p;
	int fd;

	pair_init(&p, PAIR_H1);
	fd = pair_connect(&p);
	pair_put(&p, fd, STR("GET /watch HTTP/1.1\r\nhost: x\r\n\r\n"));
	while (!p.held)
		pair_turn(&p);
	memset(line->data, 'x', line->len);
	while (http_pending(p.held) < HTTP_PENDING_MAX) {
		http_write(p.held, line);
		written += line->len;
		if (written % (256 * line->len) == 0)
			loop_turn(p.loop, 0);
	}
	http_discard(p.held);
	ASSERT_TRUE(http_pending(p.held) < HTTP_PENDING_MAX / 16);
	http_write(p.held, end);
	http_end(p.held);
	pair_take(&p, fd, &b, "\r\n0\r\n\r\n");
	ASSERT_TRUE(b.len < written);
	char *at = strstr(b.ptr, "\r\n\r\n") + 4;

	for (; strncmp(at, "3e8\r\n", 5) == 0; at += 5 + 1000 + 2)
		ASSERT_TRUE(strspn(at + 5, "x") == 1000);
	ASSERT_STR(str_of(at), STR("7\r\nthe end\r\n0\r\n\r\n"));
	bytes_unref(line);
	bytes_unref(end);
	close(fd);
	buf_fini(&b);
	pair_fini(&p);
}

/* CVE-2023-44487: streams that are opened and reset without end. */
TEST(rapid_resets_end_the_connection)
{
	static const char start[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";
	struct http_server_stats stats;
	struct pair_answer a;
	struct buf b = BUF_INIT, in = BUF_INIT;
	struct pair p;
	uint32_t id = 1;
	int fd;

	pair_init(&p, PAIR_H1);
	fd = pair_connect(&p);
	pair_put(&p, fd, str_n(start, sizeof(start) - 1));
	for (int round = 0; round < 500; round++) {
		char text[4096];
		ssize_t r;

		buf_clear(&in);
		for (int i = 0; i < 100; i++, id += 2) {
			const char n[4] = {(char)(id >> 24), (char)(id >> 16), (char)(id >> 8),
					   (char)id};

			buf_add(&in, "\0\0\6\1\5", 5); /* HEADERS, END_STREAM and END_HEADERS */
			buf_add(&in, n, 4);
			buf_add(&in, "\x82\x86\x84\x41\1x", 6);
			buf_add(&in, "\0\0\4\3\0", 5); /* RST_STREAM, CANCEL */
			buf_add(&in, n, 4);
			buf_add(&in, "\0\0\0\x08", 4);
		}
		pair_put(&p, fd, buf_str(&in));
		loop_turn(p.loop, 0);
		while ((r = recv(fd, text, sizeof(text), MSG_DONTWAIT)) > 0)
			;
		http_server_stats(p.server, &stats);
		if (!stats.open_connections)
			break;
	}
	http_server_stats(p.server, &stats);
	ASSERT_EQ(stats.open_connections, 0);
	ASSERT_EQ(stats.open_streams, 0);
	pair_get(&p, &a, "/who");
	ASSERT_EQ(a.r, 0);
	pair_answer_fini(&a);
	close(fd);
	buf_fini(&b);
	buf_fini(&in);
	pair_fini(&p);
}
