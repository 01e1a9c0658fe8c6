/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/engine.h"

#define LOG_COMPONENT "proxy"
#include "base/log.h"
#include "base/metrics.h"
#include "client/reflector.h"
#include "loop/loop.h"
#include "proxy/flows.h"
#include "svc/build.h"

#include <linux/netlink.h>

#define BY_SERVICE "service"

struct proxy_engine {
	struct loop *loop;
	struct proxy_backend *backend;
	struct svc_config *base; /* as given */
	struct svc_state state;  /* wanted; its table is NULL before the first */
	/* What the kernel held when stale flows were last deleted. It stays behind while the
	 * kernel refuses, so that what was deleted in between is not forgotten. */
	struct svc_table *settled;
	struct svc_claims_past settled_past;
	struct client_reflector *services, *slices, *node;
	struct loop_timer *flush, *retry, *settle, *verify;
	struct map dirty; /* "namespace/name" */
	struct netlink_socket flows;
	bool has_flows;
	bool is_node_changed, needs_sync, has_synced;
	int64_t retry_ms;
	int64_t waiting_since_ms; /* of the oldest change that the kernel does not have; 0: none */
	int64_t updated_ns;
};

static const double sync_buckets[] = {0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128,
				      0.256, 0.512, 1.024, 2.048, 4.096, 8.192, 16.384};

static struct metric sync_seconds = {
	.name = "kubeproxy_sync_proxy_rules_duration_seconds",
	.help = "Time to bring a change, or everything, to the kernel.",
	.kind = METRIC_HISTOGRAM,
	.buckets = sync_buckets,
	.n_buckets = ARRAY_LEN(sync_buckets)};
static struct metric sync_last = {.name = "kubeproxy_sync_proxy_rules_last_timestamp_seconds",
				  .help = "When the kernel was last brought up to date.",
				  .kind = METRIC_GAUGE};
static struct metric sync_failures = {
	.name = "kubeproxy_sync_proxy_rules_nftables_sync_failures_total",
	.help = "Transactions that the kernel refused.",
	.kind = METRIC_COUNTER};
static struct metric flows_deleted = {
	.name = "kubeproxy_conntrack_reconciler_deleted_entries_total",
	.help = "Stale flows that were deleted.",
	.kind = METRIC_COUNTER};
static struct metric revision = {.name = "fairlead_proxy_revision",
				 .help = "Revision of the API that the kernel reflects.",
				 .kind = METRIC_GAUGE,
				 .labels = {"resource"}};
static struct metric services_count = {
	.name = "fairlead_proxy_services", .help = "Services in the table.", .kind = METRIC_GAUGE};
static struct metric drifts = {.name = "fairlead_proxy_drift_total",
			       .help = "Times the kernel was found to differ from the table.",
			       .kind = METRIC_COUNTER};
static struct metric *const engine_metrics[] = {&sync_seconds,  &sync_last, &sync_failures,
						&flows_deleted, &revision,  &services_count,
						&drifts};

/* ---- from the caches to entries ---- */

static struct str key_of(struct arena *a, struct str ns, struct str name)
{
	return str_printf(a, "%.*s/%.*s", STR_ARG(ns), STR_ARG(name));
}

static struct str service_of(struct arena *a, const struct client_object *o)
{
	const struct api_endpoint_slice *s = o->view;

	return str_is_set(s->service) ? key_of(a, o->meta->ns, s->service) : (struct str){0};
}

static void slice_keys(const struct client_object *o, client_emit_fn emit, void *emit_ctx)
{
	struct arena a;
	struct str key;

	arena_init(&a, 256);
	key = service_of(&a, o);
	if (str_is_set(key))
		emit(emit_ctx, key);
	arena_fini(&a);
}

struct slice_list { /* a VEC */
	const struct api_endpoint_slice **ptr;
	size_t len, cap;
};

static void take_slice(void *ctx, struct client_object *o)
{
	struct slice_list *l = ctx;

	*vec_push(l) = o->view;
}

static struct svc_entry *build_entry(struct proxy_engine *e, const struct svc_config *c,
				     struct str key, const struct api_service *s)
{
	struct slice_list slices = {0};
	struct svc_entry *entry = NULL;

	if (svc_build_wants(s)) {
		client_reflector_each_in(e->slices, BY_SERVICE, key, take_slice, &slices);
		entry = svc_build_entry(c, s, slices.ptr, slices.len);
	}
	vec_fini(&slices);
	return entry;
}

