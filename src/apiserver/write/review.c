/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/write/review.h"

#include "access/node.h"
#include "access/rbac.h"
#include "apiserver/access/authenticate.h"
#include "apiserver/access/authorize.h"
#include "apiserver/reply.h"
#include "apiserver/write/body.h"
#include "apiserver/write/node_admit.h"
#include "apiserver/write/prepare.h"
#include "apiserver/write/review_attributes.h"

/* What every review answers with: the object as it was sent, and its status. */
static int answer(struct op *op, struct json *obj)
{
	const struct resource *res = op->req->res;
	struct arena *a = &op->arena;
	struct json *meta = json_object_at(a, obj, "metadata");
	struct buf b = BUF_INIT;

	op->req->x->on_close = NULL;
	json_unlink(obj, meta);
	json_remove(obj, "kind");
	json_remove(obj, "apiVersion");
	json_prepend(obj, "metadata", meta);
	json_prepend(obj, "apiVersion", json_new_string(a, res->api_version));
	json_prepend(obj, "kind", json_new_string(a, str_of(res->kind->kind)));
	json_write(&b, obj);
	reply_tree(op->req, 201, res->api_version.ptr, res->kind->kind, res->kind->type->name, &b);
	return OP_ANSWERED;
}

static struct json *text(struct op *op, struct str s)
{
	return json_new_string(&op->arena, s);
}

static struct json *texts(struct op *op, const struct str *list, size_t n)
{
	struct json *ret = json_new(&op->arena, JSON_ARRAY);

	for (size_t i = 0; i < n; i++)
		json_append(ret, text(op, list[i]));
	return ret;
}

static struct json *status_of(struct op *op, struct json *obj)
{
	json_remove(obj, "status");
	return json_object_at(&op->arena, obj, "status");
}

static struct json *user_info(struct op *op, const struct access_user *u)
{
	struct json *ret = json_new(&op->arena, JSON_OBJECT), *extra;

	json_set(ret, "username", text(op, u->name));
	if (u->uid.len)
		json_set(ret, "uid", text(op, u->uid));
	if (u->n_groups)
		json_set(ret, "groups", texts(op, u->groups, u->n_groups));
	if (!u->n_extra)
		return ret;
	extra = json_object_at(&op->arena, ret, "extra");
	for (size_t i = 0; i < u->n_extra; i++)
		json_set_str(extra, u->extra[i].key, texts(op, u->extra[i].values, u->extra[i].n));
	return ret;
}

/* Who */

static int who_am_i(struct op *op, struct json *obj)
{
	const struct clock *clock = op->s->clock;

	json_set(json_object_at(&op->arena, obj, "metadata"), "creationTimestamp",
		 text(op, prepare_timestamp(op, clock->wall_ns(clock))));
	json_set(status_of(op, obj), "userInfo", user_info(op, op->req->user));
	return answer(op, obj);
}

static void strings(struct arena *a, const struct json *list, struct access_strs *ret)
{
	struct str *at;

	*ret = (struct access_strs){0};
	if (!json_is(list, JSON_ARRAY))
		return;
	at = arena_array(a, list->count, sizeof(*at));
	json_foreach(n, list)
		at[ret->n++] = json_string(n);
	ret->ptr = at;
}

static int whose_token(struct op *op, struct json *obj)
{
	const struct json *spec = json_get(obj, "spec");
	struct str token = json_get_string(spec, "token");
	struct access_strs wanted, found;
	const struct access_user *u;
	struct json *st;
	struct err err;

	if (!token.len)
		return status_set(&op->req->st, ERR_BAD_REQUEST,
				  "token is required for TokenReview in authentication");
	strings(&op->arena, json_get(spec, "audiences"), &wanted);
	st = status_of(op, obj);
	if (authenticate_token(op->s->authenticate, &op->arena, token, &wanted, &u, &found, &err) <
	    0) {
		json_object_at(&op->arena, st, "user");
		json_set(st, "error", text(op, str_dup(&op->arena, str_of(err.msg))));
		return answer(op, obj);
	}
	json_set(st, "authenticated", json_new_bool(&op->arena, true));
	json_set(st, "user", user_info(op, u));
	json_set(st, "audiences", texts(op, found.ptr, found.n));
	return answer(op, obj);
}

