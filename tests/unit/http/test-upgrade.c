/* SPDX-License-Identifier: Apache-2.0 */
/* Proves that an upgraded connection carries bytes both ways, at the pace of the slower side, and
 * ends for both when it ends for one. */
#include "http/conn.h"
#include "tests/harness/test.h"
#include "tests/unit/http/pair.h"

#include <unistd.h>

enum {
	MANY = 24 * 1024 * 1024, /* more than both sides may hold back */
	PIECE = 64 * 1024,
};

/* The server's side: says back what it hears. */
struct echo {
	struct pair pair;
	struct http_exchange *x;
	int closed, paused;
	size_t heard;
};

/* The client's. */
struct caller {
	int status, done, r, writable;
	struct buf got;
	size_t n_got;
	bool keeps;
};

static void echo_data(struct http_exchange *x, struct str data)
{
	struct echo *e = x->handler_ctx;
	struct bytes *b = bytes_dup(data);

	e->heard += data.len;
	http_write(x, b);
	bytes_unref(b);
	if (http_pending(x) >= HTTP_PENDING_MAX && !e->paused) {
		e->paused++;
		http_pause(x, true);
	}
}

static void echo_writable(struct http_exchange *x)
{
	http_pause(x, false);
}

static void echo_closed(struct http_exchange *x)
{
	struct echo *e = x->handler_ctx;

	e->closed++;
	e->x = NULL;
}

static void echo_handle(void *ctx, struct http_exchange *x)
{
	struct echo *e = ctx;
	struct http_header h = {STR("upgrade"), STR("echo")};

	if (!str_eq_c(http_upgrade_offer(x), "echo")) {
		http_reply_text(x, 400, "no upgrade");
		return;
	}
	x->handler_ctx = e;
	x->on_data = echo_data;
	x->on_writable = echo_writable;
	x->on_close = echo_closed;
	e->x = x;
	http_upgrade(x, &h, 1);
}

static void echo_init(struct echo *e, unsigned kind)
{
	memset(e, 0, sizeof(*e));
	pair_init_with(&e->pair, kind, echo_handle, e);
}

static void on_head(void *ctx, int status, const struct http_header *headers, size_t n)
{
	((struct caller *)ctx)->status = status;
}

static void on_data(void *ctx, struct str data)
{
	struct caller *c = ctx;

	c->n_got += data.len;
	if (c->keeps)
		buf_add_str(&c->got, data);
}

static void on_done(void *ctx, int r, const struct err *err)
{
	struct caller *c = ctx;

	c->r = r;
	c->done++;
}

static void on_writable(void *ctx)
{
	((struct caller *)ctx)->writable++;
}

static struct http_call *upgrade(struct echo *e, struct caller *c, const char *to)
{
	static const struct http_call_events ev = {.on_head = on_head,
						   .on_data = on_data,
						   .on_done = on_done,
						   .on_writable = on_writable};
	struct http_header h[] = {{STR("connection"), STR("keep-alive, Upgrade")},
				  {STR("upgrade"), str_of(to)}};
	struct http_call_request req = {
		.target = STR("/"), .headers = h, .n_headers = 2, .is_upgrade = true};
	struct http_call *call;

	*c = (struct caller){.got = BUF_INIT, .keeps = true};
	call = e->pair.client->ops->send(e->pair.client, &req, &ev, c);
	pair_until(&e->pair, &c->status, 1);
	return call;
}

static void say(struct echo *e, struct http_call *call, struct str what)
{
	struct bytes *b = bytes_dup(what);

	e->pair.client->ops->tunnel_write(call, b);
	bytes_unref(b);
}

#define for_each_kind(e)                                                                           \
	for (unsigned kind_ = 0; kind_ <= PAIR_TLS && (echo_init(e, kind_), true);                 \
	     pair_fini(&(e)->pair), kind_ += PAIR_TLS)

TEST(bytes_go_both_ways)
{
	struct caller c;
	struct echo e;

	for_each_kind(&e)
	{
		struct http_call *call = upgrade(&e, &c, "echo");

		ASSERT_EQ(c.status, 101);
		say(&e, call, STR("hello "));
		say(&e, call, STR("there"));
		while (c.got.len < 11)
			pair_turn(&e.pair);
		ASSERT_STREQ(c.got.ptr, "hello there");
		e.pair.client->ops->tunnel_finish(call);
		pair_until(&e.pair, &e.closed, 1);
		pair_until(&e.pair, &c.done, 1);
		buf_fini(&c.got);
	}
}

