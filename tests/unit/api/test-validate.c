/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/api/causes-check.h"

static struct arena arena;

#define META      "\"metadata\":{\"name\":\"x\",\"namespace\":\"ns\",\"resourceVersion\":\"1\"}"
#define IN_META   "\"name\":\"x\",\"namespace\":\"ns\",\"resourceVersion\":\"1\","
#define FINALIZER "name is neither a standard finalizer name nor is it fully qualified"

static const struct {
	const char *kind, *text, *want;
} create_cases[] = {
	/* 3.1, with a kind that has no rules of its own beyond a selector's */
	{"ConfigMap", "{" META "}", ""},
	{"ConfigMap", "{\"metadata\":{}}",
	 "metadata.name: Required value: name or generateName is required\n"
	 "metadata.namespace: Required value"},
	{"ConfigMap", "{\"metadata\":{\"name\":\"a_b\",\"namespace\":\"a.b\"}}",
	 "metadata.name: Invalid value: \"a_b\": a lowercase RFC 1123 subdomain must\n"
	 "metadata.namespace: Invalid value: \"a.b\": must not contain dots"},
	{"ConfigMap", "{\"metadata\":{" IN_META "\"generateName\":\"web-\"}}", ""},
	{"ConfigMap", "{\"metadata\":{" IN_META "\"generateName\":\"Web-\"}}",
	 "metadata.generateName: Invalid value: \"Web-\": a lowercase"},
	{"ConfigMap", "{\"metadata\":{" IN_META "\"generation\":-1}}",
	 "metadata.generation: Invalid value: -1: must be greater than or equal to 0"},
	{"ConfigMap", "{\"metadata\":{" IN_META "\"labels\":{\"/a\":\"-\"}}}",
	 "metadata.labels: Invalid value: \"/a\": prefix part must be non-empty\n"
	 "metadata.labels: Invalid value: \"-\": a valid label must be an empty string"},
	{"ConfigMap", "{\"metadata\":{" IN_META "\"annotations\":{\"A.B/C\":\"any text\"}}}", ""},
	{"ConfigMap", "{\"metadata\":{" IN_META "\"annotations\":{\"a/b/c\":\"\"}}}",
	 "metadata.annotations: Invalid value: \"a/b/c\": a valid label key must consist"},
	{"ConfigMap", "{\"metadata\":{" IN_META "\"ownerReferences\":[{\"apiVersion\":\"v1\"}]}}",
	 "metadata.ownerReferences.kind: Invalid value: \"\": must not be empty\n"
	 "metadata.ownerReferences.name: Invalid value: \"\": must not be empty\n"
	 "metadata.ownerReferences.uid: Invalid value: \"\": must not be empty"},
	{"ConfigMap",
	 "{\"metadata\":{" IN_META "\"ownerReferences\":["
	 "{\"apiVersion\":\"v1\",\"kind\":\"K\",\"name\":\"a\",\"uid\":\"1\",\"controller\":true},"
	 "{\"apiVersion\":\"v1\",\"kind\":\"K\",\"name\":\"b\",\"uid\":\"2\",\"controller\":true}]}}",
	 "metadata.ownerReferences: Invalid value: [{"},
	{"ConfigMap", "{\"metadata\":{" IN_META "\"finalizers\":[\"kubernetes\",\"a/b\",\"c\"]}}",
	 "metadata.finalizers[2]: Invalid value: \"c\": " FINALIZER},
	{"ConfigMap",
	 "{\"metadata\":{" IN_META "\"finalizers\":[\"orphan\",\"foregroundDeletion\"]}}",
	 "metadata.finalizers: Invalid value: [\"orphan\",\"foregroundDeletion\"]: finalizer orphan "
	 "and foregroundDeletion cannot be both set"},
	{"Node", "{" META "}", "metadata.namespace: Forbidden: not allowed on this type"},
	{"Service",
	 "{\"metadata\":{\"name\":\"1-web\",\"namespace\":\"ns\"},\"spec\":{\"clusterIP\":\"None\"}}",
	 ""},
	/* 11.1 */
	{"Endpoints", "{" META ",\"subsets\":[{\"addresses\":[{\"ip\":\"192.0.2.1\"}]}]}", ""},
	{"Endpoints",
	 "{" META ",\"subsets\":[{},{\"addresses\":[{\"ip\":\"x\",\"hostname\":\"a.b\","
	 "\"nodeName\":\"A\"}],\"notReadyAddresses\":[{\"ip\":\"127.0.0.1\"}],"
	 "\"ports\":[{\"port\":0,\"name\":\"a.b\"},{\"port\":1,\"appProtocol\":\" \"}]}]}",
	 "subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`\n"
	 "subsets[1].addresses[0].ip: Invalid value: \"x\": must be a valid IP address, (e.g.\n"
	 "subsets[1].addresses[0].hostname: Invalid value: \"a.b\": must not contain dots\n"
	 "subsets[1].addresses[0].nodeName: Invalid value: \"A\": a lowercase\n"
	 "subsets[1].addresses[0].ip: Invalid value: \"x\": must be a valid IP address\n"
	 "subsets[1].notReadyAddresses[0].ip: Invalid value: \"127.0.0.1\": may not be in the\n"
	 "subsets[1].ports[0].name: Invalid value: \"a.b\": must not contain dots\n"
	 "subsets[1].ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive\n"
	 "subsets[1].ports[1].name: Required value\n"
	 "subsets[1].ports[1].appProtocol: Invalid value: \" \": name part must"},
	/* 12.1 */
	{"EndpointSlice", "{" META ",\"addressType\":\"IPv4\",\"endpoints\":[],\"ports\":null}",
	 ""},
	{"EndpointSlice", "{" META ",\"endpoints\":[{\"addresses\":[]}]}",
	 "addressType: Required value\n"
	 "endpoints[0].addresses: Required value: must contain at least 1 address"},
	{"EndpointSlice",
	 "{" META ",\"addressType\":\"IPv4\",\"endpoints\":[{\"addresses\":[\"x\",\"2001:db8::1\","
	 "\"127.0.0.1\"],\"hostname\":\"A\",\"nodeName\":\"B\",\"hints\":{\"forZones\":"
	 "[{\"name\":\"z\"},{\"name\":\"z\"}],\"forNodes\":[{\"name\":\"N\"}]}}],"
	 "\"ports\":[{\"port\":99999},{\"name\":\"\"},{\"name\":\"A\",\"protocol\":\"tcp\"}]}",
	 "ports[1].name: Duplicate value: \"\"\n"
	 "ports[2].name: Invalid value: \"A\": a lowercase\n"
	 "ports[2].protocol: Unsupported value: \"tcp\": supported values: \"SCTP\", \"TCP\", "
	 "\"UDP\"\n"
	 "endpoints[0].addresses[0]: Invalid value: \"x\": must be a valid IP address, (e.g.\n"
	 "endpoints[0].addresses: Invalid value: \"2001:db8::1\": must be an IPv4 address\n"
	 "endpoints[0].addresses[2]: Invalid value: \"127.0.0.1\": may not be in the loopback\n"
	 "endpoints[0].nodeName: Invalid value: \"B\": a lowercase\n"
	 "endpoints[0].hostname: Invalid value: \"A\": a lowercase\n"
	 "endpoints[0].hints.forZones[1].name: Duplicate value: \"z\"\n"
	 "endpoints[0].hints.forNodes[0].name: Invalid value: \"N\": a lowercase"},
	{"EndpointSlice",
	 "{" META
	 ",\"addressType\":\"FQDN\",\"endpoints\":[{\"addresses\":[\"a.example.\",\"a\"]}]}",
	 "endpoints[0].addresses[1]: Invalid value: \"a\": should be a domain with at least two "
	 "segments separated by dots"},
	{"EndpointSlice",
	 "{" META ",\"addressType\":\"ipv4\",\"endpoints\":[{\"addresses\":[\"?\"]}]}",
	 "addressType: Unsupported value: \"ipv4\": supported values: \"FQDN\", \"IPv4\", \"IPv6\""},
	/* The kinds around. */
	{"Pod", "{" META ",\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}", ""},
	{"Pod", "{" META ",\"spec\":{}}", "spec.containers: Required value"},
	{"Pod",
	 "{" META ",\"spec\":{\"nodeName\":\"A\",\"restartPolicy\":\"Sometimes\",\"containers\":["
	 "{\"image\":\" i\",\"ports\":[{},{\"containerPort\":70000,\"name\":\"-\"}]},"
	 "{\"name\":\"c\",\"env\":[{}],\"readinessProbe\":{}},"
	 "{\"name\":\"c\",\"image\":\"i\",\"livenessProbe\":{\"successThreshold\":2,"
	 "\"exec\":{\"command\":[\"a\"]},\"tcpSocket\":{\"port\":0}}}]}}",
	 "spec.containers[0].name: Required value\n"
	 "spec.containers[0].image: Invalid value: \" i\": must not have leading or trailing\n"
	 "spec.containers[0].ports[0].containerPort: Required value\n"
	 "spec.containers[0].ports[1].name: Invalid value: \"-\": must contain at least one\n"
	 "spec.containers[0].ports[1].name: Invalid value: \"-\": must not begin or end with\n"
	 "spec.containers[0].ports[1].containerPort: Invalid value: 70000: must be between\n"
	 "spec.containers[1].image: Required value\n"
	 "spec.containers[1].env[0].name: Required value\n"
	 "spec.containers[1].readinessProbe: Required value: must specify a handler type\n"
	 "spec.containers[2].name: Duplicate value: \"c\"\n"
	 "spec.containers[2].livenessProbe.tcpSocket: Forbidden: may not specify more than 1\n"
	 "spec.containers[2].livenessProbe.successThreshold: Invalid value: 2: must be 1\n"
	 "spec.restartPolicy: Unsupported value: \"Sometimes\": supported values: \"Always\", "
	 "\"OnFailure\", \"Never\"\n"
	 "spec.nodeName: Invalid value: \"A\": a lowercase"},
	{"Pod",
	 "{" META ",\"spec\":{\"terminationGracePeriodSeconds\":30,\"containers\":["
	 "{\"name\":\"a\",\"image\":\"i\",\"lifecycle\":{\"preStop\":{},\"postStart\":{\"sleep\":"
	 "{\"seconds\":31}}}},{\"name\":\"b\",\"image\":\"i\",\"lifecycle\":{\"preStop\":{\"exec\":{},"
	 "\"sleep\":{\"seconds\":0}},\"postStart\":null}},{\"name\":\"c\",\"image\":\"i\",\"lifecycle\":"
	 "{\"preStop\":{\"sleep\":{\"seconds\":30}}}}],\"initContainers\":[{\"name\":\"d\",\"image\":"
	 "\"i\",\"lifecycle\":{},\"startupProbe\":{}},{\"name\":\"e\",\"image\":\"i\","
	 "\"restartPolicy\":\"Always\",\"lifecycle\":{\"preStop\":{\"grpc\":{}}}}]}}",
	 "spec.containers[0].lifecycle.postStart.sleep: Invalid value: 31: must be non-negative and "
	 "less than terminationGracePeriodSeconds (30)\n"
	 "spec.containers[0].lifecycle.preStop: Required value: must specify a handler type\n"
	 "spec.containers[1].lifecycle.preStop.exec.command: Required value\n"
	 "spec.containers[1].lifecycle.preStop.sleep: Forbidden: may not specify more than 1\n"
	 "spec.initContainers[0].lifecycle: Forbidden: may not be set for init containers without\n"
	 "spec.initContainers[0].startupProbe: Forbidden: may not be set for init containers\n"
	 "spec.initContainers[1].lifecycle.preStop: Required value: must specify a handler type"},
	{"ConfigMap", "{" META ",\"data\":{\"a/b\":\"\",\"..\":\"\"}}",
	 "data[a/b]: Invalid value: \"a/b\": a valid config key must\n"
	 "data[..]: Invalid value: \"..\": must not be '..'"},
	{"Secret", "{" META ",\"type\":\"kubernetes.io/tls\",\"data\":{\"tls.crt\":\"\"}}",
	 "data[tls.key]: Required value"},
	{"Node",
	 "{\"metadata\":{\"name\":\"n\"},\"spec\":{\"podCIDRs\":[\"x\"],\"taints\":[{\"key\":\"k\"}]}}",
	 "spec.taints[0].effect: Required value\n"
	 "spec.podCIDRs[0]: Invalid value: \"x\": must be a valid CIDR value"},
	{"Namespace", "{\"metadata\":{\"name\":\"a.b\"},\"spec\":{\"finalizers\":[\"x\"]}}",
	 "metadata.name: Invalid value: \"a.b\": must not contain dots\n"
	 "spec.finalizers: Invalid value: \"x\": " FINALIZER},
	{"Lease", "{" META ",\"spec\":{\"leaseDurationSeconds\":0,\"leaseTransitions\":-1}}",
	 "spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0\n"
	 "spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0"},
	{"Event", "{" META ",\"involvedObject\":{\"namespace\":\"other\"}}",
	 "involvedObject.namespace: Invalid value: \"other\": does not match event.namespace"},
};

