/* SPDX-License-Identifier: Apache-2.0 */
#include "api/defaults/defaults-internal.h"

/* What a rollout may be short of and have too much, unless it says. */
static void defaults_strategy(struct arena *a, struct json *obj)
{
	static const char *const amounts[] = {"maxUnavailable", "maxSurge"};
	struct json *spec = json_get(obj, "spec"), *strategy, *rolling;

	if (!json_is(spec, JSON_OBJECT))
		return;
	strategy = json_object_at(a, spec, "strategy");
	if (!json_get(strategy, "type"))
		json_set(strategy, "type", json_new_string(a, STR("RollingUpdate")));
	if (!str_eq_c(json_get_string(strategy, "type"), "RollingUpdate"))
		return;
	rolling = json_object_at(a, strategy, "rollingUpdate");
	for (size_t i = 0; i < ARRAY_LEN(amounts); i++)
		if (json_is_null(json_get(rolling, amounts[i])))
			json_set(rolling, amounts[i], json_new_string(a, STR("25%")));
}

void api_defaults_deployment(struct arena *a, struct json *obj)
{
	defaults_strategy(a, obj);
	api_defaults_pod_template(a, obj);
}

void api_defaults_replica_set(struct arena *a, struct json *obj)
{
	api_defaults_pod_template(a, obj);
}
