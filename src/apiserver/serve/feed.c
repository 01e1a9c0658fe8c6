/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/serve/feed.h"

#include "apiserver/access/authorize.h"
#include "apiserver/read/await.h"
#include "apiserver/read/watch.h"
#include "apiserver/serve/boot.h"
#include "apiserver/write/repair.h"
#include "apiserver/write/services.h"

struct feed {
	struct store_watch *watch;
	bool must_load;        /* the first load has failed: the next tick tries again */
	uint64_t load_rev;     /* what is loaded first, to hear the rest as events; 0: the newest */
	uint64_t compact_rev;  /* newest revision at the last compaction */
	int64_t compact_at_ms; /* of the next one */
};

static void load(struct apiserver *s);
static void load_at(struct apiserver *s, uint64_t rev);

static void loaded(struct apiserver *s)
{
	s->is_loaded = true;
	s->is_ready = s->was_ready;
	if (!s->is_ready)
		boot_start(s);
	await_advance(s);
}

/* What hangs on an object gets it in the stored form, whoever has written it. */
static struct str stored(const struct cache *c, struct str key, const struct bytes *value)
{
	const struct object *o = c ? cache_get(c, key) : NULL;

	return bytes_str(o ? o->value : value);
}

static void on_feed(void *ctx, int r, const struct store_event *events, size_t n, uint64_t rev,
		    const struct err *err)
{
	struct apiserver *s = ctx;
	struct err why;

	if (r < 0) {
		server_tell(s, true, "the store's watch has ended, reading everything anew: %s",
			    err->msg);
		store_watch_close(s->store, TAKE_PTR(s->feed->watch));
		s->was_ready |= s->is_ready;
		s->is_ready = s->is_loaded = false;
		s->is_stale = true;
		watch_end_all(s); /* their clients find out by 410 what they have missed */
		load(s);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		struct str key;
		struct cache *c = server_cache_of(s, events[i].key, &key);

		if (c && cache_apply(c, key, &events[i], &why) < 0)
			server_tell(s, true, "ignoring a change in the store: %s", why.msg);
		if (c)
			authorize_changed(s, c, key);
		services_on_change(s->services, events[i].key, stored(c, key, events[i].value),
				   events[i].rev);
	}
	repair_on_events(s->repair, events, n);
	s->rev = rev;
	if (!n && !s->is_loaded)
		loaded(s);
	await_advance(s);
}

/* What the caches had is from before the feed ended; writes under way keep what they hold. */
static void forget(struct apiserver *s)
{
	vec_foreach(c, &s->caches)
		cache_clear(*c);
	services_forget(s->services);
	authorize_fini(s);
	authorize_init(s);
	s->is_stale = false;
}

static void try_again(struct apiserver *s, const struct err *err)
{
	server_tell(s, true, "cannot read the store, trying again: %s", err->msg);
	s->feed->must_load = true;
}

static void on_load(void *ctx, int r, const struct store_range *range, const struct err *err)
{
	struct apiserver *s = ctx;
	struct err why;

	if (s->is_stopping)
		return;
	if (r < 0 &&
	    s->feed->load_rev) { /* from where history goes; else it was compacted meanwhile */
		load_at(s, r == ERR_GONE && range->rev > s->feed->load_rev ? range->rev : 0);
		return;
	}
	if (r < 0) {
		try_again(s, err);
		return;
	}
	if (s->is_stale)
		forget(s);
	for (size_t i = 0; i < range->n; i++) {
		struct str key;
		struct cache *c = server_cache_of(s, range->kvs[i].key, &key);

		if (c && cache_load(c, key, &range->kvs[i], &why) < 0)
			server_tell(s, true, "leaving out an object: %s", why.msg);
		services_on_change(s->services, range->kvs[i].key,
				   stored(c, key, range->kvs[i].value), range->kvs[i].mod_rev);
	}
	vec_foreach(c, &s->caches)
		cache_load_done(*c, range->rev);
	authorize_load(s);
	s->rev = s->feed->compact_rev = range->rev;
	s->feed->compact_at_ms = clock_mono_ms(s->clock) + APISERVER_HISTORY_MS;
	s->feed->watch = store_watch(s->store, STR(SERVER_REGISTRY), range->rev, on_feed, s);
	/* Or the feed says when it has caught up. */
	if (range->rev >= store_current_rev(s->store))
		loaded(s);
}

static void load_at(struct apiserver *s, uint64_t rev)
{
	s->feed->load_rev = rev;
	store_range(s->store, STR(SERVER_REGISTRY), (struct str){0}, 0, rev, on_load, s);
}

/* From the past, so that watches of clients who were here before a restart find their events in the
 * rings. */
static void load_back_from(struct apiserver *s, uint64_t now)
{
	uint64_t oldest = store_compacted_rev(s->store);
	uint64_t from = now > APISERVER_REPLAY_REVS ? now - APISERVER_REPLAY_REVS : 0;

	from = MAX(from, oldest);
	load_at(s, from < now ? from : 0);
}

static void on_newest(void *ctx, int r, const struct store_range *range, const struct err *err)
{
	struct apiserver *s = ctx;

	if (s->is_stopping)
		return;
	if (r < 0)
		try_again(s, err);
	else
		load_back_from(s, range->rev);
}

/* When the feed was lost, the newest is enough: what counts is to be back soon. */
static void load(struct apiserver *s)
{
	uint64_t now = store_current_rev(s->store);

	s->feed->must_load = false;
	if (s->is_stale)
		load_at(s, 0);
	else if (now)
		load_back_from(s, now);
	else /* a store that is elsewhere */
		store_range(s->store, STR(SERVER_REGISTRY), (struct str){0}, 1, 0, on_newest, s);
}

static void on_compacted(void *ctx, int r, const struct store_txn_result *res,
			 const struct err *err)
{
	if (r < 0)
		server_tell(ctx, false, "history was not compacted, trying again later: %s",
			    err->msg);
}

/* What was newest a period ago is the oldest that stays readable. Servers that share a store all do
 * so, each at its own time: none forgets what is younger, and it does no harm to ask for what is
 * forgotten already, so nobody needs to be chosen for it. */
static void compact(struct apiserver *s)
{
	int64_t now = clock_mono_ms(s->clock);

	if (now < s->feed->compact_at_ms)
		return;
	s->feed->compact_at_ms = now + APISERVER_HISTORY_MS;
	if (s->feed->compact_rev > store_compacted_rev(s->store))
		store_compact(s->store, s->feed->compact_rev, on_compacted, s);
	s->feed->compact_rev = s->rev;
}

struct feed *feed_new(void)
{
	return mem_xnew(struct feed);
}

void feed_start(struct apiserver *s)
{
	load(s);
}

void feed_tick(struct apiserver *s)
{
	if (s->feed->must_load)
		load(s);
	if (s->is_loaded)
		compact(s);
}

void feed_stop(struct apiserver *s)
{
	if (s->feed->watch)
		store_watch_close(s->store, TAKE_PTR(s->feed->watch));
}

void feed_free(struct feed *f)
{
	if (!f)
		return;
	assert(!f->watch);
	free(f);
}
