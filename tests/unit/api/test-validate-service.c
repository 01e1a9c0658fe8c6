/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/api/causes-check.h"

#define PORT    "\"ports\":[{\"port\":80}]"
#define LB      "\"type\":\"LoadBalancer\","
#define NAMED   "\"type\":\"ExternalName\",\"externalName\":\"a.example\""
#define V4      "\"clusterIPs\":[\"10.0.0.1\"],\"clusterIP\":\"10.0.0.1\","
#define BAD_IP  "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
#define ONLY_LB "may only be used when `type` is 'LoadBalancer'"

static struct arena arena;

static struct json *service(const char *spec)
{
	struct str text = str_printf(&arena,
				     "{\"metadata\":{\"name\":\"web\",\"namespace\":\"default\","
				     "\"resourceVersion\":\"1\"},\"spec\":{%s}}",
				     spec);

	return causes_object(&arena, api_kind_of("Service"), text.ptr);
}

static const struct {
	const char *spec, *want;
} create_cases[] = {
	{PORT, ""},
	{NAMED, ""},
	{"\"clusterIP\":\"None\"", ""},
	/* 3.3 */
	{"", "spec.ports: Required value"},
	{LB PORT ",\"clusterIP\":\"None\"",
	 "spec.clusterIPs[0]: Invalid value: \"None\": may not be set to 'None' for LoadBalancer "
	 "services"},
	{"\"type\":\"NodePort\"," PORT ",\"clusterIP\":\"None\"",
	 "spec.clusterIPs[0]: Invalid value: \"None\": may not be set to 'None' for NodePort "
	 "services"},
	{NAMED ",\"clusterIP\":\"10.0.0.1\",\"ipFamilies\":[\"IPv4\"],\"ipFamilyPolicy\":"
	       "\"SingleStack\"",
	 "spec.clusterIPs: Forbidden: may not be set for ExternalName services\n"
	 "spec.ipFamilies: Forbidden: may not be set for ExternalName services\n"
	 "spec.ipFamilyPolicy: Forbidden: may not be set for ExternalName services"},
	{"\"type\":\"ExternalName\",\"externalName\":\".\"", "spec.externalName: Required value"},
	{"\"type\":\"ExternalName\",\"externalName\":\"a.example.\"", ""},
	{"\"type\":\"ExternalName\",\"externalName\":\"a_b\"",
	 "spec.externalName: Invalid value: \"a_b\": a lowercase RFC 1123 subdomain must"},
	{NAMED ",\"ports\":[{\"port\":80,\"nodePort\":1}]", ""},
	/* 3.4 */
	{"\"ports\":[{\"port\":80,\"name\":\"a\"},{\"port\":81}]",
	 "spec.ports[1].name: Required value"},
	{"\"ports\":[{\"port\":80,\"name\":\"a.b\"},{\"port\":81,\"name\":\"80\"}]",
	 "spec.ports[0].name: Invalid value: \"a.b\": must not contain dots"},
	{"\"ports\":[{\"port\":80,\"name\":\"a\"},{\"port\":81,\"name\":\"a\"}]",
	 "spec.ports[1].name: Duplicate value: \"a\""},
	{"\"ports\":[{\"port\":65536}]",
	 "spec.ports[0].port: Invalid value: 65536: must be between 1 and 65535, inclusive\n"
	 "spec.ports[0].targetPort: Invalid value: 65536: must be between"},
	{"\"ports\":[{\"port\":80,\"protocol\":\"tcp\"}]",
	 "spec.ports[0].protocol: Unsupported value: \"tcp\": supported values: \"SCTP\", "
	 "\"TCP\", \"UDP\""},
	{"\"ports\":[{\"port\":80,\"targetPort\":\"-a--\"}]",
	 "spec.ports[0].targetPort: Invalid value: \"-a--\": must not contain consecutive hyphens\n"
	 "spec.ports[0].targetPort: Invalid value: \"-a--\": must not begin or end with a hyphen"},
	{"\"ports\":[{\"port\":80,\"targetPort\":\"80\"}]",
	 "spec.ports[0].targetPort: Invalid value: \"80\": must contain at least one letter (a-z)"},
	{"\"ports\":[{\"port\":80,\"appProtocol\":\"a b\"}]",
	 "spec.ports[0].appProtocol: Invalid value: \"a b\": name part must consist of"},
	{"\"ports\":[{\"port\":80,\"nodePort\":30000}]",
	 "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"},
	{"\"type\":\"NodePort\",\"ports\":[{\"port\":80,\"name\":\"a\",\"nodePort\":30000},"
	 "{\"port\":81,\"name\":\"b\",\"nodePort\":30000},"
	 "{\"port\":81,\"name\":\"c\",\"nodePort\":30000,\"protocol\":\"UDP\"}]",
	 "spec.ports[1].nodePort: Duplicate value: 30000"},
	{"\"ports\":[{\"port\":80,\"name\":\"a\"},{\"port\":80,\"name\":\"b\"}]",
	 "spec.ports[1]: Duplicate value: {\"Name\":\"\",\"Protocol\":\"TCP\",\"AppProtocol\":null,"
	 "\"Port\":80,\"TargetPort\":0,\"NodePort\":0}"},
	/* 3.5 */
	{PORT ",\"selector\":{\"a b\":\"c d\"}",
	 "spec.selector: Invalid value: \"a b\": name part must consist\n"
	 "spec.selector: Invalid value: \"c d\": a valid label must be"},
	{PORT ",\"selector\":{}", ""},
	{PORT ",\"sessionAffinity\":\"client\"",
	 "spec.sessionAffinity: Unsupported value: \"client\": supported values: \"ClientIP\", "
	 "\"None\""},
	{PORT ",\"sessionAffinity\":\"ClientIP\",\"sessionAffinityConfig\":{\"clientIP\":"
	      "{\"timeoutSeconds\":0}}",
	 "spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 0: must be greater "
	 "than 0 and less than 86400"},
	{PORT ",\"sessionAffinity\":\"ClientIP\",\"sessionAffinityConfig\":{\"clientIP\":"
	      "{\"timeoutSeconds\":86400}}",
	 ""},
	{PORT ",\"sessionAffinityConfig\":{\"clientIP\":{\"timeoutSeconds\":5}}", ""},
	/* 3.6 */
	{PORT ",\"clusterIP\":\"10.0.0.2\",\"clusterIPs\":[\"10.0.0.1\"]",
	 "spec.clusterIPs: Invalid value: [\"10.0.0.1\"]: first value must match `clusterIP`"},
	{PORT ",\"clusterIPs\":[\"10.0.0.1\"]",
	 "spec.clusterIPs: Invalid value: [\"10.0.0.1\"]: must be empty when `clusterIP` is not "
	 "specified"},
	{PORT ",\"ipFamilies\":[\"IPv5\",\"IPv4\",\"IPv4\"]",
	 "spec.ipFamilies[0]: Unsupported value: \"IPv5\": supported values: \"IPv4\", \"IPv6\"\n"
	 "spec.ipFamilies[2]: Duplicate value: \"IPv4\""},
	{PORT ",\"ipFamilyPolicy\":\"Dual\"",
	 "spec.ipFamilyPolicy: Unsupported value: \"Dual\": supported values: "
	 "\"PreferDualStack\", \"RequireDualStack\", \"SingleStack\""},
	{PORT ",\"clusterIP\":\"None\",\"clusterIPs\":[\"None\",\"10.0.0.1\"]",
	 "spec.clusterIPs: Invalid value: [\"None\",\"10.0.0.1\"]: 'None' must be the first and "
	 "only value"},
	{PORT ",\"clusterIP\":\"10.0.0.1\",\"clusterIPs\":[\"10.0.0.1\",\"None\"]",
	 "spec.clusterIPs[1]: Invalid value: \"None\": " BAD_IP},
	{PORT ",\"clusterIP\":\"010.0.0.1\"",
	 "spec.clusterIPs[0]: Invalid value: \"010.0.0.1\": must not have leading 0s"},
	{PORT ",\"clusterIP\":\"::ffff:10.0.0.1\"",
	 "spec.clusterIPs[0]: Invalid value: \"::ffff:10.0.0.1\": must not be an IPv4-mapped IPv6 "
	 "address"},
	{PORT ",\"clusterIP\":\"10.0.0.1\",\"clusterIPs\":[\"10.0.0.1\",\"10.0.0.2\",\"::1\"]",
	 "spec.clusterIPs: Invalid value: [\"10.0.0.1\",\"10.0.0.2\",\"::1\"]: may only hold up "
	 "to 2 values"},
	{PORT ",\"clusterIP\":\"10.0.0.1\",\"clusterIPs\":[\"10.0.0.1\",\"10.0.0.2\"]",
	 "spec.clusterIPs: Invalid value: [\"10.0.0.1\",\"10.0.0.2\"]: may specify no more than "
	 "one IP for each IP family"},
	{V4 PORT ",\"ipFamilies\":[\"IPv6\"]",
	 "spec.clusterIPs[0]: Invalid value: \"10.0.0.1\": expected an IPv6 value as indicated by "
	 "`ipFamilies[0]`"},
	/* 3.7 */
	{PORT ",\"externalIPs\":[\"x\",\"0.0.0.0\",\"127.0.0.1\",\"169.254.1.1\",\"224.0.0.1\"]",
	 "spec.externalIPs[0]: Invalid value: \"x\": " BAD_IP "\n"
	 "spec.externalIPs[1]: Invalid value: \"0.0.0.0\": may not be unspecified (0.0.0.0)\n"
	 "spec.externalIPs[2]: Invalid value: \"127.0.0.1\": may not be in the loopback range\n"
	 "spec.externalIPs[3]: Invalid value: \"169.254.1.1\": may not be in the link-local range\n"
	 "spec.externalIPs[4]: Invalid value: \"224.0.0.1\": may not be in the link-local "
	 "multicast"},
	{PORT ",\"externalIPs\":[\"192.0.2.1\",\"192.0.2.1\"]", ""},
	/* 3.8 */
	{PORT ",\"type\":\"clusterip\"",
	 "spec.type: Unsupported value: \"clusterip\": supported values: \"ClusterIP\", "
	 "\"ExternalName\", \"LoadBalancer\", \"NodePort\""},
	/* 3.9 */
	{PORT ",\"loadBalancerSourceRanges\":[\"10.0.0.0/8\"]",
	 "spec.LoadBalancerSourceRanges: Forbidden: " ONLY_LB},
	{LB PORT ",\"externalTrafficPolicy\":\"Cluster\",\"loadBalancerSourceRanges\":"
		 "[\" 10.0.0.0/8 \",\"10.0.0.1/8\",\"x\",\"010.0.0.0/8\",\"10.0.0.0/08\"]",
	 "spec.LoadBalancerSourceRanges[1]: Invalid value: \"10.0.0.1/8\": must not have bits set "
	 "beyond the prefix length\n"
	 "spec.LoadBalancerSourceRanges[2]: Invalid value: \"x\": must be a valid CIDR value, (e.g."
	 "\nspec.LoadBalancerSourceRanges[3]: Invalid value: \"010.0.0.0/8\": must not have "
	 "leading 0s\nspec.LoadBalancerSourceRanges[4]: Invalid value: \"10.0.0.0/08\": must not "
	 "have leading 0s in IP or prefix length"},
	/* 3.10 */
	{PORT ",\"allocateLoadBalancerNodePorts\":false",
	 "spec.allocateLoadBalancerNodePorts: Forbidden: " ONLY_LB},
	{PORT ",\"loadBalancerClass\":\"x\"", "spec.loadBalancerClass: Forbidden: " ONLY_LB},
	{LB PORT ",\"loadBalancerClass\":\"a b\"",
	 "spec.loadBalancerClass: Invalid value: \"a b\": name part must consist of"},
	/* 3.11 */
	{PORT ",\"externalTrafficPolicy\":\"Local\"",
	 "spec.externalTrafficPolicy: Invalid value: \"Local\": may only be set for "
	 "externally-accessible services"},
	{PORT ",\"externalIPs\":[\"192.0.2.1\"],\"externalTrafficPolicy\":\"Local\"", ""},
	{"\"type\":\"NodePort\"," PORT ",\"externalTrafficPolicy\":\"x\"",
	 "spec.externalTrafficPolicy: Unsupported value: \"x\": supported values: \"Cluster\", "
	 "\"Local\""},
	{PORT ",\"healthCheckNodePort\":3",
	 "spec.healthCheckNodePort: Invalid value: 3: may only be set when `type` is "
	 "'LoadBalancer' and `externalTrafficPolicy` is 'Local'"},
	{LB PORT ",\"externalTrafficPolicy\":\"Local\"",
	 "spec.healthCheckNodePort: Required value"},
	{PORT ",\"internalTrafficPolicy\":\"x\"",
	 "spec.internalTrafficPolicy: Unsupported value: \"x\": supported values: \"Cluster\", "
	 "\"Local\""},
	{NAMED ",\"internalTrafficPolicy\":\"Local\"", ""},
	{PORT ",\"trafficDistribution\":\"\"",
	 "spec.trafficDistribution: Unsupported value: \"\": supported values: \"PreferClose\", "
	 "\"PreferSameZone\", \"PreferSameNode\""},
	{PORT ",\"trafficDistribution\":\"PreferSameNode\"", ""},
};

