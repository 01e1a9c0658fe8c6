/* SPDX-License-Identifier: Apache-2.0 */
#include "store/etcd/etcd.h"

#include "store/etcd/internal.h"

#include <stdlib.h>

static struct etcd_store *etcd_of(struct store *s)
{
	return CONTAINER_OF(s, struct etcd_store, store);
}

static void etcd_txn(struct store *store, const struct store_txn *txn, store_txn_fn fn, void *ctx)
{
	etcd_txn_submit(etcd_of(store), txn, fn, ctx);
}

static void etcd_compact(struct store *store, uint64_t rev, store_txn_fn fn, void *ctx)
{
	etcd_txn_compact(etcd_of(store), rev, fn, ctx);
}

/* A range, page by page, all of them at the revision of the first */

struct etcd_read {
	struct etcd_request q; /* first */
	struct arena arena;    /* of the bounds */
	struct store_kvs kvs;
	struct store_range range;
	struct str start, end;
	size_t limit;                  /* 0: none */
	size_t n_whole;                /* of kvs: pages whose answer has ended well */
	uint64_t rev;                  /* asked for */
	uint64_t gone, kept, at, step; /* it is gone: where does history begin? See find_oldest */
	struct err err;
	unsigned n_tries;
	store_range_fn fn;
	void *ctx;
};

static struct etcd_read *read_of(struct etcd_request *q)
{
	return CONTAINER_OF(q, struct etcd_read, q);
}

/* What came of a page whose answer was cut off after all. */
static void forget_page(struct etcd_read *x)
{
	while (x->kvs.v.len > x->n_whole)
		bytes_unref(x->kvs.v.ptr[--x->kvs.v.len].value);
}

static int read_page(struct etcd_request *q, struct str message, struct err *err)
{
	struct etcd_read *x = read_of(q);
	struct etcd_wire_kvs k;
	int r = etcd_wire_read_kvs(message, &k, err);

	if (r < 0)
		return r;
	q->s->newest = MAX(q->s->newest, k.rev);
	forget_page(x);
	vec_foreach(kv, &k.kvs) {
		struct store_kv to = {kv->key, bytes_dup(kv->value), kv->create_rev, kv->mod_rev};

		store_kvs_add(&x->kvs, &to);
		bytes_unref(to.value);
	}
	if (!x->range.rev)
		x->range.rev = x->rev ? x->rev : k.rev;
	x->range.has_more = k.has_more && k.kvs.len;
	x->range.remaining = k.has_more && k.count > k.kvs.len ? k.count - k.kvs.len : 0;
	etcd_wire_kvs_fini(&k);
	return 0;
}

static bool is_whole(const struct etcd_read *x)
{
	return !x->range.has_more || (x->limit && x->kvs.v.len >= x->limit);
}

static void submit_range(struct etcd_read *x, const struct etcd_wire_range *range)
{
	struct etcd_request *q = &x->q;

	q->until_ms = etcd_now(q->s) + ETCD_TOTAL_MS;
	q->is_sent = false;
	buf_clear(&q->message);
	etcd_wire_add_range(&q->message, range);
	etcd_link_submit(q->s, q);
}

static void ask_page(struct etcd_read *x)
{
	struct etcd_wire_range range = {
		.key = x->start, .end = x->end, .limit = ETCD_PAGE, .rev = x->range.rev};
	const struct store_kv *last = x->kvs.v.len ? vec_last(&x->kvs.v) : NULL;
	_cleanup_(buf_fini) struct buf after = BUF_INIT;

	x->n_whole = x->kvs.v.len;
	if (x->limit)
		range.limit = MIN(range.limit, x->limit - x->kvs.v.len);
	if (!range.rev)
		range.rev = x->rev;
	if (last) { /* the least key behind it: a NUL more */
		buf_add_str(&after, last->key);
		buf_add_str(&after, str_n("", 1));
		range.key = buf_str(&after);
	}
	submit_range(x, &range);
}

static void forget_pages(struct etcd_read *x)
{
	store_kvs_fini(&x->kvs);
	store_kvs_init(&x->kvs);
	x->range = (struct store_range){0};
}

static void read_over(struct etcd_read *x, int r, const struct err *err)
{
	struct etcd_request *q = &x->q;

	if (r < 0)
		forget_pages(x);
	if (r == ERR_GONE)
		x->range.rev = MAX(q->s->compacted, x->rev + 1);
	x->range.kvs = x->kvs.v.ptr;
	x->range.n = x->kvs.v.len;
	x->fn(x->ctx, r, &x->range, r < 0 ? err : NULL);
	store_kvs_fini(&x->kvs);
	arena_fini(&x->arena);
	etcd_request_fini(q);
	free(x);
}

