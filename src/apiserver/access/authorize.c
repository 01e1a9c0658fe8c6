/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/access/authorize.h"

#include "access/node.h"
#include "access/rbac.h"

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

/* Not one of them, but nodes have rights by the Pods that they run. */
#define POD "Pod"

static bool is_pod(const struct api_kind *kind)
{
	return strcmp(kind->group, "") == 0 && strcmp(kind->kind, POD) == 0;
}

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

/* i: index in kinds; -1: it is a Pod. */
static void put(struct apiserver *s, int i, struct str key, const struct object *o)
{
	ptrdiff_t slash = str_find(key, '/');
	struct str ns = slash < 0 ? (struct str){0} : str_sub(key, 0, (size_t)slash);
	struct str name = str_skip(key, (size_t)(slash + 1));
	struct json *tree = NULL;
	struct arena a;

	arena_init(&a, 0);
	if (o && object_decode(&a, o, 0, &tree, NULL) < 0)
		tree = NULL;
	if (i < 0)
		access_nodes_put(s->nodes, ns, name, tree);
	else
		access_rbac_put(s->rbac, kinds[i].as, ns, name, tree);
	arena_fini(&a);
}

void authorize_changed(struct apiserver *s, const struct cache *c, struct str key)
{
	int i = kind_of(c->res->kind);

	if (i >= 0 || is_pod(c->res->kind))
		put(s, i, key, cache_get(c, key));
}

static void load_kind(struct apiserver *s, int i)
{
	const struct cache *c = server_resource_of(s, i < 0 ? POD : kinds[i].kind)->cache;

	vec_foreach(o, &c->objects)
		put(s, i, object_key(*o), *o);
}

void authorize_init(struct apiserver *s)
{
	s->rbac = access_rbac_new();
	s->nodes = access_nodes_new();
}

void authorize_fini(struct apiserver *s)
{
	access_rbac_free(TAKE_PTR(s->rbac));
	access_nodes_free(TAKE_PTR(s->nodes));
}

void authorize_load(struct apiserver *s)
{
	authorize_fini(s); /* what went meanwhile must not stay */
	authorize_init(s);
	for (int i = -1; i < (int)ARRAY_LEN(kinds); i++)
		load_kind(s, i);
}

/* Answered to everybody, as to a load balancer that has no name. */
static bool is_always_allowed(const struct access_attrs *at)
{
	return !at->is_resource && (str_eq_c(at->path, "/healthz") ||
				    str_eq_c(at->path, "/livez") || str_eq_c(at->path, "/readyz"));
}

static bool node_may(struct apiserver *s, const struct access_user *u,
		     const struct access_attrs *at, struct arena *a, struct str *ret_reason)
{
	*ret_reason = STR("");
	return !s->config.has_no_node_rights && access_nodes_allow(s->nodes, u, at, a, ret_reason);
}

bool authorize(struct apiserver *s, const struct access_user *u, const struct access_attrs *at)
{
	struct str reason, name;
	struct arena a;
	bool is_allowed;

	if (s->config.is_open || is_always_allowed(at))
		return true;
	if (!access_node_name(u, &name))
		return access_rbac_allows(s->rbac, u, at);
	arena_init(&a, 0);
	is_allowed = node_may(s, u, at, &a, &reason) || access_rbac_allows(s->rbac, u, at);
	arena_fini(&a);
	return is_allowed;
}

bool authorize_explain(struct apiserver *s, const struct access_user *u,
		       const struct access_attrs *at, struct arena *a, struct str *ret_reason)
{
	struct str nodes;

	*ret_reason = STR("");
	if (s->config.is_open || node_may(s, u, at, a, &nodes) ||
	    access_rbac_explain(s->rbac, u, at, a, ret_reason))
		return true;
	*ret_reason = str_printf(a, "%.*s%s%.*s", STR_ARG(nodes),
				 nodes.len && ret_reason->len ? "\n" : "", STR_ARG(*ret_reason));
	return false;
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

	IGNORE(authorize_explain(s, u, at, a, &reason), "only why not is wanted");
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
