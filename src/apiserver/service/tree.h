/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Reading and editing a Service's tree in the words of service-api.md section 2.1. `service` may be
 * NULL: no Service, of which every question is answered with no. */

#include "api/types.h"
#include "json/json.h"

enum api_service_type service_tree_type(const struct json *service);
bool service_tree_is_external_name(const struct json *service);
bool service_tree_has_node_ports(const struct json *service); /* NodePort, LoadBalancer */
/* … that are filled in when blank: not with allocateLoadBalancerNodePorts: false. */
bool service_tree_wants_node_ports(const struct json *service);
bool service_tree_is_headless(const struct json *service); /* clusterIPs is exactly ["None"] */
bool service_tree_has_selector(const struct json *service);
bool service_tree_is_external(const struct json *service); /* externally accessible */
bool service_tree_needs_health_check(const struct json *service);

/* A member of spec; NULL when it is absent or null. */
struct json *service_tree_get(const struct json *service, const char *key);
struct str service_tree_string(const struct json *service, const char *key);
int64_t service_tree_int(const struct json *service, const char *key);
size_t service_tree_count(const struct json *service, const char *key); /* of a list, else 0 */
struct str service_tree_at(const struct json *service, const char *key, size_t i);
/* Both absent, or deeply equal. An empty list, object or string counts as absent. */
bool service_tree_same(const struct json *x, const struct json *y, const char *key);

void service_tree_set(struct arena *a, struct json *service, const char *key, struct json *value);
void service_tree_remove(struct json *service, const char *key);
