/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/conformance/store/util.h"

#include <string.h>

void fixture_init(struct fixture *f)
{
	f->loop = loop_new();
	f->store = backend_open(f->loop);
}

void fixture_fini(struct fixture *f)
{
	store_close(f->store);
	loop_turn(f->loop, 0);
	loop_free(f->loop);
}

void fixture_wait(struct fixture *f, const bool *flag)
{
	int64_t end = clock_mono_ms(&clock_system) + DEADLINE_MS;

	while (!*flag) {
		if (clock_mono_ms(&clock_system) > end)
			test_fail(__FILE__, __LINE__, "no answer in %d ms", DEADLINE_MS);
		loop_turn(f->loop, 100);
	}
}

void done_fn(void *ctx, int r, const struct store_txn_result *res, const struct err *err)
{
	struct done *d = ctx;

	ASSERT_FALSE(d->is_done);
	d->is_done = true;
	d->r = r;
	d->res = *res;
	if (r < 0)
		d->err = *err;
}

int put_if(struct fixture *f, const char *key, const char *value, const uint64_t *compare,
	   struct done *ret)
{
	struct bytes *b = value ? bytes_dup(str_of(value)) : NULL;
	struct store_compare c = {str_of(key), compare ? *compare : 0};
	struct store_op op = {str_of(key), b};
	struct done d = {0};

	store_txn(f->store,
		  &(struct store_txn){
			  .compares = &c, .n_compares = compare ? 1 : 0, .ops = &op, .n_ops = 1},
		  done_fn, &d);
	bytes_unref(b);
	ASSERT_FALSE(d.is_done);
	fixture_wait(f, &d.is_done);
	if (ret)
		*ret = d;
	return d.r;
}

uint64_t put(struct fixture *f, const char *key, const char *value)
{
	struct done d;
	struct err err;

	put_if(f, key, value, NULL, &d);
	err = d.err;
	ASSERT_OK(d.r);
	return d.res.rev;
}

int compact(struct fixture *f, uint64_t rev, struct done *ret)
{
	struct done d = {0};

	store_compact(f->store, rev, done_fn, &d);
	ASSERT_FALSE(d.is_done);
	fixture_wait(f, &d.is_done);
	if (ret)
		*ret = d;
	return d.r;
}

void list_fn(void *ctx, int r, const struct store_range *range, const struct err *err)
{
	struct list *l = ctx;

	ASSERT_FALSE(l->is_done);
	l->is_done = true;
	l->r = r;
	l->rev = range->rev;
	l->remaining = range->remaining;
	l->has_more = range->has_more;
	if (r < 0)
		l->err = *err;
	for (size_t i = 0; i < range->n; i++) {
		*vec_push(&l->kvs) = range->kvs[i];
		vec_last(&l->kvs)->key = str_dup(&l->arena, range->kvs[i].key);
		vec_last(&l->kvs)->value = NULL;
		*vec_push(&l->values) = str_dup(&l->arena, bytes_str(range->kvs[i].value));
	}
}

void list_done(struct list *l)
{
	vec_fini(&l->kvs);
	vec_fini(&l->values);
	arena_fini(&l->arena);
}

struct list range(struct fixture *f, const char *prefix, const char *start, size_t limit,
		  uint64_t rev)
{
	struct list l = {0};

	arena_init(&l.arena, 0);
	store_range(f->store, str_of(prefix), str_of(start), limit, rev, list_fn, &l);
	ASSERT_FALSE(l.is_done);
	fixture_wait(f, &l.is_done);
	return l;
}

const char *range_text(struct fixture *f, const char *prefix, uint64_t rev)
{
	static char text[4096];
	struct list l = range(f, prefix, NULL, 0, rev);
	struct buf b = BUF_INIT;
	struct err err = l.err;

	ASSERT_OK(l.r);
	for (size_t i = 0; i < l.kvs.len; i++)
		buf_printf(&b, "%s%.*s=%.*s@%llu", i ? " " : "", STR_ARG(l.kvs.ptr[i].key),
			   STR_ARG(l.values.ptr[i]), (unsigned long long)l.kvs.ptr[i].mod_rev);
	snprintf(text, sizeof(text), "%s", b.ptr);
	buf_fini(&b);
	list_done(&l);
	return text;
}

static void watcher_fn(void *ctx, int r, const struct store_event *events, size_t n, uint64_t rev,
		       const struct err *err)
{
	struct watcher *w = ctx;

	ASSERT_FALSE(w->is_ended);
	if (r < 0) {
		ASSERT_EQ(err->code, r);
		w->is_ended = true;
		w->r = r;
		w->rev = rev;
		return;
	}
	ASSERT_TRUE(rev >= w->rev);
	w->n_progress += n == 0;
	w->n_batches += n > 0;
	w->n_events += (unsigned)n;
	for (size_t i = 0; i < n; i++) {
		const struct store_event *e = &events[i];

		ASSERT_TRUE(e->rev > w->rev && e->rev <= rev);
		ASSERT_EQ(e->type == STORE_PUT, e->value != NULL);
		ASSERT_EQ(e->type == STORE_PUT, e->create_rev != 0);
		ASSERT_TRUE(e->create_rev <= e->rev);
		buf_printf(&w->text, "%c%.*s", e->type == STORE_PUT ? '+' : '-', STR_ARG(e->key));
		if (e->value)
			buf_printf(&w->text, "=%s", e->value->data);
		if (e->value && e->create_rev == e->rev)
			buf_add_c(&w->text, "*");
		buf_printf(&w->text, "@%llu ", (unsigned long long)e->rev);
	}
	w->rev = rev;
}

void watcher_open(struct fixture *f, struct watcher *w, const char *prefix, uint64_t after)
{
	*w = (struct watcher){.rev = after};
	buf_init(&w->text);
	w->w = store_watch(f->store, str_of(prefix), after, watcher_fn, w);
	ASSERT_EQ(w->n_batches + w->n_progress + w->is_ended, 0);
}

void watcher_close(struct fixture *f, struct watcher *w)
{
	store_watch_close(f->store, w->w);
	buf_fini(&w->text);
}

void watcher_wait(struct fixture *f, struct watcher *w, uint64_t rev)
{
	int64_t end = clock_mono_ms(&clock_system) + DEADLINE_MS;

	while (w->rev < rev && !w->is_ended) {
		if (clock_mono_ms(&clock_system) > end)
			test_fail(__FILE__, __LINE__, "the watch is at %llu, not at %llu",
				  (unsigned long long)w->rev, (unsigned long long)rev);
		loop_turn(f->loop, 100);
	}
}
