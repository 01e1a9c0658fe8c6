/* SPDX-License-Identifier: Apache-2.0 */
#include "api/strict.h"

#include "api/kind.h"
#include "api/quantity.h"
#include "base/clock.h"
#include "base/map.h"
#include "json/index.h"

#include <stdlib.h>

enum {
	STRICT_SORT_ABOVE =
		24, /* objects with more members are searched for duplicates by sorting */
};

/* Where we are: from here up to the root. */
struct strict_at {
	const struct strict_at *up;
	const struct api_type
		*type; /* the struct that the field belongs to; NULL below its field */
	struct str key;
	ptrdiff_t index; /* -1: a key, else an element */
};

struct strict {
	struct arena *a;
	struct str *issues;
	size_t n_issues;
	bool tells_keys; /* an issue is told as YAML readers do */
	struct err *err;
};

static int strict_value(struct strict *s, const struct api_field *f, struct json *n,
			const struct strict_at *at);
static int strict_object(struct strict *s, const struct api_type *type, struct json *obj,
			 const struct strict_at *at);

/* "spec.ports[0].foo"; in error texts of wrong types elements are left out: "spec.ports.port". */
static void strict_add_path(struct buf *b, const struct strict_at *at, bool with_index)
{
	if (!at)
		return;
	strict_add_path(b, at->up, with_index);
	if (at->index >= 0) {
		if (with_index)
			buf_printf(b, "[%td]", at->index);
		return;
	}
	if (b->len > 0)
		buf_add_byte(b, '.');
	buf_add_str(b, at->key);
}

/* The start of a path, in whole characters. */
static struct str strict_shown(struct str path)
{
	size_t n = MIN(path.len, (size_t)API_STRICT_PATH_MAX);

	while (n < path.len && ((unsigned char)path.ptr[n] & 0xc0) == 0x80)
		n--;
	return str_sub(path, 0, n);
}

static void strict_issue(struct strict *s, const char *what, const struct strict_at *up,
			 struct str key)
{
	struct strict_at at = {.up = up, .key = key, .index = -1};
	_cleanup_(buf_fini) struct buf b = BUF_INIT;

	if (s->n_issues == API_STRICT_ISSUES_MAX)
		return;
	if (!s->issues)
		s->issues = arena_array(s->a, API_STRICT_ISSUES_MAX, sizeof(*s->issues));
	if (s->tells_keys) {
		s->issues[s->n_issues++] =
			str_printf(s->a, "key \"%.*s\" already set in map", STR_ARG(key));
		return;
	}
	strict_add_path(&b, &at, true);
	s->issues[s->n_issues++] =
		str_printf(s->a, "%s field \"%.*s\"", what, STR_ARG(strict_shown(buf_str(&b))));
}

static const char *strict_short_name(const struct api_type *type)
{
	const char *dot = strrchr(type->name, '.');

	return dot ? dot + 1 : type->name;
}

/* "number 1.5" where the digits are what is wrong, else the type of the value. */
static struct str strict_value_word(struct strict *s, const struct json *n, bool with_digits)
{
	static const char *const words[] = {
		[JSON_NULL] = "null",     [JSON_BOOL] = "bool",     [JSON_INT] = "number",
		[JSON_NUMBER] = "number", [JSON_STRING] = "string", [JSON_ARRAY] = "array",
		[JSON_OBJECT] = "object",
	};

	if (with_digits && n->type == JSON_NUMBER)
		return str_printf(s->a, "number %.*s", STR_ARG(n->text));
	if (with_digits && n->type == JSON_INT)
		return str_printf(s->a, "number %lld", (long long)n->integer);
	return str_of(words[n->type]);
}

static const char *strict_go_type(enum api_value value)
{
	static const char *const names[] = {
		[API_STRING] = "string",
		[API_INT32] = "int32",
		[API_INT64] = "int64",
		[API_DOUBLE] = "float64",
		[API_BOOL] = "bool",
		[API_INT_OR_STRING] = "int32",
		[API_QUANTITY] = "resource.Quantity",
		[API_TIME] = "string",
		[API_MICRO_TIME] = "string",
		[API_BYTES] = "[]uint8",
		[API_OBJECT] = "",
		[API_RAW] = "map[string]interface {}",
	};

	return names[value];
}

