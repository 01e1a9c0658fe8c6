/* SPDX-License-Identifier: Apache-2.0 */
#include "api/managed/field_walk.h"

#include "api/kind.h"
#include "api/managed/field_walk-internal.h"
#include "base/map.h"

enum {
	MISTAKES_MAX = 20, /* told at once */
};

struct check {
	struct arena a; /* for keys and texts */
	struct buf text;
	size_t n;
};

static void mistake(struct check *c, const struct api_field_path *path, struct str text)
{
	if (c->n++ >= MISTAKES_MAX)
		return;
	buf_add_c(&c->text, c->n > 1 ? "\n  " : "");
	api_field_path_write(&c->text, path);
	buf_printf(&c->text, "%s%.*s", path ? ": " : "", STR_ARG(text));
}

/* Values as Go prints them: people know these messages, and search for them. */

enum go_form {
	GO_PLAIN,  /* %v: map[a:1] */
	GO_SYNTAX, /* %#v: map[string]interface {}{"a":1} */
};

static void go_value(struct buf *b, const struct json *n, enum go_form form)
{
	bool is_map = n->type == JSON_OBJECT;
	const char *open = "map[", *close = "]", *sep = " ";

	if (n->type == JSON_NULL)
		buf_add_c(b, form == GO_PLAIN ? "<nil>" : "interface {}(nil)");
	else if (n->type == JSON_STRING && form == GO_PLAIN)
		buf_add_str(b, n->string);
	else if (n->type != JSON_OBJECT && n->type != JSON_ARRAY)
		json_write(b, n);
	if (n->type != JSON_OBJECT && n->type != JSON_ARRAY)
		return;
	if (!is_map)
		open = "[";
	if (form == GO_SYNTAX) {
		open = is_map ? "map[string]interface {}{" : "[]interface {}{";
		close = "}";
		sep = ", ";
	}
	buf_add_c(b, open);
	json_foreach(m, n) {
		if (m != n->first)
			buf_add_c(b, sep);
		if (is_map && form == GO_SYNTAX)
			json_write_string(b, m->key);
		else if (is_map)
			buf_add_str(b, m->key);
		if (is_map)
			buf_add_byte(b, ':');
		go_value(b, m, form);
	}
	buf_add_c(b, close);
}

static const char *go_type(const struct json *n)
{
	static const char *const names[] = {
		[JSON_NULL] = "<nil>",
		[JSON_BOOL] = "bool",
		[JSON_INT] = "int64",
		[JSON_NUMBER] = "float64",
		[JSON_STRING] = "string",
		[JSON_ARRAY] = "[]interface {}",
		[JSON_OBJECT] = "map[string]interface {}",
	};

	return names[n->type];
}

static void expected(struct check *c, const struct api_field_path *path, const char *what,
		     const struct json *n)
{
	_cleanup_(buf_fini) struct buf b = BUF_INIT;
	bool is_string = str_eq_c(str_of(what), "string");

	buf_printf(&b, "expected %s, got ", what);
	if (str_has_prefix(str_of(what), STR("numeric"))) {
		buf_add_c(&b, go_type(n));
	} else {
		buf_add_c(&b, is_string ? "&value.valueUnstructured{Value:" : "&{");
		go_value(&b, n, is_string ? GO_SYNTAX : GO_PLAIN);
		buf_add_byte(&b, '}');
	}
	mistake(c, path, buf_str(&b));
}

static void check_scalar(struct check *c, enum api_value value, const struct api_field_path *path,
			 const struct json *n)
{
	bool is_number = n->type == JSON_INT || n->type == JSON_NUMBER;

	switch (value) {
	case API_STRING:
	case API_TIME:
	case API_MICRO_TIME:
	case API_BYTES:
		if (n->type != JSON_STRING)
			expected(c, path, "string", n);
		break;
	case API_INT32:
	case API_INT64:
	case API_DOUBLE:
		if (!is_number)
			expected(c, path, "numeric (int or float)", n);
		break;
	case API_BOOL:
		if (n->type != JSON_BOOL)
			expected(c, path, "boolean", n);
		break;
	case API_INT_OR_STRING:
	case API_QUANTITY:
		if (!is_number && n->type != JSON_STRING && n->type != JSON_BOOL)
			expected(c, path, "any scalar", n);
		break;
	case API_OBJECT:
		if (n->type != JSON_OBJECT)
			expected(c, path, "map", n);
		break;
	case API_RAW:
	default:
		break;
	}
}

