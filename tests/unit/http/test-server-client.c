/* SPDX-License-Identifier: Apache-2.0 */
/* Proves that the server and the client understand each other, in both versions, clear and TLS. */
#include "http/server-internal.h"
#include "tests/harness/test.h"
#include "tests/unit/http/pair.h"

static const unsigned kinds[] = {PAIR_H1, PAIR_H1 | PAIR_TLS, PAIR_H2 | PAIR_TLS};

#define for_each_kind(p)                                                                           \
	for (size_t kind_ = 0; kind_ < ARRAY_LEN(kinds) && (pair_init(p, kinds[kind_]), true);     \
	     pair_fini(p), kind_++)

TEST(requests_and_answers_arrive_whole)
{
	struct pair_answer a;
	struct pair p;

	for_each_kind(&p)
	{
		char host[64];

		pair_get(&p, &a, "/header?q=1");
		ASSERT_EQ(a.r, 0);
		ASSERT_EQ(a.status, 200);
		snprintf(host, sizeof(host), "a value|127.0.0.1:%u|q=1", p.port);
		ASSERT_STREQ(a.body.ptr, host);
		ASSERT_TRUE(strstr(a.headers.ptr, "content-type=text/plain"));
		pair_answer_fini(&a);
		pair_get(&p, &a, "/empty");
		ASSERT_EQ(a.status, 204);
		ASSERT_EQ(a.body.len, 0);
		pair_answer_fini(&a);
		pair_get(&p, &a, "/nothing");
		ASSERT_EQ(a.status, 404);
		pair_answer_fini(&a);
		pair_send(&p, &a, HTTP_HEAD, "/nothing", NULL);
		pair_wait(&p, &a);
		ASSERT_EQ(a.r, 0);
		ASSERT_EQ(a.status, 404);
		ASSERT_EQ(a.body.len, 0);
		ASSERT_TRUE(strstr(a.headers.ptr, "content-length=12"));
		pair_answer_fini(&a);
	}
}

TEST(connections_are_used_again)
{
	struct http_server_stats stats;
	struct pair_answer a;
	struct pair p;

	for_each_kind(&p)
	{
		for (int i = 0; i < 20; i++) {
			pair_get(&p, &a, "/echo");
			ASSERT_EQ(a.r, 0);
			pair_answer_fini(&a);
		}
		http_server_stats(p.server, &stats);
		ASSERT_EQ(stats.connections, 1);
		ASSERT_EQ(stats.requests, 20);
		ASSERT_EQ(stats.open_streams, 0);
	}
}

TEST(a_body_of_the_limit_passes_and_one_byte_more_is_413)
{
	struct pair_answer a;
	struct bytes *b;
	struct pair p;

	for_each_kind(&p)
	{
		b = bytes_new(HTTP_BODY_MAX);
		for (size_t i = 0; i < b->len; i++)
			b->data[i] = (char)(i * 7);
		pair_send(&p, &a, HTTP_POST, "/echo", b);
		pair_wait(&p, &a);
		ASSERT_EQ(a.status, 200);
		ASSERT_STR(buf_str(&a.body), bytes_str(b));
		bytes_unref(b);
		pair_answer_fini(&a);
		b = bytes_new(HTTP_BODY_MAX + 1);
		memset(b->data, 'x', b->len);
		pair_send(&p, &a, HTTP_POST, "/echo", b);
		bytes_unref(b);
		pair_wait(&p, &a);
		ASSERT_EQ(a.status, 413);
		pair_answer_fini(&a);
		pair_get(&p, &a, "/echo"); /* and all goes on */
		ASSERT_EQ(a.status, 200);
		pair_answer_fini(&a);
	}
}

