/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/authorize.h"

#include "access/rbac.h"
#include "apiserver/op.h"

#define GROUP_RBAC "rbac.authorization.k8s.io"

static const struct {
	const char *kind;
	enum access_rbac_kind as;
} kinds[] = {
	{"Role", ACCESS_ROLE},
	{"ClusterRole", ACCESS_CLUSTER_ROLE},
	{"RoleBinding", ACCESS_ROLE_BINDING},
	{"ClusterRoleBinding", ACCESS_CLUSTER_ROLE_BINDING},
};

/* Index in kinds, or -1. */
static int kind_of(const struct api_kind *kind)
{
	if (strcmp(kind->group, GROUP_RBAC) != 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (strcmp(kind->kind, kinds[i].kind) == 0)
			return (int)i;
	return -1;
}

static void put(struct apiserver *s, int i, struct str key, const struct object *o)
{
	ptrdiff_t slash = str_find(key, '/');
	struct str ns = slash < 0 ? (struct str){0} : str_sub(key, 0, (size_t)slash);
	struct json *tree = NULL;
	struct arena a;

	arena_init(&a, 0);
	if (o && object_decode(&a, o, 0, &tree, NULL) < 0)
		tree = NULL;
	access_rbac_put(s->rbac, kinds[i].as, ns, str_skip(key, (size_t)(slash + 1)), tree);
	arena_fini(&a);
}

void authorize_changed(struct apiserver *s, const struct cache *c, struct str key)
{
	int i = kind_of(c->res->kind);

	if (i >= 0)
		put(s, i, key, cache_get(c, key));
}

void authorize_load(struct apiserver *s)
{
	access_rbac_free(s->rbac); /* what went meanwhile must not stay */
	s->rbac = access_rbac_new();
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		const struct cache *c = server_resource_of(s, kinds[i].kind)->cache;

		vec_foreach(o, &c->objects)
			put(s, (int)i, object_key(*o), *o);
	}
}

/* Answered to everybody, as to a load balancer that has no name. */
static bool is_always_allowed(const struct access_attrs *at)
{
	return !at->is_resource && (str_eq_c(at->path, "/healthz") ||
				    str_eq_c(at->path, "/livez") || str_eq_c(at->path, "/readyz"));
}

/* The role of nodes holds in all namespaces. What they write with it is their own: the Leases of
 * other namespaces say who leads and which servers there are. A create names its object in the body
 * only, and a node without a name of its own may be any node. */
static bool is_beyond_node(const struct access_user *u, const struct access_attrs *at)
{
	bool is_lease = str_eq_c(at->resource, "leases");
	struct str own = {0};

	if (!access_user_in(u, ACCESS_GROUP_NODES) || access_user_in(u, ACCESS_GROUP_MASTERS) ||
	    !at->is_resource || (!is_lease && !str_eq_c(at->resource, "nodes")) ||
	    str_eq_c(at->verb, "get") || str_eq_c(at->verb, "list") || str_eq_c(at->verb, "watch"))
		return false;
	if (is_lease && !str_eq_c(at->ns, "kube-node-lease"))
		return true;
	if (str_has_prefix(u->name, STR(ACCESS_NODE_PREFIX)))
		own = str_skip(u->name, strlen(ACCESS_NODE_PREFIX));
	return own.len && at->name.len && !str_eq(at->name, own);
}

bool authorize(struct apiserver *s, const struct access_user *u, const struct access_attrs *at)
{
	if (s->config.is_open || is_always_allowed(at))
		return true;
	return access_rbac_allows(s->rbac, u, at) && !is_beyond_node(u, at);
}

static struct str where(struct arena *a, const struct access_attrs *at)
{
	return at->ns.len ? str_printf(a, "in the namespace \"%.*s\"", STR_ARG(at->ns))
			  : STR("at the cluster scope");
}

int authorize_refuse(struct apiserver *s, const struct access_user *u,
		     const struct access_attrs *at, struct status *st)
{
	struct arena *a = st->arena;
	struct str reason, sep;

	if (access_rbac_explain(s->rbac, u, at, a, &reason))
		reason = STR("a node writes its own Node and Lease only");
	sep = reason.len ? STR(": ") : STR("");
	if (!at->is_resource)
		return status_set(st, ERR_FORBIDDEN,
				  "forbidden: User \"%.*s\" cannot %.*s path \"%.*s\"%.*s%.*s",
				  STR_ARG(u->name), STR_ARG(at->verb), STR_ARG(at->path),
				  STR_ARG(sep), STR_ARG(reason));
	st->kind = at->resource;
	st->group = at->group;
	st->name = at->name;
	return status_set(st, ERR_FORBIDDEN,
			  "%.*s%s%.*s%s%.*s%s is forbidden: User \"%.*s\" cannot %.*s resource "
			  "\"%.*s%s%.*s\" in API group \"%.*s\" %.*s%.*s%.*s",
			  STR_ARG(at->resource), at->group.len ? "." : "", STR_ARG(at->group),
			  at->name.len ? " \"" : "", STR_ARG(at->name), at->name.len ? "\"" : "",
			  STR_ARG(u->name), STR_ARG(at->verb), STR_ARG(at->resource),
			  at->sub.len ? "/" : "", STR_ARG(at->sub), STR_ARG(at->group),
			  STR_ARG(where(a, at)), STR_ARG(sep), STR_ARG(reason));
}

