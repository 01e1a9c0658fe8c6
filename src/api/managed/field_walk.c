/* SPDX-License-Identifier: Apache-2.0 */
#include "api/managed/field_walk.h"

#include "api/kind.h"
#include "api/managed/field_walk-internal.h"

#include <stdlib.h>

enum {
	SORT_BY_INSERTION_MAX = 24, /* children; most objects have fewer */
	KEYS_MAX = 4,               /* of a list's items; the schema has 2 at most */
};

/* Shapes */

struct api_field_shape api_field_shape_of_type(const struct api_type *type)
{
	return (struct api_field_shape){.type = type};
}

static bool is_map(const struct api_field_shape *s)
{
	return s->field && !s->is_elem && s->field->shape == API_MAP;
}

enum field_form api_field_form(const struct api_field_shape *s)
{
	const struct api_field *f = s->field;

	if (f && !s->is_elem && f->shape == API_LIST)
		return f->list_type == API_LIST_SET || (f->list_type == API_LIST_MAP && f->map_keys)
			       ? FIELD_LIST
			       : FIELD_LEAF;
	if (is_map(s))
		return f->list_type == API_LIST_ATOMIC ? FIELD_LEAF : FIELD_OBJECT;
	if (!s->type || s->type->is_atomic || (f && !s->is_elem && f->list_type == API_LIST_ATOMIC))
		return FIELD_LEAF;
	return FIELD_OBJECT;
}

struct api_field_shape api_field_shape_at(const struct api_field_shape *s, struct str elem)
{
	enum field_form form = api_field_form(s);
	const struct api_field *f = NULL;

	if (form == FIELD_LEAF)
		return (struct api_field_shape){0};
	if (form == FIELD_LIST || is_map(s))
		return (struct api_field_shape){
			.field = s->field, .type = s->field->type, .is_elem = true};
	if (elem.len >= 2 && elem.ptr[0] == 'f')
		f = api_field_find(s->type, str_skip(elem, 2));
	if (!f)
		return (struct api_field_shape){0};
	return (struct api_field_shape){.field = f, .type = f->type, .is_declared = true};
}

/* Children */

bool api_field_is_blank(const struct json *n)
{
	return json_is_null(n) ||
	       ((n->type == JSON_ARRAY || n->type == JSON_OBJECT) && n->count == 0);
}

static int cmp_members(const void *x, const void *y)
{
	const struct json *const *p = x, *const *q = y;

	return str_cmp((*p)->key, (*q)->key);
}

static void key_write(struct buf *b, const struct json **members, size_t n)
{
	qsort(members, n, sizeof(*members), cmp_members);
	for (size_t i = 0; i < n; i++) {
		buf_add_byte(b, i ? ',' : '{');
		json_write_string(b, members[i]->key);
		buf_add_byte(b, ':');
		json_write(b, members[i]);
	}
	buf_add_c(b, n ? "}" : "{}");
}

void api_field_key_write(struct buf *b, const struct json *key)
{
	const struct json **members = mem_xarray(key->count + 1, sizeof(*members));
	size_t n = 0;

	json_foreach(m, key)
		members[n++] = m;
	key_write(b, members, n);
	free(members);
}

static bool key_elem(struct arena *a, const struct api_field *f, const struct json *item,
		     struct str *ret)
{
	const struct json *members[KEYS_MAX];
	struct buf b = BUF_INIT;
	size_t n = 0;

	if (!json_is(item, JSON_OBJECT))
		return false;
	for (size_t i = 0; f->map_keys[i] && n < KEYS_MAX; i++) {
		const struct api_field *key = api_field_find(f->type, str_of(f->map_keys[i]));
		const struct json *m = json_get(item, f->map_keys[i]);
		struct json *fallback;

		if (!m && key && key->default_json &&
		    json_parse(a, str_of(key->default_json), JSON_BORROW, &fallback, NULL) == 0) {
			fallback->key = str_of(key->name);
			m = fallback;
		}
		if (m)
			members[n++] = m;
	}
	if (!n)
		return false;
	buf_add_c(&b, "k:");
	key_write(&b, members, n);
	*ret = str_dup(a, buf_str(&b));
	buf_fini(&b);
	return true;
}

bool api_field_item_elem(struct arena *a, const struct api_field *f, const struct json *item,
			 struct str *ret)
{
	struct buf b = BUF_INIT;

	if (f->list_type == API_LIST_MAP)
		return key_elem(a, f, item, ret);
	if (json_is_null(item) || item->type == JSON_ARRAY || item->type == JSON_OBJECT)
		return false;
	buf_add_c(&b, "v:");
	json_write(&b, item);
	*ret = str_dup(a, buf_str(&b));
	buf_fini(&b);
	return true;
}

