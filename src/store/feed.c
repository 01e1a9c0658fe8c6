/* SPDX-License-Identifier: Apache-2.0 */
#include "store/feed.h"

#include <string.h>

void store_feed_init(struct store_feed *f, struct store_done *done, uint64_t rev)
{
	*f = (struct store_feed){.done = done, .rev = rev};
	list_init(&f->watches);
}

static void watch_free(struct store_watch *w)
{
	list_remove(&w->link);
	free((char *)(uintptr_t)w->prefix.ptr);
	free(w);
}

void store_feed_fini(struct store_feed *f)
{
	assert(!f->busy);
	list_foreach(struct store_watch, w, &f->watches, link)
		store_feed_close(w);
}

static void set_state(struct store_watch *w, enum store_watch_state state)
{
	assert(w->state != STORE_WATCH_ENDED || state == STORE_WATCH_ENDED);
	assert(state != STORE_WATCH_SYNCING);
	if (w->state == STORE_WATCH_SYNCING)
		w->feed->n_syncing--;
	w->state = state;
}

static void enter(struct store_feed *f)
{
	f->busy++;
}

static void leave(struct store_feed *f)
{
	if (--f->busy || !f->has_closed)
		return;
	f->has_closed = false;
	list_foreach(struct store_watch, w, &f->watches, link)
		if (w->is_closed)
			watch_free(w);
}

static void on_end(struct store_done_item *it)
{
	struct store_watch *w = CONTAINER_OF(it, struct store_watch, end);
	struct store_feed *f = w->feed;

	enter(f);
	w->fn(w->ctx, w->err.code, NULL, 0, w->end_rev, &w->err);
	leave(f);
}

static int check_open(struct str prefix, uint64_t after_rev, uint64_t oldest, uint64_t newest,
		      struct err *err)
{
	if (prefix.len > STORE_KEY_MAX)
		return err_set(err, ERR_INVALID,
			       "watch: the prefix has %zu bytes; %d are the limit", prefix.len,
			       STORE_KEY_MAX);
	if (after_rev > newest)
		return err_set(err, ERR_INVALID,
			       "watch: revision %llu is in the future; the newest is %llu",
			       (unsigned long long)after_rev, (unsigned long long)newest);
	if (after_rev < oldest)
		return err_set(err, ERR_GONE,
			       "watch: revision %llu has been compacted; history goes back to %llu",
			       (unsigned long long)after_rev, (unsigned long long)oldest);
	return 0;
}

struct store_watch *store_feed_open(struct store_feed *f, struct str prefix, uint64_t after_rev,
				    uint64_t oldest, uint64_t newest, store_watch_fn fn, void *ctx)
{
	struct store_watch *w = mem_xnew(struct store_watch);

	w->feed = f;
	w->prefix = str_n(mem_xstrndup(prefix.ptr ? prefix.ptr : "", prefix.len), prefix.len);
	w->after = after_rev;
	w->fn = fn;
	w->ctx = ctx;
	w->end.run = on_end;
	w->state = STORE_WATCH_LIVE;
	list_append(&f->watches, &w->link);
	if (check_open(prefix, after_rev, oldest, newest, &w->err) < 0) {
		w->state = STORE_WATCH_ENDED;
		w->end_rev = oldest;
		store_done_push(f->done, &w->end);
	} else if (after_rev < f->rev) {
		w->state = STORE_WATCH_SYNCING;
		f->n_syncing++;
	}
	return w;
}

void store_feed_close(struct store_watch *w)
{
	struct store_feed *f = w->feed;

	assert(!w->is_closed);
	set_state(w, STORE_WATCH_ENDED);
	store_done_cancel(f->done, &w->end);
	w->is_closed = true;
	if (f->busy)
		f->has_closed = true;
	else
		watch_free(w);
}

void store_feed_replay(struct store_watch *w, const struct store_event *events, size_t n,
		       uint64_t rev, bool is_last)
{
	struct store_feed *f = w->feed;

	assert(w->state == STORE_WATCH_SYNCING && rev >= w->after);
	assert(!is_last || rev <= f->rev);
	w->after = rev;
	enter(f);
	if (is_last)
		set_state(w, STORE_WATCH_LIVE);
	if (n)
		w->fn(w->ctx, 0, events, n, rev, NULL);
	if (is_last && !w->is_closed)
		w->fn(w->ctx, 0, NULL, 0, rev, NULL);
	leave(f);
}

void store_feed_end(struct store_watch *w, const struct err *err, uint64_t rev)
{
	assert(err->code < 0 && w->state != STORE_WATCH_ENDED);
	set_state(w, STORE_WATCH_ENDED);
	w->err = *err;
	w->end_rev = rev;
	on_end(&w->end);
}

void store_feed_end_all(struct store_feed *f, uint64_t after, const struct err *err, uint64_t rev)
{
	struct list_node end; /* what callbacks open comes behind it */

	list_append(&f->watches, &end);
	enter(f);
	for (struct list_node *n = f->watches.next; n != &end; n = n->next) {
		struct store_watch *w = CONTAINER_OF(n, struct store_watch, link);

		if (w->state != STORE_WATCH_ENDED && w->after >= after)
			store_feed_end(w, err, rev);
	}
	list_remove(&end);
	leave(f);
}

static void give(struct store_watch *w, const struct store_event *events, size_t n, uint64_t rev)
{
	struct store_event few[STORE_TXN_OPS_MAX], *mine = few;
	size_t n_mine = 0;

	/* Only another writer of a shared store makes a transaction that large. */
	if (n > ARRAY_LEN(few))
		mine = mem_xarray(n, sizeof(*mine));
	for (size_t i = 0; i < n; i++)
		if (str_has_prefix(events[i].key, w->prefix))
			mine[n_mine++] = events[i];
	w->after = rev;
	if (n_mine)
		w->fn(w->ctx, 0, mine, n_mine, rev, NULL);
	if (mine != few)
		free(mine);
}

void store_feed_publish(struct store_feed *f, const struct store_event *events, size_t n,
			uint64_t rev)
{
	assert(!f->n_syncing && rev > f->rev);
	f->rev = rev;
	enter(f);
	list_foreach(struct store_watch, w, &f->watches, link)
		if (w->state == STORE_WATCH_LIVE && w->after < rev)
			give(w, events, n, rev);
	leave(f);
}
