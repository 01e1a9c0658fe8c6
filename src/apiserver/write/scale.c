/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/write/scale.h"

#include "api/proto.h"
#include "api/selector.h"
#include "api/table/table.h"
#include "apiserver/reply.h"
#include "apiserver/write/body.h"
#include "apiserver/write/prepare.h"
#include "apiserver/write/write.h"

/* Scale is no kind that is stored, so the schema has only its type. */
static const struct resource *scale_resource(struct arena *a)
{
	static const struct api_column columns[] = {
		{"Name", "string", "", "Name of the object that is scaled.", 0},
		{"Desired", "integer", "", "Pods that are wanted.", 0},
		{"Available", "integer", "", "Pods that there are.", 0},
		{"Age", "string", "", "Time since the object was made.", 0},
	};
	struct api_kind *kind = arena_new(a, struct api_kind);
	struct resource *res = arena_new(a, struct resource);

	*kind = (struct api_kind){
		.group = "autoscaling",
		.version = "v1",
		.kind = "Scale",
		.list_kind = "ScaleList",
		.plural = "scales",
		.singular = "scale",
		.is_namespaced = true,
		.type = api_type_find(STR("io.k8s.api.autoscaling.v1.Scale")),
		.columns = columns,
		.n_columns = ARRAY_LEN(columns),
	};
	*res = (struct resource){
		.kind = kind,
		.api_version = STR("autoscaling/v1"),
		.resource_name = STR("scales.autoscaling"),
		.qualified_kind = STR("Scale.autoscaling"),
	};
	return res;
}

static void copy(struct arena *a, struct json *to, const char *as, const struct json *from,
		 const char *key)
{
	const struct json *n = json_get(from, key);

	if (n)
		json_set(to, as, json_clone(a, n));
}

static struct str selector_text(struct arena *a, const struct json *selector)
{
	struct api_label_selector s;
	struct buf b = BUF_INIT;
	struct str ret;

	if (json_is(selector, JSON_OBJECT) &&
	    api_label_selector_from_json(a, selector, &s, NULL) == 0)
		api_label_selector_write(&b, &s);
	ret = str_dup(a, buf_str(&b));
	buf_fini(&b);
	return ret;
}

static struct json *scale_of(struct arena *a, const struct json *obj)
{
	static const char *const shown[] = {"name", "namespace", "uid", "resourceVersion",
					    "creationTimestamp"};
	const struct json *from = json_get(obj, "metadata"), *spec = json_get(obj, "spec");
	struct json *scale = json_new(a, JSON_OBJECT), *meta, *wants, *has;
	int64_t wanted = json_get_int(spec, "replicas", 0);
	struct str selector = selector_text(a, json_get(spec, "selector"));

	json_set(scale, "kind", json_new_string(a, STR("Scale")));
	json_set(scale, "apiVersion", json_new_string(a, STR("autoscaling/v1")));
	meta = json_set(scale, "metadata", json_new(a, JSON_OBJECT));
	for (size_t i = 0; i < ARRAY_LEN(shown); i++)
		copy(a, meta, shown[i], from, shown[i]);
	wants = json_set(scale, "spec", json_new(a, JSON_OBJECT));
	if (wanted)
		json_set(wants, "replicas", json_new_int(a, wanted));
	has = json_set(scale, "status", json_new(a, JSON_OBJECT));
	json_set(has, "replicas",
		 json_new_int(a, json_get_int(json_get(obj, "status"), "replicas", 0)));
	if (selector.len)
		json_set(has, "selector", json_new_string(a, selector));
	return scale;
}

static void reply_table(struct request *req, struct arena *a, const struct resource *res,
			struct json *scale, struct buf *b)
{
	const struct clock *clock = req->s->clock;
	struct api_table_opts opts = {.include = req->include,
				      .has_columns = true,
				      .is_beta = req->is_beta,
				      .now_ns = clock->wall_ns(clock)};
	struct json *meta = json_new(a, JSON_OBJECT);
	struct api_table t;

	copy(a, meta, "resourceVersion", json_get(scale, "metadata"), "resourceVersion");
	api_table_init(&t, a, res->kind, meta, &opts);
	api_table_add(&t, scale);
	json_write(b, t.tree);
}

