/* SPDX-License-Identifier: Apache-2.0 */
#include "api/rules/rules.h"

enum { /* section 12.1 */
	SLICE_ENDPOINTS_MAX = 1000,
	SLICE_ADDRESSES_MAX = 100,
	SLICE_PORTS_MAX = 20000,
	SLICE_TOPOLOGY_MAX = 16,
	SLICE_HINTS_MAX = 8,
};

/* Endpoints, section 11.1. */

static void check_address(const struct json *address, const struct api_path *p,
			  struct api_causes *c)
{
	struct api_path ip_path = api_path_child(p, "ip");
	struct api_path host_path = api_path_child(p, "hostname");
	struct api_path node_path = api_path_child(p, "nodeName");
	const struct json *node = json_get(address, "nodeName");
	struct str ip = json_get_string(address, "ip");
	struct str host = json_get_string(address, "hostname");

	api_rules_check_ip(c, &ip_path, ip, NULL);
	if (host.len)
		api_rules_check_name(c, &host_path, host, api_name_dns1123_label);
	if (!json_is_null(node))
		api_rules_check_name(c, &node_path, json_string(node), api_name_dns1123_subdomain);
	api_rules_check_endpoint_ip(c, &ip_path, ip);
}

static void check_addresses(const struct json *list, const struct api_path *p, struct api_causes *c)
{
	size_t i = 0;

	if (!json_is(list, JSON_ARRAY))
		return;
	json_foreach(it, list) {
		struct api_path at = api_path_at(p, i++);

		check_address(it, &at, c);
	}
}

static void check_protocol_and_app(const struct json *port, const struct api_path *p, bool is_slice,
				   struct api_causes *c)
{
	struct api_path protocol_path = api_path_child(p, "protocol");
	struct api_path app_path = api_path_child(p, "appProtocol");
	const struct json *app = json_get(port, "appProtocol");
	struct str protocol = json_get_string(port, "protocol");

	/* Of a slice it is a pointer, so that "" is a value like others. */
	if (is_slice && !protocol.len)
		api_causes_not_supported(c, &protocol_path, protocol, api_rules_protocols);
	else
		api_rules_check_one_of(c, &protocol_path, protocol, api_rules_protocols);
	if (!json_is_null(app))
		api_rules_check_name(c, &app_path, json_string(app), api_name_qualified);
}

static void check_subset_ports(const struct json *ports, const struct api_path *p,
			       struct api_causes *c)
{
	size_t n = api_rules_count(ports), i = 0;

	if (!n)
		return;
	json_foreach(it, ports) {
		struct api_path at = api_path_at(p, i++);
		struct api_path name_path = api_path_child(&at, "name");
		struct api_path port_path = api_path_child(&at, "port");
		struct str name = json_get_string(it, "name");

		if (name.len)
			api_rules_check_name(c, &name_path, name, api_name_dns1123_label);
		else if (n > 1)
			api_causes_required(c, &name_path, NULL);
		api_rules_check_port(c, &port_path, json_get_int(it, "port", 0));
		check_protocol_and_app(it, &at, false, c);
	}
}

static void check_endpoints(const struct json *old, const struct json *obj, struct api_causes *c)
{
	const struct json *subsets = json_get(obj, "subsets");
	struct api_path p = api_path("subsets");
	size_t i = 0;

	/* What an older server let in may stay as it is. */
	if (!json_is(subsets, JSON_ARRAY) ||
	    (old && api_rules_same(json_get(old, "subsets"), subsets)))
		return;
	json_foreach(it, subsets) {
		struct api_path at = api_path_at(&p, i++);
		struct api_path ready_path = api_path_child(&at, "addresses");
		struct api_path other_path = api_path_child(&at, "notReadyAddresses");
		struct api_path ports_path = api_path_child(&at, "ports");
		const struct json *ready = json_get(it, "addresses");
		const struct json *other = json_get(it, "notReadyAddresses");

		if (!api_rules_count(ready) && !api_rules_count(other))
			api_causes_required(c, &at,
					    "must specify `addresses` or `notReadyAddresses`");
		check_addresses(ready, &ready_path, c);
		check_addresses(other, &other_path, c);
		check_subset_ports(json_get(it, "ports"), &ports_path, c);
	}
}

