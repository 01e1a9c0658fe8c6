/* SPDX-License-Identifier: Apache-2.0 */

/* Transactions: revisions, compares, several keys, order, limits. */

#include "tests/conformance/store/util.h"

#include <string.h>

TEST(each_change_takes_the_next_revision)
{
	struct fixture f;
	uint64_t r0, r1, r2;
	struct done d;

	fixture_init(&f);
	r0 = store_current_rev(f.store);
	ASSERT_TRUE(r0 >= 1);
	r1 = put(&f, "/a", "1");
	ASSERT_EQ(r1, r0 + 1);
	ASSERT_EQ(store_current_rev(f.store), r1);
	r2 = put(&f, "/a", "2");
	ASSERT_EQ(r2, r1 + 1);
	/* No change, no revision. */
	ASSERT_EQ(put_if(&f, "/none", NULL, NULL, &d), 0);
	ASSERT_EQ(d.res.rev, r2);
	ASSERT_EQ(put(&f, "/a", NULL), r2 + 1);
	ASSERT_STREQ(range_text(&f, "/", 0), "");
	fixture_fini(&f);
}

TEST(a_key_knows_its_creation_and_its_last_change)
{
	struct fixture f;
	struct list l;
	uint64_t r1, r2, r3;

	fixture_init(&f);
	r1 = put(&f, "/a", "1");
	r2 = put(&f, "/a", "2");
	l = range(&f, "/a", NULL, 1, 0);
	ASSERT_EQ(l.kvs.ptr[0].create_rev, r1);
	ASSERT_EQ(l.kvs.ptr[0].mod_rev, r2);
	list_done(&l);
	put(&f, "/a", NULL);
	r3 = put(&f, "/a", "3");
	l = range(&f, "/a", NULL, 1, 0);
	ASSERT_EQ(l.kvs.ptr[0].create_rev, r3);
	list_done(&l);
	fixture_fini(&f);
}

TEST(compares_guard_create_update_and_delete)
{
	struct fixture f;
	struct done d;
	uint64_t zero = 0, rev, wrong;

	fixture_init(&f);
	ASSERT_EQ(put_if(&f, "/a", "1", &zero, &d), 0);
	rev = d.res.rev;
	ASSERT_EQ(put_if(&f, "/a", "x", &zero, &d), ERR_CONFLICT);
	ASSERT_EQ(d.res.failed, 0);
	ASSERT_EQ(d.res.current_rev, rev);
	wrong = rev + 7;
	ASSERT_EQ(put_if(&f, "/a", "x", &wrong, &d), ERR_CONFLICT);
	ASSERT_EQ(put_if(&f, "/b", "x", &rev, &d), ERR_CONFLICT);
	ASSERT_EQ(d.res.current_rev, 0);
	ASSERT_EQ(store_current_rev(f.store), rev);
	ASSERT_EQ(put_if(&f, "/a", NULL, &rev, &d), 0);
	/* It is gone: a compare with 0 holds again. */
	ASSERT_EQ(put_if(&f, "/a", "2", &zero, &d), 0);
	fixture_fini(&f);
}

TEST(several_keys_change_together_or_not_at_all)
{
	struct fixture f;
	struct bytes *v = bytes_dup(STR("v"));
	struct store_compare compares[] = {{STR("/a"), 0}, {STR("/b"), 0}};
	struct store_op ops[] = {{STR("/a"), v}, {STR("/b"), v}, {STR("/c"), NULL}};
	struct store_txn txn = {compares, 2, ops, 3};
	struct done d = {0};
	uint64_t rev;

	fixture_init(&f);
	put(&f, "/c", "old");
	store_txn(f.store, &txn, done_fn, &d);
	fixture_wait(&f, &d.is_done);
	ASSERT_EQ(d.r, 0);
	rev = d.res.rev;
	ASSERT_STREQ(range_text(&f, "/", rev - 1), "/c=old@2");
	ASSERT_STREQ(range_text(&f, "/", 0), "/a=v@3 /b=v@3");

	put(&f, "/a", NULL);
	d = (struct done){0};
	store_txn(f.store, &txn, done_fn, &d);
	fixture_wait(&f, &d.is_done);
	ASSERT_EQ(d.r, ERR_CONFLICT);
	ASSERT_EQ(d.res.failed, 1);
	ASSERT_EQ(d.res.current_rev, rev);
	ASSERT_STREQ(range_text(&f, "/", 0), "/b=v@3");
	bytes_unref(v);
	fixture_fini(&f);
}

