/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/endpoints/slices.h"

#include "controller/endpoints/select.h"
#include "tests/harness/test.h"
#include "tests/unit/controller/build.h"

#include <stdlib.h>
#include <string.h>

struct fixture {
	struct arena a;
	struct api_service *svc;
	struct controller_slices_in in;
	struct controller_slices_plan plan;
	VEC(const struct api_endpoint_slice *) slices;
	struct api_node node;
	struct str absent; /* a node that is not known */
};

static const struct api_node *find_node(void *ctx, struct str name)
{
	struct fixture *f = ctx;

	return str_eq(name, f->absent) ? NULL : &f->node;
}

static void begin(struct fixture *f, size_t n_pods)
{
	*f = (struct fixture){0};
	arena_init(&f->a, 0);
	f->svc = build_service(&f->a, "web");
	f->in.pods = build_pods(&f->a, n_pods);
	f->in.n_pods = n_pods;
	f->in.service = f->svc;
	f->in.node = find_node;
	f->in.node_ctx = f;
}

static void have(struct fixture *f, const char *name, uint16_t port, size_t from, size_t to)
{
	*vec_push(&f->slices) = build_slice(&f->a, f->svc, name, port, f->in.pods, from, to);
}

static void plan(struct fixture *f)
{
	controller_slices_plan_fini(&f->plan);
	f->in.slices = f->slices.ptr;
	f->in.n_slices = f->slices.len;
	controller_slices_plan(&f->a, &f->in, &f->plan);
}

static void finish(struct fixture *f)
{
	controller_slices_plan_fini(&f->plan);
	vec_fini(&f->slices);
	arena_fini(&f->a);
}

static int descending(const void *x, const void *y)
{
	const size_t *a = x, *b = y;

	return *a < *b ? 1 : *a > *b ? -1 : 0;
}

/* Sizes of the slices of an address type once the plan is carried out: "100 100 50". */
static struct str sizes_after(struct fixture *f)
{
	VEC(size_t) sizes = {0};
	struct buf b;
	struct str s;

	buf_init(&b);
	vec_foreach(c, &f->plan.creates)
		*vec_push(&sizes) = c->n_endpoints;
	vec_foreach(u, &f->plan.updates)
		*vec_push(&sizes) = u->n_endpoints;
	vec_foreach(old, &f->slices) {
		bool is_left = true;

		vec_foreach(u, &f->plan.updates)
			is_left &= !str_eq(u->meta.name, (*old)->meta.name);
		vec_foreach(d, &f->plan.deletes)
			is_left &= *d != *old;
		if (is_left)
			*vec_push(&sizes) = (*old)->n_endpoints;
	}
	vec_sort(&sizes, descending);
	vec_foreach(n, &sizes)
		buf_printf(&b, "%s%zu", b.len ? " " : "", *n);
	s = str_dup(&f->a, buf_str(&b));
	buf_fini(&b);
	vec_fini(&sizes);
	return s;
}

#define ASSERT_PLAN(f, creates_, updates_, deletes_)                                               \
	do {                                                                                       \
		ASSERT_EQ((f)->plan.creates.len, creates_);                                        \
		ASSERT_EQ((f)->plan.updates.len, updates_);                                        \
		ASSERT_EQ((f)->plan.deletes.len, deletes_);                                        \
	} while (0)

