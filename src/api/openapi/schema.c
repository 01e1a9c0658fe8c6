/* SPDX-License-Identifier: Apache-2.0 */
#include "api/openapi/openapi-internal.h"

#include "api/schema.h"

/* Values that have a schema of their own, by name. */
static const struct openapi_plain {
	const char *name, *v2, *v3; /* v3 NULL: the same */
} openapi_plain[] = {
	[API_INT_OR_STRING] = {"io.k8s.apimachinery.pkg.util.intstr.IntOrString",
			       "{\"type\":\"string\",\"format\":\"int-or-string\","
			       "\"description\":\"A number or a name.\"}",
			       "{\"oneOf\":[{\"type\":\"integer\"},{\"type\":\"string\"}],"
			       "\"format\":\"int-or-string\","
			       "\"description\":\"A number or a name.\"}"},
	[API_QUANTITY] = {"io.k8s.apimachinery.pkg.api.resource.Quantity",
			  "{\"type\":\"string\",\"description\":\"A number with a suffix: 500m, "
			  "1.5Gi, 2e3.\"}",
			  "{\"oneOf\":[{\"type\":\"string\"},{\"type\":\"number\"}],"
			  "\"description\":\"A number with a suffix: 500m, 1.5Gi, 2e3.\"}"},
	[API_TIME] = {API_OPENAPI_META "Time",
		      "{\"type\":\"string\",\"format\":\"date-time\",\"description\":\"A time "
		      "(RFC 3339) in seconds.\"}",
		      NULL},
	[API_MICRO_TIME] = {API_OPENAPI_META "MicroTime",
			    "{\"type\":\"string\",\"format\":\"date-time\",\"description\":\"A "
			    "time (RFC 3339) in microseconds.\"}",
			    NULL},
};

/* The one value of any JSON that has a name. */
static const struct openapi_plain openapi_fields_v1 = {
	API_OPENAPI_META "FieldsV1",
	"{\"type\":\"object\",\"description\":\"A set of fields, as a tree of their names.\"}",
	NULL};

static struct json *openapi_string(struct openapi_doc *d, const char *s)
{
	return json_new_string(d->a, str_of(s));
}

static struct json *openapi_parse(struct openapi_doc *d, const char *text)
{
	struct json *n;

	/* Only texts of ours come here: of the table above and the schema's tested defaults. */
	if (json_parse(d->a, str_of(text), JSON_BORROW, &n, NULL) < 0)
		return json_new(d->a, JSON_NULL);
	return n;
}

/* What the fields refer to; an inlined type is not referred to, its members are. */
static void openapi_need_below(struct openapi_doc *d, const struct api_type *type)
{
	for (size_t i = 0; i < type->n_fields; i++) {
		const struct api_field *f = &type->fields[i];

		if (f->flags & API_FIELD_INLINE)
			openapi_need_below(d, f->type);
		else if (f->type)
			api_openapi_need(d, f->type);
	}
}

void api_openapi_need(struct openapi_doc *d, const struct api_type *type)
{
	if (map_get(&d->types, str_of(type->name)))
		return;
	map_put(&d->types, str_of(type->name), (void *)(uintptr_t)type);
	openapi_need_below(d, type);
}

struct json *api_openapi_ref(struct openapi_doc *d, const char *name)
{
	struct json *n = json_new(d->a, JSON_OBJECT);

	json_set(n, "$ref",
		 json_new_string(d->a, str_printf(d->a, "#/%s/%s",
						  d->is_v2 ? "definitions" : "components/schemas",
						  name)));
	return n;
}

struct json *api_openapi_gvk(struct openapi_doc *d, const char *group, const char *version,
			     struct str kind)
{
	struct json *n = json_new(d->a, JSON_OBJECT);

	json_set(n, "group", openapi_string(d, group));
	json_set(n, "kind", json_new_string(d->a, kind));
	json_set(n, "version", openapi_string(d, version));
	return n;
}

