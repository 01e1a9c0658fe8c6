/* SPDX-License-Identifier: Apache-2.0 */
#include "api/patch/patch.h"

#include "api/kind.h"
#include "api/patch/patch-internal.h"
#include "json/index.h"

/*
 * Merge patches. A JSON merge patch knows objects and replaces everything else; a strategic one
 * also knows, from the schema, which lists are merged (api/patch/list.c), and directives: members
 * whose key begins with '$'. Both walk the same way, in place on a copy of the object.
 *
 * A strategic patch has directives only where it is merged with something. A value for which there
 * was nothing, or something of another type, is taken as it is (patch_take): lists as they stand,
 * other directives as the unknown members that they are.
 */

#define PATCH_DIRECTIVE     "$patch"
#define PATCH_RETAIN        "$retainKeys"
#define PATCH_ORDER         "$setElementOrder"
#define PATCH_DELETE_VALUES "$deleteFromPrimitiveList"

enum {
	PATCH_DIRECTIVES_MAX = 64, /* of one object */
};

void api_patch_assign(struct json *to, const struct json *from)
{
	struct str key = to->key;
	struct json *next = to->next;

	*to = *from;
	to->key = key;
	to->next = next;
}

static void patch_empty(struct json *n, enum json_type type)
{
	struct json empty = {.type = type};

	api_patch_assign(n, &empty);
}

static void patch_mark_gone(struct json *member)
{
	*member = (struct json){.type = JSON_NULL, .next = member->next};
}

/* Others that begin with '$' only look like one: they are members, and unknown as such. */
static bool patch_is_directive(const struct patch_merge *m, const struct json *member)
{
	return m->is_strategic &&
	       (str_eq_c(member->key, PATCH_DIRECTIVE) || str_eq_c(member->key, PATCH_RETAIN) ||
		str_has_prefix(member->key, STR(PATCH_ORDER)) ||
		str_has_prefix(member->key, STR(PATCH_DELETE_VALUES)));
}

/* Nothing comes of an object with "$patch" where there was none. */
static bool patch_is_void(const struct patch_merge *m, const struct json *n)
{
	return m->is_strategic && !json_is_null(json_get(n, PATCH_DIRECTIVE));
}

/* Takes out members that are null, also of objects in a list (which RFC 7386 would keep), and what
 * is void. */
static void patch_prune(const struct patch_merge *m, struct json *n)
{
	struct json *c, *next;

	if (n->type != JSON_ARRAY && n->type != JSON_OBJECT)
		return;
	c = n->first;
	n->first = n->last = NULL;
	n->count = 0;
	for (; c; c = next) {
		next = c->next;
		if ((n->type == JSON_OBJECT && c->type == JSON_NULL) || patch_is_void(m, c))
			continue;
		patch_prune(m, c);
		json_append(n, c);
	}
}

static void patch_take(const struct patch_merge *m, struct json *to, const struct json *patch)
{
	api_patch_assign(to, json_clone(m->a, patch));
	patch_prune(m, to);
}

int api_patch_value(struct patch_merge *m, const struct api_field *f, struct json *to,
		    const struct json *patch)
{
	bool is_list = m->is_strategic && f && f->shape == API_LIST && (f->flags & API_FIELD_MERGE);
	const struct api_type *type = f && f->value == API_OBJECT ? f->type : NULL;

	if (to->type != patch->type || (!m->is_strategic && patch->type == JSON_ARRAY)) {
		patch_take(m, to, patch);
		return 0;
	}
	if (patch->type == JSON_OBJECT)
		return api_patch_object(m, f && f->shape == API_MAP ? f : NULL, type, to, patch);
	if (patch->type == JSON_ARRAY && is_list)
		return api_patch_list(m, f, to, patch, NULL);
	api_patch_assign(to, json_clone(m->a, patch));
	return 0;
}

/* $retainKeys: of the object only these members stay, and the patch must not have others. */
static int patch_retain(struct patch_merge *m, struct json *to, const struct json *patch,
			const struct json *keys)
{
	struct map keep = {0};
	int r = 0;

	if (keys->type != JSON_ARRAY)
		return err_set(m->err, ERR_BAD_REQUEST, PATCH_RETAIN " must be a list of strings");
	for (struct json *k = keys->first; k; k = k->next)
		map_put(&keep, json_string(k), k);
	for (const struct json *c = patch->first; c && r == 0; c = c->next)
		if (c->type != JSON_NULL && !patch_is_directive(m, c) && !map_get(&keep, c->key))
			r = err_set(m->err, ERR_BAD_REQUEST,
				    "the patch has the field \"%.*s\" that " PATCH_RETAIN " lacks",
				    STR_ARG(c->key));
	for (struct json *c = to->first; c && r == 0; c = c->next)
		if (!map_get(&keep, c->key))
			patch_mark_gone(c);
	json_remove_unnamed(to);
	map_fini(&keep);
	return r;
}

