/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proto/ holds, for each kind, an object with every field set (KIND) and one whose fields are there
 * and zero (KIND-zero): the bytes that Kubernetes 1.36 writes for it, and its JSON.
 */
#include "api/kind.h"
#include "api/proto.h"
#include "api/strict.h"
#include "tests/harness/test.h"

#include <glob.h>
#include <stdio.h>

static struct arena a;

static struct str read_file(const char *path)
{
	struct buf b = BUF_INIT;
	FILE *f = fopen(path, "rbe");
	char block[4096];
	size_t n;
	struct str ret;

	ASSERT_TRUE(f != NULL);
	while ((n = fread(block, 1, sizeof(block), f)) > 0)
		buf_add(&b, block, n);
	(void)fclose(f);
	ret = str_dup(&a, buf_str(&b));
	buf_fini(&b);
	return ret;
}

static const struct api_type *type_of(const struct api_proto_envelope *e)
{
	const struct api_kind *kind = api_kind_by_name(e->api_version, e->kind);
	const struct api_type *type;

	if (kind)
		return kind->type;
	type = api_type_find(
		str_printf(&a, "io.k8s.apimachinery.pkg.apis.meta.v1.%.*s", STR_ARG(e->kind)));
	return type ? type
		    : api_type_find(str_printf(&a, "io.k8s.api.core.v1.%.*s", STR_ARG(e->kind)));
}

static struct json *stored(const struct api_type *type, struct json *n)
{
	struct api_strs issues;
	struct err err;

	ASSERT_OK(api_strict_type(&a, type, n, &issues, &err));
	for (size_t i = 0; i < issues.n; i++)
		test_fail(__FILE__, __LINE__, "%s: %.*s", type->name, STR_ARG(issues.ptr[i]));
	json_remove(n, "kind");
	json_remove(n, "apiVersion");
	return n;
}

static struct json *decode(const struct api_type *type, struct str raw)
{
	struct json *n;
	struct err err;

	ASSERT_OK(api_proto_parse(&a, type, raw, &n, &err));
	return n;
}

static void same(const char *what, const struct json *got, const struct json *want)
{
	struct buf x = BUF_INIT, y = BUF_INIT;

	if (json_eq(got, want))
		return;
	json_write(&x, got);
	json_write(&y, want);
	test_fail(__FILE__, __LINE__, "%s:\n got %s\nwant %s", what, x.ptr, y.ptr);
}

static void check_vector(const char *path)
{
	struct api_proto_envelope e;
	struct str body = read_file(path);
	const struct api_type *type;
	struct json *want, *got;
	struct buf b = BUF_INIT;
	struct err err;

	ASSERT_OK(api_proto_open(body, &e, &err));
	type = type_of(&e);
	ASSERT_TRUE(type != NULL);
	ASSERT_OK(json_parse(
		&a, read_file(str_printf(&a, "%.*s.json", (int)strlen(path) - 3, path).ptr), 0,
		&want, &err));
	want = stored(type, want);
	got = stored(type, decode(type, e.message));
	same(path, got, want);
	api_proto_write(&b, e.api_version, e.kind, type, got);
	ASSERT_OK(api_proto_open(buf_str(&b), &e, &err));
	same(path, stored(type, decode(type, e.message)), want);
	buf_fini(&b);
}

TEST(reads_what_kubernetes_writes_and_writes_it_back)
{
	glob_t g;

	arena_init(&a, 0);
	ASSERT_EQ(glob(PROTO_VECTORS "/*.pb", 0, NULL, &g), 0);
	ASSERT_TRUE(g.gl_pathc >= 32);
	for (size_t i = 0; i < g.gl_pathc; i++)
		check_vector(g.gl_pathv[i]);
	globfree(&g);
	arena_fini(&a);
}

static const struct api_type *kind(const char *name)
{
	return api_kind_of(name)->type;
}

/* A message of the kind gives this JSON; "'" stands for '"'. */
static void check(const char *kind_name, struct str raw, const char *want)
{
	struct json *n = decode(kind(kind_name), raw);
	struct buf b = BUF_INIT;

	json_write(&b, n);
	for (size_t i = 0; i < b.len; i++)
		if (b.ptr[i] == '"')
			b.ptr[i] = '\'';
	ASSERT_STREQ(b.ptr, want);
	buf_fini(&b);
}

static void refuse(const char *kind_name, struct str raw, const char *want)
{
	struct json *n = NULL;
	struct err err;

	ASSERT_ERR(api_proto_parse(&a, kind(kind_name), raw, &n, &err), ERR_BAD_REQUEST);
	ASSERT_STREQ(err.msg, want);
	ASSERT_TRUE(n == NULL);
}

