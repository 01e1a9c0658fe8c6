/* SPDX-License-Identifier: Apache-2.0 */
#include "netlink/nft.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <sys/socket.h>

enum {
	ELEMENT_BYTES_MAX = 60000, /* of one message: an attribute's length has 16 bits */
	RECEIVE_SIZE = 64 * 1024,
	COMMENT_MAX = 128, /* with the NUL */
};

/* ---- messages ---- */

void nft_batch_init(struct nft_batch *b)
{
	*b = (struct nft_batch){.b = BUF_INIT};
}

void nft_batch_fini(struct nft_batch *b)
{
	buf_fini(&b->b);
	vec_fini(&b->marks);
}

size_t nft_batch_len(const struct nft_batch *b)
{
	return b->b.len;
}

bool nft_batch_is_empty(const struct nft_batch *b)
{
	return b->b.len == 0;
}

void nft_batch_mark(struct nft_batch *b, const char *what)
{
	*vec_push(&b->marks) = (struct nft_mark){.at = b->b.len, .what = what};
}

void nft_batch_table(struct nft_batch *b, uint8_t family, const char *table)
{
	b->family = family;
	b->table = table;
}

static struct nlmsghdr *put_header(char *at, uint16_t type, uint16_t flags, uint8_t family,
				   uint16_t res_id)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(at);
	struct nfgenmsg *g;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	g = mnl_nlmsg_put_extra_header(nlh, sizeof(*g));
	g->nfgen_family = family;
	g->version = NFNETLINK_V0;
	g->res_id = htons(res_id);
	return nlh;
}

static void put_batch_frame(struct nft_batch *b, uint16_t type)
{
	struct nlmsghdr *nlh;

	buf_reserve(&b->b, 64);
	nlh = put_header(b->b.ptr + b->b.len, type, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
	buf_set_len(&b->b, b->b.len + nlh->nlmsg_len);
}

/* Opens a message; the room stays where it is until end(). */
static struct nlmsghdr *begin(struct nft_batch *b, int type, uint16_t flags)
{
	assert(!b->msg && b->table);
	if (b->b.len == 0)
		put_batch_frame(b, NFNL_MSG_BATCH_BEGIN);
	buf_reserve(&b->b, NETLINK_MESSAGE_MAX);
	b->msg = put_header(b->b.ptr + b->b.len, (uint16_t)((NFNL_SUBSYS_NFTABLES << 8) | type),
			    flags, b->family, 0);
	return b->msg;
}

static void end(struct nft_batch *b)
{
	assert(b->msg && b->n_nest == 0 && b->msg->nlmsg_len <= NETLINK_MESSAGE_MAX);
	buf_set_len(&b->b, b->b.len + MNL_ALIGN(b->msg->nlmsg_len));
	b->msg = NULL;
}

static void nest(struct nft_batch *b, uint16_t type)
{
	assert(b->n_nest < ARRAY_LEN(b->nest));
	b->nest[b->n_nest++] = mnl_attr_nest_start(b->msg, type);
}

static void unnest(struct nft_batch *b)
{
	mnl_attr_nest_end(b->msg, b->nest[--b->n_nest]);
}

static void put_be32(struct nft_batch *b, uint16_t type, uint32_t v)
{
	mnl_attr_put_u32(b->msg, type, htonl(v));
}

static void put_name(struct nft_batch *b, uint16_t type, const char *s)
{
	mnl_attr_put_strz(b->msg, type, s);
}

/* Numbers every message, so that an error can be laid to one of them; the last is acknowledged. */
static uint32_t number(struct nft_batch *b, struct netlink_socket *s)
{
	uint32_t first = s->seq + 1;
	size_t at = 0;

	while (at < b->b.len) {
		struct nlmsghdr *nlh = (struct nlmsghdr *)(void *)(b->b.ptr + at);

		nlh->nlmsg_seq = ++s->seq;
		at += MNL_ALIGN(nlh->nlmsg_len);
		/* The last but one is the last real message. */
		if (at < b->b.len) {
			struct nlmsghdr *next = (struct nlmsghdr *)(void *)(b->b.ptr + at);

			if (at + MNL_ALIGN(next->nlmsg_len) == b->b.len)
				nlh->nlmsg_flags |= NLM_F_ACK;
		}
	}
	return first;
}

static const char *mark_of(const struct nft_batch *b, uint32_t first, uint32_t seq, uint32_t offset)
{
	const char *what = NULL;
	size_t at = 0;

	while (at < b->b.len && first < seq) {
		const struct nlmsghdr *nlh = (const struct nlmsghdr *)(void *)(b->b.ptr + at);

		at += MNL_ALIGN(nlh->nlmsg_len);
		first++;
	}
	vec_foreach(m, &b->marks) {
		if (m->at > at + offset)
			break;
		what = m->what;
	}
	return what;
}

struct verdict {
	int r;
	bool acked;
	const char *what;
};

static void take_answers(const struct nft_batch *b, uint32_t first, const char *data, size_t n,
			 struct verdict *v, struct err *err)
{
	int len = (int)n;

	for (const struct nlmsghdr *nlh = (const struct nlmsghdr *)(const void *)data;
	     mnl_nlmsg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len)) {
		const char *text;
		uint32_t offset;
		int r;

		if (nlh->nlmsg_type != NLMSG_ERROR || nlh->nlmsg_seq < first)
			continue;
		r = netlink_error(nlh, &text, &offset);
		v->acked |= r == 0;
		if (r == 0 || v->r < 0)
			continue; /* the first error tells */
		v->what = mark_of(b, first, nlh->nlmsg_seq, offset);
		v->r = err_sys(err, -r, "nftables refuses %s%s%s", v->what ? v->what : "a change",
			       text ? ": " : "", text ? text : "");
	}
}

