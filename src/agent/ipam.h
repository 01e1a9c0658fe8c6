/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Addresses of Pods out of one range of the node. Pure: what is taken is told again after a
 * restart (each Pod's directory says which addresses it has), so nothing is stored here.
 *
 * Addresses go round: one that was released is given again as late as possible, so that a late
 * packet or a stale endpoint does not reach another Pod. The first address of the range, and of an
 * IPv4 range the last, are never given. At most AGENT_IPAM_MAX addresses of a range are used.
 */

#include "base/ip.h"

enum {
	AGENT_IPAM_MAX = 65536,
};

struct agent_ipam {
	struct ip_prefix range;
	uint32_t size;  /* addresses that may be used: offsets 1 … size - 1 */
	uint32_t at;    /* where the search goes on */
	uint32_t taken; /* how many */
	uint8_t *bits;
};

/* ERR_INVALID when the range is too small to hold a Pod. */
int agent_ipam_init(struct agent_ipam *i, const struct ip_prefix *range,
		    struct err *err) _nodiscard_;
void agent_ipam_fini(struct agent_ipam *i);
/* ERR_LIMIT when all are taken. */
int agent_ipam_next(struct agent_ipam *i, struct ip_addr *ret, struct err *err) _nodiscard_;
/* Takes this very address; ERR_EXISTS when it is taken, ERR_INVALID when it is none of ours. */
int agent_ipam_take(struct agent_ipam *i, const struct ip_addr *a, struct err *err) _nodiscard_;
void agent_ipam_release(struct agent_ipam *i, const struct ip_addr *a);
