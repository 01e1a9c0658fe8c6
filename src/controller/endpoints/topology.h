/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Topology aware hints (service-api.md section 13.2): endpoints are shared out between the zones in
 * proportion to the CPU of their Nodes, so that each zone's clients can be sent to endpoints of
 * their own without overloading any.
 *
 * Pure: the slices that a plan writes and those that it leaves alone come in, hints go out, and
 * what was left alone stays so where its hints still serve. When hints cannot be given, none are:
 * `why_not` says it in the words of the Event.
 */

#include "api/types.h"

struct controller_zone {
	struct str name;
	double ratio; /* of the CPU of all; they sum up to 1 */
};

struct controller_topology {
	const char *why_not; /* NULL: hints can be given */
	const struct controller_zone *zones;
	size_t n_zones; /* sorted by name */
};

/* Ready Nodes that are not of the control plane count. The result points into the arena and to the
 * Nodes' names of zones. */
void controller_topology_of(struct arena *a, const struct api_node *const *nodes, size_t n,
			    struct controller_topology *ret);
/* A Node's change (either may be NULL) alters what controller_topology_of finds. */
bool controller_topology_matters(const struct api_node *before, const struct api_node *after);

struct controller_hint_slice {
	struct api_endpoint *endpoints; /* hints are set in them */
	size_t n;
	bool is_kept; /* in: nothing else changes in it; out: its hints do not change either */
};

/* The slices of one address family. NULL: hints were given; else why not, in the arena. */
const char *controller_topology_hint(struct arena *a, const struct controller_topology *t,
				     struct controller_hint_slice *slices, size_t n);
