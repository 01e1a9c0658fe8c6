/* SPDX-License-Identifier: Apache-2.0 */
#include "access/node.h"

#include "access/builtin.h"
#include "access/pod_names.h"
#include "access/rbac.h"
#include "base/map.h"
#include "base/vec.h"

#define LEASES_NS "kube-node-lease"

/* What one Pod names. */
struct pod_name {
	enum access_pod_name what;
	struct str name;
};

struct node;

struct pod {
	struct arena arena;
	struct node *node; /* that it is bound to */
	struct str ns, name;
	VEC(struct pod_name) names;
};

struct node {
	struct str name;
	VEC(struct pod *) pods;
	char text[];
};

struct access_nodes {
	struct map pods;  /* "ns/name" -> struct pod; bound ones only */
	struct map nodes; /* name -> struct node; those with Pods only */
	struct arena arena;
	const struct access_rule *rules; /* of the role system:node */
	size_t n_rules;
};

bool access_node_name(const struct access_user *u, struct str *ret_name)
{
	if (!str_has_prefix(u->name, STR(ACCESS_NODE_PREFIX)) ||
	    !access_user_in(u, ACCESS_GROUP_NODES))
		return false;
	*ret_name = str_skip(u->name, strlen(ACCESS_NODE_PREFIX));
	return true;
}

/* ---- who names what ------------------------------------------------------------------------- */

static void pod_free(void *p)
{
	struct pod *pod = p;

	vec_fini(&pod->names);
	arena_fini(&pod->arena);
	free(pod);
}

static void node_free(void *p)
{
	struct node *node = p;

	vec_fini(&node->pods);
	free(node);
}

static struct node *node_at(struct access_nodes *n, struct str name)
{
	struct node *node = map_get(&n->nodes, name);

	if (node)
		return node;
	node = mem_xzalloc(sizeof(*node) + name.len);
	memcpy(node->text, name.ptr, name.len);
	node->name = str_n(node->text, name.len);
	map_put(&n->nodes, name, node);
	return node;
}

static void forget(struct access_nodes *n, struct str key)
{
	struct pod *pod = map_remove(&n->pods, key);
	struct node *node = pod ? pod->node : NULL;

	for (size_t i = node ? node->pods.len : 0; i-- > 0;)
		if (node->pods.ptr[i] == pod)
			vec_remove_at(&node->pods, i);
	if (node && !node->pods.len) {
		map_remove(&n->nodes, node->name);
		node_free(node);
	}
	if (pod)
		pod_free(pod);
}

static void keep_name(void *ctx, enum access_pod_name what, struct str name)
{
	struct pod *pod = ctx;

	if (what == ACCESS_POD_ACCOUNT || what == ACCESS_POD_SECRET ||
	    what == ACCESS_POD_CONFIG_MAP)
		*vec_push(&pod->names) = (struct pod_name){what, str_dup(&pod->arena, name)};
}

/* A Pod that a node made itself gives the node nothing, whatever it names. */
static bool is_mirror(const struct json *pod)
{
	return json_get(json_path(pod, "metadata.annotations"), ACCESS_MIRROR) != NULL;
}

void access_nodes_put(struct access_nodes *n, struct str ns, struct str name,
		      const struct json *obj)
{
	struct str node = json_string(json_path(obj, "spec.nodeName"));
	struct arena a;
	struct str key;
	struct pod *pod;

	arena_init(&a, 512);
	key = str_printf(&a, "%.*s/%.*s", STR_ARG(ns), STR_ARG(name));
	forget(n, key);
	if (node.len) {
		pod = mem_xnew(struct pod);
		arena_init(&pod->arena, 256);
		pod->ns = str_dup(&pod->arena, ns);
		pod->name = str_dup(&pod->arena, name);
		pod->node = node_at(n, node);
		*vec_push(&pod->node->pods) = pod;
		map_put(&n->pods, key, pod);
		if (!is_mirror(obj))
			access_pod_names(obj, keep_name, pod);
	}
	arena_fini(&a);
}

struct access_nodes *access_nodes_new(void)
{
	struct access_nodes *n = mem_xnew(struct access_nodes);
	struct json *role;

	arena_init(&n->arena, 4096);
	for (size_t i = 0; i < access_builtin_count(); i++) {
		struct access_builtin what = access_builtin_at(i, &n->arena, &role);

		if (!n->rules && strcmp(what.kind, "ClusterRole") == 0 &&
		    strcmp(what.name, "system:node") == 0)
			n->rules =
				access_rules_from(&n->arena, json_get(role, "rules"), &n->n_rules);
	}
	assert(n->rules);
	return n;
}

void access_nodes_free(struct access_nodes *n)
{
	if (!n)
		return;
	map_fini_values(&n->pods, pod_free);
	map_fini_values(&n->nodes, node_free);
	arena_fini(&n->arena);
	free(n);
}

/* ---- questions ------------------------------------------------------------------------------ */

struct question {
	const struct access_nodes *nodes;
	const struct access_attrs *at;
	struct str node;
	struct arena *arena;
	struct str reason;
};

static bool deny(struct question *q, const char *reason)
{
	q->reason = str_of(reason);
	return false;
}

static bool is_verb(const struct question *q, const char *words)
{
	struct str rest = str_of(words), word;

	while (str_next(&rest, ' ', &word))
		if (str_eq(q->at->verb, word))
			return true;
	return false;
}