TEST(a_watch_is_written_event_by_event)
{
	struct pair_answer a;
	struct pair p;

	for_each_kind(&p)
	{
		struct bytes *b = bytes_dup(STR("event\n"));

		pair_send(&p, &a, HTTP_GET, "/watch", NULL);
		pair_until(&p, &a.heads, 1);
		for (size_t i = 1; i <= 10; i++) {
			http_write(p.held, b);
			while (a.body.len < i * b->len)
				pair_turn(&p);
		}
		ASSERT_EQ(a.done, 0);
		http_end(p.held);
		pair_wait(&p, &a);
		ASSERT_EQ(a.r, 0);
		ASSERT_EQ(a.body.len, 60);
		ASSERT_EQ(p.closed, 0);
		bytes_unref(b);
		pair_answer_fini(&a);
	}
}

/* Turns until nothing has come for a while. */
static void until_silent(struct pair *p, const struct pair_answer *a)
{
	size_t len = a->body.len;

	for (int n = 0; n < 100; n++) {
		pair_turn(p);
		if (a->body.len != len)
			n = 0;
		len = a->body.len;
	}
}

TEST(a_paused_call_holds_the_server_back)
{
	enum {
		CHUNK = 1024 * 1024,
		CHUNKS = 48, /* more than the kernel's buffers and HTTP/2's windows take */
	};
	struct bytes *b = bytes_new(CHUNK);
	struct pair_answer a, after;
	struct http_call *call;
	struct pair p;

	memset(b->data, 'x', b->len);
	for_each_kind(&p)
	{
		call = pair_send(&p, &a, HTTP_GET, "/watch", NULL);
		pair_until(&p, &a.heads, 1);
		p.client->ops->pause(call, true);
		for (int i = 0; i < CHUNKS; i++)
			http_write(p.held, b);
		until_silent(&p, &a);
		ASSERT_TRUE(a.body.len <= 2 * CHUNK);
		ASSERT_TRUE(http_pending(p.held) > 0);
		p.client->ops->pause(call, false);
		http_end(p.held);
		pair_wait(&p, &a);
		ASSERT_EQ(a.r, 0);
		ASSERT_EQ(a.body.len, (size_t)CHUNKS * CHUNK);
		pair_get(&p, &after, "/echo"); /* and the connection goes on */
		ASSERT_EQ(after.r, 0);
		pair_answer_fini(&a);
		pair_answer_fini(&after);
	}
	bytes_unref(b);
}

TEST(a_call_that_ends_while_paused_leaves_its_connection_usable)
{
	struct pair_answer a, after;
	struct http_call *call;
	struct pair p;

	for_each_kind(&p)
	{
		call = pair_send(&p, &a, HTTP_GET, "/watch", NULL);
		pair_until(&p, &a.heads, 1);
		p.client->ops->pause(call, true);
		p.client->ops->cancel(call);
		pair_get(&p, &after, "/echo");
		ASSERT_EQ(after.r, 0);
		pair_answer_fini(&a);
		pair_answer_fini(&after);
	}
}

TEST(a_cancelled_call_is_told_to_the_handler)
{
	struct pair_answer a, after;
	struct http_call *call;
	struct pair p;

	for_each_kind(&p)
	{
		call = pair_send(&p, &a, HTTP_GET, "/watch", NULL);
		pair_until(&p, &a.heads, 1);
		p.client->ops->cancel(call);
		pair_until(&p, &p.closed, 1);
		ASSERT_EQ(a.done, 0);
		pair_get(&p, &after, "/echo");
		ASSERT_EQ(after.r, 0);
		pair_answer_fini(&a);
		pair_answer_fini(&after);
	}
}

TEST(an_aborted_answer_is_a_failure)
{
	struct pair_answer a;
	struct pair p;

	for_each_kind(&p)
	{
		pair_get(&p, &a, "/abort");
		ASSERT_EQ(a.r, ERR_UNAVAILABLE);
		ASSERT_EQ(p.closed, 0);
		pair_answer_fini(&a);
		pair_get(&p, &a, "/echo");
		ASSERT_EQ(a.r, 0);
		pair_answer_fini(&a);
	}
}

