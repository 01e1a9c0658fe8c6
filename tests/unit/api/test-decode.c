/* SPDX-License-Identifier: Apache-2.0 */
#include "api/decode/decode.h"

#include "tests/harness/test.h"

static struct arena arena;
static struct err err;

static struct json *parse(const char *text)
{
	struct json *n = NULL;

	ASSERT_OK(json_parse(&arena, str_of(text), 0, &n, &err));
	return n;
}

static void assert_json(const struct json *n, const char *want)
{
	struct buf b = BUF_INIT;

	json_write(&b, n);
	ASSERT_STR(buf_str(&b), str_of(want));
	buf_fini(&b);
}

TEST(service_with_everything)
{
	struct api_service s;

	ASSERT_OK(api_service_decode(
		&arena,
		parse("{\"metadata\":{\"name\":\"web\",\"namespace\":\"default\",\"uid\":\"u\","
		      "\"creationTimestamp\":\"2026-11-21T10:00:00Z\","
		      "\"labels\":{\"b\":\"2\",\"a\":\"1\",\"b\":\"3\"},"
		      "\"ownerReferences\":[{\"kind\":\"X\",\"name\":\"x\",\"controller\":true}],"
		      "\"finalizers\":[\"f/x\"],\"annotations\":null},"
		      "\"spec\":{\"type\":\"LoadBalancer\",\"selector\":{\"app\":\"web\"},"
		      "\"clusterIPs\":[\"10.96.0.10\",\"2001:db8::1\"],"
		      "\"ipFamilies\":[\"IPv4\",\"IPv6\"],"
		      "\"sessionAffinity\":\"ClientIP\","
		      "\"sessionAffinityConfig\":{\"clientIP\":{\"timeoutSeconds\":60}},"
		      "\"externalTrafficPolicy\":\"Local\",\"internalTrafficPolicy\":\"Cluster\","
		      "\"ports\":[{\"name\":\"http\",\"port\":80,\"nodePort\":30080,"
		      "\"targetPort\":\"web\"},{\"protocol\":\"UDP\",\"port\":53}]},"
		      "\"status\":{\"loadBalancer\":{\"ingress\":[{\"ip\":\"192.0.2.1\","
		      "\"ipMode\":\"Proxy\"},{\"hostname\":\"lb.example\"}]}}}"),
		&s, &err));
	ASSERT_STR(s.meta.name, STR("web"));
	ASSERT_EQ(s.meta.created_ns, 1795255200ll * 1000000000);
	ASSERT_EQ(s.meta.labels.n, 2);
	ASSERT_STR(api_pairs_get(&s.meta.labels, "b"), STR("3"));
	ASSERT_TRUE(s.meta.owners[0].is_controller);
	ASSERT_EQ(s.type, API_LOAD_BALANCER);
	ASSERT_TRUE(s.has_selector);
	ASSERT_EQ(s.n_cluster_addrs, 2);
	ASSERT_EQ(ip_family(&s.cluster_addrs[1]), IP_V6);
	ASSERT_EQ(s.families[1], IP_V6);
	ASSERT_TRUE(s.has_client_affinity);
	ASSERT_EQ(s.affinity_timeout_s, 60);
	ASSERT_EQ(s.external_policy, API_POLICY_LOCAL);
	ASSERT_EQ(s.internal_policy, API_POLICY_CLUSTER);
	ASSERT_EQ(s.n_ports, 2);
	ASSERT_TRUE(s.ports[0].target_port.is_str);
	ASSERT_EQ(s.ports[0].node_port, 30080);
	ASSERT_EQ(s.ports[1].protocol, API_UDP);
	ASSERT_EQ(s.ports[1].target_port.number, 53);
	ASSERT_EQ(s.n_ingress, 2);
	ASSERT_TRUE(s.ingress[0].has_ip);
	ASSERT_TRUE(s.ingress[0].is_proxy);
	ASSERT_FALSE(s.ingress[1].has_ip);
	arena_fini(&arena);
}