/* "$patch", which is all that counts of its object. */
static int patch_directive(struct patch_merge *m, struct json *to, const struct json *patch,
			   const struct json *what)
{
	struct str word = json_string(what);

	if (!str_eq_c(word, "delete") && !str_eq_c(word, "replace"))
		return err_set(m->err, ERR_BAD_REQUEST,
			       "unknown " PATCH_DIRECTIVE
			       " directive \"%.*s\": use replace or delete",
			       STR_ARG(word));
	if (str_eq_c(word, "delete")) {
		patch_empty(to, JSON_OBJECT);
		return 0;
	}
	api_patch_assign(to, json_clone(m->a, patch));
	json_remove(to, PATCH_DIRECTIVE);
	return 0;
}

/* The field that "$setElementOrder/ports" is about. */
static int patch_about(struct patch_merge *m, const struct json *directive, const char *word,
		       struct str *ret)
{
	struct str rest = str_skip(directive->key, strlen(word));

	if (!str_has_prefix(rest, STR("/")))
		return err_set(m->err, ERR_BAD_REQUEST,
			       "%.*s: must name a list, as in %s/finalizers",
			       STR_ARG(directive->key), word);
	if (directive->type != JSON_ARRAY)
		return err_set(m->err, ERR_BAD_REQUEST, "%.*s must be a list",
			       STR_ARG(directive->key));
	*ret = str_skip(rest, 1);
	return 0;
}

/* What comes before the members: $retainKeys, $deleteFromPrimitiveList. */
static int patch_directives(struct patch_merge *m, const struct api_type *type, struct json *to,
			    const struct json *patch)
{
	const struct json *retain = json_get(patch, PATCH_RETAIN);
	int r = retain ? patch_retain(m, to, patch, retain) : 0;

	for (const struct json *c = patch->first; c && r == 0; c = c->next) {
		const struct api_field *f;
		struct json *list;
		struct str name;

		if (!str_has_prefix(c->key, STR(PATCH_DELETE_VALUES)))
			continue;
		r = patch_about(m, c, PATCH_DELETE_VALUES, &name);
		list = r == 0 ? json_get_str(to, name) : NULL;
		if (r < 0 || (!json_is(list, JSON_ARRAY) && !json_get_str(patch, name)))
			continue;
		f = type ? api_field_find(type, name) : NULL;
		if (f && f->value == API_OBJECT && !f->merge_key)
			return err_set(m->err, ERR_BAD_REQUEST,
				       "%.*s: its elements have no merge key", STR_ARG(c->key));
		if (json_is(list, JSON_ARRAY))
			r = api_patch_list_delete(m, list, c);
	}
	return r;
}

/* The directives of an object's patch that say the order of a list. */
struct patch_orders {
	const struct json *ptr[PATCH_DIRECTIVES_MAX];
	struct str names[PATCH_DIRECTIVES_MAX];
	size_t n;
};

/* $setElementOrder: merges the field too, since its order depends on what was there. */
static int patch_order(struct patch_merge *m, const struct api_type *type, struct json *to,
		       const struct json *patch, const struct patch_orders *orders, size_t i)
{
	struct str name = orders->names[i];
	const struct json *order = orders->ptr[i];
	const struct api_field *f = type ? api_field_find(type, name) : NULL;
	const struct json *items = json_get_str(patch, name);
	struct json *list = json_get_str(to, name);
	int r = 0;

	if (!f || f->shape != API_LIST || (list && list->type != JSON_ARRAY))
		return err_set(m->err, ERR_BAD_REQUEST, "%.*s: there is no such list",
			       STR_ARG(order->key));
	if (items)
		r = api_patch_list_check(m, f, items, order);
	if (r < 0 || (!items && (!json_is(list, JSON_ARRAY) || !(f->flags & API_FIELD_MERGE))))
		return r;
	if (json_is(list, JSON_ARRAY) && (f->flags & API_FIELD_MERGE))
		return api_patch_list(m, f, list, items, order);
	if (!list) {
		list = json_new(m->a, JSON_NULL);
		json_set_str(to, name, list);
	}
	return api_patch_value(m, f, list, items);
}

static int patch_orders_find(struct patch_merge *m, const struct json *patch,
			     struct patch_orders *ret)
{
	size_t n = 0;
	int r = 0;

	ret->n = 0;
	for (const struct json *c = patch->first; c && r == 0; c = c->next) {
		if (!patch_is_directive(m, c))
			continue;
		if (++n > PATCH_DIRECTIVES_MAX)
			return err_set(m->err, ERR_BAD_REQUEST,
				       "more than %d directives in one object",
				       PATCH_DIRECTIVES_MAX);
		if (!str_has_prefix(c->key, STR(PATCH_ORDER)))
			continue;
		r = patch_about(m, c, PATCH_ORDER, &ret->names[ret->n]);
		ret->ptr[ret->n++] = c;
	}
	return r;
}