static struct str field_elem(struct arena *a, struct str key)
{
	char *p = arena_alloc(a, key.len + 2);

	p[0] = 'f';
	p[1] = ':';
	if (key.len)
		memcpy(p + 2, key.ptr, key.len);
	return str_n(p, key.len + 2);
}

struct field_children api_field_children(struct arena *a, const struct api_field_shape *s,
					 const struct json *node)
{
	bool is_list = api_field_form(s) == FIELD_LIST;
	struct field_children c = {0};
	size_t at = 0;

	if (!json_is(node, is_list ? JSON_ARRAY : JSON_OBJECT) || !node->count)
		return c;
	c.ptr = arena_alloc(a, node->count * sizeof(*c.ptr));
	json_foreach(m, node) {
		struct field_child *child = &c.ptr[c.n];

		*child = (struct field_child){.node = m, .at = at++};
		if (!is_list)
			child->elem = field_elem(a, m->key);
		else if (!api_field_item_elem(a, s->field, m, &child->elem))
			continue;
		c.n++;
	}
	return c;
}

static int cmp_children(const void *x, const void *y)
{
	const struct field_child *p = x, *q = y;
	int r = api_field_elem_cmp(p->elem, q->elem);

	return r != 0 ? r : p->at < q->at ? -1 : 1;
}

void api_field_children_sort(struct field_children *c)
{
	if (c->n > SORT_BY_INSERTION_MAX) {
		qsort(c->ptr, c->n, sizeof(*c->ptr), cmp_children);
		return;
	}
	for (size_t i = 1; i < c->n; i++) {
		struct field_child child = c->ptr[i];
		size_t j = i;

		for (; j > 0 && cmp_children(&c->ptr[j - 1], &child) > 0; j--)
			c->ptr[j] = c->ptr[j - 1];
		c->ptr[j] = child;
	}
}

/* What nobody owns: the server's own metadata (service-api.md section 18.9). */
static bool is_untracked(const struct api_field_path *up, struct str elem)
{
	static const char *const in_meta[] = {
		"creationTimestamp", "generation",      "managedFields", "name",
		"namespace",         "resourceVersion", "selfLink",      "uid"};
	struct str name = str_skip(elem, 2);

	if (!up)
		return str_eq_c(name, "apiVersion") || str_eq_c(name, "kind");
	if (up->up || !str_eq_c(up->elem, "f:metadata"))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(in_meta); i++)
		if (str_eq_c(name, in_meta[i]))
			return true;
	return false;
}

static struct field_children tracked(struct arena *a, const struct api_field_shape *s,
				     const struct api_field_path *path, const struct json *node)
{
	struct field_children c = api_field_children(a, s, node);
	size_t n = 0;

	if (!path || !path->up) {
		for (size_t i = 0; i < c.n; i++)
			if (!is_untracked(path, c.ptr[i].elem))
				c.ptr[n++] = c.ptr[i];
		c.n = n;
	}
	api_field_children_sort(&c);
	return c;
}

/* Nobody owns metadata as such. */
static bool is_bare_metadata(const struct api_field_path *path)
{
	return !path || (!path->up && str_eq_c(path->elem, "f:metadata"));
}

static struct api_field_set make(struct arena *a, size_t n)
{
	struct api_field_set s = {0};

	if (n)
		s.nodes = arena_alloc(a, n * sizeof(*s.nodes));
	return s;
}

static void keep(struct api_field_set *s, const struct api_field_node *node)
{
	if (node->is_member || node->below.n)
		s->nodes[s->n++] = *node;
}

/* Comparing */

struct outcome {
	struct api_field_node changed, removed;
};

static void compare(struct arena *a, const struct api_field_shape *s,
		    const struct api_field_path *path, const struct json *before,
		    const struct json *now, struct outcome *ret);

static void compare_leaf(const struct json *before, const struct json *now, struct outcome *ret)
{
	if (!now)
		ret->removed.is_member = true;
	else if (!before || !json_eq(before, now))
		ret->changed.is_member = true;
}

/* Items with one and the same key count as one field together. */
static void compare_repeated(struct arena *a, const struct api_field_shape *s,
			     const struct api_field_path *path, const struct field_child *x,
			     size_t n_x, const struct field_child *y, size_t n_y,
			     struct outcome *ret)
{
	bool is_same = n_x == n_y;

