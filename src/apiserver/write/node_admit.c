/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/write/node_admit.h"

#include "access/node.h"
#include "access/node_limits.h"
#include "apiserver/access/authorize.h"

/* Of writes from inside nobody is the user: what deletes a collection was allowed as a whole. */
static bool is_node(const struct request *req, struct str *ret_name)
{
	return req->user && access_node_name(req->user, ret_name);
}

static int refuse(struct op *op, struct str name, struct str why)
{
	struct request *req = op->req;

	name = str_dup(req->arena, name);
	status_about(&req->st, req->res, name);
	return status_set(&req->st, ERR_FORBIDDEN, "%.*s%s%.*s%s is forbidden: %.*s",
			  STR_ARG(req->res->resource_name), name.len ? " \"" : "", STR_ARG(name),
			  name.len ? "\"" : "", STR_ARG(why));
}

/* Not of what the path names, so the kind is told in another form. */
static int not_found(struct op *op, const char *kind, struct str name)
{
	struct status *st = &op->req->st;

	st->kind = str_of(kind);
	st->name = str_dup(st->arena, name);
	return status_set(st, ERR_NOT_FOUND, "%s \"%.*s\" not found", kind, STR_ARG(name));
}

/* NULL: it is not there. */
static const struct json *stored(struct op *op, const char *kind, struct str ns, struct str name)
{
	const struct resource *res = server_resource_of(op->s, kind);
	const struct object *o = cache_get(res->cache, server_cache_key(&op->arena, res, ns, name));
	struct json *obj;

	return o && object_decode_copy(&op->arena, o, 0, &obj, NULL) == 0 ? obj : NULL;
}

static struct str uid_of(const struct json *obj)
{
	return json_string(json_path(obj, "metadata.uid"));
}

/* The name as the client gave it: one that was drawn is nobody's yet. */
static struct str name_given(const struct op *op, const struct json *old, const struct json *obj)
{
	if (old)
		return op->req->name;
	return op->is_generated ? STR("") : json_string(json_path(obj, "metadata.name"));
}

int node_admit_change(struct op *op, const struct json *old, const struct json *obj)
{
	struct request *req = op->req;
	const struct api_kind *kind = req->res->kind;
	struct access_node_change c = {.op = !old   ? ACCESS_NODE_CREATE
					     : !obj ? ACCESS_NODE_DELETE
						    : ACCESS_NODE_UPDATE,
				       .group = str_of(kind->group),
				       .resource = str_of(kind->plural),
				       .sub = req->sub,
				       .ns = req->ns,
				       .old = old,
				       .obj = obj};
	struct str node, why, name;

	if (!is_node(req, &node))
		return 0;
	c.name = name_given(op, old, obj);
	name = c.name.len ? c.name : json_string(json_path(obj, "metadata.generateName"));
	c.own_uid = uid_of(stored(op, "Node", (struct str){0}, node));
	if (access_node_may_write(req->arena, node, &c, &why))
		return 0;
	return str_is_set(why) ? refuse(op, name, why) : not_found(op, "node", node);
}

/* Kubernetes' own verb for a right that no other request asks for. */
static bool may_ask_for(struct op *op, struct str audience)
{
	const struct request *req = op->req;
	const struct access_attrs at = {.verb = STR("request-serviceaccounts-token-audience"),
					.is_resource = true,
					.group = STR(""),
					.resource = audience,
					.ns = req->ns,
					.name = req->name};

	return authorize(op->s, req->user, &at);
}

int node_admit_token(struct op *op, const struct json *spec)
{
	struct request *req = op->req;
	struct str pod_name = json_string(json_path(spec, "boundObjectRef.name"));
	struct str node, why, audience;

	if (!is_node(req, &node))
		return 0;
	if (!access_node_may_have_token(node, spec, stored(op, "Pod", req->ns, pod_name),
					req->arena, &audience, &why))
		return str_is_set(why) ? refuse(op, req->name, why)
				       : not_found(op, "pod", pod_name);
	if (!str_is_set(audience) || may_ask_for(op, audience))
		return 0;
	return refuse(op, req->name,
		      str_printf(req->arena,
				 "audience \"%.*s\" not found in pod spec volume, %.*s is not "
				 "authorized to request tokens for this audience",
				 STR_ARG(audience), STR_ARG(req->user->name)));
}
