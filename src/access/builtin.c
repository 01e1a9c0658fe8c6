/* SPDX-License-Identifier: Apache-2.0 */
#include "access/builtin.h"

#define GROUP_RBAC "rbac.authorization.k8s.io"
#define LABEL_BOOT "kubernetes.io/bootstrapping"
#define LABEL_AGGR GROUP_RBAC "/aggregate-to-"
#define ANNOTATION "rbac.authorization.kubernetes.io/autoupdate"
#define READ       "get list watch"
#define WRITE      "create delete deletecollection patch update"
#define ALL        "create delete deletecollection get list patch update watch"
#define EVENTS_TO_WRITE                                                                            \
	{                                                                                          \
		"create patch update", "core events.k8s.io", "events", NULL, NULL                  \
	}

/* Lists of words; the core group is "core". */
struct rule {
	const char *verbs, *groups, *resources, *names, *urls;
};

enum {
	RULES_MAX = 24,
	SUBJECTS_MAX = 2,
};

struct role {
	const char *name;
	const char *feeds;   /* aggregated into the role of this name; NULL: none */
	const char *gathers; /* made of the roles that feed this one; NULL: has rules of its own */
	const struct rule *rules; /* up to one without verbs */
};

#define RULES(...) ((const struct rule[]){__VA_ARGS__, {NULL, NULL, NULL, NULL, NULL}})