static bool patch_has_order(const struct patch_orders *orders, struct str key)
{
	for (size_t i = 0; i < orders->n; i++)
		if (str_eq(orders->names[i], key))
			return true;
	return false;
}

/* A member that is an object where the map `map` has objects, or any other. */
static int patch_member(struct patch_merge *m, const struct api_field *map,
			const struct api_type *type, struct json *to, const struct json *patch)
{
	if (!map)
		return api_patch_value(m, type ? api_field_find(type, patch->key) : NULL, to,
				       patch);
	if (type && patch->type == JSON_OBJECT && to->type == JSON_OBJECT)
		return api_patch_object(m, NULL, type, to, patch);
	return api_patch_value(m, NULL, to, patch);
}

static int patch_members(struct patch_merge *m, const struct api_field *map,
			 const struct api_type *type, struct json *to, const struct json *patch,
			 const struct patch_orders *orders)
{
	struct json_index index;
	bool is_swept = true;
	int r = 0;

	json_index_init(&index, to);
	for (const struct json *c = patch->first; c && r == 0; c = c->next) {
		struct json *old = json_index_get(&index, c->key);

		if (patch_is_directive(m, c) || patch_has_order(orders, c->key))
			continue;
		if (c->type == JSON_NULL || (patch_is_void(m, c) && !json_is(old, JSON_OBJECT))) {
			if (old)
				patch_mark_gone(old);
			is_swept &= !old;
			continue;
		}
		if (!old) {
			old = json_new(m->a, JSON_NULL);
			old->key = c->key;
			json_append(to, old);
			json_index_add(&index, old);
		}
		old->key = c->key; /* one that went by an earlier member of the patch is back */
		r = patch_member(m, map, type, old, c);
	}
	json_index_fini(&index);
	if (!is_swept)
		json_remove_unnamed(to);
	return r;
}

int api_patch_object(struct patch_merge *m, const struct api_field *map,
		     const struct api_type *type, struct json *to, const struct json *patch)
{
	const struct json *whole = m->is_strategic ? json_get(patch, PATCH_DIRECTIVE) : NULL;
	struct patch_orders orders;
	int r;

	if (whole)
		return patch_directive(m, to, patch, whole);
	r = patch_orders_find(m, patch, &orders);
	if (r == 0 && m->is_strategic)
		r = patch_directives(m, map ? NULL : type, to, patch);
	for (size_t i = 0; i < orders.n && r == 0; i++)
		r = patch_order(m, map ? NULL : type, to, patch, &orders, i);
	return r < 0 ? r : patch_members(m, map, type, to, patch, &orders);
}

static int patch_merge_any(struct arena *a, bool is_strategic, const struct api_type *type,
			   const struct json *obj, const struct json *patch, struct json **ret,
			   struct err *err)
{
	struct patch_merge m = {.a = a, .is_strategic = is_strategic, .err = err};
	struct json *to;
	int r;

	if (patch->type != JSON_OBJECT)
		return err_set(err, ERR_BAD_REQUEST, "a merge patch must be an object");
	to = json_clone(a, obj);
	if (to->type != JSON_OBJECT)
		patch_empty(to, JSON_OBJECT);
	r = api_patch_object(&m, NULL, type, to, patch);
	if (r == 0)
		*ret = to;
	return r;
}

int api_patch_merge(struct arena *a, const struct json *obj, const struct json *patch,
		    struct json **ret, struct err *err)
{
	return patch_merge_any(a, false, NULL, obj, patch, ret, err);
}

int api_patch_strategic(struct arena *a, const struct api_type *type, const struct json *obj,
			const struct json *patch, struct json **ret, struct err *err)
{
	return patch_merge_any(a, true, type, obj, patch, ret, err);
}

bool api_patch_kind_of(struct str content_type, enum api_patch_kind *ret)
{
	if (str_eq_c(content_type, "application/json-patch+json"))
		*ret = API_PATCH_JSON;
	else if (str_eq_c(content_type, "application/merge-patch+json"))
		*ret = API_PATCH_MERGE;
	else if (str_eq_c(content_type, "application/strategic-merge-patch+json"))
		*ret = API_PATCH_STRATEGIC;
	else
		return false;
	return true;
}

int api_patch(struct arena *a, enum api_patch_kind kind, const struct api_type *type,
	      const struct json *obj, const struct json *patch, struct json **ret, struct err *err)
{
	switch (kind) {
	case API_PATCH_JSON:
		return api_patch_json(a, obj, patch, ret, err);
	case API_PATCH_MERGE:
		return api_patch_merge(a, obj, patch, ret, err);
	case API_PATCH_STRATEGIC:
		return api_patch_strategic(a, type, obj, patch, ret, err);
	default:
		return err_set(err, ERR_MEDIA_TYPE, "unknown kind of patch");
	}
}
