/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/upkeep/node.h"

#include "controller/workload/schedule.h"
#include "tests/harness/test.h"

TEST(silence_is_measured_on_our_clock)
{
	struct controller_pulse p = {0};
	struct api_lease lease = {.renewed_ns = 77}; /* the node's clock is far off */

	ASSERT_EQ(controller_pulse_silence_ms(&p, &lease, 1000), 0);
	ASSERT_EQ(controller_pulse_silence_ms(&p, &lease, 42000), 41000);
	lease.renewed_ns = 76;
	ASSERT_EQ(controller_pulse_silence_ms(&p, &lease, 42000), 0);
}

TEST(a_silent_node_is_unknown_until_it_renews)
{
	struct api_condition ready = {.type = STR("Ready"), .status = STR("True")};
	struct api_node n = {.conditions = &ready, .n_conditions = 1};

	ASSERT_EQ(controller_node_health(&n, false), CONTROLLER_HEALTH_KEEP);
	ASSERT_EQ(controller_node_health(&n, true), CONTROLLER_HEALTH_LOST);
	ready.status = STR("Unknown");
	ready.reason = STR(NODE_LOST_REASON);
	ASSERT_EQ(controller_node_health(&n, true), CONTROLLER_HEALTH_KEEP);
	ASSERT_EQ(controller_node_health(&n, false), CONTROLLER_HEALTH_BACK);
	ready.reason = STR("SomebodyElse");
	ASSERT_EQ(controller_node_health(&n, false), CONTROLLER_HEALTH_KEEP);
	n.n_conditions = 0;
	ASSERT_EQ(controller_node_health(&n, true), CONTROLLER_HEALTH_LOST);
}

TEST(its_pods_follow)
{
	struct api_condition c[] = {{.type = STR("ContainersReady"), .status = STR("True")},
				    {.type = STR("Ready"), .status = STR("True")}};
	struct api_pod p = {.conditions = c, .n_conditions = 2, .is_ready = true};

	ASSERT_EQ(controller_pod_health(&p, false), CONTROLLER_HEALTH_KEEP);
	ASSERT_EQ(controller_pod_health(&p, true), CONTROLLER_HEALTH_LOST);
	p.is_ready = false;
	c[1].status = STR("False");
	ASSERT_EQ(controller_pod_health(&p, true), CONTROLLER_HEALTH_KEEP);
	ASSERT_EQ(controller_pod_health(&p, false), CONTROLLER_HEALTH_KEEP); /* not our doing */
	c[1].reason = STR(POD_LOST_REASON);
	ASSERT_EQ(controller_pod_health(&p, false), CONTROLLER_HEALTH_BACK);
	c[0].status = STR("False");
	ASSERT_EQ(controller_pod_health(&p, false), CONTROLLER_HEALTH_KEEP);
}

static struct api_node make_node(const char *name, const struct api_condition *ready)
{
	return (struct api_node){
		.meta = {.name = str_of(name)}, .conditions = ready, .n_conditions = 1};
}

TEST(pods_spread_over_the_nodes_that_can_take_them)
{
	struct api_condition yes = {.type = STR("Ready"), .status = STR("True")};
	struct api_condition no = {.type = STR("Ready"), .status = STR("Unknown")};
	struct api_taint taint = {STR("k"), STR("v"), STR("NoSchedule")};
	struct api_node a = make_node("a", &yes), b = make_node("b", &yes), c = make_node("c", &no);
	struct controller_seat seats[] = {{&b, 0, 2}, {&a, 0, 2}, {&c, 0, 0}};
	size_t unfit[CONTROLLER_N_FITS];
	struct api_pod p = {0};

	ASSERT_TRUE(controller_schedule(&p, seats, 3, unfit) == &a);
	seats[1].n_pods = 3;
	ASSERT_TRUE(controller_schedule(&p, seats, 3, unfit) == &b);
	seats[0].n_siblings = 1;
	ASSERT_TRUE(controller_schedule(&p, seats, 3, unfit) == &a);
	a.is_unschedulable = true;
	ASSERT_TRUE(controller_schedule(&p, seats, 3, unfit) == &b);
	b.taints = &taint;
	b.n_taints = 1;
	ASSERT_TRUE(!controller_schedule(&p, seats, 3, unfit));
	ASSERT_EQ(unfit[CONTROLLER_TAINTED], 1);
	ASSERT_EQ(unfit[CONTROLLER_CORDONED], 1);
	ASSERT_EQ(unfit[CONTROLLER_NOT_READY], 1);
	taint.effect = STR("PreferNoSchedule");
	ASSERT_TRUE(controller_schedule(&p, seats, 3, unfit) == &b);
	ASSERT_TRUE(!controller_schedule(&p, NULL, 0, unfit));
}

TEST(pods_say_what_they_tolerate_and_where_they_belong)
{
	static const struct api_pair fast = {STR("disk"), STR("fast")};
	struct api_condition yes = {.type = STR("Ready"), .status = STR("True")};
	struct api_condition no = {.type = STR("Ready"), .status = STR("False")};
	struct api_taint taint = {STR("k"), STR("v"), STR("NoExecute")};
	struct api_toleration t = {STR("k"), STR("Equal"), STR("v"), STR("")};
	struct api_node a = make_node("a", &yes);
	struct api_pod p = {.tolerations = &t, .n_tolerations = 1};

	a.taints = &taint;
	a.n_taints = 1;
	ASSERT_EQ(controller_node_fit(&a, &p), CONTROLLER_FITS);
	t.value = STR("w");
	ASSERT_EQ(controller_node_fit(&a, &p), CONTROLLER_TAINTED);
	t.op = STR("Exists");
	ASSERT_EQ(controller_node_fit(&a, &p), CONTROLLER_FITS);
	t.effect = STR("NoSchedule");
	ASSERT_EQ(controller_node_fit(&a, &p), CONTROLLER_TAINTED);
	t = (struct api_toleration){.op = STR("Exists")};
	a.is_unschedulable = true;
	a.conditions = &no;
	ASSERT_EQ(controller_node_fit(&a, &p), CONTROLLER_FITS);
	p.n_tolerations = 0;
	a.n_taints = 0;
	ASSERT_EQ(controller_node_fit(&a, &p), CONTROLLER_NOT_READY);
	a.conditions = &yes;
	ASSERT_EQ(controller_node_fit(&a, &p), CONTROLLER_CORDONED);
	a.is_unschedulable = false;
	p.node_selector = (struct api_pairs){&fast, 1};
	ASSERT_EQ(controller_node_fit(&a, &p), CONTROLLER_NOT_SELECTED);
	a.meta.labels = p.node_selector;
	ASSERT_EQ(controller_node_fit(&a, &p), CONTROLLER_FITS);
}

TEST(who_waits_for_a_node)
{
	struct api_pod p = {0};

	ASSERT_TRUE(controller_pod_is_waiting(&p));
	p.phase = STR("Failed");
	ASSERT_FALSE(controller_pod_is_waiting(&p));
	p.phase = STR("Pending");
	p.node_name = STR("n");
	ASSERT_FALSE(controller_pod_is_waiting(&p));
	p.node_name = (struct str){0};
	p.meta.deleted_ns = 1;
	ASSERT_FALSE(controller_pod_is_waiting(&p));
}
