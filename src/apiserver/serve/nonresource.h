/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Paths that are no objects': health (health.h), version, metrics, the issuer of tokens (issuer.h)
 * (service-api.md section 18.1), and the documents (documents.h). "Non-resource" is what
 * Kubernetes' access rules call them.
 */

#include "apiserver/server.h"

/* Answers x and returns true when its path is one of these, else leaves it alone. */
bool nonresource_handle(struct apiserver *s, struct http_exchange *x);