TEST(limits_are_refused_with_a_reason)
{
	struct fixture f;
	char *long_key = mem_xzalloc(STORE_KEY_MAX + 2);
	struct store_op ops[STORE_TXN_OPS_MAX + 1];
	struct bytes *v = bytes_dup(STR("v")), *big = bytes_new(STORE_VALUE_MAX + 1);
	struct done d;
	struct list l;
	struct watcher w;

	fixture_init(&f);
	memset(long_key, 'k', STORE_KEY_MAX + 1);
	ASSERT_EQ(put_if(&f, long_key, "v", NULL, &d), ERR_INVALID);
	ASSERT_TRUE(strstr(d.err.msg, "1024"));
	ASSERT_EQ(put_if(&f, "", "v", NULL, &d), ERR_INVALID);
	l = range(&f, long_key, NULL, 0, 0);
	ASSERT_EQ(l.r, ERR_INVALID);
	list_done(&l);
	watcher_open(&f, &w, long_key, 1);
	fixture_wait(&f, &w.is_ended);
	ASSERT_EQ(w.r, ERR_INVALID);
	watcher_close(&f, &w);
	long_key[STORE_KEY_MAX] = 0;
	ASSERT_EQ(put_if(&f, long_key, "v", NULL, &d), 0);

	for (size_t i = 0; i < ARRAY_LEN(ops); i++)
		ops[i] = (struct store_op){STR("/same"), v};
	d = (struct done){0};
	store_txn(f.store, &(struct store_txn){.ops = ops, .n_ops = ARRAY_LEN(ops)}, done_fn, &d);
	fixture_wait(&f, &d.is_done);
	ASSERT_EQ(d.r, ERR_INVALID);
	d = (struct done){0};
	store_txn(f.store, &(struct store_txn){.ops = ops, .n_ops = 2}, done_fn, &d);
	fixture_wait(&f, &d.is_done);
	ASSERT_EQ(d.r, ERR_INVALID);
	ops[0].value = big;
	d = (struct done){0};
	store_txn(f.store, &(struct store_txn){.ops = ops, .n_ops = 1}, done_fn, &d);
	fixture_wait(&f, &d.is_done);
	ASSERT_EQ(d.r, ERR_INVALID);
	big->len = STORE_VALUE_MAX;
	memset(big->data, 'x', big->len + 1);
	d = (struct done){0};
	store_txn(f.store, &(struct store_txn){.ops = ops, .n_ops = 1}, done_fn, &d);
	fixture_wait(&f, &d.is_done);
	ASSERT_EQ(d.r, 0);
	bytes_unref(v);
	bytes_unref(big);
	free(long_key);
	fixture_fini(&f);
}

TEST(callbacks_may_be_left_out)
{
	struct fixture f;
	struct store_op op = {STR("/a"), NULL}, bad = {STR(""), NULL};
	struct bytes *v = bytes_dup(STR("v"));

	fixture_init(&f);
	op.value = v;
	store_txn(f.store, &(struct store_txn){.ops = &op, .n_ops = 1}, NULL, NULL);
	store_txn(f.store, &(struct store_txn){.ops = &bad, .n_ops = 1}, NULL, NULL);
	store_compact(f.store, 1, NULL, NULL);
	put(&f, "/a", "w");
	ASSERT_STREQ(range_text(&f, "/", 0), "/a=w@3");
	bytes_unref(v);
	fixture_fini(&f);
}

TEST(a_full_transaction_fits)
{
	struct fixture f;
	struct store_op ops[STORE_TXN_OPS_MAX];
	char keys[STORE_TXN_OPS_MAX][16];
	struct bytes *v = bytes_dup(STR("v"));
	struct done d = {0};
	struct watcher w;

	fixture_init(&f);
	for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
		snprintf(keys[i], sizeof(keys[i]), "/k/%03zu", ARRAY_LEN(ops) - i);
		ops[i] = (struct store_op){str_of(keys[i]), v};
	}
	watcher_open(&f, &w, "/k/", store_current_rev(f.store));
	store_txn(f.store, &(struct store_txn){.ops = ops, .n_ops = ARRAY_LEN(ops)}, done_fn, &d);
	fixture_wait(&f, &d.is_done);
	ASSERT_EQ(d.r, 0);
	ASSERT_EQ(w.n_events, STORE_TXN_OPS_MAX);
	ASSERT_EQ(w.n_batches, 1);
	watcher_close(&f, &w);
	/* History tells them in the order of the operations too. */
	watcher_open(&f, &w, "/k/", d.res.rev - 1);
	watcher_wait(&f, &w, d.res.rev);
	ASSERT_EQ(w.n_events, STORE_TXN_OPS_MAX);
	ASSERT_TRUE(str_has_prefix(buf_str(&w.text), STR("+/k/128=v*@2 +/k/127=v*@2 ")));
	watcher_close(&f, &w);
	bytes_unref(v);
	fixture_fini(&f);
}

