/* SPDX-License-Identifier: Apache-2.0 */
#include "api/rules/rules.h"
#include "api/rules/validate.h"

static const char only_lb[] = "may only be used when `type` is 'LoadBalancer'";
static const char ranges_key[] = "service.beta.kubernetes.io/load-balancer-source-ranges";

static const struct api_path metadata_path = {.name = "metadata"};
static const struct api_path spec_path = {.name = "spec"};

static bool is_type(const struct json *spec, const char *type)
{
	return str_eq_c(json_get_string(spec, "type"), type);
}

bool api_rules_service_is_headless(const struct json *obj)
{
	const struct json *ips = json_path(obj, "spec.clusterIPs");

	return api_rules_count(ips) == 1 && str_eq_c(json_string(ips->first), "None");
}

bool api_rules_service_needs_health_check(const struct json *obj)
{
	const struct json *spec = json_get(obj, "spec");

	return is_type(spec, "LoadBalancer") &&
	       str_eq_c(json_get_string(spec, "externalTrafficPolicy"), "Local");
}

static bool is_externally_accessible(const struct json *spec)
{
	return is_type(spec, "LoadBalancer") || is_type(spec, "NodePort") ||
	       (is_type(spec, "ClusterIP") && api_rules_count(json_get(spec, "externalIPs")));
}

/* Section 3.2 */
static void check_topology(const struct json *obj, struct api_causes *c)
{
	static const char mode_key[] = "service.kubernetes.io/topology-mode";
	static const char hints_key[] = "service.kubernetes.io/topology-aware-hints";
	struct api_path annotations = api_path_child(&metadata_path, "annotations");
	struct api_path p = api_path_key(&annotations, str_of(mode_key));
	const struct json *in = json_path(obj, "metadata.annotations");
	const struct json *mode = json_get(in, mode_key), *hints = json_get(in, hints_key);

	if (mode && hints && !str_eq(json_string(mode), json_string(hints)))
		api_causes_invalid_json(
			c, &p, mode,
			"must match annotations[service.kubernetes.io/topology-aware-hints] when "
			"both are specified");
}

static void check_external_name(const struct json *spec, struct api_causes *c)
{
	static const char *const banned[] = {"clusterIPs", "ipFamilies", "ipFamilyPolicy"};
	struct api_path p = api_path_child(&spec_path, "externalName");
	struct str name = json_get_string(spec, "externalName");

	for (size_t i = 0; i < ARRAY_LEN(banned); i++) {
		struct api_path at = api_path_child(&spec_path, banned[i]);
		const struct json *n = json_get(spec, banned[i]);

		if (!json_is_null(n) && (n->type != JSON_ARRAY || n->count))
			api_causes_forbidden(c, &at, "may not be set for ExternalName services");
	}
	if (str_has_suffix(name, STR(".")))
		name.len--;
	if (!name.len)
		api_causes_required(c, &p, NULL);
	else
		api_rules_check_name(c, &p, name, api_name_dns1123_subdomain);
}

/* Section 3.3 */
static void check_type_rules(const struct json *obj, struct api_causes *c)
{
	const struct json *spec = json_get(obj, "spec");
	struct api_path ports = api_path_child(&spec_path, "ports");
	struct api_path ips = api_path_child(&spec_path, "clusterIPs");
	struct api_path first = api_path_at(&ips, 0);
	bool is_headless = api_rules_service_is_headless(obj);

	if (!api_rules_count(json_get(spec, "ports")) && !is_headless &&
	    !is_type(spec, "ExternalName"))
		api_causes_required(c, &ports, NULL);
	if (is_headless && is_type(spec, "LoadBalancer"))
		api_causes_invalid(c, &first, STR("None"),
				   "may not be set to 'None' for LoadBalancer services");
	if (is_headless && is_type(spec, "NodePort"))
		api_causes_invalid(c, &first, STR("None"),
				   "may not be set to 'None' for NodePort services");
	if (is_type(spec, "ExternalName"))
		check_external_name(spec, c);
}

