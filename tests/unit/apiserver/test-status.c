/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/status.h"

#include "apiserver/accept.h"
#include "apiserver/object.h"
#include "tests/harness/test.h"

static const struct api_kind kind = {
	.group = "example.com", .version = "v1", .kind = "Thing", .plural = "things"};
static const struct resource res = {
	.kind = &kind,
	.resource_name = {"things.example.com", 18},
	.qualified_kind = {"Thing.example.com", 17},
};

static void check(const struct status *st, const char *want)
{
	struct buf b = BUF_INIT;

	status_write(&b, st);
	ASSERT_STREQ(b.ptr, want);
	buf_fini(&b);
}

TEST(not_found)
{
	struct arena a;
	struct status st = {.arena = &a};

	arena_init(&a, 0);
	ASSERT_EQ(status_not_found(&st, &res, STR("x")), ERR_NOT_FOUND);
	check(&st, "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":"
		   "\"Failure\",\"message\":\"things.example.com \\\"x\\\" not found\","
		   "\"reason\":\"NotFound\",\"details\":{\"name\":\"x\",\"group\":\"example.com\","
		   "\"kind\":\"things\"},\"code\":404}");
	arena_fini(&a);
}

TEST(every_cause_is_in_the_message)
{
	struct arena a;
	struct status st = {.arena = &a};

	arena_init(&a, 0);
	status_add_cause(&st, "FieldValueRequired", STR("spec.a"), STR("Required value"));
	status_add_cause(&st, "FieldValueInvalid", STR("spec.b"), STR("Invalid value: 1: no"));
	ASSERT_EQ(status_invalid(&st, &res, STR("x")), ERR_INVALID);
	ASSERT_STR(st.message, STR("Thing.example.com \"x\" is invalid: [spec.a: Required value, "
				   "spec.b: Invalid value: 1: no]"));
	ASSERT_EQ(st.code, 422);
	arena_fini(&a);
}

/* Proves: 18.3.10 */
TEST(too_many_are_told_when_to_come_back)
{
	struct arena a;
	struct status st = {.arena = &a};

	arena_init(&a, 0);
	ASSERT_EQ(status_set(&st, ERR_TOO_MANY, "too many"), ERR_TOO_MANY);
	ASSERT_TRUE(st.retry_after_s > 0);
	check(&st, "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":"
		   "\"Failure\",\"message\":\"too many\",\"reason\":\"TooManyRequests\","
		   "\"details\":{\"retryAfterSeconds\":1},\"code\":429}");
	arena_fini(&a);
}

TEST(accept_types_are_taken_apart)
{
	struct str rest = STR(" application/json ; as=Table;v=v1 ;g=meta.k8s.io , */*");
	struct accept_type t;

	ASSERT_TRUE(accept_next(&rest, &t));
	ASSERT_STR(t.type, STR("application/json"));
	ASSERT_STR(t.as, STR("Table"));
	ASSERT_STR(t.version, STR("v1"));
	ASSERT_STR(t.group, STR("meta.k8s.io"));
	ASSERT_TRUE(accept_next(&rest, &t));
	ASSERT_STR(t.type, STR("*/*"));
	ASSERT_FALSE(str_is_set(t.as));
	ASSERT_FALSE(accept_next(&rest, &t));
}

TEST(body_types)
{
	static const char *const types[] = {"application/json", "application/yaml", NULL};

	ASSERT_EQ(accept_body((struct str){0}, types), 0);
	ASSERT_EQ(accept_body(STR("Application/JSON; charset=utf-8"), types), 0);
	ASSERT_EQ(accept_body(STR("application/yaml"), types), 1);
	ASSERT_EQ(accept_body(STR("application/jsonx"), types), -1);
}
