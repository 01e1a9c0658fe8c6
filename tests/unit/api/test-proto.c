/* SPDX-License-Identifier: Apache-2.0 */
#include "api/proto.h"

#include "api/kind.h"
#include "tests/harness/test.h"

static struct str add(struct buf *b, unsigned number, struct str bytes)
{
	buf_add_byte(b, (char)(number << 3 | 2));
	assert(bytes.len < 128);
	buf_add_byte(b, (char)bytes.len);
	buf_add_str(b, bytes);
	return buf_str(b);
}

static struct json *parsed(struct arena *a, const char *kind, struct str message)
{
	struct json *obj = NULL;
	struct err err;

	ASSERT_OK(api_proto_parse(a, api_kind_of(kind)->type, message, &obj, &err));
	return obj;
}

static void expect(struct arena *a, const char *kind, struct str message, const char *want)
{
	struct buf got = BUF_INIT;

	json_write(&got, parsed(a, kind, message));
	ASSERT_STREQ(got.ptr, want);
	buf_fini(&got);
}

TEST(service)
{
	struct buf port = BUF_INIT, spec = BUF_INIT, b = BUF_INIT;
	struct arena a;

	arena_init(&a, 0);
	add(&port, 1, STR("http"));
	add(&port, 2, STR("TCP"));
	buf_add(&port, "\x18\x50", 2);                      /* port 80 */
	add(&port, 4, STR("\x08\x00\x10\x90\x3f\x1a\x00")); /* targetPort: int 8080, "" */
	buf_add(&port, "\x28\x00", 2);                      /* nodePort 0: absent */
	add(&spec, 1, buf_str(&port));
	add(&spec, 2,
	    STR("\x0a\x03"
		"app\x12\x01"
		"a")); /* selector */
	add(&spec, 4, STR("ClusterIP"));
	add(&b, 1,
	    STR("\x0a\x01"
		"a\x42\x00")); /* name; a zero creationTimestamp */
	add(&b, 2, buf_str(&spec));
	add(&b, 3, STR("\x0a\x00"));
	expect(&a, "Service", buf_str(&b),
	       "{\"metadata\":{\"name\":\"a\"},\"spec\":{\"ports\":[{\"name\":\"http\",\"protocol\":\"TCP\","
	       "\"port\":80,\"targetPort\":8080}],\"selector\":{\"app\":\"a\"},\"type\":\"ClusterIP\"},"
	       "\"status\":{\"loadBalancer\":{}}}");
	buf_fini(&port);
	buf_fini(&spec);
	buf_fini(&b);
	arena_fini(&a);
}

TEST(values)
{
	struct buf b = BUF_INIT;
	struct arena a;

	arena_init(&a, 0);
	/* Secret.data: base64; times; what no field has is skipped; explicit zeros of pointers
	 * stay. */
	add(&b, 1, STR("\x42\x05\x08\x80\x9a\x9e\x01\x50\x00")); /* 2592000 s; deletionGrace… 0 */
	add(&b, 2, STR("\x0a\x01k\x12\x04\xff\x00\x01\x02"));
	add(&b, 15, STR("unknown"));
	buf_add(&b, "\x28\x01", 2); /* immutable */
	expect(&a, "Secret", buf_str(&b),
	       "{\"metadata\":{\"creationTimestamp\":\"1970-01-31T00:00:00Z\","
	       "\"deletionGracePeriodSeconds\":0},\"data\":{\"k\":\"/wABAg==\"},\"immutable\":true}");
	buf_fini(&b);
	arena_fini(&a);
}

TEST(inline_members)
{
	struct buf volume = BUF_INIT, spec = BUF_INIT, b = BUF_INIT;
	struct arena a;

	arena_init(&a, 0);
	add(&volume, 1, STR("v"));
	add(&volume, 2, STR("\x12\x00")); /* volumeSource.emptyDir */
	add(&spec, 1, buf_str(&volume));
	add(&b, 2, buf_str(&spec));
	expect(&a, "Pod", buf_str(&b),
	       "{\"spec\":{\"volumes\":[{\"name\":\"v\",\"emptyDir\":{}}]}}");
	buf_fini(&volume);
	buf_fini(&spec);
	buf_fini(&b);
	arena_fini(&a);
}

TEST(envelope)
{
	struct api_proto_envelope e;
	struct err err;
	struct buf b = BUF_INIT;

	buf_add(&b, "k8s\0", 4);
	add(&b, 1, STR("\x0a\x02v1\x12\x07Service"));
	add(&b, 2, STR("abc"));
	ASSERT_OK(api_proto_open(buf_str(&b), &e, &err));
	ASSERT_TRUE(str_eq_c(e.api_version, "v1") && str_eq_c(e.kind, "Service"));
	ASSERT_TRUE(str_eq_c(e.message, "abc"));
	add(&b, 3, STR("gzip"));
	ASSERT_EQ(api_proto_open(buf_str(&b), &e, &err), ERR_BAD_REQUEST);
	ASSERT_EQ(api_proto_open(STR("{}"), &e, &err), ERR_BAD_REQUEST);
	ASSERT_EQ(api_proto_open(STR(""), &e, &err), ERR_BAD_REQUEST);
	buf_fini(&b);
}

static void expect_bad(const char *kind, struct str message, const char *why)
{
	struct json *obj;
	struct arena a;
	struct err err;

	arena_init(&a, 0);
	ASSERT_EQ(api_proto_parse(&a, api_kind_of(kind)->type, message, &obj, &err),
		  ERR_BAD_REQUEST);
	ASSERT_TRUE(strstr(err.msg, why));
	arena_fini(&a);
}

TEST(bad_messages)
{
	expect_bad("Service", STR("\x0a"), "truncated");
	expect_bad("Service",
		   STR("\x0a\x05"
		       "abc"),
		   "truncated");
	expect_bad("Service", STR("\x0a\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"), "64 bits");
	expect_bad("Service", STR("\x02\x00"), "tag"); /* field 0 */
	expect_bad("Service", STR("\x0b\x00"), "bad"); /* a group */
	expect_bad("Service", STR("\x08\x01"), "metadata: a wrong wire type");
	expect_bad("Service", STR("\x0a\x03\x0a\x01\xff"), "UTF-8");
	expect_bad("Service", STR("\x0a\x0c\x42\x0a\x08\xff\xff\xff\xff\xff\xff\xff\xff\x7f"),
		   "time");
}
