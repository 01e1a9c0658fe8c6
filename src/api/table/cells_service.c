/* SPDX-License-Identifier: Apache-2.0 */
#include "api/table/cells.h"

enum {
	SHOWN_MAX = 3, /* endpoints or ports; the rest is counted */
};

static struct str take(struct api_cells *c, struct buf *b)
{
	struct str text = str_dup(c->a, buf_str(b));

	buf_fini(b);
	return text;
}

static void add_joined(struct buf *b, const struct json *list)
{
	if (!json_is(list, JSON_ARRAY))
		return;
	json_foreach(it, list)
		buf_printf(b, "%s%.*s", b->len ? "," : "", STR_ARG(json_string(it)));
}

/* Ingress addresses, each once and sorted, then externalIPs. */
static struct str balancer_ips(struct api_cells *c, const struct json *obj)
{
	const struct json *list = json_path(obj, "status.loadBalancer.ingress");
	struct buf b = BUF_INIT;
	struct str *parts;
	size_t n = 0;

	if (api_cells_count(list)) {
		parts = arena_array(c->a, list->count, sizeof(*parts));
		json_foreach(it, list) {
			struct str ip = json_get_string(it, "ip");
			struct str text = ip.len ? ip : json_get_string(it, "hostname");

			if (text.len)
				parts[n++] = text;
		}
		buf_add_str(&b, api_cells_join_sorted(c, parts, n));
	}
	add_joined(&b, json_path(obj, "spec.externalIPs"));
	if (!b.len)
		buf_add_c(&b, "<pending>");
	return take(c, &b);
}

static struct str external_ip(struct api_cells *c, const struct json *obj)
{
	const struct json *spec = json_get(obj, "spec");
	struct str type = json_get_string(spec, "type");
	struct buf b = BUF_INIT;

	if (str_eq_c(type, "ExternalName"))
		return json_get_string(spec, "externalName");
	if (str_eq_c(type, "LoadBalancer"))
		return balancer_ips(c, obj);
	if (!str_eq_c(type, "ClusterIP") && !str_eq_c(type, "NodePort"))
		return STR("<unknown>");
	add_joined(&b, json_get(spec, "externalIPs"));
	if (!b.len)
		buf_add_c(&b, "<none>");
	return take(c, &b);
}

static struct str service_ports(struct api_cells *c, const struct json *ports)
{
	struct buf b = BUF_INIT;

	if (!api_cells_count(ports))
		return STR("<none>");
	json_foreach(it, ports) {
		int64_t node_port = json_get_int(it, "nodePort", 0);

		if (b.len)
			buf_add_byte(&b, ',');
		buf_add_i64(&b, json_get_int(it, "port", 0));
		if (node_port > 0)
			buf_printf(&b, ":%lld", (long long)node_port);
		buf_printf(&b, "/%.*s", STR_ARG(json_get_string(it, "protocol")));
	}
	return take(c, &b);
}

static struct str selector_text(struct api_cells *c, const struct json *selector)
{
	struct str *parts;
	size_t n = 0;

	if (!json_is(selector, JSON_OBJECT) || !selector->count)
		return STR("<none>");
	parts = arena_array(c->a, selector->count, sizeof(*parts));
	json_foreach(it, selector)
		parts[n++] =
			str_printf(c->a, "%.*s=%.*s", STR_ARG(it->key), STR_ARG(json_string(it)));
	return api_cells_join_sorted(c, parts, n);
}

void api_cells_service(struct api_cells *c, const struct json *obj)
{
	const struct json *spec = json_get(obj, "spec"), *meta = json_get(obj, "metadata");

	api_cells_text(c, json_get_string(meta, "name"));
	api_cells_text(c, json_get_string(spec, "type"));
	api_cells_or(c, json_string(json_at(json_get(spec, "clusterIPs"), 0)), "<none>");
	api_cells_text(c, external_ip(c, obj));
	api_cells_text(c, service_ports(c, json_get(spec, "ports")));
	api_cells_age(c, json_get_string(meta, "creationTimestamp"));
	api_cells_text(c, selector_text(c, json_get(spec, "selector")));
}

