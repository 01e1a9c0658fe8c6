/* SPDX-License-Identifier: Apache-2.0 */
/* The sets are those that a stock kube-apiserver 1.36 has answered with. */
#include "api/kind.h"
#include "api/managed/field_walk.h"
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

static void check_set(const struct api_field_set *s, const char *want)
{
	ASSERT_STREQ(text_of(api_field_set_tree(&a, s)), text_of(parse(want)));
}

static const struct compare_case {
	const char *kind, *before, *now, *changed, *removed;
} compare_cases[] = {
	{"Service", "{'spec':{}}", "{'spec':{'type':'ClusterIP'}}", "{'f:spec':{'f:type':{}}}",
	 "{}"},
	{"Service", "{}", "{'metadata':{'name':'a','uid':'u','labels':{'a':'b'}}}",
	 "{'f:metadata':{'f:labels':{'.':{},'f:a':{}}}}", "{}"},
	{"Service", "{'metadata':{'labels':{'a':'b','c':'d'}}}",
	 "{'metadata':{'labels':{'a':'x'}}}", "{'f:metadata':{'f:labels':{'f:a':{}}}}",
	 "{'f:metadata':{'f:labels':{'f:c':{}}}}"},
	{"Service", "{'metadata':{'labels':{'a':'b'}}}", "{'metadata':{}}", "{}",
	 "{'f:metadata':{'f:labels':{'.':{},'f:a':{}}}}"},
	{"Service", "{'spec':{'selector':{'a':'b'}}}", "{'spec':{'selector':{'a':'b','c':'d'}}}",
	 "{'f:spec':{'f:selector':{}}}", "{}"},
	{"Service", "{'spec':{'ports':[{'port':80,'protocol':'TCP'}]}}",
	 "{'spec':{'ports':[{'port':443,'protocol':'TCP'},"
	 "{'port':80,'protocol':'TCP','name':'a'}]}}",
	 "{'f:spec':{'f:ports':{'k:{`port`:80,`protocol`:`TCP`}':{'f:name':{}},"
	 "'k:{`port`:443,`protocol`:`TCP`}':{'.':{},'f:port':{},'f:protocol':{}}}}}",
	 "{}"},
	{"Service", "{'metadata':{'finalizers':['a','b']}}",
	 "{'metadata':{'finalizers':['b','c']}}", "{'f:metadata':{'f:finalizers':{'v:`c`':{}}}}",
	 "{'f:metadata':{'f:finalizers':{'v:`a`':{}}}}"},
	/* Items with one key are one field together. */
	{"Service", "{'spec':{'ports':[{'port':1},{'port':1}]}}",
	 "{'spec':{'ports':[{'port':1},{'port':1,'name':'x'}]}}",
	 "{'f:spec':{'f:ports':{'k:{`port`:1,`protocol`:`TCP`}':{}}}}", "{}"},
	{"Endpoints", "{'subsets':[{'ports':[{'port':1}]}]}", "{'subsets':[{'ports':[]}]}",
	 "{'f:subsets':{}}", "{}"},
	{"Pod", "{'spec':{}}", "{'spec':{'volumes':[{'name':'v','emptyDir':{}}]}}",
	 "{'f:spec':{'f:volumes':{'.':{},'k:{`name`:`v`}':{'.':{},'f:emptyDir':{},'f:name':{}}}}}",
	 "{}"},
};

TEST(tells_what_has_changed)
{
	for (size_t i = 0; i < ARRAY_LEN(compare_cases); i++) {
		const struct compare_case *c = &compare_cases[i];
		struct api_field_diff d;

		api_fields_compare(&a, api_kind_of(c->kind)->type, parse(c->before), parse(c->now),
				   &d);
		check_set(&d.changed, c->changed);
		check_set(&d.removed, c->removed);
		api_fields_compare(&a, api_kind_of(c->kind)->type, parse(c->now), parse(c->now),
				   &d);
		ASSERT_TRUE(!d.changed.n && !d.removed.n);
	}
}

TEST(tells_what_a_configuration_sets)
{
	struct api_field_set s = api_fields_of(
		&a, api_kind_of("Service")->type,
		parse("{'apiVersion':'v1','metadata':{'name':'a','labels':{'x':'y'},"
		      "'annotations':{},'finalizers':[]},'spec':{'selector':{'a':'b'},"
		      "'type':null,'ports':[{'port':80}]}}"));

	check_set(&s, "{'f:metadata':{'f:annotations':{},'f:labels':{'f:x':{}}},"
		      "'f:spec':{'f:ports':{'k:{`port`:80,`protocol`:`TCP`}':{'.':{},'f:port':{}}},"
		      "'f:selector':{},'f:type':{}}}");
}

