/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * JSON (RFC 8259): a strict reader into a tree in an arena, a tree that can be edited, a writer.
 *
 * The reader accepts exactly RFC 8259: no comments, no trailing commas, no leading zeros, valid
 * UTF-8 only (no overlong forms, no surrogates), no lone surrogate escapes, nothing after the value
 * but white space. Depth and size are limited. Integers that fit int64 stay exact; other numbers
 * are kept as double and, for writing back, as the text that was read. Duplicate keys are kept, in
 * order; json_get finds the last one (as Go does), json_duplicate tells about them.
 *
 * A tree lives as long as its arena. Strings that need no unescaping point into the input when
 * JSON_BORROW is given (the input must then outlive the tree), otherwise they are copied.
 */

#include "base/buf.h"

enum json_type {
	JSON_NULL,
	JSON_BOOL,
	JSON_INT,    /* fits int64_t */
	JSON_NUMBER, /* any other number */
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT,
};

enum {
	JSON_DEPTH_MAX = 100,             /* nested arrays and objects */
	JSON_SIZE_MAX = 64 * 1024 * 1024, /* bytes of one text; callers set smaller limits */
};

enum json_flags {
	JSON_BORROW = 1,
};

struct json {
	enum json_type type;
	uint32_t count;    /* array, object: number of children */
	struct str key;    /* in an object: the key, unescaped */
	struct json *next; /* next sibling */
	union {
		bool boolean;
		int64_t integer;
		struct {
			double number;
			struct str text; /* as it was read; absent when it was set by code */
		};
		struct str string; /* unescaped UTF-8; may hold NUL */
		struct {
			struct json *first, *last; /* children, in order */
		};
	};
};

/* ERR_BAD_REQUEST with "line L column C: reason"; ERR_TOO_LARGE for size and depth. */
int json_parse(struct arena *a, struct str text, unsigned flags, struct json **ret,
	       struct err *err) _nodiscard_;

#define json_foreach(it, parent)                                                                   \
	for (struct json *it = (parent)->first, *it##_next_ = it ? it->next : NULL; it;            \
	     it = it##_next_, it##_next_ = it ? it->next : NULL)

/* Reading. A NULL or wrong-typed node gives NULL, the absent str, or the fallback. */
struct json *json_get(const struct json *obj, const char *key);
struct json *json_get_str(const struct json *obj, struct str key);
/* Follows object keys separated by '.': json_path(o, "spec.selector"). */
struct json *json_path(const struct json *obj, const char *path);
struct json *json_at(const struct json *arr, size_t index);
struct str json_string(const struct json *n);
struct str json_get_string(const struct json *obj, const char *key);
int64_t json_get_int(const struct json *obj, const char *key, int64_t fallback);
bool json_get_bool(const struct json *obj, const char *key, bool fallback);
bool json_is(const struct json *n, enum json_type type); /* false for NULL */
bool json_is_null(const struct json *n);                 /* NULL pointer or JSON null */

/* Whether a text that came by another way may be a string of a tree: well-formed UTF-8. */
bool json_is_utf8(struct str s);
size_t json_utf8_len(struct str s); /* of the well-formed part that s begins with */

/* The first key that occurs twice in one object of the tree: its dotted path in *ret. */
bool json_duplicate(struct arena *a, const struct json *n, struct str *ret);

/* Deep equality: order of object members does not matter, order of elements does; 1 equals 1.0. */
bool json_eq(const struct json *a, const struct json *b);

/* Making. Strings are not copied: they must live as long as the arena (str_dup when in doubt). */
struct json *json_new(struct arena *a, enum json_type type);
struct json *json_new_string(struct arena *a, struct str s);
struct json *json_new_int(struct arena *a, int64_t v);
struct json *json_new_bool(struct arena *a, bool v);
struct json *json_clone(struct arena *a, const struct json *n); /* deep; strings are copied too */

/* Editing. `n` must not be in a tree already. json_set replaces (all) members of that key in the
 * place of the first, or appends; a key given as C string must live as long as the tree. They
 * return n. */
struct json *json_set(struct json *obj, const char *key, struct json *n);
struct json *json_set_str(struct json *obj, struct str key, struct json *n);
struct json *json_set_string(struct arena *a, struct json *obj, const char *key, struct str s);
struct json *json_append(struct json *arr, struct json *n);
struct json *json_insert(struct json *arr, size_t at, struct json *n); /* at <= count */
bool json_remove(struct json *obj, const char *key);
bool json_remove_str(struct json *obj, struct str key);
/* Takes out the members whose key is absent: how many are removed in one walk, once each has been
 * marked so. */
void json_remove_unnamed(struct json *obj);
void json_unlink(struct json *parent, struct json *child);
void json_prepend(struct json *obj, const char *key, struct json *n); /* as the first member */
/* The object at `key`; made when there is none, also in place of what is something else. */
struct json *json_object_at(struct arena *a, struct json *obj, const char *key);

/* Compact text without white space; control characters, '"' and '\\' are escaped, nothing else. */
void json_write(struct buf *b, const struct json *n);
/* Two-space indented, for people. */
void json_write_pretty(struct buf *b, const struct json *n);
void json_write_string(struct buf *b, struct str s); /* with quotes */
/* The same of what may be no text: each byte that is none is written as U+FFFD. */
void json_write_text(struct buf *b, struct str s);