/* A list of which at most SHOWN_MAX are written. */
struct shown {
	struct buf b;
	size_t n;
};

static bool shows_next(struct shown *s)
{
	if (s->n++ >= SHOWN_MAX)
		return false;
	if (s->n > 1)
		buf_add_byte(&s->b, ',');
	return true;
}

static struct str shown_text(struct api_cells *c, struct shown *s, const char *rest)
{
	if (s->n > SHOWN_MAX)
		buf_printf(&s->b, " + %zu more%s", s->n - SHOWN_MAX, rest);
	return take(c, &s->b);
}

static void add_endpoint(struct shown *s, struct str ip, const struct json *port)
{
	if (!shows_next(s))
		return;
	if (!port)
		buf_add_str(&s->b, ip);
	else
		buf_printf(&s->b, str_find(ip, ':') >= 0 ? "[%.*s]:%lld" : "%.*s:%lld", STR_ARG(ip),
			   (long long)json_get_int(port, "port", 0));
}

static void add_subset(struct shown *s, const struct json *subset)
{
	const struct json *addresses = json_get(subset, "addresses");
	const struct json *ports = json_get(subset, "ports");

	if (!api_cells_count(addresses))
		return;
	if (!api_cells_count(ports)) {
		json_foreach(it, addresses)
			add_endpoint(s, json_get_string(it, "ip"), NULL);
		return;
	}
	json_foreach(port, ports)
		json_foreach(it, addresses)
			add_endpoint(s, json_get_string(it, "ip"), port);
}

void api_cells_endpoints(struct api_cells *c, const struct json *obj)
{
	const struct json *subsets = json_get(obj, "subsets"), *meta = json_get(obj, "metadata");
	struct shown s = {BUF_INIT, 0};

	api_cells_text(c, json_get_string(meta, "name"));
	if (api_cells_count(subsets)) {
		json_foreach(it, subsets)
			add_subset(&s, it);
		api_cells_text(c, shown_text(c, &s, "..."));
	} else {
		api_cells_text(c, STR("<none>"));
	}
	api_cells_age(c, json_get_string(meta, "creationTimestamp"));
}

static struct str slice_ports(struct api_cells *c, const struct json *ports)
{
	struct shown s = {BUF_INIT, 0};
	struct str text;

	if (!api_cells_count(ports))
		return STR("<unset>");
	json_foreach(it, ports) {
		const struct json *port = json_get(it, "port");
		const struct json *name = json_get(it, "name");

		if (!shows_next(&s))
			continue;
		if (json_is(port, JSON_INT))
			buf_add_i64(&s.b, port->integer);
		else
			buf_add_str(&s.b, name ? json_string(name) : STR("*"));
	}
	text = shown_text(c, &s, "...");
	return text.len ? text : STR("<unset>");
}

static struct str slice_addresses(struct api_cells *c, const struct json *endpoints)
{
	struct shown s = {BUF_INIT, 0};

	if (!api_cells_count(endpoints))
		return STR("<unset>");
	json_foreach(ep, endpoints) {
		const struct json *addresses = json_get(ep, "addresses");

		if (!api_cells_count(addresses))
			continue;
		json_foreach(it, addresses) {
			if (shows_next(&s))
				buf_add_str(&s.b, json_string(it));
		}
	}
	return shown_text(c, &s, "...");
}

void api_cells_endpoint_slice(struct api_cells *c, const struct json *obj)
{
	const struct json *meta = json_get(obj, "metadata");

	api_cells_text(c, json_get_string(meta, "name"));
	api_cells_text(c, json_get_string(obj, "addressType"));
	api_cells_text(c, slice_ports(c, json_get(obj, "ports")));
	api_cells_text(c, slice_addresses(c, json_get(obj, "endpoints")));
	api_cells_age(c, json_get_string(meta, "creationTimestamp"));
}
