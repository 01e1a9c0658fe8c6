/* SPDX-License-Identifier: Apache-2.0 */
#include "svc/diff.h"

#include "objects.h"
#include "tests/harness/test.h"

static void assert_same(const struct svc_table *a, const struct svc_table *b)
{
	ASSERT_EQ(a->n, b->n);
	for (size_t i = 0; i < a->n; i++)
		ASSERT_TRUE(svc_entry_eq(a->entries[i], b->entries[i]));
}

/* Property: the difference of two tables, applied to the first, gives the second. */
TEST(old_plus_difference_is_new)
{
	struct rand r;

	rand_seed(&r, 7);
	for (int round = 0; round < 50; round++) {
		struct svc_config *config = object_config();
		struct random_cluster c;
		struct svc_table *before, *after, *made;
		struct svc_diff d;

		random_cluster_init(&c, &r, 1 + rand_below(&r, 40));
		before = random_cluster_table(&c, config);
		for (size_t i = rand_below(&r, 10); i > 0; i--)
			random_cluster_touch(&c, &r, rand_below(&r, c.n));
		after = random_cluster_table(&c, config);
		svc_diff_init(&d, before, after);
		made = svc_table_change(before, d.changes.ptr, d.changes.len);
		assert_same(made, after);
		vec_foreach(x, &d.changes)
			ASSERT_FALSE(svc_entry_eq(x->before, x->after));
		svc_diff_fini(&d);
		svc_table_unref(before);
		svc_table_unref(after);
		svc_table_unref(made);
		objects_fini(&c.o);
		svc_config_unref(config);
	}
}

/* Property: a table is a function of the objects, whatever their order. */
TEST(building_twice_gives_the_same_table)
{
	struct svc_config *config = object_config();
	struct random_cluster c;
	struct svc_table *a, *b;
	struct svc_diff d;
	struct rand r;

	rand_seed(&r, 3);
	random_cluster_init(&c, &r, 60);
	a = random_cluster_table(&c, config);
	for (size_t i = 0; i < 30; i++) {
		struct api_service *s = c.services[i];
		struct api_endpoint_slice *e = c.slices[i];

		c.services[i] = c.services[59 - i];
		c.slices[i] = c.slices[59 - i];
		c.services[59 - i] = s;
		c.slices[59 - i] = e;
	}
	b = random_cluster_table(&c, config);
	assert_same(a, b);
	svc_diff_init(&d, a, b);
	ASSERT_EQ(d.changes.len, 0);
	svc_diff_fini(&d);
	svc_table_unref(a);
	svc_table_unref(b);
	objects_fini(&c.o);
	svc_config_unref(config);
}

TEST(entries_are_shared_not_copied)
{
	struct svc_config *config = object_config();
	struct random_cluster c;
	struct svc_table *a, *b;
	struct svc_entry *e;
	struct rand r;

	rand_seed(&r, 5);
	random_cluster_init(&c, &r, 20);
	a = random_cluster_table(&c, config);
	e = svc_entry_ref(a->entries[3]);
	b = svc_table_change(a, &(struct svc_change){a->entries[4], NULL}, 1);
	ASSERT_EQ(b->n, a->n - 1);
	svc_table_unref(a);
	ASSERT_TRUE(svc_table_find(b, e->key) == e);
	svc_table_unref(b);
	ASSERT_EQ(e->refs, 1);
	svc_entry_unref(e);
	objects_fini(&c.o);
	svc_config_unref(config);
}
