/* SPDX-License-Identifier: Apache-2.0 */
#include "api/decode/view.h"

#include "api/path.h"
#include "base/clock.h"

#include <stdlib.h>

struct view_run {
	struct arena *a;
	struct err *err;
};

const char *const api_view_protocols[] = {"TCP", "UDP", "SCTP", NULL};

static int fail(struct view_run *run, const struct api_path *path, const char *fmt, ...)
	_printf_(3, 4);

static int fail(struct view_run *run, const struct api_path *path, const char *fmt, ...)
{
	struct buf b = BUF_INIT;
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = err_vset(run->err, ERR_INVALID, fmt, ap);
	va_end(ap);
	api_path_write(&b, path);
	r = err_wrap(run->err, r, "%s", b.len ? b.ptr : "object");
	buf_fini(&b);
	return r;
}

static int want(struct view_run *run, const struct api_path *path, const struct json *n,
		enum json_type type)
{
	static const char *const names[] = {
		[JSON_NULL] = "null",          [JSON_BOOL] = "true or false",
		[JSON_INT] = "a whole number", [JSON_NUMBER] = "a number",
		[JSON_STRING] = "a string",    [JSON_ARRAY] = "a list",
		[JSON_OBJECT] = "an object",
	};

	if (n->type == type)
		return 0;
	return fail(run, path, "must be %s, got %s", names[type], names[n->type]);
}

/* A key with its place, so that of equal keys the last one wins, as json_get has it. */
struct placed_pair {
	struct api_pair pair;
	size_t place;
};

static int placed_pair_cmp(const void *a, const void *b)
{
	const struct placed_pair *x = a, *y = b;
	int c = str_cmp(x->pair.key, y->pair.key);

	if (c)
		return c;
	return x->place < y->place ? -1 : 1;
}

static int read_pairs(struct view_run *run, const struct api_path *path, const struct json *n,
		      struct api_pairs *out)
{
	struct placed_pair *placed;
	struct api_pair *pairs;
	size_t len = 0, i = 0;
	int r = want(run, path, n, JSON_OBJECT);

	if (r < 0)
		return r;
	placed = arena_array(run->a, n->count, sizeof(*placed));
	json_foreach(it, n) {
		struct api_path at = {.up = path, .key = it->key};

		r = it->type == JSON_NULL ? 0 : want(run, &at, it, JSON_STRING);
		if (r < 0)
			return r;
		placed[i] = (struct placed_pair){{it->key, json_string(it)}, i};
		i++;
	}
	if (i > 1)
		qsort(placed, i, sizeof(*placed), placed_pair_cmp);
	pairs = arena_array(run->a, i, sizeof(*pairs));
	for (size_t k = 0; k < i; k++) {
		if (len && str_eq(pairs[len - 1].key, placed[k].pair.key))
			len--;
		pairs[len++] = placed[k].pair;
	}
	*out = (struct api_pairs){pairs, len};
	return 0;
}

static int read_strings(struct view_run *run, const struct api_path *path,
			const struct view_field *f, const struct json *n, struct api_strs *out)
{
	struct str *strs;
	size_t i = 0;
	int r = want(run, path, n, JSON_ARRAY);

	if (r < 0)
		return r;
	strs = arena_array(run->a, n->count, sizeof(*strs));
	json_foreach(it, n) {
		const struct api_path item = api_path_at(path, i);
		const struct api_path member = api_path_child(&item, f->member);
		const struct json *s = it;

		if (f->member) {
			r = want(run, &item, it, JSON_OBJECT);
			if (r < 0)
				return r;
			s = json_get(it, f->member);
		}
		r = json_is_null(s) ? 0 : want(run, f->member ? &member : &item, s, JSON_STRING);
		if (r < 0)
			return r;
		strs[i++] = json_string(s);
	}
	*out = (struct api_strs){strs, i};
	return 0;
}

static int read_int(struct view_run *run, const struct api_path *path, const struct json *n,
		    int64_t min, int64_t max, int64_t *ret)
{
	int r = want(run, path, n, JSON_INT);

	if (r < 0)
		return r;
	if (n->integer < min || n->integer > max)
		return fail(run, path, "must be between %lld and %lld, got %lld", (long long)min,
			    (long long)max, (long long)n->integer);
	*ret = n->integer;
	return 0;
}

static int read_time(struct view_run *run, const struct api_path *path, const struct json *n,
		     int64_t *ret)
{
	struct err why = {0};
	int r = want(run, path, n, JSON_STRING);

	if (r < 0)
		return r;
	if (clock_parse(n->string, ret, &why) < 0)
		return fail(run, path, "%.200s", why.msg);
	return 0;
}

static int read_int_or_str(struct view_run *run, const struct api_path *path, const struct json *n,
			   struct api_int_or_str *out)
{
	int64_t v = 0;
	int r;

