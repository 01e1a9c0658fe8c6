/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Who owns an address: two Services may name the same external IP, or one another's cluster IP, and
 * a kernel map has one element for a key. The owner is a function of the table: a cluster IP wins
 * over any other claim, then the Service whose key sorts first. The loser's frontend is not
 * programmed; a Service that lost its cluster IP is not programmed in that family at all, because
 * its backends are filed under that address.
 *
 * The index follows a table change by change, also where an address is contested: it knows
 * everybody who claims it, and so who is next.
 */

#include "base/map.h"
#include "svc/diff.h"

struct svc_claims {
	struct map owners; /* svc_frontend_key -> the owner's entry, with a reference */
	struct map rivals; /* of contested ones -> all who claim it (private) */
};

void svc_claims_fini(struct svc_claims *c);
void svc_claims_rebuild(struct svc_claims *c, const struct svc_table *t);
/* Follows the changes. False: a contested address is among them, so that an entry which is not may
 * have won or lost one. */
bool svc_claims_apply(struct svc_claims *c, const struct svc_change *changes, size_t n);

/* NULL: nobody. */
struct svc_entry *svc_claims_owner(const struct svc_claims *c, struct str frontend_key);
/* Whether `e` owns the frontend f of its port p, and the port itself. */
bool svc_claims_owns(const struct svc_claims *c, const struct svc_entry *e,
		     const struct svc_port *p, const struct svc_frontend *f);