/* The schema of one value of the field: what stands in a list or map, too. */
static struct json *openapi_value(struct openapi_doc *d, const struct api_field *f)
{
	static const struct {
		const char *type, *format;
	} scalars[] = {
		[API_STRING] = {"string", NULL},    [API_INT32] = {"integer", "int32"},
		[API_INT64] = {"integer", "int64"}, [API_DOUBLE] = {"number", "double"},
		[API_BOOL] = {"boolean", NULL},     [API_BYTES] = {"string", "byte"},
		[API_RAW] = {"object", NULL},
	};
	struct json *n;

	if (f->value == API_OBJECT)
		return api_openapi_ref(d, f->type->name);
	if (f->value == API_RAW && str_eq_c(str_of(f->name), "fieldsV1"))
		return api_openapi_ref(d, openapi_fields_v1.name);
	if (f->value < ARRAY_LEN(openapi_plain) && openapi_plain[f->value].name)
		return api_openapi_ref(d, openapi_plain[f->value].name);
	n = json_new(d->a, JSON_OBJECT);
	json_set(n, "type", openapi_string(d, scalars[f->value].type));
	if (scalars[f->value].format)
		json_set(n, "format", openapi_string(d, scalars[f->value].format));
	if (f->enums && !d->is_v2) {
		struct json *list = json_set(n, "enum", json_new(d->a, JSON_ARRAY));

		for (size_t i = 0; f->enums[i]; i++)
			json_append(list, openapi_string(d, f->enums[i]));
	}
	return n;
}

/* What Kubernetes' clients need to know of a list or map. */
static void openapi_add_extensions(struct openapi_doc *d, const struct api_field *f, struct json *n)
{
	static const char *const list_types[] = {NULL, "atomic", "set", "map"};
	bool is_merged = f->flags & API_FIELD_MERGE, retains = f->flags & API_FIELD_RETAIN_KEYS;

	if (f->list_type != API_LIST_UNSET)
		json_set(n,
			 f->shape == API_LIST ? "x-kubernetes-list-type" : "x-kubernetes-map-type",
			 openapi_string(d, list_types[f->list_type]));
	if (f->map_keys) {
		struct json *keys =
			json_set(n, "x-kubernetes-list-map-keys", json_new(d->a, JSON_ARRAY));

		for (size_t i = 0; f->map_keys[i]; i++)
			json_append(keys, openapi_string(d, f->map_keys[i]));
	}
	if (f->merge_key)
		json_set(n, "x-kubernetes-patch-merge-key", openapi_string(d, f->merge_key));
	if (is_merged || retains)
		json_set(n, "x-kubernetes-patch-strategy",
			 openapi_string(d, !retains    ? "merge"
					   : is_merged ? "merge,retainKeys"
						       : "retainKeys"));
}

static struct json *openapi_property(struct openapi_doc *d, const struct api_field *f)
{
	struct json *n = openapi_value(d, f), *outer;

	if (f->shape != API_ONE) {
		outer = json_new(d->a, JSON_OBJECT);
		json_set(outer, "type",
			 openapi_string(d, f->shape == API_LIST ? "array" : "object"));
		json_set(outer, f->shape == API_LIST ? "items" : "additionalProperties", n);
		n = outer;
	} else if (!d->is_v2 && json_get(n, "$ref") && (*f->description || f->default_json)) {
		/* 3.0 allows nothing beside a reference. */
		outer = json_new(d->a, JSON_OBJECT);
		json_append(json_set(outer, "allOf", json_new(d->a, JSON_ARRAY)), n);
		n = outer;
	}
	if (*f->description)
		json_set(n, "description", openapi_string(d, f->description));
	if (f->default_json)
		json_set(n, "default", openapi_parse(d, f->default_json));
	openapi_add_extensions(d, f, n);
	return n;
}

/* Members of inlined types stand among the type's own. */
static void openapi_add_fields(struct openapi_doc *d, const struct api_type *type,
			       struct json *properties, struct json *required)
{
	for (size_t i = 0; i < type->n_fields; i++) {
		const struct api_field *f = &type->fields[i];

		if (f->flags & API_FIELD_INLINE) {
			openapi_add_fields(d, f->type, properties, required);
			continue;
		}
		json_set(properties, f->name, openapi_property(d, f));
		if (f->flags & API_FIELD_REQUIRED)
			json_append(required, openapi_string(d, f->name));
	}
}

