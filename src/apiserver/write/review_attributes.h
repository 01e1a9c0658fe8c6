/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a review of access asks about: the spec of a SubjectAccessReview and its kin, checked as
 * Kubernetes checks it.
 */

#include "access/access.h"
#include "apiserver/write/op.h"

/* *ret_ignored: which selectors were left out because they do not parse, in the words of the
 * review's status.evaluationError; "" when none was. Negative with op->req->st set. */
int review_attributes(struct op *op, const struct json *spec, struct access_attrs *ret,
		      struct str *ret_ignored);

/* 422: `.authorization.k8s.io "" is invalid: FIELD: Invalid value: VALUE: WHY` */
int review_attributes_invalid(struct op *op, const char *field, const char *value, const char *why);
