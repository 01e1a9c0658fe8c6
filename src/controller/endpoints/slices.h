/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The pure core of the EndpointSlice controller (service-api.md sections 12.2 and 13): from a
 * Service, its Pods and the slices that exist to what has to be created, updated and deleted.
 *
 * Endpoints are grouped by address family and by the set of ports that their Pod resolves; each
 * group has slices of its own. Packing keeps churn low rather than slices full: changed slices are
 * filled first, an unchanged one is touched only when it can take all that remains, nothing is ever
 * moved between slices. A slice to delete is turned into one to create where that is possible.
 *
 * It must never do I/O, look at a clock, or keep anything: what it returns points into the arena
 * and into its input.
 */

#include "api/types.h"
#include "base/vec.h"
#include "controller/endpoints/topology.h"

enum {
	CONTROLLER_SLICE_MAX = 100,        /* endpoints of one slice, unless configured */
	CONTROLLER_SLICE_MAX_LIMIT = 1000, /* the most that the API allows */
};

struct controller_slices_in {
	const struct api_service *service; /* one that controller_service_is_selecting */
	const struct api_pod *const *pods; /* that match its selector */
	size_t n_pods;
	const struct api_node *(*node)(void *ctx, struct str name); /* NULL: there is none */
	void *node_ctx;
	/* Those of the Service that are managed by this controller and not being deleted. */
	const struct api_endpoint_slice *const *slices;
	size_t n_slices;
	size_t max;         /* endpoints of one slice; 0: CONTROLLER_SLICE_MAX */
	struct str trigger; /* the annotation's value; absent: none */
	/* For Services that controller_service_wants_topology; else NULL. */
	const struct controller_topology *topology;
};

struct controller_slices_plan {
	VEC(struct api_endpoint_slice) creates; /* with generateName */
	VEC(struct api_endpoint_slice) updates; /* with name, uid and resourceVersion */
	VEC(const struct api_endpoint_slice *) deletes;
	size_t n_missing_nodes; /* Pods left out since their Node is not known: try again */
	/* With in.topology, for each family of the Service: why its endpoints have no hints. */
	struct controller_slices_hints {
		enum ip_family family;
		const char *why_not; /* NULL: they have */
	} hints[2];
	size_t n_hints;
};

/* The Service's annotation asks for hints by topology; its trafficDistribution does not count then.
 */
bool controller_service_wants_topology(const struct api_service *svc);

void controller_slices_plan(struct arena *a, const struct controller_slices_in *in,
			    struct controller_slices_plan *ret);
void controller_slices_plan_fini(struct controller_slices_plan *p);
