/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The ServiceCIDR objects, as the pools need them (service-api.md sections 7 and 10.4): from which
 * ranges addresses may be drawn, and whether any range, usable or not, has an address.
 *
 * A range is usable unless its object is being deleted or has a Ready condition that is not "True".
 * One that the allocator cannot serve (IPv6 beyond /64) or of a family that the cluster does not
 * have is no error: nothing is drawn from it. Pure; fed from the store like the pools are
 * (plan.h).
 */

#include "apiserver/service/plan.h"

#define SERVICE_CIDRS_PREFIX "/registry/servicecidrs/"

struct service_cidrs {
	struct map by_name; /* name -> struct service_cidr; private */
};

void service_cidrs_fini(struct service_cidrs *c);

/* `value` as stored, absent for a deletion. False: not a ServiceCIDR's key, nothing has changed. */
bool service_cidrs_event(struct service_cidrs *c, struct str key, struct str value);
/* Gives the pools the ranges that are usable now, and no others. */
void service_cidrs_fill(const struct service_cidrs *c, const struct service_pools *pools);
/* Whether a range has the address as a usable one; also a range that is not ready. */
bool service_cidrs_contain(const struct service_cidrs *c, const struct ip_addr *a);
