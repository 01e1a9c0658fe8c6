/* SPDX-License-Identifier: Apache-2.0 */
/* The driver of the node controller; its core is node.c. */
#define LOG_COMPONENT "controller"
#include "base/log.h"
#include "base/map.h"
#include "controller/upkeep/drivers.h"
#include "controller/upkeep/node.h"
#include "loop/loop.h"

enum {
	NODE_GRACE_MS = 40000,
	NODE_PERIOD_MS = 1000,
};

struct controller_node {
	struct controllers *c;
	struct loop_timer *timer;
	struct map pulses; /* node -> struct controller_pulse */
};

static const struct api_lease *node_lease(struct controllers *c, struct str node)
{
	struct client_object *o = client_reflector_get(c->leases, STR("kube-node-lease"), node);

	return o ? o->view : NULL;
}

static struct json *condition(struct arena *a, struct controllers *c, const char *status,
			      const char *reason, const char *message)
{
	const struct clock *clock = loop_clock(c->loop);
	struct json *cond = json_new(a, JSON_OBJECT), *all = json_new(a, JSON_ARRAY);
	struct json *patch = json_new(a, JSON_OBJECT), *st = json_new(a, JSON_OBJECT);
	char text[CLOCK_RFC3339_MAX];
	struct str now = str_dup(a, clock_format(text, clock->wall_ns(clock), 0));

	json_set(cond, "type", json_new_string(a, STR("Ready")));
	json_set(cond, "status", json_new_string(a, str_of(status)));
	json_set(cond, "reason", json_new_string(a, str_of(reason)));
	json_set(cond, "message", json_new_string(a, str_of(message)));
	json_set(cond, "lastTransitionTime", json_new_string(a, now));
	json_append(all, cond);
	json_set(st, "conditions", all);
	json_set(patch, "status", st);
	return patch;
}

static void patch_answered(void *ctx, const struct controller_written *w)
{
	if (w->r < 0 && w->r != ERR_NOT_FOUND)
		log_warning("node: writing a status failed error=\"%s\"", w->err->msg);
}

/* Looks again at the next period, so a failed patch needs no memory. */
static void send_patch(struct controllers *c, const char *kind, const struct api_meta *meta,
		       const char *status, const char *reason, const char *message)
{
	struct controller_writes *w = controller_writes_new(c, api_kind_of(kind), meta->ns);
	struct arena a;

	arena_init(&a, 2048);
	controller_writes_patch_status(w, meta->name, condition(&a, c, status, reason, message));
	controller_writes_run(w, patch_answered, NULL);
	arena_fini(&a);
}

struct pods_visit {
	struct controller_node *n;
	bool is_silent;
};

static void visit_pod(void *ctx, struct client_object *o)
{
	const struct pods_visit *v = ctx;
	const struct api_pod *pod = o->view;

	switch (controller_pod_health(pod, v->is_silent)) {
	case CONTROLLER_HEALTH_LOST:
		send_patch(v->n->c, "Pod", &pod->meta, "False", POD_LOST_REASON,
			   "The node's agent stopped renewing its lease.");
		break;
	case CONTROLLER_HEALTH_BACK:
		send_patch(v->n->c, "Pod", &pod->meta, "True", "NodeReady",
			   "The node's agent renews its lease again.");
		break;
	case CONTROLLER_HEALTH_KEEP:
		break;
	}
}

static void visit_node(void *ctx, struct client_object *o)
{
	struct controller_node *n = ctx;
	struct controllers *c = n->c;
	const struct api_node *node = o->view;
	const struct api_lease *lease = node_lease(c, node->meta.name);
	struct controller_pulse *p = map_get(&n->pulses, node->meta.name);
	struct pods_visit v = {.n = n};
	int64_t silence;

	if (!lease)
		return;
	if (!p) {
		p = mem_xnew(struct controller_pulse);
		map_put(&n->pulses, node->meta.name, p);
	}
	silence = controller_pulse_silence_ms(p, lease, clock_mono_ms(loop_clock(c->loop)));
	v.is_silent = silence > c->config.node_grace_ms;
	switch (controller_node_health(node, v.is_silent)) {
	case CONTROLLER_HEALTH_LOST:
		log_warning("node: silent, its Pods leave the endpoints node=%.*s silent_ms=%lld",
			    STR_ARG(node->meta.name), (long long)silence);
		client_event(c->events, "v1", "Node", &node->meta, CLIENT_EVENT_NORMAL,
			     "NodeNotReady", "Node %.*s status is now: NodeNotReady",
			     STR_ARG(node->meta.name));
		send_patch(c, "Node", &node->meta, "Unknown", NODE_LOST_REASON,
			   "The node's agent stopped renewing its lease.");
		break;
	case CONTROLLER_HEALTH_BACK:
		log_info("node: back node=%.*s", STR_ARG(node->meta.name));
		send_patch(c, "Node", &node->meta, "True", "LeaseRenewed",
			   "The node's agent renews its lease again.");
		break;
	case CONTROLLER_HEALTH_KEEP:
		break;
	}
	client_reflector_each_in(c->pods, INDEX_NODE, node->meta.name, visit_pod, &v);
}

static void node_tick(void *ctx)
{
	struct controller_node *n = ctx;

	if (!n->c->is_synced)
		return;
	client_reflector_each(n->c->nodes, visit_node, n);
	map_foreach(e, &n->pulses)
		if (!controller_find_node(n->c, map_key(e)))
			free(map_remove(&n->pulses, map_key(e)));
}

struct controller_node *controller_node_new(struct controllers *c)
{
	struct controller_node *n = mem_xnew(struct controller_node);

	n->c = c;
	if (!c->config.node_grace_ms)
		c->config.node_grace_ms = NODE_GRACE_MS;
	if (!c->config.node_period_ms)
		c->config.node_period_ms = NODE_PERIOD_MS;
	n->timer = loop_timer_new(c->loop, node_tick, n);
	loop_timer_start(n->timer, c->config.node_period_ms, c->config.node_period_ms);
	return n;
}

void controller_node_free(struct controller_node *n)
{
	if (!n)
		return;
	loop_timer_close(n->timer);
	map_fini_values(&n->pulses, free);
	free(n);
}
