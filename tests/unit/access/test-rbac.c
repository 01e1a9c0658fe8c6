/* SPDX-License-Identifier: Apache-2.0 */
#include "access/rbac.h"
#include "tests/harness/test.h"

static struct arena a;
static struct access_rbac *rbac;

/* "'" stands for '"'. */
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

static void put(enum access_rbac_kind kind, const char *ns, const char *name, const char *text)
{
	access_rbac_put(rbac, kind, str_of(ns), str_of(name), text ? parse(text) : NULL);
}

static void setup(void)
{
	arena_init(&a, 0);
	rbac = access_rbac_new();
}

static void teardown(void)
{
	access_rbac_free(rbac);
	arena_fini(&a);
}

static bool may(const char *user, const char *group, const char *verb, const char *api_group,
		const char *resource, const char *sub, const char *ns, const char *name)
{
	struct str groups[] = {str_of(group ? group : "system:authenticated")};
	const struct access_user u = {.name = str_of(user), .groups = groups, .n_groups = 1};
	const struct access_attrs at = {.verb = str_of(verb),
					.is_resource = true,
					.group = str_of(api_group),
					.resource = str_of(resource),
					.sub = str_of(sub),
					.ns = str_of(ns),
					.name = str_of(name)};
	struct str reason;
	bool ret = access_rbac_allows(rbac, &u, &at);

	ASSERT_EQ(access_rbac_explain(rbac, &u, &at, &a, &reason), ret);
	return ret;
}

static bool may_path(const char *user, const char *verb, const char *path)
{
	const struct access_user u = {.name = str_of(user)};
	const struct access_attrs at = {.verb = str_of(verb), .path = str_of(path)};

	return access_rbac_allows(rbac, &u, &at);
}

#define BINDING(kind, role, subject_kind, subject)                                                 \
	"{'roleRef':{'kind':'" kind "','name':'" role "'},"                                        \
	"'subjects':[{'kind':'" subject_kind "','name':'" subject "','namespace':'n'}]}"

TEST(denies_what_no_rule_allows)
{
	setup();
	ASSERT_FALSE(may("jane", NULL, "get", "", "pods", NULL, "n", "x"));
	ASSERT_FALSE(may_path("jane", "get", "/api"));
	ASSERT_TRUE(may("jane", "system:masters", "any", "x", "y", "z", "n", "x"));
	teardown();
}

TEST(rules_of_a_namespace_hold_there_only)
{
	setup();
	put(ACCESS_ROLE, "n", "r",
	    "{'rules':[{'verbs':['get','list'],'apiGroups':[''],'resources':['pods','pods/log']}]}");
	put(ACCESS_ROLE_BINDING, "n", "b", BINDING("Role", "r", "User", "jane"));
	ASSERT_TRUE(may("jane", NULL, "get", "", "pods", NULL, "n", "x"));
	ASSERT_TRUE(may("jane", NULL, "get", "", "pods", "log", "n", "x"));
	ASSERT_FALSE(may("jane", NULL, "get", "", "pods", "exec", "n", "x"));
	ASSERT_FALSE(may("jane", NULL, "watch", "", "pods", NULL, "n", NULL));
	ASSERT_FALSE(may("jane", NULL, "get", "apps", "pods", NULL, "n", "x"));
	ASSERT_FALSE(may("jane", NULL, "get", "", "pods", NULL, "m", "x"));
	ASSERT_FALSE(may("jane", NULL, "list", "", "pods", NULL, NULL, NULL));
	ASSERT_FALSE(may("joe", NULL, "get", "", "pods", NULL, "n", "x"));
	teardown();
}