TEST(merges_skips_and_takes_the_last)
{
	arena_init(&a, 0);
	check("Service", STR(""), "{}");
	check("Service", STR("\x0a\x03\x0a\x01x\x0a\x03\x1a\x01y"),
	      "{'metadata':{'name':'x','namespace':'y'}}");
	check("Service", STR("\x0a\x06\x0a\x01x\x0a\x01z"), "{'metadata':{'name':'z'}}");
	check("Service", STR("\x0a\x05\x0a\x01x\x0a\x00"), "{'metadata':{'name':''}}");
	/* unknown: field 100 as varint, fixed 64, bytes, fixed 32 */
	check("Service", STR("\xa0\x06\x01\xa1\x06\1\2\3\4\5\6\7\x08\xa2\x06\1x\xa5\x06\1\2\3\4"),
	      "{}");
	/* labels with an entry without a value, one without a key */
	check("Service", STR("\x0a\x0a\x5a\x03\x0a\x01k\x5a\x03\x12\x01v"),
	      "{'metadata':{'labels':{'k':'','':'v'}}}");
	/* lists go on after another field: finalizers a, name x, finalizers b */
	check("Service",
	      STR("\x0a\x09\x72\x01"
		  "a\x0a\x01x\x72\x01"
		  "b"),
	      "{'metadata':{'finalizers':['a','b'],'name':'x'}}");
	/* supplementalGroups 1, 300 packed, then 2 */
	check("Pod", STR("\x12\x0b\x72\x09\x22\x03\x01\xac\x02\x20\x02\x10\x05"),
	      "{'spec':{'securityContext':{'supplementalGroups':[1,300,2],'runAsUser':5}}}");
	/* a volume's name, then its source, in two parts */
	check("Pod",
	      STR("\x12\x12\x0a\x10\x0a\x01v\x12\x04\x0a\x02\x0a\x00\x12\x05\x0a\x03\x0a\x01p"),
	      "{'spec':{'volumes':[{'name':'v','hostPath':{'path':'p'}}]}}");
	arena_fini(&a);
}

