/* SPDX-License-Identifier: Apache-2.0 */
/* Pods bound to a Node that has not been there for orphan_grace_ms. */
#define LOG_COMPONENT "controller"
#include "base/log.h"
#include "base/map.h"
#include "controller/upkeep/drivers.h"
#include "loop/loop.h"

enum {
	GARBAGE_ORPHAN_MS = 40000,
	GARBAGE_PERIOD_MS = 1000,
};

struct controller_garbage {
	struct controllers *c;
	struct loop_timer *timer;
	struct map absent; /* node -> int64_t: when it was first missed */
};

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
	controller_writes_delete(w, &pod->meta, true);
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
	struct controller_garbage *g = mem_xnew(struct controller_garbage);

	g->c = c;
	if (!c->config.orphan_grace_ms)
		c->config.orphan_grace_ms = GARBAGE_ORPHAN_MS;
	g->timer = loop_timer_new(c->loop, garbage_tick, g);
	loop_timer_start(g->timer, GARBAGE_PERIOD_MS, GARBAGE_PERIOD_MS);
	return g;
}

void controller_garbage_free(struct controller_garbage *g)
{
	if (!g)
		return;
	loop_timer_close(g->timer);
	map_fini_values(&g->absent, free);
	free(g);
}
