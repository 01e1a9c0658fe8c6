/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What http/transport.h promises: which callbacks come, in which order, how often, and that none
 * comes from inside a call of the transport's.
 */

#include "apiserver/server.h"
#include "tests/conformance/transport/util.h"

#include <string.h>

#define MAPS  "/api/v1/namespaces/default/configmaps"
#define WATCH MAPS "?watch=true"

enum {
	MANY = 40,       /* calls at a time */
	BIG_OBJECTS = 3, /* more than one window of HTTP/2 together */
	BIG_BYTES = 500 * 1024,
	SILENCE_MS = 50,
};

struct fixture {
	struct server_fixture s;
	struct http_transport *t; /* NULL: closed */
};

struct call {
	struct fixture *f;
	struct http_call *call;
	struct buf trace; /* "head data done ": what was told; data in a row stands once */
	struct buf body;
	int status, r, n_sent;
	bool is_done, is_inside; /* inside: of the transport's own function */
	bool is_json;
	/* To be done when this is told. */
	const char *when;
	void (*then)(struct call *c);
};

static void tell(struct call *c, const char *what)
{
	size_t len = strlen(what);

	ASSERT_FALSE(c->is_inside);
	ASSERT_FALSE(c->is_done);
	c->is_done = strcmp(what, "done ") == 0;
	if (strcmp(what, "data ") != 0 || c->trace.len < len ||
	    memcmp(c->trace.ptr + c->trace.len - len, what, len) != 0)
		buf_add_c(&c->trace, what);
	if (c->then && strcmp(c->when, what) == 0)
		c->then(c);
}

static void on_sent(void *ctx)
{
	struct call *c = ctx;

	ASSERT_FALSE(c->is_inside);
	ASSERT_EQ(c->trace.len, 0);
	c->n_sent++;
}

static void on_head(void *ctx, int status, const struct http_header *headers, size_t n_headers)
{
	struct call *c = ctx;

	c->status = status;
	c->is_json = str_has_prefix(http_header(headers, n_headers, "content-type"),
				    STR("application/json"));
	tell(c, "head ");
}

static void on_data(void *ctx, struct str data)
{
	struct call *c = ctx;

	ASSERT_TRUE(data.len > 0);
	buf_add_str(&c->body, data);
	tell(c, "data ");
}

static void on_done(void *ctx, int r, const struct err *err)
{
	struct call *c = ctx;

	c->r = r;
	ASSERT_TRUE(r == 0 || (r < 0 && err && *err->msg));
	tell(c, "done ");
}

static const struct http_call_events all_events = {
	.on_sent = on_sent, .on_head = on_head, .on_data = on_data, .on_done = on_done};

static void send_request(struct fixture *f, struct call *c, const struct http_call_request *req)
{
	c->f = f;
	c->is_inside = true;
	c->call = f->t->ops->send(f->t, req, &all_events, c);
	c->is_inside = false;
}

static void send(struct fixture *f, struct call *c, const char *target)
{
	send_request(f, c,
		     &(struct http_call_request){.method = HTTP_GET, .target = str_of(target)});
}

static void turn(struct fixture *f)
{
	for (int i = 0; i < 20; i++)
		loop_turn(f->s.loop, 1);
}

static void wait_until(struct fixture *f, const struct call *c, const char *trace)
{
	int64_t end = clock_mono_ms(&clock_system) + SERVER_WAIT_MS;

	while (!str_eq_c(buf_str(&c->trace), trace) && clock_mono_ms(&clock_system) < end)
		loop_turn(f->s.loop, 10);
	ASSERT_STR(buf_str(&c->trace), str_of(trace));
}

static void call_fini(struct call *c)
{
	ASSERT_EQ(c->n_sent, backend_has_sent && c->trace.len ? 1 : c->n_sent);
	buf_fini(&c->trace);
	buf_fini(&c->body);
}

static void begin(struct fixture *f)
{
	server_init(&f->s);
	server_begin(&f->s);
	f->t = backend_open(f->s.loop, f->s.server);
}

static void finish(struct fixture *f)
{
	if (f->t)
		f->t->ops->close(f->t);
	turn(f);
	backend_close();
	server_fini(&f->s);
}

static void create_map(struct fixture *f, const char *name, struct str data)
{
	struct str body =
		str_printf(&f->s.a, "{\"metadata\":{\"name\":\"%s\"},\"data\":{\"k\":\"%.*s\"}}",
			   name, STR_ARG(data));

	ASSERT_EQ(server_ask(&f->s, HTTP_POST, MAPS, body.ptr), 201);
}

