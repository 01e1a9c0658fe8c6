/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/write/namespace.h"

#include "apiserver/write/strategy.h"

static const struct object *find(struct op *op)
{
	const struct resource *res = server_resource_of(op->s, "Namespace");

	return cache_get(res->cache, op->req->ns);
}

bool namespace_is_terminating(const struct object *o)
{
	struct arena a;
	struct json *obj;
	bool ret = false;

	/* Nearly always the text alone says no. */
	if (!memmem(o->value->data, o->value->len, "\"deletionTimestamp\"",
		    strlen("\"deletionTimestamp\"")))
		return false;
	arena_init(&a, 0);
	if (object_decode(&a, o, 0, &obj, NULL) == 0)
		ret = !json_is_null(json_path(obj, "metadata.deletionTimestamp"));
	arena_fini(&a);
	return ret;
}

int namespace_admit(struct op *op)
{
	struct request *req = op->req;
	const struct object *o;

	if (!req->res->kind->is_namespaced)
		return 0;
	o = find(op);
	if (!o)
		return status_not_found(&req->st, server_resource_of(op->s, "Namespace"), req->ns);
	if (!namespace_is_terminating(o))
		return 0;
	status_about(&req->st, req->res, req->name);
	status_add_cause(
		&req->st, "NamespaceTerminating", STR("metadata.namespace"),
		str_printf(req->arena, "namespace %.*s is being terminated", STR_ARG(req->ns)));
	return status_set(&req->st, ERR_FORBIDDEN,
			  "%.*s \"%.*s\" is forbidden: unable to create new content in namespace "
			  "%.*s because it is being terminated",
			  STR_ARG(req->res->resource_name), STR_ARG(req->name), STR_ARG(req->ns));
}

void namespace_compare(struct op *op)
{
	const struct object *o;

	if (!op->req->res->kind->is_namespaced)
		return;
	o = find(op);
	op_compare(op,
		   server_store_key(&op->arena, server_resource_of(op->s, "Namespace"),
				    (struct str){0}, op->req->ns),
		   o ? o->rev : 0);
}

static int admit_delete(struct op *op)
{
	static const char *const own[] = {"default", "kube-system", "kube-public"};
	struct request *req = op->req;

	for (size_t i = 0; i < ARRAY_LEN(own); i++) {
		if (!str_eq_c(req->name, own[i]))
			continue;
		status_about(&req->st, req->res, req->name);
		return status_set(&req->st, ERR_FORBIDDEN,
				  "namespaces \"%s\" is forbidden: this namespace may not be "
				  "deleted",
				  own[i]);
	}
	return 0;
}

/* spec.finalizers is the namespace's own list: it goes when that is empty. */
static void init(struct op *op, struct json *obj)
{
	struct arena *a = &op->arena;
	struct json *list = json_new(a, JSON_ARRAY);

	json_append(list, json_new_string(a, STR("kubernetes")));
	json_set(json_object_at(a, obj, "spec"), "finalizers", list);
	json_set(json_get(obj, "status"), "phase", json_new_string(a, STR("Active")));
}

/* Only namespaces/NAME/finalize changes them. */
static void keep(struct op *op, const struct json *old, struct json *obj)
{
	struct json *spec = json_object_at(&op->arena, obj, "spec");
	const struct json *list = json_path(old, "spec.finalizers");

	if (op->req->sub.len)
		return;
	if (list)
		json_set(spec, "finalizers", json_clone(&op->arena, list));
	else
		json_remove(spec, "finalizers");
}

/* The first DELETE only marks it, whatever holds it. */
static bool is_held(const struct json *obj)
{
	const struct json *own = json_path(obj, "spec.finalizers");

	return json_is_null(json_path(obj, "metadata.deletionTimestamp")) || (own && own->count);
}

static void marked(struct op *op, struct json *obj)
{
	json_set(json_object_at(&op->arena, obj, "status"), "phase",
		 json_new_string(&op->arena, STR("Terminating")));
}

const struct strategy namespace_strategy = {
	.kind = "Namespace",
	.init = init,
	.keep = keep,
	.admit_delete = admit_delete,
	.is_held = is_held,
	.marked = marked,
};
