/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The audit log: who asked for what, when, and how it was answered, one Event of audit.k8s.io/v1 at
 * level Metadata for each request that came from outside, given to config.audit as a line of JSON.
 * No bodies, no tokens. A watch is told when it begins (stage ResponseStarted), anything else when
 * it is answered (ResponseComplete). Costs nothing when config.audit is NULL.
 */

#include "access/access.h"
#include "apiserver/server.h"

/* From now on the exchange's answer is told. The pointers live as long as the exchange. */
void audit_begin(struct apiserver *s, struct http_exchange *x);
/* What has been found out until now; later calls add to it. NULL: not (yet) known. */
void audit_note(struct http_exchange *x, const struct access_user *user,
		const struct access_user *impersonated, const struct access_attrs *attrs);
void audit_decided(struct http_exchange *x, bool is_allowed);
