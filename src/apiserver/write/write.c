/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/write/write.h"

#include "api/managed/managed.h"
#include "api/rules/validate.h"
#include "api/strict.h"
#include "apiserver/access/authorize.h"
#include "apiserver/write/body.h"
#include "apiserver/write/collection.h"
#include "apiserver/write/delete.h"
#include "apiserver/write/namespace.h"
#include "apiserver/write/node_admit.h"
#include "apiserver/write/ownership.h"
#include "apiserver/write/prepare.h"
#include "apiserver/write/strategy.h"

static void warn(struct op *op, const struct json *obj, const struct json *old)
{
	const struct api_kind *kind = op->req->res->kind;
	/* What an apply of the status makes is told of as a whole. */
	struct api_strs texts = old && str_eq_c(op->req->sub, "status")
					? api_status_warnings(&op->arena, kind, obj)
					: api_warnings(&op->arena, kind, obj, old);

	for (size_t i = 0; i < texts.n; i++)
		request_warn(op->req, str_dup(op->req->arena, texts.ptr[i]));
}

static int refuse(struct op *op, const struct api_causes *causes, struct str name)
{
	const struct resource *res = op->req->res;

	if (!causes->n)
		return 0;
	/* As Kubernetes does, which validates what it stores. */
	if (res->to_stored)
		res = res->cache->res;
	return status_from_causes(&op->req->st, res, name, causes);
}

/* A dry run answers as if the write had happened. */
static int answer_dry(struct op *op, struct str ns, struct str name, struct json *obj, uint64_t rev)
{
	int r = op_store(op, ns, name, obj, rev);

	if (r < 0)
		return r;
	op->done(op, rev);
	return OP_ANSWERED;
}

/* What the kind's strategy allots. */
static int allot(struct op *op, const struct json *old, struct json *obj)
{
	const struct strategy *strategy = op->req->res->strategy;

	if (strategy->refine)
		strategy->refine(op, old, obj);
	return strategy->plan ? strategy->plan(op, old, obj) : 0;
}

static void settle(struct op *op, const struct json *old, struct json *obj)
{
	if (op->req->res->strategy->settle)
		op->req->res->strategy->settle(op, old, obj);
}

/* Create */

static bool is_being_deleted(struct op *op, struct str name)
{
	struct request *req = op->req;
	struct object *o =
		cache_get(req->res->cache, server_cache_key(&op->arena, req->res, req->ns, name));
	struct json *obj;

	return o && write_decode(op, o, &obj) == 0 &&
	       !json_is_null(json_path(obj, "metadata.deletionTimestamp"));
}

/* 409, as a stock server words it in each case. */
static int exists(struct op *op, struct str name)
{
	struct request *req = op->req;

	status_about(&req->st, req->res, name);
	req->st.retry_after_s = op->has_generate_name ? 1 : 0;
	return status_set(&req->st, ERR_EXISTS, "%s%.*s \"%.*s\" already exists%s",
			  is_being_deleted(op, name) ? "object is being deleted: " : "",
			  STR_ARG(req->res->resource_name), STR_ARG(name),
			  op->has_generate_name
				  ? ", the server was not able to generate a unique name for the "
				    "object"
				  : "");
}

static bool create_lost(struct op *op, size_t failed)
{
	struct str name = object_name(op->object);

	if (failed > 0) /* the namespace has changed, or a claim was taken meanwhile */
		return true;
	if (op->is_generated && op->tries < APISERVER_GENERATE_TRIES)
		return true;
	IGNORE(exists(op, name), "answered by the caller");
	return false;
}

static int validate_create(struct op *op, struct json *obj, struct str name)
{
	struct api_causes causes;

	api_causes_init(&causes, &op->arena);
	api_validate_create(op->req->res->kind, obj, &causes);
	return refuse(op, &causes, name);
}

static int store_new(struct op *op, struct json *obj, struct str name)
{
	struct request *req = op->req;
	struct json *meta = json_get(obj, "metadata");
	uint64_t rev;
	int r;

	if (req->is_dry_run &&
	    cache_get(req->res->cache, server_cache_key(&op->arena, req->res, req->ns, name)))
		return exists(op, name);
	if (!req->is_dry_run &&
	    str_to_u64(json_get_string(meta, "resourceVersion"), 1, INT64_MAX, &rev, NULL) == 0) {
		IGNORE(status_set(&req->st, ERR_INTERNAL,
				  "resourceVersion should not be set on objects to be created"),
		       "returned below");
		req->st.reason = "";
		return ERR_INTERNAL;
	}
	json_remove(meta, "resourceVersion");
	op->lost = create_lost;
	op->http_status = 201;
	if (!req->is_dry_run) {
		r = op_store(op, req->ns, name, obj, 0);
		if (r < 0)
			return r;
		namespace_compare(op);
		if (op->hold)
			op->hold->write(op, obj);
		return op_submit(op);
	}
	return answer_dry(op, req->ns, name, obj, 0);
}

