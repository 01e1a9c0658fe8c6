/* SPDX-License-Identifier: Apache-2.0 */
#include "json/json.h"

enum {
	JSON_SORT_ABOVE = 16, /* objects with more members are searched for duplicates by sorting */
};

static bool json_has_children(const struct json *n)
{
	return n && (n->type == JSON_ARRAY || n->type == JSON_OBJECT);
}

struct json *json_get_str(const struct json *obj, struct str key)
{
	struct json *found = NULL;

	if (!json_is(obj, JSON_OBJECT))
		return NULL;
	for (struct json *c = obj->first; c; c = c->next)
		if (str_eq(c->key, key))
			found = c;
	return found;
}

struct json *json_get(const struct json *obj, const char *key)
{
	return json_get_str(obj, str_of(key));
}

struct json *json_path(const struct json *obj, const char *path)
{
	struct str rest = str_of(path), key;
	struct json *found = NULL;

	while (str_next(&rest, '.', &key)) {
		obj = found = json_get_str(obj, key);
		if (!found)
			return NULL;
	}
	return found;
}

struct json *json_at(const struct json *arr, size_t index)
{
	struct json *c;

	if (!json_is(arr, JSON_ARRAY) || index >= arr->count)
		return NULL;
	for (c = arr->first; index > 0; index--)
		c = c->next;
	return c;
}

struct str json_string(const struct json *n)
{
	return json_is(n, JSON_STRING) ? n->string : (struct str){0};
}

struct str json_get_string(const struct json *obj, const char *key)
{
	return json_string(json_get(obj, key));
}

int64_t json_get_int(const struct json *obj, const char *key, int64_t fallback)
{
	const struct json *n = json_get(obj, key);

	return json_is(n, JSON_INT) ? n->integer : fallback;
}

bool json_get_bool(const struct json *obj, const char *key, bool fallback)
{
	const struct json *n = json_get(obj, key);

	return json_is(n, JSON_BOOL) ? n->boolean : fallback;
}

bool json_is(const struct json *n, enum json_type type)
{
	return n && n->type == type;
}

bool json_is_null(const struct json *n)
{
	return !n || n->type == JSON_NULL;
}

/* A member and its place, so that members with one key keep their order when sorted. */
struct json_member {
	const struct json *n;
	size_t at;
};

static int json_cmp_member(const void *a, const void *b)
{
	const struct json_member *x = a, *y = b;
	int r = str_cmp(x->n->key, y->n->key);

	if (r != 0)
		return r;
	return x->at < y->at ? -1 : x->at > y->at;
}

/* The members, sorted by key; free() it. */
static struct json_member *json_sorted(const struct json *obj)
{
	struct json_member *v = mem_xarray(obj->count, sizeof(*v));
	size_t n = 0;

	for (const struct json *c = obj->first; c; c = c->next, n++)
		v[n] = (struct json_member){c, n};
	qsort(v, n, sizeof(*v), json_cmp_member);
	return v;
}

/* The first member of which an earlier one has the key. */
static const struct json *json_duplicate_member(const struct json *obj)
{
	const struct json *found = NULL;
	struct json_member *v;

	if (obj->count <= JSON_SORT_ABOVE) {
		for (const struct json *c = obj->first; c; c = c->next)
			for (const struct json *d = obj->first; d != c; d = d->next)
				if (str_eq(c->key, d->key))
					return c;
		return NULL;
	}
	v = json_sorted(obj);
	for (size_t i = 1; i < obj->count && !found; i++)
		if (str_eq(v[i].n->key, v[i - 1].n->key))
			found = v[i].n;
	free(v);
	return found;
}

/* Where we are: from here up to the root. Written out only when there is something to tell. */
struct json_place {
	const struct json_place *up;
	struct str key;
	ptrdiff_t index; /* -1: a key, else an element */
};

