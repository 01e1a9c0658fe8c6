/* SPDX-License-Identifier: Apache-2.0 */
#include "api/discovery.h"
#include "tests/harness/test.h"
#include "json/json.h"

static struct arena a;

static struct json *parse(const struct buf *b)
{
	struct json *n;
	struct err err;

	ASSERT_OK(json_parse(&a, buf_str(b), 0, &n, &err));
	return n;
}

/* The element of a list whose member `key` is `value`. */
static const struct json *find(const struct json *list, const char *key, const char *value)
{
	ASSERT_TRUE(json_is(list, JSON_ARRAY));
	for (const struct json *n = list->first; n; n = n->next)
		if (str_eq_c(json_get_string(n, key), value))
			return n;
	return NULL;
}

TEST(lists_versions_and_groups)
{
	_cleanup_(buf_fini) struct buf b = BUF_INIT;
	const struct json *n;

	arena_init(&a, 0);
	api_discovery_versions(STR("192.0.2.1:6443"), &b);
	ASSERT_STREQ(b.ptr, "{\"kind\":\"APIVersions\",\"versions\":[\"v1\"],"
			    "\"serverAddressByClientCIDRs\":[{\"clientCIDR\":\"0.0.0.0/0\","
			    "\"serverAddress\":\"192.0.2.1:6443\"}]}");
	buf_clear(&b);
	api_discovery_groups(&b);
	n = find(json_get(parse(&b), "groups"), "name", "discovery.k8s.io");
	ASSERT_STR(json_string(json_path(n, "preferredVersion.groupVersion")),
		   STR("discovery.k8s.io/v1"));
	ASSERT_TRUE(find(json_get(parse(&b), "groups"), "name", "") == NULL);
	buf_clear(&b);
	ASSERT_TRUE(api_discovery_group(STR("networking.k8s.io"), &b));
	ASSERT_STR(json_get_string(parse(&b), "kind"), STR("APIGroup"));
	ASSERT_FALSE(api_discovery_group(STR(""), &b));
	ASSERT_FALSE(api_discovery_group(STR("x"), &b));
	arena_fini(&a);
}

TEST(lists_resources)
{
	_cleanup_(buf_fini) struct buf b = BUF_INIT;
	const struct json *list, *n;

	arena_init(&a, 0);
	ASSERT_TRUE(api_discovery_resources(STR(""), STR("v1"), &b));
	ASSERT_STR(json_get_string(parse(&b), "groupVersion"), STR("v1"));
	list = json_get(parse(&b), "resources");
	n = find(list, "name", "services");
	ASSERT_STR(json_get_string(n, "singularName"), STR("service"));
	ASSERT_TRUE(json_get_bool(n, "namespaced", false));
	ASSERT_EQ(json_get(n, "verbs")->count, 8);
	ASSERT_STR(json_string(json_at(json_get(n, "shortNames"), 0)), STR("svc"));
	ASSERT_STR(json_string(json_at(json_get(n, "categories"), 0)), STR("all"));
	n = find(list, "name", "services/status");
	ASSERT_STR(json_get_string(n, "singularName"), STR(""));
	ASSERT_EQ(json_get(n, "verbs")->count, 3);
	n = find(list, "name", "pods/eviction"); /* whoever drains a node looks for it */
	ASSERT_STR(json_get_string(n, "group"), STR("policy"));
	ASSERT_STR(json_get_string(n, "kind"), STR("Eviction"));
	ASSERT_TRUE(find(list, "name", "endpointslices") == NULL);
	n = find(list, "name", "namespaces");
	ASSERT_EQ(json_get(n, "verbs")->count, 7);
	buf_clear(&b);
	ASSERT_TRUE(api_discovery_resources(STR("discovery.k8s.io"), STR("v1"), &b));
	ASSERT_FALSE(api_discovery_resources(STR("discovery.k8s.io"), STR("v2"), &b));
	arena_fini(&a);
}

TEST(aggregates)
{
	_cleanup_(buf_fini) struct buf b = BUF_INIT;
	const struct json *n, *r;

	arena_init(&a, 0);
	api_discovery_aggregated(true, "v2", &b);
	n = parse(&b);
	ASSERT_STR(json_get_string(n, "apiVersion"), STR("apidiscovery.k8s.io/v2"));
	ASSERT_EQ(json_get(n, "items")->count, 1);
	n = json_get(json_at(json_get(n, "items"), 0), "versions")->first;
	ASSERT_STR(json_get_string(n, "freshness"), STR("Current"));
	r = find(json_get(n, "resources"), "resource", "nodes");
	ASSERT_STR(json_get_string(r, "scope"), STR("Cluster"));
	ASSERT_TRUE(find(json_get(r, "subresources"), "subresource", "status") != NULL);
	buf_clear(&b);
	api_discovery_aggregated(false, "v2beta1", &b);
	n = parse(&b);
	ASSERT_STR(json_get_string(n, "apiVersion"), STR("apidiscovery.k8s.io/v2beta1"));
	ASSERT_TRUE(json_get(n, "items")->count >= 3);
	arena_fini(&a);
}
