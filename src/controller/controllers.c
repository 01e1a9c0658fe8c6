/* SPDX-License-Identifier: Apache-2.0 */
#define LOG_COMPONENT "controller"
#include "controller/controller.h"

#include "base/log.h"
#include "controller/endpoints/drivers.h"
#include "controller/endpoints/lookup.h"
#include "controller/endpoints/select.h"
#include "controller/endpoints/topology.h"
#include "controller/upkeep/drivers.h"
#include "controller/upkeep/owners.h"
#include "controller/workload/drivers.h"
#include "controller/workload/workload.h"

static void touch_service(void *ctx, const struct api_service *svc)
{
	struct controllers *c = ctx;

	controller_sync_add(c->slice_sync, svc->meta.ns, svc->meta.name);
	controller_sync_add(c->endpoints_sync, svc->meta.ns, svc->meta.name);
}

static void on_pod(void *ctx, struct client_object *before, struct client_object *after)
{
	struct controllers *c = ctx;
	const struct api_pod *old = before ? before->view : NULL;
	const struct api_pod *new = after ? after->view : NULL;

	controller_scheduler_pod(c->scheduler, old, new);
	if (c->is_synced) {
		controller_workload_pod(c, before, after);
		controller_owners_changed(c, before, after);
	}
	if (c->is_synced && controller_pod_matters(old, new))
		controller_each_service_of(c, old, new, touch_service, c);
}

static void on_service(void *ctx, struct client_object *before, struct client_object *after)
{
	struct controllers *c = ctx;
	const struct api_meta *meta = after ? after->meta : before->meta;

	if (!c->is_synced)
		return;
	controller_sync_add(c->slice_sync, meta->ns, meta->name);
	controller_sync_add(c->endpoints_sync, meta->ns, meta->name);
	controller_sync_add(c->mirror_sync, meta->ns, meta->name);
	controller_owners_changed(c, before, after);
}

static void touch_pod(void *ctx, struct client_object *o)
{
	controller_each_service_of(ctx, NULL, o->view, touch_service, ctx);
}

/* Endpoints carry their node's zone, and wait for a node that is not known yet. */
static void on_node(void *ctx, struct client_object *before, struct client_object *after)
{
	struct controllers *c = ctx;
	const struct api_node *old = before ? before->view : NULL,
			      *new = after ? after->view : NULL;
	struct str name = new ? new->meta.name : old->meta.name;

	if (!c->is_synced)
		return;
	controller_scheduler_node(c->scheduler);
	if (!old || !new || !str_eq(old->zone, new->zone))
		client_reflector_each_in(c->pods, INDEX_NODE, name, touch_pod, c);
	if (controller_topology_matters(old, new))
		controller_each_topology_service(c, touch_service, c);
}

static void on_slice(void *ctx, struct client_object *before, struct client_object *after)
{
	struct controllers *c = ctx;
	const struct api_endpoint_slice *s = after ? after->view : before->view;
	struct str manager = api_pairs_get(&s->meta.labels, LABEL_MANAGED_BY);

	if (!c->is_synced)
		return;
	controller_owners_changed(c, before, after);
	if (str_eq_c(manager, SLICE_CONTROLLER))
		controller_sync_check(c->slice_sync, &s->meta, s->service);
	else if (str_eq_c(manager, MIRRORING_CONTROLLER))
		controller_sync_check(c->mirror_sync, &s->meta, s->service);
	if (before && after) { /* a label may have been taken off */
		s = before->view;
		if (s->service.len &&
		    !controller_pairs_eq(&before->meta->labels, &after->meta->labels)) {
			controller_sync_check(c->slice_sync, after->meta, s->service);
			controller_sync_check(c->mirror_sync, after->meta, s->service);
		}
	}
}

static void on_endpoints(void *ctx, struct client_object *before, struct client_object *after)
{
	struct controllers *c = ctx;
	const struct api_meta *meta = after ? after->meta : before->meta;

	if (!c->is_synced)
		return;
	controller_sync_add(c->mirror_sync, meta->ns, meta->name);
	if (!after)
		controller_sync_add(c->endpoints_sync, meta->ns, meta->name);
	controller_owners_changed(c, before, after);
}