static int transact(struct nft_batch *b, struct netlink_socket *s, const char **ret_what,
		    struct err *err)
{
	_cleanup_(mem_freep) char *answer = NULL;
	struct verdict v = {0};
	uint32_t first;

	put_batch_frame(b, NFNL_MSG_BATCH_END);
	first = number(b, s);
	if (mnl_socket_sendto(s->mnl, b->b.ptr, b->b.len) < 0)
		return err_sys(err, errno, "send a transaction of %zu bytes to nftables", b->b.len);
	answer = mem_xalloc(RECEIVE_SIZE);
	/* The kernel has answered before the call above returned. */
	for (;;) {
		ssize_t n = recv(mnl_socket_get_fd(s->mnl), answer, RECEIVE_SIZE, MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0)
			return err_sys(err, errno, "read the answer of nftables");
		take_answers(b, first, answer, (size_t)n, &v, err);
	}
	if (ret_what)
		*ret_what = v.what;
	if (v.r == 0 && !v.acked)
		return err_sys(err, EIO, "nftables did not confirm a transaction");
	return v.r;
}

int nft_batch_commit(struct nft_batch *b, struct netlink_socket *s, const char **ret_what,
		     struct err *err)
{
	int r = 0;

	assert(!b->msg);
	if (ret_what)
		*ret_what = NULL;
	if (b->b.len)
		r = transact(b, s, ret_what, err);
	buf_clear(&b->b);
	vec_clear(&b->marks);
	return r;
}

/* ---- objects ---- */

void nft_add_table(struct nft_batch *b)
{
	begin(b, NFT_MSG_NEWTABLE, NLM_F_CREATE);
	put_name(b, NFTA_TABLE_NAME, b->table);
	put_be32(b, NFTA_TABLE_FLAGS, 0);
	end(b);
}

void nft_del_table(struct nft_batch *b)
{
	begin(b, NFT_MSG_DELTABLE, 0);
	put_name(b, NFTA_TABLE_NAME, b->table);
	end(b);
}

