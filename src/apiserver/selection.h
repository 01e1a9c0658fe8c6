/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Which objects a list, a watch or a deletecollection is about: namespace, name, label and field
 * selector. Most are asked without decoding the object: namespace and name are in its key, and a
 * label that must be equal must also occur in its text.
 */

#include "api/selector.h"
#include "apiserver/request.h"

struct selection {
	struct str ns, name; /* absent: any */
	struct api_label_selector labels;
	struct api_field_selector fields;
	bool wants_tree;           /* labels or fields that only the decoded object tells */
	const struct str *needles; /* texts that a matching object contains */
	size_t n_needles;
	const struct resource *res; /* the fields are those of its shape */
};

/* From the request; lives in its arena. Negative with req->st set. */
int selection_parse(struct request *req, struct selection *ret) _nodiscard_;
bool selection_has_selectors(const struct selection *sel);

/* An object that is asked about by many: decoded at most once, into the arena. */
struct selection_subject {
	const struct object *object; /* NULL: matches nothing */
	struct arena *arena;
	struct json *tree;
};
bool selection_match(const struct selection *sel, struct selection_subject *subject);
