/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The agent: runs the Pods that are bound to its node, as processes of this machine.
 *
 * It watches Pods with spec.nodeName of its own name. Each gets a sandbox: network, PID, mount, UTS
 * and IPC namespaces held by a pause (agent/pause.h), an interface with an address of the node's
 * range, files in /etc of its own. Containers run in it on the host's file system: one with a
 * `command` runs that, one without runs the built-in responder on the container's ports
 * (`fairlead respond`). Probes run from the node; what they say, and that a process has ended, is
 * in the Pod's status at once. The node's own object, its Lease and the routes to the other nodes'
 * ranges are the agent's as well.
 *
 * The agent may be killed at any moment: Pods go on. What it needs to find them again is in
 * STATE/pods/UID/: record (addresses, names), pid (the pause), wired (its network is made),
 * pause.sock, container/NAME, log/NAME/RUN.log, etc/.
 *
 *	agent.c      wiring: watches, which Pod is whose, leftovers
 *	pod.c        one Pod: its stages from new to gone
 *	container.c  one container: start, end, back-off, verdicts of probes
 *	prober.c     runs a probe again and again
 *	ask.c        asks a container once: exec, HTTP, TCP
 *	place.c      where containers run, and what the pause runs beside them
 *	sandbox.c    directory, namespaces, wires
 *	etc.c        a Pod's own files in /etc
 *	pause-client.c   the connection to a pause
 *	report.c     status to the API, the deletion that ends a Pod
 *	node.c       the Node, its Lease, routes
 *	endpoint.c   HTTP: who may ask for what; /healthz, /metrics
 *	logs.c       /containerLogs
 *	exec.c       /exec: a command in a container; /attach
 *	forward.c    /portForward: connections to a Pod's ports
 *	session.c    what the two have in common
 *	wire.c       the streams of both, over WebSocket or SPDY
 *	log_file.c   what a pause has written, read for them
 *	env.c probe.c backoff.c ipam.c status.c   pure, each with its unit test
 */

#include "base/ip.h"
#include "base/str.h"

struct agent;
struct client;
struct loop;

enum {
	AGENT_FAMILIES = 2, /* addresses of a Pod, ranges and addresses of a node: one a family */
	AGENT_LABELS_MAX = 64, /* --node-labels */
	AGENT_DNS_MAX = 3,     /* nameserver lines that resolvers read */
};

struct agent_config {
	const char *node_name;
	const char *state_dir;
	const char *program;                  /* this binary, for the pause and the responder */
	const char *zone;                     /* topology.kubernetes.io/zone; NULL: no such label */
	const char *labels[AGENT_LABELS_MAX]; /* "key=value" */
	size_t n_labels;
	struct ip_addr internal[AGENT_FAMILIES], external[AGENT_FAMILIES];
	size_t n_internal, n_external;
	struct ip_prefix pod_cidrs[AGENT_FAMILIES]; /* none: those of the Node object */
	size_t n_pod_cidrs;
	struct ip_addr dns[AGENT_DNS_MAX]; /* the cluster's DNS; none: Pods get the node's */
	size_t n_dns;
	const char *domain;               /* "cluster.local" */
	bool has_routes;                  /* routes to other nodes' ranges are ours to set */
	struct ip_addr bind;              /* of the HTTP endpoint */
	uint16_t port;                    /* of the HTTP endpoint, 10250; 0: none */
	const char *cert_file, *key_file; /* NULL: clear text */
	const char *client_ca_file;       /* of those who may read logs; NULL: anyone may */
};

/* Strings are borrowed for the agent's life; the client too. */
int agent_new(struct loop *l, struct client *c, const struct agent_config *config,
	      struct agent **ret, struct err *err) _nodiscard_;
void agent_free(struct agent *a); /* Pods stay */
