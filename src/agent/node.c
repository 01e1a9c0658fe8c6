/* SPDX-License-Identifier: Apache-2.0 */
#define LOG_COMPONENT "agent"
#include "agent/node.h"

#include "base/log.h"
#include "client/reflector.h"
#include "loop/loop.h"
#include "netlink/link.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/utsname.h>
#include <unistd.h>

enum {
	NODE_RETRY_MS = 1000,
	NODE_STATUS_MS = 60 * 1000,
	NODE_LEASE_MS = 10 * 1000,
	NODE_LEASE_S = 40,
	NODE_ROUTES_MS =
		10 * 1000,    /* routes that somebody or a link that went down took are back */
	NODE_PODS_MAX = 1000, /* capacity: a Pod is a few processes */
};

struct agent_node {
	struct agent *agent;
	void (*on_ranges)(struct agent *a);
	struct client_reflector *nodes; /* NULL: routes are not ours */
	struct client_request *meta, *status, *lease;
	struct loop_timer *meta_timer, *status_timer, *lease_timer, *routes_timer;
	int64_t ready_since_ns;
	bool is_registered;
};

static struct client_call node_call(const struct agent_node *n, enum http_method method)
{
	return (struct client_call){.method = method,
				    .kind = api_kind_of("Node"),
				    .name = str_of(n->agent->config.node_name)};
}

/* ---- the object ---------------------------------------------------------------------------- */

static struct json *node_labels(struct arena *a, const struct agent_config *c)
{
	struct json *labels = json_new(a, JSON_OBJECT);

	json_set_string(a, labels, "kubernetes.io/hostname", str_of(c->node_name));
	json_set_string(a, labels, "kubernetes.io/os", STR("linux"));
	if (c->zone)
		json_set_string(a, labels, "topology.kubernetes.io/zone", str_of(c->zone));
	for (size_t i = 0; i < c->n_labels; i++) {
		struct str value = str_of(c->labels[i]), key;

		if (str_next(&value, '=', &key))
			json_set_str(labels, key, json_new_string(a, value));
	}
	return labels;
}

static struct json *node_object(struct arena *a, const struct agent_config *c)
{
	struct json *o = json_new(a, JSON_OBJECT), *cidrs = json_new(a, JSON_ARRAY), *spec;
	char text[IP_PREFIX_TEXT_MAX];

	json_set_string(a, o, "apiVersion", STR("v1"));
	json_set_string(a, o, "kind", STR("Node"));
	json_set_string(a, json_object_at(a, o, "metadata"), "name", str_of(c->node_name));
	json_set(json_object_at(a, o, "metadata"), "labels", node_labels(a, c));
	spec = json_object_at(a, o, "spec");
	for (size_t i = 0; i < c->n_pod_cidrs; i++) {
		struct str s = str_dup(a, ip_prefix_format(&c->pod_cidrs[i], text));

		if (i == 0)
			json_set_string(a, spec, "podCIDR", s);
		json_append(cidrs, json_new_string(a, s));
	}
	if (c->n_pod_cidrs)
		json_set(spec, "podCIDRs", cidrs);
	return o;
}

/* ---- its status ---------------------------------------------------------------------------- */

static void add_address(struct arena *a, struct json *list, const char *type, struct str value)
{
	struct json *o = json_new(a, JSON_OBJECT);

	json_set_string(a, o, "type", str_of(type));
	json_set_string(a, o, "address", value);
	json_append(list, o);
}

static struct json *addresses(struct arena *a, const struct agent_config *c)
{
	struct json *list = json_new(a, JSON_ARRAY);
	char text[IP_TEXT_MAX];

	for (size_t i = 0; i < c->n_internal; i++)
		add_address(a, list, "InternalIP", str_dup(a, ip_format(&c->internal[i], text)));
	for (size_t i = 0; i < c->n_external; i++)
		add_address(a, list, "ExternalIP", str_dup(a, ip_format(&c->external[i], text)));
	add_address(a, list, "Hostname", str_of(c->node_name));
	return list;
}

static struct json *ready_condition(struct arena *a, const struct agent_node *n)
{
	char text[CLOCK_RFC3339_MAX];
	struct json *list = json_new(a, JSON_ARRAY), *o = json_new(a, JSON_OBJECT);
	int64_t now = clock_system.wall_ns(&clock_system);

