/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the server says about itself to programs: discovery and OpenAPI (service-api.md sections
 * 18.10, 18.11). The documents depend on the schema alone: each is rendered at its first use, kept,
 * and answered from there. Long ones are kept in gzip too (compress.h).
 */

#include "apiserver/server.h"

/* Answers x, a GET or HEAD, and returns true when its path is a document's; else leaves it alone.
 */
bool documents_handle(struct apiserver *s, struct http_exchange *x);
struct documents *documents_new(void);
void documents_free(struct documents *d); /* NULL is fine */
