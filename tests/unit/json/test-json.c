/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/harness/test.h"
#include "json/json.h"

static struct arena a;

/* "'" stands for '"'. */
static struct json *parse(const char *text)
{
	struct json *n;
	struct err err;
	char *s = arena_strdup(&a, text);

	for (char *p = s; *p; p++)
		if (*p == '\'')
			*p = '"';
	ASSERT_OK(json_parse(&a, str_of(s), 0, &n, &err));
	return n;
}

static void check(const struct json *n, const char *want)
{
	struct buf b = BUF_INIT, w = BUF_INIT;
	size_t count = 0;

	json_write(&b, n);
	json_write(&w, parse(want));
	ASSERT_STREQ(b.ptr, w.ptr);
	for (const struct json *c = n->first; c; c = c->next) {
		count++;
		ASSERT_EQ(c == n->last, c->next == NULL);
	}
	ASSERT_EQ(count, n->count);
	buf_fini(&b);
	buf_fini(&w);
}

TEST(reads_members)
{
	const struct json *n;

	arena_init(&a, 0);
	n = parse("{'a':1,'b':{'c':[true,'x',null]},'a':2,'s':'t'}");
	ASSERT_EQ(json_get_int(n, "a", 0), 2); /* the last one */
	ASSERT_EQ(json_get_int(n, "s", 7), 7);
	ASSERT_EQ(json_get_int(n, "none", 7), 7);
	ASSERT_STR(json_get_string(n, "s"), STR("t"));
	ASSERT_FALSE(str_is_set(json_get_string(n, "a")));
	ASSERT_TRUE(json_is(json_path(n, "b.c"), JSON_ARRAY));
	ASSERT_TRUE(json_path(n, "b.d") == NULL);
	ASSERT_TRUE(json_path(n, "a.b") == NULL);
	ASSERT_TRUE(json_at(json_path(n, "b.c"), 0)->boolean);
	ASSERT_TRUE(json_at(json_path(n, "b.c"), 3) == NULL);
	ASSERT_TRUE(json_is_null(json_at(json_path(n, "b.c"), 2)));
	ASSERT_TRUE(json_is_null(NULL));
	ASSERT_FALSE(json_is(NULL, JSON_NULL));
	ASSERT_TRUE(json_get(NULL, "a") == NULL);
	ASSERT_TRUE(json_get_bool(NULL, "a", true));
	arena_fini(&a);
}

TEST(finds_duplicate_keys)
{
	static const char *const cases[][2] = {
		{"{'a':1,'b':2}", NULL},
		{"{'a':1,'a':2}", "a"},
		{"{'spec':{'ports':[{'x':1},{'x':1,'x':2}]}}", "spec.ports[1].x"},
		{"[{'x':1},{'x':1}]", NULL},
		{"[[{'y':{}, 'y':{}}]]", "[0][0].y"},
		{"{'a':1,'b':1,'c':1,'d':1,'e':1,'f':1,'g':1,'h':1,'i':1,'j':1,'k':1,'l':1,'m':1,"
		 "'n':1,'o':1,'p':1,'q':1,'c':2}",
		 "c"},
	};
	struct str path;

	arena_init(&a, 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		ASSERT_EQ(json_duplicate(&a, parse(cases[i][0]), &path), cases[i][1] != NULL);
		if (cases[i][1])
			ASSERT_STR(path, str_of(cases[i][1]));
	}
	arena_fini(&a);
}

/* Paths are made for what is found only: one for each child was as much as the square of the text.
 */
TEST(makes_no_path_for_what_is_not_told)
{
	enum {
		KEY = 100000,
		CHILDREN = 10000
	};
	struct str path = {0};
	struct buf b = BUF_INIT;
	struct json *n;
	size_t before;

	arena_init(&a, 0);
	buf_add_c(&b, "{'");
	for (int i = 0; i < KEY; i++)
		buf_add_byte(&b, 'k');
	buf_add_c(&b, "':[");
	for (int i = 0; i < CHILDREN; i++)
		buf_add_c(&b, i ? ",{}" : "{}");
	buf_add_c(&b, "]}");
	n = parse(b.ptr);
	before = a.total;
	ASSERT_FALSE(json_duplicate(&a, n, &path));
	ASSERT_EQ(a.total, before);
	buf_fini(&b);
	arena_fini(&a);
}

/* An object with the members 0 … n-1, in rising or falling order. */
static struct json *large(int n, bool is_falling)
{
	struct json *obj = json_new(&a, JSON_OBJECT);

	for (int i = 0; i < n; i++) {
		int v = is_falling ? n - 1 - i : i;
		struct json *c = json_new_int(&a, v);

		c->key = str_printf(&a, "%d", v);
		json_append(obj, c);
	}
	return obj;
}

