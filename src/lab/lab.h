/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The lab: a whole cluster in namespaces of this machine, for learning, demos and tests.
 *
 *	           outside client 203.0.113.130
 *	                    |
 *	 203.0.113.129   router   203.0.113.1 ---- external network ---- .11 .12 .13
 *	               198.51.100.1 --------------- internal network ---- .11 .12 .13
 *	                    |                                         node1 node2 node3
 *	      server 198.51.100.2 (API server, DNS)             each with an agent and a proxy
 *
 * One supervisor is process 1 of a PID namespace, with network, mount, IPC and UTS namespaces of
 * its own; its network namespace is the router. Everything else is its descendant, so when it
 * ends, however it ends, the kernel ends all of it: no interface, address, route, rule or sysctl of
 * the host is ever touched. The other places (server, client, node1 …) are network and UTS
 * namespaces that a small holder process each keeps.
 *
 * kubectl on the host reaches the server through a listener on the host's loopback that `lab up`
 * opens before anything is unshared, and that is handed down to the server (LISTEN_FDS, as systemd
 * does it): a process may own sockets of two namespaces.
 *
 *	plan.c       names, addresses, ranges (pure)
 *	topology.c   namespaces and wires
 *	part.c       one process that is kept alive, with its log
 *	supervise.c  the supervisor
 *	state.c      STATE/lab.json
 *	enter.c      from outside into a place of the lab
 *
 * Documentation addresses only (RFC 5737, RFC 3849), Pods 10.244/16, Services 10.96/16.
 */

#include "base/err.h"

#include <sys/types.h>

struct lab_config {
	const char *state_dir;  /* whole path, exists */
	const char *program;    /* this binary */
	const char *proxy_mode; /* of `fairlead proxy`; "none": nodes have none */
	unsigned nodes;
	int64_t restart_max_ms; /* the longest pause before a part is started again; 0: 5 s */
	int listener;           /* on the host's loopback; handed to the server */
	uint16_t api_port;      /* its port */
};

enum {
	LAB_NODES_MAX = 50,
};

/* Starts the supervisor. *ret_ready becomes readable: one NUL byte when the cluster is ready, a
 * text when it cannot be; end of file when the supervisor is dead. */
int lab_start(const struct lab_config *c, pid_t *ret_pid, int *ret_ready,
	      struct err *err) _nodiscard_;

/* The supervisor's own program, in its namespaces: never returns. */
_noreturn_ void lab_supervise(const struct lab_config *c, int ready);

/* Puts the caller into a place: "router", "server", "client", "nodeN", "pod/NAME" or
 * "pod/NAMESPACE/NAME"; its next child is inside altogether. ERR_NOT_FOUND names what there is. */
int lab_enter(const char *state_dir, const char *place, struct err *err) _nodiscard_;
