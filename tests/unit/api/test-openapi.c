/* SPDX-License-Identifier: Apache-2.0 */
#include "api/kind.h"
#include "api/openapi/openapi.h"
#include "api/schema.h"
#include "tests/harness/test.h"
#include "json/json.h"

static struct arena a;

static struct json *parse(const struct buf *b)
{
	struct json *n;
	struct err err;

	ASSERT_OK(json_parse(&a, buf_str(b), 0, &n, &err));
	return n;
}

static const struct json *get(const struct json *n, const char *key)
{
	const struct json *c = json_get(n, key);

	if (!c)
		test_fail(__FILE__, __LINE__, "no \"%s\"", key);
	return c;
}

/* Every "$ref" below n leads to a member of `schemas`. */
static size_t check_refs(const struct json *n, const char *prefix, const struct json *schemas)
{
	size_t found = 0;

	if (n->type != JSON_OBJECT && n->type != JSON_ARRAY)
		return 0;
	for (const struct json *c = n->first; c; c = c->next) {
		if (str_eq_c(c->key, "$ref") && c->type == JSON_STRING) {
			ASSERT_TRUE(str_has_prefix(c->string, str_of(prefix)));
			ASSERT_TRUE(json_get_str(schemas, str_skip(c->string, strlen(prefix))));
			found++;
		} else {
			found += check_refs(c, prefix, schemas);
		}
	}
	return found;
}

TEST(indexes_its_documents)
{
	_cleanup_(buf_fini) struct buf b = BUF_INIT, doc = BUF_INIT;
	const struct json *paths;

	arena_init(&a, 0);
	api_openapi_v3_index(&b);
	paths = get(parse(&b), "paths");
	ASSERT_TRUE(paths->count >= 4);
	for (const struct json *p = paths->first; p; p = p->next) {
		struct str url = json_get_string(p, "serverRelativeURL");

		ASSERT_TRUE(str_has_prefix(url, STR("/openapi/v3/")));
		ASSERT_TRUE(str_has_prefix(str_skip(url, 12), p->key));
		ASSERT_TRUE(api_openapi_v3(p->key, &doc));
	}
	ASSERT_FALSE(api_openapi_v3(STR("api/v2"), &doc));
	ASSERT_FALSE(api_openapi_v3(STR("apis/v1"), &doc));
	arena_fini(&a);
}

TEST(describes_services_in_version_3)
{
	_cleanup_(buf_fini) struct buf b = BUF_INIT;
	const struct json *root, *schemas, *op, *n;
	bool has_validation = false;

	arena_init(&a, 0);
	ASSERT_TRUE(api_openapi_v3(STR("api/v1"), &b));
	root = parse(&b);
	schemas = get(get(root, "components"), "schemas");
	ASSERT_TRUE(check_refs(root, "#/components/schemas/", schemas) > 200);
	n = get(get(get(schemas, "io.k8s.api.core.v1.ServiceSpec"), "properties"), "ports");
	ASSERT_STR(json_get_string(n, "x-kubernetes-patch-merge-key"), STR("port"));
	ASSERT_STR(json_get_string(n, "x-kubernetes-patch-strategy"), STR("merge"));
	ASSERT_STR(json_get_string(n, "x-kubernetes-list-type"), STR("map"));
	n = get(get(schemas, "io.k8s.api.core.v1.Service"), "x-kubernetes-group-version-kind");
	ASSERT_STR(json_get_string(json_at(n, 0), "kind"), STR("Service"));
	ASSERT_STR(json_get_string(json_at(n, 0), "group"), STR(""));
	n = get(get(root, "paths"), "/api/v1/namespaces/{namespace}/services/{name}");
	op = get(n, "patch");
	ASSERT_STR(json_get_string(get(op, "x-kubernetes-group-version-kind"), "kind"),
		   STR("Service"));
	n = get(op, "parameters");
	for (const struct json *p = n->first; p; p = p->next)
		has_validation |= str_eq_c(json_get_string(p, "name"), "fieldValidation");
	ASSERT_TRUE(has_validation);
	ASSERT_TRUE(json_get(get(get(op, "requestBody"), "content"),
			     "application/strategic-merge-patch+json"));
	/* Members of inlined types are the type's own. */
	n = get(get(schemas, "io.k8s.api.core.v1.Volume"), "properties");
	ASSERT_TRUE(json_get(n, "emptyDir") && !json_get(n, "volumeSource"));
	ASSERT_TRUE(json_get(schemas, "io.k8s.api.core.v1.VolumeSource") == NULL);
	arena_fini(&a);
}

TEST(describes_all_in_version_2)
{
	_cleanup_(buf_fini) struct buf b = BUF_INIT;
	const struct json *root, *definitions;
	size_t n;
	const struct api_kind *kinds = api_kinds(&n);

	arena_init(&a, 0);
	api_openapi_v2(&b);
	root = parse(&b);
	definitions = get(root, "definitions");
	ASSERT_TRUE(check_refs(root, "#/definitions/", definitions) > 200);
	for (size_t i = 0; i < n; i++) {
		const struct json *d = get(definitions, kinds[i].type->name);

		ASSERT_EQ(get(d, "x-kubernetes-group-version-kind")->count, 1);
	}
	arena_fini(&a);
}

static uint64_t varint(struct str *s)
{
	uint64_t v = 0;

	for (unsigned shift = 0; s->len > 0 && shift < 64; shift += 7) {
		unsigned char c = (unsigned char)s->ptr[0];

		*s = str_skip(*s, 1);
		v |= (uint64_t)(c & 0x7f) << shift;
		if (!(c & 0x80))
			return v;
	}
	test_fail(__FILE__, __LINE__, "the varint does not end");
}

/* The next field; its number, and its bytes when it has some. */
static uint64_t field(struct str *s, struct str *ret)
{
	uint64_t tag = varint(s), len = varint(s);

	*ret = (struct str){0};
	if ((tag & 7) == 2) {
		ASSERT_TRUE(len <= s->len);
		*ret = str_sub(*s, 0, len);
		*s = str_skip(*s, len);
	}
	return tag >> 3;
}

TEST(encodes_version_2_as_protobuf)
{
	_cleanup_(buf_fini) struct buf b = BUF_INIT;
	struct str rest, value, list, pair, name;
	size_t n_definitions = 0, n_paths = 0;

	api_openapi_v2_proto(&b);
	rest = buf_str(&b);
	ASSERT_EQ(field(&rest, &value), 1);
	ASSERT_STR(value, STR("2.0"));
	ASSERT_EQ(field(&rest, &value), 2);
	ASSERT_EQ(field(&rest, &list), 8);
	for (; list.len > 0; n_paths++) {
		ASSERT_EQ(field(&list, &pair), 2);
		ASSERT_EQ(field(&pair, &name), 1);
		ASSERT_TRUE(str_has_prefix(name, STR("/api")));
	}
	ASSERT_EQ(field(&rest, &list), 9);
	for (; list.len > 0; n_definitions++) {
		ASSERT_EQ(field(&list, &pair), 1);
		ASSERT_EQ(field(&pair, &name), 1);
		ASSERT_TRUE(str_has_prefix(name, STR("io.k8s.")));
		ASSERT_EQ(field(&pair, &value), 2);
	}
	ASSERT_EQ(rest.len, 0);
	ASSERT_TRUE(n_paths > 30 && n_definitions > 180);
}
