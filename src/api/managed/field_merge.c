/* SPDX-License-Identifier: Apache-2.0 */
#include "api/managed/field_walk.h"

#include "api/kind.h"
#include "api/managed/field_walk-internal.h"
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