static const struct merge_case {
	const char *obj, *config, *want;
} merge_cases[] = {
	{"{'spec':{'type':'A','selector':{'a':'b'}}}", "{'spec':{'selector':{'c':'d'}}}",
	 "{'spec':{'type':'A','selector':{'c':'d'}}}"},
	{"{'metadata':{'labels':{'a':'b'}}}", "{'metadata':{'labels':{'c':'d','a':'e'}}}",
	 "{'metadata':{'labels':{'a':'e','c':'d'}}}"},
	{"{'metadata':{'labels':{'a':'b'}}}", "{'metadata':{'labels':null}}",
	 "{'metadata':{'labels':{'a':'b'}}}"},
	{"{'metadata':{'finalizers':['a','b','c']}}", "{'metadata':{'finalizers':['c','d','a']}}",
	 "{'metadata':{'finalizers':['b','c','d','a']}}"},
	{"{'metadata':{'finalizers':['a','b']}}", "{'metadata':{'finalizers':['x','b','y']}}",
	 "{'metadata':{'finalizers':['a','x','b','y']}}"},
	{"{'spec':{'ports':[{'port':80,'protocol':'TCP','nodePort':30000}]}}",
	 "{'spec':{'ports':[{'port':80,'name':'a'}]}}",
	 "{'spec':{'ports':[{'port':80,'protocol':'TCP','nodePort':30000,'name':'a'}]}}"},
	{"{}", "{'spec':{'ports':[]}}", "{'spec':{'ports':[]}}"},
};

TEST(merges)
{
	for (size_t i = 0; i < ARRAY_LEN(merge_cases); i++) {
		const struct merge_case *c = &merge_cases[i];
		struct json *got = api_fields_merge(&a, api_kind_of("Service")->type, parse(c->obj),
						    parse(c->config));

		ASSERT_STREQ(text_of(got), text_of(parse(c->want)));
	}
}

TEST(removes_members_and_what_is_below_them)
{
	struct json *obj = parse("{'metadata':{'labels':{'a':'b'}},'spec':{'type':'A','ports':["
				 "{'port':80,'protocol':'TCP','nodePort':3},{'port':81}]}}");
	struct api_field_set gone;
	struct err err;

	ASSERT_OK(api_field_set_parse(
		&a,
		parse("{'f:metadata':{'f:labels':{'f:a':{}}},'f:spec':{'f:type':{},'f:ports':{"
		      "'k:{`port`:80,`protocol`:`TCP`}':{}}}}"),
		&gone, &err));
	ASSERT_STREQ(text_of(api_fields_remove(&a, api_kind_of("Service")->type, obj, &gone)),
		     text_of(parse("{'spec':{'ports':[{'port':81}]}}")));
}

static const struct check_case {
	const char *config, *want;
} check_cases[] = {
	{"{'spec':{'foo':1}}", ".spec.foo: field not declared in schema"},
	{"{'spec':{'type':{'a':[1]}}}",
	 ".spec.type: expected string, got &value.valueUnstructured{Value:map[string]interface {}{"
	 "\"a\":[]interface {}{1}}}"},
	{"{'spec':{'type':3,'selector':{'a':1}}}",
	 "errors:\n  .spec.type: expected string, got &value.valueUnstructured{Value:3}\n  "
	 ".spec.selector.a: expected string, got &value.valueUnstructured{Value:1}"},
	{"{'spec':{'ports':[{'port':'x'}]}}",
	 ".spec.ports[port=\"x\",protocol=\"TCP\"].port: expected numeric (int or float), got "
	 "string"},
	{"{'metadata':{'finalizers':['a','a']}}",
	 ".metadata.finalizers: duplicate entries for key [=\"a\"]"},
	{"{'metadata':{'ownerReferences':[{}]}}",
	 ".metadata.ownerReferences: element 0: associative list with keys has an element that "
	 "omits all key fields [\"uid\"] (and doesn't have default values for any key fields)"},
};

TEST(checks_as_kubernetes_words_it)
{
	struct err err;

	for (size_t i = 0; i < ARRAY_LEN(check_cases); i++) {
		ASSERT_ERR(api_fields_check(api_kind_of("Service")->type,
					    parse(check_cases[i].config), &err),
			   ERR_INVALID);
		ASSERT_STREQ(err.msg, check_cases[i].want);
	}
	ASSERT_OK(api_fields_check(api_kind_of("Service")->type,
				   parse("{'spec':{'ports':[{'port':1,'targetPort':'x'},"
					 "{'port':2,'targetPort':3}],'type':null}}"),
				   &err));
}
