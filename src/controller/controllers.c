/* SPDX-License-Identifier: Apache-2.0 */
#define LOG_COMPONENT "controller"
#include "controller/controller.h"

#include "base/log.h"
#include "controller/controller-internal.h"

#include <string.h>

struct str controller_key(struct arena *a, struct str ns, struct str name)
{
	return str_printf(a, "%.*s/%.*s", STR_ARG(ns), STR_ARG(name));
}

void controller_key_split(struct str key, struct str *ret_ns, struct str *ret_name)
{
	ptrdiff_t at = str_find(key, '/');

	assert(at >= 0);
	*ret_ns = str_sub(key, 0, (size_t)at);
	*ret_name = str_skip(key, (size_t)at + 1);
}

enum {
	LABEL_KEY_MAX = 63 + 253 + 1 + 63 + 63 + 3, /* namespace / prefix / name = value */
};

/* "ns/key=value". Labels longer than the API allows are cut: a filter follows each lookup. */
static struct str label_key(char buf[LABEL_KEY_MAX], struct str ns, const struct api_pair *p)
{
	int n = snprintf(buf, LABEL_KEY_MAX, "%.*s/%.*s=%.*s", STR_ARG(ns), STR_ARG(p->key),
			 STR_ARG(p->value));

	return str_n(buf, MIN((size_t)n, (size_t)LABEL_KEY_MAX - 1));
}

static void pod_label_keys(const struct client_object *o, client_emit_fn emit, void *ctx)
{
	char buf[LABEL_KEY_MAX];

	for (size_t i = 0; i < o->meta->labels.n; i++)
		emit(ctx, label_key(buf, o->meta->ns, &o->meta->labels.ptr[i]));
}

static void pod_node_keys(const struct client_object *o, client_emit_fn emit, void *ctx)
{
	emit(ctx, ((const struct api_pod *)o->view)->node_name);
}

static void service_selector_keys(const struct client_object *o, client_emit_fn emit, void *ctx)
{
	const struct api_service *svc = o->view;
	char buf[LABEL_KEY_MAX];

	if (controller_service_is_selecting(svc))
		emit(ctx, label_key(buf, svc->meta.ns, &svc->selector.ptr[0]));
}

static void slice_service_keys(const struct client_object *o, client_emit_fn emit, void *ctx)
{
	const struct api_endpoint_slice *s = o->view;
	struct arena a;

	if (!s->service.len)
		return;
	arena_init(&a, 512);
	emit(ctx, controller_key(&a, s->meta.ns, s->service));
	arena_fini(&a);
}

const struct api_service *controllers_service(struct controllers *c, struct str ns, struct str name)
{
	struct client_object *o = client_reflector_get(c->services, ns, name);

	return o ? o->view : NULL;
}

const struct api_node *controllers_node(struct controllers *c, struct str name)
{
	struct client_object *o = client_reflector_get(c->nodes, (struct str){0}, name);

	return o ? o->view : NULL;
}

struct pods_of {
	const struct api_service *svc;
	VEC(const struct api_pod *) pods;
};

static void match_pod(void *ctx, struct client_object *o)
{
	struct pods_of *v = ctx;

	if (str_eq(o->meta->ns, v->svc->meta.ns) &&
	    api_pairs_match(&v->svc->selector, &o->meta->labels))
		*vec_push(&v->pods) = o->view;
}

static int pod_order(const void *x, const void *y)
{
	const struct api_pod *const *a = x, *const *b = y;

	return str_cmp((*a)->meta.name, (*b)->meta.name);
}

size_t controllers_service_pods(struct controllers *c, struct arena *a,
				const struct api_service *svc, const struct api_pod *const **ret)
{
	struct pods_of v = {.svc = svc};
	const struct api_pod **pods;
	char buf[LABEL_KEY_MAX];
	size_t n;

	client_reflector_each_in(c->pods, INDEX_LABEL,
				 label_key(buf, svc->meta.ns, &svc->selector.ptr[0]), match_pod,
				 &v);
	vec_sort(&v.pods, pod_order);
	n = v.pods.len;
	pods = arena_array(a, n, sizeof(*pods));
	for (size_t i = 0; i < n; i++)
		pods[i] = v.pods.ptr[i];
	vec_fini(&v.pods);
	*ret = pods;
	return n;
}

struct slices_of {
	struct str manager;
	VEC(const struct api_endpoint_slice *) slices;
};

static void match_slice(void *ctx, struct client_object *o)
{
	struct slices_of *v = ctx;

	if (!o->meta->deleted_ns &&
	    str_eq(api_pairs_get(&o->meta->labels, LABEL_MANAGED_BY), v->manager))
		*vec_push(&v->slices) = o->view;
}

