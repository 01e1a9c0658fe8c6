/* SPDX-License-Identifier: Apache-2.0 */
#include "api/table/table.h"

#include "api/kind.h"

#include "tests/harness/test.h"

static struct arena arena;
static struct err err;

/* 2026-11-21T10:00:00Z; AGE below is 90 s earlier. */
#define NOW  (1795255200ll * 1000000000)
#define META "\"metadata\":{\"name\":\"x\",\"creationTimestamp\":\"2026-11-21T09:58:30Z\"}"
#define AGE  "\"90s\""

/* Proves: 17.2 */
TEST(durations)
{
	static const struct {
		int64_t s;
		const char *want;
	} cases[] = {
		{-2, "<invalid>"},     {-1, "0s"},        {0, "0s"},
		{119, "119s"},         {120, "2m"},       {121, "2m1s"},
		{599, "9m59s"},        {600, "10m"},      {10799, "179m"},
		{10800, "3h"},         {10860, "3h1m"},   {28799, "7h59m"},
		{28800, "8h"},         {172799, "47h"},   {172800, "2d"},
		{176400, "2d1h"},      {691199, "7d23h"}, {691200, "8d"},
		{63071999, "729d"},    {63072000, "2y"},  {63158400, "2y1d"},
		{252287999, "7y364d"}, {252288000, "8y"}, {283824000, "9y"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf b = BUF_INIT;

		api_human_duration(&b, cases[i].s * 1000000000);
		ASSERT_STR(buf_str(&b), str_of(cases[i].want));
		buf_fini(&b);
	}
}

static struct json *parse(const char *text)
{
	struct json *n = NULL;

	ASSERT_OK(json_parse(&arena, str_of(text), 0, &n, &err));
	return n;
}

#define POD(status) "{" META ",\"spec\":{\"containers\":[{},{}]},\"status\":{" status "}}"
#define RUNS        "{\"ready\":true,\"state\":{\"running\":{}}}"

static const struct {
	const char *kind, *object, *cells;
} cases[] = {
	{"Service",
	 "{" META ",\"spec\":{\"type\":\"ClusterIP\",\"clusterIPs\":[\"10.0.0.1\",\"2001:db8::1\"],"
	 "\"ports\":[{\"port\":80,\"protocol\":\"TCP\"},{\"port\":53,\"protocol\":\"UDP\","
	 "\"nodePort\":30053}],\"selector\":{\"b\":\"2\",\"a\":\"1\"}}}",
	 "[\"x\",\"ClusterIP\",\"10.0.0.1\",\"<none>\",\"80/TCP,53:30053/UDP\"," AGE
	 ",\"a=1,b=2\"]"},
	{"Service",
	 "{" META ",\"spec\":{\"type\":\"NodePort\",\"clusterIPs\":[\"None\"],"
	 "\"externalIPs\":[\"192.0.2.2\",\"192.0.2.1\"]}}",
	 "[\"x\",\"NodePort\",\"None\",\"192.0.2.2,192.0.2.1\",\"<none>\"," AGE ",\"<none>\"]"},
	{"Service",
	 "{" META ",\"spec\":{\"type\":\"LoadBalancer\",\"externalIPs\":[\"192.0.2.9\"]},"
	 "\"status\":{\"loadBalancer\":{\"ingress\":[{\"ip\":\"192.0.2.5\"},{\"hostname\":\"a\"},"
	 "{\"ip\":\"192.0.2.5\"},{\"ip\":\"192.0.2.4\"}]}}}",
	 "[\"x\",\"LoadBalancer\",\"<none>\",\"192.0.2.4,192.0.2.5,a,192.0.2.9\",\"<none>\"," AGE
	 ",\"<none>\"]"},
	{"Service", "{" META ",\"spec\":{\"type\":\"LoadBalancer\"}}",
	 "[\"x\",\"LoadBalancer\",\"<none>\",\"<pending>\",\"<none>\"," AGE ",\"<none>\"]"},
	{"Service",
	 "{\"metadata\":{\"name\":\"x\"},\"spec\":{\"type\":\"ExternalName\",\"externalName\":"
	 "\"a.example\"}}",
	 "[\"x\",\"ExternalName\",\"<none>\",\"a.example\",\"<none>\",\"<unknown>\",\"<none>\"]"},
	{"Endpoints", "{" META "}", "[\"x\",\"<none>\"," AGE "]"},
	{"Endpoints", "{" META ",\"subsets\":[{\"notReadyAddresses\":[{\"ip\":\"10.0.0.1\"}]}]}",
	 "[\"x\",\"\"," AGE "]"},
	{"Endpoints",
	 "{" META ",\"subsets\":[{\"addresses\":[{\"ip\":\"10.0.0.1\"},{\"ip\":\"2001:db8::1\"}],"
	 "\"ports\":[{\"port\":80},{\"port\":443}]},{\"addresses\":[{\"ip\":\"10.0.0.3\"}]}]}",
	 "[\"x\",\"10.0.0.1:80,[2001:db8::1]:80,10.0.0.1:443 + 2 more...\"," AGE "]"},
	{"Endpoints", "{" META ",\"subsets\":[{\"addresses\":[{\"ip\":\"10.0.0.1\"}]}]}",
	 "[\"x\",\"10.0.0.1\"," AGE "]"},
	{"EndpointSlice", "{" META ",\"addressType\":\"IPv4\",\"endpoints\":[],\"ports\":[]}",
	 "[\"x\",\"IPv4\",\"<unset>\",\"<unset>\"," AGE "]"},
	{"EndpointSlice",
	 "{" META ",\"addressType\":\"IPv4\",\"endpoints\":[{\"addresses\":[\"10.0.0.1\"],"
	 "\"conditions\":{\"ready\":false}},{\"addresses\":[\"10.0.0.2\",\"10.0.0.3\"]},"
	 "{\"addresses\":[\"10.0.0.4\"]}],\"ports\":[{\"port\":80},{\"name\":\"a\"},{}]}",
	 "[\"x\",\"IPv4\",\"80,a,*\",\"10.0.0.1,10.0.0.2,10.0.0.3 + 1 more...\"," AGE "]"},
	{"Pod", POD("\"phase\":\"Pending\""),
	 "[\"x\",\"0/2\",\"Pending\",\"0\"," AGE ",\"<none>\",\"<none>\",\"<none>\",\"<none>\"]"},
	{"Pod",
	 POD("\"phase\":\"Running\",\"podIPs\":[{\"ip\":\"10.0.0.1\"}],\"containerStatuses\":[" RUNS
	     ",{\"restartCount\":3,\"state\":{\"waiting\":{\"reason\":\"CrashLoopBackOff\"}},"
	     "\"lastState\":{\"terminated\":{\"finishedAt\":\"2026-11-21T09:55:00Z\"}}}]"),
	 "[\"x\",\"1/2\",\"CrashLoopBackOff\",\"3 (5m ago)\"," AGE
	 ",\"10.0.0.1\",\"<none>\",\"<none>\",\"<none>\"]"},
	{"Pod",
	 POD("\"phase\":\"Running\",\"containerStatuses\":[" RUNS
	     ",{\"state\":{\"terminated\":{\"exitCode\":0,\"reason\":\"Completed\"}}}]"),
	 "[\"x\",\"1/2\",\"NotReady\",\"0\"," AGE ",\"<none>\",\"<none>\",\"<none>\",\"<none>\"]"},
	{"Pod",
	 POD("\"phase\":\"Failed\",\"containerStatuses\":[{\"state\":{\"terminated\":"
	     "{\"exitCode\":3}}},{\"state\":{\"terminated\":{\"signal\":9,\"exitCode\":137}}}]"),
	 "[\"x\",\"0/2\",\"ExitCode:3\",\"0\"," AGE
	 ",\"<none>\",\"<none>\",\"<none>\",\"<none>\"]"},
	{"Pod",
	 "{" META ",\"spec\":{\"containers\":[{}],\"nodeName\":\"n\",\"readinessGates\":"
	 "[{\"conditionType\":\"a\"},{\"conditionType\":\"b\"}],\"initContainers\":[{\"name\":\"i\"},"
	 "{\"name\":\"s\",\"restartPolicy\":\"Always\"}]},\"status\":{\"phase\":\"Pending\","
	 "\"conditions\":[{\"type\":\"b\",\"status\":\"True\"}],\"initContainerStatuses\":["
	 "{\"name\":\"i\",\"state\":{\"terminated\":{\"exitCode\":0}}},{\"name\":\"s\"}]}}",
	 "[\"x\",\"0/2\",\"Init:1/2\",\"0\"," AGE ",\"<none>\",\"n\",\"<none>\",\"1/2\"]"},
	{"Pod",
	 "{\"metadata\":{\"name\":\"x\",\"deletionTimestamp\":\"2026-11-21T09:58:30Z\"},"
	 "\"status\":{\"phase\":\"Running\"}}",
	 "[\"x\",\"0/0\",\"Terminating\",\"0\",\"<unknown>\",\"<none>\",\"<none>\",\"<none>\","
	 "\"<none>\"]"},
	{"Node",
	 "{\"metadata\":{\"name\":\"x\",\"labels\":{\"node-role.kubernetes.io/worker\":\"\","
	 "\"kubernetes.io/role\":\"edge\"}},\"spec\":{\"unschedulable\":true},\"status\":{"
	 "\"conditions\":[{\"type\":\"Ready\",\"status\":\"Unknown\"}],\"addresses\":["
	 "{\"type\":\"InternalIP\",\"address\":\"192.0.2.1\"}],\"nodeInfo\":{\"kubeletVersion\":"
	 "\"v1\"}}}",
	 "[\"x\",\"NotReady,SchedulingDisabled\",\"edge,worker\",\"<unknown>\",\"v1\","
	 "\"192.0.2.1\",\"<none>\",\"<unknown>\",\"<unknown>\",\"<unknown>\"]"},
	{"Node", "{" META "}",
	 "[\"x\",\"Unknown\",\"<none>\"," AGE ",\"\",\"<none>\",\"<none>\",\"<unknown>\","
	 "\"<unknown>\",\"<unknown>\"]"},
	{"Namespace", "{" META ",\"status\":{\"phase\":\"Active\"}}", "[\"x\",\"Active\"," AGE "]"},
	{"Event",
	 "{" META ",\"type\":\"Normal\",\"reason\":\"R\",\"message\":\" m\\n\",\"involvedObject\":"
	 "{\"kind\":\"Pod\",\"name\":\"p\"},\"source\":{\"component\":\"c\",\"host\":\"h\"},"
	 "\"firstTimestamp\":\"2026-11-21T09:00:00Z\",\"lastTimestamp\":\"2026-11-21T09:59:00Z\","
	 "\"count\":4}",
	 "[\"60s\",\"Normal\",\"R\",\"pod/p\",\"\",\"c, h\",\"m\",\"60m\",4,\"x\"]"},
	{"Event",
	 "{" META ",\"eventTime\":\"2026-11-21T09:59:00.000000Z\",\"reportingComponent\":\"c\"}",
	 "[\"60s\",\"\",\"\",\"\",\"\",\"c\",\"\",\"60s\",1,\"x\"]"},
	{"ConfigMap", "{" META ",\"data\":{\"a\":\"\"},\"binaryData\":{\"b\":\"\"}}",
	 "[\"x\",2," AGE "]"},
	{"Secret", "{" META ",\"type\":\"Opaque\"}", "[\"x\",\"Opaque\",0," AGE "]"},
	{"Lease", "{" META ",\"spec\":{\"holderIdentity\":\"n\"}}", "[\"x\",\"n\"," AGE "]"},
};

TEST(cells)
{
	const struct api_table_opts opts = {.include = API_INCLUDE_NONE, .now_ns = NOW};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct api_kind *kind = api_kind_of(cases[i].kind);
		const struct json *cells;
		struct buf b = BUF_INIT;
		struct api_table t;

		api_table_init(&t, &arena, kind, NULL, &opts);
		api_table_add(&t, parse(cases[i].object));
		cells = json_get(json_at(json_get(t.tree, "rows"), 0), "cells");
		json_write(&b, cells);
		ASSERT_STR(buf_str(&b), str_of(cases[i].cells));
		ASSERT_EQ(cells->count, kind->n_columns);
		buf_fini(&b);
	}
	arena_fini(&arena);
}

