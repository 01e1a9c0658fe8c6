/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Which addresses of one Service CIDR are taken, and which to draw next (service-api.md section 7).
 *
 * This is a view in memory, not the truth: that is the IPAddress objects in the store, each made in
 * the transaction of its Service. The watch cache feeds it (ip_alloc_add, ip_alloc_remove), and who
 * has a transaction under way holds what it claims, so that others do not draw it meanwhile.
 *
 * Usable are all addresses but the base, and in IPv4 the broadcast address. The lower `band` of
 * them are left to those who ask for an address by name as long as there are others. Pure; offsets
 * are counted from the base of the CIDR.
 */

#include "base/ip.h"
#include "base/map.h"
#include "base/rand.h"

struct ip_alloc {
	struct ip_prefix cidr; /* host bits cleared */
	enum ip_family family;
	uint64_t first, last; /* usable offsets; first > last: none */
	uint64_t band;        /* the first `band` usable ones are the static band */
	struct map taken;     /* address (16 bytes) -> struct ip_claim; private */
};

/* ERR_INVALID for an IPv6 prefix shorter than /64. */
int ip_alloc_init(struct ip_alloc *p, const struct ip_prefix *cidr, struct err *err) _nodiscard_;
void ip_alloc_fini(struct ip_alloc *p);

/* Usable addresses, saturated at UINT64_MAX. */
uint64_t ip_alloc_size(const struct ip_alloc *p);
bool ip_alloc_contains(const struct ip_alloc *p, const struct ip_addr *a); /* is usable */
/* Whether it is claimed or held; false outside the range. */
bool ip_alloc_has(const struct ip_alloc *p, const struct ip_addr *a);
/* "namespace/name" of the Service that claims it; absent when nobody does or it is unknown. */
struct str ip_alloc_owner(const struct ip_alloc *p, const struct ip_addr *a);

/* A free address: from the upper band at random, upward with wrap-around; from the static band when
 * the upper one is full. False: all are taken. */
bool ip_alloc_next(const struct ip_alloc *p, struct rand *rand, struct ip_addr *ret) _nodiscard_;

/* A claim as the store has it. Outside the range: nothing happens. Adding again changes the owner.
 */
void ip_alloc_add(struct ip_alloc *p, const struct ip_addr *a, struct str owner);
void ip_alloc_remove(struct ip_alloc *p, const struct ip_addr *a);
/* Held from before the transaction is submitted until after its callback. Holds are counted. */
void ip_alloc_hold(struct ip_alloc *p, const struct ip_addr *a);
void ip_alloc_drop(struct ip_alloc *p, const struct ip_addr *a);
