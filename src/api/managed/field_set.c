/* SPDX-License-Identifier: Apache-2.0 */
#include "api/managed/field_set.h"

#include "api/kind.h"
#include "api/managed/field_walk.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int rank(struct str elem)
{
	switch (elem.len ? elem.ptr[0] : '\0') {
	case 'f':
		return 0;
	case 'k':
		return 1;
	case 'v':
		return 2;
	default:
		return 3;
	}
}

static size_t digits_at(struct str s, size_t i)
{
	size_t n = 0;

	while (i + n < s.len && is_digit(s.ptr[i + n]))
		n++;
	return n;
}

/* JSON texts: outside of strings, of two numbers that begin alike the longer one is greater. */
static int cmp_json(struct str a, struct str b)
{
	size_t n = a.len < b.len ? a.len : b.len, i = 0;
	bool in_string = false;

	for (; i < n && a.ptr[i] == b.ptr[i]; i++) {
		if (in_string && a.ptr[i] == '\\' && i + 1 < n && a.ptr[i + 1] == b.ptr[i + 1])
			i++;
		else if (a.ptr[i] == '"')
			in_string = !in_string;
	}
	if (!in_string) {
		size_t x = digits_at(a, i), y = digits_at(b, i);

		if (x != y)
			return x < y ? -1 : 1;
	}
	return str_cmp(str_skip(a, i), str_skip(b, i));
}

int api_field_elem_cmp(struct str a, struct str b)
{
	int x = rank(a), y = rank(b);

	if (x != y)
		return x < y ? -1 : 1;
	return x == 0 ? str_cmp(a, b) : cmp_json(a, b);
}

