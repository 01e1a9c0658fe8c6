/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The controllers that keep a cluster in order. None acts before all reflectors have synced.
 */

#include "controller/frame/writes.h"

struct controller_node *controller_node_new(struct controllers *c);
void controller_node_free(struct controller_node *n);

struct controller_cidr_sync *controller_cidr_sync_new(struct controllers *c);
void controller_cidr_sync_free(struct controller_cidr_sync *s);
struct controller_accounts *controller_accounts_new(struct controllers *c);
void controller_accounts_free(struct controller_accounts *g);
/* A namespace has come or changed; a ConfigMap or ServiceAccount has changed or gone. */
void controller_accounts_namespace(struct controller_accounts *g, const struct api_meta *meta);
void controller_accounts_object(struct controller_accounts *g, const struct client_object *before,
				const struct client_object *after);

struct controller_aggregate *controller_aggregate_new(struct controllers *c);
void controller_aggregate_free(struct controller_aggregate *g);
/* A ClusterRole has come, changed or gone. */
void controller_aggregate_changed(struct controller_aggregate *g);

struct controller_garbage *controller_garbage_new(struct controllers *c);
void controller_garbage_free(struct controller_garbage *g);
