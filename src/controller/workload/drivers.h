/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The controllers of workloads. None acts before all reflectors have synced. */

#include "controller/frame/sync.h"

extern const struct controller_sync_ops controller_replicas_ops;
extern const struct controller_sync_ops controller_rollout_ops;

struct controller_scheduler *controller_scheduler_new(struct controllers *c);
void controller_scheduler_free(struct controller_scheduler *s);
/* Either may be NULL. */
void controller_scheduler_pod(struct controller_scheduler *s, const struct api_pod *before,
			      const struct api_pod *after);
void controller_scheduler_node(struct controller_scheduler *s); /* a Node has changed */
