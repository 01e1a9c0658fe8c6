/* SPDX-License-Identifier: Apache-2.0 */
#include "svc/claims.h"

#include "objects.h"
#include "svc/view.h"
#include "tests/harness/test.h"

static struct svc_entry *with_external(struct objects *o, struct svc_config *c, const char *name,
				       const char *cluster_ip, const char *external)
{
	struct api_service *s = object_service(o, name, cluster_ip);
	struct str *ip = arena_new(&o->a, struct str);

	*ip = str_of(external);
	s->external_ips = (struct api_strs){ip, 1};
	return object_entry(c, s, NULL);
}

static bool owns(const struct svc_claims *c, const struct svc_entry *e, size_t frontend)
{
	return svc_view_owns(&(struct svc_view){.claims = c}, e, &e->ports[0],
			     &e->ports[0].frontends[frontend]);
}

static void add(struct svc_claims *c, struct svc_entry *e)
{
	svc_claims_apply(c, &(struct svc_change){NULL, e}, 1, NULL);
}

TEST(the_first_by_name_owns_and_a_cluster_ip_beats_all)
{
	struct objects o;
	struct svc_config *c = object_config();
	struct svc_claims claims = {0};
	struct svc_entry *e[3];

	objects_init(&o);
	e[0] = with_external(&o, c, "a", "10.96.0.1", "10.96.0.3"); /* would hijack c */
	e[1] = with_external(&o, c, "b", "10.96.0.2", "198.51.100.1");
	e[2] = with_external(&o, c, "c", "10.96.0.3", "198.51.100.1");
	for (int i = 0; i < 3; i++)
		add(&claims, e[i]);
	ASSERT_FALSE(owns(&claims, e[0], 1));
	ASSERT_TRUE(owns(&claims, e[1], 1));
	ASSERT_FALSE(owns(&claims, e[2], 1));
	ASSERT_TRUE(owns(&claims, e[2], 0));
	svc_claims_apply(&claims, &(struct svc_change){e[1], NULL}, 1, NULL);
	ASSERT_TRUE(owns(&claims, e[2], 1));
	svc_claims_apply(&claims, &(struct svc_change){e[2], NULL}, 1, NULL);
	ASSERT_TRUE(owns(&claims, e[0], 1));
	svc_claims_fini(&claims);
	for (int i = 0; i < 3; i++)
		svc_entry_unref(e[i]);
	svc_config_unref(c);
	objects_fini(&o);
}

/* A Service that was built anew without a difference is no change to a back end, yet another object
 * in the next table: ownership must not hang on the old one. */
TEST(an_equal_entry_is_the_same_owner)
{
	struct objects o;
	struct svc_config *c = object_config();
	struct svc_claims claims = {0};
	struct svc_entry *a, *again;

	objects_init(&o);
	a = with_external(&o, c, "a", "10.96.0.1", "198.51.100.1");
	again = with_external(&o, c, "a", "10.96.0.1", "198.51.100.1");
	add(&claims, a);
	svc_entry_unref(a);
	ASSERT_TRUE(owns(&claims, again, 1));
	svc_claims_apply(&claims, &(struct svc_change){again, NULL}, 1, NULL);
	ASSERT_EQ(map_len(&claims.owners), 0);
	svc_claims_fini(&claims);
	svc_entry_unref(again);
	svc_config_unref(c);
	objects_fini(&o);
}

/* What one says of each address of the other. */
static void assert_says(const struct svc_claims *c, const struct svc_claims_past *past,
			const struct svc_claims *due)
{
	map_foreach(x, &due->owners)
		ASSERT_TRUE(svc_claims_owner(c, past, map_key(x)) == x->value);
	map_foreach(x, &c->owners)
		ASSERT_TRUE(svc_claims_owner(c, past, map_key(x)) ==
			    svc_claims_owner(due, NULL, map_key(x)));
}

/* Whoever comes and goes, and where an address is contested too: the owner is a function of who is
 * there, and the past tells what the owners were, over several steps. */
TEST(following_random_changes_equals_rebuilding)
{
	struct objects o;
	struct svc_config *c = object_config();
	struct svc_claims claims = {0}, old = {0};
	struct svc_claims_past older = {0};
	struct svc_entry *e[8] = {NULL};
	struct rand r;

	objects_init(&o);
	rand_seed(&r, 11);
	for (int step = 0; step < 600; step++) {
		size_t i = rand_below(&r, ARRAY_LEN(e));
		struct svc_change change = {.before = e[i]};
		struct svc_claims due = {0};
		struct svc_claims_past past = {0};

		if (step % 5 == 0) {
			svc_claims_fini(&old);
			svc_claims_past_fini(&older);
			for (size_t k = 0; k < ARRAY_LEN(e); k++)
				if (e[k])
					add(&old, e[k]);
		}
		/* An external IP of two, or a cluster IP of another. */
		if (rand_below(&r, 3))
			change.after = with_external(
				&o, c, str_printf(&o.a, "s%zu", i).ptr,
				str_printf(&o.a, "10.96.0.%zu", i + 1).ptr,
				str_printf(&o.a, rand_below(&r, 2) ? "198.51.100.%u" : "10.96.0.%u",
					   (unsigned)rand_below(&r, 2) + 1)
					.ptr);
		e[i] = change.after;
		svc_claims_apply(&claims, &change, 1, &past);
		svc_claims_past_merge(&older, &past);
		svc_claims_past_fini(&past);
		svc_entry_unref(change.before);
		for (size_t k = 0; k < ARRAY_LEN(e); k++)
			if (e[k])
				add(&due, e[k]);
		ASSERT_EQ(map_len(&claims.owners), map_len(&due.owners));
		ASSERT_EQ(map_len(&claims.rivals), map_len(&due.rivals));
		assert_says(&claims, NULL, &due);
		assert_says(&claims, &older, &old);
		svc_claims_fini(&due);
	}
	svc_claims_past_fini(&older);
	svc_claims_fini(&old);
	svc_claims_fini(&claims);
	for (size_t i = 0; i < ARRAY_LEN(e); i++)
		svc_entry_unref(e[i]);
	svc_config_unref(c);
	objects_fini(&o);
}