TEST(create)
{
	for (size_t i = 0; i < ARRAY_LEN(create_cases); i++) {
		const struct api_kind *kind = api_kind_of(create_cases[i].kind);
		struct api_causes c;

		api_causes_init(&c, &arena);
		api_validate_create(kind, causes_object(&arena, kind, create_cases[i].text), &c);
		causes_check(create_cases[i].text, &c, create_cases[i].want);
	}
	arena_fini(&arena);
}

#define POD(spec) "{" META ",\"spec\":{\"containers\":[{\"name\":\"c\"," spec "}}"

static const struct {
	const char *kind, *old, *new, *want;
} update_cases[] = {
	{"ConfigMap", "{\"metadata\":{\"name\":\"a\",\"uid\":\"1\",\"generation\":3}}",
	 "{\"metadata\":{\"name\":\"b\"}}",
	 "metadata.resourceVersion: Invalid value: \"\": must be specified for an update\n"
	 "metadata.generation: Invalid value: 0: must not be decremented\n"
	 "metadata.name: Invalid value: \"b\": field is immutable\n"
	 "metadata.uid: Invalid value: \"\": field is immutable"},
	{"ConfigMap",
	 "{\"metadata\":{" IN_META "\"deletionTimestamp\":\"2026-01-01T00:00:00Z\","
	 "\"finalizers\":[\"a/b\"]}}",
	 "{\"metadata\":{" IN_META "\"deletionTimestamp\":\"2026-01-01T00:00:00Z\","
	 "\"finalizers\":[\"a/b\",\"a/c\"]}}",
	 "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being "
	 "deleted, found new finalizers []string{\"a/c\"}"},
	{"ConfigMap", "{" META ",\"immutable\":true,\"data\":{\"a\":\"1\"}}",
	 "{" META ",\"immutable\":true,\"data\":{\"a\":\"2\"}}",
	 "data: Forbidden: field is immutable when `immutable` is set"},
	{"EndpointSlice", "{" META ",\"addressType\":\"IPv4\",\"endpoints\":[]}",
	 "{" META ",\"addressType\":\"IPv6\",\"endpoints\":[]}",
	 "addressType: Invalid value: \"IPv6\": field is immutable"},
	{"Endpoints", "{" META ",\"subsets\":[{}]}", "{" META ",\"subsets\":[{}]}", ""},
	{"Pod", POD("\"image\":\"a\"}]"),
	 POD("\"image\":\"b\"}],\"activeDeadlineSeconds\":5,\"tolerations\":[{\"key\":\"k\"}]"),
	 ""},
	{"Pod", POD("\"image\":\"a\"}],\"tolerations\":[{\"key\":\"k\"}]"),
	 POD("\"image\":\"a\"}]"),
	 "spec.tolerations: Forbidden: existing toleration can not be modified except its"},
	{"Pod", POD("\"image\":\"a\"}]"), POD("\"image\":\"a\"}],\"nodeName\":\"n\""),
	 "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`"},
	{"Pod", POD("\"image\":\"a\"}],\"activeDeadlineSeconds\":5"),
	 POD("\"image\":\"a\"}],\"activeDeadlineSeconds\":6"),
	 "spec.activeDeadlineSeconds: Invalid value: 6: must be less than or equal to previous"},
};

