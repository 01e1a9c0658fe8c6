/* SPDX-License-Identifier: Apache-2.0 */

/* Logs: what comes from a Pod's agent goes to the client, and no faster than the client reads; an
 * agent that is silent is not waited for for ever. */

#include "tests/unit/apiserver/server-fixture.h"

/* An agent that answers when it is told to. */
struct agent {
	struct http_transport transport;
	struct http_call_events events;
	void *ctx;
	char target[128];
	bool is_paused, is_cancelled, is_closed;
};

/* A client that says how much it has not read. */
struct client {
	struct http_exchange x;
	int status;
	size_t written, pending;
	bool is_ended, is_aborted;
};

static struct agent *agent;

enum {
	SILENCE_MS = 20, /* that agents are given up after */
	GIVE_UP_MS = 10000,
};

static struct http_call *agent_send(struct http_transport *t, const struct http_call_request *req,
				    const struct http_call_events *events, void *ctx)
{
	agent->events = *events;
	agent->ctx = ctx;
	snprintf(agent->target, sizeof(agent->target), "%.*s", STR_ARG(req->target));
	return (struct http_call *)(void *)agent; /* never looked into */
}

static void agent_cancel(struct http_call *call)
{
	agent->is_cancelled = true;
}

static void agent_pause(struct http_call *call, bool is_paused)
{
	agent->is_paused = is_paused;
}

static void agent_close(struct http_transport *t)
{
	agent->is_closed = true;
}

static int agent_transport(void *ctx, struct str host, uint16_t port, struct http_transport **ret,
			   struct err *err)
{
	static const struct http_transport_ops ops = {
		.send = agent_send,
		.cancel = agent_cancel,
		.pause = agent_pause,
		.close = agent_close,
	};

	ASSERT_STR(host, STR("192.0.2.7"));
	ASSERT_EQ(port, 10255); /* as the Node says */
	agent->transport.ops = &ops;
	*ret = &agent->transport;
	return 0;
}

static struct client *client_of(struct http_exchange *x)
{
	return (struct client *)x; /* its first member */
}

static void client_begin(struct http_exchange *x, int status, const struct http_header *headers,
			 size_t n_headers, int64_t length)
{
	client_of(x)->status = status;
}

static void client_write(struct http_exchange *x, struct bytes *chunk)
{
	client_of(x)->written += chunk->len;
	client_of(x)->pending += chunk->len;
}

static void client_end(struct http_exchange *x)
{
	client_of(x)->is_ended = true;
}

static void client_abort(struct http_exchange *x)
{
	client_of(x)->is_aborted = true;
}

static size_t client_pending(const struct http_exchange *x)
{
	return ((const struct client *)x)->pending;
}

static void begin(struct server_fixture *f, struct agent *a, struct client *c, const char *query)
{
	static const struct http_exchange_ops ops = {
		.begin = client_begin,
		.write = client_write,
		.end = client_end,
		.abort = client_abort,
		.pending = client_pending,
	};
	static const struct http_peer nobody;

	*a = (struct agent){0};
	agent = a;
	server_init(f);
	f->config.agent_transport = agent_transport;
	f->config.agent_timeout_ms = SILENCE_MS;
	server_begin(f);
	ASSERT_EQ(
		server_ask(
			f, HTTP_POST, "/api/v1/nodes",
			"{\"metadata\":{\"name\":\"n\"},\"status\":{\"addresses\":[{"
			"\"type\":\"InternalIP\",\"address\":\"192.0.2.7\"}],\"daemonEndpoints\":{"
			"\"kubeletEndpoint\":{\"Port\":10255}}}}"),
		201);
	ASSERT_EQ(server_ask(f, HTTP_POST, "/api/v1/namespaces/default/pods",
			     "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"nodeName\":\"n\","
			     "\"containers\":[{\"name\":\"main\",\"image\":\"x\"}]}}"),
		  201);
	*c = (struct client){.x.ops = &ops};
	c->x.req = (struct http_request){.method = HTTP_GET,
					 .path = STR("/api/v1/namespaces/default/pods/p/log"),
					 .query = str_of(query),
					 .peer = &nobody};
	arena_init(&c->x.arena, 0);
	apiserver_handle_insecure(f->server, &c->x);
}

static void end(struct server_fixture *f, struct client *c)
{
	loop_turn(f->loop, 0);
	arena_fini(&c->x.arena);
	server_fini(f);
}

