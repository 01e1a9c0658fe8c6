/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Defaults that do not depend on anything outside the object: the static ones of the schema, and
 * then those of the kind that look at other fields: of Services (service-api.md section 2.2), Pods
 * and templates of them (pull policy, host ports, requests from limits, probes, status),
 * Deployments, Nodes, Namespaces, Secrets (stringData into data) and bindings of roles.
 * service.h has what else a Service needs.
 *
 * They run on every object that is decoded: create, update, patch, dry run. `obj` has passed
 * api_strict and is edited in place; new nodes are in the arena. Doing it twice changes nothing.
 */

#include "json/json.h"

struct api_kind;

void api_defaults(struct arena *a, const struct api_kind *kind, struct json *obj);
