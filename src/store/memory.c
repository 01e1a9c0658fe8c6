/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The store in memory. A transaction is applied inside the call, and told about in a later turn of
 * the loop, in order: first its events to the watches, then its callback. A key keeps its versions
 * since the compacted revision (and the one that was current then); history for a watch is gathered
 * from them.
 */

#include "base/vec.h"
#include "store/events.h"
#include "store/feed.h"
#include "store/keys.h"
#include "store/store.h"

#include <string.h>

struct version {
	uint64_t rev, create_rev;
	struct bytes *value; /* NULL: deleted */
	uint32_t op;         /* place in its transaction: the order of events */
};

struct mem_key {
	VEC(struct version) versions; /* rising revisions, at least one */
	struct store_key node;        /* last: it ends in a flexible array */
};

struct mem_store {
	struct store store;
	struct store_feed feed;
	struct store_keys keys;
	uint64_t rev; /* applied; feed.rev: told to watches */
	uint64_t compacted;
};

/* What is to be told: one of the four. */
struct mem_item {
	struct store_done_item item;
	struct mem_store *m;
	store_txn_fn txn_fn;
	store_range_fn range_fn;
	void *ctx;
	int r;
	struct err err;
	struct store_txn_result res;
	struct store_events events; /* txn_fn: what changed */
	struct buf prefix, start;   /* range_fn */
	size_t limit;
	uint64_t rev;
};

static struct mem_store *mem_of(struct store *s)
{
	return CONTAINER_OF(s, struct mem_store, store);
}

static struct mem_key *key_of(struct store_key *n)
{
	return n ? CONTAINER_OF(n, struct mem_key, node) : NULL;
}

static void key_remove(struct mem_store *m, struct mem_key *k)
{
	vec_foreach(v, &k->versions)
		bytes_unref(v->value);
	vec_fini(&k->versions);
	store_keys_remove(&m->keys, &k->node, offsetof(struct mem_key, node));
}

/* The version that was current at `rev`; NULL when the key did not exist then. */
static const struct version *version_at(const struct mem_key *k, uint64_t rev)
{
	const struct version *at = NULL;

	if (!k)
		return NULL;
	vec_foreach(v, &k->versions) {
		if (v->rev > rev)
			break;
		at = v;
	}
	return at && at->value ? at : NULL;
}

static const struct version *newest(const struct mem_key *k)
{
	const struct version *v = k ? vec_last(&k->versions) : NULL;

	return v && v->value ? v : NULL;
}

static struct mem_item *item_new(struct mem_store *m, void (*run)(struct store_done_item *),
				 void *ctx)
{
	struct mem_item *it = mem_xnew(struct mem_item);

	it->item.run = run;
	it->m = m;
	it->ctx = ctx;
	store_events_init(&it->events);
	buf_init(&it->prefix);
	buf_init(&it->start);
	return it;
}

static void item_free(struct mem_item *it)
{
	store_events_fini(&it->events);
	buf_fini(&it->prefix);
	buf_fini(&it->start);
	free(it);
}

struct history {
	struct store_event ev;
	uint32_t op;
};

static int history_cmp(const void *a, const void *b)
{
	const struct history *x = a, *y = b;

	if (x->ev.rev != y->ev.rev)
		return x->ev.rev < y->ev.rev ? -1 : 1;
	return x->op < y->op ? -1 : x->op > y->op;
}

/* The event that made version i of the key. */
static struct store_event event_of(const struct mem_key *k, size_t i)
{
	const struct version *v = &k->versions.ptr[i];

	return (struct store_event){
		.type = v->value ? STORE_PUT : STORE_DELETE,
		.key = k->node.name,
		.value = v->value,
		.create_rev = v->value ? v->create_rev : 0,
		.rev = v->rev,
	};
}

static void replay(struct mem_store *m, struct store_watch *w)
{
	VEC(struct history) found = {0};
	struct store_events events;

	for (struct store_key *n = store_keys_seek(&m->keys, w->prefix);
	     n && str_has_prefix(n->name, w->prefix); n = store_keys_next(n)) {
		struct mem_key *k = key_of(n);

		for (size_t i = 0; i < k->versions.len; i++) {
			uint64_t rev = k->versions.ptr[i].rev;

			if (rev > w->after && rev <= m->feed.rev)
				*vec_push(&found) =
					(struct history){event_of(k, i), k->versions.ptr[i].op};
		}
	}
	vec_sort(&found, history_cmp);
	store_events_init(&events);
	vec_foreach(h, &found)
		store_events_add(&events, &h->ev);
	vec_fini(&found);
	store_feed_replay(w, events.v.ptr, events.v.len, m->feed.rev, true);
	store_events_fini(&events);
}

