/* SPDX-License-Identifier: Apache-2.0 */

/* Reading: prefixes, paging, old revisions, compaction. */

#include "base/rand.h"
#include "tests/conformance/store/util.h"

#include <string.h>

TEST(a_range_is_sorted_and_keeps_to_its_prefix)
{
	struct fixture f;

	fixture_init(&f);
	put(&f, "/r/pods/b/2", "x");
	put(&f, "/r/pods/a/1", "x");
	put(&f, "/r/podsx/a", "x");
	put(&f, "/r/pods/a/0", "x");
	ASSERT_STREQ(range_text(&f, "/r/pods/", 0),
		     "/r/pods/a/0=x@5 /r/pods/a/1=x@3 /r/pods/b/2=x@2");
	ASSERT_STREQ(range_text(&f, "/r/pods/a/", 0), "/r/pods/a/0=x@5 /r/pods/a/1=x@3");
	ASSERT_STREQ(range_text(&f, "/q", 0), "");
	ASSERT_STREQ(range_text(&f, "", 3), "/r/pods/a/1=x@3 /r/pods/b/2=x@2");
	fixture_fini(&f);
}

TEST(an_old_revision_reads_as_it_was)
{
	struct fixture f;

	fixture_init(&f);
	put(&f, "/a", "1"); /* 2 */
	put(&f, "/b", "1");
	put(&f, "/a", "2");
	put(&f, "/b", NULL); /* 5 */
	put(&f, "/b", "3");
	ASSERT_STREQ(range_text(&f, "/", 1), "");
	ASSERT_STREQ(range_text(&f, "/", 2), "/a=1@2");
	ASSERT_STREQ(range_text(&f, "/", 3), "/a=1@2 /b=1@3");
	ASSERT_STREQ(range_text(&f, "/", 4), "/a=2@4 /b=1@3");
	ASSERT_STREQ(range_text(&f, "/", 5), "/a=2@4");
	ASSERT_STREQ(range_text(&f, "/", 6), "/a=2@4 /b=3@6");
	fixture_fini(&f);
}

TEST(a_future_revision_is_invalid)
{
	struct fixture f;
	struct list l;

	fixture_init(&f);
	l = range(&f, "/", NULL, 0, store_current_rev(f.store) + 1);
	ASSERT_EQ(l.r, ERR_INVALID);
	ASSERT_TRUE(strstr(l.err.msg, "future"));
	list_done(&l);
	fixture_fini(&f);
}

/* Pages of 7 over 40 keys, while each page is followed by changes that must not show. */
TEST(pages_at_one_revision_are_one_snapshot)
{
	struct fixture f;
	struct list l;
	char key[32], next[32] = "";
	uint64_t rev = 0;
	unsigned n = 0;

	fixture_init(&f);
	for (unsigned i = 0; i < 40; i++) {
		snprintf(key, sizeof(key), "/k/%02u", i);
		put(&f, key, "old");
	}
	do {
		l = range(&f, "/k/", n ? next : NULL, 7, rev);
		ASSERT_EQ(l.r, 0);
		ASSERT_TRUE(!rev || rev == l.rev);
		rev = l.rev;
		for (size_t i = 0; i < l.kvs.len; i++, n++) {
			snprintf(key, sizeof(key), "/k/%02u", n);
			ASSERT_STR(l.kvs.ptr[i].key, str_of(key));
			ASSERT_STR(l.values.ptr[i], STR("old"));
		}
		ASSERT_EQ(l.has_more, n < 40);
		ASSERT_EQ(l.remaining, 40 - n);
		snprintf(next, sizeof(next), "/k/%02u", n);
		put(&f, next, "new");
		snprintf(key, sizeof(key), "/k/%02u", n + 1);
		put(&f, key, NULL);
		put(&f, "/k/0000", "new");
		list_done(&l);
	} while (n < 40);
	fixture_fini(&f);
}

static void put_many(struct fixture *f, unsigned first, unsigned n, struct bytes *value)
{
	struct store_op ops[STORE_TXN_OPS_MAX];
	char keys[STORE_TXN_OPS_MAX][32];
	struct done d = {0};

	for (unsigned i = 0; i < n; i++) {
		snprintf(keys[i], sizeof(keys[i]), "/k/%05u", first + i);
		ops[i] = (struct store_op){str_of(keys[i]), value};
	}
	store_txn(f->store, &(struct store_txn){.ops = ops, .n_ops = n}, done_fn, &d);
	fixture_wait(f, &d.is_done);
	ASSERT_EQ(d.r, 0);
}

