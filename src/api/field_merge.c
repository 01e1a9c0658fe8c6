/* SPDX-License-Identifier: Apache-2.0 */
#include "api/field_walk.h"

#include "api/field_walk-internal.h"
#include "api/kind.h"
#include "base/map.h"
#include "base/vec.h"

/* Children by element. Of several with one element the first; those are `is_repeated`. */
struct lookup {
	struct map map;
};

static void lookup_init(struct lookup *l, const struct field_children *c)
{
	*l = (struct lookup){0};
	for (size_t i = 0; i < c->n; i++)
		if (!map_get(&l->map, c->ptr[i].elem))
			map_put(&l->map, c->ptr[i].elem, &c->ptr[i]);
}

static const struct json *lookup(const struct lookup *l, struct str elem)
{
	const struct field_child *child = map_get(&l->map, elem);

	return child ? child->node : NULL;
}

/* Merging */

static struct json *merge(struct arena *a, const struct api_field_shape *s, const struct json *obj,
			  const struct json *config);

static struct json *merge_object(struct arena *a, const struct api_field_shape *s,
				 const struct json *obj, const struct json *config)
{
	struct field_children x = api_field_children(a, s, obj);
	struct field_children y = api_field_children(a, s, config);
	struct json *out = json_new(a, JSON_OBJECT);
	struct lookup in_x, in_y;

	lookup_init(&in_x, &x);
	lookup_init(&in_y, &y);
	for (size_t i = 0; i < x.n + y.n; i++) {
		const struct field_child *c = i < x.n ? &x.ptr[i] : &y.ptr[i - x.n];
		struct api_field_shape below = api_field_shape_at(s, c->elem);
		struct json *n;

		if (i >= x.n && lookup(&in_x, c->elem))
			continue; /* has been merged */
		n = merge(a, &below, i < x.n ? c->node : NULL, lookup(&in_y, c->elem));
		n->key = c->node->key;
		json_append(out, n);
	}
	map_fini(&in_x.map);
	map_fini(&in_y.map);
	return out;
}

/* Two lists on their way into one. */
struct merge_list {
	struct arena *a;
	struct api_field_shape item;
	struct field_children x, y;
	struct lookup in_x, in_y;
	struct map done; /* elements of y that are in the result */
	struct json *out;
};

static void take(struct merge_list *m, const struct json *x, const struct field_child *y)
{
	if (y)
		map_put(&m->done, y->elem, m);
	json_append(m->out, merge(m->a, &m->item, x, y ? y->node : NULL));
}

/* The next element of y, from *at on, that x has too; absent: none. */
static struct str next_shared(const struct merge_list *m, size_t *at)
{
	for (; *at < m->y.n; (*at)++)
		if (lookup(&m->in_x, m->y.ptr[*at].elem))
			return m->y.ptr[(*at)++].elem;
	return (struct str){0};
}

/*
 * Items that both have come in the order of y; those of x alone keep their place in front of the
 * shared item that followed them, and those of y alone likewise.
 */
static void merge_in_order(struct merge_list *m)
{
	size_t i = 0, j = 0, at = 0;
	struct str shared = next_shared(m, &at);

	while (i < m->x.n || j < m->y.n) {
		const struct field_child *x = i < m->x.n ? &m->x.ptr[i] : NULL;
		const struct field_child *y = j < m->y.n ? &m->y.ptr[j] : NULL;
		bool is_shared = x && lookup(&m->in_y, x->elem);

		if (x && y && is_shared && str_is_set(shared) && !str_eq(x->elem, y->elem) &&
		    !str_eq(x->elem, shared)) {
			i++; /* comes, or came, where y has it */
			continue;
		}
		if (x && !is_shared) {
			take(m, x->node, NULL);
			i++;
			continue;
		}
		if (x && (!y || str_eq(x->elem, y->elem) || map_get(&m->done, x->elem)))
			i++;
		if (!y)
			continue;
		take(m, lookup(&m->in_x, y->elem), y);
		j++;
		if (str_is_set(shared) && str_eq(shared, y->elem))
			shared = next_shared(m, &at);
	}
}

