/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the controllers share: the reflectors, and the drivers' own states. This room only. */

#include "base/list.h"
#include "client/events.h"
#include "client/queue.h"
#include "client/reflector.h"
#include "controller/controller.h"
#include "controller/select.h"
#include "controller/slices.h"

/* Indexes of the reflectors. */
#define INDEX_LABEL    "label"    /* pods: "ns/key=value" of each label */
#define INDEX_NODE     "node"     /* pods: spec.nodeName ("" when unbound) */
#define INDEX_SELECTOR "selector" /* services: "ns/key=value" of the selector's first pair */
#define INDEX_TOPOLOGY "topology" /* services: "hints" when they want hints by topology */
#define INDEX_SERVICE  "service"  /* slices: "ns/service" */
#define INDEX_OWNER    "owner"    /* pods, replica sets: controlling owner's uid; none: "/ns" */
#define INDEX_OWNED    "owned"    /* all kinds that owners.c follows: each owner's uid */

struct controllers {
	struct loop *loop;
	struct client *client;
	struct controllers_config config;
	struct client_reflector *services, *pods, *nodes, *slices, *endpoints, *leases;
	struct client_reflector *replica_sets, *deployments;
	struct client_reflector *namespaces;
	struct client_reflector *config_maps, *secrets, *accounts; /* who owns them; accounts.c */
	size_t n_unsynced;
	bool is_synced;
	struct client_events *events;
	struct client_events *replica_events, *rollout_events, *scheduler_events;
	struct list_node writes; /* struct controller_writes under way */

	struct controller_sync *slice_sync, *endpoints_sync, *mirror_sync;
	struct controller_sync *replicas_sync, *rollout_sync;
	struct controller_node *node;
	struct controller_scheduler *scheduler;
	struct controller_garbage *garbage;
	struct controller_accounts *account_keeper;
	struct controller_owners *owners;
	struct controller_cidr_sync *service_cidrs;
};

/* Look-ups, lookup.c. */

/* "ns/name" in the arena, and back. */
struct str controller_key(struct arena *a, struct str ns, struct str name);
void controller_key_split(struct str key, struct str *ret_ns, struct str *ret_name);

const struct api_service *controller_find_service(struct controllers *c, struct str ns,
						  struct str name);
const struct api_node *controller_find_node(struct controllers *c, struct str name);
/* The Pods that the Service selects. In the arena; borrowed from the cache. */
size_t controller_service_pods(struct controllers *c, struct arena *a,
			       const struct api_service *svc, const struct api_pod *const **ret);
/* The slices of the Service that `manager` manages and that are not being deleted. */
size_t controller_service_slices(struct controllers *c, struct arena *a, struct str ns,
				 struct str service, struct str manager,
				 const struct api_endpoint_slice *const **ret);
/* All Nodes. In the arena; borrowed from the cache. */
size_t controller_nodes(struct controllers *c, struct arena *a, const struct api_node *const **ret);
/* The Services whose endpoints have hints by topology. */
void controller_each_topology_service(struct controllers *c,
				      void (*fn)(void *ctx, const struct api_service *svc),
				      void *ctx);
/* The Services that select the Pod as it was or as it is (either may be NULL); one may come twice.
 */
void controller_each_service_of(struct controllers *c, const struct api_pod *before,
				const struct api_pod *after,
				void (*fn)(void *ctx, const struct api_service *svc), void *ctx);
/* Once, when there are reflectors: the indexes that these look-ups use. */
void controller_index(struct controllers *c);

/*
 * A run of writes for one key, one after the other: creates, updates, deletes as they were added.
 * It ends at the first that fails. A delete of what is gone is a success; a create in a namespace
 * that is gone or going ends the run without being a failure.
 */
struct controller_writes;
struct controller_written {
	int r;                 /* 0, or of the write that failed */
	const struct err *err; /* r < 0 */
	enum http_method method;
	uint64_t rev; /* the newest revision that our writes made, 0: none */
};
typedef void (*controller_written_fn)(void *ctx, const struct controller_written *w);

struct controller_writes *controller_writes_new(struct controllers *c, const struct api_kind *kind,
						struct str ns);
/* Body and strings are copied. */
void controller_writes_add(struct controller_writes *w, enum http_method method, struct str name,
			   const char *content_type, const struct json *body);
/* A strategic merge patch of the status; a POST to a subresource of an object. */
void controller_writes_patch_status(struct controller_writes *w, struct str name,
				    const struct json *patch);
