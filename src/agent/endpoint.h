/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The agent's HTTP endpoint, with a kubelet's paths: endpoint.c. */

#include "agent/state.h"

int agent_endpoint_new(struct agent *a, struct agent_endpoint **ret, struct err *err) _nodiscard_;
void agent_endpoint_free(struct agent_endpoint *e); /* NULL is fine */
