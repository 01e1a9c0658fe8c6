/* SPDX-License-Identifier: Apache-2.0 */
#include "store/etcd/internal.h"

#include <stdlib.h>
#include <string.h>

static const char watch_path[] = "/etcdserverpb.Watch/Watch";

/* What came for one revision and is not published yet; without events: the watch is that far. */
struct etcd_batch {
	struct list_node link;
	struct store_events events;
	uint64_t rev;
};

/* A stream of its own for a watch that began in the past. */
struct etcd_history {
	struct list_node link;
	struct etcd_store *s;
	struct store_watch *w;
	struct etcd_grpc *call;
	uint64_t
		target; /* whole when the event with this revision has come; 0: when all is quiet */
	bool is_created;
	int64_t heard_ms, asked_ms;     /* the last event; the question whether there is more */
	unsigned n_asked;               /* since the last event; see take_progress */
	struct store_done_item nothing; /* there is no event to wait for */
	bool is_nothing;
};

static void settle_later(struct etcd_store *s)
{
	if (!s->is_kicked)
		store_done_push(s->store.done, &s->kick);
	s->is_kicked = true;
}

/* Events */

static void batch_free(struct etcd_batch *b)
{
	list_remove(&b->link);
	store_events_fini(&b->events);
	free(b);
}

static struct etcd_batch *batch_new(struct etcd_store *s, uint64_t rev)
{
	struct etcd_batch *b = mem_xnew(struct etcd_batch);

	store_events_init(&b->events);
	b->rev = rev;
	list_append(&s->backlog, &b->link);
	s->seen_rev = rev;
	s->newest = MAX(s->newest, rev);
	return b;
}

static void add_event(struct store_events *to, const struct etcd_wire_event *e)
{
	struct store_event ev = {
		.type = e->is_delete ? STORE_DELETE : STORE_PUT,
		.key = e->kv.key,
		.value = e->is_delete ? NULL : bytes_dup(e->kv.value),
		.create_rev = e->is_delete ? 0 : e->kv.create_rev,
		.rev = e->kv.mod_rev,
	};

	store_events_add(to, &ev);
	bytes_unref(ev.value);
}

/* An event that etcd had said would not come (take_progress): nothing but that word was believed
 * since, and it is taken back. False: the event is older than others that have come. */
static bool take_back_progress(struct etcd_store *s, uint64_t rev)
{
	struct etcd_batch *b;

	while (!list_is_empty(&s->backlog)) {
		b = CONTAINER_OF(s->backlog.prev, struct etcd_batch, link);
		if (b->rev < rev)
			break;
		if (b->events.v.len)
			return false;
		batch_free(b);
	}
	return rev > s->sure_rev;
}

/* The watch goes on where it was, and etcd tells the last known event again: is it the same? */
static bool is_same_history(struct etcd_store *s, const struct etcd_wire_event *e)
{
	return e->kv.mod_rev == s->resume_rev && str_eq(e->kv.key, buf_str(&s->last_key)) &&
	       str_eq(e->kv.value, bytes_str(s->last_value));
}

static void keep_last(struct etcd_store *s, const struct etcd_batch *b)
{
	const struct store_event *first = b->events.v.ptr;

	s->last_rev = b->rev;
	buf_clear(&s->last_key);
	buf_add_str(&s->last_key, first->key);
	bytes_unref(s->last_value);
	s->last_value = first->value ? bytes_ref(first->value) : NULL;
}

static bool take_events(struct etcd_store *s, const struct etcd_wire_watch *w)
{
	struct etcd_batch *b = NULL;

	if (s->is_resumed && w->events.len && !is_same_history(s, w->events.ptr))
		return false;
	s->is_resumed &= !w->events.len;
	vec_foreach(e, &w->events) {
		uint64_t rev = e->kv.mod_rev;

		if (rev <= s->resume_rev)
			continue;
		if (!b || b->rev != rev) {
			if (rev <= s->seen_rev && !take_back_progress(s, rev))
				return false;
			b = batch_new(s, rev);
		}
		add_event(&b->events, e);
	}
	if (b)
		keep_last(s, b);
	return true;
}

/* "All events up to here have been sent." etcd before 3.4.25 and 3.5.8 says so too early when
 * events are on their way, so it is believed when it has said it twice, with silence before and
 * between; what must not be wrong waits for events (sure_rev). An event that comes after all is
 * published as if nothing had been said. */