TEST(create)
{
	for (size_t i = 0; i < ARRAY_LEN(create_cases); i++) {
		struct api_causes c;

		api_causes_init(&c, &arena);
		api_validate_create(api_kind_of("Service"), service(create_cases[i].spec), &c);
		causes_check(create_cases[i].spec, &c, create_cases[i].want);
	}
	arena_fini(&arena);
}

TEST(annotations_of_a_service)
{
	static const struct {
		const char *annotations, *want;
	} cases[] = {
		{"\"service.kubernetes.io/topology-mode\":\"a\","
		 "\"service.kubernetes.io/topology-aware-hints\":\"b\"",
		 "metadata.annotations[service.kubernetes.io/topology-mode]: Invalid value: \"a\": "
		 "must match annotations[service.kubernetes.io/topology-aware-hints] when both"},
		{"\"service.beta.kubernetes.io/load-balancer-source-ranges\":\"\"",
		 "metadata.annotations[service.beta.kubernetes.io/load-balancer-source-ranges]: "
		 "Forbidden: " ONLY_LB},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct json *obj = service(PORT), *annotations;
		struct api_causes c;
		struct err err;

		ASSERT_OK(json_parse(&arena, str_printf(&arena, "{%s}", cases[i].annotations), 0,
				     &annotations, &err));
		json_set(json_get(obj, "metadata"), "annotations", annotations);
		api_causes_init(&c, &arena);
		api_validate_create(api_kind_of("Service"), obj, &c);
		causes_check(cases[i].annotations, &c, cases[i].want);
	}
	arena_fini(&arena);
}

