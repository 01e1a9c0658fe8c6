/* SPDX-License-Identifier: Apache-2.0 */
#include "api/selector.h"
#include "api/table/cells.h"

/* "a,b" of one member of each container of the template. */
static void containers_cell(struct api_cells *c, const struct json *obj, const char *member)
{
	const struct json *list = json_path(obj, "spec.template.spec.containers");
	struct buf b = BUF_INIT;

	if (json_is(list, JSON_ARRAY)) {
		json_foreach(it, list)
			buf_printf(&b, "%s%.*s", it == list->first ? "" : ",",
				   STR_ARG(json_get_string(it, member)));
	}
	api_cells_text(c, str_dup(c->a, buf_str(&b)));
	buf_fini(&b);
}

static void selector_cell(struct api_cells *c, const struct json *obj)
{
	const struct json *selector = json_path(obj, "spec.selector");
	struct api_label_selector s;
	struct buf b = BUF_INIT;

	if (selector && api_label_selector_from_json(c->a, selector, &s, NULL) == 0)
		api_label_selector_write(&b, &s);
	api_cells_or(c, str_dup(c->a, buf_str(&b)), "<none>");
	buf_fini(&b);
}

static void wide_cells(struct api_cells *c, const struct json *obj)
{
	api_cells_age(c, json_string(json_path(obj, "metadata.creationTimestamp")));
	containers_cell(c, obj, "name");
	containers_cell(c, obj, "image");
	selector_cell(c, obj);
}

void api_cells_deployment(struct api_cells *c, const struct json *obj)
{
	const struct json *status = json_get(obj, "status");

	api_cells_text(c, json_string(json_path(obj, "metadata.name")));
	api_cells_text(c,
		       str_printf(c->a, "%lld/%lld",
				  (long long)json_get_int(status, "readyReplicas", 0),
				  (long long)json_get_int(json_get(obj, "spec"), "replicas", 0)));
	api_cells_int(c, json_get_int(status, "updatedReplicas", 0));
	api_cells_int(c, json_get_int(status, "availableReplicas", 0));
	wide_cells(c, obj);
}

void api_cells_replica_set(struct api_cells *c, const struct json *obj)
{
	const struct json *status = json_get(obj, "status");

	api_cells_text(c, json_string(json_path(obj, "metadata.name")));
	api_cells_int(c, json_get_int(json_get(obj, "spec"), "replicas", 0));
	api_cells_int(c, json_get_int(status, "replicas", 0));
	api_cells_int(c, json_get_int(status, "readyReplicas", 0));
	wide_cells(c, obj);
}