static void on_lease(void *ctx, struct client_object *before, struct client_object *after)
{
}

static void on_set(void *ctx, struct client_object *before, struct client_object *after)
{
	struct controllers *c = ctx;

	if (!c->is_synced)
		return;
	controller_workload_set(c, before, after);
	controller_owners_changed(c, before, after);
}

static void on_deployment(void *ctx, struct client_object *before, struct client_object *after)
{
	struct controllers *c = ctx;

	if (!c->is_synced)
		return;
	controller_workload_deployment(c, before, after);
	controller_owners_changed(c, before, after);
}

static void on_other(void *ctx, struct client_object *before, struct client_object *after)
{
	struct controllers *c = ctx;

	if (c->is_synced)
		controller_owners_changed(c, before, after);
}

static void begin_other(void *ctx, struct client_object *o)
{
	controller_owners_changed(ctx, NULL, o);
}

static void begin_set(void *ctx, struct client_object *o)
{
	on_set(ctx, NULL, o);
}

static void begin_deployment(void *ctx, struct client_object *o)
{
	on_deployment(ctx, NULL, o);
}

static void begin_service(void *ctx, struct client_object *o)
{
	on_service(ctx, NULL, o);
}

static void begin_slice(void *ctx, struct client_object *o)
{
	on_slice(ctx, NULL, o);
}

/* Also queues the Endpoints that have lost their Service. */
static void begin_endpoints(void *ctx, struct client_object *o)
{
	struct controllers *c = ctx;

	on_endpoints(ctx, NULL, o);
	controller_sync_add(c->endpoints_sync, o->meta->ns, o->meta->name);
}

static void on_config_map(void *ctx, struct client_object *before, struct client_object *after)
{
	struct controllers *c = ctx;

	on_other(ctx, before, after);
	if (c->is_synced)
		controller_accounts_object(c->account_keeper, before, after);
}

static void on_account(void *ctx, struct client_object *before, struct client_object *after)
{
	on_config_map(ctx, before, after);
}

static void on_namespace(void *ctx, struct client_object *before, struct client_object *after)
{
	struct controllers *c = ctx;

	if (c->is_synced)
		controller_accounts_namespace(c->account_keeper,
					      after ? after->meta : before->meta);
}

static void begin_namespace(void *ctx, struct client_object *o)
{
	on_namespace(ctx, NULL, o);
}

static void on_cluster_role(void *ctx, struct client_object *before, struct client_object *after)
{
	struct controllers *c = ctx;

	if (c->is_synced)
		controller_aggregate_changed(c->aggregate);
}

static void on_synced(void *ctx)
{
	struct controllers *c = ctx;

	if (--c->n_unsynced)
		return;
	c->is_synced = true;
	log_info("synced services=%zu pods=%zu nodes=%zu slices=%zu",
		 client_reflector_len(c->services), client_reflector_len(c->pods),
		 client_reflector_len(c->nodes), client_reflector_len(c->slices));
	client_reflector_each(c->services, begin_service, c);
	client_reflector_each(c->slices, begin_slice, c);
	client_reflector_each(c->endpoints, begin_endpoints, c);
	client_reflector_each(c->pods, begin_other, c);
	client_reflector_each(c->config_maps, begin_other, c);
	client_reflector_each(c->secrets, begin_other, c);
	client_reflector_each(c->accounts, begin_other, c);
	client_reflector_each(c->replica_sets, begin_set, c);
	client_reflector_each(c->deployments, begin_deployment, c);
	client_reflector_each(c->namespaces, begin_namespace, c);
	controller_aggregate_changed(c->aggregate);
}

typedef void (*on_change_fn)(void *ctx, struct client_object *before, struct client_object *after);

static struct client_reflector *follow(struct controllers *c, const char *kind, const char *ns,
				       on_change_fn fn)
{
	struct client_selection sel = {.ns = str_of(ns)};
	struct client_handler h = {.on_change = fn, .on_synced = on_synced, .ctx = c};
	struct client_reflector *r =
		client_reflector_new(c->loop, c->client, api_kind_of(kind), &sel);

	client_reflector_add(r, &h);
	c->n_unsynced++;
	return r;
}

