/* SPDX-License-Identifier: Apache-2.0 */
#include "api/kind.h"
#include "api/selector.h"

/* Length of the first term of `s`: up to a ',' that no '\' precedes. */
static size_t term_len(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] == '\\')
			i++;
		else if (s.ptr[i] == ',')
			return i;
	}
	return s.len;
}

static int unescape(struct arena *a, struct str s, struct str term, struct str *ret,
		    struct err *err)
{
	char *out;
	size_t n = 0;

	if (str_find(s, '\\') < 0 && str_find(s, '=') < 0) {
		*ret = s;
		return 0;
	}
	out = arena_alloc(a, s.len);
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] == '=')
			return err_set(err, ERR_BAD_REQUEST,
				       "invalid field selector: unescaped '=' in '%.*s'",
				       STR_ARG(str_sub(term, 0, 300)));
		if (s.ptr[i] == '\\') {
			i++;
			if (i == s.len || (s.ptr[i] != '\\' && s.ptr[i] != ',' && s.ptr[i] != '='))
				return err_set(err, ERR_BAD_REQUEST,
					       "invalid field selector: invalid escape sequence in "
					       "'%.*s'",
					       STR_ARG(str_sub(term, 0, 300)));
		}
		out[n++] = s.ptr[i];
	}
	*ret = str_n(out, n);
	return 0;
}

static int parse_term(struct arena *a, struct str term, struct api_field_term *ret, struct err *err)
{
	ptrdiff_t eq = str_find(term, '=');
	size_t label_len = eq < 0 ? 0 : (size_t)eq, value_at = label_len + 1;

	if (eq > 0 && term.ptr[eq - 1] == '!') {
		ret->is_not = true;
		label_len--;
	} else if (eq >= 0 && value_at < term.len && term.ptr[value_at] == '=') {
		value_at++;
	}
	if (eq < 0)
		return err_set(err, ERR_BAD_REQUEST,
			       "invalid selector: '%.*s'; can't understand '%.*s'",
			       STR_ARG(str_sub(term, 0, 300)), STR_ARG(str_sub(term, 0, 300)));
	ret->label = str_sub(term, 0, label_len);
	return unescape(a, str_skip(term, value_at), term, &ret->value, err);
}

static int check_label(const struct api_kind *kind, struct str label, struct err *err)
{
	bool has_own = kind->field_labels && kind->field_labels[0];

	if (str_eq_c(label, "metadata.name") || str_eq_c(label, "metadata.namespace"))
		return 0;
	for (size_t i = 0; has_own && kind->field_labels[i]; i++) {
		if (str_eq_c(label, kind->field_labels[i]))
			return 0;
	}
	if (has_own)
		return err_set(err, ERR_BAD_REQUEST, "field label not supported: %.*s",
			       STR_ARG(str_sub(label, 0, 300)));
	return err_set(err, ERR_BAD_REQUEST,
		       "\"%.*s\" is not a known field selector: only \"metadata.name\", "
		       "\"metadata.namespace\"",
		       STR_ARG(str_sub(label, 0, 300)));
}

int api_field_selector_parse(struct arena *a, const struct api_kind *kind, struct str text,
			     struct api_field_selector *ret, struct err *err)
{
	struct api_field_term *terms;
	struct str rest = text;
	size_t n = 0;

	if (text.len > API_SELECTOR_SIZE_MAX)
		return err_set(err, ERR_BAD_REQUEST,
			       "a selector can have at most %d bytes, got %zu",
			       API_SELECTOR_SIZE_MAX, text.len);
	terms = arena_array(a, API_SELECTOR_TERMS_MAX, sizeof(*terms));
	while (rest.len) {
		struct str term = str_sub(rest, 0, term_len(rest));
		int r;

		rest = str_skip(rest, term.len + 1);
		if (!term.len)
			continue;
		if (n == API_SELECTOR_TERMS_MAX)
			return err_set(err, ERR_BAD_REQUEST, "a selector can have at most %d terms",
				       API_SELECTOR_TERMS_MAX);
		r = parse_term(a, term, &terms[n], err);
		if (r == 0 && !terms[n].label.len && !terms[n].value.len)
			continue; /* a bare "=" selects everything */
		if (r == 0)
			r = check_label(kind, terms[n].label, err);
		if (r < 0)
			return r;
		n++;
	}
	*ret = (struct api_field_selector){terms, n};
	return 0;
}

/* Labels that are not simply the path of a string. */
static const struct json *find_value(const struct json *obj, struct str label)
{
	const struct json *at = obj, *first;
	struct str rest = label, part;

	while (str_next(&rest, '.', &part) && at) {
		/* events.k8s.io/v1 calls it "regarding" */
		if (at == obj && str_eq_c(part, "involvedObject") && !json_get_str(obj, part))
			part = STR("regarding");
		at = json_get_str(at, part);
	}
	if (!str_eq_c(label, "source") || !json_is(at, JSON_OBJECT))
		return at;
	first = json_get(at, "component");
	return json_string(first).len ? first : json_get(obj, "reportingComponent");
}

static bool has_pod_ip(const struct json *list, struct str ip)
{
	json_foreach(it, list) {
		if (str_eq(json_get_string(it, "ip"), ip))
			return true;
	}
	return false;
}

static bool is_value(const struct json *obj, struct str label, struct str value)
{
	const struct json *n = find_value(obj, label);

	if (json_is(n, JSON_ARRAY)) /* status.podIPs */
		return has_pod_ip(n, value);
	if (json_is(n, JSON_BOOL))
		return str_eq_c(value, n->boolean ? "true" : "false");
	if (json_is_null(n) &&
	    (str_eq_c(label, "spec.unschedulable") || str_eq_c(label, "spec.hostNetwork")))
		return str_eq_c(value, "false");
	return str_eq(json_string(n), value);
}

bool api_field_selector_match(const struct api_field_selector *s, const struct json *obj)
{
	for (size_t i = 0; i < s->n; i++) {
		if (is_value(obj, s->terms[i].label, s->terms[i].value) == s->terms[i].is_not)
			return false;
	}
	return true;
}

struct str api_field_selector_value(const struct api_field_selector *s, const char *label)
{
	for (size_t i = 0; i < s->n; i++) {
		if (!s->terms[i].is_not && str_eq_c(s->terms[i].label, label))
			return str_is_set(s->terms[i].value) ? s->terms[i].value : STR("");
	}
	return (struct str){0};
}