void nft_add_set(struct nft_batch *b, const struct nft_set *s)
{
	begin(b, NFT_MSG_NEWSET, NLM_F_CREATE);
	put_name(b, NFTA_SET_TABLE, b->table);
	put_name(b, NFTA_SET_NAME, s->name);
	put_be32(b, NFTA_SET_ID, 1);
	put_be32(b, NFTA_SET_FLAGS, s->flags);
	put_be32(b, NFTA_SET_KEY_TYPE, s->key_type);
	put_be32(b, NFTA_SET_KEY_LEN, s->key_len);
	if (s->flags & NFT_SET_MAP) {
		put_be32(b, NFTA_SET_DATA_TYPE, s->data_type);
		put_be32(b, NFTA_SET_DATA_LEN, s->data_len);
	}
	if (s->size) {
		nest(b, NFTA_SET_DESC);
		put_be32(b, NFTA_SET_DESC_SIZE, s->size);
		unnest(b);
	}
	end(b);
}

void nft_add_chain(struct nft_batch *b, const char *name, const char *type, int hook, int priority)
{
	begin(b, NFT_MSG_NEWCHAIN, NLM_F_CREATE);
	put_name(b, NFTA_CHAIN_TABLE, b->table);
	put_name(b, NFTA_CHAIN_NAME, name);
	if (hook >= 0) {
		nest(b, NFTA_CHAIN_HOOK);
		put_be32(b, NFTA_HOOK_HOOKNUM, (uint32_t)hook);
		put_be32(b, NFTA_HOOK_PRIORITY, (uint32_t)priority);
		unnest(b);
		put_be32(b, NFTA_CHAIN_POLICY, NF_ACCEPT);
		put_name(b, NFTA_CHAIN_TYPE, type);
	}
	end(b);
}

void nft_del_chain(struct nft_batch *b, const char *name)
{
	begin(b, NFT_MSG_DELCHAIN, 0);
	put_name(b, NFTA_CHAIN_TABLE, b->table);
	put_name(b, NFTA_CHAIN_NAME, name);
	end(b);
}

void nft_flush_chain(struct nft_batch *b, const char *name)
{
	begin(b, NFT_MSG_DELRULE, 0);
	put_name(b, NFTA_RULE_TABLE, b->table);
	put_name(b, NFTA_RULE_CHAIN, name);
	end(b);
}

static void begin_elements(struct nft_batch *b, int type, uint16_t flags, const char *set)
{
	begin(b, type, flags);
	put_name(b, NFTA_SET_ELEM_LIST_TABLE, b->table);
	put_name(b, NFTA_SET_ELEM_LIST_SET, set);
	nest(b, NFTA_SET_ELEM_LIST_ELEMENTS);
}

static void put_value(struct nft_batch *b, uint16_t type, const void *p, size_t len)
{
	nest(b, type);
	mnl_attr_put(b->msg, NFTA_DATA_VALUE, len, p);
	unnest(b);
}

static void elements(struct nft_batch *b, int type, uint16_t flags, const struct nft_set *s,
		     const char *elems, size_t n)
{
	bool with_data = type == NFT_MSG_NEWSETELEM && s->data_len;
	size_t stride = s->key_len + s->data_len, room = 0;

	for (size_t i = 0; i < n; i++) {
		const char *e = elems + i * stride;

		if (i == 0 || room < stride + 64) {
			if (i) {
				unnest(b);
				end(b);
			}
			begin_elements(b, type, flags, s->name);
			room = ELEMENT_BYTES_MAX;
		}
		room -= stride + 32;
		nest(b, NFTA_LIST_ELEM);
		put_value(b, NFTA_SET_ELEM_KEY, e, s->key_len);
		if (with_data)
			put_value(b, NFTA_SET_ELEM_DATA, e + s->key_len, s->data_len);
		unnest(b);
	}
	if (n) {
		unnest(b);
		end(b);
	}
}

