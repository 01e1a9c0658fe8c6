/* SPDX-License-Identifier: Apache-2.0 */
#include "api/patch/patch.h"

#include "api/kind.h"
#include "api/patch/patch-internal.h"
#include "json/index.h"

/*
 * Merge patches. A JSON merge patch knows objects and replaces everything else; a strategic one
 * also knows, from the schema, which lists are merged (api/patch/list.c), and directives: members
 * whose key begins with '$'. Both walk the same way, in place on a copy of the object.
 */

#define PATCH_DIRECTIVE     "$patch"
#define PATCH_RETAIN        "$retainKeys"
#define PATCH_ORDER         "$setElementOrder/"
#define PATCH_DELETE_VALUES "$deleteFromPrimitiveList/"

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

/* Members that are null of objects in a list: RFC 7386 keeps them, Kubernetes does not. */
static void patch_prune(struct json *n)
{
	struct json *next;

	if (n->type != JSON_ARRAY && n->type != JSON_OBJECT)
		return;
	for (struct json *c = n->first; c; c = next) {
		next = c->next;
		if (n->type == JSON_OBJECT && c->type == JSON_NULL)
			json_unlink(n, c);
		else
			patch_prune(c);
	}
}

int api_patch_value(struct patch_merge *m, const struct api_field *f, struct json *to,
		    const struct json *patch)
{
	bool is_list = m->is_strategic && f && f->shape == API_LIST && (f->flags & API_FIELD_MERGE);
	const struct api_type *type = f && f->value == API_OBJECT ? f->type : NULL;

	if (patch->type == JSON_OBJECT) {
		if (to->type != JSON_OBJECT)
			patch_empty(to, JSON_OBJECT);
		return api_patch_object(m, f && f->shape == API_MAP ? f : NULL, type, to, patch);
	}
	if (patch->type == JSON_ARRAY && is_list) {
		if (to->type != JSON_ARRAY)
			patch_empty(to, JSON_ARRAY);
		return api_patch_list(m, f, to, patch, NULL);
	}
	api_patch_assign(to, json_clone(m->a, patch));
	if (!m->is_strategic)
		patch_prune(to);
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

/* "$patch": *ret_done when nothing of the patch is left to do. */
static int patch_directive(struct patch_merge *m, struct json *to, const struct json *what,
			   bool *ret_done)
{
	struct str word = json_string(what);

	*ret_done = str_eq_c(word, "delete");
	if (str_eq_c(word, "merge"))
		return 0;
	if (!*ret_done && !str_eq_c(word, "replace"))
		return err_set(m->err, ERR_BAD_REQUEST,
			       "unknown " PATCH_DIRECTIVE " directive \"%.*s\": use replace, "
			       "delete or merge",
			       STR_ARG(word));
	patch_empty(to, JSON_OBJECT);
	return 0;
}

/* What comes before the members: $patch, $retainKeys, $deleteFromPrimitiveList. */
static int patch_directives(struct patch_merge *m, struct json *to, const struct json *patch,
			    bool *ret_done)
{
	const struct json *whole = json_get(patch, PATCH_DIRECTIVE);
	const struct json *retain = json_get(patch, PATCH_RETAIN);
	int r = 0;

	*ret_done = false;
	if (whole)
		r = patch_directive(m, to, whole, ret_done);
	if (r == 0 && retain && !*ret_done)
		r = patch_retain(m, to, patch, retain);
	for (const struct json *c = patch->first; c && r == 0 && !*ret_done; c = c->next) {
		struct json *list;

		if (!str_has_prefix(c->key, STR(PATCH_DELETE_VALUES)))
			continue;
		if (c->type != JSON_ARRAY)
			return err_set(m->err, ERR_BAD_REQUEST, "%.*s must be a list",
				       STR_ARG(c->key));
		list = json_get_str(to, str_skip(c->key, strlen(PATCH_DELETE_VALUES)));
		if (json_is(list, JSON_ARRAY))
			r = api_patch_list_delete(m, list, c);
	}
	return r;
}

/* $setElementOrder/<field>: merges the field too, since its order depends on what was there. */
static int patch_order(struct patch_merge *m, const struct api_type *type, struct json *to,
		       const struct json *patch, const struct json *order)
{
	struct str name = str_skip(order->key, strlen(PATCH_ORDER));
	const struct api_field *f = type ? api_field_find(type, name) : NULL;
	const struct json *items = json_get_str(patch, name);
	struct json *list = json_get_str(to, name);

	if (order->type != JSON_ARRAY || !f || !(f->flags & API_FIELD_MERGE))
		return err_set(m->err, ERR_BAD_REQUEST,
			       "%.*s: must be a list, of a field that is a merged list",
			       STR_ARG(order->key));
	if (json_is(items, JSON_NULL) || (!list && !items))
		return 0;
	if (!json_is(list, JSON_ARRAY)) {
		list = json_new(m->a, JSON_ARRAY);
		json_set_str(to, name, list);
	}
	return api_patch_list(m, f, list, items, order);
}

/* The directives of an object's patch that say the order of a list. */
struct patch_orders {
	const struct json *ptr[PATCH_DIRECTIVES_MAX];
	size_t n;
};

static int patch_orders_find(struct patch_merge *m, const struct json *patch,
			     struct patch_orders *ret)
{
	size_t n = 0;

	ret->n = 0;
	for (const struct json *c = patch->first; c; c = c->next) {
		if (!patch_is_directive(m, c))
			continue;
		if (++n > PATCH_DIRECTIVES_MAX)
			return err_set(m->err, ERR_BAD_REQUEST,
				       "more than %d directives in one object",
				       PATCH_DIRECTIVES_MAX);
		if (str_has_prefix(c->key, STR(PATCH_ORDER)))
			ret->ptr[ret->n++] = c;
	}
	return 0;
}

static bool patch_has_order(const struct patch_orders *orders, struct str key)
{
	for (size_t i = 0; i < orders->n; i++)
		if (str_eq(str_skip(orders->ptr[i]->key, strlen(PATCH_ORDER)), key))
			return true;
	return false;
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
		const struct api_field *f = map ? NULL : type ? api_field_find(type, c->key) : NULL;

		if (patch_is_directive(m, c))
			continue;
		if (f && f->shape == API_LIST && patch_has_order(orders, c->key))
			continue;
		if (c->type == JSON_NULL) {
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
		if (map && type && c->type == JSON_OBJECT && old->type != JSON_OBJECT)
			patch_empty(old, JSON_OBJECT);
		r = map && type && c->type == JSON_OBJECT ? api_patch_object(m, NULL, type, old, c)
							  : api_patch_value(m, f, old, c);
	}
	json_index_fini(&index);
	if (!is_swept)
		json_remove_unnamed(to);
	return r;
}

int api_patch_object(struct patch_merge *m, const struct api_field *map,
		     const struct api_type *type, struct json *to, const struct json *patch)
{
	struct patch_orders orders;
	bool is_done = false;
	int r = patch_orders_find(m, patch, &orders);

	if (r == 0 && m->is_strategic)
		r = patch_directives(m, to, patch, &is_done);
	for (size_t i = 0; i < orders.n && r == 0 && !is_done; i++)
		r = patch_order(m, map ? NULL : type, to, patch, orders.ptr[i]);
	if (r < 0 || is_done)
		return r;
	return patch_members(m, map, type, to, patch, &orders);
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