	json_set_string(a, o, "type", STR("Ready"));
	json_set_string(a, o, "status", STR("True"));
	json_set_string(a, o, "reason", STR("AgentReady"));
	json_set_string(a, o, "message", STR("fairlead agent is running"));
	json_set_string(a, o, "lastHeartbeatTime", str_dup(a, clock_format(text, now, 0)));
	json_set_string(a, o, "lastTransitionTime",
			str_dup(a, clock_format(text, n->ready_since_ns, 0)));
	json_append(list, o);
	return list;
}

static struct json *capacity(struct arena *a)
{
	struct json *o = json_new(a, JSON_OBJECT);
	long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);

	json_set_string(a, o, "cpu", str_printf(a, "%ld", sysconf(_SC_NPROCESSORS_ONLN)));
	json_set_string(a, o, "memory", str_printf(a, "%lldKi", (long long)pages * page / 1024));
	json_set_string(a, o, "pods", str_printf(a, "%d", NODE_PODS_MAX));
	return o;
}

static struct json *node_info(struct arena *a)
{
	struct json *o = json_new(a, JSON_OBJECT);
	static const char *const empty[] = {"machineID", "systemUUID", "bootID",
					    "kubeProxyVersion"};
	struct utsname u;

	uname(&u);
	for (size_t i = 0; i < ARRAY_LEN(empty); i++)
		json_set_string(a, o, empty[i], STR(""));
	json_set_string(a, o, "kernelVersion", str_dup(a, str_of(u.release)));
	json_set_string(a, o, "osImage", str_dup(a, str_of(u.sysname)));
	json_set_string(a, o, "architecture", str_dup(a, str_of(u.machine)));
	json_set_string(a, o, "operatingSystem", STR("linux"));
	json_set_string(a, o, "containerRuntimeVersion", STR("fairlead://" FAIRLEAD_VERSION));
	json_set_string(a, o, "kubeletVersion", STR("v" FAIRLEAD_VERSION "-fairlead"));
	return o;
}

static struct json *node_status(struct arena *a, const struct agent_node *n)
{
	struct json *o = json_new(a, JSON_OBJECT), *s = json_object_at(a, o, "status");
	const struct agent_config *c = &n->agent->config;

	json_set(s, "addresses", addresses(a, c));
	json_set(s, "conditions", ready_condition(a, n));
	json_set(s, "capacity", capacity(a));
	json_set(s, "allocatable", capacity(a));
	json_set(s, "nodeInfo", node_info(a));
	if (c->port)
		json_set(json_object_at(a, json_object_at(a, s, "daemonEndpoints"),
					"kubeletEndpoint"),
			 "Port", json_new_int(a, c->port));
	return o;
}

static void on_status(void *ctx, int r, struct json *obj, const struct err *err)
{
	struct agent_node *n = ctx;

	n->status = NULL;
	if (r < 0)
		log_warning("the node's status is not accepted error=%s", err->msg);
	/* Somebody deleted the Node: it is made again. */
	if (r == ERR_NOT_FOUND)
		loop_timer_start(n->meta_timer, 0, 0);
	loop_timer_start(n->status_timer, r < 0 ? NODE_RETRY_MS : NODE_STATUS_MS, 0);
}

static void send_status(void *ctx)
{
	struct agent_node *n = ctx;
	struct client_call call = node_call(n, HTTP_PATCH);
	struct arena a;

	if (n->status || !n->is_registered)
		return;
	arena_init(&a, 0);
	call.subresource = STR("status");
	call.content_type = "application/merge-patch+json";
	call.body = node_status(&a, n);
	n->status = client_send(n->agent->client, &call, on_status, n);
	arena_fini(&a);
}

/* ---- registration -------------------------------------------------------------------------- */

static void take_ranges(struct agent_node *n, const struct json *node)
{
	struct agent_config *c = &n->agent->config;
	const struct json *list = json_path(node, "spec.podCIDRs");
	struct err err;

	if (n->agent->n_ipam || c->n_pod_cidrs || !json_is(list, JSON_ARRAY))
		return;
	json_foreach(s, list)
		if (c->n_pod_cidrs < AGENT_FAMILIES) {
			if (ip_prefix_parse(json_string(s), &c->pod_cidrs[c->n_pod_cidrs], &err) <
			    0)
				log_error("Node object: spec.podCIDRs: %s", err.msg);
			else
				c->n_pod_cidrs++;
		}
	if (c->n_pod_cidrs)
		n->on_ranges(n->agent);
}

