/* SPDX-License-Identifier: Apache-2.0 */
#include "api/kind.h"
#include "api/schema.h"
#include "tests/harness/test.h"
#include "json/json.h"

TEST(finds_kinds_by_resource_and_by_name)
{
	const struct api_kind *k = api_kind_by_resource(STR(""), STR("v1"), STR("services"));

	ASSERT_TRUE(k != NULL);
	ASSERT_STREQ(k->kind, "Service");
	ASSERT_TRUE(api_kind_by_name(STR("v1"), STR("Service")) == k);
	ASSERT_TRUE(api_kind_of("Service") == k);
	ASSERT_TRUE(api_kind_by_name(STR("discovery.k8s.io/v1"), STR("EndpointSlice")) ==
		    api_kind_of("EndpointSlice"));
	ASSERT_TRUE(api_kind_by_name(STR("/v1"), STR("Service")) == NULL);
	ASSERT_TRUE(api_kind_by_name(STR("v2"), STR("Service")) == NULL);
	ASSERT_TRUE(api_kind_by_resource(STR("x"), STR("v1"), STR("services")) == NULL);
	ASSERT_TRUE(api_kind_of("Nothing") == NULL);
}

TEST(names_and_paths)
{
	const struct api_kind *svc = api_kind_of("Service"), *slice = api_kind_of("EndpointSlice");
	const struct api_kind *node = api_kind_of("Node");
	struct arena a;

	arena_init(&a, 0);
	ASSERT_STR(api_kind_api_version(&a, svc), STR("v1"));
	ASSERT_STR(api_kind_api_version(&a, slice), STR("discovery.k8s.io/v1"));
	ASSERT_STR(api_kind_resource_name(&a, svc), STR("services"));
	ASSERT_STR(api_kind_resource_name(&a, slice), STR("endpointslices.discovery.k8s.io"));
	ASSERT_STR(api_kind_path(&a, svc, STR("default"), STR("web")),
		   STR("/api/v1/namespaces/default/services/web"));
	ASSERT_STR(api_kind_path(&a, svc, (struct str){0}, (struct str){0}),
		   STR("/api/v1/services"));
	ASSERT_STR(api_kind_path(&a, slice, STR("default"), (struct str){0}),
		   STR("/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"));
	ASSERT_STR(api_kind_path(&a, node, STR("ignored"), STR("n1")), STR("/api/v1/nodes/n1"));
	arena_fini(&a);
}

TEST(finds_fields_and_members_of_inlined_types)
{
	const struct api_type *spec = api_type_find(STR("io.k8s.api.core.v1.ServiceSpec"));
	const struct api_type *volume = api_type_find(STR("io.k8s.api.core.v1.Volume"));
	const struct api_field *f = api_field_find(spec, STR("ports"));

	ASSERT_TRUE(f != NULL);
	ASSERT_EQ(f->number, 1);
	ASSERT_EQ(f->shape, API_LIST);
	ASSERT_STREQ(f->merge_key, "port");
	ASSERT_STREQ(f->map_keys[1], "protocol");
	ASSERT_STREQ(f->type->name, "io.k8s.api.core.v1.ServicePort");
	ASSERT_TRUE(api_field_find(spec, STR("port")) == NULL);
	ASSERT_TRUE(api_field_find(spec, STR("ports\0")) == NULL);
	ASSERT_TRUE(api_field_find(spec, STR("")) == NULL);
	ASSERT_TRUE(api_field_find(volume, STR("emptyDir")) != NULL);
	ASSERT_TRUE(api_field_find(volume, STR("volumeSource")) == NULL);
	ASSERT_TRUE(api_type_find(STR("io.k8s.api.core.v1.Nothing")) == NULL);
}

static void check_field(const struct api_type *t, const struct api_field *f, struct arena *a)
{
	struct json *n;
	struct err err;

	ASSERT_EQ(f->value == API_OBJECT, f->type != NULL);
	ASSERT_TRUE(f->description != NULL);
	for (size_t i = 0; i < t->n_fields; i++)
		ASSERT_TRUE(&t->fields[i] == f || f->number == 0 ||
			    t->fields[i].number != f->number);
	if (f->merge_key) {
		ASSERT_TRUE(f->flags & API_FIELD_MERGE);
		ASSERT_TRUE(f->shape == API_LIST);
		ASSERT_TRUE(api_field_find(f->type, str_of(f->merge_key)) != NULL);
	}
	ASSERT_EQ(f->list_type == API_LIST_MAP, f->map_keys != NULL);
	for (size_t i = 0; f->map_keys && f->map_keys[i]; i++)
		ASSERT_TRUE(api_field_find(f->type, str_of(f->map_keys[i])) != NULL);
	if (f->flags & API_FIELD_INLINE)
		ASSERT_TRUE(f->value == API_OBJECT && f->shape == API_ONE && t->has_inline);
	if (f->default_json)
		ASSERT_OK(json_parse(a, str_of(f->default_json), 0, &n, &err));
}

TEST(holds_its_invariants)
{
	struct arena a;

	arena_init(&a, 0);
	ASSERT_TRUE(api_schema_n_types > 150);
	for (size_t i = 0; i < api_schema_n_types; i++) {
		const struct api_type *t = api_schema_types[i];

		if (i > 0)
			ASSERT_TRUE(strcmp(api_schema_types[i - 1]->name, t->name) < 0);
		for (size_t j = 0; j < t->n_fields; j++) {
			if (j > 0)
				ASSERT_TRUE(strcmp(t->fields[j - 1].name, t->fields[j].name) < 0);
			check_field(t, &t->fields[j], &a);
		}
	}
	arena_fini(&a);
}

TEST(describes_every_kind)
{
	size_t n;
	const struct api_kind *kinds = api_kinds(&n);

	ASSERT_TRUE(n >= 13);
	for (size_t i = 0; i < n; i++) {
		const struct api_kind *k = &kinds[i];
		const struct api_field *meta = api_field_find(k->type, STR("metadata"));

		ASSERT_TRUE(meta != NULL);
		ASSERT_STREQ(meta->type->name, "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta");
		ASSERT_TRUE(api_field_find(k->type, STR("kind")) != NULL);
		ASSERT_TRUE(api_field_find(k->type, STR("apiVersion")) != NULL);
		ASSERT_TRUE(k->short_names && k->categories && k->field_labels && *k->storage);
		if (strcmp(k->storage, "-") == 0) { /* answered, not stored */
			ASSERT_TRUE(k->verbs == API_VERB_CREATE);
			continue;
		}
		ASSERT_TRUE(k->n_columns > 1);
		ASSERT_TRUE(k->verbs & API_VERB_GET);
		for (size_t j = 0; j < i; j++)
			/* The same kind in another group is stored once. */
			ASSERT_TRUE(strcmp(kinds[j].storage, k->storage) != 0 ||
				    strcmp(kinds[j].kind, k->kind) == 0);
	}
}
