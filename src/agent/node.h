/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The node's own objects: Node (made if absent, labels, ranges, status) and Lease, and what other
 * Node objects mean here: routes to their ranges.
 */

#include "agent/state.h"

/* on_ranges: the Node object says the ranges of this node's Pods; they are in a->config now. */
struct agent_node *agent_node_new(struct agent *a, void (*on_ranges)(struct agent *a));
void agent_node_free(struct agent_node *n);
