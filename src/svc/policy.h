/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What becomes of a packet to a frontend, by where it comes from: the policy table (section 2.2 of
 * the data-plane specification), the masquerade rules (2.3), node-port addresses (2.4) and source
 * ranges (2.5). This is the only place that knows them: modes, facts and the oracle ask here.
 *
 * Where a packet comes from is told once and for all by the configuration: a Pod of this node is
 * what the detector finds, else the node itself is what has one of its addresses, else it is the
 * outside. Without a detector in a family there are no Pods, and their column is the outside's.
 */

#include "svc/table.h"

enum svc_origin {
	SVC_FROM_POD,
	SVC_FROM_NODE,
	SVC_FROM_OUTSIDE,
	SVC_ORIGINS,
};
const char *svc_origin_name(enum svc_origin o); /* "pod" */

enum svc_fate {
	SVC_TO_CLUSTER_SET,
	SVC_TO_LOCAL_SET,
	SVC_REJECT, /* ICMP port unreachable: nothing usable anywhere */
	SVC_DROP,   /* in silence: usable backends exist, none of them here */
};
static inline bool svc_fate_is_set(enum svc_fate f)
{
	return f == SVC_TO_CLUSTER_SET || f == SVC_TO_LOCAL_SET;
}

struct svc_way {
	enum svc_fate fate;
	/* The backend sees an address of the node (rules 1 to 4; a hairpin, rule 5, depends on the
	 * backend chosen and is always masqueraded). Never set where nothing is forwarded. */
	bool is_masqueraded;
};
bool svc_way_eq(const struct svc_way *a, const struct svc_way *b);

/* By origin. Source ranges come before it (svc_port_allows). */
void svc_ways_of(const struct svc_config *c, const struct svc_port *p, const struct svc_frontend *f,
		 struct svc_way ret[SVC_ORIGINS]);
/* Members of the set that a fate leads to; 0 where it leads to none. */
uint32_t svc_fate_members(const struct svc_port *p, enum svc_fate f);
/* SVC_IN_CLUSTER or SVC_IN_LOCAL; 0 where it leads to no set. */
unsigned svc_fate_flag(enum svc_fate f);
/* What is in force of the port's session affinity: nothing where nothing is forwarded. */
uint32_t svc_ways_affinity(const struct svc_port *p, const struct svc_way ways[SVC_ORIGINS]);

/* Whether the detector can tell Pods of this family. */
bool svc_config_detects(const struct svc_config *c, enum ip_family f);

static inline bool svc_frontend_has_ranges(const struct svc_port *p, const struct svc_frontend *f)
{
	return f->scope == SVC_LB_VIP && p->has_ranges;
}
/* Whether the source ranges let `src` reach this frontend. */
bool svc_port_allows(const struct svc_port *p, const struct svc_frontend *f,
		     const struct ip_addr *src);

/* Where the node ports of a family answer; never on loopback. */
enum svc_node_ports {
	SVC_ON_ALL,     /* every local address */
	SVC_ON_PRIMARY, /* svc_config_node_addr */
	SVC_ON_CIDRS,   /* local addresses in the CIDRs of that family */
};
enum svc_node_ports svc_config_node_ports(const struct svc_config *c, enum ip_family f);
/* Whether they answer on `a`, which is an address of this node or is not. */
bool svc_config_selects(const struct svc_config *c, const struct ip_addr *a, bool is_local);