/* Escalation */

static bool holds_verb(struct op *op, const char *verb, const char *resource, struct str ns,
		       struct str name)
{
	const struct access_attrs at = {.verb = str_of(verb),
					.is_resource = true,
					.group = STR(GROUP_RBAC),
					.version = STR("v1"),
					.resource = str_of(resource),
					.ns = ns,
					.name = name};

	return access_rbac_allows(op->s->rbac, op->req->user, &at);
}

/* `["a" "b"]` */
static struct str quoted(struct arena *a, const struct str *list, size_t n)
{
	struct str ret = STR("[");

	for (size_t i = 0; i < n; i++)
		ret = str_printf(a, "%.*s%s\"%.*s\"", STR_ARG(ret), i ? " " : "", STR_ARG(list[i]));
	return str_printf(a, "%.*s]", STR_ARG(ret));
}

static int check_rules(struct op *op, const struct json *obj, const struct access_rule *rules,
		       size_t n)
{
	struct request *req = op->req;
	const struct access_user *u = req->user;
	struct str name = str_dup(req->arena, json_string(json_path(obj, "metadata.name")));
	struct str missing;

	if (access_rbac_covers(op->s->rbac, u, req->ns, rules, n, req->arena, &missing))
		return 0;
	status_about(&req->st, req->res, name);
	return status_set(
		&req->st, ERR_FORBIDDEN,
		"%.*s \"%.*s\" is forbidden: user \"%.*s\" (groups=%.*s) is attempting to "
		"grant RBAC permissions not currently held:\n%.*s",
		STR_ARG(req->res->resource_name), STR_ARG(name), STR_ARG(u->name),
		STR_ARG(quoted(req->arena, u->groups, u->n_groups)), STR_ARG(missing));
}

static bool is_same(const struct json *a, const struct json *b)
{
	return (!a && !b) || (a && b && json_eq(a, b));
}

static int check_role(struct op *op, const struct json *old, const struct json *obj)
{
	struct request *req = op->req;
	const struct access_rule *rules;
	size_t n;

	if (old && is_same(json_get(old, "rules"), json_get(obj, "rules")) &&
	    is_same(json_get(old, "aggregationRule"), json_get(obj, "aggregationRule")))
		return 0;
	if (holds_verb(op, "escalate", req->res->kind->plural, req->ns, req->name))
		return 0;
	rules = access_rules_from(&op->arena, json_get(obj, "rules"), &n);
	/* Who gathers others' rules gets rules that are not known yet: all. */
	if (json_get(obj, "aggregationRule")) {
		static const struct str star[] = {{"*", 1}};
		const struct access_strs all = {star, 1};
		const struct access_rule everything[] = {
			{.has_all_verbs = true, .verbs = all, .groups = all, .resources = all},
			{.has_all_verbs = true, .verbs = all, .urls = all},
		};

		return check_rules(op, obj, everything, 2);
	}
	return check_rules(op, obj, rules, n);
}

static int check_binding(struct op *op, const struct json *old, const struct json *obj)
{
	const struct json *ref = json_get(obj, "roleRef");
	bool is_cluster = str_eq_c(json_get_string(ref, "kind"), "ClusterRole");
	struct str name = json_get_string(ref, "name");
	struct request *req = op->req;
	const struct access_rule *rules;
	size_t n;

	if (old && is_same(ref, json_get(old, "roleRef")) &&
	    is_same(json_get(old, "subjects"), json_get(obj, "subjects")))
		return 0;
	if (holds_verb(op, "bind", is_cluster ? "clusterroles" : "roles", req->ns, name))
		return 0;
	rules = access_rbac_role(op->s->rbac, is_cluster ? (struct str){0} : req->ns, name, &n);
	if (rules)
		return check_rules(op, obj, rules, n);
	return status_not_found(&req->st,
				server_resource_of(op->s, is_cluster ? "ClusterRole" : "Role"),
				str_dup(req->arena, name));
}

int authorize_rights(struct op *op, const struct json *old, struct json *obj)
{
	if (op->s->config.is_open || access_user_in(op->req->user, ACCESS_GROUP_MASTERS))
		return 0;
	if (json_get(obj, "roleRef"))
		return check_binding(op, old, obj);
	return check_role(op, old, obj);
}
