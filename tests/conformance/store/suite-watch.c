/* SPDX-License-Identifier: Apache-2.0 */

/* Watches: from now, from the past, resumed, compacted, opened and closed from callbacks. */

#include "tests/conformance/store/util.h"

#include <string.h>

TEST(a_watch_gets_what_it_asked_for)
{
	struct fixture f;
	struct watcher w;

	fixture_init(&f);
	put(&f, "/a/1", "x"); /* 2 */
	watcher_open(&f, &w, "/a/", store_current_rev(f.store));
	put(&f, "/a/2", "y");
	put(&f, "/b/1", "z");
	put(&f, "/a/1", "w");
	put(&f, "/a/2", NULL); /* 6 */
	put(&f, "/a/2", "v");
	ASSERT_STREQ(w.text.ptr, "+/a/2=y*@3 +/a/1=w@5 -/a/2@6 +/a/2=v*@7 ");
	watcher_close(&f, &w);
	put(&f, "/a/3", "nobody looks");
	fixture_fini(&f);
}

TEST(a_watch_from_the_past_gets_history_then_what_comes)
{
	struct fixture f;
	struct watcher w;

	fixture_init(&f);
	put(&f, "/a", "1"); /* 2 */
	put(&f, "/b", "1");
	put(&f, "/a", "2");
	put(&f, "/b", NULL); /* 5 */
	watcher_open(&f, &w, "/", 2);
	put(&f, "/b", "2");
	ASSERT_STREQ(w.text.ptr, "+/b=1*@3 +/a=2@4 -/b@5 +/b=2*@6 ");
	ASSERT_EQ(w.n_progress, 1);
	watcher_close(&f, &w);
	/* Resumed where it was. */
	watcher_open(&f, &w, "/", 4);
	watcher_wait(&f, &w, 6);
	ASSERT_STREQ(w.text.ptr, "-/b@5 +/b=2*@6 ");
	watcher_close(&f, &w);
	/* Nothing that matches: progress says so. */
	watcher_open(&f, &w, "/c", 2);
	watcher_wait(&f, &w, 6);
	ASSERT_EQ(w.n_batches, 0);
	ASSERT_EQ(w.n_progress, 1);
	watcher_close(&f, &w);
	fixture_fini(&f);
}

TEST(compacted_and_future_revisions_end_a_watch)
{
	struct fixture f;
	struct watcher w;

	fixture_init(&f);
	for (unsigned i = 0; i < 5; i++)
		put(&f, "/a", "x");
	ASSERT_EQ(compact(&f, 4, NULL), 0);
	watcher_open(&f, &w, "/", 3);
	fixture_wait(&f, &w.is_ended);
	ASSERT_EQ(w.r, ERR_GONE);
	ASSERT_EQ(w.rev, 4);
	watcher_close(&f, &w);
	watcher_open(&f, &w, "/", 4);
	watcher_wait(&f, &w, 6);
	ASSERT_EQ(w.n_events, 2);
	ASSERT_STREQ(w.text.ptr, "+/a=x@5 +/a=x@6 ");
	watcher_close(&f, &w);
	watcher_open(&f, &w, "/", 7);
	fixture_wait(&f, &w.is_ended);
	ASSERT_EQ(w.r, ERR_INVALID);
	watcher_close(&f, &w);
	/* Closed before its end was told: nothing is called. */
	watcher_open(&f, &w, "/", 3);
	watcher_close(&f, &w);
	put(&f, "/a", "y");
	ASSERT_FALSE(w.is_ended);
	fixture_fini(&f);
}

struct order {
	struct watcher *w;
	unsigned n;
	bool is_done;
};

static void order_fn(void *ctx, int r, const struct store_txn_result *res, const struct err *err)
{
	struct order *o = ctx;

	ASSERT_EQ(r, 0);
	for (size_t i = 0; i < 3; i++)
		ASSERT_TRUE(o->w[i].rev >= res->rev);
	o->is_done = ++o->n == 100;
}

