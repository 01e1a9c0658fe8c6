/* SPDX-License-Identifier: Apache-2.0 */
#include "lab/plan.h"

#include "lab/lab.h"
#include "tests/harness/test.h"

static void expect(struct ip_prefix p, const char *want)
{
	char text[IP_PREFIX_TEXT_MAX];

	ASSERT_STR(ip_prefix_format(&p, text), str_of(want));
}

TEST(addresses_and_ranges)
{
	struct arena a;

	arena_init(&a, 0);
	expect(lab_plan_addr(LAB_INTERNAL, IP_V4, LAB_NODE0 + 1), "198.51.100.11/24");
	expect(lab_plan_addr(LAB_EXTERNAL, IP_V4, LAB_NODE0 + 3), "203.0.113.13/25");
	expect(lab_plan_addr(LAB_OUTSIDE, IP_V4, LAB_GUEST), "203.0.113.130/25");
	expect(lab_plan_addr(LAB_EXTERNAL, IP_V6, LAB_NODE0 + 1), "2001:db8:0:2::b/64");
	expect(lab_plan_pods(IP_V4, 2), "10.244.2.0/24");
	expect(lab_plan_pods(IP_V6, 2), "2001:db8:244:2::/64");
	ASSERT_STR(lab_plan_addrs(&a, LAB_INTERNAL, 12, true),
		   STR("198.51.100.12,2001:db8:0:1::c"));
	ASSERT_STR(lab_plan_pod_cidrs(&a, 1, false), STR("10.244.1.0/24"));
	arena_fini(&a);
}

TEST(the_largest_lab_fits)
{
	struct ip_prefix last = lab_plan_addr(LAB_EXTERNAL, IP_V4, LAB_NODE0 + LAB_NODES_MAX);
	struct ip_prefix outside = lab_plan_addr(LAB_OUTSIDE, IP_V4, LAB_ROUTER);
	struct ip_prefix pods = lab_plan_pods(IP_V4, LAB_NODES_MAX), all;
	struct err err;

	ASSERT_FALSE(ip_prefix_has(&outside, &last.addr));
	ASSERT_OK(ip_prefix_parse(STR("10.244.0.0/16"), &all, &err));
	ASSERT_TRUE(ip_prefix_has(&all, &pods.addr));
}
