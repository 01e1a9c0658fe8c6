/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/upkeep/aggregate.h"
#include "tests/harness/test.h"

static const char roles[] =
	"{'items':["
	"{'metadata':{'name':'a','labels':{'to':'x'}},'rules':[{'verbs':['1']},{'verbs':['2']}]},"
	"{'metadata':{'name':'b','labels':{'to':'x'}},'rules':[{'verbs':['2']},{'verbs':['3']}]},"
	"{'metadata':{'name':'c','labels':{'to':'y'}},'rules':null},"
	"{'metadata':{'name':'d'},'rules':[{'verbs':['4']}]}]}";

static struct json *parse(struct arena *a, const char *text)
{
	char *s = arena_strdup(a, text);
	struct json *n;
	struct err err;

	for (char *p = s; *p; p++)
		if (*p == '\'')
			*p = '"';
	ASSERT_OK(json_parse(a, str_of(s), 0, &n, &err));
	return n;
}

static void check(const char *role, const char *want)
{
	struct buf b = BUF_INIT;
	struct json *rules;
	struct arena a;

	arena_init(&a, 0);
	rules = controller_aggregated(&a, parse(&a, roles), parse(&a, role));
	if (rules)
		json_write(&b, rules);
	ASSERT_STREQ(rules ? b.ptr : "(as it is)", want);
	buf_fini(&b);
	arena_fini(&a);
}

#define RULE(to) "'aggregationRule':{'clusterRoleSelectors':[{'matchLabels':{'to':'" to "'}}]}"

TEST(takes_each_rule_once)
{
	check("{'metadata':{'name':'z'}," RULE("x") "}",
	      "[{\"verbs\":[\"1\"]},{\"verbs\":[\"2\"]},{\"verbs\":[\"3\"]}]");
	check("{'metadata':{'name':'z'}," RULE("x") ",'rules':[{'verbs':['1']},{'verbs':['2']},"
						    "{'verbs':['3']}]}",
	      "(as it is)");
	check("{'metadata':{'name':'z'}," RULE("y") ",'rules':[{'verbs':['1']}]}", "[]");
	check("{'metadata':{'name':'z'}," RULE("y") "}", "(as it is)");
}

TEST(does_not_take_its_own)
{
	check("{'metadata':{'name':'a'}," RULE("x") "}",
	      "[{\"verbs\":[\"2\"]},{\"verbs\":[\"3\"]}]");
}

TEST(leaves_others_alone)
{
	check("{'metadata':{'name':'z'},'rules':[{'verbs':['1']}]}", "(as it is)");
	check("{'metadata':{'name':'z'},'aggregationRule':7,'rules':[]}", "(as it is)");
}
