/* SPDX-License-Identifier: Apache-2.0 */
#include "api/table/cells.h"

static struct str node_status(struct api_cells *c, const struct json *obj)
{
	const struct json *list = json_path(obj, "status.conditions");
	const char *text = "Unknown";

	if (json_is(list, JSON_ARRAY)) {
		json_foreach(it, list) {
			if (str_eq_c(json_get_string(it, "type"), "Ready"))
				text = str_eq_c(json_get_string(it, "status"), "True") ? "Ready"
										       : "NotReady";
		}
	}
	if (json_get_bool(json_get(obj, "spec"), "unschedulable", false))
		return str_printf(c->a, "%s,SchedulingDisabled", text);
	return str_of(text);
}

static struct str node_roles(struct api_cells *c, const struct json *labels)
{
	static const struct str prefix = {"node-role.kubernetes.io/", 24};
	struct str *parts, text;
	size_t n = 0;

	if (!json_is(labels, JSON_OBJECT))
		return STR("<none>");
	parts = arena_array(c->a, labels->count, sizeof(*parts));
	json_foreach(it, labels) {
		if (str_has_prefix(it->key, prefix) && it->key.len > prefix.len)
			parts[n++] = str_skip(it->key, prefix.len);
		else if (str_eq_c(it->key, "kubernetes.io/role") && json_string(it).len)
			parts[n++] = json_string(it);
	}
	text = api_cells_join_sorted(c, parts, n);
	return text.len ? text : STR("<none>");
}

static struct str node_address(const struct json *obj, const char *type)
{
	const struct json *list = json_path(obj, "status.addresses");

	if (!json_is(list, JSON_ARRAY))
		return (struct str){0};
	json_foreach(it, list) {
		if (str_eq_c(json_get_string(it, "type"), type))
			return json_get_string(it, "address");
	}
	return (struct str){0};
}

void api_cells_node(struct api_cells *c, const struct json *obj)
{
	const struct json *meta = json_get(obj, "metadata");
	const struct json *info = json_path(obj, "status.nodeInfo");

	api_cells_text(c, json_get_string(meta, "name"));
	api_cells_text(c, node_status(c, obj));
	api_cells_text(c, node_roles(c, json_get(meta, "labels")));
	api_cells_age(c, json_get_string(meta, "creationTimestamp"));
	api_cells_text(c, json_get_string(info, "kubeletVersion"));
	api_cells_or(c, node_address(obj, "InternalIP"), "<none>");
	api_cells_or(c, node_address(obj, "ExternalIP"), "<none>");
	api_cells_or(c, json_get_string(info, "osImage"), "<unknown>");
	api_cells_or(c, json_get_string(info, "kernelVersion"), "<unknown>");
	api_cells_or(c, json_get_string(info, "containerRuntimeVersion"), "<unknown>");
}
