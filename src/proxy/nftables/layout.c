/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/nftables/layout.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

/* nft's own numbers of data types, six bits each in a concatenation: for `nft list` to print. */
enum {
	T_V4 = 7,
	T_V6 = 8,
	T_PROTO = 12,
	T_PORT = 13,
	T_NUMBER = 19, /* "mark": four bytes in host order */
	T_BITS = 6,
};

#define CAT2(a, b)      (((a) << T_BITS) | (b))
#define CAT3(a, b, c)   CAT2(CAT2(a, b), c)
#define PORT_ID(addr)   CAT3(addr, T_PROTO, T_PORT) /* cluster IP . protocol . port */
#define PADDED_ID(addr) CAT3(CAT2(T_NUMBER, addr), T_PROTO, T_PORT)
#define CLASS           CAT2(T_NUMBER, T_NUMBER)

#define MAP(name_, flags_, kt, kl, dt, dl)                                                         \
	{                                                                                          \
		.name = (name_), .flags = NFT_SET_MAP | (flags_), .key_type = (kt),                \
		.key_len = (kl), .data_type = (dt), .data_len = (dl)                               \
	}
#define SET(name_, kt, kl)                                                                         \
	{                                                                                          \
		.name = (name_), .key_type = (kt), .key_len = (kl)                                 \
	}

/* `a`: nft's type of an address, `n`: its bytes. */
#define SETS(a, n)                                                                                 \
	{                                                                                          \
		[NFTABLES_SERVICES] = MAP("services", 0, PORT_ID(a), (n) + 8,                      \
					  CAT3(T_NUMBER, T_NUMBER, T_NUMBER), 12),                 \
		[NFTABLES_NODE_PORTS] = MAP("node-ports", 0, CAT2(T_PROTO, T_PORT), 8,             \
					    CAT3(T_NUMBER, T_NUMBER, T_NUMBER), 12),               \
		[NFTABLES_ORIGINS] =                                                               \
			MAP("origins", 0, PORT_ID(a), (n) + 8, PADDED_ID(a), (n) + 12),            \
		[NFTABLES_NODE_ORIGINS] =                                                          \
			MAP("node-origins", 0, CAT2(T_PROTO, T_PORT), 8, PADDED_ID(a), (n) + 12),  \
		[NFTABLES_CLUSTER_IPS] = SET("cluster-ips", (a), (n)),                             \
		[NFTABLES_BACKENDS] = MAP("backends", 0, CAT2(PORT_ID(a), T_NUMBER), (n) + 12,     \
					  CAT2(a, T_PORT), (n) + 4),                               \
		[NFTABLES_MEMBERS] =                                                               \
			SET("members", CAT3(PORT_ID(a), a, T_PORT), (n) + 8 + (n) + 4),            \
		[NFTABLES_LOCAL_MEMBERS] =                                                         \
			SET("local-members", CAT3(PORT_ID(a), a, T_PORT), (n) + 8 + (n) + 4),      \
		[NFTABLES_SOURCES] =                                                               \
			SET("sources", CAT3(PORT_ID(a), T_NUMBER, a), (n) + 12 + (n)),             \
		[NFTABLES_HAIRPINS] = SET("hairpins", CAT2(a, a), (n) + (n)),                      \
		[NFTABLES_NODE_ADDRS] = SET("node-addresses", (a), (n)),                           \
		[NFTABLES_CLASSES] = MAP("classes", 0, CLASS, 8, NFT_DATA_VERDICT, 0),             \
		[NFTABLES_AFFINITY] = {                                                            \
			.name = "affinity",                                                        \
			.flags = NFT_SET_MAP | NFT_SET_TIMEOUT | NFT_SET_EVAL,                     \
			.key_type = CAT2(CAT3((a), (a), T_PROTO), T_PORT),                         \
			.key_len = (n) + (n) + 8,                                                  \
			.data_type = CAT2(a, T_PORT),                                              \
			.data_len = (n) + 4,                                                       \
			.size = NFTABLES_AFFINITIES_MAX,                                           \
		},                                                                                 \
	}

static const struct nft_set sets[NFTABLES_FAMILIES][NFTABLES_SETS] = {
	[NFTABLES_V4] = SETS(T_V4, 4),
	[NFTABLES_V6] = SETS(T_V6, 16),
};

