/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a node may ask for: Kubernetes' Node authorizer, as far as the kinds go that are served.
 *
 * A node is a user "system:node:NAME" of the group system:nodes. It may do what the role
 * system:node says, and of that only what concerns it: its own Node and Lease, the Pods that are
 * bound to it, and the Secrets, ConfigMaps and ServiceAccounts that those Pods name. Who names what
 * is kept here as Pods change (access_nodes_put), so a question looks at the Pods of one node.
 *
 * What a node may write into the objects that it may write is said in node_limits.h.
 */

#include "access/access.h"
#include "json/json.h"

#define ACCESS_MIRROR "kubernetes.io/config.mirror" /* annotation: a Pod that its node made */

struct access_nodes;

/* Whether the user is one of the nodes; its name, which may be "": nobody knows which then. */
bool access_node_name(const struct access_user *u, struct str *ret_name);

struct access_nodes *access_nodes_new(void);
void access_nodes_free(struct access_nodes *n); /* NULL is fine */

/* The Pod of that name is now `pod` (nothing of it is kept), or gone when that is NULL. */
void access_nodes_put(struct access_nodes *n, struct str ns, struct str name,
		      const struct json *pod);

/* False for users that are no nodes. What is false may still be allowed by somebody else;
 * *ret_reason (in the arena or constant, "" when there is nothing to say) tells why it is not here.
 */
bool access_nodes_allow(const struct access_nodes *n, const struct access_user *u,
			const struct access_attrs *at, struct arena *a, struct str *ret_reason);
