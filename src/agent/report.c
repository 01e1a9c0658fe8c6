/* SPDX-License-Identifier: Apache-2.0 */
#define LOG_COMPONENT "agent"
#include "agent/agent-internal.h"

#include "base/log.h"

#include <stdlib.h>

enum {
	REPORT_RETRY_MS = 1000,
};

static void retry(void *ctx)
{
	agent_pod_sync(ctx);
}

static void retry_later(struct agent_pod *p)
{
	if (!p->report_timer)
		p->report_timer = loop_timer_new(p->agent->loop, retry, p);
	loop_timer_start(p->report_timer, REPORT_RETRY_MS, 0);
}

void agent_report_fini(struct agent_pod *p)
{
	if (p->report)
		client_cancel(p->report);
	if (p->deletion)
		client_cancel(p->deletion);
	if (p->report_timer)
		loop_timer_close(p->report_timer);
	free(p->reported);
}

static void fill(const struct agent_pod *p, struct agent_container_view *views,
		 struct agent_pod_view *v)
{
	const struct agent_config *config = &p->agent->config;

	for (size_t i = 0; i < p->n_containers; i++) {
		const struct agent_container *c = &p->containers[i];

		views[i] = (struct agent_container_view){.spec = c->spec,
							 .now = c->now,
							 .last = c->last,
							 .restarts = c->number,
							 .is_ready = c->is_ready,
							 .is_started = c->is_started};
	}
	*v = (struct agent_pod_view){
		.pod = agent_pod_view_of(p),
		.inits = views,
		.n_inits = p->n_inits,
		.containers = views + p->n_inits,
		.n_containers = p->n_containers - p->n_inits,
		.host_addrs = config->internal,
		.n_host_addrs = config->n_internal,
		.has_sandbox = p->stage == AGENT_STAGE_UP || p->stage == AGENT_STAGE_STOPPING,
		.started_ns = p->box ? p->box->started_ns : 0,
		.now_ns = clock_system.wall_ns(&clock_system),
		.reason = p->reason,
		.message = p->message,
	};
	if (p->box && p->box->has_host_network) {
		v->pod_addrs = config->internal;
		v->n_pod_addrs = config->n_internal;
	} else if (p->box) {
		v->pod_addrs = p->box->addrs;
		v->n_pod_addrs = p->box->n_addrs;
	}
}

static void on_reported(void *ctx, int r, struct json *obj, const struct err *err)
{
	struct agent_pod *p = ctx;

	p->report = NULL;
	if (r < 0 && r != ERR_NOT_FOUND) {
		log_warning("status of a Pod is not accepted, trying again pod=%.*s/%.*s error=%s",
			    STR_ARG(p->obj->meta->ns), STR_ARG(p->obj->meta->name), err->msg);
		free(p->reported);
		p->reported = NULL;
		retry_later(p);
		return;
	}
	/* What changed meanwhile. */
	agent_pod_sync(p);
}

static void send(struct agent_pod *p, struct arena *a, struct json *status)
{
	struct json *patch = json_new(a, JSON_OBJECT), *meta = json_new(a, JSON_OBJECT);
	struct client_call call = {.method = HTTP_PATCH,
				   .kind = p->obj->kind,
				   .ns = p->obj->meta->ns,
				   .name = p->obj->meta->name,
				   .subresource = STR("status"),
				   .content_type = "application/merge-patch+json",
				   .body = patch};

	/* Another Pod of the same name must not get it. */
	json_set(meta, "uid", json_new_string(a, p->obj->meta->uid));
	json_set(patch, "metadata", meta);
	json_set(patch, "status", status);
	p->report = client_send(p->agent->client, &call, on_reported, p);
}

void agent_report_status(struct agent_pod *p)
{
	struct agent_container_view *views;
	struct agent_pod_view v;
	struct buf text = BUF_INIT;
	struct json *status;
	struct arena arena;

	if (p->report || p->stage == AGENT_STAGE_GONE || (p->is_adopted && !p->reason))
		return;
	arena_init(&arena, 0);
	views = arena_array(&arena, p->n_containers, sizeof(*views));
	fill(p, views, &v);
	agent_status_advance(&v, p->transitions);
	v.transitions = p->transitions;
	status = p->is_adopted ? agent_status_make_reason(&arena, &v)
			       : agent_status_make(&arena, &v);
	json_write(&text, status);
	if (!p->reported || strcmp(p->reported, text.ptr) != 0) {
		free(p->reported);
		p->reported = buf_detach(&text);
		send(p, &arena, status);
	}
	buf_fini(&text);
	arena_fini(&arena);
}

static void on_deleted(void *ctx, int r, struct json *obj, const struct err *err)
{
	struct agent_pod *p = ctx;

	p->deletion = NULL;
	/* The watch tells that it is gone; a conflict means that another Pod has the name now. */
	if (r == 0 || r == ERR_NOT_FOUND || r == ERR_CONFLICT)
		return;
	log_warning("Pod is not deleted, trying again pod=%.*s/%.*s error=%s",
		    STR_ARG(p->obj->meta->ns), STR_ARG(p->obj->meta->name), err->msg);
	retry_later(p);
}

void agent_report_deletion(struct agent_pod *p)
{
	struct json *options, *conditions;
	struct arena a;

	if (p->deletion || (p->report_timer && loop_timer_is_armed(p->report_timer)))
		return;
	if (p->report) {
		client_cancel(p->report);
		p->report = NULL;
	}
	arena_init(&a, 0);
	options = json_new(&a, JSON_OBJECT);
	conditions = json_object_at(&a, options, "preconditions");
	json_set(options, "kind", json_new_string(&a, STR("DeleteOptions")));
	json_set(options, "apiVersion", json_new_string(&a, STR("v1")));
	json_set(options, "gracePeriodSeconds", json_new_int(&a, 0));
	json_set(conditions, "uid", json_new_string(&a, p->obj->meta->uid));
	p->deletion = client_send(p->agent->client,
				  &(struct client_call){.method = HTTP_DELETE,
							.kind = p->obj->kind,
							.ns = p->obj->meta->ns,
							.name = p->obj->meta->name,
							.body = options},
				  on_deleted, p);
	arena_fini(&a);
}
