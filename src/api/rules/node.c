/* SPDX-License-Identifier: Apache-2.0 */
#include "api/rules/rules.h"

static void check_node(const struct json *old, const struct json *obj, struct api_causes *c)
{
	static const char *const effects[] = {"NoSchedule", "PreferNoSchedule", "NoExecute", NULL};
	struct api_path spec = api_path("spec"), taints = api_path_child(&spec, "taints");
	struct api_path cidrs = api_path_child(&spec, "podCIDRs");
	const struct json *list = json_path(obj, "spec.taints");
	const struct json *ranges = json_path(obj, "spec.podCIDRs");
	size_t i = 0;

	if (json_is(list, JSON_ARRAY)) {
		json_foreach(it, list) {
			struct api_path at = api_path_at(&taints, i++);
			struct api_path key = api_path_child(&at, "key");
			struct api_path value = api_path_child(&at, "value");
			struct api_path effect = api_path_child(&at, "effect");

			api_rules_check_name(c, &key, json_get_string(it, "key"),
					     api_name_qualified);
			api_rules_check_name(c, &value, json_get_string(it, "value"),
					     api_name_label_value);
			api_rules_check_one_of(c, &effect, json_get_string(it, "effect"), effects);
		}
	}
	if (!json_is(ranges, JSON_ARRAY))
		return;
	i = 0;
	json_foreach(it, ranges) {
		struct api_path at = api_path_at(&cidrs, i++);

		if (!api_rules_has_string(json_path(old, "spec.podCIDRs"), json_string(it)))
			api_rules_check_cidr(c, &at, json_string(it));
	}
}

static void node_transition(const struct json *old, const struct json *obj, struct api_causes *c)
{
	struct api_path spec = api_path("spec"), cidrs = api_path_child(&spec, "podCIDRs");
	struct api_path provider = api_path_child(&spec, "providerID");
	const struct json *was = json_path(old, "spec.podCIDRs");
	struct str id = json_string(json_path(old, "spec.providerID"));

	if (api_rules_count(was) && !api_rules_same(was, json_path(obj, "spec.podCIDRs")))
		api_causes_forbidden(
			c, &cidrs, "node updates may not change podCIDR except from \"\" to valid");
	if (id.len && !str_eq(id, json_string(json_path(obj, "spec.providerID"))))
		api_causes_forbidden(
			c, &provider,
			"node updates may not change providerID except from \"\" to valid");
}

const struct api_rules api_rules_node = {
	.kind = "Node",
	.name = api_name_dns1123_subdomain,
	.object = check_node,
	.transition = node_transition,
};
