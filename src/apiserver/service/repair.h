/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What is wrong between the Services and their claims (service-api.md sections 10.1 to 10.3), and
 * what puts it right. Claims and Services change in one transaction, so none of this happens by
 * itself: it comes from other hands, from a store that another server has filled (which knows no
 * port claims), or from an older release.
 *
 * Pure: it looks at one object at a time, in its own time, and says what it finds; repair.c tells
 * it as Events and submits the changes, each with a compare of everything that was looked at.
 *
 * Services are never changed. IPAddress objects of which someone else says that he manages them
 * (another managed-by label, or none) are left alone.
 */

#include "apiserver/service/cidrs.h"

enum {
	/* An IPAddress may be there this long before its Service is: who makes them by hand. */
	SERVICE_REPAIR_GRACE_MS = 60 * 1000,
	/* A port claim without Service goes when this many rounds in a row have found it so. */
	SERVICE_REPAIR_STRIKES = 3,
};

enum service_repair_action {
	SERVICE_REPAIR_TELL,    /* nothing can be done here: a person has to choose */
	SERVICE_REPAIR_CLAIM,   /* the claim is not there: make it, for the Service */
	SERVICE_REPAIR_REPLACE, /* the claim is there and wrong: make it anew, for the Service */
	SERVICE_REPAIR_DROP,    /* the claim is nobody's */
};

struct service_finding {
	enum service_repair_action action;
	const char *controller, *event_action, *reason; /* of the Event, a warning */
	struct str text;
	const struct json *about; /* the Service or IPAddress that was looked at */
	struct service_claim claim;
	const struct json *other; /* the Service that made the difference besides; may be NULL */
};

struct service_repair {
	struct arena *a;
	const struct service_pools *pools;
	const struct service_cidrs *cidrs;
	/* An object as stored, in the arena; NULL: there is none. Key: "ns/name", or "name". */
	const struct json *(*find)(void *ctx, struct arena *a, const char *kind, struct str key);
	void *ctx;
	int64_t now_ns;
	VEC(struct service_finding) found; /* the caller frees the list */
};

void service_repair_service(struct service_repair *r, const struct json *service);
void service_repair_address(struct service_repair *r, const struct json *address);
/* Whether the Service that a port claim names has that port. `owner` as in port_alloc.h. */
bool service_repair_owns_port(struct service_repair *r, struct str owner, uint16_t port);