TEST(freeing_the_server_ends_calls_and_tells_handlers)
{
	struct pair_answer a;
	struct pair p;

	for_each_kind(&p)
	{
		pair_send(&p, &a, HTTP_GET, "/watch", NULL);
		pair_until(&p, &a.heads, 1);
		http_server_free(p.server);
		p.server = NULL;
		ASSERT_EQ(p.closed, 1);
		pair_wait(&p, &a);
		ASSERT_EQ(a.r, ERR_UNAVAILABLE);
		pair_answer_fini(&a);
		pair_get(&p, &a, "/echo");
		ASSERT_EQ(a.r, ERR_UNAVAILABLE); /* refused: nobody listens */
		pair_answer_fini(&a);
	}
}

static void stopped(void *ctx)
{
	((struct pair *)ctx)->stopped = true;
}

TEST(a_graceful_stop_lets_answers_finish_and_cuts_the_rest)
{
	struct pair_answer a, b;
	struct pair p;

	for_each_kind(&p)
	{
		pair_send(&p, &a, HTTP_GET, "/hold", NULL);
		while (!p.held)
			pair_turn(&p);
		http_server_stop(p.server, 5000, stopped, &p);
		for (int i = 0; i < 10; i++)
			pair_turn(&p);
		ASSERT_FALSE(p.stopped);
		http_reply_text(p.held, 200, "late");
		pair_wait(&p, &a);
		ASSERT_EQ(a.r, 0);
		ASSERT_STREQ(a.body.ptr, "late");
		pair_get(&p, &b, "/echo");
		ASSERT_EQ(b.r, ERR_UNAVAILABLE);
		while (!p.stopped)
			pair_turn(&p);
		pair_answer_fini(&a);
		pair_answer_fini(&b);
	}
	for_each_kind(&p)
	{
		pair_send(&p, &a, HTTP_GET, "/watch", NULL);
		pair_until(&p, &a.heads, 1);
		http_server_stop(p.server, 100, stopped, &p);
		while (!p.stopped)
			pair_turn(&p);
		ASSERT_EQ(p.closed, 1);
		pair_wait(&p, &a);
		ASSERT_EQ(a.r, ERR_UNAVAILABLE);
		pair_answer_fini(&a);
	}
}

TEST(timeouts_end_a_call)
{
	struct pair_answer a;
	struct pair p;

	for_each_kind(&p)
	{
		struct http_call_request req = {
			.target = STR("/hold"), .timeout_ms = 50, .idle_ms = 0};

		/* Over HTTP/1 a client that has gone may be one that only sends no more. */
		http_server_set_timeouts(p.server, 1000, 100, 1000);
		for (int i = 0; i < 2; i++) {
			pair_send_request(&p, &a, &req);
			pair_wait(&p, &a);
			ASSERT_EQ(a.r, ERR_TIMEOUT);
			pair_until(&p, &p.closed, i + 1);
			pair_answer_fini(&a);
			req.timeout_ms = 0;
			req.idle_ms = 50;
		}
	}
}

TEST(a_slow_reader_does_not_stop_the_other_streams)
{
	struct pair_answer a, other;
	struct bytes *b;
	struct pair p;

	/* The client reads all it can, so the reader is slow by the flow control of its stream: the
	 * handler writes more than the windows hold before the loop turns. */
	for_each_kind(&p)
	{
		size_t total = 0;

		b = bytes_new(64 * 1024);
		memset(b->data, 'x', b->len);
		pair_send(&p, &a, HTTP_GET, "/watch", NULL);
		pair_until(&p, &a.heads, 1);
		while (http_pending(p.held) < HTTP_PENDING_MAX) {
			http_write(p.held, b);
			total += b->len;
		}
		pair_get(&p, &other, "/who");
		ASSERT_EQ(other.r, 0);
		while (a.body.len < total)
			pair_turn(&p);
		ASSERT_EQ(p.writable, 1);
		ASSERT_EQ(http_pending(p.held), 0);
		http_end(p.held);
		pair_wait(&p, &a);
		bytes_unref(b);
		pair_answer_fini(&a);
		pair_answer_fini(&other);
	}
}

