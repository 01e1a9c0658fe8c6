/* SPDX-License-Identifier: Apache-2.0 */
#include "api/decode/decode.h"

#include "api/decode/view.h"
#include "api/quantity.h"

static const struct view_field taint_fields[] = {
	VIEW("key", VIEW_STRING, struct api_taint, key),
	VIEW("value", VIEW_STRING, struct api_taint, value),
	VIEW("effect", VIEW_STRING, struct api_taint, effect),
};
static const struct view_type taint_type = {VIEW_FIELDS(taint_fields),
					    .size = sizeof(struct api_taint)};

static const struct view_field address_fields[] = {
	VIEW("type", VIEW_STRING, struct api_node_address, type),
	VIEW("address", VIEW_STRING, struct api_node_address, address),
};

static void finish_address(struct arena *a, const struct json *obj, void *out)
{
	struct api_node_address *addr = out;

	addr->has_ip = ip_parse_sloppy(addr->address, &addr->ip, NULL) >= 0;
}

static const struct view_type address_type = {VIEW_FIELDS(address_fields),
					      .size = sizeof(struct api_node_address),
					      .finish = finish_address};

static const struct view_field spec_fields[] = {
	VIEW("podCIDRs", VIEW_STRINGS, struct api_node, pod_cidrs),
	VIEW("unschedulable", VIEW_BOOL, struct api_node, is_unschedulable),
	VIEW_LIST_OF("taints", struct api_node, taints, n_taints, taint_type),
};
static const struct view_type spec_type = {VIEW_FIELDS(spec_fields)};

static const struct view_field status_fields[] = {
	VIEW_LIST_OF("addresses", struct api_node, addresses, n_addresses, address_type),
	VIEW_LIST_OF("conditions", struct api_node, conditions, n_conditions, api_view_condition),
};
static const struct view_type status_type = {VIEW_FIELDS(status_fields)};

static const struct view_field node_fields[] = {
	VIEW_INTO("metadata", api_view_meta),
	VIEW_INTO("spec", spec_type),
	VIEW_INTO("status", status_type),
};

static void finish_node(struct arena *a, const struct json *obj, void *out)
{
	struct str single = json_string(json_path(obj, "spec.podCIDR"));
	struct api_node *node = out;

	if (api_quantity_milli(json_string(json_path(obj, "status.allocatable.cpu")),
			       &node->cpu_milli, NULL) < 0)
		node->cpu_milli = 0;
	node->zone = api_pairs_get(&node->meta.labels, "topology.kubernetes.io/zone");
	if (!node->pod_cidrs.n && single.len) {
		struct str *one = arena_new(a, struct str);

		*one = single;
		node->pod_cidrs = (struct api_strs){one, 1};
	}
}

static const struct view_type node_type = {VIEW_FIELDS(node_fields), .finish = finish_node};

int api_node_decode(struct arena *a, const struct json *obj, struct api_node *ret, struct err *err)
{
	struct api_node node = {0};
	int r = api_view_decode(a, &node_type, obj, &node, err);

	if (r == 0)
		*ret = node;
	return r;
}
