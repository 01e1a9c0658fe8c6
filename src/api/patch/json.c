/* SPDX-License-Identifier: Apache-2.0 */
#include "api/patch/patch.h"

/*
 * JSON patch (RFC 6902) with JSON pointers (RFC 6901). "copy" and "move" can make a small patch
 * build a huge or a deep tree, and 10,000 operations can walk a long list 10,000 times: depth and
 * work are counted.
 */

enum {
	PATCH_STEPS_MAX = 50 * 1000 * 1000, /* nodes that one patch may pass */
};

struct patch {
	struct arena *a;
	struct json *root;
	size_t steps, made;
	struct err *err;
};

/* Where a pointer leads: the parent, and what names the child in it. */
struct patch_spot {
	struct json *parent; /* NULL: the root is meant */
	struct str token;
	struct json *child; /* NULL: there is none */
	size_t depth;       /* of the child; the root has 0 */
};

static int patch_step(struct patch *p, size_t n)
{
	p->steps += n;
	if (p->steps > PATCH_STEPS_MAX)
		return err_set(p->err, ERR_TOO_LARGE, "the patch takes too many steps");
	return 0;
}

/* Nodes of the tree into *count; false when it is deeper than `left` levels. */
static bool patch_measure(const struct json *n, size_t left, size_t *count)
{
	(*count)++;
	if (n->type != JSON_ARRAY && n->type != JSON_OBJECT)
		return true;
	if (left == 0)
		return false;
	for (const struct json *c = n->first; c; c = c->next)
		if (!patch_measure(c, left - 1, count))
			return false;
	return true;
}

/* Whether a value may come to stand at that depth; counts the work. */
static int patch_admit(struct patch *p, const struct json *value, size_t depth, bool is_made)
{
	size_t count = 0;
	bool is_flat =
		depth <= JSON_DEPTH_MAX && patch_measure(value, JSON_DEPTH_MAX - depth, &count);

	if (!is_flat)
		return err_set(p->err, ERR_TOO_LARGE, "the result is nested too deeply (limit %d)",
			       JSON_DEPTH_MAX);
	if (is_made)
		p->made += count;
	if (p->made > API_PATCH_NODES_MAX)
		return err_set(p->err, ERR_TOO_LARGE, "the patch makes more than %d values",
			       API_PATCH_NODES_MAX);
	return patch_step(p, count);
}

/* "~1" is '/', "~0" is '~'; any other '~' stands for itself. */
static void patch_unescape(struct patch *p, struct str *token)
{
	char *out;
	size_t n = 0;

	if (str_find(*token, '~') < 0)
		return;
	out = arena_alloc(p->a, token->len);
	for (size_t i = 0; i < token->len; i++) {
		char c = token->ptr[i];

		char next = i + 1 < token->len ? token->ptr[i + 1] : '\0';

		if (c == '~' && (next == '0' || next == '1')) {
			c = next == '0' ? '~' : '/';
			i++;
		}
		out[n++] = c;
	}
	*token = str_n(out, n);
}

/* An index below n, as Kubernetes reads it: with a sign or leading zeros too, and a negative one
 * counts from the end. RFC 6901 has neither. */
static bool patch_index(struct str token, size_t n, size_t *ret)
{
	struct str digits = str_has_prefix(token, STR("+")) ? str_skip(token, 1) : token;
	int64_t index;

	while (digits.len > 1 && digits.ptr[0] == '0')
		digits = str_skip(digits, 1);
	if (str_to_i64(digits, -(int64_t)n, (int64_t)n - 1, &index, NULL) < 0)
		return false;
	*ret = (size_t)(index < 0 ? index + (int64_t)n : index);
	return true;
}

static int patch_child(struct patch *p, struct json *parent, struct str token, struct json **ret)
{
	size_t index;

	if (parent->type == JSON_OBJECT)
		*ret = json_get_str(parent, token);
	else if (parent->type == JSON_ARRAY && patch_index(token, parent->count, &index))
		*ret = json_at(parent, index);
	else
		*ret = NULL;
	return patch_step(p, parent->count);
}

