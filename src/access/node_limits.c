/* SPDX-License-Identifier: Apache-2.0 */
#include "access/node_limits.h"

#include "access/node.h"
#include "access/pod_names.h"
#include "base/vec.h"
#include "json/index.h"

#define LEASES_NS "kube-node-lease"
#define SAME_NAME "can only access node lease with the same name as the requesting node"

struct change {
	const struct access_node_change *c;
	struct arena *a;
	struct str node, why;
};

static bool refuse(struct change *x, struct str why)
{
	x->why = why;
	return false;
}

/* `node "n1" <text>` */
static bool refuse_node(struct change *x, const char *text)
{
	return refuse(x, str_printf(x->a, "node \"%.*s\" %s", STR_ARG(x->node), text));
}

static struct str node_of(const struct json *pod)
{
	return json_string(json_path(pod, "spec.nodeName"));
}

static bool is_same(const struct json *a, const struct json *b)
{
	bool is_none = json_is_null(a) || !a->count, was_none = json_is_null(b) || !b->count;

	return is_none || was_none ? is_none == was_none : json_eq(a, b);
}

/* ---- Nodes ---------------------------------------------------------------------------------- */

static bool is_in_domain(struct str host, const char *domain)
{
	struct str d = str_of(domain);

	return str_eq(host, d) || (str_has_suffix(host, d) && host.len > d.len &&
				   host.ptr[host.len - d.len - 1] == '.');
}

/* Labels that say what a node is, as its agent knows it, and those that nobody else reserves. */
static bool may_label(struct str key)
{
	static const char *const known[] = {
		"kubernetes.io/hostname",
		"kubernetes.io/arch",
		"kubernetes.io/os",
		"beta.kubernetes.io/arch",
		"beta.kubernetes.io/os",
		"beta.kubernetes.io/instance-type",
		"node.kubernetes.io/instance-type",
		"topology.kubernetes.io/region",
		"topology.kubernetes.io/zone",
		"failure-domain.beta.kubernetes.io/region",
		"failure-domain.beta.kubernetes.io/zone",
	};
	ptrdiff_t slash = str_find(key, '/');
	struct str host = slash < 0 ? STR("") : str_sub(key, 0, (size_t)slash);

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (str_eq_c(key, known[i]))
			return true;
	if (is_in_domain(host, "kubelet.kubernetes.io") || is_in_domain(host, "node.kubernetes.io"))
		return true;
	return !is_in_domain(host, "kubernetes.io") && !is_in_domain(host, "k8s.io");
}

