/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/write/delete.h"

#include "api/kind.h"
#include "api/strict.h"
#include "apiserver/reply.h"
#include "apiserver/write/body.h"
#include "apiserver/write/node_admit.h"
#include "apiserver/write/prepare.h"
#include "apiserver/write/strategy.h"
#include "apiserver/write/write.h"

static int check_propagation(struct request *req, const struct delete_options *o, bool has_orphan)
{
	struct buf b = BUF_INIT;
	int r = 0;

	if (!str_is_set(o->propagation))
		return 0;
	if (has_orphan)
		r = status_invalid_options(
			&req->st, "DeleteOptions", "FieldValueInvalid", "propagationPolicy",
			str_printf(req->arena,
				   "Invalid value: \"%.*s\": orphanDependents and "
				   "deletionPropagation cannot be both set",
				   STR_ARG(o->propagation)));
	if (str_eq_c(o->propagation, "Background") || str_eq_c(o->propagation, "Foreground") ||
	    str_eq_c(o->propagation, "Orphan"))
		return r;
	buf_add_c(&b, "Unsupported value: ");
	json_write_string(&b, o->propagation);
	buf_add_c(&b, ": supported values: \"Foreground\", \"Background\", \"Orphan\", \"nil\"");
	r = status_invalid_options(&req->st, "DeleteOptions", "FieldValueNotSupported",
				   "propagationPolicy", str_dup(req->arena, buf_str(&b)));
	buf_fini(&b);
	return r;
}

static int check_dry_run(struct request *req, const struct json *body)
{
	const struct json *list = json_get(body, "dryRun");
	struct buf b = BUF_INIT;
	int r = 0;

	if (!json_is(list, JSON_ARRAY))
		return 0;
	req->is_dry_run = req->is_dry_run || list->count > 0;
	json_foreach(n, list)
		if (r == 0 && !str_eq_c(json_string(n), "All"))
			r = ERR_INVALID;
	if (r < 0) {
		buf_add_c(&b, "Unsupported value: ");
		json_write(&b, list);
		buf_add_c(&b, ": supported values: \"All\"");
		r = status_invalid_options(&req->st, "DeleteOptions", "FieldValueNotSupported",
					   "dryRun", str_dup(req->arena, buf_str(&b)));
	}
	buf_fini(&b);
	return r;
}

static int check_kind(struct request *req, const struct json *body)
{
	struct str kind = json_get_string(body, "kind");

	if (!kind.len || str_eq_c(kind, "DeleteOptions"))
		return 0;
	return status_set(&req->st, ERR_BAD_REQUEST,
			  "%.*s in the body: a DELETE takes DeleteOptions", STR_ARG(kind));
}

static int settle(struct op *op, const struct json *body, struct delete_options *ret,
		  bool has_orphan, bool is_orphaned)
{
	int dry, r = check_propagation(op->req, ret, has_orphan);

	if (has_orphan && !str_is_set(ret->propagation))
		ret->propagation = is_orphaned ? STR("Orphan") : STR("Background");
	ret->wants_end = has_orphan && !is_orphaned;
	dry = check_dry_run(op->req, body);
	return r < 0 ? r : dry;
}

/* Less than nothing is the least there is, short of "at once". */
static int64_t not_negative(int64_t grace_s)
{
	return grace_s < 0 ? 1 : grace_s;
}

int delete_options_from(struct op *op, struct json *options, struct delete_options *ret)
{
	const struct json *pre = json_get(options, "preconditions");
	int r = check_kind(op->req, options);

	if (r < 0)
		return r;
	*ret = (struct delete_options){
		.grace_s = -1,
		.uid = json_get_string(pre, "uid"),
		.rev = json_get_string(pre, "resourceVersion"),
		.propagation = json_get_string(options, "propagationPolicy"),
	};
	if (!json_is_null(json_get(options, "gracePeriodSeconds")))
		ret->grace_s = not_negative(json_get_int(options, "gracePeriodSeconds", 0));
	return settle(op, options, ret, !json_is_null(json_get(options, "orphanDependents")),
		      json_get_bool(options, "orphanDependents", false));
}

