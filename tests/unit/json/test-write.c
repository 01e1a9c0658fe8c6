/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/harness/test.h"
#include "json/json.h"

#include <math.h>

TEST(escapes_what_must_be)
{
	struct buf b = BUF_INIT;

	json_write_string(&b, STR("a\"b\\c\nd\001e\x7f/<>&\xc3\xa9"));
	ASSERT_STREQ(b.ptr, "\"a\\\"b\\\\c\\nd\\u0001e\x7f/<>&\xc3\xa9\"");
	buf_clear(&b);
	json_write_string(&b, (struct str){0});
	ASSERT_STREQ(b.ptr, "\"\"");
	buf_clear(&b);
	json_write_string(&b, STR("\0"));
	ASSERT_STREQ(b.ptr, "\"\\u0000\"");
	buf_fini(&b);
}

TEST(writes_doubles_that_read_back_the_same)
{
	static const struct {
		double value;
		const char *text;
	} cases[] = {
		{0.1, "0.1"},
		{1.5, "1.5"},
		{1e21, "1e+21"},
		{1.0 / 3, "0.3333333333333333"},
		{0.1 + 0.2, "0.30000000000000004"},
		{NAN, "null"},
		{INFINITY, "null"},
	};
	struct json n = {.type = JSON_NUMBER};
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		n.number = cases[i].value;
		buf_clear(&b);
		json_write(&b, &n);
		ASSERT_STREQ(b.ptr, cases[i].text);
	}
	buf_fini(&b);
}

TEST(indents_for_people)
{
	struct arena a;
	struct buf b = BUF_INIT;
	struct json *n;
	struct err err;

	arena_init(&a, 0);
	ASSERT_OK(json_parse(&a, STR("{\"a\":[1,{\"b\":[]}],\"c\":{}}"), 0, &n, &err));
	json_write_pretty(&b, n);
	ASSERT_STREQ(b.ptr, "{\n  \"a\": [\n    1,\n    {\n      \"b\": []\n    }\n  ],\n"
			    "  \"c\": {}\n}");
	buf_fini(&b);
	arena_fini(&a);
}

TEST(writes_what_is_no_text_as_replacements)
{
	static const struct {
		struct str in;
		const char *want;
	} rows[] = {
		{STR("a\xff\"b"), "\"a\xef\xbf\xbd\\\"b\""},
		{STR("\xc3\xa4"), "\"\xc3\xa4\""},
		{STR("\xc3"), "\"\xef\xbf\xbd\""},
		{STR("\xed\xa0\x80x"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdx\""},
		{STR(""), "\"\""},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf b = BUF_INIT;

		json_write_text(&b, rows[i].in);
		ASSERT_STREQ(b.ptr, rows[i].want);
		buf_fini(&b);
	}
	ASSERT_EQ(json_utf8_len((struct str){0}), 0);
}