static void check_target_port(const struct json *target, const struct api_path *p,
			      struct api_causes *c)
{
	if (json_is(target, JSON_STRING))
		api_rules_check_name(c, p, target->string, api_name_port);
	else
		api_rules_check_port(c, p, json_is(target, JSON_INT) ? target->integer : 0);
}

/* Section 3.4, what one port shows by itself. */
static void check_port(const struct json *port, bool needs_name, struct map *names,
		       const struct api_path *p, struct api_causes *c)
{
	struct api_path name_path = api_path_child(p, "name");
	struct api_path port_path = api_path_child(p, "port");
	struct api_path protocol_path = api_path_child(p, "protocol");
	struct api_path target_path = api_path_child(p, "targetPort");
	struct api_path app_path = api_path_child(p, "appProtocol");
	const struct json *app = json_get(port, "appProtocol");
	struct str name = json_get_string(port, "name");

	if (name.len) {
		api_rules_check_name(c, &name_path, name, api_name_dns1123_label);
		if (api_rules_seen(names, name))
			api_causes_duplicate(c, &name_path, json_get(port, "name"));
	} else if (needs_name) {
		api_causes_required(c, &name_path, NULL);
	}
	api_rules_check_port(c, &port_path, json_get_int(port, "port", 0));
	api_rules_check_one_of(c, &protocol_path, json_get_string(port, "protocol"),
			       api_rules_protocols);
	check_target_port(json_get(port, "targetPort"), &target_path, c);
	if (!json_is_null(app))
		api_rules_check_name(c, &app_path, json_string(app), api_name_qualified);
}

static void check_ports(const struct json *spec, struct api_causes *c)
{
	struct api_path ports = api_path_child(&spec_path, "ports");
	const struct json *list = json_get(spec, "ports");
	size_t n = api_rules_count(list), i = 0;
	struct map names = {0};

	if (!n)
		return;
	json_foreach(it, list) {
		struct api_path at = api_path_at(&ports, i++);

		check_port(it, n > 1, &names, &at, c);
	}
	map_fini(&names);
}

static struct str pair_key(struct arena *a, const char *what, const struct json *port)
{
	return str_printf(a, "%s/%.*s/%lld", what, STR_ARG(json_get_string(port, "protocol")),
			  (long long)json_get_int(port, what, 0));
}

/* Section 3.4, what ports must not share. */
static void check_port_pairs(const struct json *spec, struct api_causes *c)
{
	struct api_path ports = api_path_child(&spec_path, "ports");
	const struct json *list = json_get(spec, "ports");
	struct map node_ports = {0}, numbers = {0};
	size_t i = 0;

	if (!api_rules_count(list))
		return;
	json_foreach(it, list) {
		struct api_path at = api_path_at(&ports, i++);
		struct api_path node_path = api_path_child(&at, "nodePort");

		if (!json_get_int(it, "nodePort", 0))
			continue;
		if (is_type(spec, "ClusterIP"))
			api_causes_forbidden(c, &node_path,
					     "may not be used when `type` is 'ClusterIP'");
		if (api_rules_seen(&node_ports, pair_key(c->a, "nodePort", it)))
			api_causes_duplicate(c, &node_path, json_get(it, "nodePort"));
	}
	i = 0;
	json_foreach(it, list) {
		struct api_path at = api_path_at(&ports, i++);
		struct json *shown;

		if (!api_rules_seen(&numbers, pair_key(c->a, "port", it)))
			continue;
		/* Kubernetes shows its internal struct with only these two filled in. */
		shown = json_new(c->a, JSON_OBJECT);
		json_set(shown, "Name", json_new_string(c->a, STR("")));
		json_set(shown, "Protocol", json_new_string(c->a, json_get_string(it, "protocol")));
		json_set(shown, "AppProtocol", json_new(c->a, JSON_NULL));
		json_set(shown, "Port", json_new_int(c->a, json_get_int(it, "port", 0)));
		json_set(shown, "TargetPort", json_new_int(c->a, 0));
		json_set(shown, "NodePort", json_new_int(c->a, 0));
		api_causes_duplicate(c, &at, shown);
	}
	map_fini(&node_ports);
	map_fini(&numbers);
}

