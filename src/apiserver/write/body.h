/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Request bodies: from bytes to a tree in the form that is stored, defaults set (service-api.md
 * sections 1.1 steps 1 and 2, 18.2, 18.5).
 */

#include "api/patch/patch.h"
#include "apiserver/write/op.h"

/* The object of a POST or PUT. Negative with req->st set. */
int body_object(struct op *op, struct json **ret) _nodiscard_;
/* Which patch the request has, by its content type. Negative with req->st set: none that is served.
 */
int body_patch_kind(struct request *req, enum api_patch_kind *ret) _nodiscard_;
/* `old` (NULL: nothing is there) with the request's configuration applied, as an object; its owners
 * are settled. JSON or YAML. */
int body_applied(struct op *op, const struct json *old, struct json **ret) _nodiscard_;
/* `old` with the request's patch applied to it, as an object. */
int body_patched(struct op *op, const struct json *old, struct json **ret) _nodiscard_;
/* What a subresource or a DELETE is sent: an object whose members have the types of
 * `package`.`kind`, which the schema has; unknown members are let be, and so is what its `kind`
 * says. An empty body gives an empty object. */
int body_typed(struct op *op, const char *package, const char *kind, struct json **ret) _nodiscard_;