static struct json *merge_list(struct arena *a, const struct api_field_shape *s,
			       const struct json *obj, const struct json *config)
{
	struct merge_list m = {
		.a = a,
		.item = {.field = s->field, .type = s->field->type, .is_elem = true},
		.x = api_field_children(a, s, obj),
		.y = api_field_children(a, s, config),
		.out = json_new(a, JSON_ARRAY),
	};

	lookup_init(&m.in_x, &m.x);
	lookup_init(&m.in_y, &m.y);
	merge_in_order(&m);
	map_fini(&m.in_x.map);
	map_fini(&m.in_y.map);
	map_fini(&m.done);
	return m.out;
}

static struct json *merge(struct arena *a, const struct api_field_shape *s, const struct json *obj,
			  const struct json *config)
{
	enum field_form form = api_field_form(s);
	bool is_blank = api_field_is_blank(obj) && api_field_is_blank(config);

	if (!config || !obj)
		return json_clone(a, config ? config : obj);
	/* The root may be {} on both sides and still is an object. */
	if (form == FIELD_LEAF || is_blank)
		return json_clone(a, config);
	return form == FIELD_LIST ? merge_list(a, s, obj, config) : merge_object(a, s, obj, config);
}

struct json *api_fields_merge(struct arena *a, const struct api_type *type, const struct json *obj,
			      const struct json *config)
{
	struct api_field_shape s = api_field_shape_of_type(type);

	return merge(a, &s, obj, config);
}

/* Removing */

static struct json *remove_fields(struct arena *a, const struct api_field_shape *s,
				  const struct json *n, const struct api_field_set *gone)
{
	struct field_children c;
	struct json *out;

	if (!gone->n || api_field_form(s) == FIELD_LEAF)
		return json_clone(a, n);
	c = api_field_children(a, s, n);
	out = json_new(a, api_field_form(s) == FIELD_LIST ? JSON_ARRAY : JSON_OBJECT);
	for (size_t i = 0; i < c.n; i++) {
		const struct api_field_node *node = api_field_set_find(gone, c.ptr[i].elem);
		struct api_field_shape below = api_field_shape_at(s, c.ptr[i].elem);
		struct json *child;

		if (node && node->is_member)
			continue;
		child = node ? remove_fields(a, &below, c.ptr[i].node, &node->below)
			     : json_clone(a, c.ptr[i].node);
		/* A container that has been emptied is not there any more. */
		if (node && c.ptr[i].node->count && !child->count &&
		    (child->type == JSON_OBJECT || child->type == JSON_ARRAY))
			continue;
		child->key = c.ptr[i].node->key;
		json_append(out, child);
	}
	return out;
}

struct json *api_fields_remove(struct arena *a, const struct api_type *type, const struct json *obj,
			       const struct api_field_set *gone)
{
	struct api_field_shape s = api_field_shape_of_type(type);

	return remove_fields(a, &s, obj, gone);
}

/* Checking */

enum {
	MISTAKES_MAX = 20, /* told at once */
};

struct check {
	struct arena a; /* for keys */
	struct buf text;
	size_t n;
};

static void mistake(struct check *c, const struct api_field_path *path, const char *fmt, ...)
	_printf_(3, 4);

static void mistake(struct check *c, const struct api_field_path *path, const char *fmt, ...)
{
	char text[ERR_MSG_MAX];
	va_list ap;

	if (c->n++ >= MISTAKES_MAX)
		return;
	buf_add_c(&c->text, c->n > 1 ? "\n  " : "");
	api_field_path_write(&c->text, path);
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buf_printf(&c->text, "%s%s", path ? ": " : "", text);
}

/* As Go prints the value of an interface. */
static void expected(struct check *c, const struct api_field_path *path, const char *what,
		     const struct json *n)
{
	_cleanup_(buf_fini) struct buf b = BUF_INIT;

	json_write(&b, n);
	mistake(c, path, "expected %s, got &value.valueUnstructured{Value:%.*s}", what, 200, b.ptr);
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
			mistake(c, path, "element %zu: associative list %s", at,
				s->field->list_type == API_LIST_SET
					? "without keys has an element that is no scalar"
					: "with keys has an element that omits all key fields");
			break;
		} else if (map_put(&seen, below.elem, c)) {
			_cleanup_(buf_fini) struct buf b = BUF_INIT;

			api_field_path_write(&b, &(struct api_field_path){.elem = below.elem});
			mistake(c, path, "duplicate entries for key %s", b.ptr);
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
		if (shape.field)
			check_value(c, &shape, &below, m);
		else
			mistake(c, &below, "field not declared in schema");
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
