/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/service/patch.h"

#include "apiserver/service/tree.h"

static int64_t node_port(const struct json *port)
{
	return json_get_int(port, "nodePort", 0);
}

static bool has_node_port(const struct json *service, int64_t number)
{
	struct json *ports = service_tree_get(service, "ports");

	if (json_is(ports, JSON_ARRAY))
		json_foreach(p, ports)
			if (node_port(p) == number)
				return true;
	return false;
}

static const struct json *port_by_name(const struct json *service, struct str name)
{
	struct json *ports = service_tree_get(service, "ports");

	if (json_is(ports, JSON_ARRAY))
		json_foreach(p, ports)
			if (str_eq(json_get_string(p, "name"), name))
				return p;
	return NULL;
}

/* 5.1 b. A number that a port of both already names is not given to another one. */
static void keep_node_ports(struct arena *a, const struct json *old, struct json *object)
{
	struct json *ports = service_tree_get(object, "ports");
	const struct json *before = json_clone(a, object); /* explicit numbers only */

	if (!json_is(ports, JSON_ARRAY))
		return;
	json_foreach(p, ports) {
		const struct json *was;

		if (!json_is(p, JSON_OBJECT) || node_port(p))
			continue;
		was = port_by_name(old, json_get_string(p, "name"));
		if (!was || !node_port(was) || has_node_port(before, node_port(was)))
			continue;
		json_set(p, "nodePort", json_new_int(a, node_port(was)));
	}
}

void service_patch_keep(struct arena *a, const struct json *old, struct json *object)
{
	if (!service_tree_is_external_name(old) && !service_tree_is_external_name(object)) {
		if (!service_tree_string(object, "clusterIP").len &&
		    service_tree_get(old, "clusterIP"))
			service_tree_set(a, object, "clusterIP",
					 json_clone(a, service_tree_get(old, "clusterIP")));
		if (!service_tree_count(object, "clusterIPs") &&
		    service_tree_count(old, "clusterIPs"))
			service_tree_set(a, object, "clusterIPs",
					 json_clone(a, service_tree_get(old, "clusterIPs")));
	}
	if (service_tree_wants_node_ports(old) && service_tree_wants_node_ports(object))
		keep_node_ports(a, old, object);
	if (service_tree_needs_health_check(old) && service_tree_needs_health_check(object) &&
	    !service_tree_int(object, "healthCheckNodePort") &&
	    service_tree_int(old, "healthCheckNodePort"))
		service_tree_set(a, object, "healthCheckNodePort",
				 json_new_int(a, service_tree_int(old, "healthCheckNodePort")));
}

static void drop_if_same(const struct json *old, struct json *object, const char *key)
{
	if (service_tree_same(old, object, key))
		service_tree_remove(object, key);
}

static void drop_node_ports(const struct json *old, struct json *object)
{
	struct json *ports = service_tree_get(object, "ports");

	if (!json_is(ports, JSON_ARRAY))
		return;
	json_foreach(p, ports)
		if (node_port(p) && !has_node_port(old, node_port(p)))
			return;
	json_foreach(p, ports)
		if (json_is(p, JSON_OBJECT))
			json_remove(p, "nodePort");
}

static void drop_spec(const struct json *old, struct json *object)
{
	bool was_lb = service_tree_type(old) == API_LOAD_BALANCER;

	if (service_tree_is_external_name(object)) {
		if (service_tree_same(old, object, "clusterIP") &&
		    service_tree_same(old, object, "clusterIPs")) {
			service_tree_remove(object, "clusterIP");
			service_tree_remove(object, "clusterIPs");
		}
		drop_if_same(old, object, "ipFamilies");
		drop_if_same(old, object, "ipFamilyPolicy");
	}
	if (service_tree_has_node_ports(old) && !service_tree_has_node_ports(object))
		drop_node_ports(old, object);
	if (service_tree_needs_health_check(old) && !service_tree_needs_health_check(object))
		drop_if_same(old, object, "healthCheckNodePort");
	if (was_lb && service_tree_type(object) != API_LOAD_BALANCER) {
		drop_if_same(old, object, "allocateLoadBalancerNodePorts");
		drop_if_same(old, object, "loadBalancerClass");
	}
	if (service_tree_is_external(old) && !service_tree_is_external(object))
		drop_if_same(old, object, "externalTrafficPolicy");
}

void service_patch_drop(struct arena *a, const struct json *old, struct json *object)
{
	struct json *status = json_get(old, "status");

	if (old)
		drop_spec(old, object);
	status = json_is(status, JSON_OBJECT) ? json_clone(a, status) : json_new(a, JSON_OBJECT);
	if (!old || service_tree_type(object) != API_LOAD_BALANCER ||
	    !json_is(json_get(status, "loadBalancer"), JSON_OBJECT))
		json_set(status, "loadBalancer", json_new(a, JSON_OBJECT));
	json_set(object, "status", status);
}
