/* SPDX-License-Identifier: Apache-2.0 */

/* What only a store has that several servers share: one who comes later, one who is behind. */

#include "tests/conformance/store/util.h"

#include <string.h>

TEST(one_who_comes_later_finds_history)
{
	struct fixture f, late;
	struct watcher w;

	fixture_init(&f);
	put(&f, "/a", "1"); /* 2 */
	put(&f, "/b", "1");
	put(&f, "/a", "2");
	put(&f, "/b", NULL); /* 5 */
	late = (struct fixture){f.loop, backend_open_again(f.loop)};
	ASSERT_STREQ(range_text(&late, "/", 3), "/a=1@2 /b=1@3");
	watcher_open(&late, &w, "/", 3);
	put(&f, "/c", "1");
	watcher_wait(&late, &w, 6);
	ASSERT_STREQ(w.text.ptr, "+/a=2@4 -/b@5 +/c=1*@6 ");
	ASSERT_EQ(w.n_progress, 1);
	watcher_close(&late, &w);
	store_close(late.store);
	fixture_fini(&f);
}

/* Another has compacted: nobody has told this one. */
TEST(one_who_comes_later_is_told_where_history_begins)
{
	struct fixture f, late;
	struct list l;

	fixture_init(&f);
	late = (struct fixture){f.loop, backend_open_again(f.loop)};
	for (unsigned i = 0; i < 60; i++)
		put(&f, "/a", "x");
	for (uint64_t at = 20; at <= 61; at += 41) {
		ASSERT_EQ(compact(&f, at, NULL), 0);
		l = range(&late, "/", NULL, 0, 3);
		ASSERT_EQ(l.r, ERR_GONE);
		ASSERT_EQ(l.rev, at);
		list_done(&l);
		ASSERT_EQ(store_compacted_rev(late.store), at);
		l = range(&late, "/", NULL, 0, at);
		ASSERT_EQ(l.r, 0);
		list_done(&l);
	}
	store_close(late.store);
	fixture_fini(&f);
}

/* It has not read what etcd has sent; meanwhile all of it is forgotten. */
TEST(one_who_is_behind_gets_whole_events_or_the_end)
{
	enum {
		N = 40
	};
	struct fixture f, late;
	struct watcher w;
	char *value = mem_xzalloc(65537);

	fixture_init(&f);
	memset(value, 'v', 65536);
	for (unsigned i = 0; i < N; i++) { /* "/a" changes, "/b" comes and goes */
		put(&f, "/a", value);
		put(&f, "/b", i % 2 ? NULL : value);
		if (i > 0)
			continue;
		late.loop = loop_new();
		late.store = backend_open_again(late.loop);
		watcher_open(&late, &w, "/", 2);
		watcher_wait(&late, &w, 3);
	}
	ASSERT_EQ(compact(&f, 2 * N + 1, NULL), 0);
	watcher_wait(&late, &w, 2 * N + 1);
	if (w.is_ended)
		ASSERT_EQ(w.r, ERR_GONE);
	else
		ASSERT_EQ(w.n_events, 2 * N - 1);
	watcher_close(&late, &w);
	free(value);
	fixture_fini(&late);
	fixture_fini(&f);
}
