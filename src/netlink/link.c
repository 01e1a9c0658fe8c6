/* SPDX-License-Identifier: Apache-2.0 */
#include "netlink/link.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	LINK_MESSAGE_MAX = 4096, /* bytes of a request; ours stay below 300 */
	LINK_ANSWER_MAX = 32768, /* bytes of an answer: as much as the kernel puts into one */
};

struct link_sock {
	struct mnl_socket *nl;
	uint32_t seq;
};

struct link_msg {
	struct nlmsghdr *nlh;
	char buf[LINK_MESSAGE_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
};

int link_in_netns(int netns_fd, int (*fn)(void *ctx, struct err *err), void *ctx, struct err *err)
{
	_cleanup_(fd_closep) int home = -1;
	int r;

	if (netns_fd < 0)
		return fn(ctx, err);
	home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (home < 0)
		return err_sys(err, errno, "open this thread's network namespace");
	if (setns(netns_fd, CLONE_NEWNET) < 0)
		return err_sys(err, errno, "enter a network namespace");
	r = fn(ctx, err);
	/* In the wrong namespace everything that follows would go to the wrong network. */
	if (setns(home, CLONE_NEWNET) < 0)
		abort();
	return r;
}

static int open_here(void *ctx, struct err *err)
{
	struct link_sock *s = ctx;

	s->nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!s->nl)
		return err_sys(err, errno, "open a netlink socket");
	if (mnl_socket_bind(s->nl, 0, MNL_SOCKET_AUTOPID) < 0)
		return err_sys(err, errno, "bind a netlink socket");
	return 0;
}

int link_open(int netns_fd, struct link_sock **ret, struct err *err)
{
	struct link_sock *s = mem_xnew(struct link_sock);
	int r = link_in_netns(netns_fd, open_here, s, err);

	if (r < 0) {
		link_close(s);
		return r;
	}
	*ret = s;
	return 0;
}

void link_close(struct link_sock *s)
{
	if (!s)
		return;
	if (s->nl)
		mnl_socket_close(s->nl);
	free(s);
}

void link_closep(struct link_sock **s)
{
	link_close(*s);
}

static void *begin(struct link_sock *s, struct link_msg *m, int type, int flags, size_t extra)
{
	m->nlh = mnl_nlmsg_put_header(m->buf);
	m->nlh->nlmsg_type = (uint16_t)type;
	m->nlh->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	m->nlh->nlmsg_seq = ++s->seq;
	return mnl_nlmsg_put_extra_header(m->nlh, extra);
}

/* Sends the request and hands every answer to cb (may be NULL). Returns 0 or -errno. */
static int talk(struct link_sock *s, struct link_msg *m, mnl_cb_t cb, void *data)
{
	char in[LINK_ANSWER_MAX];
	unsigned port = mnl_socket_get_portid(s->nl);
	ssize_t n;

	if (mnl_socket_sendto(s->nl, m->nlh, m->nlh->nlmsg_len) < 0)
		return -errno;
	for (;;) {
		n = mnl_socket_recvfrom(s->nl, in, sizeof(in));
		if (n < 0)
			return -errno;
		n = mnl_cb_run(in, (size_t)n, s->seq, port, cb, data);
		if (n < 0)
			return -errno;
		if (n == MNL_CB_STOP)
			return 0;
	}
}

static int ask(struct link_sock *s, struct link_msg *m)
{
	m->nlh->nlmsg_flags |= NLM_F_ACK;
	return talk(s, m, NULL, NULL);
}

static int check_name(const char *name, struct err *err)
{
	if (!name[0] || strlen(name) >= LINK_NAME_MAX)
		return err_set(err, ERR_INVALID,
			       "interface name '%s': must have 1 to %d characters", name,
			       LINK_NAME_MAX - 1);
	return 0;
}

static int see_link(const struct nlmsghdr *nlh, void *data)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(nlh);

	*(int *)data = info->ifi_index;
	return MNL_CB_OK;
}

