/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The engine under api/decode/decode.h: C structs filled from JSON trees by tables. Private to this
 * room.
 *
 * A view type is a list of fields: JSON name, how to read it, where it goes (offsetof). VIEW_INLINE
 * descends into a JSON object whose members land in the same struct ("spec", "status"). What a
 * table cannot say (an address parsed, a default that depends on another field) is the type's
 * `finish`, called after its fields were read. null is the same as absent.
 */

#include "api/types.h"
#include "json/json.h"

enum view_kind {
	VIEW_STRING, /* struct str */
	VIEW_BOOL,
	VIEW_INT32,
	VIEW_INT64,
	VIEW_PORT,       /* uint16_t; a number out of range reads as 0, which is no port */
	VIEW_TIME,       /* int64_t, ns since 1970 */
	VIEW_PAIRS,      /* struct api_pairs */
	VIEW_STRINGS,    /* struct api_strs; with `member`, of that member of a list of objects */
	VIEW_INT_OR_STR, /* struct api_int_or_str */
	VIEW_ENUM,       /* an enum; `names` in the order of its values from `base` on */
	VIEW_INLINE,     /* `type`, into the same struct */
	VIEW_OBJECT,     /* `type`, into the struct at `at` */
	VIEW_POINTER,    /* `type`, into a struct of its own; the pointer to it at `at` */
	VIEW_LIST, /* pointer to elements of `type` at `at`, their number (size_t) at `also` */
};

struct view_field {
	const char *name;
	enum view_kind kind;
	uint8_t base;
	uint16_t at;
	uint16_t also; /* a bool that says "was given"; VIEW_LIST: the number; 0: none */
	const struct view_type *type;
	const char *const *names;
	const char *member;
};

struct view_type {
	const struct view_field *fields;
	size_t n_fields;
	size_t size; /* of an element; only for VIEW_LIST and VIEW_POINTER */
	void (*finish)(struct arena *a, const struct json *obj, void *out);
};

/* Shorthand for the tables. */
#define VIEW(json_name, kind_, type_, member_)                                                     \
	{                                                                                          \
		.name = json_name, .kind = kind_, .at = offsetof(type_, member_)                   \
	}
#define VIEW_HAS(json_name, kind_, type_, member_, has_)                                           \
	{                                                                                          \
		.name = json_name, .kind = kind_, .at = offsetof(type_, member_),                  \
		.also = offsetof(type_, has_)                                                      \
	}
#define VIEW_ENUM_OF(json_name, type_, member_, base_, names_)                                     \
	{                                                                                          \
		.name = json_name, .kind = VIEW_ENUM, .at = offsetof(type_, member_),              \
		.base = base_, .names = names_                                                     \
	}
#define VIEW_STRINGS_OF(json_name, type_, member_, of_)                                            \
	{                                                                                          \
		.name = json_name, .kind = VIEW_STRINGS, .at = offsetof(type_, member_),           \
		.member = of_                                                                      \
	}
#define VIEW_INTO(json_name, view_)                                                                \
	{                                                                                          \
		.name = json_name, .kind = VIEW_INLINE, .type = &(view_)                           \
	}
#define VIEW_OBJECT_OF(json_name, type_, member_, view_)                                           \
	{                                                                                          \
		.name = json_name, .kind = VIEW_OBJECT, .at = offsetof(type_, member_),            \
		.type = &(view_)                                                                   \
	}
#define VIEW_POINTER_OF(json_name, type_, member_, view_)                                          \
	{                                                                                          \
		.name = json_name, .kind = VIEW_POINTER, .at = offsetof(type_, member_),           \
		.type = &(view_)                                                                   \
	}
#define VIEW_LIST_OF(json_name, type_, member_, n_, view_)                                         \
	{                                                                                          \
		.name = json_name, .kind = VIEW_LIST, .at = offsetof(type_, member_),              \
		.also = offsetof(type_, n_), .type = &(view_)                                      \
	}
#define VIEW_FIELDS(array_) .fields = array_, .n_fields = ARRAY_LEN(array_)

extern const struct view_type api_view_meta;      /* struct api_meta, from "metadata" */
extern const struct view_type api_view_ref;       /* struct api_ref */
extern const struct view_type api_view_condition; /* struct api_condition */
extern const char *const api_view_protocols[];    /* enum api_protocol */

/* Fills *out (zeroed) from `obj`; ERR_INVALID with the path of the field that is wrong. */
int api_view_decode(struct arena *a, const struct view_type *type, const struct json *obj,
		    void *out, struct err *err) _nodiscard_;
