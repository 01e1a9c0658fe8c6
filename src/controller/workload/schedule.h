/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Where a Pod without a node goes. A node can take it when it is Ready, not cordoned and not being
 * deleted, when the Pod tolerates its taints (cordoned and not ready count as the taints that
 * Kubernetes puts there) and when the Pod's nodeSelector matches its labels. Of those the one with
 * the fewest Pods of the same owner is taken, then the one with the fewest Pods, then by name.
 * No resources, no affinity: a Pod that wants a certain node says so in spec.nodeName.
 */

#include "api/types.h"

enum controller_fit {
	CONTROLLER_FITS,
	CONTROLLER_NOT_READY,
	CONTROLLER_CORDONED,
	CONTROLLER_TAINTED,
	CONTROLLER_NOT_SELECTED,
	CONTROLLER_N_FITS,
};

/* What is between the Pod and the node. */
enum controller_fit controller_node_fit(const struct api_node *node, const struct api_pod *pod);
/* The Pod waits for a node: unbound, not being deleted, not finished. */
bool controller_pod_is_waiting(const struct api_pod *pod);

struct controller_seat {
	const struct api_node *node;
	size_t n_siblings, n_pods; /* siblings: Pods with the same owner */
};
/* NULL when no node can take the Pod; ret_unfit counts why, by enum controller_fit. */
const struct api_node *controller_schedule(const struct api_pod *pod,
					   const struct controller_seat *seats, size_t n,
					   size_t ret_unfit[CONTROLLER_N_FITS]);
/* "0/3 nodes are available: 1 node(s) were unschedulable, …" */
struct str controller_unfit_text(struct arena *a, const size_t unfit[CONTROLLER_N_FITS], size_t n);
