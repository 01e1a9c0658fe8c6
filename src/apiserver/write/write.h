/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* POST, PUT and PATCH: the pipeline of service-api.md section 1 in its order. */

#include "apiserver/write/op.h"

/* Any write. Negative with req->st set, exchange untouched; else the request will be answered. */
int write_start(struct request *req) _nodiscard_;

/* Steps of an op. */
int write_create(struct op *op) _nodiscard_;
int write_update(struct op *op) _nodiscard_;
/* Writes `obj` (made from `old`, in place of `o`), from preparation to the store; for steps that
 * change an object in their own way. */
int write_replace(struct op *op, struct object *o, const struct json *old,
		  struct json *obj) _nodiscard_;
/* The stored object as updates see it: with its revision and read-time defaults. */
int write_decode(struct op *op, const struct object *o, struct json **ret) _nodiscard_;