static void create_big_ones(struct fixture *f)
{
	char *data = mem_xzalloc(BIG_BYTES);

	memset(data, 'x', BIG_BYTES);
	for (int i = 0; i < BIG_OBJECTS; i++)
		create_map(f, str_printf(&f->s.a, "big-%d", i).ptr, str_n(data, BIG_BYTES));
	free(data);
}

TEST(an_answer_is_head_data_done)
{
	struct call found = {0}, missing = {0};
	struct fixture f;

	begin(&f);
	send(&f, &found, "/api/v1/namespaces/default");
	send(&f, &missing, "/api/v1/namespaces/none");
	wait_until(&f, &found, "head data done ");
	wait_until(&f, &missing, "head data done ");
	ASSERT_EQ(found.r, 0);
	ASSERT_EQ(found.status, 200);
	ASSERT_TRUE(found.is_json);
	ASSERT_TRUE(str_has_prefix(buf_str(&found.body), STR("{\"kind\":\"Namespace\"")));
	ASSERT_EQ(missing.r, 0); /* a refusal is an answer */
	ASSERT_EQ(missing.status, 404);
	ASSERT_EQ(found.n_sent, backend_has_sent ? 1 : 0);
	call_fini(&found);
	call_fini(&missing);
	finish(&f);
}

TEST(what_a_request_points_at_is_needed_during_send_only)
{
	char target[] = MAPS, name[] = "content-type", value[] = "application/json";
	struct http_header header = {str_of(name), str_of(value)};
	struct bytes *body =
		bytes_dup(STR("{\"metadata\":{\"name\":\"a\"},\"data\":{\"k\":\"v\"}}"));
	struct http_call_request req = {.method = HTTP_POST,
					.target = str_of(target),
					.headers = &header,
					.n_headers = 1,
					.body = body};
	struct call c = {0};
	struct fixture f;

	begin(&f);
	send_request(&f, &c, &req);
	memset(target, '#', strlen(target));
	memset(name, '#', strlen(name));
	memset(value, '#', strlen(value));
	memset(&header, 0, sizeof(header));
	bytes_unref(body);
	wait_until(&f, &c, "head data done ");
	ASSERT_EQ(c.status, 201);
	call_fini(&c);
	finish(&f);
}

TEST(only_on_done_is_needed)
{
	static const struct http_call_events events = {.on_done = on_done};
	struct call c = {0};
	struct fixture f;

	begin(&f);
	f.t->ops->send(f.t,
		       &(struct http_call_request){.method = HTTP_GET, .target = STR("/version")},
		       &events, &c);
	wait_until(&f, &c, "done ");
	ASSERT_EQ(c.r, 0);
	buf_fini(&c.trace);
	finish(&f);
}

TEST(many_calls_end_once_each)
{
	static struct call calls[MANY];
	struct fixture f;

	begin(&f);
	for (int i = 0; i < MANY; i++)
		send(&f, &calls[i], MAPS);
	for (int i = 0; i < MANY; i++)
		wait_until(&f, &calls[i], "head data done ");
	turn(&f); /* a second end would fail in tell() */
	for (int i = 0; i < MANY; i++)
		call_fini(&calls[i]);
	finish(&f);
}

static void send_another(struct call *c)
{
	struct call *next = c + 1;

	send(c->f, next, "/version");
}

TEST(a_callback_may_send)
{
	struct call calls[2] = {{.when = "done ", .then = send_another}};
	struct fixture f;

	begin(&f);
	send(&f, &calls[0], "/version");
	wait_until(&f, &calls[0], "head data done ");
	wait_until(&f, &calls[1], "head data done ");
	call_fini(&calls[0]);
	call_fini(&calls[1]);
	finish(&f);
}

static void cancel(struct call *c)
{
	c->f->t->ops->cancel(TAKE_PTR(c->call));
}

