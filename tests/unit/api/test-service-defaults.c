/* SPDX-License-Identifier: Apache-2.0 */
#include "api/defaults/service.h"

#include "api/defaults/defaults.h"
#include "api/kind.h"

#include "tests/harness/test.h"

static struct arena arena;

static struct json *parse(const char *text)
{
	struct json *n = NULL;
	struct err err;

	ASSERT_OK(json_parse(&arena, str_of(text), 0, &n, &err));
	return n;
}

static void assert_json(const struct json *n, const char *want)
{
	struct buf b = BUF_INIT;

	if (!json_eq(n, parse(want))) {
		json_write(&b, n);
		test_fail(__FILE__, __LINE__, "want %s\ngot  %s", want, b.ptr);
	}
}

#define COMMON "\"sessionAffinity\":\"None\",\"internalTrafficPolicy\":\"Cluster\""

TEST(service)
{
	static const struct {
		const char *in, *want;
	} cases[] = {
		{"{}", "{\"type\":\"ClusterIP\"," COMMON "}"},
		{"{\"ports\":[{\"port\":80},{\"port\":81,\"targetPort\":\"\"},{\"port\":82,"
		 "\"targetPort\":0},{\"port\":83,\"targetPort\":9}]}",
		 "{\"type\":\"ClusterIP\"," COMMON
		 ",\"ports\":[{\"port\":80,\"targetPort\":80,\"protocol\":\"TCP\"},"
		 "{\"port\":81,\"targetPort\":81,\"protocol\":\"TCP\"},{\"port\":82,\"targetPort\":82,"
		 "\"protocol\":\"TCP\"},{\"port\":83,"
		 "\"targetPort\":9,\"protocol\":\"TCP\"}]}"},
		{"{\"type\":\"NodePort\"}",
		 "{\"type\":\"NodePort\",\"externalTrafficPolicy\":\"Cluster\"," COMMON "}"},
		{"{\"type\":\"LoadBalancer\",\"externalTrafficPolicy\":\"Local\"}",
		 "{\"type\":\"LoadBalancer\",\"externalTrafficPolicy\":\"Local\","
		 "\"allocateLoadBalancerNodePorts\":true," COMMON "}"},
		{"{\"externalIPs\":[\"192.0.2.1\"]}",
		 "{\"type\":\"ClusterIP\",\"externalTrafficPolicy\":\"Cluster\",\"externalIPs\":"
		 "[\"192.0.2.1\"]," COMMON "}"},
		{"{\"type\":\"ExternalName\"}",
		 "{\"type\":\"ExternalName\",\"sessionAffinity\":\"None\"}"},
		{"{\"type\":\"ExternalName\",\"sessionAffinityConfig\":{\"clientIP\":{}}}",
		 "{\"type\":\"ExternalName\",\"sessionAffinity\":\"None\"}"},
		{"{\"type\":\"ExternalName\",\"sessionAffinity\":\"ClientIP\",\"sessionAffinityConfig\":"
		 "{\"clientIP\":{}}}",
		 "{\"type\":\"ExternalName\",\"sessionAffinity\":\"ClientIP\","
		 "\"sessionAffinityConfig\":{\"clientIP\":{\"timeoutSeconds\":10800}}}"},
		{"{\"type\":\"ExternalName\",\"sessionAffinity\":\"ClientIP\",\"sessionAffinityConfig\":"
		 "{\"clientIP\":{\"timeoutSeconds\":0}}}",
		 "{\"type\":\"ExternalName\",\"sessionAffinity\":\"ClientIP\","
		 "\"sessionAffinityConfig\":{\"clientIP\":{\"timeoutSeconds\":0}}}"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct json *obj = json_new(&arena, JSON_OBJECT);

		json_set(obj, "spec", parse(cases[i].in));
		for (int twice = 0; twice < 2; twice++) {
			api_defaults(&arena, api_kind_of("Service"), obj);
			assert_json(json_get(obj, "spec"), cases[i].want);
		}
	}
	arena_fini(&arena);
}

TEST(ingress_mode)
{
	struct json *obj =
		parse("{\"spec\":{\"type\":\"LoadBalancer\"},\"status\":{\"loadBalancer\":"
		      "{\"ingress\":[{\"ip\":\"192.0.2.1\"},{\"hostname\":\"a\"},"
		      "{\"ip\":\"192.0.2.2\",\"ipMode\":\"Proxy\"}]}}}");

	api_defaults(&arena, api_kind_of("Service"), obj);
	assert_json(json_path(obj, "status.loadBalancer.ingress"),
		    "[{\"ip\":\"192.0.2.1\",\"ipMode\":\"VIP\"},{\"hostname\":\"a\"},"
		    "{\"ip\":\"192.0.2.2\",\"ipMode\":\"Proxy\"}]");
	arena_fini(&arena);
}

/* Proves: 2.3.1, 2.3.2, 2.3.3, 2.3.4, 2.3.5 */
TEST(on_read)
{
	static const struct {
		const char *in, *want;
	} cases[] = {
		{"{\"clusterIP\":\"10.0.0.1\"}",
		 "{\"clusterIP\":\"10.0.0.1\",\"clusterIPs\":[\"10.0.0.1\"],\"ipFamilies\":"
		 "[\"IPv4\"],\"ipFamilyPolicy\":\"SingleStack\"}"},
		{"{\"clusterIP\":\"2001:db8::1\",\"clusterIPs\":[\"2001:db8::1\",\"10.0.0.1\"]}",
		 "{\"clusterIP\":\"2001:db8::1\",\"clusterIPs\":[\"2001:db8::1\",\"10.0.0.1\"],"
		 "\"ipFamilies\":[\"IPv6\",\"IPv4\"],\"ipFamilyPolicy\":\"RequireDualStack\"}"},
		{"{\"clusterIP\":\"None\",\"selector\":{\"a\":\"b\"}}",
		 "{\"clusterIP\":\"None\",\"clusterIPs\":[\"None\"],\"selector\":{\"a\":\"b\"},"
		 "\"ipFamilies\":[\"IPv6\"],\"ipFamilyPolicy\":\"SingleStack\"}"},
		{"{\"clusterIP\":\"None\"}",
		 "{\"clusterIP\":\"None\",\"clusterIPs\":[\"None\"],\"ipFamilies\":[\"IPv6\","
		 "\"IPv4\"],\"ipFamilyPolicy\":\"RequireDualStack\"}"},
		{"{\"type\":\"ExternalName\",\"internalTrafficPolicy\":\"Cluster\"}",
		 "{\"type\":\"ExternalName\"}"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct json *obj = json_new(&arena, JSON_OBJECT);

		json_set(obj, "spec", parse(cases[i].in));
		api_default_service_on_read(&arena, obj, IP_V6);
		assert_json(json_get(obj, "spec"), cases[i].want);
	}
	arena_fini(&arena);
}

/* "A/A,6": clusterIP A, clusterIPs [A, 6]; "-/-": neither. */
static struct json *service_of(const char *notation)
{
	struct str rest = str_of(notation), single, ip;
	struct json *obj = json_new(&arena, JSON_OBJECT), *list = NULL;
	struct json *spec = json_set(obj, "spec", json_new(&arena, JSON_OBJECT));

	ASSERT_TRUE(str_next(&rest, '/', &single));
	if (!str_eq_c(single, "-"))
		json_set(spec, "clusterIP", json_new_string(&arena, single));
	if (str_eq_c(rest, "-"))
		return obj;
	list = json_set(spec, "clusterIPs", json_new(&arena, JSON_ARRAY));
	while (str_next(&rest, ',', &ip))
		json_append(list, json_new_string(&arena, ip));
	return obj;
}

/* Proves: 2.4.1, 2.4.2, 2.4.3, 2.4.4, 2.4.5, 2.4.6, 2.4.7, 2.4.8 */
TEST(cluster_ip_and_ips_agree)
{
	static const struct {
		const char *old, *new, *want;
	} cases[] = {
		/* create */
		{NULL, "A/-", "A/A"},
		{NULL, "-/A", "-/A"},
		{NULL, "-/-", "-/-"},
		{NULL, "A/B", "A/B"},
		/* update: the table of section 2.4 */
		{"A/A", "B/B", "B/B"},
		{"A/A", "A/A,6", "A/A,6"},
		{"A/A,6", "A/A", "A/A"},
		{"A/A", "-/A", "-/-"},
		{"A/A", "A/-", "A/A"},
		{"A/A", "-/-", "-/-"},
		{"A/A", "-/B", "-/B"},
		{"A/A,6", "B/-", "B/-"},
		{"None/None", "B/None", "B/B"},
		{"A/A", "None/A", "None/None"},
		{"A/A,6", "None/B,6", "None/B,6"},
		{"A/A,6", "B/A,6", "B/B"},
		{"-/-", "A/-", "A/A"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct json *old = cases[i].old ? service_of(cases[i].old) : NULL;
		struct json *obj = service_of(cases[i].new);

		api_default_cluster_ips(&arena, old, obj);
		if (!json_eq(obj, service_of(cases[i].want)))
			test_fail(__FILE__, __LINE__, "%s => %s", cases[i].old, cases[i].new);
	}
	arena_fini(&arena);
}

TEST(pod)
{
	static const struct {
		const char *resources, *qos;
	} cases[] = {
		{"{}", "BestEffort"},
		{"{\"requests\":{\"cpu\":\"1\"}}", "Burstable"},
		{"{\"limits\":{\"cpu\":\"1\",\"memory\":\"1Mi\"}}", "Guaranteed"},
		{"{\"limits\":{\"cpu\":\"1\",\"memory\":\"1Mi\"},\"requests\":{\"cpu\":\"500m\"}}",
		 "Burstable"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct json *obj = parse(
			str_printf(
				&arena,
				"{\"spec\":{\"containers\":[{\"resources\":%s,\"readinessProbe\":"
				"{\"httpGet\":{\"port\":80}}}]}}",
				cases[i].resources)
				.ptr);
		const struct json *container = json_at(json_path(obj, "spec.containers"), 0);

		api_defaults(&arena, api_kind_of("Pod"), obj);
		ASSERT_STR(json_string(json_path(obj, "status.qosClass")), str_of(cases[i].qos));
		ASSERT_STR(json_string(json_path(obj, "status.phase")), STR("Pending"));
		assert_json(json_path(container, "readinessProbe.httpGet"),
			    "{\"port\":80,\"path\":\"/\",\"scheme\":\"HTTP\"}");
	}
	arena_fini(&arena);
}
