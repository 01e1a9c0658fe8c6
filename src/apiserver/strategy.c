/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/strategy.h"

/* Its labels say what it is for, so they count (service-api.md section 1.4). */
static bool has_new_labels(const struct json *old, const struct json *obj)
{
	const struct json *a = json_path(old, "metadata.labels");
	const struct json *b = json_path(obj, "metadata.labels");

	return (!a != !b) || (a && b && !json_eq(a, b));
}

static const struct strategy endpoint_slice = {
	.kind = "EndpointSlice",
	.is_new_generation = has_new_labels,
};

/* A kubelet makes its Node with the status that it has. */
static const struct strategy node = {.kind = "Node", .sets_status = true};

static const struct strategy service_account = {.kind = "ServiceAccount", .answers_object = true};

static const struct strategy *const rows[] = {
	&endpoint_slice, &namespace_strategy, &node,
	&pod_strategy,   &services_strategy,  &service_account,
};

const struct strategy *strategy_of(const struct api_kind *kind)
{
	static const struct strategy plain;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (str_eq_c(str_of(kind->kind), rows[i]->kind))
			return rows[i];
	return &plain;
}