/* Registers, in words of four bytes. A port's identity stands at ID, so that a client's address
 * fits before it (the key of `affinity`) and the index and a backend after it (the keys of
 * `backends` and `members`). With IPv6 this uses all sixteen. */
enum {
	R_CLASS =
		2, /* two words; what `services` gives begins here and goes on with the identity */
	R_ID = 4,
	R_KEY = 10, /* a packet's address . protocol . port, to look it up */
};

struct fam {
	uint8_t nfproto;
	unsigned words; /* of an address */
	unsigned len;
	uint32_t source, destination; /* offsets in the header */
};

static const struct fam fams[NFTABLES_FAMILIES] = {
	[NFTABLES_V4] = {NFPROTO_IPV4, 1, 4, 12, 16},
	[NFTABLES_V6] = {NFPROTO_IPV6, 4, 16, 8, 24},
};

static unsigned r_client(const struct fam *f)
{
	return R_ID - f->words;
}

static unsigned r_index(const struct fam *f)
{
	return R_ID + f->words + 2;
}

static unsigned r_backend(const struct fam *f)
{
	return R_ID + f->words + 3;
}

static unsigned r_backend_port(const struct fam *f)
{
	return r_backend(f) + f->words;
}

uint8_t nftables_nfproto(enum nftables_family f)
{
	return fams[f].nfproto;
}

enum ip_family nftables_ip_family(enum nftables_family f)
{
	return f == NFTABLES_V4 ? IP_V4 : IP_V6;
}

size_t nftables_addr_len(enum nftables_family f)
{
	return fams[f].len;
}

const struct nft_set *nftables_set_of(enum nftables_family f, enum nftables_set s)
{
	return &sets[f][s];
}

size_t nftables_stride(enum nftables_family f, enum nftables_set s)
{
	return sets[f][s].key_len + sets[f][s].data_len;
}

/* ---- classes ---- */

struct field {
	unsigned at, bits;
};
static const struct field f_n_local = {0, 16}, f_n_cluster = {16, 16}, f_affinity = {32, 17},
			  f_ways = {49, 9}, f_ranges = {58, 1}, f_source = {59, 2};

enum {
	CLASS_BITS = 61,
	WAY_BITS = 3, /* of each origin: the fate, and whether it is masqueraded */
};

static uint64_t pack(struct field f, uint64_t v)
{
	assert(v < (uint64_t)1 << f.bits);
	return v << f.at;
}

static unsigned unpack(struct field f, uint64_t v)
{
	return (unsigned)((v >> f.at) & (((uint64_t)1 << f.bits) - 1));
}

uint64_t nftables_class_pack(const struct nftables_class *c)
{
	uint64_t ways = 0;

	for (size_t o = 0; o < SVC_ORIGINS; o++)
		ways |= (uint64_t)(c->ways[o].fate << 1 | c->ways[o].is_masqueraded)
			<< (WAY_BITS * o);
	return pack(f_n_local, c->n_local) | pack(f_n_cluster, c->n_cluster) |
	       pack(f_affinity, c->affinity_s) | pack(f_ways, ways) |
	       pack(f_ranges, c->has_ranges) | pack(f_source, c->source);
}

static uint16_t members(const struct nftables_class *c, enum svc_fate fate)
{
	return fate == SVC_TO_CLUSTER_SET ? c->n_cluster
	       : fate == SVC_TO_LOCAL_SET ? c->n_local
					  : 0;
}

bool nftables_class_unpack(uint64_t v, struct nftables_class *ret)
{
	unsigned ways = unpack(f_ways, v);
	struct nftables_class c = {
		.source = unpack(f_source, v),
		.has_ranges = unpack(f_ranges, v),
		.n_cluster = (uint16_t)unpack(f_n_cluster, v),
		.n_local = (uint16_t)unpack(f_n_local, v),
		.affinity_s = unpack(f_affinity, v),
	};

	if (v >> CLASS_BITS || c.source > NFTABLES_BY_NODE)
		return false;
	for (size_t o = 0; o < SVC_ORIGINS; o++) {
		unsigned way = ways >> (WAY_BITS * o);

		c.ways[o] = (struct svc_way){.fate = way >> 1 & 3, .is_masqueraded = way & 1};
		if (svc_fate_is_set(c.ways[o].fate) && members(&c, c.ways[o].fate) == 0)
			return false;
	}
	*ret = c;
	return true;
}

