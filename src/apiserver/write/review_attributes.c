/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/write/review_attributes.h"

#include "api/selector.h"

/* The kind is missing in Kubernetes' own text. */
static int refuse(struct op *op, const char *reason, const char *field, struct str message)
{
	struct status *st = &op->req->st;

	status_add_cause(st, reason, str_of(field), message);
	st->group = STR("authorization.k8s.io");
	return status_set(st, ERR_INVALID, ".authorization.k8s.io \"\" is invalid: %s: %.*s", field,
			  STR_ARG(message));
}

int review_attributes_invalid(struct op *op, const char *field, const char *value, const char *why)
{
	return refuse(op, "FieldValueInvalid", field,
		      str_printf(op->req->arena, "Invalid value: %s: %s", value, why));
}

/* ---- selectors ------------------------------------------------------------------------------ */

/* Of spec.resourceAttributes; their requirements differ in nothing that is checked but the key. */
struct selector {
	struct op *op;
	const char *name; /* "fieldSelector" */
	bool is_labels;
	const struct json *requirements;
	struct str raw;
};

static const char *field_of(const struct selector *s, const char *rest)
{
	return str_printf(s->op->req->arena, "spec.resourceAttributes.%s%s", s->name, rest).ptr;
}

static int check_requirement(const struct selector *s, size_t i, const struct json *n)
{
	struct arena *a = s->op->req->arena;
	struct str op = json_get_string(n, "operator");
	const struct json *values = json_get(n, "values");
	bool has_values = json_is(values, JSON_ARRAY) && values->count;
	const char *at = str_printf(a, "%s[%zu]", field_of(s, ".requirements"), i).ptr;

	if (!s->is_labels && !json_get_string(n, "key").len)
		return refuse(s->op, "FieldValueRequired", str_printf(a, "%s.key", at).ptr,
			      STR("Required value: must be specified"));
	at = str_printf(a, "%s.values", at).ptr;
	if (!has_values && (str_eq_c(op, "In") || str_eq_c(op, "NotIn")))
		return refuse(s->op, "FieldValueRequired", at,
			      STR("Required value: must be specified when `operator` is 'In' or "
				  "'NotIn'"));
	if (has_values && (str_eq_c(op, "Exists") || str_eq_c(op, "DoesNotExist")))
		return refuse(s->op, "FieldValueForbidden", at,
			      STR("Forbidden: may not be specified when `operator` is 'Exists' or "
				  "'DoesNotExist'"));
	return 0;
}

static int check_selector(const struct selector *s)
{
	bool has_list = json_is(s->requirements, JSON_ARRAY) && s->requirements->count;
	struct buf raw = BUF_INIT;
	size_t i = 0;
	int r = 0;

	if (s->raw.len && has_list) {
		json_write_string(&raw, s->raw);
		r = review_attributes_invalid(s->op, field_of(s, ".rawSelector"),
					      arena_strdup(s->op->req->arena, raw.ptr),
					      "may not specified at the same time as requirements");
		buf_fini(&raw);
		return r;
	}
	if (!s->raw.len && !has_list)
		return refuse(s->op, "FieldValueRequired", field_of(s, ".requirements"),
			      str_printf(s->op->req->arena,
					 "Required value: when %s is specified, requirements or "
					 "rawSelector is required",
					 field_of(s, "")));
	if (has_list)
		json_foreach(n, s->requirements)
			if (r == 0)
				r = check_requirement(s, i++, n);
	return r;
}

static bool is_plain(struct str s)
{
	return s.len && str_find(s, ',') < 0 && str_find(s, '=') < 0 && str_find(s, '!') < 0 &&
	       str_find(s, '\\') < 0;
}

/* As a selector in text; only what must be one value counts. False: such an operator, or so many
 * values, no selector of that kind has. */