/* service-api.md section 12.2, "Results to expect". */
TEST(packs_new_slices_to_the_limit)
{
	static const struct {
		size_t max;
		const char *sizes;
	} rows[] = {
		{0, "100 100 50"}, {50, "50 50 50 50 50"}, {80, "80 80 80 10"},
		{150, "150 100"},  {250, "250"},           {500, "250"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fixture f;

		begin(&f, 250);
		f.in.max = rows[i].max;
		plan(&f);
		ASSERT_STR(sizes_after(&f), str_of(rows[i].sizes));
		ASSERT_EQ(f.plan.updates.len + f.plan.deletes.len, 0);
		finish(&f);
	}
}

TEST(fills_an_unchanged_slice_only_with_all_that_remains)
{
	struct fixture f;

	begin(&f, 250);
	have(&f, "a", 8080, 0, 62);
	have(&f, "b", 8080, 62, 123);
	plan(&f);
	ASSERT_STR(sizes_after(&f), STR("100 89 61"));
	ASSERT_PLAN(&f, 1, 1, 0);
	ASSERT_STR(f.plan.updates.ptr[0].meta.name, STR("a"));
	finish(&f);

	begin(&f, 300);
	have(&f, "a", 8080, 0, 74);
	have(&f, "b", 8080, 74, 148);
	plan(&f);
	ASSERT_STR(sizes_after(&f), STR("100 74 74 52"));
	ASSERT_PLAN(&f, 2, 0, 0);
	finish(&f);
}

TEST(fills_changed_slices_first_and_the_fullest_first)
{
	struct fixture f;

	begin(&f, 190);
	have(&f, "a", 8080, 0, 50);
	have(&f, "b", 8080, 50, 110);
	have(&f, "c", 8080, 110, 170);
	/* one Pod of a and one of b are gone: 20 new ones go into b, none into c */
	f.in.pods++;
	f.in.n_pods--;
	((const struct api_pod **)(uintptr_t)f.in.pods)[59] = f.in.pods[f.in.n_pods - 1];
	f.in.n_pods--;
	plan(&f);
	ASSERT_PLAN(&f, 0, 2, 0);
	ASSERT_STR(sizes_after(&f), STR("79 60 49"));
	ASSERT_STR(f.plan.updates.ptr[0].meta.name, STR("b"));
	finish(&f);
}

TEST(groups_pods_by_their_named_port)
{
	struct fixture f;
	struct api_service_port port = {.name = STR("http"),
					.port = 80,
					.target_port = {.is_str = true, .name = STR("www")}};

	begin(&f, 300);
	f.svc->ports = &port;
	for (size_t i = 0; i < 300; i++) {
		struct api_pod *pod = (struct api_pod *)(uintptr_t)f.in.pods[i];
		struct api_container *c = arena_new(&f.a, struct api_container);
		struct api_container_port *p = arena_new(&f.a, struct api_container_port);

		*p = (struct api_container_port){.name = STR("www"),
						 .port = (uint16_t)(8000 + i % 5)};
		c->ports = p;
		c->n_ports = 1;
		pod->containers = c;
		pod->n_containers = 1;
	}
	plan(&f);
	ASSERT_STR(sizes_after(&f), STR("60 60 60 60 60"));
	finish(&f);
}

TEST(recycles_slices_whose_ports_changed)
{
	struct fixture f;

	begin(&f, 300);
	for (size_t i = 0; i < 10; i++)
		have(&f, str_printf(&f.a, "s%zu", i).ptr, 9999, 30 * i, 30 * i + 30);
	plan(&f);
	ASSERT_PLAN(&f, 0, 3, 7);
	ASSERT_STR(sizes_after(&f), STR("100 100 100"));
	vec_foreach(u, &f.plan.updates) {
		ASSERT_EQ(u->ports[0].port, 8080);
		ASSERT_STR(u->meta.resource_version, STR("5"));
	}
	finish(&f);
}

TEST(what_is_right_is_left_alone)
{
	struct fixture f;

	begin(&f, 50);
	have(&f, "a", 8080, 0, 50);
	f.in.trigger = STR("2026-01-01T00:00:00Z");
	plan(&f);
	ASSERT_PLAN(&f, 0, 0, 0);
	finish(&f);
}

TEST(a_new_slice_says_whose_it_is)
{
	struct fixture f;
	struct api_pair labels[] = {
		{STR("a"), STR("1")}, {STR(LABEL_MANAGED_BY), STR("me")}, {STR("z"), STR("2")}};
	const struct api_endpoint_slice *s;

	begin(&f, 1);
	f.svc->meta.labels = (struct api_pairs){labels, 3};
	f.svc->n_cluster_addrs = 0;
	f.in.trigger = STR("2026-01-01T00:00:00Z");
	plan(&f);
	ASSERT_PLAN(&f, 1, 0, 0);
	s = &f.plan.creates.ptr[0];
	ASSERT_STR(s->meta.generate_name, STR("web-"));
	ASSERT_STR(s->meta.ns, STR("d"));
	ASSERT_EQ(s->meta.labels.n, 5);
	ASSERT_STR(api_pairs_get(&s->meta.labels, LABEL_MANAGED_BY), STR(SLICE_CONTROLLER));
	ASSERT_STR(api_pairs_get(&s->meta.labels, LABEL_SERVICE_NAME), STR("web"));
	ASSERT_TRUE(api_pairs_has(&s->meta.labels, LABEL_HEADLESS));
	ASSERT_STR(api_pairs_get(&s->meta.labels, "z"), STR("2"));
	ASSERT_STR(api_pairs_get(&s->meta.annotations, ANNOTATION_TRIGGER),
		   STR("2026-01-01T00:00:00Z"));
	ASSERT_STR(s->meta.owners[0].uid, STR("svc-uid"));
	ASSERT_TRUE(s->meta.owners[0].is_controller);
	ASSERT_STR(s->endpoints[0].target->name, STR("p0000"));
	finish(&f);
}

TEST(changed_labels_update_the_slice)
{
	struct fixture f;
	struct api_pair labels[] = {{STR("a"), STR("1")}};

	begin(&f, 5);
	have(&f, "a", 8080, 0, 5);
	f.svc->meta.labels = (struct api_pairs){labels, 1};
	plan(&f);
	ASSERT_PLAN(&f, 0, 1, 0);
	finish(&f);
}

TEST(a_service_without_endpoints_has_a_placeholder)
{
	struct fixture f;
	struct api_endpoint_slice empty;

	begin(&f, 0);
	plan(&f);
	ASSERT_PLAN(&f, 1, 0, 0);
	ASSERT_EQ(f.plan.creates.ptr[0].n_endpoints, 0);
	ASSERT_EQ(f.plan.creates.ptr[0].n_ports, 0);
	/* there already: left alone */
	empty = *build_slice(&f.a, f.svc, "e", 0, NULL, 0, 0);
	empty.n_ports = 0;
	*vec_push(&f.slices) = &empty;
	plan(&f);
	ASSERT_PLAN(&f, 0, 0, 0);
	/* the last endpoint goes: its slice becomes the placeholder */
	f.slices.len = 0;
	f.in.pods = build_pods(&f.a, 1);
	have(&f, "a", 8080, 0, 1);
	plan(&f);
	ASSERT_PLAN(&f, 0, 1, 0);
	ASSERT_STR(f.plan.updates.ptr[0].meta.name, STR("a"));
	/* and back */
	f.slices.len = 0;
	*vec_push(&f.slices) = &empty;
	f.in.n_pods = 1;
	plan(&f);
	ASSERT_PLAN(&f, 0, 1, 0);
	ASSERT_STR(f.plan.updates.ptr[0].meta.name, STR("e"));
	ASSERT_EQ(f.plan.updates.ptr[0].ports[0].port, 8080);
	finish(&f);
}

TEST(readiness_and_termination)
{
	static const struct {
		bool pod_ready, deleted, publish, ready, serving, terminating;
	} rows[] = {
		{true, false, false, true, true, false},
		{false, false, false, false, false, false},
		{true, true, false, false, true, true},
		{false, true, false, false, false, true},
		{false, false, true, true, false, false},
		{false, true, true, true, false, true},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fixture f;
		struct api_pod *pod;
		const struct api_endpoint *e;

		begin(&f, 1);
		pod = (struct api_pod *)(uintptr_t)f.in.pods[0];
		pod->is_ready = rows[i].pod_ready;
		pod->meta.deleted_ns = rows[i].deleted;
		f.svc->publish_not_ready = rows[i].publish;
		plan(&f);
		ASSERT_PLAN(&f, 1, 0, 0);
		e = &f.plan.creates.ptr[0].endpoints[0];
		ASSERT_EQ(e->ready, rows[i].ready);
		ASSERT_EQ(e->serving, rows[i].serving);
		ASSERT_EQ(e->terminating, rows[i].terminating);
		finish(&f);
	}
}

TEST(a_readiness_change_updates_one_slice)
{
	struct fixture f;

	begin(&f, 150);
	have(&f, "a", 8080, 0, 100);
	have(&f, "b", 8080, 100, 150);
	((struct api_pod *)(uintptr_t)f.in.pods[120])->is_ready = false;
	plan(&f);
	ASSERT_PLAN(&f, 0, 1, 0);
	ASSERT_STR(f.plan.updates.ptr[0].meta.name, STR("b"));
	ASSERT_FALSE(f.plan.updates.ptr[0].endpoints[20].ready);
	finish(&f);
}

TEST(pods_that_are_no_candidates_are_left_out)
{
	struct fixture f;
	struct api_pod *pods[4];

	begin(&f, 4);
	for (size_t i = 0; i < 4; i++)
		pods[i] = (struct api_pod *)(uintptr_t)f.in.pods[i];
	pods[0]->phase = STR("Failed");
	pods[1]->phase = STR("Succeeded");
	pods[2]->pod_ips.n = 0;
	pods[2]->pod_ip = (struct str){0};
	pods[3]->phase = STR("Pending");
	plan(&f);
	ASSERT_STR(sizes_after(&f), STR("1"));
	ASSERT_STR(f.plan.creates.ptr[0].endpoints[0].target->name, STR("p0003"));
	finish(&f);
}

TEST(a_node_that_is_missing_keeps_its_pods_out)
{
	struct fixture f;

	begin(&f, 2);
	f.absent = STR("gone");
	f.node.zone = STR("z1");
	((struct api_pod *)(uintptr_t)f.in.pods[0])->node_name = STR("gone");
	plan(&f);
	ASSERT_EQ(f.plan.n_missing_nodes, 1);
	ASSERT_STR(sizes_after(&f), STR("1"));
	ASSERT_STR(f.plan.creates.ptr[0].endpoints[0].zone, STR("z1"));
	f.svc->publish_not_ready = true;
	plan(&f);
	ASSERT_EQ(f.plan.n_missing_nodes, 0);
	ASSERT_STR(sizes_after(&f), STR("2"));
	ASSERT_FALSE(f.plan.creates.ptr[0].endpoints[0].zone.len);
	finish(&f);
}

TEST(both_families_get_their_slices)
{
	struct fixture f;
	struct str ips[] = {STR("10.0.0.9"), STR("2001:db8::9")};
	struct api_pod *pod;

	begin(&f, 2);
	pod = (struct api_pod *)(uintptr_t)f.in.pods[0];
	pod->pod_ips = (struct api_strs){ips, 2};
	f.svc->families[1] = IP_V6;
	f.svc->n_families = 2;
	plan(&f);
	ASSERT_PLAN(&f, 2, 0, 0);
	ASSERT_EQ(f.plan.creates.ptr[0].address_type, API_ADDR_IPV4);
	ASSERT_EQ(f.plan.creates.ptr[0].n_endpoints, 2);
	ASSERT_EQ(f.plan.creates.ptr[1].address_type, API_ADDR_IPV6);
	ASSERT_EQ(f.plan.creates.ptr[1].n_endpoints, 1);
	ASSERT_STR(f.plan.creates.ptr[1].endpoints[0].addresses.ptr[0], STR("2001:db8::9"));
	finish(&f);
}

TEST(foreign_families_and_owners_are_deleted)
{
	struct fixture f;
	struct api_endpoint_slice *s;
	struct api_owner old = {STR("v1"), STR("Service"), STR("web"), STR("old-uid"), true};

	begin(&f, 3);
	have(&f, "a", 8080, 0, 3);
	s = build_slice(&f.a, f.svc, "v6", 8080, f.in.pods, 0, 3);
	s->address_type = API_ADDR_IPV6;
	*vec_push(&f.slices) = s;
	s = build_slice(&f.a, f.svc, "old", 8080, f.in.pods, 0, 3);
	s->meta.owners = &old;
	*vec_push(&f.slices) = s;
	plan(&f);
	ASSERT_PLAN(&f, 0, 0, 2);
	finish(&f);
}

TEST(a_service_that_is_being_deleted_gets_nothing_new)
{
	struct fixture f;

	begin(&f, 150);
	have(&f, "a", 8080, 0, 100);
	f.svc->meta.deleted_ns = 1;
	plan(&f);
	ASSERT_PLAN(&f, 0, 0, 0);
	finish(&f);
}

TEST(hostnames_belong_to_the_subdomain)
{
	struct fixture f;
	struct api_pod *pod;

	begin(&f, 2);
	pod = (struct api_pod *)(uintptr_t)f.in.pods[0];
	pod->hostname = STR("db-0");
	pod->subdomain = STR("web");
	pod = (struct api_pod *)(uintptr_t)f.in.pods[1];
	pod->hostname = STR("db-1");
	pod->subdomain = STR("other");
	plan(&f);
	ASSERT_STR(f.plan.creates.ptr[0].endpoints[0].hostname, STR("db-0"));
	ASSERT_FALSE(f.plan.creates.ptr[0].endpoints[1].hostname.len);
	finish(&f);
}

TEST(traffic_distribution_hints_ready_endpoints)
{
	struct fixture f;
	struct api_pair mode = {STR("service.kubernetes.io/topology-mode"), STR("Auto")};
	const struct api_endpoint *e;

	begin(&f, 2);
	f.node.zone = STR("z1");
	f.svc->traffic_distribution = STR("PreferSameNode");
	((struct api_pod *)(uintptr_t)f.in.pods[1])->is_ready = false;
	plan(&f);
	e = f.plan.creates.ptr[0].endpoints;
	ASSERT_STR(e[0].zone_hints.ptr[0], STR("z1"));
	ASSERT_STR(e[0].node_hints.ptr[0], STR("n"));
	ASSERT_EQ(e[1].zone_hints.n, 0);
	f.svc->traffic_distribution = STR("PreferClose");
	plan(&f);
	ASSERT_EQ(f.plan.creates.ptr[0].endpoints[0].zone_hints.n, 1);
	ASSERT_EQ(f.plan.creates.ptr[0].endpoints[0].node_hints.n, 0);
	f.svc->meta.annotations = (struct api_pairs){&mode, 1};
	plan(&f);
	ASSERT_EQ(f.plan.creates.ptr[0].endpoints[0].zone_hints.n, 0);
	finish(&f);
}

TEST(hints_come_and_go_as_updates)
{
	struct fixture f;

	begin(&f, 3);
	f.node.zone = STR("z1");
	have(&f, "a", 8080, 0, 3);
	plan(&f);
	ASSERT_PLAN(&f, 0, 1, 0); /* the zone */
	f.svc->traffic_distribution = STR("PreferClose");
	f.slices.ptr[0] = &f.plan.updates.ptr[0];
	{
		struct api_endpoint_slice kept = f.plan.updates.ptr[0];

		f.slices.ptr[0] = &kept;
		plan(&f);
		ASSERT_PLAN(&f, 0, 1, 0);
		ASSERT_EQ(f.plan.updates.ptr[0].endpoints[2].zone_hints.n, 1);
	}
	finish(&f);
}
