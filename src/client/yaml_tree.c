/* SPDX-License-Identifier: Apache-2.0 */
#include "client/yaml_tree.h"

#include <yaml.h>

struct yaml_reader {
	yaml_parser_t parser;
	struct arena *arena;
	struct json *root;
	struct json *stack[CLIENT_YAML_DEPTH_MAX]; /* open mappings and sequences */
	size_t depth;
	struct str key; /* of the next value in a mapping; absent: a key is next */
	bool is_done;
};

static int yaml_fail(const struct yaml_reader *y, const yaml_event_t *e, const char *why,
		     struct err *err)
{
	return err_set(err, ERR_INVALID, "line %zu: %s", e->start_mark.line + 1, why);
}

/* Hangs a value where it belongs; a scalar in a mapping may be a key. */
static int yaml_put(struct yaml_reader *y, const yaml_event_t *e, struct json *n, struct err *err)
{
	struct json *parent = y->depth ? y->stack[y->depth - 1] : NULL;

	if (!parent) {
		y->root = n;
	} else if (parent->type == JSON_ARRAY) {
		json_append(parent, n);
	} else if (!str_is_set(y->key)) {
		if (n->type != JSON_STRING)
			return yaml_fail(y, e, "a key that is not a string", err);
		y->key = n->string;
	} else {
		json_set_str(parent, y->key, n);
		y->key = (struct str){0};
	}
	return 0;
}

static int yaml_open(struct yaml_reader *y, const yaml_event_t *e, enum json_type type,
		     struct err *err)
{
	struct json *n = json_new(y->arena, type);
	int r;

	if (y->depth == CLIENT_YAML_DEPTH_MAX)
		return yaml_fail(y, e, "nested too deep", err);
	r = yaml_put(y, e, n, err);
	if (r < 0)
		return r;
	y->stack[y->depth++] = n;
	return 0;
}

static int yaml_scalar(struct yaml_reader *y, const yaml_event_t *e, struct err *err)
{
	struct str s =
		str_dup(y->arena, str_n((const char *)e->data.scalar.value, e->data.scalar.length));
	bool is_null = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
		       (!s.len || str_eq_c(s, "null") || str_eq_c(s, "~"));

	return yaml_put(
		y, e, is_null ? json_new(y->arena, JSON_NULL) : json_new_string(y->arena, s), err);
}

static int yaml_event(struct yaml_reader *y, const yaml_event_t *e, struct err *err)
{
	switch (e->type) {
	case YAML_DOCUMENT_START_EVENT:
		return y->root ? yaml_fail(y, e, "a second document", err) : 0;
	case YAML_MAPPING_START_EVENT:
		return yaml_open(y, e, JSON_OBJECT, err);
	case YAML_SEQUENCE_START_EVENT:
		return yaml_open(y, e, JSON_ARRAY, err);
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		y->depth--;
		return 0;
	case YAML_SCALAR_EVENT:
		return yaml_scalar(y, e, err);
	case YAML_ALIAS_EVENT:
		return yaml_fail(y, e, "an alias (*name) is not supported here", err);
	case YAML_STREAM_END_EVENT:
		y->is_done = true;
		return 0;
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_DOCUMENT_END_EVENT:
		return 0;
	}
	return 0;
}

int client_yaml_parse(struct arena *a, struct str text, struct json **ret, struct err *err)
{
	struct yaml_reader y = {.arena = a};
	int r = 0;

	if (text.len > CLIENT_YAML_MAX)
		return err_set(err, ERR_TOO_LARGE, "more than %d bytes", CLIENT_YAML_MAX);
	if (!yaml_parser_initialize(&y.parser))
		return err_set(err, ERR_LIMIT, "no memory for the YAML parser");
	yaml_parser_set_input_string(&y.parser, (const unsigned char *)text.ptr, text.len);
	while (r == 0 && !y.is_done) {
		yaml_event_t e;

		if (!yaml_parser_parse(&y.parser, &e)) {
			r = err_set(err, ERR_INVALID, "line %zu: %s",
				    y.parser.problem_mark.line + 1,
				    y.parser.problem ? y.parser.problem : "not YAML");
			break;
		}
		r = yaml_event(&y, &e, err);
		yaml_event_delete(&e);
	}
	yaml_parser_delete(&y.parser);
	if (r == 0)
		*ret = y.root ? y.root : json_new(a, JSON_NULL);
	return r;
}
