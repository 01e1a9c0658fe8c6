/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/leader.h"

#include "client/client.h"
#include "loop/loop.h"

#include <string.h>

enum {
	CALL_MS = 3000,
};

struct leader {
	struct loop *loop;
	struct client *client;
	struct leader_config config;
	struct arena arena; /* of the config's strings */
	struct client_request *request;
	struct loop_timer *timer;    /* the next look or renewal */
	struct loop_timer *deadline; /* leads: no longer, then */
	bool leads;
	struct buf seen_rev; /* the Lease's resourceVersion when it was last seen */
	int64_t seen_ms;     /* … and when it was first seen so */
	int64_t sent_ms;     /* the write under way */
	void (*released)(void *ctx);
	void *released_ctx;
};

static int64_t now_ms(const struct leader *l)
{
	return clock_mono_ms(loop_clock(l->loop));
}

static void set_leads(struct leader *l, bool leads)
{
	if (!leads)
		loop_timer_stop(l->deadline);
	if (l->leads == leads)
		return;
	l->leads = leads;
	l->config.on_change(l->config.ctx, leads);
}

static void again(struct leader *l, int64_t after_ms)
{
	loop_timer_start(l->timer, after_ms, 0);
}

static struct json *text(struct arena *a, const char *s)
{
	return json_new_string(a, str_of(s));
}

static bool holds(const struct leader *l, const struct json *lease)
{
	return str_eq_c(json_get_string(json_get(lease, "spec"), "holderIdentity"),
			l->config.identity);
}

static void on_written(void *ctx, int r, struct json *obj, const struct err *err)
{
	struct leader *l = ctx;

	l->request = NULL;
	if (l->released) {
		l->released(l->released_ctx);
		return;
	}
	if (r < 0) { /* another one was faster, or nobody answers: the deadline decides */
		again(l, l->config.look_ms);
		return;
	}
	loop_timer_start(l->deadline, l->sent_ms + l->config.deadline_ms - now_ms(l), 0);
	again(l, l->config.renew_ms);
	set_leads(l, true);
}

static void send(struct leader *l, enum http_method method, const struct json *body, client_fn fn)
{
	struct client_call call = {
		.method = method,
		.kind = api_kind_of("Lease"),
		.ns = STR("kube-system"),
		.name = str_of(method == HTTP_POST ? NULL : l->config.name),
		.body = body,
		.timeout_ms = CALL_MS,
	};

	l->sent_ms = now_ms(l);
	l->request = client_send(l->client, &call, fn, l);
}

/* The Lease as this one holds it, or (with `frees`) gives it back. */
static void fill(struct leader *l, struct arena *a, struct json *lease, bool frees)
{
	char buf[CLOCK_RFC3339_MAX];
	const struct clock *clock = loop_clock(l->loop);
	struct str now = str_dup(a, clock_format(buf, clock->wall_ns(clock), 6));
	struct json *spec = json_object_at(a, lease, "spec");
	int64_t seconds = frees ? 1 : (l->config.lease_ms + 999) / 1000;

	if (!holds(l, lease)) {
		json_set(spec, "acquireTime", json_new_string(a, now));
		json_set(spec, "leaseTransitions",
			 json_new_int(a, json_get_int(spec, "leaseTransitions", -1) + 1));
	}
	json_set(spec, "holderIdentity", text(a, frees ? "" : l->config.identity));
	json_set(spec, "leaseDurationSeconds", json_new_int(a, seconds));
	json_set(spec, "renewTime", json_new_string(a, now));
}

static void create(struct leader *l)
{
	struct json *lease, *meta;
	struct arena a;

	arena_init(&a, 0);
	lease = json_new(&a, JSON_OBJECT);
	meta = json_object_at(&a, lease, "metadata");
	json_set(lease, "apiVersion", text(&a, "coordination.k8s.io/v1"));
	json_set(lease, "kind", text(&a, "Lease"));
	json_set(meta, "name", text(&a, l->config.name));
	fill(l, &a, lease, false);
	send(l, HTTP_POST, lease, on_written);
	arena_fini(&a);
}

/* The resourceVersion that was read guards the write. */
static void write_lease(struct leader *l, const struct json *got, bool frees)
{
	struct json *lease;
	struct arena a;

	arena_init(&a, 0);
	lease = json_clone(&a, got);
	fill(l, &a, lease, frees);
	send(l, HTTP_PUT, lease, on_written);
	arena_fini(&a);
}

static bool is_free(struct leader *l, const struct json *lease)
{
	struct str rev = json_get_string(json_get(lease, "metadata"), "resourceVersion");

	if (!str_eq(rev, buf_str(&l->seen_rev))) {
		buf_clear(&l->seen_rev);
		buf_add_str(&l->seen_rev, rev);
		l->seen_ms = now_ms(l);
	}
	return !json_get_string(json_get(lease, "spec"), "holderIdentity").len ||
	       now_ms(l) - l->seen_ms >= l->config.lease_ms;
}

static void on_read(void *ctx, int r, struct json *obj, const struct err *err)
{
	struct leader *l = ctx;

	l->request = NULL;
	if (l->released && (r < 0 || !holds(l, obj))) {
		l->released(l->released_ctx);
	} else if (l->released) {
		write_lease(l, obj, true);
	} else if (r == ERR_NOT_FOUND) {
		create(l);
	} else if (r < 0) {
		again(l, l->config.look_ms);
	} else if (holds(l, obj) || is_free(l, obj)) {
		write_lease(l, obj, false);
	} else {
		again(l, l->config.look_ms);
		set_leads(l, false);
	}
}

static void on_timer(void *ctx)
{
	struct leader *l = ctx;

	if (!l->request)
		send(l, HTTP_GET, NULL, on_read);
}

static void on_deadline(void *ctx)
{
	set_leads(ctx, false);
}

static int64_t or_default(int64_t ms, int64_t fallback)
{
	return ms ? ms : fallback;
}

struct leader *leader_new(struct loop *loop, struct client *c, const struct leader_config *config)
{
	struct leader *l = mem_xnew(struct leader);

	l->loop = loop;
	l->client = c;
	arena_init(&l->arena, 256);
	buf_init(&l->seen_rev);
	l->config = *config;
	l->config.name = arena_strdup(&l->arena, config->name);
	l->config.identity = arena_strdup(&l->arena, config->identity);
	l->config.lease_ms = or_default(config->lease_ms, 12000);
	l->config.deadline_ms = or_default(config->deadline_ms, 8000);
	l->config.renew_ms = or_default(config->renew_ms, 2000);
	l->config.look_ms = or_default(config->look_ms, 250);
	l->timer = loop_timer_new(loop, on_timer, l);
	l->deadline = loop_timer_new(loop, on_deadline, l);
	again(l, 0);
	return l;
}

void leader_release(struct leader *l, void (*done)(void *ctx), void *ctx)
{
	bool leads = l->leads;

	loop_timer_stop(l->timer);
	loop_timer_stop(l->deadline);
	l->leads = false;
	if (!leads) {
		done(ctx);
		return;
	}
	l->released = done;
	l->released_ctx = ctx;
	if (l->request)
		client_cancel(l->request);
	send(l, HTTP_GET, NULL, on_read);
}

void leader_free(struct leader *l)
{
	if (!l)
		return;
	if (l->request)
		client_cancel(l->request);
	loop_timer_close(l->timer);
	loop_timer_close(l->deadline);
	buf_fini(&l->seen_rev);
	arena_fini(&l->arena);
	free(l);
}