static struct svc_entry *build_by_key(struct proxy_engine *e, struct str key)
{
	ptrdiff_t slash = str_find(key, '/');
	struct client_object *o = client_reflector_get(e->services, str_sub(key, 0, (size_t)slash),
						       str_skip(key, (size_t)slash + 1));

	return o ? build_entry(e, e->state.table->config, key, o->view) : NULL;
}

struct build_all {
	struct proxy_engine *e;
	struct svc_config *config;
	VEC(struct svc_entry *) entries;
};

static void build_one(void *ctx, struct client_object *o)
{
	struct build_all *b = ctx;
	struct svc_entry *entry;
	struct arena a;

	arena_init(&a, 256);
	entry = build_entry(b->e, b->config, key_of(&a, o->meta->ns, o->meta->name), o->view);
	if (entry)
		*vec_push(&b->entries) = entry;
	arena_fini(&a);
}

static struct svc_table *build_table(struct proxy_engine *e, struct svc_config *c)
{
	struct build_all b = {.e = e, .config = c};
	struct svc_table *t;

	client_reflector_each(e->services, build_one, &b);
	t = svc_table_new(c, b.entries.ptr, b.entries.len);
	vec_foreach(x, &b.entries)
		svc_entry_unref(*x);
	vec_fini(&b.entries);
	return t;
}

static const struct api_node *this_node(struct proxy_engine *e)
{
	struct client_object *o =
		client_reflector_get(e->node, (struct str){0}, e->base->node_name);

	return o ? o->view : NULL;
}

/* The first InternalIP of each family, else the first ExternalIP. */
static void add_node_addr(struct svc_config *c, const struct api_node *n, enum ip_family f)
{
	static const char *const types[] = {"InternalIP", "ExternalIP"};

	for (size_t t = 0; t < ARRAY_LEN(types); t++)
		for (size_t i = 0; i < n->n_addresses; i++) {
			const struct api_node_address *a = &n->addresses[i];

			if (!a->has_ip || ip_family(&a->ip) != f || !str_eq_c(a->type, types[t]))
				continue;
			c->node_addrs[c->n_node_addrs++] = a->ip;
			return;
		}
}

static struct svc_config *current_config(struct proxy_engine *e)
{
	const struct api_node *n = this_node(e);
	struct svc_config c = *e->base;

	if (n) {
		c.zone = n->zone;
		if (c.n_node_addrs == 0) {
			add_node_addr(&c, n, IP_V4);
			add_node_addr(&c, n, IP_V6);
		}
	}
	return svc_config_new(&c);
}

/* ---- what the caches need not hold ---- */

static void prune_service(void *view)
{
	struct api_service *s = view;
	struct api_pairs labels = s->meta.labels;

	client_reflector_prune_meta(&s->meta);
	if (api_pairs_has(&labels, SVC_PROXY_NAME_LABEL))
		s->meta.labels = labels;
	s->selector = (struct api_pairs){0};
	s->cluster_ips = (struct api_strs){0};
	s->external_name = s->lb_class = s->lb_ip = s->traffic_distribution = (struct str){0};
	for (size_t i = 0; i < s->n_ports; i++) {
		struct api_service_port *p = (struct api_service_port *)(uintptr_t)&s->ports[i];

		p->app_protocol = p->target_port.name = (struct str){0};
	}
}

static void prune_slice(void *view)
{
	struct api_endpoint_slice *s = view;

	client_reflector_prune_meta(&s->meta);
	for (size_t i = 0; i < s->n_ports; i++)
		((struct api_endpoint_port *)(uintptr_t)&s->ports[i])->app_protocol =
			(struct str){0};
	for (size_t i = 0; i < s->n_endpoints; i++) {
		struct api_endpoint *e = (struct api_endpoint *)(uintptr_t)&s->endpoints[i];

		e->addresses = (struct api_strs){0}; /* its `addr` is what counts */
		e->hostname = e->zone = (struct str){0};
		e->target = NULL;
	}
}

/* ---- to the kernel ---- */

