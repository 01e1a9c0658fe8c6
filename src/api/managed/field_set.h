/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Sets of fields of an object, as managedFields names them (service-api.md section 18.9): who has
 * set what is kept, merged and compared as such sets.
 *
 * A set is a tree. An edge is a path element in the notation of FieldsV1:
 *
 *	f:spec                            a field, or a key of a map
 *	k:{"port":80,"protocol":"TCP"}    the item of a list with these keys
 *	v:"example.com/keep"              the value in a list that is a set
 *	i:0                               an index; nothing here makes them
 *
 * with the JSON in it compact and keys sorted. A node is in the set when it is a member; being on
 * the way to one does not count. Nodes of one parent are sorted (fields, keys, values, indices), no
 * two are equal, and a node that is no member has something below it: so a set is empty exactly
 * when it has no nodes.
 *
 * Sets are immutable once made and share parts with those they were made of: all live in one arena,
 * and strings borrow from the trees. Operations are linear in the nodes of their operands.
 *
 * As text (FieldsV1) a node is a member of a JSON object; a leaf is {}, and a member that has
 * something below says so by ".":{}.
 */

#include "json/json.h"

struct api_type;

enum {
	API_FIELD_SET_DEPTH_MAX = JSON_DEPTH_MAX, /* elements of one path */
	API_FIELD_SET_NODES_MAX = 512 * 1024,     /* of one set that a client sends */
};

struct api_field_set {
	struct api_field_node *nodes;
	size_t n;
};

struct api_field_node {
	struct str elem;
	bool is_member;
	struct api_field_set below;
};

/* The order of elements; 0 exactly when they are the same text. Numbers in keys count as numbers.
 */
int api_field_elem_cmp(struct str a, struct str b) _pure_;
const struct api_field_node *api_field_set_find(const struct api_field_set *s,
						struct str elem) _pure_;

static inline bool api_field_set_is_empty(const struct api_field_set *s)
{
	return s->n == 0;
}

bool api_field_set_eq(const struct api_field_set *x, const struct api_field_set *y) _pure_;
struct api_field_set api_field_set_union(struct arena *a, const struct api_field_set *x,
					 const struct api_field_set *y);
struct api_field_set api_field_set_intersect(struct arena *a, const struct api_field_set *x,
					     const struct api_field_set *y);
/* Members of x that are no members of y. */
struct api_field_set api_field_set_subtract(struct arena *a, const struct api_field_set *x,
					    const struct api_field_set *y);
/* The same, with all that is below a member of y. */
struct api_field_set api_field_set_exclude(struct arena *a, const struct api_field_set *x,
					   const struct api_field_set *y);
/* The same set in which every declared field of `type` that has something below it is a member,
 * but for metadata itself. */
struct api_field_set api_field_set_with_fields(struct arena *a, const struct api_field_set *x,
					       const struct api_type *type);

/* From FieldsV1. Elements of an unknown kind are left out. ERR_INVALID: an element without a colon
 * or with broken JSON, too many of them, too deep. Strings borrow from the tree. */
int api_field_set_parse(struct arena *a, const struct json *fields, struct api_field_set *ret,
			struct err *err) _nodiscard_;
/* As FieldsV1: a new tree that borrows from the set. */
struct json *api_field_set_tree(struct arena *a, const struct api_field_set *s);

/* A path as people read it: .spec.ports[port=80,protocol="TCP"].targetPort */
struct api_field_path {
	const struct api_field_path *up;
	struct str elem;
};
void api_field_path_write(struct buf *b, const struct api_field_path *p); /* NULL writes nothing */
bool api_field_set_has(const struct api_field_set *s, const struct api_field_path *p);

/* Calls `each` for every member, a node before what is below it. */
void api_field_set_walk(const struct api_field_set *s,
			void (*each)(void *ctx, const struct api_field_path *p), void *ctx);