TEST(many_streams_at_once)
{
	enum {
		N = 200
	};
	static struct pair_answer a[N];
	struct http_server_stats stats;
	struct pair p;

	for_each_kind(&p)
	{
		for (int i = 0; i < N; i++)
			pair_send(&p, &a[i], HTTP_GET, "/who", NULL);
		for (int i = 0; i < N; i++) {
			pair_wait(&p, &a[i]);
			ASSERT_EQ(a[i].r, 0);
			pair_answer_fini(&a[i]);
		}
		http_server_stats(p.server, &stats);
		ASSERT_EQ(stats.requests, N);
		if (kinds[kind_] & PAIR_H2)
			ASSERT_EQ(stats.connections, 1);
	}
}

TEST(client_certificates_say_who)
{
	struct pair_answer a;
	struct pair p;

	for_each_kind(&p)
	{
		pair_get(&p, &a, "/who");
		ASSERT_STREQ(a.body.ptr, kinds[kind_] & PAIR_TLS ? "alice g1 g2" : "");
		pair_answer_fini(&a);
	}
}

static int try_certificate(struct pair *p, const char *cert, const char *key, struct str *ret_user)
{
	static struct pair_answer a;
	struct err err;
	int r;

	p->client->ops->close(p->client);
	p->config.cert_file = cert;
	p->config.key_file = key;
	ASSERT_OK(http_client_new(p->loop, &p->config, &p->client, &err));
	pair_get(p, &a, "/who");
	r = a.r;
	*ret_user = (struct str){0};
	if (r == 0 && a.body.len)
		*ret_user = STR("someone");
	pair_answer_fini(&a);
	return r;
}

TEST(certificates_of_another_ca_or_purpose_are_refused)
{
	struct http_pki_leaf leaf = {.common_name = "mallory", .days = 10};
	struct http_server_stats stats;
	struct err err;
	struct str user;
	struct pair p;

	for (unsigned kind = PAIR_TLS; kind <= (PAIR_TLS | PAIR_H2); kind++) {
		pair_init(&p, kind);
		ASSERT_OK(http_pki_ca(pair_file(&p, 8, "other.crt"), pair_file(&p, 9, "other.key"),
				      "test CA", &err));
		ASSERT_OK(http_pki_leaf(p.dir_text[8], p.dir_text[9], pair_file(&p, 6, "m.crt"),
					pair_file(&p, 7, "m.key"), &leaf, &err));
		ASSERT_EQ(try_certificate(&p, p.dir_text[6], p.dir_text[7], &user),
			  ERR_UNAVAILABLE);
		ASSERT_EQ(try_certificate(&p, p.dir_text[2], p.dir_text[3], &user),
			  ERR_UNAVAILABLE); /* the server's own */
		ASSERT_EQ(try_certificate(&p, NULL, NULL, &user), 0);
		ASSERT_FALSE(str_is_set(user));
		http_server_stats(p.server, &stats);
		ASSERT_EQ(stats.tls_failures, 2);
		ASSERT_EQ(stats.requests, 1);
		pair_fini(&p);
	}
}