static void note_success(struct proxy_engine *e, int64_t started_ns, const char *how,
			 size_t changes)
{
	const struct clock *c = loop_clock(e->loop);
	int64_t took_ns = c->mono_ns(c) - started_ns;
	uint64_t services = client_reflector_rev(e->services);
	uint64_t slices = client_reflector_rev(e->slices);

	e->updated_ns = c->wall_ns(c);
	e->waiting_since_ms = 0;
	e->retry_ms = PROXY_ENGINE_RETRY_MIN_MS;
	e->needs_sync = false;
	metric_observe(&sync_seconds, NULL, (double)took_ns / 1e9);
	metric_set(&sync_last, NULL, (double)e->updated_ns / 1e9);
	metric_set(&revision, (const char *[]){"services"}, (double)services);
	metric_set(&revision, (const char *[]){"endpointslices"}, (double)slices);
	metric_set(&services_count, NULL, (double)e->state.table->n);
	if (!e->has_synced)
		log_info("synced services=%zu revision=%llu took_ms=%.1f", e->state.table->n,
			 (unsigned long long)MAX(services, slices), (double)took_ns / 1e6);
	else
		log_debug("%s changes=%zu revision=%llu took_us=%.0f", how, changes,
			  (unsigned long long)MAX(services, slices), (double)took_ns / 1e3);
	e->has_synced = true;
}

static void note_failure(struct proxy_engine *e, const struct err *err)
{
	metric_add(&sync_failures, NULL, 1);
	log_warning("the kernel keeps the previous rules, next try in %lld ms: %s",
		    (long long)e->retry_ms, err->msg);
	e->needs_sync = true;
	loop_timer_start(e->retry, e->retry_ms, 0);
	e->retry_ms = MIN(e->retry_ms * 2, (int64_t)PROXY_ENGINE_RETRY_MAX_MS);
}

static void tell_results(const struct proxy_results *res)
{
	vec_foreach(f, &res->failed)
		log_warning("left out service=%.*s: %s", STR_ARG(f->key), f->err.msg);
}

/* Deletes the flows that went stale since the last time; all flows are looked at when `all`. */
static void settle_flows(struct proxy_engine *e, bool all)
{
	struct svc_view after = svc_state_view(&e->state);
	struct svc_view before = {e->settled, &e->state.claims, &e->settled_past, NULL};
	struct svc_changes changes = {0};
	struct proxy_flows_task task = {.before = e->settled ? &before : NULL,
					.after = &after,
					.is_full = all || !e->settled};
	size_t deleted = 0;
	struct err err;

	if (e->settled)
		svc_changes_of(e->settled, e->state.table, &changes);
	task.changes = changes.ptr;
	task.n_changes = changes.len;
	if (e->has_flows && (task.is_full || task.n_changes) &&
	    proxy_flows_clean(&e->flows, &task, &deleted, &err) < 0) {
		log_warning("stale flows live on, next try in %d ms: %s", PROXY_ENGINE_RETRY_MAX_MS,
			    err.msg);
		loop_timer_start(e->retry, PROXY_ENGINE_RETRY_MAX_MS, 0);
	} else {
		svc_table_unref(e->settled);
		e->settled = svc_table_ref(e->state.table);
		svc_claims_past_fini(&e->settled_past);
		metric_add(&flows_deleted, NULL, (double)deleted);
	}
	vec_fini(&changes);
}

/* Establishes e->state wholly. Who knows what was in force: all flows are looked at. */
static void sync_all(struct proxy_engine *e)
{
	const struct clock *c = loop_clock(e->loop);
	struct svc_view v = svc_state_view(&e->state);
	int64_t started = c->mono_ns(c);
	struct proxy_results res = {0};
	struct err err;
	int r = proxy_sync(e->backend, &v, &res, &err);

	if (r < 0) {
		note_failure(e, &err);
	} else {
		tell_results(&res);
		note_success(e, started, "synced", v.table->n);
		settle_flows(e, true);
	}
	proxy_results_fini(&res);
}

/* What the changed Services ask for and another has. */
static void tell_losses(const struct svc_diff *d)
{
	struct svc_losses losses = {0};

	vec_foreach(c, &d->changes)
		if (c->after)
			svc_view_losses(&d->after, c->after, &losses);
	vec_foreach(l, &losses) {
		struct buf b = BUF_INIT;

		svc_loss_add(&b, l);
		log_warning("left out service=%.*s: %s", STR_ARG(l->entry->key), b.ptr);
		buf_fini(&b);
	}
	vec_fini(&losses);
}

static void apply(struct proxy_engine *e, const struct svc_diff *d)
{
	const struct clock *c = loop_clock(e->loop);
	int64_t started = c->mono_ns(c);
	struct proxy_results res = {0};
	struct err err;

	if (proxy_apply(e->backend, d, &res, &err) < 0) {
		note_failure(e, &err);
	} else {
		tell_results(&res);
		note_success(e, started, "applied", d->changes.len);
		/* Walking the kernel's flows costs milliseconds: it must not hold up the next
		 * change, and one walk serves all that come close together. */
		if (!loop_timer_is_armed(e->settle))
			loop_timer_start(e->settle, PROXY_ENGINE_SETTLE_MS, 0);
	}
	proxy_results_fini(&res);
}

