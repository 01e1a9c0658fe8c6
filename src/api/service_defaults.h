/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Defaults that a schema cannot say because they depend on other fields (service-api.md sections
 * 2.2-2.4), and those of Pods. They run after the static defaults of the schema (api/defaults.h)
 * on every object that is decoded: create, update, patch, dry run, and what is read from the store.
 * They are idempotent and edit the tree in place; new nodes are in the arena.
 */

#include "base/ip.h"
#include "json/json.h"

struct api_kind;

/* Section 2.2 for a Service, probes and status for a Pod; nothing for other kinds. */
void api_default_kind(struct arena *a, const struct api_kind *kind, struct json *obj);

/* status.phase Pending and the QoS class: what a new Pod has once its status was emptied. */
void api_default_pod_status(struct arena *a, struct json *pod);

/* Section 2.3: what a Service that is read has besides. `primary` is the cluster's first family. */
void api_default_service_on_read(struct arena *a, struct json *service, enum ip_family primary);

/* Section 2.4: clusterIP and clusterIPs agree afterwards. `old` is NULL on create. */
void api_default_cluster_ips(struct arena *a, const struct json *old, struct json *service);