static int options_from_query(struct op *op, const struct json *body, struct delete_options *ret)
{
	struct request *req = op->req;
	struct str query = req->x->req.query;
	struct str grace = http_query(req->arena, query, "gracePeriodSeconds", 0);
	struct str orphan = http_query(req->arena, query, "orphanDependents", 0);

	*ret = (struct delete_options){
		.grace_s = -1,
		.propagation = http_query(req->arena, query, "propagationPolicy", 0),
	};
	if (grace.len && str_to_i64(grace, INT64_MIN, INT64_MAX, &ret->grace_s, NULL) < 0)
		return status_set(&req->st, ERR_BAD_REQUEST,
				  "gracePeriodSeconds: '%.*s' must be a number of seconds, of 64 "
				  "bits",
				  STR_ARG(grace));
	if (grace.len)
		ret->grace_s = not_negative(ret->grace_s);
	return settle(op, body, ret, str_is_set(orphan),
		      !str_eq_c(orphan, "false") && !str_eq_c(orphan, "0"));
}

int delete_options_read(struct op *op, struct delete_options *ret)
{
	struct json *body;
	int r = body_typed(op, "io.k8s.apimachinery.pkg.apis.meta.v1", "DeleteOptions", &body);

	if (r < 0)
		return r;
	return body->count ? delete_options_from(op, body, ret) : options_from_query(op, body, ret);
}

/* Of all conflicts this one names the kind, not the resource. */
static int precondition_failed(struct op *op, struct str name, struct str why)
{
	struct status *st = &op->req->st;
	const struct resource *res = op->req->res;

	status_about(st, res, name);
	st->kind = str_of(res->kind->kind);
	return status_set(st, ERR_CONFLICT, "Operation cannot be fulfilled on %.*s \"%.*s\": %.*s",
			  STR_ARG(res->qualified_kind), STR_ARG(name), STR_ARG(why));
}

static int check_preconditions(struct op *op, const struct object *o, const struct json *obj,
			       const struct delete_options *opts)
{
	struct request *req = op->req;
	struct str uid = json_get_string(json_get(obj, "metadata"), "uid");
	uint64_t rev = 0;

	if (str_is_set(opts->uid) && !str_eq(opts->uid, uid))
		return precondition_failed(
			op, object_name(o),
			str_printf(req->arena,
				   "the UID in the precondition (%.*s) does not match the UID in "
				   "record (%.*s). The object might have been deleted and then "
				   "recreated",
				   STR_ARG(opts->uid), STR_ARG(uid)));
	if (str_is_set(opts->rev) &&
	    (str_to_u64(opts->rev, 0, INT64_MAX, &rev, NULL) < 0 || rev != o->rev))
		return precondition_failed(
			op, object_name(o),
			str_printf(req->arena,
				   "the ResourceVersion in the precondition (%.*s) does not match "
				   "the ResourceVersion in record (%llu). The object might have "
				   "been modified",
				   STR_ARG(opts->rev), (unsigned long long)o->rev));
	return 0;
}

static void set_finalizer(struct op *op, struct json *meta, const char *name, bool is_wanted)
{
	struct json *list = json_get(meta, "finalizers");

	if (!json_is(list, JSON_ARRAY)) {
		list = json_new(&op->arena, JSON_ARRAY);
		json_set(meta, "finalizers", list);
	}
	json_foreach(n, list) {
		if (!str_eq_c(json_string(n), name))
			continue;
		if (is_wanted)
			return;
		json_unlink(list, n);
	}
	if (is_wanted)
		json_append(list, json_new_string(&op->arena, str_of(name)));
	if (!list->count)
		json_remove(meta, "finalizers");
}

/* Whether it is only marked for now; *ret_grace_s: how long it may take. */
static bool is_held(struct op *op, struct json *obj, const struct delete_options *opts,
		    int64_t *ret_grace_s)
{
	const struct strategy *strategy = op->req->res->strategy;
	struct json *meta = json_get(obj, "metadata");
	const struct json *finalizers;

	*ret_grace_s = strategy->grace_s ? strategy->grace_s(obj, opts->grace_s) : 0;
	/* A policy that is given decides alone which of the garbage collector's finalizers stay. */
	if (str_is_set(opts->propagation)) {
		set_finalizer(op, meta, "orphan", str_eq_c(opts->propagation, "Orphan"));
		set_finalizer(op, meta, "foregroundDeletion",
			      str_eq_c(opts->propagation, "Foreground"));
	}
	finalizers = json_get(meta, "finalizers");
	return *ret_grace_s > 0 || (finalizers && finalizers->count) ||
	       (strategy->is_held && strategy->is_held(obj));
}

/* When it is to be over: at the end of what a clock of 64 bits can tell, in the year 2262, if that
 * is sooner. */
static int64_t end_of(int64_t now_ns, int64_t grace_s)
{
	int64_t ns;

	if (__builtin_mul_overflow(grace_s, (int64_t)1000000000, &ns) ||
	    __builtin_add_overflow(now_ns, ns, &ns))
		return INT64_MAX;
	return ns;
}

