/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Decoding as Kubernetes does it, on the tree: wrong types are refused, unknown and duplicate
 * fields are collected and dropped, and what is left is brought to the one form that is stored.
 *
 * The form that is stored has no nulls but for lists, maps and times that are written always, no
 * empty values of fields that are omitted when empty, every field that is always written (a Pod has
 * a status, if only {}), times in UTC, quantities in their canonical form. So two trees of the same
 * object are equal by json_eq exactly when the objects are.
 *
 * Wording: service-api.md section 18.3. The server calls api_strict on every body it gets and on
 * every result of a patch; then defaults (api/defaults/defaults.h), then validation
 * (api/rules/validate.h).
 */

#include "api/types.h"
#include "json/json.h"

struct api_kind;
struct api_type;

enum {
	API_STRICT_ISSUES_MAX = 100, /* more are not collected */
	API_STRICT_PATH_MAX = 1024, /* bytes of the path that an issue tells; a longer one is cut */
};

/*
 * Edits `obj` in place. *ret_issues: `unknown field "spec.foo"`, `duplicate field "spec.type"`, in
 * the order of the text; what to do with them is fieldValidation's matter (Warn: one Warning header
 * each; Strict: api_strict_refuse). ERR_BAD_REQUEST: `Service in version "v1" cannot be handled as
 * a Service: json: cannot unmarshal string into Go struct field …`; obj is then half edited.
 */
int api_strict(struct arena *a, const struct api_kind *kind, struct json *obj,
	       struct api_strs *ret_issues, struct err *err) _nodiscard_;
/* An empty list that is written always (endpoints and ports of an EndpointSlice, rules of a Role)
 * is stored as null. Who has sent it so owns the field all the same: to be called once the owners
 * are recorded. */
void api_strict_empty_lists(const struct api_kind *kind, struct json *obj);
/* Members that occur twice anywhere in a tree of no known type, each as `duplicate field
 * "spec.ports[0].port"`; of them only the last one stays. */
void api_strict_repeated(struct arena *a, struct json *tree, struct api_strs *ret_issues);
/* The same of what was YAML, each as `key "port" already set in map`. */
void api_strict_repeated_keys(struct arena *a, struct json *tree, struct api_strs *ret_issues);
/* The same of a JSON patch, each after `json patch `, and the members that its operations do not
 * have. */
void api_strict_json_patch(struct arena *a, struct json *patch, struct api_strs *ret_issues);
/* As api_strict, for an object that is no kind (DeleteOptions, Eviction, …); messages lack the
 * prefix. */
int api_strict_type(struct arena *a, const struct api_type *type, struct json *obj,
		    struct api_strs *ret_issues, struct err *err) _nodiscard_;

/* ERR_BAD_REQUEST with `Service in version "v1" cannot be handled as a Service: strict decoding
 * error: unknown field …` when there are issues, else 0. */
int api_strict_refuse(const struct api_kind *kind, const struct api_strs *issues,
		      struct err *err) _nodiscard_;
