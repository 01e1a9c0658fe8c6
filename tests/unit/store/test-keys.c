/* SPDX-License-Identifier: Apache-2.0 */
#include "store/keys.h"

#include "base/macro.h"
#include "tests/harness/test.h"

struct item {
	int value;
	struct store_key key;
};

static struct item *add(struct store_keys *k, const char *name, int value)
{
	struct item *it = CONTAINER_OF(store_keys_add(k, str_of(name), offsetof(struct item, key)),
				       struct item, key);

	it->value = value;
	return it;
}

static void remove_all(struct store_keys *k)
{
	while (k->head[0])
		store_keys_remove(k, k->head[0], offsetof(struct item, key));
	ASSERT_EQ(k->n, 0);
}

TEST(keys_come_in_order)
{
	static const char *const names[] = {"/b", "/a", "/c/1", "/c", "/a/9", ""};
	static const char *const sorted[] = {"", "/a", "/a/9", "/b", "/c", "/c/1"};
	struct store_keys k;
	const struct store_key *n;
	size_t i = 0;

	store_keys_init(&k);
	for (size_t j = 0; j < ARRAY_LEN(names); j++)
		add(&k, names[j], (int)j);
	for (n = store_keys_seek(&k, STR("")); n; n = store_keys_next(n))
		ASSERT_STR(n->name, str_of(sorted[i++]));
	ASSERT_EQ(i, ARRAY_LEN(names));
	ASSERT_STR(store_keys_seek(&k, STR("/a/"))->name, STR("/a/9"));
	ASSERT_TRUE(store_keys_seek(&k, STR("/d")) == NULL);
	ASSERT_TRUE(store_keys_find(&k, STR("/a/")) == NULL);
	ASSERT_EQ(CONTAINER_OF(store_keys_find(&k, STR("/c")), struct item, key)->value, 3);
	remove_all(&k);
}

TEST(random_keys_are_found_until_removed)
{
	enum {
		N = 2000
	};
	struct store_keys k;
	struct rand rand;
	bool is_there[N] = {0};
	char name[16];
	size_t n = 0;

	store_keys_init(&k);
	rand_seed(&rand, 3);
	for (unsigned step = 0; step < 20000; step++) {
		uint64_t i = rand_below(&rand, N);
		struct store_key *at;

		snprintf(name, sizeof(name), "%llu", (unsigned long long)i);
		at = store_keys_find(&k, str_of(name));
		ASSERT_EQ(at != NULL, is_there[i]);
		if (at)
			store_keys_remove(&k, at, offsetof(struct item, key));
		else
			add(&k, name, (int)i);
		is_there[i] = !at;
		n += at ? (size_t)-1 : 1;
		ASSERT_EQ(k.n, n);
	}
	for (const struct store_key *at = k.head[0]; at && at->next[0]; at = at->next[0])
		ASSERT_TRUE(str_cmp(at->name, at->next[0]->name) < 0);
	remove_all(&k);
}
