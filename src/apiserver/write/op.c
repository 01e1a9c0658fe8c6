/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/write/op.h"

#include "apiserver/reply.h"
#include "base/map.h"

/* Who writes one object: one transaction under way, the others wait. */
struct op_line {
	bool is_busy;
	struct list_node waiting; /* struct op, in the order in which they came */
	struct str key;           /* of the store */
	char text[];
};

struct op_list {
	struct list_node all;
	struct map lines; /* by store key */
	size_t n_writes;  /* transactions, and those in line */
	size_t n_bytes;   /* that ops hold */
};

struct op_list *op_list_new(void)
{
	struct op_list *ops = mem_xnew(struct op_list);

	list_init(&ops->all);
	return ops;
}

void op_list_free(struct op_list *ops)
{
	if (!ops)
		return;
	assert(map_len(&ops->lines) == 0);
	free(ops);
}

size_t op_count(const struct apiserver *s)
{
	return s->ops->n_writes;
}

size_t op_bytes(const struct apiserver *s)
{
	return s->ops->n_bytes;
}

/* About as large as the object that is answered with. */
static size_t answer_len(struct request *req)
{
	const struct object *o = NULL;

	if (req->name.len)
		o = cache_get(req->res->cache,
			      server_cache_key(req->arena, req->res, req->ns, req->name));
	return MAX(req->x->req.body.len, o ? o->value->len : 0);
}

int op_admit(struct request *req)
{
	const struct apiserver *s = req->s;
	size_t most = s->config.write_bytes_max ? s->config.write_bytes_max
						: (size_t)APISERVER_WRITE_BYTES_MAX;

	/* One that would never fit is let in when it is alone. */
	if (op_count(s) < APISERVER_WRITES_MAX &&
	    (!op_bytes(s) || op_bytes(s) + req->x->req.body.len <= most))
		return reply_admit(req, answer_len(req));
	req->st.retry_after_s = 1;
	return status_set(&req->st, ERR_TOO_MANY, "too many requests, please try again later");
}

static struct op_line *line_of(struct apiserver *s, struct str key)
{
	struct op_line *line = map_get(&s->ops->lines, key);

	if (line)
		return line;
	line = mem_xzalloc(sizeof(*line) + key.len);
	memcpy(line->text, key.ptr, key.len);
	line->key = str_n(line->text, key.len);
	list_init(&line->waiting);
	map_put(&s->ops->lines, key, line);
	return line;
}

static void attempt_clear(struct op *op)
{
	for (size_t i = 0; i < op->n_ops; i++)
		bytes_unref(op->ops[i].value);
	op->n_ops = op->n_compares = 0;
	op->ops = NULL;
	op->compares = NULL;
	object_unref(TAKE_PTR(op->object));
	op->hold = NULL;
	op->is_end = false;
	arena_fini(&op->arena);
	arena_init(&op->arena, 0);
}

/* Counts what it holds now: its request's body and what its step has made. */
static void account(struct op *op)
{
	size_t cost = op->arena.total;

	if (op->req && op->req->x)
		cost += op->req->x->req.body.len;
	if (op->object)
		cost += op->object->value->len;
	op->s->ops->n_bytes += cost - op->cost;
	op->cost = cost;
}

static void op_free(struct op *op)
{
	attempt_clear(op);
	op->s->ops->n_bytes -= op->cost;
	list_remove(&op->in_line);
	list_remove(&op->link);
	arena_fini(&op->arena);
	free(op);
}

static void on_close(struct http_exchange *x)
{
	struct op *op = x->handler_ctx;

	op->req = NULL;
}

struct op *op_new(struct request *req, int (*step)(struct op *op))
{
	struct op *op = mem_xnew(struct op);

	list_init(&op->in_line);
	op->s = req->s;
	op->req = req;
	op->step = step;
	op->done = op_done_object;
	op->http_status = 200;
	op->deadline_ms = clock_mono_ms(op->s->clock) +
			  (req->timeout_ms ? req->timeout_ms : REQUEST_TIMEOUT_MS);
	list_append(&op->s->ops->all, &op->link);
	arena_init(&op->arena, 0);
	return op;
}

/* The exchange is about to be answered, or the owner told. */
static void finish(struct op *op, int r)
{
	if (op->ended) {
		op->ended(op, r);
		return;
	}
	if (op->req && r < 0) {
		op->req->x->on_close = NULL;
		reply_failure(op->req);
	}
}

void op_run(struct op *op)
{
	int r;

	if (!op->ended) {
		op->req->x->handler_ctx = op;
		op->req->x->on_close = on_close;
	}
	attempt_clear(op);
	op->tries++;
	r = op->step(op);
	if (r == OP_SUBMITTED) {
		if (!op->line) /* it waits, and begins anew when it is its turn */
			attempt_clear(op);
		account(op);
		return;
	}
	finish(op, r);
	op_free(op);
}

void op_compare(struct op *op, struct str key, uint64_t mod_rev)
{
	if (!op->compares)
		op->compares =
			arena_array(&op->arena, STORE_TXN_OPS_MAX, sizeof(struct store_compare));
	assert(op->n_compares < STORE_TXN_OPS_MAX);
	op->compares[op->n_compares++] = (struct store_compare){key, mod_rev};
}

