/* SPDX-License-Identifier: Apache-2.0 */

/* Proves: 10.4.7, 10.4.8, 10.4.9 */

#include "controller/upkeep/service_cidr.h"
#include "tests/harness/test.h"

#define SECOND INT64_C(1000000000)
#define READY  "'status':{'conditions':[{'type':'Ready','status':'True'}]}"
#define HELD   "'finalizers':['networking.k8s.io/service-cidr-finalizer']"
#define GOING  "'deletionTimestamp':'1970-01-01T00:01:40Z'," HELD /* 100 s */

static struct json *parse(struct arena *a, const char *text)
{
	char *s = arena_strdup(a, text);
	struct json *o = NULL;
	struct err err;

	for (char *p = s; *p; p++)
		*p = *p == '\'' ? '"' : *p;
	ASSERT_OK(json_parse(a, str_of(s), 0, &o, &err));
	return o;
}

struct step_case {
	const char *name;
	const char *first, *others; /* items of the list: what is asked about, and the rest */
	const char *addresses;      /* names; NULL: not listed */
	int64_t now_s;
	enum controller_cidr_step want;
	bool needs;
};

static void run(const struct step_case *t)
{
	struct controller_cidrs c;
	struct arena a;
	const struct json *list, *addresses;

	arena_init(&a, 0);
	list = parse(&a, str_printf(&a, "{'items':[%s%s]}", t->first, t->others).ptr);
	addresses =
		t->addresses ? parse(&a, str_printf(&a, "{'items':[%s]}", t->addresses).ptr) : NULL;
	controller_cidrs_init(&c, list);
	if (controller_cidr_needs_addresses(&c, &c.all.ptr[0]) != t->needs ||
	    controller_cidr_next(&c, &c.all.ptr[0], addresses, t->now_s * SECOND) != t->want)
		test_fail(__FILE__, __LINE__, "%s", t->name);
	controller_cidrs_fini(&c);
	arena_fini(&a);
}

#define SPEC "'spec':{'cidrs':['10.0.0.0/24']}"
#define DEAD "{'metadata':{'name':'a'," GOING "}," SPEC "," READY "}"

TEST(what_an_object_needs_next)
{
	static const struct step_case cases[] = {
		{"new", "{'metadata':{'name':'a'}," SPEC "}", "", NULL, 0, CONTROLLER_CIDR_FINALIZE,
		 false},
		{"without word", "{'metadata':{'name':'a'," HELD "}," SPEC "}", "", NULL, 0,
		 CONTROLLER_CIDR_READY, false},
		{"settled", "{'metadata':{'name':'a'," HELD "}," SPEC "," READY "}", "", NULL, 0,
		 CONTROLLER_CIDR_NOTHING, false},
		{"deleted, unused, young", DEAD, "", "", 109, CONTROLLER_CIDR_NOTHING, true},
		{"deleted, unused", DEAD, "", "", 110, CONTROLLER_CIDR_RELEASE, true},
		{"deleted, used", DEAD, "", "{'metadata':{'name':'10.0.0.9'}}", 200,
		 CONTROLLER_CIDR_BLOCKED, true},
		{"used, and said so",
		 "{'metadata':{'name':'a'," GOING "}," SPEC
		 ",'status':{'conditions':[{'type':'Ready','status':'False'}]}}",
		 "", "{'metadata':{'name':'10.0.0.9'}}", 200, CONTROLLER_CIDR_NOTHING, true},
		{"addresses of others", DEAD, "",
		 "{'metadata':{'name':'10.0.1.9'}},{'metadata':{'name':'fd00::1'}},"
		 "{'metadata':{'name':'bogus'}}",
		 200, CONTROLLER_CIDR_RELEASE, true},
		{"not known", DEAD, "", NULL, 200, CONTROLLER_CIDR_BLOCKED, true},
		{"the address is in another range", DEAD,
		 ",{'metadata':{'name':'b'},'spec':{'cidrs':['10.0.0.0/28']}}",
		 "{'metadata':{'name':'10.0.0.9'}}", 200, CONTROLLER_CIDR_RELEASE, true},
		{"another range has all", DEAD,
		 ",{'metadata':{'name':'b'},'spec':{'cidrs':['fd00::/64','10.0.0.0/16']}}", NULL,
		 200, CONTROLLER_CIDR_RELEASE, false},
		{"the other one goes too", DEAD,
		 ",{'metadata':{'name':'b','deletionTimestamp':'1970-01-01T00:01:40Z'},"
		 "'spec':{'cidrs':['10.0.0.0/16']}}",
		 "{'metadata':{'name':'10.0.0.9'}}", 200, CONTROLLER_CIDR_BLOCKED, true},
		{"held by somebody else",
		 "{'metadata':{'name':'a','deletionTimestamp':'1970-01-01T00:01:40Z',"
		 "'finalizers':['x/y']}," SPEC "}",
		 "", NULL, 200, CONTROLLER_CIDR_NOTHING, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		run(&cases[i]);
}

TEST(other_finalizers_stay)
{
	struct controller_cidrs c;
	struct arena a;
	struct json *list;

	arena_init(&a, 0);
	list = parse(&a, "{'items':[{'metadata':{'name':'a','resourceVersion':'7','finalizers':["
			 "'x/y','networking.k8s.io/service-cidr-finalizer']}}]}");
	controller_cidrs_init(&c, list);
	ASSERT_TRUE(
		json_eq(controller_cidr_finalizers(&a, &c.all.ptr[0], false),
			parse(&a, "{'metadata':{'finalizers':['x/y'],'resourceVersion':'7'}}")));
	controller_cidrs_fini(&c);
	arena_fini(&a);
}
