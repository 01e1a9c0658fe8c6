/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Broken states are written into the store behind the server's back, before it starts or while it
 * runs; the repair loop tells them as Events and mends what can be mended.
 *
 * Proves: 10.1.1, 10.1.2, 10.1.3, 10.2.1, 10.2.2, 10.2.3, 10.2.4, 10.3.1, 10.3.2, 10.3.3, 10.3.4,
 * 10.3.5, 10.3.6, 10.3.7
 */

#include "base/clock.h"
#include "tests/unit/apiserver/server-fixture.h"

#define SERVICES  "/api/v1/namespaces/default/services"
#define ADDRESSES "/apis/networking.k8s.io/v1/ipaddresses"
#define MANAGED                                                                                    \
	"'labels':{'ipaddress.kubernetes.io/ip-family':'IPv4',"                                    \
	"'ipaddress.kubernetes.io/managed-by':'ipallocator.k8s.io'}"

static void on_txn(void *ctx, int r, const struct store_txn_result *res, const struct err *err)
{
	ASSERT_EQ(r, 0);
	*(bool *)ctx = true;
}

/* `value` with ' for "; NULL deletes. */
static void store(struct server_fixture *f, const char *key, const char *value)
{
	char *text = value ? arena_strdup(&f->a, value) : NULL;
	struct store_op op = {.key = str_of(key)};
	struct store_txn txn = {.ops = &op, .n_ops = 1};
	bool is_done = false;

	for (char *p = text; p && *p; p++)
		*p = *p == '\'' ? '"' : *p;
	op.value = text ? bytes_dup(str_of(text)) : NULL;
	store_txn(f->config.store, &txn, on_txn, &is_done);
	bytes_unref(op.value);
	while (!is_done)
		loop_turn(f->loop, 10);
}

static void store_service(struct server_fixture *f, const char *name, const char *spec)
{
	store(f, str_printf(&f->a, "/registry/services/specs/default/%s", name).ptr,
	      str_printf(&f->a,
			 "{'kind':'Service','apiVersion':'v1','metadata':{'name':'%s',"
			 "'namespace':'default','uid':'uid-%s',"
			 "'creationTimestamp':'2020-01-01T00:00:00Z'},'spec':%s,"
			 "'status':{'loadBalancer':{}}}",
			 name, name, spec)
		      .ptr);
}

static void store_address(struct server_fixture *f, const char *ip, const char *created,
			  const char *labels, const char *parent)
{
	store(f, str_printf(&f->a, "/registry/ipaddresses/%s", ip).ptr,
	      str_printf(&f->a,
			 "{'kind':'IPAddress','apiVersion':'networking.k8s.io/v1','metadata':{"
			 "'name':'%s','uid':'uid-%s','creationTimestamp':'%s',%s},"
			 "'spec':{'parentRef':%s}}",
			 ip, ip, created, labels, parent)
		      .ptr);
}

static const char *now_text(struct server_fixture *f)
{
	char buf[CLOCK_RFC3339_MAX];

	return str_cstr(&f->a, clock_format(buf, clock_system.wall_ns(&clock_system), 0));
}

/* Waits until an Event with this text is there. */
static void wait_for_event(struct server_fixture *f, const char *reason, const char *message)
{
	int64_t end = clock_mono_ms(&clock_system) + SERVER_WAIT_MS;

	while (clock_mono_ms(&clock_system) < end) {
		ASSERT_EQ(server_ask(f, HTTP_GET, "/api/v1/namespaces/default/events", NULL), 200);
		json_foreach(it, json_get(f->object, "items")) {
			if (!str_eq_c(json_get_string(it, "reason"), reason) ||
			    !str_eq_c(json_get_string(it, "message"), message))
				continue;
			ASSERT_STR(json_get_string(it, "type"), STR("Warning"));
			ASSERT_TRUE(json_get_string(it, "reportingComponent").len > 0);
			return;
		}
		loop_turn(f->loop, 50);
	}
	test_fail(__FILE__, __LINE__, "no Event %s '%s'", reason, message);
}

