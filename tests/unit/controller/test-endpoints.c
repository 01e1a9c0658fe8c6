/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/endpoints/endpoints.h"

#include "controller/endpoints/repack.h"
#include "controller/endpoints/select.h"
#include "controller/endpoints/trigger.h"
#include "tests/harness/test.h"
#include "tests/unit/controller/build.h"

#include <string.h>

struct fixture {
	struct arena a;
	struct api_service *svc;
	struct controller_endpoints_in in;
	struct api_endpoints want;
};

static void begin(struct fixture *f, size_t n_pods)
{
	*f = (struct fixture){0};
	arena_init(&f->a, 0);
	f->svc = build_service(&f->a, "web");
	f->in = (struct controller_endpoints_in){
		.service = f->svc, .pods = build_pods(&f->a, n_pods), .n_pods = n_pods};
}

static enum controller_endpoints_action plan(struct fixture *f)
{
	return controller_endpoints_plan(&f->a, &f->in, &f->want);
}

static struct api_pod *pod(struct fixture *f, size_t i)
{
	return (struct api_pod *)(uintptr_t)f->in.pods[i];
}

TEST(creates_even_without_subsets)
{
	struct fixture f;

	begin(&f, 0);
	ASSERT_EQ(plan(&f), CONTROLLER_ENDPOINTS_CREATE);
	ASSERT_EQ(f.want.n_subsets, 0);
	ASSERT_STR(f.want.meta.name, STR("web"));
	ASSERT_STR(api_pairs_get(&f.want.meta.labels, "endpoints.kubernetes.io/managed-by"),
		   STR("endpoint-controller"));
	arena_fini(&f.a);
}

TEST(ready_and_not_ready)
{
	struct fixture f;

	begin(&f, 4);
	pod(&f, 1)->is_ready = false;
	pod(&f, 2)->meta.deleted_ns = 1;
	pod(&f, 3)->phase = STR("Failed");
	plan(&f);
	ASSERT_EQ(f.want.n_subsets, 1);
	ASSERT_EQ(f.want.subsets[0].n_ready, 1);
	ASSERT_EQ(f.want.subsets[0].n_not_ready, 1);
	ASSERT_STR(f.want.subsets[0].ready[0].ip, STR("10.0.0.1"));
	ASSERT_STR(f.want.subsets[0].ready[0].target.uid, STR("uid-p0000"));
	ASSERT_EQ(f.want.subsets[0].ports[0].port, 8080);
	f.svc->publish_not_ready = true;
	plan(&f);
	ASSERT_EQ(f.want.subsets[0].n_ready, 3);
	ASSERT_EQ(f.want.subsets[0].n_not_ready, 0);
	arena_fini(&f.a);
}

TEST(keeps_what_is_right_and_updates_what_changed)
{
	struct fixture f;
	struct api_endpoints old;
	struct api_pair labels[] = {{STR("a"), STR("b")}};

	begin(&f, 3);
	plan(&f);
	old = f.want;
	f.in.existing = &old;
	ASSERT_EQ(plan(&f), CONTROLLER_ENDPOINTS_KEEP);
	f.in.trigger = STR("2026-01-01T00:00:00Z");
	ASSERT_EQ(plan(&f), CONTROLLER_ENDPOINTS_KEEP);
	f.svc->n_cluster_addrs = 0; /* only the headless label */
	ASSERT_EQ(plan(&f), CONTROLLER_ENDPOINTS_KEEP);
	f.svc->meta.labels = (struct api_pairs){labels, 1};
	ASSERT_EQ(plan(&f), CONTROLLER_ENDPOINTS_UPDATE);
	f.svc->meta.labels.n = 0;
	pod(&f, 0)->is_ready = false;
	ASSERT_EQ(plan(&f), CONTROLLER_ENDPOINTS_UPDATE);
	ASSERT_STR(api_pairs_get(&f.want.meta.annotations, ANNOTATION_TRIGGER),
		   STR("2026-01-01T00:00:00Z"));
	arena_fini(&f.a);
}

TEST(headless_without_ports_has_addresses_without_ports)
{
	struct fixture f;

	begin(&f, 2);
	f.svc->n_ports = 0;
	plan(&f);
	ASSERT_EQ(f.want.n_subsets, 0);
	f.svc->is_headless = true;
	f.svc->n_cluster_addrs = 0;
	plan(&f);
	ASSERT_EQ(f.want.n_subsets, 1);
	ASSERT_EQ(f.want.subsets[0].n_ports, 0);
	ASSERT_EQ(f.want.subsets[0].n_ready, 2);
	ASSERT_TRUE(api_pairs_has(&f.want.meta.labels, LABEL_HEADLESS));
	arena_fini(&f.a);
}

