/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The built-in responder: what a container without a `command` runs. It says who answered and whom
 * it saw, so that a person (or a test) sees which way a connection went:
 *
 *	pod=pod-python-1 node=node2 from=10.244.1.3:40312 port=443
 *
 * HTTP on TCP ports: GET /healthz answers 200 until GET /fail (500 then) and again after GET /ok;
 * GET /json answers the same as JSON; any other path answers the line. A UDP datagram is answered
 * with the line. Names come from POD_NAME and NODE_NAME, else from the host name.
 */

#include "base/err.h"

struct loop;
struct respond;

struct respond_port {
	uint16_t number;
	bool is_udp;
};

enum {
	RESPOND_PORTS_MAX = 1024,
};

/* Listens on the ports, IPv6 and IPv4. */
int respond_new(struct loop *l, const struct respond_port *ports, size_t n, struct respond **ret,
		struct err *err) _nodiscard_;
void respond_free(struct respond *r);
