/* SPDX-License-Identifier: Apache-2.0 */
#include "api/selector.h"

#include "api/kind.h"

#include "tests/harness/test.h"

static struct arena arena;
static struct err err;

static struct json *parse(const char *text)
{
	struct json *n = NULL;

	ASSERT_OK(json_parse(&arena, str_of(text), 0, &n, &err));
	return n;
}

TEST(labels_match)
{
	static const struct {
		const char *selector;
		bool matches; /* {app: web, n: "5", empty: ""} */
		const char *canonical;
	} cases[] = {
		{"", true, ""},
		{"app=web", true, "app=web"},
		{" app == web ", true, "app=web"},
		{"app!=web", false, "app!=web"},
		{"zone!=a", true, "zone!=a"},
		{"app", true, "app"},
		{"!app", false, "!app"},
		{"! zone", true, "!zone"},
		{"app in (web,db,web)", true, "app in (db,web)"},
		{"app in (db)", false, "app=db"},
		{"app notin (db, web)", false, "app notin (db,web)"},
		{"zone notin (a)", true, "zone!=a"},
		{"empty=", true, "empty="},
		{"empty in (,a)", true, "empty in (,a)"},
		{"n>4,n<6", true, "n>4,n<6"},
		{"n>5", false, "n>5"},
		{"app>5", false, "app>5"},
		{"app=web,n", true, "app=web,n"},
		{"in in (in,notin)", false, "in in (in,notin)"},
		{"a.example/app", false, "a.example/app"},
	};
	struct json *labels = parse("{\"app\":\"web\",\"n\":\"5\",\"empty\":\"\"}");
	const struct api_pair pairs[] = {
		{STR("app"), STR("web")}, {STR("empty"), STR("")}, {STR("n"), STR("5")}};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct api_label_selector s, again;
		struct buf b = BUF_INIT;

		ASSERT_OK(api_label_selector_parse(&arena, str_of(cases[i].selector), &s, &err));
		if (api_label_selector_match_json(&s, labels) != cases[i].matches)
			test_fail(__FILE__, __LINE__, "'%s'", cases[i].selector);
		ASSERT_EQ(api_label_selector_match(&s, &(struct api_pairs){pairs, 3}),
			  cases[i].matches);
		api_label_selector_write(&b, &s);
		ASSERT_STR(buf_str(&b), str_of(cases[i].canonical));
		ASSERT_OK(api_label_selector_parse(&arena, buf_str(&b), &again, &err));
		ASSERT_EQ(again.n, s.n);
		buf_fini(&b);
	}
	arena_fini(&arena);
}

TEST(bad_label_selectors)
{
	static const char *const bad[] = {
		"=a",      ",",         "a,",     ",a",    "a b",      "a in",
		"a in (",  "a in (b",   "a in b", "a=b=c", "a(b)",     "!a=b",
		"!",       "a>x",       "a>",     "a=b c", "-a",       "a=-",
		"a/b/c=d", "a in (b))", "a<1.5",  "a! =b", "a=b,,c=d", "\xc3\xa4=b",
	};
	struct api_label_selector s;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		if (api_label_selector_parse(&arena, str_of(bad[i]), &s, &err) != ERR_BAD_REQUEST)
			test_fail(__FILE__, __LINE__, "'%s' was taken", bad[i]);
	}
	arena_fini(&arena);
}

TEST(limits)
{
	struct api_label_selector s;
	struct buf b = BUF_INIT;

	for (int i = 0; i < API_SELECTOR_TERMS_MAX; i++)
		buf_printf(&b, "%sa", i ? "," : "");
	ASSERT_OK(api_label_selector_parse(&arena, buf_str(&b), &s, &err));
	ASSERT_EQ(s.n, API_SELECTOR_TERMS_MAX);
	buf_add_c(&b, ",a");
	ASSERT_ERR(api_label_selector_parse(&arena, buf_str(&b), &s, &err), ERR_BAD_REQUEST);
	buf_clear(&b);
	buf_add_c(&b, "a in (b");
	for (int i = 0; i < API_SELECTOR_VALUES_MAX; i++)
		buf_add_c(&b, ",b");
	buf_add_c(&b, ")");
	ASSERT_ERR(api_label_selector_parse(&arena, buf_str(&b), &s, &err), ERR_BAD_REQUEST);
	while (b.len <= API_SELECTOR_SIZE_MAX)
		buf_add_byte(&b, ' ');
	ASSERT_ERR(api_label_selector_parse(&arena, buf_str(&b), &s, &err), ERR_BAD_REQUEST);
	buf_fini(&b);
	arena_fini(&arena);
}

