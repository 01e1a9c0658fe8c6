/* SPDX-License-Identifier: Apache-2.0 */
#include "json/yaml_tree.h"

#include <math.h>
#include <stdlib.h>
#include <yaml.h>

struct anchor {
	struct str name;
	const struct json *node;
};

struct reader {
	yaml_parser_t parser;
	struct arena *arena;
	unsigned flags;
	struct json *root;
	struct json *stack[JSON_YAML_DEPTH_MAX]; /* open mappings and sequences */
	size_t depth;
	struct str key; /* of the next value in a mapping; absent: a key is next */
	struct anchor *anchors;
	size_t n_anchors, n_values;
	bool is_done;
};

static int fail(const struct reader *y, const yaml_event_t *e, const char *why, struct err *err)
{
	return err_set(err, ERR_INVALID, "line %zu: %s", e->start_mark.line + 1, why);
}

/* Plain scalars */

static bool is_one_of(struct str s, const char *const *words)
{
	for (; *words; words++)
		if (str_eq_c(s, *words))
			return true;
	return false;
}

static bool is_null(struct str s, bool is_config)
{
	static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};

	if (is_config)
		return !s.len || str_eq_c(s, "null") || str_eq_c(s, "~");
	return is_one_of(s, nulls);
}

static bool is_bool(struct str s, bool *ret)
{
	static const char *const yes[] = {"true", "True", "TRUE", "y",  "Y",  "yes",
					  "Yes",  "YES",  "on",   "On", "ON", NULL};
	static const char *const no[] = {"false", "False", "FALSE", "n",   "N",   "no",
					 "No",    "NO",    "off",   "Off", "OFF", NULL};

	*ret = is_one_of(s, yes);
	return *ret || is_one_of(s, no);
}

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 16;
}

/* Base prefixes as Go's ParseInt with base 0 has them; underscores between digits. */
static bool is_int(struct str s, int64_t *ret)
{
	bool is_negative = s.len && s.ptr[0] == '-';
	size_t at = is_negative || (s.len && s.ptr[0] == '+') ? 1 : 0;
	int base = 10;
	int64_t v = 0;

	if (at >= s.len || s.ptr[at] < '0' || s.ptr[at] > '9')
		return false;
	if (s.ptr[at] == '0' && s.len > at + 1) {
		char c = s.ptr[at + 1];

		base = c == 'x' || c == 'X' ? 16 : c == 'b' || c == 'B' ? 2 : 8;
		at += base != 8 || c == 'o' || c == 'O' ? 2 : 1;
	}
	if (at == s.len)
		return false;
	for (; at < s.len; at++) {
		int digit = digit_of(s.ptr[at]);

		if (s.ptr[at] == '_')
			continue;
		if (digit >= base || __builtin_mul_overflow(v, base, &v) ||
		    __builtin_sub_overflow(v, digit, &v)) /* negative numbers go further */
			return false;
	}
	if (!is_negative && v == INT64_MIN)
		return false;
	*ret = is_negative ? v : -v;
	return true;
}

static size_t skip_digits(struct str s, size_t *at)
{
	size_t n = 0;

	while (*at < s.len && s.ptr[*at] >= '0' && s.ptr[*at] <= '9')
		(*at)++, n++;
	return n;
}

/* [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)? */
static bool is_float(struct str s, double *ret)
{
	char buf[128];
	size_t at = s.len && (s.ptr[0] == '-' || s.ptr[0] == '+') ? 1 : 0, n;

	if (!s.len || s.len >= sizeof(buf))
		return false;
	n = skip_digits(s, &at);
	if (at < s.len && s.ptr[at] == '.') {
		at++;
		n += skip_digits(s, &at);
	}
	if (!n)
		return false;
	if (at < s.len && (s.ptr[at] == 'e' || s.ptr[at] == 'E')) {
		at++;
		if (at < s.len && (s.ptr[at] == '-' || s.ptr[at] == '+'))
			at++;
		if (!skip_digits(s, &at))
			return false;
	}
	if (at != s.len)
		return false;
	memcpy(buf, s.ptr, s.len);
	buf[s.len] = '\0';
	*ret = strtod(buf, NULL);
	return isfinite(*ret);
}

