/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Selectors of list, watch and deletecollection (service-api.md section 18.7), parsed from a query
 * parameter and asked of objects.
 *
 * Labels: a=b, a==b, a!=b, a in (x,y), a notin (x,y), a, !a, a>1, a<1, joined by ','. As in
 * Kubernetes "!=" and "notin" match an object without that label. Fields: k=v, k==v, k!=v with the
 * labels that the kind has (api_kind.field_labels, besides metadata.name and metadata.namespace);
 * '\\', '\,' and '\=' stand for themselves in a value.
 *
 * Errors are ERR_BAD_REQUEST. What is parsed lives in the arena; strings may point into the text.
 */

#include "api/types.h"
#include "json/json.h"

struct api_kind;

enum {
	API_SELECTOR_SIZE_MAX = 16 * 1024, /* bytes of one selector's text */
	API_SELECTOR_TERMS_MAX = 256,
	API_SELECTOR_VALUES_MAX = 1024, /* of one "in" or "notin" */
};

enum api_selector_op {
	API_SELECT_IN, /* also = and ==: one value */
	API_SELECT_NOT_IN,
	API_SELECT_EXISTS,
	API_SELECT_NOT_EXISTS,
	API_SELECT_GREATER, /* one value, a decimal integer */
	API_SELECT_LESS,
};

struct api_requirement {
	struct str key;
	enum api_selector_op op;
	struct api_strs values; /* sorted, each once */
};

struct api_label_selector {
	const struct api_requirement *terms; /* all must hold; none: everything matches */
	size_t n;
};

int api_label_selector_parse(struct arena *a, struct str text, struct api_label_selector *ret,
			     struct err *err) _nodiscard_;
/* From a LabelSelector object (matchLabels, matchExpressions). NULL selects nothing at all: callers
 * decide before. */
int api_label_selector_from_json(struct arena *a, const struct json *selector,
				 struct api_label_selector *ret, struct err *err) _nodiscard_;
bool api_label_selector_match(const struct api_label_selector *s, const struct api_pairs *labels);
/* The same on a tree: `labels` is the object at metadata.labels, or NULL. */
bool api_label_selector_match_json(const struct api_label_selector *s, const struct json *labels);
/* Canonical text, which parses to the same selector. */
void api_label_selector_write(struct buf *b, const struct api_label_selector *s);

struct api_field_term {
	struct str label, value;
	bool is_not;
};

struct api_field_selector {
	const struct api_field_term *terms;
	size_t n;
};

int api_field_selector_parse(struct arena *a, const struct api_kind *kind, struct str text,
			     struct api_field_selector *ret, struct err *err) _nodiscard_;
bool api_field_selector_match(const struct api_field_selector *s, const struct json *obj);
/* The value that `label` must have by an '=' term; absent when there is none. With
 * "metadata.name" a list becomes one lookup. */
struct str api_field_selector_value(const struct api_field_selector *s, const char *label);
