/* SPDX-License-Identifier: Apache-2.0 */
/* The law of proxy/proxy.h that a difference applied equals a sync, on a back end in memory that
 * knows nothing but what it is told: if it holds here, a mode that does what the difference says
 * holds it, too. */
#include "proxy/proxy.h"
#include "tests/harness/test.h"
#include "tests/unit/svc/objects.h"

struct model {
	struct proxy_backend base;
	struct map lines;
	int syncs, applies;
	bool is_broken;
};

static struct model *model_of(struct proxy_backend *b)
{
	return CONTAINER_OF(b, struct model, base);
}

/* An element that is there, or is not there, twice is what a kernel refuses. */
static void take(struct model *m, struct svc_facts *f, bool is_wanted)
{
	vec_foreach(l, &f->lines) {
		void *was = is_wanted ? map_put(&m->lines, str_of(*l), m)
				      : map_remove(&m->lines, str_of(*l));

		if ((was != NULL) == is_wanted)
			test_fail(__FILE__, __LINE__, "%s twice: %s", is_wanted ? "put" : "removed",
				  *l);
	}
	svc_facts_fini(f);
}

static int model_sync(struct proxy_backend *b, const struct svc_view *v, struct proxy_results *res,
		      struct err *err)
{
	struct model *m = model_of(b);
	struct svc_facts f = {0};

	m->syncs++;
	map_fini(&m->lines);
	svc_facts_of(v, &f);
	take(m, &f, true);
	return m->is_broken ? err_set(err, ERR_INTERNAL, "broken for the test") : 0;
}

static int model_apply(struct proxy_backend *b, const struct svc_diff *d, struct proxy_results *res,
		       struct err *err)
{
	struct model *m = model_of(b);
	struct svc_facts gone = {0}, come = {0};

	m->applies++;
	vec_foreach(c, &d->changes) {
		if (c->before)
			svc_facts_add_entry(&gone, &d->before, c->before);
		if (c->after)
			svc_facts_add_entry(&come, &d->after, c->after);
	}
	vec_foreach(a, &d->hairpins_gone)
		svc_facts_add_hairpin(&gone, a);
	vec_foreach(a, &d->hairpins_come)
		svc_facts_add_hairpin(&come, a);
	take(m, &gone, false);
	take(m, &come, true);
	return m->is_broken ? err_set(err, ERR_INTERNAL, "broken for the test") : 0;
}

static const struct proxy_ops model_ops = {.sync = model_sync, .apply = model_apply};

/* The model holds the facts of the table, as one that never saw another tells them. */
static void check(const struct model *m, struct svc_table *t)
{
	struct svc_facts there = {0}, due = {0};
	struct svc_state fresh = {0};
	struct buf b = BUF_INIT;
	struct svc_view v;
	struct svc_diff d;

	svc_state_move(&fresh, t, &d);
	svc_diff_fini(&d);
	v = svc_state_view(&fresh);
	svc_facts_of(&v, &due);
	map_foreach(x, &m->lines)
		*vec_push(&there.lines) = mem_xstrdup(map_key(x).ptr);
	svc_facts_sort(&there);
	if (!svc_facts_compare(&due, &there, 3, &b))
		test_fail(__FILE__, __LINE__, "%s", b.ptr);
	buf_fini(&b);
	svc_facts_fini(&there);
	svc_facts_fini(&due);
	svc_state_fini(&fresh);
}

static void go_on(struct svc_state *s, struct model *m, struct svc_table *t)
{
	struct err err;
	struct svc_diff d;

	svc_state_move(s, t, &d);
	ASSERT_EQ(proxy_apply(&m->base, &d, NULL, &err), m->is_broken ? ERR_INTERNAL : 0);
	svc_diff_fini(&d);
}

TEST(a_difference_applied_equals_a_sync)
{
	struct rand r;

	rand_seed(&r, 17);
	for (int round = 0; round < 20; round++) {
		struct model m = {.base.ops = &model_ops};
		struct svc_config *config = object_config();
		struct svc_state s = {0};
		struct random_cluster c;

		random_cluster_init(&c, &r, 1 + rand_below(&r, 30));
		for (int step = 0; step < 20; step++) {
			struct svc_table *t = random_cluster_table(&c, config);

			go_on(&s, &m, t);
			check(&m, t);
			svc_table_unref(t);
			for (size_t i = rand_below(&r, 4); i > 0; i--)
				random_cluster_touch(&c, &r, rand_below(&r, c.n));
		}
		ASSERT_EQ(m.syncs, 1);
		ASSERT_EQ(m.applies, 19);
		map_fini(&m.lines);
		svc_state_fini(&s);
		objects_fini(&c.o);
		svc_config_unref(config);
	}
}

TEST(a_failure_and_another_configuration_need_a_sync)
{
	struct model m = {.base.ops = &model_ops};
	struct svc_config *config = object_config(), other = *config, *changed;
	struct svc_state s = {0};
	struct random_cluster c;
	struct svc_table *t;
	struct rand r;

	rand_seed(&r, 19);
	random_cluster_init(&c, &r, 10);
	t = random_cluster_table(&c, config);
	go_on(&s, &m, t);
	m.is_broken = true;
	go_on(&s, &m, t);
	ASSERT_EQ(m.applies, 1);
	m.is_broken = false;
	go_on(&s, &m, t);
	ASSERT_EQ(m.syncs, 2);
	go_on(&s, &m, t);
	ASSERT_EQ(m.applies, 2);
	svc_table_unref(t);
	other.masquerade_all = true;
	changed = svc_config_new(&other);
	t = random_cluster_table(&c, changed);
	go_on(&s, &m, t);
	ASSERT_EQ(m.syncs, 3);
	check(&m, t);
	svc_table_unref(t);
	map_fini(&m.lines);
	svc_state_fini(&s);
	objects_fini(&c.o);
	svc_config_unref(changed);
	svc_config_unref(config);
}