void nftables_class_put(uint64_t v, char out[8])
{
	uint32_t half[2] = {(uint32_t)(v >> 32), (uint32_t)v};

	memcpy(out, half, 8);
}

uint64_t nftables_class_get(const char in[8])
{
	uint32_t half[2];

	memcpy(half, in, 8);
	return (uint64_t)half[0] << 32 | half[1];
}

/* ---- pieces of rules ---- */

static void load_daddr(struct nft_batch *b, const struct fam *f, unsigned reg)
{
	nft_load_payload(b, reg, NFT_PAYLOAD_NETWORK_HEADER, f->destination, f->len);
}

static void load_saddr(struct nft_batch *b, const struct fam *f, unsigned reg)
{
	nft_load_payload(b, reg, NFT_PAYLOAD_NETWORK_HEADER, f->source, f->len);
}

/* protocol . destination port, at two following words */
static void load_proto_port(struct nft_batch *b, unsigned reg)
{
	nft_load_meta(b, reg, NFT_META_L4PROTO);
	nft_load_payload(b, reg + 1, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2);
}

/* address . protocol . port */
static void load_destination(struct nft_batch *b, const struct fam *f, unsigned reg)
{
	load_daddr(b, f, reg);
	load_proto_port(b, reg + f->words);
}

/* The identity of the service port to R_ID on. */
static void load_identity(struct nft_batch *b, const struct fam *f, enum nftables_source s)
{
	switch (s) {
	case NFTABLES_BY_PACKET:
		load_destination(b, f, R_ID);
		break;
	case NFTABLES_BY_VIP:
		load_destination(b, f, R_KEY);
		nft_lookup_map(b, "origins", R_KEY, R_ID - 1);
		break;
	case NFTABLES_BY_NODE:
		load_proto_port(b, R_KEY);
		nft_lookup_map(b, "node-origins", R_KEY, R_ID - 1);
		break;
	}
}

static void prefix_mask(uint8_t *mask, const struct fam *f, unsigned len)
{
	for (unsigned i = 0; i < f->len; i++) {
		unsigned bits = len > 8 * i ? len - 8 * i : 0;

		mask[i] = (uint8_t)(bits >= 8 ? 0xff : (0xff00 >> bits) & 0xff);
	}
}

static void mask_addr(struct nft_batch *b, const struct fam *f, unsigned reg, unsigned len)
{
	static const uint8_t zero[16];
	uint8_t mask[16];

	prefix_mask(mask, f, len);
	nft_bitwise(b, reg, mask, zero, f->len);
}

/* Goes on when the address in the register is (not) in the prefix. */
static void match_prefix(struct nft_batch *b, const struct fam *f, unsigned reg, uint32_t op,
			 const struct ip_prefix *p)
{
	struct ip_addr base = ip_prefix_base(p);
	size_t len;
	const uint8_t *wire = ip_wire(&base, &len);

	mask_addr(b, f, reg, p->len);
	nft_cmp(b, reg, op, wire, len);
}

static void match_local(struct nft_batch *b, uint32_t direction)
{
	uint32_t local = 2; /* RTN_LOCAL */

	nft_load_fib_type(b, 0, direction);
	nft_cmp(b, 0, NFT_CMP_EQ, &local, sizeof(local));
}

static void set_mark(struct nft_batch *b, const struct svc_config *c)
{
	uint32_t mask = ~c->mark;

	nft_load_meta(b, 0, NFT_META_MARK);
	nft_bitwise(b, 0, &mask, &c->mark, sizeof(mask));
	nft_set_meta(b, 0, NFT_META_MARK);
}

static void rule_verdict(struct nft_batch *b, const char *chain, int code, const char *to)
{
	nft_rule(b, chain, false);
	nft_verdict(b, code, to);
	nft_rule_end(b, NULL);
}

static void fresh_chain(struct nft_batch *b, const char *name)
{
	nft_add_chain(b, name, NULL, -1, 0);
	nft_flush_chain(b, name);
}

/* ---- what is always there ---- */

