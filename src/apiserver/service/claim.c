/* SPDX-License-Identifier: Apache-2.0 */

/* What a claim is in the store. */

#include "apiserver/service/family.h"
#include "apiserver/service/plan.h"
#include "base/clock.h"

struct str service_claim_key(struct arena *a, const struct service_claim *c)
{
	char text[IP_TEXT_MAX];

	if (c->is_port)
		return str_printf(a, SERVICE_PLAN_PORT_PREFIX "%u", c->port);
	return str_printf(a, SERVICE_PLAN_IP_PREFIX "%.*s", STR_ARG(ip_format(&c->ip, text)));
}

static struct json *string_at(struct arena *a, const struct json *service, const char *path)
{
	return json_new_string(a, str_dup(a, json_string(json_path(service, path))));
}

static struct json *literal(struct arena *a, const char *text)
{
	return json_new_string(a, str_of(text));
}

static struct json *ip_metadata(struct arena *a, const struct service_claim *c, int64_t now_ns)
{
	struct json *meta = json_new(a, JSON_OBJECT), *labels = json_new(a, JSON_OBJECT);
	char text[IP_TEXT_MAX], uid[RAND_UUID_LEN + 1], created[CLOCK_RFC3339_MAX];

	rand_uuid(uid);
	json_set(meta, "name", json_new_string(a, str_dup(a, ip_format(&c->ip, text))));
	json_set(meta, "uid", json_new_string(a, str_dup(a, str_of(uid))));
	json_set(meta, "creationTimestamp",
		 json_new_string(a, str_dup(a, clock_format(created, now_ns, 0))));
	json_set(labels, "ipaddress.kubernetes.io/ip-family",
		 literal(a, service_family_name(ip_family(&c->ip))));
	json_set(labels, "ipaddress.kubernetes.io/managed-by", literal(a, "ipallocator.k8s.io"));
	json_set(meta, "labels", labels);
	return meta;
}

static struct json *ip_value(struct arena *a, const struct service_claim *c,
			     const struct json *service, int64_t now_ns)
{
	struct json *o = json_new(a, JSON_OBJECT), *spec = json_new(a, JSON_OBJECT);
	struct json *parent = json_new(a, JSON_OBJECT);

	json_set(parent, "resource", literal(a, "services"));
	json_set(parent, "namespace", string_at(a, service, "metadata.namespace"));
	json_set(parent, "name", string_at(a, service, "metadata.name"));
	json_set(spec, "parentRef", parent);
	json_set(o, "kind", literal(a, "IPAddress"));
	json_set(o, "apiVersion", literal(a, "networking.k8s.io/v1"));
	json_set(o, "metadata", ip_metadata(a, c, now_ns));
	json_set(o, "spec", spec);
	return o;
}

struct json *service_claim_value(struct arena *a, const struct service_claim *c,
				 const struct json *service, int64_t now_ns)
{
	struct json *o;

	if (!c->is_port)
		return ip_value(a, c, service, now_ns);
	o = json_new(a, JSON_OBJECT);
	json_set(o, "namespace", string_at(a, service, "metadata.namespace"));
	json_set(o, "name", string_at(a, service, "metadata.name"));
	json_set(o, "uid", string_at(a, service, "metadata.uid"));
	json_set(o, "port", json_new_int(a, c->port));
	json_set(o, "healthCheck", json_new_bool(a, c->is_health_check));
	return o;
}
