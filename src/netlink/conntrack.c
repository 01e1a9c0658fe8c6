/* SPDX-License-Identifier: Apache-2.0 */
#include "netlink/conntrack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <sys/socket.h>

enum {
	TUPLE_MAX = 256, /* an encoded CTA_TUPLE_ORIG is about 60 bytes */
};

struct walk {
	enum ip_family family;
	uint8_t protocol;
	conntrack_fn fn;
	void *ctx;
	struct buf gone; /* their CTA_TUPLE_ORIG attributes, one after another */
};

static bool read_addr(const struct nlattr *ip, uint16_t v4, uint16_t v6, enum ip_family family,
		      struct ip_addr *ret)
{
	const struct nlattr *a = netlink_attr_in(ip, family == IP_V4 ? v4 : v6);

	if (!a || mnl_attr_get_payload_len(a) != (family == IP_V4 ? 4 : 16))
		return false;
	*ret = ip_from_bytes(mnl_attr_get_payload(a), family);
	return true;
}

static bool read_port(const struct nlattr *proto, uint16_t type, uint16_t *ret)
{
	const struct nlattr *a = netlink_attr_in(proto, type);

	if (!a || mnl_attr_get_payload_len(a) != sizeof(*ret))
		return false;
	*ret = ntohs(mnl_attr_get_u16(a));
	return true;
}

static bool read_flow(const struct nlattr *orig, const struct nlattr *reply, enum ip_family f,
		      struct conntrack_flow *ret)
{
	const struct nlattr *ip = netlink_attr_in(orig, CTA_TUPLE_IP);
	const struct nlattr *proto = netlink_attr_in(orig, CTA_TUPLE_PROTO);
	const struct nlattr *rip = netlink_attr_in(reply, CTA_TUPLE_IP);
	const struct nlattr *rproto = netlink_attr_in(reply, CTA_TUPLE_PROTO);
	const struct nlattr *num = proto ? netlink_attr_in(proto, CTA_PROTO_NUM) : NULL;

	if (!ip || !num || !rip || !rproto || mnl_attr_get_payload_len(num) != 1)
		return false;
	ret->protocol = mnl_attr_get_u8(num);
	return read_addr(ip, CTA_IP_V4_SRC, CTA_IP_V6_SRC, f, &ret->src) &&
	       read_addr(ip, CTA_IP_V4_DST, CTA_IP_V6_DST, f, &ret->dst) &&
	       read_addr(rip, CTA_IP_V4_SRC, CTA_IP_V6_SRC, f, &ret->reply_src) &&
	       read_port(proto, CTA_PROTO_SRC_PORT, &ret->src_port) &&
	       read_port(proto, CTA_PROTO_DST_PORT, &ret->dst_port) &&
	       read_port(rproto, CTA_PROTO_SRC_PORT, &ret->reply_src_port);
}

static bool is_over(const struct nlmsghdr *nlh)
{
	const struct nlattr *a = netlink_attr_of(nlh, sizeof(struct nfgenmsg), CTA_PROTOINFO);
	uint8_t state;

	a = a ? netlink_attr_in(a, CTA_PROTOINFO_TCP) : NULL;
	a = a ? netlink_attr_in(a, CTA_PROTOINFO_TCP_STATE) : NULL;
	if (!a || mnl_attr_get_payload_len(a) != sizeof(state))
		return false;
	state = mnl_attr_get_u8(a);
	return state == TCP_CONNTRACK_TIME_WAIT || state == TCP_CONNTRACK_CLOSE;
}

static int take_flow(const struct nlmsghdr *nlh, void *ctx, struct err *err)
{
	const struct nlattr *orig = netlink_attr_of(nlh, sizeof(struct nfgenmsg), CTA_TUPLE_ORIG);
	const struct nlattr *reply = netlink_attr_of(nlh, sizeof(struct nfgenmsg), CTA_TUPLE_REPLY);
	struct walk *w = ctx;
	struct conntrack_flow f;

	if (!orig || !reply || MNL_ALIGN(orig->nla_len) > TUPLE_MAX ||
	    !read_flow(orig, reply, w->family, &f) || f.protocol != w->protocol)
		return 0;
	f.is_over = is_over(nlh);
	if (w->fn(w->ctx, &f))
		buf_add(&w->gone, orig, MNL_ALIGN(orig->nla_len));
	return 0;
}

static struct nlmsghdr *request(char *buf, int type, uint16_t flags, enum ip_family family)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *g;

	nlh->nlmsg_type = (uint16_t)((NFNL_SUBSYS_CTNETLINK << 8) | type);
	nlh->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	g = mnl_nlmsg_put_extra_header(nlh, sizeof(*g));
	g->nfgen_family = family == IP_V4 ? AF_INET : AF_INET6;
	g->version = NFNETLINK_V0;
	return nlh;
}

static int delete_flows(struct netlink_socket *s, struct walk *w, size_t *ret_deleted,
			struct err *err)
{
	size_t n = 0;

	netlink_attr_foreach(a, w->gone.ptr, w->gone.len) {
		char buf[512];
		struct nlmsghdr *nlh = request(buf, IPCTNL_MSG_CT_DELETE, NLM_F_ACK, w->family);
		int r;

		mnl_attr_put(nlh, mnl_attr_get_type(a) | NLA_F_NESTED, mnl_attr_get_payload_len(a),
			     mnl_attr_get_payload(a));
		r = netlink_talk(s, nlh, NULL, NULL, err);
		if (r < 0 && r != -ENOENT)
			return err_wrap(err, r, "deleting a flow");
		n += r == 0;
	}
	if (ret_deleted)
		*ret_deleted = n;
	return 0;
}

int conntrack_delete(struct netlink_socket *s, enum ip_family family, uint8_t protocol,
		     conntrack_fn fn, void *ctx, size_t *ret_deleted, struct err *err)
{
	struct walk w = {
		.family = family, .protocol = protocol, .fn = fn, .ctx = ctx, .gone = BUF_INIT};
	char buf[512];
	struct nlmsghdr *nlh = request(buf, IPCTNL_MSG_CT_GET, NLM_F_DUMP, family);
	int r = netlink_talk(s, nlh, take_flow, &w, err);

	if (r < 0)
		err_wrap(err, r, "reading the table of connections");
	else
		r = delete_flows(s, &w, ret_deleted, err);
	buf_fini(&w.gone);
	return r;
}