static struct store_watch *first_syncing(struct mem_store *m)
{
	list_foreach(struct store_watch, w, &m->feed.watches, link)
		if (w->state == STORE_WATCH_SYNCING)
			return w;
	return NULL;
}

static void replay_all(struct mem_store *m)
{
	struct store_watch *w;
	struct err err;

	while (m->feed.n_syncing) {
		w = first_syncing(m);
		if (w->after >= m->compacted) {
			replay(m, w);
			continue;
		}
		err_set(&err, ERR_GONE, "watch: revision %llu was compacted meanwhile",
			(unsigned long long)w->after);
		store_feed_end(w, &err, m->compacted);
	}
}

static void on_replay(struct store_done_item *item)
{
	struct mem_item *it = CONTAINER_OF(item, struct mem_item, item);

	replay_all(it->m);
	item_free(it);
}

static void on_txn(struct store_done_item *item)
{
	struct mem_item *it = CONTAINER_OF(item, struct mem_item, item);
	struct mem_store *m = it->m;

	replay_all(m);
	if (it->events.v.len)
		store_feed_publish(&m->feed, it->events.v.ptr, it->events.v.len, it->res.rev);
	replay_all(m);
	if (it->txn_fn)
		it->txn_fn(it->ctx, it->r, &it->res, it->r < 0 ? &it->err : NULL);
	item_free(it);
}

static int check_compares(struct mem_store *m, const struct store_txn *txn,
			  struct store_txn_result *res, struct err *err)
{
	for (size_t i = 0; i < txn->n_compares; i++) {
		const struct store_compare *c = &txn->compares[i];
		const struct version *v = newest(key_of(store_keys_find(&m->keys, c->key)));
		uint64_t now = v ? v->rev : 0;

		if (now == c->mod_rev)
			continue;
		*res = (struct store_txn_result){.rev = m->rev, .failed = i, .current_rev = now};
		return err_set(err, ERR_CONFLICT, "'%.*s' is at revision %llu, not %llu",
			       STR_ARG(c->key), (unsigned long long)now,
			       (unsigned long long)c->mod_rev);
	}
	return 0;
}

static void apply(struct mem_store *m, const struct store_op *op, uint32_t at,
		  struct store_events *events)
{
	struct mem_key *k = key_of(store_keys_find(&m->keys, op->key));
	const struct version *prev = newest(k);
	uint64_t create_rev = prev ? prev->create_rev : m->rev + 1;
	struct store_event ev;

	if (!op->value && !prev)
		return;
	if (!k)
		k = key_of(store_keys_add(&m->keys, op->key, offsetof(struct mem_key, node)));
	*vec_push(&k->versions) = (struct version){
		.rev = m->rev + 1,
		.create_rev = create_rev,
		.value = op->value ? bytes_ref(op->value) : NULL,
		.op = at,
	};
	ev = event_of(k, k->versions.len - 1);
	store_events_add(events, &ev);
}

static void mem_txn(struct store *s, const struct store_txn *txn, store_txn_fn fn, void *ctx)
{
	struct mem_store *m = mem_of(s);
	struct mem_item *it = item_new(m, on_txn, ctx);

	it->txn_fn = fn;
	it->r = check_compares(m, txn, &it->res, &it->err);
	if (!it->r) {
		for (size_t i = 0; i < txn->n_ops; i++)
			apply(m, &txn->ops[i], (uint32_t)i, &it->events);
		m->rev += it->events.v.len ? 1 : 0;
		it->res.rev = m->rev;
	}
	store_done_push(s->done, &it->item);
}

static int check_rev(struct mem_store *m, uint64_t rev, struct err *err)
{
	if (rev > m->rev)
		return err_set(err, ERR_INVALID,
			       "revision %llu is in the future; the newest is %llu",
			       (unsigned long long)rev, (unsigned long long)m->rev);
	if (rev && rev < m->compacted)
		return err_set(err, ERR_GONE,
			       "revision %llu has been compacted; history goes back to %llu",
			       (unsigned long long)rev, (unsigned long long)m->compacted);
	return 0;
}

static void gather(struct mem_store *m, const struct mem_item *it, struct store_kvs *kvs,
		   struct store_range *range)
{
	struct str prefix = buf_str(&it->prefix), start = buf_str(&it->start);

