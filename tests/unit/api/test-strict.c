/* SPDX-License-Identifier: Apache-2.0 */
#include "api/kind.h"
#include "api/quantity.h"
#include "api/strict.h"
#include "tests/harness/test.h"

static struct arena a;
static struct api_strs issues;

static struct json *parse(const char *text)
{
	struct json *n;
	struct err err;

	ASSERT_OK(json_parse(&a, str_of(text), 0, &n, &err));
	return n;
}

/* `text` decoded as `kind` is written as `want`; "'" stands for '"' in both. */
static char *quotes(const char *text)
{
	char *s = arena_strdup(&a, text);

	for (char *p = s; *p; p++)
		if (*p == '\'')
			*p = '"';
	return s;
}

static void check(const char *kind, const char *text, const char *want)
{
	struct json *n = parse(quotes(text));
	struct buf b = BUF_INIT;
	struct err err;

	ASSERT_OK(api_strict(&a, api_kind_of(kind), n, &issues, &err));
	json_write(&b, n);
	ASSERT_STREQ(b.ptr, quotes(want));
	buf_fini(&b);
}

static void refuse(const char *kind, const char *text, const char *want)
{
	struct json *n = parse(quotes(text));
	struct err err;

	ASSERT_ERR(api_strict(&a, api_kind_of(kind), n, &issues, &err), ERR_BAD_REQUEST);
	ASSERT_STREQ(quotes(err.msg), quotes(want));
}

TEST(keeps_what_is_right_and_writes_what_is_always_written)
{
	arena_init(&a, 0);
	check("Service",
	      "{'apiVersion':'v1','kind':'Service','metadata':{'name':'web'},"
	      "'spec':{'ports':[{'port':80,'targetPort':'http'}],'clusterIP':'None'},"
	      "'status':{'loadBalancer':{}}}",
	      "{'apiVersion':'v1','kind':'Service','metadata':{'name':'web'},"
	      "'spec':{'ports':[{'port':80,'targetPort':'http'}],'clusterIP':'None'},"
	      "'status':{'loadBalancer':{}}}");
	check("Service", "{}", "{'metadata':{},'spec':{},'status':{'loadBalancer':{}}}");
	check("ConfigMap", "{'metadata':{'name':'c'},'data':{'a':null,'b':''}}",
	      "{'metadata':{'name':'c'},'data':{'a':'','b':''}}");
	check("Lease",
	      "{'metadata':{'creationTimestamp':'2026-01-02T03:04:05+01:00'},"
	      "'spec':{'renewTime':'2026-01-02T03:04:05.5Z','leaseTransitions':0}}",
	      "{'metadata':{'creationTimestamp':'2026-01-02T02:04:05Z'},"
	      "'spec':{'renewTime':'2026-01-02T03:04:05.500000Z','leaseTransitions':0}}");
	arena_fini(&a);
}

TEST(drops_nulls_and_what_is_empty)
{
	arena_init(&a, 0);
	check("ConfigMap",
	      "{'metadata':{'labels':{},'generation':0,'finalizers':[],'uid':''},'data':null}",
	      "{'metadata':{}}");
	/* An explicit zero behind a pointer stays. */
	check("EndpointSlice",
	      "{'metadata':{},'addressType':'IPv4','endpoints':[{'addresses':['192.0.2.1'],"
	      "'conditions':{'ready':false},'nodeName':''}],'ports':[]}",
	      "{'metadata':{},'addressType':'IPv4','endpoints':[{'addresses':['192.0.2.1'],"
	      "'conditions':{'ready':false},'nodeName':''}],'ports':[]}");
	ASSERT_EQ(issues.n, 0);
	arena_fini(&a);
}

TEST(collects_and_drops_unknown_and_duplicate_fields)
{
	struct err err;

	arena_init(&a, 0);
	check("Service",
	      "{'metadata':{'name':'x','labels':{'a':'1','a':'2'}},'foo':1,"
	      "'spec':{'type':'A','ports':[{'port':1},{'prot':'TCP','port':2}],'type':'B'},"
	      "'status':{'loadBalancer':{}}}",
	      "{'metadata':{'name':'x','labels':{'a':'2'}},"
	      "'spec':{'ports':[{'port':1},{'port':2}],'type':'B'},"
	      "'status':{'loadBalancer':{}}}");
	ASSERT_EQ(issues.n, 4);
	ASSERT_STR(issues.ptr[0], STR("duplicate field \"metadata.labels.a\""));
	ASSERT_STR(issues.ptr[1], STR("unknown field \"foo\""));
	ASSERT_STR(issues.ptr[2], STR("duplicate field \"spec.type\""));
	ASSERT_STR(issues.ptr[3], STR("unknown field \"spec.ports[1].prot\""));
	ASSERT_ERR(api_strict_refuse(api_kind_of("Service"), &issues, &err), ERR_BAD_REQUEST);
	ASSERT_STREQ(err.msg, "Service in version \"v1\" cannot be handled as a Service: "
			      "strict decoding error: duplicate field \"metadata.labels.a\", "
			      "unknown field \"foo\", duplicate field \"spec.type\", "
			      "unknown field \"spec.ports[1].prot\"");
	issues.n = 0;
	ASSERT_OK(api_strict_refuse(api_kind_of("Service"), &issues, &err));
	arena_fini(&a);
}

