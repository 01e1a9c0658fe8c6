/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Which node ports are taken, and which to draw next (service-api.md section 8). One pool for node
 * ports and health check node ports of all protocols. The same rules as ip_alloc.h: a view in
 * memory of the claims in the store, fed from the watch cache, with holds for transactions that are
 * under way; the lower band is left to those who ask by number.
 */

#include "base/rand.h"
#include "base/str.h"

struct port_alloc {
	uint16_t first, last; /* inclusive */
	uint32_t band;
	struct port_claim *claims; /* one for each port of the range; private */
};

/* "A-B" as given to --service-node-port-range has been parsed; first <= last, first > 0: checked.
 */
void port_alloc_init(struct port_alloc *p, uint16_t first, uint16_t last);
void port_alloc_fini(struct port_alloc *p);

uint32_t port_alloc_size(const struct port_alloc *p);
bool port_alloc_contains(const struct port_alloc *p, int64_t port);
bool port_alloc_has(const struct port_alloc *p, int64_t port);         /* false outside the range */
struct str port_alloc_owner(const struct port_alloc *p, int64_t port); /* as ip_alloc_owner */
/* The store's revision of the claim; 0: it is not claimed (held at most), or outside the range. */
uint64_t port_alloc_rev(const struct port_alloc *p, int64_t port);

/* A free port; `skip` (may be NULL) tells which ones the caller has taken already. False: all are
 * taken. */
bool port_alloc_next(const struct port_alloc *p, struct rand *rand,
		     bool (*skip)(const void *ctx, uint16_t port), const void *ctx,
		     uint16_t *ret) _nodiscard_;

/* A claim as the store has it at `rev`, which is not 0. */
void port_alloc_add(struct port_alloc *p, uint16_t port, struct str owner, uint64_t rev);
void port_alloc_remove(struct port_alloc *p, uint16_t port);
void port_alloc_clear_claims(struct port_alloc *p); /* what is held stays */
void port_alloc_hold(struct port_alloc *p, uint16_t port);
void port_alloc_drop(struct port_alloc *p, uint16_t port);