/* May they */

static int answer_access(struct op *op, struct json *obj, const struct access_user *u,
			 const struct access_attrs *at, struct str ignored)
{
	struct json *st = status_of(op, obj);
	struct str reason = STR("");
	bool is_allowed = authorize_explain(op->s, u, at, &op->arena, &reason);

	json_set(st, "allowed", json_new_bool(&op->arena, is_allowed));
	if (reason.len)
		json_set(st, "reason", text(op, reason));
	if (ignored.len)
		json_set(st, "evaluationError", text(op, ignored));
	return answer(op, obj);
}

static int may_i(struct op *op, struct json *obj)
{
	struct access_attrs at;
	struct str ignored;
	int r = review_attributes(op, json_get(obj, "spec"), &at, &ignored);

	return r < 0 ? r : answer_access(op, obj, op->req->user, &at, ignored);
}

static int may_they(struct op *op, struct json *obj)
{
	const struct json *spec = json_get(obj, "spec");
	struct access_user u = {.name = json_get_string(spec, "user"),
				.uid = json_get_string(spec, "uid")};
	struct access_strs groups;
	struct access_attrs at;
	struct str ignored;
	int r;

	strings(&op->arena, json_get(spec, "groups"), &groups);
	u.groups = groups.ptr;
	u.n_groups = groups.n;
	r = review_attributes(op, spec, &at, &ignored);
	if (r < 0)
		return r;
	if (!u.name.len && !u.n_groups)
		return review_attributes_invalid(op, "spec.user", "\"\"",
						 "at least one of user or group must be specified");
	if (op->req->res->kind->is_namespaced && !at.is_resource)
		return review_attributes_invalid(op, "spec.nonResourceAttributes", "null",
						 "disallowed on this kind of request");
	if (op->req->res->kind->is_namespaced && !str_eq(at.ns, op->req->ns))
		return review_attributes_invalid(
			op, "spec.resourceAttributes.namespace",
			str_printf(op->req->arena, "\"%.*s\"", STR_ARG(at.ns)).ptr,
			"must match metadata.namespace");
	return answer_access(op, obj, &u, &at, ignored);
}

/* What may I */

struct listing {
	struct op *op;
	struct json *resources, *paths;
};

static void list_rule(void *ctx, const struct access_rule *r)
{
	struct listing *l = ctx;
	struct op *op = l->op;
	struct json *n = json_new(&op->arena, JSON_OBJECT);

	json_set(n, "verbs", texts(op, r->verbs.ptr, r->verbs.n));
	if (r->urls.n) {
		json_set(n, "nonResourceURLs", texts(op, r->urls.ptr, r->urls.n));
		json_append(l->paths, n);
		return;
	}
	json_set(n, "apiGroups", texts(op, r->groups.ptr, r->groups.n));
	json_set(n, "resources", texts(op, r->resources.ptr, r->resources.n));
	if (r->names.n)
		json_set(n, "resourceNames", texts(op, r->names.ptr, r->names.n));
	json_append(l->resources, n);
}

static int what_may_i(struct op *op, struct json *obj)
{
	struct listing l = {op, json_new(&op->arena, JSON_ARRAY), json_new(&op->arena, JSON_ARRAY)};
	struct str ns = json_string(json_path(obj, "spec.namespace")), node;
	struct json *st;
	bool is_node;

	if (!ns.len)
		return status_set(&op->req->st, ERR_BAD_REQUEST, "no namespace on request");
	access_rbac_each(op->s->rbac, op->req->user, ns, list_rule, &l);
	json_set(obj, "spec", json_new(&op->arena, JSON_OBJECT)); /* as Kubernetes answers */
	st = status_of(op, obj);
	json_set(st, "resourceRules", l.resources);
	json_set(st, "nonResourceRules", l.paths);
	is_node = access_node_name(op->req->user, &node);
	json_set(st, "incomplete", json_new_bool(&op->arena, is_node));
	if (is_node) /* what else they may depends on their Pods */
		json_set(st, "evaluationError",
			 text(op, STR("node authorizer does not support user rule resolution")));
	return answer(op, obj);
}

