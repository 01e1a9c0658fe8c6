/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the kernel holds, read back: the elements of our sets, sorted, and the facts (svc/fact.h)
 * that they amount to.
 */

#include "proxy/nftables/elements.h"
#include "svc/fact.h"

struct nftables_kernel {
	bool has_layout[NFTABLES_FAMILIES]; /* the table is there, in the layout of this version */
	struct nftables_elements elements;
	VEC(uint64_t) classes[NFTABLES_FAMILIES];
	VEC(char *) chains[NFTABLES_FAMILIES];
};

void nftables_kernel_init(struct nftables_kernel *k);
void nftables_kernel_fini(struct nftables_kernel *k);
/* Into an initialised *k. ERR_CONFLICT: somebody changed it meanwhile; read again. */
int nftables_kernel_read(struct netlink_socket *s, struct nftables_kernel *k,
			 struct err *err) _nodiscard_;
/* The position of the element with that key in a sorted list, or -1. */
ptrdiff_t nftables_kernel_find(const struct nftables_kernel *k, enum nftables_family f,
			       enum nftables_set s, const char *key);
/* Adds the facts; a frontend that makes no sense is a line of its own ("broken …"), and so is an
 * element of `cluster-ips` or `members` that the other sets belie. */
void nftables_kernel_facts(const struct nftables_kernel *k, struct svc_facts *f);