/* `with_shape`: what was wanted is the list or map itself, not a value in it. */
static int strict_refuse_value(struct strict *s, const struct api_field *f, const struct json *n,
			       const struct strict_at *at, bool with_shape)
{
	_cleanup_(buf_fini) struct buf path = BUF_INIT;
	const struct api_type *owner = NULL;
	const char *shape = "";
	bool with_digits = f->value == API_INT32 || f->value == API_INT64;
	struct str word = strict_value_word(s, n, with_digits && !with_shape);

	for (const struct strict_at *p = at; p && !owner; p = p->up)
		owner = p->type;
	if (with_shape && f->shape != API_ONE)
		shape = f->shape == API_LIST ? "[]" : "map[string]";
	strict_add_path(&path, at, false);
	return err_set(s->err, ERR_BAD_REQUEST,
		       "json: cannot unmarshal %.*s into Go struct field %s.%s of type %s%s%s",
		       STR_ARG(word), owner ? strict_short_name(owner) : "", path.ptr, shape,
		       f->value == API_OBJECT ? "v1." : "",
		       f->value == API_OBJECT ? strict_short_name(f->type)
					      : strict_go_type(f->value));
}

static int strict_time(struct strict *s, const struct api_field *f, struct json *n,
		       const struct strict_at *at)
{
	char text[CLOCK_RFC3339_MAX];
	struct str canonical;
	int64_t ns;

	if (n->type != JSON_STRING)
		return strict_refuse_value(s, f, n, at, false);
	if (clock_parse(n->string, &ns, NULL) < 0)
		return err_set(
			s->err, ERR_BAD_REQUEST,
			"parsing time \"%.*s\" as \"2006-01-02T15:04:05Z07:00\": cannot parse "
			"\"%.*s\" as \"2006\"",
			STR_ARG(n->string), STR_ARG(n->string));
	canonical = clock_format(text, ns, f->value == API_TIME ? 0 : 6);
	if (!str_eq(canonical, n->string))
		n->string = str_dup(s->a, canonical);
	return 0;
}

static int strict_quantity(struct strict *s, const struct api_field *f, struct json *n,
			   const struct strict_at *at)
{
	struct str text;

	if (n->type == JSON_STRING)
		text = str_trim(n->string);
	else if (n->type == JSON_INT)
		text = str_printf(s->a, "%lld", (long long)n->integer);
	else if (n->type == JSON_NUMBER)
		text = n->text;
	else
		return strict_refuse_value(s, f, n, at, false);
	n->type = JSON_STRING;
	return api_quantity_canonical(s->a, text, &n->string, s->err);
}

/* Base64 with padding (RFC 4648 section 4); line breaks are dropped, as Go does. */
static int strict_bytes(struct strict *s, struct json *n)
{
	struct str text = n->string;
	size_t used = 0, at = 0, pad = 0;
	char *out = NULL;

	for (; at < text.len; at++) {
		char c = text.ptr[at];
		bool is_digit = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
				(c >= '0' && c <= '9') || c == '+' || c == '/';

		if (c == '\r' || c == '\n') {
			if (!out) {
				out = arena_alloc(s->a, text.len);
				memcpy(out, text.ptr, at);
			}
			continue;
		}
		pad += c == '=';
		if ((!is_digit && c != '=') || (is_digit && pad > 0) || pad > 2)
			break;
		if (out)
			out[used] = c;
		used++;
	}
	if (at < text.len || used % 4 != 0)
		return err_set(s->err, ERR_BAD_REQUEST, "illegal base64 data at input byte %zu",
			       at);
	if (out)
		n->string = str_n(out, used);
	return 0;
}

