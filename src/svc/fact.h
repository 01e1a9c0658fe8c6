/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Facts: what a table, or a kernel, says about packets, in one comparable form.
 *
 * A fact is one frontend with what becomes of its packets. svc_facts_of gives those that a table
 * wants; a back end's dump gives those that the kernel holds; the verifier and the tests compare
 * the two as sorted lines, which also read well in a log:
 *
 *	10.96.0.10 80/tcp inside affinity=0 to=10.64.1.2:8080,10.64.2.7:8080
 *	node 30080/tcp v4 outside-local affinity=0 to=10.64.1.2:8080 here=drop
 *	hairpin 10.64.1.2
 *	node-address 192.0.2.1
 *
 * kinds: inside (cluster IP), outside (external policy Cluster), outside-local (policy Local: `to`
 * is where Pods and the node itself get, `here` where all others get).
 */

#include "svc/claims.h"

enum svc_fact_kind {
	SVC_INSIDE,
	SVC_OUTSIDE,
	SVC_OUTSIDE_LOCAL,
};

struct svc_target {
	struct ip_addr addr;
	uint16_t port;
};

struct svc_way {
	enum svc_fate fate;               /* SVC_REJECT, SVC_DROP, else to the targets */
	const struct svc_target *targets; /* by address and port */
	size_t n;
};

struct svc_fact {
	enum svc_fact_kind kind;
	bool is_node_port;
	enum ip_family family;
	enum api_protocol protocol;
	struct ip_addr addr; /* not for node ports */
	uint16_t port;
	uint32_t affinity_s;
	bool has_ranges;
	const struct ip_prefix *ranges; /* by address and length */
	size_t n_ranges;
	struct svc_way to, here; /* here: SVC_OUTSIDE_LOCAL only */
};

/* Lines, sorted by svc_facts_sort. */
struct svc_facts {
	VEC(char *) lines;
};

void svc_facts_fini(struct svc_facts *f);
void svc_facts_add(struct svc_facts *f, const struct svc_fact *fact);
void svc_facts_add_hairpin(struct svc_facts *f, const struct ip_addr *a);
/* Node ports answer on the addresses named so; without one in a family, as the configuration's
 * CIDRs say. */
void svc_facts_add_node_addr(struct svc_facts *f, const struct ip_addr *a);
void svc_facts_sort(struct svc_facts *f);
/* All that a table wants, sorted. */
void svc_facts_of(const struct svc_table *t, struct svc_facts *f);
/* True when equal; otherwise *b (may be NULL) gets the first `max` differing lines, "-" wanted but
 * missing, "+" there but not wanted. Both sorted. */
bool svc_facts_compare(const struct svc_facts *wanted, const struct svc_facts *there, size_t max,
		       struct buf *b);

/* The members of one set of a port, in order. */
void svc_way_of(const struct svc_port *p, enum svc_fate fate, struct arena *a, struct svc_way *ret);