	if (n_x == 1)
		compare(a, s, path, x->node, NULL, ret);
	else if (n_y == 1)
		compare(a, s, path, NULL, y->node, ret);
	for (size_t i = 0; i < n_x && is_same; i++)
		is_same = json_eq(x[i].node, y[i].node);
	if (n_y > 1 && !is_same)
		ret->changed.is_member = true;
	else if (n_y <= 1)
		ret->removed.is_member = true;
}

static size_t run_of(const struct field_children *c, size_t i)
{
	size_t n = 1;

	while (i + n < c->n && str_eq(c->ptr[i].elem, c->ptr[i + n].elem))
		n++;
	return n;
}

static void compare_children(struct arena *a, const struct api_field_shape *s,
			     const struct api_field_path *path, const struct json *before,
			     const struct json *now, struct outcome *ret)
{
	struct field_children x = tracked(a, s, path, before), y = tracked(a, s, path, now);
	struct api_field_set changed = make(a, x.n + y.n), removed = make(a, x.n);
	size_t i = 0, j = 0;

	while (i < x.n || j < y.n) {
		int r = i >= x.n   ? 1
			: j >= y.n ? -1
				   : api_field_elem_cmp(x.ptr[i].elem, y.ptr[j].elem);
		size_t n_x = r <= 0 ? run_of(&x, i) : 0, n_y = r >= 0 ? run_of(&y, j) : 0;
		struct api_field_path below = {path, n_x ? x.ptr[i].elem : y.ptr[j].elem};
		struct api_field_shape shape = api_field_shape_at(s, below.elem);
		struct outcome o = {.changed.elem = below.elem, .removed.elem = below.elem};

		if (n_x > 1 || n_y > 1)
			compare_repeated(a, &shape, &below, n_x ? &x.ptr[i] : NULL, n_x,
					 n_y ? &y.ptr[j] : NULL, n_y, &o);
		else
			compare(a, &shape, &below, n_x ? x.ptr[i].node : NULL,
				n_y ? y.ptr[j].node : NULL, &o);
		keep(&changed, &o.changed);
		if (n_x)
			keep(&removed, &o.removed);
		i += n_x;
		j += n_y;
	}
	ret->changed.below = changed;
	ret->removed.below = removed;
}

static void compare(struct arena *a, const struct api_field_shape *s,
		    const struct api_field_path *path, const struct json *before,
		    const struct json *now, struct outcome *ret)
{
	bool is_bare = is_bare_metadata(path);

	if (!is_bare && (api_field_form(s) == FIELD_LEAF ||
			 (api_field_is_blank(before) && api_field_is_blank(now)))) {
		compare_leaf(before, now, ret);
		return;
	}
	compare_children(a, s, path, before, now, ret);
	if (!is_bare && !before)
		ret->changed.is_member = true;
	else if (!is_bare && !now)
		ret->removed.is_member = true;
}

void api_fields_compare(struct arena *a, const struct api_type *type, const struct json *before,
			const struct json *now, struct api_field_diff *ret)
{
	struct api_field_shape s = api_field_shape_of_type(type);
	struct outcome o = {0};

	compare(a, &s, NULL, before, now, &o);
	*ret = (struct api_field_diff){o.changed.below, o.removed.below};
}

/* The fields of one object */

static struct api_field_node fields_of(struct arena *a, const struct api_field_shape *s,
				       const struct api_field_path *path, const struct json *n)
{
	struct api_field_node node = {0};
	struct field_children c;

	if (path)
		node.elem = path->elem;
	if (!is_bare_metadata(path)) {
		/* A list that is empty sets nothing, an empty or null object sets itself. */
		node.is_member = !s->is_declared || n->type == JSON_NULL ||
				 (n->type == JSON_OBJECT && n->count == 0) ||
				 api_field_form(s) == FIELD_LEAF;
		if (api_field_form(s) == FIELD_LEAF)
			return node;
	}
	c = tracked(a, s, path, n);
	node.below = make(a, c.n);
	for (size_t i = 0, run; i < c.n; i += run) {
		struct api_field_path below = {path, c.ptr[i].elem};
		struct api_field_shape shape = api_field_shape_at(s, below.elem);
		struct api_field_node child = {.elem = below.elem, .is_member = true};

		run = run_of(&c, i);
		if (run == 1)
			child = fields_of(a, &shape, &below, c.ptr[i].node);
		keep(&node.below, &child);
	}
	return node;
}

struct api_field_set api_fields_of(struct arena *a, const struct api_type *type,
				   const struct json *obj)
{
	struct api_field_shape s = api_field_shape_of_type(type);

	return fields_of(a, &s, NULL, obj).below;
}
