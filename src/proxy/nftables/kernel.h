/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the kernel holds, read back: the elements of our sets, sorted, the rules, and the facts
 * (svc/fact.h) that they amount to. Elements say where packets go, rules that they get there: those
 * are compared with what we would put, one by one.
 */

#include "netlink/nft_rules.h"
#include "proxy/nftables/elements.h"
#include "svc/fact.h"

struct nftables_kernel_chain {
	char *name;
	bool is_hook;  /* some base chain */
	bool is_wrong; /* one of our base chains at another hook */
	bool drops;    /* its policy */
};

struct nftables_kernel {
	bool is_dormant[NFTABLES_FAMILIES]; /* the table sleeps: no packet passes */
	bool has_layout[NFTABLES_FAMILIES]; /* the table is there, in the layout of this version */
	struct nftables_elements elements;
	VEC(uint64_t) classes[NFTABLES_FAMILIES]; /* that lead to their chain */
	VEC(uint64_t) strays[NFTABLES_FAMILIES];  /* that lead elsewhere */
	VEC(struct nftables_kernel_chain) chains[NFTABLES_FAMILIES];
	struct nft_rules rules[NFTABLES_FAMILIES];
};

void nftables_kernel_init(struct nftables_kernel *k);
void nftables_kernel_fini(struct nftables_kernel *k);
/* Into an initialised *k. ERR_CONFLICT: somebody changed it meanwhile; read again. */
int nftables_kernel_read(struct netlink_socket *s, struct nftables_kernel *k,
			 struct err *err) _nodiscard_;
/* As if the table were not there. */
void nftables_kernel_forget(struct nftables_kernel *k, enum nftables_family f);
/* The position of the element with that key in a sorted list, or -1. */
ptrdiff_t nftables_kernel_find(const struct nftables_kernel *k, enum nftables_family f,
			       enum nftables_set s, const char *key);
/* Adds the facts; a frontend that makes no sense is a line of its own ("broken …"), and so is an
 * element of `cluster-ips` or `members` that the other sets belie. */
void nftables_kernel_facts(const struct nftables_kernel *k, struct svc_facts *f);
/* A line for whatever keeps packets of a family from the rules in `wanted` (a batch that is not
 * sent): the table is missing or sleeps, a hook or another chain is missing, or has other rules. */
void nftables_kernel_check(const struct nftables_kernel *k, enum nftables_family f,
			   const struct nft_batch *wanted, struct svc_facts *out);
