/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/endpoints/topology.h"

#include "tests/harness/test.h"

#include <string.h>

enum {
	NODES_MAX = 8,
	ENDPOINTS_MAX = 32,
};

struct fixture {
	struct arena a;
	struct api_node nodes[NODES_MAX];
	const struct api_node *list[NODES_MAX];
	size_t n_nodes;
	struct controller_topology topology;
	struct api_endpoint endpoints[ENDPOINTS_MAX];
	size_t n;
	struct controller_hint_slice slice;
};

static const struct api_condition ready = {.type = {"Ready", sizeof("Ready") - 1},
					   .status = {"True", sizeof("True") - 1}};

static void begin(struct fixture *f)
{
	*f = (struct fixture){0};
	arena_init(&f->a, 0);
}

static void node(struct fixture *f, const char *zone, int64_t cpu_milli)
{
	f->nodes[f->n_nodes] = (struct api_node){
		.conditions = &ready,
		.n_conditions = 1,
		.zone = str_of(zone),
		.cpu_milli = cpu_milli,
	};
	f->list[f->n_nodes] = &f->nodes[f->n_nodes];
	f->n_nodes++;
	controller_topology_of(&f->a, f->list, f->n_nodes, &f->topology);
}

static void endpoints(struct fixture *f, const char *zone, size_t n)
{
	for (size_t i = 0; i < n; i++)
		f->endpoints[f->n++] = (struct api_endpoint){.ready = true, .zone = str_of(zone)};
}

static const char *hint(struct fixture *f, bool is_kept)
{
	f->slice = (struct controller_hint_slice){f->endpoints, f->n, is_kept};
	return controller_topology_hint(&f->a, &f->topology, &f->slice, 1);
}

static size_t hinted(const struct fixture *f, const char *zone)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n; i++)
		n += f->endpoints[i].zone_hints.n == 1 &&
		     str_eq_c(f->endpoints[i].zone_hints.ptr[0], zone);
	return n;
}

TEST(one_endpoint_in_each_zone_stays_there)
{
	struct fixture f;

	begin(&f);
	node(&f, "a", 4500);
	node(&f, "b", 5500);
	endpoints(&f, "a", 1);
	endpoints(&f, "b", 1);
	ASSERT_TRUE(!hint(&f, false));
	ASSERT_EQ(hinted(&f, "a"), 1);
	ASSERT_EQ(hinted(&f, "b"), 1);
	arena_fini(&f.a);
}

TEST(endpoints_go_to_zones_that_lack_them)
{
	struct fixture f;

	begin(&f);
	node(&f, "a", 3500);
	node(&f, "b", 3500);
	node(&f, "c", 3000);
	endpoints(&f, "a", 5);
	endpoints(&f, "b", 2);
	endpoints(&f, "c", 3);
	ASSERT_TRUE(!hint(&f, false));
	ASSERT_EQ(hinted(&f, "a"), 4);
	ASSERT_EQ(hinted(&f, "b"), 3);
	ASSERT_EQ(hinted(&f, "c"), 3);
	arena_fini(&f.a);
}

TEST(hints_that_still_serve_are_kept)
{
	struct fixture f;

	begin(&f);
	node(&f, "a", 1000);
	node(&f, "b", 1000);
	endpoints(&f, "a", 4);
	endpoints(&f, "b", 4);
	ASSERT_TRUE(!hint(&f, false));
	ASSERT_TRUE(!hint(&f, true));
	ASSERT_TRUE(f.slice.is_kept);
	f.endpoints[0].zone_hints = (struct api_strs){0}; /* has become ready just now */
	ASSERT_TRUE(!hint(&f, true));
	ASSERT_TRUE(!f.slice.is_kept);
	ASSERT_EQ(hinted(&f, "a"), 4);
	f.endpoints[0].ready = false;
	ASSERT_TRUE(!hint(&f, true));
	ASSERT_TRUE(!f.slice.is_kept);
	ASSERT_EQ(f.endpoints[0].zone_hints.n, 0);
	arena_fini(&f.a);
}

TEST(without_what_is_needed_there_are_no_hints)
{
	struct fixture f;

	begin(&f);
	controller_topology_of(&f.a, NULL, 0, &f.topology);
	endpoints(&f, "a", 6);
	ASSERT_STR(str_of(hint(&f, false)), STR("Nodes only ready in one zone"));
	node(&f, "a", 1000);
	ASSERT_STR(str_of(hint(&f, false)), STR("Nodes only ready in one zone"));
	node(&f, "b", 0);
	ASSERT_TRUE(str_has_prefix(str_of(hint(&f, false)), STR("Insufficient Node information")));
	f.nodes[1].cpu_milli = 1000;
	node(&f, "b", 1000);
	ASSERT_TRUE(!hint(&f, false));
	ASSERT_TRUE(hinted(&f, "a") > 0);
	f.n = 1;
	ASSERT_STR(str_of(hint(&f, true)),
		   STR("Insufficient number of endpoints (1 endpoints, 2 zones)"));
	ASSERT_TRUE(!f.slice.is_kept); /* what was hinted is taken back */
	ASSERT_EQ(hinted(&f, "a"), 0);
	f.n = 5;
	endpoints(&f, "", 1);
	ASSERT_STR(str_of(hint(&f, false)),
		   STR("One or more endpoints do not have a zone specified"));
	arena_fini(&f.a);
}

TEST(no_zone_is_overloaded)
{
	struct fixture f;

	begin(&f);
	node(&f, "a", 1000);
	node(&f, "b", 1000);
	node(&f, "c", 1000);
	endpoints(&f, "a", 4); /* each zone would need two of them at least */
	ASSERT_TRUE(
		str_has_prefix(str_of(hint(&f, false)),
			       STR("Unable to allocate minimum required endpoints to each zone")));
	arena_fini(&f.a);
}

TEST(which_nodes_count)
{
	static const struct api_pair master = {
		{"node-role.kubernetes.io/control-plane",
		 sizeof("node-role.kubernetes.io/control-plane") - 1},
		{"", sizeof("") - 1}};
	struct fixture f;

	begin(&f);
	node(&f, "a", 1000);
	node(&f, "b", 3000);
	node(&f, "", 0);
	ASSERT_TRUE(f.topology.why_not != NULL);
	f.nodes[2].meta.labels = (struct api_pairs){&master, 1};
	controller_topology_of(&f.a, f.list, f.n_nodes, &f.topology);
	ASSERT_TRUE(!f.topology.why_not);
	ASSERT_EQ(f.topology.n_zones, 2);
	ASSERT_TRUE(f.topology.zones[1].ratio > 0.74 && f.topology.zones[1].ratio < 0.76);
	ASSERT_TRUE(!controller_topology_matters(NULL, &f.nodes[2]));
	ASSERT_TRUE(controller_topology_matters(NULL, &f.nodes[0]));
	ASSERT_TRUE(controller_topology_matters(&f.nodes[0], &f.nodes[1]));
	ASSERT_TRUE(!controller_topology_matters(&f.nodes[0], &f.nodes[0]));
	arena_fini(&f.a);
}
