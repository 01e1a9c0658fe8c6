/* SPDX-License-Identifier: Apache-2.0 */

/* service-api.md sections 5 to 9, rule by rule, and the traps of section 22 that are about them. */

#include "apiserver/service/plan.h"
#include "tests/unit/apiserver/plan-fixture.h"

#include <string.h>

enum cluster {
	V4,
	V6,
	V46,
	V64,
};

/* Taken in every case: 10.0.0.5, 2001:db8::5, ports 30005 and 30006. */
static void open_cluster(struct plan_fixture *f, enum cluster cluster)
{
	static const char *const cidrs[][2] = {
		[V4] = {"10.0.0.0/24", NULL},
		[V6] = {"2001:db8::/112", NULL},
		[V46] = {"10.0.0.0/24", "2001:db8::/112"},
		[V64] = {"2001:db8::/112", "10.0.0.0/24"},
	};

	plan_fixture_init(f, cidrs[cluster][0], cidrs[cluster][1]);
	service_pools_event(&f->pools, STR("/registry/ipaddresses/10.0.0.5"), STR("{}"), 1);
	service_pools_event(&f->pools, STR("/registry/ipaddresses/2001:db8::5"), STR("no JSON"), 1);
	service_pools_event(&f->pools, STR("/registry/fairlead/nodeports/30005"), STR("{}"), 1);
	service_pools_event(&f->pools, STR("/registry/fairlead/nodeports/30006"), STR("{}"), 1);
}

/* "<4>", "<6>": an address that was drawn; -1: a node port that was drawn; null: absent. */
static bool matches(const struct json *want, const struct json *got)
{
	struct ip_addr addr;

	if (json_is_null(want))
		return json_is_null(got);
	if (want->type == JSON_INT && want->integer == -1)
		return json_is(got, JSON_INT) && got->integer >= 30086 && got->integer <= 32767;
	if (!got || want->type != got->type)
		return false;
	if (want->type == JSON_STRING && want->string.len == 3 && want->string.ptr[0] == '<')
		return ip_parse(got->string, &addr, NULL) >= 0 &&
		       (ip_family(&addr) == IP_V4) == (want->string.ptr[1] == '4') &&
		       addr.b[15] != 5 && addr.b[15] != 0;
	if (want->type == JSON_OBJECT) {
		json_foreach(m, want)
			if (!matches(m, json_get_str(got, m->key)))
				return false;
		return true;
	}
	if (want->type == JSON_ARRAY) {
		if (want->count != got->count)
			return false;
		for (size_t i = 0; i < want->count; i++)
			if (!matches(json_at(want, i), json_at(got, i)))
				return false;
		return true;
	}
	return json_eq(want, got);
}

struct plan_case {
	const char *name;
	enum cluster cluster;
	const char *old;    /* spec, or NULL: create */
	const char *spec;   /* of the request */
	const char *want;   /* members of the spec afterwards, or NULL: an error */
	const char *error;  /* "field: text" of a cause, or the text of a 500 */
	const char *claims; /* "+10.0.0.1 +p:30001 -h …": not drawn ones; NULL: not looked at */
	bool is_dry_run;
};

static void claims_text(const struct plan_fixture *f, struct buf *b)
{
	char text[IP_TEXT_MAX];

	for (size_t i = 0; i < f->plan.n_add + f->plan.n_release; i++) {
		bool is_add = i < f->plan.n_add;
		const struct service_claim *c =
			is_add ? &f->plan.add[i] : &f->plan.release[i - f->plan.n_add];

		buf_printf(b, "%s%c", b->len ? " " : "", is_add ? '+' : '-');
		if (c->is_port && is_add && c->port >= 30086)
			buf_printf(b, "%s", c->is_health_check ? "H" : "P");
		else if (c->is_port)
			buf_printf(b, "%s%u", c->is_health_check ? "h" : "", c->port);
		else if (is_add && c->ip.b[15] >= 17)
			buf_printf(b, "%d", ip_family(&c->ip));
		else
			buf_printf(b, "%.*s", STR_ARG(ip_format(&c->ip, text)));
	}
}

static void error_text(const struct plan_fixture *f, int r, struct buf *b)
{
	if (r != ERR_INVALID) {
		buf_printf(b, "%s", f->err.msg);
		return;
	}
	for (size_t i = 0; i < f->causes.n; i++)
		buf_printf(b, "%s%.*s: %.*s", i ? "; " : "", STR_ARG(f->causes.ptr[i].field),
			   STR_ARG(f->causes.ptr[i].message));
}

static void run(const struct plan_case *c)
{
	struct plan_fixture f;
	struct json *old = NULL, *object;
	struct buf b = BUF_INIT;
	int r;

	open_cluster(&f, c->cluster);
	if (c->old) {
		old = plan_service(&f, "web", c->old);
		api_default_service_on_read(&f.a, old, f.pools.ips[0]->family);
	}
	object = plan_service(&f, "web", c->spec);
	r = plan_make(&f, old, object, c->is_dry_run);
	if (c->want) {
		error_text(&f, r, &b);
		if (r < 0)
			test_fail(__FILE__, __LINE__, "%s: %s", c->name, b.ptr);
		json_write(&b, json_get(object, "spec"));
		if (!matches(plan_parse(&f, c->want), json_get(object, "spec")))
			test_fail(__FILE__, __LINE__, "%s: is %s", c->name, b.ptr);
	} else {
		if (!r)
			test_fail(__FILE__, __LINE__, "%s: not refused", c->name);
		error_text(&f, r, &b);
		if (!strstr(b.ptr, c->error))
			test_fail(__FILE__, __LINE__, "%s: '%s'", c->name, b.ptr);
		ASSERT_EQ(f.plan.n_add + f.plan.n_release, 0);
	}
	buf_clear(&b);
	claims_text(&f, &b);
	if (c->claims && !str_eq_c(buf_str(&b), c->claims))
		test_fail(__FILE__, __LINE__, "%s: claims '%s', not '%s'", c->name, b.ptr,
			  c->claims);
	buf_fini(&b);
	plan_fixture_fini(&f);
}