static void put_services(struct nft_batch *b, const struct fam *f)
{
	fresh_chain(b, "services");
	nft_rule(b, "services", false);
	load_destination(b, f, R_KEY);
	nft_lookup_map(b, "services", R_KEY, R_CLASS - 1);
	nft_lookup_verdict(b, "classes", R_CLASS);
	nft_rule_end(b, "address . protocol . port -> services -> class -> classes -> chain");
	nft_rule(b, "services", false);
	load_daddr(b, f, R_ID);
	nft_lookup(b, "cluster-ips", R_ID);
	nft_verdict(b, NFT_GOTO, "do-reject");
	nft_rule_end(b, NULL);
	rule_verdict(b, "services", NFT_GOTO, "select-node-ports");
}

/* Section 2.4: loopback never reaches a node port; a family that no CIDR or address restricts
 * answers on all its local addresses. */
static void put_node_port_selection(struct nft_batch *b, enum nftables_family fam,
				    const struct fam *f, const struct svc_config *c)
{
	const char *chain = "select-node-ports";
	enum svc_node_ports where = svc_config_node_ports(c, nftables_ip_family(fam));
	struct ip_prefix loop = {.addr = ip_from_v4(0x7f000000), .len = 8};

	if (fam == NFTABLES_V6)
		loop = (struct ip_prefix){.addr = {{[15] = 1}}, .len = 128};
	fresh_chain(b, chain);
	nft_rule(b, chain, false);
	load_daddr(b, f, R_ID);
	match_prefix(b, f, R_ID, NFT_CMP_EQ, &loop);
	nft_verdict(b, NFT_RETURN, NULL);
	nft_rule_end(b, NULL);
	if (where == SVC_ON_PRIMARY) {
		nft_rule(b, chain, false);
		load_daddr(b, f, R_ID);
		nft_lookup(b, "node-addresses", R_ID);
		nft_verdict(b, NFT_GOTO, "node-ports");
		nft_rule_end(b, NULL);
		return;
	}
	for (size_t i = 0; where == SVC_ON_CIDRS && i < c->n_node_port_cidrs; i++) {
		const struct ip_prefix *p = &c->node_port_cidrs[i];

		if (ip_family(&p->addr) != nftables_ip_family(fam))
			continue;
		nft_rule(b, chain, false);
		load_daddr(b, f, R_ID);
		match_prefix(b, f, R_ID, NFT_CMP_EQ, p);
		match_local(b, NFTA_FIB_F_DADDR);
		nft_verdict(b, NFT_GOTO, "node-ports");
		nft_rule_end(b, NULL);
	}
	if (where != SVC_ON_ALL)
		return;
	nft_rule(b, chain, false);
	match_local(b, NFTA_FIB_F_DADDR);
	nft_verdict(b, NFT_GOTO, "node-ports");
	nft_rule_end(b, NULL);
}

static void put_node_ports(struct nft_batch *b)
{
	fresh_chain(b, "node-ports");
	nft_rule(b, "node-ports", false);
	load_proto_port(b, R_KEY);
	nft_lookup_map(b, "node-ports", R_KEY, R_CLASS - 1);
	nft_lookup_verdict(b, "classes", R_CLASS);
	nft_rule_end(b, "protocol . port -> node-ports -> class -> classes -> chain");
}

/* TCP gets a reset: an ICMP error that comes while connect() still holds the socket is only noted,
 * and the client learns of it a second later (IPv6 mostly); routers also limit how many they send
 * (net.ipv4.icmp_ratelimit). */
static void put_reject(struct nft_batch *b, const struct fam *f)
{
	uint8_t tcp = IPPROTO_TCP;

	fresh_chain(b, "do-reject");
	nft_rule(b, "do-reject", false);
	nft_load_meta(b, R_ID, NFT_META_L4PROTO);
	nft_cmp(b, R_ID, NFT_CMP_EQ, &tcp, sizeof(tcp));
	nft_reject_tcp_reset(b);
	nft_rule_end(b, NULL);
	nft_rule(b, "do-reject", false);
	nft_reject_port_unreachable(b, f->nfproto);
	nft_rule_end(b, NULL);
}

static void put_small_chains(struct nft_batch *b, const struct fam *f)
{
	put_reject(b, f);
	fresh_chain(b, "do-drop");
	rule_verdict(b, "do-drop", NF_DROP, NULL);
	/* Lengths are put before this rule. */
	fresh_chain(b, NFTABLES_RANGES);
	rule_verdict(b, NFTABLES_RANGES, NF_DROP, NULL);
}

