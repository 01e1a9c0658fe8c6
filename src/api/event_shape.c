/* SPDX-License-Identifier: Apache-2.0 */
#include "api/event_shape.h"

static const struct {
	const char *core, *newer;
} names[] = {
	{"involvedObject", "regarding"},
	{"message", "note"},
	{"reportingComponent", "reportingController"},
	{"source", "deprecatedSource"},
	{"firstTimestamp", "deprecatedFirstTimestamp"},
	{"lastTimestamp", "deprecatedLastTimestamp"},
	{"count", "deprecatedCount"},
};

static void rename_member(struct json *tree, const char *from, const char *to)
{
	struct json *n = json_get(tree, from);

	if (!n)
		return;
	json_unlink(tree, n);
	json_set(tree, to, n);
}

static void set_version(struct arena *a, struct json *tree, const char *version)
{
	if (json_get(tree, "apiVersion"))
		json_set(tree, "apiVersion", json_new_string(a, str_of(version)));
}

void api_event_to_core(struct arena *a, struct json *tree)
{
	static const char *const times[] = {"eventTime", "firstTimestamp", "lastTimestamp"};

	set_version(a, tree, "v1");
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		rename_member(tree, names[i].newer, names[i].core);
	/* Written always in this shape. */
	for (size_t i = 0; i < ARRAY_LEN(times); i++)
		if (!json_get(tree, times[i]))
			json_set(tree, times[i], json_new(a, JSON_NULL));
	if (!json_get(tree, "reportingComponent"))
		json_set(tree, "reportingComponent", json_new_string(a, STR("")));
	if (!json_get(tree, "reportingInstance"))
		json_set(tree, "reportingInstance", json_new_string(a, STR("")));
}

void api_event_from_core(struct arena *a, struct json *tree)
{
	static const char *const optional[] = {"reportingController", "reportingInstance"};
	static const char *const times[] = {"eventTime", "deprecatedFirstTimestamp",
					    "deprecatedLastTimestamp"};

	set_version(a, tree, "events.k8s.io/v1");
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		rename_member(tree, names[i].core, names[i].newer);
	for (size_t i = 0; i < ARRAY_LEN(optional); i++)
		if (json_get(tree, optional[i]) && !json_get_string(tree, optional[i]).len)
			json_remove(tree, optional[i]);
	/* Written always in this shape. */
	for (size_t i = 0; i < ARRAY_LEN(times); i++)
		if (!json_get(tree, times[i]))
			json_set(tree, times[i], json_new(a, JSON_NULL));
	if (!json_get(tree, "deprecatedSource"))
		json_set(tree, "deprecatedSource", json_new(a, JSON_OBJECT));
}