/* Turns the loop until *is_done, or for `ms`. */
static void turn(struct server_fixture *f, const bool *is_done, int64_t ms)
{
	int64_t until = clock_mono_ms(&clock_system) + ms;

	while (!*is_done && clock_mono_ms(&clock_system) < until)
		loop_turn(f->loop, 5);
}

TEST(a_log_goes_through)
{
	struct server_fixture f;
	struct agent a;
	struct client c;

	begin(&f, &a, &c, "follow=true");
	ASSERT_STREQ(a.target, "/containerLogs/default/p/main?follow=true");
	a.events.on_head(a.ctx, 200, NULL, 0);
	a.events.on_data(a.ctx, STR("a line\n"));
	a.events.on_done(a.ctx, 0, NULL);
	ASSERT_EQ(c.status, 200);
	ASSERT_EQ(c.written, 7);
	ASSERT_TRUE(c.is_ended);
	end(&f, &c);
	ASSERT_TRUE(a.is_closed);
}

TEST(a_slow_reader_of_a_log_holds_the_agent_back)
{
	struct server_fixture f;
	struct agent a;
	struct client c;

	begin(&f, &a, &c, "follow=true");
	a.events.on_head(a.ctx, 200, NULL, 0);
	a.events.on_data(a.ctx, STR("a line\n"));
	ASSERT_FALSE(a.is_paused);
	c.pending = HTTP_PENDING_MAX;
	a.events.on_data(a.ctx, STR("a line\n"));
	ASSERT_TRUE(a.is_paused);
	c.pending = 0;
	c.x.on_writable(&c.x);
	ASSERT_FALSE(a.is_paused);
	a.events.on_done(a.ctx, 0, NULL);
	ASSERT_TRUE(c.is_ended);
	end(&f, &c);
}

TEST(a_reader_who_goes_ends_the_agents_call)
{
	struct server_fixture f;
	struct agent a;
	struct client c;

	begin(&f, &a, &c, "");
	a.events.on_head(a.ctx, 200, NULL, 0);
	c.x.on_close(&c.x);
	ASSERT_TRUE(a.is_cancelled);
	end(&f, &c);
	ASSERT_TRUE(a.is_closed);
}

TEST(the_log_of_a_container_that_the_pod_lacks_is_refused)
{
	struct server_fixture f;
	struct agent a;
	struct client c;

	begin(&f, &a, &c, "container=other");
	ASSERT_EQ(c.status, 400);
	ASSERT_STREQ(a.target, "");
	end(&f, &c);
}

TEST(an_agent_that_says_nothing_is_given_up)
{
	struct server_fixture f;
	struct agent a;
	struct client c;

	begin(&f, &a, &c, "follow=true");
	turn(&f, &c.is_ended, GIVE_UP_MS);
	ASSERT_TRUE(a.is_cancelled);
	ASSERT_EQ(c.status, 504);
	end(&f, &c);
	ASSERT_TRUE(a.is_closed);
}

TEST(an_agent_that_falls_silent_is_given_up)
{
	struct server_fixture f;
	struct agent a;
	struct client c;

	begin(&f, &a, &c, "");
	a.events.on_head(a.ctx, 200, NULL, 0);
	a.events.on_data(a.ctx, STR("a line\n"));
	turn(&f, &c.is_aborted, GIVE_UP_MS);
	ASSERT_TRUE(a.is_cancelled);
	ASSERT_TRUE(c.is_aborted);
	end(&f, &c);
	ASSERT_TRUE(a.is_closed);
}

TEST(a_log_that_is_followed_may_be_silent)
{
	struct server_fixture f;
	struct agent a;
	struct client c;

	begin(&f, &a, &c, "follow=true");
	a.events.on_head(a.ctx, 200, NULL, 0);
	turn(&f, &c.is_aborted, 5 * SILENCE_MS);
	ASSERT_FALSE(a.is_cancelled);
	ASSERT_FALSE(c.is_aborted);
	a.events.on_done(a.ctx, 0, NULL);
	end(&f, &c);
}

TEST(an_agent_that_is_held_back_is_not_given_up)
{
	struct server_fixture f;
	struct agent a;
	struct client c;

	begin(&f, &a, &c, "");
	a.events.on_head(a.ctx, 200, NULL, 0);
	c.pending = HTTP_PENDING_MAX;
	a.events.on_data(a.ctx, STR("a line\n"));
	turn(&f, &c.is_aborted, 5 * SILENCE_MS);
	ASSERT_FALSE(c.is_aborted);
	c.pending = 0;
	c.x.on_writable(&c.x);
	turn(&f, &c.is_aborted, GIVE_UP_MS);
	ASSERT_TRUE(c.is_aborted);
	end(&f, &c);
}