void nft_add_elements(struct nft_batch *b, const struct nft_set *s, const char *elems, size_t n)
{
	elements(b, NFT_MSG_NEWSETELEM, NLM_F_CREATE, s, elems, n);
}

void nft_del_elements(struct nft_batch *b, const struct nft_set *s, const char *elems, size_t n)
{
	elements(b, NFT_MSG_DELSETELEM, 0, s, elems, n);
}

void nft_add_goto_element(struct nft_batch *b, const struct nft_set *s, const char *key,
			  const char *chain)
{
	begin_elements(b, NFT_MSG_NEWSETELEM, NLM_F_CREATE, s->name);
	nest(b, NFTA_LIST_ELEM);
	put_value(b, NFTA_SET_ELEM_KEY, key, s->key_len);
	nest(b, NFTA_SET_ELEM_DATA);
	nest(b, NFTA_DATA_VERDICT);
	put_be32(b, NFTA_VERDICT_CODE, (uint32_t)NFT_GOTO);
	put_name(b, NFTA_VERDICT_CHAIN, chain);
	unnest(b);
	unnest(b);
	unnest(b);
	unnest(b);
	end(b);
}

/* ---- rules ---- */

void nft_rule(struct nft_batch *b, const char *chain, bool at_head)
{
	begin(b, NFT_MSG_NEWRULE, (uint16_t)(NLM_F_CREATE | (at_head ? 0 : NLM_F_APPEND)));
	put_name(b, NFTA_RULE_TABLE, b->table);
	put_name(b, NFTA_RULE_CHAIN, chain);
	nest(b, NFTA_RULE_EXPRESSIONS);
}

void nft_rule_end(struct nft_batch *b, const char *comment)
{
	char data[2 + COMMENT_MAX];

	unnest(b);
	if (comment) {
		size_t len = strlen(comment) + 1;

		/* nft's own form: type 0, length, text. */
		assert(len <= COMMENT_MAX);
		data[0] = 0;
		data[1] = (char)len;
		memcpy(data + 2, comment, len);
		mnl_attr_put(b->msg, NFTA_RULE_USERDATA, 2 + len, data);
	}
	end(b);
}

static void expr(struct nft_batch *b, const char *name)
{
	nest(b, NFTA_LIST_ELEM);
	put_name(b, NFTA_EXPR_NAME, name);
	nest(b, NFTA_EXPR_DATA);
}

static void expr_end(struct nft_batch *b)
{
	unnest(b);
	unnest(b);
}

static void put_reg(struct nft_batch *b, uint16_t type, unsigned reg)
{
	assert(reg < 16);
	/* One that begins four words has two numbers; the kernel gives back the short one. */
	put_be32(b, type, reg % 4 == 0 ? NFT_REG_1 + reg / 4 : NFT_REG32_00 + reg);
}

void nft_load_payload(struct nft_batch *b, unsigned reg, uint32_t base, uint32_t offset,
		      uint32_t len)
{
	expr(b, "payload");
	put_reg(b, NFTA_PAYLOAD_DREG, reg);
	put_be32(b, NFTA_PAYLOAD_BASE, base);
	put_be32(b, NFTA_PAYLOAD_OFFSET, offset);
	put_be32(b, NFTA_PAYLOAD_LEN, len);
	expr_end(b);
}

void nft_load_meta(struct nft_batch *b, unsigned reg, uint32_t key)
{
	expr(b, "meta");
	put_be32(b, NFTA_META_KEY, key);
	put_reg(b, NFTA_META_DREG, reg);
	expr_end(b);
}

void nft_set_meta(struct nft_batch *b, unsigned reg, uint32_t key)
{
	expr(b, "meta");
	put_be32(b, NFTA_META_KEY, key);
	put_reg(b, NFTA_META_SREG, reg);
	expr_end(b);
}

void nft_load_ct_status(struct nft_batch *b, unsigned reg)
{
	expr(b, "ct");
	put_be32(b, NFTA_CT_KEY, NFT_CT_STATUS);
	put_reg(b, NFTA_CT_DREG, reg);
	expr_end(b);
}

