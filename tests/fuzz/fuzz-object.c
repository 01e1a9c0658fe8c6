/* SPDX-License-Identifier: Apache-2.0 */
/* Every kind's views, defaults, rules and cells on whatever JSON: the first byte picks the kind.
 * The tree has not passed the schema, which is more than these have to bear. */
#include "api/decode/decode.h"
#include "api/defaults/defaults.h"
#include "api/defaults/service.h"
#include "api/kind.h"
#include "api/rules/validate.h"
#include "api/selector.h"
#include "api/strict.h"
#include "api/table/table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void judge(struct arena *a, const struct api_kind *kind, const struct json *old,
		  const struct json *obj)
{
	struct api_causes c;

	api_causes_init(&c, a);
	api_validate_create(kind, obj, &c);
	api_validate_update(kind, old, obj, &c);
	api_validate_status(kind, old, obj, &c);
	(void)api_causes_message(&c, str_of(kind->kind), STR("x"));
	(void)api_causes_json(&c);
	(void)api_warnings(a, kind, obj, NULL);
}

static void print(struct arena *a, const struct api_kind *kind, struct json *obj)
{
	const struct api_table_opts opts = {.has_columns = true, .now_ns = 1};
	struct buf b = BUF_INIT;
	struct api_table t;

	api_table_init(&t, a, kind, NULL, &opts);
	api_table_add(&t, obj);
	json_write(&b, t.tree);
	buf_fini(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t n_kinds;
	const struct api_kind *kinds = api_kinds(&n_kinds), *kind;
	struct json *obj = NULL, *old;
	struct api_strs issues;
	struct arena a;
	void *view;

	if (size < 2)
		return 0;
	kind = &kinds[data[0] % n_kinds];
	arena_init(&a, 0);
	if (json_parse(&a, str_n((const char *)data + 1, size - 1), 0, &obj, NULL) == 0) {
		old = json_clone(&a, obj);
		IGNORE(api_object_decode(&a, kind, obj, &view, NULL), "only that it ends matters");
		if (api_strict(&a, kind, obj, &issues, NULL) == 0)
			api_defaults(&a, kind, obj);
		api_default_cluster_ips(&a, old, obj);
		api_default_service_on_read(&a, obj, IP_V4);
		IGNORE(api_object_decode(&a, kind, obj, &view, NULL), "only that it ends matters");
		judge(&a, kind, old, obj);
		judge(&a, kind, obj, old);
		print(&a, kind, obj);
	}
	arena_fini(&a);
	return 0;
}
