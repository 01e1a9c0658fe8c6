/* SPDX-License-Identifier: Apache-2.0 */
#include "client/object.h"

#include "tests/harness/test.h"

#include <stdlib.h>
#include <string.h>

/* Every kind with a view, with all that a view can hold. */
static const struct {
	const char *kind, *json;
} samples[] = {
	{"Service",
	 "{\"metadata\":{\"name\":\"web\",\"namespace\":\"shop\",\"uid\":\"u1\",\"generateName\":"
	 "\"w\",\"resourceVersion\":\"17\",\"labels\":{\"app\":\"web\",\"x\":\"\"},\"annotations\":{"
	 "\"a\":\"b\",\"kubectl.kubernetes.io/last-applied-configuration\":\"{...}\",\"z\":\"zz\"},"
	 "\"ownerReferences\":[{\"apiVersion\":\"v1\",\"kind\":\"Thing\",\"name\":\"t\",\"uid\":"
	 "\"u9\"}],\"finalizers\":[\"a/b\"]},\"spec\":{\"type\":\"LoadBalancer\",\"selector\":{"
	 "\"app\":\"web\"},\"ports\":[{\"name\":\"http\",\"port\":80,\"targetPort\":\"www\","
	 "\"appProtocol\":\"h2c\"}],\"clusterIP\":\"10.96.0.7\",\"clusterIPs\":[\"10.96.0.7\"],"
	 "\"ipFamilies\":[\"IPv4\"],\"externalIPs\":[\"192.0.2.9\"],\"loadBalancerClass\":\"c/d\","
	 "\"loadBalancerIP\":\"192.0.2.1\",\"loadBalancerSourceRanges\":[\"198.51.100.0/24\"],"
	 "\"trafficDistribution\":\"PreferClose\"},\"status\":{\"loadBalancer\":{\"ingress\":[{"
	 "\"ip\":\"192.0.2.1\"},{\"hostname\":\"h.example\"}]}}}"},
	{"EndpointSlice",
	 "{\"metadata\":{\"name\":\"web-1\",\"namespace\":\"shop\",\"labels\":{"
	 "\"kubernetes.io/service-name\":\"web\"}},\"addressType\":\"IPv4\",\"endpoints\":[{"
	 "\"addresses\":[\"10.0.0.1\"],\"conditions\":{\"ready\":true},\"hostname\":\"h\","
	 "\"nodeName\":\"n\",\"zone\":\"z\",\"targetRef\":{\"kind\":\"Pod\",\"namespace\":\"shop\","
	 "\"name\":\"p\",\"uid\":\"u\"},\"hints\":{\"forZones\":[{\"name\":\"z\"}]}},{\"addresses\":"
	 "[\"10.0.0.2\"]}],\"ports\":[{\"name\":\"http\",\"port\":8080,\"appProtocol\":\"h2c\"}]}"},
	{"Endpoints",
	 "{\"metadata\":{\"name\":\"web\",\"namespace\":\"shop\"},\"subsets\":[{\"addresses\":[{"
	 "\"ip\":\"10.0.0.1\",\"hostname\":\"h\",\"nodeName\":\"n\",\"targetRef\":{\"kind\":\"Pod\","
	 "\"name\":\"p\"}}],\"notReadyAddresses\":[{\"ip\":\"10.0.0.2\"}],\"ports\":[{\"port\":1}]}"
	 "]}"},
	{"Pod",
	 "{\"metadata\":{\"name\":\"p\",\"namespace\":\"shop\"},\"spec\":{\"nodeName\":\"n\","
	 "\"hostname\":\"h\",\"subdomain\":\"s\",\"serviceAccountName\":\"sa\",\"restartPolicy\":"
	 "\"Always\",\"nodeSelector\":{\"disk\":\"fast\"},\"tolerations\":[{\"key\":\"k\","
	 "\"operator\":\"Equal\",\"value\":\"v\",\"effect\":\"NoSchedule\"}],"
	 "\"dnsPolicy\":\"ClusterFirst\",\"containers\":[{\"name\":\"c\",\"image\":\"i\","
	 "\"workingDir\":\"/w\",\"command\":[\"a\",\"b\"],\"args\":[\"d\"],\"ports\":[{\"name\":"
	 "\"www\",\"containerPort\":80}],\"env\":[{\"name\":\"E\",\"value\":\"v\"},{\"name\":\"F\","
	 "\"valueFrom\":{\"fieldRef\":{\"fieldPath\":\"status.podIP\"}}}],\"readinessProbe\":{"
	 "\"httpGet\":{\"path\":\"/\",\"port\":\"www\",\"scheme\":\"HTTP\",\"httpHeaders\":[{"
	 "\"name\":\"X\",\"value\":\"y\"}]}},\"livenessProbe\":{\"exec\":{\"command\":[\"true\"]}},"
	 "\"lifecycle\":{\"preStop\":{\"httpGet\":{\"host\":\"192.0.2.7\",\"port\":81}}},\"stdin\":true}],"
	 "\"initContainers\":[{\"name\":\"i\",\"restartPolicy\":\"Always\"}]},\"status\":{\"phase\":"
	 "\"Running\",\"reason\":\"r\",\"message\":\"m\",\"podIP\":\"10.0.0.1\",\"hostIP\":"
	 "\"192.0.2.1\",\"podIPs\":[{\"ip\":\"10.0.0.1\"}],\"conditions\":[{\"type\":\"Ready\","
	 "\"status\":\"True\",\"reason\":\"x\",\"message\":\"y\"}],\"containerStatuses\":[{\"name\":"
	 "\"c\",\"state\":{\"waiting\":{\"reason\":\"w\"}}}]}}"},
	{"Node",
	 "{\"metadata\":{\"name\":\"n\",\"labels\":{\"topology.kubernetes.io/zone\":\"z\"}},"
	 "\"spec\":{\"podCIDRs\":[\"10.0.0.0/24\"],\"taints\":[{\"key\":\"k\",\"value\":\"v\","
	 "\"effect\":\"NoSchedule\"}]},\"status\":{\"addresses\":[{\"type\":\"InternalIP\","
	 "\"address\":\"192.0.2.1\"}],\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}]}}"},
	{"Namespace", "{\"metadata\":{\"name\":\"shop\"},\"status\":{\"phase\":\"Active\"}}"},
	{"Lease", "{\"metadata\":{\"name\":\"n\",\"namespace\":\"l\"},\"spec\":{\"holderIdentity\":"
		  "\"me\",\"leaseDurationSeconds\":40}}"},
	{"ReplicaSet",
	 "{\"metadata\":{\"name\":\"web-1\",\"namespace\":\"shop\"},\"spec\":{\"replicas\":2,"
	 "\"selector\":{\"matchLabels\":{\"app\":\"web\"}},\"template\":{\"metadata\":{"
	 "\"labels\":{\"app\":\"web\"}},\"spec\":{\"containers\":[{\"name\":\"c\"}]}}},"
	 "\"status\":{\"replicas\":1,\"conditions\":[{\"type\":\"ReplicaFailure\",\"status\":"
	 "\"True\",\"reason\":\"FailedCreate\",\"message\":\"m\"}]}}"},
	{"Deployment",
	 "{\"metadata\":{\"name\":\"web\",\"namespace\":\"shop\"},\"spec\":{\"strategy\":{"
	 "\"type\":\"RollingUpdate\",\"rollingUpdate\":{\"maxSurge\":\"25%\","
	 "\"maxUnavailable\":\"10%\"}},\"selector\":{\"matchLabels\":{\"app\":\"web\"}},"
	 "\"template\":{\"metadata\":{\"labels\":{\"app\":\"web\"}}}},\"status\":{"
	 "\"conditions\":[{\"type\":\"Available\",\"status\":\"True\",\"reason\":\"r\","
	 "\"message\":\"m\"}]}}"},
	{"ConfigMap", "{\"metadata\":{\"name\":\"c\",\"namespace\":\"l\",\"uid\":\"u\"}}"},
};