static int strict_scalar(struct strict *s, const struct api_field *f, struct json *n,
			 const struct strict_at *at)
{
	bool is_int32 = n->type == JSON_INT && n->integer >= INT32_MIN && n->integer <= INT32_MAX;
	bool is_right = false;

	switch (f->value) {
	case API_STRING:
		is_right = n->type == JSON_STRING;
		break;
	case API_BYTES:
		if (n->type == JSON_STRING)
			return strict_bytes(s, n);
		break;
	case API_INT32:
		is_right = is_int32;
		break;
	case API_INT64:
		is_right = n->type == JSON_INT;
		break;
	case API_DOUBLE:
		is_right = n->type == JSON_INT || n->type == JSON_NUMBER;
		break;
	case API_BOOL:
		is_right = n->type == JSON_BOOL;
		break;
	case API_INT_OR_STRING:
		is_right = is_int32 || n->type == JSON_STRING;
		break;
	case API_QUANTITY:
		return strict_quantity(s, f, n, at);
	case API_TIME:
	case API_MICRO_TIME:
		return strict_time(s, f, n, at);
	case API_OBJECT:
		if (n->type == JSON_OBJECT)
			return strict_object(s, f->type, n, at);
		break;
	case API_RAW:
	default:
		is_right = true;
		break;
	}
	return is_right ? 0 : strict_refuse_value(s, f, n, at, false);
}

/* A null in a list or map stands for the zero value of its elements. */
static void strict_zero(struct json *n, const struct api_field *f)
{
	struct json zero = {.type = JSON_NULL, .key = n->key, .next = n->next};

	switch (f->value) {
	case API_STRING:
	case API_BYTES:
		zero.type = JSON_STRING;
		zero.string = STR("");
		break;
	case API_INT32:
	case API_INT64:
	case API_DOUBLE:
	case API_INT_OR_STRING:
		zero.type = JSON_INT;
		break;
	case API_BOOL:
		zero.type = JSON_BOOL;
		break;
	case API_QUANTITY:
		zero.type = JSON_STRING;
		zero.string = STR("0");
		break;
	case API_OBJECT:
		zero.type = JSON_OBJECT;
		break;
	case API_TIME:
	case API_MICRO_TIME:
	case API_RAW:
	default:
		break;
	}
	*n = zero;
}

struct strict_member {
	struct json *node;
	size_t at;
};

static int strict_cmp_member(const void *a, const void *b)
{
	const struct strict_member *x = a, *y = b;
	int r = str_cmp(x->node->key, y->node->key);

	return r != 0 ? r : x->at < y->at ? -1 : 1;
}

/* The next member behind `n` that has its key. */
static struct json *strict_next_same(const struct json *n)
{
	struct json *c = n->next;

	while (c && !str_eq(c->key, n->key))
		c = c->next;
	return c;
}

/* Marks what is repeated later by an absent key pointer and a count; keys are never absent. */
static void strict_mark_repeated(struct strict *s, struct json *obj, const struct strict_at *at)
{
	struct strict_member *v = mem_xarray(obj->count, sizeof(*v));
	size_t n = 0;

	for (struct json *c = obj->first; c; c = c->next, n++)
		v[n] = (struct strict_member){c, n};
	qsort(v, n, sizeof(*v), strict_cmp_member);
	for (size_t i = 0; i + 1 < n; i++) {
		if (!str_eq(v[i].node->key, v[i + 1].node->key))
			continue;
		strict_issue(s, "duplicate", at, v[i].node->key);
		v[i].node->key = (struct str){0};
	}
	free(v);
}

static void strict_grow(struct json *later, struct json *earlier);

/* Elements grow with those at their place; null is what was there. */
static void strict_grow_list(struct json *later, struct json *earlier)
{
	struct json *was = earlier->first;

	for (struct json *c = later->first; c && was; c = c->next, was = was->next) {
		struct json *next = c->next;

		if (c->type == JSON_NULL) {
			*c = *was;
			c->next = next;
		} else {
			strict_grow(c, was);
		}
	}
}