/* "spec.ports[0].name" */
static void json_add_path(struct buf *b, const struct json_place *at)
{
	if (!at)
		return;
	json_add_path(b, at->up);
	if (at->index >= 0) {
		buf_printf(b, "[%td]", at->index);
		return;
	}
	if (b->len > 0)
		buf_add_byte(b, '.');
	buf_add_str(b, at->key);
}

static bool json_duplicate_below(const struct json *n, const struct json_place *up, struct buf *b)
{
	struct json_place at = {.up = up, .index = -1};
	const struct json *member;

	if (!json_has_children(n))
		return false;
	member = n->type == JSON_OBJECT ? json_duplicate_member(n) : NULL;
	if (member) {
		at.key = member->key;
		json_add_path(b, &at);
		return true;
	}
	for (const struct json *c = n->first; c; c = c->next) {
		at.key = c->key;
		at.index += n->type == JSON_ARRAY;
		if (json_duplicate_below(c, &at, b))
			return true;
	}
	return false;
}

bool json_duplicate(struct arena *a, const struct json *n, struct str *ret)
{
	_cleanup_(buf_fini) struct buf b = BUF_INIT;

	if (!json_duplicate_below(n, NULL, &b))
		return false;
	*ret = str_dup(a, buf_str(&b));
	return true;
}

static bool json_eq_number(const struct json *a, const struct json *b)
{
	double x = a->type == JSON_INT ? (double)a->integer : a->number;
	double y = b->type == JSON_INT ? (double)b->integer : b->number;

	if (a->type == JSON_INT && b->type == JSON_INT)
		return a->integer == b->integer;
	return !(x < y) && !(x > y);
}

static bool json_has_same_order(const struct json *a, const struct json *b)
{
	const struct json *c = a->first, *d = b->first;

	while (c && str_eq(c->key, d->key)) {
		c = c->next;
		d = d->next;
	}
	return !c;
}

/* Both have the same number of children. Each child is compared once: twice would be 2^depth. */
static bool json_eq_children(const struct json *a, const struct json *b)
{
	const struct json *d = b->first;

	for (const struct json *c = a->first; c; c = c->next, d = d->next)
		if (!json_eq(c, d))
			return false;
	return true;
}

static bool json_eq_object(const struct json *a, const struct json *b)
{
	struct json_member *v, *w;
	bool is_eq = true;

	if (json_has_same_order(a, b)) /* mostly they are */
		return json_eq_children(a, b);
	v = json_sorted(a);
	w = json_sorted(b);
	for (size_t i = 0; i < a->count && is_eq; i++)
		is_eq = str_eq(v[i].n->key, w[i].n->key) && json_eq(v[i].n, w[i].n);
	free(v);
	free(w);
	return is_eq;
}

static bool json_is_number(const struct json *n)
{
	return n->type == JSON_INT || n->type == JSON_NUMBER;
}

bool json_eq(const struct json *a, const struct json *b)
{
	if (json_is_number(a) && json_is_number(b))
		return json_eq_number(a, b);
	if (a->type != b->type)
		return false;
	if (a->type == JSON_BOOL)
		return a->boolean == b->boolean;
	if (a->type == JSON_STRING)
		return str_eq(a->string, b->string);
	if (!json_has_children(a))
		return true;
	if (a->count != b->count)
		return false;
	return a->type == JSON_OBJECT ? json_eq_object(a, b) : json_eq_children(a, b);
}

struct json *json_new(struct arena *a, enum json_type type)
{
	struct json *n = arena_new(a, struct json);

	n->type = type;
	return n;
}

struct json *json_new_string(struct arena *a, struct str s)
{
	struct json *n = json_new(a, JSON_STRING);

	n->string = s;
	return n;
}

struct json *json_new_int(struct arena *a, int64_t v)
{
	struct json *n = json_new(a, JSON_INT);

	n->integer = v;
	return n;
}

struct json *json_new_bool(struct arena *a, bool v)
{
	struct json *n = json_new(a, JSON_BOOL);

	n->boolean = v;
	return n;
}