TEST(rules_of_the_cluster_hold_where_they_are_given)
{
	setup();
	put(ACCESS_CLUSTER_ROLE, NULL, "c",
	    "{'rules':[{'verbs':['*'],'apiGroups':['*'],'resources':['*/status','nodes']},"
	    "{'verbs':['get'],'nonResourceURLs':['/x','/y/*']}]}");
	put(ACCESS_CLUSTER_ROLE_BINDING, NULL, "b", BINDING("ClusterRole", "c", "Group", "team"));
	put(ACCESS_ROLE_BINDING, "n", "b", BINDING("ClusterRole", "c", "User", "jane"));
	ASSERT_TRUE(may("x", "team", "patch", "apps", "deployments", "status", "m", "x"));
	ASSERT_TRUE(may("x", "team", "odd", "", "nodes", NULL, NULL, NULL));
	ASSERT_FALSE(may("x", "team", "get", "", "pods", NULL, "m", "x"));
	ASSERT_TRUE(may("jane", NULL, "get", "", "pods", "status", "n", "x"));
	ASSERT_FALSE(may("jane", NULL, "get", "", "pods", "status", "m", "x"));
	ASSERT_FALSE(may_path("jane", "get", "/x"));
	put(ACCESS_CLUSTER_ROLE_BINDING, NULL, "b2", BINDING("ClusterRole", "c", "User", "joe"));
	ASSERT_TRUE(may_path("joe", "get", "/x"));
	ASSERT_TRUE(may_path("joe", "get", "/y/z/a"));
	ASSERT_FALSE(may_path("joe", "get", "/x/"));
	ASSERT_FALSE(may_path("joe", "post", "/x"));
	teardown();
}

TEST(names_limit_a_rule)
{
	setup();
	put(ACCESS_ROLE, "n", "r",
	    "{'rules':[{'verbs':['get'],'apiGroups':[''],'resources':['pods'],'resourceNames':['p']}]}");
	put(ACCESS_ROLE_BINDING, "n", "b", BINDING("Role", "r", "ServiceAccount", "bob"));
	ASSERT_TRUE(may("system:serviceaccount:n:bob", NULL, "get", "", "pods", NULL, "n", "p"));
	ASSERT_FALSE(may("system:serviceaccount:n:bob", NULL, "get", "", "pods", NULL, "n", "q"));
	ASSERT_FALSE(may("system:serviceaccount:m:bob", NULL, "get", "", "pods", NULL, "n", "p"));
	teardown();
}

TEST(follows_changes)
{
	setup();
	put(ACCESS_ROLE_BINDING, "n", "b", BINDING("Role", "r", "User", "jane"));
	ASSERT_FALSE(may("jane", NULL, "get", "", "pods", NULL, "n", "p"));
	put(ACCESS_ROLE, "n", "r",
	    "{'rules':[{'verbs':['get'],'apiGroups':[''],'resources':['pods']}]}");
	ASSERT_TRUE(may("jane", NULL, "get", "", "pods", NULL, "n", "p"));
	put(ACCESS_ROLE, "n", "r",
	    "{'rules':[{'verbs':['get'],'apiGroups':[''],'resources':['nodes']}]}");
	ASSERT_FALSE(may("jane", NULL, "get", "", "pods", NULL, "n", "p"));
	put(ACCESS_ROLE, "n", "r", NULL);
	put(ACCESS_ROLE, "n", "r",
	    "{'rules':[{'verbs':['*'],'apiGroups':['*'],'resources':['*']}]}");
	put(ACCESS_ROLE_BINDING, "n", "b", BINDING("Role", "r", "User", "joe"));
	ASSERT_FALSE(may("jane", NULL, "get", "", "pods", NULL, "n", "p"));
	ASSERT_TRUE(may("joe", NULL, "get", "", "pods", NULL, "n", "p"));
	put(ACCESS_ROLE_BINDING, "n", "b", NULL);
	ASSERT_FALSE(may("joe", NULL, "get", "", "pods", NULL, "n", "p"));
	put(ACCESS_ROLE_BINDING, "n", "never", NULL);
	teardown();
}

TEST(broken_objects_give_nothing)
{
	static const char *const texts[] = {"{}",
					    "[]",
					    "{'rules':{}}",
					    "{'rules':[1,null,[]]}",
					    "{'rules':[{'verbs':'*','apiGroups':7}]}",
					    "{'roleRef':[],'subjects':[{'kind':'User'},3]}"};

	setup();
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		for (int k = ACCESS_ROLE; k <= ACCESS_CLUSTER_ROLE_BINDING; k++)
			put((enum access_rbac_kind)k, k == ACCESS_ROLE ? "n" : NULL, "x", texts[i]);
	ASSERT_FALSE(may("", NULL, "get", "", "pods", NULL, "n", "p"));
	teardown();
}