static void run_all(const struct plan_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++)
		run(&cases[i]);
}

#define P80     "'ports':[{'port':80}]"
#define SEL     "'selector':{'a':'b'}"
#define A4      "'clusterIP':'10.0.0.9','clusterIPs':['10.0.0.9']"
#define A46     "'clusterIP':'10.0.0.9','clusterIPs':['10.0.0.9','2001:db8::9']"
#define F4      "'ipFamilies':['IPv4']"
#define F46     "'ipFamilies':['IPv4','IPv6']"
#define SINGLE  "'ipFamilyPolicy':'SingleStack'"
#define PREFER  "'ipFamilyPolicy':'PreferDualStack'"
#define REQUIRE "'ipFamilyPolicy':'RequireDualStack'"

TEST(families_on_create)
{
	static const struct plan_case cases[] = {
		{"plain", V4, NULL, "{" P80 "}",
		 "{'clusterIP':'<4>','clusterIPs':['<4>'],'ipFamilies':['IPv4']," SINGLE "}", NULL,
		 "+4", 0},
		{"plain on v6", V6, NULL, "{" P80 "}",
		 "{'clusterIP':'<6>','clusterIPs':['<6>'],'ipFamilies':['IPv6']," SINGLE "}", NULL,
		 "+6", 0},
		{"plain on dual", V64, NULL, "{" P80 "}",
		 "{'clusterIPs':['<6>'],'ipFamilies':['IPv6']," SINGLE "}", NULL, "+6", 0},
		{"secondary family by name", V46, NULL, "{" P80 ",'ipFamilies':['IPv6']}",
		 "{'clusterIPs':['<6>'],'ipFamilies':['IPv6']," SINGLE "}", NULL, "+6", 0},
		{"secondary family by address", V46, NULL, "{" P80 ",'clusterIP':'2001:db8::9'}",
		 "{'clusterIPs':['2001:db8::9'],'ipFamilies':['IPv6']," SINGLE "}", NULL,
		 "+2001:db8::9", 0},
		{"prefer on single", V4, NULL, "{" P80 "," PREFER "}",
		 "{'clusterIPs':['<4>'],'ipFamilies':['IPv4']," PREFER "}", NULL, "+4", 0},
		{"prefer on dual", V46, NULL, "{" P80 "," PREFER "}",
		 "{'clusterIPs':['<4>','<6>'],'clusterIP':'<4>'," F46 "," PREFER "}", NULL, "+4 +6",
		 0},
		{"require on dual, other order", V46, NULL,
		 "{" P80 "," REQUIRE ",'ipFamilies':['IPv6']}",
		 "{'clusterIPs':['<6>','<4>'],'clusterIP':'<6>','ipFamilies':['IPv6','IPv4']}",
		 NULL, "+6 +4", 0},
		{"require, one address given", V46, NULL,
		 "{" P80 "," REQUIRE ",'clusterIP':'10.0.0.9'}",
		 "{'clusterIPs':['10.0.0.9','<6>']," F46 "}", NULL, "+10.0.0.9 +6", 0},
		{"require, both given", V46, NULL, "{" P80 "," REQUIRE "," A46 "}",
		 "{" A46 "," F46 "}", NULL, "+10.0.0.9 +2001:db8::9", 0},
		{"require on single", V4, NULL, "{" P80 "," REQUIRE "}", NULL,
		 "spec.ipFamilyPolicy: Invalid value: \"RequireDualStack\": this cluster is not "
		 "configured for dual-stack services",
		 NULL, 0},
		{"9 and 10 together", V4, NULL, "{" P80 "," REQUIRE ",'ipFamilies':['IPv6']}", NULL,
		 "services; spec.ipFamilies[0]: Invalid value: \"IPv6\": not configured on this "
		 "cluster",
		 NULL, 0},
		{"foreign address", V4, NULL, "{" P80 ",'clusterIP':'2001:db8::9'}", NULL,
		 "spec.clusterIPs[0]: Invalid value: [\"2001:db8::9\"]: IPv6 is not configured on "
		 "this cluster",
		 NULL, 0},
		{"two families need a policy", V46, NULL, "{" P80 "," F46 "}", NULL,
		 "spec.ipFamilyPolicy: Invalid value: \"SingleStack\": must be 'RequireDualStack' "
		 "or 'PreferDualStack' when multiple IP families are specified",
		 NULL, 0},
		{"two addresses need a policy", V46, NULL, "{" P80 "," A46 "}", NULL,
		 "when multiple cluster IPs are specified", NULL, 0},
		{"3.6 comes first and alone", V4, NULL, "{" P80 ",'ipFamilies':['IPv5']}", NULL,
		 "spec.ipFamilies[0]: Unsupported value: \"IPv5\"", NULL, 0},
		{"plural without singular", V4, NULL, "{" P80 ",'clusterIPs':['10.0.0.9']}", NULL,
		 "spec.clusterIPs: Invalid value", NULL, 0},
		{"ExternalName is left alone", V4, NULL,
		 "{'type':'ExternalName','externalName':'example.com'," P80 "}",
		 "{'clusterIP':null,'clusterIPs':null,'ipFamilies':null,'ipFamilyPolicy':null}",
		 NULL, "", 0},
	};

	run_all(cases, ARRAY_LEN(cases));
}