TEST(compares_deeply)
{
	static const struct {
		const char *x, *y;
		bool is_eq;
	} cases[] = {
		{"{'a':1,'b':[1,2]}", "{'b':[1,2],'a':1}", true},
		{"{'a':1}", "{'a':1,'b':2}", false},
		{"{'a':1}", "{'b':1}", false},
		{"[1,2]", "[2,1]", false},
		{"[1]", "[1,1]", false},
		{"1", "1.0", true},
		{"1", "1.5", false},
		{"1e2", "100", true},
		{"9223372036854775807", "9223372036854775806", false},
		{"'a'", "'b'", false},
		{"true", "false", false},
		{"null", "null", true},
		{"null", "0", false},
		{"{}", "[]", false},
		{"{'a':1,'a':2}", "{'a':1,'a':2}", true},
		{"{'a':1,'b':3,'a':2}", "{'b':3,'a':1,'a':2}", true},
		{"{'a':1,'a':2}", "{'a':2,'a':1}", false},
	};
	struct json *x, *y;

	arena_init(&a, 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		ASSERT_EQ(json_eq(parse(cases[i].x), parse(cases[i].y)), cases[i].is_eq);
		ASSERT_EQ(json_eq(parse(cases[i].y), parse(cases[i].x)), cases[i].is_eq);
	}
	x = large(1000, false);
	y = large(1000, true);
	ASSERT_TRUE(json_eq(x, y));
	y->last->integer++;
	ASSERT_FALSE(json_eq(x, y));
	arena_fini(&a);
}

TEST(compares_each_value_once)
{
	struct json *x, *y;

	arena_init(&a, 0);
	x = parse("{'a':1,'b':2}");
	y = parse("{'b':2,'a':1}");
	for (int i = 0; i < 90; i++) { /* would not end if each level compared twice */
		struct json *outer_x = parse("{'a':{},'b':1,'c':2}");
		struct json *outer_y = parse("{'a':{},'c':2,'b':1}");

		json_set(outer_x, "a", x);
		json_set(outer_y, "a", y);
		x = outer_x;
		y = outer_y;
	}
	ASSERT_TRUE(json_eq(x, y));
	arena_fini(&a);
}

TEST(edits_objects)
{
	struct json *n;

	arena_init(&a, 0);
	n = parse("{'a':1,'b':2,'a':3,'c':4}");
	json_set(n, "a", json_new_int(&a, 9));
	check(n, "{'a':9,'b':2,'c':4}");
	json_set(n, "c", json_new_string(&a, STR("x")));
	check(n, "{'a':9,'b':2,'c':'x'}");
	json_set(n, "d", json_new_bool(&a, true));
	check(n, "{'a':9,'b':2,'c':'x','d':true}");
	ASSERT_TRUE(json_remove(n, "d"));
	ASSERT_FALSE(json_remove(n, "d"));
	check(n, "{'a':9,'b':2,'c':'x'}");
	ASSERT_TRUE(json_remove(n, "a"));
	json_prepend(n, "kind", json_new_string(&a, STR("K")));
	check(n, "{'kind':'K','b':2,'c':'x'}");
	json_set(json_object_at(&a, n, "o"), "p", json_new_int(&a, 1));
	json_set(json_object_at(&a, n, "o"), "q", json_new_int(&a, 2));
	check(n, "{'kind':'K','b':2,'c':'x','o':{'p':1,'q':2}}");
	json_foreach(c, n)
		if (c->type == JSON_STRING)
			json_unlink(n, c);
	check(n, "{'b':2,'o':{'p':1,'q':2}}");
	n = parse("{'a':1}");
	json_remove(n, "a");
	check(n, "{}");
	json_set(n, "b", json_new(&a, JSON_NULL));
	check(n, "{'b':null}");
	json_object_at(&a, n, "b");
	check(n, "{'b':{}}");
	arena_fini(&a);
}

TEST(edits_lists)
{
	struct json *n;

	arena_init(&a, 0);
	n = parse("[]");
	json_insert(n, 0, json_new_int(&a, 2));
	json_insert(n, 0, json_new_int(&a, 0));
	json_insert(n, 1, json_new_int(&a, 1));
	json_insert(n, 3, json_new_int(&a, 3));
	json_append(n, json_new_int(&a, 4));
	check(n, "[0,1,2,3,4]");
	json_unlink(n, n->last);
	json_unlink(n, n->first);
	json_unlink(n, n->first->next);
	check(n, "[1,3]");
	arena_fini(&a);
}

TEST(clones_with_its_strings)
{
	struct arena other;
	struct json *n, *copy;

	arena_init(&a, 0);
	arena_init(&other, 0);
	n = parse("{'a':[1,1.5,'x',null,true,{}],'b':'y'}");
	copy = json_clone(&other, n);
	ASSERT_TRUE(json_eq(n, copy));
	arena_fini(&a);
	arena_init(&a, 0);
	check(copy, "{'a':[1,1.5,'x',null,true,{}],'b':'y'}");
	arena_fini(&a);
	arena_fini(&other);
}