static void take_progress(struct etcd_store *s, uint64_t rev)
{
	if (s->asked_ms - s->event_ms < ETCD_QUIET_MS)
		return;
	if (s->progress_ms < s->event_ms + ETCD_QUIET_MS) {
		s->progress_rev = rev;
		s->progress_ms = s->asked_ms;
		return;
	}
	if (s->asked_ms - s->progress_ms < ETCD_QUIET_MS)
		return;
	if (s->progress_rev > s->seen_rev)
		batch_new(s, s->progress_rev);
	s->progress_rev = rev;
	s->progress_ms = s->asked_ms;
}

static void publish(struct etcd_store *s, struct etcd_batch *b)
{
	struct store_event *events = b->events.v.ptr;
	size_t n = b->events.v.len;

	if (!n) {
		s->feed.rev = b->rev;
		return;
	}
	s->feed.rev = MIN(s->feed.rev, b->rev - 1); /* see take_back_progress */
	s->last_event_rev = s->sure_rev = b->rev;
	etcd_txn_match(s, events, n, b->rev);
	store_feed_publish(&s->feed, events, n, b->rev);
}

/* Publishes what has come and calls back what is held, in order. A watch that is owed history stops
 * both. */
void etcd_watch_settle(struct etcd_store *s)
{
	struct etcd_batch *b;

	if (s->is_settling)
		return;
	s->is_settling = true;
	for (;;) {
		if (etcd_txn_tell(s, false))
			continue;
		b = list_first(struct etcd_batch, &s->backlog, link);
		if (!b || s->feed.n_syncing)
			break;
		list_remove(&b->link);
		publish(s, b);
		batch_free(b);
	}
	s->is_settling = false;
	if (s->watch)
		etcd_grpc_pause(s->watch, s->feed.n_syncing > 0);
}

/* The watch that feeds all */

static void on_message(void *ctx, struct str message)
{
	struct etcd_store *s = ctx;
	struct etcd_wire_watch w;
	struct err err;

	if (etcd_wire_read_watch(message, &w, &err) < 0) {
		etcd_link_fail(s, err.msg);
		return;
	}
	s->heard_ms = etcd_now(s);
	if (w.is_created || w.events.len)
		s->event_ms = s->heard_ms;
	if (w.is_created)
		s->n_failures = 0;
	if (w.is_canceled && w.compact_rev) {
		s->compacted = MAX(s->compacted, w.compact_rev);
		etcd_watch_lose(s, ERR_GONE, w.compact_rev,
				"etcd has compacted what came after the last event");
	} else if (w.is_canceled) {
		char why[128];

		snprintf(why, sizeof(why), "it ended the watch: %.*s", STR_ARG(w.reason));
		etcd_link_fail(s, why);
	} else if (!take_events(s, &w)) {
		etcd_watch_lose(s, ERR_UNAVAILABLE, 0,
				"etcd has another history: was it put back from a backup?");
	} else {
		if (w.is_progress)
			take_progress(s, w.rev);
		etcd_watch_settle(s);
	}
	etcd_wire_watch_fini(&w);
}

static void on_done(void *ctx, enum etcd_grpc_status status, const char *text)
{
	struct etcd_store *s = ctx;

	s->watch = NULL;
	etcd_link_fail(s, text[0] ? text : "it ended the watch");
}

static struct etcd_grpc *open_stream(struct etcd_store *s, uint64_t start,
				     const struct etcd_grpc_events *events, void *ctx)
{
	_cleanup_(buf_fini) struct buf b = BUF_INIT;

	etcd_wire_add_watch(&b, s->config.prefix, s->prefix_end, start);
	return etcd_grpc_start(s->line,
			       &(struct etcd_grpc_request){.path = watch_path,
							   .message = buf_str(&b),
							   .is_stream = true},
			       events, ctx);
}

static void ask_progress(struct etcd_grpc *call)
{
	_cleanup_(buf_fini) struct buf b = BUF_INIT;

	etcd_wire_add_progress(&b);
	etcd_grpc_send(call, buf_str(&b));
}

/* The first connection, or the first after all was lost: watches may have been opened meanwhile,
 * with revisions that were read elsewhere. */
static void set_base(struct etcd_store *s, uint64_t rev)
{
	struct err err;

	s->has_rev = true;
	s->seen_rev = rev;
	err_set(&err, ERR_INVALID, "watch: its revision is in the future; the newest is %llu",
		(unsigned long long)rev);
	store_feed_end_all(&s->feed, rev + 1, &err, rev);
	list_foreach(struct store_watch, w, &s->feed.watches, link)
		if (w->state == STORE_WATCH_LIVE)
			s->seen_rev = MIN(s->seen_rev, w->after);
	s->feed.rev = s->sure_rev = s->seen_rev;
}

static void history_start(struct etcd_history *h);

/* Up to it no event is missing. */
static uint64_t known_rev(const struct etcd_store *s)
{
	uint64_t ret = s->sure_rev;

	list_foreach(struct etcd_batch, b, &s->backlog, link)
		if (b->events.v.len)
			ret = b->rev;
	return ret;
}

