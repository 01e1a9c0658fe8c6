/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/endpoints/mirror.h"

#include "controller/endpoints/repack.h"
#include "controller/endpoints/select.h"
#include "tests/harness/test.h"
#include "tests/unit/controller/build.h"

#include <string.h>

/* The Endpoints of examples/without-selector.yaml, and one with both families and two subsets. */
struct fixture {
	struct arena a;
	struct api_endpoints ep;
	struct api_endpoints_address addresses[3];
	struct api_endpoint_port port, other;
	struct api_endpoints_subset subsets[2];
	struct controller_slices_plan plan;
	struct controller_mirror_skips skips;
};

static void begin(struct fixture *f)
{
	*f = (struct fixture){
		.ep = {.meta = {.name = STR("mi-servicio"), .ns = STR("d"), .uid = STR("ep-uid")}},
		.addresses = {{.ip = STR("192.0.2.42")},
			      {.ip = STR("2001:db8::1")},
			      {.ip = STR("x")}},
		.port = {.port = 9376, .has_port = true},
		.other = {.name = STR("o"), .port = 1, .has_port = true},
	};
	arena_init(&f->a, 0);
	f->ep.subsets = f->subsets;
	f->ep.n_subsets = 1;
	f->subsets[0] = (struct api_endpoints_subset){
		.ready = f->addresses, .n_ready = 1, .ports = &f->port, .n_ports = 1};
}

static void plan(struct fixture *f, const struct api_endpoint_slice *const *slices, size_t n)
{
	controller_slices_plan_fini(&f->plan);
	controller_mirror_plan(&f->a, &f->ep, slices, n, &f->plan, &f->skips);
}

static void finish(struct fixture *f)
{
	controller_slices_plan_fini(&f->plan);
	arena_fini(&f->a);
}

TEST(mirrors_an_object_without_selector)
{
	struct fixture f;
	const struct api_endpoint_slice *s;

	begin(&f);
	plan(&f, NULL, 0);
	ASSERT_EQ(f.plan.creates.len, 1);
	s = &f.plan.creates.ptr[0];
	ASSERT_STR(s->meta.generate_name, STR("mi-servicio-"));
	ASSERT_STR(s->meta.owners[0].kind, STR("Endpoints"));
	ASSERT_STR(api_pairs_get(&s->meta.labels, LABEL_MANAGED_BY), STR(MIRRORING_CONTROLLER));
	ASSERT_STR(api_pairs_get(&s->meta.labels, LABEL_SERVICE_NAME), STR("mi-servicio"));
	ASSERT_EQ(s->address_type, API_ADDR_IPV4);
	ASSERT_STR(s->endpoints[0].addresses.ptr[0], STR("192.0.2.42"));
	ASSERT_TRUE(s->endpoints[0].ready);
	ASSERT_EQ(s->ports[0].port, 9376);
	finish(&f);
}

TEST(a_mirrored_slice_is_left_alone_then_updated_then_deleted)
{
	struct fixture f;
	struct api_endpoint_slice kept;
	const struct api_endpoint_slice *slices[1] = {&kept};

	begin(&f);
	plan(&f, NULL, 0);
	kept = f.plan.creates.ptr[0];
	kept.meta.name = STR("mi-servicio-1");
	plan(&f, slices, 1);
	ASSERT_EQ(f.plan.creates.len + f.plan.updates.len + f.plan.deletes.len, 0);
	f.addresses[0].ip = STR("192.0.2.43");
	plan(&f, slices, 1);
	ASSERT_EQ(f.plan.updates.len, 1);
	ASSERT_STR(f.plan.updates.ptr[0].meta.name, STR("mi-servicio-1"));
	f.port.port = 1; /* another group: recycled */
	plan(&f, slices, 1);
	ASSERT_EQ(f.plan.creates.len + f.plan.deletes.len, 0);
	ASSERT_EQ(f.plan.updates.len, 1);
	f.ep.n_subsets = 0;
	plan(&f, slices, 1);
	ASSERT_EQ(f.plan.deletes.len, 1);
	ASSERT_EQ(f.plan.creates.len, 0);
	finish(&f);
}

/* Proves: 14.1.6. The API takes no such address; only an old store has one. */
TEST(families_are_split_and_bad_addresses_skipped)
{
	struct fixture f;

	begin(&f);
	f.subsets[0].n_ready = 3;
	plan(&f, NULL, 0);
	ASSERT_EQ(f.plan.creates.len, 2);
	ASSERT_EQ(f.plan.creates.ptr[1].address_type, API_ADDR_IPV6);
	ASSERT_EQ(f.skips.invalid, 1);
	finish(&f);
}

