/* SPDX-License-Identifier: Apache-2.0 */
/* All controllers at work on an API server in this process, over a store in memory. */
#include "controller/controller.h"

#include "apiserver/apiserver.h"
#include "client/client.h"
#include "loop/loop.h"
#include "tests/harness/test.h"

#include <stdlib.h>
#include <string.h>

enum {
	WAIT_MS = 20000,
};

struct world {
	struct loop *loop;
	struct store *store;
	struct apiserver *server;
	struct client *client;
	struct controllers *controllers;
	/* the answer of the last request */
	bool is_answered;
	int r;
	struct arena answer_arena;
	struct json *answer;
	char message[ERR_MSG_MAX];
};

static void tell(void *ctx, bool is_error, const char *text)
{
	if (is_error && getenv("TEST_VERBOSE"))
		fprintf(stderr, "# server: %s\n", text);
}

static void answered(void *ctx, int r, struct json *obj, const struct err *err)
{
	struct world *w = ctx;

	w->is_answered = true;
	w->r = r;
	w->answer = obj ? json_clone(&w->answer_arena, obj) : NULL;
	snprintf(w->message, sizeof(w->message), "%s", err ? err->msg : "");
}

static void request(struct world *w, struct client_call *call)
{
	int64_t end = clock_mono_ms(&clock_system) + WAIT_MS;

	arena_fini(&w->answer_arena);
	arena_init(&w->answer_arena, 0);
	w->is_answered = false;
	client_send(w->client, call, answered, w);
	while (!w->is_answered && clock_mono_ms(&clock_system) < end)
		loop_turn(w->loop, 10);
	ASSERT_TRUE(w->is_answered);
}

static void send_text(struct world *w, enum http_method method, const char *kind, const char *name,
		      const char *sub, const char *type, const char *text)
{
	struct client_call call = {.method = method,
				   .kind = api_kind_of(kind),
				   .name = str_of(name),
				   .subresource = str_of(sub),
				   .content_type = type};
	struct arena a;
	struct json *body;
	struct err err;

	arena_init(&a, 0);
	if (text) {
		ASSERT_OK(json_parse(&a, str_of(text), 0, &body, &err));
		call.body = body;
	}
	if (call.kind->is_namespaced)
		call.ns = str_eq_c(str_of(kind), "Lease") ? STR("kube-node-lease") : STR("default");
	request(w, &call);
	if (w->r < 0)
		test_fail(__FILE__, __LINE__, "%s %s %s: %s", http_method_name(method), kind,
			  name ? name : "", w->message);
	arena_fini(&a);
}

static void create(struct world *w, const char *kind, const char *text)
{
	send_text(w, HTTP_POST, kind, NULL, NULL, NULL, text);
}

static void patch_status(struct world *w, const char *kind, const char *name, const char *text)
{
	send_text(w, HTTP_PATCH, kind, name, "status", "application/strategic-merge-patch+json",
		  text);
}

static void delete (struct world *w, const char *kind, const char *name)
{
	struct client_call call = {.method = HTTP_DELETE,
				   .kind = api_kind_of(kind),
				   .name = str_of(name),
				   .query = STR("gracePeriodSeconds=0")};

	if (call.kind->is_namespaced)
		call.ns = STR("default");
	request(w, &call);
	ASSERT_EQ(w->r, 0);
}

/* Somebody else makes a lock of the Endpoints "lock" just before they are deleted. */
static const struct http_transport_ops *inner;
static struct http_transport_ops spy;
static bool has_intruded;

static void intruded(void *ctx, int r, const struct err *err)
{
}

static struct http_call *spy_send(struct http_transport *t, const struct http_call_request *req,
				  const struct http_call_events *events, void *ctx)
{
	static const struct http_call_events none = {.on_done = intruded};
	static const struct http_header type = {STR("content-type"),
						STR("application/merge-patch+json")};
	struct http_call_request patch = {
		.method = HTTP_PATCH,
		.target = STR("/api/v1/namespaces/default/endpoints/lock"),
		.headers = &type,
		.n_headers = 1,
	};

	if (!has_intruded && req->method == HTTP_DELETE && str_eq(req->target, patch.target)) {
		has_intruded = true;
		patch.body =
			bytes_dup(STR("{\"metadata\":{\"annotations\":{"
				      "\"control-plane.alpha.kubernetes.io/leader\":\"me\"}}}"));
		inner->send(t, &patch, &none, NULL);
		bytes_unref(patch.body);
	}
	return inner->send(t, req, events, ctx);
}

