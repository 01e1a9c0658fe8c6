/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The REST client: typed by struct api_kind, JSON on the wire, over any http_transport, so over a
 * connection or in process alike. One answer = one callback, on the loop's thread.
 */

#include "api/kind.h"
#include "http/transport.h"
#include "json/json.h"

struct loop;
struct client;
struct client_request;

/* Takes ownership of the transport. */
struct client *client_new(struct loop *l, struct http_transport *t, const char *user_agent);
void client_free(struct client *c); /* cancels what is under way, without callbacks */

/* r == 0: `obj` is the object, list or Status in the answer. r < 0: its ERR_ code by reason
 * (ERR_NOT_FOUND, ERR_CONFLICT, …), obj the Status when there was one, else NULL. Both live only
 * during the call. */
typedef void (*client_fn)(void *ctx, int r, struct json *obj, const struct err *err);

struct client_call {
	enum http_method method;
	const struct api_kind *kind;
	struct str ns, name, subresource; /* absent ones are left out of the path */
	struct str query;                 /* already encoded, without '?' */
	const char *content_type;         /* of the body; NULL: application/json */
	const struct json *body;          /* NULL: none */
	int64_t timeout_ms;               /* 0: 30,000 */
};
/* Strings and body need to live only during the call. The handle is valid until the callback. */
struct client_request *client_send(struct client *c, const struct client_call *call, client_fn fn,
				   void *ctx);
void client_cancel(struct client_request *r); /* no callback */

/* The configuration of a kubeconfig file's current context (client certificates, tokens, CA, by
 * file or inline), or, with path NULL, of a Pod's service account. ERR_USAGE names the file and
 * what it lacks. */
int client_kubeconfig_open(struct loop *l, const char *path, const char *user_agent,
			   struct client **ret, struct err *err) _nodiscard_;