TEST(headless_and_absent)
{
	struct api_service s;

	ASSERT_OK(
		api_service_decode(&arena, parse("{\"spec\":{\"clusterIP\":\"None\"}}"), &s, &err));
	ASSERT_TRUE(s.is_headless);
	ASSERT_EQ(s.n_cluster_addrs, 0);
	ASSERT_FALSE(s.has_selector);
	ASSERT_EQ(s.external_policy, API_POLICY_UNSET);
	ASSERT_OK(api_service_decode(&arena, parse("{}"), &s, &err));
	ASSERT_FALSE(s.is_headless);
	ASSERT_FALSE(str_is_set(s.meta.name));
	arena_fini(&arena);
}

TEST(wrong_types_name_the_field)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{"[]", "object: must be an object, got a list"},
		{"{\"spec\":{\"ports\":[{\"port\":\"80\"}]}}",
		 "spec.ports[0].port: must be a whole number, got a string"},
		{"{\"spec\":{\"clusterIPs\":[\"10.0.0.1\",7]}}",
		 "spec.clusterIPs[1]: must be a string, got a whole number"},
		{"{\"spec\":{\"selector\":{\"a\":true}}}",
		 "spec.selector[a]: must be a string, got true or false"},
		{"{\"spec\":{\"type\":\"Cluster\"}}", "spec.type: unknown value \"Cluster\""},
		{"{\"metadata\":{\"creationTimestamp\":\"today\"}}",
		 "metadata.creationTimestamp: "},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct api_service s = {.n_ports = 77};

		ASSERT_ERR(api_service_decode(&arena, parse(cases[i].text), &s, &err), ERR_INVALID);
		ASSERT_STR(str_sub(str_of(err.msg), 0, str_of(cases[i].want).len),
			   str_of(cases[i].want));
		ASSERT_EQ(s.n_ports, 77);
	}
	arena_fini(&arena);
}

TEST(slice_conditions_and_round_trip)
{
	const char *text =
		"{\"apiVersion\":\"discovery.k8s.io/v1\",\"kind\":\"EndpointSlice\","
		"\"metadata\":{\"name\":\"web-1\",\"labels\":{\"kubernetes.io/service-name\":"
		"\"web\"}},\"addressType\":\"IPv4\",\"endpoints\":[{\"addresses\":[\"10.0.0.1\"],"
		"\"conditions\":{\"ready\":true,\"serving\":true,\"terminating\":false},"
		"\"targetRef\":{\"kind\":\"Pod\",\"name\":\"p\"},\"nodeName\":\"n1\",\"zone\":"
		"\"z\",\"hints\":{\"forZones\":[{\"name\":\"z\"}]}}],"
		"\"ports\":[{\"name\":\"\",\"protocol\":\"TCP\",\"port\":80}]}";
	struct api_endpoint_slice s;

	ASSERT_OK(api_endpoint_slice_decode(&arena, parse(text), &s, &err));
	ASSERT_STR(s.service, STR("web"));
	ASSERT_TRUE(s.endpoints[0].has_addr);
	ASSERT_STR(s.endpoints[0].zone_hints.ptr[0], STR("z"));
	assert_json(api_endpoint_slice_encode(&arena, &s), text);
	ASSERT_OK(api_endpoint_slice_decode(
		&arena,
		parse("{\"addressType\":\"FQDN\",\"endpoints\":[{\"addresses\":[\"a.example\"]},"
		      "{\"addresses\":[],\"conditions\":{\"ready\":false}}],"
		      "\"ports\":[{},{\"port\":99999}]}"),
		&s, &err));
	ASSERT_TRUE(s.endpoints[0].ready && s.endpoints[0].serving);
	ASSERT_FALSE(s.endpoints[0].terminating || s.endpoints[0].has_addr);
	ASSERT_FALSE(s.endpoints[1].ready || s.endpoints[1].serving);
	ASSERT_FALSE(s.ports[0].has_port);
	ASSERT_TRUE(s.ports[1].has_port && s.ports[1].port == 0);
	arena_fini(&arena);
}