/* Go reads a repeated member into what it has read before: objects and lists grow together. */
static void strict_grow(struct json *later, struct json *earlier)
{
	struct json_index index;
	struct json *next;

	if (later->type == JSON_ARRAY && earlier->type == JSON_ARRAY)
		strict_grow_list(later, earlier);
	if (later->type != JSON_OBJECT || earlier->type != JSON_OBJECT)
		return;
	json_index_init(&index, later);
	for (struct json *c = earlier->first; c; c = next) {
		struct json *same = json_index_get(&index, c->key);

		next = c->next;
		if (!same) {
			json_append(later, c);
			json_index_add(&index, c);
		} else {
			strict_grow(same, c);
		}
	}
	json_index_fini(&index);
}

/* Null says nothing of it, where Go has a string, a number, a boolean or a struct that is no
 * pointer.
 */
static bool strict_is_plain(const struct api_field *f)
{
	return f->shape == API_ONE && !(f->flags & API_FIELD_POINTER) &&
	       (f->value == API_STRING || f->value == API_INT32 || f->value == API_INT64 ||
		f->value == API_BOOL || f->value == API_OBJECT);
}

/* What is followed by a member of the same key, which takes its place, must be right all the same:
 * as it was sent, before it grows. `map` is the field of all members, if there is one. */
static int strict_check_repeated(struct strict *s, const struct api_type *type,
				 const struct api_field *map, struct json *obj,
				 const struct strict_at *up)
{
	struct strict_at at = {.up = up, .type = type, .index = -1};
	int r = 0;

	for (struct json *c = obj->first; c && r == 0; c = c->next) {
		const struct api_field *f;

		if (!strict_next_same(c))
			continue;
		f = map ? map : api_field_find(type, c->key);
		if (f) /* one that is unknown is told of as that */
			strict_issue(s, "duplicate", up, c->key);
		at.key = c->key;
		if (f && c->type != JSON_NULL)
			r = strict_value(s, f, json_clone(s->a, c), &at);
	}
	return r;
}

/* Of members with one key only the last one stays. Their field is `map`, or the one of `type`. */
static int strict_drop_repeated(struct strict *s, const struct api_type *type,
				const struct api_field *map, struct json *obj,
				const struct strict_at *at)
{
	int r = 0;

	if (obj->count > STRICT_SORT_ABOVE) {
		strict_mark_repeated(s, obj, at);
		json_remove_unnamed(obj);
		return 0;
	}
	r = strict_check_repeated(s, type, map, obj, at);
	for (struct json *c = obj->first; c && r == 0; c = c->next) {
		struct json *later = strict_next_same(c), *after;
		const struct api_field *f;

		if (!later)
			continue;
		f = map ? map : api_field_find(type, c->key);
		after = later->next;
		strict_grow(later, c);
		if (!map && later->type == JSON_NULL && f && strict_is_plain(f)) {
			*later = *c;
			later->next = after;
		}
		c->key = (struct str){0};
	}
	json_remove_unnamed(obj);
	return r;
}

static int strict_list(struct strict *s, const struct api_field *f, struct json *n,
		       const struct strict_at *at)
{
	struct strict_at below = {.up = at, .index = 0};
	int r = 0;

	if (n->type != JSON_ARRAY)
		return strict_refuse_value(s, f, n, at, true);
	for (struct json *c = n->first; c && r == 0; c = c->next, below.index++) {
		if (c->type == JSON_NULL)
			strict_zero(c, f);
		r = strict_scalar(s, f, c, &below);
	}
	return r;
}

static int strict_map(struct strict *s, const struct api_field *f, struct json *n,
		      const struct strict_at *at)
{
	struct strict_at below = {.up = at, .index = -1};
	struct api_field value = *f; /* one of its values */
	int r;

	if (n->type != JSON_OBJECT)
		return strict_refuse_value(s, f, n, at, true);
	value.shape = API_ONE;
	r = strict_drop_repeated(s, NULL, &value, n, at);
	for (struct json *c = n->first; c && r == 0; c = c->next) {
		if (c->type == JSON_NULL)
			strict_zero(c, f);
		below.key = c->key;
		r = strict_scalar(s, f, c, &below);
	}
	return r;
}

