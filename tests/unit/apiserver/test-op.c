/* SPDX-License-Identifier: Apache-2.0 */

/* What many writes cost while the store takes its time. */

#include "apiserver/write/op.h"
#include "base/vec.h"
#include "tests/unit/apiserver/server-fixture.h"

#define MAP  "/api/v1/namespaces/default/configmaps/a"
#define MAPS "/api/v1/namespaces/default/configmaps"

enum {
	N_WRITERS = 20,
	N_MEMBERS = 4000, /* of a large object: its tree is far larger than its text */
};

static const struct store_ops *inner;
static struct store_ops spy;
static bool is_slow;

/* A transaction that the store has not begun. */
struct held {
	struct store_compare compares[4];
	struct store_op ops[4];
	struct store_txn txn;
	store_txn_fn fn;
	void *ctx;
	struct arena a;
};
static VEC(struct held *) held;

static void spy_txn(struct store *s, const struct store_txn *txn, store_txn_fn fn, void *ctx)
{
	struct held *h;

	if (!is_slow) {
		inner->txn(s, txn, fn, ctx);
		return;
	}
	ASSERT_TRUE(txn->n_compares <= 4 && txn->n_ops <= 4);
	h = mem_xnew(struct held);
	arena_init(&h->a, 0);
	h->txn = *txn;
	h->txn.compares = h->compares;
	h->txn.ops = h->ops;
	for (size_t i = 0; i < txn->n_compares; i++)
		h->compares[i] = (struct store_compare){str_dup(&h->a, txn->compares[i].key),
							txn->compares[i].mod_rev};
	for (size_t i = 0; i < txn->n_ops; i++) {
		struct bytes *value = txn->ops[i].value;

		h->ops[i] = (struct store_op){str_dup(&h->a, txn->ops[i].key),
					      value ? bytes_ref(value) : NULL};
	}
	h->fn = fn;
	h->ctx = ctx;
	*vec_push(&held) = h;
}

static void let_go(struct server_fixture *f)
{
	is_slow = false;
	vec_foreach(it, &held) {
		struct held *h = *it;

		inner->txn(f->config.store, &h->txn, h->fn, h->ctx);
		for (size_t i = 0; i < h->txn.n_ops; i++)
			bytes_unref(h->ops[i].value);
		arena_fini(&h->a);
		free(h);
	}
	vec_fini(&held);
}

static void begin(struct server_fixture *f, size_t write_bytes_max)
{
	server_init(f);
	f->config.write_bytes_max = write_bytes_max;
	inner = f->config.store->ops;
	spy = *inner;
	spy.txn = spy_txn;
	f->config.store->ops = &spy;
	server_begin(f);
	ASSERT_EQ(server_ask(f, HTTP_POST, MAPS, "{\"metadata\":{\"name\":\"a\"}}"), 201);
	is_slow = true;
}

struct writer {
	int status;
	bool is_told_when, is_done;
};

static void writer_head(void *ctx, int status, const struct http_header *headers, size_t n)
{
	struct writer *w = ctx;

	w->status = status;
	w->is_told_when = str_eq_c(http_header(headers, n, "retry-after"), "1");
}

static void writer_done(void *ctx, int r, const struct err *err)
{
	((struct writer *)ctx)->is_done = true;
}

static void start(struct server_fixture *f, struct writer *w, enum http_method method,
		  const char *target, struct bytes *body)
{
	static const struct http_call_events events = {.on_head = writer_head,
						       .on_done = writer_done};
	struct http_header type = {STR("content-type"), STR("application/json")};
	struct http_call_request req = {.method = method,
					.target = str_of(target),
					.headers = &type,
					.n_headers = 1,
					.body = body};

	*w = (struct writer){0};
	f->calls->ops->send(f->calls, &req, &events, w);
	loop_turn(f->loop, 0);
	loop_turn(f->loop, 0);
}

static struct bytes *large(unsigned n)
{
	struct buf b = BUF_INIT;
	struct bytes *ret;

	buf_printf(&b, "{\"metadata\":{\"name\":\"a\"},\"data\":{\"n\":\"%u\"", n);
	for (unsigned i = 0; i < N_MEMBERS; i++)
		buf_printf(&b, ",\"k%u\":\"\"", i);
	buf_add_c(&b, "}}");
	ret = bytes_dup(buf_str(&b));
	buf_fini(&b);
	return ret;
}