/* Decodes from memory that is overwritten and freed once the copy is made. */
static struct client_object *copy_of(const char *kind, const char *json)
{
	struct arena tree, view_arena;
	char *text = mem_xstrdup(json);
	struct client_object *o;
	struct json *obj;
	struct err err;
	void *view;

	arena_init(&tree, 0);
	arena_init(&view_arena, 0);
	ASSERT_OK(json_parse(&tree, str_of(text), JSON_BORROW, &obj, &err));
	ASSERT_OK(api_object_decode(&view_arena, api_kind_of(kind), obj, &view, &err));
	o = client_object_new(api_kind_of(kind), view);
	memset(text, 0xee, strlen(text));
	free(text);
	arena_fini(&tree);
	arena_fini(&view_arena);
	return o;
}

/* Under ASan a pointer that was not moved is found by reading it. */
TEST(copies_point_into_their_own_block)
{
	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		struct client_object *o = copy_of(samples[i].kind, samples[i].json);

		ASSERT_TRUE(o->meta->name.len > 0);
		ASSERT_TRUE(o->meta == o->view);
		ASSERT_EQ(client_object_size(o) <= 4096, 1);
		client_object_unref(o);
	}
}

TEST(a_service_is_whole)
{
	struct client_object *o = copy_of("Service", samples[0].json);
	const struct api_service *s = o->view;

	ASSERT_STR(s->meta.ns, STR("shop"));
	ASSERT_STR(s->meta.owners[0].kind, STR("Thing"));
	ASSERT_STR(s->meta.finalizers.ptr[0], STR("a/b"));
	ASSERT_EQ(s->meta.annotations.n, 2);
	ASSERT_STR(api_pairs_get(&s->meta.annotations, "z"), STR("zz"));
	ASSERT_STR(api_pairs_get(&s->meta.labels, "x"), STR(""));
	ASSERT_TRUE(str_is_set(api_pairs_get(&s->meta.labels, "x")));
	ASSERT_STR(s->ports[0].target_port.name, STR("www"));
	ASSERT_STR(s->ports[0].app_protocol, STR("h2c"));
	ASSERT_STR(s->selector.ptr[0].value, STR("web"));
	ASSERT_STR(s->external_ips.ptr[0], STR("192.0.2.9"));
	ASSERT_STR(s->lb_source_ranges.ptr[0], STR("198.51.100.0/24"));
	ASSERT_STR(s->ingress[1].hostname, STR("h.example"));
	ASSERT_STR(s->traffic_distribution, STR("PreferClose"));
	/* A word that occurs twice is there once. */
	ASSERT_TRUE(s->meta.name.ptr == s->selector.ptr[0].value.ptr);
	client_object_unref(o);
}