/* From a decoded body on. */
static int create_object(struct op *op, struct json *obj)
{
	struct str name;
	int r = prepare_create(op, obj);

	if (r == 0) {
		ownership_record(op, NULL, obj);
		api_strict_empty_lists(op->req->res->kind, obj);
		r = namespace_admit(op);
	}
	if (r == 0)
		r = node_admit_change(op, NULL, obj);
	if (r == 0)
		r = allot(op, NULL, obj);
	if (r < 0)
		return r;
	name = json_get_string(json_get(obj, "metadata"), "name");
	prepare_create_status(op, obj);
	r = validate_create(op, obj, name);
	if (r < 0)
		return r;
	warn(op, obj, NULL);
	settle(op, NULL, obj);
	return store_new(op, obj, name);
}

int write_create(struct op *op)
{
	struct json *obj;
	int r = body_object(op, &obj);

	return r < 0 ? r : create_object(op, obj);
}

/* Update */

int write_decode(struct op *op, const struct object *o, struct json **ret)
{
	struct err err;
	int r = object_decode_copy(&op->arena, o, o->rev, ret, &err);

	if (r < 0)
		return status_from_err(&op->req->st, r, &err);
	if (op->req->res->from_stored)
		op->req->res->from_stored(&op->arena, *ret);
	if (op->req->res->strategy->decoded)
		op->req->res->strategy->decoded(op, *ret);
	return 0;
}

static bool update_lost(struct op *op, size_t failed)
{
	if (failed > 0 || !op->is_conditional)
		return true;
	IGNORE(status_conflict(
		       &op->req->st, op->req->res, op->req->name,
		       "the object has been modified; please apply your changes to the latest "
		       "version and try again"),
	       "answered by the caller");
	return false;
}

static int validate_update(struct op *op, const struct json *old, struct json *obj)
{
	const struct api_kind *kind = op->req->res->kind;
	struct api_causes causes;

	api_causes_init(&causes, &op->arena);
	if (str_eq_c(op->req->sub, "status"))
		api_validate_status(kind, old, obj, &causes);
	else
		api_validate_update(kind, old, obj, &causes);
	return refuse(op, &causes, op->req->name);
}

/* The write took the last finalizer of an object that is being deleted: it goes. */
static int finish_deletion(struct op *op, struct object *o, const struct json *old,
			   struct json *obj)
{
	struct request *req = op->req;
	struct bytes *value;

	op->hold = NULL;
	if (req->is_dry_run)
		return answer_dry(op, req->ns, req->name, obj, o->rev);
	op->is_end = true;
	op_remove(op, o);
	if (req->res->strategy->plan_delete)
		req->res->strategy->plan_delete(op, old); /* that is what it holds */
	value = object_encode(&op->arena, req->res, obj);
	object_unref(op->object);
	op->object = object_new(object_key(o), value, o->head_len, o->rev, 0);
	bytes_unref(value);
	return op_submit(op);
}

/* Order of members says nothing: the trees decide. Nor do new times of owners alone. `obj` has been
 * stored in op->object and loses its managedFields here. */
static bool is_unchanged(struct op *op, struct object *o, const struct json *old, struct json *obj)
{
	const struct json *owners = json_path(old, "metadata.managedFields");
	struct json *before;

	if (str_eq(bytes_str(op->object->value), bytes_str(o->value)))
		return true;
	if (!api_managed_eq_but_times(owners, json_path(obj, "metadata.managedFields")))
		return false;
	before = json_clone(&op->arena, old);
	json_remove(json_get(before, "metadata"), "resourceVersion");
	json_remove(json_get(before, "metadata"), "managedFields");
	json_remove(json_get(obj, "metadata"), "managedFields");
	return json_eq(before, obj);
}

static int store_changed(struct op *op, struct object *o, const struct json *old, struct json *obj)
{
	struct request *req = op->req;
	int r;

	if (req->is_dry_run)
		return answer_dry(op, req->ns, req->name, obj, o->rev);
	r = op_store(op, req->ns, req->name, obj, o->rev);
	if (r < 0)
		return r;
	if (is_unchanged(op, o, old, obj) && !op->hold) {
		object_unref(op->object);
		op->object = object_ref(o);
		op->done(op, o->rev);
		return OP_ANSWERED;
	}
	if (op->hold)
		op->hold->write(op, obj);
	return op_submit(op);
}