	for (struct store_key *n =
		     store_keys_seek(&m->keys, str_cmp(prefix, start) < 0 ? start : prefix);
	     n && str_has_prefix(n->name, prefix); n = store_keys_next(n)) {
		const struct version *v = version_at(key_of(n), range->rev);

		if (!v)
			continue;
		if (it->limit && kvs->v.len == it->limit)
			range->remaining++;
		else
			store_kvs_add(kvs,
				      &(struct store_kv){n->name, v->value, v->create_rev, v->rev});
	}
	range->kvs = kvs->v.ptr;
	range->n = kvs->v.len;
	range->has_more = range->remaining > 0;
}

static void on_range(struct store_done_item *item)
{
	struct mem_item *it = CONTAINER_OF(item, struct mem_item, item);
	struct mem_store *m = it->m;
	struct store_range range = {.rev = it->rev ? it->rev : m->rev};
	struct store_kvs kvs;

	store_kvs_init(&kvs);
	it->r = check_rev(m, it->rev, &it->err);
	if (it->r < 0)
		range.rev = m->compacted;
	else
		gather(m, it, &kvs, &range);
	it->range_fn(it->ctx, it->r, &range, it->r < 0 ? &it->err : NULL);
	store_kvs_fini(&kvs);
	item_free(it);
}

static void mem_range(struct store *s, struct str prefix, struct str start, size_t limit,
		      uint64_t rev, store_range_fn fn, void *ctx)
{
	struct mem_item *it = item_new(mem_of(s), on_range, ctx);

	it->range_fn = fn;
	buf_add_str(&it->prefix, prefix);
	buf_add_str(&it->start, start);
	it->limit = limit;
	it->rev = rev;
	store_done_push(s->done, &it->item);
}

static struct store_watch *mem_watch(struct store *s, struct str prefix, uint64_t after_rev,
				     store_watch_fn fn, void *ctx)
{
	struct mem_store *m = mem_of(s);
	struct store_watch *w =
		store_feed_open(&m->feed, prefix, after_rev, m->compacted, m->rev, fn, ctx);

	if (w->state == STORE_WATCH_SYNCING)
		store_done_push(s->done, &item_new(m, on_replay, NULL)->item);
	return w;
}

/* Drops the versions that nobody can ask for any more; a key without one goes too. */
static void compact_key(struct mem_store *m, struct mem_key *k)
{
	size_t n = 0;

	while (n + 1 < k->versions.len && k->versions.ptr[n + 1].rev <= m->compacted)
		n++;
	if (k->versions.ptr[n].rev <= m->compacted && !k->versions.ptr[n].value)
		n++;
	for (size_t i = 0; i < n; i++)
		bytes_unref(k->versions.ptr[i].value);
	if (n == k->versions.len) {
		k->versions.len = 0;
		key_remove(m, k);
		return;
	}
	memmove(k->versions.ptr, k->versions.ptr + n,
		(k->versions.len - n) * sizeof(*k->versions.ptr));
	k->versions.len -= n;
}

static void mem_compact(struct store *s, uint64_t rev, store_txn_fn fn, void *ctx)
{
	struct mem_store *m = mem_of(s);
	struct mem_item *it = item_new(m, on_txn, ctx);

	it->txn_fn = fn;
	if (rev > m->rev) {
		it->r = check_rev(m, rev, &it->err);
	} else if (rev > m->compacted) {
		m->compacted = rev;
		for (struct store_key *n = m->keys.head[0], *next; n; n = next) {
			next = store_keys_next(n);
			compact_key(m, key_of(n));
		}
	}
	it->res.rev = m->compacted;
	store_done_push(s->done, &it->item);
}

static uint64_t mem_current_rev(struct store *s)
{
	return mem_of(s)->feed.rev;
}

static uint64_t mem_compacted_rev(struct store *s)
{
	return mem_of(s)->compacted;
}

static void mem_close(struct store *s)
{
	struct mem_store *m = mem_of(s);

	while (store_done_run(s->done))
		;
	store_feed_fini(&m->feed);
	store_done_free(s->done);
	while (m->keys.head[0])
		key_remove(m, key_of(m->keys.head[0]));
	free(m);
}

static const struct store_ops mem_ops = {
	.name = "memory",
	.range = mem_range,
	.txn = mem_txn,
	.watch = mem_watch,
	.watch_close = store_feed_close,
	.compact = mem_compact,
	.current_rev = mem_current_rev,
	.compacted_rev = mem_compacted_rev,
	.close = mem_close,
};

struct store *store_memory_new(struct loop *l)
{
	struct mem_store *m = mem_xnew(struct mem_store);

	m->store.ops = &mem_ops;
	m->store.done = store_done_new(l);
	m->rev = m->compacted = 1;
	store_feed_init(&m->feed, m->store.done, m->rev);
	store_keys_init(&m->keys);
	return &m->store;
}