static struct json *openapi_type(struct openapi_doc *d, const struct api_type *type)
{
	struct json *n = json_new(d->a, JSON_OBJECT);
	struct json *properties = json_new(d->a, JSON_OBJECT);
	struct json *required = json_new(d->a, JSON_ARRAY);

	if (*type->description)
		json_set(n, "description", openapi_string(d, type->description));
	openapi_add_fields(d, type, properties, required);
	json_set(n, "type", openapi_string(d, "object"));
	if (required->first)
		json_set(n, "required", required);
	if (properties->first)
		json_set(n, "properties", properties);
	if (type->is_atomic)
		json_set(n, "x-kubernetes-map-type", openapi_string(d, "atomic"));
	return n;
}

static void openapi_add_gvk(struct openapi_doc *d, struct json *schema, const struct api_kind *k,
			    const char *kind)
{
	struct json *list =
		json_set(schema, "x-kubernetes-group-version-kind", json_new(d->a, JSON_ARRAY));

	json_append(list, api_openapi_gvk(d, k->group, k->version, str_of(kind)));
}

static void openapi_add_list(struct openapi_doc *d, struct json *schemas, const struct api_kind *k)
{
	static const char *const strings[] = {"apiVersion", "kind"};
	struct json *n = json_new(d->a, JSON_OBJECT), *properties, *items, *string;

	json_set(n, "description",
		 json_new_string(d->a, str_printf(d->a, "A list of %s.", k->plural)));
	json_set(n, "type", openapi_string(d, "object"));
	json_append(json_set(n, "required", json_new(d->a, JSON_ARRAY)),
		    openapi_string(d, "items"));
	properties = json_set(n, "properties", json_new(d->a, JSON_OBJECT));
	for (size_t i = 0; i < ARRAY_LEN(strings); i++) {
		string = json_set(properties, strings[i], json_new(d->a, JSON_OBJECT));
		json_set(string, "type", openapi_string(d, "string"));
	}
	items = json_set(properties, "items", json_new(d->a, JSON_OBJECT));
	json_set(items, "type", openapi_string(d, "array"));
	json_set(items, "items", api_openapi_ref(d, k->type->name));
	json_set(properties, "metadata", api_openapi_ref(d, API_OPENAPI_META "ListMeta"));
	openapi_add_gvk(d, n, k, k->list_kind);
	json_set_str(schemas, str_printf(d->a, "%sList", k->type->name), n);
}

void api_openapi_add_schemas(struct openapi_doc *d, struct json *schemas,
			     const struct api_kind *kinds, const struct api_kind *end)
{
	for (size_t i = 0; i < api_schema_n_types; i++) {
		const struct api_type *t = api_schema_types[i];
		struct json *n;

		if (!map_get(&d->types, str_of(t->name)))
			continue;
		n = openapi_type(d, t);
		n->key = str_of(t->name);
		json_append(schemas, n);
		for (const struct api_kind *k = kinds; k < end; k++)
			if (k->type == t) {
				openapi_add_gvk(d, n, k, k->kind);
				openapi_add_list(d, schemas, k);
			}
	}
	for (size_t i = 0; i < ARRAY_LEN(openapi_plain); i++) {
		const struct openapi_plain *p = &openapi_plain[i];

		if (p->name)
			json_set(schemas, p->name,
				 openapi_parse(d, d->is_v2 || !p->v3 ? p->v2 : p->v3));
	}
	json_set(schemas, openapi_fields_v1.name, openapi_parse(d, openapi_fields_v1.v2));
	json_set(schemas, API_OPENAPI_META "Patch",
		 openapi_parse(d,
			       "{\"type\":\"object\",\"description\":\"A patch, in the form that "
			       "its Content-Type says.\"}"));
}
