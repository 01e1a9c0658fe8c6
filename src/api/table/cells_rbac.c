/* SPDX-License-Identifier: Apache-2.0 */
#include "api/table/cells.h"

void api_cells_role(struct api_cells *c, const struct json *obj)
{
	api_cells_text(c, json_string(json_path(obj, "metadata.name")));
	api_cells_text(c, json_string(json_path(obj, "metadata.creationTimestamp")));
}

/* The subjects of one kind: "a, b"; accounts as "namespace/name". */
static void subjects_cell(struct api_cells *c, const struct json *obj, const char *kind)
{
	const struct json *list = json_get(obj, "subjects");
	struct buf b = BUF_INIT;

	if (json_is(list, JSON_ARRAY)) {
		json_foreach(it, list) {
			struct str ns = json_get_string(it, "namespace");

			if (!str_eq_c(json_get_string(it, "kind"), kind))
				continue;
			buf_printf(&b, "%s%.*s%s%.*s", b.len ? ", " : "", STR_ARG(ns),
				   ns.len ? "/" : "", STR_ARG(json_get_string(it, "name")));
		}
	}
	api_cells_text(c, str_dup(c->a, buf_str(&b)));
	buf_fini(&b);
}

void api_cells_role_binding(struct api_cells *c, const struct json *obj)
{
	const struct json *ref = json_get(obj, "roleRef");

	api_cells_text(c, json_string(json_path(obj, "metadata.name")));
	api_cells_text(c, str_printf(c->a, "%.*s/%.*s", STR_ARG(json_get_string(ref, "kind")),
				     STR_ARG(json_get_string(ref, "name"))));
	api_cells_age(c, json_string(json_path(obj, "metadata.creationTimestamp")));
	subjects_cell(c, obj, "User");
	subjects_cell(c, obj, "Group");
	subjects_cell(c, obj, "ServiceAccount");
}