static bool is_named(const struct pod *pod, const struct access_attrs *at,
		     enum access_pod_name what)
{
	if (!str_eq(pod->ns, at->ns))
		return false;
	if (what == ACCESS_POD_NAMES)
		return str_eq(pod->name, at->name);
	vec_foreach(n, &pod->names)
		if (n->what == what && str_eq(n->name, at->name))
			return true;
	return false;
}

/* Whether a Pod of the node names the object; ACCESS_POD_NAMES: is it. */
static bool concerns(struct question *q, enum access_pod_name what)
{
	const struct node *node = map_get(&q->nodes->nodes, q->node);

	if (!q->at->name.len)
		return deny(q, "No Object name found");
	for (size_t i = 0; node && i < node->pods.len; i++)
		if (is_named(node->pods.ptr[i], q->at, what))
			return true;
	q->reason =
		str_printf(q->arena, "no relationship found between node '%.*s' and this object",
			   STR_ARG(q->node));
	return false;
}

static bool may_read(struct question *q, enum access_pod_name what)
{
	if (!is_verb(q, "get list watch"))
		return deny(q, "can only read resources of this type");
	if (q->at->sub.len)
		return deny(q, "cannot read subresource");
	if (!q->at->ns.len)
		return deny(q, "can only read namespaced object of this type");
	return concerns(q, what);
}

static bool may_use_secret(struct question *q)
{
	return may_read(q, ACCESS_POD_SECRET);
}

static bool may_use_config_map(struct question *q)
{
	return may_read(q, ACCESS_POD_CONFIG_MAP);
}

static bool may_use_account(struct question *q)
{
	if (is_verb(q, "get") && !q->at->sub.len)
		return concerns(q, ACCESS_POD_ACCOUNT);
	if (!is_verb(q, "create") || !q->at->name.len)
		return deny(q, "can only create tokens for individual service accounts");
	if (!str_eq_c(q->at->sub, "token"))
		return deny(q, "can only create token subresource of serviceaccount");
	return concerns(q, ACCESS_POD_ACCOUNT);
}

/* A create names its object in the body only: node_limits.h looks there. */
static bool may_use_lease(struct question *q)
{
	if (!is_verb(q, "get create update patch delete"))
		return deny(q, "can only get, create, update, patch, or delete a node lease");
	if (!str_eq_c(q->at->ns, LEASES_NS))
		return deny(q, "can only access leases in the \"" LEASES_NS "\" system namespace");
	if (!is_verb(q, "create") && !str_eq(q->at->name, q->node))
		return deny(q,
			    "can only access node lease with the same name as the requesting node");
	return true;
}

/* Also before it is there. Whether a write is about its own Node, node_limits.h says. */
static bool may_use_node(struct question *q)
{
	if (str_eq_c(q->at->sub, "status"))
		return is_verb(q, "update patch");
	if (q->at->sub.len || !is_verb(q, "create update patch get list watch"))
		return false;
	if (is_verb(q, "create update patch") || str_eq(q->at->name, q->node))
		return true;
	q->reason =
		q->at->name.len
			? str_printf(q->arena,
				     "node '%.*s' cannot read '%.*s', only its own Node object",
				     STR_ARG(q->node), STR_ARG(q->at->name))
			: str_printf(q->arena,
				     "node '%.*s' cannot read all nodes, only its own Node object",
				     STR_ARG(q->node));
	return false;
}

static bool may_use_pod(struct question *q)
{
	if (str_eq_c(q->at->sub, "status"))
		return is_verb(q, "update patch");
	if (str_eq_c(q->at->sub, "eviction"))
		return is_verb(q, "create");
	if (q->at->sub.len)
		return false;
	if (is_verb(q, "get"))
		return concerns(q, ACCESS_POD_NAMES);
	if (is_verb(q, "list watch"))
		return str_eq(access_field_wanted(q->at->fields, "spec.nodeName"), q->node) ||
		       deny(q, "can only list/watch pods with spec.nodeName field selector");
	return is_verb(q, "create delete");
}

static const struct {
	const char *group, *resource;
	bool (*may)(struct question *q);
} limited[] = {
	{"", "configmaps", may_use_config_map},
	{"", "nodes", may_use_node},
	{"", "pods", may_use_pod},
	{"", "secrets", may_use_secret},
	{"", "serviceaccounts", may_use_account},
	{"coordination.k8s.io", "leases", may_use_lease},
};

static bool may(struct question *q)
{
	const struct access_attrs *at = q->at;

	for (size_t i = 0; at->is_resource && i < ARRAY_LEN(limited); i++)
		if (str_eq_c(at->resource, limited[i].resource) &&
		    str_eq_c(at->group, limited[i].group))
			return limited[i].may(q);
	return access_rules_allow(q->nodes->rules, q->nodes->n_rules, at);
}

bool access_nodes_allow(const struct access_nodes *n, const struct access_user *u,
			const struct access_attrs *at, struct arena *a, struct str *ret_reason)
{
	struct question q = {.nodes = n, .at = at, .arena = a, .reason = STR("")};
	bool ret;

	*ret_reason = STR("");
	if (!access_node_name(u, &q.node))
		return false;
	if (!q.node.len) {
		*ret_reason = str_printf(a, "unknown node for user \"%.*s\"", STR_ARG(u->name));
		return false;
	}
	ret = may(&q);
	*ret_reason = q.reason;
	return ret;
}
