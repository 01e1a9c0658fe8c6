/* SPDX-License-Identifier: Apache-2.0 */
#include "access/node.h"
#include "tests/harness/test.h"

static struct arena a;
static struct access_nodes *nodes;

static void put(const char *ns, const char *name, const char *text)
{
	char *s = arena_strdup(&a, text ? text : "");
	struct json *obj = NULL;
	struct err err;

	for (char *p = s; *p; p++)
		if (*p == '\'')
			*p = '"';
	if (text)
		ASSERT_OK(json_parse(&a, str_of(s), 0, &obj, &err));
	access_nodes_put(nodes, str_of(ns), str_of(name), obj);
}

static void setup(void)
{
	arena_init(&a, 0);
	nodes = access_nodes_new();
}

static void teardown(void)
{
	access_nodes_free(nodes);
	arena_fini(&a);
}

static struct str reason;

static bool may(const char *user, const char *verb, const char *resource, const char *sub,
		const char *ns, const char *name)
{
	static const struct str groups[] = {STR(ACCESS_GROUP_NODES)};
	const struct access_user u = {.name = str_of(user), .groups = groups, .n_groups = 1};
	const struct access_attrs at = {.verb = str_of(verb),
					.is_resource = true,
					.group = STR(""),
					.resource = str_of(resource),
					.sub = str_of(sub),
					.ns = str_of(ns),
					.name = str_of(name)};

	return access_nodes_allow(nodes, &u, &at, &a, &reason);
}

static bool reads(const char *node, const char *resource, const char *ns, const char *name)
{
	return may(str_printf(&a, "system:node:%s", node).ptr, "get", resource, NULL, ns, name);
}

TEST(follows_the_pods)
{
	setup();
	put("x", "p", "{'spec':{'nodeName':'n1','imagePullSecrets':[{'name':'s'},{'name':'t'}]}}");
	put("x", "q", "{'spec':{'nodeName':'n1','imagePullSecrets':[{'name':'s'}]}}");
	put("x", "r", "{'spec':{'imagePullSecrets':[{'name':'u'}]}}");
	ASSERT_TRUE(reads("n1", "secrets", "x", "s"));
	ASSERT_TRUE(reads("n1", "pods", "x", "p"));
	ASSERT_FALSE(reads("n2", "secrets", "x", "s"));
	ASSERT_FALSE(reads("n1", "secrets", "y", "s"));
	ASSERT_FALSE(reads("n1", "configmaps", "x", "s"));
	ASSERT_FALSE(reads("n1", "secrets", "x", "u"));
	put("x", "p", NULL);
	ASSERT_TRUE(reads("n1", "secrets", "x", "s"));
	ASSERT_FALSE(reads("n1", "secrets", "x", "t"));
	put("x", "q", NULL);
	put("x", "q", NULL);
	ASSERT_FALSE(reads("n1", "secrets", "x", "s"));
	put("x", "r", "{'spec':{'nodeName':'n2','imagePullSecrets':[{'name':'u'}]}}");
	ASSERT_TRUE(reads("n2", "secrets", "x", "u"));
	teardown();
}

TEST(a_mirror_pod_gives_nothing)
{
	setup();
	put("x", "p",
	    "{'metadata':{'annotations':{'kubernetes.io/config.mirror':''}},"
	    "'spec':{'nodeName':'n1','imagePullSecrets':[{'name':'s'}]}}");
	ASSERT_TRUE(reads("n1", "pods", "x", "p"));
	ASSERT_FALSE(reads("n1", "secrets", "x", "s"));
	teardown();
}

TEST(survives_pods_of_any_shape)
{
	setup();
	put("x", "p",
	    "{'spec':{'nodeName':'n1','volumes':[1,null,{'secret':'x','projected':{'sources':"
	    "[7,{'secret':{'name':5}}]},'a':3}],'containers':{'a':1},'imagePullSecrets':'x'}}");
	put("x", "q", "{'spec':[]}");
	put("x", "r", "7");
	ASSERT_FALSE(reads("n1", "secrets", "x", "x"));
	ASSERT_FALSE(reads("n1", "secrets", "x", ""));
	teardown();
}

TEST(others_are_no_nodes)
{
	const struct access_user u = {.name = STR("system:node:n1")};
	struct str name;

	setup();
	ASSERT_FALSE(access_node_name(&u, &name));
	ASSERT_FALSE(may("system:node", "list", "services", NULL, NULL, NULL));
	ASSERT_STR(reason, STR(""));
	ASSERT_FALSE(may("system:node:", "list", "services", NULL, NULL, NULL));
	ASSERT_STR(reason, STR("unknown node for user \"system:node:\""));
	ASSERT_TRUE(may("system:node:n1", "list", "services", NULL, NULL, NULL));
	ASSERT_FALSE(may("system:node:n1", "delete", "services", NULL, "x", "s"));
	ASSERT_FALSE(may("system:node:n1", "delete", "nodes", NULL, NULL, "n1"));
	teardown();
}