static void mark(struct op *op, struct json *obj, int64_t grace_s)
{
	struct json *meta = json_get(obj, "metadata");
	const struct clock *clock = op->s->clock;
	bool is_marked = !json_is_null(json_get(meta, "deletionTimestamp"));

	/* A second DELETE may only shorten the time. */
	if (is_marked && json_get_int(meta, "deletionGracePeriodSeconds", 0) <= grace_s)
		return;
	json_set(meta, "deletionTimestamp",
		 json_new_string(&op->arena,
				 prepare_timestamp(op, end_of(clock->wall_ns(clock), grace_s))));
	json_set(meta, "deletionGracePeriodSeconds", json_new_int(&op->arena, grace_s));
	if (!is_marked && json_get_int(meta, "generation", 0) > 0)
		json_set(meta, "generation",
			 json_new_int(&op->arena, json_get_int(meta, "generation", 0) + 1));
	if (op->req->res->strategy->marked)
		op->req->res->strategy->marked(op, obj);
}

/* Some kinds answer with the object, the others with a Status. */
static void done_deleted(struct op *op, uint64_t rev)
{
	struct arena *a = &op->arena;
	struct buf b = BUF_INIT;
	struct json *obj;

	if (op->req->res->strategy->answers_object) {
		op_done_object(op, rev);
		return;
	}
	op->req->x->on_close = NULL;
	if (object_decode(a, op->object, 0, &obj, NULL) < 0)
		obj = json_new(a, JSON_OBJECT);
	status_write_success(&b, op->req->res, object_name(op->object),
			     json_get_string(json_get(obj, "metadata"), "uid"));
	reply_status(op->req, 200, &b);
}

static bool delete_lost(struct op *op, size_t failed)
{
	return true; /* preconditions are looked at again */
}

/* What could have had a grace shows in the answer that it has none. */
static void show_marked(struct op *op, const struct object *o, struct json *obj)
{
	struct bytes *value;

	mark(op, obj, 0);
	value = object_encode(&op->arena, op->req->res, obj);
	object_unref(op->object);
	op->object = object_new(object_key(o), value, o->head_len, o->rev, 0);
	bytes_unref(value);
}

/* Marks or removes `o`. */
static int delete_object(struct op *op, struct object *o, struct json *obj,
			 const struct delete_options *opts)
{
	struct request *req = op->req;
	int64_t grace_s;
	int r;

	op->lost = delete_lost;
	op->done = opts->done ? opts->done : op_done_object;
	if (is_held(op, obj, opts, &grace_s)) {
		mark(op, obj, grace_s);
		if (opts->wants_end)
			op->http_status = 202;
		r = op_store(op, req->ns, req->name, obj, o->rev);
		if (r < 0)
			return r;
		if (req->is_dry_run || str_eq(bytes_str(op->object->value), bytes_str(o->value))) {
			if (!op->ended)
				op->done(op, o->rev);
			return OP_ANSWERED;
		}
		return op_submit(op);
	}
	op->done = opts->done ? opts->done : done_deleted;
	op_remove(op, o);
	if (req->res->strategy->grace_s)
		show_marked(op, o, obj);
	if (req->res->strategy->plan_delete)
		req->res->strategy->plan_delete(op, obj);
	if (!req->is_dry_run)
		return op_submit(op);
	op->hold = NULL;
	if (!op->ended)
		op->done(op, o->rev);
	return OP_ANSWERED;
}

int delete_found(struct op *op, struct object *o, struct json *obj,
		 const struct delete_options *opts)
{
	int r = check_preconditions(op, o, obj, opts);

	if (r == 0)
		r = node_admit_change(op, obj, NULL);
	return r < 0 ? r : delete_object(op, o, obj, opts);
}

int delete_step(struct op *op)
{
	struct request *req = op->req;
	struct object *o = cache_get(req->res->cache,
				     server_cache_key(&op->arena, req->res, req->ns, req->name));
	struct delete_options opts;
	struct json *obj;
	int r = 0;

	if (op->delete_options)
		opts = *op->delete_options;
	else
		r = delete_options_read(op, &opts);
	if (r < 0)
		return r;
	if (!o)
		return status_not_found(&req->st, req->res, req->name);
	if (req->res->strategy->admit_delete)
		r = req->res->strategy->admit_delete(op);
	if (r == 0)
		r = write_decode(op, o, &obj);
	return r < 0 ? r : delete_found(op, o, obj, &opts);
}