TEST(more_than_a_thousand_are_truncated_and_say_so)
{
	struct fixture f;
	struct api_endpoints old;

	begin(&f, 1100);
	plan(&f);
	ASSERT_EQ(f.want.subsets[0].n_ready, 1000);
	ASSERT_STR(api_pairs_get(&f.want.meta.annotations, ANNOTATION_CAPACITY), STR("truncated"));
	old = f.want;
	f.in.existing = &old;
	ASSERT_EQ(plan(&f), CONTROLLER_ENDPOINTS_KEEP);
	f.in.n_pods = 900;
	ASSERT_EQ(plan(&f), CONTROLLER_ENDPOINTS_UPDATE);
	ASSERT_FALSE(api_pairs_has(&f.want.meta.annotations, ANNOTATION_CAPACITY));
	arena_fini(&f.a);
}

/* service-api.md section 11.2.8, "Check values". */
TEST(truncation_shares_what_there_is)
{
	static const struct {
		size_t ready[5], not_ready[5], want_ready[5], want_not_ready[5];
	} rows[] = {
		{{90, 110, 50, 10, 20},
		 {101, 200, 200, 201, 298},
		 {90, 110, 50, 10, 20},
		 {73, 144, 144, 145, 214}},
		{{205, 400, 402, 400, 693}, {1, 2, 3, 4, 5}, {98, 191, 192, 191, 328}, {0}},
	};

	for (size_t r = 0; r < ARRAY_LEN(rows); r++) {
		struct api_endpoints_subset s[5] = {0};
		size_t n = 5;

		for (size_t i = 0; i < 5; i++) {
			s[i].n_ready = rows[r].ready[i];
			s[i].n_not_ready = rows[r].not_ready[i];
		}
		ASSERT_TRUE(controller_truncate(s, &n, CONTROLLER_ENDPOINTS_MAX));
		ASSERT_EQ(n, 5);
		for (size_t i = 0; i < 5; i++) {
			ASSERT_EQ(s[i].n_ready, rows[r].want_ready[i]);
			ASSERT_EQ(s[i].n_not_ready, rows[r].want_not_ready[i]);
		}
	}
}

static struct controller_spot spot(const char *ip, const char *uid,
				   const struct api_endpoint_port *port, bool is_ready)
{
	return (struct controller_spot){
		.address = {.ip = str_of(ip), .target = {.uid = str_of(uid)}},
		.port = port,
		.is_ready = is_ready,
	};
}

TEST(repack_merges_ports_and_sorts_addresses)
{
	struct api_endpoint_port http = {.name = STR("http"), .port = 80, .has_port = true};
	struct api_endpoint_port dns = {.name = STR("dns"), .port = 53, .has_port = true};
	struct api_endpoint_port odd = {.name = STR("odd"), .port = 99, .has_port = true};
	struct controller_spot spots[] = {
		spot("10.0.0.2", "b", &http, true), spot("10.0.0.10", "a", &http, true),
		spot("10.0.0.10", "a", &dns, true), spot("10.0.0.2", "b", &dns, true),
		spot("10.0.0.2", "b", &odd, true),  spot("10.0.0.2", "b", &odd, false),
		spot("10.0.0.2", "b", &http, true),
	};
	struct api_endpoints_subset *s;
	struct arena a;

	arena_init(&a, 0);
	ASSERT_EQ(controller_repack(&a, spots, ARRAY_LEN(spots), &s), 2);
	ASSERT_EQ(s[0].n_ports, 2);
	ASSERT_STR(s[0].ports[0].name, STR("dns"));
	ASSERT_STR(s[0].ports[1].name, STR("http"));
	ASSERT_EQ(s[0].n_ready, 2);
	ASSERT_STR(s[0].ready[0].ip, STR("10.0.0.10")); /* by text */
	ASSERT_STR(s[0].ready[1].ip, STR("10.0.0.2"));
	ASSERT_EQ(s[1].n_ready, 0);
	ASSERT_EQ(s[1].n_not_ready, 1);
	ASSERT_EQ(controller_repack(&a, NULL, 0, &s), 0);
	arena_fini(&a);
}

TEST(trigger_times)
{
	struct fixture f;
	struct controller_trigger t = {0};

	begin(&f, 3);
	pod(&f, 0)->ready_transition_ns = 50;
	f.svc->meta.created_ns = 10;
	ASSERT_EQ(controller_trigger_next(&t, f.svc, f.in.pods, 2), 10);
	ASSERT_EQ(controller_trigger_next(&t, f.svc, f.in.pods, 2), 0);
	pod(&f, 0)->ready_transition_ns = 70;
	pod(&f, 1)->ready_transition_ns = 60;
	ASSERT_EQ(controller_trigger_next(&t, f.svc, f.in.pods, 2), 60);
	ASSERT_EQ(controller_trigger_next(&t, f.svc, f.in.pods + 1, 1), 0); /* one is gone */
	pod(&f, 2)->ready_transition_ns = 5;                                /* a new one */
	ASSERT_EQ(controller_trigger_next(&t, f.svc, f.in.pods + 1, 2), 5);
	controller_trigger_fini(&t);
	arena_fini(&f.a);
}
