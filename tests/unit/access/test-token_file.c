/* SPDX-License-Identifier: Apache-2.0 */
#include "access/token_file.h"
#include "tests/harness/test.h"

static struct err err;

TEST(reads_lines)
{
	struct access_tokens *t;
	const struct access_user *u;

	ASSERT_OK(access_tokens_parse(
		STR("t1,jane,7\n\n t2 , joe , 8 ,\"a, b\"\r\nt3,\"x\"\"y\",9,c"), &t, &err));
	u = access_tokens_find(t, STR("t1"));
	ASSERT_STR(u->name, STR("jane"));
	ASSERT_STR(u->uid, STR("7"));
	ASSERT_EQ(u->n_groups, 0);
	u = access_tokens_find(t, STR("t2"));
	ASSERT_STR(u->name, STR("joe"));
	ASSERT_EQ(u->n_groups, 2);
	ASSERT_TRUE(access_user_in(u, "a") && access_user_in(u, "b"));
	u = access_tokens_find(t, STR("t3"));
	ASSERT_STR(u->name, STR("x\"y"));
	ASSERT_TRUE(access_user_in(u, "c"));
	ASSERT_TRUE(access_tokens_find(t, STR("")) == NULL);
	ASSERT_TRUE(access_tokens_find(t, STR("t")) == NULL);
	access_tokens_free(t);
}

TEST(refuses_bad_lines)
{
	static const char *const bad[] = {"a,b",     ",b,c",       "a,,c",
					  "a,\"b,c", "a,\"b\"x,c", "a,b\"c,d"};
	struct access_tokens *t;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ASSERT_ERR(access_tokens_parse(str_of(bad[i]), &t, &err), ERR_INVALID);
	ASSERT_OK(access_tokens_parse(STR(""), &t, &err));
	access_tokens_free(t);
}