TEST(explains)
{
	struct str reason;
	const struct access_user jane = {.name = STR("jane")};
	const struct access_attrs at = {.verb = STR("get"),
					.is_resource = true,
					.group = STR(""),
					.resource = STR("pods"),
					.ns = STR("n")};

	setup();
	put(ACCESS_ROLE_BINDING, "n", "b", BINDING("Role", "r", "User", "jane"));
	ASSERT_FALSE(access_rbac_explain(rbac, &jane, &at, &a, &reason));
	ASSERT_STR(reason, STR("RBAC: role.rbac.authorization.k8s.io \"r\" not found"));
	put(ACCESS_ROLE, "n", "r",
	    "{'rules':[{'verbs':['get'],'apiGroups':[''],'resources':['pods']}]}");
	ASSERT_TRUE(access_rbac_explain(rbac, &jane, &at, &a, &reason));
	ASSERT_STR(reason,
		   STR("RBAC: allowed by RoleBinding \"b/n\" of Role \"r\" to User \"jane\""));
	teardown();
}

static bool covers(const char *rules, struct str *ret_missing)
{
	const struct access_user jane = {.name = STR("jane")};
	size_t n;
	struct access_rule *r = access_rules_from(&a, parse(rules), &n);

	*ret_missing = STR("");
	return access_rbac_covers(rbac, &jane, STR("n"), r, n, &a, ret_missing);
}

/* `n` times the same word, as a list. */
static void add_words(struct buf *b, const char *key, const char *word, size_t n)
{
	buf_printf(b, "'%s':[", key);
	for (size_t i = 0; i < n; i++)
		buf_printf(b, "%s'%s'", i ? "," : "", word);
	buf_add_byte(b, ']');
}

/* Three lists of one rule multiply: 10^15 rights fit into one request. */
/* Each took as much as the square of what a client sends, or of what it has stored. */
TEST(what_is_said_often_costs_once)
{
	enum {
		BINDINGS = 10,
		TIMES = 40000
	};
	static const struct str verb[] = {{"get", 3}};
	const struct access_user u = {.name = STR("jane")};
	const struct access_attrs at = {.verb = STR("x")};
	const struct access_strs one = {verb, 1};
	struct access_strs many = {.n = TIMES};
	struct access_rule rule = {.groups = one, .resources = one};
	struct str *verbs, missing;
	struct buf b = BUF_INIT;
	char name[16];

	setup();
	verbs = arena_array(&a, TIMES, sizeof(*verbs));
	buf_add_c(&b, "{'roleRef':{'kind':'Role','name':'none'},'subjects':[");
	for (int i = 0; i < TIMES; i++) {
		buf_printf(&b, "%s{'kind':'User','name':'jane'}", i ? "," : "");
		verbs[i] = str_printf(&a, "%d", i);
	}
	buf_add_c(&b, "]}");
	for (int i = 0; i < BINDINGS; i++) {
		snprintf(name, sizeof(name), "%d", i);
		put(ACCESS_CLUSTER_ROLE_BINDING, "", name, b.ptr);
	}
	ASSERT_FALSE(access_rbac_explain(rbac, &u, &at, &a, &missing));
	ASSERT_TRUE(missing.len > 0 && missing.len < 2 * ACCESS_MISSING_TEXT_MAX);
	for (int i = 0; i < BINDINGS; i++) {
		snprintf(name, sizeof(name), "%d", i);
		put(ACCESS_CLUSTER_ROLE_BINDING, "", name, NULL);
	}
	many.ptr = verbs;
	rule.verbs = many;
	ASSERT_FALSE(access_rbac_covers(rbac, &u, STR("n"), &rule, 1, &a, &missing));
	buf_fini(&b);
	teardown();
}

