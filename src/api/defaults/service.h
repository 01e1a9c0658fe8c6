/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a Service has besides the defaults of defaults.h, because it depends on the cluster or on
 * the object that is stored (service-api.md sections 2.3 and 2.4). Idempotent; the tree is edited
 * in place, new nodes are in the arena.
 */

#include "base/ip.h"
#include "json/json.h"

/* Section 2.3: what a Service that is read has besides. `primary` is the cluster's first family. */
void api_default_service_on_read(struct arena *a, struct json *service, enum ip_family primary);

/* Section 2.4: clusterIP and clusterIPs agree afterwards. `old` is NULL on create. */
void api_default_cluster_ips(struct arena *a, const struct json *old, struct json *service);
