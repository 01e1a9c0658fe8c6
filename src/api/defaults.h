/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Defaults that do not depend on anything outside the object: the static ones of the schema, and
 * the few of Pods and templates of them (pull policy, host ports, requests from limits),
 * Deployments, Nodes, Namespaces and Secrets (stringData into data) that look at another field.
 * Those of a Service are api/service_defaults.h's (service-api.md section 2.2).
 *
 * `obj` has passed api_strict. Doing it twice changes nothing.
 */

#include "json/json.h"

struct api_kind;

void api_defaults(struct arena *a, const struct api_kind *kind, struct json *obj);