void nft_load_fib_type(struct nft_batch *b, unsigned reg, uint32_t flags)
{
	expr(b, "fib");
	put_be32(b, NFTA_FIB_FLAGS, flags);
	put_be32(b, NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
	put_reg(b, NFTA_FIB_DREG, reg);
	expr_end(b);
}

void nft_load_immediate(struct nft_batch *b, unsigned reg, const void *data, size_t len)
{
	expr(b, "immediate");
	put_reg(b, NFTA_IMMEDIATE_DREG, reg);
	put_value(b, NFTA_IMMEDIATE_DATA, data, len);
	expr_end(b);
}

void nft_load_random(struct nft_batch *b, unsigned reg, uint32_t below, uint32_t offset)
{
	assert(below > 0);
	expr(b, "numgen");
	put_reg(b, NFTA_NG_DREG, reg);
	put_be32(b, NFTA_NG_MODULUS, below);
	put_be32(b, NFTA_NG_TYPE, NFT_NG_RANDOM);
	put_be32(b, NFTA_NG_OFFSET, offset);
	expr_end(b);
}

void nft_cmp(struct nft_batch *b, unsigned reg, uint32_t op, const void *data, size_t len)
{
	expr(b, "cmp");
	put_reg(b, NFTA_CMP_SREG, reg);
	put_be32(b, NFTA_CMP_OP, op);
	put_value(b, NFTA_CMP_DATA, data, len);
	expr_end(b);
}

void nft_bitwise(struct nft_batch *b, unsigned reg, const void *mask, const void *xor_, size_t len)
{
	expr(b, "bitwise");
	put_reg(b, NFTA_BITWISE_SREG, reg);
	put_reg(b, NFTA_BITWISE_DREG, reg);
	put_be32(b, NFTA_BITWISE_LEN, (uint32_t)len);
	put_value(b, NFTA_BITWISE_MASK, mask, len);
	put_value(b, NFTA_BITWISE_XOR, xor_, len);
	expr_end(b);
}

void nft_lookup(struct nft_batch *b, const char *set, unsigned key)
{
	expr(b, "lookup");
	put_name(b, NFTA_LOOKUP_SET, set);
	put_reg(b, NFTA_LOOKUP_SREG, key);
	expr_end(b);
}

void nft_lookup_map(struct nft_batch *b, const char *map, unsigned key, unsigned to)
{
	expr(b, "lookup");
	put_name(b, NFTA_LOOKUP_SET, map);
	put_reg(b, NFTA_LOOKUP_SREG, key);
	put_reg(b, NFTA_LOOKUP_DREG, to);
	expr_end(b);
}

void nft_lookup_verdict(struct nft_batch *b, const char *map, unsigned key)
{
	expr(b, "lookup");
	put_name(b, NFTA_LOOKUP_SET, map);
	put_reg(b, NFTA_LOOKUP_SREG, key);
	put_be32(b, NFTA_LOOKUP_DREG, NFT_REG_VERDICT);
	expr_end(b);
}

void nft_dynset(struct nft_batch *b, const char *map, uint32_t op, unsigned key, unsigned data,
		uint64_t timeout_ms)
{
	expr(b, "dynset");
	put_name(b, NFTA_DYNSET_SET_NAME, map);
	put_be32(b, NFTA_DYNSET_OP, op);
	put_reg(b, NFTA_DYNSET_SREG_KEY, key);
	put_reg(b, NFTA_DYNSET_SREG_DATA, data);
	if (timeout_ms)
		mnl_attr_put_u64(b->msg, NFTA_DYNSET_TIMEOUT, htobe64(timeout_ms));
	expr_end(b);
}

void nft_dnat(struct nft_batch *b, uint8_t family, unsigned addr, unsigned port)
{
	expr(b, "nat");
	put_be32(b, NFTA_NAT_TYPE, NFT_NAT_DNAT);
	put_be32(b, NFTA_NAT_FAMILY, family);
	put_reg(b, NFTA_NAT_REG_ADDR_MIN, addr);
	put_reg(b, NFTA_NAT_REG_PROTO_MIN, port);
	expr_end(b);
}

void nft_masquerade(struct nft_batch *b)
{
	expr(b, "masq");
	put_be32(b, NFTA_MASQ_FLAGS, NF_NAT_RANGE_PROTO_RANDOM_FULLY);
	expr_end(b);
}

void nft_reject_port_unreachable(struct nft_batch *b, uint8_t family)
{
	expr(b, "reject");
	put_be32(b, NFTA_REJECT_TYPE, NFT_REJECT_ICMP_UNREACH);
	mnl_attr_put_u8(b->msg, NFTA_REJECT_ICMP_CODE, family == NFPROTO_IPV4 ? 3 : 4);
	expr_end(b);
}

void nft_reject_tcp_reset(struct nft_batch *b)
{
	expr(b, "reject");
	put_be32(b, NFTA_REJECT_TYPE, NFT_REJECT_TCP_RST);
	expr_end(b);
}

void nft_verdict(struct nft_batch *b, int code, const char *chain)
{
	expr(b, "immediate");
	put_be32(b, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	nest(b, NFTA_IMMEDIATE_DATA);
	nest(b, NFTA_DATA_VERDICT);
	put_be32(b, NFTA_VERDICT_CODE, (uint32_t)code);
	if (chain)
		put_name(b, NFTA_VERDICT_CHAIN, chain);
	unnest(b);
	unnest(b);
	expr_end(b);
}

/* ---- reading ---- */

struct reading {
	nft_element_fn element;
	nft_chain_fn chain;
	const char *table;
	void *ctx;
};

struct nlmsghdr *nft_request(char *buf, int type, uint16_t flags, uint8_t family)
{
	return put_header(buf, (uint16_t)((NFNL_SUBSYS_NFTABLES << 8) | type), flags, family, 0);
}

static int read_element(const struct nlattr *elem, struct reading *r)
{
	const struct nlattr *key = netlink_attr_in(elem, NFTA_SET_ELEM_KEY);
	const struct nlattr *given = netlink_attr_in(elem, NFTA_SET_ELEM_DATA), *data, *verdict;

	key = key ? netlink_attr_in(key, NFTA_DATA_VALUE) : NULL;
	data = given ? netlink_attr_in(given, NFTA_DATA_VALUE) : NULL;
	verdict = given ? netlink_attr_in(given, NFTA_DATA_VERDICT) : NULL;
	if (verdict)
		data = netlink_attr_in(verdict, NFTA_VERDICT_CHAIN);
	if (!key)
		return 0;
	return r->element(r->ctx, mnl_attr_get_payload(key), mnl_attr_get_payload_len(key),
			  data ? mnl_attr_get_payload(data) : NULL,
			  data ? mnl_attr_get_payload_len(data) : 0);
}

static int take_elements(const struct nlmsghdr *nlh, void *ctx, struct err *err)
{
	const struct nlattr *list =
		netlink_attr_of(nlh, sizeof(struct nfgenmsg), NFTA_SET_ELEM_LIST_ELEMENTS);

	if (!list)
		return 0;
	netlink_attr_foreach(a, mnl_attr_get_payload(list), mnl_attr_get_payload_len(list)) {
		int r = read_element(a, ctx);

		if (r < 0)
			return err_set(err, r, "an element of an unknown shape");
	}
	return 0;
}

int nft_read_elements(struct netlink_socket *s, uint8_t family, const char *table, const char *set,
		      nft_element_fn fn, void *ctx, struct err *err)
{
	struct reading rd = {.element = fn, .ctx = ctx};
	char buf[1024];
	struct nlmsghdr *nlh = nft_request(buf, NFT_MSG_GETSETELEM, NLM_F_DUMP, family);
	int r;

	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, table);
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, set);
	r = netlink_talk(s, nlh, take_elements, &rd, err);
	return r < 0 ? err_wrap(err, r, "reading set %s of table %s", set, table) : 0;
}