TEST(equal_subsets_collapse_into_one_slice)
{
	struct fixture f;

	begin(&f);
	f.subsets[1] = f.subsets[0];
	f.subsets[1].ports = &f.other;
	f.ep.n_subsets = 2;
	plan(&f, NULL, 0);
	ASSERT_EQ(f.plan.creates.len, 1);
	ASSERT_EQ(f.plan.creates.ptr[0].n_ports, 2);
	finish(&f);
}

/* A body has room for ten thousand addresses and as many ports: the square of it is left out. */
TEST(addresses_times_ports_are_bounded)
{
	enum {
		N = 10000
	};
	struct fixture f;
	struct api_endpoints_address *addresses;
	struct api_endpoint_port *ports;

	begin(&f);
	addresses = arena_array(&f.a, N, sizeof(*addresses));
	ports = arena_array(&f.a, N, sizeof(*ports));
	for (int i = 0; i < N; i++) {
		addresses[i].ip = str_printf(&f.a, "192.0.%d.%d", i / 256, i % 256);
		ports[i] = (struct api_endpoint_port){
			.name = str_printf(&f.a, "p%d", i), .port = 1, .has_port = true};
	}
	f.subsets[0] = (struct api_endpoints_subset){
		.ready = addresses, .n_ready = N, .ports = ports, .n_ports = N};
	plan(&f, NULL, 0);
	ASSERT_TRUE(f.skips.too_many > (size_t)N * N - 2 * CONTROLLER_SPOTS_MAX);
	ASSERT_TRUE(f.plan.creates.len > 0);
	finish(&f);
}

/* As many slices as subsets: each was compared with all of them. */
TEST(many_subsets_find_their_slices)
{
	enum {
		N = 30000
	};
	struct fixture f;
	struct api_endpoints_subset *subsets;
	struct api_endpoint_port *ports;
	struct api_endpoint_slice *old;
	const struct api_endpoint_slice **slices;
	size_t n;

	begin(&f);
	subsets = arena_array(&f.a, N, sizeof(*subsets));
	ports = arena_array(&f.a, N, sizeof(*ports));
	for (int i = 0; i < N; i++) {
		struct api_endpoints_address *at = arena_new(&f.a, struct api_endpoints_address);

		at->ip = str_printf(&f.a, "192.0.%d.%d", i / 256, i % 256);
		ports[i] = (struct api_endpoint_port){
			.name = str_printf(&f.a, "p%d", i), .port = 1, .has_port = true};
		subsets[i] = (struct api_endpoints_subset){
			.ready = at, .n_ready = 1, .ports = &ports[i], .n_ports = 1};
	}
	f.ep.subsets = subsets;
	f.ep.n_subsets = N;
	plan(&f, NULL, 0);
	n = f.plan.creates.len;
	ASSERT_EQ(n, N);
	old = arena_array(&f.a, n, sizeof(*old));
	slices = arena_array(&f.a, n, sizeof(*slices));
	for (size_t i = 0; i < n; i++) {
		old[i] = f.plan.creates.ptr[i];
		old[i].meta.name = str_printf(&f.a, "s%zu", i);
		slices[i] = &old[i];
	}
	plan(&f, slices, n);
	ASSERT_EQ(f.plan.creates.len + f.plan.updates.len + f.plan.deletes.len, 0);
	for (int i = 0; i < N; i++)
		ports[i].port = 2;
	for (size_t i = 0; i < n; i++) {
		struct api_endpoint_port *was = arena_new(&f.a, struct api_endpoint_port);

		*was = old[i].ports[0];
		was->port = 1;
		old[i].ports = was;
	}
	plan(&f, slices, n);
	ASSERT_EQ(f.plan.creates.len + f.plan.deletes.len, 0);
	ASSERT_EQ(f.plan.updates.len, N);
	finish(&f);
}

TEST(what_is_not_mirrored)
{
	struct fixture f;
	struct api_service *svc;
	struct api_pair skip = {STR("endpointslice.kubernetes.io/skip-mirror"), STR("true")};
	struct api_pair lock = {STR("control-plane.alpha.kubernetes.io/leader"), STR("{}")};

	begin(&f);
	svc = build_service(&f.a, "mi-servicio");
	ASSERT_FALSE(controller_mirror_applies(&f.ep, NULL));
	ASSERT_FALSE(controller_mirror_applies(&f.ep, svc));
	svc->has_selector = false;
	ASSERT_TRUE(controller_mirror_applies(&f.ep, svc));
	f.ep.meta.labels = (struct api_pairs){&skip, 1};
	ASSERT_FALSE(controller_mirror_applies(&f.ep, svc));
	f.ep.meta.labels.n = 0;
	f.ep.meta.annotations = (struct api_pairs){&lock, 1};
	ASSERT_FALSE(controller_mirror_applies(&f.ep, svc));
	finish(&f);
}
