/* SPDX-License-Identifier: Apache-2.0 */
#include "store/etcd/internal.h"

#include <stdlib.h>
#include <string.h>

/*
 * A transaction waits in the line of each key that it changes, is sent when it is first in all of
 * them, leaves them when its outcome is known, and is held until the watch has come to it.
 */

struct etcd_line {
	struct list_node places;
	char *key;
	size_t key_len;
};

struct etcd_place {
	struct list_node link; /* in line->places */
	struct etcd_line *line;
	struct etcd_txn *txn;
};

struct etcd_txn {
	struct etcd_request q; /* first; q.link serves `held` too */
	struct arena arena;
	struct store_txn txn;
	struct etcd_place *places; /* one for each op */
	size_t n_places, n_waits;
	store_txn_fn fn;
	void *ctx;
	uint64_t compact_rev; /* a compaction: no txn */
	int r;
	struct err err;
	struct store_txn_result res;
	uint64_t need;        /* held until the feed has come to it */
	uint64_t need_event;  /* … and all events up to it are known to have been published */
	uint64_t newest_key;  /* a conflict: newest change of the keys that were compared */
	uint64_t matched_rev; /* its events were seen, at this revision; 0: not */
	bool is_guarded;      /* etcd cannot apply it twice */
	bool is_doubtful;     /* an answer was lost */
	bool is_blind;        /* events were missed since it was sent */
	bool is_barrier;      /* sent instead: a read, to know how far to look for its events */
	bool is_refused;      /* err says why, and whether that is true is looked for */
	bool is_checking;     /* held until the events up to `need` decide */
};

static struct etcd_txn *txn_of(struct etcd_request *q)
{
	return CONTAINER_OF(q, struct etcd_txn, q);
}

static void txn_free(struct etcd_txn *t)
{
	for (size_t i = 0; i < t->txn.n_ops; i++)
		bytes_unref(t->txn.ops[i].value);
	etcd_request_fini(&t->q);
	arena_fini(&t->arena);
	free(t);
}

/* Lines */

static void join_line(struct etcd_txn *t, struct etcd_place *p, struct str key)
{
	struct etcd_store *s = t->q.s;
	struct etcd_line *line = map_get(&s->lines, key);

	if (!line) {
		line = mem_xnew(struct etcd_line);
		list_init(&line->places);
		line->key = mem_xstrndup(key.ptr, key.len);
		line->key_len = key.len;
		map_put(&s->lines, key, line);
	}
	t->n_waits += !list_is_empty(&line->places);
	*p = (struct etcd_place){.line = line, .txn = t};
	list_append(&line->places, &p->link);
}

static void leave_lines(struct etcd_txn *t)
{
	struct etcd_store *s = t->q.s;

	for (size_t i = 0; i < t->n_places; i++) {
		struct etcd_line *line = t->places[i].line;
		struct etcd_place *next;

		list_remove(&t->places[i].link);
		next = list_first(struct etcd_place, &line->places, link);
		if (next) {
			if (--next->txn->n_waits == 0)
				etcd_link_submit(s, &next->txn->q);
			continue;
		}
		map_remove(&s->lines, str_n(line->key, line->key_len));
		free(line->key);
		free(line);
	}
	t->n_places = 0;
}

static struct etcd_txn *first_of(struct etcd_store *s, struct str key)
{
	struct etcd_line *line = map_get(&s->lines, key);
	struct etcd_place *p = line ? list_first(struct etcd_place, &line->places, link) : NULL;

	return p && p->txn->n_waits == 0 ? p->txn : NULL;
}

/* Outcome */

/* A failure keeps its turn behind what is held already. */
static void hold(struct etcd_txn *t, uint64_t need)
{
	struct etcd_store *s = t->q.s;
	struct list_node *at = &s->held;

	if (list_is_empty(&s->held))
		s->held_since_ms = etcd_now(s);
	else if (!need)
		need = txn_of(CONTAINER_OF(s->held.prev, struct etcd_request, link))->need;
	t->need = need;
	while (at->prev != &s->held &&
	       txn_of(CONTAINER_OF(at->prev, struct etcd_request, link))->need > need)
		at = at->prev;
	list_insert_before(at, &t->q.link);
	if (!s->is_kicked)
		store_done_push(s->store.done, &s->kick);
	s->is_kicked = true;
}