TEST(update)
{
	for (size_t i = 0; i < ARRAY_LEN(update_cases); i++) {
		const struct api_kind *kind = api_kind_of(update_cases[i].kind);
		struct api_causes c;

		api_causes_init(&c, &arena);
		api_validate_update(kind, causes_object(&arena, kind, update_cases[i].old),
				    causes_object(&arena, kind, update_cases[i].new), &c);
		causes_check(update_cases[i].new, &c, update_cases[i].want);
	}
	arena_fini(&arena);
}

/* Each was looked for among all: as many as a body has room for stopped the server for a minute. */
TEST(many_tolerations_cost_no_square)
{
	enum {
		TOLERATIONS = 60000
	};
	const struct api_kind *kind = api_kind_of("Pod");
	struct json *pods[2];
	struct api_causes c;

	for (int is = 0; is < 2; is++) {
		struct buf b = BUF_INIT;

		buf_add_c(&b, "{" META ",\"spec\":{\"containers\":[{\"name\":\"a\","
			      "\"image\":\"a\"}],\"tolerations\":[");
		for (int i = 0; i < TOLERATIONS; i++)
			buf_printf(&b, "%s{\"key\":\"k%d\",\"operator\":\"Exists\"}", i ? "," : "",
				   is ? TOLERATIONS - i - 1 : i);
		buf_add_c(&b, "]}}");
		pods[is] = causes_object(&arena, kind, b.ptr);
		buf_fini(&b);
	}
	api_causes_init(&c, &arena);
	api_validate_update(kind, pods[0], pods[1], &c);
	ASSERT_EQ(c.n, 0);
	arena_fini(&arena);
}

