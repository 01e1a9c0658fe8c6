/* SPDX-License-Identifier: Apache-2.0 */
#include "api/kind.h"
#include "api/managed/field_set.h"
#include "tests/harness/test.h"
#include "tests/unit/api/text.h"

static struct arena a;

static struct json *parse(const char *text)
{
	return text_parse(&a, text);
}

static const char *text_of(const struct json *n)
{
	return text_of_json(&a, n);
}

static struct api_field_set set_of(const char *text)
{
	struct api_field_set s = {0};
	struct err err;

	ASSERT_OK(api_field_set_parse(&a, parse(text), &s, &err));
	return s;
}

static void check(struct api_field_set s, const char *want)
{
	ASSERT_STREQ(text_of(api_field_set_tree(&a, &s)), text_of(parse(want)));
}

TEST(is_read_sorted_and_in_one_form)
{
	check(set_of("{}"), "{}");
	check(set_of("{'f:b':{},'f:a':{'.':{},'f:x':{}}}"), "{'f:a':{'.':{},'f:x':{}},'f:b':{}}");
	check(set_of("{'f:a':{'f:x':{}},'f:a':{'f:y':{}}}"), "{'f:a':{'f:x':{},'f:y':{}}}");
	check(set_of("{'k:{`protocol`:`TCP`, `port`:80}':{}}"),
	      "{'k:{`port`:80,`protocol`:`TCP`}':{}}");
	check(set_of("{'v: 1':{},'f:x':{},'i:3':{},'k:{`a`:1}':{}}"),
	      "{'f:x':{},'k:{`a`:1}':{},'v:1':{},'i:3':{}}");
	check(set_of("{'z:new':{},'f:a':{'.':{}}}"), "{'f:a':{}}");
}

TEST(refuses_what_is_no_path_element)
{
	static const char *const bad[] = {"{'f':{}}",   "{'x':{}}",  "{'k:{':{}}", "{'v:':{}}",
					  "{'i:x':{}}", "{'f:a':1}", "{'k:3':{}}", "[]"};
	struct api_field_set s;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ASSERT_ERR(api_field_set_parse(&a, parse(bad[i]), &s, NULL), ERR_INVALID);
}

TEST(keys_are_in_the_order_of_their_numbers)
{
	check(set_of("{'k:{`port`:8080}':{},'k:{`port`:443}':{},'k:{`port`:80}':{}}"),
	      "{'k:{`port`:80}':{},'k:{`port`:443}':{},'k:{`port`:8080}':{}}");
	check(set_of("{'k:{`name`:`web9`}':{},'k:{`name`:`web10`}':{}}"),
	      "{'k:{`name`:`web10`}':{},'k:{`name`:`web9`}':{}}");
}

static const struct op_case {
	const char *x, *y, *all, *common, *less, *without;
} op_cases[] = {
	{"{'f:a':{}}", "{'f:b':{}}", "{'f:a':{},'f:b':{}}", "{}", "{'f:a':{}}", "{'f:a':{}}"},
	{"{'f:a':{'f:x':{},'f:y':{}}}", "{'f:a':{'f:x':{}}}", "{'f:a':{'f:x':{},'f:y':{}}}",
	 "{'f:a':{'f:x':{}}}", "{'f:a':{'f:y':{}}}", "{'f:a':{'f:y':{}}}"},
	{"{'f:a':{'.':{},'f:x':{}}}", "{'f:a':{}}", "{'f:a':{'.':{},'f:x':{}}}", "{'f:a':{}}",
	 "{'f:a':{'f:x':{}}}", "{}"},
	{"{'f:a':{'f:x':{}}}", "{'f:a':{}}", "{'f:a':{'.':{},'f:x':{}}}", "{}",
	 "{'f:a':{'f:x':{}}}", "{}"},
	{"{}", "{'f:a':{}}", "{'f:a':{}}", "{}", "{}", "{}"},
};

TEST(are_joined_and_parted)
{
	for (size_t i = 0; i < ARRAY_LEN(op_cases); i++) {
		const struct op_case *c = &op_cases[i];
		struct api_field_set x = set_of(c->x), y = set_of(c->y);

		check(api_field_set_union(&a, &x, &y), c->all);
		check(api_field_set_union(&a, &y, &x), c->all);
		check(api_field_set_intersect(&a, &x, &y), c->common);
		check(api_field_set_subtract(&a, &x, &y), c->less);
		check(api_field_set_exclude(&a, &x, &y), c->without);
	}
}

TEST(named_fields_become_members)
{
	struct api_field_set s = set_of("{'f:metadata':{'f:labels':{'f:app':{}}},"
					"'f:spec':{'f:ports':{'k:{`port`:80}':{'f:port':{}}}}}");

	check(api_field_set_with_fields(&a, &s, api_kind_of("Service")->type),
	      "{'f:metadata':{'f:labels':{'.':{},'f:app':{}}},"
	      "'f:spec':{'.':{},'f:ports':{'.':{},'k:{`port`:80}':{'f:port':{}}}}}");
}

static void add_path(void *ctx, const struct api_field_path *p)
{
	buf_add_byte(ctx, ' ');
	api_field_path_write(ctx, p);
}

TEST(paths_are_readable)
{
	struct api_field_set s =
		set_of("{'f:metadata':{'f:finalizers':{'v:`x/y`':{}}},"
		       "'f:spec':{'.':{},'f:ports':{'k:{`port`:80,`protocol`:`TCP`}':{'.':{},"
		       "'f:port':{}}}},'f:l':{'i:2':{}}}");
	struct buf b = BUF_INIT;

	api_field_set_walk(&s, add_path, &b);
	ASSERT_STREQ(b.ptr, " .spec .l[2] .metadata.finalizers[=\"x/y\"] "
			    ".spec.ports[port=80,protocol=\"TCP\"] "
			    ".spec.ports[port=80,protocol=\"TCP\"].port");
	buf_fini(&b);
}
