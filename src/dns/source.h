/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Keeps a dns_zone equal to what the API says: reflectors of Services, EndpointSlices and
 * Namespaces, and for each change of a Service its records made anew. The zone counts as synced
 * when all three have been listed.
 */

#include "dns/zone.h"

struct client;
struct dns_source;
struct loop;

/* The zone must outlive the source. `on_synced` (may be NULL) runs once. */
struct dns_source *dns_source_new(struct loop *l, struct client *c, struct dns_zone *z,
				  void (*on_synced)(void *ctx), void *ctx);
void dns_source_free(struct dns_source *s);
/* The revision of EndpointSlices that answers reflect. */
uint64_t dns_source_rev(const struct dns_source *s);
