/* SPDX-License-Identifier: Apache-2.0 */
#include "api/kind.h"
#include "api/managed/managed.h"
#include "tests/harness/test.h"
#include "tests/unit/api/text.h"

static struct arena a;

static struct json *parse(const char *text)
{
	return text_parse(&a, text);
}

/* "manager Operation [time] fields" of each entry, a line each. */
static const char *owners(const struct json *obj)
{
	const struct json *list = json_path(obj, "metadata.managedFields");
	struct buf b = BUF_INIT;
	char *s;

	for (const struct json *e = list ? list->first : NULL; e; e = e->next) {
		struct str sub = json_get_string(e, "subresource");
		struct str time = json_get_string(e, "time");

		buf_printf(&b, "%.*s %.*s%s%.*s %.*s ", STR_ARG(json_get_string(e, "manager")),
			   STR_ARG(json_get_string(e, "operation")), sub.len ? "/" : "",
			   STR_ARG(sub), STR_ARG(str_sub(time, 0, 4)));
		json_write(&b, json_get(e, "fieldsV1"));
		buf_add_byte(&b, '\n');
	}
	for (char *p = b.ptr; *p; p++)
		if (*p == '"')
			*p = '\'';
	s = arena_strdup(&a, b.ptr);
	buf_fini(&b);
	return s;
}

static struct api_managed_write by(const char *manager, const char *year)
{
	return (struct api_managed_write){
		.a = &a,
		.kind = api_kind_of("ConfigMap"),
		.manager = str_of(manager),
		.time = str_printf(&a, "%s-01-01T00:00:00Z", year),
	};
}

static struct json *update(const char *manager, const char *year, const struct json *old,
			   const char *text)
{
	struct api_managed_write w = by(manager, year);
	struct json *obj = parse(text);

	api_managed_update(&w, old, obj, false);
	return obj;
}

TEST(fields_move_to_who_changes_them)
{
	struct json *made = update("a", "2001", NULL, "{'data':{'x':'1','y':'2'}}");
	struct json *now;

	ASSERT_STREQ(owners(made), "a Update 2001 {'f:data':{'.':{},'f:x':{},'f:y':{}}}\n");
	now = update("b", "2002", made, "{'data':{'x':'3','y':'2'}}");
	ASSERT_STREQ(owners(now), "a Update 2001 {'f:data':{'.':{},'f:y':{}}}\n"
				  "b Update 2002 {'f:data':{'f:x':{}}}\n");
	now = update("b", "2003", now, "{'data':{'x':'3'}}");
	ASSERT_STREQ(owners(now), "a Update 2001 {'f:data':{}}\n"
				  "b Update 2002 {'f:data':{'f:x':{}}}\n");
	now = update("", "2004", now, "{}");
	ASSERT_STREQ(owners(now), "");
	now = update("c", "2005", now, "{'data':{'z':'1'}}");
	ASSERT_STREQ(owners(now), "");
}

TEST(a_reset_is_an_empty_list)
{
	ASSERT_TRUE(api_managed_is_reset(parse("[]")));
	ASSERT_TRUE(api_managed_is_reset(parse("[{}]")));
	ASSERT_FALSE(api_managed_is_reset(parse("[{},{}]")));
	ASSERT_FALSE(api_managed_is_reset(parse("null")));
	ASSERT_FALSE(api_managed_is_reset(NULL));
}

TEST(the_oldest_updates_become_one)
{
	struct json *obj = update("m0", "2000", NULL, "{'data':{'k0':''}}");

	for (int i = 1; i <= 11; i++) {
		struct api_managed_write w =
			by(str_printf(&a, "m%d", i).ptr, str_printf(&a, "%d", 2000 + i).ptr);
		struct json *next = json_clone(&a, obj);

		json_set(json_get(next, "data"), str_printf(&a, "k%d", i).ptr,
			 json_new_string(&a, STR("v")));
		api_managed_update(&w, obj, next, false);
		obj = next;
	}
	ASSERT_EQ(json_path(obj, "metadata.managedFields")->count, API_MANAGED_UPDATES_MAX);
	ASSERT_TRUE(strstr(owners(obj),
			   "ancient-changes Update 2002 "
			   "{'f:data':{'.':{},'f:k0':{},'f:k1':{},'f:k2':{}}}\n") != NULL);
}

