/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/write/strategy.h"

#include "apiserver/write/escalation.h"
#include "apiserver/write/prepare.h"

static bool differs(const struct json *a, const struct json *b)
{
	return (!a != !b) || (a && b && !json_eq(a, b));
}

/* Its labels say what it is for, so they count (service-api.md section 1.4). */
static bool has_new_labels(const struct json *old, const struct json *obj)
{
	return differs(json_path(old, "metadata.labels"), json_path(obj, "metadata.labels"));
}

/* The v1 API has no topology any more; only objects of former versions have it. That somebody has
 * sent one counts as a change of the object all the same. */
static void drop_topology(struct op *op, const struct json *old, struct json *obj)
{
	struct json *endpoints = json_get(obj, "endpoints");

	if (!json_is(endpoints, JSON_ARRAY) ||
	    (old && !differs(json_get(old, "endpoints"), endpoints)))
		return;
	if (old)
		prepare_new_generation(op, old, obj);
	json_foreach(it, endpoints)
		if (json_is(it, JSON_OBJECT))
			json_remove(it, "deprecatedTopology");
}

static const struct strategy endpoint_slice = {
	.kind = "EndpointSlice",
	.refine = drop_topology,
	.is_new_generation = has_new_labels,
};

/* A Deployment's annotations are told on to its ReplicaSets, so they count. */
static bool has_new_annotations(const struct json *old, const struct json *obj)
{
	return differs(json_path(old, "metadata.annotations"),
		       json_path(obj, "metadata.annotations"));
}

static const struct strategy deployment = {
	.kind = "Deployment",
	.is_new_generation = has_new_annotations,
};

/* The only count that is told even when it is none. */
static void init_replica_set(struct op *op, struct json *obj)
{
	json_set(json_object_at(&op->arena, obj, "status"), "replicas",
		 json_new_int(&op->arena, 0));
}

static const struct strategy replica_set = {.kind = "ReplicaSet", .init = init_replica_set};

/* A kubelet makes its Node with the status that it has. */
static const struct strategy node = {.kind = "Node", .sets_status = true};

/* Nobody gives rights that they do not have. */
static const struct strategy cluster_role = {.kind = "ClusterRole", .plan = escalation_check};
static const struct strategy cluster_role_binding = {
	.kind = "ClusterRoleBinding",
	.plan = escalation_check,
};
static const struct strategy role = {.kind = "Role", .plan = escalation_check};
static const struct strategy role_binding = {.kind = "RoleBinding", .plan = escalation_check};

static const struct strategy service_account = {.kind = "ServiceAccount", .answers_object = true};

static const struct strategy *const rows[] = {
	&deployment,  &endpoint_slice,    &namespace_strategy, &node,         &pod_strategy,
	&replica_set, &services_strategy, &service_account,    &cluster_role, &cluster_role_binding,
	&role,        &role_binding,
};

const struct strategy *strategy_of(const struct api_kind *kind)
{
	static const struct strategy plain;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (str_eq_c(str_of(kind->kind), rows[i]->kind))
			return rows[i];
	return &plain;
}