/* What a role gathers is in the order of names, as the controller of aggregation has it. */
static const struct role roles[] = {
	{"cluster-admin", NULL, NULL,
	 RULES({"*", "*", "*", NULL, NULL}, {"*", NULL, NULL, NULL, "*"})},
	{"admin", NULL, "admin", NULL},
	{"edit", "admin", "edit", NULL},
	{"system:aggregate-to-admin", "admin", NULL,
	 RULES({"create", "authorization.k8s.io", "localsubjectaccessreviews", NULL, NULL},
	       {ALL, GROUP_RBAC, "rolebindings roles", NULL, NULL})},
	{"system:aggregate-to-edit", "edit", NULL,
	 RULES({READ, "core",
		"pods/attach pods/exec pods/portforward pods/proxy secrets services/proxy", NULL,
		NULL},
	       {"impersonate", "core", "serviceaccounts", NULL, NULL},
	       {WRITE, "core", "pods pods/attach pods/exec pods/portforward pods/proxy", NULL,
		NULL},
	       {"create", "core", "pods/eviction serviceaccounts/token", NULL, NULL},
	       {WRITE, "core",
		"configmaps persistentvolumeclaims replicationcontrollers "
		"replicationcontrollers/scale secrets serviceaccounts services services/proxy",
		NULL, NULL},
	       {WRITE, "core events.k8s.io", "events", NULL, NULL},
	       {WRITE, "apps",
		"daemonsets deployments deployments/rollback deployments/scale replicasets "
		"replicasets/scale statefulsets statefulsets/scale",
		NULL, NULL},
	       {WRITE, "autoscaling", "horizontalpodautoscalers", NULL, NULL},
	       {WRITE, "batch", "cronjobs jobs", NULL, NULL},
	       {WRITE, "policy", "poddisruptionbudgets", NULL, NULL},
	       {WRITE, "networking.k8s.io", "ingresses networkpolicies", NULL, NULL},
	       {ALL, "coordination.k8s.io", "leases", NULL, NULL})},
	{"system:aggregate-to-view", "view", NULL,
	 RULES({READ, "core",
		"configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods "
		"replicationcontrollers replicationcontrollers/scale serviceaccounts services "
		"services/status",
		NULL, NULL},
	       {READ, "core",
		"bindings limitranges namespaces namespaces/status pods/log pods/status "
		"replicationcontrollers/status resourcequotas resourcequotas/status",
		NULL, NULL},
	       {READ, "core events.k8s.io", "events", NULL, NULL},
	       {READ, "discovery.k8s.io", "endpointslices", NULL, NULL},
	       {READ, "apps",
		"controllerrevisions daemonsets daemonsets/status deployments deployments/scale "
		"deployments/status replicasets replicasets/scale replicasets/status statefulsets "
		"statefulsets/scale statefulsets/status",
		NULL, NULL},
	       {READ, "autoscaling", "horizontalpodautoscalers horizontalpodautoscalers/status",
		NULL, NULL},
	       {READ, "batch", "cronjobs cronjobs/status jobs jobs/status", NULL, NULL},
	       {READ, "policy", "poddisruptionbudgets poddisruptionbudgets/status", NULL, NULL},
	       {READ, "networking.k8s.io", "ingresses ingresses/status networkpolicies", NULL,
		NULL})},
	{"system:auth-delegator", NULL, NULL,
	 RULES({"create", "authentication.k8s.io", "tokenreviews", NULL, NULL},
	       {"create", "authorization.k8s.io", "subjectaccessreviews", NULL, NULL})},
	{"system:basic-user", NULL, NULL,
	 RULES({"create", "authorization.k8s.io",
		"selfsubjectaccessreviews selfsubjectrulesreviews", NULL, NULL},
	       {"create", "authentication.k8s.io", "selfsubjectreviews", NULL, NULL})},
	{"system:coredns", NULL, NULL,
	 RULES({"list watch", "core", "endpoints namespaces pods services", NULL, NULL},
	       {"list watch", "discovery.k8s.io", "endpointslices", NULL, NULL})},
	{"system:discovery", NULL, NULL,
	 RULES({"get", NULL, NULL, NULL,
		"/api /api/* /apis /apis/* /healthz /livez /openapi /openapi/* /readyz /version "
		"/version/"})},
	{"system:kube-dns", NULL, NULL,
	 RULES({"list watch", "core", "endpoints services", NULL, NULL})},
	{"system:kubelet-api-admin", NULL, NULL,
	 RULES({READ, "core", "nodes", NULL, NULL}, {"proxy", "core", "nodes", NULL, NULL},
	       {"*", "core", "nodes/log nodes/metrics nodes/proxy nodes/stats", NULL, NULL})},
	{"system:load-balancer", NULL, NULL,
	 RULES({READ, "core", "endpoints namespaces nodes services", NULL, NULL},
	       {"get", "core", "secrets", NULL, NULL},
	       {"patch update", "core", "services services/status", NULL, NULL},
	       {READ, "discovery.k8s.io", "endpointslices", NULL, NULL},
	       {READ, "networking.k8s.io", "ingresses ingressclasses", NULL, NULL},
	       {"patch update", "networking.k8s.io", "ingresses/status", NULL, NULL},
	       {"create get list patch update watch", "coordination.k8s.io", "leases", NULL, NULL},
	       EVENTS_TO_WRITE)},
	{"system:monitoring", NULL, NULL,
	 RULES({"get", NULL, NULL, NULL,
		"/healthz /healthz/* /livez /livez/* /metrics /metrics/slis /readyz /readyz/*"},
	       {"get", "core", "nodes/metrics", NULL, NULL})},
	{"system:node", NULL, NULL,
	 RULES({"create", "authentication.k8s.io", "tokenreviews", NULL, NULL},
	       {"create", "authorization.k8s.io", "localsubjectaccessreviews subjectaccessreviews",
		NULL, NULL},
	       {READ, "core", "services", NULL, NULL},
	       {"create get list watch", "core", "nodes", NULL, NULL},
	       {"patch update", "core", "nodes nodes/status", NULL, NULL}, EVENTS_TO_WRITE,
	       {READ, "core", "pods", NULL, NULL}, {"create delete", "core", "pods", NULL, NULL},
	       {"patch update", "core", "pods/status", NULL, NULL},
	       {"create", "core", "pods/eviction", NULL, NULL},
	       {READ, "core", "configmaps secrets", NULL, NULL},
	       {"get", "core", "endpoints serviceaccounts", NULL, NULL},
	       {"create delete get patch update", "coordination.k8s.io", "leases", NULL, NULL},
	       {"create", "core", "serviceaccounts/token", NULL, NULL},
	       {READ, "node.k8s.io", "runtimeclasses", NULL, NULL},
	       {READ, "storage.k8s.io", "csidrivers", NULL, NULL},
	       {"create delete get patch update", "storage.k8s.io", "csinodes", NULL, NULL})},
	{"system:node-network", NULL, NULL, RULES({READ, "core", "nodes", NULL, NULL})},
	{"system:node-proxier", NULL, NULL,
	 RULES({"list watch", "core", "endpoints services", NULL, NULL},
	       {READ, "core", "nodes", NULL, NULL}, EVENTS_TO_WRITE,
	       {"list watch", "networking.k8s.io", "servicecidrs", NULL, NULL},
	       {"list watch", "discovery.k8s.io", "endpointslices", NULL, NULL})},
	{"system:public-info-viewer", NULL, NULL,
	 RULES({"get", NULL, NULL, NULL, "/healthz /livez /readyz /version /version/"})},
	{"system:service-account-issuer-discovery", NULL, NULL,
	 RULES({"get", NULL, NULL, NULL,
		"/.well-known/openid-configuration /.well-known/openid-configuration/ "
		"/openid/v1/jwks /openid/v1/jwks/"})},
	{"view", "edit", "view", NULL},
};