/* It starts at the last revision that is known, not after it: etcd then notices when a deletion of
 * just that revision has been compacted away, and another history is noticed by what it tells. */
void etcd_watch_start(struct etcd_store *s, uint64_t rev)
{
	static const struct etcd_grpc_events events = {NULL, on_message, on_done};

	if (s->has_rev && rev < s->seen_rev) {
		etcd_watch_lose(s, ERR_UNAVAILABLE, 0,
				"etcd has another history: was it put back from a backup?");
		return;
	}
	s->newest = MAX(s->newest, rev);
	if (!s->has_rev)
		set_base(s, rev);
	s->resume_rev = known_rev(s);
	s->is_resumed = s->resume_rev && s->resume_rev == s->last_rev;
	s->heard_ms = s->asked_ms = s->event_ms = etcd_now(s);
	s->progress_ms = 0;
	s->watch = open_stream(s, MAX(s->resume_rev, (uint64_t)1), &events, s);
	list_foreach(struct etcd_history, h, &s->histories, link)
		history_start(h);
	etcd_watch_settle(s);
}

void etcd_watch_stop(struct etcd_store *s)
{
	etcd_grpc_cancel(TAKE_PTR(s->watch));
	list_foreach(struct etcd_history, h, &s->histories, link)
		etcd_grpc_cancel(TAKE_PTR(h->call));
}

static void history_free(struct etcd_history *h)
{
	list_remove(&h->link);
	etcd_grpc_cancel(h->call);
	if (h->is_nothing)
		store_done_cancel(h->s->store.done, &h->nothing);
	h->w->owner = NULL;
	free(h);
}

/* All watches end, and what was held for them is called back. The next connection starts anew. */
void etcd_watch_lose(struct etcd_store *s, int code, uint64_t rev, const char *why)
{
	struct etcd_history *h;
	struct etcd_batch *b;
	struct err err;

	if (s->config.tell && !s->is_closing)
		s->config.tell(s->config.ctx, true, why);
	etcd_txn_blind(s);
	while ((h = list_first(struct etcd_history, &s->histories, link)))
		history_free(h);
	while ((b = list_first(struct etcd_batch, &s->backlog, link)))
		batch_free(b);
	s->has_rev = false;
	s->feed.rev = s->seen_rev = s->last_event_rev = s->sure_rev = s->newest = 0;
	s->last_rev = 0;
	s->is_resumed = false;
	err_set(&err, code, "%s", why);
	store_feed_end_all(&s->feed, 0, &err, rev);
	while (etcd_txn_tell(s, true))
		;
	if (code != ERR_GONE)
		s->compacted = 1; /* of another history, maybe */
	etcd_link_fail(s, why);
}

/* History */

static void history_over(struct etcd_history *h, const struct store_event *events, size_t n,
			 uint64_t reached)
{
	struct etcd_store *s = h->s;
	struct store_watch *w = h->w;

	history_free(h);
	/* Not the feed's revision: that may be but etcd's word (take_progress). */
	reached = MAX(reached, w->after);
	store_feed_replay(w, events, n, MAX(reached, s->sure_rev), true);
	settle_later(s);
}

static void on_nothing(struct store_done_item *it)
{
	struct etcd_history *h = CONTAINER_OF(it, struct etcd_history, nothing);

	h->is_nothing = false;
	history_over(h, NULL, 0, 0);
}

static void history_events(struct etcd_history *h, const struct etcd_wire_watch *m)
{
	struct etcd_store *s = h->s;
	struct store_watch *w = h->w;
	uint64_t reached = w->after;
	bool is_last = false;
	struct store_events events;

	store_events_init(&events);
	vec_foreach(e, &m->events) {
		uint64_t rev = e->kv.mod_rev;

		is_last |= rev >= (h->target ? h->target : s->feed.rev);
		if (rev <= w->after || rev > s->feed.rev)
			continue;
		reached = rev;
		if (str_has_prefix(e->kv.key, w->prefix))
			add_event(&events, e);
	}
	h->heard_ms = etcd_now(s);
	h->n_asked = 0;
	if (is_last)
		history_over(h, events.v.ptr, events.v.len, reached);
	else if (reached > w->after)
		store_feed_replay(w, events.v.ptr, events.v.len, reached, false);
	store_events_fini(&events);
}

static void history_gone(struct etcd_history *h, uint64_t rev)
{
	struct etcd_store *s = h->s;
	struct store_watch *w = h->w;
	struct err err;

	s->compacted = MAX(s->compacted, rev);
	err_set(&err, ERR_GONE,
		"watch: revision %llu has been compacted; history goes back to %llu",
		(unsigned long long)w->after, (unsigned long long)rev);
	history_free(h);
	store_feed_end(w, &err, rev);
	settle_later(s);
}

