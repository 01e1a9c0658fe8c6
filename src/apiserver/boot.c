/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/boot.h"

struct boot_step {
	enum http_method method;
	const char *path;
	struct json *body;
	/* POST: not needed when an object of this kind has this key already. */
	const char *kind, *key;
};

struct boot {
	struct apiserver *s;
	struct http_transport *transport;
	struct arena arena;
	VEC(struct boot_step) steps;
	size_t at;
	int status;
	struct buf answer;
	struct loop_timer *retry;
};

enum {
	BOOT_RETRY_MS = 500,
	BOOT_CALL_MS = 30000,
};

static const char *const namespaces[] = {"default", "kube-system", "kube-public",
					 "kube-node-lease"};

static struct json *text(struct arena *a, const char *s)
{
	return json_new_string(a, str_of(s));
}

static struct json *object(struct boot *b, const char *api_version, const char *kind,
			   const char *name)
{
	struct arena *a = &b->arena;
	struct json *obj = json_new(a, JSON_OBJECT);

	json_set(obj, "apiVersion", text(a, api_version));
	json_set(obj, "kind", text(a, kind));
	json_set(json_object_at(a, obj, "metadata"), "name", text(a, name));
	return obj;
}

static void add_step(struct boot *b, enum http_method method, const char *path, struct json *body)
{
	*vec_push(&b->steps) = (struct boot_step){method, path, body, NULL, NULL};
}

static void add_missing(struct boot *b, const char *path, struct json *body, const char *key)
{
	*vec_push(&b->steps) =
		(struct boot_step){HTTP_POST, path, body, json_get_string(body, "kind").ptr, key};
}

static void add_namespaces(struct boot *b)
{
	for (size_t i = 0; i < ARRAY_LEN(namespaces); i++)
		add_missing(b, "/api/v1/namespaces", object(b, "v1", "Namespace", namespaces[i]),
			    namespaces[i]);
}

static struct json *addr_text(struct arena *a, const struct ip_addr *addr)
{
	char buf[IP_TEXT_MAX];

	return json_new_string(a, str_dup(a, ip_format(addr, buf)));
}

static struct json *labels(struct boot *b, struct json *obj)
{
	return json_object_at(&b->arena, json_get(obj, "metadata"), "labels");
}

/* The port of the endpoints, or (with is_service) of the Service. */
static struct json *port_list(struct boot *b, bool is_service)
{
	struct arena *a = &b->arena;
	struct json *port = json_new(a, JSON_OBJECT), *list = json_new(a, JSON_ARRAY);
	int64_t secure = b->s->config.secure_port;

	json_set(port, "name", text(a, "https"));
	json_set(port, "protocol", text(a, "TCP"));
	json_set(port, "port", json_new_int(a, is_service ? 443 : secure));
	if (is_service)
		json_set(port, "targetPort", json_new_int(a, secure));
	json_append(list, port);
	return list;
}

static void add_service(struct boot *b)
{
	struct arena *a = &b->arena;
	const struct ip_prefix *cidr = &b->s->config.service_cidrs[0];
	struct ip_addr base = ip_prefix_base(cidr), first = ip_plus(&base, 1);
	struct json *obj = object(b, "v1", "Service", "kubernetes");
	struct json *spec = json_object_at(a, obj, "spec");
	struct json *families = json_new(a, JSON_ARRAY), *ports;

	json_set(labels(b, obj), "component", text(a, "apiserver"));
	json_set(labels(b, obj), "provider", text(a, "kubernetes"));
	json_append(families, text(a, ip_family(&first) == IP_V6 ? "IPv6" : "IPv4"));
	json_set(spec, "type", text(a, "ClusterIP"));
	json_set(spec, "clusterIP", addr_text(a, &first));
	json_set(spec, "ipFamilies", families);
	json_set(spec, "ipFamilyPolicy", text(a, "SingleStack"));
	json_set(spec, "sessionAffinity", text(a, "None"));
	json_set(spec, "ports", port_list(b, true));
	add_missing(b, "/api/v1/namespaces/default/services", obj, "default/kubernetes");
	/* The secure port may be another one since. */
	ports = json_new(a, JSON_OBJECT);
	json_set(json_object_at(a, ports, "spec"), "ports", port_list(b, true));
	add_step(b, HTTP_PATCH, "/api/v1/namespaces/default/services/kubernetes", ports);
}

static void add_endpoints(struct boot *b)
{
	struct arena *a = &b->arena;
	struct json *obj = object(b, "v1", "Endpoints", "kubernetes");
	struct json *subset = json_new(a, JSON_OBJECT), *addrs = json_new(a, JSON_ARRAY);
	struct json *addr = json_new(a, JSON_OBJECT), *subsets = json_new(a, JSON_ARRAY);

	json_set(labels(b, obj), "endpointslice.kubernetes.io/skip-mirror", text(a, "true"));
	json_set(addr, "ip", addr_text(a, &b->s->config.advertise));
	json_append(addrs, addr);
	json_set(subset, "addresses", addrs);
	json_set(subset, "ports", port_list(b, false));
	json_append(subsets, subset);
	json_set(obj, "subsets", subsets);
	add_step(b, HTTP_PUT, "/api/v1/namespaces/default/endpoints/kubernetes", obj);
}

