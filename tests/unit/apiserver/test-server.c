/* SPDX-License-Identifier: Apache-2.0 */

/* What the server does when the store lets it down. */

#include "tests/unit/apiserver/server-fixture.h"

static const struct store_ops *inner;
static struct store_ops spy;
static unsigned n_failures; /* lists that are still to fail */
static store_watch_fn feed_fn;
static void *feed_ctx;

struct failure {
	store_range_fn fn;
	void *ctx;
};

static void fail(void *ctx, int r, const struct store_range *range, const struct err *err)
{
	struct failure *f = ctx;
	struct store_range none = {0};
	struct err why;

	err_set(&why, ERR_SYSTEM, "the disk cannot be read");
	f->fn(f->ctx, ERR_SYSTEM, &none, &why);
	free(f);
}

static void spy_range(struct store *s, struct str prefix, struct str start, size_t limit,
		      uint64_t rev, store_range_fn fn, void *ctx)
{
	struct failure *f;

	if (!n_failures) {
		inner->range(s, prefix, start, limit, rev, fn, ctx);
		return;
	}
	n_failures--;
	f = mem_xnew(struct failure);
	*f = (struct failure){fn, ctx};
	inner->range(s, prefix, start, limit, rev, fail, f);
}

static struct store_watch *spy_watch(struct store *s, struct str prefix, uint64_t after_rev,
				     store_watch_fn fn, void *ctx)
{
	feed_fn = fn;
	feed_ctx = ctx;
	return inner->watch(s, prefix, after_rev, fn, ctx);
}

static void begin(struct server_fixture *f, unsigned failures)
{
	server_init(f);
	inner = f->config.store->ops;
	spy = *inner;
	spy.range = spy_range;
	spy.watch = spy_watch;
	n_failures = failures;
	f->config.store->ops = &spy;
	server_begin(f);
}

TEST(a_store_that_cannot_be_read_at_first_is_read_again)
{
	struct server_fixture f;

	begin(&f, 2);
	ASSERT_EQ(server_ask(&f, HTTP_GET, "/api/v1/namespaces/default", NULL), 200);
	server_fini(&f);
}

static void lose_feed(void)
{
	struct err err;

	err_set(&err, ERR_UNAVAILABLE, "the store is gone");
	feed_fn(feed_ctx, ERR_UNAVAILABLE, NULL, 0, 0, &err);
}

TEST(a_server_that_has_lost_its_store_serves_nothing_stale)
{
	struct server_fixture f;

	begin(&f, 0);
	n_failures = 1000;
	lose_feed();
	ASSERT_FALSE(apiserver_is_ready(f.server));
	ASSERT_EQ(server_ask(&f, HTTP_GET, "/api/v1/namespaces/default", NULL), 503);
	ASSERT_EQ(server_ask(&f, HTTP_POST, "/api/v1/namespaces",
			     "{\"metadata\":{\"name\":\"late\"}}"),
		  503);
	server_fini(&f);
}

static const char service[] =
	"{\"metadata\":{\"name\":\"%s\"},\"spec\":{\"clusterIP\":\"10.96.7.7\","
	"\"ports\":[{\"port\":80}]}}";

static int make_service(struct server_fixture *f, const char *name)
{
	char body[256];

	snprintf(body, sizeof(body), service, name);
	return server_ask(f, HTTP_POST, "/api/v1/namespaces/default/services", body);
}

static void wait_ready(struct server_fixture *f)
{
	int64_t end = clock_mono_ms(&clock_system) + SERVER_WAIT_MS;

	while (!apiserver_is_ready(f->server) && clock_mono_ms(&clock_system) < end)
		loop_turn(f->loop, 10);
	ASSERT_TRUE(apiserver_is_ready(f->server));
}

/* Meanwhile another server has deleted a Service: it is gone, and its address is free. */
TEST(a_server_that_has_lost_its_store_reads_it_anew)
{
	struct server_fixture f;
	struct store_op gone[] = {{STR("/registry/services/specs/default/a"), NULL},
				  {STR("/registry/ipaddresses/10.96.7.7"), NULL}};
	struct store_txn txn = {.ops = gone, .n_ops = 2};

	begin(&f, 0);
	ASSERT_EQ(make_service(&f, "a"), 201);
	ASSERT_EQ(make_service(&f, "b"), 422);
	lose_feed();
	store_txn(f.config.store, &txn, NULL, NULL);
	wait_ready(&f);
	ASSERT_EQ(server_ask(&f, HTTP_GET, "/api/v1/namespaces/default/services/a", NULL), 404);
	ASSERT_EQ(make_service(&f, "b"), 201);
	ASSERT_EQ(server_ask(&f, HTTP_GET, "/api/v1/namespaces/default/services/b", NULL), 200);
	server_fini(&f);
}