/* Start */

static int review_step(struct op *op)
{
	static const struct {
		const char *kind;
		int (*fn)(struct op *op, struct json *obj);
	} rows[] = {
		{"SelfSubjectReview", who_am_i},        {"TokenReview", whose_token},
		{"SelfSubjectAccessReview", may_i},     {"SubjectAccessReview", may_they},
		{"LocalSubjectAccessReview", may_they}, {"SelfSubjectRulesReview", what_may_i},
	};
	struct json *obj, *meta;
	int r = body_object(op, &obj);

	if (r < 0)
		return r;
	meta = json_object_at(&op->arena, obj, "metadata");
	if (op->req->ns.len)
		json_set(meta, "namespace", text(op, op->req->ns));
	json_remove(meta, "managedFields");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (str_eq_c(str_of(op->req->res->kind->kind), rows[i].kind))
			return rows[i].fn(op, obj);
	return status_set(&op->req->st, ERR_METHOD, "%s cannot be created",
			  op->req->res->kind->kind);
}

int review_start(struct request *req)
{
	op_run(op_new(req, review_step));
	return 0;
}

/* Tokens */

enum {
	TOKEN_S_MIN = 600,
	TOKEN_S_DEFAULT = 3600,
};

static int invalid_request(struct op *op, struct str name, const char *field, struct str message)
{
	struct status *st = &op->req->st;

	status_add_cause(st, "FieldValueInvalid", str_of(field), message);
	st->group = STR("authentication.k8s.io");
	st->kind = STR("TokenRequest");
	st->name = name;
	return status_set(st, ERR_INVALID,
			  "TokenRequest.authentication.k8s.io \"%.*s\" is invalid: %s: %.*s",
			  STR_ARG(name), field, STR_ARG(message));
}

static int check_request(struct op *op, const struct json *obj, int64_t *ret_s)
{
	struct request *req = op->req;
	struct str name = json_string(json_path(obj, "metadata.name"));
	int64_t s = json_get_int(json_get(obj, "spec"), "expirationSeconds", TOKEN_S_DEFAULT);

	if (name.len && !str_eq(name, req->name))
		return invalid_request(
			op, req->name, "metadata.name",
			str_printf(
				req->arena,
				"Invalid value: \"%.*s\": must match the service account name if "
				"specified",
				STR_ARG(name)));
	if (s < TOKEN_S_MIN)
		return invalid_request(op, STR(""), "spec.expirationSeconds",
				       str_printf(req->arena,
						  "Invalid value: %lld: may not specify a duration "
						  "less than 10 minutes",
						  (long long)s));
	if (s > 1ll << 32)
		return invalid_request(op, STR(""), "spec.expirationSeconds",
				       str_printf(req->arena,
						  "Invalid value: %lld: may not specify a duration "
						  "larger than 2^32 seconds",
						  (long long)s));
	*ret_s = s;
	return 0;
}

/* The uid of an object; absent when it is not there. */
static struct str uid_of(struct op *op, const struct resource *res, struct str ns, struct str name,
			 struct json **ret)
{
	const struct object *o = cache_get(res->cache, server_cache_key(&op->arena, res, ns, name));

	if (!o || object_decode_copy(&op->arena, o, 0, ret, NULL) < 0)
		return (struct str){0};
	return json_string(json_path(*ret, "metadata.uid"));
}

static struct json *reference(struct op *op, struct str name, struct str uid)
{
	struct json *ret = json_new(&op->arena, JSON_OBJECT);