struct subject {
	const char *kind, *ns, *name;
};

static const struct binding {
	const char *name; /* of the role too */
	struct subject subjects[SUBJECTS_MAX];
} bindings[] = {
	{"cluster-admin", {{"Group", NULL, "system:masters"}}},
	{"system:basic-user", {{"Group", NULL, "system:authenticated"}}},
	{"system:coredns",
	 {{"ServiceAccount", "kube-system", "coredns"}, {"User", NULL, "system:cluster-dns"}}},
	{"system:discovery", {{"Group", NULL, "system:authenticated"}}},
	{"system:kube-dns", {{"ServiceAccount", "kube-system", "kube-dns"}}},
	{"system:load-balancer", {{"User", NULL, "system:load-balancer"}}},
	{"system:monitoring", {{"Group", NULL, "system:monitoring"}}},
	{"system:node", {{NULL}}}, /* nodes have its rules by node.h, each as far as it goes */
	{"system:node-network", {{"Group", NULL, "system:nodes"}}},
	{"system:node-proxier",
	 {{"User", NULL, "system:kube-proxy"}, {"ServiceAccount", "kube-system", "kube-proxy"}}},
	{"system:public-info-viewer",
	 {{"Group", NULL, "system:authenticated"}, {"Group", NULL, "system:unauthenticated"}}},
	{"system:service-account-issuer-discovery", {{"Group", NULL, "system:serviceaccounts"}}},
};

size_t access_builtin_count(void)
{
	return ARRAY_LEN(roles) + ARRAY_LEN(bindings);
}

static struct json *text(struct arena *a, const char *s)
{
	return json_new_string(a, str_of(s));
}

static void add_words(struct arena *a, struct json *obj, const char *key, const char *words)
{
	struct str rest = str_of(words), word;
	struct json *list;

	if (!words)
		return;
	list = json_set(obj, key, json_new(a, JSON_ARRAY));
	while (str_next(&rest, ' ', &word))
		json_append(list, json_new_string(a, str_eq_c(word, "core") ? STR("") : word));
}

static struct json *object(struct arena *a, const char *kind, const char *name)
{
	struct json *obj = json_new(a, JSON_OBJECT), *meta;

