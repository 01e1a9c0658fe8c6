/* SPDX-License-Identifier: Apache-2.0 */
#include "access/node_limits.h"
#include "tests/harness/test.h"

static struct arena a;
static struct str why;

static struct json *parse(const char *text)
{
	char *s = arena_strdup(&a, text);
	struct json *n;
	struct err err;

	for (char *p = s; *p; p++)
		if (*p == '\'')
			*p = '"';
	ASSERT_OK(json_parse(&a, str_of(s), 0, &n, &err));
	return n;
}

/* Of node n1, about the Node of that name. */
static bool may(enum access_node_op op, const char *name, const char *old, const char *obj)
{
	const struct access_node_change c = {.op = op,
					     .group = STR(""),
					     .resource = STR("nodes"),
					     .name = str_of(name),
					     .old = old ? parse(old) : NULL,
					     .obj = obj ? parse(obj) : NULL};

	return access_node_may_write(&a, STR("n1"), &c, &why);
}

#define LABEL(key) "{'metadata':{'labels':{'" key "':'v'}}}"

TEST(keeps_labels_of_others)
{
	static const char *const fine[] = {
		LABEL("x"),
		LABEL("a.example/x"),
		LABEL("kubernetes.io/hostname"),
		LABEL("node.kubernetes.io/x"),
		LABEL("a.kubelet.kubernetes.io/x"),
		LABEL("xkubernetes.io/x"),
	};
	static const char *const bad[] = {
		LABEL("kubernetes.io/x"),
		LABEL("a.k8s.io/x"),
		LABEL("node-restriction.kubernetes.io/x"),
		LABEL("b.node-restriction.kubernetes.io/x"),
		LABEL("xnode.kubernetes.io/x"),
	};

	arena_init(&a, 0);
	for (size_t i = 0; i < ARRAY_LEN(fine); i++) {
		ASSERT_TRUE(may(ACCESS_NODE_CREATE, "n1", NULL, fine[i]));
		ASSERT_TRUE(may(ACCESS_NODE_UPDATE, "n1", "{}", fine[i]));
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		ASSERT_FALSE(may(ACCESS_NODE_CREATE, "n1", NULL, bad[i]));
		ASSERT_FALSE(may(ACCESS_NODE_UPDATE, "n1", "{}", bad[i]));
		ASSERT_FALSE(may(ACCESS_NODE_UPDATE, "n1", bad[i], "{}"));
		ASSERT_TRUE(may(ACCESS_NODE_UPDATE, "n1", bad[i], bad[i]));
	}
	ASSERT_FALSE(may(ACCESS_NODE_UPDATE, "n1",
			 "{'metadata':{'labels':{'k8s.io/b':'1','k8s.io/a':'1'}}}",
			 "{'metadata':{'labels':{'k8s.io/b':'2','k8s.io/c':'1'}}}"));
	ASSERT_STR(why, STR("is not allowed to modify labels: k8s.io/a, k8s.io/b, k8s.io/c"));
	arena_fini(&a);
}

/* By walking, this took minutes and gigabytes; the text that is made of them is an error's. */
TEST(keeps_many_labels_of_others_without_a_square)
{
	enum {
		LABELS = 100000
	};
	struct access_node_change c = {.op = ACCESS_NODE_UPDATE,
				       .group = STR(""),
				       .resource = STR("nodes"),
				       .name = STR("n1")};
	struct buf b = BUF_INIT;
	size_t before;

	arena_init(&a, 0);
	for (int old = 0; old < 2; old++) {
		buf_clear(&b);
		buf_add_c(&b, "{'metadata':{'labels':{");
		for (int i = 0; i < LABELS; i++)
			buf_printf(&b, "%s'kubernetes.io/%d%05d':'%d'", i ? "," : "",
				   i % 2 ? old : 2, i, old);
		buf_add_c(&b, "}}}");
		*(old ? &c.old : &c.obj) = parse(b.ptr);
	}
	before = a.total;
	ASSERT_FALSE(access_node_may_write(&a, STR("n1"), &c, &why));
	ASSERT_TRUE(a.total - before < 64 * 1024);
	ASSERT_TRUE(str_has_prefix(why, STR("is not allowed to modify labels: "
					    "kubernetes.io/000001, kubernetes.io/000003, ")));
	c.old = NULL;
	c.op = ACCESS_NODE_CREATE;
	ASSERT_FALSE(access_node_may_write(&a, STR("n1"), &c, &why));
	buf_fini(&b);
	arena_fini(&a);
}

TEST(nothing_is_as_good_as_an_empty_list)
{
	arena_init(&a, 0);
	ASSERT_TRUE(may(ACCESS_NODE_UPDATE, "n1", "{'spec':{'taints':[]}}", "{'spec':{}}"));
	ASSERT_FALSE(may(ACCESS_NODE_UPDATE, "n1", "{'spec':{'taints':[{}]}}", "{'spec':{}}"));
	ASSERT_FALSE(may(ACCESS_NODE_UPDATE, "n2", "{}", "{}"));
	arena_fini(&a);
}

TEST(other_kinds_are_let_be)
{
	const struct access_node_change c = {.group = STR("apps"), .resource = STR("pods")};

	ASSERT_TRUE(access_node_may_write(&a, STR("n1"), &c, &why));
}