/* Trap 8. */
TEST(headless_on_create)
{
	static const struct plan_case cases[] = {
		{"selectorless on single", V4, NULL, "{'clusterIP':'None'}",
		 "{'clusterIPs':['None']," F46 "," REQUIRE "}", NULL, "", 0},
		{"selectorless, empty selector", V6, NULL, "{'clusterIP':'None','selector':{}}",
		 "{'ipFamilies':['IPv6','IPv4']," REQUIRE "}", NULL, "", 0},
		{"selectorless single", V4, NULL, "{'clusterIP':'None'," SINGLE "}",
		 "{" F4 "," SINGLE "}", NULL, "", 0},
		{"with selector", V46, NULL, "{'clusterIP':'None'," SEL "}",
		 "{'clusterIPs':['None']," F4 "," SINGLE "}", NULL, "", 0},
		{"with selector, prefer", V46, NULL, "{'clusterIP':'None'," SEL "," PREFER "}",
		 "{" F46 "}", NULL, "", 0},
		{"with selector, require on single", V4, NULL,
		 "{'clusterIP':'None'," SEL "," REQUIRE "}", NULL, "not configured for dual-stack",
		 NULL, 0},
	};

	run_all(cases, ARRAY_LEN(cases));
}

TEST(addresses_that_are_asked_for)
{
	static const struct plan_case cases[] = {
		{"static band", V4, NULL, "{" P80 ",'clusterIP':'10.0.0.1'}",
		 "{'clusterIPs':['10.0.0.1']}", NULL, "+10.0.0.1", 0},
		{"busy", V4, NULL, "{" P80 ",'clusterIP':'10.0.0.5'}", NULL,
		 "spec.clusterIPs: Invalid value: [\"10.0.0.5\"]: failed to allocate IP 10.0.0.5: "
		 "provided IP is already allocated",
		 NULL, 0},
		{"second one busy", V46, NULL,
		 "{" P80 "," REQUIRE
		 ",'clusterIP':'10.0.0.9','clusterIPs':['10.0.0.9','2001:db8::5']}",
		 NULL, "failed to allocate IP 2001:db8::5: provided IP is already allocated", NULL,
		 0},
		{"outside", V4, NULL, "{" P80 ",'clusterIP':'192.0.2.1'}", NULL,
		 "failed to allocate IP 192.0.2.1: the provided network does not match the current "
		 "range",
		 NULL, 0},
		{"network address", V4, NULL, "{" P80 ",'clusterIP':'10.0.0.0'}", NULL,
		 "does not match the current range", NULL, 0},
		{"broadcast address", V4, NULL, "{" P80 ",'clusterIP':'10.0.0.255'}", NULL,
		 "does not match the current range", NULL, 0},
	};

	run_all(cases, ARRAY_LEN(cases));
}

TEST(families_on_update)
{
	static const struct plan_case cases[] = {
		{"manifest again", V4, "{" P80 "," A4 "}", "{" P80 "}",
		 "{" A4 "," F4 "," SINGLE "}", NULL, "", 0},
		{"clearing is a no-op", V4, "{" P80 "," A4 "}",
		 "{" P80 ",'clusterIP':'','clusterIPs':[]}", "{" A4 "}", NULL, "", 0},
		{"a changed address is not claimed", V4, "{" P80 "," A4 "}",
		 "{" P80 ",'clusterIP':'10.0.0.8'}", "{'clusterIPs':['10.0.0.8']}", NULL, "", 0},
		{"upgrade draws one", V46, "{" P80 "," A4 "," F4 "," SINGLE "}",
		 "{" P80 "," REQUIRE "}", "{'clusterIPs':['10.0.0.9','<6>']," F46 "}", NULL, "+6",
		 0},
		{"upgrade takes one", V46, "{" P80 "," A4 "}", "{" P80 "," PREFER "," A46 "}",
		 "{" A46 "," F46 "}", NULL, "+2001:db8::9", 0},
		{"upgrade to a busy one", V46, "{" P80 "," A4 "}",
		 "{" P80 "," PREFER
		 ",'clusterIP':'10.0.0.9','clusterIPs':['10.0.0.9','2001:db8::5']}",
		 NULL, "already allocated", NULL, 0},
		{"downgrade by policy alone", V46, "{" P80 "," A46 "," F46 "," REQUIRE "}",
		 "{" P80 "," A46 "," F46 "," SINGLE "}", "{" A4 "," F4 "}", NULL, "-2001:db8::9",
		 0},
		{"downgrade by manifest", V46, "{" P80 "," A46 "," F46 "," REQUIRE "}",
		 "{" P80 "," SINGLE "}", "{" A4 "}", NULL, "-2001:db8::9", 0},
		{"policy is inherited", V46, "{" P80 "," A46 "," F46 "," REQUIRE "}", "{" P80 "}",
		 "{" A46 "," F46 "," REQUIRE "}", NULL, "", 0},
		{"fewer addresses need the policy", V46, "{" P80 "," A46 "," F46 "," REQUIRE "}",
		 "{" P80 "," A4 "," F46 "}", NULL,
		 "must be 'SingleStack' to release the secondary cluster IP", NULL, 0},
		{"fewer families need the policy", V46, "{" P80 "," A46 "," F46 "," REQUIRE "}",
		 "{" P80 "," A46 "," F4 "}", NULL,
		 "must be 'SingleStack' to release the secondary IP family", NULL, 0},
		{"prefer stays when the cluster grows", V46, "{" P80 "," A4 "," F4 "," PREFER "}",
		 "{" P80 "," A4 "," F4 "," PREFER "}", "{" A4 "," F4 "}", NULL, "", 0},
		{"prefer stays when the cluster shrinks", V4,
		 "{" P80 "," A46 "," F46 "," PREFER "}", "{" P80 "," A46 "," F46 "," PREFER "}",
		 "{" A46 "," F46 "}", NULL, "", 0},
		{"headless stays headless", V46,
		 "{'clusterIP':'None','clusterIPs':['None']," SEL "}",
		 "{'clusterIP':'None'," SEL "," P80 "}", "{'clusterIPs':['None']," F4 "}", NULL, "",
		 0},
	};

	run_all(cases, ARRAY_LEN(cases));
}

