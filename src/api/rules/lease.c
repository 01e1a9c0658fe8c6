/* SPDX-License-Identifier: Apache-2.0 */
#include "api/rules/rules.h"

static void check_lease(const struct json *old, const struct json *obj, struct api_causes *c)
{
	struct api_path spec_path = api_path("spec");
	struct api_path duration_path = api_path_child(&spec_path, "leaseDurationSeconds");
	struct api_path transitions_path = api_path_child(&spec_path, "leaseTransitions");
	const struct json *spec = json_get(obj, "spec");
	int64_t duration = json_get_int(spec, "leaseDurationSeconds", 1);
	int64_t transitions = json_get_int(spec, "leaseTransitions", 0);

	if (duration <= 0)
		api_causes_invalid_int(c, &duration_path, duration, "must be greater than 0");
	if (transitions < 0)
		api_causes_invalid_int(c, &transitions_path, transitions,
				       "must be greater than or equal to 0");
}

const struct api_rules api_rules_lease = {
	.kind = "Lease",
	.name = api_name_dns1123_subdomain,
	.object = check_lease,
};
