/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/service/tree.h"

struct json *service_tree_get(const struct json *service, const char *key)
{
	struct json *n = json_get(json_get(service, "spec"), key);

	return json_is_null(n) ? NULL : n;
}

struct str service_tree_string(const struct json *service, const char *key)
{
	return json_string(service_tree_get(service, key));
}

int64_t service_tree_int(const struct json *service, const char *key)
{
	return json_get_int(json_get(service, "spec"), key, 0);
}

size_t service_tree_count(const struct json *service, const char *key)
{
	const struct json *n = service_tree_get(service, key);

	return json_is(n, JSON_ARRAY) ? n->count : 0;
}

struct str service_tree_at(const struct json *service, const char *key, size_t i)
{
	return json_string(json_at(service_tree_get(service, key), i));
}

static bool is_empty(const struct json *n)
{
	if (!n)
		return true;
	if (n->type == JSON_ARRAY || n->type == JSON_OBJECT)
		return !n->count;
	return n->type == JSON_STRING && !n->string.len;
}

bool service_tree_same(const struct json *x, const struct json *y, const char *key)
{
	const struct json *a = service_tree_get(x, key), *b = service_tree_get(y, key);

	if (is_empty(a) || is_empty(b))
		return is_empty(a) && is_empty(b);
	return json_eq(a, b);
}

void service_tree_set(struct arena *a, struct json *service, const char *key, struct json *value)
{
	struct json *spec = json_get(service, "spec");

	if (!json_is(spec, JSON_OBJECT)) {
		spec = json_new(a, JSON_OBJECT);
		json_set(service, "spec", spec);
	}
	json_set(spec, key, value);
}

void service_tree_remove(struct json *service, const char *key)
{
	struct json *spec = json_get(service, "spec");

	if (json_is(spec, JSON_OBJECT))
		json_remove(spec, key);
}

enum api_service_type service_tree_type(const struct json *service)
{
	struct str type = service_tree_string(service, "type");

	if (str_eq_c(type, "NodePort"))
		return API_NODE_PORT;
	if (str_eq_c(type, "LoadBalancer"))
		return API_LOAD_BALANCER;
	if (str_eq_c(type, "ExternalName"))
		return API_EXTERNAL_NAME;
	return API_CLUSTER_IP;
}

bool service_tree_is_external_name(const struct json *service)
{
	return service_tree_type(service) == API_EXTERNAL_NAME;
}

bool service_tree_has_node_ports(const struct json *service)
{
	enum api_service_type type = service_tree_type(service);

	return type == API_NODE_PORT || type == API_LOAD_BALANCER;
}

bool service_tree_wants_node_ports(const struct json *service)
{
	const char *allocate = "allocateLoadBalancerNodePorts";

	if (service_tree_type(service) != API_LOAD_BALANCER)
		return service_tree_type(service) == API_NODE_PORT;
	return json_get_bool(json_get(service, "spec"), allocate, true);
}

bool service_tree_is_headless(const struct json *service)
{
	return service_tree_count(service, "clusterIPs") == 1 &&
	       str_eq_c(service_tree_at(service, "clusterIPs", 0), "None");
}

bool service_tree_has_selector(const struct json *service)
{
	return !is_empty(service_tree_get(service, "selector"));
}

bool service_tree_is_external(const struct json *service)
{
	enum api_service_type type = service_tree_type(service);

	/* One of no known type is not. */
	if (type == API_CLUSTER_IP)
		return str_eq_c(service_tree_string(service, "type"), "ClusterIP") &&
		       service_tree_count(service, "externalIPs") > 0;
	return type != API_EXTERNAL_NAME;
}

bool service_tree_needs_health_check(const struct json *service)
{
	return service_tree_type(service) == API_LOAD_BALANCER &&
	       str_eq_c(service_tree_string(service, "externalTrafficPolicy"), "Local");
}