/* Section 3.5 */
static void check_affinity(const struct json *spec, struct api_causes *c)
{
	static const char *const kinds[] = {"ClientIP", "None", NULL};
	struct api_path affinity = api_path_child(&spec_path, "sessionAffinity");
	struct api_path config = api_path_child(&spec_path, "sessionAffinityConfig");
	struct api_path client_ip = api_path_child(&config, "clientIP");
	struct api_path timeout = api_path_child(&client_ip, "timeoutSeconds");
	const struct json *cfg = json_get(spec, "sessionAffinityConfig");
	const struct json *ip = json_get(cfg, "clientIP");
	const struct json *seconds = json_get(ip, "timeoutSeconds");
	struct str kind = json_get_string(spec, "sessionAffinity");

	api_rules_check_one_of(c, &affinity, kind, kinds);
	if (str_eq_c(kind, "None") && !json_is_null(cfg))
		api_causes_forbidden(c, &config, "must not be set when session affinity is None");
	if (!str_eq_c(kind, "ClientIP"))
		return;
	if (json_is_null(cfg))
		api_causes_required(c, &config, "when session affinity type is ClientIP");
	else if (json_is_null(ip))
		api_causes_required(c, &client_ip, "when session affinity type is ClientIP");
	else if (!json_is(seconds, JSON_INT))
		api_causes_required(c, &timeout, "when session affinity type is ClientIP");
	else if (seconds->integer <= 0 || seconds->integer > 86400)
		api_causes_invalid_int(c, &timeout, seconds->integer,
				       "must be greater than 0 and less than 86400");
}

/* Section 3.6, 1-3: the scalars and the families. */
static void check_families(const struct json *spec, struct api_causes *c)
{
	static const char *const families[] = {"IPv4", "IPv6", NULL};
	static const char *const policies[] = {"PreferDualStack", "RequireDualStack", "SingleStack",
					       NULL};
	struct api_path ips_path = api_path_child(&spec_path, "clusterIPs");
	struct api_path families_path = api_path_child(&spec_path, "ipFamilies");
	struct api_path policy_path = api_path_child(&spec_path, "ipFamilyPolicy");
	const struct json *ips = json_get(spec, "clusterIPs"), *list = json_get(spec, "ipFamilies");
	const struct json *policy = json_get(spec, "ipFamilyPolicy");
	struct str single = json_get_string(spec, "clusterIP");
	struct map seen = {0};
	size_t i = 0;

	if (single.len && !api_rules_count(ips))
		api_causes_required(c, &ips_path, NULL);
	else if (single.len && !str_eq(json_string(ips->first), single))
		api_causes_invalid_json(c, &ips_path, ips, "first value must match `clusterIP`");
	else if (!single.len && api_rules_count(ips))
		api_causes_invalid_json(c, &ips_path, ips,
					"must be empty when `clusterIP` is not specified");
	if (json_is(list, JSON_ARRAY)) {
		json_foreach(it, list) {
			struct api_path at = api_path_at(&families_path, i++);
			struct str family = json_string(it);

			if (!str_eq_c(family, "IPv4") && !str_eq_c(family, "IPv6"))
				api_causes_not_supported(c, &at, family, families);
			if (api_rules_seen(&seen, family))
				api_causes_duplicate(c, &at, it);
		}
	}
	map_fini(&seen);
	if (!json_is_null(policy) && !str_eq_c(json_string(policy), "PreferDualStack") &&
	    !str_eq_c(json_string(policy), "RequireDualStack") &&
	    !str_eq_c(json_string(policy), "SingleStack"))
		api_causes_not_supported(c, &policy_path, json_string(policy), policies);
}

