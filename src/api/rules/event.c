/* SPDX-License-Identifier: Apache-2.0 */
#include "api/rules/rules.h"

static void require(struct api_causes *c, const struct json *obj, const char *name)
{
	struct api_path p = api_path(name);

	if (!json_get_string(obj, name).len)
		api_causes_required(c, &p, NULL);
}

/* What the older shape has is not for writing in the newer one. */
static void check_deprecated(const struct json *obj, struct api_causes *c)
{
	static const struct {
		const char *member, *told_as;
	} unset[] = {
		{"deprecatedFirstTimestamp", "firstTimestamp"},
		{"deprecatedLastTimestamp", "lastTimestamp"},
		{"deprecatedCount", "count"},
		{"deprecatedSource", "source"},
	};

	for (size_t i = 0; i < ARRAY_LEN(unset); i++) {
		struct api_path p = api_path(unset[i].told_as);
		const struct json *n = json_get(obj, unset[i].member);

		if (!json_is_null(n) && !(json_is(n, JSON_OBJECT) && !n->count))
			api_causes_invalid(c, &p, STR(""), "needs to be unset");
	}
}

static void check_series(const struct json *series, struct api_causes *c)
{
	struct api_path p = api_path("series"), count = api_path_child(&p, "count");
	struct api_path last = api_path_child(&p, "lastObservedTime");

	if (json_is_null(series))
		return;
	if (json_get_int(series, "count", 0) < 2)
		api_causes_invalid(c, &count, STR(""), "should be at least 2");
	if (!json_get_string(series, "lastObservedTime").len)
		api_causes_required(c, &last, NULL);
}

/* events.k8s.io asks for more than the core group does. */
static void check_new_shape(const struct json *obj, struct api_causes *c)
{
	struct api_path time_path = api_path("eventTime"), type_path = api_path("type");
	struct api_path controller_path = api_path("reportingController");
	struct str type = json_get_string(obj, "type");
	struct str controller = json_get_string(obj, "reportingController");

	if (!json_get_string(obj, "eventTime").len) {
		api_causes_required(c, &time_path, NULL);
	} else {
		if (!controller.len)
			api_causes_required(c, &controller_path, NULL);
		api_rules_check_name(c, &controller_path, controller, api_name_qualified);
		require(c, obj, "reportingInstance");
		require(c, obj, "action");
		require(c, obj, "reason");
		check_series(json_get(obj, "series"), c);
	}
	if (!str_eq_c(type, "Normal") && !str_eq_c(type, "Warning"))
		api_causes_invalid(c, &type_path, STR(""),
				   str_printf(c->a, "has invalid value: %.*s", STR_ARG(type)).ptr);
	check_deprecated(obj, c);
}

/* An Event is kept beside what it is about; Events about what has no namespace are in default. */
static void check_event(const struct json *old, const struct json *obj, struct api_causes *c)
{
	const char *about = json_get(obj, "involvedObject") ? "involvedObject" : "regarding";
	struct api_path ref = api_path("involvedObject"), p = api_path_child(&ref, "namespace");
	struct str ns = json_get_string(json_get(obj, "metadata"), "namespace");
	struct str theirs = json_get_string(json_get(obj, about), "namespace");

	if (json_get(obj, "regarding") && !old)
		check_new_shape(obj, c);
	if (theirs.len ? !str_eq(theirs, ns) : ns.len && !str_eq_c(ns, "default"))
		api_causes_invalid(c, &p, theirs, "does not match event.namespace");
}

const struct api_rules api_rules_event = {
	.kind = "Event",
	.name = api_name_dns1123_subdomain,
	.object = check_event,
};