size_t controllers_service_slices(struct controllers *c, struct arena *a, struct str ns,
				  struct str service, struct str manager,
				  const struct api_endpoint_slice *const **ret)
{
	struct slices_of v = {.manager = manager};
	const struct api_endpoint_slice **slices;
	size_t n;

	client_reflector_each_in(c->slices, INDEX_SERVICE, controller_key(a, ns, service),
				 match_slice, &v);
	n = v.slices.len;
	slices = arena_array(a, n, sizeof(*slices));
	for (size_t i = 0; i < n; i++)
		slices[i] = v.slices.ptr[i];
	vec_fini(&v.slices);
	*ret = slices;
	return n;
}

/* Looks for the Services that select one of two states of a Pod. */
struct services_of {
	struct controllers *c;
	const struct api_pod *before, *after;
};

static void touch_service(void *ctx, struct client_object *o)
{
	const struct services_of *v = ctx;
	const struct api_service *svc = o->view;

	if ((v->before && api_pairs_match(&svc->selector, &v->before->meta.labels)) ||
	    (v->after && api_pairs_match(&svc->selector, &v->after->meta.labels))) {
		controller_sync_add(v->c->slice_sync, svc->meta.ns, svc->meta.name);
		controller_sync_add(v->c->endpoints_sync, svc->meta.ns, svc->meta.name);
	}
}

static void touch_services_of(struct services_of *v, const struct api_pod *pod)
{
	char buf[LABEL_KEY_MAX];

	for (size_t i = 0; pod && i < pod->meta.labels.n; i++)
		client_reflector_each_in(v->c->services, INDEX_SELECTOR,
					 label_key(buf, pod->meta.ns, &pod->meta.labels.ptr[i]),
					 touch_service, v);
}

static void on_pod(void *ctx, struct client_object *before, struct client_object *after)
{
	struct services_of v = {
		.c = ctx,
		.before = before ? before->view : NULL,
		.after = after ? after->view : NULL,
	};

	controller_scheduler_pod(v.c->scheduler, v.before, v.after);
	if (!v.c->is_synced || !controller_pod_matters(v.before, v.after))
		return;
	touch_services_of(&v, v.before);
	touch_services_of(&v, v.after);
}

static void on_service(void *ctx, struct client_object *before, struct client_object *after)
{
	struct controllers *c = ctx;
	const struct api_meta *meta = after ? after->meta : before->meta;

	if (!c->is_synced)
		return;
	controller_sync_add(c->slice_sync, meta->ns, meta->name);
	controller_sync_add(c->endpoints_sync, meta->ns, meta->name);
	controller_sync_add(c->mirror_sync, meta->ns, meta->name);
	if (before && (!after || !str_eq(before->meta->uid, after->meta->uid)))
		controller_garbage_owner(c->garbage, meta->ns, meta->name);
}

static void touch_pod(void *ctx, struct client_object *o)
{
	struct services_of v = {.c = ctx, .after = o->view};

	touch_services_of(&v, v.after);
}

/* Endpoints carry their node's zone, and wait for a node that is not known yet. */
static void on_node(void *ctx, struct client_object *before, struct client_object *after)
{
	struct controllers *c = ctx;
	const struct api_node *old = before ? before->view : NULL,
			      *new = after ? after->view : NULL;
	struct str name = new ? new->meta.name : old->meta.name;

	if (!c->is_synced)
		return;
	controller_scheduler_node(c->scheduler);
	if (!old || !new || !str_eq(old->zone, new->zone))
		client_reflector_each_in(c->pods, INDEX_NODE, name, touch_pod, c);
}

static void on_slice(void *ctx, struct client_object *before, struct client_object *after)
{
	struct controllers *c = ctx;
	const struct api_endpoint_slice *s = after ? after->view : before->view;
	struct str manager = api_pairs_get(&s->meta.labels, LABEL_MANAGED_BY);

	if (!c->is_synced)
		return;
	if (after)
		controller_garbage_slice(c->garbage, s);
	if (str_eq_c(manager, SLICE_CONTROLLER))
		controller_sync_check(c->slice_sync, &s->meta, s->service);
	else if (str_eq_c(manager, MIRRORING_CONTROLLER))
		controller_sync_check(c->mirror_sync, &s->meta, s->service);
	if (before && after) { /* a label may have been taken off */
		s = before->view;
		if (s->service.len &&
		    !controller_pairs_eq(&before->meta->labels, &after->meta->labels)) {
			controller_sync_check(c->slice_sync, after->meta, s->service);
			controller_sync_check(c->mirror_sync, after->meta, s->service);
		}
	}
}

