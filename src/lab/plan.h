/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Names, addresses and ranges of the lab. Pure: everybody who needs an address asks here. */

#include "base/ip.h"

#define LAB_SERVICE_CIDRS "10.96.0.0/16,2001:db8:96::/112"
#define LAB_CLUSTER_CIDRS "10.244.0.0/16,2001:db8:244::/48"
#define LAB_DNS_VIP       "10.96.0.10"
#define LAB_DOMAIN        "cluster.local"

enum {
	LAB_API_PORT = 6443,       /* on the internal network */
	LAB_HOST_API_PORT = 16443, /* on the host's loopback, when it is free */
	LAB_NAME_MAX = 16,
};

enum lab_net {
	LAB_INTERNAL, /* 198.51.100.0/24, 2001:db8:0:1::/64 */
	LAB_EXTERNAL, /* 203.0.113.0/25, 2001:db8:0:2::/64 */
	LAB_OUTSIDE,  /* 203.0.113.128/25, 2001:db8:0:3::/64: the outside client's */
};

enum lab_host {
	LAB_ROUTER = 1, /* the last part of its addresses … */
	LAB_GUEST = 2,  /* the server, the outside client: alone on their networks */
	LAB_NODE0 = 10, /* … node N has 10 + N */
};

/* The address of a host on a network, with the network's length. */
struct ip_prefix lab_plan_addr(enum lab_net net, enum ip_family family, unsigned host);
struct ip_prefix lab_plan_pods(enum ip_family family, unsigned node);
/* "198.51.100.11,2001:db8:0:1::b": both families, or the first alone. */
struct str lab_plan_addrs(struct arena *a, enum lab_net net, unsigned host, bool has_v6);
struct str lab_plan_pod_cidrs(struct arena *a, unsigned node, bool has_v6);