static bool join_requirements(const struct selector *s, struct str *ret)
{
	struct arena *a = s->op->req->arena;

	*ret = STR("");
	json_foreach(n, s->requirements) {
		struct str op = json_get_string(n, "operator"), key = json_get_string(n, "key");
		const struct json *values = json_get(n, "values");
		struct str value = json_string(json_at(values, 0));
		bool is_in = str_eq_c(op, "In"), is_set = is_in || str_eq_c(op, "NotIn");

		if (!is_set &&
		    !(s->is_labels && (str_eq_c(op, "Exists") || str_eq_c(op, "DoesNotExist"))))
			return false;
		if (!s->is_labels && values->count > 1)
			return false;
		if (is_in && is_plain(key) && is_plain(value))
			*ret = str_printf(a, "%.*s%s%.*s=%.*s", STR_ARG(*ret), ret->len ? "," : "",
					  STR_ARG(key), STR_ARG(value));
	}
	return true;
}

static bool parse_raw(const struct selector *s)
{
	struct api_label_selector labels;
	struct str rest = s->raw, term;

	if (s->is_labels)
		return api_label_selector_parse(&s->op->arena, s->raw, &labels, NULL) == 0;
	while (str_next(&rest, ',', &term))
		if (str_find(term, '=') < 0)
			return false;
	return true;
}

/* Checks one and adds to *ignored; *ret is its text when it parses. */
static int read_selector(struct op *op, const struct json *res, const char *name,
			 struct str *ignored, struct str *ret)
{
	const struct json *n = json_get(res, name);
	const struct selector s = {.op = op,
				   .name = name,
				   .is_labels = strcmp(name, "labelSelector") == 0,
				   .requirements = json_get(n, "requirements"),
				   .raw = json_get_string(n, "rawSelector")};
	struct str text = s.raw;
	int r;

	*ret = (struct str){0};
	if (json_is_null(n))
		return 0;
	r = check_selector(&s);
	if (r < 0)
		return r;
	if (s.raw.len ? parse_raw(&s) : join_requirements(&s, &text))
		*ret = text;
	else
		*ignored =
			str_printf(op->req->arena, "%.*s%s%s ignored due to parse error",
				   STR_ARG(*ignored), ignored->len ? ", " : "", field_of(&s, ""));
	return 0;
}

/* ---- the whole ------------------------------------------------------------------------------ */

int review_attributes(struct op *op, const struct json *spec, struct access_attrs *ret,
		      struct str *ret_ignored)
{
	const struct json *res = json_get(spec, "resourceAttributes");
	const struct json *path = json_get(spec, "nonResourceAttributes");
	struct str labels;
	int r;

	*ret_ignored = STR("");

	if (json_is_null(res) && json_is_null(path))
		return review_attributes_invalid(
			op, "spec.resourceAttributes", "null",
			"exactly one of nonResourceAttributes or resourceAttributes must be "
			"specified");
	if (!json_is_null(res) && !json_is_null(path))
		return review_attributes_invalid(
			op, "spec.nonResourceAttributes",
			str_printf(op->req->arena, "{\"Path\":\"%.*s\",\"Verb\":\"%.*s\"}",
				   STR_ARG(json_get_string(path, "path")),
				   STR_ARG(json_get_string(path, "verb")))
				.ptr,
			"cannot be specified in combination with resourceAttributes");
	*ret = (struct access_attrs){.is_resource = !json_is_null(res)};
	if (!ret->is_resource) {
		ret->verb = json_get_string(path, "verb");
		ret->path = json_get_string(path, "path");
		return 0;
	}
	ret->verb = json_get_string(res, "verb");
	ret->group = json_get_string(res, "group");
	ret->version = json_get_string(res, "version");
	ret->resource = json_get_string(res, "resource");
	ret->sub = json_get_string(res, "subresource");
	ret->ns = json_get_string(res, "namespace");
	ret->name = json_get_string(res, "name");
	r = read_selector(op, res, "fieldSelector", ret_ignored, &ret->fields);
	return r < 0 ? r : read_selector(op, res, "labelSelector", ret_ignored, &labels);
}
