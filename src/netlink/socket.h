/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A netlink socket with request and answer, over libmnl: what nft.h and conntrack.h share.
 *
 * Synchronous: the kernel works within the system call. The socket belongs to the network namespace
 * in which it was opened. Errors carry the kernel's own text (extended acknowledgement) when there
 * is one.
 */

#include "base/buf.h"

struct mnl_socket;
struct nlattr;
struct nlmsghdr;

enum {
	NETLINK_MESSAGE_MAX = 128 * 1024, /* one message that we build */
	NETLINK_SEND_WANTED = 32 * 1024 * 1024,
};

struct netlink_socket {
	struct mnl_socket *mnl;
	uint32_t seq;
	size_t send_max; /* bytes the kernel takes in one call */
};

/* `bus` is NETLINK_NETFILTER and the like. */
int netlink_open(int bus, struct netlink_socket *ret, struct err *err) _nodiscard_;
void netlink_close(struct netlink_socket *s); /* a zeroed one is fine */

/* Called for each message of an answer; negative: not for the rest of it. */
typedef int (*netlink_fn)(const struct nlmsghdr *nlh, void *ctx, struct err *err);
/* Sends the one request in `b` and reads until its answer has ended: an acknowledgement, or the end
 * of a dump. A kernel error is returned as -errno with its text. ERR_CONFLICT when a dump was
 * interrupted by a change and must be repeated. */
int netlink_talk(struct netlink_socket *s, struct nlmsghdr *request, netlink_fn fn, void *ctx,
		 struct err *err) _nodiscard_;

/* Of an NLMSG_ERROR message: 0 for an acknowledgement, else -errno; *ret_text (may be NULL) is the
 * kernel's text or NULL, *ret_offset the place in the request, or 0. */
int netlink_error(const struct nlmsghdr *nlh, const char **ret_text, uint32_t *ret_offset);

/* Attributes in `len` bytes at `from`; what does not fit ends the walk. `last` NULL: the first. */
const struct nlattr *netlink_attr_next(const void *from, size_t len, const struct nlattr *last);
#define netlink_attr_foreach(a, from, len)                                                         \
	for (const struct nlattr *a = netlink_attr_next((from), (len), NULL); a;                   \
	     a = netlink_attr_next((from), (len), a))
/* The one of that type inside a nest, or after `skip` bytes of a message's payload; or NULL. */
const struct nlattr *netlink_attr_in(const struct nlattr *nest, uint16_t type);
const struct nlattr *netlink_attr_of(const struct nlmsghdr *nlh, size_t skip, uint16_t type);
