/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/op.h"

#include "apiserver/delete.h"
#include "apiserver/services.h"

static void attempt_clear(struct op *op)
{
	for (size_t i = 0; i < op->n_ops; i++)
		bytes_unref(op->ops[i].value);
	op->n_ops = op->n_compares = 0;
	object_unref(TAKE_PTR(op->object));
	op->has_plan = false;
}

static void op_free(struct op *op)
{
	attempt_clear(op);
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

	op->s = req->s;
	op->req = req;
	op->step = step;
	op->done = op_done_object;
	op->http_status = 200;
	arena_init(&op->arena, 0);
	return op;
}

/* The exchange is about to be answered, or the collection told. */
static void finish(struct op *op, int r)
{
	if (op->collection) {
		delete_item_done(op->collection, op, r);
		return;
	}
	if (op->req && r < 0) {
		op->req->x->on_close = NULL;
		request_reply_failure(op->req);
	}
}

void op_run(struct op *op)
{
	int r;

	if (!op->collection) {
		op->req->x->handler_ctx = op;
		op->req->x->on_close = on_close;
	}
	attempt_clear(op);
	op->tries++;
	r = op->step(op);
	if (r == OP_SUBMITTED)
		return;
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

void op_store(struct op *op, struct str ns, struct str name, struct json *tree, uint64_t rev)
{
	const struct resource *res = op->req->res;
	struct str key = server_store_key(&op->arena, res, ns, name);
	struct bytes *value = object_encode(&op->arena, res, tree);

	object_unref(op->object);
	op->object = object_new(server_cache_key(&op->arena, res, ns, name), value, res->head.len,
				rev, 0);
	op_compare(op, key, rev);
	op_put(op, key, value);
}

void op_remove(struct op *op, struct object *o)
{
	struct str key = server_store_key(&op->arena, op->req->res, object_ns(o), object_name(o));

	object_unref(op->object);
	op->object = object_ref(o);
	op_compare(op, key, o->rev);
	op_put(op, key, NULL);
}

void op_add_plan(struct op *op, const struct json *service)
{
	services_add_plan(op->s->services, op, service);
}

static void on_txn(void *ctx, int r, const struct store_txn_result *res, const struct err *err)
{
	struct op *op = ctx;

	op->s->n_writes--;
	if (op->has_plan)
		services_drop(op->s->services, &op->plan);
	if (!op->req && !op->collection) {
		op_free(op);
		return;
	}
	if (r == 0) {
		if (op->collection)
			delete_item_done(op->collection, op, 0);
		else
			op->done(op, res->rev);
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

int op_submit(struct op *op)
{
	struct store_txn txn = {.compares = op->compares,
				.n_compares = op->n_compares,
				.ops = op->ops,
				.n_ops = op->n_ops};

	if (op->has_plan)
		services_hold(op->s->services, &op->plan);
	op->s->n_writes++;
	store_txn(op->s->store, &txn, on_txn, op);
	return OP_SUBMITTED;
}

void op_done_object(struct op *op, uint64_t rev)
{
	op->req->x->on_close = NULL;
	request_reply_object(op->req, op->http_status, op->object, rev);
}
