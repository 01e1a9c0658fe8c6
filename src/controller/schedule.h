/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Where a Pod without a node goes: to the Node with the fewest Pods among those that are Ready,
 * not cordoned, not being deleted and without a NoSchedule or NoExecute taint; equals by name.
 * No resources, no affinity: a Pod that wants a certain node says so in spec.nodeName.
 */

#include "api/types.h"

bool controller_node_is_schedulable(const struct api_node *node);
/* The Pod waits for a node: unbound, not being deleted, not finished. */
bool controller_pod_is_waiting(const struct api_pod *pod);

struct controller_seat {
	const struct api_node *node;
	size_t n_pods;
};
/* NULL when no node can take a Pod. */
const struct api_node *controller_schedule(const struct controller_seat *seats, size_t n);
