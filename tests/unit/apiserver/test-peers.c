/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Several API servers on one store: the endpoints of default/kubernetes are those that are here.
 * Proves: 10.6.4
 */

#include "apiserver/serve/boot_objects.h"
#include "tests/unit/apiserver/server-fixture.h"

#define ENDPOINTS "/api/v1/namespaces/default/endpoints/kubernetes"
#define SLICE     "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes"

static struct str written(struct server_fixture *f)
{
	struct buf b = BUF_INIT;
	struct str ret;

	ASSERT_EQ(server_ask(f, HTTP_GET, ENDPOINTS, NULL), 200);
	json_write(&b, json_get(f->object, "subsets"));
	ret = str_dup(&f->a, buf_str(&b));
	buf_fini(&b);
	return ret;
}

static void wait_for(struct server_fixture *f, const char *subsets)
{
	int64_t end = clock_mono_ms(&clock_system) + SERVER_WAIT_MS;

	while (!str_eq_c(written(f), subsets)) {
		if (clock_mono_ms(&clock_system) > end)
			ASSERT_STR(written(f), str_of(subsets));
		loop_turn(f->loop, 50);
	}
}

#define PORT "\"ports\":[{\"name\":\"https\",\"protocol\":\"TCP\",\"port\":6443}]"
#define ONE  "[{\"addresses\":[{\"ip\":\"192.0.2.1\"}]," PORT "}]"
#define BOTH "[{\"addresses\":[{\"ip\":\"192.0.2.1\"},{\"ip\":\"192.0.2.2\"}]," PORT "}]"

TEST(servers_come_and_go)
{
	struct apiserver_config config;
	struct server_fixture f;
	struct apiserver *second;
	struct err err;

	server_init(&f);
	server_begin(&f);
	wait_for(&f, ONE);
	config = f.config;
	config.advertise = ip_from_v4(0xc0000202);
	ASSERT_OK(apiserver_new(f.loop, &config, &second, &err));
	wait_for(&f, BOTH);
	ASSERT_EQ(server_ask(&f, HTTP_GET, SLICE, NULL), 200);
	ASSERT_EQ(json_get(f.object, "endpoints")->count, 2);
	apiserver_stop(second);
	wait_for(&f, ONE);
	server_fini(&f);
	apiserver_free(second);
}

/* A server that was killed: its Lease is not renewed any more. */
TEST(a_dead_server_is_taken_out)
{
	const char *const leases = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases";
	struct server_fixture f;

	server_init(&f);
	f.config.peer_dead_ms = 3000;
	server_begin(&f);
	ASSERT_EQ(server_ask(&f, HTTP_POST, leases,
			     "{\"metadata\":{\"name\":\"apiserver-other\",\"labels\":{"
			     "\"apiserver.kubernetes.io/identity\":\"kube-apiserver\"},"
			     "\"annotations\":{\"kubernetes.io/peer-advertise-address\":"
			     "\"192.0.2.2:6443\"}},\"spec\":{}}"),
		  201);
	/* Neither its address nor its Lease is of interest. */
	ASSERT_EQ(server_ask(&f, HTTP_POST, leases, "{\"metadata\":{\"name\":\"apiserver-x\"}}"),
		  201);
	wait_for(&f, BOTH);
	wait_for(&f, ONE);
	ASSERT_EQ(server_ask(&f, HTTP_GET, leases, NULL), 200);
	ASSERT_EQ(json_get(f.object, "items")->count, 2); /* its own, and apiserver-x */
	server_fini(&f);
}

TEST(each_port_has_a_subset_and_the_slice_that_of_most)
{
	static const struct peer peers[] = {
		{.addr = {.b = {[10] = 0xff, 0xff, 192, 0, 2, 1}}, .port = 6443},
		{.addr = {.b = {[10] = 0xff, 0xff, 192, 0, 2, 2}}, .port = 7443},
		{.addr = {.b = {[10] = 0xff, 0xff, 192, 0, 2, 3}}, .port = 6443},
	};
	struct json *endpoints, *slice;
	struct arena a;

	arena_init(&a, 0);
	endpoints = boot_objects_endpoints(&a, peers, 3);
	ASSERT_EQ(json_get(endpoints, "subsets")->count, 2);
	ASSERT_EQ(json_get(json_at(json_get(endpoints, "subsets"), 0), "addresses")->count, 2);
	slice = boot_objects_slice(&a, peers, 3);
	ASSERT_EQ(json_get(slice, "endpoints")->count, 2);
	ASSERT_EQ(json_get_int(json_at(json_get(slice, "ports"), 0), "port", 0), 6443);
	ASSERT_STR(json_get_string(slice, "addressType"), STR("IPv4"));
	arena_fini(&a);
}
