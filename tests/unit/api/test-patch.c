/* SPDX-License-Identifier: Apache-2.0 */
#include "api/kind.h"
#include "api/patch/patch.h"
#include "tests/harness/test.h"
#include "tests/unit/api/text.h"

static struct arena a;

static struct json *parse(const char *text)
{
	return text_parse(&a, text);
}

static const char *text_of(const struct json *n)
{
	return text_of_json(&a, n);
}

/* `code` 0: the result is `want`; else the failure. Neither input may change. */
static void check(enum api_patch_kind kind, const char *type, const char *obj, const char *patch,
		  const char *want, int code)
{
	struct json *o = parse(obj), *p = parse(patch), *result = NULL;
	struct err err = {0};
	int r = api_patch(&a, kind, type ? api_kind_of(type)->type : NULL, o, p, &result, &err);

	if (r != code)
		test_fail(__FILE__, __LINE__, "%s + %s: %d (%s), wanted %d", obj, patch, r, err.msg,
			  code);
	if (code == 0)
		ASSERT_STREQ(text_of(result), text_of(parse(want)));
	ASSERT_STREQ(text_of(o), text_of(parse(obj)));
	ASSERT_STREQ(text_of(p), text_of(parse(patch)));
}

static const struct json_case {
	const char *obj, *patch, *want;
	int code;
} json_cases[] = {
	/* RFC 6902, appendix A */
	{"{'foo':'bar'}", "[{'op':'add','path':'/baz','value':'qux'}]", "{'foo':'bar','baz':'qux'}",
	 0},
	{"{'foo':['bar','baz']}", "[{'op':'add','path':'/foo/1','value':'qux'}]",
	 "{'foo':['bar','qux','baz']}", 0},
	{"{'baz':'qux','foo':'bar'}", "[{'op':'remove','path':'/baz'}]", "{'foo':'bar'}", 0},
	{"{'foo':['bar','qux','baz']}", "[{'op':'remove','path':'/foo/1'}]",
	 "{'foo':['bar','baz']}", 0},
	{"{'baz':'qux','foo':'bar'}", "[{'op':'replace','path':'/baz','value':'boo'}]",
	 "{'baz':'boo','foo':'bar'}", 0},
	{"{'foo':{'bar':'baz','waldo':'fred'},'qux':{'corge':'grault'}}",
	 "[{'op':'move','from':'/foo/waldo','path':'/qux/thud'}]",
	 "{'foo':{'bar':'baz'},'qux':{'corge':'grault','thud':'fred'}}", 0},
	{"{'foo':['all','grass','cows','eat']}", "[{'op':'move','from':'/foo/1','path':'/foo/3'}]",
	 "{'foo':['all','cows','eat','grass']}", 0},
	{"{'baz':'qux','foo':['a',2,'c']}",
	 "[{'op':'test','path':'/baz','value':'qux'},{'op':'test','path':'/foo/1','value':2}]",
	 "{'baz':'qux','foo':['a',2,'c']}", 0},
	{"{'baz':'qux'}", "[{'op':'test','path':'/baz','value':'bar'}]", NULL, ERR_INVALID},
	{"{'foo':'bar'}", "[{'op':'add','path':'/child','value':{'grandchild':{}}}]",
	 "{'foo':'bar','child':{'grandchild':{}}}", 0},
	{"{'foo':'bar'}", "[{'op':'add','path':'/baz','value':'qux','xyz':123}]",
	 "{'foo':'bar','baz':'qux'}", 0},
	{"{'foo':'bar'}", "[{'op':'add','path':'/baz/bat','value':'qux'}]", NULL, ERR_INVALID},
	{"{'/':9,'~1':10}", "[{'op':'test','path':'/~01','value':10}]", "{'/':9,'~1':10}", 0},
	{"{'/':9,'~1':10}", "[{'op':'test','path':'/~01','value':'10'}]", NULL, ERR_INVALID},
	{"{'foo':['bar']}", "[{'op':'add','path':'/foo/-','value':['abc','def']}]",
	 "{'foo':['bar',['abc','def']]}", 0},
	/* the rest */
	{"{'a':1}", "[]", "{'a':1}", 0},
	{"{'a':1}", "[{'op':'replace','path':'','value':{'b':2}}]", "{'b':2}", 0},
	{"{'a':1}", "[{'op':'add','path':'','value':[1]}]", NULL, ERR_INVALID},
	{"{'a':1}", "[{'op':'replace','path':'','value':1}]", NULL, ERR_INVALID},
	{"{'a':1}", "[{'op':'copy','path':'/b','from':''}]", NULL, ERR_INVALID},
	{"{'a':1}", "null", "{'a':1}", 0},
	{"{'a':1}", "[{'op':'remove','path':''}]", NULL, ERR_INVALID},
	{"{'a':{'b':1}}",
	 "[{'op':'copy','from':'/a','path':'/c'},"
	 "{'op':'replace','path':'/c/b','value':2}]",
	 "{'a':{'b':1},'c':{'b':2}}", 0},
	{"{'a':{'b':1}}", "[{'op':'move','from':'/a','path':'/a/c'}]", NULL, ERR_INVALID},
	{"{'a':{'b':1}}", "[{'op':'move','from':'/a','path':'/a'}]", "{'a':{'b':1}}", 0},
	{"{'a':1,'ab':2}", "[{'op':'move','from':'/a','path':'/ab'}]", "{'ab':1}", 0},
	{"{'':1}", "[{'op':'replace','path':'/','value':2}]", "{'':2}", 0},
	{"{'a':[0]}", "[{'op':'add','path':'/a/2','value':1}]", NULL, ERR_INVALID},
	{"{'a':[0]}", "[{'op':'add','path':'/a/1','value':1}]", "{'a':[0,1]}", 0},
	{"{'a':[0,1]}", "[{'op':'replace','path':'/a/00','value':1}]", "{'a':[1,1]}", 0},
	{"{'a':[0,1]}", "[{'op':'replace','path':'/a/-','value':1}]", NULL, ERR_INVALID},
	{"{'a':[0,1]}", "[{'op':'replace','path':'/a/-2','value':1}]", "{'a':[1,1]}", 0},
	{"{'a':[0,1]}", "[{'op':'replace','path':'/a/-3','value':1}]", NULL, ERR_INVALID},
	{"{'a':[0,1]}", "[{'op':'replace','path':'/a/2','value':1}]", NULL, ERR_INVALID},
	{"{'a':[0,1]}", "[{'op':'add','path':'/a/-1','value':2}]", "{'a':[0,1,2]}", 0},
	{"{}", "[{'op':'replace','path':'/a','value':1}]", "{'a':1}", 0},
	{"{}", "[{'op':'replace','path':'/a/b','value':1}]", NULL, ERR_INVALID},
	{"{}", "[{'op':'copy','from':'/a','path':'/b'}]", "{'b':null}", 0},
	{"{}", "[{'op':'move','from':'/a','path':'/b'}]", NULL, ERR_INVALID},
	{"{}", "[{'op':'test','path':'/a','value':null}]", "{}", 0},
	{"{}", "[{'op':'test','path':'/a','value':1}]", NULL, ERR_INVALID},
	{"{'a':null}", "[{'op':'test','path':'/a','value':null}]", "{'a':null}", 0},
	{"{}", "[{'op':'remove','path':'/a'}]", NULL, ERR_INVALID},
	{"{}", "[{'op':'add','path':'a','value':1}]", NULL, ERR_INVALID},
	{"{}", "[{'op':'add','path':'/~2','value':1}]", "{'~2':1}", 0},
	{"{}", "[{'op':'add','path':'/a'}]", "{'a':null}", 0},
	{"{}", "[{'op':'add','value':1}]", NULL, ERR_INVALID},
	{"{}", "[{'op':'copy','path':'/a'}]", NULL, ERR_INVALID},
	{"{}", "[{'op':'spam','path':'/a'}]", NULL, ERR_INVALID},
	{"{}", "[{'op':'add','path':5,'value':1}]", NULL, ERR_BAD_REQUEST},
	{"{}", "[null]", NULL, ERR_INVALID},
	{"{}", "[1]", NULL, ERR_BAD_REQUEST},
	{"{}", "{}", NULL, ERR_BAD_REQUEST},
};