static void wait_for_status(struct server_fixture *f, const char *target, int status)
{
	int64_t end = clock_mono_ms(&clock_system) + SERVER_WAIT_MS;

	while (server_ask(f, HTTP_GET, target, NULL) != status) {
		ASSERT_TRUE(clock_mono_ms(&clock_system) < end);
		loop_turn(f->loop, 50);
	}
}

struct seen {
	bool is_done, is_there;
};

static void on_range(void *ctx, int r, const struct store_range *range, const struct err *err)
{
	struct seen *s = ctx;

	s->is_done = true;
	s->is_there = range->n > 0;
}

static bool is_stored(struct server_fixture *f, const char *key)
{
	struct seen s = {0};

	store_range(f->config.store, str_of(key), (struct str){0}, 1, 0, on_range, &s);
	while (!s.is_done)
		loop_turn(f->loop, 10);
	return s.is_there;
}

static int create(struct server_fixture *f, const char *name, const char *spec)
{
	char *text = mem_xprintf(
		"{'apiVersion':'v1','kind':'Service','metadata':{'name':'%s'},'spec':%s}", name,
		spec);
	int status;

	for (char *p = text; *p; p++)
		*p = *p == '\'' ? '"' : *p;
	status = server_ask(f, HTTP_POST, SERVICES, text);
	free(text);
	return status;
}

/* As after a move from another server's store, which has no claims that we know. */
TEST(a_store_without_claims_gets_them_before_anyone_is_served)
{
	struct server_fixture f;

	server_init(&f);
	store_service(&f, "old",
		      "{'type':'NodePort','clusterIP':'10.96.0.7','clusterIPs':['10.96.0.7'],"
		      "'ports':[{'port':80,'protocol':'TCP','targetPort':80,'nodePort':30005}]}");
	server_begin(&f);
	ASSERT_TRUE(is_stored(&f, "/registry/fairlead/nodeports/30005"));
	ASSERT_EQ(server_ask(&f, HTTP_GET, ADDRESSES "/10.96.0.7", NULL), 200);
	ASSERT_STR(json_string(json_path(f.object, "spec.parentRef.name")), STR("old"));
	ASSERT_EQ(create(&f, "a", "{'clusterIP':'10.96.0.7','ports':[{'port':80}]}"), 422);
	ASSERT_EQ(create(&f, "a", "{'type':'NodePort','ports':[{'port':80,'nodePort':30005}]}"),
		  422);
	wait_for_event(&f, "ClusterIPNotAllocated",
		       "Cluster IP [IPv4]: 10.96.0.7 is not allocated; repairing");
	wait_for_event(&f, "PortNotAllocated", "Port 30005 is not allocated; repairing");
	ASSERT_EQ(server_ask(&f, HTTP_DELETE, SERVICES "/old", NULL), 200);
	ASSERT_FALSE(is_stored(&f, "/registry/fairlead/nodeports/30005"));
	ASSERT_EQ(server_ask(&f, HTTP_GET, ADDRESSES "/10.96.0.7", NULL), 404);
	server_fini(&f);
}

