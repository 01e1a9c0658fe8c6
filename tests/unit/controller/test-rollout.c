/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/workload/rollout.h"

#include "tests/harness/test.h"

#define SECOND 1000000000ll
#define OLD    "{\"spec\":{\"image\":\"1\"}}"
#define NEW    "{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{\"image\":\"2\"}}"
#define HASHED                                                                                     \
	"{\"spec\":{\"image\":\"2\"},\"metadata\":{\"labels\":{\"pod-template-hash\":\"x\","       \
	"\"a\":\"b\"}}}"

/* A Deployment of 4 with its sets; sets are named by their numbers. */
struct world {
	struct arena a;
	struct api_deployment d;
	struct api_replica_set sets[4];
	const struct api_replica_set *list[4];
	struct api_pair annotations[4][3];
	size_t live[4], n;
	struct controller_rollout_plan plan;
};

static void world_init(struct world *w)
{
	memset(w, 0, sizeof(*w));
	arena_init(&w->a, 0);
	w->d.meta.name = STR("web");
	w->d.replicas = 4;
	w->d.history_limit = 10;
	w->d.deadline_s = 600;
	w->d.max_surge = (struct api_int_or_str){.is_str = true, .name = STR("25%")};
	w->d.max_unavailable = w->d.max_surge;
	w->d.template = STR(NEW);
}

static struct api_replica_set *add(struct world *w, const char *template, int32_t replicas,
				   int32_t available)
{
	static const char *const names[] = {"s0", "s1", "s2", "s3"};
	struct api_replica_set *set = &w->sets[w->n];
	struct api_pair *p = w->annotations[w->n];

	p[0] = (struct api_pair){STR(ROLLOUT_DESIRED), STR("4")};
	p[1] = (struct api_pair){STR(ROLLOUT_MAX), STR("5")};
	p[2] = (struct api_pair){STR(ROLLOUT_REVISION), str_printf(&w->a, "%zu", w->n + 1)};
	set->meta.name = set->meta.uid = str_of(names[w->n]);
	set->meta.created_ns = (int64_t)w->n + 1;
	set->meta.annotations = (struct api_pairs){p, 3};
	set->template = str_of(template);
	set->replicas = set->n_pods = replicas;
	set->n_ready = set->n_available = available;
	w->live[w->n] = (size_t)replicas;
	w->list[w->n] = set;
	w->n++;
	return set;
}

static struct controller_rollout_plan *step(struct world *w)
{
	struct controller_rollout_input in = {&w->d, w->list, w->live, w->n, 1000 * SECOND};

	controller_rollout_plan(&w->a, &in, &w->plan);
	return &w->plan;
}

static int32_t scaled(const struct world *w, const struct api_replica_set *set)
{
	for (size_t i = 0; i < w->plan.n_scale; i++)
		if (w->plan.scale[i].set == set)
			return w->plan.scale[i].replicas;
	return -1;
}

static const struct api_condition *condition(const struct world *w, const char *type)
{
	return api_condition_find(w->plan.status.conditions, w->plan.status.n_conditions, type);
}

TEST(templates_are_equal_but_for_the_hash)
{
	ASSERT_TRUE(controller_template_eq(STR(NEW), STR(HASHED)));
	ASSERT_FALSE(controller_template_eq(STR(NEW), STR(OLD)));
}

TEST(hashes_differ_by_template_and_collision)
{
	struct arena a;
	struct str x;

	arena_init(&a, 0);
	x = controller_template_hash(&a, STR(NEW), 0);
	ASSERT_STR(x, controller_template_hash(&a, STR(NEW), 0));
	ASSERT_FALSE(str_eq(x, controller_template_hash(&a, STR(NEW), 1)));
	ASSERT_FALSE(str_eq(x, controller_template_hash(&a, STR(OLD), 0)));
	arena_fini(&a);
}

TEST(bounds_round_away_from_a_standstill)
{
	struct world w;
	int32_t surge, unavailable;

	world_init(&w);
	w.d.replicas = 5;
	controller_rollout_bounds(&w.d, &surge, &unavailable);
	ASSERT_EQ(surge, 2);
	ASSERT_EQ(unavailable, 1);
	w.d.max_surge = (struct api_int_or_str){.number = 0};
	w.d.max_unavailable = (struct api_int_or_str){.is_str = true, .name = STR("10%")};
	controller_rollout_bounds(&w.d, &surge, &unavailable);
	ASSERT_EQ(surge, 0);
	ASSERT_EQ(unavailable, 1);
	arena_fini(&w.a);
}

TEST(the_first_set_is_made_whole)
{
	struct world w;

	world_init(&w);
	step(&w);
	ASSERT_TRUE(w.plan.makes_set);
	ASSERT_EQ(w.plan.make_replicas, 4);
	ASSERT_EQ(w.plan.revision, 1);
	ASSERT_EQ(w.plan.max, 5);
	ASSERT_STR(condition(&w, "Progressing")->reason, STR("NewReplicaSetCreated"));
	arena_fini(&w.a);
}

/* Plays a whole rollout: what is scaled up becomes available a step later. The promise of
 * maxSurge and maxUnavailable holds after each step. */
