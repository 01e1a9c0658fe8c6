/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Facts: what a table, or a kernel, says about packets, in one comparable form.
 *
 * A fact is what becomes of the packets from one origin to one frontend. svc_facts_of gives those
 * that a table wants; a back end's dump gives those that the kernel holds; the verifier and the
 * tests compare the two as sorted lines, which also read well in a log:
 *
 *	10.96.0.10 80/tcp from pod to 10.64.1.2:8080,10.64.2.7:8080
 *	10.96.0.10 80/tcp from node masqueraded to 10.64.1.2:8080,10.64.2.7:8080
 *	203.0.113.5 443/tcp from outside in 192.0.2.0/24 affinity 10800 to 10.64.1.2:8443
 *	node-v4 30080/tcp from outside drop
 *	hairpin 10.64.1.2
 *	node-address 192.0.2.1
 *	config pods in 10.64.0.0/16, mark 0x4000, node ports on primary
 *
 * What a mode finds wrong with the rules that lead there, and that no table wants, is a line that
 * begins with "broken".
 */

#include "svc/policy.h"
#include "svc/view.h"

struct svc_target {
	struct ip_addr addr;
	uint16_t port;
};

struct svc_targets {
	const struct svc_target *ptr; /* by address and port */
	size_t len;
};

/* A frontend: a fact for each origin. */
struct svc_fact {
	bool is_node_port;
	enum ip_family family;
	enum api_protocol protocol;
	struct ip_addr addr; /* not for node ports */
	uint16_t port;
	uint32_t affinity_s;
	bool has_ranges;
	const struct ip_prefix *ranges; /* by address and length */
	size_t n_ranges;
	struct svc_way ways[SVC_ORIGINS];
	struct svc_targets cluster, local; /* where a way leads to that set */
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
/* The detector, the mark and where node ports answer. */
void svc_facts_add_config(struct svc_facts *f, const struct svc_config *c);
void svc_facts_add_broken(struct svc_facts *f, const char *fmt, ...) _printf_(2, 3);
void svc_facts_sort(struct svc_facts *f);
/* What an entry wants of its own: neither hairpins nor what the configuration says. */
void svc_facts_add_entry(struct svc_facts *f, const struct svc_view *v, const struct svc_entry *e);
/* All that a table wants, sorted. */
void svc_facts_of(const struct svc_view *v, struct svc_facts *f);
/* True when equal; otherwise *b (may be NULL) gets the first `max` differing lines, "-" wanted but
 * missing, "+" there but not wanted. Both sorted. */
bool svc_facts_compare(const struct svc_facts *wanted, const struct svc_facts *there, size_t max,
		       struct buf *b);