/* Every part of the pointer but the last must be there. */
static int patch_find(struct patch *p, struct str pointer, struct patch_spot *ret)
{
	struct patch_spot spot = {.child = p->root};
	struct str rest = pointer, token;
	int r;

	if (pointer.len > 0 && pointer.ptr[0] != '/')
		return err_set(p->err, ERR_INVALID, "JSON pointer \"%.*s\" must begin with '/'",
			       STR_ARG(pointer));
	rest = pointer.len ? str_skip(pointer, 1) : (struct str){0};
	while (str_next(&rest, '/', &token)) {
		if (!spot.child ||
		    (spot.child->type != JSON_OBJECT && spot.child->type != JSON_ARRAY))
			return err_set(p->err, ERR_INVALID, "path \"%.*s\" is not there",
				       STR_ARG(pointer));
		patch_unescape(p, &token);
		spot.parent = spot.child;
		spot.token = token;
		spot.depth++;
		r = patch_child(p, spot.parent, token, &spot.child);
		if (r < 0)
			return r;
	}
	*ret = spot;
	return 0;
}

static int patch_find_existing(struct patch *p, struct str pointer, struct patch_spot *ret)
{
	int r = patch_find(p, pointer, ret);

	if (r == 0 && !ret->child)
		return err_set(p->err, ERR_INVALID, "path \"%.*s\" is not there", STR_ARG(pointer));
	return r;
}

/* `value` is in no tree. */
static int patch_add(struct patch *p, struct str pointer, struct json *value)
{
	struct patch_spot spot;
	size_t index;
	int r = patch_find(p, pointer, &spot);

	if (r == 0)
		r = patch_admit(p, value, spot.depth, false);
	if (r < 0)
		return r;
	value->key = (struct str){0};
	value->next = NULL;
	if (!spot.parent)
		return err_set(p->err, ERR_INVALID, "only \"replace\" can name the whole object");
	if (spot.parent->type == JSON_OBJECT) {
		json_set_str(spot.parent, spot.token, value);
	} else if (str_eq_c(spot.token, "-")) {
		json_append(spot.parent, value);
	} else if (patch_index(spot.token, spot.parent->count + 1u, &index)) {
		json_insert(spot.parent, index, value);
	} else {
		return err_set(p->err, ERR_INVALID, "path \"%.*s\" is no place in the list",
			       STR_ARG(pointer));
	}
	return 0;
}

static int patch_remove(struct patch *p, struct str pointer, struct json **ret)
{
	struct patch_spot spot;
	int r = patch_find_existing(p, pointer, &spot);

	if (r < 0)
		return r;
	if (!spot.parent)
		return err_set(p->err, ERR_INVALID, "the whole object cannot be removed");
	json_unlink(spot.parent, spot.child);
	*ret = spot.child;
	return 0;
}

static int patch_clone(struct patch *p, const struct json *value, struct json **ret)
{
	int r = patch_admit(p, value, 0, true);

	if (r == 0)
		*ret = json_clone(p->a, value);
	return r;
}

static int patch_op_add(struct patch *p, struct str path, struct str from, const struct json *value)
{
	struct json *copy = NULL;
	int r = patch_clone(p, value, &copy);

	return r < 0 ? r : patch_add(p, path, copy);
}

static int patch_op_remove(struct patch *p, struct str path, struct str from,
			   const struct json *value)
{
	struct json *gone;

	return patch_remove(p, path, &gone);
}

static int patch_op_replace(struct patch *p, struct str path, struct str from,
			    const struct json *value)
{
	struct patch_spot spot;
	struct json *copy;
	int r = patch_find(p, path, &spot);

	/* Other than RFC 6902 says, a member that is not there is added. */
	if (r == 0 && !spot.child && json_is(spot.parent, JSON_OBJECT))
		return patch_op_add(p, path, from, value);
	if (r == 0)
		r = patch_find_existing(p, path, &spot);
	if (r == 0)
		r = patch_admit(p, value, spot.depth, true);
	if (r < 0)
		return r;
	if (!spot.parent && value->type != JSON_OBJECT && value->type != JSON_ARRAY)
		return err_set(p->err, ERR_INVALID, "the whole cannot become a single value");
	copy = json_clone(p->a, value);
	copy->key = spot.child->key;
	copy->next = spot.child->next;
	if (!spot.parent)
		p->root = copy;
	else
		*spot.child = *copy;
	return 0;
}

static int patch_op_move(struct patch *p, struct str path, struct str from,
			 const struct json *value)
{
	struct json *moved = NULL;
	int r;

	if (str_eq(path, from)) {
		struct patch_spot spot;

		return patch_find_existing(p, from, &spot);
	}
	if (str_has_prefix(path, from) && (from.len == 0 || path.ptr[from.len] == '/'))
		return err_set(p->err, ERR_INVALID, "\"%.*s\" cannot be moved into itself",
			       STR_ARG(from));
	r = patch_remove(p, from, &moved);
	return r < 0 ? r : patch_add(p, path, moved);
}