int nft_has_set(struct netlink_socket *s, uint8_t family, const char *table, const char *set,
		struct err *err)
{
	char buf[1024];
	struct nlmsghdr *nlh = nft_request(buf, NFT_MSG_GETSET, NLM_F_ACK, family);
	int r;

	mnl_attr_put_strz(nlh, NFTA_SET_TABLE, table);
	mnl_attr_put_strz(nlh, NFTA_SET_NAME, set);
	r = netlink_talk(s, nlh, NULL, NULL, err);
	return r == -ENOENT ? 0 : r < 0 ? err_wrap(err, r, "looking for table %s", table) : 1;
}

static uint32_t get_be32(const struct nlattr *a)
{
	return a && mnl_attr_get_payload_len(a) == 4 ? ntohl(mnl_attr_get_u32(a)) : 0;
}

static int take_dormant(const struct nlmsghdr *nlh, void *ctx, struct err *err)
{
	const struct nlattr *flags =
		netlink_attr_of(nlh, sizeof(struct nfgenmsg), NFTA_TABLE_FLAGS);

	*(bool *)ctx |= (get_be32(flags) & NFT_TABLE_F_DORMANT) != 0;
	return 0;
}

int nft_is_dormant(struct netlink_socket *s, uint8_t family, const char *table, struct err *err)
{
	char buf[1024];
	struct nlmsghdr *nlh = nft_request(buf, NFT_MSG_GETTABLE, NLM_F_ACK, family);
	bool is_dormant = false;
	int r;

	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, table);
	r = netlink_talk(s, nlh, take_dormant, &is_dormant, err);
	return r == -ENOENT ? 0 : r < 0 ? err_wrap(err, r, "reading table %s", table) : is_dormant;
}

