/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver of aggregate.c. There are a few dozen ClusterRoles, which hardly ever change: when one
 * has, all are listed, and those that are made of others are put right. What was written is a
 * change, too, so it ends when nothing is left to write.
 */
#define LOG_COMPONENT "controller"
#include "base/log.h"
#include "controller/upkeep/aggregate.h"
#include "controller/upkeep/drivers.h"
#include "loop/loop.h"

enum {
	AGGREGATE_WAIT_MS = 50,    /* many changes are one round */
	AGGREGATE_RETRY_MS = 1000, /* after a round that failed */
};

struct controller_aggregate {
	struct controllers *c;
	struct loop_timer *timer;
	struct client_request *request; /* one at a time */
	unsigned n_writes;
	bool is_failed, is_changed; /* since the round began */
};

static void again(struct controller_aggregate *g, int64_t after_ms)
{
	if (!loop_timer_is_armed(g->timer))
		loop_timer_start(g->timer, after_ms, 0);
}

static void round_end(struct controller_aggregate *g)
{
	if (g->request || g->n_writes)
		return;
	if (g->is_failed)
		again(g, AGGREGATE_RETRY_MS);
	else if (g->is_changed)
		again(g, AGGREGATE_WAIT_MS);
}

static void on_written(void *ctx, const struct controller_written *w)
{
	struct controller_aggregate *g = ctx;

	g->n_writes--;
	if (w->r < 0 && w->r != ERR_NOT_FOUND) {
		log_warning("aggregation: a role cannot be written error=\"%s\"", w->err->msg);
		g->is_failed = true;
	}
	round_end(g);
}

static void put_right(struct controller_aggregate *g, struct arena *a, const struct json *role,
		      struct json *rules)
{
	const struct api_kind *kind = api_kind_of("ClusterRole");
	struct controller_writes *w = controller_writes_new(g->c, kind, (struct str){0});
	struct json *patch = json_new(a, JSON_OBJECT);

	json_set(patch, "rules", rules);
	controller_writes_merge(w, kind, json_string(json_path(role, "metadata.name")), NULL,
				patch);
	g->n_writes++;
	controller_writes_run(w, on_written, g);
}

static void on_roles(void *ctx, int r, struct json *obj, const struct err *err)
{
	struct controller_aggregate *g = ctx;
	const struct json *items = json_get(obj, "items");
	struct arena a;

	g->request = NULL;
	if (r < 0) {
		log_debug("aggregation: the list failed error=\"%s\"", err->msg);
		g->is_failed = true;
	} else if (json_is(items, JSON_ARRAY)) {
		arena_init(&a, 0);
		json_foreach(role, items) {
			struct json *rules = controller_aggregated(&a, obj, role);

			if (rules)
				put_right(g, &a, role, rules);
		}
		arena_fini(&a);
	}
	round_end(g);
}

static void on_timer(void *ctx)
{
	struct controller_aggregate *g = ctx;
	struct client_call call = {.method = HTTP_GET, .kind = api_kind_of("ClusterRole")};

	if (g->request || g->n_writes)
		return;
	g->is_failed = g->is_changed = false;
	g->request = client_send(g->c->client, &call, on_roles, g);
}

void controller_aggregate_changed(struct controller_aggregate *g)
{
	g->is_changed = true;
	round_end(g);
}

struct controller_aggregate *controller_aggregate_new(struct controllers *c)
{
	struct controller_aggregate *g = mem_xnew(struct controller_aggregate);

	g->c = c;
	g->timer = loop_timer_new(c->loop, on_timer, g);
	return g;
}

void controller_aggregate_free(struct controller_aggregate *g)
{
	if (!g)
		return;
	if (g->request)
		client_cancel(g->request);
	loop_timer_close(g->timer);
	free(g);
}