static void on_registered(void *ctx, int r, struct json *obj, const struct err *err)
{
	struct agent_node *n = ctx;

	n->meta = NULL;
	if (r < 0) {
		log_warning("the Node object is not accepted, trying again error=%s", err->msg);
		loop_timer_start(n->meta_timer, NODE_RETRY_MS, 0);
		return;
	}
	if (!n->is_registered)
		log_info("registered node=%s", n->agent->config.node_name);
	n->is_registered = true;
	take_ranges(n, obj);
	send_status(n);
	/* Ranges that a controller gives are looked for until they are there. */
	if (!n->agent->n_ipam)
		loop_timer_start(n->meta_timer, NODE_RETRY_MS, 0);
}

static void on_patched(void *ctx, int r, struct json *obj, const struct err *err)
{
	struct agent_node *n = ctx;
	struct client_call call = node_call(n, HTTP_POST);
	struct arena a;

	if (r != ERR_NOT_FOUND) {
		on_registered(ctx, r, obj, err);
		return;
	}
	arena_init(&a, 0);
	call.name = (struct str){0};
	call.body = node_object(&a, &n->agent->config);
	n->meta = client_send(n->agent->client, &call, on_registered, n);
	arena_fini(&a);
}

static void send_meta(void *ctx)
{
	struct agent_node *n = ctx;
	struct client_call call = node_call(n, HTTP_PATCH);
	struct arena a;

	if (n->meta)
		return;
	arena_init(&a, 0);
	call.content_type = "application/merge-patch+json";
	call.body = node_object(&a, &n->agent->config);
	n->meta = client_send(n->agent->client, &call, on_patched, n);
	arena_fini(&a);
}

/* ---- the Lease ------------------------------------------------------------------------------ */

static struct json *lease_object(struct arena *a, const struct agent_node *n)
{
	struct str name = str_of(n->agent->config.node_name);
	struct json *o = json_new(a, JSON_OBJECT), *meta, *spec;
	char text[CLOCK_RFC3339_MAX];

	json_set_string(a, o, "apiVersion", STR("coordination.k8s.io/v1"));
	json_set_string(a, o, "kind", STR("Lease"));
	meta = json_object_at(a, o, "metadata");
	json_set_string(a, meta, "name", name);
	json_set_string(a, meta, "namespace", STR("kube-node-lease"));
	spec = json_object_at(a, o, "spec");
	json_set_string(a, spec, "holderIdentity", name);
	json_set(spec, "leaseDurationSeconds", json_new_int(a, NODE_LEASE_S));
	json_set_string(a, spec, "renewTime",
			str_dup(a, clock_format(text, clock_system.wall_ns(&clock_system), 6)));
	return o;
}

static void on_lease(void *ctx, int r, struct json *obj, const struct err *err)
{
	struct agent_node *n = ctx;

	n->lease = NULL;
	if (r < 0)
		log_warning("the node's Lease is not renewed error=%s", err->msg);
	loop_timer_start(n->lease_timer, r < 0 ? NODE_RETRY_MS : NODE_LEASE_MS, 0);
}

static void send_lease(struct agent_node *n, enum http_method method, client_fn fn)
{
	struct client_call call = {
		.method = method, .kind = api_kind_of("Lease"), .ns = STR("kube-node-lease")};
	struct arena a;

	arena_init(&a, 0);
	if (method == HTTP_PATCH) {
		call.name = str_of(n->agent->config.node_name);
		call.content_type = "application/merge-patch+json";
	}
	call.body = lease_object(&a, n);
	n->lease = client_send(n->agent->client, &call, fn, n);
	arena_fini(&a);
}

static void on_renewed(void *ctx, int r, struct json *obj, const struct err *err)
{
	if (r == ERR_NOT_FOUND)
		send_lease(ctx, HTTP_POST, on_lease);
	else
		on_lease(ctx, r, obj, err);
}

static void renew(void *ctx)
{
	send_lease(ctx, HTTP_PATCH, on_renewed);
}

/* ---- routes to the other nodes -------------------------------------------------------------- */

static const struct ip_addr *node_addr(const struct api_node *node, enum ip_family family)
{
	for (size_t i = 0; i < node->n_addresses; i++)
		if (str_eq_c(node->addresses[i].type, "InternalIP") && node->addresses[i].has_ip &&
		    ip_family(&node->addresses[i].ip) == family)
			return &node->addresses[i].ip;
	return NULL;
}

