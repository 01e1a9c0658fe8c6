/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The pure core of the node controller: what a Node that has gone silent means.
 *
 * A node's agent renews its Lease in kube-node-lease. When that stops for the grace period the
 * Node's Ready becomes Unknown and the Ready of its Pods False, so that they leave the endpoints;
 * the Pods stay, since they may well be running. When renewals come back the Node is Ready again,
 * and so are those of its Pods that were taken out for this reason and whose containers are ready.
 * A Node that never had a Lease has no agent, and is left to whoever wrote it.
 */

#include "api/types.h"

#define NODE_LOST_REASON "NodeStatusUnknown"
#define POD_LOST_REASON  "NodeNotReady"

enum controller_health {
	CONTROLLER_HEALTH_KEEP,
	CONTROLLER_HEALTH_LOST,
	CONTROLLER_HEALTH_BACK,
};

enum controller_health controller_node_health(const struct api_node *node, bool is_silent);
enum controller_health controller_pod_health(const struct api_pod *pod, bool is_silent);

/* The silence of one node, measured on our own clock: the node's may be wrong. */
struct controller_pulse {
	int64_t renewed_ns; /* the Lease's renewTime that was seen last */
	int64_t seen_ms;    /* when it was seen first */
};
/* Milliseconds since the Lease was last seen to change. */
int64_t controller_pulse_silence_ms(struct controller_pulse *p, const struct api_lease *lease,
				    int64_t now_ms);
