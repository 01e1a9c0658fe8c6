/* SPDX-License-Identifier: Apache-2.0 */
/* Proves that what HTTP/2 lets a peer do without end (floods, windows of nothing, bytes one by one)
 * is ended or bounded, and that others are served meanwhile. */
#include "http/server-internal.h"
#include "tests/harness/test.h"
#include "tests/unit/http/pair.h"

#include <sys/socket.h>
#include <unistd.h>

enum {
	DATA = 0,
	HEADERS = 1,
	PRIORITY = 2,
	SETTINGS = 4,
	PING = 6,
	WINDOW_UPDATE = 8,
	CONTINUATION = 9,
	END_STREAM = 1,
	END_HEADERS = 4,
	ROUNDS = 8000,
	SHORT_MS = 150, /* a deadline of the server in these tests */
};

/* GET http://x/, and the same to POST */
#define GET  "\x82\x86\x84\x41\1x"
#define POST "\x83\x86\x84\x41\1x"

struct abuse {
	struct pair p;
	int fd;
	struct buf out;
};

static void add_frame(struct abuse *e, int type, int flags, uint32_t id, struct str body)
{
	const char head[9] = {(char)(body.len >> 16),
			      (char)(body.len >> 8),
			      (char)body.len,
			      (char)type,
			      (char)flags,
			      (char)(id >> 24),
			      (char)(id >> 16),
			      (char)(id >> 8),
			      (char)id};

	buf_add(&e->out, head, sizeof(head));
	buf_add_str(&e->out, body);
}

static void send_out(struct abuse *e)
{
	pair_put(&e->p, e->fd, buf_str(&e->out));
	buf_clear(&e->out);
	loop_turn(e->p.loop, 0);
}

