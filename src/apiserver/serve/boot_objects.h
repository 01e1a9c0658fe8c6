/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What every cluster has, as bodies of the requests that make it: the default namespaces, the
 * ServiceCIDR `kubernetes` and the Service default/kubernetes with the endpoints of the API servers
 * (service-api.md sections 10.4, 10.6 and 20). Pure; everything is in the arena.
 */

#include "apiserver/apiserver.h"
#include "apiserver/serve/peers.h"
#include "json/json.h"

#define BOOT_SERVICE_CIDR "kubernetes"

struct json *boot_objects_namespace(struct arena *a, const char *name);
/* Seeded by --service-cluster-ip-range; a later change of the flag may only add a family. */
struct json *boot_objects_service_cidr(struct arena *a, const struct apiserver_config *c);
/* Merge patches: of its status, that it is ready; of its ranges, that a family comes. */
struct json *boot_objects_service_cidr_ready(struct arena *a, int64_t now_ns);
struct json *boot_objects_service_cidr_ranges(struct arena *a, const struct apiserver_config *c);
struct json *boot_objects_service(struct arena *a, const struct apiserver_config *c);
/* Merge patch: the secure port may be another one since. */
struct json *boot_objects_service_ports(struct arena *a, const struct apiserver_config *c);
/* The servers are sorted. In the Endpoints is a subset for each port. A slice has one list of
 * ports, so it has the servers of the port that most have (of two such, the lower). */
struct json *boot_objects_endpoints(struct arena *a, const struct peer *peers, size_t n);
struct json *boot_objects_slice(struct arena *a, const struct peer *peers, size_t n);