TEST(nothing_is_told_after_a_cancel)
{
	static const struct {
		const char *when, *trace;
	} cases[] = {{"head ", "head "}, {"data ", "head data "}};
	struct call at_once = {0}, other = {0};
	struct fixture f;

	begin(&f);
	create_big_ones(&f);
	send(&f, &at_once, MAPS);
	cancel(&at_once);
	turn(&f);
	ASSERT_EQ(at_once.trace.len, 0);
	call_fini(&at_once);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct call c = {.when = cases[i].when, .then = cancel};

		send(&f, &c, MAPS);
		wait_until(&f, &c, cases[i].trace);
		turn(&f);
		ASSERT_STR(buf_str(&c.trace), str_of(cases[i].trace));
		call_fini(&c);
	}
	send(&f, &other, "/version"); /* the transport goes on */
	wait_until(&f, &other, "head data done ");
	call_fini(&other);
	finish(&f);
}

static void close_transport(struct call *c)
{
	struct http_transport *t = TAKE_PTR(c->f->t);

	t->ops->close(t);
}

TEST(close_cancels_all_even_from_a_callback)
{
	struct call watch = {0}, closer = {.when = "head ", .then = close_transport};
	struct fixture f;

	begin(&f);
	send(&f, &watch, WATCH);
	wait_until(&f, &watch, "head ");
	ASSERT_EQ(f.s.server->n_watches, 1);
	send(&f, &closer, "/version");
	wait_until(&f, &closer, "head ");
	turn(&f);
	ASSERT_STR(buf_str(&watch.trace), STR("head "));
	ASSERT_STR(buf_str(&closer.trace), STR("head "));
	ASSERT_EQ(f.s.server->n_watches, 0);
	call_fini(&watch);
	call_fini(&closer);
	finish(&f);
}

TEST(a_watch_is_told_as_it_goes_and_ends_with_the_server)
{
	struct call c = {0};
	struct fixture f;

	begin(&f);
	send(&f, &c, WATCH);
	wait_until(&f, &c, "head ");
	create_map(&f, "a", STR("1"));
	wait_until(&f, &c, "head data ");
	create_map(&f, "b", STR("2"));
	turn(&f);
	apiserver_stop(f.s.server);
	wait_until(&f, &c, "head data done ");
	ASSERT_EQ(c.r, 0);
	buf_add_byte(&c.body, '\0');
	ASSERT_TRUE(strstr(strstr(c.body.ptr, "\"name\":\"a\""), "\"name\":\"b\"") != NULL);
	call_fini(&c);
	finish(&f);
}

static void pause(struct call *c)
{
	c->f->t->ops->pause(c->call, true);
}

TEST(a_pause_loses_nothing)
{
	struct call plain = {0}, paused = {.when = "head ", .then = pause};
	struct call given_up = {.when = "head ", .then = pause};
	struct fixture f;

	begin(&f);
	create_big_ones(&f);
	send(&f, &plain, MAPS);
	wait_until(&f, &plain, "head data done ");
	ASSERT_TRUE(plain.body.len > BIG_OBJECTS * BIG_BYTES);
	send(&f, &paused, MAPS);
	send(&f, &given_up, MAPS);
	turn(&f);
	ASSERT_FALSE(paused.is_done);
	ASSERT_FALSE(given_up.is_done);
	cancel(&given_up);
	f.t->ops->pause(paused.call, false);
	wait_until(&f, &paused, "head data done ");
	ASSERT_STR(buf_str(&paused.body), buf_str(&plain.body));
	call_fini(&plain);
	call_fini(&paused);
	call_fini(&given_up);
	finish(&f);
}

TEST(what_takes_too_long_ends_with_a_timeout)
{
	struct http_call_request in_all = {
		.method = HTTP_GET, .target = STR(WATCH), .timeout_ms = SILENCE_MS};
	struct http_call_request silent = {
		.method = HTTP_GET, .target = STR(WATCH), .idle_ms = SILENCE_MS};
	struct call late = {0}, idle = {0}, quick = {0};
	struct fixture f;

	begin(&f);
	send_request(&f, &late, &in_all);
	send_request(&f, &idle, &silent);
	in_all.target = STR("/version");
	in_all.timeout_ms = SERVER_WAIT_MS;
	send_request(&f, &quick, &in_all);
	wait_until(&f, &late, "head done ");
	wait_until(&f, &idle, "head done ");
	wait_until(&f, &quick, "head data done ");
	ASSERT_EQ(late.r, ERR_TIMEOUT);
	ASSERT_EQ(idle.r, ERR_TIMEOUT);
	ASSERT_EQ(quick.r, 0);
	turn(&f);
	ASSERT_EQ(f.s.server->n_watches, 0);
	call_fini(&late);
	call_fini(&idle);
	call_fini(&quick);
	finish(&f);
}