static void wait_for(struct server_fixture *f, const struct writer *w)
{
	int64_t end = clock_mono_ms(&clock_system) + SERVER_WAIT_MS;

	while (!w->is_done && clock_mono_ms(&clock_system) < end)
		loop_turn(f->loop, 10);
	ASSERT_TRUE(w->is_done);
}

TEST(writes_that_wait_keep_nothing_but_their_request)
{
	struct writer writers[N_WRITERS];
	struct server_fixture f;
	size_t first = 0, bodies = 0;

	begin(&f, 0);
	for (unsigned i = 0; i < N_WRITERS; i++) {
		struct bytes *body = large(i);

		start(&f, &writers[i], HTTP_PUT, MAP, body);
		if (i == 0)
			first = op_bytes(f.server);
		else
			bodies += body->len;
		bytes_unref(body);
	}
	ASSERT_EQ(held.len, 1);
	ASSERT_TRUE(first > bodies / (N_WRITERS - 1) * 4);
	ASSERT_EQ(op_bytes(f.server), first + bodies);
	let_go(&f);
	for (unsigned i = 0; i < N_WRITERS; i++) {
		wait_for(&f, &writers[i]);
		ASSERT_EQ(writers[i].status, 200);
	}
	ASSERT_EQ(op_bytes(f.server), 0);
	ASSERT_EQ(server_ask(&f, HTTP_GET, MAP, NULL), 200);
	ASSERT_STR(json_string(json_path(f.object, "data.n")), STR("19"));
	server_fini(&f);
}

TEST(writes_that_would_hold_too_much_are_refused)
{
	static const char *const others[] = {
		"/api/v1/namespaces/default/pods/p/binding",
		"/apis/apps/v1/namespaces/default/deployments/d/scale",
	};
	struct bytes *body = large(0);
	struct server_fixture f;
	struct writer first, more;

	begin(&f, body->len);
	start(&f, &first, HTTP_PUT, MAP, body);
	ASSERT_FALSE(first.is_done);
	start(&f, &more, HTTP_PUT, MAP, body);
	ASSERT_TRUE(more.is_done && more.is_told_when);
	ASSERT_EQ(more.status, 429);
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		start(&f, &more, i ? HTTP_PUT : HTTP_POST, others[i], body);
		ASSERT_TRUE(more.is_done && more.is_told_when);
		ASSERT_EQ(more.status, 429);
	}
	let_go(&f);
	wait_for(&f, &first);
	ASSERT_EQ(first.status, 200);
	start(&f, &more, HTTP_PUT, MAP, body);
	wait_for(&f, &more);
	ASSERT_EQ(more.status, 200);
	bytes_unref(body);
	server_fini(&f);
}

static int make(struct server_fixture *f, const char *plural, const char *body)
{
	return server_ask(f, HTTP_POST,
			  str_printf(&f->a, "/api/v1/namespaces/default/%s", plural).ptr, body);
}

/* The store has not yet begun to delete the Service when its Endpoints change. */
TEST(a_write_of_endpoints_outlives_the_end_of_their_service)
{
	static const char endpoints[] = "/api/v1/namespaces/default/endpoints/s";
	struct server_fixture f;
	struct writer end;

	begin(&f, 0);
	is_slow = false;
	ASSERT_EQ(make(&f, "services",
		       "{\"metadata\":{\"name\":\"s\"},\"spec\":{\"ports\":[{\"port\":1}]}}"),
		  201);
	ASSERT_EQ(make(&f, "endpoints",
		       "{\"metadata\":{\"name\":\"s\",\"finalizers\":[\"example.com/x\"]}}"),
		  201);
	is_slow = true;
	start(&f, &end, HTTP_DELETE, "/api/v1/namespaces/default/services/s", NULL);
	ASSERT_EQ(held.len, 1);
	is_slow = false;
	ASSERT_EQ(server_ask(&f, HTTP_PUT, endpoints,
			     "{\"metadata\":{\"name\":\"s\",\"finalizers\":[\"example.com/x\"],"
			     "\"labels\":{\"a\":\"b\"}}}"),
		  200);
	let_go(&f);
	wait_for(&f, &end);
	ASSERT_EQ(end.status, 200);
	ASSERT_EQ(server_ask(&f, HTTP_GET, endpoints, NULL), 200);
	ASSERT_STR(json_string(json_path(f.object, "metadata.labels.a")), STR("b"));
	ASSERT_TRUE(json_get_string(json_get(f.object, "metadata"), "deletionTimestamp").len > 0);
	server_fini(&f);
}