TEST(neither_side_is_flooded)
{
	struct caller c;
	struct echo e;

	for_each_kind(&e)
	{
		struct http_call *call = upgrade(&e, &c, "echo");
		struct bytes *b = bytes_new(PIECE);
		size_t sent = 0;

		memset(b->data, 'x', b->len);
		c.keeps = false;
		e.pair.client->ops->pause(call, true);
		/* It reads nothing: the server stops reading too, and this side's queue fills. */
		for (int i = 0; i < 500 && sent < MANY; i++) {
			while (sent < MANY &&
			       e.pair.client->ops->tunnel_pending(call) < HTTP_PENDING_MAX) {
				e.pair.client->ops->tunnel_write(call, b);
				sent += b->len;
			}
			loop_turn(e.pair.loop, 1);
		}
		ASSERT_TRUE(e.heard < MANY);
		ASSERT_TRUE(e.paused);
		ASSERT_TRUE(http_pending(e.x) < HTTP_PENDING_MAX + 2 * HTTP_CONN_READ);
		e.pair.client->ops->pause(call, false);
		while (c.n_got < sent)
			pair_turn(&e.pair);
		ASSERT_EQ(c.n_got, sent);
		ASSERT_TRUE(c.writable > 0);
		bytes_unref(b);
		e.pair.client->ops->cancel(call);
		pair_until(&e.pair, &e.closed, 1);
	}
}

TEST(what_was_written_goes_out_before_the_end)
{
	struct caller c;
	struct echo e;

	for_each_kind(&e)
	{
		struct http_call *call = upgrade(&e, &c, "echo");
		struct bytes *b = bytes_new(MANY / 8);

		memset(b->data, 'x', b->len);
		e.pair.client->ops->tunnel_write(call, b);
		bytes_unref(b);
		e.pair.client->ops->tunnel_finish(call);
		pair_until(&e.pair, &e.closed, 1);
		ASSERT_EQ(e.heard, MANY / 8);
		pair_until(&e.pair, &c.done, 1);
	}
}

TEST(the_servers_end_is_told_after_its_last_words)
{
	struct caller c;
	struct echo e;

	for_each_kind(&e)
	{
		struct http_call *call = upgrade(&e, &c, "echo");
		struct bytes *b = bytes_dup(STR("bye"));

		ASSERT_TRUE(call != NULL);
		http_write(e.x, b);
		bytes_unref(b);
		http_end(e.x);
		pair_until(&e.pair, &c.done, 1);
		ASSERT_EQ(c.r, 0);
		ASSERT_STREQ(c.got.ptr, "bye");
		ASSERT_EQ(e.closed, 0);
		buf_fini(&c.got);
	}
}

TEST(a_refused_upgrade_is_an_answer_as_any)
{
	struct caller c;
	struct echo e;

	for_each_kind(&e)
	{
		upgrade(&e, &c, "other");
		ASSERT_EQ(c.status, 400);
		pair_until(&e.pair, &c.done, 1);
		ASSERT_EQ(c.r, 0);
		ASSERT_STREQ(c.got.ptr, "no upgrade");
		buf_fini(&c.got);
	}
}

TEST(bytes_behind_the_request_and_the_answer_are_not_lost)
{
	struct buf b = BUF_INIT;
	struct echo e;
	struct str got;
	int fd;

	echo_init(&e, PAIR_H1);
	fd = pair_connect(&e.pair);
	pair_put(
		&e.pair, fd,
		STR("GET / HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: echo\r\n\r\nat once"));
	got = pair_take(&e.pair, fd, &b, "at once");
	ASSERT_TRUE(str_has_prefix(got, STR("HTTP/1.1 101 Switching Protocols\r\n")));
	ASSERT_TRUE(strstr(b.ptr, "\r\nconnection: Upgrade\r\n"));
	close(fd);
	pair_until(&e.pair, &e.closed, 1);
	buf_fini(&b);
	pair_fini(&e.pair);
}

TEST(http2_offers_no_upgrade)
{
	struct echo e;
	struct caller c;

	echo_init(&e, PAIR_H2 | PAIR_TLS);
	upgrade(&e, &c, "echo");
	ASSERT_EQ(c.status, 400);
	pair_until(&e.pair, &c.done, 1);
	buf_fini(&c.got);
	pair_fini(&e.pair);
}
