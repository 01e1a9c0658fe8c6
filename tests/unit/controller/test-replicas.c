/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/workload/replicas.h"

#include "tests/harness/test.h"
#include "tests/unit/controller/build.h"

#define SECOND 1000000000ll

static struct api_replica_set *set_of(struct arena *a, int32_t replicas)
{
	struct api_replica_set *set = arena_new(a, struct api_replica_set);

	set->meta.name = STR("web-1");
	set->meta.ns = STR("default");
	set->meta.uid = STR("set");
	set->replicas = replicas;
	return set;
}

static struct api_pod *pod_of(struct arena *a, const char *name, const char *owner)
{
	struct api_pod *pod = build_pod(a, name, "10.0.0.1");

	pod->meta.uid = str_of(name);
	pod->phase = STR("Running");
	pod->is_ready = true;
	if (owner) {
		struct api_owner *o = arena_new(a, struct api_owner);

		*o = (struct api_owner){.uid = str_of(owner), .is_controller = true};
		pod->meta.owners = o;
		pod->meta.n_owners = 1;
	}
	return pod;
}

static struct controller_replicas_plan plan_of(struct arena *a, const struct api_replica_set *set,
					       struct api_pod *const *pods, size_t n,
					       const bool *selected)
{
	static const bool all[16] = {true, true, true, true, true, true, true, true};
	struct controller_replicas_input in = {
		.set = set,
		.pods = (const struct api_pod *const *)pods,
		.n_pods = n,
		.is_selected = selected ? selected : all,
		.now_ns = 1000 * SECOND,
	};
	struct controller_replicas_plan plan;

	controller_replicas_plan(a, &in, &plan);
	return plan;
}

TEST(missing_pods_are_made_within_the_burst)
{
	struct api_pod *pods[2];
	struct arena a;

	arena_init(&a, 0);
	pods[0] = pod_of(&a, "p0", "set");
	pods[1] = pod_of(&a, "p1", "set");
	pods[1]->phase = STR("Failed");
	ASSERT_EQ(plan_of(&a, set_of(&a, 3), pods, 2, NULL).n_make, 2);
	ASSERT_EQ(plan_of(&a, set_of(&a, 5000), pods, 2, NULL).n_make, CONTROLLER_REPLICAS_BURST);
	ASSERT_EQ(plan_of(&a, set_of(&a, 1), pods, 2, NULL).n_make, 0);
	arena_fini(&a);
}

TEST(orphans_are_adopted_and_strangers_left_alone)
{
	static const bool selected[] = {true, false, true, true, false};
	struct controller_replicas_plan plan;
	struct api_pod *pods[5];
	struct arena a;

	arena_init(&a, 0);
	pods[0] = pod_of(&a, "orphan", NULL);
	pods[1] = pod_of(&a, "stranger", NULL);
	pods[2] = pod_of(&a, "finished", NULL);
	pods[2]->phase = STR("Succeeded");
	pods[3] = pod_of(&a, "own", "set");
	pods[4] = pod_of(&a, "relabelled", "set");
	plan = plan_of(&a, set_of(&a, 2), pods, 5, selected);
	ASSERT_EQ(plan.n_adopt, 1);
	ASSERT_TRUE(plan.adopt[0] == pods[0]);
	ASSERT_EQ(plan.n_release, 1);
	ASSERT_TRUE(plan.release[0] == pods[4]);
	ASSERT_EQ(plan.n_make + plan.n_kill, 0);
	ASSERT_EQ(plan.counts.pods, 2);
	arena_fini(&a);
}

TEST(the_least_useful_pods_go_first)
{
	struct controller_replicas_plan plan;
	struct api_pod *pods[6];
	struct arena a;

	arena_init(&a, 0);
	for (size_t i = 0; i < 6; i++) {
		pods[i] = pod_of(&a, (const char *[]){"a", "b", "c", "d", "e", "f"}[i], "set");
		pods[i]->node_name = STR("n1");
		pods[i]->ready_transition_ns = 10 * SECOND;
		pods[i]->meta.created_ns = 5 * SECOND;
	}
	pods[5]->node_name = STR("");      /* first: on no node */
	pods[4]->phase = STR("Pending");   /* then: does not run */
	pods[3]->is_ready = false;         /* then: is not ready */
	pods[2]->ready_transition_ns *= 2; /* then: ready for less long */
	pods[1]->meta.created_ns *= 2;     /* then: younger */
	plan = plan_of(&a, set_of(&a, 1), pods, 6, NULL);
	ASSERT_EQ(plan.n_kill, 5);
	for (size_t i = 0; i < 5; i++)
		ASSERT_STR(plan.kill[i]->meta.name, pods[5 - i]->meta.name);
	pods[0]->node_name = pods[1]->node_name = STR("n2"); /* n1 has more of them */
	pods[2]->ready_transition_ns = 10 * SECOND;
	pods[3]->is_ready = true;
	pods[4]->phase = STR("Running");
	pods[5]->node_name = STR("n1");
	plan = plan_of(&a, set_of(&a, 5), pods, 6, NULL);
	ASSERT_STR(plan.kill[0]->node_name, STR("n1"));
	arena_fini(&a);
}

static bool is_p0(const void *ctx, struct str uid)
{
	return str_eq_c(uid, "p0");
}

TEST(what_was_deleted_already_is_not_counted_again)
{
	static const bool all[] = {true, true};
	struct controller_replicas_plan plan;
	struct controller_replicas_input in;
	struct api_pod *pods[2];
	struct arena a;

	arena_init(&a, 0);
	pods[0] = pod_of(&a, "p0", "set");
	pods[1] = pod_of(&a, "p1", "set");
	in = (struct controller_replicas_input){
		.set = set_of(&a, 1),
		.pods = (const struct api_pod *const *)pods,
		.n_pods = 2,
		.is_selected = all,
		.is_deleted = is_p0,
	};
	controller_replicas_plan(&a, &in, &plan);
	ASSERT_EQ(plan.n_kill, 0);
	ASSERT_EQ(plan.counts.pods, 1);
	ASSERT_EQ(plan.counts.terminating, 1);
	arena_fini(&a);
}

TEST(available_needs_its_seconds)
{
	struct controller_replicas_plan plan;
	struct api_replica_set *set;
	struct api_pod *pods[2];
	struct arena a;

	arena_init(&a, 0);
	set = set_of(&a, 2);
	set->min_ready_s = 30;
	pods[0] = pod_of(&a, "p0", "set");
	pods[0]->ready_transition_ns = 970 * SECOND;
	pods[1] = pod_of(&a, "p1", "set");
	pods[1]->ready_transition_ns = 990 * SECOND;
	plan = plan_of(&a, set, pods, 2, NULL);
	ASSERT_EQ(plan.counts.ready, 2);
	ASSERT_EQ(plan.counts.available, 1);
	ASSERT_EQ(plan.again_ns, 1020 * SECOND);
	arena_fini(&a);
}

TEST(nothing_is_made_for_a_set_that_is_being_deleted)
{
	struct controller_replicas_plan plan;
	struct api_replica_set *set;
	struct api_pod *pods[2];
	struct arena a;

	arena_init(&a, 0);
	set = set_of(&a, 3);
	set->meta.deleted_ns = 1;
	pods[0] = pod_of(&a, "p0", "set");
	pods[1] = pod_of(&a, "p1", NULL);
	plan = plan_of(&a, set, pods, 2, NULL);
	ASSERT_EQ(plan.n_make + plan.n_kill + plan.n_adopt, 0);
	ASSERT_EQ(plan.counts.pods, 1);
	arena_fini(&a);
}
