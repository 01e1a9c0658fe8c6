/* SPDX-License-Identifier: Apache-2.0 */
/* The driver of the scheduler; its core is schedule.c. */
#define LOG_COMPONENT "controller"
#include "base/log.h"
#include "base/map.h"
#include "base/vec.h"
#include "client/queue.h"
#include "controller/workload/drivers.h"
#include "controller/workload/replicas.h"
#include "controller/workload/schedule.h"

#include <string.h>

enum {
	SCHEDULE_BASE_MS = 100,
	SCHEDULE_MAX_MS = 10000,
	SCHEDULE_WORKERS = 32,
	SCHEDULE_AGAIN_MS = 5000, /* when no node could take the Pod; a Node's change is sooner */
};

struct controller_scheduler {
	struct controllers *c;
	struct client_queue *queue; /* "ns/name" of Pods */
	struct map counts;          /* node -> size_t: Pods bound to it */
	struct map assumed;         /* Pod -> char *: the node that it was just bound to */
};

static void count(struct controller_scheduler *s, struct str node, int by)
{
	size_t *n = map_get(&s->counts, node);

	if (!node.len)
		return;
	if (!n) {
		n = mem_xnew(size_t);
		map_put(&s->counts, node, n);
	}
	*n += (size_t)by;
}

static void assume(struct controller_scheduler *s, struct str key, struct str node)
{
	char *old = map_remove(&s->assumed, key);

	if (old)
		count(s, str_of(old), -1);
	free(old);
	if (!node.len)
		return;
	map_put(&s->assumed, key, mem_xstrndup(node.ptr, node.len));
	count(s, node, 1);
}

void controller_scheduler_pod(struct controller_scheduler *s, const struct api_pod *before,
			      const struct api_pod *after)
{
	const struct api_meta *meta = after ? &after->meta : &before->meta;
	struct arena a;
	struct str key;

	arena_init(&a, 512);
	key = controller_key(&a, meta->ns, meta->name);
	if (!after || after->node_name.len)
		assume(s, key, (struct str){0});
	if (before)
		count(s, before->node_name, -1);
	if (after)
		count(s, after->node_name, 1);
	if (after && controller_pod_is_waiting(after))
		client_queue_add(s->queue, key);
	arena_fini(&a);
}

static void requeue(void *ctx, struct client_object *o)
{
	controller_scheduler_pod(ctx, o->view, o->view);
}

void controller_scheduler_node(struct controller_scheduler *s)
{
	if (s->c->is_synced)
		client_reflector_each_in(s->c->pods, INDEX_NODE, STR(""), requeue, s);
}

struct seats_visit {
	struct controller_scheduler *s;
	VEC(struct controller_seat) seats;
};

/* Where a Pod is, or is about to be. */
static struct str seat_of(struct controller_scheduler *s, const struct api_pod *pod)
{
	const char *assumed = NULL;
	struct arena a;

	if (pod->node_name.len)
		return pod->node_name;
	arena_init(&a, 512);
	assumed = map_get(&s->assumed, controller_key(&a, pod->meta.ns, pod->meta.name));
	arena_fini(&a);
	return str_of(assumed);
}

static void visit_sibling(void *ctx, struct client_object *o)
{
	struct seats_visit *v = ctx;
	const struct api_pod *pod = o->view;
	struct str node = seat_of(v->s, pod);

	if (!controller_pod_is_active(pod) || !node.len)
		return;
	vec_foreach(seat, &v->seats)
		if (str_eq(seat->node->meta.name, node))
			seat->n_siblings++;
}

static void visit_node(void *ctx, struct client_object *o)
{
	struct seats_visit *v = ctx;
	const struct api_node *node = o->view;
	const size_t *n = map_get(&v->s->counts, node->meta.name);

	*vec_push(&v->seats) = (struct controller_seat){.node = node, .n_pods = n ? *n : 0};
}

static const struct api_node *pick(struct controller_scheduler *s, const struct api_pod *pod,
				   size_t ret_unfit[CONTROLLER_N_FITS])
{
	const struct api_owner *owner = controller_owner(&pod->meta);
	struct seats_visit v = {.s = s};
	const struct api_node *node;

	client_reflector_each(s->c->nodes, visit_node, &v);
	if (owner)
		client_reflector_each_in(s->c->pods, INDEX_OWNER, owner->uid, visit_sibling, &v);
	node = controller_schedule(pod, v.seats.ptr, v.seats.len, ret_unfit);
	vec_fini(&v.seats);
	return node;
}

struct schedule_run {
	struct controller_scheduler *s;
	char key[];
};

