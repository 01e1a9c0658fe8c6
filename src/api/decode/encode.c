/* SPDX-License-Identifier: Apache-2.0 */
#include "api/decode/decode.h"

#include "base/clock.h"

static void set_string(struct arena *a, struct json *obj, const char *key, struct str s)
{
	if (s.len)
		json_set(obj, key, json_new_string(a, s));
}

static void set_time(struct arena *a, struct json *obj, const char *key, int64_t ns, int digits)
{
	char text[CLOCK_RFC3339_MAX];

	if (ns)
		json_set(obj, key, json_new_string(a, str_dup(a, clock_format(text, ns, digits))));
}

static struct json *encode_strings(struct arena *a, const struct api_strs *strs)
{
	struct json *list = json_new(a, JSON_ARRAY);

	for (size_t i = 0; i < strs->n; i++)
		json_append(list, json_new_string(a, strs->ptr[i]));
	return list;
}

static void set_pairs(struct arena *a, struct json *obj, const char *key,
		      const struct api_pairs *pairs)
{
	struct json *map;

	if (!pairs->n)
		return;
	map = json_set(obj, key, json_new(a, JSON_OBJECT));
	for (size_t i = 0; i < pairs->n; i++)
		json_set_str(map, pairs->ptr[i].key, json_new_string(a, pairs->ptr[i].value));
}

static struct json *encode_owner(struct arena *a, const struct api_owner *o)
{
	struct json *obj = json_new(a, JSON_OBJECT);

	json_set(obj, "apiVersion", json_new_string(a, o->api_version));
	json_set(obj, "kind", json_new_string(a, o->kind));
	json_set(obj, "name", json_new_string(a, o->name));
	json_set(obj, "uid", json_new_string(a, o->uid));
	if (o->is_controller) {
		json_set(obj, "controller", json_new_bool(a, true));
		json_set(obj, "blockOwnerDeletion", json_new_bool(a, true));
	}
	return obj;
}

struct json *api_meta_encode(struct arena *a, const struct api_meta *m)
{
	struct json *obj = json_new(a, JSON_OBJECT);

	set_string(a, obj, "name", m->name);
	set_string(a, obj, "generateName", m->generate_name);
	set_string(a, obj, "namespace", m->ns);
	set_string(a, obj, "uid", m->uid);
	set_string(a, obj, "resourceVersion", m->resource_version);
	if (m->generation)
		json_set(obj, "generation", json_new_int(a, m->generation));
	set_time(a, obj, "creationTimestamp", m->created_ns, 0);
	set_time(a, obj, "deletionTimestamp", m->deleted_ns, 0);
	set_pairs(a, obj, "labels", &m->labels);
	set_pairs(a, obj, "annotations", &m->annotations);
	if (m->n_owners) {
		struct json *owners = json_set(obj, "ownerReferences", json_new(a, JSON_ARRAY));

		for (size_t i = 0; i < m->n_owners; i++)
			json_append(owners, encode_owner(a, &m->owners[i]));
	}
	if (m->finalizers.n)
		json_set(obj, "finalizers", encode_strings(a, &m->finalizers));
	return obj;
}

static struct json *new_object(struct arena *a, const char *api_version, const char *kind,
			       const struct api_meta *meta)
{
	struct json *obj = json_new(a, JSON_OBJECT);

	json_set(obj, "apiVersion", json_new_string(a, str_of(api_version)));
	json_set(obj, "kind", json_new_string(a, str_of(kind)));
	json_set(obj, "metadata", api_meta_encode(a, meta));
	return obj;
}

static void set_ref(struct arena *a, struct json *parent, const struct api_ref *ref)
{
	struct json *obj;

	if (!ref || !str_is_set(ref->kind))
		return;
	obj = json_set(parent, "targetRef", json_new(a, JSON_OBJECT));
	set_string(a, obj, "kind", ref->kind);
	set_string(a, obj, "namespace", ref->ns);
	set_string(a, obj, "name", ref->name);
	set_string(a, obj, "uid", ref->uid);
	set_string(a, obj, "apiVersion", ref->api_version);
	set_string(a, obj, "resourceVersion", ref->resource_version);
	set_string(a, obj, "fieldPath", ref->field_path);
}

/* EndpointSlice ports have a name even when it is empty (section 2.2); Endpoints' omit it. */
static struct json *encode_ports(struct arena *a, const struct api_endpoint_port *ports, size_t n,
				 bool has_empty_name)
{
	struct json *list = json_new(a, JSON_ARRAY);

	for (size_t i = 0; i < n; i++) {
		struct json *obj = json_append(list, json_new(a, JSON_OBJECT));

		if (ports[i].name.len || has_empty_name)
			json_set(obj, "name",
				 json_new_string(a, ports[i].name.len ? ports[i].name : STR("")));
		json_set(obj, "protocol",
			 json_new_string(a, str_of(api_protocol_name(ports[i].protocol))));
		if (ports[i].has_port)
			json_set(obj, "port", json_new_int(a, ports[i].port));
		set_string(a, obj, "appProtocol", ports[i].app_protocol);
	}
	return list;
}