/* Where history begins: etcd says only what is gone, so something that is not is looked for first,
 * from the newest revision on that is known here, and then the place between the two. A revision
 * that is still to come is not gone. */

static void ask_oldest(struct etcd_read *x, uint64_t at)
{
	struct etcd_wire_range range = {
		.key = x->q.s->config.prefix, .limit = 1, .rev = at, .is_keys_only = true};

	x->at = at;
	submit_range(x, &range);
}

static int read_oldest(struct etcd_request *q _unused_, struct str message _unused_,
		       struct err *err _unused_)
{
	return 0;
}

static void on_oldest(struct etcd_request *q, int r, const struct err *err _unused_)
{
	struct etcd_read *x = read_of(q);

	if (r == ERR_GONE)
		x->gone = x->at;
	else if (r == 0 || r == ERR_INVALID)
		x->kept = x->at;
	else
		x->kept = x->gone + 1; /* no more can be found out */
	if (!x->kept) {
		ask_oldest(x, MAX(q->s->newest, x->gone + x->step));
		x->step *= 2;
	} else if (x->kept - x->gone > 1) {
		ask_oldest(x, x->gone + (x->kept - x->gone) / 2);
	} else {
		if (r == 0 || r == ERR_INVALID || r == ERR_GONE)
			q->s->compacted = MAX(q->s->compacted, x->kept);
		read_over(x, ERR_GONE, &x->err);
	}
}

/* Most often it is where it was when somebody asked last. */
static void find_oldest(struct etcd_read *x, const struct err *err)
{
	struct etcd_store *s = x->q.s;

	x->err = *err;
	x->gone = MAX(x->rev, s->compacted - 1);
	x->kept = 0;
	x->step = 2;
	x->q.read = read_oldest;
	x->q.done = on_oldest;
	ask_oldest(x, x->gone + 1);
}

static void on_page(struct etcd_request *q, int r, const struct err *err)
{
	struct etcd_read *x = read_of(q);

	/* Compacted between two pages, and any other revision will do. */
	if (r == ERR_GONE && !x->rev && x->n_tries++ < ETCD_RANGE_TRIES) {
		forget_pages(x);
		ask_page(x);
		return;
	}
	if (r == 0 && !is_whole(x)) {
		ask_page(x);
		return;
	}
	if (r == ERR_GONE)
		find_oldest(x, err);
	else
		read_over(x, r, err);
}

static void etcd_range(struct store *store, struct str prefix, struct str start, size_t limit,
		       uint64_t rev, store_range_fn fn, void *ctx)
{
	struct etcd_store *s = etcd_of(store);
	struct etcd_read *x = mem_xnew(struct etcd_read);

	etcd_request_init(&x->q, s, "/etcdserverpb.KV/Range");
	x->q.attempt_ms = ETCD_RANGE_MS;
	x->q.read = read_page;
	x->q.done = on_page;
	x->rev = rev;
	x->limit = limit;
	x->fn = fn;
	x->ctx = ctx;
	store_kvs_init(&x->kvs);
	arena_init(&x->arena, 256);
	x->start = str_dup(&x->arena, str_cmp(prefix, start) < 0 ? start : prefix);
	x->end = etcd_wire_prefix_end(&x->arena, prefix);
	if (!x->start.len)
		x->start = str_n("", 1); /* one NUL: the least key */
	ask_page(x);
}

static struct store_watch *etcd_watch(struct store *store, struct str prefix, uint64_t after_rev,
				      store_watch_fn fn, void *ctx)
{
	return etcd_watch_open(etcd_of(store), prefix, after_rev, fn, ctx);
}

static uint64_t etcd_current_rev(struct store *store)
{
	return etcd_of(store)->feed.rev;
}

static uint64_t etcd_compacted_rev(struct store *store)
{
	return etcd_of(store)->compacted;
}

static void on_kick(struct store_done_item *it)
{
	struct etcd_store *s = CONTAINER_OF(it, struct etcd_store, kick);

	s->is_kicked = false;
	etcd_watch_settle(s);
}

static bool is_busy(const struct etcd_store *s)
{
	return map_len(&s->lines) || !list_is_empty(&s->ready) || !list_is_empty(&s->flying) ||
	       !list_is_empty(&s->held);
}