static void on_history(void *ctx, struct str message)
{
	struct etcd_history *h = ctx;
	struct etcd_wire_watch m;
	struct err err;

	if (etcd_wire_read_watch(message, &m, &err) < 0) {
		etcd_link_fail(h->s, err.msg);
		return;
	}
	if (m.is_created) {
		h->is_created = true;
		h->heard_ms = etcd_now(h->s);
	}
	if (m.is_canceled && m.compact_rev)
		history_gone(h, m.compact_rev);
	else if (m.is_canceled)
		etcd_link_fail(h->s, "it ended a watch");
	else if (m.events.len)
		history_events(h, &m);
	else if (m.is_progress && !h->target && m.rev >= h->s->feed.rev && h->n_asked > 1)
		history_over(h, NULL, 0, 0);
	etcd_wire_watch_fini(&m);
}

static void on_history_done(void *ctx, enum etcd_grpc_status status, const char *text)
{
	struct etcd_history *h = ctx;

	h->call = NULL;
	etcd_link_fail(h->s, text[0] ? text : "it ended a watch");
}

static void history_start(struct etcd_history *h)
{
	static const struct etcd_grpc_events events = {NULL, on_history, on_history_done};
	struct etcd_store *s = h->s;

	if (h->is_nothing || s->state != ETCD_UP)
		return;
	h->is_created = false;
	h->n_asked = 0;
	h->heard_ms = h->asked_ms = etcd_now(s);
	h->call = open_stream(s, MAX(h->w->after, (uint64_t)1), &events, h);
}

struct store_watch *etcd_watch_open(struct etcd_store *s, struct str prefix, uint64_t after,
				    store_watch_fn fn, void *ctx)
{
	uint64_t newest = s->has_rev ? MAX(s->newest, s->feed.rev) : UINT64_MAX;
	struct store_watch *w =
		store_feed_open(&s->feed, prefix, after, s->compacted, newest, fn, ctx);
	struct etcd_history *h;

	if (w->state != STORE_WATCH_SYNCING)
		return w;
	h = mem_xnew(struct etcd_history);
	h->s = s;
	h->w = w;
	h->nothing.run = on_nothing;
	h->target = s->last_event_rev;
	w->owner = h;
	list_append(&s->histories, &h->link);
	if (h->target && h->target <= after) {
		h->is_nothing = true;
		store_done_push(s->store.done, &h->nothing);
	}
	history_start(h);
	return w;
}

void etcd_watch_close(struct store_watch *w)
{
	struct etcd_store *s = CONTAINER_OF(w->feed, struct etcd_store, feed);

	if (w->owner)
		history_free(w->owner);
	store_feed_close(w);
	settle_later(s); /* it may have been the one that the others waited for */
}

/* Time */

static void tick_histories(struct etcd_store *s, int64_t now)
{
	list_foreach(struct etcd_history, h, &s->histories, link) {
		if (!h->call || !h->is_created || h->target)
			continue;
		if (now - h->heard_ms < ETCD_QUIET_MS || now - h->asked_ms < ETCD_QUIET_MS)
			continue;
		h->asked_ms = now;
		h->n_asked++;
		ask_progress(h->call);
	}
}

void etcd_watch_tick(struct etcd_store *s, int64_t now)
{
	bool is_held = !list_is_empty(&s->held);
	int64_t patience = is_held ? ETCD_QUIET_MS : ETCD_ASK_MS;

	if (is_held && now - s->held_since_ms > ETCD_HELD_MS) {
		etcd_watch_lose(s, ERR_UNAVAILABLE, 0, "etcd's events do not come");
		return;
	}
	if (!s->watch || s->feed.n_syncing) {
		tick_histories(s, now);
		s->heard_ms = now;
		return;
	}
	if (now - s->heard_ms > ETCD_SILENT_MS) {
		etcd_link_fail(s, "it has fallen silent");
	} else if (now - s->event_ms >= patience && now - s->asked_ms >= patience) {
		s->asked_ms = now;
		ask_progress(s->watch);
	}
}

void etcd_watch_fini(struct etcd_store *s)
{
	struct etcd_history *h;
	struct etcd_batch *b;

	etcd_grpc_cancel(TAKE_PTR(s->watch));
	buf_fini(&s->last_key);
	bytes_unref(TAKE_PTR(s->last_value));
	while ((h = list_first(struct etcd_history, &s->histories, link)))
		history_free(h);
	while ((b = list_first(struct etcd_batch, &s->backlog, link)))
		batch_free(b);
}
