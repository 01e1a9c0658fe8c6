/* SPDX-License-Identifier: Apache-2.0 */
#include "api/defaults/defaults.h"

#include "api/defaults/defaults-internal.h"
#include "api/kind.h"

static void defaults_type(struct arena *a, const struct api_type *type, struct json *obj);

static void defaults_field(struct arena *a, const struct api_field *f, struct json *obj)
{
	struct json *n = f->flags & API_FIELD_INLINE ? obj : json_get(obj, f->name);

	if (!n && f->default_json) {
		/* The schema's test parses every default, so this one does. */
		if (json_parse(a, str_of(f->default_json), JSON_BORROW, &n, NULL) < 0)
			return;
		json_set(obj, f->name, n);
	}
	if (!n || f->value != API_OBJECT || !f->type->has_defaults)
		return;
	if (f->shape == API_ONE) {
		defaults_type(a, f->type, n);
		return;
	}
	if (!json_is(n, JSON_ARRAY) && !json_is(n, JSON_OBJECT))
		return; /* null, or a type that api_strict refuses */
	json_foreach(c, n)
		defaults_type(a, f->type, c);
}

static void defaults_type(struct arena *a, const struct api_type *type, struct json *obj)
{
	if (!json_is(obj, JSON_OBJECT))
		return;
	for (size_t i = 0; i < type->n_fields; i++) {
		const struct api_field *f = &type->fields[i];

		if (f->default_json || (f->value == API_OBJECT && f->type->has_defaults))
			defaults_field(a, f, obj);
	}
}

static const struct {
	const char *kind;
	void (*fill)(struct arena *a, struct json *obj);
} rows[] = {
	{"ClusterRoleBinding", api_defaults_binding},
	{"Deployment", api_defaults_deployment},
	{"Namespace", api_defaults_namespace},
	{"Node", api_defaults_node},
	{"Pod", api_defaults_pod},
	{"ReplicaSet", api_defaults_replica_set},
	{"RoleBinding", api_defaults_binding},
	{"Secret", api_defaults_secret},
	{"Service", api_defaults_service},
};

void api_defaults(struct arena *a, const struct api_kind *kind, struct json *obj)
{
	if (!json_is(obj, JSON_OBJECT))
		return;
	defaults_type(a, kind->type, obj);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (strcmp(kind->kind, rows[i].kind) == 0)
			rows[i].fill(a, obj);
}

void api_defaults_text(struct arena *a, struct json *obj, const char *key, const char *value)
{
	if (!json_get_string(obj, key).len)
		json_set(obj, key, json_new_string(a, str_of(value)));
}
