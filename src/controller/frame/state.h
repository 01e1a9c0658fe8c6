/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What all controllers share: the reflectors with their indexes, and a pointer to each driver. Only
 * controllers.c makes and frees them; the rooms read the caches.
 */

#include "base/list.h"
#include "client/events.h"
#include "client/reflector.h"
#include "controller/controller.h"

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
	struct client_reflector *namespaces, *cluster_roles;
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
	struct controller_aggregate *aggregate;
	struct controller_owners *owners;
	struct controller_cidr_sync *service_cidrs;
};

/* "ns/name" in the arena, and back. */
struct str controller_key(struct arena *a, struct str ns, struct str name);
void controller_key_split(struct str key, struct str *ret_ns, struct str *ret_name);

const struct api_node *controller_find_node(struct controllers *c, struct str name);
/* All Nodes. In the arena; borrowed from the cache. */
size_t controller_nodes(struct controllers *c, struct arena *a, const struct api_node *const **ret);