TEST(a_rollout_keeps_its_promise)
{
	struct api_replica_set *old, *new;
	struct world w;
	int steps = 0;

	world_init(&w);
	old = add(&w, OLD, 4, 4);
	step(&w);
	ASSERT_TRUE(w.plan.makes_set);
	ASSERT_EQ(w.plan.make_replicas, 1);
	ASSERT_EQ(w.plan.revision, 2);
	new = add(&w, HASHED, 1, 0);
	while (new->n_available < 4 || old->replicas) {
		step(&w);
		ASSERT_FALSE(w.plan.makes_set);
		new->n_available = new->n_ready = new->n_pods = new->replicas;
		for (size_t i = 0; i < w.plan.n_scale; i++)
			((struct api_replica_set *)(uintptr_t)w.plan.scale[i].set)->replicas =
				w.plan.scale[i].replicas;
		old->n_available = old->n_ready = old->n_pods =
			MIN(old->n_available, old->replicas);
		ASSERT_TRUE(old->replicas + new->replicas <= 5);
		ASSERT_TRUE(old->n_available + MIN(new->n_available, new->replicas) >= 3);
		ASSERT_TRUE(++steps < 40);
	}
	step(&w);
	ASSERT_EQ(w.plan.n_scale, 0);
	ASSERT_STR(condition(&w, "Progressing")->reason, STR("NewReplicaSetAvailable"));
	ASSERT_STR(condition(&w, "Available")->status, STR("True"));
	arena_fini(&w.a);
}

TEST(pods_that_never_were_available_go_first)
{
	struct api_replica_set *good, *broken;
	struct world w;

	world_init(&w);
	good = add(&w, OLD, 3, 3);
	broken = add(&w, "{}", 2, 0);
	add(&w, HASHED, 0, 0);
	w.d.max_surge = (struct api_int_or_str){.number = 1};
	step(&w);
	ASSERT_EQ(scaled(&w, broken), 0);
	ASSERT_EQ(scaled(&w, good), -1);
	arena_fini(&w.a);
}

TEST(recreate_waits_for_the_last_old_pod)
{
	struct api_replica_set *old;
	struct world w;

	world_init(&w);
	w.d.is_recreate = true;
	old = add(&w, OLD, 4, 4);
	step(&w);
	ASSERT_EQ(scaled(&w, old), 0);
	ASSERT_FALSE(w.plan.makes_set);
	old->replicas = old->n_pods = old->n_available = old->n_ready = 0;
	step(&w); /* four Pods still end */
	ASSERT_FALSE(w.plan.makes_set);
	w.live[0] = 0;
	step(&w);
	ASSERT_TRUE(w.plan.makes_set);
	ASSERT_EQ(w.plan.make_replicas, 4);
	arena_fini(&w.a);
}

TEST(an_old_template_gets_a_new_revision)
{
	struct world w;

	world_init(&w);
	add(&w, HASHED, 0, 0);
	add(&w, OLD, 4, 4);
	step(&w);
	ASSERT_TRUE(w.plan.new_set == &w.sets[0]);
	ASSERT_EQ(w.plan.revision, 3);
	arena_fini(&w.a);
}

TEST(a_paused_one_is_only_resized)
{
	struct world w;

	world_init(&w);
	w.d.is_paused = true;
	add(&w, OLD, 4, 4);
	step(&w);
	ASSERT_FALSE(w.plan.makes_set);
	ASSERT_EQ(w.plan.revision, 0);
	ASSERT_STR(condition(&w, "Progressing")->reason, STR("DeploymentPaused"));
	w.d.replicas = 7;
	step(&w);
	ASSERT_EQ(scaled(&w, &w.sets[0]), 7);
	arena_fini(&w.a);
}

TEST(another_size_in_the_middle_is_spread)
{
	struct api_replica_set *old, *new;
	struct world w;

	world_init(&w);
	w.d.max_surge = (struct api_int_or_str){.number = 3};
	w.d.max_unavailable = (struct api_int_or_str){.number = 2};
	w.d.replicas = 15;
	old = add(&w, OLD, 8, 8);
	new = add(&w, HASHED, 5, 0);
	for (size_t i = 0; i < 2; i++) {
		w.annotations[i][0].value = STR("10");
		w.annotations[i][1].value = STR("13");
	}
	step(&w);
	ASSERT_EQ(scaled(&w, old), 11);
	ASSERT_EQ(scaled(&w, new), 7);
	arena_fini(&w.a);
}

TEST(history_is_cut)
{
	struct world w;

	world_init(&w);
	w.d.history_limit = 1;
	add(&w, "{\"spec\":1}", 0, 0);
	add(&w, OLD, 0, 0);
	add(&w, HASHED, 4, 4);
	step(&w);
	ASSERT_EQ(w.plan.n_forget, 1);
	ASSERT_TRUE(w.plan.forget[0] == &w.sets[0]);
	arena_fini(&w.a);
}

TEST(time_is_up_when_nothing_moves)
{
	struct api_condition c = {.type = STR("Progressing"),
				  .status = STR("True"),
				  .reason = STR("ReplicaSetUpdated"),
				  .transition_ns = 100 * SECOND,
				  .updated_ns = 500 * SECOND};
	struct world w;

	world_init(&w);
	w.d.conditions = &c;
	w.d.n_conditions = 1;
	add(&w, HASHED, 4, 1);
	w.d.n_pods = w.d.n_updated = 4;
	w.d.n_ready = w.d.n_available = 1;
	step(&w);
	ASSERT_STR(condition(&w, "Progressing")->reason, STR("ReplicaSetUpdated"));
	ASSERT_EQ(w.plan.again_ns, 1101 * SECOND);
	c.updated_ns = 399 * SECOND;
	step(&w);
	ASSERT_STR(condition(&w, "Progressing")->reason, STR("ProgressDeadlineExceeded"));
	ASSERT_STR(condition(&w, "Progressing")->status, STR("False"));
	ASSERT_STR(condition(&w, "Available")->status, STR("False"));
	arena_fini(&w.a);
}