TEST(selector_objects)
{
	struct json *labels = parse("{\"app\":\"web\"}");
	struct api_label_selector s;

	ASSERT_OK(api_label_selector_from_json(
		&arena,
		parse("{\"matchLabels\":{\"app\":\"web\"},\"matchExpressions\":[{\"key\":\"zone\","
		      "\"operator\":\"DoesNotExist\"},{\"key\":\"app\",\"operator\":\"In\","
		      "\"values\":[\"db\",\"web\"]}]}"),
		&s, &err));
	ASSERT_EQ(s.n, 3);
	ASSERT_TRUE(api_label_selector_match_json(&s, labels));
	ASSERT_FALSE(api_label_selector_match_json(&s, NULL));
	ASSERT_OK(api_label_selector_from_json(&arena, parse("{}"), &s, &err));
	ASSERT_TRUE(api_label_selector_match_json(&s, NULL));
	ASSERT_ERR(api_label_selector_from_json(
			   &arena,
			   parse("{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"In\"}]}"),
			   &s, &err),
		   ERR_BAD_REQUEST);
	ASSERT_ERR(api_label_selector_from_json(
			   &arena,
			   parse("{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"in\"}]}"),
			   &s, &err),
		   ERR_BAD_REQUEST);
	arena_fini(&arena);
}

TEST(fields_match)
{
	static const struct {
		const char *kind, *selector;
		bool matches;
	} cases[] = {
		{"Service", "", true},
		{"Service", "metadata.name=web", true},
		{"Service", "metadata.name==web,metadata.namespace!=default", false},
		{"Service", "metadata.name!=web", false},
		{"Service", "spec.type=ClusterIP,,spec.clusterIP=10.0.0.1", true},
		{"Pod", "spec.nodeName=", true},
		{"Pod", "status.phase!=Running", true},
		{"Pod", "spec.hostNetwork=false", true},
		{"Node", "spec.unschedulable=true", false},
		{"Event", "involvedObject.kind=Pod,reason=a\\,b\\=c\\\\", true},
	};
	struct json *obj = parse(
		"{\"metadata\":{\"name\":\"web\",\"namespace\":\"default\"},\"reason\":\"a,b=c\\\\\","
		"\"spec\":{\"type\":\"ClusterIP\",\"clusterIP\":\"10.0.0.1\"},"
		"\"involvedObject\":{\"kind\":\"Pod\"}}");

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct api_field_selector s;

		ASSERT_OK(api_field_selector_parse(&arena, api_kind_of(cases[i].kind),
						   str_of(cases[i].selector), &s, &err));
		if (api_field_selector_match(&s, obj) != cases[i].matches)
			test_fail(__FILE__, __LINE__, "'%s'", cases[i].selector);
	}
	arena_fini(&arena);
}

TEST(bad_field_selectors)
{
	static const struct {
		const char *kind, *selector, *want;
	} cases[] = {
		{"Service", "metadata.name",
		 "invalid selector: 'metadata.name'; can't understand "
		 "'metadata.name'"},
		{"Service", "spec.port=80", "field label not supported: spec.port"},
		{"ConfigMap", "a=b",
		 "\"a\" is not a known field selector: only \"metadata.name\", "
		 "\"metadata.namespace\""},
		{"Service", "metadata.name=a\\b",
		 "invalid field selector: invalid escape sequence in 'metadata.name=a\\b'"},
	};
	struct api_field_selector s;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		ASSERT_ERR(api_field_selector_parse(&arena, api_kind_of(cases[i].kind),
						    str_of(cases[i].selector), &s, &err),
			   ERR_BAD_REQUEST);
		ASSERT_STREQ(err.msg, cases[i].want);
	}
	ASSERT_OK(api_field_selector_parse(&arena, api_kind_of("Pod"),
					   STR("metadata.name!=a,metadata.name=b"), &s, &err));
	ASSERT_STR(api_field_selector_value(&s, "metadata.name"), STR("b"));
	ASSERT_FALSE(str_is_set(api_field_selector_value(&s, "spec.nodeName")));
	arena_fini(&arena);
}