static void put_masquerade(struct nft_batch *b, const struct fam *f, const struct svc_config *c)
{
	uint32_t zero = 0, keep = ~(uint32_t)0, dnat = 0x20; /* IPS_DST_NAT */

	fresh_chain(b, "do-masquerade");
	nft_rule(b, "do-masquerade", false);
	nft_load_ct_status(b, 0);
	nft_bitwise(b, 0, &dnat, &zero, sizeof(zero));
	nft_cmp(b, 0, NFT_CMP_NEQ, &zero, sizeof(zero));
	load_saddr(b, f, R_ID);
	load_daddr(b, f, R_ID + f->words);
	nft_lookup(b, "hairpins", R_ID);
	set_mark(b, c);
	nft_rule_end(b, NULL);
	nft_rule(b, "do-masquerade", false);
	nft_load_meta(b, 0, NFT_META_MARK);
	nft_bitwise(b, 0, &c->mark, &zero, sizeof(zero));
	nft_cmp(b, 0, NFT_CMP_EQ, &zero, sizeof(zero));
	nft_verdict(b, NFT_RETURN, NULL);
	nft_rule_end(b, NULL);
	nft_rule(b, "do-masquerade", false);
	nft_load_meta(b, 0, NFT_META_MARK);
	nft_bitwise(b, 0, &keep, &c->mark, sizeof(keep));
	nft_set_meta(b, 0, NFT_META_MARK);
	nft_masquerade(b);
	nft_rule_end(b, NULL);
}

const struct nftables_hook nftables_hooks[] = {
	{"hook-prerouting", "services", NF_INET_PRE_ROUTING, -100},
	{"hook-output", "services", NF_INET_LOCAL_OUT, -100},
	{"hook-postrouting", "do-masquerade", NF_INET_POST_ROUTING, 100},
};
const size_t nftables_n_hooks = ARRAY_LEN(nftables_hooks);

void nftables_put_hooks(struct nft_batch *b, enum nftables_family fam)
{
	nft_batch_table(b, fams[fam].nfproto, NFTABLES_TABLE);
	for (size_t i = 0; i < nftables_n_hooks; i++) {
		const struct nftables_hook *h = &nftables_hooks[i];

		nft_add_chain(b, h->name, "nat", h->hook, h->priority);
		nft_flush_chain(b, h->name);
		rule_verdict(b, h->name, NFT_JUMP, h->to);
	}
}

void nftables_put_base(struct nft_batch *b, enum nftables_family fam, const struct svc_config *c)
{
	const struct fam *f = &fams[fam];
	const struct nft_set layout = {.name = NFTABLES_LAYOUT, .key_type = T_NUMBER, .key_len = 4};

	nft_batch_table(b, f->nfproto, NFTABLES_TABLE);
	nft_add_table(b);
	nft_add_set(b, &layout);
	for (size_t i = 0; i < NFTABLES_SETS; i++)
		nft_add_set(b, &sets[fam][i]);
	put_small_chains(b, f);
	put_node_ports(b);
	put_node_port_selection(b, fam, f, c);
	put_services(b, f);
	put_masquerade(b, f, c);
}

void nftables_put_range_length(struct nft_batch *b, enum nftables_family fam, uint8_t len)
{
	const struct fam *f = &fams[fam];
	uint32_t number = len;

	nft_rule(b, NFTABLES_RANGES, true);
	load_destination(b, f, R_ID);
	nft_load_immediate(b, r_index(f), &number, sizeof(number));
	load_saddr(b, f, r_backend(f));
	mask_addr(b, f, r_backend(f), len);
	nft_lookup(b, "sources", R_ID);
	nft_verdict(b, NFT_RETURN, NULL);
	nft_rule_end(b, NULL);
}

/* ---- choosing a backend ---- */

void nftables_chooser_name(const struct nftables_chooser *c, char out[NFTABLES_NAME_MAX])
{
	static const char *const by[] = {"", "vip-", "node-"};
	int n = snprintf(out, NFTABLES_NAME_MAX, "choose-%s%s-%u", by[c->source],
			 c->is_local ? "local" : "cluster", c->n);

	if (c->affinity_s)
		snprintf(out + n, NFTABLES_NAME_MAX - (size_t)n, "-affinity-%u", c->affinity_s);
}