#define EXT "'type':'ExternalName','externalName':'example.com'"

TEST(types_change)
{
	static const struct plan_case cases[] = {
		{"ExternalName to ClusterIP", V46, "{" EXT "}", "{" P80 ",'type':'ClusterIP'}",
		 "{'clusterIPs':['<4>']," F4 "," SINGLE "}", NULL, "+4", 0},
		{"ClusterIP to ExternalName by patch", V46, "{" P80 "," A46 "," F46 "," REQUIRE "}",
		 "{" P80 "," A46 "," F46 "," REQUIRE "," EXT "}",
		 "{'clusterIP':null,'clusterIPs':null,'ipFamilies':null,'ipFamilyPolicy':null}",
		 NULL, "-10.0.0.9 -2001:db8::9", 0},
		{"… by manifest", V4, "{" P80 "," A4 "}", "{" EXT "}", "{'clusterIP':null}", NULL,
		 "-10.0.0.9", 0},
		{"what the client changed stays for validation", V4, "{" P80 "," A4 "}",
		 "{" EXT ",'clusterIP':'10.0.0.7','clusterIPs':['10.0.0.7']}",
		 "{'clusterIP':'10.0.0.7'}", NULL, "-10.0.0.9", 0},
		{"headless to ExternalName", V4, "{'clusterIP':'None','clusterIPs':['None']}",
		 "{" EXT "}", "{'clusterIP':null}", NULL, "", 0},
		{"ExternalName to headless", V4, "{" EXT "}", "{'clusterIP':'None'," SEL "}",
		 "{'clusterIPs':['None']," F4 "}", NULL, "", 0},
		{"ClusterIP to NodePort", V4, "{" P80 "," A4 "}", "{" P80 ",'type':'NodePort'}",
		 "{" A4 ",'ports':[{'nodePort':-1}]}", NULL, "+P", 0},
		{"NodePort to ClusterIP", V4,
		 "{" A4 ",'type':'NodePort','ports':[{'port':80,'nodePort':30001}]}",
		 "{" A4 ",'type':'ClusterIP','externalTrafficPolicy':'Cluster',"
		 "'ports':[{'port':80,'nodePort':30001}]}",
		 "{'ports':[{'nodePort':null}],'externalTrafficPolicy':null}", NULL, "-30001", 0},
		{"a new number stays for validation", V4,
		 "{" A4 ",'type':'NodePort','ports':[{'port':80,'nodePort':30001}]}",
		 "{" A4 ",'type':'ClusterIP','ports':[{'port':80,'nodePort':30002}]}",
		 "{'ports':[{'nodePort':30002}]}", NULL, "-30001", 0},
		{"NodePort to LoadBalancer", V4,
		 "{" A4 ",'type':'NodePort','ports':[{'port':80,'nodePort':30001}]}",
		 "{" P80 ",'type':'LoadBalancer'}", "{'ports':[{'nodePort':30001}]}", NULL, "", 0},
		{"LoadBalancer to ClusterIP drops what it alone uses", V4,
		 "{" A4 ",'type':'LoadBalancer','ports':[{'port':80,'nodePort':30001}],"
		 "'externalTrafficPolicy':'Local','healthCheckNodePort':30002,"
		 "'allocateLoadBalancerNodePorts':true,'loadBalancerClass':'a/b'}",
		 "{" A4 ",'type':'ClusterIP','ports':[{'port':80,'nodePort':30001}],"
		 "'externalTrafficPolicy':'Local','healthCheckNodePort':30002,"
		 "'allocateLoadBalancerNodePorts':true,'loadBalancerClass':'a/b',"
		 "'loadBalancerSourceRanges':['10.0.0.0/8']}",
		 "{'ports':[{'nodePort':null}],'externalTrafficPolicy':null,"
		 "'healthCheckNodePort':null,'allocateLoadBalancerNodePorts':null,"
		 "'loadBalancerClass':null,'loadBalancerSourceRanges':['10.0.0.0/8']}",
		 NULL, "-30001 -30002", 0},
		{"… but not what the client changed", V4,
		 "{" A4 ",'type':'LoadBalancer','ports':[{'port':80,'nodePort':30001}]}",
		 "{" A4 "," P80 ",'type':'ClusterIP','allocateLoadBalancerNodePorts':false,"
		 "'loadBalancerClass':'a/c','externalTrafficPolicy':'Local'}",
		 "{'allocateLoadBalancerNodePorts':false,'loadBalancerClass':'a/c',"
		 "'externalTrafficPolicy':'Local'}",
		 NULL, "-30001", 0},
	};

	run_all(cases, ARRAY_LEN(cases));
}

#define NP      "'type':'NodePort','clusterIP':'10.0.0.9',"
#define LB      "'type':'LoadBalancer','clusterIP':'10.0.0.9',"
#define NOALLOC "'allocateLoadBalancerNodePorts':false,"