const struct api_rules api_rules_endpoints = {
	.kind = "Endpoints",
	.deprecation =
		"v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
	.name = api_name_dns1123_subdomain,
	.object = check_endpoints,
	.warn = api_rules_warn_endpoints,
	.told = {.unchanging = 2,
		 .common = 4,
		 .finalizers = 2,
		 .standard = 2,
		 .generate_name = true},
};

/* EndpointSlice, section 12.1. */

static void check_fqdn(struct str name, const struct api_path *p, struct api_causes *c)
{
	struct str bare = name;

	if (!name.len) {
		api_causes_required(c, p, NULL);
		return;
	}
	if (str_has_suffix(bare, STR(".")))
		bare.len--;
	if (!api_name_is(api_name_dns1123_subdomain, bare))
		api_rules_check_name(c, p, bare, api_name_dns1123_subdomain);
	else if (str_find(bare, '.') < 0)
		api_causes_invalid(
			c, p, bare,
			"should be a domain with at least two segments separated by dots");
}

/* `list` is the path of the list: there a literal of the other family is reported. */
static void check_slice_address(struct str type, struct str text, const struct api_path *list,
				size_t i, struct api_causes *c)
{
	struct api_path at = api_path_at(list, i);
	bool wants_v4 = str_eq_c(type, "IPv4");
	char canonical[IP_TEXT_MAX];
	struct ip_addr addr;

	if (str_eq_c(type, "FQDN")) {
		check_fqdn(text, &at, c);
		return;
	}
	if ((!wants_v4 && !str_eq_c(type, "IPv6")) || !api_rules_check_ip(c, &at, text, NULL))
		return;
	if (ip_parse(text, &addr, NULL) < 0)
		return;
	if ((ip_family(&addr) == IP_V4) != wants_v4)
		api_causes_invalid(c, list, text,
				   wants_v4 ? "must be an IPv4 address"
					    : "must be an IPv6 address");
	else if (!str_eq(text, ip_format(&addr, canonical)))
		api_causes_invalid(
			c, &at, text,
			str_printf(c->a, "must be in canonical form (\"%s\")", canonical).ptr);
	api_rules_check_endpoint_ip(c, &at, text);
}

static bool check_hint_list(const struct json *list, const struct api_path *p,
			    void (*name_check)(struct str s, struct api_problems *ret),
			    struct api_causes *c)
{
	struct map seen = {0};
	size_t i = 0;

	if (api_rules_count(list) > SLICE_HINTS_MAX) {
		api_causes_too_many(c, p, list->count, SLICE_HINTS_MAX);
		return false;
	}
	if (!json_is(list, JSON_ARRAY))
		return true;
	json_foreach(it, list) {
		struct api_path at = api_path_at(p, i++);
		struct api_path name_path = api_path_child(&at, "name");
		struct str name = json_get_string(it, "name");

		if (api_rules_seen(&seen, name))
			api_causes_duplicate(c, &name_path, json_get(it, "name"));
		api_rules_check_name(c, &name_path, name, name_check);
	}
	map_fini(&seen);
	return true;
}

static void check_hints(const struct json *hints, const struct api_path *endpoint,
			struct api_causes *c)
{
	struct api_path p = api_path_child(endpoint, "hints");
	struct api_path zones = api_path_child(&p, "forZones");
	struct api_path nodes = api_path_child(&p, "forNodes");

	if (check_hint_list(json_get(hints, "forZones"), &zones, api_name_label_value, c))
		check_hint_list(json_get(hints, "forNodes"), &nodes, api_name_dns1123_subdomain, c);
}

