/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The three patches of PATCH as functions on trees: JSON patch (RFC 6902), JSON merge patch
 * (RFC 7386) and Kubernetes' strategic merge patch, which takes its merge keys from the schema
 * (service-api.md section 18.5). Server-side apply is not here.
 *
 * The result is a new tree in the arena; neither `obj` nor `patch` is changed, and the result holds
 * no part of them but strings: it lives no longer than they do. It has not been checked: the caller
 * decodes it (api_strict), sets defaults and validates, as for a PUT.
 *
 * Errors: ERR_BAD_REQUEST for a patch that is malformed; ERR_INVALID for one that does not fit the
 * object (a test that fails, a path that is not there); ERR_TOO_LARGE for more than
 * API_PATCH_OPS_MAX operations or a result beyond the limits below.
 */

#include "json/json.h"

struct api_type;

enum {
	API_PATCH_OPS_MAX = 10000,
	API_PATCH_NODES_MAX = 4 * 1024 * 1024, /* values that "copy" and "add" may make in all */
};

enum api_patch_kind {
	API_PATCH_JSON,
	API_PATCH_MERGE,
	API_PATCH_STRATEGIC,
};

/* By content type without parameters: "application/json-patch+json", … False for any other. */
bool api_patch_kind_of(struct str content_type, enum api_patch_kind *ret);

int api_patch(struct arena *a, enum api_patch_kind kind, const struct api_type *type,
	      const struct json *obj, const struct json *patch, struct json **ret,
	      struct err *err) _nodiscard_;

int api_patch_json(struct arena *a, const struct json *obj, const struct json *patch,
		   struct json **ret, struct err *err) _nodiscard_;
int api_patch_merge(struct arena *a, const struct json *obj, const struct json *patch,
		    struct json **ret, struct err *err) _nodiscard_;
int api_patch_strategic(struct arena *a, const struct api_type *type, const struct json *obj,
			const struct json *patch, struct json **ret, struct err *err) _nodiscard_;
