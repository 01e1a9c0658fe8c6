/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/apiserver.h"

#include "apiserver/access/attributes.h"
#include "apiserver/access/audit.h"
#include "apiserver/access/authenticate.h"
#include "apiserver/access/authorize.h"
#include "apiserver/access/impersonate.h"
#include "apiserver/connect/pod_log.h"
#include "apiserver/connect/pod_stream.h"
#include "apiserver/connect/proxy.h"
#include "apiserver/read/await.h"
#include "apiserver/read/read.h"
#include "apiserver/read/watch.h"
#include "apiserver/reply.h"
#include "apiserver/serve/nonresource.h"
#include "apiserver/write/binding.h"
#include "apiserver/write/eviction.h"
#include "apiserver/write/review.h"
#include "apiserver/write/scale.h"
#include "apiserver/write/write.h"

/* Subresources that are more than a part of the object: whatever the verb, they have a handler of
 * their own. It returns negative with req->st set and the exchange untouched, or answers. */
static const struct own_handler {
	const char *kind, *subresource;
	int (*start)(struct request *req);
} own_handlers[] = {
	{"Deployment", "scale", scale_handle}, {"Node", "proxy", proxy_start},
	{"Pod", "attach", pod_stream_start},   {"Pod", "binding", binding_start},
	{"Pod", "eviction", eviction_start},   {"Pod", "exec", pod_stream_start},
	{"Pod", "log", pod_log_start},         {"Pod", "portforward", pod_stream_start},
	{"Pod", "proxy", proxy_start},         {"ReplicaSet", "scale", scale_handle},
	{"Service", "proxy", proxy_start},     {"ServiceAccount", "token", review_token_request},
};

static const struct own_handler *own_handler(const struct request *req)
{
	for (size_t i = 0; req->subresource && i < ARRAY_LEN(own_handlers); i++)
		if (str_eq_c(req->sub, own_handlers[i].subresource) &&
		    req->res == server_resource_of(req->s, own_handlers[i].kind))
			return &own_handlers[i];
	return NULL;
}

static int dispatch(struct request *req)
{
	const struct own_handler *own = own_handler(req);

	if (own)
		return own->start(req);
	if (str_eq_c(str_of(req->res->kind->storage), "-"))
		return review_start(req);
	switch (req->verb) {
	case REQUEST_GET:
		read_get(req);
		return 0;
	case REQUEST_LIST:
		read_list(req);
		return 0;
	case REQUEST_WATCH:
		return watch_start(req);
	case REQUEST_CREATE:
	case REQUEST_UPDATE:
	case REQUEST_PATCH:
	case REQUEST_DELETE:
	case REQUEST_DELETE_COLLECTION:
	default:
		return write_start(req);
	}
}

static bool is_refused(struct apiserver *s, struct http_exchange *x)
{
	if (s->is_loaded && !s->is_stopping)
		return false;
	reply_refusal(x, ERR_UNAVAILABLE,
		      s->is_stopping ? "the server is shutting down"
		      : s->is_stale  ? "the server reads its store anew, please try again"
				     : "the server is starting, please try again");
	return true;
}

/* It may have waited. */
static void serve_object(struct request *req)
{
	if (!is_refused(req->s, req->x) && dispatch(req) < 0)
		reply_failure(req);
}

static void handle_objects(struct apiserver *s, struct http_exchange *x,
			   const struct access_user *user)
{
	struct request *req;

	if (!s->was_ready && is_refused(s, x))
		return;
	req = arena_new(&x->arena, struct request);
	if (request_parse(s, x, user, req) < 0)
		reply_failure(req);
	else if (!await_rev(req, serve_object))
		serve_object(req);
}

const char *apiserver_word_refusal(struct buf *body, int status, const char *reason)
{
	const struct status st = {.code = status,
				  .reason = status == 413   ? "RequestEntityTooLarge"
					    : status == 503 ? "ServiceUnavailable"
					    : status == 408 ? "Timeout"
							    : "BadRequest",
				  .message = str_of(reason)};

	status_write(body, &st);
	return "application/json";
}

static struct access_attrs *attributes_of(struct http_exchange *x)
{
	struct access_attrs *at = arena_new(&x->arena, struct access_attrs);

	attributes_from(&x->arena, &x->req, at);
	audit_note(x, NULL, NULL, at);
	return at;
}

static void serve(struct apiserver *s, struct http_exchange *x, const struct access_user *user,
		  const struct access_attrs *at)
{
	const struct access_user *caller = user;
	struct status st = {.arena = &x->arena};
	struct str reason = STR("");
	bool is_allowed;

	audit_note(x, user, NULL, NULL);
	if (impersonate(s, x, &user, &st) < 0) {
		reply_refused(x, &st);
		return;
	}
	is_allowed = authorize(s, user, at);
	audit_note(x, NULL, user != caller ? user : NULL, NULL);
	if (audit_is_on(x))
		IGNORE(authorize_explain(s, user, at, &x->arena, &reason), "only why is wanted");
	audit_decided(x, is_allowed, reason);
	if (!is_allowed) {
		if (!s->is_loaded) /* the roles are not known yet */
			reply_refusal(x, ERR_UNAVAILABLE,
				      "the server is starting, please try again");
		else if (authorize_refuse(s, user, at, &st) < 0)
			reply_refused(x, &st);
		return;
	}
	if (!nonresource_handle(s, x))
		handle_objects(s, x, user);
}

void apiserver_handle_insecure(void *ctx, struct http_exchange *x)
{
	static const struct str groups[] = {
		{ACCESS_GROUP_MASTERS, sizeof(ACCESS_GROUP_MASTERS) - 1},
		{ACCESS_GROUP_AUTHENTICATED, sizeof(ACCESS_GROUP_AUTHENTICATED) - 1}};
	static const struct access_user user = {
		.name = {"system:apiserver", sizeof("system:apiserver") - 1},
		.groups = groups,
		.n_groups = ARRAY_LEN(groups)};

	if (x->req.peer->port) /* not a call from inside */
		audit_begin(ctx, x);
	serve(ctx, x, &user, attributes_of(x));
}

void apiserver_handle(void *ctx, struct http_exchange *x)
{
	struct apiserver *s = ctx;
	const struct access_attrs *at;
	const struct access_user *user;

	audit_begin(s, x);
	at = attributes_of(x);
	if (authenticate_request(s->authenticate, x, &user) < 0)
		reply_refusal(x, ERR_UNAUTHORIZED, "Unauthorized");
	else
		serve(s, x, user, at);
}