static struct http_transport *spied(struct http_transport *t)
{
	inner = t->ops;
	spy = *inner;
	spy.send = spy_send;
	t->ops = &spy;
	return t;
}

static void begin(struct world *w, const struct controllers_config *config)
{
	struct apiserver_config c = {
		.n_service_cidrs = 1,
		.node_port_first = 30000,
		.node_port_last = 32767,
		.advertise = ip_from_v4(0xc0000201),
		.secure_port = 6443,
		.tell = tell,
	};
	struct err err;
	int64_t end = clock_mono_ms(&clock_system) + WAIT_MS;

	*w = (struct world){.loop = loop_new()};
	arena_init(&w->answer_arena, 0);
	w->store = store_memory_new(w->loop);
	c.store = w->store;
	ASSERT_OK(ip_prefix_parse(STR("10.96.0.0/16"), &c.service_cidrs[0], &err));
	ASSERT_OK(apiserver_new(w->loop, &c, &w->server, &err));
	while (!apiserver_is_ready(w->server) && clock_mono_ms(&clock_system) < end)
		loop_turn(w->loop, 10);
	ASSERT_TRUE(apiserver_is_ready(w->server));
	w->client = client_new(w->loop, spied(apiserver_transport(w->server)), "test");
	w->controllers = controllers_start(w->loop, w->client, config);
}

static void finish(struct world *w)
{
	controllers_stop(w->controllers);
	client_free(w->client);
	apiserver_stop(w->server);
	store_close(w->store);
	apiserver_free(w->server);
	loop_turn(w->loop, 0);
	loop_free(w->loop);
	arena_fini(&w->answer_arena);
}

/* A state of the API that is waited for: one line of text about each object of a kind. */
typedef void (*summary_fn)(struct buf *b, const struct json *obj);

static struct buf summary(struct world *w, const char *kind, const char *query, summary_fn fn)
{
	struct client_call call = {
		.method = HTTP_GET, .kind = api_kind_of(kind), .query = str_of(query)};
	struct buf b = BUF_INIT;
	struct json *items;

	request(w, &call);
	ASSERT_EQ(w->r, 0);
	items = json_get(w->answer, "items");
	if (json_is(items, JSON_ARRAY))
		json_foreach(it, items)
			fn(&b, it);
	return b;
}

static void wait_for(struct world *w, const char *kind, const char *query, summary_fn fn,
		     const char *wanted)
{
	int64_t end = clock_mono_ms(&clock_system) + WAIT_MS;
	struct buf b = summary(w, kind, query, fn);

	while (!str_eq(buf_str(&b), str_of(wanted))) {
		if (clock_mono_ms(&clock_system) > end)
			test_fail(__FILE__, __LINE__, "%s: \"%s\", wanted \"%s\"", kind, b.ptr,
				  wanted);
		loop_turn(w->loop, 5);
		buf_fini(&b);
		b = summary(w, kind, query, fn);
	}
	buf_fini(&b);
}

/* "10.0.0.1:ready 10.0.0.2:not;" a slice */
static void say_slice(struct buf *b, const struct json *obj)
{
	struct json *endpoints = json_get(obj, "endpoints");

	if (json_is(endpoints, JSON_ARRAY))
		json_foreach(e, endpoints)
			buf_printf(b, "%.*s:%s ",
				   STR_ARG(json_string(json_at(json_get(e, "addresses"), 0))),
				   json_get_bool(json_get(e, "conditions"), "ready", true) ? "ready"
											   : "not");
	buf_printf(b, "%lld;",
		   (long long)json_get_int(json_at(json_get(obj, "ports"), 0), "port", 0));
}

static void say_endpoints(struct buf *b, const struct json *obj)
{
	struct json *subsets = json_get(obj, "subsets");

	if (str_eq_c(json_path(obj, "metadata.name")->string, "kubernetes"))
		return;
	if (json_is(subsets, JSON_ARRAY))
		json_foreach(s, subsets) {
			struct json *ready = json_get(s, "addresses");
			struct json *not_ready = json_get(s, "notReadyAddresses");

			buf_printf(b, "%u/%u", ready ? ready->count : 0,
				   not_ready ? not_ready->count : 0);
		}
	buf_add_byte(b, ';');
}

#define WEB_SLICES "labelSelector=kubernetes.io%2Fservice-name%3Dweb"

static void make_node(struct world *w, const char *name)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":{\"name\":\"%s\"}}", name);
	create(w, "Node", text);
	patch_status(w, "Node", name,
		     "{\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}]}}");
}