static void add_slice(struct boot *b)
{
	struct arena *a = &b->arena;
	struct json *obj = object(b, "discovery.k8s.io/v1", "EndpointSlice", "kubernetes");
	struct json *endpoint = json_new(a, JSON_OBJECT), *addrs = json_new(a, JSON_ARRAY);
	struct json *endpoints = json_new(a, JSON_ARRAY);
	bool is_v6 = ip_family(&b->s->config.advertise) == IP_V6;

	json_set(labels(b, obj), "kubernetes.io/service-name", text(a, "kubernetes"));
	json_set(obj, "addressType", text(a, is_v6 ? "IPv6" : "IPv4"));
	json_append(addrs, addr_text(a, &b->s->config.advertise));
	json_set(endpoint, "addresses", addrs);
	json_set(json_object_at(a, endpoint, "conditions"), "ready", json_new_bool(a, true));
	json_append(endpoints, endpoint);
	json_set(obj, "endpoints", endpoints);
	json_set(obj, "ports", port_list(b, false));
	/* Made if it is missing; brought up to date if it is there. */
	add_missing(b, "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", obj,
		    "default/kubernetes");
	add_step(b, HTTP_PUT,
		 "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes", obj);
}

static void next(struct boot *b);

static void on_head(void *ctx, int status, const struct http_header *headers, size_t n_headers)
{
	struct boot *b = ctx;

	b->status = status;
}

static void on_data(void *ctx, struct str data)
{
	struct boot *b = ctx;

	buf_add_str(&b->answer, data);
}

static void on_done(void *ctx, int r, const struct err *err)
{
	struct boot *b = ctx;

	if (r == 0 && (b->status < 300 || b->status == 409)) {
		b->at++;
		next(b);
		return;
	}
	server_tell(b->s, true, "cannot make what every cluster has, trying again: %s: %.300s",
		    b->steps.ptr[b->at].path, r < 0 ? err->msg : b->answer.ptr);
	loop_timer_start(b->retry, BOOT_RETRY_MS, 0);
}

static void finish(struct boot *b)
{
	struct apiserver *s = b->s;

	s->boot = NULL;
	boot_free(b);
	if (s->is_ready)
		return;
	s->is_ready = true;
	if (s->config.on_ready)
		s->config.on_ready(s->config.ctx);
}

static bool has(const struct apiserver *s, const char *kind, const char *key)
{
	return cache_get(server_resource_of(s, kind)->cache, str_of(key)) != NULL;
}

static bool is_there(const struct boot *b, const struct boot_step *step)
{
	return step->kind && has(b->s, step->kind, step->key);
}

static void next(struct boot *b)
{
	const struct http_header patch = {STR("content-type"), STR("application/merge-patch+json")};
	static const struct http_call_events events = {on_head, on_data, on_done};
	const struct boot_step *step;
	struct buf body = BUF_INIT;
	struct http_call_request req = {.timeout_ms = BOOT_CALL_MS};

	while (b->at < b->steps.len && is_there(b, &b->steps.ptr[b->at]))
		b->at++;
	if (b->at == b->steps.len) {
		finish(b);
		return;
	}
	step = &b->steps.ptr[b->at];
	if (step->method == HTTP_PATCH) {
		req.headers = &patch;
		req.n_headers = 1;
	}
	buf_clear(&b->answer);
	json_write(&body, step->body);
	req.method = step->method;
	req.target = str_of(step->path);
	req.body = bytes_dup(buf_str(&body));
	buf_fini(&body);
	b->transport->ops->send(b->transport, &req, &events, b);
	bytes_unref(req.body);
}

static void on_retry(void *ctx)
{
	next(ctx);
}

void boot_start(struct apiserver *s)
{
	struct boot *b = mem_xnew(struct boot);

	b->s = s;
	b->transport = apiserver_transport(s);
	b->retry = loop_timer_new(s->loop, on_retry, b);
	arena_init(&b->arena, 0);
	buf_init(&b->answer);
	add_namespaces(b);
	add_service(b);
	/* Endpoints never have a loopback address. */
	if (ip_is_loopback(&s->config.advertise)) {
		server_tell(
			s, false,
			"the advertised address is a loopback address: default/kubernetes has no "
			"endpoints");
	} else {
		add_endpoints(b);
		add_slice(b);
	}
	s->boot = b;
	next(b);
}

void boot_repair(struct apiserver *s)
{
	bool is_whole = has(s, "Service", "default/kubernetes");

	if (!s->is_ready || s->boot)
		return;
	for (size_t i = 0; i < ARRAY_LEN(namespaces); i++)
		is_whole = is_whole && has(s, "Namespace", namespaces[i]);
	if (!ip_is_loopback(&s->config.advertise))
		is_whole = is_whole && has(s, "Endpoints", "default/kubernetes") &&
			   has(s, "EndpointSlice", "default/kubernetes");
	if (!is_whole)
		boot_start(s);
}

void boot_free(struct boot *b)
{
	if (!b)
		return;
	b->transport->ops->close(b->transport);
	loop_timer_close(b->retry);
	vec_fini(&b->steps);
	buf_fini(&b->answer);
	arena_fini(&b->arena);
	free(b);
}