	json_set(ret, "name", text(op, name));
	json_set(ret, "uid", text(op, uid));
	return ret;
}

/* A Pod's token is of the account that the Pod runs as. */
static int check_account(struct op *op, struct str kind, const struct json *pod)
{
	struct str name = json_string(json_path(pod, "spec.serviceAccountName"));

	if (!str_eq_c(kind, "Pod") || str_eq(name, op->req->name))
		return 0;
	return status_set(&op->req->st, ERR_BAD_REQUEST,
			  "cannot bind token for serviceaccount \"%.*s\" to pod running with "
			  "different serviceaccount name.",
			  STR_ARG(op->req->name));
}

/* The claims about the object that the token is bound to. */
static int bind(struct op *op, const struct json *ref, struct json *claims)
{
	static const struct {
		const char *kind, *claim;
	} kinds[] = {{"Node", "node"}, {"Pod", "pod"}, {"Secret", "secret"}};
	struct request *req = op->req;
	struct str kind = json_get_string(ref, "kind"), name = json_get_string(ref, "name");
	struct str wanted = json_get_string(ref, "uid"), uid;
	struct str api = json_get_string(ref, "apiVersion"), node;
	const struct resource *res = NULL;
	struct json *obj;
	const char *claim = NULL;
	int r;

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (!str_eq_c(kind, kinds[i].kind) || !(str_eq_c(api, "v1") || !api.len))
			continue;
		res = server_resource_of(op->s, kinds[i].kind);
		claim = kinds[i].claim;
	}
	if (!res)
		return status_set(&req->st, ERR_BAD_REQUEST,
				  "cannot bind token to object of type %.*s, Kind=%.*s",
				  STR_ARG(str_printf(req->arena, "/%.*s", STR_ARG(api))),
				  STR_ARG(kind));
	uid = uid_of(op, res, req->ns, name, &obj);
	if (!uid.len)
		return status_not_found(&req->st, res, str_dup(req->arena, name));
	if (wanted.len && !str_eq(wanted, uid))
		return status_conflict(
			&req->st, res, str_dup(req->arena, name),
			str_printf(
				req->arena,
				"the UID in the bound object reference (%.*s) does not match the "
				"UID in record. The object might have been deleted and then "
				"recreated",
				STR_ARG(wanted))
				.ptr);
	r = check_account(op, kind, obj);
	if (r < 0)
		return r;
	node = json_string(json_path(obj, "spec.nodeName"));
	if (str_eq_c(kind, "Pod") && node.len) {
		struct str node_uid =
			uid_of(op, server_resource_of(op->s, "Node"), (struct str){0}, node, &obj);

		if (node_uid.len)
			json_set(claims, "node", reference(op, node, node_uid));
	}
	json_set(claims, claim, reference(op, name, uid));
	return 0;
}

static struct json *audiences(struct op *op, const struct json *spec)
{
	const struct json *given = json_get(spec, "audiences");
	struct json *own = json_new(&op->arena, JSON_ARRAY);

	if (json_is(given, JSON_ARRAY) && given->count)
		return json_clone(&op->arena, given);
	for (size_t i = 0; op->s->config.audiences && op->s->config.audiences[i]; i++)
		json_append(own, text(op, str_of(op->s->config.audiences[i])));
	return own;
}