static void bound(void *ctx, const struct controller_written *w)
{
	struct schedule_run *run = ctx;
	struct controller_scheduler *s = run->s;
	struct str key = str_of(run->key);

	if (w->r < 0)
		assume(s, key, (struct str){0});
	if (w->r < 0 && w->r != ERR_NOT_FOUND && w->r != ERR_CONFLICT)
		log_warning("scheduler: binding failed pod=%s error=\"%s\"", run->key, w->err->msg);
	client_queue_done(s->queue, key, w->r == 0 || w->r == ERR_NOT_FOUND);
}

static struct json *binding(struct arena *a, const struct api_pod *pod, const struct api_node *node)
{
	struct json *b = json_new(a, JSON_OBJECT), *meta = json_new(a, JSON_OBJECT);
	struct json *target = json_new(a, JSON_OBJECT);

	json_set(meta, "name", json_new_string(a, pod->meta.name));
	json_set(meta, "namespace", json_new_string(a, pod->meta.ns));
	json_set(meta, "uid", json_new_string(a, pod->meta.uid));
	json_set(target, "apiVersion", json_new_string(a, STR("v1")));
	json_set(target, "kind", json_new_string(a, STR("Node")));
	json_set(target, "name", json_new_string(a, node->meta.name));
	json_set(b, "apiVersion", json_new_string(a, STR("v1")));
	json_set(b, "kind", json_new_string(a, STR("Binding")));
	json_set(b, "metadata", meta);
	json_set(b, "target", target);
	return b;
}

static void tell_unfit(struct controllers *c, const struct api_pod *pod,
		       const size_t unfit[CONTROLLER_N_FITS])
{
	struct arena a;

	arena_init(&a, 512);
	client_event(c->scheduler_events, "v1", "Pod", &pod->meta, CLIENT_EVENT_WARNING,
		     "FailedScheduling", "%.*s",
		     STR_ARG(controller_unfit_text(&a, unfit, client_reflector_len(c->nodes))));
	arena_fini(&a);
}

static void schedule_work(void *ctx, struct str key)
{
	struct controller_scheduler *s = ctx;
	struct controllers *c = s->c;
	const struct api_node *node;
	const struct api_pod *pod;
	struct controller_writes *w;
	struct client_object *o;
	struct schedule_run *run;
	size_t unfit[CONTROLLER_N_FITS];
	struct str ns, name;
	struct arena a;

	if (!c->is_synced) {
		client_queue_done(s->queue, key, true);
		client_queue_add_after(s->queue, key, SCHEDULE_BASE_MS);
		return;
	}
	controller_key_split(key, &ns, &name);
	o = client_reflector_get(c->pods, ns, name);
	pod = o ? o->view : NULL;
	if (!pod || !controller_pod_is_waiting(pod) || map_get(&s->assumed, key)) {
		client_queue_done(s->queue, key, true);
		return;
	}
	node = pick(s, pod, unfit);
	if (!node) {
		tell_unfit(c, pod, unfit);
		client_queue_done(s->queue, key, true);
		client_queue_add_after(s->queue, key, SCHEDULE_AGAIN_MS);
		return;
	}
	w = controller_writes_new(c, api_kind_of("Pod"), ns);
	run = controller_writes_alloc(w, sizeof(*run) + key.len + 1);
	run->s = s;
	memcpy(run->key, key.ptr, key.len);
	arena_init(&a, 1024);
	controller_writes_post(w, name, "binding", binding(&a, pod, node));
	controller_writes_tell(w, c->scheduler_events, api_kind_of("Pod"), &pod->meta, "Scheduled",
			       str_printf(&a, "Successfully assigned %.*s to %.*s", STR_ARG(key),
					  STR_ARG(node->meta.name)));
	arena_fini(&a);
	assume(s, key, node->meta.name);
	controller_writes_run(w, bound, run);
}

struct controller_scheduler *controller_scheduler_new(struct controllers *c)
{
	static const struct client_queue_config config = {
		.name = "scheduler",
		.base_ms = SCHEDULE_BASE_MS,
		.max_ms = SCHEDULE_MAX_MS,
		.workers = SCHEDULE_WORKERS,
	};
	struct controller_scheduler *s = mem_xnew(struct controller_scheduler);

	s->c = c;
	s->queue = client_queue_new(c->loop, &config, schedule_work, s);
	return s;
}

void controller_scheduler_free(struct controller_scheduler *s)
{
	if (!s)
		return;
	client_queue_free(s->queue);
	map_fini_values(&s->counts, free);
	map_fini_values(&s->assumed, free);
	free(s);
}