int write_replace(struct op *op, struct object *o, const struct json *old, struct json *obj)
{
	bool is_status = str_eq_c(op->req->sub, "status");
	int r = node_admit_change(op, old, obj);

	if (r < 0)
		return r;
	op->lost = update_lost;
	ownership_record(op, old, obj);
	api_strict_empty_lists(op->req->res->kind, obj);
	prepare_update(op, old, obj);
	if (!is_status)
		r = allot(op, old, obj);
	if (r < 0)
		return r;
	prepare_generation(op, old, obj);
	r = validate_update(op, old, obj);
	if (r < 0)
		return r;
	warn(op, obj, old);
	if (!is_status)
		settle(op, old, obj);
	if (prepare_is_finished(op, obj))
		return finish_deletion(op, o, old, obj);
	return store_changed(op, o, old, obj);
}

static int refuse_uid(struct request *req, struct str uid)
{
	return status_conflict(
		&req->st, req->res, req->name,
		str_printf(req->arena,
			   "uid mismatch: the provided object specified uid %.*s, and no existing "
			   "object was found",
			   STR_ARG(uid))
			.ptr);
}

/* Who makes an object by changing it needs the right to make one. */
static int check_create(struct op *op)
{
	struct request *req = op->req;
	const struct api_kind *kind = req->res->kind;
	const struct access_attrs at = {.verb = STR("create"),
					.is_resource = true,
					.group = str_of(kind->group),
					.version = str_of(kind->version),
					.resource = str_of(kind->plural),
					.ns = req->ns,
					.name = req->name};

	return authorize(op->s, req->user, &at) ? 0
						: authorize_refuse(op->s, req->user, &at, &req->st);
}

static int create_by_update(struct op *op)
{
	struct request *req = op->req;
	struct json *obj;
	struct str uid;
	int r;

	if (req->verb == REQUEST_PATCH && !req->is_apply)
		return status_not_found(&req->st, req->res, req->name);
	r = req->verb == REQUEST_PATCH ? body_applied(op, NULL, &obj) : body_object(op, &obj);
	if (r < 0)
		return r;
	uid = json_get_string(json_get(obj, "metadata"), "uid");
	/* Nothing that is still to be made has one; of an apply it is said first. */
	if (uid.len && req->verb == REQUEST_PATCH)
		return refuse_uid(req, uid);
	r = prepare_name(op, obj);
	if (r == 0)
		r = prepare_namespace(op, obj);
	if (r < 0)
		return r;
	if (req->verb == REQUEST_UPDATE && (req->sub.len || !req->res->kind->can_create_on_update))
		return status_not_found(&req->st, req->res, req->name);
	r = check_create(op);
	if (r < 0)
		return r;
	r = prepare_uid(op, STR(""), uid);
	if (r < 0)
		return r;
	json_remove(json_get(obj, "metadata"), "resourceVersion");
	return create_object(op, obj);
}

/* What the body makes of the object that is there. */
static int wanted(struct op *op, const struct json *old, struct json **ret)
{
	if (op->req->verb == REQUEST_UPDATE)
		return body_object(op, ret);
	return op->req->is_apply ? body_applied(op, old, ret) : body_patched(op, old, ret);
}

int write_update(struct op *op)
{
	struct request *req = op->req;
	struct object *o = cache_get(req->res->cache,
				     server_cache_key(&op->arena, req->res, req->ns, req->name));
	struct json *old, *obj;
	int r;

	if (!o)
		return create_by_update(op);
	op->http_status = 200;
	op->is_applied = false;
	r = write_decode(op, o, &old);
	if (r == 0)
		r = wanted(op, old, &obj);
	if (r == 0)
		r = prepare_identity(op, old, obj, o->rev);
	return r < 0 ? r : write_replace(op, o, old, obj);
}

int write_start(struct request *req)
{
	enum api_patch_kind kind;
	int (*step)(struct op * op) = NULL;
	int r = op_admit(req);

	if (r < 0)
		return r;
	if (req->sub.len && !str_eq_c(req->sub, "status") && !str_eq_c(req->sub, "finalize"))
		return status_set(&req->st, ERR_NOT_FOUND,
				  "the server could not find the requested resource");
	r = req->verb == REQUEST_PATCH && !req->is_apply ? body_patch_kind(req, &kind) : 0;
	if (r < 0)
		return r;
	if (req->verb == REQUEST_CREATE)
		step = write_create;
	else if (req->verb == REQUEST_DELETE)
		step = delete_step;
	else if (req->verb == REQUEST_DELETE_COLLECTION)
		return collection_delete(req);
	else
		step = write_update;
	op_run(op_new(req, step));
	return 0;
}
