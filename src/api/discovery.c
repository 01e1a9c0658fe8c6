/* SPDX-License-Identifier: Apache-2.0 */
#include "api/discovery.h"

#include "api/kind.h"
#include "json/json.h"

static const struct {
	unsigned bit;
	const char *name;
} discovery_verbs[] = {
	{API_VERB_CREATE, "create"},
	{API_VERB_DELETE, "delete"},
	{API_VERB_DELETE_COLLECTION, "deletecollection"},
	{API_VERB_GET, "get"},
	{API_VERB_LIST, "list"},
	{API_VERB_PATCH, "patch"},
	{API_VERB_UPDATE, "update"},
	{API_VERB_WATCH, "watch"},
};

static void discovery_add(struct arena *a, struct json *obj, const char *key, const char *value)
{
	json_set(obj, key, json_new_string(a, str_of(value)));
}

static struct json *discovery_list(struct arena *a, struct json *obj, const char *key)
{
	return json_set(obj, key, json_new(a, JSON_ARRAY));
}

static struct json *discovery_object(struct arena *a, const char *kind, const char *api_version)
{
	struct json *n = json_new(a, JSON_OBJECT);

	discovery_add(a, n, "kind", kind);
	discovery_add(a, n, "apiVersion", api_version);
	return n;
}

static void discovery_add_verbs(struct arena *a, struct json *obj, unsigned verbs)
{
	struct json *list = discovery_list(a, obj, "verbs");

	for (size_t i = 0; i < ARRAY_LEN(discovery_verbs); i++)
		if (verbs & discovery_verbs[i].bit)
			json_append(list, json_new_string(a, str_of(discovery_verbs[i].name)));
}

/* Absent when there is none. */
static void discovery_add_names(struct arena *a, struct json *obj, const char *key,
				const char *const *names)
{
	struct json *list;

	if (!names || !names[0])
		return;
	list = discovery_list(a, obj, key);
	for (; *names; names++)
		json_append(list, json_new_string(a, str_of(*names)));
}

/* Whether k is the first kind of its group and version (with_version) or of its group. */
static bool discovery_is_first(const struct api_kind *k, bool with_version)
{
	size_t n;
	const struct api_kind *kinds = api_kinds(&n);

	for (size_t i = 0; &kinds[i] < k; i++)
		if (strcmp(kinds[i].group, k->group) == 0 &&
		    (!with_version || strcmp(kinds[i].version, k->version) == 0))
			return false;
	return true;
}

void api_discovery_versions(struct str server_address, struct buf *b)
{
	struct arena a;
	struct json *n, *cidr;

	arena_init(&a, 0);
	n = json_new(&a, JSON_OBJECT);
	discovery_add(&a, n, "kind", "APIVersions");
	json_append(discovery_list(&a, n, "versions"), json_new_string(&a, STR("v1")));
	cidr = json_append(discovery_list(&a, n, "serverAddressByClientCIDRs"),
			   json_new(&a, JSON_OBJECT));
	discovery_add(&a, cidr, "clientCIDR", "0.0.0.0/0");
	json_set(cidr, "serverAddress", json_new_string(&a, server_address));
	json_write(b, n);
	arena_fini(&a);
}

/* The APIGroup of which `first` is the first kind. The first version is the preferred one. */
static struct json *discovery_group(struct arena *a, const struct api_kind *first)
{
	struct json *n = json_new(a, JSON_OBJECT), *versions, *preferred = NULL;
	size_t n_kinds;
	const struct api_kind *kinds = api_kinds(&n_kinds);

	discovery_add(a, n, "name", first->group);
	versions = discovery_list(a, n, "versions");
	for (const struct api_kind *k = first; k < kinds + n_kinds; k++) {
		struct json *v;

		if (strcmp(k->group, first->group) != 0 || !discovery_is_first(k, true))
			continue;
		v = json_append(versions, json_new(a, JSON_OBJECT));
		json_set(v, "groupVersion", json_new_string(a, api_kind_api_version(a, k)));
		discovery_add(a, v, "version", k->version);
		if (!preferred)
			preferred = json_clone(a, v);
	}
	json_set(n, "preferredVersion", preferred);
	return n;
}

void api_discovery_groups(struct buf *b)
{
	struct arena a;
	struct json *n, *groups;
	size_t n_kinds;
	const struct api_kind *kinds = api_kinds(&n_kinds);

	arena_init(&a, 0);
	n = discovery_object(&a, "APIGroupList", "v1");
	groups = discovery_list(&a, n, "groups");
	for (const struct api_kind *k = kinds; k < kinds + n_kinds; k++)
		if (*k->group && discovery_is_first(k, false))
			json_append(groups, discovery_group(&a, k));
	json_write(b, n);
	arena_fini(&a);
}

bool api_discovery_group(struct str group, struct buf *b)
{
	struct arena a;
	struct json *n;
	size_t n_kinds;
	const struct api_kind *kinds = api_kinds(&n_kinds), *k = kinds;

	while (k < kinds + n_kinds && !str_eq_c(group, k->group))
		k++;
	if (group.len == 0 || k == kinds + n_kinds)
		return false;
	arena_init(&a, 0);
	n = discovery_group(&a, k);
	json_prepend(n, "apiVersion", json_new_string(&a, STR("v1")));
	json_prepend(n, "kind", json_new_string(&a, STR("APIGroup")));
	json_write(b, n);
	arena_fini(&a);
	return true;
}

static struct json *discovery_resource(struct arena *a, const struct api_kind *k)
{
	struct json *n = json_new(a, JSON_OBJECT);