/* What is under way gets some time; what is left after it fails. */
static void etcd_close(struct store *store)
{
	struct etcd_store *s = etcd_of(store);
	int64_t until = etcd_now(s) + ETCD_CLOSE_MS;

	s->is_closing = true;
	while (is_busy(s) && etcd_now(s) < until) {
		loop_turn(s->loop, 20);
		while (store_done_run(store->done))
			;
	}
	etcd_link_fail(s, "the store is being closed");
	etcd_watch_fini(s);
	do {
		etcd_link_expire(s, true);
		while (etcd_txn_tell(s, true))
			;
		while (store_done_run(store->done))
			;
	} while (is_busy(s));
	store_feed_fini(&s->feed);
	etcd_link_stop(s);
	map_fini(&s->lines);
	store_done_free(store->done);
	arena_fini(&s->arena);
	free(s);
}

static const struct store_ops etcd_ops = {
	.name = "etcd",
	.is_shared = true,
	.range = etcd_range,
	.txn = etcd_txn,
	.watch = etcd_watch,
	.watch_close = etcd_watch_close,
	.compact = etcd_compact,
	.current_rev = etcd_current_rev,
	.compacted_rev = etcd_compacted_rev,
	.close = etcd_close,
};

/* Opening */

static int parse_member(struct etcd_store *s, struct str url, struct err *err)
{
	struct etcd_member *m = &s->members[s->n_members];
	struct str rest = url;
	uint64_t port = 2379;
	ptrdiff_t colon;

	if (s->n_members == ETCD_SERVERS_MAX)
		return err_set(err, ERR_USAGE, "more than %d", ETCD_SERVERS_MAX);
	m->is_tls = str_has_prefix(url, STR("https://"));
	if (!m->is_tls && !str_has_prefix(url, STR("http://")))
		return err_set(err, ERR_USAGE, "'%.*s' must begin with http:// or https://",
			       STR_ARG(url));
	rest = str_skip(url, m->is_tls ? 8 : 7);
	if (str_has_suffix(rest, STR("/")))
		rest.len--;
	colon = str_rfind(rest, ':');
	if (colon > str_rfind(rest, ']') &&
	    str_to_u64(str_skip(rest, (size_t)colon + 1), 1, 65535, &port, NULL) < 0)
		return err_set(err, ERR_USAGE, "'%.*s' has no port of 1 to 65535", STR_ARG(url));
	if (colon > str_rfind(rest, ']'))
		rest = str_sub(rest, 0, (size_t)colon);
	if (str_has_prefix(rest, STR("[")) && str_has_suffix(rest, STR("]")))
		rest = str_sub(rest, 1, rest.len - 2);
	if (!rest.len || str_find(rest, '/') >= 0 || str_find(rest, '@') >= 0)
		return err_set(err, ERR_USAGE, "'%.*s' is not http[s]://HOST:PORT", STR_ARG(url));
	m->url = str_dup(&s->arena, url);
	m->host = str_dup(&s->arena, rest);
	m->port = (uint16_t)port;
	s->n_members++;
	return 0;
}

static int parse_members(struct etcd_store *s, const char *servers, struct err *err)
{
	struct str rest = str_of(servers), one;
	int r = 0;

	while (r == 0 && str_next(&rest, ',', &one))
		r = parse_member(s, str_trim(one), err);
	return r;
}

static const char *copy(struct etcd_store *s, const char *text)
{
	return text ? arena_strdup(&s->arena, text) : NULL;
}

int etcd_open(struct loop *l, const struct etcd_config *config, struct store **ret, struct err *err)
{
	struct etcd_store *s = mem_xnew(struct etcd_store);
	int r;

	s->loop = l;
	s->store.ops = &etcd_ops;
	arena_init(&s->arena, 0);
	s->config = *config;
	s->config.ca_file = copy(s, config->ca_file);
	s->config.cert_file = copy(s, config->cert_file);
	s->config.key_file = copy(s, config->key_file);
	s->config.prefix = str_dup(&s->arena, config->prefix);
	s->prefix_end = etcd_wire_prefix_end(&s->arena, s->config.prefix);
	buf_init(&s->last_key);
	list_init(&s->ready);
	list_init(&s->flying);
	list_init(&s->held);
	list_init(&s->backlog);
	list_init(&s->histories);
	s->kick.run = on_kick;
	s->compacted = 1;
	r = parse_members(s, config->servers, err);
	if (r == 0)
		r = etcd_link_check(s, err);
	if (r < 0) {
		arena_fini(&s->arena);
		free(s);
		return r;
	}
	s->store.done = store_done_new(l);
	store_feed_init(&s->feed, s->store.done, 0);
	snprintf(s->why, sizeof(s->why), "no answer yet");
	etcd_link_start(s);
	*ret = &s->store;
	return 0;
}
