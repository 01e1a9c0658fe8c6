/* SPDX-License-Identifier: Apache-2.0 */
#include "api/selector.h"

#include "api/names.h"

#include <stdlib.h>

enum token {
	TOKEN_END,
	TOKEN_WORD,
	TOKEN_EQ, /* = or == */
	TOKEN_NOT_EQ,
	TOKEN_NOT,
	TOKEN_OPEN,
	TOKEN_CLOSE,
	TOKEN_COMMA,
	TOKEN_GREATER,
	TOKEN_LESS,
};

struct scan {
	struct arena *a;
	struct str rest;
	enum token token; /* the one that is looked at */
	struct str text;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

enum {
	SHOWN_MAX = 100, /* bytes of a key or value in an error */
};

static bool is_special(char c)
{
	return c == '=' || c == '!' || c == '(' || c == ')' || c == ',' || c == '>' || c == '<';
}

static void take(struct scan *s, enum token token, size_t len)
{
	s->token = token;
	s->text = str_sub(s->rest, 0, len);
	s->rest = str_skip(s->rest, len);
}

static void next(struct scan *s)
{
	static const struct {
		const char *text;
		enum token token;
	} marks[] = {
		{"==", TOKEN_EQ},   {"!=", TOKEN_NOT_EQ}, {"=", TOKEN_EQ},
		{"!", TOKEN_NOT},   {"(", TOKEN_OPEN},    {")", TOKEN_CLOSE},
		{",", TOKEN_COMMA}, {">", TOKEN_GREATER}, {"<", TOKEN_LESS},
	};
	size_t len = 0;

	while (s->rest.len && is_blank(s->rest.ptr[0]))
		s->rest = str_skip(s->rest, 1);
	if (!s->rest.len) {
		take(s, TOKEN_END, 0);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
		if (str_has_prefix(s->rest, str_of(marks[i].text))) {
			take(s, marks[i].token, str_of(marks[i].text).len);
			return;
		}
	}
	while (len < s->rest.len && !is_blank(s->rest.ptr[len]) && !is_special(s->rest.ptr[len]))
		len++;
	take(s, TOKEN_WORD, len);
}

static int expected(const struct scan *s, const char *what, struct err *err)
{
	return err_set(err, ERR_BAD_REQUEST, "found '%.*s', expected: %s",
		       STR_ARG(str_sub(s->text, 0, SHOWN_MAX)), what);
}

static int check(struct str s, const char *what,
		 void (*name_check)(struct str s, struct api_problems *ret), struct err *err)
{
	struct api_problems problems = {.n = 0};

	name_check(s, &problems);
	if (!problems.n)
		return 0;
	return err_set(err, ERR_BAD_REQUEST, "%s: Invalid value: \"%.*s\": %s", what,
		       STR_ARG(str_sub(s, 0, 300)), problems.text[0]);
}

/* How many parts a list that begins here can have, as far as we take them. */
static size_t parts_bound(struct str s, size_t max)
{
	size_t n = 1;

	for (size_t i = 0; i < s.len && n < max; i++)
		n += s.ptr[i] == ',';
	return n;
}

static int str_order(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* Sorts, drops what occurs twice, and checks that the operator can have these values. */
static int finish(struct api_requirement *req, struct str *values, size_t n, struct err *err)
{
	bool is_order = req->op == API_SELECT_GREATER || req->op == API_SELECT_LESS;
	size_t kept = 0;
	int64_t number;
	char where[SHOWN_MAX + 32];
	int r = check(req->key, "<nil>", api_name_qualified, err); /* as a stock server has it */

	if (n > 1)
		qsort(values, n, sizeof(*values), str_order);
	for (size_t i = 0; r == 0 && i < n; i++) {
		snprintf(where, sizeof(where), "values[%zu][%.*s]", i,
			 STR_ARG(str_sub(req->key, 0, SHOWN_MAX)));
		r = check(values[i], where, api_name_label_value, err);
		if (!kept || !str_eq(values[kept - 1], values[i]))
			values[kept++] = values[i];
	}
	if (r == 0 && is_order &&
	    (n != 1 || str_to_i64(values[0], INT64_MIN, INT64_MAX, &number, NULL) < 0))
		r = err_set(err, ERR_BAD_REQUEST,
			    "values[0]: Invalid value: \"%.*s\": for 'Gt', 'Lt' operators, the "
			    "value must be an integer",
			    STR_ARG(n ? str_sub(values[0], 0, SHOWN_MAX) : STR("")));
	req->values = (struct api_strs){values, kept};
	return r;
}

/* "(a,b,)" and "()" with an empty value where nothing stands between two separators. */
static int parse_list(struct scan *s, struct api_requirement *req, struct err *err)
{
	size_t bound = parts_bound(s->rest, API_SELECTOR_VALUES_MAX), n = 0;
	struct str *values = arena_array(s->a, bound, sizeof(*values));

	if (s->token != TOKEN_OPEN)
		return err_set(err, ERR_BAD_REQUEST, "found '%.*s' expected: '('",
			       STR_ARG(str_sub(s->text, 0, SHOWN_MAX)));
	next(s);
	for (;;) {
		struct str value = STR("");

		if (s->token == TOKEN_WORD) {
			value = s->text;
			next(s);
		}
		if (n == bound)
			return err_set(err, ERR_BAD_REQUEST, "more than %d values of '%.*s'",
				       API_SELECTOR_VALUES_MAX, STR_ARG(str_sub(req->key, 0, 100)));
		values[n++] = value;
		if (s->token == TOKEN_CLOSE)
			break;
		if (s->token != TOKEN_COMMA)
			return expected(s, "',' or ')'", err);
		next(s);
	}
	next(s);
	return finish(req, values, n, err);
}

static int parse_value(struct scan *s, struct api_requirement *req, struct err *err)
{
	struct str *value = arena_new(s->a, struct str);

	*value = STR("");
	if (s->token == TOKEN_WORD) {
		*value = s->text;
		next(s);
	} else if (s->token != TOKEN_COMMA && s->token != TOKEN_END) {
		return expected(s, "identifier", err);
	}
	return finish(req, value, 1, err);
}

static int parse_requirement(struct scan *s, struct api_requirement *req, struct err *err)
{
	bool is_not = s->token == TOKEN_NOT;

	if (is_not)
		next(s);
	if (s->token != TOKEN_WORD)
		return expected(s, "identifier", err);
	req->key = s->text;
	next(s);
	req->op = is_not ? API_SELECT_NOT_EXISTS : API_SELECT_EXISTS;
	if (is_not || s->token == TOKEN_COMMA || s->token == TOKEN_END)
		return finish(req, NULL, 0, err);
	if (s->token == TOKEN_WORD) {
		if (!str_eq_c(s->text, "in") && !str_eq_c(s->text, "notin"))
			return expected(s, "in, notin, =, ==, !=, gt, lt", err);
		req->op = str_eq_c(s->text, "in") ? API_SELECT_IN : API_SELECT_NOT_IN;
		next(s);
		return parse_list(s, req, err);
	}
	if (s->token == TOKEN_EQ)
		req->op = API_SELECT_IN;
	else if (s->token == TOKEN_NOT_EQ)
		req->op = API_SELECT_NOT_IN;
	else if (s->token == TOKEN_GREATER)
		req->op = API_SELECT_GREATER;
	else if (s->token == TOKEN_LESS)
		req->op = API_SELECT_LESS;
	else
		return expected(s, "in, notin, =, ==, !=, gt, lt", err);
	next(s);
	return parse_value(s, req, err);
}

static int too_many(struct err *err)
{
	return err_set(err, ERR_BAD_REQUEST, "a selector can have at most %d terms",
		       API_SELECTOR_TERMS_MAX);
}

static bool begins_term(const struct scan *s)
{
	return s->token == TOKEN_WORD || s->token == TOKEN_NOT;
}

int api_label_selector_parse(struct arena *a, struct str text, struct api_label_selector *ret,
			     struct err *err)
{
	struct scan s = {.a = a, .rest = text};
	size_t bound = parts_bound(text, API_SELECTOR_TERMS_MAX), n = 0;
	struct api_requirement *terms;

	if (text.len > API_SELECTOR_SIZE_MAX)
		return err_set(err, ERR_BAD_REQUEST,
			       "a selector can have at most %d bytes, got %zu",
			       API_SELECTOR_SIZE_MAX, text.len);
	terms = arena_array(a, bound, sizeof(*terms));
	next(&s);
	if (s.token != TOKEN_END && !begins_term(&s))
		return expected(&s, "!, identifier, or 'end of string'", err);
	while (s.token != TOKEN_END) {
		int r = n < bound ? parse_requirement(&s, &terms[n], err) : too_many(err);

		if (r < 0)
			return err_wrap(err, r, "unable to parse requirement");
		n++;
		if (s.token == TOKEN_END)
			break;
		if (s.token != TOKEN_COMMA)
			return expected(&s, "',' or 'end of string'", err);
		next(&s);
		if (!begins_term(&s))
			return expected(&s, "identifier after ','", err);
	}
	*ret = (struct api_label_selector){terms, n};
	return 0;
}

static int expression(struct arena *a, const struct json *e, struct api_requirement *req,
		      struct err *err)
{
	static const char *const operators[] = {
		[API_SELECT_IN] = "In",
		[API_SELECT_NOT_IN] = "NotIn",
		[API_SELECT_EXISTS] = "Exists",
		[API_SELECT_NOT_EXISTS] = "DoesNotExist",
	};
	const struct json *list = json_get(e, "values");
	size_t n = json_is(list, JSON_ARRAY) ? list->count : 0, i = 0, op = 0;
	struct str *values, name = json_get_string(e, "operator");

	while (op < ARRAY_LEN(operators) && !str_eq_c(name, operators[op]))
		op++;
	if (op == ARRAY_LEN(operators))
		return err_set(err, ERR_BAD_REQUEST,
			       "\"%.*s\" is not a valid label selector operator",
			       STR_ARG(str_sub(name, 0, 100)));
	if ((op <= API_SELECT_NOT_IN) != (n > 0) || n > API_SELECTOR_VALUES_MAX)
		return err_set(err, ERR_BAD_REQUEST, "values: operator %s needs %s", operators[op],
			       op <= API_SELECT_NOT_IN ? "1 to 1024 values" : "no values");
	values = arena_array(a, n, sizeof(*values));
	if (n)
		json_foreach(it, list)
			values[i++] = json_string(it);
	req->key = json_get_string(e, "key");
	req->op = (enum api_selector_op)op;
	return finish(req, values, n, err);
}

int api_label_selector_from_json(struct arena *a, const struct json *selector,
				 struct api_label_selector *ret, struct err *err)
{
	const struct json *labels = json_get(selector, "matchLabels");
	const struct json *expressions = json_get(selector, "matchExpressions");
	size_t n_labels = json_is(labels, JSON_OBJECT) ? labels->count : 0;
	size_t n_all = n_labels + (json_is(expressions, JSON_ARRAY) ? expressions->count : 0);
	struct api_requirement *terms;
	size_t n = 0;
	int r = 0;

	if (n_all > API_SELECTOR_TERMS_MAX)
		return too_many(err);
	terms = arena_array(a, n_all, sizeof(*terms));
	if (n_labels) {
		json_foreach(it, labels) {
			struct str *value = arena_new(a, struct str);

			*value = json_string(it);
			terms[n].key = it->key;
			r = r < 0 ? r : finish(&terms[n++], value, 1, err);
		}
	}
	if (n_all > n_labels)
		json_foreach(it, expressions)
			r = r < 0 ? r : expression(a, it, &terms[n++], err);
	if (r == 0)
		*ret = (struct api_label_selector){terms, n};
	return r;
}

static bool has_value(const struct api_requirement *req, struct str value)
{
	for (size_t i = 0; i < req->values.n; i++) {
		if (str_eq(req->values.ptr[i], value))
			return true;
	}
	return false;
}

/* `value` is absent when the object lacks the label. */
static bool holds(const struct api_requirement *req, bool is_there, struct str value)
{
	int64_t bound, number;

	switch (req->op) {
	case API_SELECT_IN:
		return is_there && has_value(req, value);
	case API_SELECT_NOT_IN:
		return !is_there || !has_value(req, value);
	case API_SELECT_EXISTS:
		return is_there;
	case API_SELECT_NOT_EXISTS:
		return !is_there;
	case API_SELECT_GREATER:
	case API_SELECT_LESS:
		break;
	}
	if (!is_there || str_to_i64(value, INT64_MIN, INT64_MAX, &number, NULL) < 0 ||
	    str_to_i64(req->values.ptr[0], INT64_MIN, INT64_MAX, &bound, NULL) < 0)
		return false;
	return req->op == API_SELECT_GREATER ? number > bound : number < bound;
}

static const struct api_pair *find_label(const struct api_pairs *labels, struct str key)
{
	for (size_t i = 0; i < labels->n; i++) {
		if (str_eq(labels->ptr[i].key, key))
			return &labels->ptr[i];
	}
	return NULL;
}

bool api_label_selector_match(const struct api_label_selector *s, const struct api_pairs *labels)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct api_pair *pair = find_label(labels, s->terms[i].key);

		if (!holds(&s->terms[i], pair != NULL, pair ? pair->value : (struct str){0}))
			return false;
	}
	return true;
}

