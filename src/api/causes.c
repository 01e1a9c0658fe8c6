/* SPDX-License-Identifier: Apache-2.0 */
#include "api/causes.h"

static const struct {
	const char *wire, *text;
} reasons[] = {
	[API_REQUIRED] = {"FieldValueRequired", "Required value"},
	[API_INVALID] = {"FieldValueInvalid", "Invalid value"},
	[API_NOT_SUPPORTED] = {"FieldValueNotSupported", "Unsupported value"},
	[API_FORBIDDEN] = {"FieldValueForbidden", "Forbidden"},
	[API_DUPLICATE] = {"FieldValueDuplicate", "Duplicate value"},
	[API_TOO_LONG] = {"FieldValueTooLong", "Too long"},
	[API_TOO_MANY] = {"FieldValueTooMany", "Too many"},
	[API_NOT_FOUND] = {"FieldValueNotFound", "Not found"},
	[API_TYPE_INVALID] = {"FieldValueTypeInvalid", "Invalid value"},
	[API_INTERNAL_ERROR] = {"InternalError", "Internal error"},
};

const char *api_causes_reason(enum api_reason r)
{
	return reasons[r].wire;
}

void api_causes_init(struct api_causes *c, struct arena *a)
{
	*c = (struct api_causes){.a = a};
}

static struct str copy_path(struct arena *a, const struct api_path *p)
{
	struct buf b = BUF_INIT;
	struct str text;

	api_path_write(&b, p);
	text = str_dup(a, buf_str(&b));
	buf_fini(&b);
	return text;
}

/* `value` is the text after "Invalid value: ", or absent. */
static void add(struct api_causes *c, enum api_reason reason, const struct api_path *p,
		struct str value, const char *detail)
{
	struct buf b = BUF_INIT;

	if (c->n == API_CAUSES_MAX) {
		c->n_dropped++;
		return;
	}
	if (c->n == c->cap) {
		size_t cap = c->cap ? c->cap * 2 : 8;
		struct api_cause *grown = arena_array(c->a, cap, sizeof(*grown));

		for (size_t i = 0; i < c->n; i++)
			grown[i] = c->ptr[i];
		c->ptr = grown;
		c->cap = cap;
	}
	buf_add_c(&b, reasons[reason].text);
	if (str_is_set(value)) {
		buf_add_c(&b, ": ");
		buf_add_str(&b, value);
	}
	if (detail && *detail) {
		buf_add_c(&b, ": ");
		buf_add_c(&b, detail);
	}
	c->ptr[c->n++] = (struct api_cause){reason, copy_path(c->a, p), str_dup(c->a, buf_str(&b))};
	buf_fini(&b);
}

/* As Go's %q has it for valid UTF-8: what is not printable is escaped. */
static void add_quoted(struct buf *b, struct str s)
{
	static const char letters[] = "abtnvfr"; /* 0x07 to 0x0d */

	buf_add_byte(b, '"');
	for (size_t i = 0; i < s.len; i++) {
		unsigned char ch = (unsigned char)s.ptr[i];

		if (ch == '"' || ch == '\\')
			buf_printf(b, "\\%c", ch);
		else if (ch >= 0x07 && ch <= 0x0d)
			buf_printf(b, "\\%c", letters[ch - 0x07]);
		else if (ch < 0x20 || ch == 0x7f)
			buf_printf(b, "\\x%02x", ch);
		else
			buf_add_byte(b, (char)ch);
	}
	buf_add_byte(b, '"');
}

static struct str quoted(struct arena *a, struct str s)
{
	struct buf b = BUF_INIT;
	struct str text;

	add_quoted(&b, s);
	text = str_dup(a, buf_str(&b));
	buf_fini(&b);
	return text;
}

static struct str value_text(struct arena *a, const struct json *value)
{
	struct buf b = BUF_INIT;
	struct str text;

	if (!value || value->type == JSON_STRING)
		return quoted(a, json_string(value));
	json_write(&b, value);
	text = str_dup(a, buf_str(&b));
	buf_fini(&b);
	return text;
}

void api_causes_required(struct api_causes *c, const struct api_path *p, const char *detail)
{
	add(c, API_REQUIRED, p, (struct str){0}, detail);
}

void api_causes_forbidden(struct api_causes *c, const struct api_path *p, const char *detail)
{
	add(c, API_FORBIDDEN, p, (struct str){0}, detail);
}

