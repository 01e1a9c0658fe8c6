/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What field_walk.c (comparing) and field_merge.c and field_check.c share. */

#include "api/managed/field_walk.h"

enum field_form {
	FIELD_LEAF,   /* one field, whatever is in it */
	FIELD_OBJECT, /* an object or a map: members */
	FIELD_LIST,   /* a list whose items are told apart */
};

enum field_form api_field_form(const struct api_field_shape *s);

/* One member or item. */
struct field_child {
	struct str elem;
	const struct json *node;
	size_t at; /* place among its siblings */
};

struct field_children {
	struct field_child *ptr;
	size_t n;
};

/* In the order of the tree; items without any of their keys are left out. `node` may be NULL or of
 * another type: there are none then. */
struct field_children api_field_children(struct arena *a, const struct api_field_shape *s,
					 const struct json *node);
void api_field_children_sort(struct field_children *c);
/* The path element of a list's item. False: it has none of its keys, or cannot be in a set. */
bool api_field_item_elem(struct arena *a, const struct api_field *f, const struct json *item,
			 struct str *ret);
/* Nothing, null, or a container with nothing in it. */
bool api_field_is_blank(const struct json *n);
