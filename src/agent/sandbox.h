/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A Pod's place on this machine: its directory, its namespaces (held by a pause), its interface.
 *
 * On the wire: a veth pair, eth0 in the Pod with its address as a host route (/32, /128) and the
 * default route through a link-local gateway that exists only as a permanent neighbour entry with
 * the MAC of the other end (169.254.1.1, fe80::1). The node has a host route to the Pod and its
 * neighbour entry. So no address of the node's is needed there, nobody is asked by ARP or ND, and
 * the Pod's traffic always passes the node's IP stack, where the proxy is.
 */

#include "base/ip.h"
#include "netlink/link.h"

#include <sys/types.h>

enum {
	AGENT_SANDBOX_ADDRS = 2,
};

struct agent_sandbox {
	char *dir;
	char *uid, *ns, *name; /* of the Pod */
	struct ip_addr addrs[AGENT_SANDBOX_ADDRS];
	size_t n_addrs;
	int64_t started_ns; /* the Pod's startTime */
	bool has_host_network;
	pid_t pid; /* the pause; 0: none */
	uint64_t pid_start;
	bool is_wired; /* agent_sandbox_wire has done its work */
};

struct agent_sandbox *agent_sandbox_new(const char *state_dir, struct str uid, struct str ns,
					struct str name);
void agent_sandbox_free(struct agent_sandbox *s);

/* Writes the record: from here on a new agent finds it. */
int agent_sandbox_save(const struct agent_sandbox *s, struct err *err) _nodiscard_;
/* Reads record and pid; pid is 0 when the pause is not alive any more. One that is alive and not
 * wired was left by an agent that was killed in between. */
int agent_sandbox_load(const char *state_dir, const char *uid, struct agent_sandbox **ret,
		       struct err *err) _nodiscard_;

/* A file in the Pod's /etc. */
int agent_sandbox_write_etc(const struct agent_sandbox *s, const char *name, struct str text,
			    struct err *err) _nodiscard_;

/* Starts `PROGRAM pause`; when that child has ended well, agent_sandbox_wire comes next. It ends
 * with this process, or by a SIGKILL, and then leaves no pause behind. */
int agent_sandbox_spawn(const struct agent_sandbox *s, const char *program, const char *hostname,
			pid_t *ret, struct err *err) _nodiscard_;
/* Reads the pause's pid and makes the network. `sources` are the node's addresses: what talks to
 * the Pod from the node comes from them. */
int agent_sandbox_wire(struct agent_sandbox *s, struct link_sock *node,
		       const struct ip_addr *sources, size_t n_sources,
		       struct err *err) _nodiscard_;
/* A TCP socket of this family (AF_INET, AF_INET6) in the Pod's network. Returns the descriptor, or
 * negative errno. For the loop's thread, whose network is the node's again afterwards. */
int agent_sandbox_socket(const struct agent_sandbox *s, int family, struct err *err) _nodiscard_;
/* Ends all that runs in it and takes the wire away; the directory stays. To be called only after
 * the child of agent_sandbox_spawn has ended. */
void agent_sandbox_kill(struct agent_sandbox *s, struct link_sock *node);
int agent_sandbox_remove(struct agent_sandbox *s, struct err *err) _nodiscard_;
