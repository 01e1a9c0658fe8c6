/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Whether a request may be served: the server's rbac (access/rbac.h), which follows the watch
 * cache, asked about a user and what the request is about. The text of a refusal is Kubernetes'
 * own: people and programs read it.
 */

#include "access/access.h"
#include "apiserver/request.h"

/* An object of the cache has changed or gone; loads it into the rbac if it is a role or binding. */
void authorize_changed(struct apiserver *s, const struct cache *c, struct str key);
/* All of them anew, after the caches were loaded. */
void authorize_load(struct apiserver *s);

bool authorize(struct apiserver *s, const struct access_user *u, const struct access_attrs *at);
/* Fills the status of a refusal. Returns ERR_FORBIDDEN. */
int authorize_refuse(struct apiserver *s, const struct access_user *u,
		     const struct access_attrs *at, struct status *st);
