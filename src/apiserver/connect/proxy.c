/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/connect/proxy.h"

#include "apiserver/connect/relay.h"
#include "apiserver/reply.h"
#include "apiserver/stats.h"
#include "base/map.h"
#include "http/client.h"

struct id {
	struct str scheme, name, port; /* "" where they are not given */
};

/* Where a request goes. */
struct place {
	struct str host; /* an address */
	uint16_t port;
	bool is_tls;
};

static bool parse_id(struct str s, struct id *ret)
{
	struct str part[4], rest = s;
	size_t n = 0;

	while (n < ARRAY_LEN(part) && str_next(&rest, ':', &part[n]))
		n++;
	*ret = (struct id){STR(""), STR(""), STR("")};
	if (n == 0 || n == ARRAY_LEN(part))
		return false;
	if (n == 3)
		ret->scheme = part[0];
	ret->name = part[n == 3 ? 1 : 0];
	if (n > 1)
		ret->port = part[n - 1];
	return ret->name.len &&
	       (n < 3 || str_eq_c(ret->scheme, "http") || str_eq_c(ret->scheme, "https"));
}

/* The address that `text` stands for, when it means the same everywhere in the cluster; else
 * absent. It is written anew, since whoever connects may read a sloppy text in another way:
 * "0177.0.0.1" is 177.0.0.1 here and the loopback address to getaddrinfo. */
static struct str callable(struct request *req, struct str text)
{
	char buf[IP_TEXT_MAX];
	struct ip_addr a;
	bool is_multicast;

	if (ip_parse_sloppy(text, &a, NULL) < 0)
		return (struct str){0};
	is_multicast = ip_family(&a) == IP_V4 ? a.b[12] >= 224 : a.b[0] == 0xff;
	if (is_multicast || ip_is_unspecified(&a) || ip_is_loopback(&a) || ip_is_link_local(&a))
		return (struct str){0};
	return str_dup(req->arena, ip_format(&a, buf));
}

static int not_allowed(struct request *req)
{
	return status_set(&req->st, ERR_BAD_REQUEST, "address not allowed");
}

static int decode(struct request *req, const struct resource *res, struct str ns, struct str name,
		  struct json **ret)
{
	const struct object *o = cache_get(res->cache, server_cache_key(req->arena, res, ns, name));
	struct err err;
	int r;

	if (!o)
		return status_not_found(&req->st, res, name);
	r = object_decode_copy(req->arena, o, 0, ret, &err);
	return r < 0 ? status_from_err(&req->st, r, &err) : 0;
}

/* ---- Services ------------------------------------------------------------------------------ */

/* A port that is given as a number means the Service's port; its endpoints have it by name. */
static int port_name(struct request *req, const struct id *id, struct str *ret)
{
	struct json *svc;
	const struct json *ports;
	int64_t number;
	int r;

	*ret = id->port;
	if (str_to_i64(id->port, INT64_MIN, INT64_MAX, &number, NULL) < 0)
		return 0;
	r = decode(req, req->res, req->ns, id->name, &svc);
	if (r < 0)
		return r;
	ports = json_path(svc, "spec.ports");
	if (json_is(ports, JSON_ARRAY))
		json_foreach(p, ports)
			if (json_get_int(p, "port", -1) == number) {
				*ret = json_get_string(p, "name");
				return 0;
			}
	return status_set(&req->st, ERR_UNAVAILABLE,
			  "no service port %lld found for service \"%.*s\"", (long long)number,
			  STR_ARG(id->name));
}

/* Looking for an address of which it is known whose it is. */
struct look {
	struct request *req;
	struct arena a;           /* of one address */
	const struct object *pod; /* the last one that was read */
	struct map ips;           /* its addresses */
	size_t n_left;            /* bytes of Pods that may still be read */
};

static bool read_ips(struct look *l, const struct object *o)
{
	size_t size = bytes_str(o->value).len;
	const struct json *ips;
	struct json *pod;

	map_fini(&l->ips);
	l->pod = NULL;
	if (size > l->n_left)
		return false;
	l->n_left -= size;
	if (object_decode(&l->a, o, 0, &pod, NULL) < 0)
		return false;
	ips = json_path(pod, "status.podIPs");
	if (json_is(ips, JSON_ARRAY))
		json_foreach(p, ips)
			map_put(&l->ips, json_get_string(p, "ip"), l);
	l->pod = o;
	return true;
}

