/* SPDX-License-Identifier: Apache-2.0 */
#include "base/list.h"

#include "tests/harness/test.h"

struct item {
	int n;
	struct list_node link;
};

TEST(keeps_order_and_allows_removal_while_walking)
{
	struct item items[3] = {{.n = 1}, {.n = 2}, {.n = 3}};
	struct list_node head;
	int sum = 0;

	list_init(&head);
	ASSERT_TRUE(list_is_empty(&head));
	for (int i = 0; i < 3; i++)
		list_append(&head, &items[i].link);
	list_foreach(struct item, it, &head, link) {
		sum = sum * 10 + it->n;
		if (it->n == 2)
			list_remove(&it->link);
	}
	ASSERT_EQ(sum, 123);
	ASSERT_FALSE(list_is_linked(&items[1].link));
	list_remove(&items[1].link);
	ASSERT_EQ(list_first(struct item, &head, link)->n, 1);
	list_remove(&items[0].link);
	list_remove(&items[2].link);
	ASSERT_TRUE(list_first(struct item, &head, link) == NULL);
}
