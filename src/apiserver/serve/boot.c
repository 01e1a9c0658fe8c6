/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/serve/boot.h"

#include "apiserver/serve/boot_access.h"
#include "apiserver/serve/boot_objects.h"
#include "apiserver/write/repair.h"

struct round;

struct boot_step {
	enum http_method method;
	const char *path;
	struct json *body;
	/* NULL: always. */
	bool (*is_needed)(const struct round *b, const struct boot_step *step);
	const char *kind, *key; /* of what a POST makes */
};

struct round {
	struct apiserver *s;
	struct http_transport *transport;
	struct boot_access *access; /* the roles; on the first round */
	struct arena arena;
	VEC(struct boot_step) steps;
	size_t at;
	uint64_t peers;        /* version of the list that is written */
	bool is_before_repair; /* only the ranges: what is taken in them is not known yet */
	int status;
	struct buf answer;
	struct loop_timer *retry;
};

struct boot {
	struct round *round; /* under way, or NULL */
	uint64_t peers;      /* version of the list that the last one has written */
	int64_t next_at_ms;
};

enum {
	BOOT_RETRY_MS = 500,
	BOOT_CALL_MS = 30000,
	BOOT_PERIOD_MS = 10000, /* what someone has changed is put right after this time */
};

#define CIDRS_PATH     "/apis/networking.k8s.io/v1/servicecidrs"
#define CIDR_PATH      CIDRS_PATH "/" BOOT_SERVICE_CIDR
#define SERVICES_PATH  "/api/v1/namespaces/default/services"
#define ENDPOINTS_PATH "/api/v1/namespaces/default/endpoints/kubernetes"
#define SLICES_PATH    "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"

static const char *const namespaces[] = {"default", "kube-system", "kube-public",
					 "kube-node-lease"};

static struct object *find(const struct apiserver *s, const char *kind, const char *key)
{
	return cache_get(server_resource_of(s, kind)->cache, str_of(key));
}

static bool is_absent(const struct round *b, const struct boot_step *step)
{
	return !find(b->s, step->kind, step->key);
}

/* The default ServiceCIDR, in the arena; NULL when there is none, or it is being deleted. */
static struct json *default_cidr(const struct round *b, struct arena *a)
{
	const struct object *o = find(b->s, "ServiceCIDR", BOOT_SERVICE_CIDR);
	struct json *tree;

	if (!o || object_decode(a, o, 0, &tree, NULL) < 0 ||
	    !json_is_null(json_path(tree, "metadata.deletionTimestamp")))
		return NULL;
	return tree;
}

static bool is_same_cidrs(const struct json *stored, const struct boot_step *step, size_t n)
{
	const struct json *is = json_path(stored, "spec.cidrs");
	const struct json *flag = json_path(step->body, "spec.cidrs");

	for (size_t i = 0; i < n; i++)
		if (!json_at(is, i) || !json_eq(json_at(is, i), json_at(flag, i)))
			return false;
	return true;
}

/* The flag has a second family now. */
static bool may_grow(const struct round *b, const struct boot_step *step)
{
	struct arena a;
	const struct json *o, *list;
	bool ret;

	arena_init(&a, 0);
	o = default_cidr(b, &a);
	list = json_path(o, "spec.cidrs");
	ret = json_is(list, JSON_ARRAY) && list->count == 1 && b->s->config.n_service_cidrs == 2 &&
	      is_same_cidrs(o, step, 1);
	arena_fini(&a);
	return ret;
}

/* Nobody has said yet whether it is ready. */
static bool is_without_word(const struct round *b, const struct boot_step *step)
{
	const struct json *o, *list;
	struct arena a;
	bool ret;

	arena_init(&a, 0);
	o = default_cidr(b, &a);
	list = json_path(o, "status.conditions");
	ret = o != NULL;
	if (json_is(list, JSON_ARRAY))
		json_foreach(it, list)
			ret = ret && !str_eq_c(json_get_string(it, "type"), "Ready");
	arena_fini(&a);
	return ret;
}

static struct boot_step *add_step(struct round *b, enum http_method method, const char *path,
				  struct json *body)
{
	struct boot_step *step = vec_push(&b->steps);

	*step = (struct boot_step){.method = method, .path = path, .body = body};
	return step;
}

static void add_missing(struct round *b, const char *path, struct json *body, const char *key)
{
	struct boot_step *step = add_step(b, HTTP_POST, path, body);

	step->is_needed = is_absent;
	step->kind = json_get_string(body, "kind").ptr;
	step->key = key;
}

static void add_ranges(struct round *b)
{
	const struct apiserver_config *c = &b->s->config;
	struct arena *a = &b->arena;
	int64_t now_ns = b->s->clock->wall_ns(b->s->clock);

	add_missing(b, CIDRS_PATH, boot_objects_service_cidr(a, c), BOOT_SERVICE_CIDR);
	add_step(b, HTTP_PATCH, CIDR_PATH, boot_objects_service_cidr_ranges(a, c))->is_needed =
		may_grow;
	add_step(b, HTTP_PATCH, CIDR_PATH "/status", boot_objects_service_cidr_ready(a, now_ns))
		->is_needed = is_without_word;
}