TEST(knows_times_and_numbers)
{
	arena_init(&a, 0);
	/* creationTimestamp empty, at 0 seconds; generation -1 */
	check("Service", STR("\x0a\x02\x42\x00"), "{'metadata':{}}");
	check("Service", STR("\x0a\x04\x42\x02\x08\x00"),
	      "{'metadata':{'creationTimestamp':'1970-01-01T00:00:00Z'}}");
	check("Service", STR("\x0a\x0b\x38\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
	      "{'metadata':{'generation':-1}}");
	/* the zero time, spelt out */
	check("Service", STR("\x0a\x0d\x42\x0b\x08\x80\x92\xb8\xc3\x98\xfe\xff\xff\xff\x01"),
	      "{'metadata':{}}");
	arena_fini(&a);
}

TEST(refuses_with_the_path)
{
	arena_init(&a, 0);
	refuse("Service", STR("\x0a"), "a truncated varint");
	refuse("Service", STR("\x0a\x05x"),
	       "a truncated field: its length is beyond the end of the message");
	refuse("Service", STR("\x0a\x02\x0a\x05"),
	       "metadata: a truncated field: its length is beyond the end of the message");
	refuse("Service", STR("\x02\x00"), "a field tag out of range");
	refuse("Service", STR("\x0b"), "a bad wire type");
	refuse("Service", STR("\x08\x01"), "metadata: a wrong wire type");
	refuse("Service", STR("\x12\x04\x0a\x02\x1a\x00"), "spec.ports[0].port: a wrong wire type");
	refuse("Service", STR("\x12\x0a\x0a\x08\x18\xff\xff\xff\xff\xff\xff\x01"),
	       "spec.ports[0].port: a number that does not fit 32 bits");
	refuse("Service", STR("\x0a\x0b\x38\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"),
	       "metadata: a varint of more than 64 bits");
	refuse("Service", STR("\x0a\x0c\x38\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"),
	       "metadata: a varint of more than 64 bits");
	refuse("Service", STR("\x0a\x03\x0a\x01\xff"), "metadata.name: text that is no UTF-8");
	refuse("Service", STR("\x0a\x08\x5a\x06\x0a\x01k\x12\x01\xff"),
	       "metadata.labels[k]: text that is no UTF-8");
	refuse("Service", STR("\x0a\x0a\x42\x08\x08\x01\x10\x80\x94\xeb\xdc\x03"),
	       "metadata.creationTimestamp: a time out of range");
	refuse("Service", STR("\x12\x06\x0a\x04\x22\x02\x08\x02"),
	       "spec.ports[0].targetPort: an IntOrString that is neither");
	refuse("Service", STR("\x0a\x08\x8a\x01\x05\x3a\x03\x0a\x01{"),
	       "metadata.managedFields[0].fieldsV1: raw bytes that are no JSON");
	arena_fini(&a);
}

static void refuse_body(struct str body, const char *want)
{
	struct api_proto_envelope e;
	struct err err;

	ASSERT_ERR(api_proto_open(body, &e, &err), ERR_BAD_REQUEST);
	ASSERT_STREQ(err.msg, want);
}

TEST(opens_envelopes)
{
	struct api_proto_envelope e;
	struct err err;

	ASSERT_OK(api_proto_open(STR("k8s\0"), &e, &err));
	ASSERT_EQ(e.kind.len + e.api_version.len + e.message.len, 0);
	ASSERT_OK(api_proto_open(STR("k8s\0\x0a\x07\x0a\x02v1\x12\x01S\x12\x02\x0a\x00\x22\x00"),
				 &e, &err));
	ASSERT_STR(e.api_version, STR("v1"));
	ASSERT_STR(e.kind, STR("S"));
	ASSERT_EQ(e.message.len, 2);
	refuse_body(STR(""), "it does not begin with \"k8s\\0\"");
	refuse_body(STR("k8s"), "it does not begin with \"k8s\\0\"");
	refuse_body(STR("{\"a\":1}"), "it does not begin with \"k8s\\0\"");
	refuse_body(STR("k8s\0\x1a\x04gzip"),
		    "contentEncoding: only content that is not encoded is accepted");
	refuse_body(STR("k8s\0\x22\x01x"),
		    "contentType: only application/vnd.kubernetes.protobuf is accepted");
	refuse_body(STR("k8s\0\x0a\x03\x12\x01\xff"), "typeMeta: text that is no UTF-8");
	refuse_body(STR("k8s\0\x0a\x03"),
		    "a truncated field: its length is beyond the end of the message");
}

TEST(bounds_the_values_of_a_message)
{
	struct buf b = BUF_INIT, group = BUF_INIT;

	arena_init(&a, 0);
	/* spec.securityContext.supplementalGroups packed: a byte makes a value */
	for (size_t i = 0; i <= API_PROTO_VALUES_MAX; i++)
		buf_add_byte(&group, 1);
	buf_add(&b, "\x12\x89\x80\x40\x72\x85\x80\x40\x22\x81\x80\x40", 12);
	buf_add_str(&b, buf_str(&group));
	refuse("Pod", buf_str(&b), "spec.securityContext.supplementalGroups: too many values");
	buf_fini(&b);
	buf_fini(&group);
	arena_fini(&a);
}

TEST(writes_lists_and_events)
{
	struct buf b = BUF_INIT;
	struct json *obj, *meta = NULL;
	struct api_proto_event event;
	struct err err;
	size_t begun;

	arena_init(&a, 0);
	ASSERT_OK(json_parse(&a, STR("{\"metadata\":{\"name\":\"x\"}}"), 0, &obj, &err));
	ASSERT_OK(json_parse(&a, STR("{\"resourceVersion\":\"7\"}"), 0, &meta, &err));
	begun = api_proto_begin(&b, STR("v1"), STR("L"));
	api_proto_add_list_meta(&b, meta);
	api_proto_add_item(&b, kind("Service"), obj);
	api_proto_end(&b, begun);
	ASSERT_STR(buf_str(&b), STR("k8s\0\x0a\x07\x0a\x02v1\x12\x01L\x12\x0c\x0a\x03\x12\x01\x37"
				    "\x12\x05\x0a\x03\x0a\x01x\x1a\x00\x22\x00"));
	buf_clear(&b);
	event = api_proto_begin_event(&b, STR("ADDED"));
	api_proto_write(&b, STR("v1"), STR("S"), kind("Service"), obj);
	api_proto_end_event(&b, event);
	ASSERT_STR(buf_str(&b), STR("\0\0\0\x23\x0a\x05"
				    "ADDED\x12\x1a\x0a\x18k8s\0\x0a\x07\x0a\x02v1"
				    "\x12\x01S\x12\x05\x0a\x03\x0a\x01x\x1a\x00\x22\x00"));
	buf_fini(&b);
	arena_fini(&a);
}