TEST(what_a_person_must_mend_is_only_told)
{
	struct server_fixture f;

	server_init(&f);
	f.config.repair_ms = 1;
	server_begin(&f);
	ASSERT_EQ(create(&f, "first",
			 "{'type':'NodePort','clusterIP':'10.96.0.9',"
			 "'ports':[{'port':80,'nodePort':30009}]}"),
		  201);
	store_service(&f, "second",
		      "{'type':'NodePort','clusterIP':'10.96.0.9','clusterIPs':['10.96.0.9'],"
		      "'ports':[{'port':80,'protocol':'TCP','targetPort':80,'nodePort':30009}]}");
	store_service(&f, "far",
		      "{'type':'NodePort','clusterIP':'192.0.2.1','clusterIPs':['192.0.2.1'],"
		      "'ports':[{'port':80,'protocol':'TCP','targetPort':80,'nodePort':40000}]}");
	store_service(&f, "bad", "{'type':'ClusterIP','clusterIP':'bogus','clusterIPs':['bogus']}");
	wait_for_event(&f, "ClusterIPAlreadyAllocated",
		       "Cluster IP [IPv4]:10.96.0.9 was assigned to multiple services; please "
		       "recreate service");
	wait_for_event(&f, "PortAlreadyAllocated",
		       "Port 30009 was assigned to multiple services; please recreate service");
	wait_for_event(&f, "ClusterIPOutOfRange",
		       "Cluster IP [IPv4]: 192.0.2.1 is not within any configured Service CIDR; "
		       "please recreate service");
	wait_for_event(&f, "PortOutOfRange",
		       "Port 40000 is not within the port range 30000-32767; please recreate "
		       "service");
	wait_for_event(&f, "ClusterIPNotValid",
		       "Cluster IP bogus is not a valid IP; please recreate service");
	ASSERT_EQ(server_ask(&f, HTTP_GET, ADDRESSES "/10.96.0.9", NULL), 200);
	ASSERT_STR(json_string(json_path(f.object, "spec.parentRef.name")), STR("first"));
	/* Who does not own it does not free it. */
	ASSERT_EQ(server_ask(&f, HTTP_DELETE, SERVICES "/second", NULL), 200);
	ASSERT_TRUE(is_stored(&f, "/registry/fairlead/nodeports/30009"));
	ASSERT_EQ(server_ask(&f, HTTP_GET, ADDRESSES "/10.96.0.9", NULL), 200);
	server_fini(&f);
}

TEST(addresses_that_are_nobodys_go)
{
	struct server_fixture f;
	const char *const old = "2020-01-01T00:00:00Z";
	const char *const missing =
		"{'resource':'services','namespace':'default','name':'missing'}";

	server_init(&f);
	f.config.repair_ms = 1;
	server_begin(&f);
	ASSERT_EQ(create(&f, "web", "{'clusterIP':'10.96.1.1','ports':[{'port':80}]}"), 201);
	store_address(&f, "10.96.2.1", old, MANAGED, missing);
	store_address(&f, "10.96.2.2", now_text(&f), MANAGED, missing);
	store_address(&f, "10.96.2.3", old, "'labels':{'ipaddress.kubernetes.io/managed-by':'me'}",
		      missing);
	store_address(&f, "10.96.2.4", old, "'labels':{}", missing);
	store_address(&f, "10.96.2.5", now_text(&f), MANAGED,
		      "{'resource':'pods','namespace':'default','name':'web'}");
	store_address(&f, "10.96.2.6", now_text(&f), MANAGED,
		      "{'resource':'services','namespace':'default','name':'web'}");
	wait_for_status(&f, ADDRESSES "/10.96.2.1", 404);
	wait_for_status(&f, ADDRESSES "/10.96.2.5", 404);
	wait_for_status(&f, ADDRESSES "/10.96.2.6", 404);
	wait_for_event(&f, "IPAddressNotAllocated",
		       "IPAddress: 10.96.2.1 for Service default/missing appears to have leaked: "
		       "cleaning up");
	wait_for_event(
		&f, "IPAddressNotAllocated",
		"IPAddress 10.96.2.5 appears to have been modified, not referencing a "
		"Service &ParentReference{Group:,Resource:pods,Namespace:default,Name:web,}: "
		"cleaning up");
	wait_for_event(&f, "IPAddressWrongReference",
		       "IPAddress: 10.96.2.6 for Service default/web has a wrong reference; "
		       "cleaning up");
	ASSERT_EQ(server_ask(&f, HTTP_GET, ADDRESSES "/10.96.2.2", NULL), 200);
	ASSERT_EQ(server_ask(&f, HTTP_GET, ADDRESSES "/10.96.2.3", NULL), 200);
	ASSERT_EQ(server_ask(&f, HTTP_GET, ADDRESSES "/10.96.2.4", NULL), 200);
	ASSERT_EQ(server_ask(&f, HTTP_GET, ADDRESSES "/10.96.1.1", NULL), 200);
	/* A free address is drawn around what others hold. */
	ASSERT_EQ(create(&f, "x", "{'clusterIP':'10.96.2.3','ports':[{'port':80}]}"), 422);
	server_fini(&f);
}

