/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/write/binding.h"

#include "apiserver/reply.h"
#include "apiserver/write/body.h"
#include "apiserver/write/write.h"

static void done_bound(struct op *op, uint64_t rev)
{
	struct buf b = BUF_INIT;

	op->req->x->on_close = NULL;
	buf_add_c(&b, "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},"
		      "\"status\":\"Success\",\"code\":201}");
	reply_status(op->req, 201, &b);
}

static bool bind_lost(struct op *op, size_t failed)
{
	return true;
}

static int bind_step(struct op *op)
{
	struct request *req = op->req;
	struct object *o = cache_get(req->res->cache,
				     server_cache_key(&op->arena, req->res, req->ns, req->name));
	struct json *body, *obj, *spec;
	struct str node;
	int r = body_typed(op, "io.k8s.api.core.v1", "Binding", &body);

	if (r < 0)
		return r;
	node = json_get_string(json_get(body, "target"), "name");
	if (!node.len)
		return status_set(&req->st, ERR_BAD_REQUEST,
				  "target.name: the node to bind the Pod to is missing");
	if (!o)
		return status_not_found(&req->st, req->res, req->name);
	r = write_decode(op, o, &obj);
	if (r < 0)
		return r;
	spec = json_object_at(&op->arena, obj, "spec");
	if (json_get_string(spec, "nodeName").len)
		return status_conflict(
			&req->st, req->res, req->name,
			str_printf(req->arena, "pod %.*s is already assigned to node \"%.*s\"",
				   STR_ARG(req->name), STR_ARG(json_get_string(spec, "nodeName")))
				.ptr);
	json_set(spec, "nodeName", json_new_string(&op->arena, node));
	op->lost = bind_lost;
	op->done = done_bound;
	r = op_store(op, req->ns, req->name, obj, o->rev);
	if (r < 0)
		return r;
	if (!req->is_dry_run)
		return op_submit(op);
	op->done(op, o->rev);
	return OP_ANSWERED;
}

int binding_start(struct request *req)
{
	int r = op_admit(req);

	if (r == 0)
		op_run(op_new(req, bind_step));
	return r;
}