/* Trap 4: sharing by number, on create only. */
TEST(node_ports_on_create)
{
	static const struct plan_case cases[] = {
		{"drawn", V4, NULL, "{" NP P80 "}", "{'ports':[{'nodePort':-1}]}", NULL,
		 "+10.0.0.9 +P", 0},
		{"TCP and UDP of one number share", V4, NULL,
		 "{" NP "'ports':[{'name':'a','port':53},{'name':'b','port':53,'protocol':'UDP'}]}",
		 "{'ports':[{'nodePort':-1},{'nodePort':-1}]}", NULL, "+10.0.0.9 +P", 0},
		{"a later explicit one is shared", V4, NULL,
		 "{" NP "'ports':[{'name':'a','port':53},{'name':'b','port':53,'protocol':'UDP',"
		 "'nodePort':30053}]}",
		 "{'ports':[{'nodePort':30053},{'nodePort':30053}]}", NULL, "+10.0.0.9 +30053", 0},
		{"both explicit and different", V4, NULL,
		 "{" NP "'ports':[{'name':'a','port':53,'nodePort':30001},{'name':'b','port':53,"
		 "'protocol':'UDP','nodePort':30002}]}",
		 "{'ports':[{'nodePort':30001},{'nodePort':30002}]}", NULL,
		 "+10.0.0.9 +30001 +30002", 0},
		{"different numbers do not share", V4, NULL,
		 "{" NP "'ports':[{'name':'a','port':53,'nodePort':30001},{'name':'b','port':54,"
		 "'protocol':'UDP','nodePort':30001}]}",
		 NULL,
		 "spec.ports[1].nodePort: Invalid value: 30001: provided port is already allocated",
		 NULL, 0},
		{"busy", V4, NULL, "{" NP "'ports':[{'port':80,'nodePort':30005}]}", NULL,
		 "spec.ports[0].nodePort: Invalid value: 30005: provided port is already allocated",
		 NULL, 0},
		{"out of range", V4, NULL, "{" NP "'ports':[{'port':80,'nodePort':80}]}", NULL,
		 "spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid "
		 "range. The range of valid ports is 30000-32767",
		 NULL, 0},
		{"load balancer without", V4, NULL,
		 "{" LB NOALLOC "'ports':[{'name':'a','port':80},{'name':'b','port':81,"
		 "'nodePort':30001}]}",
		 "{'ports':[{'nodePort':null},{'nodePort':30001}]}", NULL, "+10.0.0.9 +30001", 0},
		{"ExternalName may carry one", V4, NULL,
		 "{" EXT ",'ports':[{'port':80,'nodePort':1}]}", "{'ports':[{'nodePort':1}]}", NULL,
		 "", 0},
		{"ClusterIP keeps it for validation", V4, NULL,
		 "{'clusterIP':'10.0.0.9','ports':[{'port':80,'nodePort':30001}]}",
		 "{'ports':[{'nodePort':30001}]}", NULL, "+10.0.0.9", 0},
	};

	run_all(cases, ARRAY_LEN(cases));
}

/* Trap 5: carried over by name. */
TEST(node_ports_on_update)
{
	static const struct plan_case cases[] = {
		{"kept by name", V4,
		 "{" NP "'ports':[{'name':'a','port':80,'nodePort':30001},{'name':'b','port':81,"
		 "'nodePort':30002}]}",
		 "{" NP "'ports':[{'name':'b','port':91},{'name':'a','port':90,'protocol':'UDP'}]}",
		 "{'ports':[{'nodePort':30002},{'nodePort':30001}]}", NULL, "", 0},
		{"a renamed one is new", V4,
		 "{" NP "'ports':[{'name':'a','port':80,'nodePort':30001}]}",
		 "{" NP "'ports':[{'name':'c','port':80}]}", "{'ports':[{'nodePort':-1}]}", NULL,
		 "+P -30001", 0},
		{"not when another port names it", V4,
		 "{" NP "'ports':[{'name':'a','port':80,'nodePort':30001}]}",
		 "{" NP "'ports':[{'name':'a','port':80},{'name':'b','port':81,'nodePort':30001}]}",
		 "{'ports':[{'nodePort':-1},{'nodePort':30001}]}", NULL, "+P", 0},
		{"blank ones do not share on update", V4,
		 "{" NP "'ports':[{'name':'a','port':80,'nodePort':30001}]}",
		 "{" NP "'ports':[{'name':'x','port':53},{'name':'y','port':53,'protocol':'UDP'}]}",
		 "{'ports':[{'nodePort':-1},{'nodePort':-1}]}", NULL, "+P +P -30001", 0},
		{"explicit ones may share on update", V4, "{" NP P80 "}",
		 "{" NP "'ports':[{'name':'x','port':53,'nodePort':30053},{'name':'y','port':54,"
		 "'protocol':'UDP','nodePort':30053}]}",
		 "{'ports':[{'nodePort':30053},{'nodePort':30053}]}", NULL, "+30053", 0},
		{"but not of one protocol", V4, "{" NP P80 "}",
		 "{" NP "'ports':[{'name':'x','port':53,'nodePort':30053},{'name':'y','port':54,"
		 "'nodePort':30053}]}",
		 NULL, "duplicate nodePort: {TCP 30053}", NULL, 0},
		{"a changed number", V4, "{" NP "'ports':[{'port':80,'nodePort':30001}]}",
		 "{" NP "'ports':[{'port':80,'nodePort':30002}]}", "{'ports':[{'nodePort':30002}]}",
		 NULL, "+30002 -30001", 0},
		{"to a busy one", V4, "{" NP "'ports':[{'port':80,'nodePort':30001}]}",
		 "{" NP "'ports':[{'port':80,'nodePort':30006}]}", NULL,
		 "spec.ports[0].nodePort: Invalid value: 30006: provided port is already allocated",
		 NULL, 0},
		{"dropped with allocate false", V4,
		 "{" LB "'ports':[{'port':80,'nodePort':30001}]}",
		 "{" LB NOALLOC "'ports':[{'port':80}]}", "{'ports':[{'nodePort':null}]}", NULL,
		 "-30001", 0},
		{"kept with allocate false when named", V4,
		 "{" LB "'ports':[{'port':80,'nodePort':30001}]}",
		 "{" LB NOALLOC "'ports':[{'port':80,'nodePort':30001}]}",
		 "{'ports':[{'nodePort':30001}]}", NULL, "", 0},
	};

	run_all(cases, ARRAY_LEN(cases));
}