/* It changed something for certain: there is an event with its revision. */
static bool has_event(const struct etcd_txn *t)
{
	for (size_t i = 0; i < t->txn.n_ops; i++)
		if (t->txn.ops[i].value)
			return true;
	return t->txn.n_ops && t->is_guarded;
}

/* Who is told of a conflict finds in the events what the key is now; when it is gone, the revision
 * of its deletion is not known. */
static void finish(struct etcd_txn *t, int r)
{
	uint64_t need = 0;

	t->r = r;
	leave_lines(t);
	if (r == 0) {
		need = t->res.rev;
		t->need_event = has_event(t) ? need : 0;
	} else if (r == ERR_CONFLICT) {
		need = t->res.current_rev ? t->newest_key : t->res.rev;
		t->need_event = t->newest_key;
	}
	hold(t, need);
}

static int read_barrier(struct etcd_request *q, struct str message, struct err *err)
{
	txn_of(q)->res = (struct store_txn_result){0};
	return etcd_wire_read_rev(message, &txn_of(q)->res.rev, err);
}

/* Instead of the transaction a read is sent: up to its revision the events are looked for. */
static void make_barrier(struct etcd_txn *t)
{
	struct etcd_request *q = &t->q;
	struct etcd_wire_range range = {
		.key = q->s->config.prefix, .limit = 1, .is_keys_only = true};

	t->is_barrier = true;
	q->path = "/etcdserverpb.KV/Range";
	q->read = read_barrier;
	buf_clear(&q->message);
	etcd_wire_add_range(&q->message, &range);
}

static void set_unknown(struct etcd_txn *t)
{
	t->r = err_set(&t->err, ERR_TIMEOUT,
		       "etcd's answer was lost and it is not known whether the change was made: "
		       "look before you try again");
}

static void set_matched(struct etcd_txn *t)
{
	t->r = 0;
	t->res = (struct store_txn_result){.rev = t->matched_rev};
}

static void set_conflict(struct etcd_txn *t)
{
	const struct store_compare *c = &t->txn.compares[t->res.failed];

	t->r = err_set(&t->err, ERR_CONFLICT, "'%.*s' is at revision %llu, not %llu",
		       STR_ARG(c->key), (unsigned long long)t->res.current_rev,
		       (unsigned long long)c->mod_rev);
}

/* The events have come up to t->need: what has become of it? */
static void decide(struct etcd_txn *t)
{
	t->is_checking = false;
	if (t->matched_rev)
		set_matched(t);
	else if (t->is_refused && !t->is_blind)
		t->r = t->err.code;
	else if (t->is_blind || t->is_barrier)
		set_unknown(t);
	else
		set_conflict(t);
	leave_lines(t);
}

/* No failed compare: read_txn marks it by a revision that there is none. */
static bool is_conflict(const struct etcd_txn *t)
{
	return t->res.current_rev != UINT64_MAX;
}

/* An etcd without room refuses what it has not made and, until its alarm is raised, what it has
 * made just now (its quotaApplierV3), both by the same words. */
static void on_txn_done(struct etcd_request *q, int r, const struct err *err)
{
	struct etcd_txn *t = txn_of(q);

	if (r < 0 && !t->is_doubtful && !t->is_refused) {
		t->err = *err;
		t->is_refused = r == ERR_UNAVAILABLE && q->is_sent;
		if (t->is_refused) {
			make_barrier(t);
			etcd_link_submit(q->s, q);
			return;
		}
	} else if ((t->is_doubtful || t->is_refused) && t->matched_rev) {
		set_matched(t);
		r = 0;
	} else if (r < 0) {
		set_unknown(t);
		r = t->r;
	} else if (t->is_barrier || (t->is_doubtful && is_conflict(t))) {
		t->is_checking = true; /* a conflict, maybe with itself */
		t->need_event = t->newest_key;
		hold(t, t->res.rev);
		return;
	} else if (is_conflict(t)) {
		set_conflict(t);
		r = t->r;
	} else {
		t->res.current_rev = 0;
	}
	finish(t, r);
}