void api_causes_invalid(struct api_causes *c, const struct api_path *p, struct str value,
			const char *detail)
{
	add(c, API_INVALID, p, quoted(c->a, value), detail);
}

void api_causes_invalid_int(struct api_causes *c, const struct api_path *p, int64_t value,
			    const char *detail)
{
	add(c, API_INVALID, p, str_printf(c->a, "%lld", (long long)value), detail);
}

void api_causes_invalid_json(struct api_causes *c, const struct api_path *p,
			     const struct json *value, const char *detail)
{
	add(c, API_INVALID, p, value_text(c->a, value), detail);
}

void api_causes_internal(struct api_causes *c, const struct api_path *p, const char *detail)
{
	add(c, API_INTERNAL_ERROR, p, (struct str){0}, detail);
}

void api_causes_duplicate(struct api_causes *c, const struct api_path *p, const struct json *value)
{
	add(c, API_DUPLICATE, p, value_text(c->a, value), NULL);
}

void api_causes_not_supported_text(struct api_causes *c, const struct api_path *p, struct str text,
				   const char *const *values)
{
	struct buf b = BUF_INIT;

	buf_add_c(&b, "supported values: ");
	for (const char *const *v = values; *v; v++)
		buf_printf(&b, "%s\"%s\"", v == values ? "" : ", ", *v);
	add(c, API_NOT_SUPPORTED, p, text, b.ptr);
	buf_fini(&b);
}

void api_causes_not_supported_string(struct api_causes *c, const struct api_path *p,
				     struct str value, const char *const *values)
{
	api_causes_not_supported_text(c, p, quoted(c->a, value), values);
}

void api_causes_not_supported(struct api_causes *c, const struct api_path *p, struct str value,
			      const char *const *values)
{
	const struct json shown = {.type = JSON_STRING, .string = value};
	struct buf b = BUF_INIT;

	/* As JSON has it; Invalid quotes as Go does. */
	json_write(&b, &shown);
	api_causes_not_supported_text(c, p, str_dup(c->a, buf_str(&b)), values);
	buf_fini(&b);
}

void api_causes_too_long(struct api_causes *c, const struct api_path *p, size_t max_bytes)
{
	struct str detail = str_printf(c->a, "may not be more than %zu bytes", max_bytes);

	add(c, API_TOO_LONG, p, (struct str){0}, detail.ptr);
}

void api_causes_too_many(struct api_causes *c, const struct api_path *p, size_t n, size_t max)
{
	struct str detail =
		str_printf(c->a, "must have at most %zu item%s", max, max == 1 ? "" : "s");

	add(c, API_TOO_MANY, p, str_printf(c->a, "%zu", n), detail.ptr);
}

static bool is_repeated(const struct api_causes *c, size_t at)
{
	for (size_t i = 0; i < at; i++) {
		if (str_eq(c->ptr[i].field, c->ptr[at].field) &&
		    str_eq(c->ptr[i].message, c->ptr[at].message))
			return true;
	}
	return false;
}

struct str api_causes_message(const struct api_causes *c, struct str kind, struct str name)
{
	struct buf list = BUF_INIT;
	struct str text;
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++) {
		if (is_repeated(c, i))
			continue;
		buf_printf(&list, "%s%.*s: %.*s", n ? ", " : "", STR_ARG(c->ptr[i].field),
			   STR_ARG(c->ptr[i].message));
		n++;
	}
	text = str_printf(c->a,
			  n == 0   ? "%.*s %s is invalid"
			  : n == 1 ? "%.*s %s is invalid: %s"
				   : "%.*s %s is invalid: [%s]",
			  STR_ARG(kind), quoted(c->a, name).ptr, list.ptr);
	buf_fini(&list);
	return text;
}

struct json *api_causes_json(const struct api_causes *c)
{
	struct json *list = json_new(c->a, JSON_ARRAY);

	for (size_t i = 0; i < c->n; i++) {
		struct json *one = json_append(list, json_new(c->a, JSON_OBJECT));

		json_set(one, "reason",
			 json_new_string(c->a, str_of(api_causes_reason(c->ptr[i].reason))));
		json_set(one, "message", json_new_string(c->a, c->ptr[i].message));
		json_set(one, "field", json_new_string(c->a, c->ptr[i].field));
	}
	return list;
}