#define DUAL    "\"clusterIP\":\"10.0.0.1\",\"clusterIPs\":[\"10.0.0.1\",\"2001:db8::1\"]," FAM2
#define FAM2    "\"ipFamilies\":[\"IPv4\",\"IPv6\"],\"ipFamilyPolicy\":\"RequireDualStack\","
#define SINGLE  "\"ipFamilies\":[\"IPv4\"],\"ipFamilyPolicy\":\"SingleStack\","
#define V6_ONLY "\"ipFamilies\":[\"IPv6\"],\"ipFamilyPolicy\":\"SingleStack\","
#define LOCAL   LB "\"externalTrafficPolicy\":\"Local\","

/* The allocation hides some of these from clients. Proves: 4.1.9, 4.1.11, 4.1.13, 4.1.14, 4.1.15,
 * 4.1.21 */
TEST(update)
{
	static const struct {
		const char *old, *new, *want;
	} cases[] = {
		{V4 SINGLE PORT, V4 SINGLE PORT ",\"selector\":{\"a\":\"b\"}", ""},
		{V4 SINGLE PORT, "\"clusterIP\":\"10.0.0.9\"," SINGLE PORT,
		 "spec.clusterIPs[0]: Invalid value: [\"10.0.0.9\"]: may not change once set"},
		{V4 SINGLE PORT, SINGLE PORT,
		 "spec.clusterIPs[0]: Invalid value: null: primary clusterIP can not be unset"},
		{DUAL PORT, V4 SINGLE PORT, ""},
		{DUAL PORT,
		 V4 "\"ipFamilies\":[\"IPv4\"],\"ipFamilyPolicy\":\"PreferDualStack\"," PORT,
		 "spec.ipFamilyPolicy: Invalid value: \"PreferDualStack\": must be set to "
		 "'SingleStack' when releasing the secondary clusterIP\n"
		 "spec.ipFamilyPolicy: Invalid value: \"PreferDualStack\": must be set to "
		 "'SingleStack' when releasing the secondary ipFamily"},
		{V4 SINGLE PORT, V4 V6_ONLY PORT,
		 "spec.ipFamilies[0]: Invalid value: [\"IPv6\"]: may not change once set\n"
		 "spec.clusterIPs[0]: Invalid value: \"10.0.0.1\": expected an IPv6 value as indicated by "
		 "`ipFamilies[0]`"},
		{DUAL PORT, V4 V6_ONLY PORT,
		 "spec.ipFamilies[0]: Invalid value: [\"10.0.0.1\"]: may not change once set\n"
		 "spec.clusterIPs[0]: Invalid value: \"10.0.0.1\": expected an IPv6 value as indicated by "
		 "`ipFamilies[0]`"},
		{V4 SINGLE PORT,
		 V4
		 "\"ipFamilies\":[\"IPv6\",\"IPv4\"],\"ipFamilyPolicy\":\"RequireDualStack\"," PORT,
		 "spec.ipFamilies[0]: Invalid value: [\"10.0.0.1\"]: may not change once set\n"
		 "spec.clusterIPs[0]: Invalid value: \"10.0.0.1\": expected an IPv6 value as indicated by "
		 "`ipFamilies[0]`"},
		{V4 SINGLE PORT, "\"clusterIP\":\"None\"," SINGLE PORT,
		 "spec.clusterIPs[0]: Invalid value: [\"None\"]: may not change once set"},
		{"\"clusterIP\":\"None\"," SINGLE PORT, "\"clusterIP\":\"None\"," FAM2 PORT, ""},
		{V4 SINGLE PORT, NAMED, ""},
		{LB PORT, LB PORT ",\"loadBalancerClass\":\"a/b\"",
		 "spec.loadBalancerClass: Invalid value: \"a/b\": may not change once set"},
		{LOCAL PORT ",\"healthCheckNodePort\":31000",
		 LOCAL PORT ",\"healthCheckNodePort\":31001",
		 "spec.healthCheckNodePort: Forbidden: field is immutable"},
		/* What was let in before stays. */
		{"\"clusterIP\":\"010.0.0.1\"," SINGLE PORT,
		 "\"clusterIP\":\"010.0.0.1\"," SINGLE PORT, ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct api_causes c;

		api_causes_init(&c, &arena);
		api_validate_update(api_kind_of("Service"), service(cases[i].old),
				    service(cases[i].new), &c);
		causes_check(cases[i].new, &c, cases[i].want);
	}
	arena_fini(&arena);
}

TEST(status)
{
	static const struct {
		const char *type, *ingress, *want;
	} cases[] = {
		{"LoadBalancer", "{\"ip\":\"192.0.2.1\"},{\"hostname\":\"a.example\"},{}", ""},
		{"ClusterIP", "{\"ip\":\"192.0.2.1\",\"ipMode\":\"VIP\"}",
		 "status.loadBalancer.ingress: Forbidden: may only be used when `spec.type` is "
		 "'LoadBalancer'"},
		{"LoadBalancer", "{\"ip\":\"x\"}",
		 "status.loadBalancer.ingress[0].ip: Invalid value: \"x\": " BAD_IP},
		{"LoadBalancer", "{\"ipMode\":\"VIP\"}",
		 "status.loadBalancer.ingress[0].ipMode: Forbidden: may not be specified when `ip` "
		 "is not set"},
		{"LoadBalancer", "{\"ip\":\"192.0.2.1\",\"ipMode\":\"vip\"}",
		 "status.loadBalancer.ingress[0].ipMode: Unsupported value: \"vip\": supported "
		 "values: \"Proxy\", \"VIP\""},
		{"LoadBalancer", "{\"hostname\":\"192.0.2.1\"}",
		 "status.loadBalancer.ingress[0].hostname: Invalid value: \"192.0.2.1\": must be a "
		 "DNS name, not an IP address"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct str text =
			str_printf(&arena,
				   "{\"metadata\":{\"name\":\"web\",\"namespace\":\"default\","
				   "\"resourceVersion\":\"1\"},\"spec\":{\"type\":\"%s\"},"
				   "\"status\":{\"loadBalancer\":{\"ingress\":[%s]}}}",
				   cases[i].type, cases[i].ingress);
		struct json *obj = causes_object(&arena, api_kind_of("Service"), text.ptr);
		struct json *old = json_clone(&arena, obj);
		struct api_causes c;

		json_remove(old, "status");
		api_causes_init(&c, &arena);
		api_validate_status(api_kind_of("Service"), old, obj, &c);
		causes_check(cases[i].ingress, &c, cases[i].want);
	}
	arena_fini(&arena);
}

TEST(warnings)
{
	static const struct {
		const char *spec, *want;
	} cases[] = {
		{PORT, ""},
		{PORT ",\"clusterIP\":\"2001:DB8::1\"",
		 "spec.clusterIPs[0]: IPv6 address \"2001:DB8::1\" should be in RFC 5952 canonical "
		 "format (\"2001:db8::1\")"},
		{PORT ",\"loadBalancerIP\":\"010.0.0.1\"",
		 "spec.loadBalancerIP: non-standard IP address \"010.0.0.1\" is invalid: use "
		 "\"10.0.0.1\""},
		{PORT ",\"externalIPs\":[\"192.0.2.1\"]",
		 "spec.externalIPs is deprecated and may no longer be implemented in some clusters"},
		{NAMED ",\"externalIPs\":[\"192.0.2.1\"]",
		 "spec.externalIPs is ignored when spec.type is \"ExternalName\""},
		{PORT ",\"externalName\":\"x\"",
		 "spec.externalName is ignored when spec.type is not \"ExternalName\""},
		{PORT ",\"trafficDistribution\":\"PreferClose\"",
		 "spec.trafficDistribution: \"PreferClose\" is deprecated; use \"PreferSameZone\""},
		{"\"clusterIP\":\"None\",\"loadBalancerIP\":\"x\",\"sessionAffinity\":\"ClientIP\"",
		 "spec.loadBalancerIP is ignored for headless services|spec.SessionAffinity is "
		 "ignored for headless services"},
		{LB PORT ",\"loadBalancerSourceRanges\":[\"10.0.0.1/8\"]",
		 "spec.loadBalancerSourceRanges[0]: CIDR value \"10.0.0.1/8\" is ambiguous in this "
		 "context (should be \"10.0.0.0/8\" or \"10.0.0.1/32\"?)"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct api_strs got =
			api_warnings(&arena, api_kind_of("Service"), service(cases[i].spec), NULL);
		struct buf b = BUF_INIT;

		for (size_t k = 0; k < got.n; k++)
			buf_printf(&b, "%s%.*s", k ? "|" : "", STR_ARG(got.ptr[k]));
		ASSERT_STR(buf_str(&b), str_of(cases[i].want));
		buf_fini(&b);
	}
	arena_fini(&arena);
}

TEST(message_lists_each_text_once)
{
	struct api_path p = api_path("spec");
	struct api_causes c;

	api_causes_init(&c, &arena);
	api_causes_required(&c, &p, NULL);
	ASSERT_STR(api_causes_message(&c, STR("Service"), STR("x")),
		   STR("Service \"x\" is invalid: spec: Required value"));
	api_causes_required(&c, &p, NULL);
	api_causes_invalid(&c, &p, STR("a\"\n"), "no");
	ASSERT_STR(api_causes_message(&c, STR("Service"), STR("x")),
		   STR("Service \"x\" is invalid: [spec: Required value, spec: Invalid value: "
		       "\"a\\\"\\n\": no]"));
	ASSERT_EQ(api_causes_json(&c)->count, 3);
	for (size_t i = 0; i < API_CAUSES_MAX; i++)
		api_causes_too_many(&c, &p, i, 1);
	ASSERT_EQ(c.n, API_CAUSES_MAX);
	ASSERT_EQ(c.n_dropped, 3);
	arena_fini(&arena);
}