	discovery_add(a, n, "name", k->plural);
	discovery_add(a, n, "singularName", k->singular);
	json_set(n, "namespaced", json_new_bool(a, k->is_namespaced));
	discovery_add(a, n, "kind", k->kind);
	discovery_add_verbs(a, n, k->verbs);
	discovery_add_names(a, n, "shortNames", k->short_names);
	discovery_add_names(a, n, "categories", k->categories);
	return n;
}

static struct json *discovery_subresource(struct arena *a, const struct api_kind *k,
					  const struct api_subresource *s)
{
	struct json *n = json_new(a, JSON_OBJECT);

	json_set(n, "name", json_new_string(a, str_printf(a, "%s/%s", k->plural, s->name)));
	discovery_add(a, n, "singularName", "");
	json_set(n, "namespaced", json_new_bool(a, k->is_namespaced));
	if (strcmp(s->group, k->group) != 0 || strcmp(s->version, k->version) != 0) {
		discovery_add(a, n, "group", s->group);
		discovery_add(a, n, "version", s->version);
	}
	discovery_add(a, n, "kind", s->kind);
	discovery_add_verbs(a, n, s->verbs);
	return n;
}

bool api_discovery_resources(struct str group, struct str version, struct buf *b)
{
	struct arena a;
	struct json *n = NULL, *list = NULL;
	size_t n_kinds;
	const struct api_kind *kinds = api_kinds(&n_kinds);

	arena_init(&a, 0);
	for (const struct api_kind *k = kinds; k < kinds + n_kinds; k++) {
		if (!str_eq_c(group, k->group) || !str_eq_c(version, k->version))
			continue;
		if (!n) {
			n = discovery_object(&a, "APIResourceList", "v1");
			json_set(n, "groupVersion",
				 json_new_string(&a, api_kind_api_version(&a, k)));
			list = discovery_list(&a, n, "resources");
		}
		json_append(list, discovery_resource(&a, k));
		for (size_t i = 0; i < k->n_subresources; i++)
			json_append(list, discovery_subresource(&a, k, &k->subresources[i]));
	}
	if (n)
		json_write(b, n);
	arena_fini(&a);
	return n != NULL;
}

static void discovery_add_response(struct arena *a, struct json *obj, const char *group,
				   const char *version, const char *kind)
{
	struct json *n = json_set(obj, "responseKind", json_new(a, JSON_OBJECT));

	discovery_add(a, n, "group", group);
	discovery_add(a, n, "version", version);
	discovery_add(a, n, "kind", kind);
}

static struct json *discovery_aggregated_resource(struct arena *a, const struct api_kind *k)
{
	struct json *n = json_new(a, JSON_OBJECT), *list;

	discovery_add(a, n, "resource", k->plural);
	discovery_add_response(a, n, k->group, k->version, k->kind);
	discovery_add(a, n, "scope", k->is_namespaced ? "Namespaced" : "Cluster");
	discovery_add(a, n, "singularResource", k->singular);
	discovery_add_verbs(a, n, k->verbs);
	discovery_add_names(a, n, "shortNames", k->short_names);
	discovery_add_names(a, n, "categories", k->categories);
	if (k->n_subresources == 0)
		return n;
	list = discovery_list(a, n, "subresources");
	for (size_t i = 0; i < k->n_subresources; i++) {
		const struct api_subresource *s = &k->subresources[i];
		struct json *sub = json_append(list, json_new(a, JSON_OBJECT));

		discovery_add(a, sub, "subresource", s->name);
		discovery_add_response(a, sub, s->group, s->version, s->kind);
		discovery_add_verbs(a, sub, s->verbs);
	}
	return n;
}

static struct json *discovery_aggregated_group(struct arena *a, const struct api_kind *first)
{
	struct json *n = json_new(a, JSON_OBJECT), *meta, *versions, *resources = NULL;
	size_t n_kinds;
	const struct api_kind *kinds = api_kinds(&n_kinds);

	meta = json_set(n, "metadata", json_new(a, JSON_OBJECT));
	discovery_add(a, meta, "name", first->group);
	json_set(meta, "creationTimestamp", json_new(a, JSON_NULL));
	versions = discovery_list(a, n, "versions");
	for (const struct api_kind *k = first; k < kinds + n_kinds; k++) {
		if (strcmp(k->group, first->group) != 0)
			continue;
		if (discovery_is_first(k, true)) {
			struct json *v = json_append(versions, json_new(a, JSON_OBJECT));

			discovery_add(a, v, "version", k->version);
			resources = discovery_list(a, v, "resources");
			discovery_add(a, v, "freshness", "Current");
		}
		json_append(resources, discovery_aggregated_resource(a, k));
	}
	return n;
}

void api_discovery_aggregated(bool is_core, const char *version, struct buf *b)
{
	struct arena a;
	struct json *n, *items;
	size_t n_kinds;
	const struct api_kind *kinds = api_kinds(&n_kinds);

	arena_init(&a, 0);
	n = json_new(&a, JSON_OBJECT);
	discovery_add(&a, n, "kind", "APIGroupDiscoveryList");
	json_set(n, "apiVersion",
		 json_new_string(&a, str_printf(&a, "apidiscovery.k8s.io/%s", version)));
	json_set(n, "metadata", json_new(&a, JSON_OBJECT));
	items = discovery_list(&a, n, "items");
	for (const struct api_kind *k = kinds; k < kinds + n_kinds; k++)
		if (is_core == (*k->group == '\0') && discovery_is_first(k, false))
			json_append(items, discovery_aggregated_group(&a, k));
	json_write(b, n);
	arena_fini(&a);
}
