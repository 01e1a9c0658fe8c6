/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Links, addresses, routes and neighbours over rtnetlink: what the agent needs for a Pod's
 * interface and the lab for its wires. Nothing more: it keeps no state and watches nothing.
 *
 * A struct link_sock is a netlink socket in one network namespace, which it stays in whatever
 * namespace its owner moves to; so a process configures several namespaces by holding one socket
 * for each. Calls are synchronous: the kernel works within the system call, microseconds to a few
 * milliseconds, so they may be made from an event loop.
 *
 * Adding what is there already, with the same values, succeeds: setting up twice ends in the same
 * state. Deleting what is absent succeeds too.
 */

#include "base/err.h"
#include "base/ip.h"

struct link_sock;

enum {
	LINK_NAME_MAX = 16, /* IFNAMSIZ: an interface's name with the NUL */
	LINK_MAC_LEN = 6,
};

/* netns_fd: a descriptor of /proc/PID/ns/net; -1: the caller's own namespace. */
int link_open(int netns_fd, struct link_sock **ret, struct err *err) _nodiscard_;
void link_close(struct link_sock *s); /* NULL is fine */
void link_closep(struct link_sock **s);

struct link_veth_end {
	const char *name;
	const uint8_t *mac; /* NULL: the kernel picks one */
	int netns_fd;       /* where this end is to live; -1: the socket's namespace */
};
/* A pair of virtual Ethernet interfaces, both down. */
int link_add_veth(struct link_sock *s, const struct link_veth_end *near,
		  const struct link_veth_end *far, struct err *err) _nodiscard_;
int link_add_bridge(struct link_sock *s, const char *name, struct err *err) _nodiscard_;
int link_set_master(struct link_sock *s, const char *name, const char *master,
		    struct err *err) _nodiscard_;
int link_set_up(struct link_sock *s, const char *name, struct err *err) _nodiscard_;
int link_delete(struct link_sock *s, const char *name, struct err *err) _nodiscard_;
/* The interface's index; ERR_NOT_FOUND when there is none of that name. */
int link_index(struct link_sock *s, const char *name, int *ret, struct err *err) _nodiscard_;

/* IPv6 addresses skip duplicate address detection: ours are assigned, not claimed. */
int link_add_addr(struct link_sock *s, const char *name, const struct ip_prefix *addr,
		  struct err *err) _nodiscard_;

struct link_route {
	struct ip_prefix to;
	const char *dev;    /* NULL: found by the gateway */
	struct ip_addr via; /* unspecified or zero: directly on `dev` */
	bool has_via;
	bool is_onlink;        /* `via` is reached on `dev` although no address there says so */
	struct ip_addr source; /* preferred source address */
	bool has_source;
};
/* Replaces a route to the same prefix. */
int link_set_route(struct link_sock *s, const struct link_route *r, struct err *err) _nodiscard_;
int link_delete_route(struct link_sock *s, const struct ip_prefix *to, struct err *err) _nodiscard_;

/* A permanent neighbour entry: nobody is asked for that address. */
int link_set_neighbour(struct link_sock *s, const char *dev, const struct ip_addr *addr,
		       const uint8_t mac[LINK_MAC_LEN], struct err *err) _nodiscard_;

/* Runs fn(ctx) with this thread in another network namespace and comes back; what it opens stays
 * there. Aborts when there is no way back. */
int link_in_netns(int netns_fd, int (*fn)(void *ctx, struct err *err), void *ctx,
		  struct err *err) _nodiscard_;
