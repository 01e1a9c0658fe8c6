/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Sockets to answer on, and the one-address control message that makes a datagram's answer leave
 * from the address that was asked (ip(7) IP_PKTINFO, ipv6(7) IPV6_PKTINFO). */

#include "base/ip.h"

#include <sys/socket.h>

/* A bound, non-blocking, close-on-exec socket; a TCP one listens. Returns the descriptor. */
int dns_socket_open(const struct ip_addr *addr, uint16_t port, int type,
		    struct err *err) _nodiscard_;
uint16_t dns_socket_port(int fd);

/* Turns what recvmsg told about the destination into what sendmsg wants as source. */
void dns_socket_reply_from(struct msghdr *m);
