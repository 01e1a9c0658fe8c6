/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The connection tracking table over ctnetlink: walking it and deleting single flows.
 *
 * Needs CAP_NET_ADMIN in the network namespace of the socket (NETLINK_NETFILTER). A walk costs the
 * kernel about 2 µs a flow.
 */

#include "base/ip.h"
#include "netlink/socket.h"

struct conntrack_flow {
	uint8_t protocol;        /* IPPROTO_UDP, … */
	struct ip_addr src, dst; /* as the client sent it */
	uint16_t src_port, dst_port;
	struct ip_addr reply_src; /* who answers: the backend, when it is translated */
	uint16_t reply_src_port;
	bool is_over; /* TCP: closed or in TIME_WAIT; the kernel only remembers it */
};

/* True: this flow is to go. */
typedef bool (*conntrack_fn)(void *ctx, const struct conntrack_flow *f);
/* Asks for each flow of a protocol in one address family, and deletes those that are to go.
 * *ret_deleted (may be NULL) counts them; a flow that ended by itself meanwhile is no error. */
int conntrack_delete(struct netlink_socket *s, enum ip_family family, uint8_t protocol,
		     conntrack_fn fn, void *ctx, size_t *ret_deleted, struct err *err) _nodiscard_;
