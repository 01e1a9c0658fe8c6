/* SPDX-License-Identifier: Apache-2.0 */
#include "api/patch/patch-internal.h"

#include "base/map.h"

/*
 * Lists that a strategic merge patch merges: of objects by their merge key, of plain values by the
 * value. Elements are found by hash, so that the cost is linear in both lists.
 */

struct list_item {
	struct json *node;
	struct str key;
	struct list_item *twin;  /* the next one with the same key */
	ptrdiff_t order, server; /* place in the wanted order, in the list as it was; -1: none */
	size_t at;
	bool is_gone;
};

struct list_merge {
	struct patch_merge *m;
	const struct api_field *f;
	struct list_item *items;
	size_t n;
	struct map by_key; /* the first item of that key */
};

/* What identifies an element: its merge key, or itself. */
static int list_key(struct patch_merge *m, const struct api_field *f, const struct json *n,
		    struct str *ret)
{
	_cleanup_(buf_fini) struct buf b = BUF_INIT;

	if (f && f->merge_key) {
		n = json_get(n, f->merge_key);
		if (!n)
			return err_set(m->err, ERR_BAD_REQUEST,
				       "an element of \"%s\" lacks the merge key \"%s\"", f->name,
				       f->merge_key);
	}
	if (n->type == JSON_STRING) { /* the usual case: not written, but kept apart from numbers */
		*ret = str_printf(m->a, "\"%.*s", STR_ARG(n->string));
		return 0;
	}
	json_write(&b, n);
	*ret = str_dup(m->a, buf_str(&b));
	return 0;
}

static struct list_item *list_add(struct list_merge *l, struct json *node, struct str key)
{
	struct list_item *item = &l->items[l->n], *first = map_get(&l->by_key, key);

	*item = (struct list_item){.node = node, .key = key, .at = l->n++, .server = -1};
	if (!first) {
		map_put(&l->by_key, key, item);
	} else {
		item->twin = first->twin;
		first->twin = item;
	}
	return item;
}

static void list_delete(struct list_merge *l, struct str key)
{
	for (struct list_item *i = map_get(&l->by_key, key); i; i = i->twin)
		i->is_gone = true;
	(void)map_remove(&l->by_key, key);
}

/* An element that is new, and all of a list that is replaced, is taken as it is. */
static int list_merge_element(struct list_merge *l, const struct json *p, struct str key,
			      bool is_replaced)
{
	struct list_item *item = is_replaced ? NULL : map_get(&l->by_key, key);

	if (item && p->type == JSON_OBJECT && item->node->type == JSON_OBJECT &&
	    l->f->value == API_OBJECT)
		return api_patch_object(l->m, NULL, l->f->type, item->node, p);
	if (!item)
		item = list_add(l, json_new(l->m->a, JSON_NULL), key);
	api_patch_assign(item->node, json_clone(l->m->a, p));
	return 0;
}

/* {"$patch": "replace"} anywhere in the list: what was there is dropped. */
static bool list_is_replaced(const struct json *patch)
{
	for (const struct json *p = patch->first; p; p = p->next)
		if (str_eq_c(json_get_string(p, "$patch"), "replace"))
			return true;
	return false;
}

static void list_drop_all(struct list_merge *l)
{
	for (size_t i = 0; i < l->n; i++)
		l->items[i].is_gone = true;
	map_fini(&l->by_key);
	l->by_key = (struct map){0};
}

/* An element that is a directive: those that it names go, or all do. */
static int list_directive(struct list_merge *l, const struct json *p, struct str word)
{
	struct str key;
	int r;

	if (str_eq_c(word, "replace"))
		return 0;
	if (!str_eq_c(word, "delete"))
		return err_set(l->m->err, ERR_BAD_REQUEST,
			       "unknown $patch directive \"%.*s\" in an element of \"%s\": use "
			       "replace or delete",
			       STR_ARG(word), l->f->name);
	r = list_key(l->m, l->f, p, &key);
	if (r == 0)
		list_delete(l, key);
	return r;
}

/* Directives come first: what they take away, an element beside them may bring again. */
static int list_merge_patch(struct list_merge *l, const struct json *patch)
{
	bool is_replaced = l->f->merge_key && list_is_replaced(patch);
	int r = 0;

	if (is_replaced)
		list_drop_all(l);
	for (const struct json *p = patch->first; l->f->merge_key && p && r == 0; p = p->next)
		if (json_get(p, "$patch"))
			r = list_directive(l, p, json_get_string(p, "$patch"));
	for (const struct json *p = patch->first; p && r == 0; p = p->next) {
		struct str key = {0};

		if (l->f->merge_key && json_get(p, "$patch"))
			continue;
		if (!is_replaced)
			r = list_key(l->m, l->f, p, &key);
		if (r == 0)
			r = list_merge_element(l, p, key, is_replaced);
	}
	return r;
}

/* Places of keys in a list: key -> place + 1. Elements of an order may be objects or bare. */
static int list_places(struct patch_merge *m, const struct api_field *f, const struct json *list,
		       struct map *ret)
{
	uintptr_t at = 0;

