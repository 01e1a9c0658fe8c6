/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Defaults of single kinds that look at other fields, each a row in defaults.c. They run after the
 * schema's, so `obj` has passed api_strict and has the schema's defaults.
 */

#include "json/json.h"

void api_defaults_binding(struct arena *a, struct json *obj); /* groups of the role and subjects */
void api_defaults_deployment(struct arena *a, struct json *obj);
void api_defaults_namespace(struct arena *a, struct json *obj);
void api_defaults_node(struct arena *a, struct json *obj);
void api_defaults_pod(struct arena *a, struct json *obj);
void api_defaults_replica_set(struct arena *a, struct json *obj);
void api_defaults_secret(struct arena *a, struct json *obj);
void api_defaults_service(struct arena *a, struct json *obj); /* service-api.md section 2.2 */

/* Of spec.template. */
void api_defaults_pod_template(struct arena *a, struct json *obj);

/* Sets a text that is absent or empty. */
void api_defaults_text(struct arena *a, struct json *obj, const char *key, const char *value);