TEST(many_finalizers_cost_no_square)
{
	enum {
		FINALIZERS = 100000
	};
	const struct api_kind *kind = api_kind_of("ConfigMap");
	struct json *obj = causes_object(&arena, kind, "{" META "}"), *meta, *list;
	struct api_causes c;

	meta = json_get(obj, "metadata");
	json_set(meta, "deletionTimestamp", json_new_string(&arena, STR("2026-01-01T00:00:00Z")));
	list = json_set(meta, "finalizers", json_new(&arena, JSON_ARRAY));
	for (int i = 0; i < FINALIZERS; i++)
		json_append(list, json_new_string(&arena, str_printf(&arena, "a/b%d", i)));
	api_causes_init(&c, &arena);
	api_validate_update(kind, obj, json_clone(&arena, obj), &c);
	ASSERT_EQ(c.n, 0);
	arena_fini(&arena);
}

TEST(limits_of_a_slice)
{
	const struct api_kind *kind = api_kind_of("EndpointSlice");
	struct json *obj = causes_object(&arena, kind,
					 "{" META ",\"addressType\":\"IPv4\",\"endpoints\":[],"
					 "\"ports\":[]}");
	struct json *endpoints = json_get(obj, "endpoints"), *ep, *addresses;
	struct api_causes c;

	ep = json_append(endpoints, json_new(&arena, JSON_OBJECT));
	addresses = json_set(ep, "addresses", json_new(&arena, JSON_ARRAY));
	for (int i = 0; i < 101; i++)
		json_append(addresses, json_new_string(&arena, STR("192.0.2.1")));
	api_causes_init(&c, &arena);
	api_validate_create(kind, obj, &c);
	causes_check("addresses", &c,
		     "endpoints[0].addresses: Too many: 101: must have at most 100 items");
	for (int i = 0; i < 1000; i++)
		json_append(endpoints, json_new(&arena, JSON_OBJECT));
	api_causes_init(&c, &arena);
	api_validate_create(kind, obj, &c);
	causes_check("endpoints", &c, "endpoints: Too many: 1001: must have at most 1000 items");
	arena_fini(&arena);
}