static int make_claims(struct op *op, const struct json *spec, struct str uid, int64_t now_s,
		       int64_t life_s, struct json *claims)
{
	struct arena *a = &op->arena;
	struct request *req = op->req;
	const struct json *ref = json_get(spec, "boundObjectRef");
	char jti[RAND_UUID_LEN + 1];
	struct json *own;
	int r = node_admit_token(op, spec);

	if (r < 0)
		return r;
	rand_uuid(jti);
	json_set(claims, "aud", audiences(op, spec));
	json_set(claims, "exp", json_new_int(a, now_s + life_s));
	json_set(claims, "iat", json_new_int(a, now_s));
	json_set(claims, "iss", text(op, str_of(op->s->config.issuers[0])));
	json_set(claims, "jti", text(op, str_dup(a, str_of(jti))));
	own = json_object_at(a, claims, "kubernetes.io");
	json_set(own, "namespace", text(op, req->ns));
	if (!json_is_null(ref))
		r = bind(op, ref, own);
	json_set(own, "serviceaccount", reference(op, req->name, uid));
	json_set(claims, "nbf", json_new_int(a, now_s));
	json_set(claims, "sub",
		 text(op, str_printf(a, ACCESS_SA_PREFIX "%.*s:%.*s", STR_ARG(req->ns),
				     STR_ARG(req->name))));
	return r;
}

static int answer_token(struct op *op, struct json *obj, struct json *claims, struct str uid,
			int64_t now_s, int64_t life_s)
{
	struct arena *a = &op->arena;
	struct json *spec = json_object_at(a, obj, "spec"), *meta, *st;
	struct str when = prepare_timestamp(op, (now_s + life_s) * 1000000000);
	struct buf b = BUF_INIT, token = BUF_INIT;
	struct err err;
	int r;

	json_write(&b, claims);
	r = access_jwt_sign(authenticate_keys(op->s->authenticate), buf_str(&b), &token, &err);
	buf_clear(&b);
	if (r < 0) {
		buf_fini(&b);
		buf_fini(&token);
		return status_from_err(&op->req->st, r, &err);
	}
	json_set(obj, "kind", text(op, STR("TokenRequest")));
	json_set(obj, "apiVersion", text(op, STR("authentication.k8s.io/v1")));
	meta = json_new(a, JSON_OBJECT);
	json_set(meta, "name", text(op, op->req->name));
	json_set(meta, "namespace", text(op, op->req->ns));
	json_set(meta, "uid", text(op, uid));
	json_set(meta, "creationTimestamp", text(op, prepare_timestamp(op, now_s * 1000000000)));
	json_set(obj, "metadata", meta);
	json_set(spec, "audiences", json_clone(a, json_get(claims, "aud")));
	json_set(spec, "expirationSeconds", json_new_int(a, life_s));
	if (!json_get(spec, "boundObjectRef"))
		json_set(spec, "boundObjectRef", json_new(a, JSON_NULL));
	st = status_of(op, obj);
	json_set(st, "token", text(op, buf_str(&token)));
	json_set(st, "expirationTimestamp", text(op, when));
	json_write(&b, obj);
	op->req->x->on_close = NULL;
	reply_tree(op->req, 201, "authentication.k8s.io/v1", "TokenRequest",
		   "io.k8s.api.authentication.v1.TokenRequest", &b);
	buf_fini(&token);
	return OP_ANSWERED;
}

static int token_step(struct op *op)
{
	struct request *req = op->req;
	const struct clock *clock = op->s->clock;
	int64_t life_s = TOKEN_S_DEFAULT, now_s = clock->wall_ns(clock) / 1000000000;
	struct json *obj, *account, *claims = json_new(&op->arena, JSON_OBJECT);
	struct str uid;
	int r = body_typed(op, "io.k8s.api.authentication.v1", "TokenRequest", &obj);

	if (r < 0)
		return r;
	if (!authenticate_keys(op->s->authenticate) || !op->s->config.issuers)
		return status_set(&req->st, ERR_NOT_FOUND,
				  "the server could not find the requested resource");
	uid = uid_of(op, req->res, req->ns, req->name, &account);
	if (!uid.len)
		return status_not_found(&req->st, req->res, req->name);
	r = check_request(op, obj, &life_s);
	if (r == 0)
		r = make_claims(op, json_get(obj, "spec"), uid, now_s, life_s, claims);
	return r < 0 ? r : answer_token(op, obj, claims, uid, now_s, life_s);
}

int review_token_request(struct request *req)
{
	op_run(op_new(req, token_step));
	return 0;
}
