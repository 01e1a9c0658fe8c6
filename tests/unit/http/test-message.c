/* SPDX-License-Identifier: Apache-2.0 */
#include "http/http.h"

#include "tests/harness/test.h"

TEST(escapes_are_undone_and_bad_ones_refused)
{
	struct arena a;
	struct str s;
	struct err err;

	arena_init(&a, 0);
	ASSERT_OK(http_unescape(&a, STR("a%2Fb+c%20d%c3%A4"), false, &s, &err));
	ASSERT_STR(s, STR("a/b+c d\xc3\xa4"));
	ASSERT_OK(http_unescape(&a, STR("a+b%41"), true, &s, &err));
	ASSERT_STR(s, STR("a bA"));
	ASSERT_ERR(http_unescape(&a, STR("%4"), false, &s, &err), ERR_BAD_REQUEST);
	ASSERT_ERR(http_unescape(&a, STR("%"), false, &s, &err), ERR_BAD_REQUEST);
	ASSERT_ERR(http_unescape(&a, STR("%zz"), false, &s, &err), ERR_BAD_REQUEST);
	ASSERT_ERR(http_unescape(&a, STR("a%00b"), false, &s, &err), ERR_BAD_REQUEST);
	arena_fini(&a);
}

TEST(escaping_is_undone_by_unescaping)
{
	struct buf b = BUF_INIT;
	struct arena a;
	struct str s;
	struct err err;
	char all[255];

	for (int i = 0; i < 255; i++)
		all[i] = (char)(i + 1);
	arena_init(&a, 0);
	http_escape(&b, str_n(all, sizeof(all)));
	ASSERT_OK(http_unescape(&a, buf_str(&b), true, &s, &err));
	ASSERT_STR(s, str_n(all, sizeof(all)));
	buf_clear(&b);
	http_escape(&b, STR("app in (a,b)/~x"));
	ASSERT_STREQ(b.ptr, "app%20in%20%28a%2Cb%29%2F~x");
	buf_fini(&b);
	arena_fini(&a);
}

TEST(query_parameters_are_found)
{
	struct str q = STR("watch=1&labelSelector=a%3Db&x&empty=&labelSelector=c+d&k%65y=v");
	struct arena a;

	arena_init(&a, 0);
	ASSERT_STR(http_query(&a, q, "watch", 0), STR("1"));
	ASSERT_STR(http_query(&a, q, "labelSelector", 0), STR("a=b"));
	ASSERT_STR(http_query(&a, q, "labelSelector", 1), STR("c d"));
	ASSERT_FALSE(str_is_set(http_query(&a, q, "labelSelector", 2)));
	ASSERT_TRUE(str_is_set(http_query(&a, q, "x", 0)));
	ASSERT_TRUE(str_is_set(http_query(&a, q, "empty", 0)));
	ASSERT_EQ(http_query(&a, q, "empty", 0).len, 0);
	ASSERT_STR(http_query(&a, q, "key", 0), STR("v"));
	ASSERT_FALSE(str_is_set(http_query(&a, q, "no", 0)));
	ASSERT_FALSE(str_is_set(http_query(&a, (struct str){0}, "no", 0)));
	arena_fini(&a);
}

TEST(methods_and_headers_are_found_by_name)
{
	struct http_header h[] = {{STR("accept"), STR("a")}, {STR("host"), STR("b")}};

	ASSERT_EQ(http_method_of(STR("PATCH")), HTTP_PATCH);
	ASSERT_EQ(http_method_of(STR("BREW")), HTTP_OTHER);
	ASSERT_STREQ(http_method_name(HTTP_DELETE), "DELETE");
	ASSERT_STR(http_header(h, 2, "host"), STR("b"));
	ASSERT_FALSE(str_is_set(http_header(h, 2, "hos")));
	ASSERT_STREQ(http_status_text(409), "Conflict");
}
