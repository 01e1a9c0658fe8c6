/* SPDX-License-Identifier: Apache-2.0 */
#include "netlink/nft_rules.h"

#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

void nft_rules_fini(struct nft_rules *r)
{
	vec_foreach(x, r) {
		free(x->chain);
		buf_fini(&x->expressions);
		buf_fini(&x->userdata);
	}
	vec_fini(r);
}

static void add_payload(struct buf *b, const struct nlattr *a)
{
	buf_init(b);
	if (a)
		buf_add(b, mnl_attr_get_payload(a), mnl_attr_get_payload_len(a));
}

static const struct nlattr *attr(const struct nlmsghdr *nlh, uint16_t type)
{
	return netlink_attr_of(nlh, sizeof(struct nfgenmsg), type);
}

static void add_rule(struct nft_rules *to, const struct nlmsghdr *nlh, bool at_head)
{
	const struct nlattr *chain = attr(nlh, NFTA_RULE_CHAIN);
	struct nft_rule_copy *r;

	if (!chain)
		return;
	r = vec_push(to);
	if (at_head) {
		memmove(to->ptr + 1, to->ptr, (to->len - 1) * sizeof(*r));
		r = to->ptr;
	}
	r->chain = mem_xstrdup(mnl_attr_get_str(chain));
	add_payload(&r->expressions, attr(nlh, NFTA_RULE_EXPRESSIONS));
	add_payload(&r->userdata, attr(nlh, NFTA_RULE_USERDATA));
}

void nft_rules_of_batch(const struct nft_batch *b, struct nft_rules *ret)
{
	for (size_t at = 0; at < b->b.len;) {
		const struct nlmsghdr *nlh = (const struct nlmsghdr *)(void *)(b->b.ptr + at);

		if (nlh->nlmsg_type == ((NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_NEWRULE))
			add_rule(ret, nlh, !(nlh->nlmsg_flags & NLM_F_APPEND));
		at += MNL_ALIGN(nlh->nlmsg_len);
	}
}

struct reading {
	const char *table;
	struct nft_rules *to;
};

static int take_rule(const struct nlmsghdr *nlh, void *ctx, struct err *err)
{
	struct reading *r = ctx;
	const struct nlattr *table = attr(nlh, NFTA_RULE_TABLE);

	if (table && str_eq_c(str_of(r->table), mnl_attr_get_str(table)))
		add_rule(r->to, nlh, false);
	return 0;
}

int nft_rules_read(struct netlink_socket *s, uint8_t family, const char *table,
		   struct nft_rules *ret, struct err *err)
{
	struct reading rd = {table, ret};
	char buf[1024];
	struct nlmsghdr *nlh = nft_request(buf, NFT_MSG_GETRULE, NLM_F_DUMP, family);
	int r;

	mnl_attr_put_strz(nlh, NFTA_RULE_TABLE, table);
	r = netlink_talk(s, nlh, take_rule, &rd, err);
	return r < 0 ? err_wrap(err, r, "reading the rules of table %s", table) : 0;
}

/* ---- comparing ---- */

static struct str payload(const struct nlattr *a)
{
	return str_n(mnl_attr_get_payload(a), mnl_attr_get_payload_len(a));
}

static const struct nlattr *find(struct str attrs, uint16_t type)
{
	netlink_attr_foreach(a, attrs.ptr, attrs.len)
		if (mnl_attr_get_type(a) == type)
			return a;
	return NULL;
}

/* Every attribute of `ours` is in `theirs`. Nests are what we marked as such. The depth is that of
 * our own rules. */
static bool has_all(struct str ours, struct str theirs)
{
	netlink_attr_foreach(a, ours.ptr, ours.len) {
		const struct nlattr *b = find(theirs, mnl_attr_get_type(a));

		if (!b)
			return false;
		if (a->nla_type & NLA_F_NESTED ? !has_all(payload(a), payload(b))
					       : !str_eq(payload(a), payload(b)))
			return false;
	}
	return true;
}

bool nft_rules_match(const struct nft_rule_copy *wanted, const struct nft_rule_copy *there)
{
	struct str ours = buf_str(&wanted->expressions), theirs = buf_str(&there->expressions);
	const struct nlattr *b = NULL;

	if (!str_eq(buf_str(&wanted->userdata), buf_str(&there->userdata)))
		return false;
	netlink_attr_foreach(a, ours.ptr, ours.len) {
		b = netlink_attr_next(theirs.ptr, theirs.len, b);
		if (!b || !has_all(payload(a), payload(b)))
			return false;
	}
	return !netlink_attr_next(theirs.ptr, theirs.len, b);
}