/* Section 3.6, 4 and 5. False: what follows would only confuse. */
static bool check_cluster_ips(const struct json *ips, const struct json *existing,
			      struct api_causes *c)
{
	struct api_path p = api_path_child(&spec_path, "clusterIPs");
	bool is_good = true;
	size_t i = 0;

	if (!api_rules_count(ips))
		return true;
	json_foreach(it, ips) {
		struct api_path at = api_path_at(&p, i++);

		if (i == 1 && str_eq_c(json_string(it), "None")) {
			if (ips->count > 1) {
				api_causes_invalid_json(c, &p, ips,
							"'None' must be the first and only value");
				is_good = false;
			}
			continue;
		}
		if (!api_rules_check_ip(c, &at, json_string(it), existing))
			is_good = false;
	}
	if (ips->count > 2)
		api_causes_invalid_json(c, &p, ips, "may only hold up to 2 values");
	return is_good;
}

static enum ip_family family_of(struct str ip)
{
	struct ip_addr addr;

	return ip_parse_sloppy(ip, &addr, NULL) < 0 ? IP_NONE : ip_family(&addr);
}

/* A "None" behind an address, which is no IP. */
static void check_is_ip(const struct json *ips, const struct api_path *p, struct api_causes *c)
{
	size_t i = 0;
	char detail[96];

	json_foreach(it, ips) {
		if (str_eq_c(json_string(it), "None")) {
			snprintf(detail, sizeof(detail),
				 "failed to check for dual stack with error:invalid IP[%zu]: None",
				 i);
			api_causes_internal(c, p, detail);
			return;
		}
		i++;
	}
}

/* Section 3.6, 7 and 8. */
static void check_ip_families(const struct json *obj, struct api_causes *c)
{
	const struct json *ips = json_path(obj, "spec.clusterIPs");
	const struct json *families = json_path(obj, "spec.ipFamilies");
	const struct json *named = json_is(families, JSON_ARRAY) ? families->first : NULL;
	struct api_path p = api_path_child(&spec_path, "clusterIPs");
	bool has_v4 = false, has_v6 = false;
	size_t i = 0;

	if (!api_rules_count(ips) || api_rules_service_is_headless(obj))
		return;
	if (ips->count > 1)
		check_is_ip(ips, &p, c);
	json_foreach(it, ips) {
		has_v4 = has_v4 || family_of(json_string(it)) == IP_V4;
		has_v6 = has_v6 || family_of(json_string(it)) == IP_V6;
	}
	if (ips->count > 1 && !(has_v4 && has_v6))
		api_causes_invalid_json(c, &p, ips,
					"may specify no more than one IP for each IP family");
	json_foreach(it, ips) {
		struct str family = json_string(named);
		struct api_path at = api_path_at(&p, i);
		bool is_v6 = family_of(json_string(it)) == IP_V6;

		if (str_eq_c(family, "IPv4") && is_v6)
			api_causes_invalid_json(
				c, &at, it,
				str_printf(
					c->a,
					"expected an IPv4 value as indicated by `ipFamilies[%zu]`",
					i)
					.ptr);
		if (str_eq_c(family, "IPv6") && !is_v6)
			api_causes_invalid_json(
				c, &at, it,
				str_printf(
					c->a,
					"expected an IPv6 value as indicated by `ipFamilies[%zu]`",
					i)
					.ptr);
		i++;
		named = named ? named->next : NULL;
	}
}

void api_validate_service_ips(const struct json *old, const struct json *obj, struct api_causes *c)
{
	const struct json *spec = json_get(obj, "spec");

	if (is_type(spec, "ExternalName"))
		return;
	check_families(spec, c);
	if (check_cluster_ips(json_get(spec, "clusterIPs"), json_path(old, "spec.clusterIPs"), c))
		check_ip_families(obj, c);
}

