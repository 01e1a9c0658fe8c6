/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The flat layout: which sets, maps and chains there are, and the rules in them. docs/datapath.md
 * draws the way of a packet through it, docs/decisions/ says why it is so.
 *
 * Two tables of equal shape, `ip fairlead` and `ip6 fairlead`. In each, big maps that hold only
 * data, so that changing an element never makes the kernel check chains for loops:
 *
 *	services      address . protocol . port -> class
 *	node-ports    protocol . port           -> class
 *	origins       external address . protocol . port -> cluster IP . protocol . port
 *	node-origins  protocol . port                    -> cluster IP . protocol . port
 *	backends      cluster IP . protocol . port . index -> address . port
 *
 * A service port is identified by its cluster IP, protocol and port, whatever address a packet came
 * to. Its Cluster set has the indexes 0 .. n-1, its Local set NFTABLES_LOCAL + 0 .. n-1. The class
 * says everything else about a frontend (the way of each origin, numbers of backends, affinity
 * timeout) in 64 bits;
 * `classes`, a small verdict map, leads to the chain of the class, made when first used and shared
 * by all Services of that class.
 *
 * The data of the first four begins with a word of zeros. It keeps `nft list` alive: nft (1.0.6)
 * aborts when it sees a register that holds a map's data used as a key, but passes over one of
 *which it knows nothing, so we use the registers after the first. For those rules it shows only our
 * comment.
 *
 * Keys and data are concatenations, each field padded to four bytes: addresses, protocol and port
 * in network order, index, length and the halves of a class in host order.
 */

#include "netlink/nft.h"
#include "svc/policy.h"

#define NFTABLES_TABLE  "fairlead"
#define NFTABLES_LAYOUT "layout-2" /* an empty set of this name tells the layout's version */

enum {
	NFTABLES_LOCAL = 0x80000000, /* first index of the Local set */
	NFTABLES_AFFINITIES_MAX = 1u << 20,
	NFTABLES_KEY_MAX = 48,
	NFTABLES_DATA_MAX = 32,
	NFTABLES_STRIDE_MAX = NFTABLES_KEY_MAX + NFTABLES_DATA_MAX,
	NFTABLES_PREPARED = 16, /* chains for that many backends are made when the maps are empty */
};

enum nftables_family {
	NFTABLES_V4,
	NFTABLES_V6,
	NFTABLES_FAMILIES,
};

enum nftables_set {
	NFTABLES_SERVICES,
	NFTABLES_NODE_PORTS,
	NFTABLES_ORIGINS,
	NFTABLES_NODE_ORIGINS,
	NFTABLES_CLUSTER_IPS, /* addresses whose other ports are refused */
	NFTABLES_BACKENDS,
	/* cluster IP . protocol . port . address . port, where there is affinity: is a remembered
	 * backend still in the Cluster (Local) set? */
	NFTABLES_MEMBERS,
	NFTABLES_LOCAL_MEMBERS,
	NFTABLES_SOURCES,    /* address . protocol . port . length . prefix: source ranges */
	NFTABLES_HAIRPINS,   /* address . address */
	NFTABLES_NODE_ADDRS, /* where node ports answer, when that is the node's own address */
	NFTABLES_FILLED,     /* the sets before this one hold what a table says */
	NFTABLES_CLASSES = NFTABLES_FILLED,
	NFTABLES_AFFINITY, /* client . cluster IP . protocol . port -> address . port, by rules */
	NFTABLES_SETS,
};

uint8_t nftables_nfproto(enum nftables_family f);
enum ip_family nftables_ip_family(enum nftables_family f);
size_t nftables_addr_len(enum nftables_family f);
const struct nft_set *nftables_set_of(enum nftables_family f, enum nftables_set s);
size_t nftables_stride(enum nftables_family f, enum nftables_set s); /* key and data */

enum nftables_source {      /* what identifies the service port in a class's chains */
	NFTABLES_BY_PACKET, /* the packet's destination is the cluster IP */
	NFTABLES_BY_VIP,    /* look into origins; always so with affinity */
	NFTABLES_BY_NODE,   /* look into node-origins */
};

struct nftables_class {
	enum nftables_source source;
	bool has_ranges;
	struct svc_way ways[SVC_ORIGINS];
	uint16_t n_cluster, n_local; /* members, where a way leads to that set */
	uint32_t affinity_s;
};

uint64_t nftables_class_pack(const struct nftables_class *c);
/* False for a number that no class has. */
bool nftables_class_unpack(uint64_t v, struct nftables_class *ret);
/* As it stands in a key: the upper half, then the lower. */
void nftables_class_put(uint64_t v, char out[8]);
uint64_t nftables_class_get(const char in[8]);

enum {
	NFTABLES_NAME_MAX = 128,
};
#define NFTABLES_RANGES "ranges" /* the chain of the prefix lengths, and at its end a drop */

/* Everything that is always there, for one family; existing chains are filled anew. The batch's
 * table is set by it. */
void nftables_put_base(struct nft_batch *b, enum nftables_family f, const struct svc_config *c);
struct nftables_hook {
	const char *name, *to;
	int hook, priority; /* of type nat */
};
extern const struct nftables_hook nftables_hooks[];
extern const size_t nftables_n_hooks;
/* The base chains: from then on packets pass here, so this comes last when maps are filled. */
void nftables_put_hooks(struct nft_batch *b, enum nftables_family f);
/* The chain that chooses among `n` backends of a set: its name, and its rules. */
struct nftables_chooser {
	enum nftables_source source;
	bool is_local;
	uint16_t n;
	uint32_t affinity_s;
};
void nftables_chooser_name(const struct nftables_chooser *c, char out[NFTABLES_NAME_MAX]);
void nftables_put_chooser(struct nft_batch *b, enum nftables_family f,
			  const struct nftables_chooser *c);
/* The chain of a class and its element in `classes`; the choosers it leads to come before. */
void nftables_class_name(const struct nftables_class *c, char out[NFTABLES_NAME_MAX]);
size_t nftables_class_choosers(const struct nftables_class *c, struct nftables_chooser out[2]);
void nftables_put_class(struct nft_batch *b, enum nftables_family f, const struct svc_config *c,
			const struct nftables_class *cl);
/* One more prefix length that source ranges have. */
void nftables_put_range_length(struct nft_batch *b, enum nftables_family f, uint8_t len);
