/* SPDX-License-Identifier: Apache-2.0 */
#include "api/defaults/service.h"

#include "api/defaults/defaults-internal.h"

static void set_text(struct arena *a, struct json *obj, const char *key, const char *value)
{
	json_set(obj, key, json_new_string(a, str_of(value)));
}

static bool has(const struct json *obj, const char *key)
{
	return !json_is_null(json_get(obj, key));
}

static size_t count(const struct json *list)
{
	return json_is(list, JSON_ARRAY) ? list->count : 0;
}

static bool is_type(const struct json *spec, const char *type)
{
	return str_eq_c(json_get_string(spec, "type"), type);
}

/* Without affinity a configuration vanishes; with it an incomplete one is replaced as a whole. */
static void default_affinity(struct arena *a, struct json *spec)
{
	struct json *config = json_get(spec, "sessionAffinityConfig"), *ip;

	api_defaults_text(a, spec, "sessionAffinity", "None");
	if (str_eq_c(json_get_string(spec, "sessionAffinity"), "None"))
		json_remove(spec, "sessionAffinityConfig");
	if (!str_eq_c(json_get_string(spec, "sessionAffinity"), "ClientIP") ||
	    has(json_get(config, "clientIP"), "timeoutSeconds"))
		return;
	config = json_set(spec, "sessionAffinityConfig", json_new(a, JSON_OBJECT));
	ip = json_set(config, "clientIP", json_new(a, JSON_OBJECT));
	json_set(ip, "timeoutSeconds", json_new_int(a, 10800));
}

static void default_target_ports(struct arena *a, const struct json *spec)
{
	struct json *ports = json_get(spec, "ports");

	if (!json_is(ports, JSON_ARRAY))
		return;
	json_foreach(it, ports) {
		const struct json *target = json_get(it, "targetPort");
		bool is_set = json_is(target, JSON_STRING)
				      ? target->string.len > 0
				      : json_is(target, JSON_INT) && target->integer != 0;

		if (json_is(it, JSON_OBJECT) && !is_set)
			json_set(it, "targetPort", json_new_int(a, json_get_int(it, "port", 0)));
	}
}

static void default_ingress(struct arena *a, const struct json *service)
{
	struct json *list = json_path(service, "status.loadBalancer.ingress");

	if (!is_type(json_get(service, "spec"), "LoadBalancer") || !json_is(list, JSON_ARRAY))
		return;
	json_foreach(it, list) {
		if (json_is(it, JSON_OBJECT) && json_get_string(it, "ip").len && !has(it, "ipMode"))
			set_text(a, it, "ipMode", "VIP");
	}
}

void api_defaults_service(struct arena *a, struct json *service)
{
	struct json *spec = json_object_at(a, service, "spec");
	bool is_lb, is_inside;

	if (!json_is(spec, JSON_OBJECT))
		return;
	default_affinity(a, spec);
	api_defaults_text(a, spec, "type", "ClusterIP");
	is_lb = is_type(spec, "LoadBalancer");
	is_inside = is_lb || is_type(spec, "ClusterIP") || is_type(spec, "NodePort");
	default_target_ports(a, spec);
	if (is_lb || is_type(spec, "NodePort") ||
	    (is_type(spec, "ClusterIP") && count(json_get(spec, "externalIPs"))))
		api_defaults_text(a, spec, "externalTrafficPolicy", "Cluster");
	if (is_inside && !has(spec, "internalTrafficPolicy"))
		set_text(a, spec, "internalTrafficPolicy", "Cluster");
	if (is_lb && !has(spec, "allocateLoadBalancerNodePorts"))
		json_set(spec, "allocateLoadBalancerNodePorts", json_new_bool(a, true));
	default_ingress(a, service);
}

static void append_family(struct arena *a, struct json *families, enum ip_family family)
{
	json_append(families, json_new_string(a, family == IP_V6 ? STR("IPv6") : STR("IPv4")));
}

static void families_of_ips(struct arena *a, struct json *spec, const struct json *ips)
{
	struct json *families = json_new(a, JSON_ARRAY);

	json_foreach(it, ips) {
		struct ip_addr addr;

		if (ip_parse_sloppy(json_string(it), &addr, NULL) >= 0)
			append_family(a, families, ip_family(&addr));
	}
	if (!families->count)
		return;
	json_set(spec, "ipFamilies", families);
	if (!has(spec, "ipFamilyPolicy"))
		set_text(a, spec, "ipFamilyPolicy",
			 families->count > 1 ? "RequireDualStack" : "SingleStack");
}

static void families_of_headless(struct arena *a, struct json *spec, enum ip_family primary)
{
	const struct json *selector = json_get(spec, "selector");
	bool has_selector = json_is(selector, JSON_OBJECT) && selector->count;
	struct json *families = json_set(spec, "ipFamilies", json_new(a, JSON_ARRAY));

	append_family(a, families, primary);
	if (!has_selector)
		append_family(a, families, primary == IP_V4 ? IP_V6 : IP_V4);
	if (!has(spec, "ipFamilyPolicy"))
		set_text(a, spec, "ipFamilyPolicy",
			 has_selector ? "SingleStack" : "RequireDualStack");
}

static void set_list_of_one(struct arena *a, struct json *spec)
{
	struct json *ips = json_set(spec, "clusterIPs", json_new(a, JSON_ARRAY));

	json_append(ips, json_new_string(a, json_get_string(spec, "clusterIP")));
}

void api_default_service_on_read(struct arena *a, struct json *service, enum ip_family primary)
{
	struct json *spec = json_get(service, "spec");
	const struct json *ips;

	if (!json_is(spec, JSON_OBJECT))
		return;
	if (json_get_string(spec, "clusterIP").len && !count(json_get(spec, "clusterIPs")))
		set_list_of_one(a, spec);
	if (is_type(spec, "ExternalName")) {
		json_remove(spec, "internalTrafficPolicy");
		return;
	}
	ips = json_get(spec, "clusterIPs");
	if (count(json_get(spec, "ipFamilies")) || !count(ips))
		return;
	if (str_eq_c(json_string(ips->first), "None"))
		families_of_headless(a, spec, primary);
	else
		families_of_ips(a, spec, ips);
}

static bool is_same_list(const struct json *a, const struct json *b)
{
	if (count(a) != count(b))
		return false;
	return !count(a) || json_eq(a, b);
}

void api_default_cluster_ips(struct arena *a, const struct json *old, struct json *service)
{
	struct json *spec = json_get(service, "spec");
	const struct json *was = json_get(old, "spec"), *ips = json_get(spec, "clusterIPs");
	struct str before = json_get_string(was, "clusterIP");
	struct str after = json_get_string(spec, "clusterIP");
	const struct json *old_ips = json_get(was, "clusterIPs");

	if (!json_is(spec, JSON_OBJECT))
		return;
	if (!old) {
		if (after.len && !count(ips))
			set_list_of_one(a, spec);
	} else if (str_eq(before, after)) {
		if (count(old_ips) && !count(ips))
			json_set(spec, "clusterIPs", json_clone(a, old_ips));
	} else if (is_same_list(old_ips, ips)) {
		if (after.len)
			set_list_of_one(a, spec);
		else
			json_remove(spec, "clusterIPs");
	}
}