/* Section 3.7 */
static void check_external_ips(const struct json *old, const struct json *spec,
			       struct api_causes *c)
{
	struct api_path p = api_path_child(&spec_path, "externalIPs");
	const struct json *ips = json_get(spec, "externalIPs");
	size_t i = 0;

	if (!json_is(ips, JSON_ARRAY))
		return;
	json_foreach(it, ips) {
		struct api_path at = api_path_at(&p, i++);

		if (api_rules_check_ip(c, &at, json_string(it), json_path(old, "spec.externalIPs")))
			api_rules_check_endpoint_ip(c, &at, json_string(it));
	}
}

static bool has_range(const struct json *list, struct str range)
{
	if (!json_is(list, JSON_ARRAY))
		return false;
	json_foreach(it, list) {
		if (str_eq(str_trim(json_string(it)), range))
			return true;
	}
	return false;
}

/* Section 3.9; the capital L is Kubernetes'. */
static void check_source_ranges(const struct json *old, const struct json *obj,
				struct api_causes *c)
{
	struct api_path p = api_path_child(&spec_path, "LoadBalancerSourceRanges");
	struct api_path annotations = api_path_child(&metadata_path, "annotations");
	struct api_path annotation_path = api_path_key(&annotations, str_of(ranges_key));
	const struct json *spec = json_get(obj, "spec");
	const struct json *ranges = json_get(spec, "loadBalancerSourceRanges");
	const struct json *text = json_get(json_path(obj, "metadata.annotations"), ranges_key);
	const struct json *was = json_get(json_path(old, "metadata.annotations"), ranges_key);
	struct str rest, part;
	size_t i = 0;

	if (api_rules_count(ranges)) {
		if (!is_type(spec, "LoadBalancer"))
			api_causes_forbidden(c, &p, only_lb);
		json_foreach(it, ranges) {
			struct api_path at = api_path_at(&p, i++);
			struct str range = str_trim(json_string(it));

			if (!has_range(json_path(old, "spec.loadBalancerSourceRanges"), range))
				api_rules_check_cidr(c, &at, range);
		}
		return;
	}
	if (!text)
		return;
	if (!is_type(spec, "LoadBalancer"))
		api_causes_forbidden(c, &annotation_path, only_lb);
	rest = str_trim(json_string(text));
	if (!rest.len || (was && str_eq(json_string(was), json_string(text))))
		return;
	while (str_next(&rest, ',', &part))
		api_rules_check_cidr(c, &annotation_path, str_trim(part));
}

void api_rules_service_lb_class(const struct json *old, const struct json *obj,
				struct api_causes *c)
{
	struct api_path p = api_path_child(&spec_path, "loadBalancerClass");
	const struct json *spec = json_get(obj, "spec"), *was = json_get(old, "spec");
	const struct json *class = json_get(spec, "loadBalancerClass");

	if (old && is_type(was, "LoadBalancer") && is_type(spec, "LoadBalancer") &&
	    !api_rules_same(class, json_get(was, "loadBalancerClass")))
		api_causes_invalid_json(c, &p, api_rules_or_null(class), "may not change once set");
	if (json_is_null(class))
		return;
	if (is_type(spec, "LoadBalancer"))
		api_rules_check_name(c, &p, json_string(class), api_name_qualified);
	else
		api_causes_forbidden(c, &p, only_lb);
}

/* Section 3.10 */
static void check_balancer(const struct json *obj, struct api_causes *c)
{
	struct api_path p = api_path_child(&spec_path, "allocateLoadBalancerNodePorts");
	struct api_path bare = api_path("allocateLoadBalancerNodePorts");
	const struct json *spec = json_get(obj, "spec");
	const struct json *allocate = json_get(spec, "allocateLoadBalancerNodePorts");

	if (!json_is_null(allocate) && !is_type(spec, "LoadBalancer"))
		api_causes_forbidden(c, &p, only_lb);
	if (json_is_null(allocate) && is_type(spec, "LoadBalancer"))
		api_causes_required(c, &bare, NULL);
	api_rules_service_lb_class(NULL, obj, c);
}

