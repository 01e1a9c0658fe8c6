/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The service model: what the Services of a cluster mean on this node, as plain values.
 *
 * A struct svc_table is a sorted array of entries, one for each Service that has an address. An
 * entry holds struct svc_port: one service port in one address family, with its frontends (where
 * packets arrive) and its backends (where they may go). Everything is immutable once published and
 * counted by references, so a change rebuilds one entry and copies pointers, and the difference of
 * two tables begins with comparing pointers (svc/diff.h).
 *
 * Who calls: the proxy's engine builds entries (svc/build.h) and tables; every proxy mode reads
 * them; the verifier and the tests compare them with what a kernel holds (svc/fact.h).
 *
 * Pure: no sockets, clock, files or log here. A table is a function of the objects and the
 * configuration (data-plane specification, section 2). For one thread, like the engine's loop.
 *
 * Addresses are in network order inside struct ip_addr, ports in host order.
 */

#include "api/types.h"

enum {
	SVC_BACKENDS_MAX = 65535, /* of one service port; the rest is left out, see is_cut */
	SVC_AFFINITY_MAX_S = 86400,
	SVC_PREFIXES_MAX = 64, /* node-port CIDRs */
	SVC_MARK = 0x4000,     /* kube-proxy's default: its masqueradeBit is 14 */
};

/* How a source address is known to be a Pod of this node (kube-proxy's detectLocalMode). */
enum svc_detect {
	SVC_DETECT_NONE,
	SVC_DETECT_CIDR,             /* inside pod_cidrs */
	SVC_DETECT_BRIDGE,           /* arrives on the interface detect_interface */
	SVC_DETECT_INTERFACE_PREFIX, /* arrives on an interface whose name begins so */
};

/* The node and the options, the same for all entries of a table. Immutable, counted. */
struct svc_config {
	unsigned refs;
	struct str node_name; /* never absent */
	struct str zone;      /* absent: the node has no zone label */
	enum svc_detect detect;
	struct ip_prefix pod_cidrs[2]; /* at most one a family */
	size_t n_pod_cidrs;
	struct str detect_interface;
	struct ip_addr node_addrs[2]; /* the node's primary address of each family it has */
	size_t n_node_addrs;
	bool masquerade_all;
	uint32_t mark;        /* the bit of a packet's mark that says "masquerade"; 0: SVC_MARK */
	bool no_external_ips; /* ignore spec.externalIPs */
	/* Where node ports answer: the primary addresses, or local addresses in these CIDRs. A
	 * family without a CIDR (or without a primary address) answers on all its addresses. */
	bool node_ports_on_primary;
	const struct ip_prefix *node_port_cidrs;
	size_t n_node_port_cidrs;
	struct arena arena; /* private: the strings and the CIDRs */
};

/* A deep copy of *c, with a mark; its refs and arena are not looked at. */
struct svc_config *svc_config_new(const struct svc_config *c);
struct svc_config *svc_config_ref(struct svc_config *c);
void svc_config_unref(struct svc_config *c);
bool svc_config_eq(const struct svc_config *a, const struct svc_config *b);
/* Of one family. NULL: no detector by CIDR for it. */
const struct ip_prefix *svc_config_pod_cidr(const struct svc_config *c, enum ip_family f);
/* NULL: the node has no address of that family. */
const struct ip_addr *svc_config_node_addr(const struct svc_config *c, enum ip_family f);

enum svc_scope {
	SVC_CLUSTER_IP,
	SVC_NODE_PORT, /* every selected address of the node: addr is unspecified */
	SVC_EXTERNAL_IP,
	SVC_LB_VIP,
};
const char *svc_scope_name(enum svc_scope s);

/* IPPROTO_TCP, …; and back: false for one that Services do not have. */
uint8_t svc_protocol_number(enum api_protocol p);
bool svc_protocol_of(uint8_t number, enum api_protocol *ret);

struct svc_frontend {
	enum svc_scope scope;
	uint16_t port;
	struct ip_addr addr;
};

enum {
	SVC_FRONTEND_KEY_LEN = 20,
};
/* What tells a frontend from all others of a table, in `buf`: a node port's has an unspecified
 * address, and so one key for each family. */
struct str svc_frontend_key(enum api_protocol protocol, const struct svc_frontend *f,
			    char buf[SVC_FRONTEND_KEY_LEN]);

enum svc_backend_flags {
	SVC_IN_CLUSTER = 1, /* a member of the Cluster set */
	SVC_IN_LOCAL = 2,   /* a member of the Local set */
	SVC_HERE = 4,       /* runs on this node */
	SVC_READY = 8,
	SVC_SERVING = 16,
	SVC_TERMINATING = 32,
};

struct svc_backend {
	struct ip_addr addr;
	uint16_t port;
	uint16_t flags;
};

/* Whether packets that this backend sends to its own Service may come back to it (section 2.3,
 * rule 5): it is a member of a set and runs here, so its packets pass here. */
static inline bool svc_backend_hairpins(const struct svc_backend *b)
{
	return (b->flags & SVC_HERE) && (b->flags & (SVC_IN_CLUSTER | SVC_IN_LOCAL));
}

struct svc_port {
	struct str name; /* of the port; "" when it has none */
	enum api_protocol protocol;
	enum ip_family family;
	bool is_internal_local, is_external_local; /* the policies in force */
	bool has_any;                         /* some usable backend exists, here or elsewhere */
	bool has_ranges;                      /* LB VIPs answer `ranges` only, which may be empty */
	bool is_cut;                          /* more than SVC_BACKENDS_MAX backends */
	uint32_t affinity_s;                  /* 0: none */
	const struct svc_frontend *frontends; /* the first is the cluster IP */
	size_t n_frontends;
	const struct svc_backend *backends; /* by address and port; no two alike */
	size_t n_backends;
	uint32_t n_cluster, n_local; /* members of the two sets */
	const struct ip_prefix *ranges;
	size_t n_ranges;
};

struct svc_entry {
	unsigned refs;
	struct str key; /* "namespace/name" */
	struct svc_port *ports;
	size_t n_ports;
	uint16_t health_port;    /* healthCheckNodePort of a Local LoadBalancer, or 0 */
	uint32_t n_health_ready; /* distinct local Ready addresses: what that port reports */
};

struct svc_entry *svc_entry_ref(struct svc_entry *e);
void svc_entry_unref(struct svc_entry *e); /* NULL is fine */
/* Same content; NULL equals only NULL. */
bool svc_entry_eq(const struct svc_entry *a, const struct svc_entry *b);

/* The port with that frontend; NULL: none. */
const struct svc_port *svc_entry_port_at(const struct svc_entry *e, struct str frontend_key);

struct svc_table {
	unsigned refs;
	struct svc_config *config;
	size_t n;
	struct svc_entry *entries[]; /* by key (str_cmp) */
};

/* Takes a reference to the configuration and to each entry; they need not be sorted, keys must
 * differ. */
struct svc_table *svc_table_new(struct svc_config *c, struct svc_entry *const *entries, size_t n);
struct svc_table *svc_table_ref(struct svc_table *t);
void svc_table_unref(struct svc_table *t); /* NULL is fine */
struct svc_entry *svc_table_find(const struct svc_table *t, struct str key);
