/* SPDX-License-Identifier: Apache-2.0 */
#include "netlink/socket.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <sys/socket.h>

enum {
	RECEIVE_SIZE = 64 * 1024,
	RECEIVE_WANTED = 4 * 1024 * 1024,
};

/* The forced variants need CAP_NET_ADMIN in the first user namespace; elsewhere the plain ones
 * give what net.core.wmem_max allows. */
static void set_buffers(struct netlink_socket *s)
{
	int fd = mnl_socket_get_fd(s->mnl), want = NETLINK_SEND_WANTED, have = 0;
	socklen_t len = sizeof(have);

	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &want, sizeof(want)) < 0)
		IGNORE(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &want, sizeof(want)),
		       "whatever we get is read back below");
	want = RECEIVE_WANTED;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &want, sizeof(want)) < 0)
		IGNORE(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &want, sizeof(want)),
		       "a small one works too");
	if (getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &have, &len) < 0 || have < 65536)
		have = 65536;
	s->send_max = (size_t)have - 4096;
}

int netlink_open(int bus, struct netlink_socket *ret, struct err *err)
{
	struct netlink_socket s = {.mnl = mnl_socket_open2(bus, SOCK_CLOEXEC)};
	int one = 1;

	if (!s.mnl)
		return err_sys(err, errno, "open a netlink socket (bus %d)", bus);
	if (mnl_socket_bind(s.mnl, 0, MNL_SOCKET_AUTOPID) < 0) {
		int r = err_sys(err, errno, "bind a netlink socket (bus %d)", bus);

		mnl_socket_close(s.mnl);
		return r;
	}
	IGNORE(mnl_socket_setsockopt(s.mnl, NETLINK_EXT_ACK, &one, sizeof(one)),
	       "old kernels: errors without text");
	IGNORE(mnl_socket_setsockopt(s.mnl, NETLINK_CAP_ACK, &one, sizeof(one)),
	       "old kernels: longer acknowledgements");
	set_buffers(&s);
	*ret = s;
	return 0;
}

void netlink_close(struct netlink_socket *s)
{
	if (s->mnl)
		mnl_socket_close(s->mnl);
	s->mnl = NULL;
}

const struct nlattr *netlink_attr_next(const void *from, size_t len, const struct nlattr *last)
{
	const char *at = last ? mnl_attr_next(last) : from;
	size_t used = (size_t)(at - (const char *)from);

	if (used >= len)
		return NULL;
	return mnl_attr_ok((const struct nlattr *)(const void *)at, (int)(len - used))
		       ? (const struct nlattr *)(const void *)at
		       : NULL;
}

const struct nlattr *netlink_attr_in(const struct nlattr *nest, uint16_t type)
{
	netlink_attr_foreach(a, mnl_attr_get_payload(nest), mnl_attr_get_payload_len(nest))
		if (mnl_attr_get_type(a) == type)
			return a;
	return NULL;
}

const struct nlattr *netlink_attr_of(const struct nlmsghdr *nlh, size_t skip, uint16_t type)
{
	size_t len = mnl_nlmsg_get_payload_len(nlh);

	skip = MNL_ALIGN(skip);
	if (skip >= len)
		return NULL;
	netlink_attr_foreach(a, mnl_nlmsg_get_payload_offset(nlh, skip), len - skip)
		if (mnl_attr_get_type(a) == type)
			return a;
	return NULL;
}

int netlink_error(const struct nlmsghdr *nlh, const char **ret_text, uint32_t *ret_offset)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);
	size_t skip = sizeof(*e);
	const struct nlattr *attr;

	if (ret_text)
		*ret_text = NULL;
	if (ret_offset)
		*ret_offset = 0;
	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*e))
		return -EPROTO;
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED))
		skip += MNL_ALIGN(e->msg.nlmsg_len) - sizeof(struct nlmsghdr);
	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS) || mnl_nlmsg_get_payload_len(nlh) <= skip)
		return e->error;
	attr = netlink_attr_of(nlh, skip, NLMSGERR_ATTR_MSG);
	if (attr && ret_text)
		*ret_text = mnl_attr_get_str(attr);
	attr = netlink_attr_of(nlh, skip, NLMSGERR_ATTR_OFFS);
	if (attr && ret_offset)
		*ret_offset = mnl_attr_get_u32(attr);
	return e->error;
}

static int answer_error(const struct nlmsghdr *nlh, struct err *err)
{
	const char *text;
	int r = netlink_error(nlh, &text, NULL);

	if (r < 0)
		return err_sys(err, -r, "the kernel refuses: %s", text ? text : "no details");
	return 0;
}

/* A list that the kernel could not finish ends with the reason. */
static int done_error(const struct nlmsghdr *nlh, struct err *err)
{
	int32_t r = 0;

	if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(r))
		memcpy(&r, mnl_nlmsg_get_payload(nlh), sizeof(r));
	return r < 0 ? err_sys(err, -r, "the kernel cannot finish its list") : 0;
}

/* An answer while it is read. It is read to its end whatever happens: the kernel refuses the next
 * list on a socket (EBUSY) while one is unfinished. */
struct answer {
	netlink_fn fn;
	void *ctx;
	int r; /* the first failure */
	bool has_ended;
};

static void take_message(struct answer *a, const struct nlmsghdr *nlh, struct err *err)
{
	if (a->r == 0 && (nlh->nlmsg_flags & NLM_F_DUMP_INTR))
		a->r = err_set(err, ERR_CONFLICT, "the kernel's list changed while read");
	if (nlh->nlmsg_type == NLMSG_ERROR && a->r == 0)
		a->r = answer_error(nlh, err);
	if (nlh->nlmsg_type == NLMSG_DONE && a->r == 0)
		a->r = done_error(nlh, err);
	a->has_ended = nlh->nlmsg_type == NLMSG_DONE || nlh->nlmsg_type == NLMSG_ERROR;
	if (!a->has_ended && a->r == 0 && a->fn)
		a->r = MIN(a->fn(nlh, a->ctx, err), 0);
}

static void take_messages(struct answer *a, uint32_t seq, const char *data, size_t n,
			  struct err *err)
{
	int len = (int)n;

	for (const struct nlmsghdr *nlh = (const struct nlmsghdr *)(const void *)data;
	     !a->has_ended && mnl_nlmsg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len))
		if (nlh->nlmsg_seq == seq) /* others: left over from a read that failed */
			take_message(a, nlh, err);
}

int netlink_talk(struct netlink_socket *s, struct nlmsghdr *request, netlink_fn fn, void *ctx,
		 struct err *err)
{
	_cleanup_(mem_freep) char *buf = mem_xalloc(RECEIVE_SIZE);
	struct answer a = {.fn = fn, .ctx = ctx};

	request->nlmsg_seq = ++s->seq;
	if (mnl_socket_sendto(s->mnl, request, request->nlmsg_len) < 0)
		return err_sys(err, errno, "send to the kernel");
	while (!a.has_ended) {
		ssize_t n = mnl_socket_recvfrom(s->mnl, buf, RECEIVE_SIZE);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, errno, "read the kernel's answer");
		take_messages(&a, s->seq, buf, (size_t)n, err);
	}
	return a.r;
}