/* What one holds may be as long as what one asks for. */
TEST(long_rules_are_not_compared_to_their_end)
{
	enum {
		WORDS = 30000
	};
	const struct access_user u = {.name = STR("jane")};
	struct access_rule *wanted;
	struct str missing;
	struct buf b = BUF_INIT;
	size_t n;

	setup();
	buf_add_c(&b, "{'rules':[{'apiGroups':[''],'resources':['pods'],'verbs':[");
	for (int i = 0; i < WORDS; i++)
		buf_printf(&b, "%s'v%d'", i ? "," : "", i);
	buf_add_c(&b, "]}]}");
	put(ACCESS_ROLE, "n", "r", b.ptr);
	put(ACCESS_ROLE_BINDING, "n", "b", BINDING("Role", "r", "User", "jane"));
	wanted = access_rules_from(&a, json_get(parse(b.ptr), "rules"), &n);
	ASSERT_FALSE(access_rbac_covers(rbac, &u, STR("n"), wanted, n, &a, &missing));
	ASSERT_TRUE(str_has_prefix(missing, STR("more than ")));
	buf_fini(&b);
	teardown();
}

TEST(a_rule_of_too_many_rights_is_not_compared_to_its_end)
{
	static const char *const words[] = {"get", "nope"};
	struct str missing;

	setup();
	put(ACCESS_ROLE, "n", "r",
	    "{'rules':[{'verbs':['get'],'apiGroups':['get'],'resources':['get']}]}");
	put(ACCESS_ROLE_BINDING, "n", "b", BINDING("Role", "r", "User", "jane"));
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		struct buf b = BUF_INIT;

		buf_add_c(&b, "[{");
		add_words(&b, "verbs", words[i], 100000);
		buf_add_byte(&b, ',');
		add_words(&b, "apiGroups", words[i], 100000);
		buf_add_byte(&b, ',');
		add_words(&b, "resources", words[i], 100000);
		buf_add_c(&b, "}]");
		ASSERT_FALSE(covers(b.ptr, &missing));
		ASSERT_TRUE(missing.len > 0);
		buf_fini(&b);
	}
	teardown();
}

TEST(nobody_covers_more_than_they_have)
{
	struct str missing;

	setup();
	put(ACCESS_ROLE, "n", "r",
	    "{'rules':[{'verbs':['get'],'apiGroups':[''],'resources':['pods','*/scale']},"
	    "{'verbs':['list'],'apiGroups':['*'],'resources':['*']},"
	    "{'verbs':['update'],'apiGroups':[''],'resources':['pods'],'resourceNames':['p']}]}");
	put(ACCESS_ROLE_BINDING, "n", "b", BINDING("Role", "r", "User", "jane"));
	ASSERT_TRUE(covers("[{'verbs':['get'],'apiGroups':[''],'resources':['pods','x/scale']}]",
			   &missing));
	ASSERT_TRUE(
		covers("[{'verbs':['list'],'apiGroups':['*','y'],'resources':['*']}]", &missing));
	ASSERT_TRUE(covers("[{'verbs':['update'],'apiGroups':[''],'resources':['pods'],"
			   "'resourceNames':['p']}]",
			   &missing));
	ASSERT_FALSE(
		covers("[{'verbs':['update','*'],'apiGroups':[''],'resources':['pods','a'],"
		       "'resourceNames':['p','q']},{'verbs':['get'],'nonResourceURLs':['/x']}]",
		       &missing));
	ASSERT_STR(missing, STR("{APIGroups:[\"\"], Resources:[\"a\"], ResourceNames:[\"p\"], "
				"Verbs:[\"*\" \"update\"]}\n"
				"{APIGroups:[\"\"], Resources:[\"a\"], ResourceNames:[\"q\"], "
				"Verbs:[\"*\" \"update\"]}\n"
				"{APIGroups:[\"\"], Resources:[\"pods\"], ResourceNames:[\"p\"], "
				"Verbs:[\"*\"]}\n"
				"{APIGroups:[\"\"], Resources:[\"pods\"], ResourceNames:[\"q\"], "
				"Verbs:[\"*\" \"update\"]}\n"
				"{NonResourceURLs:[\"/x\"], Verbs:[\"get\"]}"));
	teardown();
}
