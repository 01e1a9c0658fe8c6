/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The roles and bindings that every cluster has from the start: Kubernetes' own, by their names,
 * as far as they speak of what is served here, and those of Fairlead's parts. Data and a function
 * that makes objects of it; the server creates them and brings their rules up to date at start,
 * unless their annotation rbac.authorization.kubernetes.io/autoupdate says "false".
 *
 * Each part of Fairlead calls the server with a certificate of its own, and the role that is bound
 * to that name gives what the part asks for and nothing else:
 *
 *	proxy   system:kube-proxy        system:node-proxier
 *	dns     system:cluster-dns       system:coredns
 *	agent   system:node:NAME         system:node (node.h) and, to its group system:nodes,
 *	                                 system:node-network: the routes to other nodes
 *	lb      system:load-balancer     system:load-balancer
 */

#include "json/json.h"

struct access_builtin {
	const char *kind;   /* "ClusterRole", "Role", … */
	const char *plural; /* "clusterroles" */
	const char *ns;     /* NULL: cluster-wide */
	const char *name;
};

size_t access_builtin_count(void);
/* The nth one; its object (apiVersion, kind, metadata, rules …) in the arena when ret_obj is given.
 */
struct access_builtin access_builtin_at(size_t i, struct arena *a, struct json **ret_obj);