#define LOCAL "'externalTrafficPolicy':'Local',"
#define LBP   "'ports':[{'port':80,'nodePort':30001}]"

/* Trap 2: its conflicts are 500. */
TEST(health_check_node_ports)
{
	static const struct plan_case cases[] = {
		{"drawn", V4, NULL, "{" LB LOCAL NOALLOC P80 "}", "{'healthCheckNodePort':-1}",
		 NULL, "+10.0.0.9 +H", 0},
		{"asked for", V4, NULL, "{" LB LOCAL NOALLOC "'healthCheckNodePort':30007," P80 "}",
		 "{'healthCheckNodePort':30007}", NULL, "+10.0.0.9 +h30007", 0},
		{"busy", V4, NULL, "{" LB LOCAL NOALLOC "'healthCheckNodePort':30005," P80 "}",
		 NULL,
		 "Internal error occurred: failed to allocate requested HealthCheck NodePort 30005: "
		 "provided port is already allocated",
		 NULL, 0},
		{"not the Service's own node port", V4, NULL,
		 "{" LB LOCAL "'healthCheckNodePort':30001," LBP "}", NULL,
		 "failed to allocate requested HealthCheck NodePort 30001: provided port is already "
		 "allocated",
		 NULL, 0},
		{"NodePort with Local needs none", V4, NULL, "{" NP LOCAL LBP "}",
		 "{'healthCheckNodePort':null}", NULL, "+10.0.0.9 +30001", 0},
		{"kept", V4, "{" LB LOCAL "'healthCheckNodePort':30007," LBP "}",
		 "{" LB LOCAL LBP "}", "{'healthCheckNodePort':30007}", NULL, "", 0},
		{"policy to Local", V4, "{" LB LBP "}", "{" LB LOCAL LBP "}",
		 "{'healthCheckNodePort':-1}", NULL, "+H", 0},
		{"policy to Cluster", V4, "{" LB LOCAL "'healthCheckNodePort':30007," LBP "}",
		 "{" LB "'healthCheckNodePort':30007," LBP "}", "{'healthCheckNodePort':null}",
		 NULL, "-30007", 0},
		{"a change is left to validation", V4,
		 "{" LB LOCAL "'healthCheckNodePort':30007," LBP "}",
		 "{" LB LOCAL "'healthCheckNodePort':30008," LBP "}",
		 "{'healthCheckNodePort':30008}", NULL, "", 0},
	};

	run_all(cases, ARRAY_LEN(cases));
}

/* Trap 19. */
TEST(dry_runs)
{
	static const struct plan_case cases[] = {
		{"the network address", V46, NULL, "{" P80 "," REQUIRE "}",
		 "{'clusterIP':'10.0.0.0','clusterIPs':['10.0.0.0','2001:db8::']}", NULL, "", 1},
		{"a busy address is not seen", V4, NULL, "{" P80 ",'clusterIP':'10.0.0.5'}",
		 "{'clusterIPs':['10.0.0.5']}", NULL, "", 1},
		{"but the range is", V4, NULL, "{" P80 ",'clusterIP':'192.0.2.1'}", NULL,
		 "(192.0.2.1) is not in the valid range. The range of valid IPs is 10.0.0.0/24",
		 NULL, 1},
		{"dummy ports", V4, NULL,
		 "{" NP "'ports':[{'name':'a','port':1},{'name':'b','port':2},{'name':'c','port':1,"
		 "'protocol':'UDP'}]}",
		 "{'ports':[{'nodePort':32769},{'nodePort':32770},{'nodePort':32769}]}", NULL, "",
		 1},
		{"after the largest", V4, NULL,
		 "{" NP "'ports':[{'name':'a','port':1,'nodePort':40000},{'name':'b','port':2}]}",
		 "{'ports':[{'nodePort':40000},{'nodePort':40001}]}", NULL, "", 1},
		{"also below the dummies", V4, NULL,
		 "{" NP "'ports':[{'name':'a','port':1,'nodePort':30100},{'name':'b','port':2}]}",
		 "{'ports':[{'nodePort':30100},{'nodePort':30101}]}", NULL, "", 1},
		{"a busy port is seen", V4, NULL, "{" NP "'ports':[{'port':1,'nodePort':30005}]}",
		 NULL, "already allocated", NULL, 1},
		{"on update too", V46, "{" P80 "," A4 "}",
		 "{" P80 ",'type':'NodePort'," REQUIRE "}",
		 "{'clusterIPs':['10.0.0.9','2001:db8::'],'ports':[{'nodePort':32769}]}", NULL, "",
		 1},
	};

	run_all(cases, ARRAY_LEN(cases));
}

