/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The controllers: what turns the objects that people write into the objects that the data plane
 * reads. They run beside the API server (over a transport in the same process) or on their own.
 *
 *	endpoints        Service + Pods -> Endpoints                  endpoints.h
 *	endpointslice    Service + Pods + Nodes -> EndpointSlices     slices.h
 *	mirroring        hand-written Endpoints -> EndpointSlices     mirror.h
 *	replicaset       ReplicaSet -> Pods                           replicas.h
 *	deployment       Deployment -> ReplicaSets                    rollout.h
 *	node             Lease -> Node's Ready, its Pods' Ready       node.h
 *	scheduler        Pod without a node -> binding                schedule.h
 *	servicecidr      ServiceCIDR -> its finalizer and Ready       service_cidr.h
 *	accounts         Namespace -> ServiceAccount default, ConfigMap kube-root-ca.crt
 *	aggregation      ClusterRoles -> the rules of those with an aggregationRule
 *	garbage          what an owner leaves behind                  owners.h
 *	                 Pods without Node
 *
 * One set of reflectors feeds all of them; nothing runs before every reflector has synced. Each
 * has a pure core (values in, plan out) and a thin driver that queues keys, calls the core on the
 * cache's content and sends what the plan says. A driver does not act on a cache that is behind
 * its own writes; a conflict is tried again with what the cache holds then; what is gone is
 * dropped. They never hold state that a restart would miss.
 */

#include "base/str.h"

struct loop;
struct client;
struct controllers;

struct controllers_config {
	bool has_no_accounts; /* namespaces get nothing */
	struct str root_ca;   /* PEM, for each namespace's kube-root-ca.crt; absent: none is made */
	size_t max_endpoints_per_slice; /* 0: 100; at most 1,000 */
	int64_t node_grace_ms;   /* 0: 40,000: without renewal of its Lease a Node is unknown */
	int64_t node_period_ms;  /* 0: 1,000: between looks at the Leases */
	int64_t orphan_grace_ms; /* 0: 40,000: how long a Pod may name a Node that is not there */
};

/* Starts at once; the client stays the caller's and must outlive them. config may be NULL. */
struct controllers *controllers_start(struct loop *l, struct client *c,
				      const struct controllers_config *config);
void controllers_stop(struct controllers *c); /* cancels what is under way; NULL is fine */