/* Takes over the reference to `t`. */
static void move_to(struct proxy_engine *e, struct svc_table *t)
{
	bool is_first = !e->state.table;
	struct svc_diff d;

	svc_state_move(&e->state, t, &d);
	svc_table_unref(t);
	svc_claims_past_merge(&e->settled_past, &d.past);
	tell_losses(&d);
	if (is_first || e->needs_sync)
		/* What is in the kernel is not sure; a retry may be near, but this is sooner. */
		sync_all(e);
	else
		apply(e, &d);
	svc_diff_fini(&d);
}

static struct svc_table *table_with_dirty(struct proxy_engine *e)
{
	struct svc_changes changes = {0};
	struct svc_table *t;

	map_foreach(d, &e->dirty) {
		struct svc_change c = {svc_table_find(e->state.table, map_key(d)),
				       build_by_key(e, map_key(d))};

		if (c.before || c.after)
			*vec_push(&changes) = c;
	}
	svc_changes_sort(&changes);
	t = svc_table_change(e->state.table, changes.ptr, changes.len);
	vec_foreach(c, &changes)
		svc_entry_unref(c->after);
	vec_fini(&changes);
	return t;
}

static bool is_ready(const struct proxy_engine *e)
{
	return client_reflector_is_synced(e->services) && client_reflector_is_synced(e->slices) &&
	       client_reflector_is_synced(e->node);
}

static void on_flush(void *ctx)
{
	struct proxy_engine *e = ctx;
	struct svc_config *c = NULL;

	if (!is_ready(e))
		return;
	if (!e->state.table || e->is_node_changed) {
		c = current_config(e);
		if (e->state.table && svc_config_eq(c, e->state.table->config)) {
			svc_config_unref(c);
			c = NULL;
		}
		e->is_node_changed = false;
	}
	if (c) {
		if (e->state.table)
			log_info("this node's zone or addresses changed: building everything anew");
		move_to(e, build_table(e, c));
	} else if (map_len(&e->dirty)) {
		move_to(e, table_with_dirty(e));
	} else if (!e->needs_sync) {
		e->waiting_since_ms = 0; /* a heartbeat of the node, say: nothing to do */
	}
	svc_config_unref(c);
	map_fini(&e->dirty);
}

static void on_retry(void *ctx)
{
	struct proxy_engine *e = ctx;

	if (!e->state.table)
		return;
	if (e->needs_sync)
		sync_all(e);
	else if (e->settled != e->state.table)
		settle_flows(e, false);
}

static void on_settle(void *ctx)
{
	struct proxy_engine *e = ctx;

	if (e->state.table && !e->needs_sync && e->settled != e->state.table)
		settle_flows(e, false);
}

static void on_verify(void *ctx)
{
	struct proxy_engine *e = ctx;
	struct svc_facts there = {0}, wanted = {0};
	struct buf b = BUF_INIT;
	struct err err;

	if (!e->state.table || e->needs_sync)
		return;
	if (proxy_dump(e->backend, &there, &err) < 0) {
		log_warning("cannot read the kernel's rules back: %s", err.msg);
	} else {
		struct svc_view v = svc_state_view(&e->state);

		svc_facts_of(&v, &wanted);
		if (!svc_facts_compare(&wanted, &there, 1, &b)) {
			metric_add(&drifts, NULL, 1);
			log_warning("the kernel differs from the table, mending it: %s", b.ptr);
			sync_all(e);
		}
	}
	buf_fini(&b);
	svc_facts_fini(&there);
	svc_facts_fini(&wanted);
}

/* ---- what changes ---- */

static void wake(struct proxy_engine *e)
{
	if (!e->waiting_since_ms)
		e->waiting_since_ms = clock_mono_ms(loop_clock(e->loop));
	if (!loop_timer_is_armed(e->flush))
		loop_timer_start(e->flush, 0, 0);
}

static void mark(struct proxy_engine *e, struct str key)
{
	if (!str_is_set(key) || !e->state.table)
		return; /* the first table is built from the whole cache */
	map_put(&e->dirty, key, e);
	wake(e);
}

static void on_service(void *ctx, struct client_object *before, struct client_object *after)
{
	const struct api_meta *m = after ? after->meta : before->meta;
	struct arena a;

	arena_init(&a, 256);
	mark(ctx, key_of(&a, m->ns, m->name));
	arena_fini(&a);
}

