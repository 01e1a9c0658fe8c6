/* SPDX-License-Identifier: Apache-2.0 */
#include "api/openapi/openapi-internal.h"

struct openapi_param {
	const char *name, *type, *description;
};

static const struct openapi_param openapi_list_params[] = {
	{"allowWatchBookmarks", "boolean", "Whether a watch sends bookmarks."},
	{"continue", "string", "Where to go on: from the answer before."},
	{"fieldSelector", "string", "Only objects with these field values."},
	{"labelSelector", "string", "Only objects with these labels."},
	{"limit", "integer", "How many objects at once."},
	{"resourceVersion", "string", "At which version, or after which."},
	{"resourceVersionMatch", "string", "NotOlderThan or Exact."},
	{"sendInitialEvents", "boolean", "Whether a watch begins with what is there."},
	{"timeoutSeconds", "integer", "When to end the call."},
	{"watch", "boolean", "Send changes instead of a list."},
};

static const struct openapi_param openapi_write_params[] = {
	{"dryRun", "string", "All: change nothing, only answer."},
	{"fieldManager", "string", "Who makes the change."},
	{"fieldValidation", "string",
	 "What to do about unknown and duplicate fields: Ignore, Warn or Strict."},
	{"force", "boolean", "Take over fields of other managers; for apply only."},
};

static const struct openapi_param openapi_delete_params[] = {
	{"dryRun", "string", "All: change nothing, only answer."},
	{"gracePeriodSeconds", "integer", "How long the object may take to end."},
	{"propagationPolicy", "string",
	 "Orphan, Background or Foreground: what becomes of dependents."},
};

static const char *const openapi_json_types[] = {"application/json", NULL};
static const char *const openapi_patch_types[] = {
	"application/json-patch+json", "application/merge-patch+json",
	"application/strategic-merge-patch+json", "application/apply-patch+yaml", NULL};

static const struct openapi_op {
	const char *method, *action;
	unsigned verb;
	bool is_item, has_body, has_status; /* has_status: the answer is a Status */
	const struct openapi_param *params;
	size_t n_params;
} openapi_ops[] = {
	{"get", "list", API_VERB_LIST, false, false, false, openapi_list_params,
	 ARRAY_LEN(openapi_list_params)},
	{"post", "post", API_VERB_CREATE, false, true, false, openapi_write_params, 3},
	{"delete", "deletecollection", API_VERB_DELETE_COLLECTION, false, false, true,
	 openapi_list_params, ARRAY_LEN(openapi_list_params)},
	{"get", "get", API_VERB_GET, true, false, false, NULL, 0},
	{"put", "put", API_VERB_UPDATE, true, true, false, openapi_write_params, 3},
	{"patch", "patch", API_VERB_PATCH, true, true, false, openapi_write_params, 4},
	{"delete", "delete", API_VERB_DELETE, true, false, true, openapi_delete_params,
	 ARRAY_LEN(openapi_delete_params)},
};

static struct json *openapi_text(struct openapi_doc *d, const char *s)
{
	return json_new_string(d->a, str_of(s));
}

static struct json *openapi_param(struct openapi_doc *d, const char *in,
				  const struct openapi_param *p)
{
	struct json *n = json_new(d->a, JSON_OBJECT), *typed = n;

	json_set(n, "name", openapi_text(d, p->name));
	json_set(n, "in", openapi_text(d, in));
	json_set(n, "description", openapi_text(d, p->description));
	if (strcmp(in, "path") == 0)
		json_set(n, "required", json_new_bool(d->a, true));
	if (!d->is_v2)
		typed = json_set(n, "schema", json_new(d->a, JSON_OBJECT));
	json_set(typed, "type", openapi_text(d, p->type));
	json_set(typed, "uniqueItems", json_new_bool(d->a, true));
	return n;
}

/* {"application/json": {"schema": …}, …} */
static struct json *openapi_content(struct openapi_doc *d, const char *const *types,
				    const struct json *schema)
{
	struct json *n = json_new(d->a, JSON_OBJECT);

	for (; *types; types++) {
		struct json *type = json_set(n, *types, json_new(d->a, JSON_OBJECT));

		json_set(type, "schema", json_clone(d->a, schema));
	}
	return n;
}

static struct json *openapi_strings(struct openapi_doc *d, const char *const *strings)
{
	struct json *n = json_new(d->a, JSON_ARRAY);

	for (; *strings; strings++)
		json_append(n, openapi_text(d, *strings));
	return n;
}

static void openapi_add_body(struct openapi_doc *d, struct json *op, const char *const *types,
			     struct json *schema)
{
	struct json *n = json_new(d->a, JSON_OBJECT);