struct json *json_clone(struct arena *a, const struct json *n)
{
	struct json *copy = json_new(a, n->type);

	if (n->key.ptr)
		copy->key = str_dup(a, n->key);
	switch (n->type) {
	case JSON_BOOL:
		copy->boolean = n->boolean;
		break;
	case JSON_INT:
		copy->integer = n->integer;
		break;
	case JSON_NUMBER:
		copy->number = n->number;
		copy->text = str_is_set(n->text) ? str_dup(a, n->text) : (struct str){0};
		break;
	case JSON_STRING:
		copy->string = str_dup(a, n->string);
		break;
	case JSON_ARRAY:
	case JSON_OBJECT:
		for (const struct json *c = n->first; c; c = c->next)
			json_append(copy, json_clone(a, c));
		break;
	case JSON_NULL:
	default:
		break;
	}
	return copy;
}

/* Puts `n` behind `prev`; NULL: in front. */
static void json_link(struct json *parent, struct json *prev, struct json *n)
{
	struct json **slot = prev ? &prev->next : &parent->first;

	n->next = *slot;
	*slot = n;
	if (!n->next)
		parent->last = n;
	parent->count++;
}

struct json *json_set_string(struct arena *a, struct json *obj, const char *key, struct str s)
{
	return json_set(obj, key, json_new_string(a, s));
}

struct json *json_append(struct json *arr, struct json *n)
{
	json_link(arr, arr->last, n);
	return n;
}

struct json *json_insert(struct json *arr, size_t at, struct json *n)
{
	assert(at <= arr->count);
	json_link(arr, at == arr->count ? arr->last : at ? json_at(arr, at - 1) : NULL, n);
	return n;
}

void json_prepend(struct json *obj, const char *key, struct json *n)
{
	n->key = str_of(key);
	json_link(obj, NULL, n);
}

struct json *json_set_str(struct json *obj, struct str key, struct json *n)
{
	struct json *prev = NULL, *place = NULL;
	bool is_there = false;

	for (struct json *c = obj->first, *next; c; c = next) {
		next = c->next;
		if (!str_eq(c->key, key)) {
			prev = c;
			continue;
		}
		if (!is_there)
			place = prev;
		is_there = true;
		*(prev ? &prev->next : &obj->first) = next;
		obj->last = next ? obj->last : prev;
		obj->count--;
	}
	n->key = key;
	json_link(obj, is_there ? place : obj->last, n);
	return n;
}

struct json *json_set(struct json *obj, const char *key, struct json *n)
{
	return json_set_str(obj, str_of(key), n);
}

void json_unlink(struct json *parent, struct json *child)
{
	struct json *prev = NULL;

	for (struct json *c = parent->first; c != child; c = c->next)
		prev = c;
	*(prev ? &prev->next : &parent->first) = child->next;
	if (!child->next)
		parent->last = prev;
	child->next = NULL;
	parent->count--;
}

bool json_remove_str(struct json *obj, struct str key)
{
	struct json *prev = NULL;
	bool is_there = false;

	for (struct json *c = obj->first, *next; c; c = next) {
		next = c->next;
		if (!str_eq(c->key, key)) {
			prev = c;
			continue;
		}
		is_there = true;
		*(prev ? &prev->next : &obj->first) = next;
		obj->last = next ? obj->last : prev;
		obj->count--;
	}
	return is_there;
}

void json_remove_unnamed(struct json *obj)
{
	struct json *c = obj->first, *next;

	obj->first = obj->last = NULL;
	obj->count = 0;
	for (; c; c = next) {
		next = c->next;
		if (str_is_set(c->key))
			json_append(obj, c);
	}
}

bool json_remove(struct json *obj, const char *key)
{
	return json_remove_str(obj, str_of(key));
}

struct json *json_object_at(struct arena *a, struct json *obj, const char *key)
{
	struct json *n = json_get(obj, key);

	return json_is(n, JSON_OBJECT) ? n : json_set(obj, key, json_new(a, JSON_OBJECT));
}
