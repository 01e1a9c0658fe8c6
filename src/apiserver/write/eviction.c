/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/write/eviction.h"

#include "apiserver/reply.h"
#include "apiserver/write/body.h"
#include "apiserver/write/delete.h"
#include "apiserver/write/prepare.h"
#include "apiserver/write/write.h"

/* Eviction is no kind that is stored, so the schema has only its type. */
static const struct resource *eviction_resource(struct arena *a, const char *version)
{
	struct api_kind *kind = arena_new(a, struct api_kind);
	struct resource *res = arena_new(a, struct resource);

	*kind = (struct api_kind){
		.group = "policy",
		.version = version,
		.kind = "Eviction",
		.plural = "evictions",
		.singular = "eviction",
		.is_namespaced = true,
		.type = api_type_find(STR("io.k8s.api.policy.v1.Eviction")),
	};
	*res = (struct resource){
		.kind = kind,
		.api_version = str_printf(a, "policy/%s", version),
		.resource_name = STR("evictions.policy"),
		.qualified_kind = STR("Eviction.policy"),
	};
	return res;
}

/* Clients older than policy/v1 send the same by another name. */
static int read_eviction(struct op *op, struct json **ret)
{
	struct request *req = op->req;
	const struct resource *pods = req->res;
	struct json *sent;
	bool is_old;
	int r = body_typed(op, "io.k8s.api.policy.v1", "Eviction", &sent);

	if (r < 0)
		return r;
	is_old = str_eq_c(json_get_string(sent, "apiVersion"), "policy/v1beta1");
	req->res = eviction_resource(req->arena, is_old ? "v1beta1" : "v1");
	r = body_object(op, ret);
	if (r == 0)
		r = prepare_namespace(op, *ret);
	req->res = pods;
	if (r == 0 && !str_eq(json_string(json_path(*ret, "metadata.name")), req->name))
		r = status_set(&req->st, ERR_BAD_REQUEST,
			       "name in URL does not match name in Eviction object");
	return r;
}

static void add_condition(struct op *op, struct json *pod)
{
	const struct clock *clock = op->s->clock;
	struct arena *a = &op->arena;
	struct json *status = json_object_at(a, pod, "status"), *list, *c;

	if (!json_is_null(json_path(pod, "metadata.deletionTimestamp")))
		return;
	list = json_get(status, "conditions");
	if (!json_is(list, JSON_ARRAY))
		list = json_set(status, "conditions", json_new(a, JSON_ARRAY));
	json_foreach(n, list)
		if (str_eq_c(json_get_string(n, "type"), "DisruptionTarget"))
			return;
	c = json_append(list, json_new(a, JSON_OBJECT));
	json_set_string(a, c, "type", STR("DisruptionTarget"));
	json_set_string(a, c, "status", STR("True"));
	json_set(c, "lastProbeTime", json_new(a, JSON_NULL));
	json_set_string(a, c, "lastTransitionTime", prepare_timestamp(op, clock->wall_ns(clock)));
	json_set_string(a, c, "reason", STR("EvictionByEvictionAPI"));
	json_set_string(a, c, "message", STR("Eviction API: evicting"));
}

static void done_evicted(struct op *op, uint64_t rev)
{
	struct buf b = BUF_INIT;

	op->req->x->on_close = NULL;
	buf_add_c(&b, "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},"
		      "\"status\":\"Success\",\"code\":201}");
	reply_status(op->req, 201, &b);
}

static int eviction_step(struct op *op)
{
	struct request *req = op->req;
	struct object *o = cache_get(req->res->cache,
				     server_cache_key(&op->arena, req->res, req->ns, req->name));
	struct json *eviction, *pod;
	struct delete_options opts;
	int r = read_eviction(op, &eviction);

	if (r == 0)
		r = delete_options_from(op, json_object_at(&op->arena, eviction, "deleteOptions"),
					&opts);
	if (r < 0)
		return r;
	if (!o)
		return status_not_found(&req->st, req->res, req->name);
	r = write_decode(op, o, &pod);
	if (r < 0)
		return r;
	opts.done = done_evicted;
	add_condition(op, pod);
	return delete_found(op, o, pod, &opts);
}

int eviction_start(struct request *req)
{
	int r = op_admit(req);

	if (r == 0)
		op_run(op_new(req, eviction_step));
	return r;
}