TEST(a_server_that_is_not_the_right_one_is_refused)
{
	struct err err;
	struct pair_answer a;
	struct pair p;

	pair_init(&p, PAIR_TLS | PAIR_H2);
	p.client->ops->close(p.client);
	p.config.server_name = STR("example.com");
	ASSERT_OK(http_client_new(p.loop, &p.config, &p.client, &err));
	pair_get(&p, &a, "/who");
	ASSERT_EQ(a.r, ERR_UNAVAILABLE);
	ASSERT_TRUE(strstr(a.err.msg, "certificate"));
	pair_answer_fini(&a);
	p.client->ops->close(p.client);
	p.config.server_name = STR("localhost");
	p.config.host = STR("localhost");
	ASSERT_OK(http_client_new(p.loop, &p.config, &p.client, &err));
	pair_get(&p, &a, "/who"); /* by name; ::1 is tried and refused where it comes first */
	ASSERT_EQ(a.r, 0);
	pair_answer_fini(&a);
	pair_fini(&p);
}

TEST(closing_the_client_is_silent)
{
	struct pair_answer a, b;
	struct pair p;

	for_each_kind(&p)
	{
		pair_send(&p, &a, HTTP_GET, "/watch", NULL);
		pair_until(&p, &a.heads, 1);
		pair_send(&p, &b, HTTP_GET, "/who", NULL);
		p.client->ops->close(p.client);
		p.client = NULL;
		pair_until(&p, &p.closed, 1);
		ASSERT_EQ(a.done + b.done, 0);
		pair_answer_fini(&a);
		pair_answer_fini(&b);
	}
}

/* What an owner may do from inside its callbacks. */
struct inside {
	struct pair *p;
	struct http_call *call;
	bool closes, on_data;
	int done, datas, heads;
};

static void inside_act(struct inside *in)
{
	if (in->closes) {
		in->p->client->ops->close(in->p->client);
		in->p->client = NULL;
	} else {
		in->p->client->ops->cancel(in->call);
	}
}

static void inside_head(void *ctx, int status _unused_, const struct http_header *headers _unused_,
			size_t n _unused_)
{
	struct inside *in = ctx;

	in->heads++;
	if (!in->on_data)
		inside_act(in);
}

static void inside_data(void *ctx, struct str data _unused_)
{
	struct inside *in = ctx;

	in->datas++;
	inside_act(in);
}

static void inside_done(void *ctx, int r _unused_, const struct err *err _unused_)
{
	((struct inside *)ctx)->done++;
}

TEST(a_call_may_be_cancelled_and_the_client_closed_from_a_callback)
{
	static const struct http_call_events ev = {inside_head, inside_data, inside_done};
	struct http_call_request req = {.target = STR("/watch")};
	struct pair p;

	for (int variant = 0; variant < 4; variant++) {
		for_each_kind(&p)
		{
			struct inside in = {.p = &p, .closes = variant & 1, .on_data = variant & 2};
			struct bytes *b = bytes_dup(STR("event\n"));

			in.call = p.client->ops->send(p.client, &req, &ev, &in);
			while (!p.held)
				pair_turn(&p);
			for (int i = 0; i < 5; i++)
				http_write(p.held, b);
			pair_until(&p, &p.closed, 1);
			ASSERT_EQ(in.heads, 1);
			ASSERT_EQ(in.datas, in.on_data ? 1 : 0);
			ASSERT_EQ(in.done, 0);
			bytes_unref(b);
		}
	}
}

struct again {
	struct pair *p;
	int left;
};

static void again_done(void *ctx, int r, const struct err *err _unused_)
{
	static const struct http_call_events ev = {NULL, NULL, again_done};
	struct http_call_request req = {.target = STR("/who")};
	struct again *g = ctx;

	ASSERT_EQ(r, ERR_UNAVAILABLE);
	if (g->left-- > 0)
		g->p->client->ops->send(g->p->client, &req, &ev, g);
}

TEST(sending_again_at_once_after_a_failure_does_not_hang_the_loop)
{
	struct again g = {.left = 1};
	struct pair p;

	for_each_kind(&p)
	{
		http_server_free(p.server);
		p.server = NULL;
		g = (struct again){.p = &p, .left = 5};
		again_done(&g, ERR_UNAVAILABLE, NULL);
		while (g.left >= 0)
			pair_turn(&p);
	}
}
