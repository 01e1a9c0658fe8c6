/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Paths that are no objects': health, version, metrics (service-api.md section 18.1), and the
 * documents (documents.h). "Non-resource" is what Kubernetes' access rules call them.
 */

#include "apiserver/server.h"

/* Paths that anyone may read: /healthz, /livez, /readyz (and what is below them), /version. */
bool nonresource_is_public(struct str path);
/* Answers x and returns true when its path is one of these, else leaves it alone. */
bool nonresource_handle(struct apiserver *s, struct http_exchange *x);
