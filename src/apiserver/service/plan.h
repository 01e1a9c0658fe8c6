/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What becomes of a Service's addresses and node ports when it is created, changed or deleted:
 * service-api.md sections 2.4, 5 (value patching, dropped fields), 6 (families and clusterIPs), 7
 * and 8 (allocation), 9 (dry run). Pure: the pools are only looked at; the plan says what to claim
 * and what to give back, and the caller does both in the store transaction that writes the Service.
 *
 * How the API server uses it, on every create and update of a Service (not for /status):
 *
 *	service_plan_make(&in, &plan, &causes, &err)      after defaults and mutating admission,
 *	                                                  before validation
 *	r == ERR_INVALID: 422 with `causes`; r < 0 otherwise: 500 with err's text, whose `reason`
 *	is empty when plan.is_plain. Validation is not looked at then.
 *	validate in.object (api_validate_create/update): on causes forget the plan, nothing is held.
 *	dry run: answer. Else
 *	service_plan_hold(&pools, &plan);
 *	one store_txn: the Service with its own compare; for each plan.add a compare of
 *	service_claim_key with mod_rev 0 and a put of service_claim_value; for each plan.release a
 *	delete of service_claim_key.
 *	In its callback: service_plan_drop(&pools, &plan), whatever the outcome. On ERR_CONFLICT
 *	run everything again on the fresh object: by then the winner's claim is in the pools, so
 *	that a drawn address is drawn anew and one that was asked for is answered "already
 *	allocated".
 *
 * A real deletion (the last finalizer is gone, through whatever path) releases what
 * service_plan_delete lists, in the same transaction.
 *
 * `old` is the stored object after api_default_service_on_read. `object` is edited in place; new
 * nodes are in the arena. Trees have passed the schema; what has the wrong type counts as absent.
 */

#include "api/causes.h"
#include "apiserver/service/ip_alloc.h"
#include "apiserver/service/port_alloc.h"

enum {
	/* Claims and releases of one change: they share a store transaction with the Service. More
	 * claims are 422 on spec.ports. What there is no room for is not released: it is nobody's
	 * then, and the repair loop drops it. */
	SERVICE_PLAN_CLAIMS_MAX = 120,
	SERVICE_PLAN_DRY_RUN_PORT = 32769, /* the first dummy node port */
};

#define SERVICE_PLAN_IP_PREFIX   "/registry/ipaddresses/"
#define SERVICE_PLAN_PORT_PREFIX "/registry/fairlead/nodeports/"

struct service_pools {
	struct ip_alloc *ips[2]; /* one for each of the cluster's families, in order */
	size_t n_ips;            /* 1 or 2 */
	struct port_alloc *ports;
};

struct service_claim {
	bool is_port;
	struct ip_addr ip;    /* !is_port */
	uint16_t port;        /* is_port */
	bool is_health_check; /* is_port */
};

struct service_plan_input {
	struct arena *a;
	const struct json *old; /* NULL: create */
	struct json *object;
	const struct service_pools *pools;
	struct rand *rand;
	bool is_dry_run;
};

struct service_plan {
	struct service_claim *add, *release; /* in the arena */
	size_t n_add, n_release;
	bool is_plain; /* the error's Status has no reason */
};

/* Everything up to validation. *ret is filled even on failure (with no claims). */
int service_plan_make(const struct service_plan_input *in, struct service_plan *ret,
		      struct api_causes *causes, struct err *err) _nodiscard_;
/* All that `old` holds. */
void service_plan_delete(struct arena *a, const struct json *old, const struct service_pools *pools,
			 struct service_plan *ret);

void service_plan_hold(const struct service_pools *pools, const struct service_plan *plan);
void service_plan_drop(const struct service_pools *pools, const struct service_plan *plan);

/* The store's key of a claim. */
struct str service_claim_key(struct arena *a, const struct service_claim *c);
/* Its value. For an address a whole networking.k8s.io/v1 IPAddress (section 7) with a fresh uid;
 * for a port {"namespace":…,"name":…,"uid":…,"port":…,"healthCheck":true}. `service` is the object
 * that makes the claim, with its name, namespace and uid. */
struct json *service_claim_value(struct arena *a, const struct service_claim *c,
				 const struct json *service, int64_t now_ns);

/* Feeds the pools from the store: the two prefixes above. `value` is the text that the store has at
 * `rev`, absent for a deletion; `key` is the whole key. What does not belong to the pools is
 * ignored, and an address or port counts as taken whatever its value says. */
void service_pools_event(const struct service_pools *pools, struct str key, struct str value,
			 uint64_t rev);