TEST(a_full_range_is_an_internal_error)
{
	struct plan_fixture f;
	struct json *o;

	plan_fixture_init(&f, "10.0.0.0/30", NULL);
	service_pools_event(&f.pools, STR("/registry/ipaddresses/10.0.0.1"), STR("{}"), 1);
	o = plan_service(&f, "a", "{" P80 "}");
	ASSERT_EQ(plan_make(&f, NULL, o, false), 0);
	ASSERT_STR(json_string(json_path(o, "spec.clusterIP")), STR("10.0.0.2"));
	plan_commit(&f, o);
	o = plan_service(&f, "b", "{" P80 "}");
	ASSERT_EQ(plan_make(&f, NULL, o, false), ERR_INTERNAL);
	ASSERT_STREQ(f.err.msg,
		     "Internal error occurred: failed to allocate a serviceIP: range is full");
	ASSERT_FALSE(f.plan.is_plain);
	for (uint16_t port = 30000; port <= 32767; port++)
		port_alloc_add(&f.ports, port, STR("x/y"), 1);
	service_pools_event(&f.pools, STR("/registry/ipaddresses/10.0.0.1"), (struct str){0}, 1);
	o = plan_service(&f, "b", "{" P80 ",'type':'NodePort'}");
	ASSERT_EQ(plan_make(&f, NULL, o, false), ERR_INTERNAL);
	ASSERT_STREQ(f.err.msg,
		     "Internal error occurred: failed to allocate a nodePort: range is full");
	plan_fixture_fini(&f);
}

TEST(a_plain_error_says_so)
{
	struct plan_fixture f;
	struct json *old, *o;

	plan_fixture_init(&f, "10.0.0.0/24", NULL);
	old = plan_service(&f, "a", "{" NP P80 "}");
	api_default_service_on_read(&f.a, old, IP_V4);
	o = plan_service(&f, "a",
			 "{" NP "'ports':[{'name':'x','port':53,'nodePort':30053},{'name':'y',"
			 "'port':54,'nodePort':30053}]}");
	ASSERT_EQ(plan_make(&f, old, o, false), ERR_INTERNAL);
	ASSERT_TRUE(f.plan.is_plain);
	plan_fixture_fini(&f);
}

TEST(too_many_claims_are_refused)
{
	struct plan_fixture f;
	struct buf b = BUF_INIT;
	struct json *o;

	plan_fixture_init(&f, "10.0.0.0/24", NULL);
	buf_printf(&b, "{'type':'NodePort','ports':[");
	for (int i = 0; i < SERVICE_PLAN_CLAIMS_MAX; i++)
		buf_printf(&b, "%s{'name':'p%d','port':%d}", i ? "," : "", i, i + 1);
	buf_printf(&b, "]}");
	o = plan_service(&f, "a", b.ptr);
	ASSERT_EQ(plan_make(&f, NULL, o, false), ERR_INVALID);
	ASSERT_STR(f.causes.ptr[0].field, STR("spec.ports"));
	ASSERT_EQ(f.plan.n_add, 0);
	buf_fini(&b);
	plan_fixture_fini(&f);
}

/* Ports that each ask all others: 10,000 of them stopped the server for seconds. */
TEST(many_ports_cost_no_square)
{
	enum {
		PORTS = 100000
	};
	struct plan_fixture f;
	struct buf blank = BUF_INIT, named = BUF_INIT;
	struct json *old, *o;

	plan_fixture_init(&f, "10.0.0.0/24", NULL);
	buf_add_c(&blank, "{'type':'LoadBalancer','allocateLoadBalancerNodePorts':false,'ports':[");
	buf_add_c(&named, "{'type':'NodePort','ports':[");
	for (int i = 0; i < PORTS; i++) {
		buf_printf(&blank, "%s{'port':%d}", i ? "," : "", i);
		buf_printf(&named, "%s{'port':%d,'nodePort':30001,'protocol':'%d'}", i ? "," : "",
			   i, i);
	}
	buf_add_c(&blank, "]}");
	buf_add_c(&named, "]}");
	ASSERT_EQ(plan_make(&f, NULL, plan_service(&f, "a", blank.ptr), false), 0);
	ASSERT_EQ(f.plan.n_add, 1); /* its address */

	old = plan_service(&f, "a", named.ptr);
	api_default_service_on_read(&f.a, old, IP_V4);
	o = plan_service(&f, "a", named.ptr);
	ASSERT_EQ(plan_make(&f, old, o, false), 0);
	ASSERT_EQ(f.plan.n_add, 0);
	ASSERT_EQ(f.plan.n_release, 0);
	ASSERT_EQ(plan_make(&f, old, plan_service(&f, "a", "{" P80 "}"), false), 0);
	ASSERT_EQ(f.plan.n_release, 1);
	buf_fini(&blank);
	buf_fini(&named);
	plan_fixture_fini(&f);
}

TEST(status_is_the_servers)
{
	struct plan_fixture f;
	struct json *old, *o;

	plan_fixture_init(&f, "10.0.0.0/24", NULL);
	o = plan_service(&f, "a", "{" LB P80 "}");
	json_set(o, "status", plan_parse(&f, "{'loadBalancer':{'ingress':[{'ip':'1.2.3.4'}]}}"));
	ASSERT_EQ(plan_make(&f, NULL, o, false), 0);
	ASSERT_TRUE(json_eq(json_get(o, "status"), plan_parse(&f, "{'loadBalancer':{}}")));

	old = plan_service(&f, "a", "{" LB P80 "}");
	api_default_service_on_read(&f.a, old, IP_V4);
	json_set(old, "status",
		 plan_parse(&f, "{'loadBalancer':{'ingress':[{'ip':'1.2.3.4'}]},"
				"'conditions':[{'type':'x'}]}"));
	o = plan_service(&f, "a", "{" LB P80 "}");
	ASSERT_EQ(plan_make(&f, old, o, false), 0);
	ASSERT_TRUE(json_eq(json_get(o, "status"), json_get(old, "status")));
	o = plan_service(&f, "a", "{" NP P80 "}");
	ASSERT_EQ(plan_make(&f, old, o, false), 0);
	ASSERT_TRUE(json_eq(json_get(o, "status"),
			    plan_parse(&f, "{'loadBalancer':{},'conditions':[{'type':'x'}]}")));
	plan_fixture_fini(&f);
}