	if (n->type == JSON_STRING) {
		*out = (struct api_int_or_str){.is_str = true, .name = n->string};
		return 0;
	}
	r = read_int(run, path, n, INT32_MIN, INT32_MAX, &v);
	if (r == 0)
		*out = (struct api_int_or_str){.number = (int32_t)v};
	return r;
}

/* "" is the enum's first value, as an absent field is. */
static int read_enum(struct view_run *run, const struct api_path *path, const struct view_field *f,
		     const struct json *n, void *out)
{
	int r = want(run, path, n, JSON_STRING);
	unsigned value = f->base;

	if (r < 0)
		return r;
	if (n->string.len == 0)
		return 0;
	for (const char *const *name = f->names; *name; name++, value++) {
		if (str_eq_c(n->string, *name)) {
			*(unsigned *)out = value;
			return 0;
		}
	}
	return fail(run, path, "unknown value \"%.*s\"", STR_ARG(str_sub(n->string, 0, 100)));
}

static int read_type(struct view_run *run, const struct api_path *path,
		     const struct view_type *type, const struct json *obj, void *out);

static int read_list(struct view_run *run, const struct api_path *path, const struct view_field *f,
		     const struct json *n, char *out)
{
	char *items;
	size_t i = 0;
	int r = want(run, path, n, JSON_ARRAY);

	if (r < 0)
		return r;
	items = arena_array(run->a, n->count, f->type->size);
	json_foreach(it, n) {
		struct api_path at = api_path_at(path, i);

		r = read_type(run, &at, f->type, it, items + i * f->type->size);
		if (r < 0)
			return r;
		i++;
	}
	*(void **)(void *)(out + f->at) = items;
	*(size_t *)(void *)(out + f->also) = i;
	return 0;
}

static int read_scalar(struct view_run *run, const struct api_path *path,
		       const struct view_field *f, const struct json *n, void *to)
{
	int64_t v = 0;
	int r = 0;

	switch (f->kind) {
	case VIEW_STRING:
		r = want(run, path, n, JSON_STRING);
		if (r == 0)
			*(struct str *)to = n->string;
		return r;
	case VIEW_BOOL:
		r = want(run, path, n, JSON_BOOL);
		if (r == 0)
			*(bool *)to = n->boolean;
		return r;
	case VIEW_INT32:
		r = read_int(run, path, n, INT32_MIN, INT32_MAX, &v);
		*(int32_t *)to = (int32_t)v;
		return r;
	case VIEW_INT64:
		return read_int(run, path, n, INT64_MIN, INT64_MAX, to);
	case VIEW_PORT:
		r = read_int(run, path, n, INT64_MIN, INT64_MAX, &v);
		*(uint16_t *)to = v > 0 && v <= UINT16_MAX ? (uint16_t)v : 0;
		return r;
	case VIEW_TIME:
		return read_time(run, path, n, to);
	case VIEW_PAIRS:
		return read_pairs(run, path, n, to);
	case VIEW_STRINGS:
		return read_strings(run, path, f, n, to);
	case VIEW_INT_OR_STR:
		return read_int_or_str(run, path, n, to);
	case VIEW_ENUM:
		return read_enum(run, path, f, n, to);
	case VIEW_INLINE:
	case VIEW_OBJECT:
	case VIEW_POINTER:
	case VIEW_LIST:
		break;
	}
	return r;
}

static int read_pointer(struct view_run *run, const struct api_path *path,
			const struct view_type *type, const struct json *obj, void *at)
{
	void *p = arena_array(run->a, 1, type->size);

	memcpy(at, &p, sizeof(p));
	return read_type(run, path, type, obj, p);
}

static int read_type(struct view_run *run, const struct api_path *path,
		     const struct view_type *type, const struct json *obj, void *out)
{
	int r = want(run, path, obj, JSON_OBJECT);

	for (size_t i = 0; r == 0 && i < type->n_fields; i++) {
		const struct view_field *f = &type->fields[i];
		const struct json *n = json_get(obj, f->name);
		struct api_path at = api_path_child(path, f->name);
		char *to = (char *)out + f->at;

		if (json_is_null(n))
			continue;
		if (f->kind == VIEW_LIST)
			r = read_list(run, &at, f, n, out);
		else if (f->kind == VIEW_INLINE)
			r = read_type(run, &at, f->type, n, out);
		else if (f->kind == VIEW_OBJECT)
			r = read_type(run, &at, f->type, n, to);
		else if (f->kind == VIEW_POINTER)
			r = read_pointer(run, &at, f->type, n, to);
		else
			r = read_scalar(run, &at, f, n, to);
		if (f->also && f->kind != VIEW_LIST)
			*((bool *)out + f->also) = true;
	}
	if (r == 0 && type->finish)
		type->finish(run->a, obj, out);
	return r;
}

int api_view_decode(struct arena *a, const struct view_type *type, const struct json *obj,
		    void *out, struct err *err)
{
	struct view_run run = {a, err};
	struct json none = {.type = JSON_NULL};

	return read_type(&run, NULL, type, obj ? obj : &none, out);
}