TEST(endpoints_and_lease_round_trip)
{
	const char *endpoints =
		"{\"apiVersion\":\"v1\",\"kind\":\"Endpoints\",\"metadata\":{\"name\":\"web\"},"
		"\"subsets\":[{\"addresses\":[{\"ip\":\"10.0.0.1\",\"nodeName\":\"n1\"}],"
		"\"notReadyAddresses\":[{\"ip\":\"10.0.0.2\"}],"
		"\"ports\":[{\"protocol\":\"UDP\",\"port\":53}]}]}";
	const char *lease =
		"{\"apiVersion\":\"coordination.k8s.io/v1\",\"kind\":\"Lease\","
		"\"metadata\":{\"name\":\"n1\",\"namespace\":\"kube-node-lease\"},"
		"\"spec\":{\"holderIdentity\":\"n1\",\"leaseDurationSeconds\":40,"
		"\"renewTime\":\"2026-11-21T10:00:00.000001Z\",\"leaseTransitions\":2}}";
	struct api_endpoints e;
	struct api_lease l;

	ASSERT_OK(api_endpoints_decode(&arena, parse(endpoints), &e, &err));
	ASSERT_EQ(e.subsets[0].n_ready, 1);
	assert_json(api_endpoints_encode(&arena, &e), endpoints);
	ASSERT_OK(api_lease_decode(&arena, parse(lease), &l, &err));
	assert_json(api_lease_encode(&arena, &l), lease);
	arena_fini(&arena);
}

TEST(pod_and_node)
{
	struct api_pod p;
	struct api_node n;

	ASSERT_OK(api_pod_decode(
		&arena,
		parse("{\"metadata\":{\"name\":\"p\"},\"spec\":{\"enableServiceLinks\":false,"
		      "\"containers\":[{\"name\":\"c\",\"image\":\"i\",\"command\":[\"a\",\"b\"],"
		      "\"ports\":[{\"containerPort\":8080,\"name\":\"web\"}],"
		      "\"env\":[{\"name\":\"A\",\"value\":\"1\"},{\"name\":\"IP\",\"valueFrom\":"
		      "{\"fieldRef\":{\"fieldPath\":\"status.podIP\"}}}],"
		      "\"readinessProbe\":{\"httpGet\":{\"port\":\"web\",\"httpHeaders\":"
		      "[{\"name\":\"X\",\"value\":\"y\"}]},\"periodSeconds\":2}}]},"
		      "\"status\":{\"phase\":\"Running\",\"podIPs\":[{\"ip\":\"10.1.0.2\"}],"
		      "\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\","
		      "\"lastTransitionTime\":\"2026-11-21T10:00:00Z\"}],"
		      "\"containerStatuses\":[{\"name\":\"c\",\"ready\":true,\"state\":"
		      "{\"waiting\":{}}}]}}"),
		&p, &err));
	ASSERT_TRUE(p.is_ready && p.has_no_service_links);
	ASSERT_EQ(p.grace_period_s, 30);
	ASSERT_STR(p.pod_ips.ptr[0], STR("10.1.0.2"));
	ASSERT_EQ(p.containers[0].readiness.kind, API_PROBE_HTTP);
	ASSERT_STR(p.containers[0].readiness.path, STR("/"));
	ASSERT_EQ(p.containers[0].readiness.period_s, 2);
	ASSERT_EQ(p.containers[0].readiness.failure_threshold, 3);
	ASSERT_FALSE(p.containers[0].liveness.is_set);
	ASSERT_STR(p.containers[0].readiness.headers[0].value, STR("y"));
	ASSERT_STR(p.containers[0].env[1].field_path, STR("status.podIP"));
	ASSERT_TRUE(str_is_set(p.statuses[0].waiting_reason));
	ASSERT_FALSE(str_is_set(p.statuses[0].terminated_reason));
	ASSERT_OK(api_node_decode(
		&arena,
		parse("{\"metadata\":{\"labels\":{\"topology.kubernetes.io/zone\":\"z\"}},"
		      "\"spec\":{\"podCIDR\":\"10.1.0.0/24\",\"taints\":[{\"key\":\"k\"}]},"
		      "\"status\":{\"addresses\":[{\"type\":\"InternalIP\",\"address\":"
		      "\"192.0.2.7\"}]}}"),
		&n, &err));
	ASSERT_STR(n.pod_cidrs.ptr[0], STR("10.1.0.0/24"));
	ASSERT_STR(n.zone, STR("z"));
	ASSERT_TRUE(n.addresses[0].has_ip);
	ASSERT_STR(n.taints[0].key, STR("k"));
	arena_fini(&arena);
}
