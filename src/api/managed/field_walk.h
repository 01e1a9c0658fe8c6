/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Objects as trees of fields: what has changed between two, what one sets, what comes of merging
 * one into the other (service-api.md section 18.9). Which values are one field and which are
 * containers of fields is the schema's matter:
 *
 *	scalar                                  one field
 *	list, unless it says otherwise; object or map that is atomic      one field
 *	list=map(keys)                          one element k:{…} an item
 *	list=set                                one element v:… a value
 *	object, map                             one element f:… a member
 *
 * An empty container that is nowhere full counts as one field. Items of a list that have the same
 * keys count as one field together. Trees are in the form that api/strict.h makes, but for the
 * configurations of server-side apply, which come as the client wrote them (api_fields_check).
 *
 * All results live in the arena; sets and merged trees borrow from what they were made of.
 */

#include "api/managed/field_set.h"

struct api_field;

/* What stands at one place, by the schema. */
struct api_field_shape {
	const struct api_field *field; /* NULL: of no field: the whole object, or not known */
	const struct api_type *type;   /* of an object */
	bool is_elem;                  /* an item or value of the field, not all of it */
	bool is_declared;              /* a field of an object, not a key of a map */
};

struct api_field_shape api_field_shape_of_type(const struct api_type *type);
/* Of what is at that element below; of no field when there cannot be anything. */
struct api_field_shape api_field_shape_at(const struct api_field_shape *s, struct str elem);

/* {"a":1,"b":"x"} with the members in order of their names: what follows "k:" in an element. */
void api_field_key_write(struct buf *b, const struct json *key);

struct api_field_diff {
	struct api_field_set changed; /* there now and not before, or with another value */
	struct api_field_set removed; /* there before and not now */
};
void api_fields_compare(struct arena *a, const struct api_type *type, const struct json *before,
			const struct json *now, struct api_field_diff *ret);

/* The fields that an applied configuration sets. */
struct api_field_set api_fields_of(struct arena *a, const struct api_type *type,
				   const struct json *obj);

/* Whether a configuration can be merged: known fields, right types, keys that name items, none
 * twice. ERR_INVALID with all that is wrong, as Kubernetes words it. */
int api_fields_check(const struct api_type *type, const struct json *obj,
		     struct err *err) _nodiscard_;

/* `obj` with all that `config` sets. Both have passed the check, or are stored objects. */
struct json *api_fields_merge(struct arena *a, const struct api_type *type, const struct json *obj,
			      const struct json *config);
/* `obj` without the members of `gone` and all that is below them. */
struct json *api_fields_remove(struct arena *a, const struct api_type *type, const struct json *obj,
			       const struct api_field_set *gone);
