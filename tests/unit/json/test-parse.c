/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/harness/test.h"
#include "json/json.h"

static struct arena a;

#define S(lit)                                                                                     \
	{                                                                                          \
		lit, sizeof(lit) - 1                                                               \
	}

/* From a block of exactly that size, so that a sanitizer sees a read beyond the end. */
static int parse(struct str text, unsigned flags, struct json **ret, struct err *err)
{
	static char *exact;

	free(exact);
	exact = mem_xalloc(text.len);
	if (text.len)
		memcpy(exact, text.ptr, text.len);
	return json_parse(&a, str_n(exact, text.len), flags, ret, err);
}

TEST(writes_back_what_it_read)
{
	static const struct str same[] = {
		S("{}"),
		S("[]"),
		S("null"),
		S("true"),
		S("false"),
		S("0"),
		S("-1"),
		S("\"\""),
		S("9223372036854775807"),
		S("-9223372036854775808"),
		S("9223372036854775808"),
		S("-9223372036854775809"),
		S("18446744073709551615"),
		S("123456789012345678901234567890"),
		S("1.0"),
		S("1e3"),
		S("1E-400"),
		S("-0.0"),
		S("1e308"),
		S("{\"a\":1,\"a\":2}"),
		S("{\"\":0}"),
		S("[[[[1]]],{\"x\":[{}]}]"),
		S("\"\\\"\\\\\\n\\t\\r\\b\\f\""),
		S("\"\\u0000\""),
		S("\"\\u001f\""),
		S("\"\x7f/\""),
		S("\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""),
		S("\"\xf4\x8f\xbf\xbf\""),
		S("\"\xed\x9f\xbf\xee\x80\x80\""),
		S("\"12345678\""),
		S("\"1234567\\n1234567\xc3\xa9\""),
	};
	struct buf b = BUF_INIT;
	struct json *n;
	struct err err;

	arena_init(&a, 0);
	for (size_t i = 0; i < ARRAY_LEN(same); i++) {
		for (unsigned flags = 0; flags <= JSON_BORROW; flags++) {
			ASSERT_OK(parse(same[i], flags, &n, &err));
			buf_clear(&b);
			json_write(&b, n);
			ASSERT_STR(buf_str(&b), same[i]);
		}
	}
	buf_fini(&b);
	arena_fini(&a);
}

TEST(undoes_escapes)
{
	static const struct str pairs[][2] = {
		{S("\"\\u00e9\""), S("\xc3\xa9")},
		{S("\"\\u20AC\""), S("\xe2\x82\xac")},
		{S("\"\\ud83d\\ude00\""), S("\xf0\x9f\x98\x80")},
		{S("\"\\/\\b\\f\\n\\r\\t\\\\\\\"\""), S("/\b\f\n\r\t\\\"")},
		{S("\"a\\u0000b\""), S("a\0b")},
		{S("\"\\\\\""), S("\\")},
		{S("\"\\\\\\\"x\""), S("\\\"x")},
	};
	struct json *n;
	struct err err;

	arena_init(&a, 0);
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		ASSERT_OK(parse(pairs[i][0], 0, &n, &err));
		ASSERT_STR(json_string(n), pairs[i][1]);
	}
	ASSERT_OK(parse(STR(" { \"\\u0061\" : [ 1 , 2 ] } \r\n\t"), 0, &n, &err));
	ASSERT_EQ(json_get(n, "a")->count, 2);
	arena_fini(&a);
}

TEST(tells_integers_from_other_numbers)
{
	struct json *n;
	struct err err;

	arena_init(&a, 0);
	ASSERT_OK(parse(STR("-0"), 0, &n, &err));
	ASSERT_EQ(n->type, JSON_INT);
	ASSERT_EQ(n->integer, 0);
	ASSERT_OK(parse(STR("9223372036854775807"), 0, &n, &err));
	ASSERT_EQ(n->integer, INT64_MAX);
	ASSERT_OK(parse(STR("-9223372036854775808"), 0, &n, &err));
	ASSERT_EQ(n->integer, INT64_MIN);
	ASSERT_OK(parse(STR("9223372036854775808"), 0, &n, &err));
	ASSERT_EQ(n->type, JSON_NUMBER);
	ASSERT_TRUE(n->number > 9.2e18 && n->number < 9.3e18);
	ASSERT_OK(parse(STR("1.5e3"), 0, &n, &err));
	ASSERT_EQ(n->type, JSON_NUMBER);
	ASSERT_EQ(n->number, 1500);
	ASSERT_STR(n->text, STR("1.5e3"));
	arena_fini(&a);
}