	for (const struct json *n = list->first; n; n = n->next) {
		struct str key;
		int r;

		at++;
		if (f->merge_key && !json_get(n, f->merge_key) && json_get(n, "$patch"))
			continue;
		r = list_key(m, f, n, &key);
		if (r < 0)
			return r;
		if (!map_get(ret, key))
			map_put(ret, key, (void *)at);
	}
	return 0;
}

static int list_cmp_order(const void *a, const void *b)
{
	const struct list_item *x = *(struct list_item *const *)a,
			       *y = *(struct list_item *const *)b;

	if (x->order != y->order)
		return x->order < y->order ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

static bool list_is_before(const struct list_item *server, const struct list_item *wanted)
{
	return server->server >= 0 && wanted->server >= 0 && server->server < wanted->server;
}

/*
 * The elements that the wanted order names stand in that order; the others stay where they were
 * among each other, and before a named one when they stood before it in the list as it was.
 */
static void list_rebuild(struct list_merge *l, const struct map *places, struct json *to)
{
	struct list_item **named = arena_array(l->m->a, l->n + 1, sizeof(*named));
	struct list_item **other = arena_array(l->m->a, l->n + 1, sizeof(*other));
	size_t n_named = 0, n_other = 0, i = 0, j = 0;

	for (size_t k = 0; k < l->n; k++) {
		struct list_item *item = &l->items[k];

		if (item->is_gone)
			continue;
		item->order = (ptrdiff_t)(uintptr_t)map_get(places, item->key) - 1;
		if (item->order >= 0)
			named[n_named++] = item;
		else
			other[n_other++] = item;
	}
	qsort(named, n_named, sizeof(struct list_item *), list_cmp_order);
	to->first = to->last = NULL;
	to->count = 0;
	while (i < n_other || j < n_named) {
		bool take_other =
			j == n_named || (i < n_other && list_is_before(other[i], named[j]));

		json_append(to, take_other ? other[i++]->node : named[j++]->node);
	}
}

int api_patch_list(struct patch_merge *m, const struct api_field *f, struct json *to,
		   const struct json *patch, const struct json *order)
{
	struct list_merge l = {.m = m, .f = f};
	size_t n = to->count + (patch ? patch->count : 0);
	struct map places = {0};
	int r = 0;

	if (patch && patch->type != JSON_ARRAY)
		return err_set(m->err, ERR_BAD_REQUEST, "\"%s\" must be a list", f->name);
	l.items = arena_array(m->a, n + 1, sizeof(*l.items));
	for (struct json *c = to->first; c && r == 0; c = c->next) {
		struct str key;

		r = list_key(m, f, c, &key);
		if (r == 0) {
			struct list_item *item = list_add(&l, c, key);
			struct list_item *first = map_get(&l.by_key, key);

			item->server = (ptrdiff_t)first->at;
		}
	}
	if (r == 0 && patch)
		r = list_merge_patch(&l, patch);
	if (r == 0)
		r = list_places(m, f, order ? order : patch ? patch : to, &places);
	if (r == 0)
		list_rebuild(&l, &places, to);
	map_fini(&places);
	map_fini(&l.by_key);
	return r;
}

int api_patch_list_check(struct patch_merge *m, const struct api_field *f, const struct json *patch,
			 const struct json *order)
{
	const struct json *at = order->first;
	struct str key, wanted;
	int r = 0;

	if (patch->type != JSON_ARRAY)
		return err_set(m->err, ERR_BAD_REQUEST, "\"%s\" must be a list", f->name);
	for (const struct json *p = patch->first; p && r == 0 && order->first; p = p->next) {
		if (json_get(p, "$patch"))
			continue;
		r = list_key(m, f, p, &key);
		for (wanted = (struct str){0}; at && r == 0 && !str_eq(wanted, key); at = at->next)
			r = list_key(m, f, at, &wanted);
		if (r == 0 && !str_eq(wanted, key))
			r = err_set(m->err, ERR_BAD_REQUEST,
				    "\"%s\": the elements stand in another order than in "
				    "$setElementOrder",
				    f->name);
	}
	return r;
}

int api_patch_list_delete(struct patch_merge *m, struct json *list, const struct json *gone)
{
	struct map keys = {0};
	struct json *c = list->first, *next;
	struct str key;
	int r = 0;

	for (struct json *g = gone->first; g && r == 0; g = g->next) {
		if (c && c->type != g->type)
			r = err_set(m->err, ERR_BAD_REQUEST,
				    "%.*s: its values are of another type than those of the list",
				    STR_ARG(gone->key));
		else
			r = list_key(m, NULL, g, &key);
		if (r == 0)
			map_put(&keys, key, g);
	}
	list->first = list->last = NULL;
	list->count = 0;
	for (; c && r == 0; c = next) {
		next = c->next;
		r = list_key(m, NULL, c, &key);
		if (r == 0 && !map_get(&keys, key))
			json_append(list, c);
	}
	map_fini(&keys);
	return r;
}