static int read_txn(struct etcd_request *q, struct str message, struct err *err)
{
	struct etcd_txn *t = txn_of(q);
	struct etcd_wire_txn w;
	int r = etcd_wire_read_txn(message, &w, err);

	if (r < 0)
		return r;
	t->res = (struct store_txn_result){.rev = w.rev, .current_rev = UINT64_MAX};
	q->s->newest = MAX(q->s->newest, w.rev);
	t->newest_key = 0;
	vec_foreach(rev, &w.mod_revs)
		t->newest_key = MAX(t->newest_key, *rev);
	for (size_t i = 0; !w.has_succeeded && i < t->txn.n_compares && i < w.mod_revs.len; i++) {
		if (w.mod_revs.ptr[i] == t->txn.compares[i].mod_rev)
			continue;
		t->res.failed = i;
		t->res.current_rev = w.mod_revs.ptr[i];
		break;
	}
	if (!w.has_succeeded && t->res.current_rev == UINT64_MAX)
		r = err_set(err, ERR_BAD_REQUEST, "etcd names no compare that failed");
	etcd_wire_txn_fini(&w);
	return r;
}

/* Its answer was lost. One that nothing guards must not be sent again. */
static void txn_again(struct etcd_request *q)
{
	struct etcd_txn *t = txn_of(q);

	t->is_doubtful = true;
	if (t->matched_rev) {
		etcd_link_withdraw(q);
		set_matched(t);
		finish(t, 0);
		return;
	}
	if (t->is_guarded || t->is_barrier)
		return;
	make_barrier(t);
}

/* Events come in the order of the operations; deleting what is not there makes none. */
static bool is_of(const struct etcd_txn *t, const struct store_event *events, size_t n)
{
	size_t at = 0;

	for (size_t i = 0; i < t->txn.n_ops; i++) {
		const struct store_op *op = &t->txn.ops[i];
		bool is_same = at < n && str_eq(op->key, events[at].key);

		if (is_same && op->value)
			is_same = events[at].type == STORE_PUT &&
				  str_eq(bytes_str(op->value), bytes_str(events[at].value));
		else if (is_same)
			is_same = events[at].type == STORE_DELETE;
		if (is_same)
			at++;
		else if (op->value)
			return false;
	}
	return at == n;
}

void etcd_txn_match(struct etcd_store *s, const struct store_event *events, size_t n, uint64_t rev)
{
	struct etcd_txn *t = first_of(s, events[0].key);

	if (!t || !t->q.is_sent || t->matched_rev || !is_of(t, events, n))
		return;
	t->matched_rev = rev;
	/* What flies gets an answer; what is in doubt has it here. */
	if (!t->is_doubtful || t->is_checking)
		return;
	etcd_link_withdraw(&t->q);
	set_matched(t);
	finish(t, 0);
}

void etcd_txn_blind(struct etcd_store *s)
{
	map_foreach(e, &s->lines) {
		struct etcd_line *line = e->value;
		struct etcd_place *p = list_first(struct etcd_place, &line->places, link);

		p->txn->is_blind |= p->txn->q.is_sent;
	}
}

bool etcd_txn_tell(struct etcd_store *s, bool is_forced)
{
	struct etcd_request *q = list_first(struct etcd_request, &s->held, link);
	struct etcd_txn *t = q ? txn_of(q) : NULL;

	if (!t || (!is_forced &&
		   (s->feed.n_syncing || t->need > s->feed.rev || t->need_event > s->sure_rev)))
		return false;
	list_remove(&q->link);
	s->held_since_ms = etcd_now(s);
	if (t->is_checking)
		decide(t);
	if (t->compact_rev && t->r == 0)
		s->compacted = MAX(s->compacted, t->res.rev);
	if (t->fn)
		t->fn(t->ctx, t->r, &t->res, t->r < 0 ? &t->err : NULL);
	txn_free(t);
	return true;
}