void op_put(struct op *op, struct str key, struct bytes *value)
{
	if (!op->ops)
		op->ops = arena_array(&op->arena, STORE_TXN_OPS_MAX, sizeof(struct store_op));
	assert(op->n_ops < STORE_TXN_OPS_MAX);
	op->ops[op->n_ops++] = (struct store_op){key, value};
}

/* Defaults and a patch make of a small request a large object: then what is said is the object. */
static int too_large(struct op *op, struct str name, size_t len)
{
	const struct resource *res = op->req->res;

	status_about(&op->req->st, res, name);
	return status_set(&op->req->st, ERR_TOO_LARGE,
			  "%.*s \"%.*s\" is too large: it has %zu bytes as it is stored, with its "
			  "defaults and managedFields, and %d are the limit: make it smaller or "
			  "divide it",
			  STR_ARG(res->resource_name), STR_ARG(name), len, STORE_VALUE_MAX);
}

int op_store(struct op *op, struct str ns, struct str name, struct json *tree, uint64_t rev)
{
	const struct resource *res = op->req->res;
	struct str key = server_store_key(&op->arena, res, ns, name);
	struct bytes *value = object_encode(&op->arena, res, tree);

	if (value->len > STORE_VALUE_MAX) {
		int r = too_large(op, name, value->len);

		bytes_unref(value);
		return r;
	}
	object_unref(op->object);
	op->object = object_new(server_cache_key(&op->arena, res, ns, name), value,
				res->cache->res->head.len, rev, 0);
	op_compare(op, key, rev);
	op_put(op, key, value);
	return 0;
}

void op_remove(struct op *op, struct object *o)
{
	struct str key = server_store_key(&op->arena, op->req->res, object_ns(o), object_name(o));

	object_unref(op->object);
	op->object = object_ref(o);
	op_compare(op, key, o->rev);
	op_put(op, key, NULL);
}

/* Lets the ones in line run until one of them has a transaction under way, or none is left. */
static void line_advance(struct apiserver *s, struct op_line *line)
{
	struct op *next;

	while (!line->is_busy && (next = list_first(struct op, &line->waiting, in_line))) {
		list_remove(&next->in_line);
		s->ops->n_writes--;
		if (next->req || next->ended)
			op_run(next);
		else
			op_free(next);
	}
	if (line->is_busy)
		return;
	map_remove(&s->ops->lines, line->key);
	free(line);
}

/* The store has spoken. The op is answered, run again, or (its client has gone) forgotten. */
static void conclude(struct op *op, int r, const struct store_txn_result *res,
		     const struct err *err)
{
	if (!op->req && !op->ended) {
		op_free(op);
		return;
	}
	if (r == 0) {
		if (op->ended)
			op->ended(op, 0);
		else
			op->done(op, op->is_end ? op->object->rev : res->rev);
		op_free(op);
		return;
	}
	if (r == ERR_CONFLICT && op->req && op->tries < OP_TRIES_MAX && op->lost(op, res->failed)) {
		op_run(op);
		return;
	}
	if (op->req && !op->req->st.code)
		IGNORE(status_from_err(&op->req->st, r == ERR_CONFLICT ? ERR_TOO_MANY : r, err),
		       "answered next");
	finish(op, r);
	op_free(op);
}

static void on_txn(void *ctx, int r, const struct store_txn_result *res, const struct err *err)
{
	struct op *op = ctx;
	struct apiserver *s = op->s;
	struct op_line *line = TAKE_PTR(op->line);

	s->ops->n_writes--;
	line->is_busy = false;
	if (op->hold)
		op->hold->drop(s, op->held);
	conclude(op, r, res, err);
	line_advance(s, line);
}

int op_submit(struct op *op)
{
	struct op_line *line = line_of(op->s, op->ops[0].key);
	struct store_txn txn = {.compares = op->compares,
				.n_compares = op->n_compares,
				.ops = op->ops,
				.n_ops = op->n_ops};

	op->s->ops->n_writes++;
	if (line->is_busy) {
		op->tries--; /* this one did not get as far as a race */
		list_append(&line->waiting, &op->in_line);
		return OP_SUBMITTED;
	}
	line->is_busy = true;
	op->line = line;
	if (op->hold)
		op->hold->take(op->s, op->held);
	store_txn(op->s->store, &txn, on_txn, op);
	return OP_SUBMITTED;
}

void op_tick(struct apiserver *s)
{
	int64_t now = clock_mono_ms(s->clock);

	list_foreach(struct op, op, &s->ops->all, link) {
		struct request *req = op->req;

		if (!req || op->ended || now < op->deadline_ms)
			continue;
		op->req = NULL;
		req->x->on_close = NULL;
		IGNORE(status_set(&req->st, ERR_TIMEOUT,
				  "request did not complete within requested timeout - context "
				  "deadline exceeded"),
		       "answered next");
		reply_failure(req);
	}
}

void op_done_object(struct op *op, uint64_t rev)
{
	op->req->x->on_close = NULL;
	reply_object(op->req, op->http_status, op->object, rev);
}
