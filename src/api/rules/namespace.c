/* SPDX-License-Identifier: Apache-2.0 */
#include "api/rules/rules.h"

static void check_namespace(const struct json *old, const struct json *obj, struct api_causes *c)
{
	struct api_path spec = api_path("spec"), p = api_path_child(&spec, "finalizers");
	const struct json *list = json_path(obj, "spec.finalizers");

	if (!json_is(list, JSON_ARRAY))
		return;
	json_foreach(it, list) {
		struct str name = json_string(it);

		api_rules_check_name(c, &p, name, api_name_qualified);
		if (str_find(name, '/') < 0 && !str_eq_c(name, "kubernetes") &&
		    !str_eq_c(name, "orphan") && !str_eq_c(name, "foregroundDeletion"))
			api_causes_invalid(c, &p, name,
					   "name is neither a standard finalizer name nor is it "
					   "fully qualified");
	}
}

const struct api_rules api_rules_namespace = {
	.kind = "Namespace",
	.name = api_name_dns1123_label,
	.object = check_namespace,
};
