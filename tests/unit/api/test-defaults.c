/* SPDX-License-Identifier: Apache-2.0 */
#include "api/defaults/defaults.h"
#include "api/kind.h"
#include "tests/harness/test.h"

static struct arena a;

static struct json *parse(const char *text)
{
	struct json *n;
	struct err err;
	char *s = arena_strdup(&a, text);

	for (char *p = s; *p; p++)
		if (*p == '\'')
			*p = '"';
	ASSERT_OK(json_parse(&a, str_of(s), 0, &n, &err));
	return n;
}

static void check(const char *kind, const char *text, const char *want)
{
	struct json *n = parse(text);
	struct buf b = BUF_INIT;

	for (int twice = 0; twice < 2; twice++) {
		api_defaults(&a, api_kind_of(kind), n);
		buf_clear(&b);
		json_write(&b, n);
		if (!json_eq(n, parse(want)))
			test_fail(__FILE__, __LINE__, "%s: %s", kind, b.ptr);
	}
	buf_fini(&b);
}

TEST(sets_static_defaults)
{
	arena_init(&a, 0);
	check("Secret", "{}", "{'type':'Opaque'}");
	check("Secret", "{'type':'x'}", "{'type':'x'}");
	check("Secret", "{'data':{'a':'eA==','b':'eQ=='},'stringData':{'a':'hello','c':''}}",
	      "{'type':'Opaque','data':{'a':'aGVsbG8=','b':'eQ==','c':''}}");
	check("Node", "{'spec':{'podCIDR':'192.0.2.0/24'}}",
	      "{'spec':{'podCIDR':'192.0.2.0/24','podCIDRs':['192.0.2.0/24']}}");
	check("Node", "{'spec':{'podCIDR':'192.0.2.0/24','podCIDRs':['198.51.100.0/24']}}",
	      "{'spec':{'podCIDR':'192.0.2.0/24','podCIDRs':['192.0.2.0/24']}}");
	check("Node", "{'spec':{'podCIDRs':['192.0.2.0/24','2001:db8::/64']}}",
	      "{'spec':{'podCIDR':'192.0.2.0/24','podCIDRs':['192.0.2.0/24','2001:db8::/64']}}");
	check("EndpointSlice", "{'ports':[{'port':80},{'name':'a','protocol':'UDP'}]}",
	      "{'ports':[{'port':80,'name':'','protocol':'TCP'},{'name':'a','protocol':'UDP'}]}");
	check("Endpoints", "{'subsets':[{'ports':[{'port':1}]}]}",
	      "{'subsets':[{'ports':[{'port':1,'protocol':'TCP'}]}]}");
	check("Service", "{'spec':{'type':'ExternalName','ports':[{'port':1}]}}",
	      "{'spec':{'type':'ExternalName','sessionAffinity':'None',"
	      "'ports':[{'port':1,'protocol':'TCP','targetPort':1}]}}");
	arena_fini(&a);
}

TEST(sets_those_of_pods)
{
#define SPEC                                                                                       \
	"'restartPolicy':'Always','terminationGracePeriodSeconds':30,'dnsPolicy':'ClusterFirst',"  \
	"'securityContext':{},'schedulerName':'default-scheduler','enableServiceLinks':true"
#define CONTAINER                                                                                  \
	"'terminationMessagePath':'/dev/termination-log','terminationMessagePolicy':'File'"
#define STATUS(qos) ",'status':{'phase':'Pending','qosClass':'" qos "'}"
	arena_init(&a, 0);
	check("Pod", "{'spec':{}}", "{'spec':{" SPEC "}" STATUS("BestEffort") "}");
	check("Pod",
	      "{'spec':{'hostNetwork':true,'containers':[{'image':'a:1','ports':[{'containerPort':80}],"
	      "'readinessProbe':{'httpGet':{'port':1}},'lifecycle':{'preStop':{'httpGet':{'port':2}}},"
	      "'resources':{'limits':{'cpu':'1'}}}],"
	      "'volumes':[{'name':'v'},{'name':'w','secret':{}}]}}",
	      "{'spec':{'hostNetwork':true,'containers':[{'image':'a:1','imagePullPolicy':'IfNotPresent',"
	      "'ports':[{'containerPort':80,'hostPort':80,'protocol':'TCP'}],'readinessProbe':{"
	      "'httpGet':{'port':1,'path':'/','scheme':'HTTP'},'timeoutSeconds':1,'periodSeconds':10,"
	      "'successThreshold':1,'failureThreshold':3},'lifecycle':{'preStop':{'httpGet':{"
	      "'port':2,'path':'/','scheme':'HTTP'}}},'resources':{'limits':{'cpu':'1'},"
	      "'requests':{'cpu':'1'}}," CONTAINER "}],'volumes':[{'name':'v','emptyDir':{}},"
	      "{'name':'w','secret':{'defaultMode':420}}]," SPEC "}" STATUS("Burstable") "}");
	arena_fini(&a);
}

TEST(picks_the_pull_policy_by_the_tag)
{
	static const char *const images[][2] = {
		{"a", "Always"},
		{"a:latest", "Always"},
		{"a:1", "IfNotPresent"},
		{"example.com:5000/a", "Always"},
		{"example.com:5000/a:2", "IfNotPresent"},
		{"a@sha256:0123", "IfNotPresent"},
		{"a:latest@sha256:0123", "Always"},
	};

	arena_init(&a, 0);
	for (size_t i = 0; i < ARRAY_LEN(images); i++) {
		struct json *n = parse("{'spec':{'containers':[{}]}}");
		struct json *c = json_path(n, "spec.containers")->first;

		json_set(c, "image", json_new_string(&a, str_of(images[i][0])));
		api_defaults(&a, api_kind_of("Pod"), n);
		ASSERT_STR(json_get_string(c, "imagePullPolicy"), str_of(images[i][1]));
	}
	arena_fini(&a);
}

TEST(sets_those_of_nodes_and_namespaces)
{
	arena_init(&a, 0);
	check("Node", "{'status':{'capacity':{'cpu':'2'}}}",
	      "{'status':{'capacity':{'cpu':'2'},'allocatable':{'cpu':'2'}}}");
	check("Namespace", "{'metadata':{'name':'n'},'status':{}}",
	      "{'metadata':{'name':'n','labels':{'kubernetes.io/metadata.name':'n'}},"
	      "'status':{'phase':'Active'}}");
	check("Namespace", "{'metadata':{'generateName':'n'}}",
	      "{'metadata':{'generateName':'n'}}");
	arena_fini(&a);
}
