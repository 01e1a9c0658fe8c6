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

/* What the claims said before some changes, where they say something else now. */
struct svc_claims_past {
	struct map owners; /* svc_frontend_key -> the owner of then, or svc_claims_nobody */
};
extern struct svc_entry svc_claims_nobody;

void svc_claims_fini(struct svc_claims *c);
/* Follows the changes; adds to *past (may be NULL) what it does not tell yet. */
void svc_claims_apply(struct svc_claims *c, const struct svc_change *changes, size_t n,
		      struct svc_claims_past *past);
void svc_claims_past_fini(struct svc_claims_past *p);
/* *older goes on to tell what was before both. */
void svc_claims_past_merge(struct svc_claims_past *older, const struct svc_claims_past *younger);

/* Who owns it now, or owned it before *past (may be NULL). NULL: nobody. */
struct svc_entry *svc_claims_owner(const struct svc_claims *c, const struct svc_claims_past *past,
				   struct str frontend_key);
/* Whether that is the same Service, of which there may be several copies. */
bool svc_claims_same(const struct svc_entry *a, const struct svc_entry *b);