static void set_routes(struct agent *a, const struct api_node *node, bool is_told)
{
	for (size_t i = 0; i < node->pod_cidrs.n; i++) {
		struct link_route route = {.has_via = true};
		const struct ip_addr *via;
		struct err err;

		if (ip_prefix_parse(node->pod_cidrs.ptr[i], &route.to, NULL) < 0)
			continue;
		via = node_addr(node, ip_family(&route.to.addr));
		if (!via)
			continue;
		route.via = *via;
		if (link_set_route(a->links, &route, &err) < 0 && is_told)
			log_warning("no route to a node's Pods; is it on the same network? "
				    "node=%.*s error=%s",
				    STR_ARG(node->meta.name), err.msg);
	}
}

static void delete_routes(struct agent *a, const struct api_node *node)
{
	struct ip_prefix to;

	for (size_t i = 0; i < node->pod_cidrs.n; i++)
		if (ip_prefix_parse(node->pod_cidrs.ptr[i], &to, NULL) == 0)
			IGNORE(link_delete_route(a->links, &to, NULL), "it may be gone");
}

/* Status comes every minute; routes change when addresses or ranges do. */
static bool is_same_network(const struct api_node *x, const struct api_node *y)
{
	if (x->pod_cidrs.n != y->pod_cidrs.n || x->n_addresses != y->n_addresses)
		return false;
	for (size_t i = 0; i < x->pod_cidrs.n; i++)
		if (!str_eq(x->pod_cidrs.ptr[i], y->pod_cidrs.ptr[i]))
			return false;
	for (size_t i = 0; i < x->n_addresses; i++)
		if (!str_eq(x->addresses[i].address, y->addresses[i].address))
			return false;
	return true;
}

static void on_node(void *ctx, struct client_object *before, struct client_object *after)
{
	struct agent *a = ctx;
	const struct client_object *o = after ? after : before;

	if (str_eq_c(o->meta->name, a->config.node_name))
		return;
	if (before && after && is_same_network(before->view, after->view))
		return;
	if (before)
		delete_routes(a, before->view);
	if (after)
		set_routes(a, after->view, true);
}

static void set_again(void *ctx, struct client_object *o)
{
	struct agent *a = ctx;

	if (!str_eq_c(o->meta->name, a->config.node_name))
		set_routes(a, o->view, false);
}

/* The kernel drops them with the link or the address that they go over, and the network may have
 * come up after this agent. What fails now was told when the Node appeared. */
static void renew_routes(void *ctx)
{
	struct agent_node *n = ctx;

	client_reflector_each(n->nodes, set_again, n->agent);
}

/* ---- life ----------------------------------------------------------------------------------- */

struct agent_node *agent_node_new(struct agent *a, void (*on_ranges)(struct agent *a))
{
	struct agent_node *n = mem_xnew(struct agent_node);
	struct client_selection all = {0};

	n->agent = a;
	n->on_ranges = on_ranges;
	n->ready_since_ns = clock_system.wall_ns(&clock_system);
	n->meta_timer = loop_timer_new(a->loop, send_meta, n);
	n->status_timer = loop_timer_new(a->loop, send_status, n);
	n->lease_timer = loop_timer_new(a->loop, renew, n);
	n->routes_timer = loop_timer_new(a->loop, renew_routes, n);
	loop_timer_start(n->meta_timer, 0, 0);
	loop_timer_start(n->lease_timer, 0, 0);
	if (a->config.has_routes) {
		n->nodes = client_reflector_new(a->loop, a->client, api_kind_of("Node"), &all);
		client_reflector_add(n->nodes,
				     &(struct client_handler){.on_change = on_node, .ctx = a});
		loop_timer_start(n->routes_timer, NODE_ROUTES_MS, NODE_ROUTES_MS);
	}
	return n;
}

void agent_node_free(struct agent_node *n)
{
	if (!n)
		return;
	if (n->nodes)
		client_reflector_free(n->nodes);
	if (n->meta)
		client_cancel(n->meta);
	if (n->status)
		client_cancel(n->status);
	if (n->lease)
		client_cancel(n->lease);
	loop_timer_close(n->meta_timer);
	loop_timer_close(n->status_timer);
	loop_timer_close(n->lease_timer);
	loop_timer_close(n->routes_timer);
	free(n);
}