TEST(applies_json_patches)
{
	arena_init(&a, 0);
	for (size_t i = 0; i < ARRAY_LEN(json_cases); i++)
		check(API_PATCH_JSON, NULL, json_cases[i].obj, json_cases[i].patch,
		      json_cases[i].want, json_cases[i].code);
	arena_fini(&a);
}

/* A patch of `n` times the operation `op`. */
static struct json *repeat(const char *op, size_t n)
{
	struct json *list = json_new(&a, JSON_ARRAY);

	for (size_t i = 0; i < n; i++)
		json_append(list, parse(op));
	return list;
}

TEST(limits_what_a_json_patch_can_do)
{
	struct json *obj, *ret;
	struct err err;

	arena_init(&a, 0);
	obj = parse("{'a':{'b':{}}}");
	ASSERT_OK(api_patch_json(
		&a, obj, repeat("{'op':'test','path':'/a','value':{'b':{}}}", 10000), &ret, &err));
	ASSERT_ERR(
		api_patch_json(&a, obj, repeat("{'op':'remove','path':'/a'}", 10001), &ret, &err),
		ERR_TOO_LARGE);
	/* each copy would double the object … */
	ASSERT_ERR(api_patch_json(&a, parse("{'a':[1]}"),
				  repeat("{'op':'copy','from':'/a','path':'/a/-'}", 60), &ret,
				  &err),
		   ERR_TOO_LARGE);
	/* … or make it one level deeper */
	ASSERT_OK(api_patch_json(&a, parse("{'a':{}}"),
				 repeat("{'op':'copy','from':'/a','path':'/a/b'}", 98), &ret,
				 &err));
	ASSERT_ERR(api_patch_json(&a, parse("{'a':{}}"),
				  repeat("{'op':'copy','from':'/a','path':'/a/b'}", 101), &ret,
				  &err),
		   ERR_TOO_LARGE);
	arena_fini(&a);
}