static int strict_value(struct strict *s, const struct api_field *f, struct json *n,
			const struct strict_at *at)
{
	if (f->shape == API_LIST)
		return strict_list(s, f, n, at);
	if (f->shape == API_MAP)
		return strict_map(s, f, n, at);
	return strict_scalar(s, f, n, at);
}

/* A list, map or time without a value, which is written as null. */
static bool strict_is_null_when_empty(const struct api_field *f)
{
	return (f->flags & API_FIELD_ALWAYS) &&
	       (f->shape != API_ONE || f->value == API_TIME || f->value == API_MICRO_TIME);
}

/* Whether Go leaves the value out when it writes the object ("omitempty"). A null that strict_fill
 * would put back stays where it is. */
static bool strict_is_omitted(const struct api_field *f, const struct json *n)
{
	if (n->type == JSON_NULL)
		return !strict_is_null_when_empty(f);
	if (f->flags & (API_FIELD_ALWAYS | API_FIELD_POINTER))
		return false;
	switch (n->type) {
	case JSON_BOOL:
		return !n->boolean;
	case JSON_INT:
		return n->integer == 0;
	case JSON_STRING:
		return n->string.len == 0;
	case JSON_ARRAY:
	case JSON_OBJECT:
		return n->count == 0;
	case JSON_NULL:
	case JSON_NUMBER:
	default:
		return false;
	}
}

static void strict_fill(struct strict *s, const struct api_type *type, struct json *obj);

/* Adds the zero value of a field that is written always. */
static void strict_fill_field(struct strict *s, const struct api_field *f, struct json *obj)
{
	struct json *n = json_new(s->a, JSON_NULL);
	bool has_zero = f->value == API_STRING || f->value == API_INT32 || f->value == API_INT64 ||
			f->value == API_BOOL || f->value == API_OBJECT;

	/* No list, no map and no time are null. */
	if (f->shape == API_ONE && has_zero)
		strict_zero(n, f);
	else if (!strict_is_null_when_empty(f))
		return;
	if (f->value == API_OBJECT && f->shape == API_ONE)
		strict_fill(s, f->type, n);
	json_set(obj, f->name, n);
}

void api_strict_empty_lists(const struct api_kind *kind, struct json *obj)
{
	for (size_t i = 0; i < kind->type->n_fields; i++) {
		const struct api_field *f = &kind->type->fields[i];
		struct json *n;

		if (f->shape != API_LIST || !(f->flags & API_FIELD_ALWAYS))
			continue;
		n = json_get(obj, f->name);
		if (json_is(n, JSON_ARRAY) && n->count == 0)
			n->type = JSON_NULL;
	}
}

static void strict_fill(struct strict *s, const struct api_type *type, struct json *obj)
{
	for (size_t i = 0; i < type->n_fields; i++) {
		const struct api_field *f = &type->fields[i];

		if (f->flags & API_FIELD_INLINE)
			strict_fill(s, f->type, obj);
		else if ((f->flags & API_FIELD_ALWAYS) && !json_get(obj, f->name))
			strict_fill_field(s, f, obj);
	}
}

static int strict_object(struct strict *s, const struct api_type *type, struct json *obj,
			 const struct strict_at *at)
{
	struct strict_at below = {.up = at, .type = type, .index = -1};
	struct json *c, *next;
	int r = strict_drop_repeated(s, type, NULL, obj, at);

	if (r < 0)
		return r;
	c = obj->first;
	obj->first = obj->last = NULL;
	obj->count = 0;
	for (; c; c = next) {
		const struct api_field *f = api_field_find(type, c->key);

		next = c->next;
		below.key = c->key;
		if (!f) {
			strict_issue(s, "unknown", at, c->key);
			continue;
		}
		r = c->type == JSON_NULL ? 0 : strict_value(s, f, c, &below);
		if (r < 0)
			return r;
		if (!strict_is_omitted(f, c))
			json_append(obj, c);
	}
	strict_fill(s, type, obj);
	return 0;
}

