/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The DNS server's sockets: UDP and TCP on one port, answering from a dns_zone on the loop's
 * thread.
 *
 * UDP is read and written in batches; an answer leaves from the address that was asked, also when
 * listening on a wildcard. TCP (RFC 7766): several queries a connection, answers in order; at most
 * DNS_TCP_MAX connections, or as many as the process has descriptors for (the one idle longest
 * makes room), closed when idle for DNS_TCP_IDLE_MS or when a client does not read its answers.
 */

#include "dns/answer.h"

struct dns_server;
struct loop;

enum {
	DNS_TCP_MAX = 1024,
	DNS_TCP_IDLE_MS = 10000,
	DNS_TCP_PENDING_MAX = 256 * 1024, /* unsent bytes before we stop reading a connection */
};

struct dns_server_stats {
	uint64_t udp_queries, tcp_queries, dropped, tcp_connections;
	uint64_t by_rcode[16];
};

/* The zone must outlive the server. Port 0 picks one for both protocols; *ret_port tells which. */
int dns_server_new(struct loop *l, const struct dns_zone *z, const struct ip_addr *addr,
		   uint16_t port, struct dns_server **ret, uint16_t *ret_port,
		   struct err *err) _nodiscard_;
void dns_server_free(struct dns_server *s);
void dns_server_stats(const struct dns_server *s, struct dns_server_stats *ret);
