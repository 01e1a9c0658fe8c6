/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The audit log: who asked for what, when, and how it was answered, as Events of audit.k8s.io/v1 at
 * level Metadata for each request that came from outside, given to config.audit as lines of JSON.
 * No bodies, no tokens. A request is told when it is answered (stage ResponseComplete); what may be
 * long, a watch or a stream, when it begins (ResponseStarted) and when it ends. That it has come in
 * (RequestReceived) is not told: the Event of its end has that time. Costs nothing but the id when
 * config.audit is NULL.
 *
 * Every request has an id, its client's (header Audit-ID) or one of ours, and every answer names
 * it.
 */

#include "access/access.h"
#include "apiserver/server.h"

/* From now on the exchange's answer is told. The pointers live as long as the exchange. */
void audit_begin(struct apiserver *s, struct http_exchange *x);
bool audit_is_on(const struct http_exchange *x);
/* What has been found out until now; later calls add to it. NULL: not (yet) known. */
void audit_note(struct http_exchange *x, const struct access_user *user,
		const struct access_user *impersonated, const struct access_attrs *attrs);
void audit_decided(struct http_exchange *x, bool is_allowed, struct str reason);
/* The object that the body holds, before the server fills in anything. x may be NULL. */
void audit_object(struct http_exchange *x, const struct json *obj);
