/* SPDX-License-Identifier: Apache-2.0 */

/* Who leads, on a Lease of an API server in the same process. */

#include "controller/leader.h"

#include "client/client.h"
#include "tests/unit/apiserver/server-fixture.h"

enum {
	LEASE_MS = 600,
	DEADLINE_MS = 300,
	RENEW_MS = 50,
	LOOK_MS = 20,
};

struct candidate {
	struct client *client;
	struct leader *leader;
	bool leads, is_released;
};

static void on_change(void *ctx, bool leads)
{
	struct candidate *c = ctx;

	ASSERT_TRUE(c->leads != leads);
	c->leads = leads;
}

static void on_released(void *ctx)
{
	((struct candidate *)ctx)->is_released = true;
}

static void enter(struct server_fixture *f, struct candidate *c, const char *identity)
{
	struct leader_config config = {.name = "test",
				       .identity = identity,
				       .lease_ms = LEASE_MS,
				       .deadline_ms = DEADLINE_MS,
				       .renew_ms = RENEW_MS,
				       .look_ms = LOOK_MS,
				       .on_change = on_change,
				       .ctx = c};

	*c = (struct candidate){.client = client_new(f->loop, apiserver_transport(f->server), "t")};
	c->leader = leader_new(f->loop, c->client, &config);
}

static void leave(struct candidate *c)
{
	leader_free(c->leader);
	client_free(c->client);
}

static void wait_for(struct server_fixture *f, const bool *flag, bool wanted)
{
	int64_t end = clock_mono_ms(&clock_system) + SERVER_WAIT_MS;

	while (*flag != wanted && clock_mono_ms(&clock_system) < end)
		loop_turn(f->loop, 10);
	ASSERT_EQ(*flag, wanted);
}

static void turn_for(struct server_fixture *f, int64_t ms)
{
	int64_t end = clock_mono_ms(&clock_system) + ms;

	while (clock_mono_ms(&clock_system) < end)
		loop_turn(f->loop, 10);
}

TEST(one_leads_until_it_goes_silent)
{
	struct server_fixture f;
	struct candidate a, b;

	server_init(&f);
	server_begin(&f);
	enter(&f, &a, "a");
	wait_for(&f, &a.leads, true);
	enter(&f, &b, "b");
	turn_for(&f, 2 * LEASE_MS);
	ASSERT_TRUE(a.leads && !b.leads);
	leave(&a); /* as if it had died */
	wait_for(&f, &b.leads, true);
	ASSERT_EQ(server_ask(&f, HTTP_GET,
			     "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/test",
			     NULL),
		  200);
	ASSERT_STR(json_string(json_path(f.object, "spec.holderIdentity")), STR("b"));
	ASSERT_EQ(json_get_int(json_get(f.object, "spec"), "leaseTransitions", 0), 1);
	leave(&b);
	server_fini(&f);
}

TEST(who_gives_it_back_is_followed_at_once)
{
	struct server_fixture f;
	struct candidate a, b;

	server_init(&f);
	server_begin(&f);
	enter(&f, &a, "a");
	wait_for(&f, &a.leads, true);
	leader_release(a.leader, on_released, &a);
	wait_for(&f, &a.is_released, true);
	ASSERT_EQ(server_ask(&f, HTTP_GET,
			     "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/test",
			     NULL),
		  200);
	ASSERT_STR(json_string(json_path(f.object, "spec.holderIdentity")), STR(""));
	enter(&f, &b, "b");
	wait_for(&f, &b.leads, true);
	leave(&a);
	leave(&b);
	server_fini(&f);
}

/* A Lease is replaced by who has read it; its holder may renew it in between. */
static int take_lease(struct server_fixture *f)
{
	static const char lease[] =
		"/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/test";
	struct str rev, body;
	int status;

	do {
		ASSERT_EQ(server_ask(f, HTTP_GET, lease, NULL), 200);
		rev = json_get_string(json_get(f->object, "metadata"), "resourceVersion");
		body = str_printf(
			&f->a,
			"{\"metadata\":{\"name\":\"test\",\"resourceVersion\":\"%.*s\"},"
			"\"spec\":{\"holderIdentity\":\"x\",\"leaseDurationSeconds\":15}}",
			STR_ARG(rev));
		status = server_ask(f, HTTP_PUT, lease, body.ptr);
	} while (status == 409);
	return status;
}

/* Another server writes itself into the Lease: whoever held it leads no more. */
TEST(who_is_replaced_leads_no_more)
{
	struct server_fixture f;
	struct candidate a;

	server_init(&f);
	server_begin(&f);
	enter(&f, &a, "a");
	wait_for(&f, &a.leads, true);
	ASSERT_EQ(take_lease(&f), 200);
	wait_for(&f, &a.leads, false);
	leave(&a);
	server_fini(&f);
}