TEST(a_deletion_releases_what_is_its_own)
{
	struct plan_fixture f;
	struct json *o;
	struct buf b = BUF_INIT;

	plan_fixture_init(&f, "10.0.0.0/24", "2001:db8::/112");
	service_pools_event(&f.pools, STR("/registry/ipaddresses/2001:db8::9"),
			    STR("{\"spec\":{\"parentRef\":{\"resource\":\"services\","
				"\"namespace\":\"default\",\"name\":\"other\"}}}"),
			    1);
	o = plan_service(&f, "web",
			 "{'type':'LoadBalancer'," A46 "," F46 "," LOCAL LBP
			 ",'healthCheckNodePort':30002}");
	service_plan_delete(&f.a, o, &f.pools, &f.plan);
	claims_text(&f, &b);
	ASSERT_STREQ(b.ptr, "-10.0.0.9 -30001 -30002");
	o = plan_service(&f, "web", "{" EXT ",'ports':[{'port':1,'nodePort':30001}]}");
	service_plan_delete(&f.a, o, &f.pools, &f.plan);
	ASSERT_EQ(f.plan.n_release, 0);
	buf_fini(&b);
	plan_fixture_fini(&f);
}

/* A Service that another server has made may have more than one transaction holds. */
TEST(what_is_too_much_to_release_is_left)
{
	struct plan_fixture f;
	struct buf b = BUF_INIT;

	plan_fixture_init(&f, "10.0.0.0/24", NULL);
	buf_printf(&b, "{'type':'NodePort','clusterIP':'10.0.0.9','clusterIPs':['10.0.0.9'],"
		       "'ports':[");
	for (int i = 0; i < 2 * SERVICE_PLAN_CLAIMS_MAX; i++)
		buf_printf(&b, "%s{'name':'p%d','port':%d,'nodePort':%d}", i ? "," : "", i, i + 1,
			   30000 + i);
	buf_printf(&b, "]}");
	service_plan_delete(&f.a, plan_service(&f, "a", b.ptr), &f.pools, &f.plan);
	ASSERT_EQ(f.plan.n_release, SERVICE_PLAN_CLAIMS_MAX);
	ASSERT_FALSE(f.plan.release[0].is_port);
	buf_fini(&b);
	plan_fixture_fini(&f);
}

TEST(claims_as_the_store_has_them)
{
	struct plan_fixture f;
	struct json *o, *v;
	struct service_claim port = {.is_port = true, .port = 30001, .is_health_check = true};
	struct ip_addr addr;

	plan_fixture_init(&f, "2001:db8::/112", NULL);
	o = plan_service(&f, "web", "{" P80 ",'clusterIP':'2001:db8::9'}");
	ASSERT_EQ(plan_make(&f, NULL, o, false), 0);
	ASSERT_EQ(f.plan.n_add, 1);
	ASSERT_STR(service_claim_key(&f.a, &f.plan.add[0]),
		   STR("/registry/ipaddresses/2001:db8::9"));
	v = service_claim_value(&f.a, &f.plan.add[0], o, 1000000000);
	ASSERT_STR(json_string(json_path(v, "metadata.creationTimestamp")),
		   STR("1970-01-01T00:00:01Z"));
	ASSERT_EQ(json_string(json_path(v, "metadata.uid")).len, RAND_UUID_LEN);
	ASSERT_TRUE(json_eq(json_path(v, "metadata.labels"),
			    plan_parse(&f, "{'ipaddress.kubernetes.io/ip-family':'IPv6',"
					   "'ipaddress.kubernetes.io/managed-by':"
					   "'ipallocator.k8s.io'}")));
	ASSERT_TRUE(json_eq(json_get(v, "spec"),
			    plan_parse(&f, "{'parentRef':{'resource':'services',"
					   "'namespace':'default','name':'web'}}")));
	plan_commit(&f, o);
	addr = f.plan.add[0].ip;
	ASSERT_STR(ip_alloc_owner(&f.ips[0], &addr), STR("default/web"));
	ASSERT_STR(service_claim_key(&f.a, &port), STR("/registry/fairlead/nodeports/30001"));
	ASSERT_TRUE(json_eq(service_claim_value(&f.a, &port, o, 0),
			    plan_parse(&f, "{'namespace':'default','name':'web','uid':'u-1',"
					   "'port':30001,'healthCheck':true}")));
	plan_fixture_fini(&f);
}

TEST(holds_keep_others_away)
{
	struct plan_fixture f;
	struct service_plan held;
	struct json *o;

	plan_fixture_init(&f, "10.0.0.0/24", NULL);
	o = plan_service(&f, "a", "{" NP "'ports':[{'port':80,'nodePort':30001}]}");
	ASSERT_EQ(plan_make(&f, NULL, o, false), 0);
	held = f.plan;
	service_plan_hold(&f.pools, &held);
	o = plan_service(&f, "b", "{" NP "'ports':[{'port':80,'nodePort':30001}]}");
	ASSERT_EQ(plan_make(&f, NULL, o, false), ERR_INVALID);
	service_plan_drop(&f.pools, &held);
	o = plan_service(&f, "b", "{" NP "'ports':[{'port':80,'nodePort':30001}]}");
	ASSERT_EQ(plan_make(&f, NULL, o, false), 0);
	plan_fixture_fini(&f);
}