/* More keys than a back end may fetch at once, some of them without a value. */
TEST(a_long_list_is_whole)
{
	enum {
		N = 1250,
	};
	static const size_t limits[] = {0, N, N - 1, 700, 500, N + 1};
	struct bytes *empty = bytes_dup(STR(""));
	struct fixture f;
	struct list l;
	char key[32];

	fixture_init(&f);
	for (unsigned i = 0; i < N; i += 125)
		put_many(&f, i, 125, empty);
	for (size_t k = 0; k < ARRAY_LEN(limits); k++) {
		size_t want = limits[k] && limits[k] < N ? limits[k] : N;

		l = range(&f, "/k/", NULL, limits[k], 0);
		ASSERT_EQ(l.r, 0);
		ASSERT_EQ(l.kvs.len, want);
		ASSERT_EQ(l.remaining, N - want);
		ASSERT_EQ(l.has_more, want < N);
		ASSERT_EQ(l.rev, store_current_rev(f.store));
		for (size_t i = 0; i < l.kvs.len; i++) {
			snprintf(key, sizeof(key), "/k/%05zu", i);
			ASSERT_STR(l.kvs.ptr[i].key, str_of(key));
			ASSERT_EQ(l.values.ptr[i].len, 0);
		}
		list_done(&l);
	}
	fixture_fini(&f);
	bytes_unref(empty);
}

TEST(compaction_forgets_what_came_before)
{
	struct fixture f;
	struct done d;
	struct list l;

	fixture_init(&f);
	put(&f, "/a", "1"); /* 2 */
	put(&f, "/a", "2");
	put(&f, "/b", "1");
	put(&f, "/b", NULL); /* 5 */
	put(&f, "/a", "3");
	ASSERT_EQ(compact(&f, 5, &d), 0);
	ASSERT_EQ(d.res.rev, 5);
	ASSERT_EQ(store_compacted_rev(f.store), 5);
	l = range(&f, "/", NULL, 0, 4);
	ASSERT_EQ(l.r, ERR_GONE);
	ASSERT_EQ(l.rev, 5);
	list_done(&l);
	ASSERT_STREQ(range_text(&f, "/", 5), "/a=2@3");
	ASSERT_STREQ(range_text(&f, "/", 0), "/a=3@6");
	/* Again, and backwards: nothing to do. */
	ASSERT_EQ(compact(&f, 5, NULL), 0);
	ASSERT_EQ(compact(&f, 3, &d), 0);
	ASSERT_EQ(d.res.rev, 5);
	ASSERT_EQ(compact(&f, 7, NULL), ERR_INVALID);
	/* Up to now, with the last change a deletion: the revision goes on. */
	put(&f, "/a", NULL); /* 7 */
	ASSERT_EQ(compact(&f, 7, NULL), 0);
	ASSERT_STREQ(range_text(&f, "/", 0), "");
	ASSERT_EQ(put(&f, "/a", "4"), 8);
	ASSERT_STREQ(range_text(&f, "/", 7), "");
	ASSERT_STREQ(range_text(&f, "/", 0), "/a=4@8");
	fixture_fini(&f);
}

/* The store against a model: an array of every state that ever was. */
TEST(random_changes_read_as_a_model_says)
{
	enum {
		KEYS = 6,
		STEPS = 120
	};
	struct fixture f;
	struct rand rand;
	char state[STEPS + 2][KEYS] = {{0}}; /* a letter, or 0 */
	uint64_t rev = 1, compacted = 1;

	rand_seed(&rand, 7);
	fixture_init(&f);
	for (unsigned step = 0; step < STEPS; step++) {
		size_t k = rand_below(&rand, KEYS);
		char key[] = {'/', (char)('a' + k), 0}, value[] = {0, 0};

		if (rand_below(&rand, 3))
			value[0] = (char)('A' + rand_below(&rand, 26));
		if (!value[0] && !state[rev][k])
			continue;
		memcpy(state[rev + 1], state[rev], KEYS);
		state[++rev][k] = value[0];
		ASSERT_EQ(put(&f, key, value[0] ? value : NULL), rev);
		if (rand_below(&rand, 10) == 0) {
			compacted += rand_below(&rand, rev - compacted + 1);
			ASSERT_EQ(compact(&f, compacted, NULL), 0);
		}
		for (uint64_t at = compacted; at <= rev; at += 1 + rand_below(&rand, 5)) {
			struct list l = range(&f, "/", NULL, 0, at);
			size_t n = 0;

			ASSERT_EQ(l.r, 0);
			for (size_t i = 0; i < KEYS; i++) {
				if (!state[at][i])
					continue;
				ASSERT_TRUE(n < l.kvs.len);
				ASSERT_EQ(l.kvs.ptr[n].key.ptr[1], 'a' + i);
				ASSERT_EQ(l.values.ptr[n].ptr[0], state[at][i]);
				n++;
			}
			ASSERT_EQ(n, l.kvs.len);
			list_done(&l);
		}
	}
	fixture_fini(&f);
}