	json_set(obj, "apiVersion", text(a, GROUP_RBAC "/v1"));
	json_set(obj, "kind", text(a, kind));
	meta = json_object_at(a, obj, "metadata");
	json_set(meta, "name", text(a, name));
	json_set(json_object_at(a, meta, "annotations"), ANNOTATION, text(a, "true"));
	json_set(json_object_at(a, meta, "labels"), LABEL_BOOT, text(a, "rbac-defaults"));
	return obj;
}

static void add_rules(struct arena *a, struct json *list, const struct rule *rules)
{
	for (const struct rule *r = rules; r->verbs; r++) {
		struct json *n = json_append(list, json_new(a, JSON_OBJECT));

		add_words(a, n, "verbs", r->verbs);
		add_words(a, n, "apiGroups", r->groups);
		add_words(a, n, "resources", r->resources);
		add_words(a, n, "resourceNames", r->names);
		add_words(a, n, "nonResourceURLs", r->urls);
	}
}

/* What the roles that feed `target` have, as the aggregating controller gathers it. */
static void add_gathered(struct arena *a, struct json *list, const char *target)
{
	for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
		if (!roles[i].feeds || strcmp(roles[i].feeds, target) != 0)
			continue;
		if (roles[i].gathers)
			add_gathered(a, list, roles[i].gathers);
		else
			add_rules(a, list, roles[i].rules);
	}
}

static struct json *role_object(struct arena *a, const struct role *role)
{
	struct json *obj = object(a, "ClusterRole", role->name), *rules, *selectors;

	if (role->feeds)
		json_set(json_get(json_get(obj, "metadata"), "labels"),
			 str_printf(a, LABEL_AGGR "%s", role->feeds).ptr, text(a, "true"));
	rules = json_set(obj, "rules", json_new(a, JSON_ARRAY));
	if (!role->gathers) {
		add_rules(a, rules, role->rules);
		return obj;
	}
	add_gathered(a, rules, role->gathers);
	selectors = json_set(json_object_at(a, obj, "aggregationRule"), "clusterRoleSelectors",
			     json_new(a, JSON_ARRAY));
	json_set(json_object_at(a, json_append(selectors, json_new(a, JSON_OBJECT)), "matchLabels"),
		 str_printf(a, LABEL_AGGR "%s", role->gathers).ptr, text(a, "true"));
	return obj;
}

static struct json *binding_object(struct arena *a, const struct binding *b)
{
	struct json *obj = object(a, "ClusterRoleBinding", b->name), *ref, *list;

	ref = json_object_at(a, obj, "roleRef");
	json_set(ref, "apiGroup", text(a, GROUP_RBAC));
	json_set(ref, "kind", text(a, "ClusterRole"));
	json_set(ref, "name", text(a, b->name));
	if (!b->subjects[0].kind)
		return obj;
	list = json_set(obj, "subjects", json_new(a, JSON_ARRAY));
	for (size_t i = 0; i < SUBJECTS_MAX && b->subjects[i].kind; i++) {
		struct json *n = json_append(list, json_new(a, JSON_OBJECT));

		json_set(n, "kind", text(a, b->subjects[i].kind));
		if (b->subjects[i].ns)
			json_set(n, "namespace", text(a, b->subjects[i].ns));
		else
			json_set(n, "apiGroup", text(a, GROUP_RBAC));
		json_set(n, "name", text(a, b->subjects[i].name));
	}
	return obj;
}

struct access_builtin access_builtin_at(size_t i, struct arena *a, struct json **ret_obj)
{
	bool is_role = i < ARRAY_LEN(roles);
	const struct binding *b = is_role ? NULL : &bindings[i - ARRAY_LEN(roles)];

	if (ret_obj)
		*ret_obj = is_role ? role_object(a, &roles[i]) : binding_object(a, b);
	return is_role ? (struct access_builtin){"ClusterRole", "clusterroles", NULL, roles[i].name}
		       : (struct access_builtin){"ClusterRoleBinding", "clusterrolebindings", NULL,
						 b->name};
}
