/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/selection.h"

/* Whether the selection's namespace and name say all that the term asks for. Terms that contradict
 * the path, or each other, are left to the tree. */
static bool is_in_key(const struct selection *sel, const struct api_field_term *term)
{
	if (term->is_not)
		return false;
	if (str_eq_c(term->label, "metadata.name"))
		return str_eq(term->value, sel->name);
	return str_eq_c(term->label, "metadata.namespace") && str_eq(term->value, sel->ns);
}

/* "key":"value" of labels that must be equal to one value. Label syntax has nothing that JSON would
 * escape, and selectors with other characters match no stored label anyway. */
static void find_needles(struct arena *a, struct selection *sel)
{
	struct str *needles = arena_array(a, sel->labels.n, sizeof(struct str));

	for (size_t i = 0; i < sel->labels.n; i++) {
		const struct api_requirement *term = &sel->labels.terms[i];

		if (term->op != API_SELECT_IN || term->values.n != 1)
			continue;
		needles[sel->n_needles++] = str_printf(a, "\"%.*s\":\"%.*s\"", STR_ARG(term->key),
						       STR_ARG(term->values.ptr[0]));
	}
	sel->needles = needles;
}

int selection_parse(struct request *req, struct selection *ret)
{
	struct selection sel = {.ns = req->ns, .name = req->name, .res = req->res};
	struct str name, ns;
	struct err err;
	int r = api_label_selector_parse(req->arena, req->label_selector, &sel.labels, &err);

	if (r == 0)
		r = api_field_selector_parse(req->arena, req->res->kind, req->field_selector,
					     &sel.fields, &err);
	if (r < 0)
		return status_from_err(&req->st, ERR_BAD_REQUEST, &err);
	name = api_field_selector_value(&sel.fields, "metadata.name");
	ns = api_field_selector_value(&sel.fields, "metadata.namespace");
	if (str_is_set(name) && !str_is_set(sel.name))
		sel.name = name;
	if (str_is_set(ns) && !str_is_set(sel.ns))
		sel.ns = ns;
	sel.wants_tree = sel.labels.n > 0;
	for (size_t i = 0; i < sel.fields.n; i++)
		if (!is_in_key(&sel, &sel.fields.terms[i]))
			sel.wants_tree = true;
	find_needles(req->arena, &sel);
	*ret = sel;
	return 0;
}

bool selection_has_selectors(const struct selection *sel)
{
	return sel->labels.n || sel->fields.n;
}

bool selection_match(const struct selection *sel, struct selection_subject *subject)
{
	const struct object *o = subject->object;

	if (!o || (str_is_set(sel->ns) && !str_eq(sel->ns, object_ns(o))) ||
	    (str_is_set(sel->name) && !str_eq(sel->name, object_name(o))))
		return false;
	if (!sel->wants_tree)
		return true;
	for (size_t i = 0; i < sel->n_needles; i++)
		if (!memmem(o->value->data, o->value->len, sel->needles[i].ptr,
			    sel->needles[i].len))
			return false;
	if (!subject->tree &&
	    object_decode_as(subject->arena, sel->res, o, o->rev, &subject->tree, NULL) < 0)
		return false;
	return api_label_selector_match_json(&sel->labels,
					     json_path(subject->tree, "metadata.labels")) &&
	       api_field_selector_match(&sel->fields, subject->tree);
}
