/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/harness/test.h"
#include "json/yaml_tree.h"

static struct arena a;

static const struct good_case {
	const char *yaml, *want;
} good_cases[] = {
	{"", "null"},
	{"a: 1\nb: [x, 'y', \"z\"]\n", "{\"a\":1,\"b\":[\"x\",\"y\",\"z\"]}"},
	{"[yes, No, on, y, true, 'true', ~, null, '']",
	 "[true,false,true,true,true,\"true\",null,null,\"\"]"},
	{"[0x1F, 010, 0o17, 0b101, 1_000, -5, +7, 0, -9223372036854775808]",
	 "[31,8,15,5,1000,-5,7,0,-9223372036854775808]"},
	{"[9223372036854775808, 1.5, 1e3, .5]", "[9.2233720368547758e+18,1.5,1000,0.5]"},
	{"[1.2.3.4, 2020-01-01, 1h, 0x, '12', .]",
	 "[\"1.2.3.4\",\"2020-01-01\",\"1h\",\"0x\",\"12\",\".\"]"},
	{"80: a\ntrue: b\n", "{\"80\":\"a\",\"true\":\"b\"}"},
	{"a: &x {k: v}\nb: *x\n", "{\"a\":{\"k\":\"v\"},\"b\":{\"k\":\"v\"}}"},
	{"a: !!str 5\n", "{\"a\":\"5\"}"},
	{"a: |\n  x\n  y\n", "{\"a\":\"x\\ny\\n\"}"},
	{"a: 1\n---\nb: 2\n", "{\"a\":1}"},
	{"{\"a\":[1,{\"b\":null}]}", "{\"a\":[1,{\"b\":null}]}"},
};

TEST(reads_what_kubernetes_tools_read)
{
	for (size_t i = 0; i < ARRAY_LEN(good_cases); i++) {
		struct buf b = BUF_INIT;
		struct json *n;
		struct err err;

		ASSERT_OK(json_yaml_parse(&a, str_of(good_cases[i].yaml), 0, &n, &err));
		json_write(&b, n);
		ASSERT_STREQ(b.ptr, good_cases[i].want);
		buf_fini(&b);
	}
}

TEST(refuses_with_the_line)
{
	static const char *const bad[] = {"a: {",       "a: *none", "a: &x [*x]", "? [a]\n: b",
					  "<<: {a: b}", "a: b: c",  "\t- x"};
	struct json *n;
	struct err err;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		ASSERT_ERR(json_yaml_parse(&a, str_of(bad[i]), 0, &n, &err), ERR_INVALID);
		ASSERT_TRUE(str_has_prefix(str_of(err.msg), STR("line ")));
	}
}

TEST(aliases_are_bounded)
{
	struct buf b = BUF_INIT;
	struct json *n;
	struct err err;

	buf_add_c(&b, "a0: &a0 [x]\n");
	for (int i = 1; i < 40; i++)
		buf_printf(&b, "a%d: &a%d [*a%d, *a%d]\n", i, i, i - 1, i - 1);
	ASSERT_ERR(json_yaml_parse(&a, buf_str(&b), 0, &n, &err), ERR_INVALID);
	buf_fini(&b);
}

TEST(a_configuration_has_only_strings)
{
	struct json *n;
	struct err err;

	ASSERT_OK(json_yaml_parse(&a, STR("a: 1\nb: yes\na: 2\n"), JSON_YAML_STRINGS, &n, &err));
	ASSERT_STR(json_get_string(n, "a"), STR("2"));
	ASSERT_STR(json_get_string(n, "b"), STR("yes"));
	ASSERT_ERR(json_yaml_parse(&a, STR("a: &x 1\nb: *x\n"), JSON_YAML_STRINGS, &n, &err),
		   ERR_INVALID);
	ASSERT_ERR(json_yaml_parse(&a, STR("a: 1\n---\nb: 2\n"), JSON_YAML_STRINGS, &n, &err),
		   ERR_INVALID);
}