/* Section 3.11, the external half. */
static void check_external_policy(const struct json *obj, struct api_causes *c)
{
	static const char *const policies[] = {"Cluster", "Local", NULL};
	struct api_path p = api_path_child(&spec_path, "externalTrafficPolicy");
	struct api_path port_path = api_path_child(&spec_path, "healthCheckNodePort");
	const struct json *spec = json_get(obj, "spec");
	struct str policy = json_get_string(spec, "externalTrafficPolicy");
	int64_t port = json_get_int(spec, "healthCheckNodePort", 0);

	if (is_externally_accessible(spec))
		api_rules_check_one_of(c, &p, policy, policies);
	else if (policy.len)
		api_causes_invalid(c, &p, policy,
				   "may only be set for externally-accessible services");
	if (!api_rules_service_needs_health_check(obj)) {
		if (port)
			api_causes_invalid_int(c, &port_path, port,
					       "may only be set when `type` is 'LoadBalancer' and "
					       "`externalTrafficPolicy` is 'Local'");
	} else if (!port) {
		api_causes_required(c, &port_path, NULL);
	} else {
		api_rules_check_port(c, &port_path, port);
	}
}

static void check_internal_policy(const struct json *spec, struct api_causes *c)
{
	static const char *const policies[] = {"Cluster", "Local", NULL};
	static const char *const distributions[] = {"PreferClose", "PreferSameZone",
						    "PreferSameNode", NULL};
	struct api_path p = api_path_child(&spec_path, "internalTrafficPolicy");
	struct api_path distribution_path = api_path_child(&spec_path, "trafficDistribution");
	const struct json *policy = json_get(spec, "internalTrafficPolicy");
	const struct json *distribution = json_get(spec, "trafficDistribution");
	struct str text = json_string(policy), choice = json_string(distribution);

	if (json_is_null(policy)) {
		if (is_type(spec, "ClusterIP") || is_type(spec, "NodePort") ||
		    is_type(spec, "LoadBalancer"))
			api_causes_required(c, &p, NULL);
	} else if (!str_eq_c(text, "Cluster") && !str_eq_c(text, "Local")) {
		api_causes_not_supported(c, &p, text, policies);
	}
	if (!json_is_null(distribution) && !str_eq_c(choice, "PreferClose") &&
	    !str_eq_c(choice, "PreferSameZone") && !str_eq_c(choice, "PreferSameNode"))
		api_causes_not_supported_string(c, &distribution_path, choice, distributions);
}

static void check_service(const struct json *old, const struct json *obj, struct api_causes *c)
{
	static const char *const types[] = {"ClusterIP", "ExternalName", "LoadBalancer", "NodePort",
					    NULL};
	struct api_path selector = api_path_child(&spec_path, "selector");
	struct api_path type = api_path_child(&spec_path, "type");
	const struct json *spec = json_get(obj, "spec");

	check_topology(obj, c);
	check_type_rules(obj, c);
	check_ports(spec, c);
	api_rules_check_labels(c, &selector, json_get(spec, "selector"));
	check_affinity(spec, c);
	api_validate_service_ips(old, obj, c);
	check_external_ips(old, spec, c);
	api_rules_check_one_of(c, &type, json_get_string(spec, "type"), types);
	check_port_pairs(spec, c);
	check_source_ranges(old, obj, c);
	check_balancer(obj, c);
	check_external_policy(obj, c);
	check_internal_policy(spec, c);
}

const struct api_rules api_rules_service = {
	.kind = "Service",
	.name = api_name_dns1123_label,
	.told = {.unchanging = 2, .common = 3},
	.object = check_service,
	.transition = api_rules_service_transition,
	.status = api_rules_service_status,
	.warn = api_rules_warn_service,
	.warn_status = api_rules_warn_service_status,
};