	if (d->is_v2) {
		json_set(n, "name", openapi_text(d, "body"));
		json_set(n, "in", openapi_text(d, "body"));
		json_set(n, "required", json_new_bool(d->a, true));
		json_set(n, "schema", schema);
		json_append(json_get(op, "parameters"), n);
		json_set(op, "consumes", openapi_strings(d, types));
		return;
	}
	json_set(n, "content", openapi_content(d, types, schema));
	json_set(n, "required", json_new_bool(d->a, true));
	json_set(op, "requestBody", n);
}

static void openapi_add_response(struct openapi_doc *d, struct json *op, struct json *schema)
{
	struct json *responses = json_set(op, "responses", json_new(d->a, JSON_OBJECT));
	struct json *ok = json_set(responses, "200", json_new(d->a, JSON_OBJECT));

	json_set(ok, "description", openapi_text(d, "OK"));
	if (d->is_v2) {
		json_set(ok, "schema", schema);
		json_set(op, "produces", openapi_strings(d, openapi_json_types));
	} else {
		json_set(ok, "content", openapi_content(d, openapi_json_types, schema));
	}
}

static struct json *openapi_op(struct openapi_doc *d, const struct api_kind *k, const char *sub,
			       const struct openapi_op *spec)
{
	struct json *n = json_new(d->a, JSON_OBJECT);
	struct json *params = json_set(n, "parameters", json_new(d->a, JSON_ARRAY));
	bool is_patch = spec->verb == API_VERB_PATCH;
	const char *type = spec->has_status ? API_OPENAPI_META "Status"
			   : spec->verb == API_VERB_LIST
				   ? str_printf(d->a, "%sList", k->type->name).ptr
				   : k->type->name;

	json_set(n, "operationId",
		 json_new_string(d->a, str_printf(d->a, "%s_%s%s%s", spec->action, k->plural,
						  *sub ? "_" : "", sub)));
	for (size_t i = 0; i < spec->n_params; i++)
		json_append(params, openapi_param(d, "query", &spec->params[i]));
	if (spec->has_body)
		openapi_add_body(
			d, n, is_patch ? openapi_patch_types : openapi_json_types,
			api_openapi_ref(d, is_patch ? API_OPENAPI_META "Patch" : k->type->name));
	openapi_add_response(d, n, api_openapi_ref(d, type));
	json_set(n, "x-kubernetes-action", openapi_text(d, spec->action));
	json_set(n, "x-kubernetes-group-version-kind",
		 api_openapi_gvk(d, k->group, k->version, str_of(k->kind)));
	return n;
}

static void openapi_add_path(struct openapi_doc *d, struct json *paths, const struct api_kind *k,
			     const char *sub, bool is_item, unsigned verbs, bool with_ns)
{
	static const struct openapi_param name = {"name", "string", "Name of the object."};
	static const struct openapi_param ns = {"namespace", "string", "Namespace of the object."};
	struct str path = api_kind_path(d->a, k, with_ns ? STR("{namespace}") : (struct str){0},
					is_item ? STR("{name}") : (struct str){0});
	struct json *item = json_new(d->a, JSON_OBJECT), *params = json_new(d->a, JSON_ARRAY);

	for (size_t i = 0; i < ARRAY_LEN(openapi_ops); i++) {
		const struct openapi_op *op = &openapi_ops[i];

		if (op->is_item == is_item && (verbs & op->verb))
			json_set(item, op->method, openapi_op(d, k, sub, op));
	}
	if (is_item)
		json_append(params, openapi_param(d, "path", &name));
	if (with_ns)
		json_append(params, openapi_param(d, "path", &ns));
	if (params->first)
		json_set(item, "parameters", params);
	if (*sub)
		path = str_printf(d->a, "%.*s/%s", STR_ARG(path), sub);
	json_set_str(paths, path, item);
}

void api_openapi_add_paths(struct openapi_doc *d, struct json *paths, const struct api_kind *k)
{
	openapi_add_path(d, paths, k, "", false, k->verbs, k->is_namespaced);
	if (k->is_namespaced)
		openapi_add_path(d, paths, k, "", false, API_VERB_LIST, false);
	openapi_add_path(d, paths, k, "", true, k->verbs, k->is_namespaced);
	for (size_t i = 0; i < k->n_subresources; i++) {
		const struct api_subresource *s = &k->subresources[i];

		if (strcmp(s->kind, k->kind) == 0) /* others are no objects of the schema */
			openapi_add_path(d, paths, k, s->name, true, s->verbs, k->is_namespaced);
	}
}
