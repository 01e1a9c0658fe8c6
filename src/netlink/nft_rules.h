/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Rules to compare: those that a transaction would put, and those that the kernel holds.
 *
 * The kernel gives rules back with attributes that nobody put (defaults, the ends of ranges), so
 * a rule matches another when it has the same expressions in the same order, each with every
 * attribute of ours and the same value, and the same comment.
 */

#include "netlink/nft.h"

struct nft_rule_copy {
	char *chain;
	struct buf expressions, userdata; /* attributes as they travel */
};

struct nft_rules { /* a VEC; of each chain in order */
	struct nft_rule_copy *ptr;
	size_t len, cap;
};

void nft_rules_fini(struct nft_rules *r);
/* Adds the rules that the batch puts, of any table, into chains that are empty; it is not sent. */
void nft_rules_of_batch(const struct nft_batch *b, struct nft_rules *ret);
/* Adds the rules of a table. */
int nft_rules_read(struct netlink_socket *s, uint8_t family, const char *table,
		   struct nft_rules *ret, struct err *err) _nodiscard_;
bool nft_rules_match(const struct nft_rule_copy *wanted, const struct nft_rule_copy *there);
