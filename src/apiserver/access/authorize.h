/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Whether a request may be served: the server's rbac (access/rbac.h) and, for nodes, what their
 * Pods need (access/node.h) are asked about a user and what the request is about; one yes is
 * enough. Both follow the watch cache. The text of a refusal is Kubernetes' own: people and
 * programs read it.
 */

#include "access/access.h"
#include "apiserver/request.h"

/* s->rbac and s->nodes, empty. */
void authorize_init(struct apiserver *s);
void authorize_fini(struct apiserver *s);

/* An object of the cache has changed or gone: a role, a binding or a Pod is taken over. */
void authorize_changed(struct apiserver *s, const struct cache *c, struct str key);
/* All of them anew, after the caches were loaded. */
void authorize_load(struct apiserver *s);

bool authorize(struct apiserver *s, const struct access_user *u, const struct access_attrs *at);
/* The same with the reason, as reviews of access tell it: what allowed it, or why nothing did. */
bool authorize_explain(struct apiserver *s, const struct access_user *u,
		       const struct access_attrs *at, struct arena *a, struct str *ret_reason);
/* Fills the status of a refusal. Returns ERR_FORBIDDEN. */
int authorize_refuse(struct apiserver *s, const struct access_user *u,
		     const struct access_attrs *at, struct status *st);
