/* SPDX-License-Identifier: Apache-2.0 */
#include "api/rules/rules.h"

/* Role, ClusterRole, RoleBinding, ClusterRoleBinding. */

static const char *const rbac_group[] = {"rbac.authorization.k8s.io", NULL};
static const char *const no_group[] = {"", NULL};

static void check_rule(const struct json *rule, const struct api_path *p, bool is_namespaced,
		       struct api_causes *c)
{
	const struct json *urls = json_get(rule, "nonResourceURLs");
	struct api_path verbs = api_path_child(p, "verbs");
	struct api_path groups = api_path_child(p, "apiGroups");
	struct api_path resources = api_path_child(p, "resources");
	struct api_path paths = api_path_child(p, "nonResourceURLs");
	bool has_groups = api_rules_count(json_get(rule, "apiGroups"));
	bool has_resources = api_rules_count(json_get(rule, "resources"));
	bool has_names = api_rules_count(json_get(rule, "resourceNames"));

	if (!api_rules_count(json_get(rule, "verbs")))
		api_causes_required(c, &verbs, "verbs must contain at least one value");
	if (api_rules_count(urls)) {
		if (is_namespaced)
			api_causes_invalid_json(
				c, &paths, urls,
				"namespaced rules cannot apply to non-resource URLs");
		if (has_groups || has_resources || has_names)
			api_causes_invalid_json(c, &paths, urls,
						"rules cannot apply to both regular resources and "
						"non-resource URLs");
		return;
	}
	if (!has_groups)
		api_causes_required(c, &groups,
				    "resource rules must supply at least one api group");
	if (!has_resources)
		api_causes_required(c, &resources,
				    "resource rules must supply at least one resource");
}

static void check_rules(const struct json *obj, bool is_namespaced, struct api_causes *c)
{
	const struct json *rules = json_get(obj, "rules");
	struct api_path p = api_path("rules");
	size_t i = 0;

	if (!json_is(rules, JSON_ARRAY))
		return;
	json_foreach(it, rules) {
		struct api_path at = api_path_at(&p, i++);

		check_rule(it, &at, is_namespaced, c);
	}
}

static void check_role(const struct json *old, const struct json *obj, struct api_causes *c)
{
	check_rules(obj, true, c);
}

static bool is_selector_good(const struct json *sel, const struct api_path *p, struct api_causes *c)
{
	static const char *const operators[] = {"In", "NotIn", "Exists", "DoesNotExist"};
	const struct json *list = json_get(sel, "matchExpressions");
	struct api_path expressions = api_path_child(p, "matchExpressions");
	bool is_good = true;
	size_t i = 0;

	if (!json_is(list, JSON_ARRAY))
		return true;
	json_foreach(it, list) {
		struct api_path at = api_path_at(&expressions, i++);
		struct api_path op = api_path_child(&at, "operator");
		struct str name = json_get_string(it, "operator");
		bool is_known = false;

		for (size_t k = 0; k < ARRAY_LEN(operators); k++)
			is_known |= str_eq_c(name, operators[k]);
		if (!is_known)
			api_causes_invalid(c, &op, name, "not a valid selector operator");
		is_good &= is_known;
	}
	return is_good;
}

static void check_cluster_role(const struct json *old, const struct json *obj, struct api_causes *c)
{
	const struct json *rule = json_get(obj, "aggregationRule");
	const struct json *list = json_get(rule, "clusterRoleSelectors");
	struct api_path own = api_path("aggregationRule");
	struct api_path p = api_path_child(&own, "clusterRoleSelectors");
	size_t i = 0;

	check_rules(obj, false, c);
	if (json_is_null(rule))
		return;
	if (!api_rules_count(list)) {
		api_causes_required(
			c, &p,
			"at least one clusterRoleSelector required if aggregationRule is non-nil");
		return;
	}
	json_foreach(it, list) {
		struct api_path at = api_path_at(&p, i++);

		if (!is_selector_good(it, &at, c))
			api_causes_invalid_json(c, &at, &api_rules_null, "invalid label selector.");
	}
}

