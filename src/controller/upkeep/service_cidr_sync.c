/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver of the ServiceCIDR controller; its core is service_cidr.c. There are a few such
 * objects, and they hardly ever change: it lists them every CIDR_PERIOD_MS. The addresses, of which
 * there are as many as Services, are not kept: they are listed while a deletion waits for them.
 */
#define LOG_COMPONENT "controller"
#include "base/log.h"
#include "base/vec.h"
#include "client/queue.h"
#include "controller/upkeep/drivers.h"
#include "controller/upkeep/service_cidr.h"
#include "loop/loop.h"

enum {
	CIDR_PERIOD_MS = 1000,
};

struct controller_cidr_sync {
	struct controllers *c;
	struct loop_timer *timer;
	struct client_request *request; /* one at a time */
	struct arena arena;             /* of the round */
	struct controller_cidrs cidrs;
	unsigned n_writes;
};

static void round_end(struct controller_cidr_sync *s)
{
	controller_cidrs_fini(&s->cidrs);
	arena_clear(&s->arena);
}

static void on_written(void *ctx, const struct controller_written *w)
{
	struct controller_cidr_sync *s = ctx;

	s->n_writes--;
	if (w->r < 0 && w->r != ERR_CONFLICT && w->r != ERR_NOT_FOUND)
		log_warning("servicecidr: a write failed error=\"%s\"", w->err->msg);
}

static void apply(struct controller_cidr_sync *s, const struct controller_cidr *cidr,
		  enum controller_cidr_step step)
{
	const struct clock *clock = loop_clock(s->c->loop);
	struct controller_writes *w;
	bool is_up = step == CONTROLLER_CIDR_FINALIZE || step == CONTROLLER_CIDR_READY;

	if (step == CONTROLLER_CIDR_NOTHING)
		return;
	w = controller_writes_new(s->c, api_kind_of("ServiceCIDR"), (struct str){0});
	if (step == CONTROLLER_CIDR_READY || step == CONTROLLER_CIDR_BLOCKED)
		controller_writes_patch_status(
			w, cidr->name,
			controller_cidr_status(&s->arena, is_up, clock->wall_ns(clock)));
	else
		controller_writes_add(w, HTTP_PATCH, cidr->name, "application/merge-patch+json",
				      controller_cidr_finalizers(&s->arena, cidr, is_up));
	s->n_writes++;
	controller_writes_run(w, on_written, s);
}

static void apply_all(struct controller_cidr_sync *s, const struct json *addresses)
{
	const struct clock *clock = loop_clock(s->c->loop);

	vec_foreach(cidr, &s->cidrs.all)
		apply(s, cidr,
		      controller_cidr_next(&s->cidrs, cidr, addresses, clock->wall_ns(clock)));
	round_end(s);
}

static void ask(struct controller_cidr_sync *s, const char *kind, const char *query, client_fn fn)
{
	struct client_call call = {
		.method = HTTP_GET, .kind = api_kind_of(kind), .query = str_of(query)};

	s->request = client_send(s->c->client, &call, fn, s);
}

static void on_addresses(void *ctx, int r, struct json *obj, const struct err *err)
{
	struct controller_cidr_sync *s = ctx;

	s->request = NULL;
	if (r < 0)
		round_end(s); /* nothing is decided on what is not known */
	else
		apply_all(s, obj);
}

static void on_cidrs(void *ctx, int r, struct json *obj, const struct err *err)
{
	struct controller_cidr_sync *s = ctx;
	bool needs = false;

	s->request = NULL;
	if (r < 0) {
		log_debug("servicecidr: the list failed error=\"%s\"", err->msg);
		return;
	}
	controller_cidrs_init(&s->cidrs, json_clone(&s->arena, obj));
	vec_foreach(cidr, &s->cidrs.all)
		needs = needs || controller_cidr_needs_addresses(&s->cidrs, cidr);
	if (needs)
		ask(s, "IPAddress", "labelSelector=" CONTROLLER_CIDR_ADDRESSES, on_addresses);
	else
		apply_all(s, NULL);
}

static void on_tick(void *ctx)
{
	struct controller_cidr_sync *s = ctx;

	if (s->c->is_synced && !s->request && !s->n_writes)
		ask(s, "ServiceCIDR", NULL, on_cidrs);
}

struct controller_cidr_sync *controller_cidr_sync_new(struct controllers *c)
{
	struct controller_cidr_sync *s = mem_xnew(struct controller_cidr_sync);

	s->c = c;
	arena_init(&s->arena, 0);
	s->timer = loop_timer_new(c->loop, on_tick, s);
	loop_timer_start(s->timer, CIDR_PERIOD_MS, CIDR_PERIOD_MS);
	return s;
}

void controller_cidr_sync_free(struct controller_cidr_sync *s)
{
	if (!s)
		return;
	if (s->request)
		client_cancel(s->request);
	loop_timer_close(s->timer);
	controller_cidrs_fini(&s->cidrs);
	arena_fini(&s->arena);
	free(s);
}
