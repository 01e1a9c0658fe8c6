/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Which API servers serve this store (service-api.md section 10.6).
 *
 * Each keeps a Lease in kube-system, with the label and the annotation that Kubernetes' servers put
 * on theirs: apiserver.kubernetes.io/identity=kube-apiserver and
 * kubernetes.io/peer-advertise-address. It renews it every PEERS_RENEW_MS and deletes it when it
 * stops. A Lease that has not changed for PEERS_DEAD_MS, by the clock of the server that looks on
 * (so that no two clocks are compared), belongs to a server that has died: it is deleted.
 *
 * boot.c writes the servers that are here into the endpoints of default/kubernetes. Servers are
 * told apart by their address: two cannot advertise one.
 */

#include "base/ip.h"

struct apiserver;
struct peers;

enum {
	PEERS_RENEW_MS = 5000,
	PEERS_DEAD_MS = 15000,
};

struct peer {
	struct ip_addr addr;
	uint16_t port;
};

struct peers *peers_new(struct apiserver *s);
void peers_free(struct peers *p); /* NULL is fine */
/* Looks at the Leases, renews this server's; call it often, and once before peers_list. */
void peers_tick(struct peers *p);
/* This server goes: its Lease does too. */
void peers_leave(struct peers *p);

/* Sorted, this one among them, without those that nobody else can reach (loopback). Valid until the
 * next tick. */
size_t peers_list(const struct peers *p, const struct peer **ret);
/* Changes when the list does. */
uint64_t peers_version(const struct peers *p);