static struct json *number(struct arena *a, double v)
{
	struct json *n = json_new(a, JSON_NUMBER);

	n->number = v;
	n->text = str_printf(a, "%.17g", v);
	return n;
}

static struct json *plain(struct reader *y, struct str s)
{
	bool is_config = y->flags & JSON_YAML_STRINGS, b;
	int64_t i;
	double d;

	if (is_null(s, is_config))
		return json_new(y->arena, JSON_NULL);
	if (is_config)
		return json_new_string(y->arena, s);
	if (is_bool(s, &b))
		return json_new_bool(y->arena, b);
	if (is_int(s, &i))
		return json_new_int(y->arena, i);
	if (is_float(s, &d))
		return number(y->arena, d);
	return json_new_string(y->arena, s);
}

/* Events */

/* Hangs a value where it belongs; a scalar in a mapping may be a key. */
static int put(struct reader *y, const yaml_event_t *e, struct json *n, struct str text,
	       struct err *err)
{
	struct json *parent = y->depth ? y->stack[y->depth - 1] : NULL;

	if (++y->n_values > JSON_YAML_VALUES_MAX)
		return fail(y, e, "more values than can be served", err);
	if (!parent) {
		y->root = n;
	} else if (parent->type == JSON_ARRAY) {
		json_append(parent, n);
	} else if (!str_is_set(y->key)) {
		if (!str_is_set(text))
			return fail(y, e, "a key that is not a string", err);
		if (str_eq_c(text, "<<") && !(y->flags & JSON_YAML_STRINGS))
			return fail(y, e, "merge keys (<<) are not supported here", err);
		y->key = text;
	} else {
		if (y->flags & JSON_YAML_STRINGS) {
			json_set_str(parent, y->key, n);
		} else {
			n->key = y->key;
			json_append(parent, n);
		}
		y->key = (struct str){0};
	}
	return 0;
}

static int add_anchor(struct reader *y, const yaml_event_t *e, const unsigned char *name,
		      const struct json *n, struct err *err)
{
	if (!name || (y->flags & JSON_YAML_STRINGS))
		return 0;
	if (y->n_anchors == JSON_YAML_ANCHORS_MAX)
		return fail(y, e, "more anchors (&name) than can be served", err);
	if (!y->anchors)
		y->anchors = arena_array(y->arena, JSON_YAML_ANCHORS_MAX, sizeof(*y->anchors));
	y->anchors[y->n_anchors++] = (struct anchor){
		str_dup(y->arena, str_of((const char *)name)),
		n,
	};
	return 0;
}

static int open_value(struct reader *y, const yaml_event_t *e, enum json_type type,
		      const unsigned char *anchor, struct err *err)
{
	struct json *n = json_new(y->arena, type);
	int r;

	if (y->depth == JSON_YAML_DEPTH_MAX)
		return fail(y, e, "nested too deep", err);
	r = put(y, e, n, (struct str){0}, err);
	if (r == 0)
		r = add_anchor(y, e, anchor, n, err);
	if (r < 0)
		return r;
	y->stack[y->depth++] = n;
	return 0;
}

static int scalar(struct reader *y, const yaml_event_t *e, struct err *err)
{
	struct str s =
		str_dup(y->arena, str_n((const char *)e->data.scalar.value, e->data.scalar.length));
	bool is_plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	const char *tag = (const char *)e->data.scalar.tag;
	struct json *n;
	int r;

	if (tag && str_eq_c(str_of(tag), YAML_STR_TAG))
		is_plain = false;
	n = is_plain ? plain(y, s) : json_new_string(y->arena, s);
	/* A key is the text of what it means. */
	if (n->type == JSON_BOOL)
		s = n->boolean ? STR("true") : STR("false");
	else if (n->type == JSON_INT)
		s = str_printf(y->arena, "%lld", (long long)n->integer);
	r = put(y, e, n, s, err);
	return r < 0 ? r : add_anchor(y, e, e->data.scalar.anchor, n, err);
}