static void on_slice(void *ctx, struct client_object *before, struct client_object *after)
{
	struct arena a;

	arena_init(&a, 256);
	if (before)
		mark(ctx, service_of(&a, before));
	if (after)
		mark(ctx, service_of(&a, after));
	arena_fini(&a);
}

static void on_node(void *ctx, struct client_object *before, struct client_object *after)
{
	struct proxy_engine *e = ctx;

	e->is_node_changed = true;
	if (e->state.table)
		wake(e);
}

static void on_list(void *ctx)
{
	struct proxy_engine *e = ctx;

	if (is_ready(e))
		wake(e);
}

/* ---- life ---- */

static struct client_reflector *reflect(struct proxy_engine *e, struct client *c, const char *kind,
					const struct client_selection *sel,
					void (*fn)(void *, struct client_object *,
						   struct client_object *))
{
	struct client_reflector *r = client_reflector_new(e->loop, c, api_kind_of(kind), sel);

	client_reflector_add(
		r, &(struct client_handler){.on_change = fn, .on_synced = on_list, .ctx = e});
	return r;
}

struct proxy_engine *proxy_engine_new(struct loop *l, struct client *c, struct proxy_backend *b,
				      const struct svc_config *config)
{
	struct proxy_engine *e = mem_xnew(struct proxy_engine);
	struct client_selection services = {
		.label_selector = STR("!service.kubernetes.io/service-proxy-name")};
	struct client_selection slices = {.label_selector = STR("!service.kubernetes.io/headless")};
	struct client_selection node = {0};
	struct arena a;
	struct err err;

	metrics_register(engine_metrics, ARRAY_LEN(engine_metrics));
	e->loop = l;
	e->backend = b;
	e->base = svc_config_new(config);
	e->retry_ms = PROXY_ENGINE_RETRY_MIN_MS;
	e->flush = loop_timer_new(l, on_flush, e);
	e->retry = loop_timer_new(l, on_retry, e);
	e->settle = loop_timer_new(l, on_settle, e);
	e->verify = loop_timer_new(l, on_verify, e);
	loop_timer_start(e->verify, PROXY_ENGINE_VERIFY_MS, PROXY_ENGINE_VERIFY_MS);
	e->has_flows = netlink_open(NETLINK_NETFILTER, &e->flows, &err) == 0;
	if (!e->has_flows)
		log_warning("stale UDP flows will not be deleted: %s", err.msg);
	arena_init(&a, 256);
	node.field_selector = str_printf(&a, "metadata.name=%.*s", STR_ARG(config->node_name));
	e->services = reflect(e, c, "Service", &services, on_service);
	e->slices = reflect(e, c, "EndpointSlice", &slices, on_slice);
	client_reflector_index(e->slices, BY_SERVICE, slice_keys);
	client_reflector_prune(e->services, prune_service);
	client_reflector_prune(e->slices, prune_slice);
	e->node = reflect(e, c, "Node", &node, on_node);
	arena_fini(&a);
	return e;
}

void proxy_engine_free(struct proxy_engine *e)
{
	if (!e)
		return;
	client_reflector_free(e->services);
	client_reflector_free(e->slices);
	client_reflector_free(e->node);
	loop_timer_close(e->flush);
	loop_timer_close(e->retry);
	loop_timer_close(e->settle);
	loop_timer_close(e->verify);
	netlink_close(&e->flows);
	map_fini(&e->dirty);
	svc_state_fini(&e->state);
	svc_claims_past_fini(&e->settled_past);
	svc_table_unref(e->settled);
	svc_config_unref(e->base);
	free(e);
}

static bool is_eligible(struct proxy_engine *e)
{
	const struct api_node *n = this_node(e);

	if (!n)
		return true;
	for (size_t i = 0; i < n->n_taints; i++)
		if (str_eq_c(n->taints[i].key, "ToBeDeletedByClusterAutoscaler"))
			return false;
	return n->meta.deleted_ns == 0;
}

void proxy_engine_health(const struct proxy_engine *e, struct proxy_health *ret)
{
	const struct clock *c = loop_clock(e->loop);
	int64_t waited = e->waiting_since_ms ? clock_mono_ms(c) - e->waiting_since_ms : 0;

	*ret = (struct proxy_health){
		.is_healthy = waited <= PROXY_ENGINE_STALE_MS,
		.is_eligible = is_eligible((struct proxy_engine *)(uintptr_t)e),
		.is_synced = e->has_synced,
		.is_behind = e->waiting_since_ms != 0,
	};
	ret->updated_ns = ret->is_healthy ? c->wall_ns(c) : e->updated_ns;
}
