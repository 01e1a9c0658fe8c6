/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The core of the ServiceCIDR controller (service-api.md section 10.4): what one object needs next.
 * Pure.
 *
 * An object that is there gets a finalizer and the condition Ready. One that is deleted keeps the
 * finalizer as long as an address depends on it alone: then Ready is False, and a person has to
 * delete the Services or make another range that has their addresses. It goes
 * CONTROLLER_CIDR_GRACE_MS after its deletion at the earliest: by then every API server has heard
 * of it and draws nothing from it any more.
 */

#include "base/ip.h"
#include "base/vec.h"
#include "json/json.h"

#define CONTROLLER_CIDR_FINALIZER "networking.k8s.io/service-cidr-finalizer"
/* The label selector of the addresses that count, as in a query. */
#define CONTROLLER_CIDR_ADDRESSES "ipaddress.kubernetes.io%2Fmanaged-by%3Dipallocator.k8s.io"

enum {
	CONTROLLER_CIDR_GRACE_MS = 10000,
	CONTROLLER_CIDR_RANGES_MAX = 2, /* of one object */
};

struct controller_cidr {
	const struct json *object;
	struct str name;
	struct ip_prefix ranges[CONTROLLER_CIDR_RANGES_MAX];
	size_t n_ranges;
	bool is_deleted, has_finalizer;
	int64_t deleted_ns;
	struct str ready; /* status of the condition; absent: there is none */
};

struct controller_cidrs {
	VEC(struct controller_cidr) all;
};

/* Of a ServiceCIDRList, which must live as long. */
void controller_cidrs_init(struct controller_cidrs *c, const struct json *list);
void controller_cidrs_fini(struct controller_cidrs *c);

enum controller_cidr_step {
	CONTROLLER_CIDR_NOTHING,
	CONTROLLER_CIDR_FINALIZE, /* add the finalizer */
	CONTROLLER_CIDR_READY,    /* write Ready=True */
	CONTROLLER_CIDR_BLOCKED,  /* write Ready=False */
	CONTROLLER_CIDR_RELEASE,  /* take the finalizer off */
};

/* Whether the addresses have to be known for the next step. */
bool controller_cidr_needs_addresses(const struct controller_cidrs *c,
				     const struct controller_cidr *cidr);
/* `addresses`: an IPAddressList; NULL when they need not be known. */
enum controller_cidr_step controller_cidr_next(const struct controller_cidrs *c,
					       const struct controller_cidr *cidr,
					       const struct json *addresses, int64_t now_ns);

/* Merge patches: of the finalizers, for the revision that was looked at, and of the status. */
struct json *controller_cidr_finalizers(struct arena *a, const struct controller_cidr *cidr,
					bool is_added);
struct json *controller_cidr_status(struct arena *a, bool is_ready, int64_t now_ns);