static void strict_find_repeated(struct strict *s, struct json *n, const struct strict_at *at)
{
	struct strict_at below = {.up = at, .index = -1};
	struct map seen = {0};
	bool is_list = n->type == JSON_ARRAY, is_repeated = false;

	if (!is_list && n->type != JSON_OBJECT)
		return;
	below.index = is_list ? 0 : -1;
	for (struct json *c = n->first; c; c = c->next) {
		struct json *before = is_list ? NULL : map_put(&seen, c->key, c);

		below.key = c->key;
		if (before) {
			strict_issue(s, "duplicate", at, c->key);
			before->key = (struct str){0};
			is_repeated = true;
		}
		strict_find_repeated(s, c, &below);
		below.index += is_list;
	}
	map_fini(&seen);
	if (is_repeated)
		json_remove_unnamed(n);
}

void api_strict_repeated(struct arena *a, struct json *tree, struct api_strs *ret_issues)
{
	struct strict s = {.a = a};

	strict_find_repeated(&s, tree, NULL);
	*ret_issues = (struct api_strs){s.issues, s.n_issues};
}

void api_strict_repeated_keys(struct arena *a, struct json *tree, struct api_strs *ret_issues)
{
	struct strict s = {.a = a, .tells_keys = true};

	strict_find_repeated(&s, tree, NULL);
	*ret_issues = (struct api_strs){s.issues, s.n_issues};
}

static void strict_find_unknown(struct strict *s, const struct json *patch)
{
	static const char *const members[] = {"op", "path", "from", "value"};
	struct strict_at at = {.index = -1};

	for (const struct json *op = patch->first; op; op = op->next) {
		at.index++;
		for (const struct json *c = op->type == JSON_OBJECT ? op->first : NULL; c;
		     c = c->next) {
			size_t i = 0;

			while (i < ARRAY_LEN(members) && !str_eq_c(c->key, members[i]))
				i++;
			if (i == ARRAY_LEN(members))
				strict_issue(s, "unknown", &at, c->key);
		}
	}
}

void api_strict_json_patch(struct arena *a, struct json *patch, struct api_strs *ret_issues)
{
	struct strict s = {.a = a};

	strict_find_repeated(&s, patch, NULL);
	if (patch->type == JSON_ARRAY)
		strict_find_unknown(&s, patch);
	for (size_t i = 0; i < s.n_issues; i++)
		s.issues[i] = str_printf(a, "json patch %.*s", STR_ARG(s.issues[i]));
	*ret_issues = (struct api_strs){s.issues, s.n_issues};
}

int api_strict_type(struct arena *a, const struct api_type *type, struct json *obj,
		    struct api_strs *ret_issues, struct err *err)
{
	struct strict s = {.a = a, .err = err};
	struct str word;
	int r;

	if (obj->type != JSON_OBJECT) {
		word = strict_value_word(&s, obj, false);
		return err_set(err, ERR_BAD_REQUEST,
			       "json: cannot unmarshal %.*s into Go value of type v1.%s",
			       STR_ARG(word), strict_short_name(type));
	}
	r = strict_object(&s, type, obj, NULL);
	if (r == 0)
		*ret_issues = (struct api_strs){s.issues, s.n_issues};
	return r;
}

int api_strict(struct arena *a, const struct api_kind *kind, struct json *obj,
	       struct api_strs *ret_issues, struct err *err)
{
	int r = api_strict_type(a, kind->type, obj, ret_issues, err);

	if (r < 0)
		return err_wrap(err, r, "%s in version \"%s\" cannot be handled as a %s",
				kind->kind, kind->version, kind->kind);
	return 0;
}

int api_strict_refuse(const struct api_kind *kind, const struct api_strs *issues, struct err *err)
{
	_cleanup_(buf_fini) struct buf b = BUF_INIT;

	if (issues->n == 0)
		return 0;
	for (size_t i = 0; i < issues->n; i++) {
		buf_add_c(&b, i > 0 ? ", " : "");
		buf_add_str(&b, issues->ptr[i]);
	}
	return err_set(err, ERR_BAD_REQUEST,
		       "%s in version \"%s\" cannot be handled as a %s: strict decoding error: %s",
		       kind->kind, kind->version, kind->kind, b.ptr);
}