TEST(finds_duplicates_among_many_members)
{
	struct buf b = BUF_INIT;
	struct json *n;
	struct err err;

	arena_init(&a, 0);
	buf_add_c(&b, "{\"data\":{");
	for (int i = 0; i < 100; i++)
		buf_printf(&b, "%s\"k%d\":\"%d\"", i ? "," : "", i % 90, i);
	buf_add_c(&b, "}}");
	n = parse(b.ptr);
	ASSERT_OK(api_strict(&a, api_kind_of("ConfigMap"), n, &issues, &err));
	ASSERT_EQ(issues.n, 10);
	ASSERT_EQ(json_get(n, "data")->count, 90);
	ASSERT_STR(json_string(json_path(n, "data.k3")), STR("93"));
	buf_clear(&b);
	buf_add_c(&b, "{");
	for (int i = 0; i < 300; i++)
		buf_printf(&b, "%s\"k%d\":{}", i ? "," : "", i);
	buf_add_c(&b, "}");
	n = parse(b.ptr);
	ASSERT_OK(api_strict(&a, api_kind_of("ConfigMap"), n, &issues, &err));
	ASSERT_EQ(issues.n, API_STRICT_ISSUES_MAX);
	ASSERT_EQ(n->count, 1); /* metadata */
	buf_fini(&b);
	arena_fini(&a);
}

/* What is repeated grows in one pass: this took minutes when each member was looked up by walking.
 */
TEST(grows_repeated_members_without_a_square)
{
	enum {
		HALF = 120000
	};
	struct buf b = BUF_INIT;
	struct json *n;
	struct err err;

	arena_init(&a, 0);
	buf_add_c(&b, "{\"metadata\":{\"labels\":{");
	for (int i = 0; i < HALF; i++)
		buf_printf(&b, "%s\"a%d\":\"\"", i ? "," : "", i);
	buf_add_c(&b, "}},\"metadata\":{\"labels\":{");
	for (int i = 0; i < HALF; i++)
		buf_printf(&b, "%s\"b%d\":\"\"", i ? "," : "", i);
	buf_add_c(&b, "}}}");
	n = parse(b.ptr);
	ASSERT_OK(api_strict(&a, api_kind_of("ConfigMap"), n, &issues, &err));
	ASSERT_EQ(issues.n, 1);
	ASSERT_EQ(json_path(n, "metadata.labels")->count, 2 * HALF);
	buf_fini(&b);
	arena_fini(&a);
}

/* Each of many repeated members is looked at as it was sent, not with all those before it. */
TEST(looks_at_repeated_members_once)
{
	enum {
		TIMES = 24,
		LABELS = 2000
	};
	struct buf b = BUF_INIT;
	struct json *n;
	struct err err;

	arena_init(&a, 0);
	for (int i = 0; i < TIMES; i++) {
		buf_printf(&b, "%s\"metadata\":{\"labels\":{", i ? "," : "{");
		for (int j = 0; j < LABELS; j++)
			buf_printf(&b, "%s\"l%d-%d\":\"\"", j ? "," : "", i, j);
		buf_add_c(&b, "}}");
	}
	buf_add_c(&b, "}");
	n = parse(b.ptr);
	ASSERT_OK(api_strict(&a, api_kind_of("ConfigMap"), n, &issues, &err));
	ASSERT_EQ(issues.n, TIMES - 1);
	ASSERT_EQ(json_path(n, "metadata.labels")->count, TIMES * LABELS);
	ASSERT_TRUE(a.total < 40 * b.len);
	buf_fini(&b);
	arena_fini(&a);
}

TEST(cuts_the_paths_of_issues)
{
	struct json *n;
	struct buf b = BUF_INIT;

	arena_init(&a, 0);
	buf_add_c(&b, "{\"");
	for (int i = 0; i < 100000; i++)
		buf_add_c(&b, "é");
	buf_add_c(&b, "\":{\"a\":1,\"a\":2}}");
	n = parse(b.ptr);
	api_strict_repeated(&a, n, &issues);
	ASSERT_EQ(issues.n, 1);
	ASSERT_TRUE(issues.ptr[0].len < 2 * API_STRICT_PATH_MAX);
	ASSERT_TRUE(json_is_utf8(issues.ptr[0]));
	buf_fini(&b);
	arena_fini(&a);
}