static void set_hints(struct arena *a, struct json *hints, const char *key,
		      const struct api_strs *names)
{
	struct json *list;

	if (!names->n)
		return;
	list = json_set(hints, key, json_new(a, JSON_ARRAY));
	for (size_t i = 0; i < names->n; i++) {
		struct json *obj = json_append(list, json_new(a, JSON_OBJECT));

		json_set(obj, "name", json_new_string(a, names->ptr[i]));
	}
}

static struct json *encode_endpoint(struct arena *a, const struct api_endpoint *ep)
{
	struct json *obj = json_new(a, JSON_OBJECT), *conditions, *hints;

	json_set(obj, "addresses", encode_strings(a, &ep->addresses));
	conditions = json_set(obj, "conditions", json_new(a, JSON_OBJECT));
	json_set(conditions, "ready", json_new_bool(a, ep->ready));
	if (!ep->is_ready_alone) {
		json_set(conditions, "serving", json_new_bool(a, ep->serving));
		json_set(conditions, "terminating", json_new_bool(a, ep->terminating));
	}
	set_string(a, obj, "hostname", ep->hostname);
	set_ref(a, obj, ep->target);
	set_string(a, obj, "nodeName", ep->node_name);
	set_string(a, obj, "zone", ep->zone);
	if (ep->zone_hints.n || ep->node_hints.n) {
		hints = json_set(obj, "hints", json_new(a, JSON_OBJECT));
		set_hints(a, hints, "forZones", &ep->zone_hints);
		set_hints(a, hints, "forNodes", &ep->node_hints);
	}
	return obj;
}

struct json *api_endpoint_slice_encode(struct arena *a, const struct api_endpoint_slice *s)
{
	static const char *const types[] = {
		[API_ADDR_IPV4] = "IPv4", [API_ADDR_IPV6] = "IPv6", [API_ADDR_FQDN] = "FQDN"};
	struct json *obj = new_object(a, "discovery.k8s.io/v1", "EndpointSlice", &s->meta);
	struct json *endpoints, *ports;

	json_set(obj, "addressType", json_new_string(a, str_of(types[s->address_type])));
	endpoints = json_new(a, s->n_endpoints ? JSON_ARRAY : JSON_NULL);
	for (size_t i = 0; i < s->n_endpoints; i++)
		json_append(endpoints, encode_endpoint(a, &s->endpoints[i]));
	ports = s->n_ports ? encode_ports(a, s->ports, s->n_ports, true) : json_new(a, JSON_NULL);
	json_set(obj, "endpoints", endpoints);
	json_set(obj, "ports", ports);
	return obj;
}

static void set_addresses(struct arena *a, struct json *subset, const char *key,
			  const struct api_endpoints_address *addrs, size_t n)
{
	struct json *list;

	if (!n)
		return;
	list = json_set(subset, key, json_new(a, JSON_ARRAY));
	for (size_t i = 0; i < n; i++) {
		struct json *obj = json_append(list, json_new(a, JSON_OBJECT));

		json_set(obj, "ip", json_new_string(a, addrs[i].ip));
		set_string(a, obj, "hostname", addrs[i].hostname);
		set_string(a, obj, "nodeName", addrs[i].node_name);
		set_ref(a, obj, &addrs[i].target);
	}
}

struct json *api_endpoints_encode(struct arena *a, const struct api_endpoints *e)
{
	struct json *obj = new_object(a, "v1", "Endpoints", &e->meta), *subsets;

	if (!e->n_subsets)
		return obj;
	subsets = json_set(obj, "subsets", json_new(a, JSON_ARRAY));
	for (size_t i = 0; i < e->n_subsets; i++) {
		const struct api_endpoints_subset *s = &e->subsets[i];
		struct json *subset = json_append(subsets, json_new(a, JSON_OBJECT));

		set_addresses(a, subset, "addresses", s->ready, s->n_ready);
		set_addresses(a, subset, "notReadyAddresses", s->not_ready, s->n_not_ready);
		if (s->n_ports)
			json_set(subset, "ports", encode_ports(a, s->ports, s->n_ports, false));
	}
	return obj;
}

struct json *api_lease_encode(struct arena *a, const struct api_lease *l)
{
	struct json *obj = new_object(a, "coordination.k8s.io/v1", "Lease", &l->meta);
	struct json *spec = json_set(obj, "spec", json_new(a, JSON_OBJECT));

	set_string(a, spec, "holderIdentity", l->holder);
	if (l->duration_s)
		json_set(spec, "leaseDurationSeconds", json_new_int(a, l->duration_s));
	set_time(a, spec, "acquireTime", l->acquired_ns, 6);
	set_time(a, spec, "renewTime", l->renewed_ns, 6);
	json_set(spec, "leaseTransitions", json_new_int(a, l->transitions));
	return obj;
}