static void on_endpoints(void *ctx, struct client_object *before, struct client_object *after)
{
	struct controllers *c = ctx;
	const struct api_meta *meta = after ? after->meta : before->meta;

	if (!c->is_synced)
		return;
	controller_sync_add(c->mirror_sync, meta->ns, meta->name);
	if (!after) {
		controller_sync_add(c->endpoints_sync, meta->ns, meta->name);
		controller_garbage_owner(c->garbage, meta->ns, meta->name);
	}
}

static void on_lease(void *ctx, struct client_object *before, struct client_object *after)
{
}

static void begin_service(void *ctx, struct client_object *o)
{
	on_service(ctx, NULL, o);
}

static void begin_slice(void *ctx, struct client_object *o)
{
	on_slice(ctx, NULL, o);
}

/* Also queues the Endpoints that have lost their Service. */
static void begin_endpoints(void *ctx, struct client_object *o)
{
	struct controllers *c = ctx;

	on_endpoints(ctx, NULL, o);
	controller_sync_add(c->endpoints_sync, o->meta->ns, o->meta->name);
}

static void on_synced(void *ctx)
{
	struct controllers *c = ctx;

	if (--c->n_unsynced)
		return;
	c->is_synced = true;
	log_info("synced services=%zu pods=%zu nodes=%zu slices=%zu",
		 client_reflector_len(c->services), client_reflector_len(c->pods),
		 client_reflector_len(c->nodes), client_reflector_len(c->slices));
	client_reflector_each(c->services, begin_service, c);
	client_reflector_each(c->slices, begin_slice, c);
	client_reflector_each(c->endpoints, begin_endpoints, c);
}

typedef void (*on_change_fn)(void *ctx, struct client_object *before, struct client_object *after);

static struct client_reflector *follow(struct controllers *c, const char *kind, const char *ns,
				       on_change_fn fn)
{
	struct client_selection sel = {.ns = str_of(ns)};
	struct client_handler h = {.on_change = fn, .on_synced = on_synced, .ctx = c};
	struct client_reflector *r =
		client_reflector_new(c->loop, c->client, api_kind_of(kind), &sel);

	client_reflector_add(r, &h);
	c->n_unsynced++;
	return r;
}

struct controllers *controllers_start(struct loop *l, struct client *client,
				      const struct controllers_config *config)
{
	struct controllers *c = mem_xnew(struct controllers);

	c->loop = l;
	c->client = client;
	if (config)
		c->config = *config;
	if (c->config.max_endpoints_per_slice > CONTROLLER_SLICE_MAX_LIMIT)
		c->config.max_endpoints_per_slice = CONTROLLER_SLICE_MAX_LIMIT;
	list_init(&c->writes);
	c->events = client_events_new(l, client, "controller", NULL);
	c->slice_sync = controller_sync_new(c, &controller_slice_ops);
	c->endpoints_sync = controller_sync_new(c, &controller_endpoints_ops);
	c->mirror_sync = controller_sync_new(c, &controller_mirror_ops);
	c->scheduler = controller_scheduler_new(c);
	c->garbage = controller_garbage_new(c);
	c->node = controller_node_new(c);
	c->services = follow(c, "Service", NULL, on_service);
	c->pods = follow(c, "Pod", NULL, on_pod);
	c->nodes = follow(c, "Node", NULL, on_node);
	c->slices = follow(c, "EndpointSlice", NULL, on_slice);
	c->endpoints = follow(c, "Endpoints", NULL, on_endpoints);
	c->leases = follow(c, "Lease", "kube-node-lease", on_lease);
	client_reflector_index(c->pods, INDEX_LABEL, pod_label_keys);
	client_reflector_index(c->pods, INDEX_NODE, pod_node_keys);
	client_reflector_index(c->services, INDEX_SELECTOR, service_selector_keys);
	client_reflector_index(c->slices, INDEX_SERVICE, slice_service_keys);
	return c;
}

void controllers_stop(struct controllers *c)
{
	if (!c)
		return;
	controller_writes_cancel_all(c);
	client_reflector_free(c->services);
	client_reflector_free(c->pods);
	client_reflector_free(c->nodes);
	client_reflector_free(c->slices);
	client_reflector_free(c->endpoints);
	client_reflector_free(c->leases);
	controller_sync_free(c->slice_sync);
	controller_sync_free(c->endpoints_sync);
	controller_sync_free(c->mirror_sync);
	controller_scheduler_free(c->scheduler);
	controller_garbage_free(c->garbage);
	controller_node_free(c->node);
	client_events_free(c->events);
	free(c);
}