TEST(a_slice_is_whole)
{
	struct client_object *o = copy_of("EndpointSlice", samples[1].json);
	const struct api_endpoint_slice *s = o->view;

	ASSERT_STR(s->service, STR("web"));
	ASSERT_STR(s->endpoints[0].addresses.ptr[0], STR("10.0.0.1"));
	ASSERT_STR(s->endpoints[0].target->name, STR("p"));
	ASSERT_STR(s->endpoints[0].zone_hints.ptr[0], STR("z"));
	ASSERT_FALSE(str_is_set(s->endpoints[1].hostname));
	ASSERT_STR(s->ports[0].app_protocol, STR("h2c"));
	client_object_unref(o);
}

TEST(a_pod_is_whole)
{
	struct client_object *o = copy_of("Pod", samples[3].json);
	const struct api_pod *p = o->view;
	const struct api_container *c = &p->containers[0];

	ASSERT_STR(c->command.ptr[1], STR("b"));
	ASSERT_STR(c->ports[0].name, STR("www"));
	ASSERT_STR(c->env[1].field_path, STR("status.podIP"));
	ASSERT_STR(c->readiness.headers[0].value, STR("y"));
	ASSERT_STR(c->readiness.port.name, STR("www"));
	ASSERT_STR(c->liveness.command.ptr[0], STR("true"));
	ASSERT_EQ(c->pre_stop.kind, API_PROBE_HTTP);
	ASSERT_STR(c->pre_stop.host, STR("192.0.2.7"));
	ASSERT_TRUE(c->has_stdin && !c->is_stdin_once);
	ASSERT_STR(p->init_containers[0].name, STR("i"));
	ASSERT_STR(p->conditions[0].message, STR("y"));
	ASSERT_STR(p->statuses[0].waiting_reason, STR("w"));
	ASSERT_STR(p->pod_ips.ptr[0], STR("10.0.0.1"));
	ASSERT_STR(p->message, STR("m"));
	client_object_unref(o);
}
