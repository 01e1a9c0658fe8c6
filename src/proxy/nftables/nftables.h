/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The nftables mode: the flat layout of proxy/nftables/layout.h, filled over raw netlink.
 *
 * A change is one transaction with only the elements that differ. A sync reads what is there,
 * transacts the difference and fills the chains anew, so it adopts what an earlier process left
 * without a gap. Where the kernel takes small transactions only (without privileges in the first
 * user namespace: net.core.wmem_max), a sync is several, each with whole Services, and a first fill
 * hooks the chains up last.
 *
 * Needs Linux 5.13 or later with nf_tables, NAT, fib, numgen, masquerade and reject.
 */

#include "proxy/proxy.h"

extern const struct proxy_mode nftables_mode;
