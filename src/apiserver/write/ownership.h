/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Who owns which field, recorded with every write, and server-side apply (service-api.md sections
 * 18.5 and 18.9; the work itself is api/managed/managed.h's).
 *
 * The manager is the request's fieldManager or what its User-Agent has in front of the first '/'.
 * Recording comes after decoding and before allocation, so what the server allots is nobody's. What
 * the server writes on its own account (a binding, a deletionTimestamp) is not recorded.
 */

#include "apiserver/write/op.h"

/* Sets obj's managedFields. `old` is NULL on create. Does nothing when the op has been applied. */
void ownership_record(struct op *op, const struct json *old, struct json *obj);

/* `old` (NULL: nothing is there) with the applied configuration; not decoded yet. Negative with
 * req->st set: conflicts, a configuration that does not fit. Sets op->is_applied. */
int ownership_apply(struct op *op, const struct json *old, const struct json *config,
		    struct json **ret) _nodiscard_;