static int by_text(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

typedef VEC(struct str) keys;

/* The labels of `a` that `b` has not; `with_changed`: or has with another value. */
static void add_changed(keys *list, const struct json *a, const struct json *b, bool with_changed)
{
	static const struct json nothing = {.type = JSON_OBJECT};
	struct json_index index;

	if (!json_is(a, JSON_OBJECT))
		return;
	json_index_init(&index, json_is(b, JSON_OBJECT) ? b : &nothing);
	json_foreach(n, a) {
		const struct json *other;

		if (may_label(n->key))
			continue;
		other = json_index_get(&index, n->key);
		if (!other || (with_changed && !json_eq(n, other)))
			*vec_push(list) = n->key;
	}
	json_index_fini(&index);
}

/* Those that it may not touch, "a, b"; "" when there are none. Of many the first: an error's text
 * is cut anyway. */
static struct str forbidden_labels(struct change *x)
{
	const struct json *old = json_path(x->c->old, "metadata.labels");
	const struct json *new = json_path(x->c->obj, "metadata.labels");
	_cleanup_(buf_fini) struct buf b = BUF_INIT;
	keys list = {0};

	add_changed(&list, new, old, true);
	add_changed(&list, old, new, false);
	vec_sort(&list, by_text);
	for (size_t i = 0; i < list.len && b.len < ERR_MSG_MAX; i++) {
		buf_add_c(&b, i ? ", " : "");
		buf_add_str(&b, list.ptr[i]);
	}
	vec_fini(&list);
	return str_dup(x->a, buf_str(&b));
}

static bool may_write_node(struct change *x)
{
	const struct access_node_change *c = x->c;
	bool is_create = c->op == ACCESS_NODE_CREATE;
	struct str labels = forbidden_labels(x);

	if (is_create && labels.len)
		return refuse_node(x, str_printf(x->a,
						 "is not allowed to set the following labels: %.*s",
						 STR_ARG(labels))
					      .ptr);
	if (!str_eq(c->name, x->node))
		return refuse_node(x, str_printf(x->a, "is not allowed to modify node \"%.*s\"",
						 STR_ARG(c->name))
					      .ptr);
	if (c->op != ACCESS_NODE_UPDATE)
		return true;
	if (!is_same(json_path(c->old, "spec.taints"), json_path(c->obj, "spec.taints")))
		return refuse_node(x, "is not allowed to modify taints");
	if (labels.len)
		return refuse(x, str_printf(x->a, "is not allowed to modify labels: %.*s",
					    STR_ARG(labels)));
	if (!is_same(json_path(c->old, "metadata.ownerReferences"),
		     json_path(c->obj, "metadata.ownerReferences")))
		return refuse_node(x, "is not allowed to modify ownerReferences");
	return true;
}

/* ---- Pods ----------------------------------------------------------------------------------- */

static bool is_own_reference(struct change *x, const struct json *ref)
{
	return str_eq_c(json_get_string(ref, "apiVersion"), "v1") &&
	       str_eq_c(json_get_string(ref, "kind"), "Node") &&
	       str_eq(json_get_string(ref, "name"), x->node);
}

static bool check_owner(struct change *x)
{
	const struct json *refs = json_path(x->c->obj, "metadata.ownerReferences"), *ref;
	struct str uid;

	if (json_is(refs, JSON_ARRAY) && refs->count > 1)
		return refuse_node(x, "can only create pods with a single owner reference set to "
				      "itself");
	ref = json_at(refs, 0);
	if (!ref || !is_own_reference(x, ref))
		return refuse_node(x, "can only create pods with an owner reference set to itself");
	if (!json_get_bool(ref, "controller", false))
		return refuse_node(x, "can only create pods with a controller owner reference set "
				      "to itself");
	if (json_get_bool(ref, "blockOwnerDeletion", false))
		return refuse_node(x, "must not set blockOwnerDeletion on an owner reference");
	uid = json_get_string(ref, "uid");
	if (!x->c->own_uid.len)
		return refuse(x, (struct str){0});
	if (!str_eq(uid, x->c->own_uid))
		return refuse(x,
			      str_printf(x->a, "node %.*s UID mismatch: expected %.*s got %.*s",
					 STR_ARG(x->node), STR_ARG(uid), STR_ARG(x->c->own_uid)));
	return true;
}

static void note_name(void *ctx, enum access_pod_name what, struct str name)
{
	((bool *)ctx)[what] = true;
}

/* Whoever names an object in a Pod gets to read it: a node must not give itself that. */
static bool check_names(struct change *x)
{
	static const char *const words[ACCESS_POD_NAMES] = {
		[ACCESS_POD_ACCOUNT] = "serviceaccounts",
		[ACCESS_POD_SECRET] = "secrets",
		[ACCESS_POD_CONFIG_MAP] = "configmaps",
		[ACCESS_POD_TOKEN] = "serviceaccounts (via projected volumes)",
		[ACCESS_POD_CLAIM] = "persistentvolumeclaims",
		[ACCESS_POD_OWN_CLAIM] = "persistentvolumeclaims (via ephemeral volumes)",
		[ACCESS_POD_RESOURCE] = "resourceclaims",
		[ACCESS_POD_TRUST_BUNDLE] = "clustertrustbundles",
	};
	bool has[ACCESS_POD_NAMES] = {false};

	access_pod_names(x->c->obj, note_name, has);
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (has[i])
			return refuse_node(
				x,
				str_printf(x->a, "can not create pods that reference %s", words[i])
					.ptr);
	return true;
}

static bool may_create_pod(struct change *x)
{
	const struct json *obj = x->c->obj;

	if (!json_get(json_path(obj, "metadata.annotations"), ACCESS_MIRROR))
		return refuse(x,
			      str_printf(x->a,
					 "pod does not have \"" ACCESS_MIRROR
					 "\" annotation, node \"%.*s\" can only create mirror pods",
					 STR_ARG(x->node)));
	if (!str_eq(node_of(obj), x->node))
		return refuse_node(x, "can only create pods with spec.nodeName set to itself");
	return check_owner(x) && check_names(x);
}

static bool may_write_pod_status(struct change *x)
{
	const struct access_node_change *c = x->c;

	if (!str_eq(node_of(c->old), x->node))
		return refuse_node(x, "can only update pod status for pods with spec.nodeName set "
				      "to itself");
	if (!is_same(json_path(c->old, "metadata.labels"), json_path(c->obj, "metadata.labels")))
		return refuse_node(x, "cannot update labels through pod status");
	if (!is_same(json_path(c->old, "status.resourceClaimStatuses"),
		     json_path(c->obj, "status.resourceClaimStatuses")))
		return refuse_node(x, "cannot update resource claim statues");
	return true;
}

static bool may_write_pod(struct change *x)
{
	const struct access_node_change *c = x->c;
	bool is_own = str_eq(node_of(c->old), x->node);

	if (str_eq_c(c->sub, "status"))
		return may_write_pod_status(x);
	if (str_eq_c(c->sub, "eviction"))
		return is_own || refuse(x, str_printf(x->a,
						      "node %.*s can only evict pods with "
						      "spec.nodeName set to itself",
						      STR_ARG(x->node)));
	if (c->sub.len)
		return refuse(x, str_printf(x->a,
					    "unexpected pod subresource \"%.*s\", only 'status', "
					    "'resize' and 'eviction' are allowed",
					    STR_ARG(c->sub)));
	if (c->op == ACCESS_NODE_CREATE)
		return may_create_pod(x);
	if (c->op == ACCESS_NODE_DELETE)
		return is_own || refuse_node(x, "can only delete pods with spec.nodeName set to "
						"itself");
	return refuse(x,
		      str_printf(x->a,
				 "unexpected operation \"UPDATE\", node \"%.*s\" can only create "
				 "and delete mirror pods",
				 STR_ARG(x->node)));
}

/* ---- Leases, and all ------------------------------------------------------------------------ */

static bool may_write_lease(struct change *x)
{
	if (!str_eq_c(x->c->ns, LEASES_NS))
		return refuse(
			x, STR("can only access leases in the \"" LEASES_NS "\" system namespace"));
	return str_eq(x->c->name, x->node) || refuse(x, STR(SAME_NAME));
}

bool access_node_may_write(struct arena *a, struct str node, const struct access_node_change *c,
			   struct str *ret_why)
{
	struct change x = {.c = c, .a = a, .node = node};
	bool is_core = !c->group.len, ret = true;

	if (is_core && str_eq_c(c->resource, "pods"))
		ret = may_write_pod(&x);
	else if (is_core && str_eq_c(c->resource, "nodes"))
		ret = may_write_node(&x);
	else if (str_eq_c(c->group, "coordination.k8s.io") && str_eq_c(c->resource, "leases"))
		ret = may_write_lease(&x);
	if (!ret)
		*ret_why = x.why;
	return ret;
}

/* ---- tokens --------------------------------------------------------------------------------- */

struct audience {
	struct str wanted;
	bool is_found;
};

static void look_for(void *ctx, enum access_pod_name what, struct str name)
{
	struct audience *x = ctx;

	if (what == ACCESS_POD_TOKEN && str_eq(name, x->wanted))
		x->is_found = true;
}

static bool check_reference(const struct json *ref, const struct json *pod, struct str node,
			    struct arena *a, struct str *ret_why)
{
	struct str uid = json_get_string(ref, "uid");

	if (!str_eq_c(json_get_string(ref, "apiVersion"), "v1") ||
	    !str_eq_c(json_get_string(ref, "kind"), "Pod") || !json_get_string(ref, "name").len)
		*ret_why = STR("node requested token not bound to a pod");
	else if (!uid.len)
		*ret_why = STR("node requested token with a pod binding without a uid");
	else if (!pod)
		*ret_why = (struct str){0};
	else if (!str_eq(uid, json_string(json_path(pod, "metadata.uid"))))
		*ret_why = str_printf(a,
				      "the UID in the bound object reference (%.*s) does not match "
				      "the UID in record. The object might have been deleted and "
				      "then recreated",
				      STR_ARG(uid));
	else if (!str_eq(node_of(pod), node))
		*ret_why = STR("node requested token bound to a pod scheduled on a different node");
	else
		return true;
	return false;
}

bool access_node_may_have_token(struct str node, const struct json *spec, const struct json *pod,
				struct arena *a, struct str *ret_audience, struct str *ret_why)
{
	const struct json *list = json_get(spec, "audiences");
	struct audience x = {.wanted = json_string(json_at(list, 0))};

	if (!check_reference(json_get(spec, "boundObjectRef"), pod, node, a, ret_why))
		return false;
	if (json_is(list, JSON_ARRAY) && list->count > 1) {
		*ret_why = STR("node may only request 0 or 1 audiences");
		return false;
	}
	access_pod_names(pod, look_for, &x);
	*ret_audience = x.is_found ? (struct str){0} : x.wanted.len ? x.wanted : STR("");
	return true;
}