static void assert_written(const struct json *n, const char *want)
{
	struct buf b = BUF_INIT;

	json_write(&b, n);
	ASSERT_STR(buf_str(&b), str_of(want));
	buf_fini(&b);
}

TEST(envelope)
{
	const struct api_kind *kind = api_kind_of("Namespace");
	struct api_table_opts opts = {.has_columns = true, .now_ns = NOW};
	struct api_table t;

	api_table_init(&t, &arena, kind, parse("{\"resourceVersion\":\"7\"}"), &opts);
	ASSERT_EQ(json_get(t.tree, "columnDefinitions")->count, 3);
	ASSERT_STR(json_get_string(json_at(json_get(t.tree, "columnDefinitions"), 0), "format"),
		   STR("name"));
	opts.has_columns = false;
	api_table_init(&t, &arena, kind, NULL, &opts);
	api_table_add(&t, parse("{\"metadata\":{\"name\":\"a\"}}"));
	opts.include = API_INCLUDE_OBJECT;
	api_table_add(&t, parse("{\"metadata\":{\"name\":\"b\"}}"));
	opts = (struct api_table_opts){.include = API_INCLUDE_NONE, .is_beta = true};
	api_table_add_bookmark(&t, STR("9"));
	assert_written(
		t.tree,
		"{\"kind\":\"Table\",\"apiVersion\":\"meta.k8s.io/v1\",\"metadata\":{},"
		"\"columnDefinitions\":null,\"rows\":["
		"{\"cells\":[\"a\",\"\",\"<unknown>\"],\"object\":{\"kind\":"
		"\"PartialObjectMetadata\",\"apiVersion\":\"meta.k8s.io/v1\",\"metadata\":"
		"{\"name\":\"a\"}}},"
		"{\"cells\":[\"b\",\"\",\"<unknown>\"],\"object\":{\"kind\":\"Namespace\","
		"\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"b\"}}},"
		"{\"cells\":[],\"object\":{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":"
		"\"meta.k8s.io/v1beta1\",\"metadata\":{\"resourceVersion\":\"9\"}}}]}");
	arena_fini(&arena);
}

TEST(a_finished_pod_has_a_condition)
{
	const struct api_kind *kind = api_kind_of("Pod");
	struct api_table_opts opts = {.now_ns = NOW};
	struct api_table t;

	api_table_init(&t, &arena, kind, NULL, &opts);
	api_table_add(&t, parse(POD("\"phase\":\"Succeeded\"")));
	assert_written(json_get(json_at(t.rows, 0), "conditions"),
		       "[{\"type\":\"Completed\",\"status\":\"True\",\"reason\":\"Succeeded\","
		       "\"message\":\"The pod has completed successfully.\"}]");
	arena_fini(&arena);
}

TEST(include_words)
{
	enum api_include include;

	ASSERT_OK(api_include_parse(STR(""), &include, &err));
	ASSERT_EQ(include, API_INCLUDE_METADATA);
	ASSERT_OK(api_include_parse(STR("Object"), &include, &err));
	ASSERT_EQ(include, API_INCLUDE_OBJECT);
	ASSERT_ERR(api_include_parse(STR("object"), &include, &err), ERR_INVALID);
}
