/* SPDX-License-Identifier: Apache-2.0 */
#include "api/rules.h"

/* An Event is kept beside what it is about; Events about what has no namespace are in default. */
static void check_event(const struct json *old, const struct json *obj, struct api_causes *c)
{
	const char *about = json_get(obj, "involvedObject") ? "involvedObject" : "regarding";
	struct api_path ref = api_path("involvedObject"), p = api_path_child(&ref, "namespace");
	struct str ns = json_get_string(json_get(obj, "metadata"), "namespace");
	struct str theirs = json_get_string(json_get(obj, about), "namespace");

	if (theirs.len ? !str_eq(theirs, ns) : ns.len && !str_eq_c(ns, "default"))
		api_causes_invalid(c, &p, theirs, "does not match event.namespace");
}

const struct api_rules api_rules_event = {
	.kind = "Event",
	.name = api_name_dns1123_subdomain,
	.object = check_event,
};
