/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/serve/boot_objects.h"

#include "base/clock.h"

static struct json *text(struct arena *a, const char *s)
{
	return json_new_string(a, str_of(s));
}

static struct json *addr_text(struct arena *a, const struct ip_addr *addr)
{
	char buf[IP_TEXT_MAX];

	return json_new_string(a, str_dup(a, ip_format(addr, buf)));
}

static struct json *object(struct arena *a, const char *api_version, const char *kind,
			   const char *name)
{
	struct json *obj = json_new(a, JSON_OBJECT);

	json_set(obj, "apiVersion", text(a, api_version));
	json_set(obj, "kind", text(a, kind));
	json_set(json_object_at(a, obj, "metadata"), "name", text(a, name));
	return obj;
}

static void set_label(struct arena *a, struct json *obj, const char *key, const char *value)
{
	json_set(json_object_at(a, json_get(obj, "metadata"), "labels"), key, text(a, value));
}

static struct json *one(struct arena *a, struct json *n)
{
	struct json *list = json_new(a, JSON_ARRAY);

	json_append(list, n);
	return list;
}

struct json *boot_objects_namespace(struct arena *a, const char *name)
{
	return object(a, "v1", "Namespace", name);
}

/* ---- the ranges ---- */

static struct json *ranges(struct arena *a, const struct apiserver_config *c)
{
	struct json *list = json_new(a, JSON_ARRAY);
	char buf[IP_PREFIX_TEXT_MAX];

	for (size_t i = 0; i < c->n_service_cidrs; i++) {
		struct ip_prefix p = {ip_prefix_base(&c->service_cidrs[i]),
				      c->service_cidrs[i].len};

		json_append(list, json_new_string(a, str_dup(a, ip_prefix_format(&p, buf))));
	}
	return list;
}

struct json *boot_objects_service_cidr(struct arena *a, const struct apiserver_config *c)
{
	struct json *obj = object(a, "networking.k8s.io/v1", "ServiceCIDR", BOOT_SERVICE_CIDR);

	json_set(json_object_at(a, obj, "spec"), "cidrs", ranges(a, c));
	return obj;
}

struct json *boot_objects_service_cidr_ranges(struct arena *a, const struct apiserver_config *c)
{
	struct json *obj = json_new(a, JSON_OBJECT);

	json_set(json_object_at(a, obj, "spec"), "cidrs", ranges(a, c));
	return obj;
}

struct json *boot_objects_service_cidr_ready(struct arena *a, int64_t now_ns)
{
	struct json *obj = json_new(a, JSON_OBJECT), *ready = json_new(a, JSON_OBJECT);
	char now[CLOCK_RFC3339_MAX];

	json_set(ready, "type", text(a, "Ready"));
	json_set(ready, "status", text(a, "True"));
	json_set(ready, "lastTransitionTime",
		 json_new_string(a, str_dup(a, clock_format(now, now_ns, 0))));
	json_set(ready, "reason", text(a, ""));
	json_set(ready, "message", text(a, "Kubernetes default Service CIDR is ready"));
	json_set(json_object_at(a, obj, "status"), "conditions", one(a, ready));
	return obj;
}

/* ---- the Service ---- */

/* With is_service the port of the Service, whose target is the server's. */
static struct json *port_list(struct arena *a, uint16_t secure_port, bool is_service)
{
	struct json *port = json_new(a, JSON_OBJECT);

	json_set(port, "name", text(a, "https"));
	json_set(port, "protocol", text(a, "TCP"));
	json_set(port, "port", json_new_int(a, is_service ? 443 : secure_port));
	if (is_service)
		json_set(port, "targetPort", json_new_int(a, secure_port));
	return one(a, port);
}

struct json *boot_objects_service(struct arena *a, const struct apiserver_config *c)
{
	struct ip_addr base = ip_prefix_base(&c->service_cidrs[0]), first = ip_plus(&base, 1);
	struct json *obj = object(a, "v1", "Service", "kubernetes");
	struct json *spec = json_object_at(a, obj, "spec");
	const char *family = ip_family(&first) == IP_V6 ? "IPv6" : "IPv4";