static void make_pod(struct world *w, const char *name, const char *node)
{
	char text[512];

	snprintf(
		text, sizeof(text),
		"{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"%s\",\"labels\":{"
		"\"app\":\"web\"}},\"spec\":{%s%s%s\"containers\":[{\"name\":\"c\",\"image\":\"i\","
		"\"ports\":[{\"name\":\"www\",\"containerPort\":8080}]}]}}",
		name, node ? "\"nodeName\":\"" : "", node ? node : "", node ? "\"," : "");
	create(w, "Pod", text);
}

static void set_pod(struct world *w, const char *name, const char *ip, bool is_ready)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "{\"status\":{\"phase\":\"Running\",\"podIP\":\"%s\",\"podIPs\":[{\"ip\":\"%s\"}],"
		 "\"conditions\":[{\"type\":\"Ready\",\"status\":\"%s\"},{\"type\":"
		 "\"ContainersReady\",\"status\":\"True\"}]}}",
		 ip, ip, is_ready ? "True" : "False");
	patch_status(w, "Pod", name, text);
}

static void make_service(struct world *w)
{
	create(w, "Service",
	       "{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"web\"},"
	       "\"spec\":{\"selector\":{\"app\":\"web\"},\"ports\":[{\"port\":80,\"targetPort\":"
	       "\"www\"}]}}");
}

TEST(endpoints_follow_the_pods)
{
	struct world w;

	begin(&w, NULL);
	make_node(&w, "n1");
	make_service(&w);
	wait_for(&w, "EndpointSlice", WEB_SLICES, say_slice, "0;");
	make_pod(&w, "a", "n1");
	set_pod(&w, "a", "10.0.0.1", true);
	wait_for(&w, "EndpointSlice", WEB_SLICES, say_slice, "10.0.0.1:ready 8080;");
	wait_for(&w, "Endpoints", NULL, say_endpoints, "1/0;");
	set_pod(&w, "a", "10.0.0.1", false);
	wait_for(&w, "EndpointSlice", WEB_SLICES, say_slice, "10.0.0.1:not 8080;");
	wait_for(&w, "Endpoints", NULL, say_endpoints, "0/1;");
	delete (&w, "Pod", "a");
	wait_for(&w, "EndpointSlice", WEB_SLICES, say_slice, "0;");
	delete (&w, "Service", "web");
	wait_for(&w, "EndpointSlice", WEB_SLICES, say_slice, "");
	wait_for(&w, "Endpoints", NULL, say_endpoints, "");
	finish(&w);
}

TEST(what_others_delete_is_made_again)
{
	struct world w;
	struct client_call call = {.method = HTTP_DELETE,
				   .kind = api_kind_of("EndpointSlice"),
				   .ns = STR("default"),
				   .query = STR(WEB_SLICES)};

	begin(&w, NULL);
	make_service(&w);
	wait_for(&w, "EndpointSlice", WEB_SLICES, say_slice, "0;");
	request(&w, &call);
	ASSERT_EQ(w.r, 0);
	wait_for(&w, "EndpointSlice", WEB_SLICES, say_slice, "0;");
	delete (&w, "Endpoints", "web");
	wait_for(&w, "Endpoints", NULL, say_endpoints, ";");
	finish(&w);
}

TEST(hand_written_endpoints_are_mirrored)
{
	struct world w;

	begin(&w, NULL);
	create(&w, "Service",
	       "{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"web\"},"
	       "\"spec\":{\"ports\":[{\"port\":80,\"targetPort\":9376}]}}");
	create(&w, "Endpoints",
	       "{\"apiVersion\":\"v1\",\"kind\":\"Endpoints\",\"metadata\":{\"name\":\"web\"},"
	       "\"subsets\":[{\"addresses\":[{\"ip\":\"192.0.2.42\"}],\"ports\":[{\"port\":9376}]}"
	       "]}");
	wait_for(&w, "EndpointSlice", WEB_SLICES, say_slice, "192.0.2.42:ready 9376;");
	delete (&w, "Service", "web");
	wait_for(&w, "EndpointSlice", WEB_SLICES, say_slice, "");
	finish(&w);
}

static void say_name(struct buf *b, const struct json *obj)
{
	buf_printf(b, "%.*s;", STR_ARG(json_get_string(json_get(obj, "metadata"), "name")));
}

