/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Which addresses of one family's Service ranges are taken, and which to draw next (service-api.md
 * section 7).
 *
 * This is a view in memory, not the truth: that is the IPAddress objects in the store, each made in
 * the transaction of its Service. The watch cache feeds it (ip_alloc_add, ip_alloc_remove), and who
 * has a transaction under way holds what it claims, so that others do not draw it meanwhile. Every
 * claim of the family is known here, also outside of the ranges: these come and go (they are those
 * of the ServiceCIDR objects that are ready), and one that comes finds what is taken in it.
 *
 * Usable are all addresses of a range but the base, and in IPv4 the broadcast address. The lower
 * `band` of them are left to those who ask for an address by name as long as there are others.
 * Pure; offsets are counted from the base of the CIDR.
 */

#include "base/ip.h"
#include "base/map.h"
#include "base/rand.h"
#include "base/vec.h"

struct ip_range {
	struct ip_prefix cidr; /* host bits cleared */
	uint64_t first, last;  /* usable offsets; first > last: none */
	uint64_t band;         /* the first `band` usable ones are the static band */
};

struct ip_alloc {
	enum ip_family family;
	VEC(struct ip_range) ranges; /* they may overlap */
	struct map taken;            /* address (16 bytes) -> struct ip_claim; private */
};

/* Without ranges: every draw fails. */
void ip_alloc_init(struct ip_alloc *p, enum ip_family family);
void ip_alloc_fini(struct ip_alloc *p);

/* ERR_INVALID for one of the other family and for an IPv6 prefix shorter than /64. */
int ip_alloc_add_range(struct ip_alloc *p, const struct ip_prefix *cidr,
		       struct err *err) _nodiscard_;
void ip_alloc_clear_ranges(struct ip_alloc *p);

/* Usable addresses of all ranges, saturated at UINT64_MAX. */
uint64_t ip_alloc_size(const struct ip_alloc *p);
bool ip_alloc_contains(const struct ip_alloc *p, const struct ip_addr *a); /* is usable */
/* Whether it is claimed or held, be it in a range or not. */
bool ip_alloc_has(const struct ip_alloc *p, const struct ip_addr *a);
/* "namespace/name" of the Service that claims it; absent when nobody does or it is unknown. */
struct str ip_alloc_owner(const struct ip_alloc *p, const struct ip_addr *a);

/* A free address of a range: of a random one first, of another when that is full. In a range, from
 * the upper band at random, upward with wrap-around; from the static band when the upper one is
 * full. False: all are taken. */
bool ip_alloc_next(const struct ip_alloc *p, struct rand *rand, struct ip_addr *ret) _nodiscard_;

/* A claim as the store has it. Of the other family: nothing happens. Adding again changes the
 * owner. */
void ip_alloc_add(struct ip_alloc *p, const struct ip_addr *a, struct str owner);
void ip_alloc_remove(struct ip_alloc *p, const struct ip_addr *a);
void ip_alloc_clear_claims(struct ip_alloc *p); /* what is held stays */
/* Held from before the transaction is submitted until after its callback. Holds are counted. */
void ip_alloc_hold(struct ip_alloc *p, const struct ip_addr *a);
void ip_alloc_drop(struct ip_alloc *p, const struct ip_addr *a);