static void dnat_to_backend(struct nft_batch *b, const struct fam *f, const char *comment)
{
	nft_dnat(b, f->nfproto, r_backend(f), r_backend_port(f));
	nft_rule_end(b, comment);
}

static void begin_choice(struct nft_batch *b, const struct fam *f, const struct nftables_chooser *c,
			 const char *chain)
{
	nft_rule(b, chain, false);
	load_identity(b, f, c->source);
	nft_load_random(b, r_index(f), c->n, c->is_local ? NFTABLES_LOCAL : 0);
	nft_lookup_map(b, "backends", R_ID, r_backend(f));
}

void nftables_put_chooser(struct nft_batch *b, enum nftables_family fam,
			  const struct nftables_chooser *c)
{
	const struct fam *f = &fams[fam];
	unsigned remembered = r_index(f); /* right after the identity: the key of `members` */
	uint64_t timeout_ms = (uint64_t)c->affinity_s * 1000;
	char chain[NFTABLES_NAME_MAX];

	nftables_chooser_name(c, chain);
	fresh_chain(b, chain);
	if (c->affinity_s) {
		/* The remembered backend, if it still is a member; this renews the memory. */
		nft_rule(b, chain, false);
		load_identity(b, f, c->source);
		load_saddr(b, f, r_client(f));
		nft_lookup_map(b, "affinity", r_client(f), remembered);
		nft_lookup(b, c->is_local ? "local-members" : "members", R_ID);
		nft_dynset(b, "affinity", NFT_DYNSET_OP_UPDATE, r_client(f), remembered,
			   timeout_ms);
		nft_dnat(b, f->nfproto, remembered, remembered + f->words);
		nft_rule_end(b, "client . identity -> affinity; if a member still: renew, dnat");
		/* A new choice. An update leaves the data of an element as it is, so an old one
		 * goes first. */
		begin_choice(b, f, c, chain);
		load_saddr(b, f, r_client(f));
		nft_dynset(b, "affinity", NFT_DYNSET_OP_DELETE, r_client(f), r_backend(f), 0);
		nft_dynset(b, "affinity", NFT_DYNSET_OP_UPDATE, r_client(f), r_backend(f),
			   timeout_ms);
		dnat_to_backend(b, f, "identity . random -> backends; remember, dnat");
	}
	/* Without affinity; with it, when the memory is full. */
	begin_choice(b, f, c, chain);
	dnat_to_backend(b, f, "identity . random -> backends; dnat");
}

/* ---- classes ---- */

static const char *set_word(enum svc_fate fate)
{
	switch (fate) {
	case SVC_TO_CLUSTER_SET:
		return "cluster";
	case SVC_TO_LOCAL_SET:
		return "local";
	case SVC_REJECT:
		return "reject";
	case SVC_DROP:
		break;
	}
	return "drop";
}

/* "-pod-cluster-3": from there, to that set of three. */
static size_t way_name(char *out, size_t room, const char *from, const struct nftables_class *c,
		       enum svc_origin o)
{
	const struct svc_way *w = &c->ways[o];
	size_t n = (size_t)snprintf(out, room, "-%s%s-%s", from, w->is_masqueraded ? "-masq" : "",
				    set_word(w->fate));

	if (svc_fate_is_set(w->fate))
		n += (size_t)snprintf(out + n, room - n, "-%u", members(c, w->fate));
	return n;
}

/* Whether packets from there need a rule of their own, before those from outside. */
static bool is_special(const struct nftables_class *c, enum svc_origin o)
{
	const struct svc_way *w = c->ways;

	switch (o) {
	case SVC_FROM_POD: /* also before the node: a Pod's address may be one of the node's */
		return !svc_way_eq(&w[SVC_FROM_POD], &w[SVC_FROM_OUTSIDE]) ||
		       !svc_way_eq(&w[SVC_FROM_POD], &w[SVC_FROM_NODE]);
	case SVC_FROM_NODE:
		return !svc_way_eq(&w[SVC_FROM_NODE], &w[SVC_FROM_OUTSIDE]);
	case SVC_FROM_OUTSIDE:
	case SVC_ORIGINS:
		break;
	}
	return false;
}