/* Endpoints without Service go, but not those that have changed since that was found. */
TEST(what_has_changed_since_is_not_deleted)
{
	struct world w;

	begin(&w, NULL);
	create(&w, "Endpoints",
	       "{\"apiVersion\":\"v1\",\"kind\":\"Endpoints\",\"metadata\":{\"name\":\"lock\"}}");
	create(&w, "Endpoints",
	       "{\"apiVersion\":\"v1\",\"kind\":\"Endpoints\",\"metadata\":{\"name\":\"other\"}}");
	/* It looks for them when it begins. */
	controllers_stop(w.controllers);
	w.controllers = controllers_start(w.loop, w.client, NULL);
	wait_for(&w, "Endpoints", "fieldSelector=metadata.name%3Dother", say_name, "");
	ASSERT_TRUE(has_intruded);
	make_service(&w);
	wait_for(&w, "Endpoints", "fieldSelector=metadata.name%3Dweb", say_name, "web;");
	wait_for(&w, "Endpoints", "fieldSelector=metadata.name%3Dlock", say_name, "lock;");
	finish(&w);
}

static void say_pod_node(struct buf *b, const struct json *obj)
{
	buf_printf(b, "%.*s ", STR_ARG(json_get_string(json_get(obj, "spec"), "nodeName")));
}

TEST(pods_are_spread_over_ready_nodes)
{
	struct world w;
	struct buf b;
	unsigned n[3] = {0};

	begin(&w, NULL);
	make_pod(&w, "p0", NULL); /* waits for the first node */
	make_node(&w, "n1");
	wait_for(&w, "Pod", NULL, say_pod_node, "n1 ");
	make_node(&w, "n2");
	create(&w, "Node",
	       "{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":{\"name\":\"n3\"}}");
	for (int i = 1; i < 6; i++) {
		char name[8];

		snprintf(name, sizeof(name), "p%d", i);
		make_pod(&w, name, NULL);
	}
	for (int i = 0; i < 2000; i++) {
		b = summary(&w, "Pod", "fieldSelector=spec.nodeName%3D", say_pod_node);
		if (!b.len)
			break;
		buf_fini(&b);
		loop_turn(w.loop, 10);
	}
	b = summary(&w, "Pod", NULL, say_pod_node);
	for (size_t i = 0; i + 2 < b.len; i += 3)
		n[b.ptr[i + 1] - '1']++;
	ASSERT_EQ(n[0], 3);
	ASSERT_EQ(n[1], 3);
	ASSERT_EQ(n[2], 0);
	buf_fini(&b);
	finish(&w);
}

static void renew(struct world *w, int second, bool is_first)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "{\"apiVersion\":\"coordination.k8s.io/v1\",\"kind\":\"Lease\",\"metadata\":{"
		 "\"name\":\"n1\"},\"spec\":{\"holderIdentity\":\"n1\",\"leaseDurationSeconds\":40,"
		 "\"renewTime\":\"2026-01-01T00:00:%02d.000000Z\"}}",
		 second);
	if (is_first)
		create(w, "Lease", text);
	else
		send_text(w, HTTP_PATCH, "Lease", "n1", NULL, "application/merge-patch+json", text);
}

static void say_ready(struct buf *b, const struct json *obj)
{
	struct json *all = json_path(obj, "status.conditions");

	if (json_is(all, JSON_ARRAY))
		json_foreach(it, all)
			if (str_eq_c(json_get_string(it, "type"), "Ready"))
				buf_printf(b, "%.*s;", STR_ARG(json_get_string(it, "status")));
}

TEST(a_silent_node_takes_its_pods_out)
{
	static const struct controllers_config config = {.node_grace_ms = 700,
							 .node_period_ms = 50};
	struct world w;

	begin(&w, &config);
	make_node(&w, "n1");
	renew(&w, 1, true);
	make_service(&w);
	make_pod(&w, "a", "n1");
	set_pod(&w, "a", "10.0.0.1", true);
	wait_for(&w, "EndpointSlice", WEB_SLICES, say_slice, "10.0.0.1:not 8080;");
	wait_for(&w, "Node", NULL, say_ready, "Unknown;");
	renew(&w, 2, false);
	wait_for(&w, "Node", NULL, say_ready, "True;");
	wait_for(&w, "EndpointSlice", WEB_SLICES, say_slice, "10.0.0.1:ready 8080;");
	finish(&w);
}

TEST(pods_of_a_node_that_is_gone_are_deleted)
{
	static const struct controllers_config config = {.orphan_grace_ms = 100};
	struct world w;

	begin(&w, &config);
	make_node(&w, "n1");
	make_pod(&w, "a", "n1");
	make_pod(&w, "b", "elsewhere");
	wait_for(&w, "Pod", NULL, say_pod_node, "n1 ");
	delete (&w, "Node", "n1");
	wait_for(&w, "Pod", NULL, say_pod_node, "");
	finish(&w);
}