/* Also for watches that start in the past while transactions are under way. */
TEST(events_come_before_the_callback_of_their_transaction)
{
	struct fixture f;
	struct watcher w[3];
	struct order o = {.w = w};
	struct bytes *v = bytes_dup(STR("v"));

	fixture_init(&f);
	for (unsigned i = 0; i < 20; i++)
		put(&f, "/k", "old");
	watcher_open(&f, &w[0], "/", store_current_rev(f.store));
	for (unsigned i = 0; i < 100; i++) {
		if (i == 3)
			watcher_open(&f, &w[1], "/", 2);
		if (i == 50)
			watcher_open(&f, &w[2], "/k", 10);
		store_txn(f.store,
			  &(struct store_txn){.ops = &(struct store_op){STR("/k"), v}, .n_ops = 1},
			  order_fn, &o);
	}
	fixture_wait(&f, &o.is_done);
	ASSERT_EQ(w[0].n_events, 100);
	ASSERT_EQ(w[1].n_events, 119);
	ASSERT_EQ(w[2].n_events, 111);
	for (size_t i = 0; i < 3; i++)
		watcher_close(&f, &w[i]);
	bytes_unref(v);
	fixture_fini(&f);
}

struct nested {
	struct fixture *f;
	struct store_watch *self, *other, *inner;
	unsigned n, n_other, n_inner;
};

static void inner_fn(void *ctx, int r, const struct store_event *events, size_t n, uint64_t rev,
		     const struct err *err)
{
	((struct nested *)ctx)->n_inner += (unsigned)n;
}

static void other_fn(void *ctx, int r, const struct store_event *events, size_t n, uint64_t rev,
		     const struct err *err)
{
	((struct nested *)ctx)->n_other += (unsigned)n;
}

static void nested_fn(void *ctx, int r, const struct store_event *events, size_t n, uint64_t rev,
		      const struct err *err)
{
	struct nested *x = ctx;

	x->n++;
	store_watch_close(x->f->store, x->self);
	store_watch_close(x->f->store, x->other);
	x->inner = store_watch(x->f->store, STR("/"), rev - 1, inner_fn, x);
}

TEST(watches_open_and_close_inside_callbacks)
{
	struct fixture f;
	struct nested x = {.f = &f};

	fixture_init(&f);
	x.self = store_watch(f.store, STR("/"), 1, nested_fn, &x);
	x.other = store_watch(f.store, STR("/"), 1, other_fn, &x);
	put(&f, "/a", "1");
	put(&f, "/a", "2");
	ASSERT_EQ(x.n, 1);
	ASSERT_EQ(x.n_other, 0);
	ASSERT_EQ(x.n_inner, 2);
	store_watch_close(f.store, x.inner);
	fixture_fini(&f);
}

TEST(close_ends_open_watches_silently)
{
	struct fixture f;
	struct watcher live, past;

	fixture_init(&f);
	put(&f, "/a", "1");
	watcher_open(&f, &live, "/", 2);
	watcher_open(&f, &past, "/", 1);
	fixture_fini(&f);
	ASSERT_FALSE(live.is_ended);
	buf_fini(&live.text);
	buf_fini(&past.text);
}

TEST(long_history_arrives_whole)
{
	enum {
		N = 3000
	};
	struct fixture f;
	struct watcher w;
	char *value = mem_xzalloc(4097);
	struct done d[N] = {{0}};
	struct bytes *v;

	fixture_init(&f);
	memset(value, 'v', 4096);
	v = bytes_dup(str_of(value));
	for (unsigned i = 0; i < N; i++)
		store_txn(f.store,
			  &(struct store_txn){.ops = &(struct store_op){STR("/k"), v}, .n_ops = 1},
			  done_fn, &d[i]);
	bytes_unref(v);
	fixture_wait(&f, &d[N - 1].is_done);
	watcher_open(&f, &w, "/k", 1);
	watcher_wait(&f, &w, N + 1);
	ASSERT_EQ(w.n_events, N);
	watcher_close(&f, &w);
	free(value);
	fixture_fini(&f);
}