TEST(a_services_address_gets_its_object_again)
{
	struct server_fixture f;
	const char *const spec = "{'type':'ClusterIP','clusterIP':'10.96.3.%d',"
				 "'clusterIPs':['10.96.3.%d'],'ports':[{'port':80}]}";

	server_init(&f);
	f.config.repair_ms = 1;
	server_begin(&f);
	for (int i = 1; i <= 4; i++)
		ASSERT_EQ(create(&f, str_printf(&f.a, "s%d", i).ptr,
				 str_printf(&f.a, spec, i, i).ptr),
			  201);
	ASSERT_EQ(server_ask(&f, HTTP_DELETE, ADDRESSES "/10.96.3.1", NULL), 200);
	store_address(&f, "10.96.3.2", now_text(&f), MANAGED,
		      "{'resource':'services','namespace':'default','name':'missing'}");
	store_address(&f, "10.96.3.3", now_text(&f), MANAGED,
		      "{'resource':'services','namespace':'default','name':'s1'}");
	store_address(&f, "10.96.3.4", now_text(&f), "'labels':{}",
		      "{'resource':'services','namespace':'default','name':'s4'}");
	wait_for_event(&f, "ClusterIPNotAllocated",
		       "Cluster IP [IPv4]: 10.96.3.1 is not allocated; repairing");
	for (int i = 2; i <= 4; i++)
		wait_for_event(
			&f, "ClusterIPNotAllocated",
			str_printf(&f.a,
				   "the ClusterIP [IPv4]: 10.96.3.%d for Service default/s%d has "
				   "a wrong reference; repairing",
				   i, i)
				.ptr);
	for (int i = 1; i <= 4; i++) {
		wait_for_status(&f, str_printf(&f.a, ADDRESSES "/10.96.3.%d", i).ptr, 200);
		ASSERT_STR(json_string(json_path(f.object, "spec.parentRef.name")),
			   str_printf(&f.a, "s%d", i));
		ASSERT_STR(json_get_string(json_path(f.object, "metadata.labels"),
					   "ipaddress.kubernetes.io/managed-by"),
			   STR("ipallocator.k8s.io"));
	}
	server_fini(&f);
}

/* One that the next two rounds find as well. */
TEST(a_leaked_port_goes_at_the_third_round)
{
	struct server_fixture f;
	int64_t end;

	server_init(&f);
	f.config.repair_ms = 1;
	server_begin(&f);
	ASSERT_EQ(create(&f, "web", "{'type':'NodePort','ports':[{'port':80,'nodePort':30020}]}"),
		  201);
	store(&f, "/registry/fairlead/nodeports/30021",
	      "{'namespace':'default','name':'gone','uid':'x','port':30021}");
	store(&f, "/registry/fairlead/nodeports/30022",
	      "{'namespace':'default','name':'web','uid':'x','port':30022}");
	ASSERT_EQ(create(&f, "b", "{'type':'NodePort','ports':[{'port':80,'nodePort':30021}]}"),
		  422);
	end = clock_mono_ms(&clock_system) + SERVER_WAIT_MS;
	while (is_stored(&f, "/registry/fairlead/nodeports/30021") ||
	       is_stored(&f, "/registry/fairlead/nodeports/30022")) {
		ASSERT_TRUE(clock_mono_ms(&clock_system) < end);
		loop_turn(f.loop, 50);
	}
	ASSERT_TRUE(is_stored(&f, "/registry/fairlead/nodeports/30020"));
	ASSERT_EQ(create(&f, "b", "{'type':'NodePort','ports':[{'port':80,'nodePort':30021}]}"),
		  201);
	server_fini(&f);
}
