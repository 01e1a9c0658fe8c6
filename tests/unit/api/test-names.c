/* SPDX-License-Identifier: Apache-2.0 */
#include "api/names.h"

#include "tests/harness/test.h"

#define X63 "123456789012345678901234567890123456789012345678901234567890123"

typedef void check(struct str s, struct api_problems *ret);

TEST(good_and_bad)
{
	static const struct {
		check *check;
		const char *s;
		bool is_good;
	} cases[] = {
		{api_name_dns1123_label, "a", true},
		{api_name_dns1123_label, "1-a", true},
		{api_name_dns1123_label, X63, true},
		{api_name_dns1123_label, X63 "4", false},
		{api_name_dns1123_label, "", false},
		{api_name_dns1123_label, "-a", false},
		{api_name_dns1123_label, "a-", false},
		{api_name_dns1123_label, "A", false},
		{api_name_dns1123_label, "a.b", false},
		{api_name_dns1123_subdomain, "a.b", true},
		{api_name_dns1123_subdomain, "a..b", false},
		{api_name_dns1123_subdomain, ".", false},
		{api_name_dns1123_subdomain, "a.", false},
		{api_name_dns1035_label, "a1", true},
		{api_name_dns1035_label, "1a", false},
		{api_name_qualified, "a.b/C_d.e", true},
		{api_name_qualified, "C", true},
		{api_name_qualified, "A.b/c", false},
		{api_name_qualified, "a/", false},
		{api_name_qualified, "/a", false},
		{api_name_qualified, "a/b/c", false},
		{api_name_qualified, "_a", false},
		{api_name_label_value, "", true},
		{api_name_label_value, "A_b.c-1", true},
		{api_name_label_value, "a b", false},
		{api_name_label_value, X63 "4", false},
		{api_name_port, "http", true},
		{api_name_port, "1-a", true},
		{api_name_port, "123", false},
		{api_name_port, "", false},
		{api_name_port, "a234567890123456", false},
		{api_name_port, "a--b", false},
		{api_name_env, "A.b-c", true},
		{api_name_env, "a=b", false},
		{api_name_path_segment, "a%b", false},
		{api_name_path_segment, "..", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		if (api_name_is(cases[i].check, str_of(cases[i].s)) != cases[i].is_good)
			test_fail(__FILE__, __LINE__, "case %zu: '%s'", i, cases[i].s);
	}
}

TEST(texts_are_kubernetes_own)
{
	struct api_problems p = {.n = 0};

	api_name_qualified(STR("a b"), &p);
	ASSERT_EQ(p.n, 1);
	ASSERT_STREQ(p.text[0],
		     "name part must consist of alphanumeric characters, '-', '_' or '.', and must "
		     "start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  "
		     "or '123-abc', regex used for validation is "
		     "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')");
	p.n = 0;
	api_name_port(STR("-A--123456789012"), &p);
	ASSERT_EQ(p.n, 5);
	ASSERT_STREQ(p.text[0], "must be no more than 15 characters");
}
