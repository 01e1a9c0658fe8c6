/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The packet oracle: where the first packet of a connection must go, by the specification alone
 * (section 2 of the data plane's), whatever mode is on. Tests generate their expectations from it,
 * and it explains a table to a person. Pure; a walk over the entries is its cost at worst.
 *
 * What it does not say: which of the allowed backends is taken (chance, or the mode's memory of a
 * client), and what a mode that cannot do otherwise deviates in (docs/datapath.md).
 */

#include "svc/policy.h"
#include "svc/view.h"

struct svc_packet {
	enum svc_origin from; /* as the node's detector sees it */
	struct ip_addr src, dst;
	bool is_dst_local; /* an address of this node, of any interface */
	enum api_protocol protocol;
	uint16_t port; /* destination */
};

enum svc_verdict {
	SVC_NOT_OURS, /* the packet goes on as it is */
	SVC_FORWARDED,
	SVC_REFUSED, /* at once: a reset or port unreachable */
	SVC_DROPPED, /* in silence */
};

enum svc_source { /* which address the backend sees */
	SVC_SOURCE_KEPT,
	SVC_SOURCE_MASQUERADED, /* one of the node's */
	SVC_SOURCE_HAIRPIN,     /* one of the node's, because a Pod reaches itself */
};

struct svc_outcome {
	enum svc_verdict verdict;
	const char *why; /* a phrase for people */
	/* Borrowed from the view; NULL when no frontend answers there (a port that a cluster IP
	 * does not have). */
	const struct svc_port *port;
	const struct svc_frontend *frontend;
	unsigned set; /* SVC_FORWARDED: the backends with this flag are allowed */
	bool is_masqueraded;
	uint32_t affinity_s; /* a client that was there within that time stays with its backend */
};

void svc_oracle_ask(const struct svc_view *v, const struct svc_packet *p, struct svc_outcome *ret);
/* Whether the packet may go there; only then *ret (may be NULL) is set. */
bool svc_outcome_allows(const struct svc_outcome *o, const struct svc_packet *p,
			const struct ip_addr *addr, uint16_t port, enum svc_source *ret);