/* Whether the address belongs to a Pod of this namespace: nobody may point the proxy elsewhere. */
static bool is_pods(struct look *l, const struct json *address)
{
	const struct resource *pods = server_resource_of(l->req->s, "Pod");
	const struct json *target = json_get(address, "targetRef");
	struct str ip = json_get_string(address, "ip"), name = json_get_string(target, "name");
	const struct object *o;

	if (!json_is(target, JSON_OBJECT) || !str_is_set(callable(l->req, ip)) ||
	    !str_eq(json_get_string(target, "namespace"), l->req->ns))
		return false;
	arena_clear(&l->a);
	o = cache_get(pods->cache, server_cache_key(&l->a, pods, l->req->ns, name));
	if (!o || (o != l->pod && !read_ips(l, o)))
		return false;
	return map_get(&l->ips, ip);
}

static int64_t port_of(const struct json *subset, struct str name)
{
	const struct json *ports = json_get(subset, "ports");

	if (json_is(ports, JSON_ARRAY))
		json_foreach(p, ports)
			if (str_eq(json_get_string(p, "name"), name))
				return json_get_int(p, "port", 0);
	return 0;
}

/* The next of a list, and after the last one the first. */
static const struct json *next_of(const struct json *list, const struct json *n)
{
	return n->next ? n->next : list->first;
}

static bool draw_address(struct look *l, const struct json *subset, struct str port,
			 struct place *ret)
{
	const struct json *addresses = json_get(subset, "addresses");
	int64_t number = port_of(subset, port);
	const struct json *a;

	if (!json_is(addresses, JSON_ARRAY) || !addresses->count || number < 1 ||
	    number > UINT16_MAX)
		return false;
	a = json_at(addresses, rand_below(&l->req->s->rand, addresses->count));
	for (uint32_t i = 0; i < addresses->count; i++, a = next_of(addresses, a)) {
		if (!is_pods(l, a))
			continue;
		ret->host = callable(l->req, json_get_string(a, "ip"));
		ret->port = (uint16_t)number;
		return true;
	}
	return false;
}

/* Of a subset that is drawn first, then of the others. */
static bool draw(struct request *req, const struct json *subsets, struct str port,
		 struct place *ret)
{
	const struct json *s = json_at(subsets, rand_below(&req->s->rand, subsets->count));
	struct look l = {.req = req, .n_left = PROXY_PODS_READ_MAX};
	bool is_found = false;

	arena_init(&l.a, 0);
	for (uint32_t i = 0; i < subsets->count && !is_found; i++, s = next_of(subsets, s))
		is_found = draw_address(&l, s, port, ret);
	map_fini(&l.ips);
	arena_fini(&l.a);
	return is_found;
}

static int find_service(struct request *req, const struct id *id, struct place *ret)
{
	const struct resource *res = server_resource_of(req->s, "Endpoints");
	const struct json *subsets;
	struct str port, asked = req->name;
	struct json *endpoints;
	int r = port_name(req, id, &port);

	if (r < 0)
		return r;
	if (!cache_get(res->cache, server_cache_key(req->arena, res, req->ns, id->name)))
		return status_not_found(&req->st, req->res, id->name);
	r = decode(req, res, req->ns, id->name, &endpoints);
	if (r < 0)
		return r;
	subsets = json_get(endpoints, "subsets");
	if (!json_is(subsets, JSON_ARRAY) || !subsets->count)
		asked = id->name;
	else if (draw(req, subsets, port, ret))
		return 0;
	return status_set(&req->st, ERR_UNAVAILABLE, "no endpoints available for service \"%.*s\"",
			  STR_ARG(asked));
}

/* ---- Pods and nodes ------------------------------------------------------------------------ */

static int64_t first_port(const struct json *pod)
{
	const struct json *containers = json_path(pod, "spec.containers");

	if (json_is(containers, JSON_ARRAY))
		json_foreach(c, containers) {
			const struct json *ports = json_get(c, "ports");

			if (json_is(ports, JSON_ARRAY) && ports->count)
				return json_get_int(json_at(ports, 0), "containerPort", 0);
		}
	return 0;
}

