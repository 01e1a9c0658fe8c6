/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/harness/test.h"
#include "json/index.h"

TEST(finds_members_of_small_and_large_objects)
{
	struct arena a;

	arena_init(&a, 0);
	for (int size = 0; size < 40; size++) {
		struct json *obj = json_new(&a, JSON_OBJECT), *n;
		struct json_index x;

		for (int i = 0; i < size; i++)
			json_set_str(obj, str_printf(&a, "k%d", i), json_new_int(&a, i));
		json_index_init(&x, obj);
		for (int i = 0; i < size; i++)
			ASSERT_EQ(json_index_get(&x, str_printf(&a, "k%d", i))->integer, i);
		ASSERT_TRUE(json_index_get(&x, STR("new")) == NULL);
		n = json_set(obj, "new", json_new_int(&a, 99));
		json_index_add(&x, n);
		ASSERT_TRUE(json_index_get(&x, STR("new")) == n);
		json_index_fini(&x);
	}
	arena_fini(&a);
}