TEST(keys_and_values_are_bytes)
{
	struct fixture f;
	static const char raw[] = {'/', 0, (char)0xff, 'x'};
	struct bytes *v = bytes_dup(str_n(raw, sizeof(raw))), *empty = bytes_dup(STR(""));
	struct store_op ops[] = {{str_n(raw, sizeof(raw)), v}, {STR("/e"), empty}};
	struct done d = {0};
	struct list l;

	fixture_init(&f);
	store_txn(f.store, &(struct store_txn){.ops = ops, .n_ops = 2}, done_fn, &d);
	fixture_wait(&f, &d.is_done);
	ASSERT_EQ(d.r, 0);
	l = range(&f, "/", NULL, 0, 0);
	ASSERT_EQ(l.kvs.len, 2);
	ASSERT_STR(l.kvs.ptr[0].key, str_n(raw, sizeof(raw)));
	ASSERT_STR(l.values.ptr[0], str_n(raw, sizeof(raw)));
	ASSERT_EQ(l.values.ptr[1].len, 0);
	list_done(&l);
	bytes_unref(v);
	bytes_unref(empty);
	fixture_fini(&f);
}

enum {
	N_RACERS = 200,
};

struct order {
	struct fixture *f;
	unsigned n;
	uint64_t last;
	bool is_done;
};

struct racer {
	struct order *order;
	unsigned index;
	int r;
};

static void racer_fn(void *ctx, int r, const struct store_txn_result *res, const struct err *err)
{
	struct racer *x = ctx;

	ASSERT_EQ(x->index, x->order->n);
	x->r = r;
	if (!r) {
		ASSERT_TRUE(res->rev > x->order->last);
		x->order->last = res->rev;
		ASSERT_TRUE(store_current_rev(x->order->f->store) >= res->rev);
	}
	x->order->is_done = ++x->order->n == N_RACERS;
}

TEST(exactly_one_of_many_creators_wins)
{
	struct fixture f;
	struct order order = {.f = &f};
	struct racer racers[N_RACERS];
	struct bytes *v = bytes_dup(STR("v"));
	struct store_compare c = {STR("/one"), 0};
	struct store_op op = {STR("/one"), v};
	unsigned n_won = 0;

	fixture_init(&f);
	for (unsigned i = 0; i < N_RACERS; i++) {
		racers[i] = (struct racer){&order, i, 1};
		store_txn(f.store, &(struct store_txn){&c, 1, &op, 1}, racer_fn, &racers[i]);
	}
	fixture_wait(&f, &order.is_done);
	for (unsigned i = 0; i < N_RACERS; i++)
		n_won += racers[i].r == 0;
	ASSERT_EQ(n_won, 1);
	ASSERT_EQ(racers[0].r, 0);
	bytes_unref(v);
	fixture_fini(&f);
}

TEST(transactions_are_applied_in_the_order_of_submission)
{
	struct fixture f;
	struct order order = {.f = &f};
	struct racer racers[N_RACERS];

	fixture_init(&f);
	for (unsigned i = 0; i < N_RACERS; i++) {
		char text[16];
		struct bytes *v;

		snprintf(text, sizeof(text), "%u", i);
		v = bytes_dup(str_of(text));
		racers[i] = (struct racer){&order, i, 1};
		store_txn(
			f.store,
			&(struct store_txn){.ops = &(struct store_op){STR("/one"), v}, .n_ops = 1},
			racer_fn, &racers[i]);
		bytes_unref(v);
	}
	fixture_wait(&f, &order.is_done);
	ASSERT_STREQ(range_text(&f, "/one", 0), "/one=199@201");
	fixture_fini(&f);
}

static void count_fn(void *ctx, int r, const struct store_txn_result *res, const struct err *err)
{
	ASSERT_EQ(r, 0);
	++*(unsigned *)ctx;
}

TEST(close_finishes_what_was_submitted)
{
	struct fixture f;
	unsigned n = 0;
	struct bytes *v = bytes_dup(STR("v"));

	fixture_init(&f);
	for (unsigned i = 0; i < 50; i++)
		store_txn(f.store,
			  &(struct store_txn){.ops = &(struct store_op){STR("/k"), v}, .n_ops = 1},
			  count_fn, &n);
	bytes_unref(v);
	fixture_fini(&f);
	ASSERT_EQ(n, 50);
}