static void check_endpoint(struct str type, const struct json *ep, const struct api_path *p,
			   struct api_causes *c)
{
	struct api_path list = api_path_child(p, "addresses");
	struct api_path node_path = api_path_child(p, "nodeName");
	struct api_path host_path = api_path_child(p, "hostname");
	struct api_path topology_path = api_path_child(p, "deprecatedTopology");
	const struct json *addresses = json_get(ep, "addresses");
	const struct json *node = json_get(ep, "nodeName"), *host = json_get(ep, "hostname");
	const struct json *topology = json_get(ep, "deprecatedTopology");
	size_t n = api_rules_count(addresses), i = 0;

	if (!n)
		api_causes_required(c, &list, "must contain at least 1 address");
	else if (n > SLICE_ADDRESSES_MAX)
		api_causes_too_many(c, &list, n, SLICE_ADDRESSES_MAX);
	if (n)
		json_foreach(it, addresses)
			check_slice_address(type, json_string(it), &list, i++, c);
	if (!json_is_null(node))
		api_rules_check_name(c, &node_path, json_string(node), api_name_dns1123_subdomain);
	if (json_is(topology, JSON_OBJECT) && topology->count > SLICE_TOPOLOGY_MAX)
		api_causes_too_many(c, &topology_path, topology->count, SLICE_TOPOLOGY_MAX);
	api_rules_check_labels(c, &topology_path, topology);
	if (!json_is_null(host))
		api_rules_check_name(c, &host_path, json_string(host), api_name_dns1123_label);
	check_hints(json_get(ep, "hints"), p, c);
}

static void check_slice_ports(const struct json *ports, struct api_causes *c)
{
	struct api_path p = api_path("ports");
	struct map names = {0};
	size_t i = 0;

	if (!json_is(ports, JSON_ARRAY))
		return;
	if (ports->count > SLICE_PORTS_MAX) {
		api_causes_too_many(c, &p, ports->count, SLICE_PORTS_MAX);
		return;
	}
	json_foreach(it, ports) {
		struct api_path at = api_path_at(&p, i++);
		struct api_path name_path = api_path_child(&at, "name");
		struct str name = json_get_string(it, "name");

		if (name.len)
			api_rules_check_name(c, &name_path, name, api_name_dns1123_label);
		if (api_rules_seen(&names, name))
			api_causes_duplicate(c, &name_path, json_get(it, "name"));
		check_protocol_and_app(it, &at, true, c);
	}
	map_fini(&names);
}

static void check_slice(const struct json *old, const struct json *obj, struct api_causes *c)
{
	static const char *const types[] = {"FQDN", "IPv4", "IPv6", NULL};
	struct api_path type_path = api_path("addressType"), p = api_path("endpoints");
	const struct json *endpoints = json_get(obj, "endpoints");
	struct str type = json_get_string(obj, "addressType");
	size_t i = 0;

	api_rules_check_one_of(c, &type_path, type, types);
	check_slice_ports(json_get(obj, "ports"), c);
	if (!json_is(endpoints, JSON_ARRAY) ||
	    (old && api_rules_same(json_get(old, "endpoints"), endpoints)))
		return;
	if (endpoints->count > SLICE_ENDPOINTS_MAX) {
		api_causes_too_many(c, &p, endpoints->count, SLICE_ENDPOINTS_MAX);
		return;
	}
	json_foreach(it, endpoints) {
		struct api_path at = api_path_at(&p, i++);

		check_endpoint(type, it, &at, c);
	}
}

static void slice_transition(const struct json *old, const struct json *obj, struct api_causes *c)
{
	struct api_path p = api_path("addressType");

	if (!api_rules_same(json_get(old, "addressType"), json_get(obj, "addressType")))
		api_causes_invalid_json(c, &p, json_get(obj, "addressType"), "field is immutable");
}

const struct api_rules api_rules_endpoint_slice = {
	.kind = "EndpointSlice",
	.name = api_name_dns1123_subdomain,
	.object = check_slice,
	.transition = slice_transition,
	.warn = api_rules_warn_slice,
	.told = {.common = 3, .finalizers = 2, .generate_name = true},
};
