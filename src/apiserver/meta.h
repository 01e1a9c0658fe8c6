/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What is no object: health, version, metrics, discovery, OpenAPI (service-api.md sections 18.1,
 * 18.10, 18.11). Documents that never change are rendered at their first use and kept.
 */

#include "apiserver/server.h"

/* Paths that anyone may read: /healthz, /livez, /readyz (and what is below them), /version. */
bool meta_is_public(struct str path);
/* Answers x and returns true when its path is one of these, else leaves it alone. */
bool meta_handle(struct apiserver *s, struct http_exchange *x);
void meta_fini(struct apiserver *s);
