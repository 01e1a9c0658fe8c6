/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What nobody owns any more: EndpointSlices whose owner (a Service, or for mirrored ones an
 * Endpoints object) is gone or is another of the same name, and Pods bound to a Node that has not
 * been there for orphan_grace_ms.
 */
#define LOG_COMPONENT "controller"
#include "base/log.h"
#include "base/map.h"
#include "controller/controller-internal.h"
#include "loop/loop.h"

enum {
	GARBAGE_ORPHAN_MS = 40000,
	GARBAGE_PERIOD_MS = 1000,
	GARBAGE_SLICE_MS = 200, /* lets the cache of owners catch up with that of slices */
};

struct controller_garbage {
	struct controllers *c;
	struct client_queue *slices; /* "ns/name" of slices to look at */
	struct loop_timer *timer;
	struct map absent; /* node -> int64_t: when it was first missed */
};

/* NULL: not a kind that we follow, so the owner is taken to be there. */
static struct client_reflector *owner_cache(struct controllers *c, const struct api_owner *o)
{
	if (!str_eq_c(o->api_version, "v1"))
		return NULL;
	if (str_eq_c(o->kind, "Service"))
		return c->services;
	return str_eq_c(o->kind, "Endpoints") ? c->endpoints : NULL;
}

static bool is_orphan(struct controllers *c, const struct api_meta *meta)
{
	for (size_t i = 0; i < meta->n_owners; i++) {
		const struct api_owner *o = &meta->owners[i];
		struct client_reflector *cache = owner_cache(c, o);
		const struct client_object *owner;

		if (!cache)
			return false;
		owner = client_reflector_get(cache, meta->ns, o->name);
		if (owner && str_eq(owner->meta->uid, o->uid))
			return false;
	}
	return meta->n_owners > 0;
}

static void slice_deleted(void *ctx, const struct controller_written *w)
{
	if (w->r < 0)
		log_warning("garbage: deleting a slice failed error=\"%s\"", w->err->msg);
}

static void slice_work(void *ctx, struct str key)
{
	struct controller_garbage *g = ctx;
	struct client_object *o;
	struct str ns, name;

	controller_key_split(key, &ns, &name);
	o = client_reflector_get(g->c->slices, ns, name);
	if (o && !o->meta->deleted_ns && is_orphan(g->c, o->meta)) {
		struct controller_writes *w =
			controller_writes_new(g->c, api_kind_of("EndpointSlice"), ns);

		controller_writes_add(w, HTTP_DELETE, name, NULL, NULL);
		controller_writes_run(w, slice_deleted, NULL);
	}
	client_queue_done(g->slices, key, true);
}

void controller_garbage_slice(struct controller_garbage *g, const struct api_endpoint_slice *s)
{
	struct arena a;

	if (!is_orphan(g->c, &s->meta))
		return;
	arena_init(&a, 512);
	client_queue_add_after(g->slices, controller_key(&a, s->meta.ns, s->meta.name),
			       GARBAGE_SLICE_MS);
	arena_fini(&a);
}

static void visit_slice(void *ctx, struct client_object *o)
{
	controller_garbage_slice(ctx, o->view);
}

void controller_garbage_owner(struct controller_garbage *g, struct str ns, struct str name)
{
	struct arena a;

	arena_init(&a, 512);
	client_reflector_each_in(g->c->slices, INDEX_SERVICE, controller_key(&a, ns, name),
				 visit_slice, g);
	arena_fini(&a);
}

static void pod_deleted(void *ctx, const struct controller_written *w)
{
	if (w->r < 0)
		log_warning("garbage: deleting a Pod failed error=\"%s\"", w->err->msg);
}

struct absent_visit {
	struct controller_garbage *g;
	struct map absent; /* the next round's */
	int64_t now_ms;
};

static void visit_pod(void *ctx, struct client_object *o)
{
	struct absent_visit *v = ctx;
	struct controllers *c = v->g->c;
	const struct api_pod *pod = o->view;
	struct controller_writes *w;
	int64_t *since;

	if (!pod->node_name.len || controller_find_node(c, pod->node_name))
		return;
	since = map_get(&v->absent, pod->node_name);
	if (!since) {
		since = map_remove(&v->g->absent, pod->node_name);
		if (!since) {
			since = mem_xnew(int64_t);
			*since = v->now_ms;
		}
		map_put(&v->absent, pod->node_name, since);
	}
	if (v->now_ms - *since < c->config.orphan_grace_ms)
		return;
	log_info("garbage: deleting a Pod whose node is gone pod=%.*s/%.*s node=%.*s",
		 STR_ARG(pod->meta.ns), STR_ARG(pod->meta.name), STR_ARG(pod->node_name));
	w = controller_writes_new(c, api_kind_of("Pod"), pod->meta.ns);
	controller_writes_kill(w, pod->meta.name);
	controller_writes_run(w, pod_deleted, NULL);
}

static void garbage_tick(void *ctx)
{
	struct controller_garbage *g = ctx;
	struct absent_visit v = {.g = g, .now_ms = clock_mono_ms(loop_clock(g->c->loop))};

	if (!g->c->is_synced)
		return;
	client_reflector_each(g->c->pods, visit_pod, &v);
	map_fini_values(&g->absent, free);
	g->absent = v.absent;
}

struct controller_garbage *controller_garbage_new(struct controllers *c)
{
	static const struct client_queue_config config = {.workers = 32};
	struct controller_garbage *g = mem_xnew(struct controller_garbage);

	g->c = c;
	if (!c->config.orphan_grace_ms)
		c->config.orphan_grace_ms = GARBAGE_ORPHAN_MS;
	g->slices = client_queue_new(c->loop, &config, slice_work, g);
	g->timer = loop_timer_new(c->loop, garbage_tick, g);
	loop_timer_start(g->timer, GARBAGE_PERIOD_MS, GARBAGE_PERIOD_MS);
	return g;
}

void controller_garbage_free(struct controller_garbage *g)
{
	if (!g)
		return;
	client_queue_free(g->slices);
	loop_timer_close(g->timer);
	map_fini_values(&g->absent, free);
	free(g);
}