static void check_subject(const struct json *s, const struct api_path *p, bool is_namespaced,
			  struct api_causes *c)
{
	static const char *const known[] = {"ServiceAccount", "User", "Group", NULL};
	struct api_path name_path = api_path_child(p, "name");
	struct api_path group_path = api_path_child(p, "apiGroup");
	struct api_path kind_path = api_path_child(p, "kind");
	struct api_path ns_path = api_path_child(p, "namespace");
	struct str kind = json_get_string(s, "kind"), name = json_get_string(s, "name");
	struct str group = json_get_string(s, "apiGroup");
	bool is_account = str_eq_c(kind, "ServiceAccount");

	if (!name.len)
		api_causes_required(c, &name_path, NULL);
	if (is_account) {
		if (name.len)
			api_rules_check_name(c, &name_path, name, api_name_dns1123_subdomain);
		if (group.len)
			api_causes_not_supported(c, &group_path, group, no_group);
		if (!is_namespaced && !json_get_string(s, "namespace").len)
			api_causes_required(c, &ns_path, NULL);
	} else if (str_eq_c(kind, "User") || str_eq_c(kind, "Group")) {
		if (!str_eq_c(group, rbac_group[0]))
			api_causes_not_supported(c, &group_path, group, rbac_group);
	} else {
		api_causes_not_supported(c, &kind_path, kind, known);
	}
}

static void check_binding(const struct json *obj, bool is_namespaced, struct api_causes *c)
{
	static const char *const both[] = {"Role", "ClusterRole", NULL};
	const struct json *ref = json_get(obj, "roleRef"), *list = json_get(obj, "subjects");
	struct api_path ref_path = api_path("roleRef"), p = api_path("subjects");
	struct api_path group_path = api_path_child(&ref_path, "apiGroup");
	struct api_path kind_path = api_path_child(&ref_path, "kind");
	struct api_path name_path = api_path_child(&ref_path, "name");
	struct str group = json_get_string(ref, "apiGroup"), kind = json_get_string(ref, "kind");
	struct str name = json_get_string(ref, "name");
	size_t i = 0;

	if (!str_eq_c(group, rbac_group[0]))
		api_causes_not_supported(c, &group_path, group, rbac_group);
	if (!str_eq_c(kind, "ClusterRole") && !(is_namespaced && str_eq_c(kind, "Role")))
		api_causes_not_supported(c, &kind_path, kind, is_namespaced ? both : both + 1);
	if (!name.len)
		api_causes_required(c, &name_path, NULL);
	else
		api_rules_check_name(c, &name_path, name, api_name_path_segment);
	if (!json_is(list, JSON_ARRAY))
		return;
	json_foreach(it, list) {
		struct api_path at = api_path_at(&p, i++);

		check_subject(it, &at, is_namespaced, c);
	}
}

static void check_role_binding(const struct json *old, const struct json *obj, struct api_causes *c)
{
	check_binding(obj, true, c);
}

static void check_cluster_role_binding(const struct json *old, const struct json *obj,
				       struct api_causes *c)
{
	check_binding(obj, false, c);
}

/* The value is shown with the names that the fields have in Go. */
static void check_transition(const struct json *old, const struct json *obj, struct api_causes *c)
{
	const struct json *was = json_get(old, "roleRef"), *ref = json_get(obj, "roleRef");
	struct api_path p = api_path("roleRef");
	struct json *shown;

	if (api_rules_same(was, ref))
		return;
	shown = json_new(c->a, JSON_OBJECT);
	json_set(shown, "APIGroup", json_new_string(c->a, json_get_string(ref, "apiGroup")));
	json_set(shown, "Kind", json_new_string(c->a, json_get_string(ref, "kind")));
	json_set(shown, "Name", json_new_string(c->a, json_get_string(ref, "name")));
	api_causes_invalid_json(c, &p, shown, "cannot change roleRef");
}

const struct api_rules api_rules_role = {
	.kind = "Role",
	.name = api_name_path_segment,
	.object = check_role,
};
const struct api_rules api_rules_cluster_role = {
	.kind = "ClusterRole",
	.name = api_name_path_segment,
	.object = check_cluster_role,
};
const struct api_rules api_rules_role_binding = {
	.kind = "RoleBinding",
	.name = api_name_path_segment,
	.object = check_role_binding,
	.transition = check_transition,
};
const struct api_rules api_rules_cluster_role_binding = {
	.kind = "ClusterRoleBinding",
	.name = api_name_path_segment,
	.object = check_cluster_role_binding,
	.transition = check_transition,
};
