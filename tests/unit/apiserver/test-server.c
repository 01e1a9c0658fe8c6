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

TEST(a_server_that_has_lost_its_store_serves_nothing_stale)
{
	struct server_fixture f;
	struct err err;

	begin(&f, 0);
	err_set(&err, ERR_UNAVAILABLE, "the store is gone");
	feed_fn(feed_ctx, ERR_UNAVAILABLE, NULL, 0, 0, &err);
	ASSERT_FALSE(apiserver_is_ready(f.server));
	ASSERT_EQ(server_ask(&f, HTTP_GET, "/api/v1/namespaces/default", NULL), 503);
	ASSERT_EQ(server_ask(&f, HTTP_POST, "/api/v1/namespaces",
			     "{\"metadata\":{\"name\":\"late\"}}"),
		  503);
	server_fini(&f);
}