struct later {
	int status;
	bool is_done;
};

static void later_head(void *ctx, int status, const struct http_header *headers, size_t n)
{
	((struct later *)ctx)->status = status;
}

static void later_done(void *ctx, int r, const struct err *err)
{
	((struct later *)ctx)->is_done = true;
}

static void ask_later(struct server_fixture *f, struct later *l, uint64_t rev)
{
	static const struct http_call_events events = {.on_head = later_head,
						       .on_done = later_done};
	struct http_call_request req = {.method = HTTP_GET};
	char target[128];

	snprintf(target, sizeof(target), "/api/v1/configmaps?resourceVersion=%llu",
		 (unsigned long long)rev);
	req.target = str_of(target);
	*l = (struct later){0};
	f->calls->ops->send(f->calls, &req, &events, l);
	loop_turn(f->loop, 0);
	loop_turn(f->loop, 0);
}

TEST(a_request_for_a_later_revision_waits_for_it)
{
	struct server_fixture f;
	struct later next, far;
	uint64_t rev;

	begin(&f, 0);
	rev = store_current_rev(f.config.store);
	ask_later(&f, &next, rev + 1);
	ask_later(&f, &far, rev + 1000);
	ASSERT_FALSE(next.is_done || far.is_done);
	ASSERT_EQ(server_ask(&f, HTTP_POST, "/api/v1/namespaces/default/configmaps",
			     "{\"metadata\":{\"name\":\"a\"}}"),
		  201);
	for (unsigned i = 0; i < 2000 && !far.is_done; i++) {
		loop_turn(f.loop, 10);
		ASSERT_TRUE(next.is_done && next.status == 200);
	}
	ASSERT_TRUE(far.is_done);
	ASSERT_EQ(far.status, 504);
	server_fini(&f);
}

/* What clients have not taken of former answers. */
TEST(large_answers_are_refused_while_too_much_waits)
{
	static const char maps[] = "/api/v1/namespaces/default/configmaps";
	struct bytes *waiting = bytes_new(2 * 1024 * 1024);
	struct buf b = BUF_INIT;
	struct server_fixture f;

	server_init(&f);
	f.config.unsent_bytes_max = 1024 * 1024;
	server_begin(&f);
	buf_add_c(&b, "{\"metadata\":{\"name\":\"large\"},\"data\":{\"x\":\"");
	for (unsigned i = 0; i < 100 * 1024; i++)
		buf_add_byte(&b, 'x');
	buf_add_c(&b, "\"}}");
	buf_add_byte(&b, '\0');
	ASSERT_EQ(server_ask(&f, HTTP_POST, maps, b.ptr), 201);
	bytes_count(waiting);
	ASSERT_EQ(server_ask(&f, HTTP_GET, maps, NULL), 429);
	ASSERT_EQ(server_ask(&f, HTTP_GET, "/api/v1/namespaces/default/configmaps/large", NULL),
		  429);
	ASSERT_EQ(server_ask(&f, HTTP_PUT, "/api/v1/namespaces/default/configmaps/large", b.ptr),
		  429);
	ASSERT_EQ(server_ask(&f, HTTP_DELETE, maps, NULL), 429);
	ASSERT_EQ(server_ask(&f, HTTP_GET, "/api/v1/namespaces", NULL), 200);
	ASSERT_EQ(server_ask(&f, HTTP_POST, maps, "{\"metadata\":{\"name\":\"small\"}}"), 201);
	bytes_unref(waiting);
	ASSERT_EQ(server_ask(&f, HTTP_GET, maps, NULL), 200);
	ASSERT_EQ(json_get(f.object, "items")->count, 2);
	ASSERT_EQ(bytes_counted(), 0);
	buf_fini(&b);
	server_fini(&f);
}

static void taken(void *ctx, struct str data)
{
	*(size_t *)ctx = MAX(*(size_t *)ctx, bytes_counted());
}

static void ended(void *ctx, int r, const struct err *err)
{
}

TEST(an_answer_counts_until_it_is_taken)
{
	static const struct http_call_events events = {.on_data = taken, .on_done = ended};
	struct http_call_request req = {.method = HTTP_GET, .target = STR("/api/v1/namespaces")};
	struct server_fixture f;
	size_t most = 0;

	server_init(&f);
	server_begin(&f);
	f.calls->ops->send(f.calls, &req, &events, &most);
	for (unsigned i = 0; i < 2000 && !most; i++)
		loop_turn(f.loop, 10);
	loop_turn(f.loop, 0);
	ASSERT_TRUE(most > 100);
	ASSERT_EQ(server_ask(&f, HTTP_GET, "/api/v1/namespaces", NULL), 200);
	ASSERT_EQ(bytes_counted(), 0);
	server_fini(&f);
}
