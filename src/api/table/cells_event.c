/* SPDX-License-Identifier: Apache-2.0 */
#include "api/table/cells.h"

/* core/v1 and events.k8s.io/v1 are one object under different names. */
static const struct json *either(const struct json *obj, const char *core, const char *events)
{
	const struct json *n = json_get(obj, core);

	return json_is_null(n) ? json_get(obj, events) : n;
}

static struct str about(struct api_cells *c, const struct json *ref)
{
	struct str kind = json_get_string(ref, "kind"), name = json_get_string(ref, "name");
	char *lower = str_cstr(c->a, kind);

	for (size_t i = 0; i < kind.len; i++) {
		if (lower[i] >= 'A' && lower[i] <= 'Z')
			lower[i] = (char)(lower[i] + 'a' - 'A');
	}
	if (!name.len)
		return str_n(lower, kind.len);
	return str_printf(c->a, "%s/%.*s", lower, STR_ARG(name));
}

/* "component, host", or who reported it. */
static struct str source(struct api_cells *c, const struct json *obj)
{
	const struct json *from = either(obj, "source", "deprecatedSource");
	struct str component = json_get_string(from, "component");
	struct str host = json_get_string(from, "host");
	struct str reporter = json_string(either(obj, "reportingComponent", "reportingController"));
	struct str instance = json_get_string(obj, "reportingInstance");

	if (!component.len) {
		component = reporter;
		host = instance;
	}
	if (!host.len)
		return component;
	return str_printf(c->a, "%.*s, %.*s", STR_ARG(component), STR_ARG(host));
}

void api_cells_event(struct api_cells *c, const struct json *obj)
{
	const struct json *meta = json_get(obj, "metadata"), *series = json_get(obj, "series");
	const struct json *ref = either(obj, "involvedObject", "regarding");
	struct str first = json_string(either(obj, "firstTimestamp", "deprecatedFirstTimestamp"));
	struct str last = json_string(either(obj, "lastTimestamp", "deprecatedLastTimestamp"));
	const struct json *n = either(obj, "count", "deprecatedCount");
	int64_t count = json_is(n, JSON_INT) ? n->integer : 0;

	if (!first.len)
		first = json_get_string(obj, "eventTime");
	if (!last.len)
		last = first;
	if (!json_is_null(series)) {
		last = json_get_string(series, "lastObservedTime");
		count = json_get_int(series, "count", 0);
	} else if (!count) {
		count = 1;
	}
	api_cells_age(c, last);
	api_cells_text(c, json_get_string(obj, "type"));
	api_cells_text(c, json_get_string(obj, "reason"));
	api_cells_text(c, about(c, ref));
	api_cells_text(c, json_get_string(ref, "fieldPath"));
	api_cells_text(c, source(c, obj));
	api_cells_text(c, str_trim(json_string(either(obj, "message", "note"))));
	api_cells_age(c, first);
	api_cells_int(c, count);
	api_cells_text(c, json_get_string(meta, "name"));
}