static int apply(const char *manager, const char *year, const struct json *old, const char *config,
		 bool is_forced, struct json **ret, struct err *err)
{
	struct api_managed_write w = by(manager, year);
	struct api_managed_conflicts conflicts;

	return api_managed_apply(&w, old, parse(config), is_forced, ret, &conflicts, err);
}

TEST(an_apply_owns_what_it_sets)
{
	struct json *obj = NULL;
	struct err err;

	ASSERT_OK(apply("a", "2001", NULL, "{'data':{'x':'1','y':'1'}}", false, &obj, &err));
	ASSERT_STREQ(owners(obj), "a Apply 2001 {'f:data':{'f:x':{},'f:y':{}}}\n");
	ASSERT_OK(apply("b", "2002", obj, "{'data':{'y':'1'}}", false, &obj, &err));
	ASSERT_STREQ(owners(obj), "b Apply  {'f:data':{'f:y':{}}}\n"
				  "a Apply 2001 {'f:data':{'f:x':{},'f:y':{}}}\n");
	ASSERT_ERR(apply("b", "2003", obj, "{'data':{'y':'2','x':'2'}}", false, &obj, &err),
		   ERR_CONFLICT);
	ASSERT_STREQ(err.msg, "Apply failed with 2 conflicts: conflicts with \"a\":\n- .data.x\n- "
			      ".data.y");
	ASSERT_OK(apply("b", "2003", obj, "{'data':{'y':'2'}}", true, &obj, &err));
	ASSERT_STREQ(owners(obj), "a Apply 2001 {'f:data':{'f:x':{}}}\n"
				  "b Apply 2003 {'f:data':{'f:y':{}}}\n");
	ASSERT_OK(apply("a", "2004", obj, "{'data':{'z':'1'}}", false, &obj, &err));
	ASSERT_TRUE(json_path(obj, "data.x") == NULL && json_path(obj, "data.y") != NULL);
}

/* All that one object's list may hold is looked at with each write. */
TEST(a_list_has_a_limit)
{
	struct json *made = parse("{'data':{'x':'1'},'metadata':{}}"), *list, *got;
	struct api_managed_conflicts conflicts;
	struct api_managed_write w = by("one", "2001");
	struct err err;

	list = json_set(json_get(made, "metadata"), "managedFields", json_new(&a, JSON_ARRAY));
	for (int i = 0; i < API_MANAGED_ENTRIES_MAX; i++) {
		struct json *e = parse("{'operation':'Apply','apiVersion':'v1','fieldsType':"
				       "'FieldsV1','fieldsV1':{'f:data':{'f:x':{}}}}");

		json_set(e, "manager", json_new_string(&a, str_printf(&a, "m%d", i)));
		json_append(list, e);
	}
	api_managed_update(&w, parse("{'data':{'x':'1'}}"), made, false);
	list = json_path(made, "metadata.managedFields");
	ASSERT_EQ(list->count, API_MANAGED_ENTRIES_MAX);
	ASSERT_ERR(api_managed_apply(&w, made, parse("{'data':{'x':'1'}}"), false, &got, &conflicts,
				     &err),
		   ERR_BAD_REQUEST);
	w.manager = STR("m7");
	ASSERT_OK(api_managed_apply(&w, made, parse("{'data':{'x':'1'}}"), false, &got, &conflicts,
				    &err));
	/* One more is not taken at all. */
	json_append(list, json_clone(&a, list->first));
	json_set(list->last, "manager", json_new_string(&a, STR("more")));
	api_managed_update(&w, parse("{'data':{'x':'1'}}"), made, false);
	ASSERT_TRUE(json_path(made, "metadata.managedFields") == NULL);
}

TEST(times_alone_are_no_change)
{
	const struct json *x = parse("[{'manager':'a','time':'1','fieldsV1':{'f:a':{}}}]");

	ASSERT_TRUE(api_managed_eq_but_times(
		x, parse("[{'manager':'a','time':'2','fieldsV1':{'f:a':{}}}]")));
	ASSERT_TRUE(api_managed_eq_but_times(x, parse("[{'manager':'a','fieldsV1':{'f:a':{}}}]")));
	ASSERT_FALSE(api_managed_eq_but_times(x, parse("[{'manager':'a','time':'1'}]")));
	ASSERT_FALSE(api_managed_eq_but_times(x, NULL));
	ASSERT_TRUE(api_managed_eq_but_times(NULL, NULL));
}