TEST(applies_json_merge_patches)
{
	/* RFC 7386, appendix A, but for patches that are no objects: the API refuses those */
	static const char *const cases[][3] = {
		{"{'a':'b'}", "{'a':'c'}", "{'a':'c'}"},
		{"{'a':'b'}", "{'b':'c'}", "{'a':'b','b':'c'}"},
		{"{'a':'b'}", "{'a':null}", "{}"},
		{"{'a':'b','b':'c'}", "{'a':null}", "{'b':'c'}"},
		{"{'a':['b']}", "{'a':'c'}", "{'a':'c'}"},
		{"{'a':'c'}", "{'a':['b']}", "{'a':['b']}"},
		{"{'a':{'b':'c'}}", "{'a':{'b':'d','c':null}}", "{'a':{'b':'d'}}"},
		{"{'a':[{'b':'c'}]}", "{'a':[1]}", "{'a':[1]}"},
		{"{'e':null}", "{'a':1}", "{'e':null,'a':1}"},
		{"{'e':null,'f':1}", "{'f':null}", "{'e':null}"},
		{"[1,2]", "{'a':'b','c':null}", "{'a':'b'}"},
		{"{}", "{'a':{'bb':{'ccc':null}}}", "{'a':{'bb':{}}}"},
		{"{'a':1}", "{'a':null,'a':2}", "{'a':2}"},
		{"{'a':{'x':1}}", "{'a':null,'a':{'y':2}}", "{'a':{'y':2}}"},
		{"{'a':1}", "{}", "{'a':1}"},
		{"{'a':{'$patch':'x'}}", "{'a':{'$patch':'delete'}}", "{'a':{'$patch':'delete'}}"},
	};

	arena_init(&a, 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		check(API_PATCH_MERGE, NULL, cases[i][0], cases[i][1], cases[i][2], 0);
	check(API_PATCH_MERGE, NULL, "{'a':'foo'}", "null", NULL, ERR_BAD_REQUEST);
	check(API_PATCH_MERGE, NULL, "{'a':'foo'}", "['c']", NULL, ERR_BAD_REQUEST);
	arena_fini(&a);
}

TEST(merges_large_objects)
{
	struct json *obj, *patch, *ret;
	struct err err;

	arena_init(&a, 0);
	obj = json_new(&a, JSON_OBJECT);
	patch = json_new(&a, JSON_OBJECT);
	for (int i = 0; i < 20000; i++) {
		struct json *n = json_new_int(&a, i);

		n->key = str_printf(&a, "k%d", i);
		json_append(obj, n);
		n = i % 2 ? json_new(&a, JSON_NULL) : json_new_int(&a, -i);
		n->key = str_printf(&a, "k%d", 19999 - i);
		json_append(patch, n);
	}
	ASSERT_OK(api_patch_merge(&a, obj, patch, &ret, &err));
	ASSERT_EQ(ret->count, 10000);
	ASSERT_EQ(json_get_int(ret, "k19999", 1), 0);
	ASSERT_TRUE(json_get(ret, "k19998") == NULL);
	arena_fini(&a);
}

/* Each null was unlinked by walking to it. */
TEST(takes_many_nulls_out_at_once)
{
	enum {
		MEMBERS = 150000
	};
	struct buf b = BUF_INIT;
	struct json *result;
	struct err err;

	arena_init(&a, 0);
	buf_add_c(&b, "{'data':{");
	for (int i = 0; i < 2 * MEMBERS; i++)
		buf_printf(&b, "%s'k%d':%s", i ? "," : "", i, i < MEMBERS ? "''" : "null");
	buf_add_c(&b, "}}");
	ASSERT_OK(api_patch(&a, API_PATCH_MERGE, NULL, parse("{}"), parse(b.ptr), &result, &err));
	ASSERT_EQ(json_get(result, "data")->count, MEMBERS);
	buf_fini(&b);
	arena_fini(&a);
}

#define PORTS(list) "{'spec':{'ports':[" list "]}}"
#define META(rest)  "{'metadata':{" rest "}}"

static const struct smp_case {
	const char *kind, *obj, *patch, *want;
	int code;
} smp_cases[] = {
	/* maps and plain fields */
	{"Service", META("'labels':{'a':'1','b':'2'}"), META("'labels':{'a':null,'c':'3'}"),
	 META("'labels':{'b':'2','c':'3'}"), 0},
	{"Service", META("'labels':{'a':'1'}"), META("'labels':{'$patch':'replace','c':'3'}"),
	 META("'labels':{'c':'3'}"), 0},
	{"Service", META("'labels':{'a':'1'}"), META("'labels':{'$patch':'delete'}"),
	 META("'labels':{}"), 0},
	{"Service", META("'labels':{'a':'1'}"), META("'labels':{'$patch':'merge','b':'2'}"), NULL,
	 ERR_BAD_REQUEST},
	{"Service", META("'labels':{'a':'1'}"), META("'labels':null"), META(""), 0},
	{"Service", "{}", META("'labels':{'a':null,'b':'1'}"), META("'labels':{'b':'1'}"), 0},
	{"Service", "{}", "{'$patch':'move'}", NULL, ERR_BAD_REQUEST},
	{"Service", "{'spec':{'selector':{'a':'b'}}}", "{'spec':{'selector':{'c':'d'}}}",
	 "{'spec':{'selector':{'a':'b','c':'d'}}}", 0},
	/* atomic lists are replaced */
	{"Service", "{'spec':{'clusterIPs':['192.0.2.1']}}",
	 "{'spec':{'clusterIPs':['192.0.2.2']}}", "{'spec':{'clusterIPs':['192.0.2.2']}}", 0},
	/* lists by merge key */
	{"Service", PORTS("{'port':80,'name':'a'},{'port':81,'name':'b'}"),
	 PORTS("{'port':81,'nodePort':30000}"),
	 PORTS("{'port':80,'name':'a'},{'port':81,'name':'b','nodePort':30000}"), 0},
	{"Service", PORTS("{'port':80},{'port':81}"), PORTS("{'port':82}"),
	 PORTS("{'port':82},{'port':80},{'port':81}"), 0},
	{"Service", PORTS("{'port':80},{'port':81}"), PORTS("{'port':80,'$patch':'delete'}"),
	 PORTS("{'port':81}"), 0},
	{"Service", PORTS("{'port':80},{'port':81}"), PORTS("{'$patch':'replace'},{'port':90}"),
	 PORTS("{'port':90}"), 0},
	{"Service", PORTS("{'port':80}"), PORTS("{'$patch':'merge'},{'port':80,'name':'x'}"), NULL,
	 ERR_BAD_REQUEST},
	{"Service", PORTS("{'port':80,'name':'a'}"),
	 PORTS("{'port':80,'name':'x'},{'port':80,'$patch':'delete'}"),
	 PORTS("{'port':80,'name':'x'}"), 0},
	{"Service", PORTS("{'port':80,'name':'a'}"), PORTS("{'port':80,'name':null}"),
	 PORTS("{'port':80}"), 0},
	{"Service", PORTS("{'port':80}"), PORTS("{'name':'x'}"), NULL, ERR_BAD_REQUEST},
	{"Service", PORTS("{'port':80}"), "{'spec':{'ports':7}}", "{'spec':{'ports':7}}", 0},
	{"Service", "{}", PORTS("{'port':80,'name':null}"), PORTS("{'port':80}"), 0},
	/* what is new is taken as it is, but for nulls and objects with "$patch" */
	{"Service", "{}", PORTS("{'port':80,'name':'a'},{'port':80,'name':'b'},{'name':'c'}"),
	 PORTS("{'port':80,'name':'a'},{'port':80,'name':'b'},{'name':'c'}"), 0},
	{"Service", "{}", PORTS("{'port':80,'$patch':'x'},{'port':81,'$retainKeys':[]}"),
	 PORTS("{'port':81,'$retainKeys':[]}"), 0},
	{"Service", PORTS("{'port':80}"), PORTS("{'port':81,'$retainKeys':[]}"),
	 PORTS("{'port':81,'$retainKeys':[]},{'port':80}"), 0},
	{"Service", "{'spec':{}}", "{'spec':{'selector':{'$patch':'merge','a':'b'}}}",
	 "{'spec':{}}", 0},
	{"Service", "{'spec':{'selector':'x'}}", "{'spec':{'selector':{'$patch':5}}}",
	 "{'spec':{}}", 0},
	{"Service", "{}", "{'spec':{'selector':{'$patch':null,'a':'b'}}}",
	 "{'spec':{'selector':{'a':'b'}}}", 0},
	{"Service", META("'labels':{'a':'1'}"),
	 META("'labels':{'$patch':'replace','b':null,'$retainKeys':[]}"),
	 META("'labels':{'b':null,'$retainKeys':[]}"), 0},
	{"EndpointSlice", "{'endpoints':[{'addresses':['192.0.2.1']}]}",
	 "{'endpoints':[{'addresses':['192.0.2.2'],'$patch':'delete','zone':null}]}",
	 "{'endpoints':[{'addresses':['192.0.2.2'],'$patch':'delete','zone':null}]}", 0},
	{"Service", PORTS("{'port':80},{'port':81}"), "{'spec':{'ports':null}}", "{'spec':{}}", 0},
	/* the known trap: two protocols of one port are one item */
	{"Service", PORTS("{'port':53,'protocol':'UDP'},{'port':53,'protocol':'TCP'}"),
	 PORTS("{'port':53,'name':'x'}"),
	 PORTS("{'port':53,'protocol':'UDP','name':'x'},{'port':53,'protocol':'TCP'}"), 0},
	/* order */
	{"Service", PORTS("{'port':1},{'port':2},{'port':3}"),
	 "{'spec':{'$setElementOrder/ports':[{'port':3},{'port':1},{'port':2}]}}",
	 PORTS("{'port':3},{'port':1},{'port':2}"), 0},
	{"Service", PORTS("{'port':1},{'port':2},{'port':3}"),
	 "{'spec':{'$setElementOrder/ports':[{'port':1},{'port':4},{'port':3}],"
	 "'ports':[{'port':4},{'port':2,'$patch':'delete'}]}}",
	 PORTS("{'port':1},{'port':4},{'port':3}"), 0},
	{"Service", PORTS("{'port':9},{'port':1},{'port':2}"),
	 "{'spec':{'$setElementOrder/ports':[{'port':2},{'port':1}],'ports':[{'port':1,'name':'x'}]}}",
	 PORTS("{'port':9},{'port':2},{'port':1,'name':'x'}"), 0},
	{"Service", "{'spec':{}}", "{'spec':{'$setElementOrder/nothing':[]}}", NULL,
	 ERR_BAD_REQUEST},
	{"Service", "{'spec':{}}", "{'spec':{'$setElementOrder':[]}}", NULL, ERR_BAD_REQUEST},
	{"Service", "{'spec':{}}", "{'spec':{'$setElementOrder/ports':5}}", NULL, ERR_BAD_REQUEST},
	{"Service", "{'spec':{}}",
	 "{'spec':{'$setElementOrder/ports':[{'port':1}],'ports':[{'port':1,'name':'a'}]}}",
	 PORTS("{'port':1,'name':'a'}"), 0},
	{"Service", PORTS("{'port':1}"),
	 "{'spec':{'$setElementOrder/ports':[{'port':2},{'port':1}],"
	 "'ports':[{'port':1},{'port':2}]}}",
	 NULL, ERR_BAD_REQUEST},
	{"Service", PORTS("{'port':1}"),
	 "{'spec':{'$setElementOrder/ports':[],'ports':[{'port':2}]}}",
	 PORTS("{'port':1},{'port':2}"), 0},
	{"Service", "{'spec':{'loadBalancerSourceRanges':['a']}}",
	 "{'spec':{'$setElementOrder/loadBalancerSourceRanges':['b'],"
	 "'loadBalancerSourceRanges':['b']}}",
	 "{'spec':{'loadBalancerSourceRanges':['b']}}", 0},
	/* lists of plain values */
	{"Service", META("'finalizers':['a','b']"), META("'finalizers':['c','a']"),
	 META("'finalizers':['c','a','b']"), 0},
	{"Service", META("'finalizers':['a','b','c']"),
	 META("'$deleteFromPrimitiveList/finalizers':['b']"), META("'finalizers':['a','c']"), 0},
	{"Service", META("'finalizers':['a']"), META("'$deleteFromPrimitiveList/finalizers':[5]"),
	 NULL, ERR_BAD_REQUEST},
	{"Service", META("'finalizers':['a']"), META("'$deleteFromPrimitiveList':[]"), NULL,
	 ERR_BAD_REQUEST},
	{"Service", META("'finalizers':['a','b','c']"),
	 META("'$deleteFromPrimitiveList/finalizers':['b'],"
	      "'$setElementOrder/finalizers':['d','c','a'],'finalizers':['d']"),
	 META("'finalizers':['d','c','a']"), 0},
	/* $retainKeys */
	{"Pod", "{'spec':{'volumes':[{'name':'v','emptyDir':{}}]}}",
	 "{'spec':{'volumes':[{'name':'v','$retainKeys':['name','hostPath'],"
	 "'hostPath':{'path':'/x'}}]}}",
	 "{'spec':{'volumes':[{'name':'v','hostPath':{'path':'/x'}}]}}", 0},
	{"Pod", "{'spec':{'volumes':[{'name':'v','emptyDir':{}}]}}",
	 "{'spec':{'volumes':[{'name':'v','$retainKeys':['name'],'hostPath':{}}]}}", NULL,
	 ERR_BAD_REQUEST},
	/* deeper */
	{"Pod", "{'spec':{'containers':[{'name':'a','env':[{'name':'X','value':'1'}]}]}}",
	 "{'spec':{'containers':[{'name':'a','env':[{'name':'Y','value':'2'}]}]}}",
	 "{'spec':{'containers':[{'name':'a','env':[{'name':'Y','value':'2'},"
	 "{'name':'X','value':'1'}]}]}}",
	 0},
	{"Node",
	 "{'status':{'capacity':{'cpu':'1','memory':'1Gi'},'addresses':[{'type':'InternalIP',"
	 "'address':'192.0.2.1'}],'conditions':[{'type':'Ready','status':'False'}]}}",
	 "{'status':{'capacity':{'cpu':'2'},'conditions':[{'type':'Ready','status':'True'}]}}",
	 "{'status':{'capacity':{'cpu':'2','memory':'1Gi'},'addresses':[{'type':'InternalIP',"
	 "'address':'192.0.2.1'}],'conditions':[{'type':'Ready','status':'True'}]}}",
	 0},
	{"Endpoints", "{'subsets':[{'addresses':[{'ip':'192.0.2.1'}]}]}",
	 "{'subsets':[{'ports':[{'port':1}]}]}", "{'subsets':[{'ports':[{'port':1}]}]}", 0},
	{"Service", "{}", "[]", NULL, ERR_BAD_REQUEST},
	{"Service", "{'spec':{'nothing':{'a':1}}}", "{'spec':{'nothing':{'b':2}}}",
	 "{'spec':{'nothing':{'a':1,'b':2}}}", 0},
};

TEST(applies_strategic_merge_patches)
{
	arena_init(&a, 0);
	for (size_t i = 0; i < ARRAY_LEN(smp_cases); i++)
		check(API_PATCH_STRATEGIC, smp_cases[i].kind, smp_cases[i].obj, smp_cases[i].patch,
		      smp_cases[i].want, smp_cases[i].code);
	arena_fini(&a);
}

TEST(knows_the_content_types)
{
	enum api_patch_kind kind;

	ASSERT_TRUE(api_patch_kind_of(STR("application/merge-patch+json"), &kind));
	ASSERT_EQ(kind, API_PATCH_MERGE);
	ASSERT_TRUE(api_patch_kind_of(STR("application/json-patch+json"), &kind));
	ASSERT_EQ(kind, API_PATCH_JSON);
	ASSERT_TRUE(api_patch_kind_of(STR("application/strategic-merge-patch+json"), &kind));
	ASSERT_EQ(kind, API_PATCH_STRATEGIC);
	ASSERT_FALSE(api_patch_kind_of(STR("application/apply-patch+yaml"), &kind));
}
