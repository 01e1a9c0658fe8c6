/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/access/authorize.h"

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
