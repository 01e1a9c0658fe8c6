/* SPDX-License-Identifier: Apache-2.0 */
#include "access/access.h"
#include "tests/harness/test.h"

static const char *wanted(const char *selector, const char *field)
{
	static char text[64];
	struct str s = access_field_wanted(str_of(selector), field);

	if (!str_is_set(s))
		return "(open)";
	snprintf(text, sizeof(text), "%.*s", STR_ARG(s));
	return text;
}

TEST(tells_what_a_field_must_be)
{
	ASSERT_STREQ(wanted("a=b", "a"), "b");
	ASSERT_STREQ(wanted("x!=y,a==b,c=d", "a"), "b");
	ASSERT_STREQ(wanted("a=", "a"), "");
	ASSERT_STREQ(wanted("a!=b", "a"), "(open)");
	ASSERT_STREQ(wanted("aa=b,a", "a"), "(open)");
	ASSERT_STREQ(wanted(NULL, "a"), "(open)");
	ASSERT_STREQ(wanted("", "a"), "(open)");
}

/* "x!=y\,a=b" is one term about x: who takes it for two lets everything be read. */
TEST(does_not_cut_at_an_escaped_comma)
{
	ASSERT_STREQ(wanted("x!=y\\,a=b", "a"), "(open)");
	ASSERT_STREQ(wanted("x!=y\\\\,a=b", "a"), "b");
	ASSERT_STREQ(wanted("a=b\\,c", "a"), "(open)");
	ASSERT_STREQ(wanted("x=\\", "a"), "(open)");
}

TEST(takes_an_account_apart)
{
	struct str ns, name;

	ASSERT_TRUE(access_service_account(STR("system:serviceaccount:a:b"), &ns, &name));
	ASSERT_STR(ns, STR("a"));
	ASSERT_STR(name, STR("b"));
	ASSERT_FALSE(access_service_account(STR("system:serviceaccount:a:b:c"), &ns, &name));
	ASSERT_FALSE(access_service_account(STR("system:serviceaccount::b"), &ns, &name));
}