void controller_writes_post(struct controller_writes *w, struct str name, const char *subresource,
			    const struct json *body);
/* A deletion of this very object, not of one that has its name by then; at once: without grace. */
void controller_writes_delete(struct controller_writes *w, const struct api_meta *meta,
			      bool is_at_once);
/* The write that was added last is of another kind; its revision does not count. */
void controller_writes_kind(struct controller_writes *w, const struct api_kind *kind);
/* A JSON merge patch of an object of any kind, or of its status. */
void controller_writes_merge(struct controller_writes *w, const struct api_kind *kind,
			     struct str name, const char *subresource, const struct json *patch);
/* When the write that was added last has succeeded this Event tells so. */
void controller_writes_tell(struct controller_writes *w, struct client_events *events,
			    const struct api_kind *kind, const struct api_meta *about,
			    const char *reason, struct str message);
/* Memory that lives until fn has returned, or the run is cancelled. */
void *controller_writes_alloc(struct controller_writes *w, size_t size);
/* Starts; frees itself when it is over. fn is not called from inside, except for an empty run. */
void controller_writes_run(struct controller_writes *w, controller_written_fn fn, void *ctx);
void controller_writes_cancel_all(struct controllers *c);

/*
 * The frame of the three controllers of endpoints: a queue of "ns/name", and for each key what was
 * written last. `plan` adds the writes that are needed; false: the key failed and is retried once
 * the writes are done (a Pod's Node that is not known yet).
 */
struct controller_sync_state {
	void *own; /* the driver's; freed by its free_own */
	uint64_t rev;
	unsigned waits; /* times that the cache was found behind */
};

struct controller_sync_ops {
	const char *name;
	/* False: nothing to keep for this key (any longer). */
	bool (*wants)(struct controllers *c, struct str ns, struct str name);
	bool (*plan)(struct controllers *c, struct controller_sync_state *state, struct arena *a,
		     struct str ns, struct str name, struct controller_writes *w);
	void (*failed)(struct controllers *c, struct str ns, struct str name,
		       const struct controller_written *w);
	/* A run is over, well or not; may be NULL. */
	void (*ended)(void *own, const struct controller_written *w);
	void (*free_own)(void *own); /* NULL when nothing is kept */
	const struct api_kind *(*kind)(void);
	struct client_reflector *(*cache)(struct controllers *c); /* of what is written */
};

struct controller_sync *controller_sync_new(struct controllers *c,
					    const struct controller_sync_ops *ops);
void controller_sync_free(struct controller_sync *s);
void controller_sync_add(struct controller_sync *s, struct str ns, struct str name);
void controller_sync_add_after(struct controller_sync *s, struct str ns, struct str name,
			       int64_t after_ms);
/* The same for an object that others may have changed: not when `meta` is as we wrote it. */
void controller_sync_check(struct controller_sync *s, const struct api_meta *meta, struct str name);

extern const struct controller_sync_ops controller_slice_ops;
extern const struct controller_sync_ops controller_endpoints_ops;
extern const struct controller_sync_ops controller_mirror_ops;
extern const struct controller_sync_ops controller_replicas_ops;
extern const struct controller_sync_ops controller_rollout_ops;
/* Adds what a plan of slices says. */
void controller_slices_write(struct arena *a, const struct controller_slices_plan *plan,
			     struct controller_writes *w);

/* The other drivers. None acts before all reflectors have synced. */
struct controller_node *controller_node_new(struct controllers *c);
void controller_node_free(struct controller_node *n);

struct controller_scheduler *controller_scheduler_new(struct controllers *c);
void controller_scheduler_free(struct controller_scheduler *s);
/* Either may be NULL. */
void controller_scheduler_pod(struct controller_scheduler *s, const struct api_pod *before,
			      const struct api_pod *after);
void controller_scheduler_node(struct controller_scheduler *s); /* a Node has changed */

struct controller_cidr_sync *controller_cidr_sync_new(struct controllers *c);
void controller_cidr_sync_free(struct controller_cidr_sync *s);
struct controller_accounts *controller_accounts_new(struct controllers *c);
void controller_accounts_free(struct controller_accounts *g);
/* A namespace has come or changed; a ConfigMap or ServiceAccount has changed or gone. */
void controller_accounts_namespace(struct controller_accounts *g, const struct api_meta *meta);
void controller_accounts_object(struct controller_accounts *g, const struct client_object *before,
				const struct client_object *after);

struct controller_garbage *controller_garbage_new(struct controllers *c);
void controller_garbage_free(struct controller_garbage *g);
