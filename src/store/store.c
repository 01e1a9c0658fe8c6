/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store.h"

#include "base/map.h"
#include "store/done.h"

#include <string.h>

/* A request that is refused before it reaches the back end. */
struct refusal {
	struct store_done_item item;
	store_txn_fn txn_fn;     /* either this (NULL: nobody wants to know) */
	store_range_fn range_fn; /* or that */
	void *ctx;
	struct err err;
};

static void on_refusal(struct store_done_item *it)
{
	struct refusal *x = CONTAINER_OF(it, struct refusal, item);

	if (x->txn_fn)
		x->txn_fn(x->ctx, x->err.code, &(struct store_txn_result){0}, &x->err);
	if (x->range_fn)
		x->range_fn(x->ctx, x->err.code, &(struct store_range){0}, &x->err);
	free(x);
}

static void refuse(struct store *s, store_txn_fn txn_fn, store_range_fn range_fn, void *ctx,
		   const struct err *err)
{
	struct refusal *x = mem_xnew(struct refusal);

	*x = (struct refusal){.item.run = on_refusal,
			      .txn_fn = txn_fn,
			      .range_fn = range_fn,
			      .ctx = ctx,
			      .err = *err};
	store_done_push(s->done, &x->item);
}

static int check_key(struct str key, struct err *err)
{
	if (!key.len)
		return err_set(err, ERR_INVALID, "a key is empty");
	if (key.len > STORE_KEY_MAX)
		return err_set(err, ERR_INVALID, "a key has %zu bytes; %d are the limit: '%.60s…'",
			       key.len, STORE_KEY_MAX, key.ptr);
	return 0;
}

/* One operation a key: the events of a transaction could not be told apart otherwise. */
static int check_ops_differ(const struct store_txn *txn, struct err *err)
{
	struct map seen = {0};
	int r = 0;

	if (txn->n_ops < 2)
		return 0;
	for (size_t i = 0; i < txn->n_ops && !r; i++)
		if (map_put(&seen, txn->ops[i].key, &seen))
			r = err_set(err, ERR_INVALID, "two operations on one key: '%.*s'",
				    STR_ARG(txn->ops[i].key));
	map_fini(&seen);
	return r;
}

static int check_txn(const struct store_txn *txn, struct err *err)
{
	int r;

	if (txn->n_ops > STORE_TXN_OPS_MAX || txn->n_compares > STORE_TXN_OPS_MAX)
		return err_set(
			err, ERR_INVALID,
			"a transaction has %zu compares and %zu operations; %d are the limit",
			txn->n_compares, txn->n_ops, STORE_TXN_OPS_MAX);
	for (size_t i = 0; i < txn->n_compares; i++) {
		r = check_key(txn->compares[i].key, err);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < txn->n_ops; i++) {
		const struct store_op *op = &txn->ops[i];

		r = check_key(op->key, err);
		if (r < 0)
			return r;
		if (op->value && op->value->len > STORE_VALUE_MAX)
			return err_set(err, ERR_INVALID,
				       "the value of '%.*s' has %zu bytes; %d are the limit",
				       STR_ARG(op->key), op->value->len, STORE_VALUE_MAX);
	}
	return check_ops_differ(txn, err);
}

void store_range(struct store *s, struct str prefix, struct str start, size_t limit, uint64_t rev,
		 store_range_fn fn, void *ctx)
{
	struct err err;

	/* One more than a key: "the key after K" is K and a NUL. */
	if (prefix.len > STORE_KEY_MAX || start.len > STORE_KEY_MAX + 1) {
		err_set(&err, ERR_INVALID,
			"a range begins with %zu bytes (prefix) and %zu (start); %d are the limit",
			prefix.len, start.len, STORE_KEY_MAX);
		refuse(s, NULL, fn, ctx, &err);
		return;
	}
	s->ops->range(s, prefix, start, limit, rev, fn, ctx);
}

void store_txn(struct store *s, const struct store_txn *txn, store_txn_fn fn, void *ctx)
{
	struct err err;

	if (check_txn(txn, &err) < 0)
		refuse(s, fn, NULL, ctx, &err);
	else
		s->ops->txn(s, txn, fn, ctx);
}

struct store_watch *store_watch(struct store *s, struct str prefix, uint64_t after_rev,
				store_watch_fn fn, void *ctx)
{
	return s->ops->watch(s, prefix, after_rev, fn, ctx);
}

void store_watch_close(struct store *s, struct store_watch *w)
{
	if (w)
		s->ops->watch_close(w);
}

void store_compact(struct store *s, uint64_t rev, store_txn_fn fn, void *ctx)
{
	s->ops->compact(s, rev, fn, ctx);
}

uint64_t store_current_rev(struct store *s)
{
	return s->ops->current_rev(s);
}

uint64_t store_compacted_rev(struct store *s)
{
	return s->ops->compacted_rev(s);
}

void store_close(struct store *s)
{
	if (s)
		s->ops->close(s);
}
