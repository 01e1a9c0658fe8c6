/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * nftables over raw netlink: transactions, and the few objects and expressions that we use.
 *
 * A struct nft_batch is one transaction: all of it happens, or nothing. It is built message by
 * message in memory and sent in one call (the kernel takes a transaction only whole, so its size is
 * limited by the socket's buffer: nft_batch_len against netlink_socket.send_max).
 *
 * Registers are numbered 0 to 15, four bytes each (the kernel's NFT_REG32_00 on); an address of 16
 * bytes takes four. Constants are those of <linux/netfilter/nf_tables.h>. Families are NFPROTO_IPV4
 * and NFPROTO_IPV6. Names are borrowed only during a call.
 *
 * Why not libnftnl: our rules hand values from register to register, which its objects neither
 * check nor shorten, and elements by the ten thousand are written faster straight into the message.
 */

#include "base/vec.h"
#include "netlink/socket.h"

struct nft_mark {
	size_t at; /* offset in the batch from which on it holds */
	const char *what;
};

struct nft_batch {
	struct buf b;
	uint8_t family;
	const char *table;
	struct nlmsghdr *msg; /* being built; NULL between messages */
	size_t msg_at;
	struct nlattr *nest[8];
	size_t n_nest;
	VEC(struct nft_mark) marks;
};

void nft_batch_init(struct nft_batch *b);
void nft_batch_fini(struct nft_batch *b);
size_t nft_batch_len(const struct nft_batch *b);
bool nft_batch_is_empty(const struct nft_batch *b);
/* What the messages that follow are about; the string must live until the commit. */
void nft_batch_mark(struct nft_batch *b, const char *what);
/* The table that the messages that follow are about. */
void nft_batch_table(struct nft_batch *b, uint8_t family, const char *table);
/* Sends it. On failure nothing has changed in the kernel; *ret_what (may be NULL) is the mark of
 * the message that failed, or NULL. The batch is empty afterwards in any case. -errno. */
int nft_batch_commit(struct nft_batch *b, struct netlink_socket *s, const char **ret_what,
		     struct err *err) _nodiscard_;

/* Objects. Adding what exists is fine, and wakes a table that sleeps and makes a base chain's
 * policy accept; deleting what does not exist fails the transaction. */
void nft_add_table(struct nft_batch *b);
void nft_del_table(struct nft_batch *b);

struct nft_set {
	const char *name;
	uint32_t flags; /* NFT_SET_MAP, NFT_SET_TIMEOUT, NFT_SET_EVAL */
	uint32_t key_type, key_len;
	uint32_t data_type, data_len; /* maps; NFT_DATA_VERDICT with length 0 */
	uint32_t size;                /* 0: no limit */
};
void nft_add_set(struct nft_batch *b, const struct nft_set *s);

/* hook < 0: not a base chain. type "nat", "filter". */
void nft_add_chain(struct nft_batch *b, const char *name, const char *type, int hook, int priority);
void nft_del_chain(struct nft_batch *b, const char *name);
void nft_flush_chain(struct nft_batch *b, const char *name);

/* Elements: `n` of them, each key_len bytes of key and data_len of data, back to back. */
void nft_add_elements(struct nft_batch *b, const struct nft_set *s, const char *elems, size_t n);
void nft_del_elements(struct nft_batch *b, const struct nft_set *s, const char *elems, size_t n);
/* One element of a verdict map: goto `chain`. */
void nft_add_goto_element(struct nft_batch *b, const struct nft_set *s, const char *key,
			  const char *chain);

/* A rule is begun, gets its expressions in order, and is ended; the comment (at most 127 bytes, may
 * be NULL) is what `nft list` shows with it. */
void nft_rule(struct nft_batch *b, const char *chain, bool at_head);
void nft_rule_end(struct nft_batch *b, const char *comment);

void nft_load_payload(struct nft_batch *b, unsigned reg, uint32_t base, uint32_t offset,
		      uint32_t len);
void nft_load_meta(struct nft_batch *b, unsigned reg, uint32_t key);
void nft_set_meta(struct nft_batch *b, unsigned reg, uint32_t key);
void nft_load_ct_status(struct nft_batch *b, unsigned reg);
/* type of the source or destination address (RTN_LOCAL, …): flags NFTA_FIB_F_… */
void nft_load_fib_type(struct nft_batch *b, unsigned reg, uint32_t flags);
void nft_load_immediate(struct nft_batch *b, unsigned reg, const void *data, size_t len);
void nft_load_random(struct nft_batch *b, unsigned reg, uint32_t below, uint32_t offset);
void nft_cmp(struct nft_batch *b, unsigned reg, uint32_t op, const void *data, size_t len);
/* reg = (reg & mask) ^ xor */
void nft_bitwise(struct nft_batch *b, unsigned reg, const void *mask, const void *xor_, size_t len);
/* A set: goes on only when it holds the key. A map: its data goes to `to`. */
void nft_lookup(struct nft_batch *b, const char *set, unsigned key);
void nft_lookup_map(struct nft_batch *b, const char *map, unsigned key, unsigned to);
void nft_lookup_verdict(struct nft_batch *b, const char *map, unsigned key);
/* NFT_DYNSET_OP_…; timeout_ms 0: none. */
void nft_dynset(struct nft_batch *b, const char *map, uint32_t op, unsigned key, unsigned data,
		uint64_t timeout_ms);
void nft_dnat(struct nft_batch *b, uint8_t family, unsigned addr, unsigned port);
void nft_masquerade(struct nft_batch *b);
void nft_reject_port_unreachable(struct nft_batch *b, uint8_t family);
/* Only behind a rule that has seen that the packet is TCP. */
void nft_reject_tcp_reset(struct nft_batch *b);
/* NF_DROP, NF_ACCEPT, NFT_RETURN; NFT_JUMP, NFT_GOTO with a chain. */
void nft_verdict(struct nft_batch *b, int code, const char *chain);

/* Reading. Negative from the callback stops. A verdict's data is its chain's name. */
typedef int (*nft_element_fn)(void *ctx, const void *key, size_t key_len, const void *data,
			      size_t data_len);
int nft_read_elements(struct netlink_socket *s, uint8_t family, const char *table, const char *set,
		      nft_element_fn fn, void *ctx, struct err *err) _nodiscard_;
/* 1: there, 0: not there. */
int nft_has_set(struct netlink_socket *s, uint8_t family, const char *table, const char *set,
		struct err *err) _nodiscard_;
struct nft_chain {
	const char *name;
	const char *type; /* of a base chain: "nat", "filter" */
	int hook;         /* -1: no base chain */
	int priority;
	bool drops; /* its policy */
};
typedef void (*nft_chain_fn)(void *ctx, const struct nft_chain *c);
/* 1: somebody has put the table to sleep, 0: not so, or it is not there. */
int nft_is_dormant(struct netlink_socket *s, uint8_t family, const char *table,
		   struct err *err) _nodiscard_;
int nft_read_chains(struct netlink_socket *s, uint8_t family, const char *table, nft_chain_fn fn,
		    void *ctx, struct err *err) _nodiscard_;

/* A request for reading, in `buf` of 1024 bytes: NFT_MSG_GET…. */
struct nlmsghdr *nft_request(char *buf, int type, uint16_t flags, uint8_t family);