const struct api_field_node *api_field_set_find(const struct api_field_set *s, struct str elem)
{
	size_t low = 0, high = s->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int r = api_field_elem_cmp(s->nodes[mid].elem, elem);

		if (r == 0)
			return &s->nodes[mid];
		if (r < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

bool api_field_set_eq(const struct api_field_set *x, const struct api_field_set *y)
{
	if (x->n != y->n)
		return false;
	for (size_t i = 0; i < x->n; i++) {
		const struct api_field_node *p = &x->nodes[i], *q = &y->nodes[i];

		if (p->is_member != q->is_member || !str_eq(p->elem, q->elem) ||
		    !api_field_set_eq(&p->below, &q->below))
			return false;
	}
	return true;
}

/* Operations */

/* Two sets side by side, in order. */
struct zip {
	const struct api_field_set *x, *y;
	size_t i, j;
	const struct api_field_node *p, *q; /* the pair at hand; the side that lacks it is NULL */
};

static bool zip_next(struct zip *z)
{
	int r;

	if (z->i >= z->x->n && z->j >= z->y->n)
		return false;
	if (z->i >= z->x->n)
		r = 1;
	else if (z->j >= z->y->n)
		r = -1;
	else
		r = api_field_elem_cmp(z->x->nodes[z->i].elem, z->y->nodes[z->j].elem);
	z->p = r <= 0 ? &z->x->nodes[z->i++] : NULL;
	z->q = r >= 0 ? &z->y->nodes[z->j++] : NULL;
	return true;
}

static struct api_field_set make(struct arena *a, size_t n)
{
	return (struct api_field_set){.nodes = arena_alloc(a, n * sizeof(struct api_field_node))};
}

/* Appends a node that is not empty. */
static void keep(struct api_field_set *s, struct api_field_node node)
{
	if (node.is_member || node.below.n)
		s->nodes[s->n++] = node;
}

struct api_field_set api_field_set_union(struct arena *a, const struct api_field_set *x,
					 const struct api_field_set *y)
{
	struct zip z = {.x = x, .y = y};
	struct api_field_set out;

	if (!x->n || !y->n)
		return x->n ? *x : *y;
	out = make(a, x->n + y->n);
	while (zip_next(&z)) {
		struct api_field_node node = z.p ? *z.p : *z.q;

		if (z.p && z.q) {
			node.is_member = z.p->is_member || z.q->is_member;
			node.below = api_field_set_union(a, &z.p->below, &z.q->below);
		}
		keep(&out, node);
	}
	return out;
}

struct api_field_set api_field_set_intersect(struct arena *a, const struct api_field_set *x,
					     const struct api_field_set *y)
{
	struct zip z = {.x = x, .y = y};
	struct api_field_set out;

	if (!x->n || !y->n)
		return (struct api_field_set){0};
	out = make(a, x->n < y->n ? x->n : y->n);
	while (zip_next(&z)) {
		if (!z.p || !z.q)
			continue;
		keep(&out, (struct api_field_node){
				   .elem = z.p->elem,
				   .is_member = z.p->is_member && z.q->is_member,
				   .below = api_field_set_intersect(a, &z.p->below, &z.q->below),
			   });
	}
	return out;
}

static struct api_field_set subtract(struct arena *a, const struct api_field_set *x,
				     const struct api_field_set *y, bool with_below)
{
	struct zip z = {.x = x, .y = y};
	struct api_field_set out;

	if (!x->n || !y->n)
		return *x;
	out = make(a, x->n);
	while (zip_next(&z)) {
		struct api_field_node node;

		if (!z.p || (z.q && z.q->is_member && with_below))
			continue;
		node = *z.p;
		if (z.q) {
			node.is_member = z.p->is_member && !z.q->is_member;
			node.below = subtract(a, &z.p->below, &z.q->below, with_below);
		}
		keep(&out, node);
	}
	return out;
}

struct api_field_set api_field_set_subtract(struct arena *a, const struct api_field_set *x,
					    const struct api_field_set *y)
{
	return subtract(a, x, y, false);
}

struct api_field_set api_field_set_exclude(struct arena *a, const struct api_field_set *x,
					   const struct api_field_set *y)
{
	return subtract(a, x, y, true);
}

static struct api_field_set with_fields(struct arena *a, const struct api_field_set *x,
					const struct api_field_shape *shape)
{
	struct api_field_set out = make(a, x->n);

	for (size_t i = 0; i < x->n; i++) {
		const struct api_field_node *node = &x->nodes[i];
		struct api_field_shape below = api_field_shape_at(shape, node->elem);
		/* Metadata as such is the server's. */
		bool is_metadata = !shape->field && str_eq_c(node->elem, "f:metadata");

		out.nodes[out.n++] = (struct api_field_node){
			.elem = node->elem,
			.is_member = node->is_member ||
				     (node->below.n && below.is_declared && !is_metadata),
			.below = with_fields(a, &node->below, &below),
		};
	}
	return out;
}

struct api_field_set api_field_set_with_fields(struct arena *a, const struct api_field_set *x,
					       const struct api_type *type)
{
	struct api_field_shape shape = api_field_shape_of_type(type);

	return with_fields(a, x, &shape);
}

/* FieldsV1 */

struct parse {
	struct arena *a;
	size_t n_nodes;
	struct err *err;
};

static int cmp_nodes(const void *x, const void *y)
{
	const struct api_field_node *p = x, *q = y;

	return api_field_elem_cmp(p->elem, q->elem);
}

/* The JSON of a key or value as it is compared: compact, members in order of their names. */
static int canonical(struct parse *p, struct str *elem)
{
	struct buf b = BUF_INIT;
	struct json *n;
	int r = json_parse(p->a, str_skip(*elem, 2), JSON_BORROW, &n, NULL);

	if (r < 0 || (elem->ptr[0] == 'k' && n->type != JSON_OBJECT))
		return err_set(p->err, ERR_INVALID, "the path element '%.*s' is broken",
			       STR_ARG(str_sub(*elem, 0, 100)));
	buf_add(&b, elem->ptr, 2);
	if (n->type == JSON_OBJECT)
		api_field_key_write(&b, n);
	else
		json_write(&b, n);
	if (!str_eq(buf_str(&b), *elem))
		*elem = str_dup(p->a, buf_str(&b));
	buf_fini(&b);
	return 0;
}

static int check_index(struct parse *p, struct str elem)
{
	int64_t i;

	if (str_to_i64(str_skip(elem, 2), INT32_MIN, INT32_MAX, &i, NULL) == 0)
		return 0;
	return err_set(p->err, ERR_INVALID, "the path element '%.*s' is no index",
		       STR_ARG(str_sub(elem, 0, 100)));
}

/* 1: an element of a kind that is not known, to be left out. */
static int parse_elem(struct parse *p, struct str key, struct str *ret)
{
	int r = 0;

	if (key.len < 2 || key.ptr[1] != ':')
		return err_set(p->err, ERR_INVALID,
			       "the path element '%.*s' does not begin with f:, k:, v: or i:",
			       STR_ARG(str_sub(key, 0, 100)));
	*ret = key;
	if (key.ptr[0] == 'k' || key.ptr[0] == 'v')
		r = canonical(p, ret);
	else if (key.ptr[0] == 'i')
		r = check_index(p, key);
	else if (key.ptr[0] != 'f')
		r = 1;
	return r;
}

/* Sorts; of equal elements one stays, with what is below any of them. */
static void normalise(struct arena *a, struct api_field_set *s)
{
	size_t n = 0;
	bool is_sorted = true;

	for (size_t i = 1; i < s->n && is_sorted; i++)
		is_sorted = cmp_nodes(&s->nodes[i - 1], &s->nodes[i]) < 0;
	if (is_sorted)
		return;
	qsort(s->nodes, s->n, sizeof(*s->nodes), cmp_nodes);
	for (size_t i = 0; i < s->n; i++) {
		struct api_field_node *last = n ? &s->nodes[n - 1] : NULL;

		if (last && str_eq(last->elem, s->nodes[i].elem)) {
			last->is_member |= s->nodes[i].is_member;
			last->below = api_field_set_union(a, &last->below, &s->nodes[i].below);
		} else {
			s->nodes[n++] = s->nodes[i];
		}
	}
	s->n = n;
}

/* What is below a node; *ret_is_member: the node itself is meant ("." or nothing below). */
static int parse_below(struct parse *p, const struct json *obj, size_t depth,
		       struct api_field_set *ret, bool *ret_is_member)
{
	struct api_field_set out;

	*ret_is_member = false;
	if (obj->type == JSON_NULL) { /* is read as {} */
		*ret = (struct api_field_set){0};
		*ret_is_member = true;
		return 0;
	}
	if (obj->type != JSON_OBJECT)
		return err_set(p->err, ERR_INVALID, "fields are written as objects");
	if (depth > API_FIELD_SET_DEPTH_MAX || (p->n_nodes += obj->count) > API_FIELD_SET_NODES_MAX)
		return err_set(p->err, ERR_INVALID,
			       "more than %d fields, or %d of them one in the other",
			       API_FIELD_SET_NODES_MAX, API_FIELD_SET_DEPTH_MAX);
	out = make(p->a, obj->count);
	json_foreach(m, obj) {
		struct api_field_node node = {0};
		int r;

		if (str_eq_c(m->key, ".")) {
			*ret_is_member = true;
			continue;
		}
		r = parse_elem(p, m->key, &node.elem);
		if (r == 0)
			r = parse_below(p, m, depth + 1, &node.below, &node.is_member);
		if (r < 0)
			return r;
		if (r == 0)
			keep(&out, node);
	}
	normalise(p->a, &out);
	*ret_is_member |= out.n == 0;
	*ret = out;
	return 0;
}

int api_field_set_parse(struct arena *a, const struct json *fields, struct api_field_set *ret,
			struct err *err)
{
	struct parse p = {.a = a, .err = err};
	bool is_member;

	return parse_below(&p, fields, 0, ret, &is_member);
}

struct json *api_field_set_tree(struct arena *a, const struct api_field_set *s)
{
	struct json *obj = json_new(a, JSON_OBJECT);

	for (size_t i = 0; i < s->n; i++) {
		struct json *n = api_field_set_tree(a, &s->nodes[i].below);

		if (s->nodes[i].is_member && n->count)
			json_prepend(n, ".", json_new(a, JSON_OBJECT));
		n->key = s->nodes[i].elem;
		json_append(obj, n);
	}
	return obj;
}

/* Paths */

static void write_key(struct buf *b, struct str elem)
{
	struct arena a;
	struct json *n;
	const char *sep = "[";

	arena_init(&a, 0);
	if (json_parse(&a, str_skip(elem, 2), JSON_BORROW, &n, NULL) == 0) {
		json_foreach(m, n) {
			buf_add_c(b, sep);
			buf_add_str(b, m->key);
			buf_add_byte(b, '=');
			json_write(b, m);
			sep = ",";
		}
		buf_add_byte(b, ']');
	}
	arena_fini(&a);
}

void api_field_path_write(struct buf *b, const struct api_field_path *p)
{
	if (!p)
		return;
	api_field_path_write(b, p->up);
	switch (p->elem.len ? p->elem.ptr[0] : '\0') {
	case 'f':
		buf_add_byte(b, '.');
		buf_add_str(b, str_skip(p->elem, 2));
		break;
	case 'k':
		write_key(b, p->elem);
		break;
	case 'v':
		buf_printf(b, "[=%.*s]", STR_ARG(str_skip(p->elem, 2)));
		break;
	default:
		buf_printf(b, "[%.*s]", STR_ARG(str_skip(p->elem, 2)));
		break;
	}
}

static const struct api_field_node *find_path(const struct api_field_set *s,
					      const struct api_field_path *p)
{
	const struct api_field_node *up;

	if (!p->up)
		return api_field_set_find(s, p->elem);
	up = find_path(s, p->up);
	return up ? api_field_set_find(&up->below, p->elem) : NULL;
}

bool api_field_set_has(const struct api_field_set *s, const struct api_field_path *p)
{
	const struct api_field_node *node = find_path(s, p);

	return node && node->is_member;
}

static void walk(const struct api_field_set *s, const struct api_field_path *up,
		 void (*each)(void *ctx, const struct api_field_path *p), void *ctx)
{
	for (size_t i = 0; i < s->n; i++) {
		struct api_field_path p = {.up = up, .elem = s->nodes[i].elem};

		if (s->nodes[i].is_member)
			each(ctx, &p);
	}
	for (size_t i = 0; i < s->n; i++) {
		struct api_field_path p = {.up = up, .elem = s->nodes[i].elem};

		walk(&s->nodes[i].below, &p, each, ctx);
	}
}

void api_field_set_walk(const struct api_field_set *s,
			void (*each)(void *ctx, const struct api_field_path *p), void *ctx)
{
	walk(s, NULL, each, ctx);
}