static size_t count_values(const struct json *n)
{
	size_t sum = 1;

	if (n->type == JSON_ARRAY || n->type == JSON_OBJECT)
		json_foreach(m, n)
			sum += count_values(m);
	return sum;
}

static int alias(struct reader *y, const yaml_event_t *e, struct err *err)
{
	struct str name = str_of((const char *)e->data.alias.anchor);
	const struct json *n = NULL;

	if (y->flags & JSON_YAML_STRINGS)
		return fail(y, e, "an alias (*name) is not supported here", err);
	for (size_t i = y->n_anchors; i > 0 && !n; i--)
		if (str_eq(y->anchors[i - 1].name, name))
			n = y->anchors[i - 1].node;
	if (!n)
		return fail(y, e, "an alias (*name) to no anchor", err);
	for (size_t i = 0; i < y->depth; i++)
		if (y->stack[i] == n)
			return fail(y, e, "an alias (*name) inside of what it names", err);
	if (y->n_values + count_values(n) > JSON_YAML_VALUES_MAX)
		return fail(y, e, "aliases make more values than can be served", err);
	y->n_values += count_values(n);
	return put(y, e, json_clone(y->arena, n), json_string(n), err);
}

static int event(struct reader *y, const yaml_event_t *e, struct err *err)
{
	switch (e->type) {
	case YAML_DOCUMENT_START_EVENT:
		return y->root ? fail(y, e, "a second document", err) : 0;
	case YAML_MAPPING_START_EVENT:
		return open_value(y, e, JSON_OBJECT, e->data.mapping_start.anchor, err);
	case YAML_SEQUENCE_START_EVENT:
		return open_value(y, e, JSON_ARRAY, e->data.sequence_start.anchor, err);
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		y->depth--;
		return 0;
	case YAML_SCALAR_EVENT:
		return scalar(y, e, err);
	case YAML_ALIAS_EVENT:
		return alias(y, e, err);
	case YAML_DOCUMENT_END_EVENT:
		/* What follows is not looked at, but in a configuration must not be. */
		y->is_done = !(y->flags & JSON_YAML_STRINGS);
		return 0;
	case YAML_STREAM_END_EVENT:
		y->is_done = true;
		return 0;
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
		return 0;
	}
	return 0;
}

int json_yaml_parse(struct arena *a, struct str text, unsigned flags, struct json **ret,
		    struct err *err)
{
	struct reader y = {.arena = a, .flags = flags};
	int r = 0;

	if (text.len > JSON_YAML_MAX)
		return err_set(err, ERR_TOO_LARGE, "more than %d bytes", JSON_YAML_MAX);
	if (!yaml_parser_initialize(&y.parser))
		return err_set(err, ERR_LIMIT, "no memory for the YAML parser");
	yaml_parser_set_input_string(&y.parser, (const unsigned char *)(text.len ? text.ptr : ""),
				     text.len);
	while (r == 0 && !y.is_done) {
		yaml_event_t e;

		if (!yaml_parser_parse(&y.parser, &e)) {
			r = err_set(err, ERR_INVALID, "line %zu: %s",
				    y.parser.problem_mark.line + 1,
				    y.parser.problem ? y.parser.problem : "not YAML");
			break;
		}
		r = event(&y, &e, err);
		yaml_event_delete(&e);
	}
	yaml_parser_delete(&y.parser);
	if (r == 0)
		*ret = y.root ? y.root : json_new(a, JSON_NULL);
	return r;
}