static void check_value(struct check *c, const struct api_field_shape *s,
			const struct api_field_path *path, const struct json *n);

/* Why an item has no path element. */
static struct str no_elem(struct check *c, const struct api_field *f, const struct json *item)
{
	struct buf b = BUF_INIT;
	struct str ret;

	if (f->list_type == API_LIST_SET)
		return item->type == JSON_OBJECT
			       ? STR("associative list without keys has an element that's a map "
				     "type")
		       : item->type == JSON_ARRAY
			       ? STR("not supported: associative list with lists as elements")
			       : STR("associative list without keys has an element that's an "
				     "explicit null");
	if (item->type != JSON_OBJECT)
		return item->type == JSON_NULL
			       ? STR("associative list with keys may not have a null element")
			       : STR("associative list with keys may not have non-map elements");
	for (size_t i = 0; f->map_keys[i]; i++)
		buf_printf(&b, "%s\"%s\"", i ? " " : "", f->map_keys[i]);
	ret = str_printf(&c->a,
			 "associative list with keys has an element that omits all key fields [%s] "
			 "(and doesn't have default values for any key fields)",
			 b.ptr);
	buf_fini(&b);
	return ret;
}

static void check_items(struct check *c, const struct api_field_shape *s,
			const struct api_field_path *path, const struct json *list)
{
	struct api_field_shape item = {.field = s->field, .type = s->field->type, .is_elem = true};
	bool is_list = api_field_form(s) == FIELD_LIST;
	struct map seen = {0};
	size_t at = 0;

	json_foreach(m, list) {
		struct api_field_path below = {.up = path};

		if (!is_list) {
			below.elem = str_printf(&c->a, "i:%zu", at);
		} else if (!api_field_item_elem(&c->a, s->field, m, &below.elem)) {
			mistake(c, path,
				str_printf(&c->a, "element %zu: %.*s", at,
					   STR_ARG(no_elem(c, s->field, m))));
			break;
		} else if (map_put(&seen, below.elem, c)) {
			_cleanup_(buf_fini) struct buf b = BUF_INIT;

			api_field_path_write(&b, &(struct api_field_path){.elem = below.elem});
			mistake(c, path, str_printf(&c->a, "duplicate entries for key %s", b.ptr));
		}
		check_value(c, &item, &below, m);
		at++;
	}
	map_fini(&seen);
}

static void check_members(struct check *c, const struct api_field_shape *s,
			  const struct api_field_path *path, const struct json *obj)
{
	bool is_map = s->field && !s->is_elem && s->field->shape == API_MAP;

	json_foreach(m, obj) {
		struct api_field_path below = {path, str_printf(&c->a, "f:%.*s", STR_ARG(m->key))};
		struct api_field_shape shape = {
			.field = s->field, .type = is_map ? s->field->type : NULL, .is_elem = true};

		if (!is_map) {
			shape.field = api_field_find(s->type, m->key);
			shape.is_elem = false;
			shape.type = shape.field ? shape.field->type : NULL;
		}
		if (!shape.field) {
			mistake(c, &below, STR("field not declared in schema"));
			break;
		}
		check_value(c, &shape, &below, m);
	}
}

static void check_value(struct check *c, const struct api_field_shape *s,
			const struct api_field_path *path, const struct json *n)
{
	const struct api_field *f = s->field;
	bool is_list = f && !s->is_elem && f->shape == API_LIST;
	bool is_map = f && !s->is_elem && f->shape == API_MAP;

	if (n->type == JSON_NULL)
		return;
	if (is_list && n->type != JSON_ARRAY)
		expected(c, path, "list", n);
	else if (is_map && n->type != JSON_OBJECT)
		expected(c, path, "map", n);
	else if (is_list)
		check_items(c, s, path, n);
	else if (is_map || (s->type && n->type == JSON_OBJECT))
		check_members(c, s, path, n);
	else if (f)
		check_scalar(c, f->value, path, n);
}

int api_fields_check(const struct api_type *type, const struct json *obj, struct err *err)
{
	struct api_field_shape s = api_field_shape_of_type(type);
	struct check c = {.text = BUF_INIT};
	int r = 0;

	arena_init(&c.a, 0);
	check_value(&c, &s, NULL, obj);
	if (c.n == 1)
		r = err_set(err, ERR_INVALID, "%s", c.text.ptr);
	else if (c.n > 1)
		r = err_set(err, ERR_INVALID, "errors:\n  %s", c.text.ptr);
	buf_fini(&c.text);
	arena_fini(&c.a);
	return r;
}
