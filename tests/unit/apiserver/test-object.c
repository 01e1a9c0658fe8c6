/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/object.h"

#include "api/proto.h"
#include "tests/harness/test.h"

static struct resource resource_of(const char *kind, const char *version, const char *head)
{
	return (struct resource){
		.kind = api_kind_of(kind), .api_version = str_of(version), .head = str_of(head)};
}

static int bring(const struct resource *res, struct str value, struct bytes **ret, struct err *err)
{
	struct bytes *b = bytes_dup(value);
	int r = object_to_stored_form(res, b, ret, err);

	bytes_unref(b);
	return r;
}

#define HEAD "{\"kind\":\"Lease\",\"apiVersion\":\"coordination.k8s.io/v1\",\"metadata\":{"

TEST(what_others_store_is_brought_into_the_stored_form)
{
	static const char stored[] = HEAD "\"name\":\"a\",\"namespace\":\"b\"},\"spec\":{"
					  "\"leaseDurationSeconds\":15}}";
	struct resource res = resource_of("Lease", "coordination.k8s.io/v1", HEAD);
	struct buf proto = BUF_INIT;
	struct json *tree;
	struct bytes *got;
	struct arena a;
	struct err err;

	ASSERT_OK(bring(&res, str_of(stored), &got, &err));
	ASSERT_STR(bytes_str(got), str_of(stored));
	bytes_unref(got);
	ASSERT_OK(bring(&res,
			STR("{ \"spec\" : {\"leaseDurationSeconds\":15}, \"metadata\" : "
			    "{\"name\":\"a\",\"namespace\":\"b\",\"resourceVersion\":\"7\"}}"),
			&got, &err));
	ASSERT_STR(bytes_str(got), str_of(stored));
	bytes_unref(got);

	arena_init(&a, 0);
	ASSERT_OK(json_parse(&a, str_of(stored), JSON_BORROW, &tree, &err));
	api_proto_write(&proto, res.api_version, STR("Lease"), res.kind->type, tree);
	ASSERT_OK(bring(&res, buf_str(&proto), &got, &err));
	ASSERT_STR(bytes_str(got), str_of(stored));
	bytes_unref(got);
	buf_fini(&proto);
	arena_fini(&a);
}

TEST(what_is_no_object_of_the_kind_is_refused)
{
	struct resource res = resource_of("Lease", "coordination.k8s.io/v1", HEAD);
	struct buf proto = BUF_INIT;
	struct json *tree;
	struct bytes *got;
	struct arena a;
	struct err err;

	ASSERT_EQ(bring(&res, STR(""), &got, &err), ERR_BAD_REQUEST);
	ASSERT_EQ(bring(&res, STR("text"), &got, &err), ERR_BAD_REQUEST);
	ASSERT_EQ(bring(&res, STR("[]"), &got, &err), ERR_BAD_REQUEST);
	ASSERT_EQ(bring(&res, STR("{\"metadata\":{\"namespace\":\"b\"}}"), &got, &err),
		  ERR_BAD_REQUEST);
	ASSERT_EQ(bring(&res, str_n("k8s\0no", 6), &got, &err), ERR_BAD_REQUEST);

	arena_init(&a, 0);
	ASSERT_OK(json_parse(&a, STR("{\"metadata\":{\"name\":\"a\"}}"), 0, &tree, &err));
	api_proto_write(&proto, STR("coordination.k8s.io/v1beta1"), STR("Lease"), res.kind->type,
			tree);
	ASSERT_EQ(bring(&res, buf_str(&proto), &got, &err), ERR_BAD_REQUEST);
	ASSERT_STREQ(err.msg, "a Lease of coordination.k8s.io/v1beta1 instead of "
			      "coordination.k8s.io/v1");
	buf_clear(&proto);
	tree = json_new(&a, JSON_OBJECT);
	api_proto_write(&proto, res.api_version, STR("Lease"), res.kind->type, tree);
	ASSERT_EQ(bring(&res, buf_str(&proto), &got, &err), ERR_BAD_REQUEST);
	buf_fini(&proto);
	arena_fini(&a);
}
