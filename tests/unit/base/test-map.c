/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"

#include "tests/harness/test.h"

#include <stdio.h>

TEST(put_get_remove)
{
	struct map m = {0};
	int a = 1, b = 2;

	ASSERT_TRUE(map_get(&m, STR("x")) == NULL);
	ASSERT_TRUE(map_put(&m, STR("x"), &a) == NULL);
	ASSERT_TRUE(map_put(&m, STR("x"), &b) == &a);
	ASSERT_TRUE(map_put(&m, STR(""), &a) == NULL);
	ASSERT_EQ(map_len(&m), 2);
	ASSERT_TRUE(map_remove(&m, STR("x")) == &b);
	ASSERT_TRUE(map_remove(&m, STR("x")) == NULL);
	map_fini(&m);
}

TEST(iteration_is_in_order_and_may_remove)
{
	struct map m = {0};
	static int values[100];
	int seen = 0;

	for (int i = 0; i < 100; i++) {
		char key[8];

		values[i] = i;
		snprintf(key, sizeof(key), "k%d", i);
		map_put(&m, str_of(key), &values[i]);
	}
	map_foreach(e, &m) {
		ASSERT_EQ(*(int *)e->value, seen++);
		map_remove(&m, map_key(e));
	}
	ASSERT_EQ(seen, 100);
	ASSERT_EQ(map_len(&m), 0);
}
