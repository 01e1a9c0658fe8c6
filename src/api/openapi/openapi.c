/* SPDX-License-Identifier: Apache-2.0 */
#include "api/openapi/openapi.h"

#include "api/openapi/openapi-internal.h"

static void openapi_begin(struct openapi_doc *d, struct arena *a, bool is_v2)
{
	struct json *info;

	arena_init(a, 64 * 1024);
	*d = (struct openapi_doc){.a = a, .is_v2 = is_v2, .root = json_new(a, JSON_OBJECT)};
	json_set(d->root, is_v2 ? "swagger" : "openapi",
		 json_new_string(a, is_v2 ? STR("2.0") : STR("3.0.0")));
	info = json_set(d->root, "info", json_new(a, JSON_OBJECT));
	json_set(info, "title", json_new_string(a, STR("Fairlead")));
	json_set(info, "version", json_new_string(a, STR("v" FAIRLEAD_VERSION)));
}

/* Paths and schemas of the kinds in [kinds, end). */
static void openapi_fill(struct openapi_doc *d, const struct api_kind *kinds,
			 const struct api_kind *end)
{
	static const char *const always[] = {"DeleteOptions", "ListMeta", "Status"};
	struct json *paths = json_set(d->root, "paths", json_new(d->a, JSON_OBJECT)), *schemas;

	for (const struct api_kind *k = kinds; k < end; k++) {
		api_openapi_add_paths(d, paths, k);
		api_openapi_need(d, k->type);
	}
	for (size_t i = 0; i < ARRAY_LEN(always); i++)
		api_openapi_need(d,
				 api_type_find(str_printf(d->a, API_OPENAPI_META "%s", always[i])));
	if (d->is_v2) {
		schemas = json_set(d->root, "definitions", json_new(d->a, JSON_OBJECT));
	} else {
		schemas = json_set(d->root, "components", json_new(d->a, JSON_OBJECT));
		schemas = json_set(schemas, "schemas", json_new(d->a, JSON_OBJECT));
	}
	api_openapi_add_schemas(d, schemas, kinds, end);
}

/* Where a kind's group and version end: kinds stand together by group and version. */
static const struct api_kind *openapi_end_of(const struct api_kind *k)
{
	size_t n;
	const struct api_kind *kinds = api_kinds(&n), *end = k;

	while (end < kinds + n && strcmp(end->group, k->group) == 0 &&
	       strcmp(end->version, k->version) == 0)
		end++;
	return end;
}

/* "api/v1", "apis/discovery.k8s.io/v1" */
static struct str openapi_path_of(struct arena *a, const struct api_kind *k)
{
	struct str version = api_kind_api_version(a, k);

	return str_printf(a, "%s/%.*s", *k->group ? "apis" : "api", STR_ARG(version));
}

static void openapi_write_v3(const struct api_kind *k, struct buf *b)
{
	struct arena a;
	struct openapi_doc d;

	openapi_begin(&d, &a, false);
	openapi_fill(&d, k, openapi_end_of(k));
	json_write(b, d.root);
	map_fini(&d.types);
	arena_fini(&a);
}

bool api_openapi_v3(struct str path, struct buf *b)
{
	struct arena a;
	size_t n;
	const struct api_kind *k = api_kinds(&n), *end = k + n;

	arena_init(&a, 0);
	while (k < end && !str_eq(openapi_path_of(&a, k), path))
		k = openapi_end_of(k);
	arena_fini(&a);
	if (k < end)
		openapi_write_v3(k, b);
	return k < end;
}

/* FNV-1a: tells one content from another, no more. */
static uint64_t openapi_hash(struct str s)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < s.len; i++)
		h = (h ^ (unsigned char)s.ptr[i]) * 0x100000001b3u;
	return h;
}

void api_openapi_v3_index(struct buf *b)
{
	struct arena a;
	struct json *root, *paths;
	size_t n;
	const struct api_kind *k = api_kinds(&n), *end = k + n;

	arena_init(&a, 0);
	root = json_new(&a, JSON_OBJECT);
	paths = json_set(root, "paths", json_new(&a, JSON_OBJECT));
	for (; k < end; k = openapi_end_of(k)) {
		_cleanup_(buf_fini) struct buf doc = BUF_INIT;
		struct str path = openapi_path_of(&a, k), url;
		struct json *entry = json_new(&a, JSON_OBJECT);

		openapi_write_v3(k, &doc);
		url = str_printf(&a, "/openapi/v3/%.*s?hash=%016llX", STR_ARG(path),
				 (unsigned long long)openapi_hash(buf_str(&doc)));
		json_set(entry, "serverRelativeURL", json_new_string(&a, url));
		json_set_str(paths, path, entry);
	}
	json_write(b, root);
	arena_fini(&a);
}

static void openapi_write_v2(struct buf *b, void (*write)(const struct json *root, struct buf *b))
{
	struct arena a;
	struct openapi_doc d;
	size_t n;
	const struct api_kind *kinds = api_kinds(&n);

	openapi_begin(&d, &a, true);
	openapi_fill(&d, kinds, kinds + n);
	write(d.root, b);
	map_fini(&d.types);
	arena_fini(&a);
}

static void openapi_write_json(const struct json *root, struct buf *b)
{
	json_write(b, root);
}

void api_openapi_v2(struct buf *b)
{
	openapi_write_v2(b, openapi_write_json);
}

void api_openapi_v2_proto(struct buf *b)
{
	openapi_write_v2(b, api_openapi_encode);
}