static const struct bad {
	struct str text;
	const char *where; /* how the message begins; NULL: any place in line 1 */
} bads[] = {
	{S(""), "line 1 column 1: "},
	{S("  \n "), "line 2 column 2: "},
	{S("01"), "line 1 column 1: leading zero"},
	{S("-01"), "line 1 column 2: leading zero"},
	{S("1e400"), "line 1 column 1: the number is out of range"},
	{S("[1,]"), "line 1 column 4: a value is missing"},
	{S("\"\\ud800\""), "line 1 column 8: lone surrogate"},
	{S("\"a\nb\""), "line 1 column 3: control character in a string"},
	{S("\"\xff\""), "line 1 column 2: not UTF-8"},
	/* numbers */
	{S("-"), NULL},
	{S("+1"), NULL},
	{S(".5"), NULL},
	{S("1."), NULL},
	{S("1e"), NULL},
	{S("1e+"), NULL},
	{S("1.e1"), NULL},
	{S("0x10"), NULL},
	{S("NaN"), NULL},
	{S("Infinity"), NULL},
	{S("-1e400"), NULL},
	/* words, lists, objects, what follows */
	{S("tru"), NULL},
	{S("True"), NULL},
	{S("[,1]"), NULL},
	{S("[1 2]"), NULL},
	{S("["), NULL},
	{S("[1"), NULL},
	{S("]"), NULL},
	{S("{\"a\":1,}"), NULL},
	{S("{,}"), NULL},
	{S("{\"a\"}"), NULL},
	{S("{\"a\":}"), NULL},
	{S("{a:1}"), NULL},
	{S("{'a':1}"), NULL},
	{S("{1:1}"), NULL},
	{S("{\"a\":1 \"b\":2}"), NULL},
	{S("{"), NULL},
	{S("{\"a\":1"), NULL},
	{S("{\"a\""), NULL},
	{S("1 1"), NULL},
	{S("{}x"), NULL},
	{S("[1]]"), NULL},
	{S("// c\n1"), NULL},
	{S("/* c */1"), NULL},
	{S("\xef\xbb\xbf{}"), NULL},
	{S("\0"), NULL},
	{S("{}\0"), NULL},
	/* strings */
	{S("\""), NULL},
	{S("\"abc"), NULL},
	{S("\"abc\\"), NULL},
	{S("\"\\\""), NULL},
	{S("\"\\x41\""), NULL},
	{S("\"\\u12\""), NULL},
	{S("\"\\u12g4\""), NULL},
	{S("\"\\u"), NULL},
	{S("\"\\udc00\""), NULL},
	{S("\"\\ud800\\u0041\""), NULL},
	{S("\"\\ud800\\ud800\""), NULL},
	{S("\"\\ud83d\\ude0\""), NULL},
	{S("\"a\0b\""), NULL},
	{S("\"\x1f\""), NULL},
	/* UTF-8: stray bytes, overlong forms, surrogates, beyond U+10FFFF, cut off */
	{S("\"\x80\""), NULL},
	{S("\"\xc0\x80\""), NULL},
	{S("\"\xc1\xbf\""), NULL},
	{S("\"\xe0\x80\x80\""), NULL},
	{S("\"\xe0\x9f\xbf\""), NULL},
	{S("\"\xf0\x80\x80\x80\""), NULL},
	{S("\"\xf0\x8f\xbf\xbf\""), NULL},
	{S("\"\xed\xa0\x80\""), NULL},
	{S("\"\xed\xbf\xbf\""), NULL},
	{S("\"\xf4\x90\x80\x80\""), NULL},
	{S("\"\xf5\x80\x80\x80\""), NULL},
	{S("\"\xc3\""), NULL},
	{S("\"\xe2\x82\""), NULL},
	{S("\"\xf0\x9f\x98\""), NULL},
	{S("\"\xc3"), NULL},
	{S("\"12345678\xf0\x9f"), NULL},
	{S("{\"\xff\":1}"), NULL},
	{S("\"\\n\xc0\x80\""), NULL},
};

TEST(refuses_what_is_no_json)
{
	struct json *n;

	arena_init(&a, 0);
	for (size_t i = 0; i < ARRAY_LEN(bads); i++) {
		for (unsigned flags = 0; flags <= JSON_BORROW; flags++) {
			const char *where = bads[i].where ? bads[i].where : "line 1 ";
			struct err err = {0};
			int r = parse(bads[i].text, flags, &n, &err);

			if (r != ERR_BAD_REQUEST || !str_has_prefix(str_of(err.msg), str_of(where)))
				test_fail(__FILE__, __LINE__, "case %zu: %d %s", i, r, err.msg);
		}
	}
	arena_fini(&a);
}

/* 1 in `depth` brackets. */
static struct str nested(size_t depth, const char *open, const char *close)
{
	struct buf b = BUF_INIT;
	struct str s;

	for (size_t i = 0; i < depth; i++)
		buf_add_c(&b, open);
	buf_add_c(&b, "1");
	for (size_t i = 0; i < depth; i++)
		buf_add_c(&b, close);
	s = str_dup(&a, buf_str(&b));
	buf_fini(&b);
	return s;
}

TEST(limits_depth_and_size)
{
	struct json *n;
	struct err err;

	arena_init(&a, 0);
	ASSERT_OK(parse(nested(100, "[", "]"), 0, &n, &err));
	ASSERT_ERR(parse(nested(101, "[", "]"), 0, &n, &err), ERR_TOO_LARGE);
	ASSERT_OK(parse(nested(100, "{\"a\":", "}"), 0, &n, &err));
	ASSERT_ERR(parse(nested(101, "{\"a\":", "}"), 0, &n, &err), ERR_TOO_LARGE);
	ASSERT_ERR(parse(nested(100000, "[", "]"), 0, &n, &err), ERR_TOO_LARGE);
	/* Only the length is looked at. */
	ASSERT_ERR(json_parse(&a, str_n("x", (size_t)JSON_SIZE_MAX + 1), 0, &n, &err),
		   ERR_TOO_LARGE);
	arena_fini(&a);
}

TEST(reads_lists_longer_than_a_run_of_nodes)
{
	struct buf b = BUF_INIT;
	struct json *n;
	struct err err;

	arena_init(&a, 0);
	buf_add_c(&b, "[0");
	for (int i = 1; i < 5000; i++)
		buf_printf(&b, ",%d", i);
	buf_add_c(&b, "]");
	ASSERT_OK(parse(buf_str(&b), 0, &n, &err));
	ASSERT_EQ(n->count, 5000);
	ASSERT_EQ(n->last->integer, 4999);
	ASSERT_EQ(json_at(n, 4321)->integer, 4321);
	buf_fini(&b);
	arena_fini(&a);
}