static void begin(struct abuse *e, struct str settings)
{
	static const int small = 4096;

	memset(e, 0, sizeof(*e));
	pair_init(&e->p, PAIR_H1);
	buf_init(&e->out);
	e->fd = pair_connect(&e->p);
	/* So that the kernel does not take a flood's answers by the megabyte. */
	setsockopt(e->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	buf_add_c(&e->out, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
	add_frame(e, SETTINGS, 0, 0, settings);
	send_out(e);
}

static size_t n_open(struct abuse *e)
{
	struct http_server_stats stats;

	http_server_stats(e->p.server, &stats);
	return stats.open_connections;
}

static void end(struct abuse *e)
{
	struct http_server_stats stats;
	struct pair_answer a;

	pair_get(&e->p, &a, "/who");
	ASSERT_EQ(a.r, 0);
	pair_answer_fini(&a);
	close(e->fd);
	while (n_open(e) > 1) /* the client's own stays */
		pair_turn(&e->p);
	http_server_stats(e->p.server, &stats);
	ASSERT_EQ(stats.open_streams, 0);
	buf_fini(&e->out);
	pair_fini(&e->p);
}

/* A flood by one who does not read the answers: the connection ends, or nothing grows. */
static void flood(int type, struct str body, bool must_end)
{
	struct abuse e;

	begin(&e, STR(""));
	for (int round = 0; round < ROUNDS && n_open(&e); round++) {
		const struct http_link *k = list_first(struct http_link, &e.p.server->links, node);

		for (int i = 0; i < 100; i++)
			add_frame(&e, type, 0, type == PRIORITY ? 2 * i + 1 : 0, body);
		ASSERT_TRUE(k->conn.queued <= 2 * HTTP_CONN_QUEUE);
		send_out(&e);
	}
	ASSERT_EQ(n_open(&e), must_end ? 0 : 1);
	end(&e);
}

TEST(a_flood_of_settings_ends_the_connection)
{
	flood(SETTINGS, STR(""), true);
}

TEST(a_flood_of_pings_ends_the_connection)
{
	flood(PING, STR("12345678"), true);
}

TEST(a_flood_of_priorities_costs_no_memory)
{
	flood(PRIORITY, str_n("\0\0\0\0\x10", 5), false);
}

/* CVE-2024-28182 and its kin: a head that never ends. */
TEST(a_flood_of_continuations_is_refused_by_size_and_time)
{
	struct abuse e;
	char field[1024];

	begin(&e, STR(""));
	http_server_set_timeouts(e.p.server, 1000, 1000, 1000);
	/* A literal field that is not indexed: "a", and 1,000 bytes. */
	memset(field, 'v', sizeof(field));
	memcpy(field, "\0\1a\x7f\xe9\6", 6);
	add_frame(&e, HEADERS, END_STREAM, 1, STR(GET));
	for (int round = 0; round < 100 * ROUNDS && n_open(&e); round++) {
		const struct http_link *k = list_first(struct http_link, &e.p.server->links, node);

		ASSERT_TRUE(k->conn.queued <= HTTP_CONN_QUEUE);
		add_frame(&e, CONTINUATION, 0, 1, str_n(field, 6 + 1000));
		send_out(&e);
	}
	ASSERT_EQ(n_open(&e), 0);
	end(&e);
}

/* Bytes one by one prolong nothing. */
static void drip(struct abuse *e, struct str text)
{
	int64_t until = clock_mono_ms(&clock_system) + 10 * 1000;

	http_server_set_timeouts(e->p.server, SHORT_MS, SHORT_MS, 60 * 1000);
	for (size_t i = 0; n_open(e); i++) {
		pair_put(&e->p, e->fd, str_sub(text, i % text.len, i % text.len + 1));
		pair_turn(&e->p);
		ASSERT_TRUE(clock_mono_ms(&clock_system) < until);
	}
}

TEST(a_head_byte_by_byte_is_closed_in_time)
{
	static const char head[] = "\0\x10\0\1\5\0\0\0\1";
	struct abuse e;
	char text[4096 + sizeof(head)] = {0};

	begin(&e, STR(""));
	memcpy(text, head, sizeof(head) - 1);
	memset(text + sizeof(head) - 1, 0x82, 4096);
	/* From the frame's head on it is a head. Until then it is nothing, and idle. */
	pair_put(&e.p, e.fd, str_n(text, 12));
	drip(&e, str_n(text + 12, 4000));
	end(&e);
}

TEST(an_http_1_head_byte_by_byte_is_closed_in_time)
{
	struct abuse e = {0};

	pair_init(&e.p, PAIR_H1);
	buf_init(&e.out);
	http_server_set_timeouts(e.p.server, SHORT_MS, SHORT_MS, 60 * 1000);
	e.fd = pair_connect(&e.p);
	while (!n_open(&e))
		pair_turn(&e.p);
	drip(&e,
	     STR("GET /who HTTP/1.1\r\nhost: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
	end(&e);
}

TEST(a_tls_handshake_byte_by_byte_is_closed_in_time)
{
	struct abuse e = {0};

	pair_init(&e.p, PAIR_TLS);
	buf_init(&e.out);
	http_server_set_timeouts(e.p.server, SHORT_MS, SHORT_MS, 60 * 1000);
	e.fd = pair_connect(&e.p);
	while (!n_open(&e))
		pair_turn(&e.p);
	/* A record of 512 bytes, in it a greeting that goes on for longer. */
	drip(&e,
	     str_n("\x16\3\1\2\0\1\0\1\xfc\3\3xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
		   63));
	http_server_set_timeouts(e.p.server, 10000, 10000, 60 * 1000);
	end(&e);
}

/* The body's time runs whatever comes: bytes one by one, or frames without any (CVE-2019-9518). */
TEST(a_body_that_never_ends_is_refused_in_time)
{
	static const struct str bodies[] = {{"x", 1}, {"", 0}};

	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		struct http_server_stats stats;
		struct abuse e;

		begin(&e, STR(""));
		http_server_set_timeouts(e.p.server, 1000, SHORT_MS, 60 * 1000);
		add_frame(&e, HEADERS, END_HEADERS, 1, STR(POST));
		do {
			add_frame(&e, DATA, 0, 1, bodies[i]);
			send_out(&e);
			loop_turn(e.p.loop, 5);
			http_server_stats(e.p.server, &stats);
		} while (n_open(&e) && !stats.bad_requests);
		ASSERT_EQ(stats.bad_requests, 1);
		end(&e);
	}
}

/* A window of nothing: answers are kept for as long as a peer may be idle, and no longer. */
TEST(answers_that_nobody_lets_in_are_dropped_in_time)
{
	struct http_server_stats stats;
	struct abuse e;

	begin(&e, str_n("\0\4\0\0\0\0", 6));
	http_server_set_timeouts(e.p.server, 1000, 1000, SHORT_MS);
	for (uint32_t id = 1; id < 1000; id += 2)
		add_frame(&e, HEADERS, END_HEADERS | END_STREAM, id, STR(GET));
	send_out(&e);
	do {
		char text[4096];

		while (recv(e.fd, text, sizeof(text), MSG_DONTWAIT) > 0)
			;
		pair_turn(&e.p);
		http_server_stats(e.p.server, &stats);
	} while (stats.open_streams > 0);
	ASSERT_EQ(stats.requests, 500);
	end(&e);
}

TEST(a_window_that_overflows_ends_the_connection)
{
	struct abuse e;

	begin(&e, STR(""));
	for (int i = 0; i < 4 && n_open(&e); i++) {
		char text[4096];

		add_frame(&e, WINDOW_UPDATE, 0, 0, STR("\x7f\xff\xff\xff"));
		send_out(&e);
		pair_turn(&e.p);
		while (recv(e.fd, text, sizeof(text), MSG_DONTWAIT) > 0)
			;
	}
	for (int i = 0; i < 100 && n_open(&e); i++)
		pair_turn(&e.p);
	ASSERT_EQ(n_open(&e), 0);
	end(&e);
}