static int take_chain(const struct nlmsghdr *nlh, void *ctx, struct err *err)
{
	const size_t skip = sizeof(struct nfgenmsg);
	const struct nlattr *table = netlink_attr_of(nlh, skip, NFTA_CHAIN_TABLE);
	const struct nlattr *name = netlink_attr_of(nlh, skip, NFTA_CHAIN_NAME);
	const struct nlattr *type = netlink_attr_of(nlh, skip, NFTA_CHAIN_TYPE);
	const struct nlattr *hook = netlink_attr_of(nlh, skip, NFTA_CHAIN_HOOK);
	const struct nlattr *policy = netlink_attr_of(nlh, skip, NFTA_CHAIN_POLICY);
	struct reading *r = ctx;
	struct nft_chain c = {.hook = -1};

	if (!table || !name || !str_eq_c(str_of(r->table), mnl_attr_get_str(table)))
		return 0;
	c.name = mnl_attr_get_str(name);
	c.type = type ? mnl_attr_get_str(type) : "";
	if (hook) {
		c.hook = (int)get_be32(netlink_attr_in(hook, NFTA_HOOK_HOOKNUM));
		c.priority = (int)get_be32(netlink_attr_in(hook, NFTA_HOOK_PRIORITY));
	}
	c.drops = policy && get_be32(policy) != NF_ACCEPT;
	r->chain(r->ctx, &c);
	return 0;
}

int nft_read_chains(struct netlink_socket *s, uint8_t family, const char *table, nft_chain_fn fn,
		    void *ctx, struct err *err)
{
	struct reading rd = {.chain = fn, .ctx = ctx, .table = table};
	char buf[1024];
	struct nlmsghdr *nlh = nft_request(buf, NFT_MSG_GETCHAIN, NLM_F_DUMP, family);
	int r = netlink_talk(s, nlh, take_chain, &rd, err);

	return r < 0 ? err_wrap(err, r, "reading the chains of table %s", table) : 0;
}