static int patch_op_copy(struct patch *p, struct str path, struct str from,
			 const struct json *value)
{
	struct json null = {.type = JSON_NULL}, *copy = NULL;
	struct patch_spot spot;
	int r = patch_find(p, from, &spot);

	/* A member that is not there is copied as null. */
	if (r == 0 && !spot.parent)
		return err_set(p->err, ERR_INVALID, "the whole object cannot be copied");
	if (r == 0 && !spot.child && json_is(spot.parent, JSON_OBJECT))
		spot.child = &null;
	else if (r == 0)
		r = patch_find_existing(p, from, &spot);
	if (r == 0)
		r = patch_clone(p, spot.child, &copy);
	return r < 0 ? r : patch_add(p, path, copy);
}

static int patch_op_test(struct patch *p, struct str path, struct str from,
			 const struct json *value)
{
	struct patch_spot spot;
	size_t count = 0;
	int r = patch_find(p, path, &spot);

	if (r == 0 && !spot.child && json_is(spot.parent, JSON_OBJECT) && json_is_null(value))
		return 0;
	if (r == 0)
		r = patch_find_existing(p, path, &spot);

	if (r == 0 && patch_measure(value, JSON_DEPTH_MAX, &count))
		r = patch_step(p, count);
	if (r < 0)
		return r;
	if (!json_eq(spot.child, value))
		return err_set(p->err, ERR_INVALID, "testing value %.*s failed", STR_ARG(path));
	return 0;
}

static const struct patch_op {
	const char *name;
	bool has_from;
	int (*run)(struct patch *p, struct str path, struct str from, const struct json *value);
} patch_ops[] = {
	{"add", false, patch_op_add},         {"remove", false, patch_op_remove},
	{"replace", false, patch_op_replace}, {"move", true, patch_op_move},
	{"copy", true, patch_op_copy},        {"test", false, patch_op_test},
};

static bool is_text(const struct json *n)
{
	return json_is_null(n) || n->type == JSON_STRING;
}

static int patch_run(struct patch *p, const struct json *n)
{
	const struct json *path = json_get(n, "path"), *from = json_get(n, "from");
	const struct json *value = json_get(n, "value"), null = {.type = JSON_NULL};
	struct str name = json_get_string(n, "op");

	if (!json_is(n, JSON_OBJECT) && !json_is_null(n))
		return err_set(p->err, ERR_BAD_REQUEST, "it must be an object");
	if (!is_text(json_get(n, "op")) || !is_text(path) || !is_text(from))
		return err_set(p->err, ERR_BAD_REQUEST, "op, path and from are strings");

	for (size_t i = 0; i < ARRAY_LEN(patch_ops); i++) {
		const struct patch_op *op = &patch_ops[i];

		if (!str_eq_c(name, op->name))
			continue;
		if (!json_is(path, JSON_STRING))
			return err_set(p->err, ERR_INVALID, "\"path\" is missing");
		if (op->has_from && !json_is(from, JSON_STRING))
			return err_set(p->err, ERR_INVALID, "\"from\" is missing");
		/* One that is missing is null. */
		return op->run(p, path->string, json_string(from), value ? value : &null);
	}
	return err_set(p->err, ERR_INVALID, "unknown operation \"%.*s\"", STR_ARG(name));
}

int api_patch_json(struct arena *a, const struct json *obj, const struct json *patch,
		   struct json **ret, struct err *err)
{
	struct patch p = {.a = a, .err = err};
	size_t index = 0;

	if (json_is_null(patch)) { /* no operation */
		*ret = json_clone(a, obj);
		return 0;
	}
	if (patch->type != JSON_ARRAY)
		return err_set(err, ERR_BAD_REQUEST, "a JSON patch must be a list of operations");
	if (patch->count > API_PATCH_OPS_MAX)
		return err_set(err, ERR_TOO_LARGE,
			       "The allowed maximum operations in a JSON patch is %d, got %u",
			       API_PATCH_OPS_MAX, patch->count);
	p.root = json_clone(a, obj);
	for (const struct json *n = patch->first; n; n = n->next, index++) {
		int r = patch_run(&p, n);

		if (r < 0)
			return err_wrap(err, r, "operation %zu of the JSON patch", index);
	}
	*ret = p.root;
	return 0;
}
