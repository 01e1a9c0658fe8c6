/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A server over a store in memory, asked through its transport, one request after the other. */

#include "apiserver/apiserver.h"
#include "loop/loop.h"
#include "tests/harness/test.h"
#include "json/json.h"

enum {
	SERVER_WAIT_MS = 20000,
};

struct server_fixture {
	struct loop *loop;
	struct apiserver_config config; /* may be changed before server_begin */
	struct apiserver *server;
	struct http_transport *calls;
	/* the answer of the last request */
	bool is_answered;
	int status;
	struct buf answer;
	struct arena a;
	struct json *object;
};

static inline void server_fixture_head(void *ctx, int status, const struct http_header *headers,
				       size_t n)
{
	((struct server_fixture *)ctx)->status = status;
}

static inline void server_fixture_data(void *ctx, struct str data)
{
	buf_add_str(&((struct server_fixture *)ctx)->answer, data);
}

static inline void server_fixture_done(void *ctx, int r, const struct err *err)
{
	((struct server_fixture *)ctx)->is_answered = true;
}

/* The status; the answer's tree is in f->object. */
static inline int server_ask(struct server_fixture *f, enum http_method method, const char *target,
			     const char *body)
{
	static const struct http_call_events events = {server_fixture_head, server_fixture_data,
						       server_fixture_done};
	struct http_header type = {STR("content-type"), STR("application/json")};
	struct http_call_request req = {
		.method = method, .target = str_of(target), .headers = &type, .n_headers = 1};
	int64_t end = clock_mono_ms(&clock_system) + SERVER_WAIT_MS;
	struct err err;

	req.body = body ? bytes_dup(str_of(body)) : NULL;
	f->is_answered = false;
	buf_clear(&f->answer);
	f->calls->ops->send(f->calls, &req, &events, f);
	bytes_unref(req.body);
	while (!f->is_answered && clock_mono_ms(&clock_system) < end)
		loop_turn(f->loop, 10);
	ASSERT_TRUE(f->is_answered);
	ASSERT_OK(json_parse(&f->a, buf_str(&f->answer), 0, &f->object, &err));
	return f->status;
}

static inline void server_init(struct server_fixture *f)
{
	struct err err;

	*f = (struct server_fixture){.loop = loop_new(),
				     .config = {.n_service_cidrs = 1,
						.node_port_first = 30000,
						.node_port_last = 32767,
						.advertise = ip_from_v4(0xc0000201),
						.secure_port = 6443}};
	arena_init(&f->a, 0);
	f->config.store = store_memory_new(f->loop);
	ASSERT_OK(ip_prefix_parse(STR("10.96.0.0/16"), &f->config.service_cidrs[0], &err));
}

static inline void server_begin(struct server_fixture *f)
{
	int64_t end = clock_mono_ms(&clock_system) + SERVER_WAIT_MS;
	struct err err;

	ASSERT_OK(apiserver_new(f->loop, &f->config, &f->server, &err));
	while (!apiserver_is_ready(f->server) && clock_mono_ms(&clock_system) < end)
		loop_turn(f->loop, 10);
	ASSERT_TRUE(apiserver_is_ready(f->server));
	f->calls = apiserver_transport(f->server);
}

static inline void server_fini(struct server_fixture *f)
{
	f->calls->ops->close(f->calls);
	apiserver_stop(f->server);
	store_close(f->config.store);
	apiserver_free(f->server);
	buf_fini(&f->answer);
	arena_fini(&f->a);
	loop_free(f->loop);
}
