/* SPDX-License-Identifier: Apache-2.0 */
#define LOG_COMPONENT "agent"
#include "agent/report.h"

#include "base/log.h"
#include "loop/loop.h"

#include <stdlib.h>

enum {
	REPORT_RETRY_MS = 1000,
};

static void retry(void *ctx)
{
	struct agent_report *r = ctx;

	r->place->on_change(r->place);
}

void agent_report_init(struct agent_report *r, struct agent_place *p)
{
	*r = (struct agent_report){
		.place = p,
		.timer = loop_timer_new(p->agent->loop, retry, r),
	};
}

void agent_report_fini(struct agent_report *r)
{
	if (r->status)
		client_cancel(r->status);
	if (r->deletion)
		client_cancel(r->deletion);
	loop_timer_close(r->timer);
	free(r->sent);
}

bool agent_report_is_busy(const struct agent_report *r)
{
	return r->status;
}

static void on_status(void *ctx, int e, struct json *obj, const struct err *err)
{
	struct agent_report *r = ctx;
	const struct api_meta *meta = r->place->obj->meta;

	r->status = NULL;
	if (e < 0 && e != ERR_NOT_FOUND) {
		log_warning("status of a Pod is not accepted, trying again pod=%.*s/%.*s error=%s",
			    STR_ARG(meta->ns), STR_ARG(meta->name), err->msg);
		free(r->sent);
		r->sent = NULL;
		loop_timer_start(r->timer, REPORT_RETRY_MS, 0);
		return;
	}
	/* What changed meanwhile. */
	r->place->on_change(r->place);
}

static struct client_call call_of(const struct agent_report *r, enum http_method method,
				  struct json *body)
{
	const struct client_object *o = r->place->obj;

	return (struct client_call){.method = method,
				    .kind = o->kind,
				    .ns = o->meta->ns,
				    .name = o->meta->name,
				    .body = body};
}

static void send(struct agent_report *r, struct arena *a, struct json *status)
{
	struct json *patch = json_new(a, JSON_OBJECT), *meta = json_new(a, JSON_OBJECT);
	struct client_call call = call_of(r, HTTP_PATCH, patch);

	call.subresource = STR("status");
	call.content_type = "application/merge-patch+json";
	/* Another Pod of the same name must not get it. */
	json_set(meta, "uid", json_new_string(a, r->place->obj->meta->uid));
	json_set(patch, "metadata", meta);
	json_set(patch, "status", status);
	r->status = client_send(r->place->agent->client, &call, on_status, r);
}

void agent_report_status(struct agent_report *r, struct arena *a, struct json *status)
{
	struct buf text = BUF_INIT;

	if (r->status)
		return;
	json_write(&text, status);
	if (!r->sent || strcmp(r->sent, text.ptr) != 0) {
		free(r->sent);
		r->sent = buf_detach(&text);
		send(r, a, status);
	}
	buf_fini(&text);
}

static void on_deleted(void *ctx, int e, struct json *obj, const struct err *err)
{
	struct agent_report *r = ctx;
	const struct api_meta *meta = r->place->obj->meta;

	r->deletion = NULL;
	/* The watch tells that it is gone; a conflict means that another Pod has the name now. */
	if (e == 0 || e == ERR_NOT_FOUND || e == ERR_CONFLICT)
		return;
	log_warning("Pod is not deleted, trying again pod=%.*s/%.*s error=%s", STR_ARG(meta->ns),
		    STR_ARG(meta->name), err->msg);
	loop_timer_start(r->timer, REPORT_RETRY_MS, 0);
}

void agent_report_deletion(struct agent_report *r)
{
	struct json *options, *conditions;
	struct client_call call;
	struct arena a;

	if (r->deletion || loop_timer_is_armed(r->timer))
		return;
	if (r->status)
		client_cancel(TAKE_PTR(r->status));
	arena_init(&a, 0);
	options = json_new(&a, JSON_OBJECT);
	conditions = json_object_at(&a, options, "preconditions");
	json_set(options, "kind", json_new_string(&a, STR("DeleteOptions")));
	json_set(options, "apiVersion", json_new_string(&a, STR("v1")));
	json_set(options, "gracePeriodSeconds", json_new_int(&a, 0));
	json_set(conditions, "uid", json_new_string(&a, r->place->obj->meta->uid));
	call = call_of(r, HTTP_DELETE, options);
	r->deletion = client_send(r->place->agent->client, &call, on_deleted, r);
	arena_fini(&a);
}
