/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Where Services get their addresses and node ports: the pools (ip_alloc.h, port_alloc.h), fed from
 * the store, and the plan (service/plan.h) joined to a write's transaction: the strategy of
 * Services (strategy.h).
 */

#include "apiserver/server.h"
#include "apiserver/service/cidrs.h"

struct services;

/* ERR_USAGE for a CIDR that cannot be served. */
int services_new(struct apiserver *s, struct services **ret, struct err *err) _nodiscard_;
void services_free(struct services *v);

/* All claims: they are about to be told anew. Holds stay. */
void services_forget(struct services *v);
/* The value as it is stored, objects in their stored form; absent: deleted. */
void services_on_change(struct services *v, struct str key, struct str value, uint64_t rev);

/* The cluster's first family. */
enum ip_family services_family(const struct services *v);

/* For repair.c. */
const struct service_pools *services_pools(const struct services *v);
const struct service_cidrs *services_cidrs(const struct services *v);
/* A claim as it is stored: an address' is an IPAddress object and has the stored form of one. */
struct bytes *services_claim_bytes(struct services *v, struct arena *a,
				   const struct service_claim *c,
				   const struct json *service) _nodiscard_;