static int read_port(struct request *req, const char *what, const struct id *id, int64_t otherwise,
		     uint16_t *ret)
{
	uint64_t number = (uint64_t)otherwise;

	if (id->port.len && str_to_u64(id->port, 1, UINT16_MAX, &number, NULL) < 0)
		return status_set(&req->st, ERR_BAD_REQUEST, "invalid %s request \"%.*s\"", what,
				  STR_ARG(req->name));
	*ret = (uint16_t)number;
	return 0;
}

static int find_pod(struct request *req, const struct id *id, struct place *ret)
{
	struct json *pod;
	int64_t port;
	int r = decode(req, req->res, req->ns, id->name, &pod);

	if (r < 0)
		return r;
	port = first_port(pod);
	ret->host = callable(req, json_get_string(json_get(pod, "status"), "podIP"));
	if (!str_is_set(ret->host))
		return not_allowed(req);
	return read_port(req, "pod", id, port ? port : ret->is_tls ? 443 : 80, &ret->port);
}

/* Its agent, unless another port is asked for: then a transport is not made. */
static int find_node(struct request *req, const struct id *id, struct place *ret,
		     struct http_transport **ret_agent)
{
	uint16_t agent_port, port = 0;
	struct json *node;
	struct str host;
	struct err err;
	int r = decode(req, req->res, (struct str){0}, id->name, &node);

	if (r < 0)
		return r;
	host = relay_agent_host(req, id->name, &agent_port);
	r = read_port(req, "node", id, agent_port, &port);
	if (r < 0)
		return r;
	if (id->port.len && port != agent_port && str_is_set(host)) {
		ret->host = callable(req, host);
		ret->port = port;
		return str_is_set(ret->host) ? 0 : not_allowed(req);
	}
	r = relay_open(req, id->name, ret_agent, &err);
	return r < 0 ? status_from_err(&req->st, r, &err) : 0;
}

/* ---- the request --------------------------------------------------------------------------- */

/* The path up to and with "proxy". */
static struct str own_path(const struct request *req)
{
	struct str path = req->x->req.path;

	return str_sub(path, 0, path.len - req->rest.len);
}

/* A proxied page's root must end in a slash, or its relative links would miss. */
static void redirect_to_root(struct request *req)
{
	struct str query = req->x->req.query;
	struct http_header h = {STR("location"), {0}};

	h.value = str_printf(req->arena, "%.*s/%s%.*s", STR_ARG(req->x->req.path),
			     query.len ? "?" : "", STR_ARG(query));
	stats_request(req, 301);
	http_reply_with(req->x, 301, &h, 1, NULL);
}

/* Those that say who the client is are for this server alone. */
static bool is_credential(struct str name)
{
	return str_eq_c(name, "authorization") || str_has_prefix(name, STR("x-remote-")) ||
	       str_has_prefix(name, STR("impersonate-"));
}

static void fill_headers(struct request *req, struct http_call_request *call)
{
	const struct http_request *in = &req->x->req;
	struct http_header *h = arena_array(req->arena, in->n_headers + 4, sizeof(*h));
	struct str via = http_header(in->headers, in->n_headers, "x-forwarded-for");
	struct str upgrade = http_upgrade_offer(req->x);
	char addr[IP_TEXT_MAX];
	size_t n = 0;

	for (size_t i = 0; i < in->n_headers; i++) {
		struct str name = in->headers[i].name;

		if (!relay_is_hop_header(in->headers, in->n_headers, name) &&
		    !is_credential(name) && !str_eq_c(name, "x-forwarded-for") &&
		    !str_eq_c(name, "x-forwarded-uri") && !str_eq_c(name, "content-length") &&
		    !str_eq_c(name, "expect"))
			h[n++] = in->headers[i];
	}
	ip_format(&in->peer->addr, addr);
	via = str_printf(req->arena, "%.*s%s%s", STR_ARG(via), via.len ? ", " : "", addr);
	h[n++] = (struct http_header){STR("x-forwarded-for"), via};
	h[n++] = (struct http_header){STR("x-forwarded-uri"), in->path};
	call->is_upgrade = str_is_set(upgrade);
	if (call->is_upgrade) {
		h[n++] = (struct http_header){STR("connection"), STR("Upgrade")};
		h[n++] = (struct http_header){STR("upgrade"), upgrade};
	}
	call->headers = h;
	call->n_headers = n;
}

