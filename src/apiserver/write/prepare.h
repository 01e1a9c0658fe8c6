/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the server itself decides about an object before it is validated: system metadata, what of a
 * write counts (spec or status), generation (service-api.md sections 1.1 to 1.4).
 */

#include "apiserver/write/op.h"

/* Namespace of the body against the URL's, wiped fields, uid, creationTimestamp, a drawn name. */
int prepare_create(struct op *op, struct json *obj) _nodiscard_;
/* After allocation: status emptied, as the kind wants it at first. */
void prepare_create_status(struct op *op, struct json *obj);

/* The body's name, which must be there and be the URL's. */
int prepare_name(struct op *op, const struct json *obj) _nodiscard_;
/* The body's namespace, which is empty or the URL's; afterwards it is that. */
int prepare_namespace(struct op *op, struct json *obj) _nodiscard_;
/* The body's uid against the stored one ("" when nothing is stored). */
int prepare_uid(struct op *op, struct str old, struct str new) _nodiscard_;
/* Name, namespace, uid and resourceVersion of the body against what is stored. `rev` is the stored
 * one. Sets op->is_conditional. */
int prepare_identity(struct op *op, const struct json *old, struct json *obj,
		     uint64_t rev) _nodiscard_;
/* What `obj` must keep of `old`: system metadata where it is blank, status or spec. */
void prepare_update(struct op *op, const struct json *old, struct json *obj);
/* metadata.generation, one more than that of `old`. */
void prepare_new_generation(struct op *op, const struct json *old, struct json *obj);
/* The same if what a generation counts has changed; after allocation. */
void prepare_generation(struct op *op, const struct json *old, struct json *obj);

/* Nothing holds the object any more: deletionTimestamp is set, its grace is over, no finalizers. */
bool prepare_is_finished(const struct op *op, const struct json *obj);
struct str prepare_timestamp(struct op *op, int64_t wall_ns);