bool api_label_selector_match_json(const struct api_label_selector *s, const struct json *labels)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct json *value = json_get_str(labels, s->terms[i].key);

		if (!holds(&s->terms[i], value != NULL, json_string(value)))
			return false;
	}
	return true;
}

static void write_requirement(struct buf *b, const struct api_requirement *req)
{
	static const char *const one[] = {
		[API_SELECT_IN] = "=",        [API_SELECT_NOT_IN] = "!=", [API_SELECT_EXISTS] = "",
		[API_SELECT_NOT_EXISTS] = "", [API_SELECT_GREATER] = ">", [API_SELECT_LESS] = "<",
	};

	if (req->op == API_SELECT_NOT_EXISTS)
		buf_add_byte(b, '!');
	buf_add_str(b, req->key);
	if (req->values.n <= 1) {
		buf_add_c(b, one[req->op]);
		if (req->values.n)
			buf_add_str(b, req->values.ptr[0]);
		return;
	}
	buf_add_c(b, req->op == API_SELECT_IN ? " in (" : " notin (");
	for (size_t i = 0; i < req->values.n; i++) {
		if (i)
			buf_add_byte(b, ',');
		buf_add_str(b, req->values.ptr[i]);
	}
	buf_add_byte(b, ')');
}

void api_label_selector_write(struct buf *b, const struct api_label_selector *s)
{
	for (size_t i = 0; i < s->n; i++) {
		if (i)
			buf_add_byte(b, ',');
		write_requirement(b, &s->terms[i]);
	}
}