static void pod_node_keys(const struct client_object *o, client_emit_fn emit, void *ctx)
{
	emit(ctx, ((const struct api_pod *)o->view)->node_name);
}

struct controllers *controllers_start(struct loop *l, struct client *client,
				      const struct controllers_config *config)
{
	struct controllers *c = mem_xnew(struct controllers);

	c->loop = l;
	c->client = client;
	if (config)
		c->config = *config;
	if (c->config.max_endpoints_per_slice > CONTROLLER_SLICE_MAX_LIMIT)
		c->config.max_endpoints_per_slice = CONTROLLER_SLICE_MAX_LIMIT;
	list_init(&c->writes);
	c->events = client_events_new(l, client, "controller", NULL);
	c->replica_events = client_events_new(l, client, "replicaset-controller", NULL);
	c->rollout_events = client_events_new(l, client, "deployment-controller", NULL);
	c->scheduler_events = client_events_new(l, client, "default-scheduler", NULL);
	c->slice_sync = controller_sync_new(c, &controller_slice_ops);
	c->endpoints_sync = controller_sync_new(c, &controller_endpoints_ops);
	c->mirror_sync = controller_sync_new(c, &controller_mirror_ops);
	c->replicas_sync = controller_sync_new(c, &controller_replicas_ops);
	c->rollout_sync = controller_sync_new(c, &controller_rollout_ops);
	c->scheduler = controller_scheduler_new(c);
	c->garbage = controller_garbage_new(c);
	c->owners = controller_owners_new(c);
	c->account_keeper = controller_accounts_new(c);
	c->aggregate = controller_aggregate_new(c);
	c->node = controller_node_new(c);
	c->service_cidrs = controller_cidr_sync_new(c);
	c->services = follow(c, "Service", NULL, on_service);
	c->pods = follow(c, "Pod", NULL, on_pod);
	c->nodes = follow(c, "Node", NULL, on_node);
	c->slices = follow(c, "EndpointSlice", NULL, on_slice);
	c->endpoints = follow(c, "Endpoints", NULL, on_endpoints);
	c->leases = follow(c, "Lease", "kube-node-lease", on_lease);
	c->replica_sets = follow(c, "ReplicaSet", NULL, on_set);
	c->deployments = follow(c, "Deployment", NULL, on_deployment);
	c->namespaces = follow(c, "Namespace", NULL, on_namespace);
	c->cluster_roles = follow(c, "ClusterRole", NULL, on_cluster_role);
	c->config_maps = follow(c, "ConfigMap", NULL, on_config_map);
	c->secrets = follow(c, "Secret", NULL, on_other);
	c->accounts = follow(c, "ServiceAccount", NULL, on_account);
	client_reflector_index(c->pods, INDEX_NODE, pod_node_keys);
	controller_endpoints_index(c);
	controller_workload_index(c);
	controller_owners_index(c);
	return c;
}

void controllers_stop(struct controllers *c)
{
	if (!c)
		return;
	controller_writes_cancel_all(c);
	client_reflector_free(c->services);
	client_reflector_free(c->pods);
	client_reflector_free(c->nodes);
	client_reflector_free(c->slices);
	client_reflector_free(c->endpoints);
	client_reflector_free(c->leases);
	client_reflector_free(c->replica_sets);
	client_reflector_free(c->deployments);
	client_reflector_free(c->namespaces);
	client_reflector_free(c->cluster_roles);
	client_reflector_free(c->config_maps);
	client_reflector_free(c->secrets);
	client_reflector_free(c->accounts);
	controller_sync_free(c->slice_sync);
	controller_sync_free(c->endpoints_sync);
	controller_sync_free(c->mirror_sync);
	controller_sync_free(c->replicas_sync);
	controller_sync_free(c->rollout_sync);
	controller_scheduler_free(c->scheduler);
	controller_garbage_free(c->garbage);
	controller_owners_free(c->owners);
	controller_accounts_free(c->account_keeper);
	controller_aggregate_free(c->aggregate);
	controller_node_free(c->node);
	controller_cidr_sync_free(c->service_cidrs);
	client_events_free(c->events);
	client_events_free(c->replica_events);
	client_events_free(c->rollout_events);
	client_events_free(c->scheduler_events);
	free(c);
}