	set_label(a, obj, "component", "apiserver");
	set_label(a, obj, "provider", "kubernetes");
	json_set(spec, "type", text(a, "ClusterIP"));
	json_set(spec, "clusterIP", addr_text(a, &first));
	json_set(spec, "ipFamilies", one(a, text(a, family)));
	json_set(spec, "ipFamilyPolicy", text(a, "SingleStack"));
	json_set(spec, "sessionAffinity", text(a, "None"));
	json_set(spec, "ports", port_list(a, c->secure_port, true));
	return obj;
}

struct json *boot_objects_service_ports(struct arena *a, const struct apiserver_config *c)
{
	struct json *obj = json_new(a, JSON_OBJECT);

	json_set(json_object_at(a, obj, "spec"), "ports", port_list(a, c->secure_port, true));
	return obj;
}

/* ---- the endpoints ---- */

static bool is_port_before(const struct peer *peers, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (peers[j].port == peers[i].port)
			return true;
	return false;
}

struct json *boot_objects_endpoints(struct arena *a, const struct peer *peers, size_t n)
{
	struct json *obj = object(a, "v1", "Endpoints", "kubernetes");
	struct json *subsets = json_new(a, JSON_ARRAY);

	set_label(a, obj, "endpointslice.kubernetes.io/skip-mirror", "true");
	for (size_t i = 0; i < n; i++) {
		struct json *subset = json_new(a, JSON_OBJECT), *addrs = json_new(a, JSON_ARRAY);

		if (is_port_before(peers, i))
			continue;
		for (size_t j = i; j < n; j++) {
			struct json *addr = json_new(a, JSON_OBJECT);

			if (peers[j].port != peers[i].port)
				continue;
			json_set(addr, "ip", addr_text(a, &peers[j].addr));
			json_append(addrs, addr);
		}
		json_set(subset, "addresses", addrs);
		json_set(subset, "ports", port_list(a, peers[i].port, false));
		json_append(subsets, subset);
	}
	json_set(obj, "subsets", subsets);
	return obj;
}

/* A slice has addresses of one family: that of the first server. */
static bool is_in_slice(const struct peer *peers, size_t i, uint16_t port)
{
	return peers[i].port == port && ip_family(&peers[i].addr) == ip_family(&peers[0].addr);
}

static uint16_t slice_port(const struct peer *peers, size_t n)
{
	size_t best_count = 0;
	uint16_t best = 0;

	for (size_t i = 0; i < n; i++) {
		size_t count = 0;

		for (size_t j = 0; j < n; j++)
			count += is_in_slice(peers, j, peers[i].port);
		if (count > best_count || (count == best_count && peers[i].port < best)) {
			best_count = count;
			best = peers[i].port;
		}
	}
	return best;
}

struct json *boot_objects_slice(struct arena *a, const struct peer *peers, size_t n)
{
	struct json *obj = object(a, "discovery.k8s.io/v1", "EndpointSlice", "kubernetes");
	struct json *endpoints = json_new(a, JSON_ARRAY);
	uint16_t port = slice_port(peers, n);
	bool is_v6 = n && ip_family(&peers[0].addr) == IP_V6;

	set_label(a, obj, "kubernetes.io/service-name", "kubernetes");
	json_set(obj, "addressType", text(a, is_v6 ? "IPv6" : "IPv4"));
	for (size_t i = 0; i < n; i++) {
		struct json *endpoint = json_new(a, JSON_OBJECT);

		if (!is_in_slice(peers, i, port))
			continue;
		json_set(endpoint, "addresses", one(a, addr_text(a, &peers[i].addr)));
		json_set(json_object_at(a, endpoint, "conditions"), "ready",
			 json_new_bool(a, true));
		json_append(endpoints, endpoint);
	}
	json_set(obj, "endpoints", endpoints);
	json_set(obj, "ports", port_list(a, port, false));
	return obj;
}