void nftables_class_name(const struct nftables_class *c, char out[NFTABLES_NAME_MAX])
{
	static const char *const by[] = {"", "-vip", "-node-port"};
	size_t n = (size_t)snprintf(out, NFTABLES_NAME_MAX, "class%s%s", by[c->source],
				    c->has_ranges ? "-ranges" : "");
	bool any = false;

	for (enum svc_origin o = SVC_FROM_POD; o < SVC_FROM_OUTSIDE; o++)
		if (is_special(c, o)) {
			n += way_name(out + n, NFTABLES_NAME_MAX - n, svc_origin_name(o), c, o);
			any = true;
		}
	n += way_name(out + n, NFTABLES_NAME_MAX - n, any ? "else" : "all", c, SVC_FROM_OUTSIDE);
	if (c->affinity_s)
		n += (size_t)snprintf(out + n, NFTABLES_NAME_MAX - n, "-a%u", c->affinity_s);
	assert(n < NFTABLES_NAME_MAX);
}

static struct nftables_chooser chooser_for(const struct nftables_class *c, enum svc_fate fate)
{
	return (struct nftables_chooser){.source = c->source,
					 .is_local = fate == SVC_TO_LOCAL_SET,
					 .n = members(c, fate),
					 .affinity_s = c->affinity_s};
}

size_t nftables_class_choosers(const struct nftables_class *c, struct nftables_chooser out[2])
{
	size_t n = 0;

	if (c->n_cluster)
		out[n++] = chooser_for(c, SVC_TO_CLUSTER_SET);
	if (c->n_local)
		out[n++] = chooser_for(c, SVC_TO_LOCAL_SET);
	return n;
}

/* The end of a rule that has matched the origin. */
static void go_way(struct nft_batch *b, const struct svc_config *config,
		   const struct nftables_class *c, enum svc_origin from)
{
	const struct svc_way *w = &c->ways[from];
	struct nftables_chooser ch = chooser_for(c, w->fate);
	char name[NFTABLES_NAME_MAX];

	if (w->is_masqueraded)
		set_mark(b, config);
	if (svc_fate_is_set(w->fate))
		nftables_chooser_name(&ch, name);
	nft_verdict(b, NFT_GOTO,
		    svc_fate_is_set(w->fate) ? name
		    : w->fate == SVC_REJECT  ? "do-reject"
					     : "do-drop");
	nft_rule_end(b, NULL);
}

/* Goes on for packets from a Pod of this node. */
static void match_pod(struct nft_batch *b, enum nftables_family fam, const struct svc_config *c)
{
	const struct fam *f = &fams[fam];
	char name[16] = {0};

	if (c->detect == SVC_DETECT_CIDR) {
		load_saddr(b, f, R_ID);
		match_prefix(b, f, R_ID, NFT_CMP_EQ,
			     svc_config_pod_cidr(c, nftables_ip_family(fam)));
		return;
	}
	memcpy(name, c->detect_interface.ptr, MIN(c->detect_interface.len, sizeof(name) - 1));
	nft_load_meta(b, R_ID, NFT_META_IIFNAME);
	nft_cmp(b, R_ID, NFT_CMP_EQ, name,
		c->detect == SVC_DETECT_BRIDGE ? sizeof(name)
					       : MIN(c->detect_interface.len, sizeof(name) - 1));
}

void nftables_put_class(struct nft_batch *b, enum nftables_family fam, const struct svc_config *c,
			const struct nftables_class *cl)
{
	char chain[NFTABLES_NAME_MAX], key[8];

	nftables_class_name(cl, chain);
	fresh_chain(b, chain);
	if (cl->has_ranges)
		rule_verdict(b, chain, NFT_JUMP, NFTABLES_RANGES);
	if (is_special(cl, SVC_FROM_POD) && svc_config_detects(c, nftables_ip_family(fam))) {
		nft_rule(b, chain, false);
		match_pod(b, fam, c);
		go_way(b, c, cl, SVC_FROM_POD);
	}
	if (is_special(cl, SVC_FROM_NODE)) {
		nft_rule(b, chain, false);
		match_local(b, NFTA_FIB_F_SADDR);
		go_way(b, c, cl, SVC_FROM_NODE);
	}
	nft_rule(b, chain, false);
	go_way(b, c, cl, SVC_FROM_OUTSIDE);
	nftables_class_put(nftables_class_pack(cl), key);
	nft_add_goto_element(b, nftables_set_of(fam, NFTABLES_CLASSES), key, chain);
}