static void add_endpoints(struct round *b)
{
	const struct peer *peers;
	size_t n = peers_list(b->s->peers, &peers);

	if (!n)
		return;
	add_step(b, HTTP_PUT, ENDPOINTS_PATH, boot_objects_endpoints(&b->arena, peers, n));
	/* Made if it is missing; brought up to date if it is there. */
	add_missing(b, SLICES_PATH, boot_objects_slice(&b->arena, peers, n), "default/kubernetes");
	add_step(b, HTTP_PUT, SLICES_PATH "/kubernetes", boot_objects_slice(&b->arena, peers, n));
}

static void add_service(struct round *b)
{
	add_missing(b, SERVICES_PATH, boot_objects_service(&b->arena, &b->s->config),
		    "default/kubernetes");
	add_step(b, HTTP_PATCH, SERVICES_PATH "/kubernetes",
		 boot_objects_service_ports(&b->arena, &b->s->config));
	if (!b->s->is_ready && ip_is_loopback(&b->s->config.advertise))
		server_tell(b->s, false,
			    "the advertised address is a loopback address: it is not among the "
			    "endpoints of default/kubernetes");
	add_endpoints(b);
}

static void round_free(struct round *b)
{
	if (!b)
		return;
	boot_access_free(b->access);
	b->transport->ops->close(b->transport);
	loop_timer_close(b->retry);
	vec_fini(&b->steps);
	buf_fini(&b->answer);
	arena_fini(&b->arena);
	free(b);
}

static void next(struct round *b);

static void on_head(void *ctx, int status, const struct http_header *headers, size_t n_headers)
{
	struct round *b = ctx;

	b->status = status;
}

static void on_data(void *ctx, struct str data)
{
	struct round *b = ctx;

	buf_add_str(&b->answer, data);
}

static void on_done(void *ctx, int r, const struct err *err)
{
	struct round *b = ctx;

	if (r == 0 && (b->status < 300 || b->status == 409)) {
		b->at++;
		next(b);
		return;
	}
	server_tell(b->s, true, "cannot make what every cluster has, trying again: %s: %.300s",
		    b->steps.ptr[b->at].path, r < 0 ? err->msg : b->answer.ptr);
	loop_timer_start(b->retry, BOOT_RETRY_MS, 0);
}

static void finish(struct round *b)
{
	struct apiserver *s = b->s;

	s->boot->round = NULL;
	if (b->is_before_repair) {
		round_free(b);
		repair_start(s->repair, boot_start);
		return;
	}
	s->boot->peers = b->peers;
	s->boot->next_at_ms = clock_mono_ms(s->clock) + BOOT_PERIOD_MS;
	round_free(b);
	if (s->is_ready)
		return;
	s->is_ready = true;
	if (s->config.on_ready)
		s->config.on_ready(s->config.ctx);
}

static void next(struct round *b)
{
	const struct http_header patch = {STR("content-type"), STR("application/merge-patch+json")};
	static const struct http_call_events events = {on_head, on_data, on_done};
	const struct boot_step *step = NULL;
	struct buf body = BUF_INIT;
	struct http_call_request req = {.timeout_ms = BOOT_CALL_MS};

	for (; b->at < b->steps.len; b->at++) {
		step = &b->steps.ptr[b->at];
		if (!step->is_needed || step->is_needed(b, step))
			break;
	}
	if (b->at == b->steps.len) {
		finish(b);
		return;
	}
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

static void on_access(void *ctx)
{
	next(ctx);
}

void boot_start(struct apiserver *s)
{
	struct round *b;

	if (s->boot->round)
		return;
	b = mem_xnew(struct round);
	peers_tick(s->peers);
	b->s = s;
	b->peers = peers_version(s->peers);
	b->transport = apiserver_transport(s);
	b->retry = loop_timer_new(s->loop, on_retry, b);
	arena_init(&b->arena, 0);
	buf_init(&b->answer);
	for (size_t i = 0; i < ARRAY_LEN(namespaces); i++)
		add_missing(b, "/api/v1/namespaces",
			    boot_objects_namespace(&b->arena, namespaces[i]), namespaces[i]);
	add_ranges(b);
	b->is_before_repair = !s->is_ready && repair_is_urgent(s->repair);
	if (!b->is_before_repair)
		add_service(b);
	s->boot->round = b;
	if (s->is_ready)
		next(b);
	else
		b->access = boot_access_start(s, on_access, b);
}

void boot_repair(struct apiserver *s)
{
	const struct peer *peers;
	bool is_whole;

	if (!s->is_ready || s->boot->round)
		return;
	is_whole = find(s, "Service", "default/kubernetes") &&
		   find(s, "ServiceCIDR", BOOT_SERVICE_CIDR) &&
		   s->boot->peers == peers_version(s->peers) &&
		   clock_mono_ms(s->clock) < s->boot->next_at_ms;
	for (size_t i = 0; i < ARRAY_LEN(namespaces); i++)
		is_whole = is_whole && find(s, "Namespace", namespaces[i]);
	if (peers_list(s->peers, &peers))
		is_whole = is_whole && find(s, "Endpoints", "default/kubernetes") &&
			   find(s, "EndpointSlice", "default/kubernetes");
	if (!is_whole)
		boot_start(s);
}

struct boot *boot_new(void)
{
	return mem_xnew(struct boot);
}

void boot_stop(struct boot *boot)
{
	round_free(TAKE_PTR(boot->round));
}

void boot_free(struct boot *boot)
{
	if (!boot)
		return;
	boot_stop(boot);
	free(boot);
}