static void reply_scale(struct request *req, struct arena *a, const struct json *obj)
{
	const struct resource *res = scale_resource(a);
	struct json *scale = scale_of(a, obj);
	struct buf b = BUF_INIT;

	if (req->format == REQUEST_TABLE)
		reply_table(req, a, res, scale, &b);
	else if (req->format == REQUEST_PROTO)
		api_proto_write(&b, res->api_version, STR("Scale"), res->kind->type, scale);
	else
		json_write(&b, req->format == REQUEST_METADATA
				       ? api_partial_metadata(a, scale, req->is_beta)
				       : scale);
	reply_buf(req, 200, &b);
}

static int scale_get(struct request *req)
{
	struct object *o = cache_get(req->res->cache,
				     server_cache_key(req->arena, req->res, req->ns, req->name));
	struct json *obj;
	struct err err;
	int r;

	if (!o)
		return status_not_found(&req->st, req->res, req->name);
	r = object_decode_copy(req->arena, o, o->rev, &obj, &err);
	if (r < 0)
		return status_from_err(&req->st, r, &err);
	reply_scale(req, req->arena, obj);
	return 0;
}

static void done_scaled(struct op *op, uint64_t rev)
{
	struct json *obj;

	op->req->x->on_close = NULL;
	if (object_decode_copy(&op->arena, op->object, rev, &obj, NULL) < 0)
		obj = json_new(&op->arena, JSON_OBJECT);
	reply_scale(op->req, &op->arena, obj);
}

/* The Scale that the body says, or makes of the one there is. */
static int scale_wanted(struct op *op, const struct json *old, struct json **ret)
{
	struct request *req = op->req;
	const struct resource *res = req->res;
	const struct resource *scale = scale_resource(&op->arena);
	struct api_path spec = api_path("spec"), p = api_path_child(&spec, "replicas");
	struct api_causes causes;
	int64_t replicas;
	int r;

	/* The body is a Scale, whatever the path names. */
	req->res = scale;
	r = req->verb == REQUEST_PATCH ? body_patched(op, scale_of(&op->arena, old), ret)
				       : body_object(op, ret);
	req->res = res;
	if (r < 0)
		return r;
	api_causes_init(&causes, &op->arena);
	replicas = json_get_int(json_get(*ret, "spec"), "replicas", 0);
	if (replicas < 0)
		api_causes_invalid_int(&causes, &p, replicas, "must be greater than or equal to 0");
	return causes.n ? status_from_causes(&req->st, scale, req->name, &causes) : 0;
}

static int scale_step(struct op *op)
{
	static const char *const identity[] = {"name", "namespace", "uid", "resourceVersion"};
	struct request *req = op->req;
	struct object *o = cache_get(req->res->cache,
				     server_cache_key(&op->arena, req->res, req->ns, req->name));
	struct json *old, *obj, *scale, *meta;
	int r;

	if (!o)
		return status_not_found(&req->st, req->res, req->name);
	r = write_decode(op, o, &old);
	if (r == 0)
		r = scale_wanted(op, old, &scale);
	if (r < 0)
		return r;
	obj = json_clone(&op->arena, old);
	meta = json_object_at(&op->arena, obj, "metadata");
	json_remove(meta, "resourceVersion");
	for (size_t i = 0; i < ARRAY_LEN(identity); i++)
		copy(&op->arena, meta, identity[i], json_get(scale, "metadata"), identity[i]);
	json_set(json_object_at(&op->arena, obj, "spec"), "replicas",
		 json_new_int(&op->arena, json_get_int(json_get(scale, "spec"), "replicas", 0)));
	r = prepare_identity(op, old, obj, o->rev);
	if (r < 0)
		return r;
	op->http_status = 200;
	op->done = done_scaled;
	return write_replace(op, o, old, obj);
}

int scale_handle(struct request *req)
{
	int r;

	if (req->verb == REQUEST_GET)
		return scale_get(req);
	r = op_admit(req);
	if (r == 0)
		op_run(op_new(req, scale_step));
	return r;
}
