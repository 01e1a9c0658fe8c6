/* SPDX-License-Identifier: Apache-2.0 */
#include "base/vec.h"

#include "tests/harness/test.h"

static int by_value(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

TEST(grows_sorts_and_removes)
{
	VEC(int) v = {0};
	int at = 0;

	for (int i = 9; i >= 0; i--)
		*vec_push(&v) = i;
	vec_sort(&v, by_value);
	vec_remove_at(&v, 3);
	vec_foreach(p, &v)
		ASSERT_EQ(*p, at++ < 3 ? at - 1 : at);
	ASSERT_EQ(v.len, 9);
	ASSERT_EQ(vec_pop(&v), 9);
	vec_fini(&v);
	mem_fault_after(0);
	ASSERT_TRUE(vec_try_push(&v) == NULL);
}