TEST(refuses_wrong_types_in_the_words_of_go)
{
#define SERVICE "Service in version 'v1' cannot be handled as a Service: json: cannot unmarshal "
	arena_init(&a, 0);
	refuse("Service", "{'spec':{'ports':[{'port':'x'}]}}",
	       SERVICE "string into Go struct field ServicePort.spec.ports.port of type int32");
	refuse("Service", "{'spec':{'ports':[{'port':1.5}]}}",
	       SERVICE "number 1.5 into Go struct field ServicePort.spec.ports.port of type int32");
	refuse("Service", "{'spec':{'ports':[{'port':4294967296}]}}",
	       SERVICE "number 4294967296 into Go struct field ServicePort.spec.ports.port of type "
		       "int32");
	refuse("Service", "{'spec':{'ports':{}}}",
	       SERVICE "object into Go struct field ServiceSpec.spec.ports of type "
		       "[]v1.ServicePort");
	refuse("Service", "{'spec':{'selector':['a']}}",
	       SERVICE "array into Go struct field ServiceSpec.spec.selector of type "
		       "map[string]string");
	refuse("Service", "{'spec':{'selector':{'a':1}}}",
	       SERVICE "number into Go struct field ServiceSpec.spec.selector.a of type string");
	refuse("Service", "{'spec':7}",
	       SERVICE "number into Go struct field Service.spec of type v1.ServiceSpec");
	refuse("Service", "[]", SERVICE "array into Go value of type v1.Service");
	refuse("Service", "{'metadata':{'creationTimestamp':'x'}}",
	       "Service in version 'v1' cannot be handled as a Service: parsing time 'x' as "
	       "'2006-01-02T15:04:05Z07:00': cannot parse 'x' as '2006'");
	refuse("Secret", "{'data':{'a':'%%'}}",
	       "Secret in version 'v1' cannot be handled as a Secret: illegal base64 data at input "
	       "byte 0");
	refuse("Pod", "{'spec':{'containers':[{'resources':{'limits':{'cpu':'1x'}}}]}}",
	       "Pod in version 'v1' cannot be handled as a Pod: unable to parse quantity's suffix");
	arena_fini(&a);
}

TEST(sees_inlined_members)
{
	arena_init(&a, 0);
	check("Pod",
	      "{'metadata':{},'spec':{'containers':[],'volumes':[{'name':'v',"
	      "'emptyDir':{'sizeLimit':2048},'volumeSource':{}}]},'status':{}}",
	      "{'metadata':{},'spec':{'containers':[],'volumes':[{'name':'v',"
	      "'emptyDir':{'sizeLimit':'2048'}}]},'status':{}}");
	ASSERT_EQ(issues.n, 1);
	ASSERT_STR(issues.ptr[0], STR("unknown field \"spec.volumes[0].volumeSource\""));
	arena_fini(&a);
}

TEST(brings_quantities_to_one_form)
{
	static const char *const good[][2] = {
		{"1", "1"},
		{"0", "0"},
		{"-0", "0"},
		{"+5", "5"},
		{"0.5", "500m"},
		{"1.5", "1500m"},
		{"1000m", "1"},
		{"1000", "1k"},
		{"1500k", "1500k"},
		{"2048Ki", "2Mi"},
		{"1.5Gi", "1536Mi"},
		{"512", "512"},
		{"0.5Ki", "512"},
		{"1Ki", "1Ki"},
		{"1e3", "1e3"},
		{"12E6", "12e6"},
		{"1E", "1E"},
		{"1e-3", "1e-3"},
		{"100n", "100n"},
		{"0.1n", "1n"},
		{".5", "500m"},
		{"5.", "5"},
		{"-1.5Gi", "-1536Mi"},
		{"1025", "1025"},
		{"99999999999999999999", "9223372036854775807"},
	};
	static const char *const bad[] = {"",   "x",  "1x", "1.2.3", "1kk", "--1", "1 ",
					  "Ki", "1e", "e3", "1e+",   "1ki", ".",   "1KI"};
	struct str s;
	struct err err;

	arena_init(&a, 0);
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		ASSERT_OK(api_quantity_canonical(&a, str_of(good[i][0]), &s, &err));
		ASSERT_STR(s, str_of(good[i][1]));
		ASSERT_OK(api_quantity_canonical(&a, s, &s, &err));
		ASSERT_STR(s, str_of(good[i][1]));
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ASSERT_ERR(api_quantity_canonical(&a, str_of(bad[i]), &s, &err), ERR_BAD_REQUEST);
	arena_fini(&a);
}
