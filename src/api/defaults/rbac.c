/* SPDX-License-Identifier: Apache-2.0 */
#include "api/defaults/defaults-internal.h"

static void default_group(struct arena *a, struct json *obj)
{
	if (json_is(obj, JSON_OBJECT) && !json_get_string(obj, "apiGroup").len)
		json_set(obj, "apiGroup", json_new_string(a, STR("rbac.authorization.k8s.io")));
}

void api_defaults_binding(struct arena *a, struct json *binding)
{
	const struct json *list = json_get(binding, "subjects");

	default_group(a, json_get(binding, "roleRef"));
	if (!json_is(list, JSON_ARRAY))
		return;
	json_foreach(it, list) {
		struct str kind = json_get_string(it, "kind");

		if (str_eq_c(kind, "User") || str_eq_c(kind, "Group"))
			default_group(a, it);
	}
}
