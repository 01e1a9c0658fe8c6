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
		struct svc_changes d = {0};

		random_cluster_init(&c, &r, 1 + rand_below(&r, 40));
		before = random_cluster_table(&c, config);
		for (size_t i = rand_below(&r, 10); i > 0; i--)
			random_cluster_touch(&c, &r, rand_below(&r, c.n));
		after = random_cluster_table(&c, config);
		svc_changes_of(before, after, &d);
		made = svc_table_change(before, d.ptr, d.len);
		assert_same(made, after);
		vec_foreach(x, &d)
			ASSERT_FALSE(svc_entry_eq(x->before, x->after));
		vec_fini(&d);
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
	struct svc_changes d = {0};
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
	svc_changes_of(a, b, &d);
	ASSERT_EQ(d.len, 0);
	vec_fini(&d);
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

static void shuffle(struct rand *r, void *p, size_t n, size_t size)
{
	char *at = p, tmp[sizeof(struct svc_change)];

	for (size_t i = n; i > 1; i--) {
		size_t j = rand_below(r, i);

		memcpy(tmp, at + (i - 1) * size, size);
		memcpy(at + (i - 1) * size, at + j * size, size);
		memcpy(at + j * size, tmp, size);
	}
}

/* Property: how endpoints are cut into slices, and in which order those come, does not matter. */
TEST(slices_in_any_order_make_the_same_entry)
{
	struct svc_config *config = object_config();
	struct random_cluster c;
	struct rand r;

	rand_seed(&r, 9);
	random_cluster_init(&c, &r, 100);
	for (size_t i = 0; i < c.n; i++) {
		const struct api_endpoint_slice *parts[8];
		struct api_endpoint_slice cut[ARRAY_LEN(parts)];
		struct svc_entry *whole = object_entry(config, c.services[i], c.slices[i]), *e;
		size_t n = c.slices[i]->n_endpoints;

		/* One endpoint a slice, the first twice. */
		for (size_t k = 0; k < n; k++) {
			cut[k] = *c.slices[i];
			cut[k].endpoints = &c.slices[i]->endpoints[k];
			cut[k].n_endpoints = 1;
			parts[k] = &cut[k];
		}
		if (n)
			parts[n] = parts[0];
		shuffle(&r, parts, n, sizeof(parts[0]));
		e = svc_build_entry(config, c.services[i], parts, n ? n + 1 : 0);
		ASSERT_TRUE(svc_entry_eq(whole, e));
		svc_entry_unref(whole);
		svc_entry_unref(e);
	}
	objects_fini(&c.o);
	svc_config_unref(config);
}

/* Property: changes one at a time, in any order, end where all at once do. */
TEST(changes_in_any_order_make_the_same_table)
{
	struct svc_config *config = object_config();
	struct rand r;

	rand_seed(&r, 13);
	for (int round = 0; round < 30; round++) {
		struct random_cluster c;
		struct svc_table *before, *after, *t;
		struct svc_changes d = {0};

		random_cluster_init(&c, &r, 30);
		before = random_cluster_table(&c, config);
		for (size_t i = 0; i < 12; i++)
			random_cluster_touch(&c, &r, rand_below(&r, c.n));
		after = random_cluster_table(&c, config);
		svc_changes_of(before, after, &d);
		shuffle(&r, d.ptr, d.len, sizeof(*d.ptr));
		t = svc_table_ref(before);
		vec_foreach(x, &d) {
			struct svc_table *next = svc_table_change(t, x, 1);

			svc_table_unref(t);
			t = next;
		}
		assert_same(t, after);
		svc_table_unref(t);
		vec_fini(&d);
		svc_table_unref(before);
		svc_table_unref(after);
		objects_fini(&c.o);
	}
	svc_config_unref(config);
}