/* What a Location of the answer is for the client. One that names another host, or is relative,
 * means the same from here. */
static struct str lead_back(struct request *req, struct str value)
{
	const struct http_request *in = &req->x->req;
	struct str prefix = own_path(req), origin = STR(""), host = {0}, path = value;
	bool is_ours = false;
	ptrdiff_t at;

	if (str_has_prefix(path, STR("http://")) || str_has_prefix(path, STR("https://")))
		path = str_skip(path, (size_t)str_find(path, ':') + 1);
	if (str_has_prefix(path, STR("//"))) {
		host = str_skip(path, 2);
		at = str_find(host, '/');
		path = at < 0 ? STR("") : str_skip(host, (size_t)at);
		host = at < 0 ? host : str_sub(host, 0, (size_t)at);
		is_ours = str_eq(host, http_header(in->headers, in->n_headers, "host"));
		if (!is_ours && !str_eq(host, req->proxied_host))
			return value;
		if (is_ours)
			origin = str_sub(value, 0, value.len - path.len);
	}
	if (!path.len || path.ptr[0] != '/')
		return value;
	return str_printf(req->arena, "%.*s%.*s%.*s", STR_ARG(origin),
			  str_has_prefix(path, prefix) ? 0 : (int)prefix.len, prefix.ptr,
			  STR_ARG(path));
}

static int connect_to(struct request *req, const struct place *at, struct http_transport **ret)
{
	struct http_client_config config = {.host = at->host,
					    .port = at->port,
					    .is_tls = at->is_tls,
					    .is_insecure = true,
					    .is_http1_only = true};
	struct err err;
	int r = http_client_new(req->s->loop, &config, ret, &err);
	bool is_v6 = str_find(at->host, ':') >= 0;

	req->proxied_host = str_printf(req->arena, is_v6 ? "[%.*s]:%u" : "%.*s:%u",
				       STR_ARG(at->host), at->port);
	return r < 0 ? status_from_err(&req->st, r, &err) : 0;
}

static int find(struct request *req, struct place *ret, struct http_transport **ret_agent)
{
	const char *kind = req->res->kind->kind;
	struct id id;

	if (!parse_id(req->name, &id))
		return status_set(&req->st, ERR_BAD_REQUEST, "invalid %s request \"%.*s\"",
				  req->res->kind->singular, STR_ARG(req->name));
	ret->is_tls = str_eq_c(id.scheme, "https");
	if (strcmp(kind, "Service") == 0)
		return find_service(req, &id, ret);
	if (strcmp(kind, "Pod") == 0)
		return find_pod(req, &id, ret);
	return find_node(req, &id, ret, ret_agent);
}

int proxy_start(struct request *req)
{
	static const struct relay_way way = {.failure = "error trying to reach service",
					     .timeout_ms = PROXY_SILENCE_MS,
					     .may_be_silent = true,
					     .has_own_headers = true,
					     .location = lead_back};
	const struct http_request *in = &req->x->req;
	struct http_call_request call = {.method = in->method};
	struct http_transport *t = NULL;
	struct place at = {0};
	int r = find(req, &at, &t);

	if (r < 0)
		return r;
	fill_headers(req, &call);
	if (!req->rest.len && !call.is_upgrade &&
	    (in->method == HTTP_GET || in->method == HTTP_HEAD)) {
		if (t)
			t->ops->close(t);
		redirect_to_root(req);
		return 0;
	}
	if (!t && (r = connect_to(req, &at, &t)) < 0)
		return r;
	call.target = str_printf(req->arena, "%.*s%s%.*s", STR_ARG(req->rest),
				 in->query.len ? "?" : "", STR_ARG(in->query));
	if (!req->rest.len)
		call.target = str_printf(req->arena, "/%.*s", STR_ARG(call.target));
	call.body = in->body.len ? bytes_dup(in->body) : NULL;
	relay_run(req, t, &call, &way);
	bytes_unref(call.body);
	return 0;
}
