/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#include "tests/harness/test.h"

TEST(absent_equals_empty_but_is_not_set)
{
	ASSERT_TRUE(str_eq((struct str){0}, STR("")));
	ASSERT_FALSE(str_is_set((struct str){0}));
	ASSERT_TRUE(str_is_set(STR("")));
}

TEST(prints_into_an_arena)
{
	struct arena a;
	struct str s;

	arena_init(&a, 0);
	s = str_printf(&a, "%s-%d", "x", 7);
	ASSERT_STR(s, STR("x-7"));
	ASSERT_EQ(s.ptr[s.len], 0);
	arena_fini(&a);
}

TEST(next_returns_every_part_once)
{
	struct str rest = STR("a,,b,"), part;
	const char *want[] = {"a", "", "b", ""};

	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		ASSERT_TRUE(str_next(&rest, ',', &part));
		ASSERT_STR(part, str_of(want[i]));
	}
	ASSERT_FALSE(str_next(&rest, ',', &part));
}

TEST(numbers_are_strict)
{
	const char *bad[] = {"", "-", "+1", " 1", "1 ", "0x1", "18446744073709551616", "1.0"};
	uint64_t u;
	int64_t i;
	struct err err;

	for (size_t k = 0; k < ARRAY_LEN(bad); k++)
		ASSERT_ERR(str_to_u64(str_of(bad[k]), 0, UINT64_MAX, &u, &err), ERR_INVALID);
	ASSERT_OK(str_to_u64(STR("18446744073709551615"), 0, UINT64_MAX, &u, &err));
	ASSERT_TRUE(u == UINT64_MAX);
	ASSERT_OK(str_to_i64(STR("-9223372036854775808"), INT64_MIN, INT64_MAX, &i, &err));
	ASSERT_TRUE(i == INT64_MIN);
	ASSERT_ERR(str_to_i64(STR("9223372036854775808"), INT64_MIN, INT64_MAX, &i, &err),
		   ERR_INVALID);
	ASSERT_ERR(str_to_u64(STR("65536"), 1, 65535, &u, &err), ERR_INVALID);
	ASSERT_STREQ(err.msg, "must be between 1 and 65535, got 65536");
}

TEST(order_and_affixes)
{
	ASSERT_TRUE(str_cmp(STR("a"), STR("ab")) < 0);
	ASSERT_TRUE(str_cmp(STR("b"), STR("ab")) > 0);
	ASSERT_TRUE(str_has_prefix(STR("kube-system"), STR("kube-")));
	ASSERT_FALSE(str_has_suffix(STR("x"), STR("xx")));
	ASSERT_STR(str_trim(STR("\t a b \n")), STR("a b"));
	ASSERT_EQ(str_rfind(STR("a/b/c"), '/'), 3);
}

TEST(hash_is_stable_and_depends_on_every_byte)
{
	ASSERT_TRUE(str_hash(STR("default/web")) == str_hash(STR("default/web")));
	ASSERT_TRUE(str_hash(STR("default/web")) != str_hash(STR("default/wea")));
	ASSERT_TRUE(str_hash(STR("")) != str_hash(str_n("\0", 1)));
}