int link_index(struct link_sock *s, const char *name, int *ret, struct err *err)
{
	struct link_msg m;
	int index = 0, r = check_name(name, err);

	if (r < 0)
		return r;
	begin(s, &m, RTM_GETLINK, NLM_F_ACK, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(m.nlh, IFLA_IFNAME, name);
	r = talk(s, &m, see_link, &index);
	if (r == -ENODEV || (r == 0 && !index))
		return err_set(err, ERR_NOT_FOUND, "interface '%s' does not exist", name);
	if (r < 0)
		return err_sys(err, -r, "look up interface '%s'", name);
	*ret = index;
	return 0;
}

static void put_end(struct nlmsghdr *nlh, const struct link_veth_end *e)
{
	mnl_attr_put_strz(nlh, IFLA_IFNAME, e->name);
	if (e->mac)
		mnl_attr_put(nlh, IFLA_ADDRESS, LINK_MAC_LEN, e->mac);
	if (e->netns_fd >= 0)
		mnl_attr_put_u32(nlh, IFLA_NET_NS_FD, (uint32_t)e->netns_fd);
}

int link_add_veth(struct link_sock *s, const struct link_veth_end *near,
		  const struct link_veth_end *far, struct err *err)
{
	struct nlattr *info, *data, *peer;
	struct link_msg m;
	int r;

	if ((r = check_name(near->name, err)) < 0 || (r = check_name(far->name, err)) < 0)
		return r;
	begin(s, &m, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof(struct ifinfomsg));
	put_end(m.nlh, near);
	info = mnl_attr_nest_start(m.nlh, IFLA_LINKINFO);
	mnl_attr_put_strz(m.nlh, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(m.nlh, IFLA_INFO_DATA);
	peer = mnl_attr_nest_start(m.nlh, VETH_INFO_PEER);
	mnl_nlmsg_put_extra_header(m.nlh, sizeof(struct ifinfomsg));
	put_end(m.nlh, far);
	mnl_attr_nest_end(m.nlh, peer);
	mnl_attr_nest_end(m.nlh, data);
	mnl_attr_nest_end(m.nlh, info);
	r = ask(s, &m);
	return r < 0 ? err_sys(err, -r, "add veth '%s' with peer '%s'", near->name, far->name) : 0;
}

int link_add_bridge(struct link_sock *s, const char *name, struct err *err)
{
	struct nlattr *info;
	struct link_msg m;
	int r = check_name(name, err);

	if (r < 0)
		return r;
	begin(s, &m, RTM_NEWLINK, NLM_F_CREATE, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(m.nlh, IFLA_IFNAME, name);
	info = mnl_attr_nest_start(m.nlh, IFLA_LINKINFO);
	mnl_attr_put_strz(m.nlh, IFLA_INFO_KIND, "bridge");
	mnl_attr_nest_end(m.nlh, info);
	r = ask(s, &m);
	return r < 0 ? err_sys(err, -r, "add bridge '%s'", name) : 0;
}

int link_set_master(struct link_sock *s, const char *name, const char *master, struct err *err)
{
	struct ifinfomsg *info;
	struct link_msg m;
	int index, r;

	if ((r = link_index(s, master, &index, err)) < 0)
		return r;
	info = begin(s, &m, RTM_NEWLINK, 0, sizeof(*info));
	mnl_attr_put_strz(m.nlh, IFLA_IFNAME, name);
	mnl_attr_put_u32(m.nlh, IFLA_MASTER, (uint32_t)index);
	r = ask(s, &m);
	return r < 0 ? err_sys(err, -r, "put '%s' under '%s'", name, master) : 0;
}

int link_set_up(struct link_sock *s, const char *name, struct err *err)
{
	struct ifinfomsg *info;
	struct link_msg m;
	int r;

	info = begin(s, &m, RTM_NEWLINK, 0, sizeof(*info));
	info->ifi_flags = info->ifi_change = IFF_UP;
	mnl_attr_put_strz(m.nlh, IFLA_IFNAME, name);
	r = ask(s, &m);
	return r < 0 ? err_sys(err, -r, "bring up interface '%s'", name) : 0;
}

int link_delete(struct link_sock *s, const char *name, struct err *err)
{
	struct link_msg m;
	int r;

	begin(s, &m, RTM_DELLINK, 0, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(m.nlh, IFLA_IFNAME, name);
	r = ask(s, &m);
	return r < 0 && r != -ENODEV ? err_sys(err, -r, "delete interface '%s'", name) : 0;
}

static void put_ip(struct nlmsghdr *nlh, uint16_t attr, const struct ip_addr *a)
{
	size_t len;
	const uint8_t *p = ip_wire(a, &len);

	mnl_attr_put(nlh, attr, len, p);
}

static uint8_t family_of(const struct ip_addr *a)
{
	return ip_family(a) == IP_V4 ? AF_INET : AF_INET6;
}

int link_add_addr(struct link_sock *s, const char *name, const struct ip_prefix *addr,
		  struct err *err)
{
	char text[IP_PREFIX_TEXT_MAX];
	struct ifaddrmsg *info;
	struct link_msg m;
	int index, r;

	if ((r = link_index(s, name, &index, err)) < 0)
		return r;
	info = begin(s, &m, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, sizeof(*info));
	info->ifa_family = family_of(&addr->addr);
	info->ifa_prefixlen = addr->len;
	info->ifa_flags = info->ifa_family == AF_INET6 ? IFA_F_NODAD : 0;
	info->ifa_index = (uint32_t)index;
	put_ip(m.nlh, IFA_LOCAL, &addr->addr);
	put_ip(m.nlh, IFA_ADDRESS, &addr->addr);
	r = ask(s, &m);
	if (r < 0)
		return err_sys(err, -r, "add address %.*s to '%s'",
			       STR_ARG(ip_prefix_format(addr, text)), name);
	return 0;
}

static struct rtmsg *begin_route(struct link_sock *s, struct link_msg *m, int type, int flags,
				 const struct ip_prefix *to)
{
	struct ip_addr base = ip_prefix_base(to);
	struct rtmsg *rt = begin(s, m, type, flags, sizeof(*rt));

	rt->rtm_family = family_of(&to->addr);
	rt->rtm_dst_len = to->len;
	rt->rtm_table = RT_TABLE_MAIN;
	if (to->len)
		put_ip(m->nlh, RTA_DST, &base);
	return rt;
}

int link_set_route(struct link_sock *s, const struct link_route *route, struct err *err)
{
	char text[IP_PREFIX_TEXT_MAX];
	struct link_msg m;
	struct rtmsg *rt;
	int index = 0, r;

	if (route->dev && (r = link_index(s, route->dev, &index, err)) < 0)
		return r;
	rt = begin_route(s, &m, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, &route->to);
	rt->rtm_protocol = RTPROT_STATIC;
	rt->rtm_type = RTN_UNICAST;
	rt->rtm_scope = route->has_via ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
	if (rt->rtm_family == AF_INET6)
		rt->rtm_scope = RT_SCOPE_UNIVERSE;
	if (route->is_onlink)
		rt->rtm_flags |= RTNH_F_ONLINK;
	if (route->has_via)
		put_ip(m.nlh, RTA_GATEWAY, &route->via);
	if (route->has_source)
		put_ip(m.nlh, RTA_PREFSRC, &route->source);
	if (index)
		mnl_attr_put_u32(m.nlh, RTA_OIF, (uint32_t)index);
	r = ask(s, &m);
	if (r < 0)
		return err_sys(err, -r, "set route to %.*s",
			       STR_ARG(ip_prefix_format(&route->to, text)));
	return 0;
}

int link_delete_route(struct link_sock *s, const struct ip_prefix *to, struct err *err)
{
	char text[IP_PREFIX_TEXT_MAX];
	struct link_msg m;
	int r;

	begin_route(s, &m, RTM_DELROUTE, 0, to)->rtm_scope = RT_SCOPE_NOWHERE;
	r = ask(s, &m);
	if (r < 0 && r != -ESRCH && r != -ENODEV)
		return err_sys(err, -r, "delete route to %.*s",
			       STR_ARG(ip_prefix_format(to, text)));
	return 0;
}

int link_set_neighbour(struct link_sock *s, const char *dev, const struct ip_addr *addr,
		       const uint8_t mac[LINK_MAC_LEN], struct err *err)
{
	char text[IP_TEXT_MAX];
	struct ndmsg *nd;
	struct link_msg m;
	int index, r;

	if ((r = link_index(s, dev, &index, err)) < 0)
		return r;
	nd = begin(s, &m, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, sizeof(*nd));
	nd->ndm_family = family_of(addr);
	nd->ndm_ifindex = index;
	nd->ndm_state = NUD_PERMANENT;
	put_ip(m.nlh, NDA_DST, addr);
	mnl_attr_put(m.nlh, NDA_LLADDR, LINK_MAC_LEN, mac);
	r = ask(s, &m);
	if (r < 0)
		return err_sys(err, -r, "set neighbour %.*s on '%s'",
			       STR_ARG(ip_format(addr, text)), dev);
	return 0;
}