/* Submitting */

/* One of the changed keys is compared with a revision that it can never have again. That it must
 * not exist is no guard: a member that stood still may apply the lost one late, when the key has
 * been made by the second one, acknowledged, and deleted again. */
static bool is_guarded(const struct store_txn *txn)
{
	for (size_t i = 0; i < txn->n_ops; i++)
		for (size_t k = 0; k < txn->n_compares; k++)
			if (str_eq(txn->ops[i].key, txn->compares[k].key) &&
			    txn->compares[k].mod_rev)
				return true;
	return txn->n_ops == 0;
}

static struct etcd_txn *txn_new(struct etcd_store *s, const char *path, store_txn_fn fn, void *ctx)
{
	struct etcd_txn *t = mem_xnew(struct etcd_txn);

	etcd_request_init(&t->q, s, path);
	arena_init(&t->arena, 512);
	t->fn = fn;
	t->ctx = ctx;
	return t;
}

void etcd_txn_submit(struct etcd_store *s, const struct store_txn *txn, store_txn_fn fn, void *ctx)
{
	struct etcd_txn *t = txn_new(s, "/etcdserverpb.KV/Txn", fn, ctx);
	struct store_compare *compares = arena_array(&t->arena, txn->n_compares, sizeof(*compares));
	struct store_op *ops = arena_array(&t->arena, txn->n_ops, sizeof(*ops));

	for (size_t i = 0; i < txn->n_compares; i++)
		compares[i] = (struct store_compare){str_dup(&t->arena, txn->compares[i].key),
						     txn->compares[i].mod_rev};
	for (size_t i = 0; i < txn->n_ops; i++)
		ops[i] = (struct store_op){
			str_dup(&t->arena, txn->ops[i].key),
			txn->ops[i].value ? bytes_ref(txn->ops[i].value) : NULL,
		};
	t->txn = (struct store_txn){compares, txn->n_compares, ops, txn->n_ops};
	t->is_guarded = is_guarded(&t->txn);
	t->q.read = read_txn;
	t->q.done = on_txn_done;
	t->q.again = txn_again;
	etcd_wire_add_txn(&t->q.message, &t->txn);
	t->places = arena_array(&t->arena, txn->n_ops, sizeof(*t->places));
	t->n_places = txn->n_ops;
	for (size_t i = 0; i < txn->n_ops; i++)
		join_line(t, &t->places[i], ops[i].key);
	if (t->n_waits == 0)
		etcd_link_submit(s, &t->q);
}

static int read_compact(struct etcd_request *q, struct str message _unused_,
			struct err *err _unused_)
{
	txn_of(q)->res.rev = txn_of(q)->compact_rev;
	return 0;
}

/* etcd says "compacted" when it was compacted there or later before. */
static void on_compacted(struct etcd_request *q, int r, const struct err *err)
{
	struct etcd_txn *t = txn_of(q);

	if (r < 0 && r != ERR_GONE)
		t->err = *err;
	t->r = r == ERR_GONE ? 0 : r;
	t->res.rev = MAX(q->s->compacted, t->compact_rev);
	hold(t, 0);
}

void etcd_txn_compact(struct etcd_store *s, uint64_t rev, store_txn_fn fn, void *ctx)
{
	struct etcd_txn *t = txn_new(s, "/etcdserverpb.KV/Compact", fn, ctx);

	t->compact_rev = MAX(rev, (uint64_t)1);
	t->q.read = read_compact;
	t->q.done = on_compacted;
	t->q.attempt_ms = ETCD_TOTAL_MS;
	etcd_wire_add_compact(&t->q.message, t->compact_rev);
	etcd_link_submit(s, &t->q);
}
